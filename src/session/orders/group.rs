//! Brackets and OCA groups: several orders that go out together or not at all.

use std::{collections::BTreeSet, sync::Arc};

use super::{Fence, Orders, Until, answers::is_met, place::used_differently, terms, wire};
use crate::{
    schema::{
        ApiError, ErrorCode,
        contract::ContractSpec,
        order::{OrderKey, OrderState, OrderType, Side},
        request::order::{Bracket, CancelAllAnswer, Oca, OcaType, OrderAnswers, PlaceOrder, StopLoss, WaitFor},
    },
    session::{Answer, Ask, Command, Listing, Token, core::Core},
};

/// Orders of one bracket or group.
const FAMILY_MAX: usize = 50;

/// The orders of a bracket or a group, and the contracts found for them so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    pub(super) orders: Vec<PlaceOrder>,
    pub(super) listings: Vec<Arc<Listing>>,
}

/// A caller who waits for several orders.
#[derive(Debug)]
pub(super) struct Gathering {
    pub(super) keys: Vec<OrderKey>,
    pub(super) until: Until,
    pub(super) repeated: bool,
    pub(super) purpose: Purpose,
}

/// What a gathering is answered with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Family,
    CancelAll { left_alone: u32 },
}

impl Family {
    pub(super) fn of_bracket(bracket: &Bracket) -> Result<Self, ApiError> {
        let parent = PlaceOrder { transmit: false, ..bracket.parent.clone() };
        if !bracket.parent.transmit {
            return Err(ApiError::invalid("parent.transmit: the bridge decides what a bracket transmits"));
        }
        let exit = PlaceOrder {
            side: if parent.side == Side::Buy { Side::Sell } else { Side::Buy },
            order_type: OrderType::Limit,
            parent_key: Some(parent.key.clone()),
            ..exit_of(&parent)
        };
        let mut orders = vec![parent.clone()];
        if let Some(profit) = &bracket.take_profit {
            let key = profit.key.clone().map_or_else(|| derived(&parent.key, "tp"), Ok)?;
            let tif = profit.tif.unwrap_or(parent.tif);
            orders.push(PlaceOrder { key, tif, limit_price: Some(profit.limit_price), ..exit.clone() });
        }
        if let Some(stop) = &bracket.stop_loss {
            orders.push(losing_exit(&exit, &parent, stop)?);
        }
        for child in &bracket.children {
            if child.parent_key.as_ref().is_some_and(|key| *key != parent.key) {
                return Err(ApiError::invalid(format!("children: {} names another parent_key", child.key)));
            }
            let parent_key = Some(parent.key.clone());
            orders.push(PlaceOrder { parent_key, transmit: false, ..child.clone() });
        }
        if orders.len() < 2 {
            return Err(ApiError::invalid("take_profit: a bracket has at least one child"));
        }
        // The gateway holds them all until the last one, which lets the family go.
        if let Some(last) = orders.last_mut() {
            last.transmit = true;
        }
        Self::of(orders, bracket.parent.wait_for)
    }

    pub(super) fn of_oca(oca: &Oca) -> Result<Self, ApiError> {
        if oca.orders.len() < 2 {
            return Err(ApiError::invalid("orders: a group has at least two orders"));
        }
        let wait_for = oca.orders.first().map(|order| order.wait_for).unwrap_or_default();
        let mut orders = Vec::with_capacity(oca.orders.len());
        for order in &oca.orders {
            let is_other = order.oca_group.as_ref().is_some_and(|group| *group != oca.group);
            if is_other || order.oca_type.is_some() && order.oca_type != oca.oca_type {
                return Err(ApiError::invalid(format!("oca_group: {} names another group or type", order.key)));
            }
            orders.push(PlaceOrder {
                oca_group: Some(oca.group.clone()),
                oca_type: Some(oca.oca_type.unwrap_or(OcaType::CancelWithBlock)),
                ..order.clone()
            });
        }
        Self::of(orders, wait_for)
    }

