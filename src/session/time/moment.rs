//! A date and time of day in the forms gateways use.

use chrono::NaiveDateTime;

use super::Zone;

/// Reads `yyyymmdd hh:mm:ss <zone>` or `yyyymmdd-hh:mm:ss` (UTC, with or without `Z`, or with a zone
/// behind it) as microseconds since the epoch. `None` without a zone or with one nobody knows. Of
/// the hour that comes twice when clocks are put back, the first is taken.
pub(crate) fn moment(text: &str) -> Option<i64> {
    let (local, zone, is_dashed) = split(text)?;
    match zone {
        "" | "Z" if is_dashed => Zone::UTC.first_us(local),
        zone => Zone::named(zone)?.first_us(local),
    }
}

/// As [`moment`], for a text whose zone stands elsewhere. A zone in the text itself comes first.
pub(crate) fn moment_in(text: &str, elsewhere: Zone) -> Option<i64> {
    let (local, zone, _) = split(text)?;
    let zone = if zone.is_empty() { elsewhere } else { Zone::named(zone)? };
    zone.first_us(local)
}

/// The zone named in a text that [`moment`] reads, known or not; empty if it names none.
pub(crate) fn zone_name(text: &str) -> &str {
    split(text).map_or("", |(_, zone, _)| zone)
}

/// Date and time, the zone's name behind them (empty if there is none), and whether a dash stands
/// between date and time.
fn split(text: &str) -> Option<(NaiveDateTime, &str, bool)> {
    let text = text.trim();
    let (date, rest) = text.split_at_checked(8)?;
    let is_dashed = rest.starts_with('-');
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start();
    let (time, zone) = rest.split_at_checked(8)?;
    let local = NaiveDateTime::parse_from_str(&format!("{date} {time}"), "%Y%m%d %H:%M:%S").ok()?;
    Some((local, zone.trim(), is_dashed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_its_zone_or_not_at_all() {
        for (text, expected) in [
            ("20261120 09:30:01 US/Eastern", Some(1_795_185_001_000_000)),
            ("20261120 09:30:01 America/New_York", Some(1_795_185_001_000_000)),
            ("20261120 09:30:01 Eastern Standard Time", Some(1_795_185_001_000_000)),
            ("20261120 09:30:01 EST", Some(1_795_185_001_000_000)),
            ("20261120  23:30:01 JST", Some(1_795_185_001_000_000)),
            ("20261120 15:30:01 MET", Some(1_795_185_001_000_000)),
            ("20261120 14:30:01 UTC", Some(1_795_185_001_000_000)),
            ("20261120-14:30:01", Some(1_795_185_001_000_000)),
            ("20261120-14:30:01Z", Some(1_795_185_001_000_000)),
            ("20261120-09:30:01 US/Eastern", Some(1_795_185_001_000_000)),
            ("20261120  09:30:01", None),
            ("20261120 09:30:01 CST", None),
            ("20261120 09:30:01 EDT", None),
            ("20261120 09:30:01 Mars/Olympus", None),
            ("20261120 09:30:01 \u{fffd}\u{fffd}", None),
            ("2026112é 09:30:01", None),
            ("20261320 09:30:01 UTC", None),
            ("", None),
            ("yesterday", None),
        ] {
            assert_eq!(moment(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_zone_that_stands_elsewhere_counts_where_the_text_has_none() {
        let tokyo = Zone::named("JST").expect("a zone");
        assert_eq!(moment_in("20261120-23:30:01", tokyo), Some(1_795_185_001_000_000));
        assert_eq!(moment_in("20261120 14:30:01 UTC", tokyo), Some(1_795_185_001_000_000));
        assert_eq!(moment_in("20261120 14:30:01 nowhere", tokyo), None);
    }
}
