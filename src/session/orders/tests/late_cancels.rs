//! Cancels always go through: now, or when the link is back, unless the order is over by then.

use super::*;
use crate::schema::{
    ErrorCode,
    request::order::{CancelAll, CancelOrder, CancelScope, Modification, ModifyOrder},
};

fn cancel(rig: &mut Rig, key: &str) -> Token {
    let ask = CancelOrder { key: Some(key.parse().expect("a key")), ..CancelOrder::default() };
    rig.ask(Ask::CancelOrder(ask))
}

fn shown() -> Response {
    open_order(gateway_order(1, 1, PERM, "k1"), "Submitted")
}

fn working() -> Rig {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, shown());
    rig.forget();
    rig
}

/// Logs in again; the list of open orders tells this.
fn back(rig: &mut Rig, listed: Option<Response>) {
    rig.begin_reconnect(TRADING);
    if let Some(listed) = listed {
        rig.receive(TRADING, listed);
    }
    assert!(rig.peek_sent(TRADING).iter().all(|request| !matches!(request, Request::CancelOrderRequest(_))));
    rig.answer_download();
}

#[test]
fn a_cancel_asked_while_the_link_is_down_is_sent_once_when_it_is_back() {
    let mut rig = working();
    rig.cut(TRADING);
    rig.forget();
    let token = cancel(&mut rig, "k1");
    let (orders, _) = told(&mut rig);
    assert_eq!(orders.last().and_then(|order| order.cancel_waits), Some(true));
    back(&mut rig, Some(shown()));
    assert_eq!(cancels(&mut rig), [1]);
    assert!(rig.reply(token).is_none(), "the order is not over yet");
    rig.receive(TRADING, status(1, "Cancelled", "0"));
    let answer = answered(rig.reply(token));
    assert_eq!((answer.state, answer.order.cancel_waits), (OrderState::Cancelled, None));
    rig.cut(TRADING);
    back(&mut rig, None);
    assert!(cancels(&mut rig).is_empty());
}

#[test]
fn who_asked_to_cancel_without_a_link_is_told_at_his_deadline_that_the_cancel_waits() {
    let mut rig = working();
    rig.cut(TRADING);
    let token = cancel(&mut rig, "k1");
    rig.wait_ms(60_000);
    let answer = answered(rig.reply(token));
    assert_eq!((answer.state, answer.order.cancel_waits), (OrderState::Working, Some(true)));
}

#[test]
fn a_cancel_that_waits_survives_a_restart() {
    let mut rig = working();
    rig.cut(TRADING);
    cancel(&mut rig, "k1");
    let mut rig = rig.restarted();
    rig.begin_log_in(TRADING);
    rig.receive(TRADING, shown());
    rig.answer_download();
    assert_eq!(cancels(&mut rig), [1]);
}

#[test]
fn a_cancel_whose_order_is_over_when_the_link_is_back_is_not_sent() {
    let mut rig = working();
    rig.cut(TRADING);
    let token = cancel(&mut rig, "k1");
    back(&mut rig, Some(status(1, "Filled", "100")));
    assert!(cancels(&mut rig).is_empty());
    assert_eq!(answered(rig.reply(token)).state, OrderState::Filled);
}

#[test]
fn a_cancel_that_was_on_its_way_when_the_link_fell_is_sent_again_if_the_order_lives() {
    let mut rig = working();
    cancel(&mut rig, "k1");
    assert_eq!(cancels(&mut rig), [1]);
    rig.cut(TRADING);
    back(&mut rig, Some(shown()));
    assert_eq!(cancels(&mut rig), [1]);
}

#[test]
fn a_cancel_that_was_refused_is_not_sent_again() {
    let mut rig = working();
    cancel(&mut rig, "k1");
    rig.notice(TRADING, 1, 10_148, "OrderId 1 that needs to be cancelled cannot be cancelled, state: Submitted.");
    rig.sent(TRADING);
    rig.cut(TRADING);
    back(&mut rig, Some(shown()));
    assert!(cancels(&mut rig).is_empty());
}

