//! From the session to the journal and back: an order is remembered, and taken up again after a restart.

use super::{Orders, Waiter, blank, book::Record, facts::Facts, fills::is_later_version, kept, not_ready};
use crate::{
    schema::{ApiError, ErrorCode, order::OrderKey},
    session::{
        core::{Core, Errand, Owner},
        durable::{Fact, Memory, OrderFact, OrderMemory},
    },
};

impl Orders {
    /// Takes up what earlier runs wrote down. Called before anything else happens.
    ///
    /// What had not been heard of when the last run ended may have been sent or not: only evidence
    /// can tell.
    pub(crate) fn restore(&mut self, core: &mut Core, memory: Memory) {
        self.client_id = core.config.gateway.trading_client_id;
        self.next_order_id = self.next_order_id.max(memory.next_order_id);
        for memory in memory.orders {
            let record = Record::restored(memory);
            let key = record.event.key.clone();
            let is_final = record.facts.state().is_final();
            let is_heard_of = record.facts.is_heard_of();
            self.book.insert(record);
            if is_final {
                self.book.note_final(core, &key);
            } else {
                if self.book.get(&key).is_some_and(|record| record.cancel.is_some()) {
                    self.late_cancels.insert(key.clone());
                }
                self.change(core, &key, |record| {
                    record.after_gap = true;
                    record.facts.is_sent = true;
                    record.facts.cancel_asked = false;
                    if !is_heard_of {
                        record.facts.in_doubt = true;
                        record.explain(
                            None,
                            "the bridge was restarted before the gateway said anything about this order",
                        );
                    }
                });
            }
        }
        for fill in memory.fills {
            if is_later_version(&fill.exec_id) {
                self.corrected.insert(fill.key.clone());
            }
            self.fills.restore(core, fill);
        }
    }

    /// Writes new orders down and holds their messages back until that is done.
    ///
    /// # Errors
    ///
    /// `busy` if too many orders wait: nothing was written.
    pub(super) fn hold(&mut self, core: &mut Core, keys: Vec<OrderKey>, errands: Vec<Errand>) -> Result<(), ApiError> {
        let (client_id, next_order_id) = (self.client_id, self.next_order_id);
        let mut facts = Vec::with_capacity(keys.len());
        for key in &keys {
            let Some(record) = self.book.get_mut(key) else { continue };
            record.settle(None);
            (record.event.placed_us, record.event.changed_us) = (Some(core.now.us), Some(core.now.us));
            let mut memory = record.memory();
            memory.event.recv_us = core.now.us;
            let fact = OrderFact { memory, client_id, next_order_id, is_told: true, is_new: true };
            facts.push(Fact::Order(Box::new(fact)));
        }
        let receipt = core.submit_journaled(Owner::Orders, errands, facts)?;
        for key in &keys {
            let Some(record) = self.book.get_mut(key) else { continue };
            record.published = Some(record.event.clone());
            record.receipt = Some(receipt);
        }
        self.journaling.insert(receipt, keys);
        Ok(())
    }

    /// What was held back is on the disk, or could not be written: then nothing of it was sent.
    pub(crate) fn on_journaled(&mut self, core: &mut Core, receipt: u64, written: &Result<(), String>) {
        self.on_change_journaled(core, receipt, written);
        for key in self.journaling.remove(&receipt).unwrap_or_default() {
            self.on_order_journaled(core, &key, written);
        }
    }

    fn on_order_journaled(&mut self, core: &mut Core, key: &OrderKey, written: &Result<(), String>) {
        let Some(record) = self.book.get_mut(key) else { return };
        record.receipt = None;
        let failure = written.as_ref().err().filter(|_| !record.facts.is_sent && !record.facts.state().is_final());
        let Some(reason) = failure else {
            // Or it ended while it waited, or IB told of an order of this key.
            if record.has_late_cancel() {
                self.keep_cancel(core, key);
            }
            self.answer_met(core, key);
            return self.answer_gathered(core, key);
        };
        let error = not_ready(format!("the order journal cannot be written: {reason}; nothing was sent"));
        let waiters = std::mem::take(&mut record.waiters);
        self.book.remove(key);
        self.withdraw_children(core, key);
        for waiter in waiters {
            self.waiting.remove(&waiter.token);
            core.refuse(waiter.token, error.clone());
        }
        self.refuse_gathered(core, key, &error);
    }

    /// The disk has not taken an order by its caller's deadline: it is not sent any more.
    pub(super) fn on_disk_overdue(&mut self, core: &mut Core, key: &OrderKey, waiter: Waiter) {
        self.waiting.remove(&waiter.token);
        let order_id = self.book.get(key).and_then(|record| record.event.order_id).unwrap_or_default();
        if core.pacing.withdraw(order_id) {
            self.change(core, key, |record| {
                record.facts.on_withdrawn();
                record.explain(None, "not sent: the journal did not take it in time");
            });
        }
        let message = "the journal did not take the order in time; nothing was sent";
        core.refuse(waiter.token, ApiError::new(ErrorCode::Timeout, message));
    }

    /// What has not left this process is taken back, so that the next run does not have to doubt it.
    pub(crate) fn on_shutdown(&mut self, core: &mut Core) {
        for key in self.book.open_keys() {
            let Some(record) = self.book.get(&key).filter(|record| !record.facts.is_sent) else { continue };
            if record.event.order_id.is_some_and(|order_id| core.pacing.withdraw(order_id)) {
                self.change(core, &key, |record| {
                    record.facts.on_withdrawn();
                    record.explain(None, "not sent: the bridge was stopped");
                });
            }
        }
    }

    /// The order as it is now, told already.
    pub(super) fn as_it_is(&self, core: &Core, key: &OrderKey) -> Option<Fact> {
        let (client_id, next_order_id) = (self.client_id, self.next_order_id);
        let mut memory = self.book.get(key)?.memory();
        memory.event.recv_us = core.now.us;
        Some(Fact::Order(Box::new(OrderFact { memory, client_id, next_order_id, is_told: false, is_new: false })))
    }

    /// Writes down how an order is now.
    pub(super) fn write_down(&mut self, core: &mut Core, key: &OrderKey, is_told: bool) {
        let (client_id, next_order_id) = (self.client_id, self.next_order_id);
        let Some(record) = self.book.get_mut(key) else { return };
        let mut memory = record.memory();
        memory.event.recv_us = core.now.us;
        if is_told {
            memory.event.after_gap = std::mem::take(&mut record.after_gap).then_some(true);
        }
        let fact = OrderFact { memory, client_id, next_order_id, is_told, is_new: false };
        core.journal(Fact::Order(Box::new(fact)));
    }
}

impl Record {
    fn memory(&self) -> OrderMemory {
        OrderMemory {
            event: self.event.clone(),
            ask: self.ask.clone(),
            client: self.client.as_deref().map(str::to_owned),
            facts: kept::write(self),
        }
    }

    pub(super) fn restored(memory: OrderMemory) -> Self {
        let mut event = memory.event;
        (event.seq, event.recv_us, event.after_gap) = (None, 0, None);
        let mut record = blank(event.key.clone(), event.account.clone(), event.origin.clone());
        kept::read(&memory.facts, &mut record).unwrap_or_else(|_| record.facts = Facts::of_event(&event));
        record.is_held = event.held == Some(true);
        record.ask = memory.ask;
        record.client = memory.client.map(Into::into);
        record.published = Some(event.clone());
        record.event = event;
        record
    }
}
