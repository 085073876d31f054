//! Cuts a range into the requests IB allows.
//!
//! Each row of the table stands in both of IB's tables, the older and the newer (`ib-limits`
//! section 4), but for two that only the newer one has: 2000 S with bars of one second and 86400 S
//! with bars of one minute, and for weekly and monthly bars, which only the older one has.
//!
//! Durations in seconds go back by the clock. Those in days and weeks may go back by trading
//! sessions, counted from the start of the session in which the range ends, so a row promises less
//! than its name says.

use crate::schema::bar::BarSize;

/// Microseconds in a second.
pub(super) const SECOND_US: i64 = 1_000_000;
/// Bars of this length in seconds and less fall under the small-bar rules.
const SMALL_BAR_S: i64 = 30;
const DAY_S: i64 = 86_400;

/// A duration as the gateway reads it, the seconds by the clock it surely covers, and the shortest
/// and longest bar, in seconds, that may be asked with it.
type Duration = (&'static str, i64, i64, i64);

/// Shortest first.
const DURATIONS: [Duration; 12] = [
    ("60 S", 60, 1, 60),
    ("120 S", 120, 1, 60),
    ("1800 S", 1_800, 1, 60),
    ("2000 S", 2_000, 1, 1),
    ("3600 S", 3_600, 5, 60),
    ("14400 S", 14_400, 10, 60),
    ("28800 S", 28_800, 30, 60),
    ("86400 S", DAY_S, 60, 60),
    ("2 D", DAY_S, 120, 3_600),
    ("1 W", 5 * DAY_S, 180, 14_400),
    ("1 M", 27 * DAY_S, 1_800, 28_800),
    ("1 Y", 364 * DAY_S, DAY_S, 30 * DAY_S),
];

/// For bars that must not be cut by a boundary between requests, and for kinds of data that end now
/// and nowhere else. 68 years is the longest any table allows.
const YEARS: [Duration; 5] = [
    ("2 Y", 2 * 364 * DAY_S, DAY_S, 30 * DAY_S),
    ("5 Y", 5 * 364 * DAY_S, DAY_S, 30 * DAY_S),
    ("10 Y", 10 * 364 * DAY_S, DAY_S, 30 * DAY_S),
    ("20 Y", 20 * 364 * DAY_S, DAY_S, 30 * DAY_S),
    ("68 Y", 68 * 364 * DAY_S, DAY_S, 30 * DAY_S),
];

/// One request: bars that start at `from_us` or later and before `to_us`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) from_us: i64,
    pub(super) to_us: i64,
    /// As the gateway reads it; covers at least the chunk.
    pub(super) duration: &'static str,
}

pub(super) fn is_small(size: BarSize) -> bool {
    size.seconds() <= SMALL_BAR_S
}

/// True if bars of this size are asked in one request: a week or month cut in two would come as two
/// partial bars.
pub(super) fn is_indivisible(size: BarSize) -> bool {
    size.seconds() > DAY_S
}

fn durations(size: BarSize, single: bool) -> impl Iterator<Item = Duration> {
    let fits = move |(_, _, shortest, longest): &Duration| (*shortest..=*longest).contains(&size.seconds());
    let years = YEARS.into_iter().filter(move |_| single);
    DURATIONS.into_iter().chain(years).filter(fits)
}

/// The longest span of one request, in seconds.
pub(super) fn longest(size: BarSize, single: bool) -> i64 {
    durations(size, single).map(|(_, seconds, ..)| seconds).max().unwrap_or(0)
}

/// The shortest duration that covers a span.
fn covering(size: BarSize, single: bool, span_us: i64) -> Option<&'static str> {
    let fits = |(_, seconds, ..): &Duration| seconds.saturating_mul(SECOND_US) >= span_us;
    durations(size, single).find(fits).map(|(text, ..)| text)
}

