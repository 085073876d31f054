//! Streams across outages.

use std::sync::Arc;

use super::desk::{Desk, names, price, request_id, size, subscribe};
use crate::{
    config::{Config, MarketDataPreference},
    schema::connection::{GapState, LinkName},
    tws::{
        Request, Response,
        message::{
            market_data::RerouteMarketDataRequest,
            tick_by_tick::{HistoricalTickLast, TickByTickData},
        },
    },
};

fn trade(req_id: i32) -> Response {
    let tick = HistoricalTickLast {
        time: Some(1_700_000_000),
        price: Some(10.0),
        size: Some("1".to_owned()),
        ..HistoricalTickLast::default()
    };
    Response::TickByTickData(Box::new(TickByTickData {
        req_id: Some(req_id),
        historical_tick_last: Some(tick),
        ..TickByTickData::default()
    }))
}

#[test]
fn after_a_cut_everything_is_asked_for_again_and_the_first_of_each_subject_says_so() {
    let mut desk = Desk::new();
    let before = desk.stream(&["quote", "tick"]);
    desk.hear(price(before, 1, 10.0, "1"));
    desk.hear(price(before, 2, 11.0, "1"));
    desk.heard();

    desk.rig.cut(LinkName::Data);
    let heard = desk.heard();
    assert_eq!(heard.quotes.iter().map(|quote| (quote.stale, quote.bid)).collect::<Vec<_>>(), [(true, Some(10.0))]);
    let streams: Vec<_> = heard.gaps.iter().map(|gap| (gap.stream.as_str(), gap.state)).collect();
    assert_eq!(streams, [("quote", GapState::Opened), ("tick", GapState::Opened)]);

    desk.rig.reconnect(LinkName::Data);
    let after = desk.asked();
    assert_ne!(after, before);
    desk.hear(price(before, 1, 99.0, "1"));
    assert_eq!(desk.heard().quotes, [], "an answer to a request of the old link is nobody's");

    desk.hear(price(after, 1, 20.0, "2"));
    desk.hear(price(after, 1, 21.0, "2"));
    let heard = desk.heard();
    let quotes: Vec<_> = heard.quotes.iter().map(|q| (q.bid, q.ask, q.stale, q.after_gap)).collect();
    assert_eq!(quotes, [(Some(20.0), None, false, Some(true)), (Some(21.0), None, false, None)]);
    let ticks: Vec<_> = heard.ticks.iter().map(|t| (t.name.as_ref(), t.after_gap)).collect();
    assert_eq!(ticks, [("bid", Some(true)), ("bid_size", Some(true)), ("bid", None), ("bid_size", None)]);
    assert!(heard.gaps.iter().all(|gap| gap.state == GapState::Closed && gap.to_us > Some(gap.from_us)));
    assert_eq!(heard.gaps.len(), 2);
}

