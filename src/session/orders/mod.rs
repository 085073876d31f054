//! Orders and fills: sent at most once per key, settled by evidence only.
//!
//! An order is *journaled* when its key is taken and its one message is queued, *sent* when the
//! bytes are handed to the driver, and from then on whatever the gateway's evidence proves
//! ([`facts`]). Nothing in this part sends a second message for a key.

mod answers;
mod book;
mod cancel;
mod cancel_all;
mod describe;
mod evidence;
mod evidence_log;
mod facts;
mod fence;
mod fills;
mod group;
mod kept;
mod known;
mod late;
mod lookup;
mod modify;
mod place;
mod preview;
mod prices;
mod restore;
mod risk;
mod settle;
mod sizes;
mod status;
mod submit;
mod sweep;
mod sync;
mod terms;
#[cfg(test)]
mod tests;
mod twins;
mod verdict;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use rust_decimal::Decimal;
use rustc_hash::FxHashMap;

use super::{Token, core::Core, notice::Notice};
use crate::{
    schema::{
        ApiError, ErrorCode, Size,
        order::{OrderEvent, OrderKey, OrderState},
        request::order::{PlaceOrder, WaitFor},
    },
    tws::{
        Response,
        message::order_flow::{OpenOrder, OrderStatus},
    },
};
pub(crate) use fence::halted_reason;
pub use group::Family;

use book::{Book, Record};
use evidence_log::EvidenceLog;
use fills::Fills;
use group::Gathering;
use preview::Preview;
pub(crate) use sweep::{Swept, Whose};
use sync::Sync;

/// What may keep a new order from being sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fence {
    /// The trading link is ready.
    pub(crate) is_ready: bool,
    /// The trading link is logged in, be its first download complete or not: cancels may be sent.
    pub(crate) may_cancel: bool,
    /// The gateway has lost IB (1100): it would hold the order and send it later.
    pub(crate) ib_lost: bool,
    /// The gateway is about to restart, and should be back by then; microseconds UTC.
    pub(crate) restart_until_us: Option<i64>,
    /// The gateway's version, if it has told.
    pub(crate) server_version: Option<u32>,
}

/// A caller who waits for an order to get somewhere.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    token: Token,
    until: Until,
    /// His request sent nothing.
    repeated: bool,
}

/// What a caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    Placed(WaitFor),
    /// A cancel: until the order is over, or the cancel refused.
    Cancelled,
    /// A modification: until the gateway shows it or refuses it.
    Modified,
}

/// A key whose order has not been checked yet: its contract is being looked up.
#[derive(Debug)]
struct Reservation {
    token: Token,
    ask: Box<PlaceOrder>,
    followers: Vec<(Token, WaitFor)>,
}

/// Every order heard of, and the evidence about it.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    book: Book,
    fills: Fills,
    /// Orders whose cancel is to be sent when the lists are complete.
    late_cancels: BTreeSet<OrderKey>,
    /// Orders with corrected fills: these are counted whenever all executions have been listed.
    corrected: BTreeSet<OrderKey>,
    sync: Sync,
    client_id: i32,
    accounts: Vec<String>,
    /// The next order id to use. Only grows.
    next_order_id: i32,
    reserved: FxHashMap<OrderKey, Reservation>,
    /// Which order each waiting caller waits for.
    waiting: FxHashMap<Token, OrderKey>,
    /// Orders that wait for their journal entry, by its receipt.
    journaling: FxHashMap<u64, Vec<OrderKey>>,
    /// Modifications that wait for their journal entry.
    journaling_changes: FxHashMap<u64, OrderKey>,
    evidence_log: EvidenceLog,
    /// Reports of orders that cannot be named yet, oldest first.
    unnamed: VecDeque<OpenOrder>,
    unnamed_status: VecDeque<OrderStatus>,
    /// Callers who wait for several orders.
    gatherings: FxHashMap<Token, Gathering>,
    /// What-if orders in flight, by order id.
    previews: FxHashMap<i32, Preview>,
    /// A fence is up, and what had not left when it went up has been taken back.
    is_shut: bool,
}

impl Orders {
    pub(crate) fn on_response(&mut self, core: &mut Core, response: Response) {
        let told = evidence_log::evidence(&response);
        self.apply(core, response);
        if let Some((evidence, order_ref)) = told {
            self.note_evidence(core, evidence, order_ref.as_deref());
        }
    }

