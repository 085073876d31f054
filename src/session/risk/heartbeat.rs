//! The dead-man switch: clients that promised to be heard of, and since when they are silent.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::schema::{ApiError, ErrorCode, request::risk::HeartbeatState};

/// Clients that may have promised heartbeats at a time.
const CLIENTS_MAX: usize = 1_000;
const TTL_MAX_S: u32 = 86_400;

#[derive(Clone, Copy, Debug)]
struct Promise {
    ttl_s: u32,
    /// When the silence is too long; `None` once it was.
    due: Option<Instant>,
}

/// Who promised heartbeats.
#[derive(Debug, Default)]
pub(crate) struct Heartbeats {
    promises: BTreeMap<String, Promise>,
}

impl Heartbeats {
    pub(super) fn restore(now: Instant, promises: &BTreeMap<String, u32>, silent: &BTreeSet<String>) -> Self {
        let promise = |(client, ttl_s): (&String, &u32)| {
            let due = (!silent.contains(client)).then(|| now + seconds(*ttl_s));
            (client.clone(), Promise { ttl_s: *ttl_s, due })
        };
        Self { promises: promises.iter().map(promise).collect() }
    }

    pub(super) fn promises(&self) -> BTreeMap<String, u32> {
        self.promises.iter().map(|(client, promise)| (client.clone(), promise.ttl_s)).collect()
    }

    /// A client was heard of. Answers whether it had been silent, and whether there is something new to keep.
    ///
    /// # Errors
    ///
    /// `invalid_request` if the time is too long, `too_large` if too many clients promised.
    pub(crate) fn beat(&mut self, now: Instant, client: &str, ttl_s: u32) -> Result<(bool, bool), ApiError> {
        if ttl_s > TTL_MAX_S {
            return Err(ApiError::invalid(format!(
                "ttl_s: {ttl_s} is more than a day; give 1 to {TTL_MAX_S}, or 0 to end"
            )));
        }
        let before = self.promises.get(client).copied();
        let was_silent = before.is_some_and(|promise| promise.due.is_none());
        if ttl_s == 0 {
            self.promises.remove(client);
        } else if before.is_some() || self.promises.len() < CLIENTS_MAX {
            self.promises.insert(client.to_owned(), Promise { ttl_s, due: Some(now + seconds(ttl_s)) });
        } else {
            let message = format!("{CLIENTS_MAX} clients have promised heartbeats already");
            return Err(ApiError::new(ErrorCode::TooLarge, message));
        }
        Ok((was_silent, before.map(|promise| promise.ttl_s).unwrap_or_default() != ttl_s))
    }

    pub(super) fn is_silent(&self, client: &str) -> bool {
        self.promises.get(client).is_some_and(|promise| promise.due.is_none())
    }

    pub(super) fn state(&self, client: &str) -> Option<HeartbeatState> {
        let promise = self.promises.get(client)?;
        Some(HeartbeatState { ttl_s: promise.ttl_s, silent: promise.due.is_none() })
    }

    /// Clients that have just been silent for too long, each told once.
    pub(crate) fn overdue(&mut self, now: Instant) -> Vec<String> {
        let mut overdue = Vec::new();
        for (client, promise) in &mut self.promises {
            if promise.due.is_some_and(|due| due <= now) {
                promise.due = None;
                overdue.push(client.clone());
            }
        }
        overdue
    }

    /// Clients whose silence was found out.
    pub(crate) fn silent(&self) -> Vec<String> {
        self.promises.iter().filter(|(_, promise)| promise.due.is_none()).map(|(client, _)| client.clone()).collect()
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.promises.values().filter_map(|promise| promise.due).min()
    }
}

fn seconds(ttl_s: u32) -> Duration {
    Duration::from_secs(u64::from(ttl_s))
}
