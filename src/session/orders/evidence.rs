//! What the gateway says about orders, applied to the records: open orders, states, completed
//! orders and notices. None alone is complete, and all may come late, twice and in any order.

use std::collections::VecDeque;

use super::{
    Orders, blank,
    book::{Identity, Record},
    describe::{describe, size},
    status::{Effect, Word, effect, refuses_change},
};
use crate::{
    schema::{
        connection::LinkName,
        order::{self, OrderKey},
    },
    session::{core::Core, notice::Notice},
    tws::message::{
        order::{Order, OrderState},
        order_flow::{CompletedOrder, OpenOrder, OrderBound, OrderStatus},
    },
};

/// Reports of orders that cannot be named yet; the oldest are dropped and counted beyond it.
const UNNAMED_MAX: usize = 1_000;

/// Origin of an order of which nobody has told who placed it.
const UNKNOWN: &str = "unknown";

impl Orders {
    pub(super) fn on_open_order(&mut self, core: &mut Core, message: OpenOrder) {
        let order = message.order.clone().unwrap_or_default();
        let order_id = message.order_id.or(order.order_id);
        if order.what_if == Some(true) || order_id.is_some_and(|id| self.previews.contains_key(&id)) {
            return self.on_preview(core, order_id.unwrap_or_default(), message.order_state.unwrap_or_default());
        }
        let identity = identity(&order, order_id);
        self.note_order_id(&identity);
        let Some(key) = self.find_or_name(&identity, &order) else {
            hold(core, &mut self.unnamed, message);
            return;
        };
        let round = self.sync.round;
        self.change(core, &key, |record| {
            record.on_listed(round);
            describe(record, &order, message.contract.as_ref(), &identity);
            if let Some(state) = &message.order_state {
                record.on_order_state(state);
            }
        });
        self.replay_status(core, &identity);
        self.tell_twin(core, &key);
        self.end_shown_change(core, &key);
    }

    pub(super) fn on_completed(&mut self, core: &mut Core, message: CompletedOrder) {
        let order = message.order.unwrap_or_default();
        let identity = identity(&order, order.order_id);
        let Some(key) = self.find_or_name(&identity, &order) else {
            core.counters.late_answers += 1;
            return;
        };
        let state = message.order_state.unwrap_or_default();
        self.change(core, &key, |record| {
            describe(record, &order, message.contract.as_ref(), &identity);
            record.on_order_state(&state);
            // The record says that it is over, so that this word means refused.
            if state.status.as_deref().and_then(Word::read) == Some(Word::Inactive) {
                record.facts.on_reject();
                let reason = [state.reject_reason, state.completed_status].into_iter().flatten();
                if let Some(reason) = reason.into_iter().find(|text| !text.is_empty()) {
                    record.explain(None, &reason);
                }
            }
        });
    }

    pub(super) fn on_status(&mut self, core: &mut Core, message: OrderStatus) {
        let identity = status_identity(&message);
        self.note_order_id(&identity);
        let Some(key) = self.book.find(&identity, self.client_id) else {
            return self.on_status_of_unnamed(core, message);
        };
        let round = self.sync.round;
        self.change(core, &key, |record| {
            record.on_listed(round);
            record.identify(&identity);
            if let Some(filled) = size(message.filled.as_ref()) {
                record.facts.on_filled(&filled, message.avg_fill_price);
            }
            if let Some(parent_id) = message.parent_id.filter(|id| *id > 0) {
                record.event.parent_id = Some(parent_id);
            }
            record.event.why_held = message.why_held.clone().filter(|text| !text.is_empty());
            record.on_status_text(message.status.as_deref());
        });
        self.tell_twin(core, &key);
    }

    /// The state of an order whose description is still to come, or that just got its number.
    fn on_status_of_unnamed(&mut self, core: &mut Core, message: OrderStatus) {
        let same = |order: &OpenOrder| {
            let owner = order.order.as_ref().and_then(|order| order.client_id);
            order.order_id == message.order_id && owner == message.client_id
        };
        let has_number = message.perm_id.is_some_and(|id| id > 0);
        // Orders that nobody owns all have the order id 0: no state can be told to be theirs.
        let is_owned = message.order_id.is_some_and(|id| id != 0);
        let place = self.unnamed.iter().position(same).filter(|_| has_number && is_owned);
        let Some(mut described) = place.and_then(|place| self.unnamed.remove(place)) else {
            hold(core, &mut self.unnamed_status, message);
            return;
        };
        if let Some(order) = &mut described.order {
            order.perm_id = message.perm_id;
        }
        self.unnamed_status.push_back(message);
        self.on_open_order(core, described);
    }

    /// Applies the states that came before the order could be named.
    pub(super) fn replay_status(&mut self, core: &mut Core, of: &Identity<'_>) {
        let own = self.client_id;
        let is_of = |status: &OrderStatus| {
            let identity = status_identity(status);
            let perm = identity.perm_id.filter(|id| *id > 0);
            (perm.is_some() && perm == of.perm_id)
                || (identity.client_order(own).is_some() && identity.client_order(own) == of.client_order(own))
        };
        let (known, unnamed) = std::mem::take(&mut self.unnamed_status).into_iter().partition(is_of);
        self.unnamed_status = unnamed;
        let known: VecDeque<OrderStatus> = known;
        for status in known {
            if self.book.find(&status_identity(&status), own).is_some() {
                self.on_status(core, status);
            }
        }
    }

    pub(super) fn on_bound(&mut self, core: &mut Core, message: &OrderBound) {
        let Some(key) = message.perm_id.and_then(|perm_id| self.book.by_perm_id(perm_id)) else { return };
        self.change(core, &key, |record| {
            record.event.client_id = message.client_id.or(record.event.client_id);
            record.event.order_id = message.order_id.filter(|id| *id != 0).or(record.event.order_id);
        });
    }

