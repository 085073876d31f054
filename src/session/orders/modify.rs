//! Changing price, size or time in force of a living order.
//!
//! A modification is the whole order once more under its number. One is on its way at a time; it ends when the
//! gateway shows the order as asked for, refuses it, or the order ends. The order itself is never in danger: what
//! refuses a modification leaves it alive.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{
    Fence, Orders, Until, Waiter,
    book::Record,
    describe::size,
    not_ready,
    prices::{Need, rules},
    terms::{self, price, wrong},
};
use crate::{
    schema::{
        ApiError, ErrorCode,
        connection::LinkName,
        order::{OrderKey, OrderState, OrderType, TimeInForce},
        request::order::{Modification, ModifyOrder},
    },
    session::{
        Answer, Command,
        core::{Core, Errand, Owner},
        durable::{Fact, Requested},
        notice::Notice,
        pacing::Class,
    },
    tws::{
        Request,
        message::{order::Order, order_flow::PlaceOrderRequest},
        notice::Category,
        sentinel::unset_double,
    },
};

/// A modification of which nothing is heard holds up the next one for so long.
const SILENT_FOR: Duration = Duration::from_secs(10);
/// Modifications with an id that are remembered of one order.
const CHANGES_MAX: usize = 100;

/// A modification on its way.
#[derive(Debug)]
pub(super) struct Changing {
    ask: Box<ModifyOrder>,
    order: Box<Order>,
    since: Instant,
    pub(super) is_sent: bool,
}

/// A modification with an id, and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Change {
    ask: Box<ModifyOrder>,
    /// `None` while it is on its way, and of one that was when an earlier run ended.
    outcome: Option<Result<Modification, ApiError>>,
}

impl Orders {
    pub(crate) fn modify(&mut self, core: &mut Core, command: &Command, ask: &ModifyOrder, fence: Fence) {
        if let Err(error) = self.try_modify(core, command, ask, fence) {
            core.refuse(command.token, error);
        }
    }

    fn try_modify(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &ModifyOrder,
        fence: Fence,
    ) -> Result<(), ApiError> {
        let key = &ask.key;
        let record = self.book.get(key).ok_or_else(|| wrong("key", &format!("no order {key} is known")))?;
        if let Some(change) = record.changes.iter().find(|change| change.ask.modify_id == ask.modify_id)
            && ask.modify_id.is_some()
        {
            let past = change.outcome.clone();
            if !is_same(&change.ask, ask) {
                return Err(wrong("modify_id", "was used for another modification of this order; use a new one"));
            }
            return self.repeat_change(core, command, ask, past);
        }
        if record.facts.state().is_final() {
            self.tell_change(core, command, key, Modification::TooLate, false);
            return Ok(());
        }
        let order_id = record.event.order_id.filter(|id| *id > 0);
        let Some(order_id) = order_id.filter(|_| record.event.client_id == Some(self.client_id)) else {
            let origin = &record.event.origin;
            return Err(wrong("key", &format!("order {key} was placed by {origin}: only its owner may modify it")));
        };
        check_revision(record, ask)?;
        check_moment(record, core.now.at)?;
        // To a gateway that has lost the order its message would be a new one.
        if record.sent_in.max(record.listed_in) < self.sync.login_round {
            return Err(not_ready("the gateway has not shown this order since the last login"));
        }
        let order = changed(record, ask)?;
        let is_release = ask.transmit == Some(true) && record.is_held;
        if !is_release && record.reported.as_deref().is_some_and(|reported| shows(ask, reported)) {
            self.tell_change(core, command, key, Modification::Unchanged, true);
            return Ok(());
        }
        self.check_fence(core, fence)?;
        self.check_changed(core, command, key, &order)?;
        self.send_change(core, command, ask, order_id, order)
    }

