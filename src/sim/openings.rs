//! When markets are open: sessions of real exchanges if asked for, and halts.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::instrument::Instrument;
use super::sessions::Calendar;

/// A halt that has not ended.
const OPEN_END: i64 = i64::MAX;
const WEEK_MS: i64 = 7 * 86_400_000;

/// Which moments have trading. By default all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Openings {
    /// Markets open and close as in the world.
    pub(super) closes: bool,
    /// Stretches without trading, by contract id, oldest first.
    halts: FxHashMap<i32, Vec<Range<i64>>>,
}

impl Openings {
    /// Stops trading from a moment on. False if it is stopped.
    pub(super) fn halt(&mut self, con_id: i32, at_ms: i64) -> bool {
        let halts = self.halts.entry(con_id).or_default();
        if halts.last().is_some_and(|halt| halt.end > at_ms) {
            return false;
        }
        halts.push(at_ms..OPEN_END);
        true
    }

    /// Lets trading go on from a moment on. False if it was not stopped.
    pub(super) fn resume(&mut self, con_id: i32, at_ms: i64) -> bool {
        let halt = self.halts.get_mut(&con_id).and_then(|halts| halts.last_mut());
        let Some(halt) = halt.filter(|halt| halt.end == OPEN_END) else { return false };
        halt.end = at_ms.max(halt.start);
        true
    }

    /// Nothing ever stops the trading of this instrument.
    pub(super) fn is_always_open(&self, instrument: &Instrument) -> bool {
        !self.closes && !self.halts.contains_key(&instrument.con_id())
    }

    /// True if the market has no session at a moment.
    pub(super) fn is_closed(&self, instrument: &Instrument, at_ms: i64) -> bool {
        let calendar = Calendar { venue: instrument.venue, regular: false, closes: true };
        self.closes && calendar.sessions(at_ms, at_ms + 1).next().is_none()
    }

    /// True if trading is stopped at a moment, session or not.
    pub(super) fn is_halted(&self, con_id: i32, at_ms: i64) -> bool {
        self.halts.get(&con_id).is_some_and(|halts| halts.iter().any(|halt| halt.contains(&at_ms)))
    }

    /// The stretches of `start_ms..end_ms` with trading, oldest first.
    pub(super) fn open(&self, instrument: &Instrument, start_ms: i64, end_ms: i64) -> Vec<Range<i64>> {
        let mut open = Vec::new();
        if self.closes {
            let calendar = Calendar { venue: instrument.venue, regular: false, closes: true };
            let sessions = calendar.sessions(start_ms, end_ms);
            open.extend(sessions.map(|session| session.start_ms.max(start_ms)..session.end_ms.min(end_ms)));
        } else {
            open.push(start_ms..end_ms);
        }
        for halt in self.halts.get(&instrument.con_id()).into_iter().flatten() {
            let cut = |piece: Range<i64>| {
                let before = piece.start..piece.end.min(halt.start);
                let after = piece.start.max(halt.end)..piece.end;
                [before, after].into_iter().filter(|piece| piece.start < piece.end)
            };
            open = open.into_iter().flat_map(cut).collect();
        }
        open.retain(|piece| piece.start < piece.end);
        open
    }

    /// The last moment with trading up to `at_ms`; `at_ms` itself if there was none for a week.
    pub(super) fn last_open(&self, instrument: &Instrument, at_ms: i64) -> i64 {
        if !self.open(instrument, at_ms, at_ms + 1).is_empty() {
            return at_ms;
        }
        let open = self.open(instrument, at_ms - WEEK_MS, at_ms + 1);
        open.last().map_or(at_ms, |piece| piece.end - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::universe::Universe;
    use super::*;

    /// 2026-11-27 18:00 UTC, 13:00 in New York on the day after Thanksgiving.
    const HALF_DAY_CLOSE_MS: i64 = 1_795_802_400_000;
    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn a_halt_cuts_a_stretch_in_two() {
        let universe = Universe::default();
        let apple = universe.by_con_id(265_598).expect("a stock");
        let mut openings = Openings::default();
        assert!(openings.is_always_open(&apple));
        assert!(openings.halt(265_598, 1_000) && !openings.halt(265_598, 1_500));
        let (before, after) = (0..1_000, 2_000..5_000);
        assert_eq!(openings.open(&apple, 0, 5_000), std::slice::from_ref(&before));
        assert_eq!(openings.last_open(&apple, 4_000), 999);
        assert!(openings.resume(265_598, 2_000) && !openings.resume(265_598, 2_500));
        assert_eq!(openings.open(&apple, 0, 5_000), [before, after]);
        assert_eq!(openings.open(&apple, 1_200, 1_800), Vec::<Range<i64>>::new());
        assert_eq!(openings.last_open(&apple, 3_000), 3_000);
    }

    #[test]
    fn half_days_and_holidays_close_the_market() {
        let universe = Universe::default();
        let apple = universe.by_con_id(265_598).expect("a stock");
        let openings = Openings { closes: true, ..Openings::default() };
        // After hours end four hours after the early close.
        let end_ms = HALF_DAY_CLOSE_MS + 4 * HOUR_MS;
        let day = openings.open(&apple, HALF_DAY_CLOSE_MS - 9 * HOUR_MS, HALF_DAY_CLOSE_MS + 12 * HOUR_MS);
        let expected = HALF_DAY_CLOSE_MS - 9 * HOUR_MS..end_ms;
        assert_eq!(day, std::slice::from_ref(&expected));
        let thanksgiving = HALF_DAY_CLOSE_MS - 24 * HOUR_MS;
        assert_eq!(openings.open(&apple, thanksgiving, thanksgiving + HOUR_MS), Vec::<Range<i64>>::new());
        assert_eq!(openings.last_open(&apple, end_ms + HOUR_MS), end_ms - 1);
    }
}
