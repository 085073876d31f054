//! Requests cancelled a short while ago: what still comes for them is no surprise.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rustc_hash::FxHashSet;

/// Ticks trail a cancel by a round trip, and the cancel itself may wait in its queue before.
const KEPT_FOR: Duration = Duration::from_secs(120);
/// Ids remembered; above it the oldest is forgotten.
const KEPT_MAX: usize = 10_000;

/// Ids of recently cancelled requests.
#[derive(Debug, Default)]
pub(super) struct Cancelled {
    ids: FxHashSet<i32>,
    order: VecDeque<(Instant, i32)>,
}

impl Cancelled {
    /// Those of two minutes ago stay until the next is added.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn add(&mut self, now: Instant, req_id: i32) {
        self.forget(now);
        if self.ids.insert(req_id) {
            self.order.push_back((now, req_id));
        }
    }

    pub(super) fn contains(&mut self, now: Instant, req_id: i32) -> bool {
        self.forget(now);
        self.ids.contains(&req_id)
    }

    fn forget(&mut self, now: Instant) {
        while let Some(&(at, req_id)) = self.order.front()
            && (at + KEPT_FOR <= now || self.order.len() > KEPT_MAX)
        {
            self.order.pop_front();
            self.ids.remove(&req_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn ids_are_remembered_for_a_bounded_time_and_in_a_bounded_number() {
        let start = Instant::now();
        let mut cancelled = Cancelled::default();
        cancelled.add(start, 1);
        assert!(cancelled.contains(start + Duration::from_millis(119_999), 1));
        assert!(!cancelled.contains(start + KEPT_FOR, 1));
        for id in 0..20_000 {
            cancelled.add(start + KEPT_FOR, id);
        }
        assert!(cancelled.order.len() <= KEPT_MAX + 1 && cancelled.ids.len() == cancelled.order.len());
        assert!(cancelled.contains(start + KEPT_FOR, 19_999));
        assert!(!cancelled.contains(start + KEPT_FOR, 5));
    }
}
