//! One-shot pictures.

use super::desk::{Desk, names, price};
use crate::{
    schema::{ErrorCode, connection::LinkName, request::market::SnapshotAnswer},
    session::{Answer, Token},
    tws::{Request, Response, message::market_data::TickSnapshotEnd},
};

fn answer(desk: &mut Desk, token: Token) -> SnapshotAnswer {
    match desk.rig.reply(token).expect("an answer").expect("a snapshot") {
        Answer::Snapshot(answer) => *answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn identical_snapshots_share_one_request_and_end_with_it() {
    let mut desk = Desk::new();
    let (first, second) = (desk.ask_snapshot(), desk.ask_snapshot());
    let sent = desk.sent();
    let [Request::MarketDataRequest(ask)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((ask.snapshot, ask.regulatory_snapshot), (Some(true), None));
    let id = ask.req_id.expect("an id");
    desk.hear(price(id, 1, 10.0, "3"));
    assert_eq!(desk.rig.reply(first), None);
    desk.hear(Response::TickSnapshotEnd(TickSnapshotEnd { req_id: Some(id) }));
    for token in [first, second] {
        let answer = answer(&mut desk, token);
        assert_eq!((answer.quote.bid, answer.shared), (Some(10.0), false));
    }
    assert_eq!(desk.list().lines.used, 0);
    assert_eq!(desk.heard().quotes, [], "a snapshot is an answer, no event");
}

#[test]
fn a_running_subscription_answers_at_once() {
    let mut desk = Desk::new();
    let id = desk.stream(&["tick"]);
    for tick_type in [1, 2, 4, 9] {
        desk.hear(price(id, tick_type, 10.0, "3"));
    }
    let token = desk.ask_snapshot();
    assert!(answer(&mut desk, token).shared);
    assert_eq!(desk.sent(), []);
}

#[test]
fn a_complete_picture_does_not_wait_for_the_end() {
    let mut desk = Desk::new();
    let token = desk.ask_snapshot();
    let id = desk.asked();
    for tick_type in [1, 2, 4, 9] {
        desk.hear(price(id, tick_type, 10.0, "3"));
    }
    desk.rig.wait_ms(299);
    assert_eq!(desk.rig.reply(token), None);
    desk.rig.wait_ms(1);
    assert_eq!(answer(&mut desk, token).quote.close, Some(10.0));
    assert_eq!(names(&desk.sent()), ["CancelMarketData"]);
}

#[test]
fn at_the_callers_deadline_there_is_what_there_is() {
    let mut desk = Desk::new();
    let token = desk.ask_snapshot();
    let id = desk.asked();
    desk.hear(price(id, 1, 10.0, "3"));
    desk.rig.wait_ms(10_000);
    assert_eq!(answer(&mut desk, token).quote.bid, Some(10.0));

    let token = desk.ask_snapshot();
    desk.rig.wait_ms(10_000);
    let error = desk.rig.reply(token).expect("an answer").expect_err("nothing came");
    assert_eq!(error.code, ErrorCode::NoData);
    assert_eq!(desk.list().lines.used, 0);
}

#[test]
fn a_refused_or_interrupted_snapshot_says_why() {
    let mut desk = Desk::new();
    let token = desk.ask_snapshot();
    let id = desk.asked();
    desk.notice(id, 354, "Requested market data is not subscribed.");
    assert_eq!(desk.rig.reply(token).expect("an answer").expect_err("refused").code, ErrorCode::NoPermission);

    let token = desk.ask_snapshot();
    desk.rig.cut(LinkName::Data);
    assert_eq!(desk.rig.reply(token).expect("an answer").expect_err("cut").code, ErrorCode::NotReady);
    let token = desk.ask_snapshot();
    assert_eq!(desk.rig.reply(token).expect("an answer").expect_err("down").code, ErrorCode::NotReady);
}
