//! Waits between two dials.

use std::time::{Duration, Instant};

use crate::config::{Timing, ms};

/// Doubles from the configured minimum to the maximum, or is the wait for a person; the second half of it is jitter, so
/// that several bridges do not knock in step. Deterministic from the seed in `jitter`.
pub(super) fn wait(timing: &Timing, attempts: u32, needs_person: bool, jitter: &mut u64) -> Duration {
    let doubled = timing.reconnect_min_ms.saturating_mul(1 << attempts.min(20));
    let full = if needs_person { timing.person_retry_ms } else { doubled.min(timing.reconnect_max_ms) };
    *jitter = split_mix(*jitter);
    let half = full / 2;
    ms(half + *jitter % (half + 1))
}

/// How long the sessions of one link last. A gateway that lets in and drops again and again must not be dialled at
/// once each time: every login makes it tell all it knows.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    ready_since: Option<Instant>,
    /// Short ones in a row.
    short: u32,
}

impl Sessions {
    pub(super) fn begin(&mut self, now: Instant) {
        self.ready_since = Some(now);
    }

    /// A session was lost. Returns how many attempts the next dial counts for: none after one that lasted, so that it
    /// follows at once.
    pub(super) fn end(&mut self, now: Instant, timing: &Timing) -> u32 {
        let lasted = self.ready_since.take().map(|since| now.saturating_duration_since(since));
        if lasted.is_some_and(|lasted| lasted >= ms(timing.stable_ms)) {
            self.short = 0;
        }
        let attempts = self.short;
        self.short = self.short.saturating_add(1);
        attempts
    }
}

/// One step of the `SplitMix64` sequence: a well-mixed successor of any number.
fn split_mix(state: u64) -> u64 {
    let mut mixed = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
