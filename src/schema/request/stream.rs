//! Names of the streams that can be leased.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::schema::{bar::BarSize, market::TickByTickKind};

/// A stream of one instrument: `quote`, `tick`, `tbt.last`, `tbt.all_last`, `tbt.bid_ask`,
/// `tbt.mid_point`, `bar.<size>`, `depth`, `greeks`, `news`.
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
    /// Option computations.
    Greeks,
    /// Headlines about the instrument.
    News,
}

/// Text that is no stream.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{text:?} is not a stream; use quote, tick, greeks, news, depth, tbt.last, tbt.all_last, tbt.bid_ask, tbt.mid_point, or bar.<size> such as bar.5s"
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
            "greeks" => Ok(Self::Greeks),
            "news" => Ok(Self::News),
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
            Self::Greeks => f.write_str("greeks"),
            Self::News => f.write_str("news"),
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
            "pattern": "^(quote|tick|greeks|news|depth|tbt\\.(last|all_last|bid_ask|mid_point)|bar\\.[0-9]+(s|m|h|d|w|mo))$"
        })
    }
}
