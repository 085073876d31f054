//! When the gateway or IB will be away, by the wall clocks that decide it.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Weekday};

use crate::{
    config::{Calendar, Region},
    schema::maintenance::MaintenanceKind,
    session::time::Zone,
};

/// One stretch of time, by the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Window {
    pub(super) start_us: i64,
    pub(super) end_us: i64,
    pub(super) kind: MaintenanceKind,
}

/// A window that comes again each day or week.
struct Rule {
    kind: MaintenanceKind,
    zone: &'static str,
    start: (u32, u32),
    minutes: i64,
    falls_on: fn(Weekday) -> bool,
}

const NEW_YORK: &str = "America/New_York";
const HONG_KONG: &str = "Asia/Hong_Kong";

const fn nightly(zone: &'static str, start: (u32, u32), minutes: i64) -> Rule {
    // IB: daily, Sunday to Friday.
    Rule { kind: MaintenanceKind::NightlyReset, zone, start, minutes, falls_on: |day| !matches!(day, Weekday::Sat) }
}

const NORTH_AMERICA: &[Rule] = &[nightly(NEW_YORK, (0, 15), 90), WEEKEND];
const EUROPE: &[Rule] = &[nightly("Europe/Zurich", (6, 25), 80), WEEKEND];
const ASIA_PACIFIC: &[Rule] = &[nightly(HONG_KONG, (4, 45), 80), nightly(HONG_KONG, (20, 15), 60), WEEKEND];

/// Friday 23:00 to Saturday 03:00 in New York.
const WEEKEND: Rule = Rule {
    kind: MaintenanceKind::WeekendReset,
    zone: NEW_YORK,
    start: (23, 0),
    minutes: 240,
    falls_on: |day| matches!(day, Weekday::Fri),
};

/// Sunday 01:00 in New York. How long a person takes is not known; an hour is what is announced.
const WEEKLY_LOGIN: Rule = Rule {
    kind: MaintenanceKind::WeeklyLogin,
    zone: NEW_YORK,
    start: (1, 0),
    minutes: 60,
    falls_on: |day| matches!(day, Weekday::Sun),
};

/// The windows that are not over at `now_us` and begin within a week and a day, in order.
pub(super) fn windows(calendar: &Calendar, now_us: i64) -> Vec<Window> {
    let rules = match calendar.region {
        Region::None => &[],
        Region::NorthAmerica => NORTH_AMERICA,
        Region::Europe => EUROPE,
        Region::AsiaPacific => ASIA_PACIFIC,
    };
    let mut windows: Vec<Window> = Vec::new();
    for rule in rules.iter().chain(calendar.weekly_login.then_some(&WEEKLY_LOGIN)) {
        let (Some(zone), Some(time)) = (Zone::named(rule.zone), NaiveTime::from_hms_opt(rule.start.0, rule.start.1, 0))
        else {
            continue;
        };
        let days = days(zone, now_us).filter(|day| (rule.falls_on)(day.weekday()));
        windows.extend(days.filter_map(|day| window(rule.kind, zone, day, time, TimeDelta::minutes(rule.minutes))));
    }
    if let (Some(time), Some(zone)) = (calendar.restart_time(), Zone::named(&calendar.zone)) {
        let lasts = TimeDelta::seconds(i64::try_from(calendar.restart_lasts_s).unwrap_or(0));
        let restart = |day| window(MaintenanceKind::GatewayRestart, zone, day, time, lasts);
        windows.extend(days(zone, now_us).filter_map(restart));
    }
    windows.retain(|window| window.end_us > now_us);
    windows.sort_unstable();
    windows
}

/// The dates from yesterday to a week from today there.
fn days(zone: Zone, now_us: i64) -> impl Iterator<Item = NaiveDate> {
    let today = DateTime::from_timestamp_micros(now_us).map(|now| now.with_timezone(&zone.place()).date_naive());
    let first = today.and_then(|today| today.checked_sub_days(Days::new(1)));
    first.into_iter().flat_map(|first| first.iter_days().take(9))
}

