//! Holidays and early closes of the US stock exchanges.

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// How a day is traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayKind {
    Whole,
    /// The regular session ends at 13:00.
    Half,
    Closed,
}

/// How the US stock exchanges trade a day.
pub(super) fn us_day(day: NaiveDate) -> DayKind {
    if matches!(day.weekday(), Weekday::Sat | Weekday::Sun) || is_holiday(day) {
        return DayKind::Closed;
    }
    let is_next_holiday = day.succ_opt().is_some_and(|next| next.month() == 7 && next.day() == 4);
    let after_thanksgiving = day.pred_opt().is_some_and(|before| before == nth(day.year(), 11, Weekday::Thu, 4));
    let christmas_eve = (day.month(), day.day()) == (12, 24);
    if is_next_holiday || after_thanksgiving || christmas_eve { DayKind::Half } else { DayKind::Whole }
}

fn is_holiday(day: NaiveDate) -> bool {
    let year = day.year();
    let floating = [
        nth(year, 1, Weekday::Mon, 3),
        nth(year, 2, Weekday::Mon, 3),
        good_friday(year),
        last_monday_of_may(year),
        nth(year, 9, Weekday::Mon, 1),
        nth(year, 11, Weekday::Thu, 4),
    ];
    let fixed = [(1, 1), (6, 19), (7, 4), (12, 25)];
    let is_fixed = |day: Option<NaiveDate>| day.is_some_and(|day| fixed.contains(&(day.month(), day.day())));
    floating.contains(&day)
        || is_fixed(Some(day))
        // A holiday on a weekend is kept on the nearest weekday; New Year's never in the old year.
        || day.weekday() == Weekday::Mon && is_fixed(day.pred_opt())
        || day.weekday() == Weekday::Fri && day.month() != 12 && is_fixed(day.succ_opt())
        || day.weekday() == Weekday::Fri && (day.month(), day.day()) == (12, 24)
}

fn nth(year: i32, month: u32, weekday: Weekday, count: u8) -> NaiveDate {
    NaiveDate::from_weekday_of_month_opt(year, month, weekday, count).unwrap_or_default()
}

fn last_monday_of_may(year: i32) -> NaiveDate {
    let fifth = NaiveDate::from_weekday_of_month_opt(year, 5, Weekday::Mon, 5);
    fifth.unwrap_or_else(|| nth(year, 5, Weekday::Mon, 4))
}

/// Two days before Easter by the Gregorian calendar (the rule of Meeus, Jones and Butcher).
fn good_friday(year: i32) -> NaiveDate {
    let (golden, century, rest) = (year % 19, year / 100, year % 100);
    let epact = (19 * golden + century - century / 4 - (8 * century + 13) / 25 + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    let shift = (golden + 11 * epact + 22 * weekday) / 451;
    let number = epact + weekday - 7 * shift + 114;
    let (month, day) = ((number / 31).unsigned_abs(), (number % 31 + 1).unsigned_abs());
    let easter = NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    easter.checked_sub_days(Days::new(2)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: DayKind, days: &[&str]) {
        for text in days {
            assert_eq!(us_day(text.parse().expect("a date")), kind, "{text}");
        }
    }

    #[test]
    fn holidays_and_half_days_are_those_of_the_exchange() {
        let closed = [
            "2026-01-01",
            "2026-01-19",
            "2026-02-16",
            "2026-04-03",
            "2026-05-25",
            "2026-06-19",
            "2026-07-03",
            "2026-09-07",
            "2026-11-26",
            "2026-12-25",
            "2025-04-18",
            "2027-03-26",
            "2027-12-24",
            "2026-11-21",
        ];
        check(DayKind::Closed, &closed);
        check(DayKind::Half, &["2026-11-27", "2026-12-24", "2025-07-03", "2025-11-28"]);
        check(DayKind::Whole, &["2026-11-20", "2026-12-31", "2026-07-06", "2027-12-31", "2026-03-09"]);
    }
}
