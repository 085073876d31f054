//! Rounds of lists: what they settle, and what they must not.

use super::*;
use crate::{
    config::Config,
    schema::{bridge::BridgeEvent, request::order::CancelOrder},
    session::{Memory, durable::HeldPosition},
    tws::message::{
        account::{Position, PositionEnd},
        order_flow::{OpenOrdersEnd, OrderBound},
    },
};

fn cancel(key: &str) -> Ask {
    Ask::CancelOrder(CancelOrder { key: Some(key.parse().expect("a key")), ..CancelOrder::default() })
}

fn ready() -> Rig {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    rig
}

/// Lets time pass while the gateway answers every list with nothing.
fn wait_s(rig: &mut Rig, seconds: u64) {
    for _ in 0..seconds {
        rig.wait_ms(1_000);
        rig.answer_download();
        rig.sent(TRADING);
    }
}

fn announced(rig: &mut Rig, name: &str) -> Vec<BridgeEvent> {
    let named = |event| match event {
        Event::Bridge(event) if event.event == name => Some(*event),
        _ => None,
    };
    rig.events().into_iter().filter_map(named).collect()
}

fn lists_asked(rig: &mut Rig) -> usize {
    rig.sent(TRADING).iter().filter(|request| matches!(request, Request::CompletedOrdersRequest(_))).count()
}

#[test]
fn an_order_that_complete_lists_leave_out_long_enough_never_reached_ib() {
    let mut rig = ready();
    place(&mut rig, ask("k1", ""));
    rig.cut(TRADING);
    rig.reconnect(TRADING);
    rig.sent(TRADING);
    wait_s(&mut rig, 29);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::OutcomeUnknown));
    wait_s(&mut rig, 20);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Rejected));
    let again = place(&mut rig, ask("k1", ""));
    assert!(answered(rig.reply(again)).repeated);
    assert!(placed(&mut rig).is_empty(), "settled is not free");

    rig.receive(TRADING, status(1, "Submitted", "0"));
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Working), "evidence overturns absence");
}

#[test]
fn an_order_that_worked_is_not_settled_by_absence() {
    let mut rig = ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, status(1, "Submitted", "0"));
    rig.cut(TRADING);
    rig.reconnect(TRADING);
    rig.sent(TRADING);
    wait_s(&mut rig, 120);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::OutcomeUnknown));
}

/// The order worked, is in no list any more, and the account holds this much where it held 10.
fn gone(size: &str) -> Rig {
    let mut rig = ready();
    rig.receive(TRADING, position("10"));
    for _ in 0..3 {
        five_minutes(&mut rig, "10");
    }
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, "k1"), "Submitted"));
    for _ in 0..4 {
        five_minutes(&mut rig, size);
    }
    rig
}

fn settle(rig: &mut Rig, more: &str) -> Option<Outcome> {
    let ask = serde_json::from_str(&format!(r#"{{"key":"k1","reason":"the statement says so"{more}}}"#));
    let token = rig.ask_as("desk", Ask::SettleOrder(Box::new(ask.expect("a request"))));
    rig.reply(token)
}

#[test]
fn an_order_that_is_gone_and_moved_no_position_was_cancelled_or_expired() {
    let mut rig = gone("10");
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Cancelled));
    let reason = told(&mut rig).0.last().and_then(|order| order.reason.clone()).expect("a reason");
    assert!(reason.contains("position"), "{reason}");
    assert!(settle(&mut rig, r#","state":"filled""#).expect("answered").is_err(), "it is not in doubt");
    rig.receive(TRADING, completed("k1", "Filled", "100"));
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Filled), "evidence overturns it");
}

#[test]
fn an_order_that_is_gone_and_may_have_moved_the_position_is_settled_by_a_person() {
    let mut rig = gone("110");
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::OutcomeUnknown));
    for bad in [
        r#","state":"rejected","filled":"5""#,
        r#","state":"cancelled","filled":"100""#,
        r#","state":"filled","filled":"7""#,
    ] {
        assert!(settle(&mut rig, bad).expect("answered").is_err(), "{bad}");
    }
    let answer = answered(settle(&mut rig, r#","state":"filled""#));
    assert_eq!(answer.state, OrderState::Filled);
    let reason = answer.order.reason.expect("a reason");
    assert_eq!(reason, "settled by desk: the statement says so");
    let rig = rig.restarted();
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Filled));
}

#[test]
fn a_person_may_say_how_much_of_a_cancelled_order_filled() {
    let mut rig = gone("50");
    let answer = answered(settle(&mut rig, r#","state":"cancelled","filled":"40""#));
    assert_eq!((answer.state, answer.order.filled.to_string()), (OrderState::Cancelled, "40".to_owned()));
    rig.receive(TRADING, status(1, "Submitted", "40"));
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::PartiallyFilled), "evidence overturns a person");
}

