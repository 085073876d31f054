//! Fences: what was taken and has not left when one goes up is taken back, and when new orders are taken again.

use super::*;
use crate::{
    config::{Calendar, Config},
    schema::{
        ErrorCode,
        request::{
            order::{CancelOrder, ModifyOrder},
            risk::Halt,
            status::Health,
        },
        risk::Sweep,
    },
};

const LOST: &str = "Connectivity between IB and TWS has been lost.";
const BACK: &str = "Connectivity between IB and TWS has been restored.";

fn rig() -> Rig {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    rig
}

/// Asks for a hundred orders at once, more than pacing lets pass; those that have not left, with who waits for them.
fn crowd(rig: &mut Rig) -> Vec<(String, Token)> {
    let asked: Vec<_> = (0..100).map(|number| format!("k{number}")).collect();
    let asked: Vec<_> = asked.into_iter().map(|key| (key.clone(), place(rig, ask(&key, "")))).collect();
    let sent: Vec<String> = placed(rig).into_iter().map(|(_, key)| key).collect();
    assert!(!sent.is_empty() && sent.len() < 100, "{} were sent", sent.len());
    asked.into_iter().filter(|(key, _)| !sent.contains(key)).collect()
}

/// Each of them is over, its caller knows why, and nothing of it leaves later.
#[track_caller]
fn assert_taken_back(rig: &mut Rig, unsent: Vec<(String, Token)>, why: &str) {
    for (key, token) in unsent {
        let answer = answered(rig.reply(token));
        assert_eq!(answer.state, OrderState::Rejected, "{key}");
        let reason = answer.order.reason.unwrap_or_default();
        assert!(reason.starts_with("not sent: ") && reason.contains(why), "{key}: {reason}");
    }
    rig.wait_ms(10_000);
    assert!(placed(rig).is_empty(), "something left");
}

#[track_caller]
fn refusal(rig: &mut Rig, key: &str) -> String {
    let token = place(rig, ask(key, ""));
    let error = rig.reply(token).expect("at once").expect_err("refused");
    assert_eq!(error.code, ErrorCode::NotReady, "{error:?}");
    error.message
}

fn health(rig: &mut Rig) -> Health {
    let token = rig.ask(Ask::BridgeHealth);
    match rig.reply(token) {
        Some(Ok(Answer::Health(health))) => *health,
        other => panic!("{other:?}"),
    }
}

fn cancel(rig: &mut Rig, key: &str) -> Token {
    rig.ask(Ask::CancelOrder(CancelOrder { key: key.parse().ok(), ..CancelOrder::default() }))
}

fn cancelled_so_far(rig: &Rig) -> Vec<i32> {
    let id = |request| match request {
        Request::CancelOrderRequest(request) => request.order_id,
        _ => None,
    };
    rig.peek_sent(TRADING).into_iter().filter_map(id).collect()
}

fn working(rig: &mut Rig, key: &str) {
    place(rig, ask(key, ""));
    rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, key), "Submitted"));
    rig.forget();
}

fn told_events(rig: &mut Rig) -> Vec<String> {
    let name = |event| match event {
        Event::Bridge(event) => Some(event.event).filter(|name| name.starts_with("lists_")),
        _ => None,
    };
    rig.events().into_iter().filter_map(name).collect()
}

#[test]
fn orders_that_wait_for_their_turn_are_taken_back_when_the_gateway_loses_ib() {
    // Whichever link is told first.
    for link in [TRADING, LinkName::Data] {
        let mut rig = rig();
        let unsent = crowd(&mut rig);
        rig.notice(link, -1, 1_100, LOST);
        assert_taken_back(&mut rig, unsent, "lost its link to IB");
        rig.notice_all(1_102, BACK);
        rig.answer_download();
        rig.wait_ms(60_000);
        assert!(placed(&mut rig).is_empty());
    }
}

#[test]
fn an_order_that_waits_for_the_disk_is_taken_back_when_the_gateway_loses_ib() {
    let mut rig = rig();
    rig.is_disk_slow = true;
    let token = place(&mut rig, ask("k1", ""));
    rig.notice_all(1_100, LOST);
    rig.sync_disk();
    assert_taken_back(&mut rig, vec![("k1".to_owned(), token)], "lost its link to IB");
}