    fn send_change(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &ModifyOrder,
        order_id: i32,
        order: Order,
    ) -> Result<(), ApiError> {
        let key = &ask.key;
        let contract = self.book.get(key).and_then(|record| record.contract.as_deref().cloned());
        let request = PlaceOrderRequest {
            order_id: Some(order_id),
            contract,
            order: Some(order.clone()),
            attached_orders: Some(crate::tws::message::order::AttachedOrders::default()),
        };
        let errand = Errand::new(LinkName::Trading, Class::Order, Request::PlaceOrderRequest(Box::new(request)))
            .id(order_id)
            .client(command.client.clone());
        let client = command.client.as_deref().map(str::to_owned);
        let body = serde_json::to_string(ask).unwrap_or_default();
        let mut facts = vec![Fact::Request(Box::new(Requested { verb: "modify", key: key.clone(), client, body }))];
        let known = self.book.get(key).map(|record| record.changes.len()).unwrap_or_default();
        if ask.modify_id.is_some()
            && let Some(record) = self.book.get_mut(key)
        {
            record.changes.push_back(Change { ask: Box::new(ask.clone()), outcome: None });
            facts.extend(self.as_it_is(core, key));
        }
        let receipt = match core.submit_journaled(Owner::Orders, vec![errand], facts) {
            Ok(receipt) => receipt,
            Err(error) => {
                if let Some(record) = self.book.get_mut(key) {
                    record.changes.truncate(known);
                }
                return Err(error);
            }
        };
        self.journaling_changes.insert(receipt, key.clone());
        core.accept(command.token);
        if let Some(record) = self.book.get(key) {
            core.risk.on_order(core.now, command.client.as_deref(), &record.event.account);
        }
        let Some(record) = self.book.get_mut(key) else { return Ok(()) };
        let since = core.now.at;
        record.changing = Some(Changing { ask: Box::new(ask.clone()), order: Box::new(order), since, is_sent: false });
        if record.changes.len() > CHANGES_MAX {
            record.changes.pop_front();
        }
        self.wait(core, key, Waiter { token: command.token, until: Until::Modified, repeated: false });
        Ok(())
    }

    /// The modification with this receipt is on the disk, or could not be written: then it was not sent.
    pub(super) fn on_change_journaled(&mut self, core: &mut Core, receipt: u64, written: &Result<(), String>) {
        let Some(key) = self.journaling_changes.remove(&receipt) else { return };
        if let Err(reason) = written {
            let message = format!("the order journal cannot be written: {reason}; nothing was sent");
            self.drop_change(core, &key, &not_ready(message));
        }
    }

    fn repeat_change(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &ModifyOrder,
        outcome: Option<Result<Modification, ApiError>>,
    ) -> Result<(), ApiError> {
        let key = &ask.key;
        let Some(record) = self.book.get(key) else { return Ok(()) };
        let is_on_its_way = record.changing.as_ref().is_some_and(|changing| changing.ask.modify_id == ask.modify_id);
        match outcome {
            None if record.facts.state().is_final() => {
                self.tell_change(core, command, key, Modification::TooLate, true);
            }
            // It was on its way when the bridge was restarted, or nothing was heard of it for long.
            None if !is_on_its_way => match record.reported.as_deref() {
                Some(reported) if shows(ask, reported) => {
                    self.tell_change(core, command, key, Modification::Accepted, true);
                }
                Some(_) => {
                    let message = "this modification was written down, and the gateway does not show it: it may not have \
                                   been sent; look at order.get, and use a new modify_id";
                    return Err(ApiError::new(ErrorCode::OutcomeUnknown, message));
                }
                None => return Err(not_ready("the gateway has not reported this order yet")),
            },
            None => self.wait(core, key, Waiter { token: command.token, until: Until::Modified, repeated: true }),
            Some(Ok(outcome)) => self.tell_change(core, command, key, outcome, true),
            Some(Err(error)) => return Err(error),
        }
        Ok(())
    }

    fn tell_change(&self, core: &mut Core, command: &Command, key: &OrderKey, outcome: Modification, repeated: bool) {
        let Some(record) = self.book.get(key) else { return };
        let mut answer = record.answer(core, repeated);
        answer.modification = Some(outcome);
        core.answer(command.token, Answer::Order(Box::new(answer)));
    }

    /// A report of the order came: does it show what was asked for?
    pub(super) fn end_shown_change(&mut self, core: &mut Core, key: &OrderKey) {
        let Some(record) = self.book.get_mut(key) else { return };
        let Some(changing) = &record.changing else { return };
        let is_shown = record.reported.as_deref().is_some_and(|reported| shows(&changing.ask, reported));
        let is_released = changing.ask.transmit != Some(true) || record.facts.is_live();
        if !changing.is_sent || !is_shown || !is_released {
            return;
        }
        let Some(changing) = record.changing.take() else { return };
        if !record.facts.state().is_final() {
            record.sent = Some(changing.order);
        }
        self.end_change(core, key, &changing.ask, &Ok(Modification::Accepted));
    }