#[test]
fn a_cancel_asked_while_ib_is_out_of_reach_is_sent_at_once_and_again_when_it_is_back() {
    let mut rig = working();
    rig.notice_all(1_100, "Connectivity between IB and TWS has been lost.");
    cancel(&mut rig, "k1");
    assert_eq!(cancels(&mut rig), [1]);
    rig.notice(TRADING, 1, 10_147, "OrderId 1 that needs to be cancelled is not found.");
    rig.notice_all(1_102, "Connectivity between IB and TWS has been restored.");
    let is_cancel = |request: &Request| matches!(request, Request::CancelOrderRequest(_));
    assert!(!rig.peek_sent(TRADING).iter().any(is_cancel), "the lists come first");
    rig.receive(TRADING, shown());
    rig.answer_download();
    assert_eq!(cancels(&mut rig), [1]);
}

#[test]
fn an_order_that_appears_after_its_cancel_found_nothing_is_cancelled_then() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.cut(TRADING);
    cancel(&mut rig, "k1");
    back(&mut rig, None);
    assert_eq!(cancels(&mut rig), [1]);
    rig.notice(TRADING, 1, 10_147, "OrderId 1 that needs to be cancelled is not found.");
    rig.receive(TRADING, shown());
    assert_eq!(cancels(&mut rig), [1]);
}

#[test]
fn a_global_cancel_without_a_link_waits_for_our_own_orders_only() {
    let mut rig = working();
    rig.receive(TRADING, open_order(gateway_order(9, 4, 501, ""), "Submitted"));
    rig.cut(TRADING);
    let token = rig.ask(Ask::CancelAll(CancelAll { scope: CancelScope::Global, account: None, timeout_ms: None }));
    back(&mut rig, Some(shown()));
    let sent = rig.sent(TRADING);
    assert!(!sent.iter().any(|request| matches!(request, Request::GlobalCancelRequest(_))));
    assert!(sent.iter().any(|request| matches!(request, Request::CancelOrderRequest(_))));
    rig.receive(TRADING, status(1, "Cancelled", "0"));
    let Some(Ok(Answer::CancelAll(answer))) = rig.reply(token) else { panic!("no answer") };
    assert_eq!((answer.done, answer.left_alone, answer.orders.len()), (true, 1, 1));
}

fn modify(rig: &mut Rig, id: &str, price: f64) -> Token {
    let json = format!(r#"{{"key":"k1","modify_id":"{id}","limit_price":{price}}}"#);
    let ask: ModifyOrder = serde_json::from_str(&json).expect("a request");
    rig.ask(Ask::ModifyOrder(Box::new(ask)))
}

fn changed(price: f64) -> Response {
    open_order(Order { lmt_price: Some(price), ..gateway_order(1, 1, PERM, "k1") }, "Submitted")
}

#[test]
fn a_modification_of_an_earlier_run_is_answered_as_then_and_never_sent_again() {
    let mut rig = working();
    modify(&mut rig, "m1", 181.0);
    rig.receive(TRADING, changed(181.0));
    modify(&mut rig, "m2", 182.0);
    rig.receive(TRADING, changed(182.0));
    modify(&mut rig, "m3", 183.0);
    let mut rig = rig.restarted();
    rig.begin_log_in(TRADING);
    rig.receive(TRADING, changed(183.0));
    rig.answer_download();
    rig.sent(TRADING);
    let tokens = [modify(&mut rig, "m1", 181.0), modify(&mut rig, "m3", 183.0)];
    for token in tokens {
        let answer = answered(rig.reply(token));
        assert_eq!((answer.modification, answer.repeated), (Some(Modification::Accepted), true));
    }
    assert!(placed(&mut rig).is_empty());
}

#[test]
fn a_modification_of_which_nobody_knows_whether_it_was_sent_is_not_sent_again() {
    let mut rig = working();
    modify(&mut rig, "m1", 181.0);
    let mut rig = rig.restarted();
    rig.begin_log_in(TRADING);
    rig.receive(TRADING, shown());
    rig.answer_download();
    rig.sent(TRADING);
    let token = modify(&mut rig, "m1", 181.0);
    assert_eq!(rig.reply(token).expect("a reply").expect_err("refused").code, ErrorCode::OutcomeUnknown);
    assert!(placed(&mut rig).is_empty());
    modify(&mut rig, "m2", 181.0);
    assert_eq!(placed(&mut rig).len(), 1);
}

#[test]
fn an_order_that_nobody_has_acknowledged_is_not_modified() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    let token = modify(&mut rig, "m1", 181.0);
    assert_eq!(rig.reply(token).expect("a reply").expect_err("refused").code, ErrorCode::Busy);
    assert_eq!(placed(&mut rig).len(), 1);
}

