//! One caller's request for past data, of any kind.

use std::time::Duration;

use super::{
    job::Job,
    once::Once,
    question::{Answered, Question},
    seat::Seat,
    walk::Walk,
};
use crate::{
    schema::{ApiError, request::history::Progress},
    session::{Outcome, Token, core::Core},
};

/// One caller's request.
#[derive(Debug)]
pub(super) enum Work {
    Bars(Box<Job>),
    Ticks(Box<Walk>),
    Once(Box<Once>),
}

impl Work {
    pub(super) fn seat(&self) -> &Seat {
        match self {
            Self::Bars(job) => &job.seat,
            Self::Ticks(walk) => &walk.seat,
            Self::Once(once) => &once.seat,
        }
    }

    /// Notes how long its caller waits, and by what it is told from others.
    pub(super) fn place(&mut self, patience: Duration, key: u64) {
        let seat = match self {
            Self::Bars(job) => &mut job.seat,
            Self::Ticks(walk) => &mut walk.seat,
            Self::Once(once) => &mut once.seat,
        };
        (seat.patience, seat.key) = (patience, key);
    }

    pub(super) fn token(&self) -> Token {
        self.seat().token
    }

    /// True for bars under the small-bar rules.
    pub(super) fn is_small(&self) -> bool {
        matches!(self, Self::Bars(job) if job.is_small())
    }

    pub(super) fn open(&self) -> usize {
        match self {
            Self::Bars(job) => job.open(),
            Self::Ticks(walk) => walk.open(),
            Self::Once(once) => once.open(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Bars(job) => job.is_done(),
            Self::Ticks(walk) => walk.is_done(),
            Self::Once(once) => once.is_done(),
        }
    }

    pub(super) fn next_question(&mut self) -> Option<(usize, Question)> {
        match self {
            Self::Bars(job) => job.next_question(),
            Self::Ticks(walk) => walk.next_question(),
            Self::Once(once) => once.next_question(),
        }
    }

    pub(super) fn put_back(&mut self, place: usize) {
        match self {
            Self::Bars(job) => job.put_back(place),
            Self::Ticks(walk) => walk.put_back(),
            Self::Once(once) => once.put_back(),
        }
    }

    pub(super) fn give_up(&mut self, error: ApiError) {
        match self {
            Self::Bars(job) => job.give_up(error),
            Self::Ticks(walk) => walk.give_up(error),
            Self::Once(once) => once.give_up(error),
        }
    }

    pub(super) fn accept(&mut self, place: usize, result: &Answered) {
        match self {
            Self::Bars(job) => job.accept(place, result),
            Self::Ticks(walk) => walk.accept(result),
            Self::Once(once) => once.accept(result),
        }
    }

    /// Sends the rows that are in turn.
    pub(super) fn send_settled(&mut self, core: &mut Core) {
        match self {
            Self::Bars(job) => job.send_settled(core),
            Self::Ticks(walk) => walk.send_settled(core),
            Self::Once(_) => {}
        }
    }

    /// How far it has come; `None` if that is not told.
    pub(super) fn progress(&self) -> Option<Progress> {
        match self {
            Self::Bars(job) => Some(job.progress()),
            Self::Ticks(walk) => Some(walk.progress()),
            Self::Once(_) => None,
        }
    }

    pub(super) fn finish(self, requests: u32) -> Outcome {
        match self {
            Self::Bars(job) => job.finish(requests),
            Self::Ticks(walk) => walk.finish(requests),
            Self::Once(once) => once.finish(),
        }
    }
}
