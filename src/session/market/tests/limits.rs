//! When lines and slots run out.

use std::sync::Arc;

use super::desk::{Desk, names, price, request_id, subscribe};
use crate::{config::Config, schema::ErrorCode, session::Listing};

fn desk(lines: u32, tick_by_tick: u32, depth: u32) -> Desk {
    let mut config = Config::default();
    config.pacing.market_data_lines = lines;
    config.pacing.tick_by_tick = tick_by_tick;
    config.pacing.depth = depth;
    Desk::with(config)
}

fn stocks(desk: &mut Desk, count: i32) -> Vec<Arc<Listing>> {
    (1..=count).map(|con_id| desk.rig.stock(con_id, &format!("S{con_id}"))).collect()
}

#[test]
fn when_the_lines_are_used_up_the_holders_are_named_and_nothing_is_sent() {
    let mut desk = desk(3, 5, 3);
    let stocks = stocks(&mut desk, 3);
    desk.try_subscribe("alpha", subscribe(&["quote"], 0), &stocks[0]).expect("a lease");
    desk.try_subscribe("alpha", subscribe(&["bar.5s"], 0), &stocks[0]).expect("a lease");
    desk.try_subscribe("beta", subscribe(&["tick"], 30), &stocks[1]).expect("a lease");
    desk.sent();
    let error = desk.try_subscribe("gamma", subscribe(&["quote"], 0), &stocks[2]).expect_err("refused");
    assert_eq!((error.code, error.retry_after_ms), (ErrorCode::PacingLimited, Some(30_000)));
    assert!(error.message.contains("alpha: 2, beta: 1"), "{error}");
    assert_eq!(desk.sent(), []);
    assert_eq!(desk.list().leases.len(), 3);

    // What is streamed already costs nothing more.
    desk.try_subscribe("gamma", subscribe(&["quote", "tick"], 0), &stocks[0]).expect("a lease");
}

#[test]
fn a_request_for_several_streams_is_granted_whole_or_not_at_all() {
    let mut desk = desk(1, 5, 3);
    let stock = Arc::clone(&desk.stock);
    assert!(desk.try_subscribe("alpha", subscribe(&["quote", "bar.5s"], 0), &stock).is_err());
    assert_eq!(desk.sent(), []);
    assert_eq!(desk.list().upstream, []);
}

#[test]
fn depth_and_tick_by_tick_have_slots_of_their_own() {
    let mut desk = desk(100, 1, 1);
    let stocks = stocks(&mut desk, 2);
    for stream in ["depth", "tbt.last"] {
        desk.try_subscribe("alpha", subscribe(&[stream], 0), &stocks[0]).expect("a lease");
        let error = desk.try_subscribe("beta", subscribe(&[stream], 0), &stocks[1]).expect_err("refused");
        assert_eq!(error.code, ErrorCode::PacingLimited);
    }
    let leases = desk.list();
    assert_eq!((leases.lines.used, leases.tick_by_tick.used, leases.depth.used), (0, 1, 1));
}

#[test]
fn a_second_tick_by_tick_request_for_an_instrument_waits_sixteen_seconds() {
    let mut desk = Desk::new();
    desk.lease("alpha", &["tbt.last"]);
    desk.lease("alpha", &["tbt.bid_ask"]);
    assert_eq!(desk.sent().len(), 1);
    desk.rig.wait_ms(15_999);
    assert!(!names(&desk.sent()).contains(&"TickByTickRequest"));
    desk.rig.wait_ms(1);
    assert!(names(&desk.sent()).contains(&"TickByTickRequest"));
}

#[test]
fn the_slot_of_a_cancelled_tick_by_tick_stream_is_free_after_sixteen_seconds() {
    let mut desk = desk(100, 1, 3);
    let stocks = stocks(&mut desk, 2);
    let lease = desk.try_subscribe("alpha", subscribe(&["tbt.last"], 0), &stocks[0]).expect("a lease");
    desk.rig.wait_ms(5_000);
    desk.unsubscribe("alpha", &lease.lease).expect("ended");
    desk.sent();
    desk.try_subscribe("alpha", subscribe(&["tbt.last"], 0), &stocks[1]).expect("a lease");
    desk.rig.wait_ms(15_999);
    assert!(!names(&desk.sent()).contains(&"TickByTickRequest"));
    desk.rig.wait_ms(1);
    assert!(names(&desk.sent()).contains(&"TickByTickRequest"));
}

#[test]
fn a_stream_refused_for_want_of_lines_is_asked_for_when_one_is_freed() {
    let mut desk = Desk::new();
    let stocks = stocks(&mut desk, 2);
    let first = desk.try_subscribe("alpha", subscribe(&["quote"], 0), &stocks[0]).expect("a lease");
    desk.sent();
    desk.try_subscribe("beta", subscribe(&["quote"], 0), &stocks[1]).expect("a lease");
    let refused = desk.asked();
    desk.notice(refused, 101, "Max number of tickers has been reached");
    assert_eq!(desk.list().lines.used, 1);
    assert_eq!(desk.heard().gaps.len(), 1);
    desk.sent();
    desk.unsubscribe("alpha", &first.lease).expect("ended");
    assert_eq!(names(&desk.sent()), ["CancelMarketData", "MarketDataRequest"]);
}

#[test]
fn leases_are_bounded() {
    let mut config = Config::default();
    config.pacing.leases_max = 3;
    let mut desk = Desk::with(config);
    for _ in 0..3 {
        desk.lease("alpha", &["quote"]);
    }
    let stock = Arc::clone(&desk.stock);
    let error = desk.try_subscribe("alpha", subscribe(&["quote"], 0), &stock).expect_err("refused");
    assert_eq!(error.code, ErrorCode::Busy);
}

#[test]
fn bars_that_wait_for_their_window_hold_up_no_quotes() {
    let mut config = Config::default();
    config.pacing.history_10_min = 1;
    let mut desk = Desk::with(config);
    let stocks = stocks(&mut desk, 3);
    for stock in &stocks[..2] {
        desk.try_subscribe("alpha", subscribe(&["bar.5s"], 0), stock).expect("a lease");
    }
    desk.try_subscribe("alpha", subscribe(&["quote"], 0), &stocks[2]).expect("a lease");
    let sent = desk.sent();
    assert_eq!(names(&sent), ["RealTimeBarsRequest", "MarketDataRequest"]);
    desk.hear(price(request_id(&sent[1]), 1, 10.0, "1"));
    desk.rig.wait_ms(600_000);
    assert!(names(&desk.sent()).contains(&"RealTimeBarsRequest"));
}

#[test]
fn a_client_shares_in_no_more_lines_than_its_quota() {
    let mut config = Config::default();
    config.pacing.client_lines = 2;
    let mut desk = Desk::with(config);
    let stocks = stocks(&mut desk, 3);
    for stock in &stocks[..2] {
        desk.try_subscribe("alpha", subscribe(&["quote"], 0), stock).expect("a lease");
    }
    let error = desk.try_subscribe("alpha", subscribe(&["quote"], 0), &stocks[2]).expect_err("refused");
    assert_eq!((error.code, error.retry_after_ms), (ErrorCode::Busy, None));
    assert!(error.message.contains("client_lines"), "{error}");
    // A stream it has costs nothing more, and others have quotas of their own.
    desk.try_subscribe("alpha", subscribe(&["tick"], 0), &stocks[0]).expect("a lease");
    desk.try_subscribe("beta", subscribe(&["quote"], 0), &stocks[2]).expect("a lease");
}
