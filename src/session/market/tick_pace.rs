//! When tick-by-tick may be asked for: IB's interval, by the gateway's clock.

use std::time::Instant;

use rustc_hash::FxHashMap;

use crate::session::pacing::arrival::{Arrival, INTERVAL};

/// When the next tick-by-tick request may be made.
#[derive(Debug, Default)]
pub(super) struct TickByTickPace {
    /// Last request of each contract.
    requests: FxHashMap<i32, Arrival>,
    /// Ends of streams that the gateway may still count, oldest first.
    lingering: Vec<Arrival>,
    /// What an earlier run asked for until it ended is not known: nothing is asked for before this.
    not_before: Option<Instant>,
}

impl TickByTickPace {
    /// Requests and ends that count; those that are over stay until the next request.
    pub(super) fn entries(&self) -> usize {
        self.requests.len() + self.lingering.len()
    }

    /// An earlier run may have ended just now.
    pub(super) fn on_earlier_run(&mut self, now: Instant) {
        self.not_before = Some(now + INTERVAL);
    }

    /// The earliest moment for a request, at or after `now`. `free` is the number of slots that no
    /// stream of ours takes.
    pub(super) fn earliest(&mut self, now: Instant, con_id: i32, free: u32) -> Instant {
        self.forget(now);
        let instrument = self.requests.get(&con_id).map_or(now, |mark| mark.over_at(now));
        // With `n` lingering above the free slots, the nth to end frees one.
        let free = usize::try_from(free).unwrap_or(usize::MAX);
        let surplus = (self.lingering.len() + 1).saturating_sub(free);
        let slot = surplus.checked_sub(1).and_then(|nth| self.lingering.get(nth)).map_or(now, |mark| mark.over_at(now));
        instrument.max(slot).max(self.not_before.unwrap_or(now)).max(now)
    }

    /// A request was written, `in_dark` if IB or a farm is away.
    pub(super) fn on_request(&mut self, now: Instant, con_id: i32, in_dark: bool) {
        self.requests.insert(con_id, Arrival::written(now, in_dark));
    }

    /// The request of a contract was carried out: its first tick came.
    pub(super) fn on_answer(&mut self, now: Instant, con_id: i32) {
        if let Some(mark) = self.requests.get_mut(&con_id) {
            mark.on_answer(now);
        }
    }

    /// A farm, or the gateway's link to IB, is away: what was written just before may have come too late for it.
    pub(super) fn on_ib_away(&mut self, now: Instant) {
        self.requests.values_mut().for_each(|mark| mark.on_ib_away(now));
    }

    /// A farm, or the gateway's link to IB, is back: IB may get only now what was asked meanwhile; or later, if something
    /// `is_still_away`.
    pub(super) fn on_ib_back(&mut self, now: Instant, is_still_away: bool) {
        self.requests.values_mut().for_each(|mark| mark.on_ib_back(now, is_still_away));
        // An earlier run may have asked meanwhile, too.
        if self.not_before.is_some_and(|at| at > now) {
            self.on_earlier_run(now);
        }
    }

    /// The gateway has read all that was written until `asked_at`: it answers what was asked then. True if something is
    /// still on its way.
    pub(super) fn on_reached(&mut self, now: Instant, asked_at: Instant) -> bool {
        Arrival::any_on_its_way(self.requests.values_mut().chain(&mut self.lingering), now, asked_at)
    }

    /// What was on its way, to the gateway or from there to IB, has arrived by now or never will.
    pub(super) fn on_link_down(&mut self, now: Instant) {
        self.forget(now);
        self.requests.values_mut().chain(&mut self.lingering).for_each(|mark| mark.on_link_down(now));
    }

    /// When the gateway will have forgotten a stream that was cancelled; `None` if it has.
    pub(super) fn lingers_until(&mut self, now: Instant) -> Option<Instant> {
        self.forget(now);
        self.lingering.first().map(|mark| mark.over_at(now))
    }

    pub(super) fn on_cancel(&mut self, now: Instant) {
        self.lingering.push(Arrival::written(now, false));
    }

