//! Small-bar history as IB counts it, kept over restarts: IB goes on counting where a run of the bridge ended.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::session::Now;

/// One request that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) at: Instant,
    pub(super) weight: u32,
    /// By what it counts as the same and as identical; `None` for real-time bars.
    pub(super) kind: Option<(u64, u64)>,
}

/// As written: microseconds UTC, weight, kind.
type Written = (i64, u32, Option<(u64, u64)>);

/// What was sent within one window.
#[derive(Debug)]
pub(super) struct SentSmall {
    sent: VecDeque<Sent>,
    length: Duration,
    /// Something was sent that is not written, or nothing was ever written: that too is worth knowing.
    is_unwritten: bool,
}

impl SentSmall {
    pub(super) fn new(length: Duration) -> Self {
        Self { sent: VecDeque::new(), length, is_unwritten: true }
    }

    pub(super) fn note(&mut self, sent: Sent) {
        while self.sent.front().is_some_and(|first| first.at + self.length <= sent.at) {
            self.sent.pop_front();
        }
        self.sent.push_back(sent);
        self.is_unwritten = true;
    }

    /// What is to be written in place of what was written before; `None` if that is still true.
    pub(super) fn take_unwritten(&mut self, now: Now) -> Option<Bytes> {
        if !std::mem::take(&mut self.is_unwritten) {
            return None;
        }
        let is_counted = |sent: &&Sent| sent.at + self.length > now.at;
        let written = self.sent.iter().filter(is_counted).map(|sent| {
            let age = now.at.saturating_duration_since(sent.at);
            let age_us = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
            (now.us.saturating_sub(age_us), sent.weight, sent.kind)
        });
        serde_json::to_vec(&written.collect::<Vec<Written>>()).ok().map(Bytes::from)
    }

    /// What an earlier run wrote, as far as it still counts, in order. `None` if it cannot be read.
    pub(super) fn read(&self, now: Now, body: &[u8]) -> Option<Vec<Sent>> {
        let written: Vec<Written> = serde_json::from_slice(body).ok()?;
        let read = |(at_us, weight, kind)| Sent { at: moment(now, at_us), weight, kind };
        let mut sent: Vec<Sent> = written.into_iter().map(read).filter(|sent| sent.at + self.length > now.at).collect();
        sent.sort_by_key(|sent| sent.at);
        Some(sent)
    }
}

/// The moment of an earlier time of the wall clock. A time that lies ahead, the clock having been set back, is now.
pub(super) fn moment(now: Now, at_us: i64) -> Instant {
    let age = Duration::from_micros(u64::try_from(now.us.saturating_sub(at_us)).unwrap_or(0));
    now.at.checked_sub(age).unwrap_or(now.at)
}
