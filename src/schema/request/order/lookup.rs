//! `order.list` and `order.get`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use super::PlaceOrder;
use crate::schema::order::{OrderEvent, OrderKey};

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
    /// Only orders placed by this client of the bridge.
    pub client: Option<String>,
    /// Only this instrument, by IB's contract id.
    pub con_id: Option<i32>,
}

/// Answer to `order.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Orders {
    /// The orders, oldest first. Without `seq`: these are no events.
    pub orders: Vec<OrderEvent>,
}

/// `order.get`: everything about one order. Exactly one of `key`, `order_id` and `perm_id`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetOrder {
    /// The order's key.
    pub key: Option<OrderKey>,
    /// Order id of this bridge's trading client.
    pub order_id: Option<i32>,
    /// IB's account-wide order number.
    pub perm_id: Option<i64>,
}

/// Answer to `order.get`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderDetails {
    /// Where it stands.
    pub order: OrderEvent,
    /// Client of the bridge that placed it.
    pub client: Option<String>,
    /// The request it was placed with; absent for orders placed elsewhere or in an earlier run.
    pub asked: Option<Box<PlaceOrder>>,
    /// The order as the gateway reports it, in the words of a request; absent once it is final, and for order types
    /// this release has no word for.
    pub terms: Option<Box<PlaceOrder>>,
    /// The same report field by field, by IB's names in snake case; absent once it is final.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reported: BTreeMap<String, Value>,
}
