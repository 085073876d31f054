//! Trading hours of a contract as moments.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::Zone;

/// Sessions read from one text; IB tells about six days, some venues with several sessions a day.
const SPANS_MAX: usize = 200;

/// A stretch of time, in microseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    /// First moment.
    pub(crate) start_us: i64,
    /// First moment after it.
    pub(crate) end_us: i64,
}

impl Span {
    fn contains(self, us: i64) -> bool {
        self.start_us <= us && us < self.end_us
    }
}

/// What hours say about a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trading {
    /// Nothing.
    Untold,
    /// No trading.
    Closed,
    /// Trading since and until then, without a break.
    Open(Span),
}

/// When a contract trades, as far as it was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hours {
    spans: Vec<Span>,
    /// What the text says anything about.
    told: Option<Span>,
}

impl Hours {
    /// Reads `20261120:0400-20261120:2000;20261121:CLOSED;...`, also with several sessions of a day
    /// behind commas and with ends that have no date. Returns the parts that are no hours beside it.
    pub(crate) fn read(text: &str, zone: Zone) -> (Self, Vec<String>) {
        let (mut hours, mut strange) = (Self::default(), Vec::new());
        for day in text.split(';').map(str::trim).filter(|day| !day.is_empty()) {
            if hours.spans.len() >= SPANS_MAX || hours.read_day(day, zone).is_none() {
                strange.push(day.chars().take(40).collect());
            }
        }
        hours.spans.sort_unstable();
        hours.spans.dedup();
        if !strange.is_empty() {
            // A session may have been lost: no moment can be called closed.
            hours.told = None;
        }
        (hours, strange)
    }

    /// All of a day is taken, or nothing.
    fn read_day(&mut self, text: &str, zone: Zone) -> Option<()> {
        let date = NaiveDate::parse_from_str(text.get(..8)?, "%Y%m%d").ok()?;
        let hours = text.get(8..)?.strip_prefix(':')?;
        let mut spans = Vec::new();
        if !hours.eq_ignore_ascii_case("CLOSED") {
            for session in hours.split(',') {
                spans.push(session_of(date, session.trim(), zone)?);
            }
        }
        let midnight = date.and_time(NaiveTime::MIN);
        let day = Span {
            start_us: zone.first_us(midnight)?,
            end_us: zone.first_us(midnight.checked_add_signed(TimeDelta::days(1))?)?,
        };
        for told in spans.iter().copied().chain([day]) {
            let known = self.told.get_or_insert(told);
            known.start_us = known.start_us.min(told.start_us);
            known.end_us = known.end_us.max(told.end_us);
        }
        self.spans.extend(spans);
        Some(())
    }

    /// Oldest first; they may touch.
    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// What is told lies in here; `None` if nothing is.
    pub(crate) fn told(&self) -> Option<Span> {
        self.told
    }

    /// Whether trading is open at a moment.
    pub(crate) fn at(&self, us: i64) -> Trading {
        if !self.told.is_some_and(|told| told.contains(us)) {
            return Trading::Untold;
        }
        let Some(mut open) = self.spans.iter().copied().find(|span| span.contains(us)) else { return Trading::Closed };
        for span in self.spans.iter().rev().filter(|span| span.start_us <= us) {
            if span.end_us >= open.start_us {
                open.start_us = open.start_us.min(span.start_us);
            }
        }
        for span in &self.spans {
            if span.start_us <= open.end_us {
                open.end_us = open.end_us.max(span.end_us);
            }
        }
        Trading::Open(open)
    }

    /// Start of the first session after a moment.
    pub(crate) fn next_open(&self, us: i64) -> Option<i64> {
        self.spans.iter().map(|span| span.start_us).find(|start_us| *start_us > us)
    }
}

/// `0400-20261120:2000`, `20261119:1700-20261120:1600` or `0930-1600`.
fn session_of(date: NaiveDate, text: &str, zone: Zone) -> Option<Span> {
    let (start, end) = text.split_once('-')?;
    let start = clock(date, start)?;
    let end_text = end;
    let mut end = clock(date, end_text)?;
    if end <= start && !end_text.contains(':') {
        // An end without a date lies on the next day if it is not after the start.
        end = end.checked_add_signed(TimeDelta::days(1))?;
    }
    let span = Span { start_us: zone.first_us(start)?, end_us: zone.last_us(end)? };
    let is_possible = span.end_us > span.start_us && end.signed_duration_since(start) <= TimeDelta::days(8);
    is_possible.then_some(span)
}

