//! Where bars begin and end.
//!
//! The rule, for sizes up to eight hours: a bar covers the wall clock of the exchange's time zone from one
//! multiple of its size after local midnight to the next, and no bar reaches over the start or the
//! end of a trading session. A day's bar covers all sessions of one trading date. An instrument whose
//! sessions are not known is taken to trade around the clock. Over a change of the clock, bars of up to an
//! hour follow each other without a repeat or a hole, and a longer one is an hour shorter or longer.

use crate::{
    schema::bar::BarSize,
    session::calendar::{Calendar, Session},
};
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeDelta, TimeZone as _};

const SECOND_US: i64 = 1_000_000;
const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;

/// The time one bar covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) start_us: i64,
    pub(super) end_us: i64,
    /// Trading date, for bars of a day.
    pub(super) date: Option<NaiveDate>,
}

impl Period {
    /// Start as published: bars of a day start at midnight UTC of their date.
    pub(super) fn shown_us(&self) -> i64 {
        self.date.map_or(self.start_us, |date| date.and_time(NaiveTime::MIN).and_utc().timestamp_micros())
    }
}

impl Calendar {
    /// The bar of this size that a moment belongs to.
    pub(super) fn period(&self, size: BarSize, at_us: i64) -> Period {
        let session = self.session(at_us);
        if size.seconds() >= DAY_S {
            return session.map_or_else(|| self.local_day(at_us), |session| self.trading_day(session));
        }
        let (start_us, end_us) = self.clock(size.seconds(), at_us);
        Period {
            start_us: session.map_or(start_us, |session| start_us.max(session.start_us)),
            end_us: session.map_or(end_us, |session| end_us.min(session.end_us)),
            date: None,
        }
    }

    fn session(&self, at_us: i64) -> Option<&Session> {
        let next = self.sessions.partition_point(|session| session.start_us <= at_us);
        self.sessions.get(next.checked_sub(1)?).filter(|session| session.end_us > at_us)
    }

    /// All sessions of the date; there may be a break at noon.
    fn trading_day(&self, session: &Session) -> Period {
        let same = || self.sessions.iter().filter(|other| other.date == session.date);
        Period {
            start_us: same().map(|other| other.start_us).min().unwrap_or(session.start_us),
            end_us: same().map(|other| other.end_us).max().unwrap_or(session.end_us),
            date: Some(session.date),
        }
    }

    fn local_day(&self, at_us: i64) -> Period {
        let date = self.local(at_us).date();
        let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
        let midnight = |date: NaiveDate| self.moment(date.and_time(NaiveTime::MIN));
        Period { start_us: midnight(date), end_us: midnight(next), date: Some(date) }
    }

    fn clock(&self, seconds: i64, at_us: i64) -> (i64, i64) {
        let size_us = seconds * SECOND_US;
        if seconds <= HOUR_S {
            let start_us = at_us - (at_us + self.offset_us(at_us)).rem_euclid(size_us);
            return (start_us, start_us + size_us);
        }
        let local = self.local(at_us);
        let midnight = local.date().and_time(NaiveTime::MIN);
        let nth = (local - midnight).num_seconds().div_euclid(seconds);
        let start = midnight + TimeDelta::seconds(nth * seconds);
        (self.moment(start), self.moment(start + TimeDelta::seconds(seconds)))
    }

    fn utc(at_us: i64) -> NaiveDateTime {
        DateTime::from_timestamp_micros(at_us).unwrap_or_default().naive_utc()
    }

    fn offset_us(&self, at_us: i64) -> i64 {
        i64::from(self.zone.offset_from_utc_datetime(&Self::utc(at_us)).fix().local_minus_utc()) * SECOND_US
    }

    fn local(&self, at_us: i64) -> NaiveDateTime {
        Self::utc(at_us.saturating_add(self.offset_us(at_us)))
    }