    /// A notice that names an order of our client.
    pub(super) fn on_order_notice(&mut self, core: &mut Core, order_id: i32, notice: &Notice) {
        if notice.link != LinkName::Trading {
            return;
        }
        if self.previews.contains_key(&order_id) {
            return self.on_preview_notice(core, order_id, notice);
        }
        let Some(key) = self.book.by_order_id(self.client_id, order_id) else { return };
        if self.on_change_notice(core, &key, notice) {
            return;
        }
        let effect = effect(notice);
        if notice.code == 103 {
            Self::ask_order_id(core);
        }
        self.change(core, &key, |record| {
            let was = record.facts.state();
            match effect {
                Effect::Reject => record.facts.on_reject(),
                Effect::Refuse if refuses_change(notice.code) => record.facts.on_refusal(),
                Effect::Refuse => record.facts.on_refusal_or_end(),
                Effect::Cancel => record.facts.on_word(Word::Cancelled),
                Effect::CancelRefused => record.facts.cancel_asked = false,
                Effect::Remark => {}
            }
            // What is said of an order that was over before does not explain how it ended.
            if !(was.is_final() && record.facts.state() == was && record.event.reason.is_some()) {
                record.explain_by(notice);
            }
        });
        match effect {
            Effect::CancelRefused => {
                // A gateway without IB, or one that has not heard of the order yet or not told its orders, may be wrong.
                let is_known =
                    self.book.get(&key).is_some_and(|record| record.facts.state() != order::OrderState::OutcomeUnknown);
                if is_known && !core.ib_lost && self.sync.is_done() {
                    self.drop_cancel(core, &key);
                }
                self.end_cancels(core, &key, None);
            }
            Effect::Refuse => {
                if self.book.get(&key).is_some_and(|record| !record.facts.state().is_final()) {
                    self.change(core, &key, |record| record.facts.cancel_asked = false);
                    self.drop_cancel(core, &key);
                    self.end_cancels(core, &key, Some(&notice.to_error()));
                }
            }
            Effect::Reject | Effect::Cancel | Effect::Remark => {}
        }
    }

    /// The record of a report; a new one if the order can be named.
    pub(super) fn find_or_name(&mut self, identity: &Identity<'_>, order: &Order) -> Option<OrderKey> {
        if let Some(key) = self.book.find(identity, self.client_id) {
            return Some(key);
        }
        let key = self.book.name(identity, self.client_id)?;
        // A key that is being prepared for a caller is taken from here on: his order is not sent.
        let account = order.account.clone().unwrap_or_default();
        let mut record = blank(key.clone(), account, origin(&key, identity));
        record.facts.is_sent = true;
        record.identify(identity);
        let first = identity.own_key(self.client_id);
        record.event.duplicate_of = first.filter(|first| *first != key && self.book.contains(first));
        self.book.insert(record);
        Some(key)
    }
}

impl Record {
    /// Takes over the numbers of a report where none is known.
    pub(super) fn identify(&mut self, identity: &Identity<'_>) {
        let event = &mut self.event;
        event.perm_id = event.perm_id.or(identity.perm_id.filter(|id| *id > 0));
        event.order_id = event.order_id.or(identity.order_id.filter(|id| *id != 0 && *id != -1));
        event.client_id = event.client_id.or(identity.client_id);
        if event.origin == UNKNOWN {
            event.origin = origin(&event.key, identity);
        }
    }

    fn on_status_text(&mut self, text: Option<&str>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        let word = Word::read(text);
        if let Some(word) = word {
            self.facts.on_word(word);
        }
        // A late word does not describe an order that is over.
        if !self.facts.state().is_final() || matches!(word, Some(Word::Filled | Word::Cancelled | Word::Inactive)) {
            self.event.ib_status = Some(text.to_owned());
        }
    }

    fn on_order_state(&mut self, state: &OrderState) {
        self.on_status_text(state.status.as_deref());
        let is_dead_word =
            matches!(state.status.as_deref().and_then(Word::read), Some(Word::Inactive | Word::Cancelled));
        if let Some(reason) = state.reject_reason.as_deref().filter(|text| !text.is_empty()) {
            if is_dead_word {
                self.facts.on_refusal();
            }
            self.explain(None, reason);
        } else if let Some(warning) = state.warning_text.as_deref().filter(|text| !text.is_empty()) {
            self.explain(None, warning);
        }
    }
}

fn origin(key: &OrderKey, identity: &Identity<'_>) -> String {
    let has_order_id = identity.order_id.is_some_and(|id| id > 0);
    match identity.client_id {
        _ if identity.order_ref == Some(key.as_str()) => "bridge".to_owned(),
        // Reports of orders that are over do not tell.
        None => UNKNOWN.to_owned(),
        Some(0) if !has_order_id => "tws".to_owned(),
        Some(client_id) => format!("client-{client_id}"),
    }
}

fn identity(order: &Order, order_id: Option<i32>) -> Identity<'_> {
    let order_ref = order.order_ref.as_deref();
    Identity { client_id: order.client_id, order_id, perm_id: order.perm_id, order_ref }
}

fn status_identity(message: &OrderStatus) -> Identity<'_> {
    Identity { client_id: message.client_id, order_id: message.order_id, perm_id: message.perm_id, order_ref: None }
}

/// Keeps a report for later, and counts what falls out.
fn hold<T>(core: &mut Core, held: &mut VecDeque<T>, report: T) {
    if held.len() >= UNNAMED_MAX {
        held.pop_front();
        core.counters.forgotten += 1;
    }
    held.push_back(report);
}