    fn of(mut orders: Vec<PlaceOrder>, wait_for: WaitFor) -> Result<Self, ApiError> {
        if orders.len() > FAMILY_MAX {
            return Err(ApiError::new(ErrorCode::TooLarge, format!("at most {FAMILY_MAX} orders go out together")));
        }
        let mut keys = BTreeSet::new();
        if let Some(key) = orders.iter().flat_map(keys_of).find(|key| !keys.insert(*key)) {
            return Err(ApiError::invalid(format!("key: {key} is given twice")));
        }
        for (place, order) in orders.iter_mut().enumerate() {
            // The family is waited for as a whole.
            (order.wait_for, order.timeout_ms) = (WaitFor::default(), None);
            if place == 0 {
                order.wait_for = wait_for;
            }
        }
        Ok(Self { orders, listings: Vec::new() })
    }

    /// The contract that is to be looked up next.
    pub(crate) fn next_contract(&self) -> Option<&ContractSpec> {
        self.orders.get(self.listings.len()).map(|order| &order.contract)
    }

    /// The family with its next contract found.
    pub(crate) fn with(&self, listing: Arc<Listing>) -> Self {
        let mut family = self.clone();
        family.listings.push(listing);
        family
    }

    /// Contracts of its orders.
    pub(crate) fn con_ids(&self) -> Vec<i32> {
        self.listings.iter().map(|listing| listing.instrument.con_id).collect()
    }

    fn wait_for(&self) -> WaitFor {
        self.orders.first().map(|order| order.wait_for).unwrap_or_default()
    }
}

/// The key of an order, and those of the orders made in its message.
fn keys_of(order: &PlaceOrder) -> impl Iterator<Item = &OrderKey> {
    let attached = order.attached.iter().flat_map(|attached| [&attached.stop_loss, &attached.profit_taker]);
    std::iter::once(&order.key).chain(attached.flatten().map(|order| &order.key))
}

/// What an exit has in common with its entry.
fn exit_of(parent: &PlaceOrder) -> PlaceOrder {
    PlaceOrder {
        account: parent.account.clone(),
        quantity: parent.quantity.clone(),
        cash_quantity: parent.cash_quantity,
        outside_regular_hours: parent.outside_regular_hours,
        good_till: parent.good_till.clone(),
        external_operator: parent.external_operator.clone(),
        manual_order_indicator: parent.manual_order_indicator,
        advisor: parent.advisor.clone(),
        model: parent.model.clone(),
        transmit: false,
        ..wire::blank(parent.key.clone(), parent.contract.clone(), parent.side, parent.order_type, parent.tif)
    }
}

fn losing_exit(exit: &PlaceOrder, parent: &PlaceOrder, stop: &StopLoss) -> Result<PlaceOrder, ApiError> {
    let is_trailing = stop.trailing_amount.is_some() || stop.trailing_percent.is_some();
    let order_type = match (is_trailing, stop.limit_price.is_some()) {
        (false, false) => OrderType::Stop,
        (false, true) => OrderType::StopLimit,
        (true, false) => OrderType::TrailingStop,
        (true, true) => OrderType::TrailingStopLimit,
    };
    Ok(PlaceOrder {
        key: stop.key.clone().map_or_else(|| derived(&parent.key, "sl"), Ok)?,
        order_type,
        tif: stop.tif.unwrap_or(parent.tif),
        limit_price: stop.limit_price,
        stop_price: stop.stop_price,
        trailing_amount: stop.trailing_amount,
        trailing_percent: stop.trailing_percent,
        ..exit.clone()
    })
}

fn derived(parent: &OrderKey, suffix: &str) -> Result<OrderKey, ApiError> {
    let too_long = || ApiError::invalid(format!("key: {parent}-{suffix} is too long; give the child a key of its own"));
    format!("{parent}-{suffix}").parse().map_err(|_| too_long())
}

