//! Placing an order: the key is reserved, the order checked, queued once and never again.

use std::sync::Arc;

use super::{Fence, Orders, Reservation, Until, Waiter, blank, book::Record, not_ready, submit::Prepared, terms, wire};
use crate::{
    schema::{
        ApiError, ErrorCode,
        order::{OrderKey, Side},
        request::order::PlaceOrder,
    },
    session::{Command, Listing, Token, core::Core},
    tws::message::order_flow::PlaceOrderRequest,
};

/// Orders that may wait for their contract to be looked up.
const RESERVED_MAX: usize = 2_000;

impl Orders {
    /// The key was asked for before: answer without looking anything up. False if it is new; it is
    /// then reserved for this caller until [`Self::place`] or [`Self::release`].
    pub(crate) fn repeat(&mut self, core: &mut Core, command: &Command, ask: &PlaceOrder) -> bool {
        if let Some(record) = self.book.get(&ask.key) {
            let differs = match &record.ask {
                Some(first) => terms::difference(first, ask),
                // Placed in an earlier run: what IB says of it must fit.
                None => terms::contradiction(&record.event, ask, None),
            };
            if let Some(field) = differs {
                core.refuse(command.token, used_differently(&ask.key, &field));
            } else {
                let waiter = Waiter { token: command.token, until: Until::Placed(ask.wait_for), repeated: true };
                self.wait(core, &ask.key, waiter);
            }
            return true;
        }
        if let Some(reservation) = self.reserved.get_mut(&ask.key) {
            match terms::difference(&reservation.ask, ask) {
                Some(field) => core.refuse(command.token, used_differently(&ask.key, &field)),
                None => reservation.followers.push((command.token, ask.wait_for)),
            }
            return true;
        }
        if self.reserved.len() >= RESERVED_MAX {
            let error = ApiError::new(ErrorCode::Busy, "too many orders wait for their contract to be looked up");
            core.refuse(command.token, error.retry_after_ms(1_000));
            return true;
        }
        let reservation = Reservation { token: command.token, ask: Box::new(ask.clone()), followers: Vec::new() };
        self.reserved.insert(ask.key.clone(), reservation);
        false
    }

    /// The order's contract could not be found: the key is free again, nothing was sent.
    pub(crate) fn release(&mut self, core: &mut Core, token: Token, key: &OrderKey, error: &ApiError) {
        if let Some(reservation) = self.take_reservation(token, key) {
            Self::refuse_all(core, reservation.followers.into_iter().map(|(token, _)| token), error);
        }
    }

    fn take_reservation(&mut self, token: Token, key: &OrderKey) -> Option<Reservation> {
        self.reserved.get(key).filter(|reservation| reservation.token == token)?;
        self.reserved.remove(key)
    }

    /// A caller gave up while the contract was looked up. If the order was his it will not be placed.
    pub(super) fn on_lookup_overdue(&mut self, core: &mut Core, token: Token) -> bool {
        let error = ApiError::new(ErrorCode::Timeout, "the contract was not found in time; nothing was sent");
        let own = self.reserved.values().find(|reservation| reservation.token == token);
        if let Some(key) = own.map(|reservation| reservation.ask.key.clone()) {
            core.refuse(token, error.clone());
            self.release(core, token, &key, &error);
            return true;
        }
        for reservation in self.reserved.values_mut() {
            let before = reservation.followers.len();
            reservation.followers.retain(|(follower, _)| *follower != token);
            if reservation.followers.len() < before {
                let error = ApiError::new(
                    ErrorCode::Timeout,
                    "the order of this key is still being prepared for another request; ask again with the same key",
                );
                core.refuse(token, error);
                return true;
            }
        }
        false
    }

