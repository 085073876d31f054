//! Cuts a range into the requests IB allows.
//!
//! What may be asked is the table of `ib-limits` section 4: for each duration unit its longest count
//! and the bars it goes with; 2000 S and nothing else for bars of one second. Of that a request takes
//! as much as brings at most `pacing.history_rows` bars if the market never closes.
//!
//! Durations in seconds go back by the clock. Those in days and weeks may go back by trading
//! sessions, counted from the start of the session in which the range ends, so they promise less
//! than their name says.

use compact_str::{CompactString, format_compact};

use crate::schema::bar::BarSize;

/// Microseconds in a second.
pub(super) const SECOND_US: i64 = 1_000_000;
/// Bars of this length in seconds and less fall under the small-bar rules.
const SMALL_BAR_S: i64 = 30;
const DAY_S: i64 = 86_400;
/// Bars of one request that must be the only one.
const SINGLE_ROWS: i64 = 50_000;
/// Requests of one range; 160 years of one-minute bars.
const CHUNKS_MAX: i64 = 20_000;

/// A duration unit.
struct Unit {
    letter: char,
    /// Length in seconds, for the number of bars it brings.
    length_s: i64,
    count_max: i64,
    /// Shortest and longest bar, in seconds, that it goes with.
    bars_s: std::ops::RangeInclusive<i64>,
    /// Seconds by the clock that so many of it surely cover.
    covers_s: fn(i64) -> i64,
}

const UNITS: [Unit; 5] = [
    Unit { letter: 'S', length_s: 1, count_max: DAY_S, bars_s: 1..=60, covers_s: |count| count },
    // The session in which a range ends may have just begun.
    Unit { letter: 'D', length_s: DAY_S, count_max: 365, bars_s: 5..=3_600, covers_s: |count| (count - 1) * DAY_S },
    Unit {
        letter: 'W',
        length_s: 7 * DAY_S,
        count_max: 52,
        bars_s: 10..=14_400,
        covers_s: |count| (7 * count - 2) * DAY_S,
    },
    Unit {
        letter: 'M',
        length_s: 31 * DAY_S,
        count_max: 12,
        bars_s: 30..=28_800,
        covers_s: |count| (28 * count - 1) * DAY_S,
    },
    // Weekly and monthly bars stand in the older table only.
    Unit {
        letter: 'Y',
        length_s: 366 * DAY_S,
        count_max: 68,
        bars_s: 60..=30 * DAY_S,
        covers_s: |count| 364 * count * DAY_S,
    },
];

/// Seconds that a range of bars of one second may have in one request.
const SECOND_BARS_MAX: i64 = 2_000;

/// How a range is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) size: BarSize,
    /// In one request or not at all.
    pub(super) single: bool,
    /// Bars of one request, if the market never closes.
    pub(super) rows_max: u32,
}

/// One request: bars that start at `from_us` or later and before `to_us`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) from_us: i64,
    pub(super) to_us: i64,
    /// As the gateway reads it; covers at least the chunk.
    pub(super) duration: CompactString,
}

pub(super) fn is_small(size: BarSize) -> bool {
    size.seconds() <= SMALL_BAR_S
}

/// True if bars of this size are asked in one request: a week or month cut in two would come as two
/// partial bars.
pub(super) fn is_indivisible(size: BarSize) -> bool {
    size.seconds() > DAY_S
}

impl Cut {
    /// The largest count of a unit; 0 if the unit does not go with the bars.
    fn count_max(self, unit: &Unit) -> i64 {
        let bar_s = self.size.seconds();
        if !unit.bars_s.contains(&bar_s) {
            return 0;
        }
        let rows = if self.single { SINGLE_ROWS } else { i64::from(self.rows_max) };
        let allowed = if bar_s == 1 { SECOND_BARS_MAX } else { unit.count_max };
        let shortest_unit = UNITS.iter().find(|unit| unit.bars_s.contains(&bar_s));
        // However few rows are wanted, there must be a request: two days cover one.
        let least = if shortest_unit.is_some_and(|shortest| shortest.letter == unit.letter) { 2 } else { 0 };
        allowed.min((rows.saturating_mul(bar_s) / unit.length_s).max(least))
    }

    /// The longest span of one request, in seconds.
    pub(super) fn longest_s(self) -> i64 {
        let spans = UNITS.iter().map(|unit| (unit, self.count_max(unit))).filter(|(_, count)| *count > 0);
        spans.map(|(unit, count)| (unit.covers_s)(count)).max().unwrap_or(0)
    }

