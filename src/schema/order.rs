//! Order and fill events, and the words orders are described with.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_with::skip_serializing_none;
use thiserror::Error;

pub use super::order_type::{OrderType, TimeInForce};
use super::{Instrument, Size};

/// The caller's idempotency key: 1 to 40 of `[A-Za-z0-9_-]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct OrderKey(String);

/// Text that cannot be an order key.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text:?} is not an order key: use 1 to {} of A-Z a-z 0-9 _ -", OrderKey::LEN_MAX)]
pub struct BadOrderKey {
    /// The refused text.
    pub text: String,
}

impl OrderKey {
    /// Longest key, in characters.
    pub const LEN_MAX: usize = 40;

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of an order that was not placed with one.
    pub fn of_perm_id(perm_id: i64) -> Self {
        Self(format!("perm-{perm_id}"))
    }
}

impl FromStr for OrderKey {
    type Err = BadOrderKey;

    fn from_str(text: &str) -> Result<Self, BadOrderKey> {
        let legal = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if legal && (1..=Self::LEN_MAX).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadOrderKey { text: text.chars().take(60).collect() })
        }
    }
}

impl fmt::Display for OrderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OrderKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for OrderKey {
    fn schema_name() -> Cow<'static, str> {
        "OrderKey".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The caller's idempotency key.",
            "type": "string", "pattern": "^[A-Za-z0-9_-]{1,40}$"
        })
    }
}

/// Buy or sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Buy.
    Buy,
    /// Sell, short sales included.
    Sell,
}

/// Where an order stands, in words a trader knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Accepted by the bridge; not one byte has been written to the gateway yet.
    Journaled,
    /// Written to the gateway's socket once; nothing heard yet.
    Sent,
    /// Held at IB or the exchange and able to fill; `ib_status` tells which.
    Working,
    /// Partly filled and still working.
    PartiallyFilled,
    /// A cancel is on its way; fills are still possible.
    CancelPending,
    /// Completely filled.
    Filled,
    /// Refused by the gateway or IB; never worked.
    Rejected,
    /// Cancelled; `filled` may be above zero.
    Cancelled,
    /// IB holds it without working it; it may come back.
    Inactive,
    /// It may or may not exist at IB; settled by evidence, never by sending again.
    OutcomeUnknown,
}

impl OrderState {
    /// True when nothing more is expected but corrections.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Filled | Self::Rejected | Self::Cancelled)
    }
}

/// An order's state after a real change, on `ib.order.<account>.<key>`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderEvent {
    /// The caller's key, or `perm-<perm_id>` for an order placed elsewhere.
    pub key: OrderKey,
    /// Account number.
    pub account: String,
    /// IB's contract id; absent until resolved.
    pub con_id: Option<i32>,
    /// Grows by one per subject. Only events have it: it is left out of answers.
    pub seq: Option<u64>,
    /// When this was learned, microseconds UTC, our clock. In answers: when they were given.
    pub recv_us: i64,
    /// When the bridge wrote the order down to be placed, or first heard of it; microseconds UTC, our clock.
    pub placed_us: Option<i64>,
    /// When the last change of the order was learned; microseconds UTC, our clock. Answers have it as well.
    pub changed_us: Option<i64>,
    /// Where the order stands.
    pub state: OrderState,
    /// Where it came from: `bridge`, `client-<id>` for another API client, `tws` for one typed in by hand,
    /// `unknown` for one that was over before anything told who placed it.
    pub origin: String,
    /// Buy or sell.
    pub side: Option<Side>,
    /// Counts the changes of price, size and time in force, from 1; for `expected_revision` of a modification.
    #[serde(default = "first_revision")]
    pub revision: u32,
    /// True while the gateway holds the order back (`transmit` false): it does not work until it is transmitted.
    pub held: Option<bool>,
    /// IB's order type text.
    pub order_type: Option<String>,
    /// Ordered quantity.
    pub quantity: Option<Size>,
    /// Filled so far.
    pub filled: Size,
    /// Still open; absent if unknown.
    pub remaining: Option<Size>,
    /// Limit price, for types that have one.
    pub limit_price: Option<f64>,
    /// Stop or trigger price, for types that have one.
    pub stop_price: Option<f64>,
    /// Average price of what is filled.
    pub average_price: Option<f64>,
    /// Time in force as IB writes it.
    pub tif: Option<String>,
    /// Order id, valid together with the client id.
    pub order_id: Option<i32>,
    /// IB's account-wide order number; absent until IB gave one.
    pub perm_id: Option<i64>,
    /// API client that owns the order.
    pub client_id: Option<i32>,
    /// Parent's order id, for attached orders.
    pub parent_id: Option<i32>,
    /// IB's status word, verbatim.
    pub ib_status: Option<String>,
    /// IB's code, if a notice caused this change.
    pub ib_code: Option<i32>,
    /// Text of a reject, hold or warning.
    pub reason: Option<String>,
    /// What IB's advanced rejects say of the same, JSON as IB sends it: for `advanced_error_override` of another try.
    pub advanced_reject: Option<String>,
    /// Why IB holds it, such as `locate`.
    pub why_held: Option<String>,
    /// What is traded; absent until known.
    pub instrument: Option<Instrument>,
    /// The key that IB shows for this order as well as for another one: a cancel of the key reaches both.
    pub duplicate_of: Option<OrderKey>,
    /// True while a cancel that was asked for waits for the link to the gateway: it is sent when that is back, unless
    /// the order is over by then. Left out otherwise.
    pub cancel_waits: Option<bool>,
    /// True on the first event after an interruption; left out otherwise.
    pub after_gap: Option<bool>,
}