    /// The contract is known: check the order and queue its one message.
    pub(crate) fn place(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &PlaceOrder,
        listing: &Arc<Listing>,
        fence: Fence,
    ) {
        let reservation = match self.take_reservation(command.token, &ask.key) {
            Some(reservation) => reservation,
            // The caller gave up and was told that nothing was sent.
            None if !core.is_waiting(command.token) => return,
            None => {
                if self.repeat(core, command, ask) {
                    return;
                }
                let Some(reservation) = self.take_reservation(command.token, &ask.key) else { return };
                reservation
            }
        };
        if let Some(record) = self.book.get(&ask.key) {
            // The gateway told of an order of this key meanwhile: it was placed in an earlier run.
            if let Some(field) = terms::contradiction(&record.event, ask, Some(listing.instrument.con_id)) {
                let error = used_differently(&ask.key, &field);
                core.refuse(command.token, error.clone());
                return Self::refuse_all(core, reservation.followers.into_iter().map(|(token, _)| token), &error);
            }
            let waiter = |token, wait_for| Waiter { token, until: Until::Placed(wait_for), repeated: true };
            self.wait(core, &ask.key, waiter(command.token, ask.wait_for));
            for (token, wait_for) in reservation.followers {
                self.wait(core, &ask.key, waiter(token, wait_for));
            }
            return;
        }
        match self.queue(core, command, ask, listing, fence) {
            Ok(()) => {
                let waiter = |token, wait_for, repeated| Waiter { token, until: Until::Placed(wait_for), repeated };
                self.wait(core, &ask.key, waiter(command.token, ask.wait_for, false));
                for (token, wait_for) in reservation.followers {
                    self.wait(core, &ask.key, waiter(token, wait_for, true));
                }
            }
            Err(error) => {
                core.refuse(command.token, error.clone());
                Self::refuse_all(core, reservation.followers.into_iter().map(|(token, _)| token), &error);
            }
        }
    }

    /// # Errors
    ///
    /// Nothing was queued and nothing noted: the key is free again.
    fn queue(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &PlaceOrder,
        listing: &Arc<Listing>,
        fence: Fence,
    ) -> Result<(), ApiError> {
        let account = self.check(core, command, ask, listing, fence)?;
        let parent_id = ask.parent_key.as_ref().map(|parent| self.parent(command, parent)).transpose()?;
        let order_id = self.order_id(0)?;
        let terms = wire::Terms { client_id: self.client_id, order_id, account: &account, parent_id };
        let prepared = self.prepare(command, ask, listing, terms)?;
        self.enqueue(core, vec![prepared])?;
        core.accept(command.token);
        Ok(())
    }

    /// Everything that may refuse an order before it is kept; the account it is for.
    pub(super) fn check(
        &self,
        core: &mut Core,
        command: &Command,
        ask: &PlaceOrder,
        listing: &Listing,
        fence: Fence,
    ) -> Result<String, ApiError> {
        self.check_fence(core, fence)?;
        let account = terms::account(ask, &self.accounts, &core.config.gateway)?;
        terms::check(ask, fence.server_version)?;
        self.check_risk(core, command, ask, listing, &account)?;
        Ok(account)
    }

    /// The order as it will be kept and sent; [`Self::check`] has passed.
    ///
    /// # Errors
    ///
    /// If a key of an attached order is in use.
    pub(super) fn prepare(
        &self,
        command: &Command,
        ask: &PlaceOrder,
        listing: &Listing,
        terms: wire::Terms<'_>,
    ) -> Result<Prepared, ApiError> {
        let order = wire::order(ask, terms);
        let mut record = blank(ask.key.clone(), terms.account.to_owned(), "bridge".to_owned());
        record.ask = Some(Box::new(ask.clone()));
        record.client.clone_from(&command.client);
        record.facts.quantity.clone_from(&ask.quantity);
        record.is_held = !ask.transmit;
        let event = &mut record.event;
        event.con_id = Some(listing.instrument.con_id).filter(|con_id| *con_id > 0);
        event.instrument = Some(listing.instrument.clone());
        event.side = Some(ask.side);
        event.order_type = Some(ask.order_type.ib_text().to_owned());
        event.limit_price = ask.limit_price;
        event.stop_price = ask.stop_price;
        event.tif = Some(ask.tif.ib_text().to_owned());
        event.order_id = Some(terms.order_id);
        event.client_id = Some(self.client_id);
        event.parent_id = terms.parent_id;
        let attached = self.attached(&record, ask, terms.order_id)?;
        let attached_ids: Vec<i32> = attached.iter().filter_map(|record| record.event.order_id).collect();
        let request = PlaceOrderRequest {
            order_id: Some(terms.order_id),
            contract: Some(listing.contract.clone()),
            order: Some(order.clone()),
            attached_orders: Some(wire::attached(ask, &attached_ids)),
        };
        record.contract = Some(Box::new(listing.contract.clone()));
        record.sent = Some(Box::new(order));
        Ok(Prepared { record, request, attached })
    }