#[test]
fn lists_told_while_ib_is_lost_prove_nothing() {
    let mut rig = ready();
    place(&mut rig, ask("k1", ""));
    rig.cut(TRADING);
    rig.begin_reconnect(TRADING);
    rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    rig.answer_download();
    rig.sent(TRADING);
    wait_s(&mut rig, 120);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::OutcomeUnknown), "from the cut, not from the lists");
    rig.notice_all(1102, "Connectivity between IB and TWS has been restored");
    rig.answer_download();
    rig.sent(TRADING);
    wait_s(&mut rig, 45);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Rejected));
}

/// The end of the loss is told while one link is half-open and the other one down: neither hears of it.
#[test]
fn what_became_of_orders_is_asked_for_although_nobody_was_told_that_ib_is_back() {
    for (told, asked_on) in [(LinkName::Data, "the cut of the data link"), (TRADING, "the next login")] {
        let mut rig = ready();
        place(&mut rig, ask("k1", ""));
        rig.cut(TRADING);
        rig.begin_reconnect(TRADING);
        rig.notice(told, -1, 1100, "Connectivity between IB and TWS has been lost.");
        rig.answer_download();
        assert!(rig.session.fence().ib_lost, "one link is enough");
        lists_asked(&mut rig);
        rig.cut(told);
        assert!(!rig.session.fence().ib_lost, "nobody is left to be told of the end");
        if told == LinkName::Data {
            assert_eq!(lists_asked(&mut rig), 1, "at {asked_on}");
            rig.answer_download();
        } else {
            rig.reconnect(TRADING);
        }
        wait_s(&mut rig, 60);
        assert_eq!(state_of(&rig, "k1"), Some(OrderState::Rejected), "since {asked_on}");
    }
}

#[test]
fn a_login_without_ib_keeps_orders_back_when_the_other_link_goes() {
    let mut rig = ready();
    rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    rig.cut(TRADING);
    assert!(rig.session.fence().ib_lost, "the data link was told");
    rig.begin_reconnect(TRADING);
    rig.notice(TRADING, -1, 2110, "Connectivity between Trader Workstation and server is broken.");
    rig.cut(LinkName::Data);
    assert!(rig.session.fence().ib_lost, "the new login was told");
}

#[test]
fn an_order_the_gateway_swallowed_comes_into_doubt_and_is_settled_on_a_link_that_stands() {
    let mut config = Config::default();
    config.timing.reconcile_ms = 60_000;
    let mut rig = Rig::ready_with(config);
    rig.is_alive = true;
    place(&mut rig, ask("k1", ""));
    rig.sent(TRADING);
    wait_s(&mut rig, 61);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Sent), "left out once");
    wait_s(&mut rig, 16);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::OutcomeUnknown));
    wait_s(&mut rig, 32);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Rejected));
}

#[test]
fn the_lists_are_asked_for_on_a_timer_and_one_round_at_a_time() {
    let mut rig = ready();
    rig.wait_ms(299_999);
    assert_eq!(lists_asked(&mut rig), 0);
    rig.wait_ms(1);
    let asked = rig.peek_sent(TRADING);
    rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    rig.notice_all(1102, "Connectivity between IB and TWS has been restored");
    assert_eq!(rig.peek_sent(TRADING), asked, "a round is under way");
    rig.answer_download();
    assert_eq!(lists_asked(&mut rig), 2, "and another follows it");
}

#[test]
fn lists_that_come_too_late_do_not_pass_for_those_of_the_next_round() {
    let mut config = Config::default();
    config.timing.reconcile_ms = 20_000;
    let mut rig = Rig::ready_with(config);
    rig.is_alive = true;
    rig.wait_ms(20_000);
    let late = rig.peek_sent(TRADING);
    rig.wait_ms(15_000);
    place(&mut rig, ask("k1", ""));
    rig.sent(TRADING);
    for ends in 1..=5 {
        rig.wait_ms(20_000);
        if ends == 1 {
            // The round that was given up is answered now: it was told before the order was sent.
            for _ in late.iter().filter(|request| matches!(request, Request::AllOpenOrdersRequest(_))) {
                rig.receive(TRADING, Response::OpenOrdersEnd(OpenOrdersEnd {}));
            }
        }
        assert_eq!(state_of(&rig, "k1"), Some(OrderState::Sent), "no list was told after the order");
    }
}

#[test]
fn lists_that_were_swallowed_hold_up_no_later_verdict() {
    let mut config = Config::default();
    config.timing.reconcile_ms = 60_000;
    let mut rig = Rig::ready_with(config);
    rig.is_alive = true;
    place(&mut rig, ask("k1", ""));
    rig.wait_ms(60_000);
    assert_eq!(lists_asked(&mut rig), 1, "a round has begun");
    // It is never answered, and given up.
    rig.wait_ms(16_000);
    rig.forget();
    wait_s(&mut rig, 240);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Rejected));
}

