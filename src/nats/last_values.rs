//! Which last values are due to be written into a bucket, at most one write per key and interval.

use async_nats::Subject;
use bytes::Bytes;

/// A value to write.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Write {
    /// Subject of the key in its bucket.
    pub(super) subject: Subject,
    /// The value.
    pub(super) value: Bytes,
}

/// Thins a stream of states per key: the last state always gets through, earlier ones may not.
///
/// Pure: the caller passes the time, microseconds since the epoch.
#[derive(Debug)]
pub(super) struct Conflator {
    interval_us: i64,
    entries: Vec<Entry>,
    waiting: Vec<usize>,
}

#[derive(Debug)]
struct Entry {
    subject: Subject,
    written_us: Option<i64>,
    /// The newest state that was not written; its storage is used again.
    pending: Vec<u8>,
    is_waiting: bool,
}

impl Conflator {
    /// At most one write per key in `interval_us`.
    pub(super) fn new(interval_us: i64) -> Self {
        Self { interval_us, entries: Vec::new(), waiting: Vec::new() }
    }

    /// A new key; its number is used from here on.
    pub(super) fn add(&mut self, subject: Subject) -> usize {
        self.entries.push(Entry { subject, written_us: None, pending: Vec::new(), is_waiting: false });
        self.entries.len() - 1
    }

    /// Takes a key's newest state. The write to do now, if one is due.
    pub(super) fn offer(&mut self, key: usize, state: &[u8], now_us: i64) -> Option<Write> {
        let interval_us = self.interval_us;
        let entry = self.entries.get_mut(key)?;
        if entry.is_due(interval_us, now_us) && !entry.is_waiting {
            entry.written_us = Some(now_us);
            return Some(Write { subject: entry.subject.clone(), value: Bytes::copy_from_slice(state) });
        }
        entry.pending.clear();
        entry.pending.extend_from_slice(state);
        if !entry.is_waiting {
            entry.is_waiting = true;
            self.waiting.push(key);
        }
        None
    }

    /// Does the writes that have become due, as long as `write` takes them.
    pub(super) fn flush(&mut self, now_us: i64, mut write: impl FnMut(Write) -> bool) {
        let (interval_us, entries) = (self.interval_us, &mut self.entries);
        let mut has_room = true;
        self.waiting.retain(|&key| {
            let Some(entry) = entries.get_mut(key) else { return false };
            if !has_room || !entry.is_due(interval_us, now_us) {
                return true;
            }
            let value = Bytes::copy_from_slice(&entry.pending);
            has_room = write(Write { subject: entry.subject.clone(), value });
            if has_room {
                entry.written_us = Some(now_us);
                entry.is_waiting = false;
            }
            !has_room
        });
    }

    /// Does every write that is left, due or not.
    pub(super) fn flush_all(&mut self, write: impl FnMut(Write) -> bool) {
        self.flush(i64::MAX, write);
    }

    /// Puts a write back that could not be handed on.
    pub(super) fn put_back(&mut self, key: usize, write: &Write) {
        if let Some(entry) = self.entries.get_mut(key)
            && !entry.is_waiting
        {
            entry.pending.clear();
            entry.pending.extend_from_slice(&write.value);
            entry.is_waiting = true;
            self.waiting.push(key);
        }
    }
}

impl Entry {
    /// A clock that was set back must not hold a value for long, so an earlier time is due too.
    fn is_due(&self, interval_us: i64, now_us: i64) -> bool {
        self.written_us.is_none_or(|at| now_us < at || now_us - at >= interval_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(conflator: &mut Conflator, now_us: i64) -> Vec<Bytes> {
        let mut values = Vec::new();
        conflator.flush(now_us, |write| {
            values.push(write.value);
            true
        });
        values
    }

    #[test]
    fn the_first_state_is_written_at_once_and_the_last_one_after_the_interval() {
        let mut conflator = Conflator::new(500);
        let key = conflator.add(Subject::from_static("k"));
        assert!(conflator.offer(key, b"1", 1_000).is_some());
        assert!(conflator.offer(key, b"2", 1_100).is_none());
        assert!(conflator.offer(key, b"3", 1_499).is_none());
        assert!(values(&mut conflator, 1_499).is_empty());
        assert_eq!(values(&mut conflator, 1_500), ["3"]);
        assert!(values(&mut conflator, 9_000).is_empty(), "nothing is written twice");
    }

    #[test]
    fn a_clock_set_back_holds_nothing_back() {
        let mut conflator = Conflator::new(500);
        let key = conflator.add(Subject::from_static("k"));
        assert!(conflator.offer(key, b"1", 1_000_000).is_some());
        assert!(conflator.offer(key, b"2", 10).is_some());
    }

    #[test]
    fn a_refused_write_waits() {
        let mut conflator = Conflator::new(500);
        let key = conflator.add(Subject::from_static("k"));
        let write = conflator.offer(key, b"1", 0).expect("due");
        conflator.put_back(key, &write);
        conflator.flush(600, |_| false);
        assert_eq!(values(&mut conflator, 600), ["1"]);
        let write = conflator.offer(key, b"2", 1_200).expect("due");
        conflator.put_back(key, &write);
        let mut left = 0;
        conflator.flush_all(|_| {
            left += 1;
            true
        });
        assert_eq!(left, 1);
    }
}
