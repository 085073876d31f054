//! `md.*`: leases on streams, and snapshots.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_with::skip_serializing_none;
use thiserror::Error;

use crate::schema::{
    Instrument,
    bar::BarSize,
    contract::ContractSpec,
    market::{QuoteEvent, TickByTickKind},
};

/// A stream of one instrument: `quote`, `tick`, `tbt.last`, `tbt.all_last`, `tbt.bid_ask`,
/// `tbt.mid_point`, `bar.<size>`, `depth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// The level-1 picture.
    Quote,
    /// Every gateway tick by itself.
    Tick,
    /// Tick-by-tick.
    TickByTick(TickByTickKind),
    /// Bars.
    Bar(BarSize),
    /// The order book.
    Depth,
}

/// Text that is no stream.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{text:?} is not a stream; use quote, tick, tbt.last, tbt.all_last, tbt.bid_ask, tbt.mid_point, bar.5s or depth"
)]
pub struct BadStream {
    /// The refused text.
    pub text: String,
}

impl FromStr for Stream {
    type Err = BadStream;

    fn from_str(text: &str) -> Result<Self, BadStream> {
        let bad = || BadStream { text: text.chars().take(40).collect() };
        match text {
            "quote" => Ok(Self::Quote),
            "tick" => Ok(Self::Tick),
            "depth" => Ok(Self::Depth),
            "tbt.last" => Ok(Self::TickByTick(TickByTickKind::Last)),
            "tbt.all_last" => Ok(Self::TickByTick(TickByTickKind::AllLast)),
            "tbt.bid_ask" => Ok(Self::TickByTick(TickByTickKind::BidAsk)),
            "tbt.mid_point" => Ok(Self::TickByTick(TickByTickKind::MidPoint)),
            _ => {
                let size = text.strip_prefix("bar.").ok_or_else(bad)?;
                size.parse().map(Self::Bar).map_err(|_| bad())
            }
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quote => f.write_str("quote"),
            Self::Tick => f.write_str("tick"),
            Self::Depth => f.write_str("depth"),
            Self::TickByTick(TickByTickKind::Last) => f.write_str("tbt.last"),
            Self::TickByTick(TickByTickKind::AllLast) => f.write_str("tbt.all_last"),
            Self::TickByTick(TickByTickKind::BidAsk) => f.write_str("tbt.bid_ask"),
            Self::TickByTick(TickByTickKind::MidPoint) => f.write_str("tbt.mid_point"),
            Self::Bar(size) => write!(f, "bar.{size}"),
        }
    }
}

impl Serialize for Stream {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Stream {
    fn schema_name() -> Cow<'static, str> {
        "Stream".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A stream of one instrument.",
            "type": "string",
            "pattern": "^(quote|tick|depth|tbt\\.(last|all_last|bid_ask|mid_point)|bar\\.[0-9]+(s|m|h|d|w|mo))$"
        })
    }
}

fn quote_only() -> Vec<Stream> {
    vec![Stream::Quote]
}

fn a_minute() -> u32 {
    60
}

/// `md.subscribe`: take a lease on streams of one instrument.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// The instrument.
    pub contract: ContractSpec,
    /// Which streams; `quote` if left out.
    #[serde(default = "quote_only")]
    pub streams: Vec<Stream>,
    /// Seconds until the lease ends unless renewed; 0 = until unsubscribed. Default 60.
    #[serde(default = "a_minute")]
    pub ttl_s: u32,
    /// IB's generic tick numbers to ask for beside the default ticks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generic_ticks: Vec<u16>,
    /// Rows of depth; default 10.
    pub depth_rows: Option<u8>,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// A lease as held.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lease {
    /// Name of the lease, for `renew` and `unsubscribe`.
    pub lease: String,
    /// Client that holds it; absent for requests without a client token.
    pub client: Option<String>,
    /// The instrument.
    pub instrument: Instrument,
    /// The streams held.
    pub streams: Vec<LeasedStream>,
    /// Seconds granted at each renewal; 0 = until unsubscribed.
    pub ttl_s: u32,
    /// When it ends unless renewed, microseconds UTC, our clock; absent if it does not end.
    pub expires_us: Option<i64>,
    /// The last quote, if one is known; late joiners need not wait.
    pub quote: Option<QuoteEvent>,
}

/// One stream of a lease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeasedStream {
    /// The stream.
    pub stream: Stream,
    /// Where its events are published; ticks have one more token.
    pub subject: String,
    /// How many leases share the upstream request, this one included.
    pub holders: u32,
}

/// `md.renew`: keep a lease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// The lease.
    pub lease: String,
}

/// `md.unsubscribe`: give a lease back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unsubscribe {
    /// The lease.
    pub lease: String,
}

/// Answer to `md.unsubscribe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unsubscribed {
    /// The lease that ended.
    pub lease: String,
    /// Upstream requests that were cancelled because nobody else needs them.
    pub cancelled: u32,
}

/// `md.list`: all leases and the upstream requests behind them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListLeases {}

/// Answer to `md.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Leases {
    /// Leases in the order they were taken.
    pub leases: Vec<Lease>,
    /// Upstream requests.
    pub upstream: Vec<Upstream>,
    /// Market data lines in use and allowed.
    pub lines: Usage,
    /// Tick-by-tick subscriptions in use and allowed.
    pub tick_by_tick: Usage,
    /// Depth subscriptions in use and allowed.
    pub depth: Usage,
}

/// How much of a limit is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// In use.
    pub used: u32,
    /// Allowed.
    pub max: u32,
}

/// One subscription at the gateway.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Upstream {
    /// IB's contract id.
    pub con_id: i32,
    /// Stream; `quote` stands for quote and tick together.
    pub stream: Stream,
    /// Request id at the gateway; absent while waiting to be sent.
    pub req_id: Option<i32>,
    /// Leases that need it.
    pub holders: u32,
    /// True while no data may be flowing.
    pub stale: bool,
    /// Last data, microseconds UTC, our clock.
    pub last_us: Option<i64>,
}

/// `md.snapshot`: the present level-1 picture, once.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The instrument.
    pub contract: ContractSpec,
    /// Give up after this many milliseconds. The gateway itself may take 11 s.
    pub timeout_ms: Option<u64>,
}

/// Answer to `md.snapshot`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotAnswer {
    /// The instrument.
    pub instrument: Instrument,
    /// The picture.
    pub quote: QuoteEvent,
    /// True if it came from a running subscription instead of a request of its own.
    pub shared: bool,
}
