//! Expiry calendars: which futures and option dates exist on a day.

use chrono::{Datelike, Days, NaiveDate, TimeDelta, TimeZone, Weekday};
use chrono_tz::Tz;

/// A calendar month: `year * 12 + month0`, so that months can be counted.
pub(super) type Month = i32;

/// The month a day lies in.
pub(super) fn month_of(day: NaiveDate) -> Month {
    day.year() * 12 + day.month0().cast_signed()
}

fn first_day(month: Month) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(month.div_euclid(12), month.rem_euclid(12).unsigned_abs() + 1, 1)
}

/// The third Friday of a month: index futures and monthly options end then.
pub(super) fn third_friday(month: Month) -> Option<NaiveDate> {
    NaiveDate::from_weekday_of_month_opt(month.div_euclid(12), month.rem_euclid(12).unsigned_abs() + 1, Weekday::Fri, 3)
}

/// Last trading day of crude oil for a delivery month: three business days before the 25th of the
/// month before it.
pub(super) fn crude_oil_end(month: Month) -> Option<NaiveDate> {
    let mut day = first_day(month - 1)?.with_day(25)?;
    let mut business_days = 0;
    while business_days < 3 {
        day = day.pred_opt()?;
        business_days += i32::from(day.weekday().num_days_from_monday() < 5);
    }
    Some(day)
}

/// Last trading day of gold for a delivery month: the third last business day of it.
pub(super) fn gold_end(month: Month) -> Option<NaiveDate> {
    let mut day = first_day(month + 1)?;
    let mut business_days = 0;
    while business_days < 3 {
        day = day.pred_opt()?;
        business_days += i32::from(day.weekday().num_days_from_monday() < 5);
    }
    Some(day)
}

/// Option expiries listed on a day, ascending: the next eight Fridays, six monthly dates, and the
/// January dates of the next two years.
pub(super) fn option_dates(today: NaiveDate) -> Vec<NaiveDate> {
    let to_friday = (4 + 7 - today.weekday().num_days_from_monday()) % 7;
    let mut dates: Vec<NaiveDate> =
        (0..8).filter_map(|week| today.checked_add_days(Days::new(u64::from(to_friday) + week * 7))).collect();
    let month = month_of(today);
    dates.extend((0..7).filter_map(|ahead| third_friday(month + ahead)).filter(|day| *day >= today));
    dates.extend((1..=2).filter_map(|ahead| third_friday((today.year() + ahead) * 12)));
    dates.sort_unstable();
    dates.dedup();
    dates
}

/// A local time of a day as epoch milliseconds; the earlier one where the clock is set back.
pub(super) fn at_local(zone: Tz, day: NaiveDate, minute: u32) -> i64 {
    let day_start = day.and_hms_opt(minute / 60 % 24, minute % 60, 0).unwrap_or_default();
    match zone.from_local_datetime(&day_start).earliest() {
        Some(time) => time.timestamp_millis(),
        // The clock was set forward over it: the moment of the change, which the clock shows as an hour later.
        None => zone
            .from_local_datetime(&(day_start + TimeDelta::hours(1)))
            .earliest()
            .map_or_else(|| day_start.and_utc().timestamp_millis(), |time| time.timestamp_millis()),
    }
}

/// The local day of a moment.
pub(super) fn day_of(zone: Tz, at_ms: i64) -> NaiveDate {
    chrono::DateTime::from_timestamp_millis(at_ms).unwrap_or_default().with_timezone(&zone).date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).expect("a date")
    }

    #[test]
    fn index_futures_end_on_the_third_friday() {
        assert_eq!(third_friday(2026 * 12 + 11), Some(day(2026, 12, 18)));
    }

    #[test]
    fn crude_oil_ends_before_its_delivery_month() {
        assert_eq!(crude_oil_end(2027 * 12), Some(day(2026, 12, 22)));
    }

    #[test]
    fn options_are_listed_weekly_then_monthly() {
        let dates = option_dates(day(2026, 11, 21));
        assert_eq!(dates.first(), Some(&day(2026, 11, 27)));
        assert!(dates.contains(&day(2026, 12, 18)) && dates.contains(&day(2027, 1, 15)));
        assert!(dates.is_sorted());
    }
}
