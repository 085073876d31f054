//! Simulated time as a function of the host's elapsed time.

use std::time::Duration;

/// A clock that starts at a chosen moment and runs at a chosen speed.
#[derive(Clone, Copy, Debug)]
pub(super) struct SimClock {
    start_ms: i64,
    speed: f64,
}

impl SimClock {
    /// A clock showing `start_ms` (epoch milliseconds) when nothing has elapsed.
    pub(super) fn new(start_ms: i64, speed: f64) -> Self {
        Self { start_ms, speed: speed.clamp(0.001, 1e6) }
    }

    /// Simulated epoch milliseconds after `elapsed` host time.
    #[expect(clippy::cast_possible_truncation, reason = "saturates after 292 million years")]
    pub(super) fn at(&self, elapsed: Duration) -> i64 {
        self.start_ms.saturating_add((elapsed.as_secs_f64() * 1000.0 * self.speed) as i64)
    }

    /// Host time in which `simulated_ms` pass.
    pub(super) fn host_time(&self, simulated_ms: u32) -> Duration {
        Duration::from_secs_f64(f64::from(simulated_ms) / 1000.0 / self.speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_passes_an_hour_in_a_minute() {
        let clock = SimClock::new(1_000, 60.0);
        assert_eq!(clock.at(Duration::ZERO), 1_000);
        assert_eq!(clock.at(Duration::from_secs(60)), 1_000 + 3_600_000);
        assert_eq!(clock.host_time(60_000), Duration::from_secs(1));
    }
}