#[test]
fn an_end_of_open_orders_that_nobody_asked_for_does_not_end_the_first_download() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.cut(TRADING);
    rig.forget();
    rig.begin_reconnect(TRADING);
    let unasked = Response::OpenOrdersEnd(OpenOrdersEnd {});
    rig.receive(TRADING, unasked.clone());
    let asked = rig.sent(TRADING);
    assert_eq!(asked.iter().filter(|request| matches!(request, Request::AllOpenOrdersRequest(_))).count(), 2);
    rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, "k1"), "Submitted"));
    rig.receive(TRADING, unasked.clone());
    rig.receive(TRADING, unasked);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Working));
}

#[test]
fn both_orders_of_one_key_are_announced_once_and_cancelled_together() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, "k1"), "Submitted"));
    rig.forget();
    for _ in 0..2 {
        rig.receive(TRADING, open_order(gateway_order(1, 7, 900, "k1"), "Submitted"));
    }
    let events = rig.events();
    let second = events.iter().find_map(|event| match event {
        Event::Order(event) => Some(event.clone()),
        _ => None,
    });
    let second = second.expect("the second order");
    assert_eq!((second.key.as_str(), second.duplicate_of), ("perm-900", Some("k1".parse().expect("a key"))));
    let told = events.iter().filter(|event| matches!(event, Event::Bridge(event) if event.event == "duplicate_order"));
    assert_eq!(told.count(), 1);
    rig.ask(cancel("k1"));
    let mut asked = cancels(&mut rig);
    asked.sort_unstable();
    assert_eq!(asked, [1, 7]);
}

#[test]
fn a_child_that_waits_is_taken_back_with_its_parent() {
    let mut rig = Rig::ready();
    rig.session.on_write_room(rig.now(), TRADING, false);
    place(&mut rig, ask("parent", r#","transmit":false"#));
    place(&mut rig, ask("child", r#","parent_key":"parent","transmit":false"#));
    place(&mut rig, ask("grandchild", r#","parent_key":"child""#));
    place(&mut rig, ask("other", ""));
    rig.ask(cancel("parent"));
    rig.session.on_write_room(rig.now(), TRADING, true);
    rig.pump();
    let sent: Vec<String> = placed(&mut rig).into_iter().map(|(_, key)| key).collect();
    assert_eq!(sent, ["other"]);
    for key in ["parent", "child", "grandchild"] {
        assert_eq!(state_of(&rig, key), Some(OrderState::Cancelled), "{key}");
    }
}

#[test]
fn a_late_word_from_before_the_acknowledgement_changes_nothing() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, status(1, "Submitted", "0"));
    rig.receive(TRADING, status(1, "PendingSubmit", "0"));
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Working));
}

#[test]
fn inactive_is_the_end_only_with_an_error_or_a_completed_record() {
    let after = |evidence: &dyn Fn(&mut Rig)| {
        let mut rig = Rig::ready();
        place(&mut rig, ask("k1", ""));
        rig.receive(TRADING, status(1, "PreSubmitted", "0"));
        rig.receive(TRADING, status(1, "Inactive", "0"));
        evidence(&mut rig);
        state_of(&rig, "k1").expect("an order")
    };
    assert_eq!(after(&|_| {}), OrderState::Inactive);
    assert_eq!(after(&|rig| rig.receive(TRADING, status(1, "PreSubmitted", "0"))), OrderState::Working);
    assert_eq!(after(&|rig| rig.notice(TRADING, 1, 201, "Order rejected - reason:margin")), OrderState::Rejected);
    assert_eq!(after(&|rig| rig.notice(TRADING, 1, 203, "The security is not available")), OrderState::Rejected);
    assert_eq!(after(&|rig| rig.notice(TRADING, 1, 110, "The price does not conform")), OrderState::Inactive);
    assert_eq!(after(&|rig| rig.notice(TRADING, 1, 404, "Shares are being located")), OrderState::Inactive);
    assert_eq!(after(&|rig| rig.receive(TRADING, completed("k1", "Inactive", "0"))), OrderState::Rejected);
}

#[test]
fn a_bust_takes_its_quantity_back_and_its_older_version_does_not_return() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, execution(-1, 1, "k1", "00a.01.01", "40", "40"));
    rig.receive(TRADING, execution(-1, 1, "k1", "00b.01.01", "20", "60"));
    rig.receive(TRADING, execution(-1, 1, "k1", "00a.01.02", "0", "20"));
    rig.receive(TRADING, execution(-1, 1, "k1", "00a.01.01", "40", "40"));
    let (orders, fills) = told(&mut rig);
    assert_eq!(orders.last().map(|order| order.filled.to_string()), Some("20".to_owned()));
    assert_eq!(fills.iter().filter(|fill| fill.correction == Some(true)).count(), 1);
    assert_eq!(fills.len(), 3);
}