/// What an order has that was written down before revisions were counted.
fn first_revision() -> u32 {
    1
}

/// An execution, on `ib.fill.<account>.<key>`; published again when its commission is known.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FillEvent {
    /// The order's key.
    pub key: OrderKey,
    /// Account number.
    pub account: String,
    /// IB's contract id.
    pub con_id: i32,
    /// Grows by one per subject.
    pub seq: u64,
    /// When this was learned, microseconds UTC, our clock.
    pub recv_us: i64,
    /// When it was executed, microseconds UTC, the gateway's clock in whole seconds; absent if unreadable.
    pub event_us: Option<i64>,
    /// IB's execution id. The part before the last dot names the fill, the last segment its version.
    pub exec_id: String,
    /// Buy or sell.
    pub side: Side,
    /// Quantity of this execution.
    pub quantity: Size,
    /// Price of this execution.
    pub price: f64,
    /// Quantity of the order filled so far.
    pub cumulative_quantity: Option<Size>,
    /// Average price of the order so far.
    pub average_price: Option<f64>,
    /// Exchange of the execution.
    pub exchange: Option<String>,
    /// Commission and fees; absent until IB reported them.
    pub commission: Option<f64>,
    /// Currency of the commission.
    pub commission_currency: Option<String>,
    /// Profit realized by this execution; absent if none.
    pub realized_pnl: Option<f64>,
    /// Order id, valid together with the client id.
    pub order_id: Option<i32>,
    /// IB's account-wide order number.
    pub perm_id: Option<i64>,
    /// API client that owns the order.
    pub client_id: Option<i32>,
    /// IB's liquidity word: `added`, `removed`, `routed`.
    pub liquidity: Option<String>,
    /// True if this replaces an earlier version of the same fill; left out otherwise.
    pub correction: Option<bool>,
    /// True if learned by asking instead of live; left out otherwise.
    pub recovered: Option<bool>,
    /// True for one leg of a combo; the combo's own fill comes too. Left out otherwise.
    pub combo_leg: Option<bool>,
    /// Model of an advisor that the fill belongs to; absent for none.
    pub model: Option<String>,
    /// What was traded.
    pub instrument: Instrument,
}

impl FillEvent {
    /// What names the execution whatever its version: [`Self::exec_id`] without its last segment. An id that does
    /// not end in a number has no version: taking two such ids for one fill would lose the second.
    pub fn name(&self) -> &str {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let parts = self.exec_id.rsplit_once('.').filter(|(_, version)| is_number(version));
        parts.map_or(&self.exec_id, |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked() {
        assert!("mean-rev_42".parse::<OrderKey>().is_ok());
        for bad in ["", "a b", "a.b", "é", &"x".repeat(41)] {
            assert!(bad.parse::<OrderKey>().is_err(), "{bad:?}");
        }
    }
}