    /// True if the notice was about a modification alone: the order goes on as it was.
    pub(super) fn on_change_notice(&mut self, core: &mut Core, key: &OrderKey, notice: &Notice) -> bool {
        let Some(record) = self.book.get(key) else { return false };
        let is_on_its_way = record.changing.as_ref().is_some_and(|changing| changing.is_sent);
        if !is_on_its_way || !record.facts.is_heard_of() || !refuses_change(notice) {
            return false;
        }
        let Some(changing) = self.book.get_mut(key).and_then(|record| record.changing.take()) else { return false };
        self.change(core, key, |record| record.explain_by(notice));
        let mut error = notice.to_error();
        error.code = ErrorCode::RejectedByGateway;
        self.end_change(core, key, &changing.ask, &Err(error));
        true
    }

    /// A modification that has certainly not been sent.
    pub(super) fn drop_change(&mut self, core: &mut Core, key: &OrderKey, error: &ApiError) {
        let Some(record) = self.book.get_mut(key) else { return };
        if let Some(changing) = record.changing.take() {
            self.end_change(core, key, &changing.ask, &Err(error.clone()));
        }
    }

    fn end_change(
        &mut self,
        core: &mut Core,
        key: &OrderKey,
        ask: &ModifyOrder,
        outcome: &Result<Modification, ApiError>,
    ) {
        let Some(record) = self.book.get_mut(key) else { return };
        let is_this = |change: &&mut Change| change.outcome.is_none() && change.ask.modify_id == ask.modify_id;
        let ended = record.changes.iter_mut().rfind(is_this);
        if let Some(change) = ended {
            change.outcome = Some(outcome.clone());
            self.write_down(core, key, false);
        }
        let Some(record) = self.book.get_mut(key) else { return };
        let (told, waiting): (Vec<Waiter>, Vec<Waiter>) =
            record.waiters.drain(..).partition(|waiter| waiter.until == Until::Modified);
        record.waiters = waiting;
        for waiter in told {
            self.waiting.remove(&waiter.token);
            let Some(record) = self.book.get(key) else { continue };
            match outcome {
                Ok(outcome) => {
                    let mut answer = record.answer(core, waiter.repeated);
                    answer.modification = Some(*outcome);
                    core.answer(waiter.token, Answer::Order(Box::new(answer)));
                }
                Err(error) => core.refuse(waiter.token, error.clone()),
            }
        }
    }

    /// The order is over. Its modification that has not left would find no order, and be a new one to a gateway that
    /// gives the number away again.
    pub(super) fn withdraw_late_change(&mut self, core: &mut Core, key: &OrderKey) {
        let Some(record) = self.book.get_mut(key).filter(|record| record.has_unsent_change()) else { return };
        let order_id = record.event.order_id.unwrap_or_default();
        let Some(changing) = record.changing.take() else { return };
        core.pacing.withdraw(order_id);
        self.end_change(core, key, &changing.ask, &Ok(Modification::TooLate));
    }

    /// A modification that was not sent is gone with the link; of one that was, the next report tells.
    pub(super) fn drop_unsent_change(&mut self, core: &mut Core, key: &OrderKey) {
        if self.book.get(key).is_some_and(Record::has_unsent_change) {
            self.drop_change(core, key, &not_ready("the trading link was lost; the modification was not sent"));
        }
    }
}

impl Record {
    /// A modification waits for the disk or for its turn.
    pub(super) fn has_unsent_change(&self) -> bool {
        self.changing.as_ref().is_some_and(|changing| !changing.is_sent)
    }

    /// Takes over what the gateway reports the order to be, and counts changes of its terms.
    pub(super) fn on_report(&mut self, order: &Order) {
        if self.facts.state().is_final() {
            return;
        }
        let base = self.reported.as_deref().or(self.sent.as_deref());
        if base.is_some_and(|base| !has_same_terms(base, order)) {
            self.event.revision = self.event.revision.saturating_add(1);
        }
        self.reported = Some(Box::new(order.clone()));
    }
}

