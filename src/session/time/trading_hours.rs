//! Trading hours of the contracts in use, for whoever must know whether a market is open.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::{Hours, Trading};

/// Contracts remembered.
const CONTRACTS_MAX: usize = 100_000;
/// Hours that have run out are asked for again at most this often, in microseconds.
const RENEWED_EVERY_US: i64 = 3_600_000_000;

/// Trading hours by contract id.
#[derive(Debug, Default)]
pub(crate) struct TradingHours {
    known: FxHashMap<i32, Known>,
    wanted: BTreeSet<(i32, String)>,
}

#[derive(Debug)]
struct Known {
    /// When they were learned, or last asked for.
    asked_us: i64,
    hours: Hours,
}

impl TradingHours {
    /// The gateway told a contract's hours, or told none that can be read.
    pub(crate) fn learn(&mut self, con_id: i32, learned_us: i64, hours: Option<Hours>) {
        if self.known.len() < CONTRACTS_MAX || self.known.contains_key(&con_id) {
            self.known.insert(con_id, Known { asked_us: learned_us, hours: hours.unwrap_or_default() });
        }
    }

    /// Whether a contract trades at a moment. If its hours have run out they are asked for again.
    pub(crate) fn at(&mut self, con_id: i32, exchange: &str, us: i64) -> Trading {
        let Some(known) = self.known.get_mut(&con_id) else { return Trading::Untold };
        let trading = known.hours.at(us);
        let ran_out = known.hours.told().is_some_and(|told| told.end_us <= us);
        if ran_out && us.saturating_sub(known.asked_us) >= RENEWED_EVERY_US {
            known.asked_us = us;
            self.wanted.insert((con_id, exchange.to_owned()));
        }
        trading
    }

    /// Contracts whose hours are to be asked for, with their routes.
    pub(crate) fn take_wanted(&mut self) -> BTreeSet<(i32, String)> {
        std::mem::take(&mut self.wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::time::Zone;

    /// 2026-11-21 00:00 UTC.
    const DAY_US: i64 = 1_795_219_200_000_000;
    const HOUR_US: i64 = 3_600_000_000;

    #[test]
    fn hours_that_have_run_out_are_asked_for_again_once_an_hour() {
        let mut all = TradingHours::default();
        let (hours, _) = Hours::read("20261121:0900-20261121:1700", Zone::UTC);
        all.learn(1, DAY_US, Some(hours));
        assert!(matches!(all.at(1, "SMART", DAY_US + 10 * HOUR_US), Trading::Open(_)));
        assert_eq!(all.at(1, "SMART", DAY_US + 18 * HOUR_US), Trading::Closed);
        assert!(all.take_wanted().is_empty());
        for (hours, wanted) in [(24, 1), (24, 0), (25, 1)] {
            assert_eq!(all.at(1, "SMART", DAY_US + hours * HOUR_US), Trading::Untold);
            assert_eq!(all.take_wanted().len(), wanted, "after {hours} hours");
        }
        assert_eq!(all.at(2, "SMART", DAY_US), Trading::Untold);
        all.learn(2, DAY_US, None);
        assert_eq!(all.at(2, "SMART", DAY_US + 100 * HOUR_US), Trading::Untold);
        assert!(all.take_wanted().is_empty(), "a gateway that tells no hours is not asked again");
    }
}
