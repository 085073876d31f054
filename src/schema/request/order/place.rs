//! `order.place`: one order in all its terms.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use super::{
    Modification,
    condition::Conditions,
    parts::{
        Adjusted, Advisor, Algo, Attached, Clearing, Hedge, Mifid, Pegged, Scale, ShortSale, SoftDollar, Volatility,
    },
    words::{OcaType, OpenClose, OrderOrigin, TriggerMethod},
};
use crate::schema::{
    Size,
    contract::ContractSpec,
    order::{OrderEvent, OrderKey, OrderState, OrderType, Side, TimeInForce},
};

/// What a caller wants to wait for. A final state ends every wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// Answer when the order is accepted and kept for sending.
    Journaled,
    /// Answer when the bytes were handed to the gateway's socket.
    Sent,
    /// Answer at the first evidence from the gateway: working, filled or rejected. An order with `transmit` false
    /// never works by itself: it is answered when the gateway has confirmed that it holds it.
    #[default]
    Working,
    /// Answer at the first fill.
    FirstFill,
    /// Answer when the order is final.
    Final,
}

/// `order.place`: place an order, at most once per key.
///
/// Fields of `false` or nothing are left out of the order. What does not belong to the order type is refused, never
/// ignored.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "IB's order has that many independent flags")]
pub struct PlaceOrder {
    /// The caller's idempotency key. The same key again returns the first outcome and sends nothing.
    pub key: OrderKey,
    /// Account; may be left out if the login has only one.
    pub account: Option<String>,
    /// What to trade. A combo is an object with `sec_type` `BAG` and its `legs`.
    pub contract: ContractSpec,
    /// Buy or sell.
    pub side: Side,
    /// How much, above zero. Left out with `cash_quantity`, and where a hedge or an allocation derives it.
    pub quantity: Option<Size>,
    /// Money to spend or to raise instead of `quantity`, in the instrument's currency.
    pub cash_quantity: Option<f64>,
    /// Order type.
    pub order_type: OrderType,
    /// Limit price; required for limit types, refused for types that have none.
    pub limit_price: Option<f64>,
    /// Stop or trigger price; required for stop and touched types, refused for others. For trailing types the first stop.
    pub stop_price: Option<f64>,
    /// Distance of a trailing stop in price units.
    pub trailing_amount: Option<f64>,
    /// Distance of a trailing stop in percent.
    pub trailing_percent: Option<f64>,
    /// Distance of the limit from the trailing stop, for `trailing_stop_limit` and `trailing_limit_if_touched`.
    pub limit_offset: Option<f64>,
    /// Distance from the price that a relative, pegged or snap order follows.
    pub offset: Option<f64>,
    /// The same distance as a share of the price, for relative orders: 0.01 is one percent.
    pub percent_offset: Option<f64>,
    /// How much worse than the limit price is acceptable.
    pub discretionary_amount: Option<f64>,
    /// How long the order stays; the day if left out.
    #[serde(default)]
    pub tif: TimeInForce,
    /// End of a `gtd` order, as IB writes times: `20261218-21:00:00` is UTC.
    pub good_till: Option<String>,
    /// The order does not work before, written the same way.
    pub good_after: Option<String>,
    /// Seconds the order stays.
    pub duration: Option<i32>,
    /// Also work outside regular trading hours. Default false.
    #[serde(default)]
    pub outside_regular_hours: bool,
    /// Also work in the overnight session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub include_overnight: bool,
    /// Accept before the opening. Server version 216 or newer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_pre_open: bool,
    /// Stay out of the opening auction. Server version 216 or newer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_open_auction: bool,
    /// Show only so much at a time (iceberg).
    pub display_size: Option<i32>,
    /// Fill at least so much at first.
    pub min_quantity: Option<i32>,
    /// Fill at least so much each time, where the venue offers it.
    pub min_trade_quantity: Option<i32>,
    /// Fill all at once or nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_or_none: bool,
    /// A block order, for option exchanges; at least 50.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub block: bool,
    /// Not shown in the book.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Take the best price at every exchange at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sweep_to_fill: bool,
    /// Only add liquidity. Server version 216 or newer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub post_only: bool,
    /// The broker may use discretion.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_held: bool,
    /// Only against an auction's imbalance.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub imbalance_only: bool,
    /// Vary the size at random.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub randomize_size: bool,
    /// Vary the price at random.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub randomize_price: bool,
    /// Discretion reaches up to the limit price.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discretionary_up_to_limit: bool,
    /// Which price triggers a stop or touched order.
    pub trigger_method: Option<TriggerMethod>,
    /// Route marketable orders to the venue with the best price. Server version 217 or newer.
    pub route_marketable_to_bbo: Option<bool>,
    /// Let IB manage the price of marketable limit orders.
    pub use_price_management: Option<bool>,
    /// Seek a price better than the best. Server version 217 or newer.
    pub seek_price_improvement: Option<bool>,
    /// Do not route through SMART.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opt_out_smart_routing: bool,
    /// Seconds to stay at IB's own venue before going elsewhere.
    pub post_to_ats: Option<i32>,
    /// Go beyond the price limits of the gateway's precautions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub override_price_constraints: bool,
    /// Override tags of an earlier structured refusal.
    pub advanced_error_override: Option<String>,
    /// Group of orders of which one fill cancels or reduces the others.
    pub oca_group: Option<String>,
    /// What a fill does to the others of `oca_group`; cancels them if left out.
    pub oca_type: Option<OcaType>,
    /// Key of the parent order: this one wakes when the parent fills.
    pub parent_key: Option<OrderKey>,
    /// Cancel the parent with this order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto_cancel_parent: bool,
    /// False holds the order at the gateway until a later order of the same family is sent, or it is modified with
    /// `transmit`. Held orders die with the gateway's session. Default true.
    #[serde(default = "yes")]
    pub transmit: bool,
    /// Place it switched off. Server version 216 or newer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deactivate: bool,
    /// The order was solicited by the broker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub solicited: bool,
    /// Opens or closes a position, for institutions.
    pub open_close: Option<OpenClose>,
    /// Who the order is for, for institutions.
    pub origin: Option<OrderOrigin>,
    /// IB's letter for rule 80A.
    pub rule_80a: Option<String>,
    /// When a person gave the order, for reporting.
    pub manual_order_time: Option<String>,
    /// IB's number for manual or automated entry.
    pub manual_order_indicator: Option<i32>,
    /// Person or system that entered the order, for reporting.
    pub external_operator: Option<String>,
    /// The customer's account at the firm.
    pub customer_account: Option<String>,
    /// The customer is a professional.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub professional_customer: bool,
    /// A container of an order management system.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub oms_container: bool,
    /// Model portfolio.
    pub model: Option<String>,
    /// Algorithm and its parameters.
    pub algo: Option<Box<Algo>>,
    /// Conditions.
    pub conditions: Option<Box<Conditions>>,
    /// Adjustment of a stop order.
    pub adjusted: Option<Box<Adjusted>>,
    /// Scale.
    pub scale: Option<Box<Scale>>,
    /// Hedge of a parent.
    pub hedge: Option<Box<Hedge>>,
    /// Volatility.
    pub volatility: Option<Box<Volatility>>,
    /// What a pegged order follows.
    pub pegged: Option<Box<Pegged>>,
    /// Short sale.
    pub short_sale: Option<Box<ShortSale>>,
    /// Allocation of an adviser.
    pub advisor: Option<Box<Advisor>>,
    /// Clearing.
    pub clearing: Option<Box<Clearing>>,
    /// `MiFID` II.
    pub mifid: Option<Box<Mifid>>,
    /// Soft dollar tier.
    pub soft_dollar: Option<Box<SoftDollar>>,
    /// Orders that the gateway attaches.
    pub attached: Option<Box<Attached>>,
    /// Routing of a combo, such as `NonGuaranteed`: `1`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub smart_combo_routing: BTreeMap<String, String>,
    /// Options that IB defines from case to case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub misc_options: BTreeMap<String, String>,
    /// Fields of IB's order message that have no field here, by their name in snake case, such as
    /// `what_if_type`. Name and type are checked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Value>,
    /// What to wait for before answering.
    #[serde(default)]
    pub wait_for: WaitFor,
    /// Answer with what is known after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

fn yes() -> bool {
    true
}

/// Answer to `order.place`, `order.modify` and `order.cancel`: what is known now.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderAnswer {
    /// Where the order stands.
    pub state: OrderState,
    /// True if the request was known already and nothing was sent.
    pub repeated: bool,
    /// What became of the modification; only in answers to `order.modify`.
    pub modification: Option<Modification>,
    /// The order. Without `seq`: this is no event.
    pub order: OrderEvent,
}
