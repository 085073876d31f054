//! `hist.*`: bars of any range and the earliest data there is.

use std::{borrow::Cow, fmt};

use chrono::{DateTime, NaiveDate};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_with::skip_serializing_none;

use crate::schema::{
    Instrument,
    bar::{Bar, BarSize, BarSource},
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

/// One page of the answer to `hist.bars`. Pages arrive in order on the reply inbox.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BarsPage {
    /// Page number from 0.
    pub page: u32,
    /// True on the last page, which carries the manifest.
    pub last: bool,
    /// Bars of this page, oldest first.
    pub rows: Vec<Bar>,
    /// The summary; on the last page.
    pub manifest: Option<Manifest>,
}

/// What a range request delivered, and what it could not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// The instrument.
    pub instrument: Instrument,
    /// Pages sent.
    pub pages: u32,
    /// Rows sent.
    pub rows: u64,
    /// Upstream requests this took; 0 if served from an answer kept.
    pub requests: u32,
    /// Parts of the range without rows that the request could not fill.
    pub holes: Vec<Hole>,
}

/// Part of a range that is missing.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hole {
    /// From, microseconds UTC.
    pub from_us: i64,
    /// To, microseconds UTC.
    pub to_us: i64,
    /// Why: `no_data`, `timeout`, `rejected_by_gateway`, ...
    pub reason: String,
    /// IB's code, if one caused it.
    pub ib_code: Option<i32>,
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

/// Answer to `hist.head`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    /// The instrument.
    pub instrument: Instrument,
    /// Earliest data, microseconds UTC.
    pub head_us: i64,
}
