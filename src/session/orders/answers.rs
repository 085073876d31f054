//! Who waits for which order, and what he is told; the list of fills.

use std::collections::BTreeSet;

use super::{Orders, Until, Waiter, book::Record, not_ready};
use crate::{
    schema::{
        ApiError,
        order::{OrderKey, OrderState},
        request::{
            account::{Executions, ExecutionsRequest},
            order::{Modification, OrderAnswer, WaitFor},
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
        // The gateway holds the order and has said so: nothing more comes by itself.
        let is_held = record.is_held && record.facts.is_heard_of();
        let (met, waiting): (Vec<Waiter>, Vec<Waiter>) = record.waiters.drain(..).partition(|waiter| {
            let rests = is_held && waiter.until == Until::Placed(WaitFor::Working);
            rests || is_met(waiter.until, state, is_synced)
        });
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
        let mut answer = record.answer(core, waiter.repeated);
        if waiter.until == Until::Modified {
            let outcome = if answer.state.is_final() { Modification::TooLate } else { Modification::Pending };
            answer.modification = Some(outcome);
        }
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
        if self.on_gathering_overdue(core, token) || self.on_preview_overdue(core, token) {
            return true;
        }
        self.on_lookup_overdue(core, token)
    }

    pub(crate) fn executions(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &ExecutionsRequest,
        accounts: Option<&BTreeSet<String>>,
    ) {
        if !self.sync.was_done() || self.sync.missing.executions {
            return core.refuse(command.token, not_ready("the first download of executions has not ended"));
        }
        let fills = self.fills.list(accounts, ask.key.as_deref(), ask.model.as_deref());
        core.answer(command.token, Answer::Executions(Executions { fills }));
    }
}

impl Record {
    /// The order as it stands now.
    pub(super) fn answer(&self, core: &Core, repeated: bool) -> OrderAnswer {
        let mut order = self.event.clone();
        order.recv_us = core.now.us;
        OrderAnswer { state: order.state, repeated, modification: None, order }
    }
}

/// An order in doubt may still be settled by the next download; after it there is nothing to wait for.
pub(super) fn is_met(until: Until, state: OrderState, is_synced: bool) -> bool {
    if state.is_final() {
        return true;
    }
    match until {
        Until::Placed(WaitFor::Journaled) => true,
        Until::Placed(WaitFor::Sent) => state != OrderState::Journaled,
        Until::Placed(WaitFor::Working) => match state {
            OrderState::Journaled | OrderState::Sent => false,
            OrderState::OutcomeUnknown => is_synced,
            _ => true,
        },
        Until::Placed(WaitFor::FirstFill) => {
            state == OrderState::PartiallyFilled || state == OrderState::OutcomeUnknown && is_synced
        }
        Until::Placed(WaitFor::Final) => state == OrderState::OutcomeUnknown && is_synced,
        Until::Cancelled | Until::Modified => false,
    }
}
