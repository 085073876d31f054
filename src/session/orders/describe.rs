//! What a report says an order is: side, type, prices, quantity, instrument.

use super::book::{Identity, Record};
use crate::{
    schema::{Size, order::Side},
    session::traded,
    tws::{
        message::{contract::Contract, order::Order},
        sentinel::{unset_decimal, unset_double, unset_int},
    },
};

/// Takes over what a report says the order is; it may have been changed elsewhere.
pub(super) fn describe(record: &mut Record, order: &Order, contract: Option<&Contract>, identity: &Identity<'_>) {
    record.identify(identity);
    if let Some(quantity) = size(order.total_quantity.as_ref()).filter(|size| !size.decimal().is_zero()) {
        // The caller's own digits stay.
        if record.facts.quantity.as_ref().map(Size::decimal) != Some(quantity.decimal()) {
            record.facts.quantity = Some(quantity);
        }
    }
    if let Some(filled) = size(order.filled_quantity.as_ref()) {
        record.facts.on_filled(&filled, None);
    }
    record.on_report(order);
    if record.contract.is_none() {
        record.contract = contract.cloned().map(Box::new);
    }
    let event = &mut record.event;
    if event.account.is_empty() {
        event.account = order.account.clone().unwrap_or_default();
    }
    if event.instrument.is_none() {
        event.instrument = contract.and_then(traded::instrument);
        event.con_id = event.instrument.as_ref().map(|instrument| instrument.con_id).filter(|id| *id > 0);
    }
    let text = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
    event.side = order.action.as_deref().and_then(side).or(event.side);
    event.order_type = text(&order.order_type).or_else(|| event.order_type.take());
    event.tif = text(&order.tif).or_else(|| event.tif.take());
    let parent_id = order.parent_id.and_then(unset_int).filter(|id| *id > 0);
    event.parent_id = parent_id.or(event.parent_id);
    let kind = event.order_type.as_deref().unwrap_or_default();
    // A gateway writes 0 for prices that the type does not have.
    if ["LMT", "LIMIT", "LIT", "LOC"].iter().any(|word| kind.contains(word)) {
        event.limit_price = order.lmt_price.and_then(unset_double).or(event.limit_price);
    }
    if kind.contains("TRAIL") {
        event.stop_price = order.trail_stop_price.and_then(unset_double).or(event.stop_price);
    } else if ["STP", "MIT", "LIT"].iter().any(|word| kind.contains(word)) && kind != "LIMIT" {
        event.stop_price = order.aux_price.and_then(unset_double).or(event.stop_price);
    }
}

pub(super) fn side(text: &str) -> Option<Side> {
    match text {
        "BUY" | "BOT" => Some(Side::Buy),
        "SELL" | "SSHORT" | "SLONG" | "SLD" => Some(Side::Sell),
        _ => None,
    }
}

/// A size as told; `None` also for what no quantity can be, which is told apart from the message
/// ([`crate::session::traded::strange_size`]).
pub(super) fn size(text: Option<&String>) -> Option<Size> {
    text.and_then(|text| unset_decimal(text)).and_then(Size::from_gateway).filter(Size::is_quantity)
}
