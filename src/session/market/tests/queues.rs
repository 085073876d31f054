//! Who waits for a line or slot, and for how long.

use std::sync::Arc;

use super::desk::{Desk, names, price, request_id, subscribe};
use crate::{
    config::Config,
    schema::{
        ErrorCode,
        connection::{GapState, LinkName},
        request::market::{Stream, StreamState, Subscribe, WhenFull},
    },
    session::{Event, Listing},
    tws::Request,
};

fn desk(lines: u32) -> Desk {
    let mut config = Config::default();
    config.pacing.market_data_lines = lines;
    Desk::with(config)
}

fn stocks(desk: &mut Desk, count: i32) -> Vec<Arc<Listing>> {
    (1..=count).map(|con_id| desk.rig.stock(con_id, &format!("S{con_id}"))).collect()
}

fn queued(streams: &[&str], ttl_s: u32) -> Subscribe {
    Subscribe { when_full: WhenFull::Queue, ..subscribe(streams, ttl_s) }
}

/// Contract ids asked for since last looked.
fn asked_for(desk: &mut Desk) -> Vec<i32> {
    let con_id = |request: &Request| match request {
        Request::MarketDataRequest(ask) => ask.contract.as_ref()?.con_id,
        Request::TickByTickRequest(ask) => ask.contract.as_ref()?.con_id,
        Request::MarketDepthRequest(ask) => ask.contract.as_ref()?.con_id,
        _ => None,
    };
    desk.sent().iter().filter_map(con_id).collect()
}

/// Messages of bridge events of this kind.
fn told(desk: &mut Desk, kind: &str) -> Vec<String> {
    let message = |event: Event| match event {
        Event::Bridge(event) if event.event == kind => event.message,
        _ => None,
    };
    desk.rig.events().into_iter().filter_map(message).collect()
}

fn state(desk: &mut Desk, con_id: i32) -> (StreamState, Option<u32>) {
    let row = desk.list().upstream.into_iter().find(|row| row.con_id == con_id).expect("an upstream");
    (row.state, row.queue_position)
}

#[test]
fn queued_streams_start_first_come_first_served_as_lines_are_freed() {
    let mut desk = desk(1);
    let stocks = stocks(&mut desk, 4);
    let first = desk.try_subscribe("alpha", queued(&["quote"], 0), &stocks[0]).expect("a lease");
    assert_eq!(first.streams[0].state, StreamState::Asked);
    let second = desk.try_subscribe("beta", queued(&["quote"], 0), &stocks[2]).expect("a lease");
    assert_eq!((second.streams[0].state, second.streams[0].queue_position), (StreamState::Queued, Some(1)));
    let third = desk.try_subscribe("gamma", queued(&["quote"], 30), &stocks[1]).expect("a lease");
    assert_eq!(third.streams[0].queue_position, Some(2));
    assert_eq!(asked_for(&mut desk), [1]);
    assert_eq!(desk.list().queued, 2);

    let error = desk.try_subscribe("delta", subscribe(&["quote"], 0), &stocks[3]).expect_err("refused");
    assert_eq!(error.code, ErrorCode::PacingLimited);
    assert!(error.message.contains("2 wait for one"), "{error}");

    desk.unsubscribe("alpha", &first.lease).expect("ended");
    assert_eq!(asked_for(&mut desk), [3]);
    assert_eq!(state(&mut desk, 2), (StreamState::Queued, Some(1)));
    // Who gives up leaves the queue.
    desk.rig.wait_ms(30_000);
    assert_eq!(desk.list().queued, 0);
    desk.sent();
    desk.unsubscribe("beta", &second.lease).expect("ended");
    assert_eq!(names(&desk.sent()), ["CancelMarketData"]);
}

#[test]
fn what_ran_before_an_outage_runs_after_it_and_the_queue_stays() {
    let mut desk = desk(1);
    let stocks = stocks(&mut desk, 2);
    desk.try_subscribe("alpha", queued(&["quote"], 0), &stocks[1]).expect("a lease");
    for client in ["beta", "gamma"] {
        desk.try_subscribe(client, queued(&["quote"], 0), &stocks[0]).expect("a lease");
    }
    desk.sent();
    desk.rig.cut(LinkName::Data);
    desk.rig.reconnect(LinkName::Data);
    assert_eq!(asked_for(&mut desk), [2], "the one with fewer leases, since it was there first");
    assert_eq!(state(&mut desk, 1), (StreamState::Queued, Some(1)));
}