#[test]
fn what_most_leases_need_comes_back_first() {
    let mut desk = Desk::new();
    let lonely = desk.rig.stock(1, "A");
    desk.try_subscribe("alpha", subscribe(&["quote"], 0), &lonely).expect("a lease");
    desk.lease("alpha", &["quote"]);
    desk.lease("beta", &["quote"]);
    desk.rig.cut(LinkName::Data);
    desk.sent();
    desk.rig.reconnect(LinkName::Data);
    let asked: Vec<_> = desk
        .sent()
        .into_iter()
        .map(|request| match request {
            Request::MarketDataRequest(ask) => ask.contract.and_then(|contract| contract.con_id),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(asked, [Some(265_598), Some(1)]);
}

#[test]
fn the_kind_of_data_is_set_before_data_is_asked_for_on_every_login() {
    let mut config = Config::default();
    config.gateway.market_data = MarketDataPreference::LiveElseDelayed;
    let mut desk = Desk::with(config);
    desk.lease("alpha", &["quote"]);
    desk.rig.cut(LinkName::Data);
    desk.sent();
    desk.rig.reconnect(LinkName::Data);
    let sent = desk.sent();
    assert_eq!(names(&sent), ["MarketDataTypeRequest", "MarketDataRequest"]);
    let Request::MarketDataTypeRequest(kind) = &sent[0] else { panic!("{sent:?}") };
    assert_eq!(kind.market_data_type, Some(3));
}

#[test]
fn after_1101_all_is_asked_for_once_under_new_ids() {
    let mut desk = Desk::new();
    let before = desk.stream(&["quote"]);
    desk.hear(price(before, 1, 10.0, "1"));
    desk.heard();
    desk.rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    let heard = desk.heard();
    assert_eq!((heard.quotes.len(), heard.gaps.len()), (1, 1));
    assert!(heard.quotes[0].stale);
    desk.lease("beta", &["depth"]);
    assert_eq!(desk.sent(), [], "a gateway without IB answers falsely");
    desk.rig.notice_all(1101, "Connectivity between IB and TWS has been restored- data lost.");
    let sent = desk.sent();
    assert_eq!(names(&sent), ["MarketDataRequest", "MarketDepthRequest"]);
    assert_ne!(request_id(&sent[0]), before);
    desk.hear(price(request_id(&sent[0]), 1, 12.0, "1"));
    assert_eq!(desk.heard().quotes[0].after_gap, Some(true));
}

#[test]
fn after_1102_level_one_goes_on_and_bars_and_tick_by_tick_are_asked_for_again() {
    let mut desk = Desk::new();
    let quote = desk.stream(&["quote"]);
    desk.hear(price(quote, 1, 10.0, "1"));
    let bars = desk.stream(&["bar.5s"]);
    let trades = desk.stream(&["tbt.last"]);
    desk.rig.wait_ms(5_000);
    desk.sent();
    desk.rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    desk.rig.notice_all(1102, "Connectivity between IB and TWS has been restored- data maintained.");
    let mut sent = desk.sent();
    sent.sort_by_key(|request| std::cmp::Reverse(request.id()));
    assert_eq!(names(&sent), ["CancelTickByTick", "CancelRealTimeBars", "RealTimeBarsRequest"]);
    assert_eq!((request_id(&sent[0]), request_id(&sent[1])), (trades, bars));
    desk.rig.wait_ms(11_000);
    assert!(names(&desk.sent()).contains(&"TickByTickRequest"), "16 s after the one before");
    desk.heard();
    desk.hear(size(quote, 0, "1"));
    let quotes = desk.heard().quotes;
    assert_eq!(
        quotes.iter().map(|q| (q.bid, q.stale, q.after_gap)).collect::<Vec<_>>(),
        [(Some(10.0), false, Some(true))]
    );
}

#[test]
fn a_broken_farm_makes_quotes_stale_until_their_next_tick() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote"]);
    desk.hear(price(id, 1, 10.0, "1"));
    desk.heard();
    desk.rig.notice_all(2103, "Market data farm connection is broken:usfarm");
    let heard = desk.heard();
    assert_eq!((heard.quotes.len(), heard.gaps.len()), (1, 1));
    assert!(heard.quotes[0].stale && heard.gaps[0].reason.contains("usfarm"));
    desk.hear(price(id, 1, 10.0, "1"));
    assert!(!desk.heard().quotes[0].stale);
    assert_eq!(desk.sent(), []);
}

#[test]
fn a_competing_session_makes_stale_and_keeps_the_request() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote"]);
    desk.hear(price(id, 1, 10.0, "1"));
    desk.heard();
    desk.notice(id, 10_197, "No market data during competing live session");
    assert!(desk.heard().quotes[0].stale);
    assert!(desk.list().upstream[0].stale);
    desk.hear(price(id, 1, 11.0, "1"));
    assert_eq!(desk.heard().quotes[0].after_gap, Some(true));
    assert_eq!(desk.sent(), []);
}

#[test]
fn a_refused_stream_keeps_its_lease_and_is_listed_without_a_request() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote"]);
    desk.notice(id, 354, "Requested market data is not subscribed.");
    let gaps = desk.heard().gaps;
    assert_eq!((gaps.len(), gaps[0].state), (1, GapState::Opened));
    assert!(gaps[0].reason.contains("354"), "{}", gaps[0].reason);
    let list = desk.list();
    assert_eq!((list.leases.len(), list.lines.used), (1, 0));
    assert_eq!((list.upstream[0].req_id, list.upstream[0].stale), (None, true));
    desk.rig.wait_ms(120_000);
    assert!(!names(&desk.sent()).contains(&"MarketDataRequest"), "the same would be refused again");

    let stock = Arc::clone(&desk.stock);
    desk.try_subscribe("beta", subscribe(&["quote"], 0), &stock).expect("a lease");
    assert_eq!(names(&desk.sent()), ["MarketDataRequest"], "somebody may know better");
}

