//! What the gateway said about descriptions before, for a while.

use std::{collections::BTreeSet, sync::Arc};

use rustc_hash::FxHashMap;

use super::found::Found;

/// Descriptions remembered; above it the oldest is forgotten.
const DESCRIPTIONS_MAX: usize = 10_000;
/// Contracts remembered over all descriptions; above it the oldest description is forgotten.
const ROWS_MAX: usize = 20_000;
/// Descriptions that fit more contracts than this are asked every time.
const ROWS_OF_ONE_MAX: usize = 100;
/// A clock that was put back this far makes what was learned since unusable, in microseconds.
const CLOCK_BACK_MAX_US: i64 = 60_000_000;

/// What is known about a description.
#[derive(Clone, Debug)]
pub(super) enum Memory {
    /// Nothing, or what is known is too old.
    Nothing,
    /// The gateway said this, but may have restarted since: ask it, and use this if it cannot be asked.
    Doubtful(Arc<[Found]>),
    /// The gateway said this.
    Sure(Arc<[Found]>),
}

#[derive(Debug)]
struct Entry {
    learned_us: i64,
    /// Number of the gateway's run that said so.
    run: u64,
    rows: Arc<[Found]>,
}

/// Descriptions resolved before, by key.
#[derive(Debug, Default)]
pub(super) struct Known {
    entries: FxHashMap<String, Entry>,
    /// Oldest first.
    by_age: BTreeSet<(i64, String)>,
    rows: usize,
    /// Number of the gateway's present run.
    run: u64,
}

impl Known {
    /// What is known about a key, if it was learned within the last `keep_us`.
    pub(super) fn get(&self, now_us: i64, keep_us: i64, key: &str) -> Memory {
        let Some(entry) = self.entries.get(key) else { return Memory::Nothing };
        let age_us = now_us.saturating_sub(entry.learned_us);
        if age_us >= keep_us || age_us < -CLOCK_BACK_MAX_US {
            return Memory::Nothing;
        }
        let rows = Arc::clone(&entry.rows);
        if entry.run == self.run { Memory::Sure(rows) } else { Memory::Doubtful(rows) }
    }

    /// Keeps what the gateway said, in place of what it said before. False if it is too much to keep.
    pub(super) fn learn(&mut self, learned_us: i64, key: &str, rows: Arc<[Found]>) -> bool {
        self.forget(key);
        if rows.is_empty() || rows.len() > ROWS_OF_ONE_MAX {
            return false;
        }
        self.rows += rows.len();
        self.by_age.insert((learned_us, key.to_owned()));
        self.entries.insert(key.to_owned(), Entry { learned_us, run: self.run, rows });
        while self.entries.len() > DESCRIPTIONS_MAX || self.rows > ROWS_MAX {
            let Some((_, oldest)) = self.by_age.first().cloned() else { break };
            self.forget(&oldest);
        }
        self.entries.contains_key(key)
    }

    /// Forgets a key. True if something was known.
    pub(super) fn forget(&mut self, key: &str) -> bool {
        let Some(entry) = self.entries.remove(key) else { return false };
        self.rows -= entry.rows.len();
        self.by_age.remove(&(entry.learned_us, key.to_owned()))
    }

    /// The gateway may have restarted, which refreshes its contracts.
    pub(super) fn doubt(&mut self) {
        self.run += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tws::message::contract::{Contract, ContractData};

    const KEEP_US: i64 = 1_000_000_000;

    fn rows(count: i32) -> Arc<[Found]> {
        let row = |con_id| {
            let contract = Contract { con_id: Some(con_id), ..Contract::default() };
            Found::read(ContractData { contract: Some(contract), ..ContractData::default() }).expect("a row")
        };
        (1..=count).map(row).collect()
    }

    fn is_known(known: &Known, now_us: i64, key: &str) -> bool {
        matches!(known.get(now_us, KEEP_US, key), Memory::Sure(_))
    }

    #[test]
    fn an_answer_is_forgotten_in_time_and_when_ten_thousand_came_later() {
        let mut known = Known::default();
        assert!(known.learn(0, "first", rows(1)));
        assert!(is_known(&known, KEEP_US - 1, "first"));
        assert!(!is_known(&known, KEEP_US, "first"));
        assert!(!is_known(&known, -CLOCK_BACK_MAX_US - 1, "first"), "learned in what is now the future");

        for number in 1..10_000 {
            known.learn(number, &number.to_string(), rows(1));
        }
        assert!(is_known(&known, 1, "first"));
        known.learn(10_000, "one more", rows(1));
        assert!(!is_known(&known, 1, "first"));
        assert_eq!((known.entries.len(), known.by_age.len(), known.rows), (10_000, 10_000, 10_000));
    }

    #[test]
    fn wide_answers_push_out_others_or_are_not_kept() {
        let mut known = Known::default();
        assert!(!known.learn(0, "too wide", rows(101)));
        for number in 0..300 {
            assert!(known.learn(number, &number.to_string(), rows(100)));
        }
        assert_eq!((known.entries.len(), known.rows), (200, 20_000));
        assert!(is_known(&known, 300, "299") && !is_known(&known, 300, "99"));
    }

    #[test]
    fn what_was_learned_before_a_restart_is_doubtful_until_it_is_learned_again() {
        let mut known = Known::default();
        known.learn(0, "a", rows(1));
        known.doubt();
        assert!(matches!(known.get(1, KEEP_US, "a"), Memory::Doubtful(_)));
        known.learn(1, "a", rows(2));
        assert!(matches!(known.get(1, KEEP_US, "a"), Memory::Sure(rows) if rows.len() == 2));
        assert_eq!(known.by_age.len(), 1);
    }
}