#[test]
fn an_order_that_the_gateway_has_not_shown_since_the_login_is_not_modified() {
    let mut rig = working();
    rig.cut(TRADING);
    back(&mut rig, None);
    rig.sent(TRADING);
    let token = modify(&mut rig, "m1", 181.0);
    assert!(rig.reply(token).expect("a reply").is_err());
    assert!(placed(&mut rig).is_empty(), "the gateway would take it for a new order");
}

#[test]
fn an_inactive_order_is_not_modified_since_it_may_be_over() {
    let mut rig = working();
    rig.receive(TRADING, status(1, "Inactive", "0"));
    let token = modify(&mut rig, "m1", 181.0);
    assert!(rig.reply(token).expect("a reply").is_err());
    assert!(placed(&mut rig).is_empty());
}

#[test]
fn a_cancel_of_an_attached_order_does_not_overtake_the_message_that_makes_it() {
    let mut rig = Rig::ready();
    rig.is_disk_slow = true;
    place(&mut rig, ask("k1", r#","attached":{"stop_loss":{"key":"sl","order_type":"STP"}}"#));
    let token = cancel(&mut rig, "sl");
    rig.wait_ms(500);
    assert!(rig.peek_sent(TRADING).is_empty() && rig.reply(token).is_none());
    rig.sync_disk();
    let sent = rig.sent(TRADING);
    assert!(
        matches!(&sent[..], [Request::PlaceOrderRequest(order), Request::CancelOrderRequest(cancel)]
            if order.order_id == Some(1) && cancel.order_id == Some(2)),
        "{sent:?}"
    );
    assert_eq!(state_of(&rig, "sl"), Some(OrderState::CancelPending));
    rig.notice(TRADING, 2, 202, "Order Canceled - reason:");
    assert_eq!(answered(rig.reply(token)).state, OrderState::Cancelled);
}

#[test]
fn a_cancel_of_an_attached_order_that_was_never_written_down_leaves_nothing() {
    let mut rig = Rig::ready();
    rig.is_disk_slow = true;
    place(&mut rig, ask("k1", r#","attached":{"stop_loss":{"key":"sl","order_type":"STP"}}"#));
    let token = cancel(&mut rig, "sl");
    rig.fail_disk("the disk is full");
    assert!(rig.reply(token).expect("answered").is_err());
    let next = rig.restarted();
    assert!(state_of(&next, "sl").is_none() && state_of(&next, "k1").is_none());
    rig.wait_ms(1_000);
    assert!(rig.peek_sent(TRADING).is_empty());
}

#[test]
fn cancels_that_may_have_been_dropped_are_sent_again_once_the_lists_show_that_the_order_lives() {
    let mut rig = working();
    cancel(&mut rig, "k1");
    assert_eq!(cancels(&mut rig), [1]);
    let text = "Max rate of messages per second has been exceeded";
    let lists = |rig: &Rig| {
        let is_list = |request: &&Request| matches!(request, Request::AllOpenOrdersRequest(_));
        rig.peek_sent(TRADING).iter().filter(is_list).count()
    };
    rig.notice(TRADING, -1, 100, text);
    assert_eq!(lists(&rig), 2, "at once");
    rig.notice(TRADING, -1, 100, text);
    assert_eq!(lists(&rig), 2, "a burst of complaints is one reason");
    rig.receive(TRADING, shown());
    rig.answer_download();
    assert_eq!(cancels(&mut rig), [1]);
    rig.receive(TRADING, status(1, "Cancelled", "0"));
    rig.wait_ms(1_000);
    assert_eq!(lists(&rig), 2, "parts of the first round may have been dropped");
    rig.answer_download();
    assert!(cancels(&mut rig).is_empty(), "the order is over");
}

#[test]
fn a_complaint_on_the_data_link_says_nothing_about_orders() {
    let mut rig = working();
    cancel(&mut rig, "k1");
    rig.forget();
    rig.notice(LinkName::Data, -1, 100, "Max rate of messages per second has been exceeded");
    assert!(rig.peek_sent(TRADING).is_empty());
}