/// Cuts `from_us..to_us` into requests, oldest first. Empty if `single` was asked and one request
/// cannot reach that far.
///
/// Small bars are dear, so their cuts are counted from the end and are as few as possible. Cuts of
/// longer bars lie at fixed moments: requests for overlapping ranges then share the inner ones.
pub(super) fn cut(size: BarSize, single: bool, from_us: i64, to_us: i64) -> Vec<Chunk> {
    let whole =
        |from_us, to_us| covering(size, single, to_us - from_us).map(|duration| Chunk { from_us, to_us, duration });
    if let Some(chunk) = whole(from_us, to_us) {
        return vec![chunk];
    }
    let step = longest(size, single).saturating_mul(SECOND_US);
    if single || step <= 0 {
        return Vec::new();
    }
    let bar = size.seconds().saturating_mul(SECOND_US);
    // A cut between two bars, never inside one.
    let anchor = if is_small(size) { to_us - to_us.rem_euclid(bar) } else { 0 };
    let mut cuts = vec![from_us];
    let mut next = from_us + (step - (from_us - anchor).rem_euclid(step));
    while next < to_us {
        cuts.push(next);
        next += step;
    }
    cuts.push(to_us);
    cuts.windows(2).filter_map(|pair| whole(*pair.first()?, *pair.last()?)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn size(name: &str) -> BarSize {
        name.parse().expect("a bar size")
    }

    #[test]
    fn each_bar_size_has_its_longest_request() {
        for (name, seconds) in [
            ("1s", 2_000),
            ("5s", 3_600),
            ("10s", 14_400),
            ("15s", 14_400),
            ("30s", 28_800),
            ("1m", DAY_S),
            ("2m", DAY_S),
            ("3m", 5 * DAY_S),
            ("5m", 5 * DAY_S),
            ("20m", 5 * DAY_S),
            ("30m", 27 * DAY_S),
            ("1h", 27 * DAY_S),
            ("2h", 27 * DAY_S),
            ("8h", 27 * DAY_S),
            ("1d", 364 * DAY_S),
            ("1w", 364 * DAY_S),
            ("1mo", 364 * DAY_S),
        ] {
            assert_eq!(longest(size(name), false), seconds, "{name}");
        }
        assert_eq!(longest(size("1w"), true), 68 * 364 * DAY_S);
        assert_eq!(longest(size("1h"), true), 27 * DAY_S);
    }

    #[test]
    fn a_range_takes_the_shortest_duration_that_covers_it() {
        let start = 1_800_000_000 * SECOND_US;
        for (name, seconds, duration) in [
            ("1s", 60, "60 S"),
            ("1s", 1_801, "2000 S"),
            ("5s", 1_801, "3600 S"),
            ("1m", 3_600, "3600 S"),
            ("1m", 28_801, "86400 S"),
            ("1h", 30 * 60, "2 D"),
            ("1h", 2 * DAY_S, "1 W"),
            ("4h", 3_600, "1 W"),
            ("1h", 8 * DAY_S, "1 M"),
            ("8h", 3_600, "1 M"),
            ("1d", 3_600, "1 Y"),
        ] {
            let chunks = cut(size(name), false, start, start + seconds * SECOND_US);
            let [chunk] = chunks.as_slice() else { panic!("{name} {seconds}: {chunks:?}") };
            assert_eq!(chunk.duration, duration, "{name} {seconds}");
        }
    }

    #[test]
    fn overlapping_ranges_share_their_inner_requests() {
        let day = DAY_S * SECOND_US;
        let start = 20_000 * day + 5 * 3_600 * SECOND_US;
        let one = cut(size("1m"), false, start, start + 3 * day);
        let other = cut(size("1m"), false, start + 60 * SECOND_US, start + 4 * day);
        assert_eq!(one[1..3], other[1..3]);
    }

    #[test]
    fn one_request_that_cannot_reach_is_no_request() {
        let year = 365 * DAY_S * SECOND_US;
        assert_eq!(cut(size("1h"), true, 0, year), []);
        assert_eq!(cut(size("1w"), true, 0, 15 * year)[0].duration, "20 Y");
        assert_eq!(cut(size("1d"), true, 0, 68 * year), []);
    }

    proptest! {
        /// The chunks of any range lie end to end, and each obeys the table.
        #[test]
        fn chunks_cover_a_range_exactly_and_obey_the_table(
            index in 0_usize..21,
            from_us in 0_i64..2_000_000_000_000_000,
            bars in 1_i64..30_000,
            odd_us in 0_i64..1_000_000,
        ) {
            let size = size(BarSize::names().nth(index).expect("21 names"));
            let to_us = from_us + bars * size.seconds() * SECOND_US + odd_us;
            let chunks = cut(size, false, from_us, to_us);
            prop_assert_eq!(chunks.first().map(|chunk| chunk.from_us), Some(from_us));
            prop_assert_eq!(chunks.last().map(|chunk| chunk.to_us), Some(to_us));
            prop_assert!(chunks.windows(2).all(|pair| pair[0].to_us == pair[1].from_us));
            for chunk in &chunks {
                let row = DURATIONS.iter().find(|row| row.0 == chunk.duration).expect("a row of the table");
                prop_assert!((row.2..=row.3).contains(&size.seconds()));
                prop_assert!(chunk.from_us < chunk.to_us && chunk.to_us - chunk.from_us <= row.1 * SECOND_US);
            }
            let needed = (to_us - from_us).div_euclid(longest(size, false) * SECOND_US) + 2;
            prop_assert!(i64::try_from(chunks.len()).expect("few") <= needed);
        }
    }
}
