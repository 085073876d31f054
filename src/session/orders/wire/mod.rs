//! An order request as the gateway's order message, and back.

mod conditions;
mod parts;
mod table;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

use serde_json::Value;

use self::table::Part;
use crate::{
    schema::{
        ApiError,
        order::{OrderKey, OrderType, Side, TimeInForce},
        request::order::{LongShortSale, PlaceOrder, WaitFor},
    },
    tws::{
        message::{
            assign,
            order::{AttachedOrders, Order, SoftDollarTier},
        },
        sentinel::unset_double,
    },
};

/// `ocaType` 1: a fill of one cancels the others, with overfill protection.
const CANCEL_THE_OTHERS: i32 = 1;

/// Fields of the order message that a client may send and that have no typed field; `extra` passes them through.
pub(super) const FREE: [&str; 3] = ["bond_accrued_interest", "submitter", "what_if_type"];

/// Fields that only the gateway fills in.
const REPORTED: [&str; 5] =
    ["auto_cancel_date", "filled_quantity", "parent_perm_id", "ref_futures_con_id", "shareholder"];

/// What the request does not say itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    pub(super) client_id: i32,
    pub(super) order_id: i32,
    pub(super) account: &'a str,
    pub(super) parent_id: Option<i32>,
}

/// Builds the message; [`super::terms::check`] has passed.
///
/// What a request leaves out has the value that IB's own client sends for it: some are left out, others are sent as
/// zero, and the exemption code as -1, for which an absent one could be mistaken.
pub(super) fn order(ask: &PlaceOrder, terms: Terms<'_>) -> Order {
    let mut order = Order {
        client_id: Some(terms.client_id),
        order_id: Some(terms.order_id),
        perm_id: Some(0),
        parent_id: Some(terms.parent_id.unwrap_or(0)),
        action: Some(action(ask).to_owned()),
        total_quantity: ask.quantity.as_ref().map(|size| size.as_str().to_owned()),
        order_type: Some(ask.order_type.ib_text().to_owned()),
        tif: Some(ask.tif.ib_text().to_owned()),
        account: Some(terms.account.to_owned()).filter(|account| !account.is_empty()),
        order_ref: Some(ask.key.as_str().to_owned()),
        transmit: ask.transmit.then_some(true),
        ..Order::default()
    };
    ask.put(&mut order);
    put_prices(ask, &mut order);
    parts::put(ask, &mut order);
    if ask.oca_group.is_some() {
        order.oca_type.get_or_insert(CANCEL_THE_OTHERS);
    }
    for zero in [
        &mut order.display_size,
        &mut order.oca_type,
        &mut order.trigger_method,
        &mut order.delta_neutral_con_id,
        &mut order.delta_neutral_short_sale_slot,
        &mut order.origin,
        &mut order.short_sale_slot,
        &mut order.reference_contract_id,
        &mut order.adjustable_trailing_unit,
    ] {
        zero.get_or_insert(0);
    }
    order.exempt_code.get_or_insert(-1);
    order.discretionary_amt.get_or_insert(0.0);
    order.pegged_change_amount.get_or_insert(0.0);
    order.reference_change_amount.get_or_insert(0.0);
    order.soft_dollar_tier.get_or_insert_with(SoftDollarTier::default);
    for (name, value) in &ask.extra {
        // Checked by `check_extra` before.
        let _ = assign(&mut order, name, value);
    }
    order
}

/// The attached orders of the message; always present, as IB's own client sends them.
pub(super) fn attached(ask: &PlaceOrder, ids: &[i32]) -> AttachedOrders {
    let mut ids = ids.iter().copied();
    let mut sent = AttachedOrders::default();
    let Some(attached) = &ask.attached else { return sent };
    if let Some(stop) = &attached.stop_loss {
        (sent.sl_order_id, sent.sl_order_type) = (ids.next(), Some(stop.order_type.clone()));
    }
    if let Some(profit) = &attached.profit_taker {
        (sent.pt_order_id, sent.pt_order_type) = (ids.next(), Some(profit.order_type.clone()));
    }
    sent
}