#[test]
fn a_busted_trade_has_the_bars_asked_for_again_at_once() {
    let mut desk = Desk::new();
    let id = desk.stream(&["bar.5s"]);
    desk.hear(super::streams::bar(id, 1_700_000_000, "100"));
    desk.notice(id, 10_225, "Bust event occurred, current subscription is deactivated.");
    assert_eq!(names(&desk.sent()), ["CancelRealTimeBars", "RealTimeBarsRequest"]);
}

#[test]
fn a_level_one_request_without_any_answer_is_made_again() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote"]);
    desk.rig.wait_ms(19_999);
    assert!(!names(&desk.sent()).contains(&"MarketDataRequest"));
    // The gateway is alive, only this request is not answered.
    desk.rig.notice(LinkName::Data, -1, 2104, "Market data farm connection is OK:usfarm");
    desk.rig.wait_ms(1);
    let sent = desk.sent();
    assert_eq!(names(&sent), ["CancelMarketData", "MarketDataRequest"]);
    assert_eq!(request_id(&sent[0]), id);
}

#[test]
fn a_late_refusal_of_a_cancel_ends_nothing() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote"]);
    desk.notice(id, 300, "Can't find EId with tickerId");
    desk.hear(price(id, 1, 10.0, "1"));
    assert_eq!(desk.heard().quotes.len(), 1);
}

#[test]
fn whoever_joins_during_a_gap_is_told_of_it_and_of_its_end() {
    let mut desk = Desk::new();
    let id = desk.stream(&["tick"]);
    desk.hear(price(id, 1, 10.0, "1"));
    desk.rig.notice_all(2103, "Market data farm connection is broken:usfarm");
    desk.heard();
    desk.lease("beta", &["quote", "tick"]);
    desk.hear(price(id, 1, 11.0, "1"));
    let gaps: Vec<_> = desk.heard().gaps.into_iter().map(|gap| (gap.stream, gap.state)).collect();
    let expected = [("quote", GapState::Opened), ("tick", GapState::Closed), ("quote", GapState::Closed)];
    assert_eq!(gaps, expected.map(|(stream, state)| (stream.to_owned(), state)));
}

#[test]
fn generic_ticks_wished_for_during_an_outage_are_asked_for_after_it() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote"]);
    desk.hear(price(id, 1, 10.0, "1"));
    desk.rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    let mut ask = subscribe(&["quote"], 0);
    ask.generic_ticks = vec![233];
    let stock = Arc::clone(&desk.stock);
    desk.try_subscribe("beta", ask, &stock).expect("a lease");
    assert_eq!(desk.sent(), []);
    desk.rig.notice_all(1102, "Connectivity between IB and TWS has been restored- data maintained.");
    assert!(names(&desk.sent()).contains(&"MarketDataRequest"));
}

#[test]
fn a_rerouted_request_is_made_for_the_contract_named() {
    let mut desk = Desk::new();
    let first = desk.stream(&["quote"]);
    let to = RerouteMarketDataRequest { req_id: Some(first), con_id: Some(8_314), exchange: Some("SMART".to_owned()) };
    desk.hear(Response::RerouteMarketDataRequest(to));
    let sent = desk.sent();
    let [Request::CancelMarketData(_), Request::MarketDataRequest(ask)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(ask.contract.as_ref().and_then(|contract| contract.con_id), Some(8_314));
    desk.hear(price(ask.req_id.expect("an id"), 1, 10.0, "1"));
    assert_eq!(desk.heard().quotes[0].con_id, 265_598, "published as what was asked for");
}

#[test]
fn what_trails_our_own_cancels_is_not_counted_as_late() {
    let mut desk = Desk::new();
    let lease = desk.lease("alpha", &["quote"]);
    let id = desk.asked();
    desk.hear(price(id, 1, 10.0, "1"));
    assert_eq!(desk.unsubscribe("alpha", &lease.lease), Ok(1));
    desk.hear(price(id, 1, 11.0, "1"));
    desk.notice(id, 300, "Can't find EId with tickerId");
    assert_eq!(desk.rig.session.core.counters.late_answers, 0);
    desk.rig.wait_ms(121_000);
    desk.hear(price(id, 1, 11.0, "1"));
    desk.hear(price(id + 1_000, 1, 11.0, "1"));
    assert_eq!(desk.rig.session.core.counters.late_answers, 2, "ticks of a cancel that was lost are");
}

#[test]
fn links_that_are_told_of_a_flicker_one_after_the_other_leave_streams_open() {
    let (lost, back) = ("Connectivity between IB and TWS has been lost.", "restored- data maintained.");
    for (first, second) in [(LinkName::Data, LinkName::Trading), (LinkName::Trading, LinkName::Data)] {
        let mut desk = Desk::new();
        for link in [first, second] {
            desk.rig.notice(link, -1, 1100, lost);
            desk.rig.notice(link, -1, 1102, back);
        }
        desk.lease("alpha", &["quote"]);
        assert_eq!(names(&desk.sent()), ["MarketDataRequest"], "{first:?} was told first");
    }
}

#[test]
fn the_last_quote_of_a_bridge_that_stops_is_stale() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote"]);
    desk.hear(price(id, 1, 10.0, "1"));
    desk.heard();
    let now = desk.rig.now();
    desk.rig.session.on_shutdown(now);
    desk.rig.pump();
    let quotes: Vec<_> = desk.heard().quotes.iter().map(|quote| (quote.bid, quote.stale)).collect();
    assert_eq!(quotes, [(Some(10.0), true)], "its bucket keeps it after the end");
}