/// Codes that refuse a modification, whatever else they may mean.
fn refuses_change(notice: &Notice) -> bool {
    use super::status::{Effect, effect};
    match effect(notice) {
        Effect::Refuse => true,
        // They are remarks about an order, but refuse the change of one.
        Effect::Remark => {
            matches!(notice.code, 104 | 134 | 2_102)
                || notice.code == 321 && notice.meaning.category == Category::OrderWarning
        }
        Effect::Reject | Effect::Cancel | Effect::CancelRefused => false,
    }
}

fn check_revision(record: &Record, ask: &ModifyOrder) -> Result<(), ApiError> {
    match ask.expected_revision {
        Some(expected) if expected != record.event.revision => {
            Err(wrong("expected_revision", &format!("the order is at revision {}", record.event.revision)))
        }
        _ => Ok(()),
    }
}

fn check_moment(record: &Record, now: Instant) -> Result<(), ApiError> {
    let busy = |message: &str| Err(ApiError::new(ErrorCode::Busy, message).retry_after_ms(500));
    if record.changing.as_ref().is_some_and(|changing| now < changing.since + SILENT_FOR) {
        return busy("another modification of this order is on its way");
    }
    match record.facts.state() {
        OrderState::Journaled => busy("the order has not been sent yet"),
        // A refusal could be meant for the order as well as for its change.
        OrderState::Sent if !record.facts.is_heard_of() => busy("the gateway has not acknowledged the order yet"),
        _ if record.cancel.is_some() => Err(wrong("key", "the order is being cancelled")),
        OrderState::CancelPending => Err(wrong("key", "the order is being cancelled")),
        // Refused or held: if it is over, its message would be a new order to the gateway.
        OrderState::Inactive => Err(wrong("key", "IB shows the order as inactive; it can be cancelled, not changed")),
        OrderState::OutcomeUnknown => Err(not_ready("nobody can say whether this order exists")),
        _ => Ok(()),
    }
}

/// The whole order with the changes in it.
fn changed(record: &Record, ask: &ModifyOrder) -> Result<Order, ApiError> {
    let reported = record.reported.as_deref();
    let Some(base) = record.sent.as_deref().or(reported) else {
        return Err(not_ready("the gateway has not reported this order yet"));
    };
    let mut order = base.clone();
    // It may have been changed elsewhere since, or reduced by its group.
    let kind = order.order_type.as_deref().and_then(OrderType::of_ib_text);
    let kind = kind.ok_or_else(|| wrong("key", "this release has no word for the order's type"))?;
    let rules = rules(kind);
    if let Some(reported) = reported {
        order.total_quantity = reported.total_quantity.clone().or(order.total_quantity);
        order.tif = reported.tif.clone().or(order.tif);
        order.good_till_date = reported.good_till_date.clone().or(order.good_till_date);
        if rules.limit == Need::Required {
            order.lmt_price = reported.lmt_price.and_then(unset_double).or(order.lmt_price);
        }
        if rules.stop == Need::Required {
            order.aux_price = reported.aux_price.and_then(unset_double).or(order.aux_price);
        }
    }
    let takes = |field: &str, value: Option<f64>, taken: bool| {
        price(field, value, if taken { Need::Optional } else { Need::Forbidden }, kind)
    };
    takes("limit_price", ask.limit_price, rules.limit != Need::Forbidden)?;
    takes("stop_price", ask.stop_price, rules.stop != Need::Forbidden)?;
    takes("trailing_amount", ask.trailing_amount, rules.is_trailing && order.trailing_percent.is_none())?;
    takes("trailing_percent", ask.trailing_percent, rules.is_trailing && order.trailing_percent.is_some())?;
    takes("limit_offset", ask.limit_offset, rules.takes_limit_offset() && order.lmt_price_offset.is_some())?;
    takes("offset", ask.offset, rules.takes_offset)?;
    order.lmt_price = ask.limit_price.or(order.lmt_price);
    if rules.is_trailing {
        order.trail_stop_price = ask.stop_price.or(order.trail_stop_price);
        order.aux_price = ask.trailing_amount.or(order.aux_price);
        order.trailing_percent = ask.trailing_percent.or(order.trailing_percent);
        order.lmt_price_offset = ask.limit_offset.or(order.lmt_price_offset);
    } else {
        order.aux_price = ask.stop_price.or(ask.offset).or(order.aux_price);
    }
    if let Some(quantity) = &ask.quantity {
        terms::at_most_quantity("quantity", quantity)?;
        if quantity.decimal() <= record.facts.filled().decimal() {
            return Err(wrong("quantity", &format!("{} are filled already", record.facts.filled())));
        }
        order.total_quantity = Some(quantity.as_str().to_owned());
    }
    change_tif(&mut order, ask)?;
    // An order that works is not to be held back by its change.
    let is_held = record.is_held && ask.transmit != Some(true);
    if ask.transmit == Some(false) && !record.is_held {
        return Err(wrong("transmit", "an order that was transmitted cannot be held back"));
    }
    order.transmit = (!is_held).then_some(true);
    Ok(order)
}

