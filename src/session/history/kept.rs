//! Answers kept for the time in which IB forbids to ask again.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{fetch::Key, question::Answered};

/// IB counts an identical request within this time as a violation: `ib-limits` section 4.
const KEPT_FOR: Duration = Duration::from_secs(15);
/// Rows of all answers kept; above it the oldest answer is forgotten.
const ROWS_MAX: usize = 100_000;

/// The answers of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Kept {
    answers: VecDeque<(Instant, Key, Answered)>,
    rows: usize,
}

impl Kept {
    pub(super) fn len(&self) -> usize {
        self.answers.len()
    }

    pub(super) fn find(&self, now: Instant, key: &Key) -> Option<&Answered> {
        let is_it = |(at, kept, _): &&(Instant, Key, Answered)| *at + KEPT_FOR > now && kept == key;
        self.answers.iter().find(is_it).map(|(_, _, result)| result)
    }

    pub(super) fn keep(&mut self, now: Instant, key: Key, result: Answered) {
        self.rows += rows_of(&result);
        self.answers.push_back((now, key, result));
        self.forget(now);
    }

    pub(super) fn forget(&mut self, now: Instant) {
        while let Some((at, ..)) = self.answers.front()
            && (*at + KEPT_FOR <= now || self.rows > ROWS_MAX)
            && let Some((_, _, result)) = self.answers.pop_front()
        {
            self.rows = self.rows.saturating_sub(rows_of(&result));
        }
    }

    /// When the oldest answer is to be forgotten.
    pub(super) fn expiry(&self) -> Option<Instant> {
        self.answers.front().map(|(at, ..)| *at + KEPT_FOR)
    }
}

/// An answer without rows takes room, too.
fn rows_of(result: &Answered) -> usize {
    result.as_ref().map_or(1, |found| found.rows() + 1)
}
