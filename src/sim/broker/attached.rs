//! Stop-loss and profit-taker that come attached to an order, in the same message.

use rust_decimal::Decimal;

use super::preview::expected_price;
use super::reply::{Refusal, error, number};
use super::terms::Side;
use super::ticket::Ticket;
use super::{Broker, Moment};
use crate::tws::message::order::{AttachedOrders, Order};

/// Distance of both attached prices from the entry price: the preset of the simulated gateway, in percent.
const PRESET_PERCENT: i64 = 2;

impl Broker {
    /// Makes the two children. The message gives ids and types only: the prices come from the gateway's presets.
    pub(super) fn attach(&mut self, at: Moment, parent: i64, attached: &AttachedOrders) {
        let wanted = [
            (attached.sl_order_id, attached.sl_order_type(), "STP", -1),
            (attached.pt_order_id, attached.pt_order_type(), "LMT", 1),
        ];
        for (order_id, kind, kind_of_preset, direction) in wanted {
            let (Some(order_id), Some(parent)) = (order_id.filter(|id| *id > 0), self.orders.get(parent)) else {
                continue;
            };
            let kind = if matches!(kind, "" | "PRESET") { kind_of_preset } else { kind };
            let client_id = parent.client_id;
            let (contract, order) = (parent.resolved.contract.clone(), child(parent, at, kind, direction));
            if !self.ids.take(client_id, order_id) {
                self.tell(client_id, error(at.now_ms, order_id, Refusal::new(103, "Duplicate order id")));
                continue;
            }
            match self.build(at, client_id, order_id, Some(&contract), Some(&order)) {
                Ok(ticket) => self.enter(at, ticket),
                Err(refusal) => self.tell(client_id, error(at.now_ms, order_id, refusal)),
            }
        }
    }
}

/// `direction` is +1 where the parent's position gains.
fn child(parent: &Ticket, at: Moment, kind: &str, direction: i64) -> Order {
    let entry = expected_price(parent, at);
    let gain = entry * Decimal::new(PRESET_PERCENT, 2) * parent.terms.side.sign() * Decimal::from(direction);
    let step = super::book::price(Some(parent.resolved.min_tick)).filter(|step| *step > Decimal::ZERO);
    let wanted = entry + gain;
    let price = step.and_then(|step| wanted.checked_div(step).map(|steps| steps.round() * step)).unwrap_or(wanted);
    Order {
        action: Some(if parent.terms.side == Side::Buy { "SELL" } else { "BUY" }.to_owned()),
        total_quantity: parent.wire.total_quantity.clone(),
        order_type: Some(kind.to_owned()),
        lmt_price: Some(number(price)).filter(|_| kind == "LMT"),
        aux_price: Some(number(price)).filter(|_| kind != "LMT"),
        tif: parent.wire.tif.clone(),
        account: parent.wire.account.clone(),
        parent_id: Some(parent.order_id),
        order_ref: parent.wire.order_ref.clone(),
        transmit: parent.wire.transmit,
        ..Order::default()
    }
}
