//! Cancels that wait: asked for while the trading link was down or IB out of the gateway's reach, or before the message
//! in which the order is made has left, or sent without the order being seen to end.
//!
//! A cancel is written down with its order and stays wanted until the order is over or the gateway refuses it. It is
//! sent again once per login and once when IB is back, after the lists have told which orders are over. One asked for
//! while those lists are on their way is sent at once, and again after them: a gateway that has just logged in itself
//! may not have heard of the order yet.

use super::{Fence, Orders, book::Record};
use crate::{
    schema::{
        order::{OrderKey, OrderState},
        request::order::CancelOrder,
    },
    session::core::Core,
};

impl Orders {
    /// The cancel is wanted from here on. It is kept when the order is written down next.
    pub(super) fn want_cancel(&mut self, key: &OrderKey, ask: &CancelOrder, fence: Fence) {
        if !fence.is_ready || fence.ib_lost {
            self.late_cancels.insert(key.clone());
        }
        if let Some(record) = self.book.get_mut(key).filter(|record| record.cancel.is_none()) {
            record.cancel = Some(Box::new(CancelOrder { timeout_ms: None, ..ask.clone() }));
        }
    }

    /// The order goes out in the message of another one that has not left: its cancel would come first.
    pub(super) fn waits_for_parent(&self, key: &OrderKey) -> bool {
        let parent = self.book.get(key).and_then(|record| self.book.get(record.attached_to.as_ref()?));
        parent.is_some_and(|parent| !parent.facts.is_sent && !parent.facts.state().is_final())
    }

    /// No message goes out now: what was asked for is kept, and shown if it waits.
    pub(super) fn keep_cancel(&mut self, core: &mut Core, key: &OrderKey) {
        // Of an order that is not on the disk nothing may stay there; this comes again when it is.
        if self.book.get(key).is_some_and(|record| record.receipt.is_some()) {
            return;
        }
        self.change(core, key, |_| {});
        self.write_down(core, key, false);
    }

    /// The gateway has refused it, or it never left.
    pub(super) fn drop_cancel(&mut self, core: &mut Core, key: &OrderKey) {
        self.late_cancels.remove(key);
        let Some(record) = self.book.get_mut(key) else { return };
        if record.cancel.take().is_some() {
            self.keep_cancel(core, key);
        }
    }

    /// Cancels that are on their way may not arrive.
    pub(super) fn doubt_cancels(&mut self) {
        let is_sent = |record: &Record| record.cancel.is_some() && record.facts.cancel_asked;
        let doubtful = self.book.open_keys().into_iter();
        let doubtful: Vec<OrderKey> = doubtful.filter(|key| self.book.get(key).is_some_and(is_sent)).collect();
        self.late_cancels.extend(doubtful);
    }

    /// Sends the cancels that wait, if orders can be sent and it is known which are over.
    pub(crate) fn resume_cancels(&mut self, core: &mut Core, fence: Fence) {
        if self.late_cancels.is_empty() || !fence.is_ready || fence.ib_lost || self.sync.is_asking() {
            return;
        }
        // Oldest first, as the kill switch cancels: what it had begun when the link fell goes on in the same order.
        let mut due: Vec<OrderKey> = std::mem::take(&mut self.late_cancels).into_iter().collect();
        due.sort_by_key(|key| self.book.get(key).map(|record| record.born));
        for key in due {
            self.resume_cancel(core, key);
        }
    }

    /// The message in which the order is made goes out: a cancel that waited for that follows.
    pub(super) fn resume_cancel_of_child(&mut self, core: &mut Core, key: &OrderKey) {
        if !core.ib_lost && self.late_cancels.remove(key) {
            self.resume_cancel(core, key.clone());
        }
    }

    fn resume_cancel(&mut self, core: &mut Core, key: OrderKey) {
        let Some(record) = self.book.get(&key) else { return };
        let order_id = record.event.order_id.filter(|_| record.event.client_id == Some(self.client_id));
        let (Some(ask), Some(order_id)) = (record.cancel.clone(), order_id) else { return };
        if record.facts.state().is_final() {
            return;
        }
        // In no client's name: clients would take turns.
        if self.waits_for_parent(&key) || self.submit_cancel(core, None, &key, order_id, &ask).is_err() {
            self.late_cancels.insert(key);
        }
    }
}

impl Record {
    /// A cancel is wanted and none is on its way.
    pub(super) fn has_late_cancel(&self) -> bool {
        self.cancel.is_some() && !self.facts.cancel_asked && !self.facts.state().is_final()
    }

    /// It was thought to be over or lost, and lives: the cancel sent for it, if any, has not reached it.
    pub(super) fn comes_back_from(&self, was: OrderState) -> bool {
        let was_gone = was.is_final() || was == OrderState::OutcomeUnknown;
        let state = self.facts.state();
        was_gone && !state.is_final() && state != OrderState::OutcomeUnknown
    }
}
