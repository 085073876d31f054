//! Bar sizes and durations of historical queries: what exists, and which go together.

use chrono::{DateTime, Months};

use super::universe::Refusal;

/// The length of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BarSize {
    /// So many seconds, within a session.
    Seconds(i64),
    /// One session.
    Day,
    /// The sessions of a calendar week.
    Week,
    /// The sessions of a calendar month.
    Month,
}

const SIZES: &[(&str, BarSize)] = &[
    ("1 secs", BarSize::Seconds(1)),
    ("5 secs", BarSize::Seconds(5)),
    ("10 secs", BarSize::Seconds(10)),
    ("15 secs", BarSize::Seconds(15)),
    ("30 secs", BarSize::Seconds(30)),
    ("1 min", BarSize::Seconds(60)),
    ("2 mins", BarSize::Seconds(120)),
    ("3 mins", BarSize::Seconds(180)),
    ("5 mins", BarSize::Seconds(300)),
    ("10 mins", BarSize::Seconds(600)),
    ("15 mins", BarSize::Seconds(900)),
    ("20 mins", BarSize::Seconds(1200)),
    ("30 mins", BarSize::Seconds(1800)),
    ("1 hour", BarSize::Seconds(3600)),
    ("2 hours", BarSize::Seconds(7200)),
    ("3 hours", BarSize::Seconds(10_800)),
    ("4 hours", BarSize::Seconds(14_400)),
    ("8 hours", BarSize::Seconds(28_800)),
    ("1 day", BarSize::Day),
    ("1 week", BarSize::Week),
    ("1W", BarSize::Week),
    ("1 month", BarSize::Month),
    ("1M", BarSize::Month),
];

impl BarSize {
    /// Reads IB's exact text.
    ///
    /// # Errors
    ///
    /// 321 with the legal sizes.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        // "1 sec" and "1 day" style variants that gateways also take.
        let text = if text == "1 sec" { "1 secs" } else { text };
        SIZES.iter().find(|(name, _)| *name == text).map(|(_, size)| *size).ok_or_else(|| {
            let legal: Vec<&str> = SIZES.iter().map(|(name, _)| *name).collect();
            Refusal::invalid(&format!(
                "Historical data bar size setting is invalid. Legal ones are: {}",
                legal.join(", ")
            ))
        })
    }

    /// Seconds at least in one bar.
    pub(super) fn seconds(self) -> i64 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::Day => 86_400,
            Self::Week => 7 * 86_400,
            Self::Month => 28 * 86_400,
        }
    }

    /// Bars this short fall under the strict pacing rules.
    pub(super) fn is_small(self) -> bool {
        self.seconds() <= 30
    }
}

/// How far a query reaches back from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duration {
    /// Seconds.
    Seconds(i64),
    /// Sessions, or rolling days where the session is the whole day.
    Days(i64),
    /// Calendar months.
    Months(u32),
}

impl Duration {
    /// Reads `<number> <S|D|W|M|Y>` and checks it against the bar size.
    ///
    /// # Errors
    ///
    /// 321 if it cannot be read, 162 if it is too long or does not fit the bar size.
    pub(super) fn parse(text: &str, size: BarSize) -> Result<Self, Refusal> {
        let wrong = || {
            Refusal::invalid(
                "Historical data query duration format is invalid: use an integer, a space and a unit: S|D|W|M|Y",
            )
        };
        let (number, unit) = text.split_once(' ').ok_or_else(wrong)?;
        let number: i64 = number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
        let (longest, smallest_bar) = match unit {
            "S" => (if size == BarSize::Seconds(1) { 2000 } else { 86_400 }, 1),
            "D" => (365, 5),
            "W" => (52, 10),
            "M" => (12, 30),
            "Y" => (68, 60),
            _ => return Err(wrong()),
        };
        if number > longest {
            return Err(service("Time length exceed max."));
        }
        if size.seconds() < smallest_bar {
            return Err(service("invalid step"));
        }
        let months = u32::try_from(number).unwrap_or(u32::MAX);
        Ok(match unit {
            "S" => Self::Seconds(number),
            "D" => Self::Days(number),
            "W" => Self::Days(number * 7),
            "M" => Self::Months(months),
            _ => Self::Months(months * 12),
        })
    }

    /// Milliseconds back from an end.
    pub(super) fn before(self, end_ms: i64) -> i64 {
        match self {
            Self::Seconds(seconds) => end_ms - seconds * 1000,
            Self::Days(days) => end_ms - days * 86_400_000,
            Self::Months(months) => DateTime::from_timestamp_millis(end_ms)
                .and_then(|end| end.checked_sub_months(Months::new(months)))
                .map_or(end_ms, |start| start.timestamp_millis()),
        }
    }
}

/// A refusal by the historical data service.
pub(super) fn service(text: &str) -> Refusal {
    Refusal::new(162, format!("Historical Market Data Service error message:{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(size: &str, duration: &str, expected: Result<Duration, i32>) {
        let read = BarSize::parse(size).and_then(|size| Duration::parse(duration, size));
        assert_eq!(read.map_err(|refusal| refusal.code), expected);
    }

    #[test]
    fn sizes_and_durations_that_fit_are_accepted() {
        check("1 secs", "1800 S", Ok(Duration::Seconds(1800)));
        check("1 min", "2 D", Ok(Duration::Days(2)));
        check("1 day", "1 Y", Ok(Duration::Months(12)));
        check("1 month", "3 W", Ok(Duration::Days(21)));
    }

    #[test]
    fn wrong_texts_are_refused_with_321_and_wrong_lengths_with_162() {
        check("7 mins", "1 D", Err(321));
        check("1 min", "1D", Err(321));
        check("1 min", "0 D", Err(321));
        check("1 secs", "2001 S", Err(162));
        check("1 secs", "1 D", Err(162));
        check("5 secs", "1 W", Err(162));
        check("1 day", "69 Y", Err(162));
    }
}
