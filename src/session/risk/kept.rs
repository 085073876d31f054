//! Answers that wait until what they tell of is on the disk: a kill switch that a crash would forget is none.

use std::time::{Duration, Instant};

use crate::session::{Answer, Token};

/// How long an answer waits for the disk. What it tells of is in force all the while.
const WAIT: Duration = Duration::from_secs(2);

/// What was asked to be kept, and who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    asked: u64,
    stored: u64,
    owed: Vec<Owed>,
}

#[derive(Debug)]
struct Owed {
    number: u64,
    until: Instant,
    token: Token,
    answer: Answer,
}

/// An answer whose time has come.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) token: Token,
    pub(crate) answer: Answer,
    /// What it tells of is on the disk.
    pub(crate) is_stored: bool,
}

impl Kept {
    /// Something is to be kept: its number.
    pub(super) fn ask(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }

    /// Everything up to this number is on the disk.
    pub(crate) fn on_stored(&mut self, number: u64) {
        self.stored = self.stored.max(number);
    }

    /// This caller is answered once what was last asked to be kept is stored, or when he would give up.
    pub(crate) fn owe(&mut self, now: Instant, deadline: Instant, token: Token, answer: Answer) {
        self.owed.push(Owed { number: self.asked, until: deadline.min(now + WAIT), token, answer });
    }

    /// Takes the answers that wait no longer.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Due> {
        let stored = self.stored;
        let due = self.owed.extract_if(.., |owed| owed.number <= stored || owed.until <= now);
        due.map(|owed| Due { token: owed.token, answer: owed.answer, is_stored: owed.number <= stored }).collect()
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.owed.iter().map(|owed| owed.until).min()
    }
}
