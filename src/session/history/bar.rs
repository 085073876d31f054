//! Bars as the gateway sends them, read into published bars.

use chrono::NaiveDate;

use super::plan::SECOND_US;
use crate::{
    schema::bar::{Bar, BarSource},
    session::{listing::of_trades, time::moment as zoned},
    tws::{message::history::HistoricalDataBar, sentinel::unset_double},
};

/// True if volume, average price and count mean something.
fn has_trades(source: BarSource) -> bool {
    matches!(source, BarSource::Trades | BarSource::AggTrades | BarSource::AdjustedLast)
}

/// Reads one bar. `None` if its time or one of its prices cannot be read.
pub(super) fn read(row: &HistoricalDataBar, source: BarSource) -> Option<Bar> {
    let text = row.date.as_deref()?.trim();
    let date = date(text);
    let start_us = match &date {
        Some(start_us) => *start_us,
        None => moment(text)?,
    };
    let price = |field: Option<f64>| field.and_then(unset_double);
    let amount = |field: &Option<String>| of_trades(field.as_deref()).filter(|_| has_trades(source));
    Some(Bar {
        start_us,
        date: date.map(|_| text.to_owned()),
        open: price(row.open)?,
        high: price(row.high)?,
        low: price(row.low)?,
        close: price(row.close)?,
        volume: amount(&row.volume),
        wap: amount(&row.wap),
        count: row.bar_count.filter(|count| *count >= 0 && has_trades(source)),
    })
}

/// Midnight UTC of a `yyyymmdd` date; bars of a day and longer carry one whatever was asked.
fn date(text: &str) -> Option<i64> {
    if text.len() != 8 {
        return None;
    }
    let date = NaiveDate::parse_from_str(text, "%Y%m%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}

/// A time as asked with `formatDate` 2: seconds since the epoch, or what else says when it is.
pub(super) fn moment(text: &str) -> Option<i64> {
    let text = text.trim();
    let seconds = text.parse::<i64>().ok().filter(|seconds| *seconds > 0 && text.len() > 8);
    if let Some(seconds) = seconds {
        return seconds.checked_mul(SECOND_US);
    }
    zoned(text).or_else(|| date(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(date: &str, volume: &str, count: i32) -> HistoricalDataBar {
        HistoricalDataBar {
            date: Some(date.to_owned()),
            open: Some(1.0),
            high: Some(2.0),
            low: Some(0.5),
            close: Some(1.5),
            volume: Some(volume.to_owned()),
            wap: Some("1.2500".to_owned()),
            bar_count: Some(count),
        }
    }

    #[test]
    fn a_daily_bar_starts_at_midnight_of_its_date() {
        let bar = read(&row("20261120", "100", 7), BarSource::Trades).expect("a bar");
        assert_eq!((bar.start_us, bar.date.as_deref()), (1_795_132_800_000_000, Some("20261120")));
    }

    #[test]
    fn an_intraday_bar_starts_at_its_second() {
        let bar = read(&row("1795185000", "100.50", 7), BarSource::Trades).expect("a bar");
        assert_eq!((bar.start_us, bar.date), (1_795_185_000_000_000, None));
        assert_eq!((bar.volume.expect("traded").as_str(), bar.count), ("100.50", Some(7)));
        assert_eq!(moment("20261120-14:30:00"), Some(1_795_185_000_000_000));
        for zone in ["US/Eastern", "America/New_York", "Eastern Standard Time", "EST5EDT"] {
            assert_eq!(moment(&format!("20261120 09:30:00 {zone}")), Some(1_795_185_000_000_000), "{zone}");
        }
        assert_eq!(moment("20261120 09:30:00 Mars/Olympus"), None);
        assert_eq!(moment("20261120 09:30:00"), None, "a zone must be named");
    }

    #[test]
    fn volume_is_told_for_trades_only() {
        let quoted = read(&row("1795185000", "-1", -1), BarSource::Midpoint).expect("a bar");
        assert_eq!((quoted.volume, quoted.wap, quoted.count), (None, None, None));
        let odd = read(&row("1795185000", "-1", -1), BarSource::Trades).expect("a bar");
        assert_eq!((odd.volume, odd.count), (None, None));
    }

    #[test]
    fn what_cannot_be_read_is_no_bar() {
        for date in ["", "yesterday", "20261399", "-5", "99999999999999999999"] {
            assert_eq!(read(&row(date, "1", 1), BarSource::Trades), None, "{date}");
        }
        let unset = HistoricalDataBar { close: Some(f64::MAX), ..row("1795185000", "1", 1) };
        assert_eq!(read(&unset, BarSource::Trades), None);
    }
}
