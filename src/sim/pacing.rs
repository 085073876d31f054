//! IB's pacing rules for small historical bars, kept by the gateway's side.

use std::collections::VecDeque;

use super::bar_size::service;
use super::instrument::Instrument;
use super::universe::Refusal;

const WINDOW_MS: i64 = 600_000;
const WINDOW_MAX: usize = 60;
const IDENTICAL_MS: i64 = 15_000;
const BURST_MS: i64 = 2_000;
const BURST_MAX: usize = 6;

/// Requests of the last ten minutes.
#[derive(Debug, Default)]
pub(super) struct Pacing {
    /// Time, instrument with data type, and the whole request.
    admitted: VecDeque<(i64, (i32, String), String)>,
    /// Rules are enforced.
    enforced: bool,
}

impl Pacing {
    pub(super) fn new(enforced: bool) -> Self {
        Self { enforced, ..Self::default() }
    }

    /// Takes one real-time bar request: only the ten-minute window counts.
    ///
    /// # Errors
    ///
    /// Nothing more than that the window is full.
    pub(super) fn admit_stream(&mut self, now_ms: i64, instrument: &Instrument, number: &str) -> Result<(), ()> {
        if !self.enforced {
            return Ok(());
        }
        self.forget(now_ms);
        if self.admitted.len() >= WINDOW_MAX {
            return Err(());
        }
        self.admitted.push_back((now_ms, (instrument.con_id(), "5 secs".to_owned()), number.to_owned()));
        Ok(())
    }

    /// Takes one request, two for `BID_ASK`.
    ///
    /// # Errors
    ///
    /// 162 pacing violation: the same request within 15 s, six for one instrument and data type
    /// within 2 s, or more than sixty within ten minutes.
    pub(super) fn admit(
        &mut self,
        now_ms: i64,
        instrument: &Instrument,
        request: &[&str],
        what: &str,
    ) -> Result<(), Refusal> {
        if !self.enforced {
            return Ok(());
        }
        self.forget(now_ms);
        let cost = if what == "BID_ASK" { 2 } else { 1 };
        let subject = (instrument.con_id(), what.to_owned());
        let whole = format!("{};{}", instrument.con_id(), request.join(";"));
        let within = |at_ms: i64, window_ms: i64| at_ms + window_ms > now_ms;
        let identical = self.admitted.iter().any(|(at_ms, _, seen)| within(*at_ms, IDENTICAL_MS) && *seen == whole);
        let burst =
            self.admitted.iter().filter(|(at_ms, seen, _)| within(*at_ms, BURST_MS) && *seen == subject).count();
        if identical || burst + cost >= BURST_MAX || self.admitted.len() + cost > WINDOW_MAX {
            return Err(service("Historical data request pacing violation"));
        }
        self.admitted.extend((0..cost).map(|_| (now_ms, subject.clone(), whole.clone())));
        Ok(())
    }

    fn forget(&mut self, now_ms: i64) {
        while self.admitted.front().is_some_and(|(at_ms, ..)| at_ms + WINDOW_MS <= now_ms) {
            self.admitted.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::universe::Universe;
    use super::*;

    fn pacing() -> (Pacing, std::sync::Arc<Instrument>) {
        let apple = Universe::default().by_con_id(265_598).expect("a stock");
        (Pacing::new(true), apple)
    }

    #[test]
    fn an_identical_request_waits_fifteen_seconds() {
        let (mut pacing, apple) = pacing();
        assert!(pacing.admit(0, &apple, &["1 D"], "TRADES").is_ok());
        assert!(pacing.admit(14_999, &apple, &["1 D"], "TRADES").is_err());
        assert!(pacing.admit(15_000, &apple, &["1 D"], "TRADES").is_ok());
    }

    #[test]
    fn the_sixth_request_for_one_instrument_in_two_seconds_is_refused() {
        let (mut pacing, apple) = pacing();
        for position in 0..5 {
            assert!(pacing.admit(position, &apple, &[&position.to_string()], "TRADES").is_ok());
        }
        assert!(pacing.admit(5, &apple, &["5"], "TRADES").is_err());
        assert!(pacing.admit(5, &apple, &["5"], "MIDPOINT").is_ok());
        assert!(pacing.admit(2_000, &apple, &["6"], "TRADES").is_ok());
    }

    #[test]
    fn sixty_requests_fill_ten_minutes_and_bid_ask_counts_twice() {
        let (mut pacing, apple) = pacing();
        for position in 0..30 {
            assert!(pacing.admit(position * 3_000, &apple, &[&position.to_string()], "BID_ASK").is_ok());
        }
        assert!(pacing.admit(100_000, &apple, &["x"], "TRADES").is_err());
        assert!(pacing.admit(600_000, &apple, &["x"], "TRADES").is_ok());
    }
}