/// A time that clocks leap over is read as if they did not; of one that comes twice the first counts.
fn window(kind: MaintenanceKind, zone: Zone, day: NaiveDate, time: NaiveTime, lasts: TimeDelta) -> Option<Window> {
    let start_us = zone.first_us(day.and_time(time))?;
    Some(Window { start_us, end_us: start_us.saturating_add(lasts.num_microseconds()?), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).expect("a time in the test").timestamp_micros()
    }

    fn starts(calendar: &Calendar, now: &str) -> Vec<(MaintenanceKind, String)> {
        let text = |us: i64| DateTime::from_timestamp_micros(us).expect("in range").format("%a %d %H:%M").to_string();
        windows(calendar, us(now)).into_iter().map(|window| (window.kind, text(window.start_us))).collect()
    }

    #[track_caller]
    fn check(calendar: &Calendar, now: &str, kind: MaintenanceKind, expected: &[&str]) {
        let of_kind = starts(calendar, now).into_iter().filter(|(found, _)| *found == kind);
        let found: Vec<String> = of_kind.map(|(_, start)| start).take(expected.len()).collect();
        assert_eq!(found, expected);
    }

    fn region(region: Region) -> Calendar {
        Calendar { region, ..Calendar::default() }
    }

    #[test]
    fn nothing_is_planned_unless_it_is_configured() {
        assert_eq!(starts(&Calendar::default(), "2026-11-18T12:00:00Z"), []);
    }

    #[test]
    fn each_region_has_its_hours_and_none_on_saturday() {
        use MaintenanceKind::{NightlyReset, WeekendReset};
        let now = "2026-11-19T12:00:00Z";
        let weekdays = ["Fri 20 05:15", "Sun 22 05:15", "Mon 23 05:15"];
        check(&region(Region::NorthAmerica), now, NightlyReset, &weekdays);
        check(&region(Region::NorthAmerica), now, WeekendReset, &["Sat 21 04:00"]);
        check(&region(Region::Europe), now, NightlyReset, &["Fri 20 05:25", "Sun 22 05:25"]);
        check(&region(Region::AsiaPacific), now, NightlyReset, &["Thu 19 12:15", "Thu 19 20:45", "Fri 20 12:15"]);
    }

    #[test]
    fn summer_time_moves_the_windows() {
        use MaintenanceKind::GatewayRestart;
        let restart = Calendar { gateway_restart: "23:45".to_owned(), ..Calendar::default() };
        // New York leaves summer time on 1 November 2026 and enters it on 8 March 2026.
        check(&restart, "2026-10-31T12:00:00Z", GatewayRestart, &["Sun 01 03:45", "Mon 02 04:45"]);
        check(&restart, "2026-03-07T12:00:00Z", GatewayRestart, &["Sun 08 04:45", "Mon 09 03:45"]);
    }

    #[test]
    fn a_time_that_is_leapt_over_or_comes_twice_has_one_window() {
        use MaintenanceKind::GatewayRestart;
        let restart = |time: &str| Calendar { gateway_restart: time.to_owned(), ..Calendar::default() };
        check(&restart("02:30"), "2026-03-08T00:00:00Z", GatewayRestart, &["Sun 08 07:30", "Mon 09 06:30"]);
        check(&restart("01:30"), "2026-11-01T00:00:00Z", GatewayRestart, &["Sun 01 05:30", "Mon 02 06:30"]);
    }

    #[test]
    fn a_window_counts_until_it_is_over() {
        let calendar = region(Region::NorthAmerica);
        let first = |now: &str| starts(&calendar, now)[0].1.clone();
        assert_eq!(first("2026-11-18T06:44:59Z"), "Wed 18 05:15");
        assert_eq!(first("2026-11-18T06:45:00Z"), "Thu 19 05:15");
    }

    #[test]
    fn the_weekly_login_is_due_on_sunday_at_one() {
        let calendar = Calendar { weekly_login: true, ..Calendar::default() };
        check(&calendar, "2026-07-15T00:00:00Z", MaintenanceKind::WeeklyLogin, &["Sun 19 05:00"]);
    }

    proptest::proptest! {
        #[test]
        fn no_moment_is_too_strange(now_us: i64) {
            let calendar = Calendar {
                gateway_restart: "23:45".to_owned(), weekly_login: true, ..region(Region::AsiaPacific)
            };
            for window in windows(&calendar, now_us) {
                proptest::prop_assert!(window.end_us > now_us && window.start_us < window.end_us);
            }
        }
    }
}
