//! Incidents, one script each.

use super::*;
use crate::{
    config::Config,
    schema::{
        ErrorCode,
        request::{
            account::ExecutionsRequest,
            order::{CancelOrder, ListOrders, OrderFilter},
        },
    },
};

fn cancel(key: &str) -> Ask {
    Ask::CancelOrder(CancelOrder { key: Some(key.parse().expect("a key")), ..CancelOrder::default() })
}

#[test]
fn an_order_is_written_once_and_answered_at_the_first_evidence() {
    let mut rig = Rig::ready();
    let token = place(&mut rig, ask("k1", ""));
    let sent = rig.sent(TRADING);
    let [Request::PlaceOrderRequest(request)] = sent.as_slice() else { panic!("{sent:?}") };
    let order = request.order.clone().expect("an order");
    assert_eq!(order.total_quantity.as_deref(), Some("100.0"), "the caller's digits");
    assert_eq!((order.order_ref.as_deref(), order.transmit), (Some("k1"), Some(true)));
    assert_eq!(order.account.as_deref(), Some(ACCOUNT), "the only account");
    assert_eq!(states(&mut rig), [OrderState::Journaled, OrderState::Sent]);
    assert!(rig.reply(token).is_none());

    rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, "k1"), "PendingSubmit"));
    assert!(rig.reply(token).is_none(), "the gateway has not heard from IB");
    rig.receive(TRADING, status(1, "Submitted", "0"));
    let answer = answered(rig.reply(token));
    assert_eq!((answer.state, answer.repeated), (OrderState::Working, false));
    assert_eq!((answer.order.perm_id, answer.order.order_id), (Some(PERM), Some(1)));
    assert_eq!(answer.order.stop_price, None, "a price the type does not have");
}

