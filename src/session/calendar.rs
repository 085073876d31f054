//! When an instrument trades, in the time zone of its exchange.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;

use super::{
    core::Core,
    time::{Hours, Zone},
};

/// A stretch of trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// First moment, microseconds UTC.
    pub(crate) start_us: i64,
    /// Moment after the last, microseconds UTC.
    pub(crate) end_us: i64,
    /// Trading date it belongs to.
    pub(crate) date: NaiveDate,
}

/// Time zone and sessions of an instrument, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calendar {
    pub(crate) zone: Tz,
    /// In order of time; empty if unknown.
    pub(crate) sessions: Vec<Session>,
}

impl Calendar {
    /// From hours as a contract tells them. A session belongs to the date on which it ends.
    pub(crate) fn of(zone: Zone, hours: &Hours) -> Self {
        let zone = zone.place();
        let date = |end_us: i64| {
            let last = DateTime::from_timestamp_micros(end_us - 1).unwrap_or_default();
            last.with_timezone(&zone).date_naive()
        };
        let session = |span: &super::time::Span| Session {
            start_us: span.start_us,
            end_us: span.end_us,
            date: date(span.end_us),
        };
        Self { zone, sessions: hours.spans().iter().map(session).collect() }
    }
}

impl Default for Calendar {
    fn default() -> Self {
        Self { zone: Tz::UTC, sessions: Vec::new() }
    }
}

impl Core {
    /// What is known of when a contract trades.
    pub(crate) fn calendar(&self, con_id: i32) -> Arc<Calendar> {
        self.calendars.get(&con_id).cloned().unwrap_or_default()
    }

    /// The gateway told when a contract trades.
    pub(crate) fn learn_calendar(&mut self, con_id: i32, zone: Zone, hours: &Hours) {
        self.calendars.insert(con_id, Arc::new(Calendar::of(zone, hours)));
    }
}
