//! Modifications: sent once, ended by evidence, and never the end of the order.

use super::*;
use crate::schema::{
    ErrorCode,
    request::order::{CancelOrder, Modification, ModifyOrder},
};

fn working() -> Rig {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", r#","outside_regular_hours":true"#));
    rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, "k1"), "Submitted"));
    rig.forget();
    rig
}

fn modify(rig: &mut Rig, more: &str) -> Token {
    let ask: ModifyOrder = serde_json::from_str(&format!(r#"{{"key":"k1",{more}}}"#)).expect("a request");
    rig.ask(Ask::ModifyOrder(Box::new(ask)))
}

fn shown(price: f64, quantity: &str) -> Response {
    let quantity = Some(quantity.to_owned());
    open_order(
        Order { lmt_price: Some(price), total_quantity: quantity, ..gateway_order(1, 1, PERM, "k1") },
        "Submitted",
    )
}

#[track_caller]
fn outcome(rig: &mut Rig, token: Token) -> (Modification, bool, u32) {
    let answer = answered(rig.reply(token));
    (answer.modification.expect("an outcome"), answer.repeated, answer.order.revision)
}

#[test]
fn a_modification_is_the_whole_order_again_under_its_number() {
    let mut rig = working();
    let token = modify(&mut rig, r#""limit_price":181.25,"quantity":"50""#);
    let sent = rig.sent(TRADING);
    let Some(Request::PlaceOrderRequest(request)) = sent.first() else { panic!("{sent:?}") };
    let order = request.order.as_ref().expect("an order");
    assert_eq!(request.order_id, Some(1));
    assert_eq!((order.lmt_price, order.total_quantity.as_deref()), (Some(181.25), Some("50")));
    assert_eq!((order.outside_rth, order.transmit, order.exempt_code), (Some(true), Some(true), Some(-1)));
    assert_eq!(order.order_ref.as_deref(), Some("k1"));
    // A late report of the order as it was proves nothing.
    rig.receive(TRADING, shown(180.5, "100"));
    assert!(rig.reply(token).is_none());
    rig.receive(TRADING, shown(181.25, "50"));
    assert_eq!(outcome(&mut rig, token), (Modification::Accepted, false, 2));
}

#[test]
fn the_same_modification_again_sends_nothing() {
    let mut rig = working();
    let first = modify(&mut rig, r#""limit_price":181,"modify_id":"m1""#);
    let twin = modify(&mut rig, r#""limit_price":181,"modify_id":"m1""#);
    assert_eq!(placed(&mut rig).len(), 1);
    rig.receive(TRADING, shown(181.0, "100"));
    assert_eq!(outcome(&mut rig, first), (Modification::Accepted, false, 2));
    assert_eq!(outcome(&mut rig, twin), (Modification::Accepted, true, 2));
    rig.receive(TRADING, shown(182.0, "100"));
    let late = modify(&mut rig, r#""limit_price":181,"modify_id":"m1""#);
    assert_eq!(outcome(&mut rig, late), (Modification::Accepted, true, 3), "though it was changed since");
    let unnamed = modify(&mut rig, r#""limit_price":182"#);
    assert_eq!(outcome(&mut rig, unnamed), (Modification::Unchanged, true, 3));
    let other = modify(&mut rig, r#""limit_price":183,"modify_id":"m1""#);
    assert!(rig.reply(other).expect("answered").is_err());
    assert!(placed(&mut rig).is_empty());
}

#[track_caller]
fn check_refused(rig: &mut Rig, more: &str, code: ErrorCode, begins: &str) {
    let token = modify(rig, more);
    let error = rig.reply(token).expect("answered").expect_err("refused");
    assert_eq!(error.code, code, "{error}");
    assert!(error.message.starts_with(begins), "{error}");
    assert!(placed(rig).is_empty());
}

#[test]
fn what_may_not_be_changed_is_refused_with_the_field() {
    let mut rig = working();
    let invalid = ErrorCode::InvalidRequest;
    check_refused(&mut rig, r#""stop_price":1"#, invalid, "stop_price:");
    check_refused(&mut rig, r#""trailing_amount":1"#, invalid, "trailing_amount:");
    check_refused(&mut rig, r#""quantity":"0""#, invalid, "quantity:");
    check_refused(&mut rig, r#""tif":"gtd""#, invalid, "good_till:");
    check_refused(&mut rig, r#""transmit":false"#, invalid, "transmit:");
    check_refused(
        &mut rig,
        r#""limit_price":1,"expected_revision":2"#,
        invalid,
        "expected_revision: the order is at revision 1",
    );
    assert!(serde_json::from_str::<ModifyOrder>(r#"{"key":"k1","side":"sell"}"#).is_err());
    modify(&mut rig, r#""limit_price":181"#);
    rig.forget();
    check_refused(&mut rig, r#""limit_price":182"#, ErrorCode::Busy, "another modification");
    rig.receive(TRADING, execution(-1, 1, "k1", "0001.01.01.01", "40", "40"));
    rig.notice(TRADING, 1, 110, "The price does not conform");
    check_refused(&mut rig, r#""quantity":"40""#, invalid, "quantity: 40 are filled already");
}

#[test]
fn an_order_that_ends_meanwhile_was_changed_too_late() {
    let mut rig = working();
    let token = modify(&mut rig, r#""limit_price":181"#);
    rig.receive(TRADING, execution(-1, 1, "k1", "0001.01.01.01", "100", "100"));
    assert_eq!(outcome(&mut rig, token).0, Modification::TooLate);
    let after = modify(&mut rig, r#""limit_price":182"#);
    assert_eq!(outcome(&mut rig, after).0, Modification::TooLate);
}

#[test]
fn a_modification_that_was_cut_off_is_settled_by_the_next_report() {
    let mut rig = working();
    rig.is_alive = true;
    let token = modify(&mut rig, r#""limit_price":181"#);
    rig.cut(TRADING);
    assert!(rig.reply(token).is_none());
    rig.reconnect(TRADING);
    rig.receive(TRADING, shown(181.0, "100"));
    assert_eq!(outcome(&mut rig, token).0, Modification::Accepted);
    assert!(placed(&mut rig).len() <= 1, "never sent again");
}

#[test]
fn a_modification_that_has_not_left_does_not_follow_a_cancel() {
    let mut rig = working();
    rig.is_disk_slow = true;
    let token = modify(&mut rig, r#""limit_price":181"#);
    let cancel = CancelOrder { key: Some("k1".parse().expect("a key")), ..CancelOrder::default() };
    rig.ask(Ask::CancelOrder(cancel));
    assert!(rig.reply(token).expect("answered").is_err());
    rig.sync_disk();
    let sent = rig.sent(TRADING);
    assert!(matches!(sent.as_slice(), [Request::CancelOrderRequest(_)]), "{sent:?}");
}

#[test]
fn a_modification_that_has_not_left_does_not_follow_the_end_of_its_order() {
    let mut rig = working();
    rig.is_disk_slow = true;
    let token = modify(&mut rig, r#""limit_price":181,"modify_id":"m1""#);
    rig.receive(TRADING, execution(-1, 1, "k1", "0001.01.01.01", "100", "100"));
    assert_eq!(outcome(&mut rig, token), (Modification::TooLate, false, 1));
    rig.sync_disk();
    assert!(placed(&mut rig).is_empty(), "a gateway whose ids have fallen back would take it for a new order");
    let again = modify(&mut rig, r#""limit_price":181,"modify_id":"m1""#);
    assert_eq!(outcome(&mut rig, again), (Modification::TooLate, true, 1));
}

#[test]
fn an_order_held_back_is_answered_as_held_and_let_go_by_a_modification() {
    let mut rig = Rig::ready();
    let token = place(&mut rig, ask("k1", r#","transmit":false"#));
    assert!(rig.reply(token).is_none());
    rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, "k1"), "PendingSubmit"));
    let answer = answered(rig.reply(token));
    assert_eq!((answer.state, answer.order.held), (OrderState::Sent, Some(true)));
    rig.forget();
    let release = modify(&mut rig, r#""transmit":true"#);
    assert_eq!(placed(&mut rig).len(), 1);
    rig.receive(TRADING, shown(180.5, "100"));
    let answer = answered(rig.reply(release));
    assert_eq!((answer.modification, answer.order.held), (Some(Modification::Accepted), None));
    assert_eq!(answer.state, OrderState::Working);
}
