//! An order request as the gateway's order message.

use crate::{
    schema::{
        order::{OrderType, Side},
        request::order::PlaceOrder,
    },
    tws::message::order::Order,
};

/// `ocaType` 1: a fill of one cancels the others, with overfill protection.
const CANCEL_THE_OTHERS: i32 = 1;

/// What the request does not say itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    pub(super) client_id: i32,
    pub(super) order_id: i32,
    pub(super) account: &'a str,
    pub(super) parent_id: Option<i32>,
}

/// Builds the message; [`super::place::check`] has passed. What the request leaves out is left out.
pub(super) fn order(ask: &PlaceOrder, terms: Terms<'_>) -> Order {
    let is_trailing = matches!(ask.order_type, OrderType::TrailingStop | OrderType::TrailingStopLimit);
    Order {
        client_id: Some(terms.client_id),
        order_id: Some(terms.order_id),
        parent_id: terms.parent_id,
        action: Some(if ask.side == Side::Buy { "BUY" } else { "SELL" }.to_owned()),
        total_quantity: Some(ask.quantity.as_str().to_owned()),
        order_type: Some(ask.order_type.ib_text().to_owned()),
        lmt_price: ask.limit_price,
        aux_price: if is_trailing { ask.trailing_amount } else { ask.stop_price },
        trail_stop_price: ask.stop_price.filter(|_| is_trailing),
        trailing_percent: ask.trailing_percent,
        lmt_price_offset: ask.limit_offset,
        tif: Some(ask.tif.ib_text().to_owned()),
        good_till_date: ask.good_till.clone(),
        account: Some(terms.account.to_owned()),
        outside_rth: ask.outside_regular_hours.then_some(true),
        oca_group: ask.oca_group.clone(),
        oca_type: ask.oca_group.as_ref().map(|_| CANCEL_THE_OTHERS),
        order_ref: Some(ask.key.as_str().to_owned()),
        transmit: Some(ask.transmit),
        ..Order::default()
    }
}