#[test]
fn what_was_asked_for_without_its_farm_is_given_a_moment_to_begin_when_the_farm_is_back() {
    let mut desk = Desk::new();
    desk.rig.notice_all(2103, "Market data farm connection is broken:usfarm");
    let trades = desk.stream(&["tbt.last"]);
    let quote = desk.stream(&["quote"]);
    desk.rig.wait_ms(10_000);
    desk.rig.notice_all(2104, "Market data farm connection is OK:usfarm");
    assert_eq!(desk.sent(), [], "the gateway may have kept them");
    desk.hear(price(quote, 1, 10.0, "1"));
    desk.rig.wait_ms(15_999);
    assert_eq!(desk.sent(), [], "IB may have got the request for trades only when the farm came back");
    desk.rig.wait_ms(1);
    let sent = desk.sent();
    assert_eq!(names(&sent), ["CancelTickByTick", "TickByTickRequest"], "the quote has begun");
    assert_eq!(request_id(&sent[0]), trades);
}

#[test]
fn a_farm_that_connects_is_not_back_yet() {
    let mut desk = Desk::new();
    desk.rig.notice_all(2103, "Market data farm connection is broken:usfarm");
    let depth = desk.stream(&["depth"]);
    desk.rig.notice_all(2119, "Market data farm is connecting:usfarm");
    desk.rig.wait_ms(20_000);
    assert_eq!(desk.sent(), [], "nothing can begin before the farm is there");
    desk.rig.notice_all(2104, "Market data farm connection is OK:usfarm");
    desk.rig.wait_ms(4_999);
    assert_eq!(desk.sent(), []);
    desk.rig.wait_ms(1);
    let sent = desk.sent();
    assert_eq!(names(&sent), ["CancelMarketDepth", "MarketDepthRequest"]);
    assert_eq!(request_id(&sent[0]), depth);
}

#[test]
fn what_was_asked_for_without_its_farm_and_begins_by_itself_is_left_alone() {
    let mut desk = Desk::new();
    desk.rig.notice_all(2103, "Market data farm connection is broken:usfarm");
    let quote = desk.stream(&["quote"]);
    desk.rig.notice_all(2104, "Market data farm connection is OK:usfarm");
    desk.hear(price(quote, 1, 10.0, "1"));
    desk.rig.wait_ms(60_000);
    assert_eq!(desk.sent(), []);
}

#[test]
fn a_farm_that_breaks_again_has_its_next_return_counted() {
    let mut desk = Desk::new();
    desk.rig.notice_all(2103, "Market data farm connection is broken:usfarm");
    let depth = desk.stream(&["depth"]);
    for _ in 0..2 {
        desk.rig.notice_all(2104, "Market data farm connection is OK:usfarm");
        desk.rig.wait_ms(1_000);
        desk.rig.notice_all(2103, "Market data farm connection is broken:usfarm");
        desk.rig.wait_ms(20_000);
        assert_eq!(desk.sent(), []);
    }
    desk.rig.notice_all(2104, "Market data farm connection is OK:usfarm");
    desk.rig.wait_ms(5_000);
    let sent = desk.sent();
    assert_eq!(names(&sent), ["CancelMarketDepth", "MarketDepthRequest"]);
    assert_eq!(request_id(&sent[0]), depth);
}