impl Orders {
    /// Takes a bracket or a group apart into its orders. `None` if the caller has been answered.
    pub(crate) fn take_apart(&mut self, core: &mut Core, command: Command) -> Option<Command> {
        let family = match &command.ask {
            Ask::Bracket(ask) => Family::of_bracket(ask),
            Ask::Oca(ask) => Family::of_oca(ask),
            _ => return Some(command),
        };
        match family {
            Ok(family) if self.repeat_family(core, &command, &family) => None,
            Ok(family) => Some(Command { ask: Ask::Family(Box::new(family)), ..command }),
            Err(error) => {
                core.refuse(command.token, error);
                None
            }
        }
    }

    /// The keys were asked for before: answer with how the orders stand. False if all keys are new.
    fn repeat_family(&mut self, core: &mut Core, command: &Command, family: &Family) -> bool {
        let Some(first) = family.orders.iter().find(|ask| self.book.contains(&ask.key)) else { return false };
        let unknown = family.orders.iter().find(|ask| !self.book.contains(&ask.key));
        let difference = family.orders.iter().enumerate().find_map(|(place, ask)| {
            let record = self.book.get(&ask.key)?;
            let con_id = family.listings.get(place).map(|listing| listing.instrument.con_id);
            let field = match &record.ask {
                Some(first) => terms::difference(first, ask),
                None => terms::contradiction(&record.event, ask, con_id),
            };
            field.map(|field| used_differently(&ask.key, &field))
        });
        let refusal = difference.or_else(|| {
            let other = unknown?;
            let message = format!("key: {} was used before and {} was not; use new keys for all", first.key, other.key);
            Some(ApiError::invalid(message))
        });
        match refusal {
            Some(error) => core.refuse(command.token, error),
            None => self.gather_family(core, command.token, family, true),
        }
        true
    }

    /// Every contract is known: check all orders, then have all of them sent.
    pub(crate) fn place_family(&mut self, core: &mut Core, command: &Command, family: &Family, fence: Fence) {
        if !core.is_waiting(command.token) || self.repeat_family(core, command, family) {
            return;
        }
        match self.queue_family(core, command, family, fence) {
            Ok(()) => self.gather_family(core, command.token, family, false),
            Err(error) => core.refuse(command.token, error),
        }
    }

    /// # Errors
    ///
    /// Nothing was queued and nothing noted; the message names the order that was refused.
    fn queue_family(
        &mut self,
        core: &mut Core,
        command: &Command,
        family: &Family,
        fence: Fence,
    ) -> Result<(), ApiError> {
        let mut prepared = Vec::with_capacity(family.orders.len());
        let mut taken = 0;
        let mut ids: Vec<(OrderKey, i32)> = Vec::new();
        for (ask, listing) in family.orders.iter().zip(&family.listings) {
            let named = |error: ApiError| ApiError { message: format!("{}: {}", ask.key, error.message), ..error };
            if self.reserved.contains_key(&ask.key) {
                let message = format!("key: {} is being prepared for another request", ask.key);
                return Err(ApiError::new(ErrorCode::Busy, message).retry_after_ms(1_000));
            }
            let account = self.check(core, command, ask, listing, fence).map_err(named)?;
            let parent_id = match &ask.parent_key {
                None => None,
                Some(key) => match ids.iter().find(|(known, _)| known == key) {
                    Some((_, order_id)) => Some(*order_id),
                    None => Some(self.parent(command, key).map_err(named)?),
                },
            };
            let order_id = self.order_id(taken)?;
            let terms = wire::Terms { client_id: self.client_id, order_id, account: &account, parent_id };
            let order = self.prepare(command, ask, listing, terms).map_err(named)?;
            taken += 1 + order.attached.len();
            ids.push((ask.key.clone(), order_id));
            prepared.push(order);
        }
        self.enqueue(core, prepared)?;
        core.accept(command.token);
        Ok(())
    }

    fn gather_family(&mut self, core: &mut Core, token: Token, family: &Family, repeated: bool) {
        let keys = family.orders.iter().map(|order| order.key.clone()).collect();
        self.gather(core, token, keys, Until::Placed(family.wait_for()), repeated, Purpose::Family);
    }

