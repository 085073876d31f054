//! `hist.*`: past bars, ticks, sessions and histograms, and the earliest data there is.

use std::{borrow::Cow, fmt};

use chrono::{DateTime, NaiveDate};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_with::skip_serializing_none;

pub use super::history_answer::*;
use crate::schema::{
    bar::{BarSize, BarSource},
    contract::ContractSpec,
};

/// A point in time in a request: microseconds since the epoch, or RFC 3339 text, or a date (`2026-11-20`, midnight UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimePoint {
    /// Microseconds since the epoch, UTC.
    pub us: i64,
}

impl Serialize for TimePoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.us)
    }
}

impl<'de> Deserialize<'de> for TimePoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor)
    }
}

struct TimeVisitor;

impl de::Visitor<'_> for TimeVisitor {
    type Value = TimePoint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("microseconds since the epoch, an RFC 3339 time such as \"2026-11-20T14:30:00Z\", or a date such as \"2026-11-20\"")
    }

    fn visit_i64<E: de::Error>(self, us: i64) -> Result<TimePoint, E> {
        Ok(TimePoint { us })
    }

    fn visit_u64<E: de::Error>(self, us: u64) -> Result<TimePoint, E> {
        i64::try_from(us).map(|us| TimePoint { us }).map_err(|_| E::custom("time out of range"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<TimePoint, E> {
        let whole = DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_micros());
        let date =
            || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|time| time.and_utc().timestamp_micros());
        match whole.ok().or_else(date) {
            Some(us) => Ok(TimePoint { us }),
            None => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

impl JsonSchema for TimePoint {
    fn schema_name() -> Cow<'static, str> {
        "TimePoint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Microseconds since the epoch, or RFC 3339 text, or a date (midnight UTC).",
            "anyOf": [{ "type": "integer" }, { "type": "string" }]
        })
    }
}

/// `hist.bars`: bars of any range. Give `start`, or `duration`, or both with `end` left out.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BarsRequest {
    /// The instrument.
    pub contract: ContractSpec,
    /// Bar size.
    pub bar_size: BarSize,
    /// First moment wanted.
    pub start: Option<TimePoint>,
    /// Moment before which the last bar starts; now if left out.
    pub end: Option<TimePoint>,
    /// Length before `end` as number and unit: `3600s`, `2h`, `5d`, `3w`, `6mo`, `1y`. Instead of `start`.
    pub duration: Option<String>,
    /// What the bars are made of; trades if left out (mid points for currency pairs).
    pub source: Option<BarSource>,
    /// Regular trading hours only. Default false.
    #[serde(default)]
    pub regular_hours: bool,
    /// Give up after this many milliseconds; the default grows with the range.
    pub timeout_ms: Option<u64>,
}

/// `hist.batch`: bars of many contracts, one range. What fails for one contract stops no other.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// The instruments, 1 to 1000.
    pub contracts: Vec<ContractSpec>,
    /// Bar size.
    pub bar_size: BarSize,
    /// First moment wanted.
    pub start: Option<TimePoint>,
    /// Moment before which the last bar starts; now if left out.
    pub end: Option<TimePoint>,
    /// Length before `end`, as in `hist.bars`. Instead of `start`.
    pub duration: Option<String>,
    /// What the bars are made of; trades if left out (mid points for currency pairs).
    pub source: Option<BarSource>,
    /// Regular trading hours only. Default false.
    #[serde(default)]
    pub regular_hours: bool,
    /// Give up after this many milliseconds; the default grows with the range and the contracts.
    pub timeout_ms: Option<u64>,
}

/// Which ticks `hist.ticks` fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PastTickKind {
    /// Trades.
    Last,
    /// Quotes.
    BidAsk,
    /// Mid points.
    MidPoint,
}

impl PastTickKind {
    /// IB's `whatToShow` text.
    pub fn ib_text(self) -> &'static str {
        match self {
            Self::Last => "TRADES",
            Self::BidAsk => "BID_ASK",
            Self::MidPoint => "MIDPOINT",
        }
    }
}

/// `hist.ticks`: every past tick of a range, however long.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TicksRequest {
    /// The instrument.
    pub contract: ContractSpec,
    /// Which ticks.
    pub kind: PastTickKind,
    /// First moment wanted; a whole second, fractions are cut off.
    pub start: TimePoint,
    /// Moment before which the last tick lies; now if left out.
    pub end: Option<TimePoint>,
    /// Regular trading hours only. Default false.
    #[serde(default)]
    pub regular_hours: bool,
    /// Leave out quotes that only change a size; for `bid_ask`. Default false.
    #[serde(default)]
    pub ignore_size: bool,
    /// Give up after this many milliseconds; one hour if left out.
    pub timeout_ms: Option<u64>,
}

/// `hist.schedule`: past trading sessions, holidays and early closes included.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRequest {
    /// The instrument.
    pub contract: ContractSpec,
    /// First moment wanted.
    pub start: Option<TimePoint>,
    /// Moment before which the last session starts; now if left out.
    pub end: Option<TimePoint>,
    /// Length before `end`, as in `hist.bars`. Instead of `start`.
    pub duration: Option<String>,
    /// Regular trading hours only. Default true.
    #[serde(default = "yes")]
    pub regular_hours: bool,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

fn yes() -> bool {
    true
}

/// `hist.histogram`: traded quantity by price over a period that ends now.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistogramRequest {
    /// The instrument.
    pub contract: ContractSpec,
    /// Period as number and unit: `3600s`, `5d`, `3w`, `6mo`, `1y`.
    pub period: String,
    /// Regular trading hours only. Default true.
    #[serde(default = "yes")]
    pub regular_hours: bool,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// `hist.head`: when the earliest data of an instrument begins.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadRequest {
    /// The instrument.
    pub contract: ContractSpec,
    /// Which data; trades if left out (mid points for currency pairs).
    pub source: Option<BarSource>,
    /// Regular trading hours only. Default false.
    #[serde(default)]
    pub regular_hours: bool,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}
