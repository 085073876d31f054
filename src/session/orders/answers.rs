//! Who waits for which order, and what he is told; lists of orders and fills.

use super::{Orders, Until, Waiter, not_ready};
use crate::{
    schema::{
        ApiError,
        order::{OrderKey, OrderState},
        request::{
            account::{Executions, ExecutionsRequest},
            order::{ListOrders, OrderAnswer, OrderFilter, Orders as OrderList, WaitFor},
        },
    },
    session::{Answer, Command, Token, core::Core},
};

impl Orders {
    /// Lets a caller wait, or answers at once.
    pub(super) fn wait(&mut self, core: &mut Core, key: &OrderKey, waiter: Waiter) {
        let Some(record) = self.book.get_mut(key) else { return };
        record.waiters.push(waiter);
        self.waiting.insert(waiter.token, key.clone());
        self.answer_met(core, key);
    }

    /// Answers every caller whose wait has ended with the order's present state.
    pub(super) fn answer_met(&mut self, core: &mut Core, key: &OrderKey) {
        let is_synced = self.sync.is_done();
        let Some(record) = self.book.get_mut(key) else { return };
        if record.receipt.is_some() {
            return;
        }
        let state = record.facts.state();
        let (met, waiting): (Vec<Waiter>, Vec<Waiter>) =
            record.waiters.drain(..).partition(|waiter| is_met(waiter.until, state, is_synced));
        record.waiters = waiting;
        for waiter in met {
            self.tell(core, key, waiter);
        }
    }

    /// Tells callers of a cancel how the order stands, although it is not over.
    pub(super) fn end_cancels(&mut self, core: &mut Core, key: &OrderKey, refusal: Option<&ApiError>) {
        let Some(record) = self.book.get_mut(key) else { return };
        let (cancels, waiting): (Vec<Waiter>, Vec<Waiter>) =
            record.waiters.drain(..).partition(|waiter| waiter.until == Until::Cancelled);
        record.waiters = waiting;
        for waiter in cancels {
            match refusal {
                Some(error) => {
                    self.waiting.remove(&waiter.token);
                    core.refuse(waiter.token, error.clone());
                }
                None => self.tell(core, key, waiter),
            }
        }
    }

    pub(super) fn tell(&mut self, core: &mut Core, key: &OrderKey, waiter: Waiter) {
        self.waiting.remove(&waiter.token);
        let Some(record) = self.book.get(key) else { return };
        let mut order = record.event.clone();
        order.recv_us = core.now.us;
        let answer = OrderAnswer { state: order.state, repeated: waiter.repeated, order };
        core.answer(waiter.token, Answer::Order(Box::new(answer)));
    }

    /// The caller's deadline passed: answer with what is known. False if the token is not ours.
    pub(crate) fn on_caller_overdue(&mut self, core: &mut Core, token: Token) -> bool {
        if let Some(key) = self.waiting.get(&token).cloned() {
            let Some(record) = self.book.get_mut(&key) else { return false };
            let Some(place) = record.waiters.iter().position(|waiter| waiter.token == token) else { return false };
            let waiter = record.waiters.swap_remove(place);
            if record.receipt.is_some() {
                self.on_disk_overdue(core, &key, waiter);
                return true;
            }
            self.tell(core, &key, waiter);
            return true;
        }
        self.on_lookup_overdue(core, token)
    }

    pub(crate) fn list(&mut self, core: &mut Core, command: &Command, ask: &ListOrders) {
        if !self.sync.was_done() {
            return core.refuse(command.token, not_ready("the first download of orders has not ended"));
        }
        let wanted = |state: OrderState| match ask.filter {
            OrderFilter::Open => !state.is_final(),
            OrderFilter::Final => state.is_final(),
            OrderFilter::All => true,
        };
        let events = self.book.oldest_first().into_iter().map(|record| &record.event);
        let of_account = |account: &str| ask.account.as_deref().is_none_or(|wanted| wanted == account);
        let orders = events
            .filter(|event| wanted(event.state) && of_account(&event.account))
            .map(|event| {
                let mut event = event.clone();
                event.recv_us = core.now.us;
                event
            })
            .collect();
        core.answer(command.token, Answer::Orders(OrderList { orders }));
    }

    pub(crate) fn executions(&mut self, core: &mut Core, command: &Command, ask: &ExecutionsRequest) {
        if !self.sync.was_done() {
            return core.refuse(command.token, not_ready("the first download of executions has not ended"));
        }
        let fills = self.fills.list(ask.account.as_deref(), ask.key.as_deref());
        core.answer(command.token, Answer::Executions(Executions { fills }));
    }
}

/// An order in doubt may still be settled by the next download; after it there is nothing to wait for.
fn is_met(until: Until, state: OrderState, is_synced: bool) -> bool {
    if state.is_final() {
        return true;
    }
    match until {
        Until::Placed(WaitFor::Sent) => state != OrderState::Journaled,
        Until::Placed(WaitFor::Working) => match state {
            OrderState::Journaled | OrderState::Sent => false,
            OrderState::OutcomeUnknown => is_synced,
            _ => true,
        },
        Until::Placed(WaitFor::Final) => state == OrderState::OutcomeUnknown && is_synced,
        Until::Cancelled => false,
    }
}