/// The order as the gateway reports it, in the words of a request for `contract`. `None` if this release has no word
/// for its side, type or time in force.
pub(super) fn request(
    key: OrderKey,
    order: &Order,
    contract: crate::schema::contract::ContractSpec,
) -> Option<PlaceOrder> {
    let text = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
    let (side, segment) = match order.action.as_deref()? {
        "BUY" => (Side::Buy, None),
        "SELL" => (Side::Sell, None),
        "SSHORT" => (Side::Sell, Some(LongShortSale::Short)),
        "SLONG" => (Side::Sell, Some(LongShortSale::Long)),
        _ => return None,
    };
    let order_type = OrderType::of_ib_text(order.order_type.as_deref()?)?;
    let tif = match order.tif.as_deref() {
        None | Some("") => TimeInForce::Day,
        Some(text) => TimeInForce::of_ib_text(text)?,
    };
    let mut ask = blank(key, contract, side, order_type, tif);
    ask.take(order);
    ask.account = text(&order.account);
    let quantity = super::describe::size(order.total_quantity.as_ref());
    ask.quantity = quantity.filter(|size| !size.decimal().is_zero());
    ask.transmit = order.transmit == Some(true);
    take_prices(&mut ask, order);
    parts::take(&mut ask, order, segment);
    ask.display_size = ask.display_size.filter(|size| *size > 0);
    ask.discretionary_amount = ask.discretionary_amount.filter(|amount| *amount != 0.0);
    ask.cash_quantity = ask.cash_quantity.filter(|cash| *cash != 0.0);
    let dump = dump(order);
    ask.extra = dump.into_iter().filter(|(name, value)| FREE.contains(&name.as_str()) && !is_nothing(value)).collect();
    Some(ask)
}

/// Every field that is present, by name.
pub(super) fn dump(order: &Order) -> BTreeMap<String, Value> {
    use crate::tws::message::Layout as _;
    match order.to_json() {
        Value::Object(fields) => fields.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}

fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(false))
        || value.as_str() == Some("")
        || matches!(value.as_i64(), Some(0 | 2_147_483_647))
        || value.as_f64().is_some_and(|number| number == 0.0 || number >= f64::MAX)
}

/// Names and types of the fields that are passed through.
///
/// # Errors
///
/// Names the first field that is unknown, has a type of its own, or holds a value of another type.
pub(super) fn check_extra(extra: &BTreeMap<String, Value>) -> Result<(), ApiError> {
    for (name, value) in extra {
        if !FREE.contains(&name.as_str()) {
            let known = <Order as crate::tws::message::Layout>::FIELDS.iter().any(|field| field.name == name);
            let what = match known {
                true if REPORTED.contains(&name.as_str()) => "only the gateway fills it in",
                true => "has a field of its own in the request",
                false => "IB's order has no such field",
            };
            return Err(ApiError::invalid(format!("extra.{name}: {what}; extra takes one of {}", FREE.join(", "))));
        }
        if let Err(error) = assign(&mut Order::default(), name, value) {
            return Err(ApiError::invalid(format!("extra.{name}: {error}")));
        }
    }
    Ok(())
}

fn action(ask: &PlaceOrder) -> &'static str {
    match (ask.side, ask.short_sale.as_ref().and_then(|short| short.segment)) {
        (Side::Buy, _) => "BUY",
        (Side::Sell, None) => "SELL",
        (Side::Sell, Some(LongShortSale::Short)) => "SSHORT",
        (Side::Sell, Some(LongShortSale::Long)) => "SLONG",
    }
}

/// IB's `auxPrice` is what the type makes of it: a stop price, a trailing distance or an offset.
pub(super) fn put_prices(ask: &PlaceOrder, order: &mut Order) {
    order.lmt_price = ask.limit_price;
    order.aux_price = if is_trailing(ask.order_type) { ask.trailing_amount } else { ask.stop_price.or(ask.offset) };
    order.trail_stop_price = ask.stop_price.filter(|_| is_trailing(ask.order_type));
    order.trailing_percent = ask.trailing_percent;
    order.lmt_price_offset = ask.limit_offset;
}

