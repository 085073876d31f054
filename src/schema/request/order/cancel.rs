//! `order.cancel` and `order.cancel_all`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::OrderAnswer;
use crate::schema::order::OrderKey;

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
    /// When a person gave the cancel, for reporting.
    pub manual_cancel_time: Option<String>,
    /// Person or system that entered the cancel, for reporting.
    pub external_operator: Option<String>,
    /// IB's number for manual or automated entry.
    pub manual_order_indicator: Option<i32>,
    /// Answer with what is known after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Which orders to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelScope {
    /// Orders that the asking client placed through the bridge, named by the last token of the subject.
    Client,
    /// Orders of `account` that were placed through the bridge.
    Account,
    /// All orders that were placed through the bridge.
    All,
    /// Every order of the login, those of other clients and those typed into TWS included: IB's global cancel.
    Global,
}

/// `order.cancel_all`: cancel many orders.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelAll {
    /// Which orders; must be said.
    pub scope: CancelScope,
    /// The account, for `account`.
    pub account: Option<String>,
    /// Answer with what is known after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `order.cancel_all`, when all of them are over or the time is up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CancelAllAnswer {
    /// True if none of the orders can still fill.
    pub done: bool,
    /// Open orders of the login that were left alone: outside the scope or owned by others.
    pub left_alone: u32,
    /// The orders concerned, oldest first, as they stand now.
    pub orders: Vec<OrderAnswer>,
}