    fn forget(&mut self, now: Instant) {
        self.lingering.retain(|mark| mark.matters(now));
        self.requests.retain(|_, mark| mark.matters(now));
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::session::pacing::arrival::{LOOK_AGAIN, WRITTEN_AGES_AGO};

    const STOCK: i32 = 1;

    fn s(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn asked() -> (TickByTickPace, Instant) {
        let (mut pace, began) = (TickByTickPace::default(), Instant::now());
        pace.on_request(began, STOCK, false);
        (pace, began)
    }

    #[test]
    fn a_request_that_arrived_at_once_counts_from_when_it_was_written() {
        let (mut pace, began) = asked();
        assert!(!pace.on_reached(began + s(1), began));
        assert_eq!(pace.earliest(began + s(5), STOCK, 1), began + s(16));
        assert_eq!(pace.earliest(began + s(17), STOCK, 1), began + s(17));
    }

    #[test]
    fn a_request_held_up_on_the_way_counts_from_when_the_gateway_is_heard() {
        let (mut pace, began) = asked();
        assert!(!pace.on_reached(began + s(8), began));
        assert_eq!(pace.earliest(began + s(16), STOCK, 1), began + s(24));
        let (mut pace, began) = asked();
        pace.on_answer(began + s(8), STOCK);
        pace.on_answer(began + s(15), STOCK);
        assert_eq!(pace.earliest(began + s(16), STOCK, 1), began + s(24), "its first tick tells, no later one");
    }

    #[test]
    fn while_nothing_is_heard_a_request_counts() {
        let (mut pace, asked_at) = (TickByTickPace::default(), Instant::now());
        let began = asked_at + s(1);
        pace.on_request(began, STOCK, false);
        assert!(pace.on_reached(began + s(9), asked_at), "the gateway answers what was asked before");
        assert_eq!(pace.earliest(began + s(17), STOCK, 1), began + s(17) + LOOK_AGAIN);
        assert_eq!(pace.earliest(began + s(17), 2, 1), began + s(17), "another instrument has nothing to wait for");
        assert_eq!(pace.earliest(began + WRITTEN_AGES_AGO, STOCK, 1), began + WRITTEN_AGES_AGO);
        assert_eq!(pace.entries(), 0);
    }

    #[test]
    fn what_was_on_its_way_when_the_link_broke_counts_from_then() {
        let (mut pace, began) = asked();
        pace.on_request(began, 2, false);
        pace.on_answer(began, 2);
        pace.on_link_down(began + s(10));
        assert_eq!(pace.earliest(began + s(16), STOCK, 1), began + s(26));
        assert_eq!(pace.earliest(began + s(16), 2, 1), began + s(16));
    }

    #[test]
    fn what_was_asked_while_ib_was_away_counts_from_its_return_unless_it_began() {
        let (mut pace, began) = asked();
        pace.on_reached(began, began);
        pace.on_ib_away(began + s(5));
        for con_id in [2, 3] {
            pace.on_request(began + s(6), con_id, true);
        }
        pace.on_reached(began + s(6), began + s(6));
        pace.on_answer(began + s(7), 3);
        pace.on_ib_back(began + s(40), false);
        let earliest = [STOCK, 2, 3].map(|con_id| pace.earliest(began + s(41), con_id, 1));
        assert_eq!(earliest, [began + s(41), began + s(56), began + s(41)]);
    }

    #[test]
    fn what_was_asked_just_before_ib_was_away_may_have_come_too_late() {
        let (mut pace, began) = asked();
        pace.on_reached(began, began);
        pace.on_ib_away(began + s(1) / 2);
        pace.on_ib_back(began + s(3), false);
        assert_eq!(pace.earliest(began + s(4), STOCK, 1), began + s(19));
    }

    #[test]
    fn what_an_earlier_run_asked_while_ib_was_away_counts_from_its_return() {
        let (mut pace, began) = (TickByTickPace::default(), Instant::now());
        pace.on_earlier_run(began);
        pace.on_ib_back(began + s(2), false);
        assert_eq!(pace.earliest(began + s(3), STOCK, 1), began + s(18));
        pace.on_ib_back(began + s(18), false);
        assert_eq!(pace.earliest(began + s(18), STOCK, 1), began + s(18));
    }

    #[test]
    fn a_slot_is_free_when_the_gateway_has_forgotten_the_cancel_that_reached_it_late() {
        let (mut pace, began) = (TickByTickPace::default(), Instant::now());
        pace.on_cancel(began);
        assert_eq!(pace.earliest(began + s(20), STOCK, 1), began + s(20) + LOOK_AGAIN);
        assert!(!pace.on_reached(began + s(20), began));
        assert_eq!(pace.lingers_until(began + s(20)), Some(began + s(36)));
        assert_eq!(pace.earliest(began + s(20), STOCK, 1), began + s(36));
        assert_eq!(pace.earliest(began + s(20), STOCK, 2), began + s(20), "two are free, and one of them lingers");
    }
}
