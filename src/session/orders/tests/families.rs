//! Brackets, OCA groups, cancels of many orders and estimates.

use super::*;
use crate::{
    schema::{
        ErrorCode,
        request::order::{Bracket, CancelAll, CancelAllAnswer, CancelOrder, Oca, OrderAnswers},
    },
    session::Family,
    tws::message::order::OrderCancel,
};

const BRACKET: &str = r#"{"parent":{"key":"b","contract":"CONID:265598","side":"buy","quantity":"100","order_type":"limit",
    "limit_price":180.5},"take_profit":{"limit_price":190},"stop_loss":{"stop_price":170}}"#;

/// Asks for a bracket or a group over contracts that are all looked up at once.
pub(super) fn family(rig: &mut Rig, ask: Ask) -> Token {
    let family = match &ask {
        Ask::Bracket(bracket) => Family::of_bracket(bracket),
        Ask::Oca(oca) => Family::of_oca(oca),
        other => panic!("{other:?}"),
    };
    let Ok(mut family) = family else { return rig.ask(ask) };
    let listing = rig.stock(265_598, "AAPL");
    while family.listings.len() + 1 < family.orders.len() {
        family = family.with(std::sync::Arc::clone(&listing));
    }
    rig.ask_resolved("", Ask::Family(Box::new(family)), &listing)
}

fn bracket(text: &str) -> Ask {
    Ask::Bracket(Box::new(serde_json::from_str::<Bracket>(text).expect("a bracket")))
}

/// Every order message since last taken: number, key, parent, whether it lets the family go.
fn messages(rig: &mut Rig) -> Vec<(i32, String, i32, bool)> {
    let message = |request| match request {
        Request::PlaceOrderRequest(request) => {
            let order = request.order.expect("an order");
            Some((
                request.order_id.expect("an id"),
                order.order_ref.expect("a key"),
                order.parent_id.unwrap_or(0),
                order.transmit == Some(true),
            ))
        }
        _ => None,
    };
    rig.sent(TRADING).into_iter().filter_map(message).collect()
}

