//! A limit that learns: lowered when the gateway complains, restored step by step.

use std::time::{Duration, Instant};

/// What a budget may be now.
#[derive(Debug)]
pub(super) struct Level {
    configured: u32,
    /// Never lowered below this.
    floor: u32,
    /// What was learnt last, and when.
    learnt: Option<(u32, Instant)>,
    /// So much is given back each time this has passed.
    step: (u32, Duration),
}

impl Level {
    pub(super) fn new(configured: u32, step: (u32, Duration)) -> Self {
        Self { configured, floor: (configured / 4).max(1), learnt: None, step }
    }

    /// Changes what is configured; what was learnt stays, as far as it is lower.
    pub(super) fn set_configured(&mut self, configured: u32) {
        self.configured = configured;
        self.floor = (configured / 4).max(1);
        self.learnt = self.learnt.filter(|(learnt, _)| *learnt < configured);
    }

    pub(super) fn configured(&self) -> u32 {
        self.configured
    }

    /// What may be used at `now`.
    pub(super) fn max(&mut self, now: Instant) -> u32 {
        let Some((learnt, at)) = self.learnt else { return self.configured };
        let (by, every) = self.step;
        let steps = now.saturating_duration_since(at).as_nanos() / every.as_nanos().max(1);
        let restored = u32::try_from(steps).unwrap_or(u32::MAX).saturating_mul(by).saturating_add(learnt);
        if restored >= self.configured {
            self.learnt = None;
        }
        restored.min(self.configured)
    }

    /// When it will be back at what is configured; `None` if it is.
    pub(super) fn restored_at(&self) -> Option<Instant> {
        let (learnt, at) = self.learnt?;
        let (by, every) = self.step;
        Some(at + every * self.configured.saturating_sub(learnt).div_ceil(by.max(1)))
    }

    /// When the next step is given back; `None` if nothing is missing.
    pub(super) fn next_step(&self, now: Instant) -> Option<Instant> {
        let (_, at) = self.learnt?;
        let (_, every) = self.step;
        let steps = now.saturating_duration_since(at).as_nanos() / every.as_nanos().max(1);
        Some(at + every * u32::try_from(steps + 1).unwrap_or(u32::MAX))
    }

    /// The gateway refused at `used`, or at four fifths of what was allowed if that is less. Complaints come in bursts,
    /// about what was sent before the first of them: they count once in `window`.
    pub(super) fn lower(&mut self, now: Instant, used: u32, window: Duration) -> u32 {
        let max = self.max(now);
        if self.learnt.is_some_and(|(_, at)| now < at + window) {
            return max;
        }
        let to = (max.saturating_mul(4) / 5).min(used).clamp(self.floor.min(max), max);
        self.learnt = Some((to, now));
        to
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_of_complaints_counts_once() {
        let start = Instant::now();
        let mut level = Level::new(50, (1, Duration::from_secs(30)));
        for ms in [0, 1, 500, 999] {
            assert_eq!(level.lower(start + Duration::from_millis(ms), u32::MAX, WINDOW), 40, "after {ms} ms");
        }
        assert_eq!(level.lower(start + WINDOW, u32::MAX, WINDOW), 32);
    }

    #[test]
    fn what_was_taken_away_comes_back_step_by_step() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut level = Level::new(40, (2, Duration::from_secs(10)));
        assert_eq!((level.max(start), level.restored_at()), (40, None));
        assert_eq!(level.lower(start, 100, WINDOW), 32);
        assert_eq!([9, 10, 39, 40].map(|seconds| level.max(at(seconds))), [32, 34, 38, 40]);
        assert_eq!(level.lower(at(50), 7, WINDOW), 10, "never below a quarter");
        assert_eq!(level.restored_at(), Some(at(200)));
        assert_eq!(level.next_step(at(61)), Some(at(70)));
        assert_eq!(level.lower(at(51), 0, WINDOW), 10);
    }
}
