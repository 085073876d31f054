//! Reads a request for bars: which moments, which data, and whether IB could have them.

use chrono::{DateTime, Days, Months};

use super::plan::{self, Chunk, Cut, SECOND_US};
use crate::schema::{
    ApiError, ErrorCode, Instrument,
    bar::{BarSize, BarSource},
    request::history::{BarsRequest, TimePoint},
};

/// A client's clock may be this far ahead of ours.
const AHEAD_US: i64 = 60 * SECOND_US;
/// IB keeps bars of 30 s and less for six months: `ib-limits` section 4.
const SMALL_BARS_KEPT_DAYS: i64 = 186;
/// IB keeps the history of a future for two years after its expiry.
const EXPIRED_FUTURES_KEPT_DAYS: i64 = 731;
const DAY_US: i64 = 86_400 * SECOND_US;

/// A range that IB may be asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Range {
    pub(super) start_us: i64,
    pub(super) end_us: i64,
    /// When it was asked.
    pub(super) now_us: i64,
    pub(super) size: BarSize,
    pub(super) source: BarSource,
    /// The data must end now: no end time is sent.
    pub(super) ends_now: bool,
    /// The part at its start that IB does not keep: up to when, and the reason.
    pub(super) unkept: Option<(i64, &'static str)>,
    pub(super) chunks: Vec<Chunk>,
}

/// The source if the request names none: trades, but IB has none for currency pairs.
pub(super) fn default_source(instrument: &Instrument) -> BarSource {
    if instrument.sec_type == "CASH" { BarSource::Midpoint } else { BarSource::Trades }
}

/// Refuses sources that IB does not have for a kind of instrument.
pub(super) fn check_source(instrument: &Instrument, source: BarSource) -> Result<(), ApiError> {
    match (source, instrument.sec_type.as_str()) {
        (BarSource::Trades | BarSource::AggTrades | BarSource::AdjustedLast, "CASH") => {
            Err(ApiError::invalid("IB has no trades for currency pairs; use midpoint, bid, ask or bid_ask"))
        }
        (BarSource::AggTrades, sec_type) if sec_type != "CRYPTO" => {
            Err(ApiError::invalid("agg_trades exist for CRYPTO only; use trades"))
        }
        _ => Ok(()),
    }
}

/// What IB does not keep: up to when, and the reason. `None` if it may have all of it.
fn unkept(instrument: &Instrument, size: BarSize, now_us: i64) -> Option<(i64, &'static str)> {
    let is_derivative = matches!(instrument.sec_type.as_str(), "OPT" | "FOP" | "WAR" | "IOPT");
    let kept_days = match instrument.sec_type.as_str() {
        "FUT" => Some(EXPIRED_FUTURES_KEPT_DAYS),
        _ if is_derivative => Some(0),
        _ => None,
    };
    // The day of expiry itself is over everywhere a day after its end in UTC.
    let is_gone = |days: i64| last_day_us(instrument).is_some_and(|day| day + (days + 2) * DAY_US <= now_us);
    if kept_days.is_some_and(is_gone) {
        return Some((i64::MAX, "expired"));
    }
    if is_derivative && size >= BarSize::DAY {
        return Some((i64::MAX, "no_daily_bars"));
    }
    plan::is_small(size).then_some((now_us - SMALL_BARS_KEPT_DAYS * DAY_US, "small_bars_too_old"))
}

/// Midnight UTC of the day an instrument expires.
fn last_day_us(instrument: &Instrument) -> Option<i64> {
    let text = instrument.expiry.as_deref()?.get(..8)?;
    let day = chrono::NaiveDate::parse_from_str(text, "%Y%m%d").ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}

/// First and last moment of a range that a client asks for at `now_us`.
pub(super) fn moments(
    start: Option<TimePoint>,
    end: Option<TimePoint>,
    duration: Option<&str>,
    now_us: i64,
) -> Result<(i64, i64), ApiError> {
    let end_us = end.map_or(now_us, |end| end.us);
    if end_us > now_us.saturating_add(AHEAD_US) {
        return Err(ApiError::invalid("end is in the future"));
    }
    if end_us < 0 {
        return Err(ApiError::invalid("end is before 1970"));
    }
    let end_us = end_us.min(now_us);
    let start_us = match (start, duration) {
        (Some(_), Some(_)) => return Err(ApiError::invalid("give start or duration, not both")),
        (None, None) => return Err(ApiError::invalid("give start or duration")),
        (Some(start), None) => start.us,
        (None, Some(duration)) => before(end_us, duration).ok_or_else(|| bad_duration(duration))?,
    };
    if start_us < 0 {
        return Err(ApiError::invalid("start is before 1970"));
    }
    if start_us >= end_us {
        return Err(ApiError::invalid("start is not before end (now, if end is left out)"));
    }
    Ok((start_us, end_us))
}

pub(super) fn bad_duration(duration: &str) -> ApiError {
    let shown: String = duration.chars().take(20).collect();
    ApiError::invalid(format!("{shown:?} is not a duration; write 3600s, 2h, 5d, 3w, 6mo or 1y"))
}

