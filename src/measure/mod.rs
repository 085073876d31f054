//! Counters and latency histograms that several tasks share without a lock.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A number that only grows, or a level that several threads look at.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Counts `more`.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Takes `less` off; never below zero.
    pub fn sub(&self, less: u64) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |value| Some(value.saturating_sub(less)));
    }

    /// Sets a level.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper ends of the buckets of [`Durations`], in microseconds. What is longer counts in the total alone.
pub const BUCKETS_US: [u64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000, 10_000_000, 60_000_000,
];

/// How long something took, in buckets.
#[derive(Debug, Default)]
pub struct Durations {
    buckets: [AtomicU64; BUCKETS_US.len()],
    longer: AtomicU64,
    sum_us: AtomicU64,
}

/// A histogram at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// How many fell into each bucket of [`BUCKETS_US`], not cumulated.
    pub buckets: [u64; BUCKETS_US.len()],
    /// How many there were in all.
    pub count: u64,
    /// Their sum, in microseconds.
    pub sum_us: u64,
}

impl Durations {
    /// Counts one.
    pub fn record(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BUCKETS_US.partition_point(|end| *end < us);
        self.buckets.get(place).unwrap_or(&self.longer).fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// The histogram now. Its count is that of its buckets, also while others record.
    pub fn histogram(&self) -> Histogram {
        let buckets =
            std::array::from_fn(|place| self.buckets.get(place).map_or(0, |count| count.load(Ordering::Relaxed)));
        let count = buckets.iter().sum::<u64>() + self.longer.load(Ordering::Relaxed);
        Histogram { buckets, count, sum_us: self.sum_us.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_the_bucket_whose_end_it_does_not_exceed() {
        let durations = Durations::default();
        for us in [0, 100, 101, 60_000_000, 60_000_001] {
            durations.record(Duration::from_micros(us));
        }
        let histogram = durations.histogram();
        assert_eq!((histogram.buckets[0], histogram.buckets[1], histogram.buckets[13]), (2, 1, 1));
        assert_eq!((histogram.count, histogram.sum_us), (5, 120_000_202));
    }

    #[test]
    fn a_level_never_falls_below_zero() {
        let count = Count::default();
        count.add(2);
        count.sub(5);
        assert_eq!(count.get(), 0);
    }
}