#[test]
fn after_1102_a_stream_that_waits_for_its_turn_is_listed_as_stale_and_its_gap_is_told() {
    let mut desk = Desk::new();
    let trades = desk.stream(&["tbt.last"]);
    desk.hear(trade(trades));
    desk.heard();
    assert!(!desk.list().upstream[0].stale);
    desk.rig.notice_all(1102, "Connectivity between IB and TWS has been restored- data maintained.");
    let row = &desk.list().upstream[0];
    assert_eq!((row.stale, row.req_id), (true, None));
    let gaps = desk.heard().gaps;
    assert_eq!(gaps.iter().map(|gap| gap.state).collect::<Vec<_>>(), [GapState::Opened]);
}

#[test]
fn what_waits_for_its_turn_when_ib_is_lost_is_taken_back_and_asked_for_when_ib_is_back() {
    let config =
        Config { pacing: crate::config::Pacing { messages_per_second: 20, ..Default::default() }, ..Config::default() };
    let mut desk = Desk::with(config);
    for con_id in 1..=40 {
        let stock = desk.rig.stock(con_id, &format!("S{con_id}"));
        desk.try_subscribe("alpha", subscribe(&["quote"], 0), &stock).expect("a lease");
    }
    let asked = |desk: &mut Desk| names(&desk.sent()).iter().filter(|name| **name == "MarketDataRequest").count();
    let before = asked(&mut desk);
    assert!((1..40).contains(&before), "{before}");
    desk.rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    desk.rig.wait_ms(18_000);
    assert_eq!(asked(&mut desk), 0, "a gateway without IB answers falsely");
    desk.rig.notice_all(1102, "Connectivity between IB and TWS has been restored- data maintained.");
    desk.rig.wait_ms(1_000);
    assert!(asked(&mut desk) > 0);
    desk.rig.wait_ms(10_000);
    assert!(desk.list().upstream.iter().all(|row| row.req_id.is_some()));
}

#[test]
fn a_farm_that_is_told_to_be_down_right_after_the_requests_counts_as_down_when_they_were_made() {
    let mut desk = Desk::new();
    let quote = desk.stream(&["quote"]);
    desk.hear(price(quote, 1, 10.0, "1"));
    let depth = desk.stream(&["depth"]);
    desk.rig.notice_all(2103, "Market data farm connection is broken:usfarm");
    desk.rig.notice_all(2104, "Market data farm connection is OK:usfarm");
    desk.rig.wait_ms(10_000);
    let sent = desk.sent();
    assert_eq!(
        names(&sent),
        ["CancelMarketDepth", "MarketDepthRequest"],
        "the quote had begun: the gateway restores it"
    );
    assert_eq!(request_id(&sent[0]), depth);
}

#[test]
fn a_wider_request_that_delivers_has_begun_and_is_left_to_the_gateway_when_a_farm_breaks() {
    let mut desk = Desk::new();
    let narrow = desk.stream(&["quote"]);
    desk.hear(price(narrow, 1, 10.0, "1"));
    let mut ask = subscribe(&["quote"], 0);
    ask.generic_ticks = vec![233];
    let stock = Arc::clone(&desk.stock);
    desk.try_subscribe("beta", ask, &stock).expect("a lease");
    let wide = desk.asked();
    desk.hear(price(wide, 1, 11.0, "1"));
    desk.sent();
    desk.rig.notice_all(2103, "Market data farm connection is broken:usfarm");
    desk.rig.notice_all(2104, "Market data farm connection is OK:usfarm");
    desk.rig.wait_ms(10_000);
    assert_eq!(desk.sent(), [], "the gateway restores it");
}

#[test]
fn generic_ticks_that_were_refused_are_named_with_the_reason() {
    let mut desk = Desk::new();
    let mut ask = subscribe(&["quote"], 0);
    ask.generic_ticks = vec![233];
    let stock = Arc::clone(&desk.stock);
    let greedy = desk.try_subscribe("alpha", ask, &stock).expect("a lease");
    let refused = desk.asked();
    desk.notice(refused, 321, "Error validating request: Incorrect generic tick list");
    let id = desk.asked();
    desk.hear(price(id, 1, 10.0, "1"));
    let reason = desk.list().upstream[0].reason.clone().expect("why");
    assert!(reason.contains("generic tick 233") && reason.contains("IB code 321"), "{reason}");
    desk.lease("beta", &["quote"]);
    desk.unsubscribe("alpha", &greedy.lease).expect("ended");
    assert_eq!(desk.list().upstream[0].reason, None, "nobody misses it");
}