    /// The shortest duration that covers a span.
    fn covering(self, span_us: i64) -> Option<CompactString> {
        let span_s = span_us.div_euclid(SECOND_US) + i64::from(span_us.rem_euclid(SECOND_US) > 0);
        UNITS.iter().find_map(|unit| {
            let max = self.count_max(unit);
            let first = match unit.letter {
                // Whole bars; a minute at least, which every table has.
                'S' => {
                    let bar_s = self.size.seconds();
                    (span_s.div_euclid(bar_s) + i64::from(span_s.rem_euclid(bar_s) > 0)).saturating_mul(bar_s).max(60)
                }
                _ => span_s / unit.length_s,
            };
            let enough = (first.max(1)..=max.min(first + 4)).find(|count| (unit.covers_s)(*count) >= span_s);
            // A unit may need a few more than its length says, its sessions being short.
            let enough = enough.or_else(|| (max > 0 && (unit.covers_s)(max) >= span_s).then_some(max));
            enough.map(|count| format_compact!("{count} {}", unit.letter))
        })
    }

    /// Cuts `from_us..to_us` into requests, oldest first. Empty if it takes too many, or if a single
    /// one was asked and cannot reach that far.
    ///
    /// Small bars are dear, so their cuts are counted from the end and are as few as possible. Cuts of
    /// longer bars lie at fixed moments: requests for overlapping ranges then share the inner ones.
    pub(super) fn chunks(self, from_us: i64, to_us: i64) -> Vec<Chunk> {
        let whole = |from_us, to_us| self.covering(to_us - from_us).map(|duration| Chunk { from_us, to_us, duration });
        if let Some(chunk) = whole(from_us, to_us) {
            return vec![chunk];
        }
        let step = self.longest_s().saturating_mul(SECOND_US);
        if self.single || step <= 0 || (to_us - from_us) / step >= CHUNKS_MAX {
            return Vec::new();
        }
        let bar = self.size.seconds().saturating_mul(SECOND_US);
        // A cut between two bars, never inside one.
        let anchor = if is_small(self.size) { to_us - to_us.rem_euclid(bar) } else { 0 };
        let mut cuts = vec![from_us];
        let mut next = from_us + (step - (from_us - anchor).rem_euclid(step));
        while next < to_us {
            cuts.push(next);
            next += step;
        }
        cuts.push(to_us);
        cuts.windows(2).filter_map(|pair| whole(*pair.first()?, *pair.last()?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(name: &str) -> Cut {
        Cut { size: name.parse().expect("a bar size"), single: false, rows_max: 6_000 }
    }

    fn single(name: &str) -> Cut {
        Cut { single: true, ..plan(name) }
    }

    #[test]
    fn each_bar_size_has_its_longest_request() {
        for (name, duration, seconds) in [
            ("1s", "2000 S", 2_000),
            ("5s", "30000 S", 30_000),
            ("10s", "60000 S", 60_000),
            ("15s", "86400 S", DAY_S),
            ("30s", "86400 S", DAY_S),
            ("1m", "4 D", 3 * DAY_S),
            ("2m", "8 D", 7 * DAY_S),
            ("3m", "12 D", 11 * DAY_S),
            ("5m", "20 D", 19 * DAY_S),
            ("20m", "83 D", 82 * DAY_S),
            ("30m", "125 D", 124 * DAY_S),
            ("1h", "250 D", 249 * DAY_S),
            ("2h", "1 Y", 364 * DAY_S),
            ("4h", "2 Y", 2 * 364 * DAY_S),
            ("8h", "5 Y", 5 * 364 * DAY_S),
            ("1d", "16 Y", 16 * 364 * DAY_S),
            ("1w", "68 Y", 68 * 364 * DAY_S),
            ("1mo", "68 Y", 68 * 364 * DAY_S),
        ] {
            assert_eq!(plan(name).longest_s(), seconds, "{name}");
            assert_eq!(plan(name).covering(seconds * SECOND_US).as_deref(), Some(duration), "{name}");
        }
    }

    #[test]
    fn a_range_takes_the_shortest_duration_that_covers_it() {
        let start = 1_800_000_000 * SECOND_US;
        for (name, seconds, duration) in [
            ("1s", 5, "60 S"),
            ("1s", 1_801, "1801 S"),
            ("5s", 1_801, "1805 S"),
            ("1m", 3_600, "3600 S"),
            ("1m", 28_801, "28860 S"),
            ("1m", DAY_S + 1, "3 D"),
            ("1h", 30 * 60, "2 D"),
            ("1h", 2 * DAY_S, "3 D"),
            ("4h", 3_600, "1 W"),
            ("4h", 6 * DAY_S, "2 W"),
            ("1h", 8 * DAY_S, "9 D"),
            ("8h", 3_600, "1 M"),
            ("1d", 3_600, "1 Y"),
        ] {
            let chunks = plan(name).chunks(start, start + seconds * SECOND_US);
            let [chunk] = chunks.as_slice() else { panic!("{name} {seconds}: {chunks:?}") };
            assert_eq!(chunk.duration, duration, "{name} {seconds}");
        }
    }

    #[test]
    fn a_year_of_minutes_and_a_day_of_seconds_take_as_few_requests_as_the_table_allows() {
        let start = 1_800_000_000 * SECOND_US;
        let count = |name, days| plan(name).chunks(start, start + days * DAY_S * SECOND_US).len();
        assert_eq!([count("1m", 365), count("1s", 1)], [123, 44]);
    }

    #[test]
    fn overlapping_ranges_share_their_inner_requests() {
        let day = DAY_S * SECOND_US;
        let start = 20_000 * day + 5 * 3_600 * SECOND_US;
        let one = plan("1m").chunks(start, start + 9 * day);
        let other = plan("1m").chunks(start + 60 * SECOND_US, start + 12 * day);
        assert_eq!(one[1..3], other[1..3]);
    }

    #[test]
    fn one_request_that_cannot_reach_is_no_request() {
        let year = 365 * DAY_S * SECOND_US;
        assert_eq!(single("1m").chunks(0, year), []);
        assert_eq!(single("1h").chunks(0, year)[0].duration, "2 Y");
        assert_eq!(single("1w").chunks(0, 15 * year)[0].duration, "16 Y");
        assert_eq!(single("1d").chunks(0, 69 * year), []);
    }

    proptest! {
        /// The chunks of any range lie end to end, and each obeys the table.
        #[test]
        fn chunks_cover_a_range_exactly_and_obey_the_table(
            index in 0_usize..21,
            from_us in 0_i64..2_000_000_000_000_000,
            bars in 1_i64..300_000,
            odd_us in 0_i64..1_000_000,
            rows_max in 500_u32..20_000,
        ) {
            let cut = Cut { rows_max, ..plan(BarSize::names().nth(index).expect("21 names")) };
            let bar_s = cut.size.seconds();
            let to_us = from_us + bars.min(68 * 360 * DAY_S / bar_s) * bar_s * SECOND_US + odd_us;
            let cut = Cut { single: is_indivisible(cut.size), ..cut };
            let chunks = cut.chunks(from_us, to_us);
            prop_assert_eq!(chunks.first().map(|chunk| chunk.from_us), Some(from_us));
            prop_assert_eq!(chunks.last().map(|chunk| chunk.to_us), Some(to_us));
            prop_assert!(chunks.windows(2).all(|pair| pair[0].to_us == pair[1].from_us));
            for chunk in &chunks {
                let (count, letter) = chunk.duration.split_once(' ').expect("a number and a unit");
                let (count, bar_s): (i64, i64) = (count.parse().expect("a number"), cut.size.seconds());
                let (length_s, longest, bars_s) = match letter {
                    "S" if bar_s == 1 => (1, 2_000, 1..=1),
                    "S" => (1, 86_400, 1..=60),
                    "D" => (DAY_S, 365, 5..=3_600),
                    "W" => (7 * DAY_S, 52, 10..=14_400),
                    "M" => (31 * DAY_S, 12, 30..=28_800),
                    _ => (366 * DAY_S, 68, 60..=30 * DAY_S),
                };
                prop_assert!((1..=longest).contains(&count) && bars_s.contains(&bar_s), "{} {}", chunk.duration, bar_s);
                prop_assert!(cut.single || count * length_s / bar_s <= i64::from(rows_max).max(1_440));
                prop_assert!(chunk.from_us < chunk.to_us && chunk.to_us - chunk.from_us <= count * length_s * SECOND_US);
            }
            let needed = (to_us - from_us).div_euclid(cut.longest_s() * SECOND_US) + 2;
            prop_assert!(i64::try_from(chunks.len()).expect("few") <= needed);
        }
    }
}