#[test]
fn a_limit_of_the_gateway_below_ours_is_learned_told_and_tried_again_once_a_minute() {
    let mut desk = desk(100);
    let stocks = stocks(&mut desk, 5);
    for stock in &stocks[..2] {
        desk.try_subscribe("alpha", subscribe(&["quote"], 0), stock).expect("a lease");
    }
    for request in desk.sent() {
        desk.hear(price(request_id(&request), 1, 10.0, "1"));
    }
    desk.try_subscribe("beta", subscribe(&["quote"], 0), &stocks[2]).expect("a lease");
    let refused = desk.asked();
    desk.rig.events();
    desk.notice(refused, 101, "Max number of tickers has been reached");
    let told = told(&mut desk, "limit_learned");
    assert!(told[0].contains("no more than 2 market data lines") && told[0].contains("IB code 101"), "{told:?}");
    let lease = desk.list().leases.pop().expect("beta's");
    assert_eq!(lease.streams[0].state, StreamState::Queued);
    assert!(lease.streams[0].reason.as_deref().expect("why").contains("IB code 101"));

    // Nothing more is sent, whoever asks.
    let error = desk.try_subscribe("gamma", subscribe(&["quote"], 0), &stocks[3]).expect_err("refused");
    assert!(error.message.contains("2 of 2 market data lines"), "{error}");
    desk.try_subscribe("gamma", queued(&["quote"], 0), &stocks[4]).expect("a lease");
    desk.rig.wait_ms(59_999);
    assert_eq!(asked_for(&mut desk), [] as [i32; 0]);
    desk.rig.wait_ms(1);
    let request = desk.sent();
    assert_eq!(names(&request), ["MarketDataRequest"], "one a minute, not one for each");
    desk.notice(request_id(&request[0]), 101, "Max number of tickers has been reached");
    desk.rig.wait_ms(60_000);
    let request = desk.sent();
    assert_eq!(names(&request), ["MarketDataRequest"]);
    desk.hear(price(request_id(&request[0]), 1, 10.0, "1"));
    desk.rig.wait_ms(60_000);
    assert_eq!(asked_for(&mut desk), [5], "and the next a minute later");
    assert_eq!(desk.list().queued, 0);
}

#[test]
fn requests_still_on_their_way_are_taken_back_when_the_first_is_refused() {
    let mut config = Config::default();
    config.pacing.messages_per_second = 14;
    config.pacing.trading_share = 10;
    config.pacing.cancel_share = 0;
    let mut desk = Desk::with(config);
    let stocks = stocks(&mut desk, 20);
    for stock in &stocks {
        desk.try_subscribe("alpha", subscribe(&["quote"], 0), stock).expect("a lease");
    }
    let sent = desk.sent();
    let (last, first) = sent.split_last().expect("some were sent");
    for request in first {
        desk.hear(price(request_id(request), 1, 10.0, "1"));
    }
    desk.notice(request_id(last), 101, "Max number of tickers has been reached");
    desk.rig.wait_ms(50_000);
    assert_eq!(asked_for(&mut desk), [] as [i32; 0], "no storm");
    let list = desk.list();
    let running = u32::try_from(first.len()).expect("few");
    assert_eq!((list.lines.used, list.lines.max, list.queued), (running, running, 20 - running));
}

#[test]
fn a_depth_slot_that_the_gateway_does_not_have_is_waited_for() {
    let mut desk = Desk::new();
    let stocks = stocks(&mut desk, 2);
    let first = desk.try_subscribe("alpha", subscribe(&["depth"], 0), &stocks[0]).expect("a lease");
    desk.sent();
    desk.try_subscribe("beta", subscribe(&["depth"], 0), &stocks[1]).expect("a lease");
    let refused = desk.asked();
    desk.notice(refused, 309, "Max number (3) of market depth requests has been reached");
    assert_eq!(state(&mut desk, 2), (StreamState::Queued, Some(1)));
    desk.unsubscribe("alpha", &first.lease).expect("ended");
    assert_eq!(asked_for(&mut desk), [2]);
    let gaps: Vec<_> = desk.heard().gaps.into_iter().map(|gap| (gap.con_id, gap.state)).collect();
    assert_eq!(gaps, [(2, GapState::Opened)]);
}

