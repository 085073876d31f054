//! A sliding window over weighted admissions.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Admits at most `weight_max` in any `length` of time. Pure: the caller passes `now`.
#[derive(Debug)]
pub(crate) struct Window {
    admitted: VecDeque<(Instant, u32)>,
    used: u32,
    weight_max: u32,
    length: Duration,
}

impl Window {
    pub(crate) fn new(weight_max: u32, length: Duration) -> Self {
        Self { admitted: VecDeque::new(), used: 0, weight_max, length }
    }

    /// Weight in use at `now`.
    pub(crate) fn used(&mut self, now: Instant) -> u32 {
        while let Some(&(at, weight)) = self.admitted.front() {
            if at + self.length > now {
                break;
            }
            self.used = self.used.saturating_sub(weight);
            self.admitted.pop_front();
        }
        self.used
    }

    /// Changes how much is admitted from now on; what was admitted stays so.
    pub(crate) fn set_max(&mut self, weight_max: u32) {
        self.weight_max = weight_max;
    }

    pub(crate) fn max(&self) -> u32 {
        self.weight_max
    }

    /// Whether `weight` fits at `now`.
    ///
    /// # Errors
    ///
    /// The earliest moment at which it would fit if nothing else is admitted meanwhile. A weight
    /// above the whole window is treated as the whole window.
    pub(crate) fn check(&mut self, now: Instant, weight: u32) -> Result<(), Instant> {
        let weight = weight.min(self.weight_max);
        let mut used = self.used(now);
        if used + weight <= self.weight_max {
            return Ok(());
        }
        for &(at, freed) in &self.admitted {
            used = used.saturating_sub(freed);
            if used + weight <= self.weight_max {
                return Err(at + self.length);
            }
        }
        Err(now + self.length)
    }

    /// When the last of `units` would be taken, one after the other as soon as each fits. Of those that fit at once,
    /// `burst.0` are taken in each `burst.1`.
    pub(crate) fn sent_by(&mut self, now: Instant, units: u32, burst: (u32, Duration)) -> Instant {
        let Some(last) = units.checked_sub(1) else { return now };
        let max = self.weight_max.max(1);
        // Places come free in the order in which they were taken; each is taken again at once, and
        // comes free again a full length later.
        let rounds = last / max;
        let place = last % max;
        let used = self.used(now);
        let free = max.saturating_sub(used);
        // More may be in use than is allowed by now.
        let surplus = used.saturating_sub(max);
        let first = if place < free {
            now + burst.1 * (place / burst.0.max(1) + u32::from(rounds > 0))
        } else {
            let mut left = place - free + surplus;
            let freed = self.admitted.iter().find_map(|&(taken, weight)| {
                let is_enough = left < weight;
                left = left.saturating_sub(weight);
                is_enough.then_some(taken + self.length)
            });
            // The places after those in use are of units that are themselves still to be taken.
            freed.unwrap_or_else(|| now + burst.1 * (left / burst.0.max(1) + 1) + self.length)
        };
        first + self.length * rounds
    }

    /// Takes `weight` at `now`; ask [`Self::check`] first.
    pub(crate) fn take(&mut self, now: Instant, weight: u32) {
        self.admitted.push_back((now, weight));
        self.used += weight;
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_third_waits_for_the_first_to_leave() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut window = Window::new(2, Duration::from_secs(1));
        for ms in [0, 300] {
            assert_eq!(window.check(at(ms), 1), Ok(()));
            window.take(at(ms), 1);
        }
        assert_eq!(window.check(at(999), 1), Err(at(1_000)));
        assert_eq!(window.check(at(999), 2), Err(at(1_300)));
        assert_eq!(window.check(at(1_000), 1), Ok(()));
    }

    proptest! {
        /// Whatever is offered, no window of time ever holds more than allowed.
        #[test]
        fn the_limit_holds_in_every_window(steps in prop::collection::vec((0_u64..400, 1_u32..3), 1..200)) {
            let start = Instant::now();
            let length = Duration::from_secs(1);
            let mut window = Window::new(7, length);
            let mut now = start;
            let mut taken: Vec<(Instant, u32)> = Vec::new();
            for (wait_ms, weight) in steps {
                now += Duration::from_millis(wait_ms);
                if window.check(now, weight).is_ok() {
                    window.take(now, weight);
                    taken.push((now, weight));
                }
            }
            for &(end, _) in &taken {
                let inside: u32 = taken.iter().filter(|(at, _)| *at <= end && *at + length > end).map(|(_, w)| w).sum();
                prop_assert!(inside <= 7);
            }
        }
    }
}
