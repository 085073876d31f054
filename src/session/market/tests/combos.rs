//! Streams of combos, which have no contract id.

use super::desk::{Desk, names, price};
use crate::{
    schema::{
        ErrorCode,
        request::market::{Lease, StreamState},
    },
    session::{Answer, Ask, Outcome, rig::Rig},
    tws::{Request, message::market_data::MarketDataRequest},
};

/// Two legs: bought and sold.
fn calendar(legs: [(i32, u32, &str); 2]) -> serde_json::Value {
    let leg = |(con_id, ratio, action): (i32, u32, &str)| serde_json::json!({ "con_id": con_id, "ratio": ratio, "action": action, "exchange": "SMART" });
    serde_json::json!({ "sec_type": "BAG", "symbol": "AAPL", "exchange": "SMART", "legs": legs.map(leg) })
}

fn ask(rig: &mut Rig, contract: &serde_json::Value, streams: &[&str]) -> Outcome {
    let ask = serde_json::json!({ "contract": contract, "streams": streams, "ttl_s": 0 });
    let token = rig.ask_as("alpha", Ask::Subscribe(serde_json::from_value(ask).expect("a request")));
    rig.reply(token).expect("nothing is looked up")
}

#[track_caller]
fn lease(desk: &mut Desk, contract: &serde_json::Value) -> Lease {
    match ask(&mut desk.rig, contract, &["quote", "tick"]) {
        Ok(Answer::Lease(lease)) => *lease,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn asked(desk: &mut Desk) -> MarketDataRequest {
    match &desk.sent()[..] {
        [Request::MarketDataRequest(ask)] => (**ask).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_combo_is_asked_for_by_its_legs_and_may_cost_less_than_nothing() {
    let mut desk = Desk::new();
    let held = lease(&mut desk, &calendar([(30, 2, "SELL"), (10, 1, "BUY")]));
    assert_eq!(held.instrument.local_symbol, "AAPL-B1_10-S2_30");
    assert_eq!((held.instrument.con_id, held.instrument.sec_type.as_str()), (0, "BAG"));
    let request = asked(&mut desk);
    let legs = request.contract.expect("a contract").combo_legs;
    let said: Vec<_> = legs.iter().map(|leg| (leg.con_id, leg.ratio, leg.action.as_deref(), leg.open_close)).collect();
    assert_eq!(said, [(Some(30), Some(2), Some("SELL"), None), (Some(10), Some(1), Some("BUY"), None)]);
    let id = request.req_id.expect("an id");
    desk.hear(price(id, 1, -1.0, "4"));
    desk.hear(price(id, 2, -0.85, "2"));
    let quotes: Vec<_> = desk.heard().quotes.iter().map(|quote| (quote.bid, quote.ask)).collect();
    assert_eq!(quotes, [(Some(-1.0), None), (Some(-1.0), Some(-0.85))]);
}

#[test]
fn the_same_legs_are_one_stream_in_whatever_order_and_others_are_another() {
    let mut desk = Desk::new();
    lease(&mut desk, &calendar([(10, 1, "BUY"), (30, 2, "SELL")]));
    desk.sent();
    let same = lease(&mut desk, &calendar([(30, 2, "SSHORT"), (10, 1, "BUY")]));
    assert_eq!((desk.sent(), same.streams[0].holders), (vec![], 2));
    for other in
        [[(10, 1, "BUY"), (30, 1, "SELL")], [(10, 1, "SELL"), (30, 2, "BUY")], [(10, 1, "BUY"), (31, 2, "SELL")]]
    {
        let held = lease(&mut desk, &calendar(other));
        assert_eq!((held.streams[0].holders, held.streams[0].state), (1, StreamState::Asked));
        asked(&mut desk);
    }
    assert_eq!(desk.list().lines.used, 4);
}

#[test]
fn what_ib_does_not_have_of_combos_is_refused_with_the_reason() {
    let mut desk = Desk::new();
    let combo = calendar([(10, 1, "BUY"), (30, 1, "SELL")]);
    for stream in ["tbt.last", "bar.5s", "depth", "greeks", "news"] {
        let error = ask(&mut desk.rig, &combo, &[stream]).expect_err("refused");
        assert_eq!(error.code, ErrorCode::Unsupported, "{stream}");
        assert!(error.message.contains("lease its legs"), "{error}");
    }
    let one_leg = serde_json::json!({ "sec_type": "BAG", "symbol": "AAPL", "legs": [] });
    assert_eq!(ask(&mut desk.rig, &one_leg, &["quote"]).expect_err("refused").code, ErrorCode::InvalidRequest);
    assert_eq!(desk.sent(), []);
}

#[test]
fn a_quote_of_one_combo_prices_no_order_of_another() {
    let mut desk = Desk::new();
    lease(&mut desk, &calendar([(10, 1, "BUY"), (30, 1, "SELL")]));
    let id = asked(&mut desk).req_id.expect("an id");
    desk.hear(price(id, 1, 5.0, "4"));
    let known = desk.rig.session.market.reference(0);
    assert_eq!((known.bid, known.ask, known.last), (None, None, None));
}

#[test]
fn a_snapshot_of_a_combo_is_taken_and_a_lasting_lease_comes_back_with_its_legs() {
    let mut desk = Desk::new();
    let combo = calendar([(10, 1, "BUY"), (30, 1, "SELL")]);
    let snapshot = Ask::Snapshot(serde_json::from_value(serde_json::json!({ "contract": combo })).expect("a request"));
    desk.rig.ask(snapshot);
    assert_eq!(asked(&mut desk).contract.expect("a contract").combo_legs.len(), 2);
    let before = lease(&mut desk, &combo);
    let items = desk.rig.cached.clone();
    let mut rig = Rig::with(crate::config::Config::default());
    for item in &items {
        let now = rig.now();
        rig.session.recall(now, item);
    }
    rig.pump();
    rig.is_alive = true;
    rig.log_in(crate::schema::connection::LinkName::Data);
    let stock = rig.stock(265_598, "AAPL");
    let mut second = Desk { rig, stock };
    let sent = second.sent();
    let request = sent.iter().find_map(|request| match request {
        Request::MarketDataRequest(ask) => ask.contract.as_ref(),
        _ => None,
    });
    assert_eq!(request.map(|contract| contract.combo_legs.len()), Some(2), "{:?}", names(&sent));
    let held = second.list().leases;
    assert_eq!((held.len(), &held[0].instrument), (1, &before.instrument));
}