#[test]
fn a_family_that_waits_for_the_disk_is_taken_back_as_a_whole_for_one_reason() {
    let mut rig = rig();
    rig.is_disk_slow = true;
    place(&mut rig, ask("parent", r#","transmit":false"#));
    place(&mut rig, ask("child", r#","parent_key":"parent""#));
    rig.notice_all(1_100, LOST);
    for key in ["parent", "child"] {
        let key = key.parse().expect("a key");
        let event = &rig.session.orders.book.get(&key).expect("an order").event;
        assert_eq!(event.state, OrderState::Rejected, "{key}");
        assert!(event.reason.as_ref().is_some_and(|reason| reason.contains("lost its link")), "{event:?}");
    }
}

#[test]
fn what_has_not_left_is_taken_back_when_the_fence_before_a_restart_goes_up() {
    // The rig's clock starts at 03:00 in New York.
    let calendar = Calendar { gateway_restart: "03:30".to_owned(), fence_orders_s: 60, ..Calendar::default() };
    let mut rig = Rig::ready_with(Config { calendar, ..Config::default() });
    rig.is_alive = true;
    rig.wait_ms(29 * 60_000 - 2_000);
    rig.is_disk_slow = true;
    let token = place(&mut rig, ask("k1", ""));
    rig.wait_ms(1_999);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Journaled));
    rig.wait_ms(1);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Rejected), "at once, not with the next cause");
    rig.sync_disk();
    assert_taken_back(&mut rig, vec![("k1".to_owned(), token)], "about to restart");
}

#[test]
fn a_halt_takes_back_what_has_not_left_even_if_it_cancels_nothing() {
    for cancel in [Sweep::None, Sweep::Bridge] {
        let mut rig = rig();
        let unsent = crowd(&mut rig);
        let token = rig.ask_as("risk", Ask::Halt(Halt { cancel, reason: Some("drill".to_owned()) }));
        let Some(Ok(Answer::Halted(answer))) = rig.reply(token) else { panic!("not halted") };
        assert_eq!(answer.withdrawn as usize, unsent.len());
        let cancels = cancelled_so_far(&rig);
        assert_eq!((answer.cancels == 0, cancels.is_empty()), (cancel == Sweep::None, cancel == Sweep::None));
        assert_taken_back(&mut rig, unsent, "halted by risk (drill)");
    }
}

