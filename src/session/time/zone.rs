//! Names of time zones as gateways write them.

use chrono::{NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use windows_timezones::WindowsTimezone;

/// Longest name that is looked at, in bytes.
const NAME_BYTES_MAX: usize = 80;

/// Short names, and names as Java tells them, that are neither in IANA's database nor Windows's. The
/// first zone is where the clock hangs; the second is what the name says by itself, where that is
/// only one half of the year. `CST`, `IST` and the like are left out: they stand for several places.
const NAMES: &[(&[&str], Tz, Option<Tz>)] = &[
    // IANA's `EST` and `MST` have no summer time, but old gateways call the exchanges' time so.
    (&["EST"], Tz::America__New_York, Some(Tz::Etc__GMTPlus5)),
    (&["EDT", "Eastern Daylight Time"], Tz::America__New_York, Some(Tz::Etc__GMTPlus4)),
    (&["CDT", "Central Daylight Time"], Tz::America__Chicago, Some(Tz::Etc__GMTPlus5)),
    (&["MST"], Tz::America__Denver, Some(Tz::Etc__GMTPlus7)),
    (&["MDT", "Mountain Daylight Time"], Tz::America__Denver, Some(Tz::Etc__GMTPlus6)),
    (&["PST"], Tz::America__Los_Angeles, Some(Tz::Etc__GMTPlus8)),
    (&["PDT", "Pacific Daylight Time"], Tz::America__Los_Angeles, Some(Tz::Etc__GMTPlus7)),
    (&["BST", "British Summer Time"], Tz::Europe__London, Some(Tz::Etc__GMTMinus1)),
    (&["Greenwich Mean Time"], Tz::Europe__London, Some(Tz::UTC)),
    (&["Western European Standard Time"], Tz::Europe__Lisbon, Some(Tz::UTC)),
    (&["WEST", "Western European Summer Time"], Tz::Europe__Lisbon, Some(Tz::Etc__GMTMinus1)),
    (&["Central European Time", "Middle Europe Time"], Tz::Europe__Berlin, None),
    (&["CEST", "MEST", "Central European Summer Time"], Tz::Europe__Berlin, Some(Tz::Etc__GMTMinus2)),
    (&["Eastern European Standard Time"], Tz::Europe__Athens, Some(Tz::Etc__GMTMinus2)),
    (&["EEST", "Eastern European Summer Time"], Tz::Europe__Athens, Some(Tz::Etc__GMTMinus3)),
    (&["MSK", "Moscow Standard Time"], Tz::Europe__Moscow, None),
    (&["SAST", "South Africa Standard Time"], Tz::Africa__Johannesburg, None),
    (&["HKT", "Hong Kong Time", "Hong Kong Standard Time"], Tz::Asia__Hong_Kong, None),
    (&["SGT", "Singapore Standard Time"], Tz::Asia__Singapore, None),
    (&["JST", "Japan Standard Time", "Japan Time"], Tz::Asia__Tokyo, None),
    (&["KST", "Korean Standard Time"], Tz::Asia__Seoul, None),
    (&["Australian Western Standard Time", "AWST"], Tz::Australia__Perth, None),
    (&["AEST", "Australian Eastern Standard Time"], Tz::Australia__Sydney, Some(Tz::Etc__GMTMinus10)),
    (&["AEDT", "Australian Eastern Daylight Time"], Tz::Australia__Sydney, Some(Tz::Etc__GMTMinus11)),
    (&["NZST"], Tz::Pacific__Auckland, Some(Tz::Etc__GMTMinus12)),
    (&["NZDT", "New Zealand Daylight Time"], Tz::Pacific__Auckland, Some(Tz::Etc__GMTMinus13)),
    (&["Coordinated Universal Time", "Z"], Tz::UTC, None),
];

/// A zone that a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    place: Tz,
    /// The offset the name itself claims: a time that is another moment by it is no time.
    claim: Option<Tz>,
}

impl Zone {
    /// Greenwich.
    pub(crate) const UTC: Self = Self { place: Tz::UTC, claim: None };

    /// The zone with this name: IANA's, present or former (`America/New_York`, `US/Eastern`, `MET`,
    /// `EST5EDT`), Windows's (`Eastern Standard Time`), a short one (`JST`) or a short one with its
    /// meaning behind it (`EST (Eastern Standard Time)`). `None` for anything else.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.trim();
        if name.len() > NAME_BYTES_MAX {
            return None;
        }
        if let Some((short, meaning)) = name.strip_suffix(')').and_then(|name| name.split_once('(')) {
            return Self::plain(meaning.trim()).or_else(|| Self::plain(short.trim()));
        }
        Self::plain(name)
    }

    fn plain(name: &str) -> Option<Self> {
        let listed = NAMES.iter().find(|(names, ..)| names.contains(&name));
        if let Some((_, place, claim)) = listed {
            return Some(Self { place: *place, claim: *claim });
        }
        let place = name.parse::<Tz>().ok().or_else(|| Some(name.parse::<WindowsTimezone>().ok()?.into()))?;
        Some(Self { place, claim: None })
    }

    /// Where the clock hangs.
    pub(crate) fn place(self) -> Tz {
        self.place
    }

    /// IANA's name of it.
    pub(crate) fn name(self) -> &'static str {
        self.place.name()
    }

    /// The first moment at which clocks there show this, in microseconds since the epoch. A time that
    /// clocks leap over is read as if they did not. `None` if the name claims another moment.
    pub(crate) fn first_us(self, local: NaiveDateTime) -> Option<i64> {
        self.agreed(local, true)
    }

    /// As [`Self::first_us`], the last such moment.
    pub(crate) fn last_us(self, local: NaiveDateTime) -> Option<i64> {
        self.agreed(local, false)
    }

    fn agreed(self, local: NaiveDateTime, first: bool) -> Option<i64> {
        let us = in_zone(self.place, local, first)?;
        let Some(claim) = self.claim else { return Some(us) };
        let claimed = in_zone(claim, local, first)?;
        // In the hour that comes twice the name tells which of them is meant.
        let agrees = claimed == us || in_zone(self.place, local, !first) == Some(claimed);
        agrees.then_some(claimed)
    }
}

