//! When the simulated trading day ends, in New York time.

use chrono::{Datelike, Days, NaiveDate, NaiveTime, TimeZone, Weekday};
use chrono_tz::America::New_York;

use super::reply::new_york;

/// The next closing auction, 16:00 on a weekday. Ms since the epoch.
pub(super) fn next_close(now_ms: i64) -> i64 {
    next(now_ms, 16, |day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun))
}

/// When `DAY` orders end: the next 17:00. Ms since the epoch. The simulated market itself never sleeps.
pub(super) fn day_end(now_ms: i64) -> i64 {
    next(now_ms, 17, |_| true)
}

fn next(now_ms: i64, hour: u32, wanted: impl Fn(NaiveDate) -> bool) -> i64 {
    let today = new_york(now_ms).date_naive();
    let time = NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
    (0..8)
        .filter_map(|days| today.checked_add_days(Days::new(days)))
        .filter(|day| wanted(*day))
        .filter_map(|day| New_York.from_local_datetime(&day.and_time(time)).earliest())
        .map(|moment| moment.timestamp_millis())
        .find(|at_ms| *at_ms > now_ms)
        .unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        super::super::terms::date_time(text).flatten().expect("a time in the test table")
    }

    #[test]
    fn the_close_skips_the_weekend() {
        assert_eq!(next_close(at("20241115 15:59:59 America/New_York")), at("20241115-21:00:00"));
        assert_eq!(next_close(at("20241115 16:00:00 America/New_York")), at("20241118-21:00:00"));
    }

    #[test]
    fn day_orders_end_in_the_evening() {
        assert_eq!(day_end(at("20241115 16:30:00 America/New_York")), at("20241115-22:00:00"));
        assert_eq!(day_end(at("20241115 17:00:00 America/New_York")), at("20241116-22:00:00"));
    }
}