#[test]
fn a_repeat_sends_nothing_and_another_order_is_refused() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", r#","wait_for":"sent""#));
    let again = place(&mut rig, ask("k1", r#","wait_for":"sent","timeout_ms":7"#));
    let answer = answered(rig.reply(again));
    assert_eq!((answer.state, answer.repeated), (OrderState::Sent, true));
    let other = place(&mut rig, ask("k1", r#","tif":"gtc""#));
    let refusal = rig.reply(other).expect("a reply").expect_err("a refusal");
    assert_eq!(refusal.code, ErrorCode::InvalidRequest);
    assert!(refusal.message.contains("tif"), "{}", refusal.message);
    assert_eq!(placed(&mut rig).len(), 1);
}

#[test]
fn two_callers_at_once_share_one_order_while_its_contract_is_looked_up() {
    let mut rig = Rig::ready();
    let first = rig.ask(Ask::PlaceOrder(Box::new(ask("k1", ""))));
    let second = rig.ask(Ask::PlaceOrder(Box::new(ask("k1", r#","wait_for":"sent""#))));
    assert!(placed(&mut rig).is_empty());
    let command = {
        let mut command = rig.command("", Ask::PlaceOrder(Box::new(ask("k1", ""))));
        command.token = first;
        command
    };
    let listing = rig.stock(265_598, "AAPL");
    rig.session.run_resolved(&command, Ok(listing));
    rig.wait_ms(1);
    rig.session.on_timer(rig.now());
    rig.wait_ms(1);
    rig.receive(TRADING, status(1, "Submitted", "0"));
    assert_eq!(placed(&mut rig).len(), 1);
    assert!(!answered(rig.reply(first)).repeated);
    assert!(answered(rig.reply(second)).repeated);
}

#[test]
fn a_key_is_free_again_when_the_contract_is_unknown_or_nobody_waits_any_more() {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    let first = rig.ask(Ask::PlaceOrder(Box::new(ask("k1", ""))));
    let second = rig.ask(Ask::PlaceOrder(Box::new(ask("k1", ""))));
    rig.wait_ms(60_000);
    for token in [first, second] {
        let refusal = rig.reply(token).expect("a reply").expect_err("a refusal");
        assert_ne!(refusal.code, ErrorCode::OutcomeUnknown, "nothing was sent");
    }
    assert!(placed(&mut rig).is_empty());
    place(&mut rig, ask("k1", ""));
    assert_eq!(placed(&mut rig).len(), 1);
}

#[test]
fn a_refused_order_leaves_its_key_free() {
    let mut rig = Rig::ready();
    let wrong = place(&mut rig, ask("k1", r#","stop_price":3"#));
    let refusal = rig.reply(wrong).expect("a reply").expect_err("a refusal");
    assert!(refusal.message.starts_with("stop_price"), "{}", refusal.message);
    place(&mut rig, ask("k1", ""));
    assert_eq!(placed(&mut rig).len(), 1);
}

#[test]
fn fences_refuse_before_anything_is_sent() {
    let mut rig = Rig::ready();
    rig.session.on_congestion(true);
    let congested = place(&mut rig, ask("k1", ""));
    rig.session.on_congestion(false);
    rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    let lost = place(&mut rig, ask("k1", ""));
    rig.cut(TRADING);
    let down = place(&mut rig, ask("k1", ""));
    let codes = [congested, lost, down].map(|token| rig.reply(token).expect("a reply").expect_err("refused").code);
    assert_eq!(codes, [ErrorCode::Busy, ErrorCode::NotReady, ErrorCode::NotReady]);
    assert!(placed(&mut rig).is_empty());
}

#[test]
fn an_order_that_fills_at_once_needs_no_status() {
    let mut rig = Rig::ready();
    let token = place(&mut rig, ask("k1", r#","wait_for":"final""#));
    rig.events();
    rig.receive(TRADING, execution(-1, 1, "k1", "00a.01.01", "40", "40"));
    rig.receive(TRADING, commission("00a.01.01", 1.0));
    rig.receive(TRADING, commission("00b.01.01", 1.5));
    rig.receive(TRADING, execution(-1, 1, "k1", "00b.01.01", "60", "100"));
    let answer = answered(rig.reply(token));
    assert_eq!((answer.state, answer.order.filled.as_str()), (OrderState::Filled, "100"));
    let (orders, fills) = told(&mut rig);
    assert_eq!(
        orders.iter().map(|event| event.state).collect::<Vec<_>>(),
        [OrderState::PartiallyFilled, OrderState::Filled]
    );
    let commissions: Vec<_> = fills.iter().map(|fill| (fill.exec_id.as_str(), fill.commission)).collect();
    assert_eq!(commissions, [("00a.01.01", None), ("00a.01.01", Some(1.0)), ("00b.01.01", Some(1.5))]);
    assert!(fills.iter().all(|fill| fill.recovered.is_none() && fill.realized_pnl.is_none()));
    assert_eq!(fills[0].event_us, Some(1_800_000_001_000_000));
}

#[test]
fn a_correction_replaces_its_fill_and_an_older_version_does_not() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.events();
    for version in ["01", "02", "01", "02", "10", "09"] {
        rig.receive(TRADING, execution(-1, 1, "k1", &format!("00a.01.{version}"), "40", "40"));
    }
    let (_, fills) = told(&mut rig);
    let published: Vec<_> = fills.iter().map(|fill| (fill.exec_id.as_str(), fill.correction)).collect();
    assert_eq!(published, [("00a.01.01", None), ("00a.01.02", Some(true)), ("00a.01.10", Some(true))]);
    let token = rig.ask(Ask::Executions(ExecutionsRequest::default()));
    let Some(Ok(Answer::Executions(answer))) = rig.reply(token) else { panic!("no executions") };
    assert_eq!(answer.fills.len(), 1, "the newest version");
}

#[test]
fn a_code_that_kills_a_new_order_leaves_a_working_one_alive() {
    for (code, text) in [(110, "price variation"), (105, "modified"), (321, "invalid"), (434, "size"), (329, "type")] {
        let mut rig = Rig::ready();
        let token = place(&mut rig, ask("k1", ""));
        rig.notice(TRADING, 1, code, text);
        let answer = answered(rig.reply(token));
        assert_eq!((answer.state, answer.order.ib_code), (OrderState::Rejected, Some(code)));
        assert_eq!(answer.order.reason.as_deref(), Some(text));

        let mut rig = Rig::ready();
        place(&mut rig, ask("k1", ""));
        rig.receive(TRADING, status(1, "Submitted", "0"));
        rig.notice(TRADING, 1, code, text);
        assert_eq!(state_of(&rig, "k1"), Some(OrderState::Working), "{code}");
    }
}

#[test]
fn holds_and_warnings_keep_the_order_alive_with_their_reason() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.events();
    rig.notice(TRADING, 1, 399, "Warning: your order will not be placed at the exchange until 09:30:00");
    let (orders, _) = told(&mut rig);
    assert_eq!((orders[0].state, orders[0].ib_code), (OrderState::Sent, Some(399)));
    rig.receive(TRADING, status(1, "Inactive", "0"));
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Inactive), "not final by itself");
    rig.notice(TRADING, 1, 201, "Order rejected - reason:no funds");
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Rejected));
}

#[test]
fn what_was_queued_when_the_link_fell_was_not_sent_and_says_so() {
    let mut rig = Rig::ready();
    rig.session.on_write_room(rig.now(), TRADING, false);
    let token = place(&mut rig, ask("k1", ""));
    assert_eq!(states(&mut rig), [OrderState::Journaled]);
    rig.cut(TRADING);
    let answer = answered(rig.reply(token));
    assert_eq!(answer.state, OrderState::Rejected);
    assert_eq!(answer.order.reason.as_deref(), Some("not sent: link lost"));
    rig.reconnect(TRADING);
    assert!(placed(&mut rig).is_empty());
}

#[test]
fn what_was_sent_when_the_link_fell_is_in_doubt_until_evidence_settles_it() {
    let settled = [
        (open_order(gateway_order(1, 1, PERM, "k1"), "Submitted"), OrderState::Working),
        (completed("k1", "Filled", "100"), OrderState::Filled),
        (completed("k1", "Cancelled", "0"), OrderState::Cancelled),
        (completed("k1", "Inactive", "0"), OrderState::Rejected),
        (execution(1, 1, "k1", "00a.01.01", "100", "100"), OrderState::Filled),
    ];
    for (evidence, expected) in settled {
        let mut rig = Rig::ready();
        place(&mut rig, ask("k1", ""));
        rig.cut(TRADING);
        assert_eq!(states(&mut rig).last(), Some(&OrderState::OutcomeUnknown));
        rig.forget();
        rig.begin_reconnect(TRADING);
        rig.receive(TRADING, evidence);
        rig.answer_download();
        let (orders, _) = told(&mut rig);
        assert_eq!(orders.last().map(|event| event.state), Some(expected));
        assert!(placed(&mut rig).is_empty(), "never again");
    }
}

#[test]
fn an_order_nobody_mentions_stays_in_doubt_and_is_never_sent_again() {
    let mut rig = Rig::ready();
    let waiting = place(&mut rig, ask("k1", ""));
    rig.cut(TRADING);
    assert!(rig.reply(waiting).is_none(), "the next download may settle it");
    rig.forget();
    rig.reconnect(TRADING);
    let answer = answered(rig.reply(waiting));
    assert_eq!(answer.state, OrderState::OutcomeUnknown);
    let again = place(&mut rig, ask("k1", ""));
    assert_eq!(answered(rig.reply(again)).state, OrderState::OutcomeUnknown);
    assert!(placed(&mut rig).is_empty());
    // IB may still show it later.
    rig.receive(TRADING, status(1, "Submitted", "0"));
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Working));
}

#[test]
fn an_order_that_left_the_list_of_open_orders_is_in_doubt() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, status(1, "Submitted", "0"));
    rig.cut(TRADING);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Working), "orders at IB survive a lost link");
    rig.reconnect(TRADING);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::OutcomeUnknown));
}

