//! What became of requests, by class and client, over the last hour and since the start.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;

use super::{Class, fair::Client};

/// One slice of time; an hour of them is kept.
const SLICE: Duration = Duration::from_secs(60);
const SLICES: usize = 60;
/// Waits are counted in two steps an octave of milliseconds.
const STEPS: usize = 50;
/// Clients told apart; what later ones do is counted together.
const CLIENTS_MAX: usize = 500;

/// How often waits of each length came.
#[derive(Clone, Debug)]
pub(super) struct Waits([u32; STEPS]);

impl Default for Waits {
    fn default() -> Self {
        Self([0; STEPS])
    }
}

/// Upper end of a step, in milliseconds.
fn end_ms(step: usize) -> u64 {
    let octave = u32::try_from(step / 2).unwrap_or(0);
    let start = 1_u64 << octave;
    if step.is_multiple_of(2) { start.saturating_mul(3) / 2 } else { start * 2 }
}

impl Waits {
    fn add(&mut self, wait: Duration) {
        let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let step = (0..STEPS - 1).find(|step| ms < end_ms(*step)).unwrap_or(STEPS - 1);
        if let Some(count) = self.0.get_mut(step) {
            *count = count.saturating_add(1);
        }
    }

    fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(&other.0) {
            *count = count.saturating_add(*more);
        }
    }

    /// The wait in milliseconds that so many percent stayed below; `None` if nothing was sent.
    pub(super) fn percentile_ms(&self, percent: u64) -> Option<u64> {
        let total: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let rank = (total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        self.0.iter().enumerate().find_map(|(step, count)| {
            seen += u64::from(*count);
            (seen >= rank).then(|| if step == 0 { 0 } else { end_ms(step) })
        })
    }
}

/// What became of the requests of one class.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) sent: u64,
    pub(super) refused: u64,
    pub(super) dropped: u64,
    pub(super) waits: Waits,
}

impl Row {
    fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.refused += other.refused;
        self.dropped += other.dropped;
        self.waits.merge(&other.waits);
    }
}

/// All classes in one stretch of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Stretch {
    pub(super) classes: [Row; Class::COUNT],
    pub(super) violations: u64,
}

/// What became of one client's requests.
#[derive(Clone, Debug, Default)]
pub(super) struct ClientRow {
    pub(super) sent: u64,
    pub(super) history_sent: u64,
    pub(super) refused: u64,
    pub(super) dropped: u64,
    pub(super) longest_wait: Duration,
}

/// What became of all requests.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) total: Stretch,
    slices: VecDeque<(Instant, Stretch)>,
    pub(super) longest: [Duration; Class::COUNT],
    pub(super) clients: FxHashMap<Client, ClientRow>,
}

impl Tally {
    fn slice(&mut self, now: Instant) -> Option<&mut Stretch> {
        let is_over = self.slices.back().is_none_or(|(began, _)| *began + SLICE <= now);
        if is_over {
            if self.slices.len() == SLICES {
                self.slices.pop_front();
            }
            self.slices.push_back((now, Stretch::default()));
        }
        self.slices.back_mut().map(|(_, stretch)| stretch)
    }

    fn count(&mut self, now: Instant, class: Class, add: impl Fn(&mut Row)) {
        if let Some(row) = self.total.classes.get_mut(class as usize) {
            add(row);
        }
        if let Some(row) = self.slice(now).and_then(|stretch| stretch.classes.get_mut(class as usize)) {
            add(row);
        }
    }

    fn client(&mut self, client: &Client) -> &mut ClientRow {
        let is_known = self.clients.len() < CLIENTS_MAX || self.clients.contains_key(client);
        let name = if is_known { client.clone() } else { Some("(others)".into()) };
        self.clients.entry(name).or_default()
    }

    pub(super) fn sent(&mut self, now: Instant, class: Class, client: &Client, wait: Duration) {
        self.count(now, class, |row| {
            row.sent += 1;
            row.waits.add(wait);
        });
        if let Some(longest) = self.longest.get_mut(class as usize) {
            *longest = wait.max(*longest);
        }
        let row = self.client(client);
        row.sent += 1;
        row.history_sent += u64::from(class == Class::History);
        row.longest_wait = row.longest_wait.max(wait);
    }

    pub(super) fn refused(&mut self, now: Instant, class: Class, client: &Client) {
        self.count(now, class, |row| row.refused += 1);
        self.client(client).refused += 1;
    }

    pub(super) fn dropped(&mut self, now: Instant, class: Class, client: &Client) {
        self.count(now, class, |row| row.dropped += 1);
        self.client(client).dropped += 1;
    }

    pub(super) fn violated(&mut self, now: Instant) {
        self.total.violations += 1;
        if let Some(stretch) = self.slice(now) {
            stretch.violations += 1;
        }
    }

    /// What happened in the last `length`, to the minute.
    pub(super) fn last(&self, now: Instant, length: Duration) -> Stretch {
        let mut sum = Stretch::default();
        for (_, stretch) in self.slices.iter().filter(|(began, _)| *began + length > now) {
            for (row, more) in sum.classes.iter_mut().zip(&stretch.classes) {
                row.merge(more);
            }
            sum.violations += stretch.violations;
        }
        sum
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_upper_ends_of_their_step() {
        let mut waits = Waits::default();
        assert_eq!(waits.percentile_ms(50), None);
        for ms in 0..100 {
            waits.add(Duration::from_millis(ms));
        }
        assert_eq!(
            [1, 50, 99, 100].map(|percent| waits.percentile_ms(percent)),
            [Some(0), Some(64), Some(128), Some(128)]
        );
        waits.add(Duration::MAX);
        assert!(waits.percentile_ms(100) > Some(10_000_000));
    }

    #[test]
    fn a_stretch_forgets_what_is_older() {
        let start = Instant::now();
        let mut tally = Tally::default();
        for minute in 0..100 {
            tally.refused(start + SLICE * minute, Class::Live, &None);
        }
        let now = start + SLICE * 99;
        let last = |length| tally.last(now, length).classes[Class::Live as usize].refused;
        assert_eq!([SLICE, 10 * SLICE, 60 * SLICE].map(last), [1, 10, 60]);
        assert_eq!(tally.total.classes[Class::Live as usize].refused, 100);
    }
}
