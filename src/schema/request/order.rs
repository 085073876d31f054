//! `order.*`: place, cancel, list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::{
    Size,
    contract::ContractSpec,
    order::{OrderEvent, OrderKey, OrderState, OrderType, Side, TimeInForce},
};

/// What a caller of `order.place` wants to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// Answer when the bytes were handed to the gateway's socket.
    Sent,
    /// Answer at the first evidence from the gateway: working, filled or rejected.
    #[default]
    Working,
    /// Answer when the order is final.
    Final,
}

/// `order.place`: place an order, at most once per key.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// The caller's idempotency key. The same key again returns the first outcome and sends nothing.
    pub key: OrderKey,
    /// Account; may be left out if the login has only one.
    pub account: Option<String>,
    /// What to trade.
    pub contract: ContractSpec,
    /// Buy or sell.
    pub side: Side,
    /// How much, above zero.
    pub quantity: Size,
    /// Order type.
    pub order_type: OrderType,
    /// Limit price; required for limit types, refused for others.
    pub limit_price: Option<f64>,
    /// Stop or trigger price; required for stop and touched types, refused for others. For trailing types the first stop.
    pub stop_price: Option<f64>,
    /// Distance of a trailing stop in price units.
    pub trailing_amount: Option<f64>,
    /// Distance of a trailing stop in percent.
    pub trailing_percent: Option<f64>,
    /// Distance of the limit from the trailing stop, for `trailing_stop_limit`.
    pub limit_offset: Option<f64>,
    /// How long the order stays; the day if left out.
    #[serde(default)]
    pub tif: TimeInForce,
    /// End of a `gtd` order, as IB writes times: `20261218-21:00:00` is UTC.
    pub good_till: Option<String>,
    /// Also work outside regular trading hours. Default false.
    #[serde(default)]
    pub outside_regular_hours: bool,
    /// Group of orders of which one fill cancels the others.
    pub oca_group: Option<String>,
    /// Key of the parent order: this one wakes when the parent fills.
    pub parent_key: Option<OrderKey>,
    /// False holds the order at the gateway until a later order of the same family is sent. Default true.
    #[serde(default = "yes")]
    pub transmit: bool,
    /// What to wait for before answering.
    #[serde(default)]
    pub wait_for: WaitFor,
    /// Answer with what is known after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

fn yes() -> bool {
    true
}

/// Answer to `order.place` and `order.cancel`: what is known now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderAnswer {
    /// Where the order stands.
    pub state: OrderState,
    /// True if the key was known already and nothing was sent.
    pub repeated: bool,
    /// The order.
    pub order: OrderEvent,
}

/// `order.cancel`: cancel one order. Exactly one of `key`, `order_id` and `perm_id`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CancelOrder {
    /// The order's key.
    pub key: Option<OrderKey>,
    /// Order id of this bridge's trading client.
    pub order_id: Option<i32>,
    /// IB's account-wide order number.
    pub perm_id: Option<i64>,
    /// Answer with what is known after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Which orders to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderFilter {
    /// Orders that may still fill or whose outcome is unknown.
    #[default]
    Open,
    /// Orders that are final.
    Final,
    /// All orders known since the bridge started.
    All,
}

/// `order.list`: orders of the account, wherever they were placed.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListOrders {
    /// Which; open ones if left out.
    pub filter: OrderFilter,
    /// Only this account.
    pub account: Option<String>,
}

/// Answer to `order.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Orders {
    /// The orders, oldest first.
    pub orders: Vec<OrderEvent>,
}
