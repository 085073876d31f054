//! Leases: who holds which streams of which instrument, and until when.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use super::feed::Part;
use crate::{
    schema::{
        ApiError, ErrorCode,
        request::market::{MarketDataPolicy, Stream},
    },
    session::{Listing, Now},
};

/// One lease.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Empty until the book gives it one.
    pub(super) name: CompactString,
    pub(super) client: Option<CompactString>,
    pub(super) listing: Arc<Listing>,
    /// Each stream once.
    pub(super) streams: Vec<Stream>,
    /// What it needs of the level-1 request.
    pub(super) parts: BTreeSet<Part>,
    pub(super) depth_rows: Option<u8>,
    pub(super) smart_depth: bool,
    pub(super) policy: MarketDataPolicy,
    pub(super) ttl_s: u32,
    pub(super) expires: Option<(Instant, i64)>,
    /// It is on the bridge's disk.
    pub(super) is_kept: bool,
}

/// All leases, by the number in their names.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Tells the names of this run from those of earlier ones.
    run: String,
    last: u64,
    held: BTreeMap<u64, Held>,
    by_name: FxHashMap<CompactString, u64>,
    expiries: BTreeSet<(Instant, u64)>,
}

impl Book {
    /// Leases, by each of the ways to find them.
    pub(super) fn entries(&self) -> usize {
        self.held.len() + self.by_name.len() + self.expiries.len()
    }

    /// Takes a lease up; its expiry counts from now.
    pub(super) fn add(&mut self, now: Now, mut held: Held) -> u64 {
        if self.run.is_empty() {
            self.run = format!("L{:x}", now.us / 1_000);
        }
        self.last += 1;
        if held.name.is_empty() {
            let named = |number: u64| CompactString::from(format!("{}-{number}", self.run));
            // A kept lease of an earlier run may have the name if the clock was set back.
            while self.by_name.contains_key(&named(self.last)) {
                self.last += 1;
            }
            held.name = named(self.last);
        }
        self.by_name.insert(held.name.clone(), self.last);
        held.expires = expiry(now, held.ttl_s);
        if let Some((at, _)) = held.expires {
            self.expiries.insert((at, self.last));
        }
        self.held.insert(self.last, held);
        self.last
    }

    /// The lease of this name, if `client` may touch it: its own, or any if it has no name itself.
    pub(super) fn find(&self, name: &str, client: Option<&str>) -> Result<u64, ApiError> {
        let known = self.by_name.get(name).and_then(|number| Some((*number, self.held.get(number)?)));
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
        self.by_name.remove(&held.name);
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

    /// Entries of the tables beside the leases themselves.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> usize {
        self.by_name.len() + self.expiries.len()
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
