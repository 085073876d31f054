//! Cancelling one order.

use std::time::Duration;

use super::{Fence, Orders, Until, Waiter, not_ready};
use crate::{
    schema::{
        ApiError,
        connection::LinkName,
        order::{OrderKey, OrderState},
        request::order::CancelOrder,
    },
    session::{
        Command,
        core::{Core, Errand, Owner},
        durable::{Fact, Requested},
        pacing::Class,
    },
    tws::{
        Request,
        message::{order::OrderCancel, order_flow::CancelOrderRequest},
    },
};

/// Repeated requests to cancel one order send at most one message in this time.
const CANCEL_INTERVAL: Duration = Duration::from_secs(1);

impl Orders {
    pub(crate) fn cancel(&mut self, core: &mut Core, command: &Command, ask: &CancelOrder, fence: Fence) {
        match self.try_cancel(core, command, ask, fence) {
            // It does not wait for the disk.
            Ok(()) => self.note_cancel(core, command, ask),
            Err(error) => core.refuse(command.token, error),
        }
    }

    fn note_cancel(&self, core: &mut Core, command: &Command, ask: &CancelOrder) {
        let Ok(key) = self.named(ask) else { return };
        let client = command.client.as_deref().map(str::to_owned);
        let body = serde_json::to_string(ask).unwrap_or_default();
        core.journal(Fact::Request(Box::new(Requested { verb: "cancel", key, client, body })));
    }

    fn try_cancel(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &CancelOrder,
        fence: Fence,
    ) -> Result<(), ApiError> {
        let key = self.named(ask)?;
        let unknown = || ApiError::invalid(format!("no order {key} is known"));
        self.book.get(&key).ok_or_else(unknown)?;
        let waiter = |repeated| Waiter { token: command.token, until: Until::Cancelled, repeated };
        for twin in self.live_twins(&key) {
            // It is published under its own key, and so is what became of it.
            self.cancel_twin(core, command, &twin, fence);
        }
        let record = self.book.get(&key).ok_or_else(unknown)?;
        if record.facts.state().is_final() {
            self.wait(core, &key, waiter(true));
            return Ok(());
        }
        let order_id = record.event.order_id.filter(|id| *id != 0);
        let Some(order_id) = order_id.filter(|_| record.event.client_id == Some(self.client_id)) else {
            let origin = &record.event.origin;
            return Err(ApiError::invalid(format!("order {key} was placed by {origin}: only its owner may cancel it")));
        };
        if record.facts.state() == OrderState::Journaled && core.pacing.withdraw(order_id) {
            // Certain knowledge: not one byte has left.
            self.change(core, &key, |record| {
                record.facts.on_withdrawn();
                record.explain(None, "cancelled before it was sent");
            });
            self.withdraw_children(core, order_id);
            self.wait(core, &key, waiter(false));
            return Ok(());
        }
        if !fence.is_ready {
            return Err(not_ready("the trading link to the gateway is not ready; the order was not cancelled"));
        }
        let is_sent = self.send_cancel(core, command, &key, order_id)?;
        self.wait(core, &key, waiter(!is_sent));
        Ok(())
    }

    /// False if a cancel of this order has just been sent.
    fn send_cancel(
        &mut self,
        core: &mut Core,
        command: &Command,
        key: &OrderKey,
        order_id: i32,
    ) -> Result<bool, ApiError> {
        let now = core.now.at;
        let sent_at = self.book.get(key).and_then(|record| record.cancel_sent);
        if sent_at.is_some_and(|at| at + CANCEL_INTERVAL > now) {
            return Ok(false);
        }
        let request = CancelOrderRequest { order_id: Some(order_id), order_cancel: Some(OrderCancel::default()) };
        let errand = Errand::new(LinkName::Trading, Class::Cancel, Request::CancelOrderRequest(request))
            .client(command.client.clone());
        core.submit(Owner::Orders, errand)?;
        self.change(core, key, |record| {
            record.cancel_sent = Some(now);
            record.facts.cancel_asked = true;
        });
        Ok(true)
    }

    fn cancel_twin(&mut self, core: &mut Core, command: &Command, twin: &OrderKey, fence: Fence) {
        let Some(record) = self.book.get(twin) else { return };
        let order_id = record.event.order_id.filter(|id| *id != 0);
        let Some(order_id) = order_id.filter(|_| record.event.client_id == Some(self.client_id)) else { return };
        if fence.is_ready {
            // The cancel class never refuses; the answer is about the order of the key.
            let _ = self.send_cancel(core, command, twin, order_id);
        }
    }

    /// What waits behind an order that was taken back would go out without it, as an order of its own.
    pub(super) fn withdraw_children(&mut self, core: &mut Core, parent_id: i32) {
        for key in self.book.open_keys() {
            let Some(record) = self.book.get(&key) else { continue };
            let is_child = record.event.parent_id == Some(parent_id) && record.event.client_id == Some(self.client_id);
            let Some(order_id) = record.event.order_id.filter(|_| is_child) else { continue };
            if record.facts.state() == OrderState::Journaled && core.pacing.withdraw(order_id) {
                self.change(core, &key, |record| {
                    record.facts.on_withdrawn();
                    record.explain(None, "cancelled before it was sent, with its parent");
                });
                self.withdraw_children(core, order_id);
            }
        }
    }

    /// The key of the order that the request names in one of three ways.
    fn named(&self, ask: &CancelOrder) -> Result<OrderKey, ApiError> {
        match (&ask.key, ask.order_id, ask.perm_id) {
            (Some(key), None, None) => Ok(key.clone()),
            (None, Some(order_id), None) => {
                let unknown = || ApiError::invalid(format!("order_id: no order {order_id} of this bridge is known"));
                self.book.by_order_id(self.client_id, order_id).ok_or_else(unknown)
            }
            (None, None, Some(perm_id)) => {
                let unknown = || ApiError::invalid(format!("perm_id: no order {perm_id} is known"));
                self.book.by_perm_id(perm_id).ok_or_else(unknown)
            }
            _ => Err(ApiError::invalid("give exactly one of key, order_id and perm_id")),
        }
    }
}