fn take_prices(ask: &mut PlaceOrder, order: &Order) {
    let rules = super::prices::rules(ask.order_type);
    // A gateway writes 0 for prices that the type does not have.
    let price = |value: Option<f64>, taken: bool| value.and_then(unset_double).filter(|_| taken);
    let nonzero = |value: Option<f64>, taken: bool| price(value, taken).filter(|price| *price != 0.0);
    ask.limit_price = match rules.limit {
        super::prices::Need::Required => price(order.lmt_price, true),
        super::prices::Need::Optional => nonzero(order.lmt_price, true),
        super::prices::Need::Forbidden => None,
    };
    if is_trailing(ask.order_type) {
        ask.stop_price = nonzero(order.trail_stop_price, true);
        ask.trailing_percent = nonzero(order.trailing_percent, true);
        ask.trailing_amount = nonzero(order.aux_price, ask.trailing_percent.is_none());
        ask.limit_offset = price(order.lmt_price_offset, rules.takes_limit_offset());
        if ask.limit_offset.is_some() {
            ask.limit_price = None;
        }
    } else if rules.stop != super::prices::Need::Forbidden {
        ask.stop_price = price(order.aux_price, true);
    } else {
        ask.offset = nonzero(order.aux_price, rules.takes_offset);
    }
    ask.percent_offset = nonzero(order.percent_offset, rules.takes_percent_offset);
}

pub(super) fn is_trailing(order_type: OrderType) -> bool {
    super::prices::rules(order_type).is_trailing
}

/// A request that says nothing but what an order must say.
pub(super) fn blank(
    key: OrderKey,
    contract: crate::schema::contract::ContractSpec,
    side: Side,
    order_type: OrderType,
    tif: TimeInForce,
) -> PlaceOrder {
    PlaceOrder {
        key,
        account: None,
        contract,
        side,
        quantity: None,
        cash_quantity: None,
        order_type,
        limit_price: None,
        stop_price: None,
        trailing_amount: None,
        trailing_percent: None,
        limit_offset: None,
        offset: None,
        percent_offset: None,
        discretionary_amount: None,
        tif,
        good_till: None,
        good_after: None,
        duration: None,
        outside_regular_hours: false,
        include_overnight: false,
        allow_pre_open: false,
        ignore_open_auction: false,
        display_size: None,
        min_quantity: None,
        min_trade_quantity: None,
        all_or_none: false,
        block: false,
        hidden: false,
        sweep_to_fill: false,
        post_only: false,
        not_held: false,
        imbalance_only: false,
        randomize_size: false,
        randomize_price: false,
        discretionary_up_to_limit: false,
        trigger_method: None,
        route_marketable_to_bbo: None,
        use_price_management: None,
        seek_price_improvement: None,
        opt_out_smart_routing: false,
        post_to_ats: None,
        override_price_constraints: false,
        advanced_error_override: None,
        oca_group: None,
        oca_type: None,
        parent_key: None,
        auto_cancel_parent: false,
        transmit: true,
        deactivate: false,
        solicited: false,
        open_close: None,
        origin: None,
        rule_80a: None,
        manual_order_time: None,
        manual_order_indicator: None,
        external_operator: None,
        customer_account: None,
        professional_customer: false,
        oms_container: false,
        model: None,
        algo: None,
        conditions: None,
        adjusted: None,
        scale: None,
        hedge: None,
        volatility: None,
        pegged: None,
        short_sale: None,
        advisor: None,
        clearing: None,
        mifid: None,
        soft_dollar: None,
        attached: None,
        smart_combo_routing: BTreeMap::new(),
        misc_options: BTreeMap::new(),
        extra: BTreeMap::new(),
        wait_for: WaitFor::default(),
        timeout_ms: None,
    }
}
