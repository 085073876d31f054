//! Places in the future: who was refused and told when to ask again finds one then.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;

use crate::session::pacing::Client;

/// A caller may come so much later than told.
const GRACE: Duration = Duration::from_secs(10);
/// Promises of one client; what is refused above it is told a time without a promise.
const CLIENT_MAX: usize = 2_000;
/// Promises in all.
const ALL_MAX: usize = 50_000;

/// One place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Promise {
    due: Instant,
    /// What was asked: the same request finds it again.
    key: u64,
    units: u32,
    /// Units up to this one, counted since the client's first.
    through: u64,
}

/// Places promised under one budget, the earliest first.
#[derive(Debug, Default)]
pub(super) struct Promises {
    by_client: FxHashMap<Client, VecDeque<Promise>>,
    count: usize,
    next_look: Option<Instant>,
}

impl Promises {
    /// Promises, and clients that have some.
    pub(super) fn entries(&self) -> usize {
        self.by_client.len() + self.by_client.values().map(VecDeque::len).sum::<usize>()
    }

    /// Forgets what nobody came back for.
    pub(super) fn expire(&mut self, now: Instant) {
        if self.next_look.is_some_and(|at| at > now) {
            return;
        }
        self.next_look = Some(now + Duration::from_secs(1));
        for places in self.by_client.values_mut() {
            while places.front().is_some_and(|promise| promise.due + GRACE <= now) {
                places.pop_front();
                self.count = self.count.saturating_sub(1);
            }
        }
        self.by_client.retain(|_, places| !places.is_empty());
    }

    /// Takes the promise made for this request; gives when it is due.
    pub(super) fn take(&mut self, client: &Client, key: u64) -> Option<Instant> {
        let places = self.by_client.get_mut(client)?;
        let index = places.iter().position(|promise| promise.key == key)?;
        let promise = places.remove(index)?;
        for later in places.iter_mut().skip(index) {
            later.through -= u64::from(promise.units);
        }
        self.count = self.count.saturating_sub(1);
        Some(promise.due)
    }

    /// Promises a place.
    pub(super) fn make(&mut self, client: &Client, key: u64, due: Instant, units: u32) {
        let places = self.by_client.entry(client.clone()).or_default();
        if self.count >= ALL_MAX || places.len() >= CLIENT_MAX {
            return;
        }
        self.count += 1;
        let index = places.partition_point(|promise| promise.due <= due);
        let before = index.checked_sub(1).and_then(|index| places.get(index)).map(|promise| promise.through);
        let first = places.front().map_or(0, |promise| promise.through - u64::from(promise.units));
        let through = before.unwrap_or(first) + u64::from(units);
        places.insert(index, Promise { due, key, units, through });
        for later in places.iter_mut().skip(index + 1) {
            later.through += u64::from(units);
        }
    }

    /// Units promised to a client up to this moment.
    pub(super) fn units(&self, client: &Client, by: Instant) -> u32 {
        let Some(places) = self.by_client.get(client) else { return 0 };
        let index = places.partition_point(|promise| promise.due <= by);
        let Some(last) = index.checked_sub(1).and_then(|index| places.get(index)) else { return 0 };
        let first = places.front().map_or(0, |promise| promise.through - u64::from(promise.units));
        u32::try_from(last.through - first).unwrap_or(u32::MAX)
    }

    /// When the last place of a client is due.
    pub(super) fn last_due(&self, client: &Client) -> Option<Instant> {
        self.by_client.get(client)?.back().map(|promise| promise.due)
    }

    /// Clients that were promised something.
    pub(super) fn clients(&self) -> impl Iterator<Item = &Client> {
        self.by_client.keys()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
mod tests {
    use super::*;

    #[test]
    fn units_are_counted_up_to_a_moment_whatever_was_taken_before() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut promises = Promises::default();
        for (key, (due, units)) in [(10, 1), (30, 4), (20, 2), (40, 8)].into_iter().enumerate() {
            promises.make(&None, key as u64, at(due), units);
        }
        let units = |promises: &Promises| [9, 10, 20, 30, 40].map(|by| promises.units(&None, at(by)));
        assert_eq!(units(&promises), [0, 1, 3, 7, 15]);
        assert_eq!(promises.take(&None, 2), Some(at(20)));
        assert_eq!(promises.take(&None, 2), None);
        assert_eq!(units(&promises), [0, 1, 1, 5, 13]);
        promises.make(&None, 9, at(5), 16);
        assert_eq!(units(&promises), [16, 17, 17, 21, 29]);
        promises.expire(at(20));
        assert_eq!(units(&promises), [0, 0, 0, 4, 12]);
        promises.expire(at(50));
        assert_eq!((promises.clients().count(), promises.count), (0, 0));
    }
}