    /// The orders that the gateway will make of the same message, numbered above it.
    fn attached(&self, parent: &Record, ask: &PlaceOrder, order_id: i32) -> Result<Vec<Record>, ApiError> {
        let Some(attached) = &ask.attached else { return Ok(Vec::new()) };
        let wanted = [("stop_loss", &attached.stop_loss), ("profit_taker", &attached.profit_taker)];
        let mut records = Vec::new();
        for (field, order) in wanted {
            let Some(order) = order else { continue };
            if self.book.contains(&order.key) || self.reserved.contains_key(&order.key) {
                return Err(ApiError::invalid(format!("attached.{field}.key: {} is in use", order.key)));
            }
            let mut record = blank(order.key.clone(), parent.event.account.clone(), "bridge".to_owned());
            record.client.clone_from(&parent.client);
            record.attached_to = Some(parent.event.key.clone());
            let event = &mut record.event;
            event.con_id = parent.event.con_id;
            event.instrument.clone_from(&parent.event.instrument);
            event.side = Some(if ask.side == Side::Buy { Side::Sell } else { Side::Buy });
            let above = i32::try_from(records.len()).unwrap_or(i32::MAX).saturating_add(1);
            event.order_id = Some(order_id.saturating_add(above));
            event.client_id = Some(self.client_id);
            event.parent_id = Some(order_id);
            records.push(record);
        }
        Ok(records)
    }

    /// Why no new order is taken, if so.
    pub(crate) fn check_fence(&self, core: &Core, fence: Fence) -> Result<(), ApiError> {
        if !fence.is_ready || !self.sync.is_done() {
            return Err(not_ready("the trading link to the gateway is not ready; nothing was sent"));
        }
        if let Some(text) = &self.sync.read_only {
            let message = format!("the gateway takes no orders from this login: {text}");
            return Err(ApiError::new(ErrorCode::NotReady, message).ib(321, "request_invalid"));
        }
        if let Some(until_us) = fence.restart_until_us {
            let wait_ms = u64::try_from(until_us.saturating_sub(core.now.us) / 1_000).unwrap_or(0);
            let error = not_ready("the gateway is about to restart; nothing was sent");
            return Err(error.retry_after_ms(wait_ms));
        }
        if fence.ib_lost {
            return Err(not_ready(
                "the gateway has lost its link to IB and would send the order later; nothing was sent",
            ));
        }
        if self.sync.is_reconciling(core.now.at) {
            return Err(not_ready(
                "IB is back and what became of open orders meanwhile is being asked; nothing was sent",
            ));
        }
        if let Some(names) = self.sync.missing.names() {
            return Err(not_ready(format!("the gateway has not told {names} since the login; nothing was sent")));
        }
        if let Some(reason) = &core.troubles.journal {
            return Err(not_ready(format!("the order journal cannot be written: {reason}; nothing was sent")));
        }
        if let Some(reason) = &core.troubles.stream {
            let message = format!("events of orders cannot be stored in JetStream: {reason}; nothing was sent");
            return Err(not_ready(message));
        }
        if let Some(reason) = &core.troubles.risk {
            let message = format!("the kill switch and the limits cannot be written down: {reason}; nothing was sent");
            return Err(not_ready(message));
        }
        if core.congested {
            let message = "events of orders and fills are waiting for NATS; nothing was sent";
            return Err(ApiError::new(ErrorCode::Busy, message).retry_after_ms(1_000));
        }
        Ok(())
    }

    pub(super) fn parent(&self, command: &Command, key: &OrderKey) -> Result<i32, ApiError> {
        let unknown = || ApiError::invalid(format!("parent_key: no order {key} is known"));
        let parent = self.book.get(key).ok_or_else(unknown)?;
        if parent.facts.state().is_final() {
            return Err(ApiError::invalid(format!("parent_key: order {key} is over")));
        }
        // Clients take turns in the queue: the child of another one could overtake its parent.
        if !parent.facts.is_sent && parent.client != command.client {
            let message = format!("parent_key: order {key} has not been sent yet");
            return Err(ApiError::new(ErrorCode::Busy, message).retry_after_ms(1_000));
        }
        let own = parent.event.order_id.filter(|_| parent.event.client_id == Some(self.client_id));
        own.ok_or_else(|| ApiError::invalid(format!("parent_key: order {key} was placed by {}", parent.event.origin)))
    }
}

pub(super) fn used_differently(key: &OrderKey, field: &str) -> ApiError {
    ApiError::invalid(format!("key: {key} was used for an order with another {field}; use a new key"))
}
