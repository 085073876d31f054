//! Leases: who holds which streams of which instrument, and until when.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use compact_str::CompactString;

use crate::{
    schema::{ApiError, ErrorCode, request::market::Stream},
    session::{Listing, Now},
};

/// Leases held at once; above it a request is refused.
pub(super) const LEASES_MAX: usize = 10_000;

/// One lease.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) client: Option<CompactString>,
    pub(super) listing: Arc<Listing>,
    /// Each stream once.
    pub(super) streams: Vec<Stream>,
    pub(super) generic_ticks: Vec<u16>,
    pub(super) ttl_s: u32,
    pub(super) expires: Option<(Instant, i64)>,
}

/// All leases, by the number in their names.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Tells the names of this run from those of earlier ones.
    run: String,
    last: u64,
    held: BTreeMap<u64, Held>,
    expiries: BTreeSet<(Instant, u64)>,
}

impl Book {
    /// Takes a lease up; its expiry counts from now.
    pub(super) fn add(&mut self, now: Now, mut held: Held) -> u64 {
        if self.run.is_empty() {
            self.run = format!("L{:x}", now.us / 1_000);
        }
        self.last += 1;
        held.expires = expiry(now, held.ttl_s);
        if let Some((at, _)) = held.expires {
            self.expiries.insert((at, self.last));
        }
        self.held.insert(self.last, held);
        self.last
    }

    pub(super) fn name(&self, number: u64) -> String {
        format!("{}-{number}", self.run)
    }

    /// The lease of this name, if `client` may touch it: its own, or any if it has no name itself.
    pub(super) fn find(&self, name: &str, client: Option<&str>) -> Result<u64, ApiError> {
        let number = name.strip_prefix(self.run.as_str()).and_then(|rest| rest.strip_prefix('-')?.parse().ok());
        let known = number.and_then(|number| Some((number, self.held.get(&number)?)));
        match known {
            Some((number, held)) if client.is_none() || held.client.as_deref() == client => Ok(number),
            _ => {
                let shown: String = name.chars().take(60).collect();
                let text = format!("no lease {shown:?} of yours; it may have expired: subscribe again");
                Err(ApiError::new(ErrorCode::InvalidRequest, text))
            }
        }
    }

    pub(super) fn get(&self, number: u64) -> Option<&Held> {
        self.held.get(&number)
    }

    pub(super) fn renew(&mut self, now: Now, number: u64) {
        let Some(held) = self.held.get_mut(&number) else { return };
        if let Some((at, _)) = held.expires {
            self.expiries.remove(&(at, number));
        }
        held.expires = expiry(now, held.ttl_s);
        if let Some((at, _)) = held.expires {
            self.expiries.insert((at, number));
        }
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Held> {
        let held = self.held.remove(&number)?;
        if let Some((at, _)) = held.expires {
            self.expiries.remove(&(at, number));
        }
        Some(held)
    }

    /// A lease whose time is over.
    pub(super) fn expired(&self, now: Instant) -> Option<u64> {
        self.expiries.first().filter(|(at, _)| *at <= now).map(|(_, number)| *number)
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.expiries.first().map(|(at, _)| *at)
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Leases in the order they were taken.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Held)> {
        self.held.iter().map(|(number, held)| (*number, held))
    }
}

fn expiry(now: Now, ttl_s: u32) -> Option<(Instant, i64)> {
    let later = now.plus(Duration::from_secs(u64::from(ttl_s)));
    (ttl_s > 0).then_some((later.at, later.us))
}
