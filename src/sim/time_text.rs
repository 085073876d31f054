//! Date-times as IB writes them in requests and answers.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use super::universe::Refusal;

/// A moment read from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Epoch milliseconds.
    pub(super) at_ms: i64,
    /// No zone was given; the gateway warns with 2174.
    pub(super) without_zone: bool,
}

/// Reads `yyyymmdd-HH:MM:SS` (UTC), `yyyymmdd HH:MM:SS Zone/Name`, or the form without zone, which is
/// taken in `zone`.
///
/// # Errors
///
/// 10314 for anything else.
pub(super) fn parse(text: &str, zone: Tz) -> Result<Moment, Refusal> {
    let wrong = || {
        Refusal::new(
            10314,
            "End Date/Time: The date, time, or time-zone entered is invalid. The correct format is yyyymmdd hh:mm:ss xx/xxxx where yyyymmdd and xx/xxxx are optional.",
        )
    };
    let read = |text: &str, format: &str| NaiveDateTime::parse_from_str(text, format).map_err(|_| wrong());
    if text.as_bytes().get(8) == Some(&b'-') {
        let time = read(text, "%Y%m%d-%H:%M:%S")?;
        return Ok(Moment { at_ms: time.and_utc().timestamp_millis(), without_zone: false });
    }
    let mut words = text.splitn(3, ' ');
    let day_time = format!("{} {}", words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let time = read(&day_time, "%Y%m%d %H:%M:%S")?;
    let named = words.next();
    let zone = match named {
        Some(name) => name.parse().map_err(|_| wrong())?,
        None => zone,
    };
    let at = zone.from_local_datetime(&time).earliest().ok_or_else(wrong)?;
    Ok(Moment { at_ms: at.timestamp_millis(), without_zone: named.is_none() })
}

/// `yyyymmdd HH:MM:SS Zone/Name`.
pub(super) fn with_zone(at_ms: i64, zone: Tz) -> String {
    format!("{} {}", local(at_ms, zone).format("%Y%m%d %H:%M:%S"), zone.name())
}

/// `yyyymmdd-HH:MM:SS` in a zone, as sessions are written.
pub(super) fn dashed(at_ms: i64, zone: Tz) -> String {
    local(at_ms, zone).format("%Y%m%d-%H:%M:%S").to_string()
}

/// `yyyymmdd`.
pub(super) fn day(day: NaiveDate) -> String {
    day.format("%Y%m%d").to_string()
}

fn local(at_ms: i64, zone: Tz) -> DateTime<Tz> {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default().with_timezone(&zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(i64, bool), i32>) {
        let read = parse(text, Tz::US__Eastern);
        assert_eq!(read.map(|at| (at.at_ms, at.without_zone)).map_err(|refusal| refusal.code), expected);
    }

    #[test]
    fn a_moment_is_read_in_utc_in_a_named_zone_or_in_the_instruments() {
        check("20261120-15:00:00", Ok((1_795_186_800_000, false)));
        check("20261120 10:00:00 US/Eastern", Ok((1_795_186_800_000, false)));
        check("20261120 10:00:00", Ok((1_795_186_800_000, true)));
    }

    #[test]
    fn anything_else_is_refused() {
        check("20261120-15:00:00 UTC", Err(10314));
        check("20261120", Err(10314));
        check("20261120 10:00:00 Moon/Crater", Err(10314));
        check("yesterday", Err(10314));
    }
}