    fn apply(&mut self, core: &mut Core, response: Response) {
        match response {
            Response::OpenOrder(message) => self.on_open_order(core, *message),
            Response::OrderStatus(message) => self.on_status(core, *message),
            Response::OrderBound(message) => self.on_bound(core, &message),
            Response::CompletedOrder(message) => self.on_completed(core, *message),
            Response::ExecutionDetails(message) => self.on_execution(core, *message),
            Response::CommissionAndFeesReport(message) => self.on_commission(core, *message),
            Response::OpenOrdersEnd(_) => self.on_download_end(core, sync::Part::Open),
            Response::CompletedOrdersEnd(_) => self.on_download_end(core, sync::Part::Completed),
            Response::ExecutionDetailsEnd(message) => self.on_executions_end(core, message.req_id.unwrap_or_default()),
            _ => {}
        }
    }

    /// A notice that names an order id, or a request id of this part.
    pub(crate) fn on_notice(&mut self, core: &mut Core, id: i32, notice: &Notice) {
        if Core::is_req_id(id) {
            self.on_request_notice(core, id, notice);
        } else {
            self.on_order_notice(core, id, notice);
            let evidence = evidence_log::notice_evidence(id, self.client_id, notice);
            self.note_evidence(core, evidence, None);
        }
    }

    /// The bytes of this order id were handed to the driver.
    pub(crate) fn on_sent(&mut self, core: &mut Core, order_id: i32) {
        let Some(key) = self.book.by_order_id(self.client_id, order_id) else { return };
        let round = self.sync.round;
        self.change(core, &key, |record| record.on_sent(round));
        for key in self.book.attached_to(&key) {
            self.change(core, &key, |record| record.on_sent(round));
            self.resume_cancel_of_child(core, &key);
        }
    }

    /// What was queued has not left this process; what was sent without an echo is in doubt.
    pub(crate) fn on_link_down(&mut self, core: &mut Core) {
        self.sync.on_link_down();
        self.refuse_previews(core);
        self.unnamed.clear();
        self.unnamed_status.clear();
        for key in self.book.open_keys() {
            self.drop_unsent_change(core, &key);
            if self.book.get(&key).is_some_and(|record| record.cancel.is_some()) {
                self.late_cancels.insert(key.clone());
            }
            self.change(core, &key, |record| {
                record.after_gap = true;
                record.cancel_sent = None;
                record.facts.cancel_asked = false;
                if !record.facts.is_sent {
                    record.facts.on_reject();
                    record.explain(None, "not sent: link lost");
                } else if !record.facts.is_heard_of() {
                    record.facts.in_doubt = true;
                    record.explain(None, "the link was lost before the gateway said anything about this order");
                }
            });
        }
    }

    /// Changes a record, publishes what really changed, and answers whom that concerns.
    fn change(&mut self, core: &mut Core, key: &OrderKey, change: impl FnOnce(&mut Record)) {
        let Some(record) = self.book.get_mut(key) else { return };
        let was = record.facts.state();
        let was_final = was.is_final();
        let facts = record.facts.clone();
        let reason = record.event.reason.clone();
        change(record);
        if record.cancel.is_some() && record.comes_back_from(was) {
            record.facts.cancel_asked = false;
            self.late_cancels.insert(key.clone());
        }
        record.settle(reason.as_deref());
        if record.facts.has_fills() && !facts.has_fills() {
            core.risk.on_executed(core.now, &record.event.account);
        }
        let is_told = record.published.as_ref() != Some(&record.event);
        if is_told {
            record.event.changed_us = Some(core.now.us);
            if record.published.is_none() {
                record.event.placed_us.get_or_insert(core.now.us);
            }
            record.published = Some(record.event.clone());
        }
        let state = record.event.state;
        if is_told || record.facts != facts {
            self.write_down(core, key, is_told);
        }
        self.answer_met(core, key);
        self.answer_gathered(core, key);
        self.book.index(key);
        if state.is_final() && !was_final {
            self.withdraw_late_change(core, key);
            if state != OrderState::Filled {
                self.withdraw_children(core, key);
            }
            self.book.note_final(core, key);
        }
    }