    /// A local time as a moment: the earlier one where the clock is set back, the change itself where it is
    /// set forward over it.
    fn moment(&self, local: NaiveDateTime) -> i64 {
        let found = |local: NaiveDateTime| self.zone.from_local_datetime(&local).earliest();
        found(local)
            .or_else(|| found(local + TimeDelta::seconds(HOUR_S)))
            .map_or_else(|| local.and_utc().timestamp_micros(), |time| time.timestamp_micros())
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    fn at(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).expect("a time").timestamp_micros()
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    #[track_caller]
    fn check(calendar: &Calendar, size: &str, moment: &str, start: &str, end: &str) {
        let period = calendar.period(size.parse().expect("a size"), at(moment));
        assert_eq!((period.start_us, period.end_us), (at(start), at(end)), "{size} at {moment}: {period:?}");
    }

    fn open(zone: Tz) -> Calendar {
        Calendar { zone, sessions: Vec::new() }
    }

    #[test]
    fn short_bars_begin_at_multiples_of_their_size() {
        let calendar = open(Tz::America__New_York);
        check(&calendar, "5s", "2026-11-20T15:00:04Z", "2026-11-20T15:00:00Z", "2026-11-20T15:00:05Z");
        check(&calendar, "20m", "2026-11-20T15:19:59Z", "2026-11-20T15:00:00Z", "2026-11-20T15:20:00Z");
        check(&calendar, "1h", "2026-11-20T15:00:00Z", "2026-11-20T15:00:00Z", "2026-11-20T16:00:00Z");
        check(&open(Tz::Asia__Kolkata), "1h", "2026-11-20T15:00:00Z", "2026-11-20T14:30:00Z", "2026-11-20T15:30:00Z");
    }

    #[test]
    fn long_bars_begin_at_multiples_of_their_size_after_local_midnight() {
        let calendar = open(Tz::America__New_York);
        check(&calendar, "4h", "2026-11-20T15:00:00Z", "2026-11-20T13:00:00Z", "2026-11-20T17:00:00Z");
        check(&calendar, "1d", "2026-11-20T15:00:00Z", "2026-11-20T05:00:00Z", "2026-11-21T05:00:00Z");
    }

    #[test]
    fn the_hour_that_comes_twice_makes_two_bars_and_a_longer_bar_holds_both() {
        let calendar = open(Tz::America__New_York);
        check(&calendar, "1h", "2026-11-01T05:30:00Z", "2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z");
        check(&calendar, "1h", "2026-11-01T06:30:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z");
        check(&calendar, "2h", "2026-11-01T06:30:00Z", "2026-11-01T04:00:00Z", "2026-11-01T07:00:00Z");
        check(&calendar, "1d", "2026-11-01T06:30:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z");
    }

    #[test]
    fn the_hour_that_is_left_out_shortens_a_longer_bar() {
        let calendar = open(Tz::America__New_York);
        check(&calendar, "1h", "2026-03-08T07:30:00Z", "2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z");
        check(&calendar, "2h", "2026-03-08T07:30:00Z", "2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z");
        check(&calendar, "4h", "2026-03-08T07:30:00Z", "2026-03-08T05:00:00Z", "2026-03-08T08:00:00Z");
    }

    #[test]
    fn a_session_cuts_its_first_and_its_last_bar() {
        let session =
            |start: &str, end: &str, day: &str| Session { start_us: at(start), end_us: at(end), date: date(day) };
        let forex = Calendar {
            zone: Tz::America__New_York,
            sessions: vec![
                session("2026-11-18T22:15:00Z", "2026-11-19T22:00:00Z", "2026-11-19"),
                session("2026-11-19T22:15:00Z", "2026-11-20T22:00:00Z", "2026-11-20"),
            ],
        };
        check(&forex, "1h", "2026-11-19T22:20:00Z", "2026-11-19T22:15:00Z", "2026-11-19T23:00:00Z");
        check(&forex, "4h", "2026-11-20T21:59:00Z", "2026-11-20T21:00:00Z", "2026-11-20T22:00:00Z");
        check(&forex, "1d", "2026-11-20T21:59:00Z", "2026-11-19T22:15:00Z", "2026-11-20T22:00:00Z");
        let day = forex.period(BarSize::DAY, at("2026-11-19T23:00:00Z"));
        assert_eq!((day.date, day.shown_us()), (Some(date("2026-11-20")), at("2026-11-20T00:00:00Z")));
        // Outside what is known it trades around the clock.
        check(&forex, "1h", "2026-11-25T22:20:00Z", "2026-11-25T22:00:00Z", "2026-11-25T23:00:00Z");
    }

    #[test]
    fn a_break_at_noon_cuts_hours_and_not_the_day() {
        let session =
            |start: &str, end: &str| Session { start_us: at(start), end_us: at(end), date: date("2026-11-20") };
        let tokyo = Calendar {
            zone: Tz::Asia__Tokyo,
            sessions: vec![
                session("2026-11-20T00:00:00Z", "2026-11-20T02:30:00Z"),
                session("2026-11-20T03:30:00Z", "2026-11-20T06:30:00Z"),
            ],
        };
        check(&tokyo, "1h", "2026-11-20T02:10:00Z", "2026-11-20T02:00:00Z", "2026-11-20T02:30:00Z");
        check(&tokyo, "1d", "2026-11-20T02:10:00Z", "2026-11-20T00:00:00Z", "2026-11-20T06:30:00Z");
    }
}
