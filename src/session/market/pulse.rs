//! How long a stream may be silent, learnt from the stream itself.

use std::time::{Duration, Instant};

/// Messages closer together than this belong to one beat.
const BURST: Duration = Duration::from_millis(100);
/// Gaps between beats that must have been seen before silence means anything.
const LEARNT: u32 = 20;
/// Silence of so many mean gaps is out of the ordinary: for trades that come at random, one gap in 60,000.
const MEANS: u32 = 11;
/// So is silence of so many times the longest gap of late.
const LONGEST: u32 = 4;
/// The longest gap fades by this part with each beat.
const FADE: u32 = 64;
/// The expected silence doubles with each alarm in a row, so often at most.
const DOUBLED_MAX: u32 = 6;

/// Beats of one stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Pulse {
    /// The last message, unless the stream was interrupted since.
    last: Option<Instant>,
    /// Since when the stream is silent although it should not be.
    silent_since: Option<Instant>,
    gaps: u32,
    mean: Duration,
    longest: Duration,
    /// Alarms in a row.
    alarms: u32,
    /// Gaps since the last alarm.
    calm: u32,
}

impl Pulse {
    /// A message came.
    pub(super) fn beat(&mut self, now: Instant) {
        self.silent_since = Some(now);
        let Some(last) = self.last.replace(now) else { return };
        let gap = now.saturating_duration_since(last);
        if gap < BURST {
            return;
        }
        self.gaps = self.gaps.saturating_add(1);
        // An average of all gaps at first, of the latest ones later.
        let weight = self.gaps.min(16);
        self.mean = self.mean.saturating_sub(self.mean / weight) + gap / weight;
        self.longest = gap.max(self.longest.saturating_sub(self.longest / FADE));
        self.calm = self.calm.saturating_add(1);
        if self.calm >= LEARNT {
            self.alarms = 0;
        }
    }

    /// The stream may rightly be silent: the market is closed, a farm is down, it is not asked for.
    pub(super) fn pause(&mut self) {
        self.last = None;
        self.silent_since = None;
    }

    /// The stream has another rhythm from here on: what was learnt of the earlier one says nothing.
    pub(super) fn relearn(&mut self) {
        *self = Self { alarms: self.alarms, ..Self::default() };
    }

    /// How long the stream has been silent although it should not be. Counts from the first call
    /// after a pause, or from the last message.
    pub(super) fn silence(&mut self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.silent_since.get_or_insert(now))
    }

    /// The longest silence that means nothing: at least `floor`, or `period` (if the stream has one)
    /// three times. `None` while too little is known.
    pub(super) fn patience(&self, floor: Duration, period: Option<Duration>) -> Option<Duration> {
        let learnt = (self.gaps >= LEARNT).then(|| (self.mean * MEANS).max(self.longest * LONGEST));
        let expected = match (learnt, period) {
            (Some(learnt), _) => learnt,
            (None, Some(period)) => period * 3,
            (None, None) => return None,
        };
        Some(expected.max(floor) * 2_u32.pow(self.alarms.min(DOUBLED_MAX)))
    }

    /// It was asked for again because of its silence.
    pub(super) fn alarm(&mut self) {
        self.alarms = self.alarms.saturating_add(1);
        self.calm = 0;
        self.pause();
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
mod tests {
    use super::*;

    const FLOOR: Duration = Duration::from_secs(30);

    /// A stream with these gaps, and when it stands now.
    fn after(gaps_ms: impl Iterator<Item = u64>) -> (Pulse, Instant) {
        let (mut pulse, mut now) = (Pulse::default(), Instant::now());
        pulse.beat(now);
        for gap in gaps_ms {
            now += Duration::from_millis(gap);
            pulse.beat(now);
        }
        (pulse, now)
    }

    #[test]
    fn a_lively_stream_has_the_patience_of_the_floor() {
        let (pulse, _) = after((0..200).map(|_| 250));
        assert_eq!(pulse.patience(FLOOR, None), Some(FLOOR));
    }

    #[test]
    fn nothing_is_expected_of_a_stream_that_has_shown_little() {
        let (pulse, _) = after((0..500).map(|_| 20));
        assert_eq!(pulse.patience(FLOOR, None), None, "one burst tells nothing");
        let (pulse, _) = after((0..19).map(|_| 1_000));
        assert_eq!(pulse.patience(FLOOR, None), None);
        assert_eq!(pulse.patience(Duration::ZERO, Some(Duration::from_secs(5))), Some(Duration::from_secs(15)));
    }

    #[test]
    fn a_pause_is_no_gap_and_silence_counts_from_its_end() {
        let (mut pulse, now) = after((0..40).map(|_| 1_000));
        pulse.pause();
        let later = now + Duration::from_secs(16 * 3_600);
        assert_eq!(pulse.silence(later), Duration::ZERO);
        assert_eq!(pulse.silence(later + FLOOR), FLOOR);
        pulse.beat(later + FLOOR);
        assert_eq!(pulse.patience(FLOOR, None), Some(FLOOR));
    }

    #[test]
    fn patience_doubles_with_each_alarm_and_returns_when_the_stream_beats_again() {
        let (mut pulse, mut now) = after((0..40).map(|_| 1_000));
        for doubled in [1, 2, 4, 8, 16, 32, 64, 64] {
            assert_eq!(pulse.patience(FLOOR, None), Some(FLOOR * doubled));
            pulse.alarm();
        }
        pulse.beat(now);
        for _ in 0..LEARNT {
            now += Duration::from_secs(1);
            pulse.beat(now);
        }
        assert_eq!(pulse.patience(FLOOR, None), Some(FLOOR));
    }

    /// Trades at random, in the mean a minute apart: a quiet instrument, watched for a month.
    #[test]
    fn a_quiet_instrument_hardly_ever_exceeds_its_patience() {
        use rand::{RngExt as _, SeedableRng as _};
        let mut surprises = 0;
        for seed in 0..20 {
            let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let (mut pulse, mut now) = (Pulse::default(), Instant::now());
            for _ in 0..20 * 390 {
                let share: f64 = random.random_range(1e-12..1.0);
                let gap = Duration::from_secs_f64(-60.0 * share.ln());
                surprises += u32::from(pulse.patience(FLOOR, None).is_some_and(|patience| gap > patience));
                now += gap;
                pulse.beat(now);
            }
        }
        println!("{surprises} of 156,000 gaps");
        assert!(surprises <= 5, "{surprises} of 156,000 gaps");
    }
}
