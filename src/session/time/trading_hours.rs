//! Trading hours of the contracts in use, for whoever must know whether a market is open.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::{Hours, Trading};

/// Contracts remembered.
const CONTRACTS_MAX: usize = 100_000;
/// Hours that have run out are asked for again at most this often, in microseconds.
const RENEWED_EVERY_US: i64 = 3_600_000_000;
/// Hours that were never told, or by an earlier run of the gateway, are asked for again at most this often.
const TRIED_EVERY_US: i64 = 300_000_000;

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
    /// They were not learned from the present run of the gateway.
    is_doubtful: bool,
    hours: Hours,
    /// When most of the trading is done.
    liquid: Hours,
}

impl TradingHours {
    /// The gateway told a contract's hours, or told none that can be read.
    pub(crate) fn learn(&mut self, con_id: i32, learned_us: i64, hours: Option<Hours>) {
        if self.known.len() < CONTRACTS_MAX || self.known.contains_key(&con_id) {
            let hours = hours.unwrap_or_default();
            self.known
                .insert(con_id, Known { asked_us: learned_us, is_doubtful: false, hours, liquid: Hours::default() });
        }
    }

    /// The gateway told when most of a contract's trading is done, beside its hours.
    pub(crate) fn learn_liquid(&mut self, con_id: i32, liquid: Hours) {
        if let Some(known) = self.known.get_mut(&con_id) {
            known.liquid = liquid;
        }
    }

    /// Whether a moment lies in the hours in which most of the trading is done; `None` if that was not told.
    pub(crate) fn is_liquid(&self, con_id: i32, us: i64) -> Option<bool> {
        match self.known.get(&con_id)?.liquid.at(us) {
            Trading::Untold => None,
            Trading::Closed => Some(false),
            Trading::Open(_) => Some(true),
        }
    }

    /// A contract is used that nobody looked up, so that its hours may be unknown: they are asked for with the next
    /// question about it.
    pub(crate) fn want(&mut self, con_id: i32) {
        if self.known.len() < CONTRACTS_MAX {
            let unknown =
                Known { asked_us: i64::MIN, is_doubtful: true, hours: Hours::default(), liquid: Hours::default() };
            self.known.entry(con_id).or_insert(unknown);
        }
    }

    /// The gateway may have restarted, which refreshes its contracts: hours are asked for again as they are used.
    pub(crate) fn doubt(&mut self) {
        for known in self.known.values_mut() {
            (known.asked_us, known.is_doubtful) = (i64::MIN, true);
        }
    }

    /// Whether a contract trades at a moment. If its hours have run out or are doubtful, they are asked for again.
    pub(crate) fn at(&mut self, con_id: i32, exchange: &str, us: i64) -> Trading {
        let Some(known) = self.known.get_mut(&con_id) else { return Trading::Untold };
        let trading = known.hours.at(us);
        let ran_out = known.hours.told().is_some_and(|told| told.end_us <= us);
        let every_us = if known.is_doubtful { TRIED_EVERY_US } else { RENEWED_EVERY_US };
        if (ran_out || known.is_doubtful) && us.saturating_sub(known.asked_us) >= every_us {
            known.asked_us = us;
            self.wanted.insert((con_id, exchange.to_owned()));
        }
        trading
    }

    /// Contracts whose hours are to be asked for now, with their routes; at most `count`, the others next time.
    pub(crate) fn take_wanted(&mut self, count: usize) -> Vec<(i32, String)> {
        let mut taken = Vec::new();
        while taken.len() < count
            && let Some(wanted) = self.wanted.pop_first()
        {
            taken.push(wanted);
        }
        taken
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
        assert!(all.take_wanted(9).is_empty());
        for (hours, wanted) in [(24, 1), (24, 0), (25, 1)] {
            assert_eq!(all.at(1, "SMART", DAY_US + hours * HOUR_US), Trading::Untold);
            assert_eq!(all.take_wanted(9).len(), wanted, "after {hours} hours");
        }
        assert_eq!(all.at(2, "SMART", DAY_US), Trading::Untold);
        all.learn(2, DAY_US, None);
        assert_eq!(all.at(2, "SMART", DAY_US + 100 * HOUR_US), Trading::Untold);
        assert!(all.take_wanted(9).is_empty(), "a gateway that tells no hours is not asked again");
    }

    #[test]
    fn hours_of_another_run_and_those_never_told_are_asked_for_as_they_are_used() {
        let mut all = TradingHours::default();
        let (hours, _) = Hours::read("20261121:0900-20261121:1700", Zone::UTC);
        all.learn(1, DAY_US, Some(hours.clone()));
        all.learn(2, DAY_US, Some(hours.clone()));
        all.doubt();
        all.want(3);
        all.want(1);
        let noon_us = DAY_US + 12 * HOUR_US;
        assert!(matches!(all.at(1, "SMART", noon_us), Trading::Open(_)), "what was told serves until then");
        assert_eq!(all.at(3, "CME", noon_us), Trading::Untold);
        let wanted = [(1, "SMART".to_owned()), (3, "CME".to_owned())];
        assert_eq!(all.take_wanted(1), wanted[..1]);
        assert_eq!(all.take_wanted(9), wanted[1..], "nobody uses the second");
        all.learn(3, noon_us, Some(hours));
        all.at(1, "SMART", noon_us + HOUR_US);
        all.at(3, "CME", noon_us + HOUR_US);
        assert_eq!(all.take_wanted(9), wanted[..1], "there was no answer");
    }
}
