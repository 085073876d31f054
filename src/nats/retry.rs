//! Waits that grow and are spread at random; the only file that names the `backoff` crate.

use std::time::Duration;

use backoff::{ExponentialBackoff, ExponentialBackoffBuilder, backoff::Backoff as _};

/// How long to wait before each attempt of something that may fail for ever.
#[derive(Debug)]
pub(super) struct Retry {
    waits: ExponentialBackoff,
    longest: Duration,
}

impl Retry {
    /// Doubling from `first` up to `longest`, each half as long again or half as short at random.
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        let waits = ExponentialBackoffBuilder::new()
            .with_initial_interval(first)
            .with_max_interval(longest)
            .with_multiplier(2.0)
            .with_randomization_factor(0.5)
            .with_max_elapsed_time(None)
            .build();
        Self { waits, longest }
    }

    /// The next wait.
    pub(super) fn next_wait(&mut self) -> Duration {
        self.waits.next_backoff().unwrap_or(self.longest)
    }

    /// Begins again with the shortest wait.
    pub(super) fn reset(&mut self) {
        self.waits.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest_and_never_end() {
        let mut retry = Retry::new(Duration::from_millis(100), Duration::from_secs(4));
        let waits: Vec<Duration> = (0..50).map(|_| retry.next_wait()).collect();
        assert!(waits[0] <= Duration::from_millis(150), "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(6)), "{waits:?}");
        assert!(waits[40] >= Duration::from_secs(2), "{waits:?}");
        retry.reset();
        assert!(retry.next_wait() <= Duration::from_millis(150));
    }
}