#[test]
fn fills_missed_during_an_outage_are_recovered_with_their_own_time() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, execution(-1, 1, "k1", "00a.01.01", "40", "40"));
    rig.cut(TRADING);
    rig.forget();
    rig.begin_reconnect(TRADING);
    let id = |request: &Request| match request {
        Request::ExecutionRequest(ask) => ask.req_id,
        _ => None,
    };
    let req_id = rig.peek_sent(TRADING).iter().find_map(id).expect("executions were asked for");
    rig.receive(TRADING, execution(req_id, 1, "k1", "00a.01.01", "40", "40"));
    rig.receive(TRADING, execution(req_id, 1, "k1", "00b.01.01", "60", "100"));
    rig.answer_download();
    let (orders, fills) = told(&mut rig);
    assert_eq!(fills.len(), 1);
    assert_eq!((fills[0].exec_id.as_str(), fills[0].recovered), ("00b.01.01", Some(true)));
    assert_eq!(orders.last().map(|event| event.state), Some(OrderState::Filled));
    assert_eq!(orders[0].after_gap, Some(true));
}

#[test]
fn a_caller_whose_deadline_passed_is_told_what_is_known() {
    let mut rig = Rig::ready();
    let token = place(&mut rig, ask("k1", ""));
    rig.wait_ms(9_999);
    assert!(rig.reply(token).is_none());
    rig.wait_ms(1);
    assert_eq!(answered(rig.reply(token)).state, OrderState::Sent);
    rig.receive(TRADING, status(1, "Submitted", "0"));
    assert!(rig.reply(token).is_none(), "answered once");
}