/// `hhmm` on `date`, or `yyyymmdd:hhmm`. 2400 is the midnight that ends a day.
fn clock(date: NaiveDate, text: &str) -> Option<NaiveDateTime> {
    let (date, time) = match text.split_once(':') {
        Some((date, time)) => (NaiveDate::parse_from_str(date, "%Y%m%d").ok()?, time),
        None => (date, text),
    };
    if time.len() != 4 || !time.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hour, minute) = (time.get(..2)?.parse().ok()?, time.get(2..)?.parse().ok()?);
    if (hour, minute) == (24, 0) {
        return date.succ_opt()?.and_hms_opt(0, 0, 0);
    }
    date.and_hms_opt(hour, minute, 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> i64 {
        NaiveDateTime::parse_from_str(text, "%Y%m%d %H:%M").expect("a time in the test").and_utc().timestamp_micros()
    }

    #[track_caller]
    fn check(zone: &str, text: &str, expected: &[(&str, &str)]) -> Hours {
        let (hours, strange) = Hours::read(text, Zone::named(zone).expect("a zone"));
        assert_eq!(strange, Vec::<String>::new());
        let expected: Vec<Span> =
            expected.iter().map(|(start, end)| Span { start_us: utc(start), end_us: utc(end) }).collect();
        assert_eq!(hours.spans(), expected, "{text}");
        hours
    }

    #[test]
    fn a_closed_day_is_told_and_has_no_session() {
        let text = "20261120:0930-20261120:1600;20261121:CLOSED;20261122:CLOSED;20261123:0930-20261123:1600";
        let hours =
            check("US/Eastern", text, &[("20261120 14:30", "20261120 21:00"), ("20261123 14:30", "20261123 21:00")]);
        assert_eq!(hours.at(utc("20261121 15:00")), Trading::Closed);
        assert_eq!(hours.next_open(utc("20261121 15:00")), Some(utc("20261123 14:30")));
        assert_eq!(hours.at(utc("20261120 14:30")), Trading::Open(hours.spans()[0]));
        assert_eq!(hours.at(utc("20261120 21:00")), Trading::Closed, "the end is not part of a session");
        assert_eq!(hours.at(utc("20261120 04:59")), Trading::Untold, "the day before is not told of");
        assert_eq!(hours.at(utc("20261124 05:00")), Trading::Untold, "nor is the day after");
    }

    #[test]
    fn a_session_may_begin_on_the_evening_before() {
        let text = "20261122:1700-20261123:1600;20261123:1700-20261124:1600";
        let hours =
            check("US/Central", text, &[("20261122 23:00", "20261123 22:00"), ("20261123 23:00", "20261124 22:00")]);
        assert_eq!(hours.at(utc("20261123 22:30")), Trading::Closed, "the daily break");
    }

    #[test]
    fn a_day_may_have_several_sessions() {
        let hours = check(
            "Hongkong",
            "20261123:0915-1200,1300-1630,1715-0300",
            &[
                ("20261123 01:15", "20261123 04:00"),
                ("20261123 05:00", "20261123 08:30"),
                ("20261123 09:15", "20261123 19:00"),
            ],
        );
        assert_eq!(hours.at(utc("20261123 04:30")), Trading::Closed, "lunch");
    }

    #[test]
    fn sessions_that_touch_are_one_opening() {
        let text = "20261121:0000-20261122:0000;20261122:0000-20261122:2400";
        let hours = check("UTC", text, &[("20261121 00:00", "20261122 00:00"), ("20261122 00:00", "20261123 00:00")]);
        let whole = Span { start_us: utc("20261121 00:00"), end_us: utc("20261123 00:00") };
        assert_eq!(hours.at(utc("20261122 00:00")), Trading::Open(whole));
    }

    #[test]
    fn a_session_over_a_clock_change_is_longer_or_shorter() {
        let hour = 3_600_000_000;
        for (text, hours_long) in [
            ("20261031:1700-20261101:1600", 24),
            ("20260307:1700-20260308:1600", 22),
            ("20261030:1700-20261031:1600", 23),
        ] {
            let (hours, _) = Hours::read(text, Zone::named("US/Eastern").expect("a zone"));
            let lengths: Vec<i64> = hours.spans().iter().map(|span| (span.end_us - span.start_us) / hour).collect();
            assert_eq!(lengths, [hours_long], "{text}");
        }
    }

    #[test]
    fn what_is_no_hours_is_named_and_the_rest_is_used() {
        let zone = Zone::named("Europe/Berlin").expect("a zone");
        let strange = [
            "20261123:0900",
            "20261123:0900-20261123:2560",
            "20261323:CLOSED",
            "2026",
            "20261123:1000-20261122:0900",
            "garbage",
            "é0261123:CLOSED",
            "20261123:0900-20291123:0900",
            "20261123:09:00-17:00",
        ];
        let text = format!("20261123:0900-20261123:1730;{}", strange.join(";"));
        let (hours, named) = Hours::read(&text, zone);
        assert_eq!(hours.spans().len(), 1);
        assert_eq!(named.len(), strange.len(), "{named:?}");
        assert_eq!(Hours::read("", zone), (Hours::default(), Vec::new()));
        assert_eq!(Hours::default().at(0), Trading::Untold);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "([0-9:;,CLOSED-]{0,60}|.{0,60})", zone in 0..chrono_tz::TZ_VARIANTS.len()) {
            let zone = Zone::named(chrono_tz::TZ_VARIANTS[zone].name()).expect("a zone");
            let (hours, _) = Hours::read(&text, zone);
            for span in hours.spans() {
                prop_assert!(span.start_us < span.end_us);
                prop_assert!(matches!(hours.at(span.start_us), Trading::Open(_)));
            }
        }
    }
}
