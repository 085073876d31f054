//! One-shot pictures.

use super::desk::{Desk, names, price};
use crate::{
    schema::{ErrorCode, connection::LinkName, request::market::SnapshotAnswer},
    session::{Answer, Token},
    tws::{
        Request, Response,
        message::market_data::{RerouteMarketDataRequest, TickSnapshotEnd},
    },
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

fn reroute(desk: &mut Desk, req_id: i32) {
    let to = RerouteMarketDataRequest { req_id: Some(req_id), con_id: Some(8_314), exchange: Some("SMART".to_owned()) };
    desk.hear(Response::RerouteMarketDataRequest(to));
}

fn asked_for(request: &Request) -> (i32, Option<i32>, Option<bool>) {
    let Request::MarketDataRequest(ask) = request else { panic!("{request:?}") };
    (ask.req_id.expect("an id"), ask.contract.as_ref().and_then(|contract| contract.con_id), ask.snapshot)
}

#[test]
fn a_rerouted_snapshot_is_of_the_contract_named_and_answered_as_what_was_asked_for() {
    let mut desk = Desk::new();
    let token = desk.ask_snapshot();
    let first = desk.asked();
    reroute(&mut desk, first);
    let sent = desk.sent();
    assert_eq!(names(&sent), ["CancelMarketData", "MarketDataRequest"]);
    let (second, con_id, snapshot) = asked_for(&sent[1]);
    assert_eq!((con_id, snapshot), (Some(8_314), Some(true)));
    desk.notice(first, 300, "Can't find EId with tickerId");
    desk.hear(price(first, 1, 9.0, "3"));
    desk.hear(price(second, 1, 10.0, "3"));
    desk.hear(Response::TickSnapshotEnd(TickSnapshotEnd { req_id: Some(second) }));
    let answer = answer(&mut desk, token);
    assert_eq!((answer.quote.bid, answer.quote.con_id, answer.instrument.con_id), (Some(10.0), 265_598, 265_598));
    assert_eq!(desk.list().lines.used, 0);
}

#[test]
fn a_snapshot_that_is_rerouted_in_circles_is_refused() {
    let mut desk = Desk::new();
    let token = desk.ask_snapshot();
    let first = desk.asked();
    reroute(&mut desk, first);
    let (second, ..) = asked_for(&desk.sent()[1]);
    reroute(&mut desk, second);
    assert_eq!(desk.rig.reply(token).expect("an answer").expect_err("circles").code, ErrorCode::Unsupported);
    assert_eq!(desk.list().lines.used, 0);
}

#[test]
fn where_the_stream_was_rerouted_a_snapshot_goes_there_at_once() {
    let mut desk = Desk::new();
    let stream = desk.stream(&["quote"]);
    reroute(&mut desk, stream);
    desk.sent();
    let _ = desk.ask_snapshot();
    let (_, con_id, snapshot) = asked_for(&desk.sent()[0]);
    assert_eq!((con_id, snapshot), (Some(8_314), Some(true)));
}

/// Each costs money.
mod regulatory {
    use std::sync::Arc;

    use super::*;
    use crate::{
        config::Config,
        session::{Ask, services::ServiceAsk},
    };

    fn desk() -> Desk {
        let mut config = Config::default();
        config.gateway.regulatory_snapshots = true;
        Desk::with(config)
    }

    fn ask(desk: &mut Desk) -> Token {
        let ask = serde_json::json!({ "contract": "STK:AAPL", "regulatory": true });
        let ask = Ask::Snapshot(serde_json::from_value(ask).expect("a request"));
        let stock = Arc::clone(&desk.stock);
        desk.rig.ask_resolved("alpha", ask, &stock)
    }

    fn is_regulatory(request: &Request) -> bool {
        matches!(request, Request::MarketDataRequest(ask) if ask.regulatory_snapshot.is_some())
    }

    #[test]
    fn no_other_wish_brings_one_even_where_they_are_allowed() {
        let mut desk = desk();
        let stock = Arc::clone(&desk.stock);
        let mut wish =
            super::super::desk::subscribe(&["quote", "tick", "greeks", "news", "tbt.last", "bar.5s", "depth"], 0);
        wish.generic_ticks = vec![100, 233];
        desk.try_subscribe("alpha", wish, &stock).expect("a lease");
        let _ = desk.ask_snapshot();
        let components = serde_json::from_value(serde_json::json!({ "contract": "STK:AAPL" })).expect("a request");
        desk.rig.ask_resolved("alpha", ServiceAsk::Components(components).into(), &stock);
        for code in [1100, 1101, 1102, 2103, 2104] {
            desk.rig.notice_all(code, "farm:usfarm");
            desk.rig.wait_ms(30_000);
        }
        desk.rig.cut(LinkName::Data);
        desk.rig.reconnect(LinkName::Data);
        desk.rig.wait_ms(300_000);
        let sent = desk.sent();
        let market_data = sent.iter().filter(|request| matches!(request, Request::MarketDataRequest(_))).count();
        assert!(market_data > 3 && !sent.iter().any(is_regulatory), "{:?}", names(&sent));
    }

    #[test]
    fn one_wish_is_one_request_whatever_becomes_of_it() {
        let mut lost = desk();
        let token = ask(&mut lost);
        assert_eq!(lost.sent().iter().filter(|request| is_regulatory(request)).count(), 1);
        lost.rig.cut(LinkName::Data);
        lost.rig.reconnect(LinkName::Data);
        lost.rig.wait_ms(60_000);
        assert!(!lost.sent().iter().any(is_regulatory), "the first may have been charged");
        assert_eq!(lost.rig.reply(token).expect("an answer").expect_err("lost").code, ErrorCode::NotReady);

        let mut rerouted = desk();
        let token = ask(&mut rerouted);
        let first = rerouted.asked();
        reroute(&mut rerouted, first);
        assert!(!rerouted.sent().iter().any(is_regulatory));
        assert_eq!(rerouted.rig.reply(token).expect("an answer").expect_err("elsewhere").code, ErrorCode::Unsupported);

        let mut silent = desk();
        ask(&mut silent);
        silent.rig.wait_ms(120_000);
        assert_eq!(silent.sent().iter().filter(|request| is_regulatory(request)).count(), 1);
    }

    #[test]
    fn one_place_in_the_session_writes_them() {
        let mut places = Vec::new();
        let mut open = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/session"))];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "tests") {
                    open.extend(
                        std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()),
                    );
                }
            } else if std::fs::read_to_string(&path).expect("a text").contains("regulatory_snapshot:") {
                places.push(path);
            }
        }
        assert!(matches!(&places[..], [place] if place.ends_with("market/snapshot.rs")), "{places:?}");
    }
}