    /// What the fills told so far make of each position, by account and contract.
    pub(crate) fn bought(&self) -> &BTreeMap<(String, i32), Decimal> {
        self.fills.bought()
    }

    /// True once for each round of lists that has begun.
    pub(crate) fn take_round_begun(&mut self) -> bool {
        std::mem::take(&mut self.sync.has_begun)
    }

    /// True once for each round of lists that has ended.
    pub(crate) fn take_round_ended(&mut self) -> bool {
        std::mem::take(&mut self.sync.has_ended)
    }

    /// The lists asked for last are complete.
    pub(crate) fn lists_all(&self) -> bool {
        self.sync.lists_all()
    }

    /// Something does not add up: look again this soon at the latest.
    pub(crate) fn look_again_after(&mut self, core: &Core, wait: Duration) {
        self.sync.look_again_after(core.now.at, wait);
    }

    fn refuse_all(core: &mut Core, tokens: impl IntoIterator<Item = Token>, error: &ApiError) {
        for token in tokens {
            core.refuse(token, error.clone());
        }
    }
}

impl Record {
    /// Its message was handed to the driver: the order's first, or a modification.
    fn on_sent(&mut self, round: u64) {
        self.facts.is_sent = true;
        self.sent_in = round;
        if let Some(change) = &mut self.changing {
            change.is_sent = true;
        }
    }

    /// Gives the reason of the change, with IB's code if it has one.
    fn explain(&mut self, ib_code: Option<i32>, reason: &str) {
        self.event.ib_code = ib_code;
        self.event.reason = Some(reason.to_owned());
        self.event.advanced_reject = None;
    }

    /// Gives what a notice says as the reason of the change.
    fn explain_by(&mut self, notice: &Notice) {
        self.explain(Some(notice.code), &notice.text);
        self.event.advanced_reject.clone_from(&notice.advanced_reject);
    }

    /// Fills in what follows from the facts. A reason given for an earlier state does not explain a
    /// new one that goes well.
    fn settle(&mut self, earlier_reason: Option<&str>) {
        let state = self.facts.state();
        let goes_well = matches!(state, OrderState::Working | OrderState::PartiallyFilled | OrderState::Filled);
        if state != self.event.state && goes_well && self.event.reason.as_deref() == earlier_reason {
            (self.event.reason, self.event.ib_code, self.event.advanced_reject) = (None, None, None);
        }
        self.event.state = state;
        self.is_held &= !self.facts.is_live() && !state.is_final();
        self.event.held = self.is_held.then_some(true);
        self.event.cancel_waits = self.has_late_cancel().then_some(true);
        if state.is_final() {
            (self.sent, self.reported, self.contract) = (None, None, None);
        }
        self.event.filled = self.facts.filled();
        self.event.average_price = self.facts.average_price();
        self.event.remaining = self.facts.remaining();
        self.event.quantity.clone_from(&self.facts.quantity);
    }
}

/// An order of which nothing is known but its name.
fn blank(key: OrderKey, account: String, origin: String) -> Record {
    let event = OrderEvent {
        key,
        account,
        con_id: None,
        seq: None,
        recv_us: 0,
        placed_us: None,
        changed_us: None,
        state: OrderState::Journaled,
        origin,
        side: None,
        revision: 1,
        held: None,
        order_type: None,
        quantity: None,
        filled: Size::ZERO,
        remaining: None,
        limit_price: None,
        stop_price: None,
        average_price: None,
        tif: None,
        order_id: None,
        perm_id: None,
        client_id: None,
        parent_id: None,
        ib_status: None,
        ib_code: None,
        reason: None,
        advanced_reject: None,
        why_held: None,
        instrument: None,
        duplicate_of: None,
        cancel_waits: None,
        after_gap: None,
    };
    Record {
        born: 0,
        ask: None,
        sent: None,
        reported: None,
        contract: None,
        is_held: false,
        attached_to: None,
        changing: None,
        changes: VecDeque::new(),
        client: None,
        facts: facts::Facts::default(),
        event,
        published: None,
        sent_in: 0,
        listed_in: 0,
        missed_since: None,
        cancel_sent: None,
        cancel: None,
        is_twin_told: false,
        waiters: Vec::new(),
        receipt: None,
        after_gap: false,
    }
}

fn not_ready(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::NotReady, message).retry_after_ms(1_000)
}