fn position(size: &str) -> Response {
    Response::Position(Box::new(Position {
        account: Some(ACCOUNT.to_owned()),
        contract: Some(apple()),
        position: Some(size.to_owned()),
        avg_cost: Some(1.0),
    }))
}

/// Five minutes in which the lists tell this position and nothing else.
fn five_minutes(rig: &mut Rig, size: &str) {
    for _ in 0..300 {
        rig.wait_ms(1_000);
        answer(rig, size);
    }
}

fn answer(rig: &mut Rig, size: &str) {
    if rig.peek_sent(TRADING).iter().any(|request| matches!(request, Request::PositionsRequest(_))) {
        rig.receive(TRADING, position(size));
        rig.receive(TRADING, Response::PositionEnd(PositionEnd {}));
        rig.drop_sent(|request| matches!(request, Request::PositionsRequest(_)));
    }
    rig.answer_download();
    rig.sent(TRADING);
}

#[test]
fn a_position_that_fills_do_not_explain_is_announced_once_and_its_end_too() {
    let mut rig = ready();
    rig.receive(TRADING, position("10"));
    for _ in 0..3 {
        five_minutes(&mut rig, "10");
    }
    rig.receive(TRADING, execution(-1, 9, "", "00a.01.01", "40", "40"));
    for _ in 0..3 {
        five_minutes(&mut rig, "50");
    }
    assert!(announced(&mut rig, "mismatch").is_empty());
    for _ in 0..4 {
        five_minutes(&mut rig, "70");
    }
    let told = announced(&mut rig, "mismatch");
    assert_eq!(told.len(), 1);
    let message = told[0].message.clone().expect("a message");
    assert!(message.contains("265598") && message.contains("70") && message.contains("50"), "{message}");
    rig.receive(TRADING, execution(-1, 9, "", "00b.01.01", "20", "60"));
    for _ in 0..2 {
        five_minutes(&mut rig, "70");
    }
    assert_eq!(announced(&mut rig, "mismatch_over").len(), 1);
}

#[test]
fn a_fill_missed_between_two_runs_shows_as_a_mismatch() {
    let held = HeldPosition { account: ACCOUNT.to_owned(), con_id: 265_598, size: 10.into() };
    for (now_held, expected) in [("10", 0), ("30", 1)] {
        let mut rig = Rig::with(Config::default());
        let memory = Memory { positions: Some(vec![held.clone()]), ..Memory::default() };
        rig.session.restore(rig.now(), memory);
        rig.is_alive = true;
        rig.log_in(LinkName::Data);
        rig.begin_log_in(TRADING);
        for _ in 0..40 {
            answer(&mut rig, now_held);
            rig.wait_ms(1_000);
        }
        let told = announced(&mut rig, "mismatch");
        assert_eq!(told.len(), expected, "{now_held}: {told:?}");
    }
}

#[test]
fn a_bound_manual_order_can_be_cancelled_by_client_0() {
    let mut config = Config::default();
    config.gateway.trading_client_id = 0;
    config.gateway.bind_manual_orders = true;
    let mut rig = Rig::with(config);
    rig.session.on_timer(rig.now());
    rig.pump();
    rig.log_in(LinkName::Data);
    rig.log_in(LinkName::Trading);
    let asked = rig.sent(TRADING);
    let binds =
        |request: &Request| matches!(request, Request::AutoOpenOrdersRequest(ask) if ask.auto_bind == Some(true));
    assert!(asked.iter().any(binds));
    assert!(asked.iter().any(|request| matches!(request, Request::OpenOrdersRequest(_))));

    rig.receive(TRADING, open_order(gateway_order(0, 0, 901, ""), "Submitted"));
    let bound = OrderBound { perm_id: Some(901), client_id: Some(0), order_id: Some(-3) };
    rig.receive(TRADING, Response::OrderBound(bound));
    let (orders, _) = told(&mut rig);
    assert_eq!(orders.last().map(|order| (order.origin.as_str(), order.order_id)), Some(("tws", Some(-3))));
    rig.ask(cancel("perm-901"));
    assert_eq!(cancels(&mut rig), [-3]);
}

#[test]
fn without_client_0_nothing_is_bound() {
    let mut rig = Rig::with(Config::default());
    rig.session.on_timer(rig.now());
    rig.pump();
    rig.log_in(LinkName::Trading);
    let asked = rig.sent(TRADING);
    let binds =
        |request: &Request| matches!(request, Request::AutoOpenOrdersRequest(_) | Request::OpenOrdersRequest(_));
    assert!(!asked.iter().any(binds));
}