fn change_tif(order: &mut Order, ask: &ModifyOrder) -> Result<(), ApiError> {
    let tif = match ask.tif {
        Some(tif) => tif,
        None => order.tif.as_deref().and_then(TimeInForce::of_ib_text).unwrap_or_default(),
    };
    let kept = order.good_till_date.clone().filter(|text| !text.is_empty() && tif == TimeInForce::Gtd);
    let good_till = ask.good_till.clone().or(kept);
    terms::good_till(tif, good_till.as_deref())?;
    if ask.tif.is_some() {
        order.tif = Some(tif.ib_text().to_owned());
    }
    order.good_till_date = good_till;
    Ok(())
}

/// True if the report has every value that the modification asks for.
fn shows(ask: &ModifyOrder, reported: &Order) -> bool {
    let kind = reported.order_type.as_deref().and_then(OrderType::of_ib_text);
    let is_trailing = kind.is_some_and(|kind| rules(kind).is_trailing);
    let is = |wanted: Option<f64>, reported: Option<f64>| wanted.is_none_or(|wanted| reported == Some(wanted));
    let quantity = size(reported.total_quantity.as_ref());
    let has_quantity = ask
        .quantity
        .as_ref()
        .is_none_or(|wanted| quantity.as_ref().is_some_and(|quantity| quantity.decimal() == wanted.decimal()));
    let has_tif = ask.tif.is_none_or(|tif| reported.tif.as_deref() == Some(tif.ib_text()));
    let has_end = ask.good_till.as_ref().is_none_or(|end| reported.good_till_date.as_ref() == Some(end));
    let has_stop = if is_trailing {
        // It moves by itself.
        true
    } else {
        is(ask.stop_price, reported.aux_price)
    };
    has_quantity
        && has_tif
        && has_end
        && has_stop
        && is(ask.limit_price, reported.lmt_price)
        && is(ask.trailing_amount, reported.aux_price)
        && is(ask.offset, reported.aux_price)
        && is(ask.trailing_percent, reported.trailing_percent)
        && is(ask.limit_offset, reported.lmt_price_offset)
}

/// What a revision counts: size, time in force, and prices that do not move by themselves.
fn has_same_terms(first: &Order, second: &Order) -> bool {
    let kind = second.order_type.as_deref().and_then(OrderType::of_ib_text);
    let quantity = |order: &Order| size(order.total_quantity.as_ref()).map(|size| size.decimal());
    let number = |value: Option<f64>| value.and_then(unset_double).filter(|value| *value != 0.0);
    let text = |value: &Option<String>| value.clone().filter(|text| !text.is_empty());
    let rules = kind.map(rules);
    let has_limit = rules.is_some_and(|rules| rules.limit == Need::Required);
    let has_aux = rules.is_some_and(|rules| rules.stop == Need::Required || rules.is_trailing || rules.takes_offset);
    quantity(first) == quantity(second)
        && text(&first.tif) == text(&second.tif)
        && text(&first.good_till_date) == text(&second.good_till_date)
        && (!has_limit || first.lmt_price == second.lmt_price)
        && (!has_aux || number(first.aux_price) == number(second.aux_price))
        && number(first.trailing_percent) == number(second.trailing_percent)
}

/// Two requests of one id: how long to wait is no part of them.
fn is_same(first: &ModifyOrder, second: &ModifyOrder) -> bool {
    let quantity = |ask: &ModifyOrder| ask.quantity.as_ref().map(crate::schema::Size::decimal);
    let terms =
        |ask: &ModifyOrder| ModifyOrder { quantity: None, timeout_ms: None, expected_revision: None, ..ask.clone() };
    quantity(first) == quantity(second) && terms(first) == terms(second)
}