    /// Lets a caller wait for several orders, or answers at once.
    pub(super) fn gather(
        &mut self,
        core: &mut Core,
        token: Token,
        keys: Vec<OrderKey>,
        until: Until,
        repeated: bool,
        purpose: Purpose,
    ) {
        self.gatherings.insert(token, Gathering { keys, until, repeated, purpose });
        self.answer_gathering(core, token);
    }

    /// Something about this order has changed.
    pub(super) fn answer_gathered(&mut self, core: &mut Core, key: &OrderKey) {
        for token in self.gathered(key) {
            self.answer_gathering(core, token);
        }
    }

    /// This order is gone: nothing of it was sent.
    pub(super) fn refuse_gathered(&mut self, core: &mut Core, key: &OrderKey, error: &ApiError) {
        for token in self.gathered(key) {
            self.gatherings.remove(&token);
            core.refuse(token, error.clone());
        }
    }

    pub(super) fn gathered(&self, key: &OrderKey) -> Vec<Token> {
        let concerned = |(_, gathering): &(&Token, &Gathering)| gathering.keys.contains(key);
        self.gatherings.iter().filter(concerned).map(|(token, _)| *token).collect()
    }

    pub(super) fn answer_gathering(&mut self, core: &mut Core, token: Token) {
        let is_synced = self.sync.is_done();
        let Some(gathering) = self.gatherings.get(&token) else { return };
        let is_over = gathering
            .keys
            .iter()
            .filter_map(|key| self.book.get(key))
            .all(|record| record.receipt.is_none() && is_met(gathering.until, record.facts.state(), is_synced));
        if is_over {
            self.tell_gathering(core, token);
        }
    }

    fn tell_gathering(&mut self, core: &mut Core, token: Token) {
        let Some(gathering) = self.gatherings.remove(&token) else { return };
        let records = gathering.keys.iter().filter_map(|key| self.book.get(key));
        let orders: Vec<_> = records.map(|record| record.answer(core, gathering.repeated)).collect();
        let answer = match gathering.purpose {
            Purpose::Family => Answer::OrderFamily(OrderAnswers { orders }),
            Purpose::CancelAll { left_alone } => {
                let done = orders.iter().all(|order| order.state.is_final());
                Answer::CancelAll(CancelAllAnswer { done, left_alone, orders })
            }
        };
        core.answer(token, answer);
    }

    /// The caller's deadline passed: answer with what is known. False if the token is not ours.
    pub(super) fn on_gathering_overdue(&mut self, core: &mut Core, token: Token) -> bool {
        let Some(gathering) = self.gatherings.get(&token) else { return false };
        let waits_for_disk = |key: &&OrderKey| self.book.get(key).is_some_and(|record| record.receipt.is_some());
        let held: Vec<OrderKey> = gathering.keys.iter().filter(waits_for_disk).cloned().collect();
        if held.is_empty() {
            self.tell_gathering(core, token);
            return true;
        }
        self.gatherings.remove(&token);
        for key in held {
            self.withdraw(core, &key, "not sent: the journal did not take it in time");
        }
        let message = "the journal did not take the orders in time; nothing was sent";
        core.refuse(token, ApiError::new(ErrorCode::Timeout, message));
        true
    }

    /// Takes an order back that has certainly not been sent. False if it has been.
    pub(super) fn withdraw(&mut self, core: &mut Core, key: &OrderKey, reason: &str) -> bool {
        let Some(record) = self.book.get(key) else { return false };
        let is_queued = record.facts.state() == OrderState::Journaled;
        let order_id = record.event.order_id.unwrap_or_default();
        if !is_queued || !core.pacing.withdraw(order_id) {
            return false;
        }
        for child in self.book.attached_to(key) {
            self.change(core, &child, |record| {
                record.facts.on_withdrawn();
                record.explain(None, reason);
            });
        }
        self.change(core, key, |record| {
            record.facts.on_withdrawn();
            record.explain(None, reason);
        });
        true
    }

    /// A parent that ended unfilled takes its children with it that have not been sent.
    pub(super) fn withdraw_children(&mut self, core: &mut Core, parent: &OrderKey) {
        for child in self.book.children_of(parent) {
            self.withdraw(core, &child, "not sent: its parent ended before");
        }
    }
}