#[test]
fn a_modification_that_has_not_left_is_dropped_by_each_fence_and_its_order_lives_on() {
    type Raise = fn(&mut Rig);
    let raise: [Raise; 2] = [
        |rig| rig.notice_all(1_100, LOST),
        |rig| {
            rig.ask_as("risk", Ask::Halt(Halt { cancel: Sweep::None, reason: None }));
        },
    ];
    for raise in raise {
        let mut rig = rig();
        working(&mut rig, "k1");
        rig.is_disk_slow = true;
        let ask: ModifyOrder = serde_json::from_str(r#"{"key":"k1","limit_price":181}"#).expect("a request");
        let token = rig.ask(Ask::ModifyOrder(Box::new(ask)));
        raise(&mut rig);
        let error = rig.reply(token).expect("at once").expect_err("refused");
        assert!(error.message.contains("the modification was not sent"), "{error:?}");
        rig.sync_disk();
        rig.wait_ms(10_000);
        assert!(placed(&mut rig).is_empty());
        assert_eq!(state_of(&rig, "k1"), Some(OrderState::Working));
    }
}

#[test]
fn new_orders_wait_for_the_lists_when_ib_is_back_and_cancels_do_not() {
    for (first, code) in [(TRADING, 1_101), (TRADING, 1_102), (LinkName::Data, 1_101), (LinkName::Data, 1_102)] {
        let mut rig = rig();
        working(&mut rig, "k1");
        rig.notice_all(1_100, LOST);
        rig.notice(first, -1, code, BACK);
        assert!(refusal(&mut rig, "k2").contains("what became of open orders"), "{first:?}");
        assert!(!health(&mut rig).orders, "{first:?}");
        cancel(&mut rig, "k1");
        assert_eq!(cancelled_so_far(&rig), [1], "{first:?}");
        let second = if first == TRADING { LinkName::Data } else { TRADING };
        rig.notice(second, -1, code, BACK);
        refusal(&mut rig, "k2");
        rig.answer_download();
        let health = health(&mut rig);
        assert!(health.orders, "{first:?}: {:?}", health.reasons);
        place(&mut rig, ask("k2", ""));
        assert_eq!(placed(&mut rig).len(), 1, "{first:?}");
    }
}

#[test]
fn lists_that_never_come_when_ib_is_back_hold_orders_up_for_so_long_and_no_longer() {
    let mut rig = rig();
    rig.notice_all(1_100, LOST);
    rig.notice_all(1_102, BACK);
    let sync_ms = Config::default().timing.sync_ms;
    rig.wait_ms(sync_ms - 1);
    refusal(&mut rig, "k1");
    rig.wait_ms(1);
    place(&mut rig, ask("k1", ""));
    assert_eq!(placed(&mut rig).len(), 1);
}

#[test]
fn the_lists_that_are_asked_for_by_the_clock_hold_no_order_up() {
    let mut rig = rig();
    rig.wait_ms(Config::default().timing.reconcile_ms);
    let asked = rig.peek_sent(TRADING);
    assert!(asked.iter().any(|request| matches!(request, Request::CompletedOrdersRequest(_))), "{asked:?}");
    place(&mut rig, ask("k1", ""));
    assert_eq!(placed(&mut rig).len(), 1);
}

/// Logged in again, and the gateway leaves this out of what it is asked for.
fn back_without(rig: &mut Rig, left_out: impl Fn(&Request) -> bool) {
    rig.cut(TRADING);
    rig.forget();
    rig.begin_reconnect(TRADING);
    rig.drop_sent(left_out);
    rig.answer_download();
}

fn is_completed(request: &Request) -> bool {
    matches!(request, Request::CompletedOrdersRequest(_))
}

#[test]
fn a_cancel_and_a_sweep_do_not_wait_for_a_download_that_is_under_way() {
    let mut rig = rig();
    working(&mut rig, "k1");
    back_without(&mut rig, is_completed);
    cancel(&mut rig, "k1");
    assert_eq!(cancelled_so_far(&rig), [1]);
    // A gateway that has just started may not have heard of the order: this is no refusal.
    rig.notice(TRADING, 1, 10_147, "OrderId 1 that needs to be cancelled is not found.");
    rig.forget();
    rig.wait_ms(1_000);
    rig.ask_as("risk", Ask::Halt(Halt { cancel: Sweep::Bridge, reason: None }));
    assert_eq!(cancelled_so_far(&rig), [1]);
}

#[test]
fn a_login_goes_on_without_a_list_of_what_is_over_and_takes_no_new_orders() {
    type IsLeftOut = fn(&Request) -> bool;
    let lists: [(IsLeftOut, &str); 2] = [
        (is_completed, "completed orders"),
        (|request| matches!(request, Request::ExecutionRequest(_)), "the list of executions"),
    ];
    for (left_out, name) in lists {
        let mut rig = rig();
        working(&mut rig, "k1");
        place(&mut rig, ask("doubtful", ""));
        back_without(&mut rig, left_out);
        rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, "k1"), "Submitted"));
        rig.forget();
        let sync_ms = Config::default().timing.sync_ms;
        rig.wait_ms(sync_ms);
        assert!(rig.session.trading.is_ready(), "the socket is kept");
        assert_eq!(told_events(&mut rig), ["lists_missing"]);
        assert!(refusal(&mut rig, "k2").contains(name));
        let health = health(&mut rig);
        assert!(!health.orders && health.data, "{health:?}");
        assert!(health.reasons.iter().any(|reason| reason.contains(name)), "{health:?}");
        cancel(&mut rig, "k1");
        assert_eq!(cancelled_so_far(&rig), [1]);
        // Nothing follows from what such lists leave out.
        rig.wait_ms(2 * sync_ms);
        rig.drop_sent(left_out);
        rig.answer_download();
        rig.wait_ms(Config::default().timing.settle_ms);
        assert_ne!(state_of(&rig, "doubtful"), Some(OrderState::Rejected));
        refusal(&mut rig, "k2");

        rig.forget();
        rig.wait_ms(sync_ms + 1_000);
        rig.answer_download();
        assert_eq!(told_events(&mut rig), ["lists_complete"]);
        rig.forget();
        place(&mut rig, ask("k2", ""));
        assert_eq!(placed(&mut rig).len(), 1, "{name}");
    }
}

#[test]
fn a_login_without_the_list_of_open_orders_is_begun_anew() {
    let mut rig = rig();
    back_without(&mut rig, |request| matches!(request, Request::AllOpenOrdersRequest(_)));
    rig.wait_ms(Config::default().timing.sync_ms);
    assert!(!rig.session.trading.is_ready());
    assert!(rig.session.trading.last_error().is_some_and(|error| error.contains("first download")));
}

#[test]
fn a_sweep_that_was_cut_goes_on_with_the_oldest_order() {
    let mut rig = rig();
    // Their names and their clients say another order.
    for (client, key) in [("alpha", "z"), ("alpha", "m"), ("beta", "a")] {
        place_as(&mut rig, client, ask(key, ""));
    }
    let shown = |rig: &mut Rig| {
        for (order_id, key) in [(1, "z"), (2, "m"), (3, "a")] {
            let order = gateway_order(1, order_id, PERM + i64::from(order_id), key);
            rig.receive(TRADING, open_order(order, "Submitted"));
        }
    };
    shown(&mut rig);
    rig.forget();
    rig.ask_as("risk", Ask::Halt(Halt { cancel: Sweep::Bridge, reason: None }));
    assert_eq!(cancels(&mut rig), [1, 2, 3]);
    rig.cut(TRADING);
    rig.forget();
    rig.begin_reconnect(TRADING);
    shown(&mut rig);
    rig.answer_download();
    assert_eq!(cancels(&mut rig), [1, 2, 3]);
}
