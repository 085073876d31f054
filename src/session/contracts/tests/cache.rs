//! What is kept on the disk, when it is believed and when it is asked for again.

use super::*;
use crate::session::{CacheItem, CacheKind, rig::START_US};

const SECOND_US: i64 = 1_000_000;

/// What a run of the bridge kept that looked up one stock.
fn kept() -> Vec<CacheItem> {
    let mut rig = Rig::ready();
    rig.ask(validate(&["STK:AAPL"]));
    let (req_id, _) = one_lookup(&mut rig);
    answer(&mut rig, req_id, vec![row(265_598, "AAPL", "SMART", "NASDAQ")]);
    rig.cached
}

/// The next run of the bridge, whose clock stands `later_s` after the first one's, not logged in yet.
fn next_run(kept: &[CacheItem], later_s: i64) -> Rig {
    let mut rig = Rig::new();
    let now = rig.now();
    for item in kept {
        let item = CacheItem { at_us: item.at_us - later_s * SECOND_US, ..item.clone() };
        rig.session.recall(now, &item);
    }
    rig.wait_ms(0);
    rig
}

fn log_in(rig: &mut Rig) {
    rig.log_in(LinkName::Data);
    rig.log_in(LinkName::Trading);
    rig.forget();
}

#[test]
fn what_one_run_learned_the_next_one_knows() {
    let kept = kept();
    assert!(kept.iter().any(|item| item.kind == CacheKind::Contract && item.at_us == START_US));
    let mut rig = next_run(&kept, 60);
    log_in(&mut rig);
    let token = rig.ask(validate(&["STK:AAPL", "CONID:265598@SMART"]));
    assert_eq!(lookups(&mut rig), []);
    assert_eq!(results(rig.reply(token)), [Ok(265_598); 2]);
    let token = rig.ask(details("STK:AAPL"));
    let Some(Ok(Answer::Details(found))) = rig.reply(token) else { panic!("no details") };
    assert_eq!(found.contracts[0].exchanges, ["SMART", "NASDAQ", "NYSE"]);
}

#[test]
fn after_a_long_absence_it_is_asked_again_but_serves_while_the_gateway_is_away() {
    let mut rig = next_run(&kept(), 3_600);
    let token = rig.ask(validate(&["STK:AAPL"]));
    assert_eq!(results(rig.reply(token)), [Ok(265_598)]);
    log_in(&mut rig);
    let token = rig.ask(validate(&["STK:AAPL"]));
    let (req_id, _) = one_lookup(&mut rig);
    answer(&mut rig, req_id, vec![row(7, "AAPL", "SMART", "NASDAQ")]);
    assert_eq!(results(rig.reply(token)), [Ok(7)]);
    rig.ask(validate(&["STK:AAPL"]));
    assert_eq!(lookups(&mut rig), [], "asked once");
}

#[test]
fn a_day_later_it_is_forgotten() {
    let mut rig = next_run(&kept(), 86_400);
    let token = rig.ask(validate(&["STK:AAPL"]));
    assert_eq!(results(rig.reply(token)), [Err(ErrorCode::NotReady)]);
}

#[test]
fn a_gateway_that_was_away_is_asked_again_and_one_that_was_cut_off_is_not() {
    let mut rig = Rig::ready();
    rig.ask(validate(&["STK:AAPL"]));
    let (req_id, _) = one_lookup(&mut rig);
    answer(&mut rig, req_id, vec![row(265_598, "AAPL", "SMART", "NASDAQ")]);
    rig.cut(LinkName::Data);
    rig.reconnect(LinkName::Data);
    rig.ask(validate(&["STK:AAPL"]));
    assert_eq!(lookups(&mut rig), []);

    rig.cut(LinkName::Data);
    rig.cut(LinkName::Data);
    rig.wait_ms(1_000);
    rig.cut(LinkName::Data);
    rig.reconnect(LinkName::Data);
    let token = rig.ask(validate(&["STK:AAPL"]));
    let (req_id, _) = one_lookup(&mut rig);
    rig.notice(LinkName::Data, req_id, 200, "No security definition has been found for the request");
    assert_eq!(results(rig.reply(token)), [Err(ErrorCode::UnknownContract)]);
    let gone = rig.cached.iter().filter(|item| item.body.is_none()).count();
    assert_eq!(gone, 1, "it is forgotten on the disk, too");
}

#[test]
fn an_earlier_answer_serves_readers_but_no_order_when_the_gateway_stays_silent() {
    let mut rig = next_run(&kept(), 3_600);
    log_in(&mut rig);
    let read = rig.ask(validate(&["STK:AAPL"]));
    let order = Ask::PlaceOrder(Box::new(
        serde_json::from_str(r#"{"key":"k","contract":"STK:AAPL","side":"buy","quantity":1,"order_type":"market"}"#)
            .expect("an order"),
    ));
    let order = rig.ask(order);
    one_lookup(&mut rig);
    rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    rig.wait_ms(1);
    let again = rig.ask(details("STK:AAPL"));
    assert!(rig.reply(read).is_none() && rig.reply(again).is_none(), "the lookup may still be answered");
    let token = rig.ask(validate(&["CONID:265598@SMART"]));
    assert_eq!(results(rig.reply(token)), [Ok(265_598)]);
    rig.wait_ms(9_999);
    assert!(rig.reply(order).expect("a reply").is_err());
    assert!(rig.sent(LinkName::Trading).iter().all(|request| !matches!(request, Request::PlaceOrderRequest(_))));
}

#[test]
fn damaged_rows_and_keys_are_passed_over() {
    let mut rig = Rig::new();
    let now = rig.now();
    for (kind, key, body) in [
        (CacheKind::Contract, "no JSON", &b"x"[..]),
        (CacheKind::Contract, r#"{"sec_type":"STK","symbol":"A"}"#, &b"\xff\xff\xff"[..]),
        (CacheKind::Rule, "x", &b""[..]),
        (CacheKind::Rule, "26", &b"\xff"[..]),
        (CacheKind::Gateway, "", &b""[..]),
    ] {
        let body = Some(bytes::Bytes::from_static(body));
        rig.session.recall(now, &CacheItem { kind, key: key.to_owned(), at_us: START_US, body });
    }
    let token = rig.ask(validate(&["STK:A"]));
    assert_eq!(results(rig.reply(token)), [Err(ErrorCode::NotReady)]);
}

#[test]
fn a_restart_quicker_than_the_first_failed_dial_is_noticed() {
    let mut rig = Rig::ready();
    rig.ask(validate(&["STK:AAPL"]));
    let (req_id, _) = one_lookup(&mut rig);
    answer(&mut rig, req_id, vec![row(265_598, "AAPL", "SMART", "NASDAQ")]);
    rig.cut(LinkName::Data);
    rig.reconnect(LinkName::Data);
    rig.ask(validate(&["STK:AAPL"]));
    assert_eq!(lookups(&mut rig), [], "one link alone is no restart");

    rig.cut(LinkName::Trading);
    rig.cut(LinkName::Data);
    rig.reconnect(LinkName::Data);
    rig.ask(validate(&["STK:AAPL"]));
    one_lookup(&mut rig);
}
