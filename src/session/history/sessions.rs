//! Trading sessions and histograms as the gateway sends them.

use crate::{
    schema::{
        Size,
        request::history::{PriceLevel, TradingSession},
    },
    session::time::{Zone, moment_in},
    tws::{
        message::history::{HistogramDataEntry, HistoricalSchedule},
        sentinel::{unset_decimal, unset_double},
    },
};

/// Reads the sessions of an answer; returns how many cannot be read.
pub(super) fn read(message: HistoricalSchedule, zone: &mut String, rows: &mut Vec<TradingSession>) -> u64 {
    *zone = message.time_zone.unwrap_or_default();
    let known = Zone::named(zone.trim());
    let mut unreadable = 0;
    for session in message.historical_sessions {
        let at = |text: Option<String>| moment_in(&text?, known?);
        let read = at(session.start_date_time).zip(at(session.end_date_time)).zip(session.ref_date);
        match read {
            Some(((start_us, end_us), date)) if start_us < end_us => {
                rows.push(TradingSession { date: date.trim().to_owned(), start_us, end_us });
            }
            _ => unreadable += 1,
        }
    }
    unreadable
}

/// Quantity at one price. `None` if one of the two cannot be read.
pub(super) fn level(entry: &HistogramDataEntry) -> Option<PriceLevel> {
    let price = entry.price.and_then(unset_double)?;
    let size = Size::from_gateway(unset_decimal(entry.size.as_deref()?)?)?;
    Some(PriceLevel { price, size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tws::message::history::HistoricalSession;

    fn schedule(zone: &str) -> (u64, Vec<TradingSession>) {
        let session = |start: &str, end: &str| HistoricalSession {
            start_date_time: Some(start.to_owned()),
            end_date_time: Some(end.to_owned()),
            ref_date: Some("20261127".to_owned()),
        };
        let message = HistoricalSchedule {
            time_zone: Some(zone.to_owned()),
            historical_sessions: vec![
                session("20261127-09:30:00", "20261127-13:00:00"),
                session("20261127-13:00:00", "20261127-09:30:00"),
                session("soon", "later"),
            ],
            ..HistoricalSchedule::default()
        };
        let mut rows = Vec::new();
        (read(message, &mut String::new(), &mut rows), rows)
    }

    #[test]
    fn sessions_are_read_in_the_zone_of_the_answer() {
        for zone in ["US/Eastern", "America/New_York"] {
            let (unreadable, rows) = schedule(zone);
            assert_eq!((unreadable, rows.len()), (2, 1));
            assert_eq!((rows[0].start_us, rows[0].end_us), (1_795_789_800_000_000, 1_795_802_400_000_000));
        }
    }

    #[test]
    fn sessions_in_an_unknown_zone_are_no_sessions() {
        assert_eq!(schedule("Moon/Far Side").0, 3);
    }
}