#[test]
fn a_cancel_goes_through_while_ib_is_lost_and_at_most_once_a_second() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, status(1, "Submitted", "0"));
    rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    rig.forget();
    let first = rig.ask(cancel("k1"));
    let second = rig.ask(cancel("k1"));
    assert_eq!(cancels(&mut rig), [1]);
    rig.wait_ms(1_000);
    rig.ask(cancel("k1"));
    assert_eq!(cancels(&mut rig), [1]);
    assert_eq!(states(&mut rig), [OrderState::CancelPending]);
    rig.notice(TRADING, 1, 202, "Order Canceled - reason:");
    rig.receive(TRADING, status(1, "Cancelled", "0"));
    assert_eq!(answered(rig.reply(first)).state, OrderState::Cancelled);
    assert_eq!(answered(rig.reply(second)).state, OrderState::Cancelled);
    let late = rig.ask(cancel("k1"));
    assert!(answered(rig.reply(late)).repeated);
    assert!(cancels(&mut rig).is_empty());
}

#[test]
fn a_cancel_that_came_too_late_is_answered_and_kills_nothing() {
    for code in [161, 10_147, 10_148] {
        let mut rig = Rig::ready();
        place(&mut rig, ask("k1", ""));
        rig.receive(TRADING, status(1, "Submitted", "0"));
        let token = rig.ask(cancel("k1"));
        rig.notice(TRADING, 1, code, "cannot be cancelled");
        let answer = answered(rig.reply(token));
        assert_eq!((answer.state, answer.order.ib_code), (OrderState::Working, Some(code)));
        rig.receive(TRADING, execution(-1, 1, "k1", "00a.01.01", "100", "100"));
        assert_eq!(state_of(&rig, "k1"), Some(OrderState::Filled));
    }
}

#[test]
fn an_order_that_still_waits_is_cancelled_without_a_message() {
    let mut rig = Rig::ready();
    rig.session.on_write_room(rig.now(), TRADING, false);
    place(&mut rig, ask("k1", ""));
    let token = rig.ask(cancel("k1"));
    assert_eq!(answered(rig.reply(token)).state, OrderState::Cancelled);
    rig.session.on_write_room(rig.now(), TRADING, true);
    assert!(rig.sent(TRADING).is_empty());
}

#[test]
fn orders_of_others_are_seen_with_their_origin_and_cannot_be_cancelled_here() {
    let mut rig = Rig::ready();
    let nameless = Order { perm_id: Some(0), ..gateway_order(0, 0, 0, "") };
    rig.receive(TRADING, open_order(nameless, "PreSubmitted"));
    assert!(told(&mut rig).0.is_empty(), "held until it has a number");
    rig.receive(TRADING, open_order(gateway_order(0, 0, 501, ""), "Submitted"));
    rig.receive(TRADING, open_order(gateway_order(9, 4, 502, "theirs"), "Submitted"));
    rig.receive(TRADING, open_order(gateway_order(1, 40, 503, "earlier"), "Submitted"));
    let (orders, _) = told(&mut rig);
    let seen: Vec<_> = orders.iter().map(|event| (event.key.as_str(), event.origin.as_str())).collect();
    assert_eq!(seen, [("perm-501", "tws"), ("perm-502", "client-9"), ("earlier", "bridge")]);

    let token = rig.ask(cancel("perm-502"));
    let refusal = rig.reply(token).expect("a reply").expect_err("a refusal");
    assert!(refusal.message.contains("client-9"), "{}", refusal.message);

    let known = place(&mut rig, ask("earlier", ""));
    assert!(answered(rig.reply(known)).repeated, "a key of an earlier run");
    place(&mut rig, ask("k1", ""));
    assert_eq!(placed(&mut rig), [(41, "k1".to_owned())], "above every id seen");

    let token = rig.ask(Ask::ListOrders(ListOrders { filter: OrderFilter::All, ..ListOrders::default() }));
    let Some(Ok(Answer::Orders(list))) = rig.reply(token) else { panic!("no list") };
    assert_eq!(list.orders.len(), 4);
}

#[test]
fn order_ids_never_go_back_although_the_gateways_next_id_does() {
    let mut rig = Rig::ready();
    for key in ["k1", "k2"] {
        place(&mut rig, ask(key, ""));
    }
    rig.cut(TRADING);
    rig.forget();
    // The scripted login offers order id 1 again.
    rig.reconnect(TRADING);
    place(&mut rig, ask("k3", ""));
    assert_eq!(placed(&mut rig), [(3, "k3".to_owned())]);
}

