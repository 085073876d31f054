//! Cancels and modifications of orders that are already there.

use super::checks::{check_price_step, check_size};
use super::reply::{Refusal, error, order_status, text};
use super::terms::Terms;
use super::ticket::{State, Ticket};
use super::{Broker, Moment};
use crate::tws::message::order::Order;
use crate::tws::message::order_flow::PlaceOrderRequest;

impl Broker {
    pub(super) fn cancel(&mut self, at: Moment, client_id: i32, order_id: i32) {
        let known = self.orders.find(client_id, order_id).map(|ticket| (ticket.perm_id, ticket.state));
        let refusal = match known {
            None => Refusal::new(10147, format!("OrderId {order_id} that needs to be cancelled is not found.")),
            Some((perm_id, State::Inactive)) => Refusal::new(
                161,
                format!("Cancel attempted when order is not in a cancellable state. Order permId ={perm_id}"),
            ),
            Some((_, state)) if state.is_done() || matches!(state, State::Cancelling { .. }) => Refusal::new(
                10148,
                format!("OrderId {order_id} that needs to be cancelled cannot be cancelled, state: {}.", state.text()),
            ),
            Some((perm_id, _)) => return self.begin_cancel(at, perm_id),
        };
        self.tell(client_id, error(at.now_ms, order_id, refusal));
    }

    /// Every open order of the login, whoever placed it.
    pub(super) fn cancel_all(&mut self, at: Moment) {
        for perm_id in self.orders.open_ids(|ticket| !matches!(ticket.state, State::Cancelling { .. })) {
            self.begin_cancel(at, perm_id);
        }
    }

    fn begin_cancel(&mut self, at: Moment, perm_id: i64) {
        let done_at_ms = at.now_ms.saturating_add(self.behaviour.cancel_delay_ms);
        let Some(ticket) = self.orders.get_mut(perm_id).filter(|ticket| ticket.is_open()) else { return };
        if !matches!(ticket.state, State::Live { .. }) {
            return self.end(at, perm_id, State::ApiCancelled);
        }
        ticket.state = State::Cancelling { done_at_ms };
        let (owner, status) = (ticket.client_id, order_status(ticket));
        self.tell_about(owner, status);
    }

    /// The same order id again: price, size and time in force may change. Whatever is refused, the order lives on
    /// as it was.
    pub(super) fn modify(&mut self, at: Moment, perm_id: i64, request: &PlaceOrderRequest) {
        let Some(ticket) = self.orders.get(perm_id) else { return };
        let (client_id, order_id) = (ticket.client_id, ticket.order_id);
        match check_change(ticket, at, request) {
            Err(refusal) => self.tell(client_id, error(at.now_ms, order_id, refusal)),
            Ok((terms, order)) => {
                let transmits = ticket.state == State::Untransmitted && order.transmit();
                let Some(ticket) = self.orders.get_mut(perm_id) else { return };
                take_over(ticket, &terms, &order);
                if transmits { self.transmit_family(at, perm_id) } else { self.announce(perm_id) }
            }
        }
    }

    fn transmit_family(&mut self, at: Moment, perm_id: i64) {
        let head = self.orders.get(perm_id).and_then(|ticket| ticket.parent).unwrap_or(perm_id);
        let family = self.orders.open_ids(|other| {
            other.state == State::Untransmitted && (other.perm_id == head || other.parent == Some(head))
        });
        for member in family {
            self.transmit(at, member);
        }
    }
}

fn check_change(ticket: &Ticket, at: Moment, request: &PlaceOrderRequest) -> Result<(Terms, Order), Refusal> {
    let order = request.order.clone().unwrap_or_default();
    if matches!(ticket.state, State::Cancelling { .. }) {
        return Err(Refusal::new(2102, "Unable to modify this order as it is still being processed."));
    }
    let contract = request.contract.clone().unwrap_or_default();
    let resolved = at.book.resolve(&contract).map_err(|(code, text)| Refusal::new(code, text))?;
    let old = &ticket.wire;
    let differs = |new: &str, old: &str| !new.is_empty() && new != old;
    if order.order_type() != old.order_type() {
        return Err(Refusal::new(329, "Order modify failed. Cannot change to the new order type."));
    }
    if differs(order.oca_group(), old.oca_group()) {
        return Err(Refusal::new(10326, "OCA group revision is not allowed."));
    }
    if order.parent_id() != old.parent_id() {
        return Err(Refusal::new(10341, "Parent order id cannot be changed."));
    }
    if resolved.contract.con_id() != ticket.con_id()
        || order.action() != old.action()
        || differs(order.account(), old.account())
        || order.order_ref() != old.order_ref()
    {
        return Err(Refusal::new(105, "Order being modified does not match original order."));
    }
    let terms = Terms::read(&order)?;
    check_size(&terms, &ticket.resolved)?;
    check_price_step(&terms, &ticket.resolved)?;
    if terms.total <= ticket.filled {
        return Err(Refusal::invalid("The order size can't be changed to what is already filled"));
    }
    Ok((terms, order))
}

/// Only price, size and time in force are taken over.
fn take_over(ticket: &mut Ticket, terms: &Terms, order: &Order) {
    let moved = ticket.terms.limit != terms.limit;
    let stop = if terms.distance.is_some() && terms.stop.is_none() { ticket.terms.stop } else { terms.stop };
    ticket.resting &= !moved;
    let active_at_ms = ticket.terms.active_at_ms;
    ticket.terms = Terms { stop, active_at_ms, ..terms.clone() };
    ticket.wire.lmt_price = order.lmt_price;
    ticket.wire.aux_price = order.aux_price;
    ticket.wire.trailing_percent = order.trailing_percent;
    ticket.wire.good_till_date.clone_from(&order.good_till_date);
    if !order.tif().is_empty() {
        ticket.wire.tif.clone_from(&order.tif);
    }
    ticket.wire.total_quantity = Some(text(ticket.terms.total));
}

#[cfg(test)]
mod tests {
    use super::super::rig::*;

    #[test]
    fn a_cancel_is_confirmed_by_status_and_by_202() {
        let mut rig = Rig::new();
        rig.place(1, STOCK, order("BUY 100 LMT 90"));
        let answers = rig.cancel(1);
        assert_eq!(answers, ["status 1 PendingCancel 0/100", "status 1 Cancelled 0/100", "error 1 202"]);
    }

    #[test]
    fn a_cancel_that_comes_too_late_says_why() {
        let mut rig = Rig::new();
        rig.place(1, STOCK, order("BUY 100 MKT"));
        assert_eq!(rig.cancel(1), ["error 1 10148"]);
        assert_eq!(rig.cancel(2), ["error 2 10147"]);
        rig.broker.force_reject(201, "Order rejected - reason:no");
        rig.place(3, STOCK, order("BUY 100 MKT"));
        assert_eq!(rig.cancel(3), ["error 3 161"]);
    }
}
