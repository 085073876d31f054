//! Bars and their sizes.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_with::skip_serializing_none;
use thiserror::Error;

use super::Size;

/// A bar size that IB offers, written `5s`, `1m`, `1h`, `1d`, `1w`, `1mo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BarSize(u8);

/// Our name, IB's text, and the length in seconds (a month counted as 30 days) of every bar size.
const SIZES: [(&str, &str, i64); 21] = [
    ("1s", "1 secs", 1),
    ("5s", "5 secs", 5),
    ("10s", "10 secs", 10),
    ("15s", "15 secs", 15),
    ("30s", "30 secs", 30),
    ("1m", "1 min", 60),
    ("2m", "2 mins", 120),
    ("3m", "3 mins", 180),
    ("5m", "5 mins", 300),
    ("10m", "10 mins", 600),
    ("15m", "15 mins", 900),
    ("20m", "20 mins", 1_200),
    ("30m", "30 mins", 1_800),
    ("1h", "1 hour", 3_600),
    ("2h", "2 hours", 7_200),
    ("3h", "3 hours", 10_800),
    ("4h", "4 hours", 14_400),
    ("8h", "8 hours", 28_800),
    ("1d", "1 day", 86_400),
    ("1w", "1 week", 604_800),
    ("1mo", "1 month", 2_592_000),
];

/// Text that is no bar size.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text:?} is not a bar size; use one of {}", BarSize::names().collect::<Vec<_>>().join(", "))]
pub struct BadBarSize {
    /// The refused text.
    pub text: String,
}

impl BarSize {
    /// The five-second bar of the real-time stream.
    pub const FIVE_SECONDS: Self = Self(1);
    /// The bar of a minute.
    pub const MINUTE: Self = Self(5);
    /// The daily bar.
    pub const DAY: Self = Self(18);

    /// All names, shortest bar first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SIZES.iter().map(|(name, _, _)| *name)
    }

    fn row(self) -> (&'static str, &'static str, i64) {
        SIZES.get(usize::from(self.0)).copied().unwrap_or(("5s", "5 secs", 5))
    }

    /// Our name, such as `5s`.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// IB's text, such as `5 secs`.
    pub fn ib_text(self) -> &'static str {
        self.row().1
    }

    /// Length in seconds; a month counts as 30 days.
    pub fn seconds(self) -> i64 {
        self.row().2
    }
}

impl FromStr for BarSize {
    type Err = BadBarSize;

    fn from_str(text: &str) -> Result<Self, BadBarSize> {
        SIZES
            .iter()
            .position(|(name, ib, _)| *name == text || *ib == text)
            .and_then(|index| u8::try_from(index).ok())
            .map(Self)
            .ok_or_else(|| BadBarSize { text: text.chars().take(40).collect() })
    }
}

impl fmt::Display for BarSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for BarSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for BarSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for BarSize {
    fn schema_name() -> Cow<'static, str> {
        "BarSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A bar size that IB offers.", "enum": BarSize::names().collect::<Vec<_>>() })
    }
}

/// What a bar is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "IB's own kinds of data; the field's standard terms")]
pub enum BarSource {
    #[default]
    Trades,
    Midpoint,
    Bid,
    Ask,
    BidAsk,
    AggTrades,
    AdjustedLast,
    HistoricalVolatility,
    OptionImpliedVolatility,
    FeeRate,
    YieldBid,
    YieldAsk,
    YieldBidAsk,
    YieldLast,
}

impl BarSource {
    /// IB's `whatToShow` text.
    pub fn ib_text(self) -> &'static str {
        match self {
            Self::Trades => "TRADES",
            Self::Midpoint => "MIDPOINT",
            Self::Bid => "BID",
            Self::Ask => "ASK",
            Self::BidAsk => "BID_ASK",
            Self::AggTrades => "AGGTRADES",
            Self::AdjustedLast => "ADJUSTED_LAST",
            Self::HistoricalVolatility => "HISTORICAL_VOLATILITY",
            Self::OptionImpliedVolatility => "OPTION_IMPLIED_VOLATILITY",
            Self::FeeRate => "FEE_RATE",
            Self::YieldBid => "YIELD_BID",
            Self::YieldAsk => "YIELD_ASK",
            Self::YieldBidAsk => "YIELD_BID_ASK",
            Self::YieldLast => "YIELD_LAST",
        }
    }
}

/// One bar, in history answers.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bar {
    /// Start of the bar, microseconds UTC. For bars of a day and longer: midnight UTC of the trading date IB names.
    pub start_us: i64,
    /// Trading date `YYYYMMDD`, for bars of a day and longer.
    pub date: Option<String>,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Traded volume; absent unless the bar is made of trades.
    pub volume: Option<Size>,
    /// Volume-weighted average price; absent unless the bar is made of trades.
    pub wap: Option<Size>,
    /// Number of trades; absent unless the bar is made of trades.
    pub count: Option<i32>,
}

/// A live bar, on `ib.bar.<inst>.<size>`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BarEvent {
    /// IB's contract id.
    pub con_id: i32,
    /// Grows by one per subject.
    pub seq: u64,
    /// When the bytes arrived, microseconds UTC, our clock.
    pub recv_us: i64,
    /// Bar size, as in the subject.
    pub size: BarSize,
    /// The bar so far.
    #[serde(flatten)]
    pub bar: Bar,
    /// True when the bar is final; published once per bar. False on updates of the bar in progress, which carry
    /// what is known of it so far.
    pub complete: bool,
    /// True if all or part of it was fetched from history, after an interruption or because the stream began
    /// inside the bar, instead of seen live; left out otherwise.
    pub backfilled: Option<bool>,
    /// True if data of part of its time is missing; `ib.gap` says which. Left out otherwise.
    pub partial: Option<bool>,
    /// True on the first event after an interruption; left out otherwise.
    pub after_gap: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_read_by_both_names() {
        for (name, ib, seconds) in SIZES {
            let size: BarSize = name.parse().expect("our name");
            assert_eq!((size.ib_text(), size.seconds()), (ib, seconds));
            assert_eq!(ib.parse(), Ok(size));
        }
        assert_eq!((BarSize::FIVE_SECONDS.name(), BarSize::DAY.name()), ("5s", "1d"));
    }

    #[test]
    fn another_size_is_refused_with_the_list() {
        let error = "7m".parse::<BarSize>().expect_err("refused").to_string();
        assert!(error.contains("7m") && error.contains("5m, 10m"), "{error}");
    }
}