fn in_zone(zone: Tz, local: NaiveDateTime, first: bool) -> Option<i64> {
    let moments = zone.from_local_datetime(&local);
    let moment = if first { moments.earliest() } else { moments.latest() };
    if let Some(moment) = moment {
        return Some(moment.timestamp_micros());
    }
    // Clocks leap over it: no leap is longer than a day.
    let day = TimeDelta::days(1);
    let before = zone.from_local_datetime(&local.checked_sub_signed(day)?).latest()?;
    Some(before.checked_add_signed(day)?.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn local(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y%m%d %H:%M").expect("a time in the test")
    }

    #[track_caller]
    fn check(name: &str, winter_utc: &str, summer_utc: &str) {
        let zone = Zone::named(name);
        let at = |text: &str, expected: &str| {
            let us = zone.and_then(|zone| zone.first_us(local(text)));
            let expected = (!expected.is_empty()).then(|| local(expected).and_utc().timestamp_micros());
            assert_eq!(us, expected, "{name}: {text}");
        };
        at("20260115 12:00", winter_utc);
        at("20260715 12:00", summer_utc);
    }

    #[test]
    fn a_zone_is_known_by_any_of_its_names() {
        for name in ["America/New_York", "US/Eastern", "EST5EDT", "Eastern Standard Time", " US/Eastern "] {
            check(name, "20260115 17:00", "20260715 16:00");
        }
        check("EST (Eastern Standard Time)", "20260115 17:00", "20260715 16:00");
        for name in ["Europe/Berlin", "MET", "CET", "W. Europe Standard Time", "MET (Middle Europe Time)"] {
            check(name, "20260115 11:00", "20260715 10:00");
        }
        for name in ["GB-Eire", "GB", "GMT Standard Time", "Europe/London"] {
            check(name, "20260115 12:00", "20260715 11:00");
        }
        for name in ["Japan", "JST", "Tokyo Standard Time", "JST (Japan Standard Time)", "Asia/Tokyo"] {
            check(name, "20260115 03:00", "20260715 03:00");
        }
        check("US/Central", "20260115 18:00", "20260715 17:00");
        check("Central Standard Time", "20260115 18:00", "20260715 17:00");
        check("China Standard Time", "20260115 04:00", "20260715 04:00");
        check("India Standard Time", "20260115 06:30", "20260715 06:30");
        check("AUS Eastern Standard Time", "20260115 01:00", "20260715 02:00");
        check("Hongkong", "20260115 04:00", "20260715 04:00");
        check("UTC", "20260115 12:00", "20260715 12:00");
    }

    #[test]
    fn a_name_that_claims_an_offset_is_believed_only_while_it_is_true() {
        check("EST", "20260115 17:00", "");
        check("EDT", "", "20260715 16:00");
        check("British Summer Time", "", "20260715 11:00");
        check("Greenwich Mean Time", "20260115 12:00", "");
    }

    #[test]
    fn what_stands_for_several_zones_or_none_is_no_zone() {
        for name in
            ["CST", "IST", "", " ", "Mars/Olympus", "\u{fffd}\u{fffd}\u{fffd}", "中国标准时间", "()", "x(", ")("]
        {
            assert_eq!(Zone::named(name), None, "{name:?}");
        }
        assert_eq!(Zone::named(&"US/Eastern".repeat(100)), None);
    }

    #[test]
    fn the_hour_that_comes_twice_has_a_first_and_a_last_moment() {
        let zone = Zone::named("America/New_York").expect("a zone");
        let twice = local("20261101 01:30");
        let hour = zone.last_us(twice).zip(zone.first_us(twice)).map(|(last, first)| last - first);
        assert_eq!(hour, Some(3_600_000_000));
        let told = Zone::named("EST").expect("a zone");
        assert_eq!(told.first_us(twice), zone.last_us(twice), "the name tells which hour is meant");
    }

    #[test]
    fn an_hour_that_clocks_leap_over_is_read_as_if_they_did_not() {
        let zone = Zone::named("US/Eastern").expect("a zone");
        let expected = local("20260308 07:30").and_utc().timestamp_micros();
        assert_eq!(zone.first_us(local("20260308 02:30")), Some(expected));
    }

    proptest! {
        #[test]
        fn no_name_and_no_time_is_too_strange(name in ".{0,100}", seconds in any::<i32>()) {
            if let (Some(zone), Some(time)) = (Zone::named(&name), chrono::DateTime::from_timestamp(i64::from(seconds), 0)) {
                let _ = zone.first_us(time.naive_utc());
            }
        }

        #[test]
        fn every_zone_reads_back_what_its_clocks_show(index in 0..chrono_tz::TZ_VARIANTS.len(), seconds in 0_i64..2_000_000_000) {
            let zone = chrono_tz::TZ_VARIANTS[index];
            let moment = chrono::DateTime::from_timestamp(seconds, 0).expect("in range").with_timezone(&zone);
            if let Some(named) = Zone::named(zone.name()).filter(|named| named.claim.is_none()) {
                let shown = moment.naive_local();
                let us = moment.timestamp_micros();
                prop_assert!(named.first_us(shown) == Some(us) || named.last_us(shown) == Some(us), "{zone}");
            }
        }
    }
}