#[track_caller]
fn answers(outcome: Option<Outcome>) -> OrderAnswers {
    match outcome {
        Some(Ok(Answer::OrderFamily(answers))) => answers,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bracket_goes_out_parent_first_and_its_last_child_lets_it_go() {
    let mut rig = Rig::ready();
    let token = family(&mut rig, bracket(BRACKET));
    let sent = [(1, "b".to_owned(), 0, false), (2, "b-tp".to_owned(), 1, false), (3, "b-sl".to_owned(), 1, true)];
    assert_eq!(messages(&mut rig), sent);
    for (order_id, key) in [(1, "b"), (2, "b-tp")] {
        rig.receive(TRADING, open_order(gateway_order(1, order_id, PERM + i64::from(order_id), key), "PreSubmitted"));
        assert!(rig.reply(token).is_none(), "until all of them work");
    }
    rig.receive(TRADING, open_order(gateway_order(1, 3, PERM + 3, "b-sl"), "PreSubmitted"));
    let answers = answers(rig.reply(token));
    assert!(answers.orders.iter().all(|answer| answer.state == OrderState::Working && !answer.repeated));
    let again = family(&mut rig, bracket(BRACKET));
    assert!(super::families::answers(rig.reply(again)).orders.iter().all(|answer| answer.repeated));
    assert!(messages(&mut rig).is_empty());
}

#[test]
fn one_order_that_cannot_be_placed_keeps_the_whole_family_back() {
    for (text, named) in [
        (BRACKET.replace("170", "1e999"), ""),
        (BRACKET.replace(r#""stop_price":170"#, r#""trailing_percent":100"#), "b-sl: trailing_percent"),
        (BRACKET.replace(r#""limit_price":190"#, r#""limit_price":190,"tif":"gtd""#), "b-tp: good_till"),
        (BRACKET.replace(r#""limit_price":190"#, r#""limit_price":190,"key":"b""#), "key: b is given twice"),
    ] {
        let Ok(ask) = serde_json::from_str::<Bracket>(&text) else { continue };
        let mut rig = Rig::ready();
        let token = family(&mut rig, Ask::Bracket(Box::new(ask)));
        let error = rig.reply(token).expect("answered").expect_err("refused");
        assert_eq!(error.code, ErrorCode::InvalidRequest);
        assert!(error.message.starts_with(named), "{error}");
        assert!(messages(&mut rig).is_empty() && state_of(&rig, "b").is_none());
    }
}

#[test]
fn a_bracket_of_which_one_key_was_used_is_refused_as_a_whole() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("b-sl", ""));
    rig.forget();
    let token = family(&mut rig, bracket(BRACKET));
    assert!(rig.reply(token).expect("answered").is_err());
    assert!(messages(&mut rig).is_empty());
}

#[test]
fn the_children_of_a_parent_that_was_taken_back_never_go_out() {
    let mut rig = Rig::ready();
    rig.is_disk_slow = true;
    let token = family(&mut rig, bracket(BRACKET));
    let cancel = CancelOrder { key: Some("b".parse().expect("a key")), ..CancelOrder::default() };
    rig.ask(Ask::CancelOrder(cancel));
    rig.sync_disk();
    rig.wait_ms(1_000);
    assert!(messages(&mut rig).is_empty());
    for key in ["b", "b-tp", "b-sl"] {
        assert_eq!(state_of(&rig, key), Some(OrderState::Cancelled), "{key}");
    }
    assert_eq!(answers(rig.reply(token)).orders.len(), 3);
}

#[test]
fn a_disk_that_fails_keeps_the_whole_family_back() {
    let mut rig = Rig::ready();
    rig.is_disk_slow = true;
    let token = family(&mut rig, bracket(BRACKET));
    rig.fail_disk("the disk is full");
    assert!(rig.reply(token).expect("answered").is_err());
    rig.wait_ms(1_000);
    assert!(messages(&mut rig).is_empty() && state_of(&rig, "b-tp").is_none());
    assert!(states(&mut rig).is_empty(), "nothing is told of what was not written");
    let mut next = rig.restarted();
    next.log_in(LinkName::Data);
    next.log_in(TRADING);
    assert!(state_of(&next, "b").is_none() && state_of(&next, "b-tp").is_none());
}

#[test]
fn an_oca_group_names_group_and_type_on_every_order() {
    let mut rig = Rig::ready();
    let order = |key: &str| {
        format!(
            r#"{{"key":"{key}","contract":"CONID:265598","side":"buy","quantity":"100","order_type":"limit","limit_price":1}}"#
        )
    };
    let text = format!(r#"{{"group":"g","oca_type":"reduce_non_block","orders":[{},{}]}}"#, order("o1"), order("o2"));
    family(&mut rig, Ask::Oca(Box::new(serde_json::from_str::<Oca>(&text).expect("a group"))));
    let groups: Vec<_> = rig
        .sent(TRADING)
        .into_iter()
        .filter_map(|request| match request {
            Request::PlaceOrderRequest(request) => request.order.map(|order| (order.oca_group, order.oca_type)),
            _ => None,
        })
        .collect();
    assert_eq!(groups, vec![(Some("g".to_owned()), Some(3)); 2]);
}

fn cancel_all(rig: &mut Rig, client: &str, text: &str) -> Token {
    rig.ask_as(client, Ask::CancelAll(serde_json::from_str::<CancelAll>(text).expect("a request")))
}

#[test]
fn a_client_cancels_its_own_orders_and_is_told_when_they_are_over() {
    let mut rig = Rig::ready();
    for (client, key) in [("alpha", "a1"), ("beta", "b1"), ("alpha", "a2")] {
        place_as(&mut rig, client, ask(key, ""));
    }
    for order_id in 1..=3 {
        rig.receive(TRADING, status(order_id, "Submitted", "0"));
    }
    rig.forget();
    let token = cancel_all(&mut rig, "alpha", r#"{"scope":"client"}"#);
    assert_eq!(cancels(&mut rig), [1, 3]);
    rig.notice(TRADING, 1, 202, "Order Canceled - reason:");
    assert!(rig.reply(token).is_none());
    rig.notice(TRADING, 3, 202, "Order Canceled - reason:");
    let Some(Ok(Answer::CancelAll(CancelAllAnswer { done, left_alone, orders }))) = rig.reply(token) else {
        panic!("no answer")
    };
    assert_eq!((done, left_alone, orders.len()), (true, 1, 2));
    let nobody = cancel_all(&mut rig, "", r#"{"scope":"client"}"#);
    assert!(rig.reply(nobody).expect("answered").is_err(), "nobody's orders are nobody's to cancel");
}

#[test]
fn only_a_global_cancel_reaches_the_orders_of_others() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, open_order(gateway_order(0, 0, PERM + 9, ""), "Submitted"));
    rig.forget();
    cancel_all(&mut rig, "", r#"{"scope":"all"}"#);
    assert_eq!(rig.sent(TRADING).len(), 1, "one cancel, of our order");
    cancel_all(&mut rig, "", r#"{"scope":"global"}"#);
    let sent = rig.sent(TRADING);
    let global = |request: &&Request| matches!(request, Request::GlobalCancelRequest(all) if all.order_cancel == Some(OrderCancel::default()));
    assert_eq!(sent.iter().filter(global).count(), 1, "{sent:?}");
}

#[test]
fn a_check_asks_for_an_estimate_and_leaves_nothing_behind() {
    let mut rig = Rig::ready();
    let listing = rig.stock(265_598, "AAPL");
    let token = rig.ask_resolved("", Ask::CheckOrder(Box::new(ask("k1", ""))), &listing);
    let sent = rig.sent(TRADING);
    let Some(Request::PlaceOrderRequest(request)) = sent.first() else { panic!("{sent:?}") };
    let order = request.order.clone().expect("an order");
    assert_eq!((order.what_if, order.transmit), (Some(true), Some(true)));
    let order_state = GatewayState {
        init_margin_change: Some(900.0),
        init_margin_after: Some(f64::MAX),
        commission_and_fees: Some(1.25),
        commission_and_fees_currency: Some("USD".to_owned()),
        warning_text: Some("careful".to_owned()),
        ..with_status("PreSubmitted")
    };
    let echo = OpenOrder {
        order_id: request.order_id,
        contract: Some(apple()),
        order: Some(order),
        order_state: Some(order_state),
    };
    rig.receive(TRADING, Response::OpenOrder(Box::new(echo)));
    let Some(Ok(Answer::OrderCheck(check))) = rig.reply(token) else { panic!("no answer") };
    let margin = check.initial_margin.expect("a margin");
    assert_eq!((margin.before, margin.change, margin.after), (None, Some(900.0), None));
    assert_eq!((check.commission, check.warning.as_deref()), (Some(1.25), Some("careful")));
    assert!(state_of(&rig, "k1").is_none() && !check.key_in_use && states(&mut rig).is_empty());

    let token = rig.ask_resolved("", Ask::CheckOrder(Box::new(ask("k1", ""))), &listing);
    rig.notice(TRADING, 2, 201, "Order rejected - reason:no funds");
    let error = rig.reply(token).expect("answered").expect_err("refused");
    assert_eq!((error.code, error.ib_code), (ErrorCode::RejectedByGateway, Some(201)));
}

#[test]
fn a_key_of_an_attached_order_is_nobody_elses_in_its_family() {
    let order = |key: &str, attached: &str| {
        format!(
            r#"{{"key":"{key}","contract":"CONID:265598","side":"buy","quantity":"100","order_type":"limit",
                "limit_price":1{attached}}}"#
        )
    };
    let stop = |key: &str| format!(r#","attached":{{"stop_loss":{{"key":"{key}","order_type":"STP"}}}}"#);
    for (first, second, named) in [
        (order("o1", &stop("x")), order("o2", &stop("x")), "key: x is given twice"),
        (order("o1", &stop("o2")), order("o2", ""), "key: o2 is given twice"),
        (order("o1", ""), order("o2", &stop("o1")), "key: o1 is given twice"),
    ] {
        let mut rig = Rig::ready();
        let text = format!(r#"{{"group":"g","orders":[{first},{second}]}}"#);
        let token = family(&mut rig, Ask::Oca(Box::new(serde_json::from_str::<Oca>(&text).expect("a group"))));
        let error = rig.reply(token).expect("answered").expect_err("refused");
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::InvalidRequest, named));
        assert!(messages(&mut rig).is_empty() && state_of(&rig, "o1").is_none());
    }
}

#[test]
fn a_parent_that_ends_takes_back_its_own_children_and_no_others() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("p1", r#","transmit":false"#));
    place(&mut rig, ask("p2", r#","transmit":false"#));
    rig.is_disk_slow = true;
    for (key, parent) in [("c1", "p1"), ("c2", "p2"), ("c3", "p1")] {
        place(&mut rig, ask(key, &format!(r#","parent_key":"{parent}""#)));
    }
    rig.notice(TRADING, 1, 202, "Order Canceled - reason:");
    assert_eq!(state_of(&rig, "c1"), Some(OrderState::Cancelled));
    assert_eq!(state_of(&rig, "c3"), Some(OrderState::Cancelled));
    assert_eq!(state_of(&rig, "c2"), Some(OrderState::Journaled));
}
