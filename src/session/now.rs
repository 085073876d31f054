//! One reading of both clocks, taken by the driver and passed in.

use std::time::{Duration, Instant};

/// The monotonic and the wall clock at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic; deadlines are compared with it.
    pub at: Instant,
    /// Microseconds since the epoch, UTC; payloads carry it.
    pub us: i64,
}

impl Now {
    /// The same two clocks `later`.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        let us = i64::try_from(later.as_micros()).unwrap_or(i64::MAX);
        Self { at: self.at + later, us: self.us.saturating_add(us) }
    }

    /// Wall-clock time of a monotonic moment at or after this one.
    pub fn us_at(self, at: Instant) -> i64 {
        self.plus(at.saturating_duration_since(self.at)).us
    }
}