impl Range {
    /// Reads and checks a request at `now_us`; `rows_max` bounds the bars of one upstream request.
    pub(super) fn read(
        ask: &BarsRequest,
        instrument: &Instrument,
        now_us: i64,
        rows_max: u32,
    ) -> Result<Self, ApiError> {
        let size = ask.bar_size;
        let source = ask.source.unwrap_or_else(|| default_source(instrument));
        check_source(instrument, source)?;
        let ends_now = source == BarSource::AdjustedLast || instrument.sec_type == "CONTFUT";
        if ends_now && ask.end.is_some() {
            return Err(ApiError::invalid(
                "IB gives adjusted_last and continuous futures up to now only; leave end out",
            ));
        }
        let (mut start_us, end_us) = moments(ask.start, ask.end, ask.duration.as_deref(), now_us)?;
        if size >= BarSize::DAY {
            // These bars start at midnight of their date, so the first date is meant as a whole.
            start_us -= start_us.rem_euclid(DAY_US);
        }
        let unkept = unkept(instrument, size, now_us).filter(|(to_us, _)| *to_us > start_us);
        let from_us = unkept.map_or(start_us, |(to_us, _)| to_us);
        let cut = Cut { size, single: ends_now || plan::is_indivisible(size), rows_max };
        let chunks = if from_us < end_us { cut.chunks(from_us, end_us) } else { Vec::new() };
        if chunks.is_empty() && from_us < end_us {
            let days = cut.longest_s() / 86_400;
            let message = if cut.single {
                format!(
                    "such bars come in one request, which reaches {days} days back with bars of {size}; start later or use longer bars"
                )
            } else {
                format!("the range takes too many requests with bars of {size}; start later or use longer bars")
            };
            return Err(ApiError::new(ErrorCode::TooLarge, message));
        }
        Ok(Self { start_us, end_us, now_us, size, source, ends_now, unkept, chunks })
    }
}

/// The moment this long before `end_us`; months and years by the calendar, UTC.
pub(super) fn before(end_us: i64, duration: &str) -> Option<i64> {
    let split = duration.find(|letter: char| !letter.is_ascii_digit())?;
    let (count, unit) = duration.split_at_checked(split)?;
    let count: u32 = count.parse().ok().filter(|count| *count > 0)?;
    let end = DateTime::from_timestamp_micros(end_us)?;
    let seconds = |each: i64| Some(end_us - i64::from(count).checked_mul(each)?.checked_mul(SECOND_US)?);
    match unit {
        "s" => seconds(1),
        "h" => seconds(3_600),
        "d" => Some(end.checked_sub_days(Days::new(count.into()))?.timestamp_micros()),
        "w" => Some(end.checked_sub_days(Days::new(u64::from(count) * 7))?.timestamp_micros()),
        "mo" => Some(end.checked_sub_months(Months::new(count))?.timestamp_micros()),
        "y" => Some(end.checked_sub_months(Months::new(count.checked_mul(12)?))?.timestamp_micros()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(duration: &str, expected: Option<&str>) {
        let moment = |text: &str| DateTime::parse_from_rfc3339(text).expect("a time").timestamp_micros();
        assert_eq!(before(moment("2026-11-21T12:00:00Z"), duration), expected.map(moment), "{duration}");
    }

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        check("3600s", Some("2026-11-21T11:00:00Z"));
        check("2h", Some("2026-11-21T10:00:00Z"));
        check("5d", Some("2026-11-16T12:00:00Z"));
        check("3w", Some("2026-10-31T12:00:00Z"));
        check("6mo", Some("2026-05-21T12:00:00Z"));
        check("1y", Some("2025-11-21T12:00:00Z"));
        for wrong in
            ["", "5", "d", "0d", "-5d", "5 d", "5D", "1.5h", "5days", "30m", "99999999999s", "4294967295y", "5ö"]
        {
            check(wrong, None);
        }
    }

    #[test]
    fn no_range_however_wild_breaks_the_arithmetic() {
        let instrument: Instrument = serde_json::from_value(serde_json::json!({
            "con_id": 1, "sec_type": "STK", "symbol": "A", "local_symbol": "A", "exchange": "SMART", "currency": "USD"
        }))
        .expect("an instrument");
        let now_us = 1_795_262_400_000_000;
        let wild = [i64::MIN, i64::MIN + 1, -8_000_000_000_000_000_000, -1, 0, now_us - 1, now_us, i64::MAX];
        for size in ["1s", "1d", "1mo"] {
            for end in wild {
                for start in wild {
                    let ask = serde_json::json!({ "contract": "STK:A", "bar_size": size, "start": start, "end": end });
                    let ask: BarsRequest = serde_json::from_value(ask).expect("a request");
                    if let Ok(range) = Range::read(&ask, &instrument, now_us, 6_000) {
                        assert!(0 <= range.start_us && range.start_us < range.end_us && range.end_us <= now_us);
                    }
                }
                for duration in ["1s", "2500000000h", "4294967295s", "4294967295d", "613566756w", "3000000y"] {
                    let ask =
                        serde_json::json!({ "contract": "STK:A", "bar_size": size, "duration": duration, "end": end });
                    let ask: BarsRequest = serde_json::from_value(ask).expect("a request");
                    if let Ok(range) = Range::read(&ask, &instrument, now_us, 6_000) {
                        assert!(0 <= range.start_us && range.start_us < range.end_us && range.end_us <= now_us);
                    }
                }
            }
        }
    }
}
