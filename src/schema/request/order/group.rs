//! `order.bracket` and `order.oca`: several orders that go out together or not at all.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{OcaType, OrderAnswer, PlaceOrder};
use crate::schema::order::{OrderKey, TimeInForce};

/// `order.bracket`: an order with children that wake when it fills. All are checked before the first is sent; the
/// gateway holds them until the last has arrived.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bracket {
    /// The entry. Its `wait_for` holds for the whole bracket.
    pub parent: PlaceOrder,
    /// The exit with a profit: a limit order of the other side.
    pub take_profit: Option<TakeProfit>,
    /// The exit with a loss: a stop order of the other side.
    pub stop_loss: Option<StopLoss>,
    /// Other children, hedges for instance. `parent_key` and `transmit` are set by the bridge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<PlaceOrder>,
    /// Answer with what is known after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// The profitable exit of a bracket.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeProfit {
    /// Its key; the parent's with `-tp` if left out.
    pub key: Option<OrderKey>,
    /// Limit price.
    pub limit_price: f64,
    /// How long it stays; the parent's if left out.
    pub tif: Option<TimeInForce>,
}

/// The losing exit of a bracket.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopLoss {
    /// Its key; the parent's with `-sl` if left out.
    pub key: Option<OrderKey>,
    /// Stop price; for a trailing stop its first stop.
    pub stop_price: Option<f64>,
    /// Makes it a stop-limit order.
    pub limit_price: Option<f64>,
    /// Makes it a trailing stop, distance in price units.
    pub trailing_amount: Option<f64>,
    /// Makes it a trailing stop, distance in percent.
    pub trailing_percent: Option<f64>,
    /// How long it stays; the parent's if left out.
    pub tif: Option<TimeInForce>,
}

/// `order.oca`: orders of which one fill cancels or reduces the others. All are checked before the first is sent.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oca {
    /// Name of the group, new for each use.
    pub group: String,
    /// What a fill does to the others; cancels them if left out.
    pub oca_type: Option<OcaType>,
    /// The orders, at least two. `oca_group` and `oca_type` are set by the bridge; the first one's `wait_for` holds
    /// for all.
    pub orders: Vec<PlaceOrder>,
    /// Answer with what is known after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `order.bracket` and `order.oca`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderAnswers {
    /// The orders as they were asked for: parent, take profit, stop loss, children.
    pub orders: Vec<OrderAnswer>,
}
