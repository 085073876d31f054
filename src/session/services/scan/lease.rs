//! Leases on scanners: who holds which question, and until when.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use compact_str::CompactString;

use crate::{
    schema::{ApiError, ErrorCode},
    session::{Now, Token, core::Core},
};

/// Leases held at once; above it a request is refused.
const LEASES_MAX: usize = 2_000;

/// One lease.
#[derive(Debug)]
pub(super) struct Held {
    /// Its name for clients; given by [`Book::add`] unless it comes from an earlier run.
    pub(super) name: String,
    pub(super) client: Option<CompactString>,
    /// The question.
    pub(super) id: String,
    pub(super) ttl_s: u32,
    pub(super) expires: Option<(Instant, i64)>,
    /// Who waits to be told whether the gateway takes the question.
    pub(super) caller: Option<Token>,
    /// It is in the cache.
    pub(super) is_kept: bool,
}

/// All leases, by the number in their names.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Tells the names of this run from those of earlier ones.
    run: String,
    last: u64,
    held: BTreeMap<u64, Held>,
}

impl Book {
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// There is room for one more.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        if self.held.len() < LEASES_MAX {
            return Ok(());
        }
        let text = format!("{LEASES_MAX} leases on scanners are held");
        Err(ApiError::new(ErrorCode::Busy, text).retry_after_ms(10_000))
    }

    pub(super) fn add(&mut self, now: Now, mut held: Held) -> u64 {
        if self.run.is_empty() {
            self.run = format!("S{:x}", now.us / 1_000);
        }
        self.last += 1;
        if held.name.is_empty() {
            held.name = format!("{}-{}", self.run, self.last);
        }
        self.held.insert(self.last, held);
        self.renew(now, self.last);
        self.last
    }

    pub(super) fn renew(&mut self, now: Now, number: u64) {
        if let Some(held) = self.held.get_mut(&number) {
            let later = now.plus(Duration::from_secs(u64::from(held.ttl_s)));
            held.expires = (held.ttl_s > 0).then_some((later.at, later.us));
        }
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Held> {
        self.held.remove(&number)
    }

    pub(super) fn get(&self, number: u64) -> Option<&Held> {
        self.held.get(&number)
    }

    /// The lease of this name, if `client` may touch it: its own, or any if it has no name itself.
    pub(super) fn find(&self, name: &str, client: Option<&str>) -> Result<u64, ApiError> {
        let known = self.held.iter().find(|(_, held)| held.name == name);
        match known {
            Some((number, held)) if client.is_none() || held.client.as_deref() == client => Ok(*number),
            _ => {
                let shown: String = name.chars().take(60).collect();
                let text = format!("no lease {shown:?} of yours on a scanner; it may have expired: subscribe again");
                Err(ApiError::invalid(text))
            }
        }
    }

    /// Numbers in the order the leases were taken.
    pub(super) fn numbers(&self) -> Vec<u64> {
        self.held.keys().copied().collect()
    }

    fn of<'a>(&'a self, id: &'a str) -> impl Iterator<Item = (u64, &'a Held)> {
        self.held.iter().filter(move |(_, held)| held.id == id).map(|(number, held)| (*number, held))
    }

    pub(super) fn is_held(&self, id: &str) -> bool {
        self.of(id).next().is_some()
    }

    /// Clients that hold a question; leases without a client by their names.
    pub(super) fn holders(&self, id: &str) -> Vec<String> {
        let name = |held: &Held| held.client.as_ref().map_or_else(|| held.name.clone(), ToString::to_string);
        self.of(id).map(|(_, held)| name(held)).collect()
    }

    /// Leases on a question whose callers wait for the gateway's first answer.
    pub(super) fn unanswered(&self, id: &str) -> Vec<u64> {
        self.of(id).filter(|(_, held)| held.caller.is_some()).map(|(number, _)| number).collect()
    }

    /// Leases whose callers gave up before they were told of them.
    pub(super) fn given_up(&self, core: &Core) -> Vec<u64> {
        let is_gone = |held: &&Held| held.caller.is_some_and(|token| !core.is_waiting(token));
        self.held.iter().filter(|(_, held)| is_gone(held)).map(|(number, _)| *number).collect()
    }

    /// From now on it is in the cache. Gives the lease if it was not.
    pub(super) fn mark_kept(&mut self, number: u64) -> Option<&Held> {
        let held = self.held.get_mut(&number)?;
        (!std::mem::replace(&mut held.is_kept, true)).then_some(held)
    }

    pub(super) fn take_caller(&mut self, number: u64) -> Option<Token> {
        self.held.get_mut(&number)?.caller.take()
    }

    /// A lease whose time is over.
    pub(super) fn expired(&self, now: Instant) -> Option<u64> {
        self.held.iter().find(|(_, held)| held.expires.is_some_and(|(at, _)| at <= now)).map(|(number, _)| *number)
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.held.values().filter_map(|held| held.expires).map(|(at, _)| at).min()
    }
}
