//! Times of executions as the gateway writes them.

use chrono::{NaiveDateTime, TimeZone};
use chrono_tz::Tz;

/// Reads `yyyymmdd hh:mm:ss Zone/Name` or `yyyymmdd-hh:mm:ss` (UTC, with or without `Z`), as
/// microseconds since the epoch. `None` without a zone or with one nobody knows: a guess would be
/// wrong by hours. The earlier of two when a clock was turned back.
pub(super) fn event_us(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.as_bytes().get(8) == Some(&b'-') {
        let utc = text.strip_suffix('Z').unwrap_or(text).trim_end();
        let time = NaiveDateTime::parse_from_str(utc, "%Y%m%d-%H:%M:%S").ok()?;
        return Some(time.and_utc().timestamp_micros());
    }
    let mut words = text.split_whitespace();
    let (day, time, zone) = (words.next()?, words.next()?, words.next()?);
    let zone: Tz = zone.parse().ok()?;
    let local = NaiveDateTime::parse_from_str(&format!("{day} {time}"), "%Y%m%d %H:%M:%S").ok()?;
    Some(zone.from_local_datetime(&local).earliest()?.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_its_zone_or_not_at_all() {
        for (text, expected) in [
            ("20261120 09:30:01 US/Eastern", Some(1_795_185_001_000_000)),
            ("20261120 14:30:01 UTC", Some(1_795_185_001_000_000)),
            ("20261120-14:30:01", Some(1_795_185_001_000_000)),
            ("20261120-14:30:01Z", Some(1_795_185_001_000_000)),
            ("20261120  09:30:01", None),
            ("20261120 09:30:01 Mars/Olympus", None),
            ("", None),
            ("yesterday", None),
        ] {
            assert_eq!(event_us(text), expected, "{text:?}");
        }
    }
}
