//! `order.modify`: change price, size or time in force of a living order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::{
    Size,
    order::{OrderKey, TimeInForce},
};

/// `order.modify`: change what may be changed; all else needs a new order. What is left out stays as it is.
///
/// A request that asks for what the order is already sends nothing, so that repeating it is safe; `modify_id` makes
/// a repeat safe even after a later change.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyOrder {
    /// The order's key.
    pub key: OrderKey,
    /// Idempotency key of this change within the order. The same id again returns the first outcome.
    pub modify_id: Option<OrderKey>,
    /// Refuse unless the order's `revision` is this one.
    pub expected_revision: Option<u32>,
    /// New quantity of the whole order, what is filled included.
    pub quantity: Option<Size>,
    /// New limit price.
    pub limit_price: Option<f64>,
    /// New stop or trigger price.
    pub stop_price: Option<f64>,
    /// New distance of a trailing stop in price units.
    pub trailing_amount: Option<f64>,
    /// New distance of a trailing stop in percent.
    pub trailing_percent: Option<f64>,
    /// New distance of the limit from the trailing stop.
    pub limit_offset: Option<f64>,
    /// New distance from the price that a relative, pegged or snap order follows.
    pub offset: Option<f64>,
    /// New time in force.
    pub tif: Option<TimeInForce>,
    /// New end of a `gtd` order.
    pub good_till: Option<String>,
    /// True sends an order on its way that was placed with `transmit` false.
    pub transmit: Option<bool>,
    /// Answer with what is known after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// What became of a modification. One that the gateway refuses is answered as an error; the order goes on unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Modification {
    /// The gateway shows the order as asked for.
    Accepted,
    /// Asked for what the order was already; nothing was sent.
    Unchanged,
    /// Sent, and neither confirmed nor refused yet.
    Pending,
    /// The order ended before it could be changed.
    TooLate,
}