#[test]
fn a_tick_by_tick_slot_that_the_gateway_still_counts_is_waited_for_without_learning_a_limit() {
    let mut desk = Desk::new();
    let stocks = stocks(&mut desk, 2);
    let first = desk.try_subscribe("alpha", subscribe(&["tbt.last"], 0), &stocks[0]).expect("a lease");
    desk.rig.wait_ms(20_000);
    desk.unsubscribe("alpha", &first.lease).expect("ended");
    desk.try_subscribe("alpha", subscribe(&["tbt.last"], 0), &stocks[1]).expect("a lease");
    let sent = desk.sent();
    let refused = request_id(sent.last().expect("a request"));
    desk.notice(refused, 10_190, "Max number of tick-by-tick requests has been reached");
    assert_eq!(state(&mut desk, 2).0, StreamState::Waiting);
    assert_eq!(desk.list().tick_by_tick.max, 5);
    desk.rig.wait_ms(16_000);
    assert_eq!(asked_for(&mut desk), [2]);
}

#[test]
fn a_new_connection_begins_with_the_configured_limits() {
    let mut desk = desk(100);
    let stocks = stocks(&mut desk, 1);
    desk.try_subscribe("alpha", subscribe(&["quote"], 0), &stocks[0]).expect("a lease");
    let refused = desk.asked();
    desk.notice(refused, 101, "Max number of tickers has been reached");
    assert_eq!(desk.list().lines.max, 0);
    desk.rig.cut(LinkName::Data);
    desk.rig.reconnect(LinkName::Data);
    assert_eq!(desk.list().lines.max, 100);
    assert_eq!(asked_for(&mut desk), [1]);
}

#[test]
fn a_wider_request_that_finds_no_line_takes_that_of_the_narrower_one() {
    let mut desk = Desk::new();
    let first = desk.stream(&["quote"]);
    desk.hear(price(first, 1, 10.0, "1"));
    let mut ask = subscribe(&["quote"], 0);
    ask.generic_ticks = vec![233];
    let stock = Arc::clone(&desk.stock);
    desk.try_subscribe("beta", ask, &stock).expect("a lease");
    let wider = desk.asked();
    desk.heard();
    desk.notice(wider, 101, "Max number of tickers has been reached");
    let sent = desk.sent();
    assert_eq!(names(&sent), ["CancelMarketData", "MarketDataRequest"]);
    assert_eq!(request_id(&sent[0]), first);
    let Request::MarketDataRequest(again) = &sent[1] else { panic!("{sent:?}") };
    assert_eq!(again.generic_tick_list.as_deref(), Some("233"));
    desk.hear(price(request_id(&sent[1]), 1, 11.0, "1"));
    let heard = desk.heard();
    assert_eq!(heard.quotes.last().map(|quote| (quote.bid, quote.after_gap)), Some((Some(11.0), Some(true))));
    assert_eq!(heard.gaps.iter().filter(|gap| gap.stream == Stream::Quote.to_string()).count(), 2);
}

#[test]
fn a_refusal_of_the_gateway_frees_the_line_for_who_waits() {
    // "Not subscribed" is final; a pacing violation is tried again after a while.
    for (code, text) in
        [(354, "Requested market data is not subscribed."), (420, "Invalid Real-time Query: pacing violation")]
    {
        let mut desk = desk(1);
        let stocks = stocks(&mut desk, 2);
        desk.try_subscribe("alpha", queued(&["quote"], 0), &stocks[0]).expect("a lease");
        desk.try_subscribe("beta", queued(&["quote"], 0), &stocks[1]).expect("a lease");
        let refused = desk.asked();
        desk.notice(refused, code, text);
        assert_eq!(asked_for(&mut desk), [2], "{code}");
    }
}

#[test]
fn a_newcomer_waits_behind_those_who_wait_already() {
    let mut desk = desk(100);
    let stocks = stocks(&mut desk, 4);
    desk.try_subscribe("alpha", queued(&["quote"], 0), &stocks[0]).expect("a lease");
    let first = desk.asked();
    desk.hear(price(first, 1, 10.0, "1"));
    desk.try_subscribe("beta", queued(&["quote"], 0), &stocks[1]).expect("a lease");
    let refused = desk.asked();
    desk.notice(refused, 101, "Max number of tickers has been reached");
    // The learned limit grows by one with the minute; the timer that tries it has not been called yet.
    let later = desk.rig.now().plus(std::time::Duration::from_secs(60));
    let stock = Arc::clone(&stocks[2]);
    let command = desk.rig.command("gamma", crate::session::Ask::Subscribe(Box::new(queued(&["quote"], 0))));
    desk.rig.session.core.now = later;
    desk.rig.session.core.admit_caller(command.token, later.at + std::time::Duration::from_secs(1));
    desk.rig.session.run_resolved(&command, Ok(stock));
    desk.rig.session.settle();
    desk.rig.pump();
    assert_eq!(asked_for(&mut desk), [2], "the line is beta's");
    assert_eq!(state(&mut desk, 3), (StreamState::Queued, Some(1)));
}