#[test]
fn a_read_only_gateway_lets_the_bridge_start_and_orders_are_refused_with_its_words() {
    let mut rig = Rig::with(Config::default());
    rig.begin_log_in(TRADING);
    let text = "Error validating request.-'cA' : cause - The API interface is currently in Read-Only mode.";
    rig.notice(TRADING, -1, 321, text);
    let refused =
        |request: &Request| matches!(request, Request::AllOpenOrdersRequest(_) | Request::CompletedOrdersRequest(_));
    rig.drop_sent(refused);
    rig.answer_download();
    assert!(rig.session.orders.is_synced());
    let token = place(&mut rig, ask("k1", ""));
    let refusal = rig.reply(token).expect("a reply").expect_err("a refusal");
    assert_eq!(refusal.code, ErrorCode::NotReady);
    assert!(refusal.message.contains("Read-Only"), "{}", refusal.message);
    assert!(placed(&mut rig).is_empty());
}

#[test]
fn a_child_names_its_parents_order_id() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("parent", r#","transmit":false"#));
    place(&mut rig, ask("child", r#","parent_key":"parent""#));
    let orphan = place(&mut rig, ask("orphan", r#","parent_key":"nobody""#));
    let sent = rig.sent(TRADING);
    let [_, Request::PlaceOrderRequest(child)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(child.order.as_ref().and_then(|order| order.parent_id), Some(1));
    let refusal = rig.reply(orphan).expect("a reply").expect_err("a refusal");
    assert!(refusal.message.starts_with("parent_key"), "{}", refusal.message);
}

#[test]
fn a_state_that_comes_before_its_order_is_kept_for_it() {
    let mut rig = Rig::ready();
    let early = OrderStatus {
        order_id: Some(4),
        client_id: Some(9),
        perm_id: Some(502),
        status: Some("Submitted".to_owned()),
        filled: Some("30".to_owned()),
        ..OrderStatus::default()
    };
    rig.receive(TRADING, Response::OrderStatus(Box::new(early)));
    assert!(told(&mut rig).0.is_empty());
    rig.receive(TRADING, open_order(gateway_order(9, 4, 502, ""), "PreSubmitted"));
    assert_eq!(state_of(&rig, "perm-502"), Some(OrderState::PartiallyFilled));
}

#[test]
fn a_false_refusal_is_undone_by_the_order_working() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.notice(TRADING, 1, 200, "No security definition has been found for the request");
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Rejected));
    rig.receive(TRADING, status(1, "Submitted", "0"));
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Working));
    assert_eq!(placed(&mut rig).len(), 1);
}

#[test]
fn a_second_broker_order_of_one_key_is_seen_under_its_own_number() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, "k1"), "Submitted"));
    rig.receive(TRADING, open_order(gateway_order(1, 7, 900, "k1"), "Submitted"));
    rig.receive(TRADING, status(1, "Filled", "100"));
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Filled));
    assert_eq!(state_of(&rig, "perm-900"), Some(OrderState::Working));
}

#[test]
fn a_fill_after_the_cancel_is_told_and_counted() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.notice(TRADING, 1, 202, "Order Canceled - reason:");
    rig.receive(TRADING, execution(-1, 1, "k1", "00a.01.01", "40", "40"));
    let (orders, fills) = told(&mut rig);
    let last = orders.last().expect("an event");
    assert_eq!((last.state, last.filled.as_str(), fills.len()), (OrderState::Cancelled, "40", 1));
}

#[test]
fn the_legs_of_a_combo_are_marked_and_do_not_count_as_its_quantity() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, execution(-1, 1, "k1", "00a.1.2.01.01", "100", "100"));
    let (_, fills) = told(&mut rig);
    assert_eq!(fills[0].combo_leg, Some(true));
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Sent));
}

#[test]
fn an_order_id_that_is_too_low_kills_its_order_and_raises_the_next_one() {
    let mut rig = Rig::ready();
    let token = place(&mut rig, ask("k1", ""));
    rig.forget();
    rig.notice(TRADING, 1, 103, "Duplicate order id");
    assert_eq!(answered(rig.reply(token)).state, OrderState::Rejected);
    assert!(matches!(rig.sent(TRADING).as_slice(), [Request::IdsRequest(_)]));
    let next = crate::tws::message::login::NextValidId { order_id: Some(50) };
    rig.receive(TRADING, Response::NextValidId(next));
    place(&mut rig, ask("k2", ""));
    assert_eq!(placed(&mut rig), [(50, "k2".to_owned())]);
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Rejected));
}
