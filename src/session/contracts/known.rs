//! Instruments resolved before, for a while.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;

use crate::{schema::Instrument, tws::message::contract::Contract};

/// Contract definitions are refreshed by the gateway's daily restart.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// Descriptions remembered; above it the oldest is forgotten.
const DESCRIPTIONS_MAX: usize = 10_000;

/// What one description was resolved to.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) instrument: Instrument,
    pub(super) contract: Contract,
}

/// Descriptions resolved before, by key.
#[derive(Debug, Default)]
pub(super) struct Known {
    answers: FxHashMap<String, Answer>,
    /// Keys in the order they were learned.
    learned: VecDeque<(Instant, String)>,
}

impl Known {
    pub(super) fn get(&mut self, now: Instant, key: &str) -> Option<&Answer> {
        self.forget(now, DESCRIPTIONS_MAX);
        self.answers.get(key)
    }

    /// Keeps an answer; one that is kept already stays.
    pub(super) fn learn(&mut self, now: Instant, key: String, answer: Answer) {
        self.forget(now, DESCRIPTIONS_MAX - 1);
        if !self.answers.contains_key(&key) {
            self.learned.push_back((now, key.clone()));
            self.answers.insert(key, answer);
        }
    }

    fn forget(&mut self, now: Instant, len_max: usize) {
        while let Some((at, key)) = self.learned.front() {
            if self.learned.len() <= len_max && *at + KEPT_FOR > now {
                break;
            }
            self.answers.remove(key);
            self.learned.pop_front();
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
mod tests {
    use super::*;
    use crate::session::contracts::{found::Found, query::Normal};
    use crate::tws::message::contract::ContractData;

    fn answer(con_id: i32) -> Answer {
        let contract = Contract { con_id: Some(con_id), ..Contract::default() };
        let message = ContractData { contract: Some(contract), ..ContractData::default() };
        let found = Found::read(message).expect("a row");
        let (instrument, contract) = found.instrument(&Normal::con_id(con_id, "SMART"));
        Answer { instrument, contract }
    }

    #[test]
    fn an_answer_is_forgotten_after_a_day_and_when_ten_thousand_came_later() {
        let start = Instant::now();
        let mut known = Known::default();
        known.learn(start, "first".to_owned(), answer(1));
        assert!(known.get(start + Duration::from_secs(24 * 3600 - 1), "first").is_some());
        assert!(known.get(start + KEPT_FOR, "first").is_none());

        known.learn(start, "first".to_owned(), answer(1));
        for number in 1..DESCRIPTIONS_MAX {
            known.learn(start, number.to_string(), answer(2));
        }
        assert!(known.get(start, "first").is_some());
        known.learn(start, "one more".to_owned(), answer(2));
        assert!(known.get(start, "first").is_none());
        assert_eq!((known.answers.len(), known.learned.len()), (DESCRIPTIONS_MAX, DESCRIPTIONS_MAX));
    }
}
