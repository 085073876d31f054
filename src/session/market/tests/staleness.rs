//! Streams that fall silent by themselves, and markets that rightly do.

use std::sync::Arc;

use super::desk::{Desk, names, price, request_id, subscribe};
use crate::{
    config::{Config, Staleness},
    schema::connection::{GapState, LinkName},
    session::{
        Listing,
        time::{Hours, Zone},
    },
    tws::{
        Request, Response,
        message::{
            history::RealTimeBarTick,
            market_data::{MarketDataType, TickGeneric},
        },
    },
};

/// Sessions of the first two days of every rig, which starts on 2027-01-15 at 08:00 UTC.
pub(super) const OPEN: &str = "20270115:0700-20270115:2100;20270116:0700-20270116:2100";

pub(super) fn trade(desk: &mut Desk, con_id: i32, hours: &str) {
    let (hours, strange) = Hours::read(hours, Zone::UTC);
    assert!(strange.is_empty());
    let now_us = desk.rig.now().us;
    desk.rig.session.core.trading_hours.learn(con_id, now_us, Some(hours));
}

/// A desk whose stock trades from 07:00 to 21:00 UTC.
fn open_desk() -> Desk {
    let mut desk = Desk::new();
    trade(&mut desk, 265_598, OPEN);
    desk
}

/// The same, whose data link is never built anew for silence.
fn desk_without_rebuilds() -> Desk {
    let staleness = Staleness { rebuild_s: 0, ..Staleness::default() };
    let mut desk = Desk::with(Config { staleness, ..Config::default() });
    trade(&mut desk, 265_598, OPEN);
    desk
}

/// A tick each second.
pub(super) fn flow(desk: &mut Desk, req_id: i32, seconds: u32) {
    for second in 0..seconds {
        desk.hear(price(req_id, 1, 100.0 + f64::from(second), "1"));
        desk.rig.wait_ms(1_000);
    }
}

fn bar(req_id: i32, time: i64) -> Response {
    let price = Some(10.0);
    Response::RealTimeBarTick(Box::new(RealTimeBarTick {
        req_id: Some(req_id),
        time: Some(time),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: Some("1".to_owned()),
        wap: Some("10".to_owned()),
        count: Some(1),
    }))
}

/// Requests about streams since last looked; probes are answered by the rig.
fn asked(desk: &mut Desk) -> Vec<Request> {
    desk.sent()
}

#[test]
fn a_lively_quote_that_falls_silent_is_stale_within_35_seconds_and_asked_for_again() {
    let mut desk = open_desk();
    let before = desk.stream(&["quote"]);
    flow(&mut desk, before, 60);
    desk.heard();
    desk.rig.wait_ms(28_000);
    assert_eq!((asked(&mut desk), desk.heard().gaps), (Vec::new(), Vec::new()), "29 s are nothing");
    desk.rig.wait_ms(7_000);
    let sent = asked(&mut desk);
    assert_eq!(names(&sent), ["CancelMarketData", "MarketDataRequest"]);
    let heard = desk.heard();
    assert!(heard.quotes.last().expect("told").stale);
    assert_eq!((heard.gaps.len(), heard.gaps[0].state), (1, GapState::Opened));
    assert!(heard.gaps[0].reason.contains("market is open"), "{}", heard.gaps[0].reason);

    let after = request_id(&sent[1]);
    desk.hear(price(after, 1, 200.0, "1"));
    let heard = desk.heard();
    assert_eq!(heard.gaps[0].state, GapState::Closed);
    assert_eq!((heard.quotes[0].stale, heard.quotes[0].after_gap), (false, Some(true)));
    assert_eq!(desk.rig.session.core.counters.stale_streams, 1);
}

#[test]
fn five_second_bars_are_missed_after_three() {
    let mut desk = open_desk();
    let req_id = desk.stream(&["bar.5s"]);
    desk.hear(bar(req_id, 1_800_000_000));
    desk.rig.wait_ms(15_000);
    assert_eq!(asked(&mut desk), []);
    desk.rig.wait_ms(5_001);
    assert_eq!(names(&asked(&mut desk))[..2], ["CancelRealTimeBars", "RealTimeBarsRequest"]);
    assert!(desk.heard().gaps.iter().any(|gap| gap.state == GapState::Opened && gap.stream == "bar.5s"));
}

#[test]
fn a_bar_stream_that_never_began_is_asked_for_again() {
    let mut desk = open_desk();
    desk.stream(&["bar.5s"]);
    desk.rig.wait_ms(25_000);
    assert_eq!(names(&asked(&mut desk)), ["CancelRealTimeBars"]);
    desk.rig.wait_ms(5_000);
    assert_eq!(names(&asked(&mut desk)), ["RealTimeBarsRequest"]);
}

#[test]
fn a_closed_market_an_unknown_one_and_a_broken_farm_cause_no_alarm() {
    for (hours, farm) in [(Some("20270115:0700-20270115:0802"), false), (None, false), (Some(OPEN), true)] {
        let mut desk = Desk::new();
        if let Some(hours) = hours {
            trade(&mut desk, 265_598, hours);
        }
        let req_id = desk.stream(&["quote"]);
        flow(&mut desk, req_id, 100);
        if farm {
            desk.rig.notice_all(2103, "Market data farm connection is broken:usfarm");
        }
        desk.heard();
        desk.rig.wait_ms(3_600_000);
        assert_eq!(asked(&mut desk), [], "{hours:?}");
        assert_eq!(desk.heard().gaps.len(), 0, "{hours:?}");
    }
}

#[test]
fn silence_counts_from_the_opening_and_from_the_farms_return() {
    let mut desk = Desk::new();
    trade(&mut desk, 265_598, "20270115:0700-20270115:0802;20270115:0900-20270115:2100");
    let req_id = desk.stream(&["quote"]);
    flow(&mut desk, req_id, 100);
    desk.rig.wait_ms(55 * 60_000);
    assert_eq!(asked(&mut desk), [], "closed");
    // 08:56:40 until now; the market opens at 09:00.
    desk.rig.wait_ms(200_000 + 29_000);
    assert_eq!(asked(&mut desk), [], "the opening is half a minute old");
    desk.rig.wait_ms(12_000);
    assert_eq!(asked(&mut desk).len(), 2);
    let after = {
        flow(&mut desk, req_id, 1);
        desk.list().upstream[0].req_id.expect("asked")
    };
    flow(&mut desk, after, 60);

    desk.rig.notice_all(2103, "Market data farm connection is broken:usfarm");
    desk.rig.wait_ms(600_000);
    desk.rig.notice_all(2104, "Market data farm connection is OK:usfarm");
    desk.rig.wait_ms(29_000);
    assert_eq!(asked(&mut desk), []);
    desk.rig.wait_ms(300_000);
    assert_ne!(asked(&mut desk), [], "the gateway did not restore it");
}

#[test]
fn a_stream_that_stays_silent_is_asked_for_less_and_less_often() {
    let mut desk = desk_without_rebuilds();
    let req_id = desk.stream(&["depth"]);
    for second in 0..60 {
        desk.hear(Response::MarketDepth(crate::tws::message::depth::MarketDepth {
            req_id: Some(req_id),
            market_depth_data: Some(crate::tws::message::depth::MarketDepthData {
                position: Some(0),
                operation: Some(i32::from(second > 0)),
                side: Some(1),
                price: Some(10.0),
                size: Some(second.to_string()),
                ..Default::default()
            }),
        }));
        desk.rig.wait_ms(1_000);
    }
    desk.rig.wait_ms(3 * 3_600_000);
    let count = asked(&mut desk).iter().filter(|request| matches!(request, Request::MarketDepthRequest(_))).count();
    assert!((5..=11).contains(&count), "{count} requests in three hours");
}

#[test]
fn silence_of_all_streams_is_no_storm() {
    let mut desk = desk_without_rebuilds();
    let mut ids = Vec::new();
    for con_id in 1..=80 {
        trade(&mut desk, con_id, OPEN);
        let stock: Arc<Listing> = desk.rig.stock(con_id, &format!("S{con_id}"));
        desk.try_subscribe("alpha", subscribe(&["quote"], 0), &stock).expect("a lease");
    }
    desk.rig.wait_ms(3_000);
    ids.extend(asked(&mut desk).iter().map(request_id));
    for second in 0..40 {
        for id in &ids {
            desk.hear(price(*id, 1, f64::from(second), "1"));
        }
        desk.rig.wait_ms(1_000);
    }
    desk.rig.wait_ms(30_000);
    asked(&mut desk);
    let count = |desk: &mut Desk, ms: u64| {
        desk.rig.wait_ms(ms);
        asked(desk).iter().filter(|sent| matches!(sent, Request::MarketDataRequest(_))).count()
    };
    for _ in 0..4 {
        let few = count(&mut desk, 5_000);
        assert!(few <= 10, "{few} requests in five seconds");
    }
    // Those who were asked for again stay silent: the whole farm is asked for again, once.
    let all = count(&mut desk, 20_000);
    assert!((80..=100).contains(&all), "{all} requests");
}

#[test]
fn a_quiet_instrument_has_patience() {
    let mut desk = open_desk();
    let req_id = desk.stream(&["quote"]);
    for minute in 0..30 {
        desk.hear(price(req_id, 1, f64::from(minute), "1"));
        desk.rig.wait_ms(60_000 + 20_000 * u64::try_from(minute % 4).expect("small"));
    }
    desk.rig.wait_ms(5 * 60_000);
    assert_eq!(asked(&mut desk), []);
    assert_eq!(desk.heard().gaps.len(), 0);
    desk.rig.wait_ms(20 * 60_000);
    assert_ne!(asked(&mut desk), []);
}

#[test]
fn the_gateway_is_probed_when_a_stream_falls_silent() {
    let mut desk = open_desk();
    let req_id = desk.stream(&["quote"]);
    flow(&mut desk, req_id, 60);
    desk.rig.is_alive = false;
    // Something else keeps the link from being probed for its own silence.
    for _ in 0..8 {
        desk.rig.wait_ms(5_000);
        desk.rig.notice(
            LinkName::Data,
            -1,
            2107,
            "HMDS data farm connection is inactive but should be available upon demand.ushmds",
        );
    }
    assert!(asked(&mut desk).iter().any(|request| matches!(request, Request::CurrentTimeRequest(_))));
}

#[test]
fn a_broken_farm_excuses_only_the_streams_that_were_not_heard_since() {
    let mut desk = desk_without_rebuilds();
    let lively = desk.stream(&["quote"]);
    trade(&mut desk, 2, OPEN);
    let other = desk.rig.stock(2, "MSFT");
    desk.try_subscribe("alpha", subscribe(&["quote"], 0), &other).expect("a lease");
    let dark = desk.asked();
    for _ in 0..60 {
        flow(&mut desk, dark, 1);
        flow(&mut desk, lively, 1);
    }
    desk.rig.notice_all(2103, "Market data farm connection is broken:usfarm");
    flow(&mut desk, lively, 60);
    asked(&mut desk);
    desk.rig.wait_ms(36_000);
    let sent = asked(&mut desk);
    assert_eq!(names(&sent), ["CancelMarketData", "MarketDataRequest"], "its farm is well");
    assert_eq!(request_id(&sent[0]), lively);
}

/// Ids of streams that are asked for within an hour and a half in which nothing comes of them.
fn asked_in_vain(desk: &mut Desk) -> Vec<&'static str> {
    desk.heard();
    let mut sent = Vec::new();
    for _ in 0..90 {
        desk.rig.wait_ms(60_000);
        // The link is alive: only these requests are not answered.
        desk.rig.notice(LinkName::Data, -1, 2104, "Market data farm connection is OK:usfarm");
        sent.extend(asked(desk));
    }
    names(&sent)
}

#[test]
fn a_request_that_may_be_lost_is_made_once_more_and_never_again() {
    for (stream, request, cancel) in
        [("depth", "MarketDepthRequest", "CancelMarketDepth"), ("tbt.last", "TickByTickRequest", "CancelTickByTick")]
    {
        let mut desk = open_desk();
        desk.stream(&[stream]);
        desk.rig.wait_ms(59_000);
        assert_eq!(asked(&mut desk), [], "{stream}");
        assert_eq!(asked_in_vain(&mut desk), [cancel, request]);
        let list = desk.list();
        let reason = list.leases[0].streams[0].reason.as_deref().expect("why");
        assert!(reason.contains("asked for once more"), "{reason}");
        assert_eq!(desk.heard().gaps, [], "nothing is known to be missing");
    }
}

#[test]
fn a_quote_whose_kind_alone_was_told_is_asked_for_once_more() {
    let mut desk = open_desk();
    let id = desk.stream(&["quote"]);
    let kind = MarketDataType { req_id: Some(id), market_data_type: Some(1) };
    desk.hear(Response::MarketDataType(kind));
    desk.rig.wait_ms(70_000);
    let sent = asked(&mut desk);
    assert_eq!(names(&sent), ["CancelMarketData", "MarketDataRequest"]);
    let id = request_id(&sent[1]);
    desk.hear(Response::MarketDataType(MarketDataType { req_id: Some(id), market_data_type: Some(1) }));
    assert_eq!(asked_in_vain(&mut desk), [""; 0]);
    desk.hear(price(id, 1, 10.0, "1"));
    assert_eq!(desk.list().leases[0].streams[0].reason, None);
}

#[test]
fn no_request_is_made_once_more_if_that_is_configured_or_nobody_knows_the_market_to_be_open() {
    let staleness = Staleness { begin_s: 0, ..Staleness::default() };
    let mut never = Desk::with(Config { staleness, ..Config::default() });
    trade(&mut never, 265_598, OPEN);
    for mut desk in [Box::new(never), Box::new(Desk::new())] {
        desk.stream(&["depth"]);
        assert_eq!(asked_in_vain(&mut desk), [""; 0]);
    }
}

#[test]
fn a_stream_that_grows_thin_when_the_liquid_hours_end_causes_no_alarm() {
    let mut desk = open_desk();
    let (liquid, _) = Hours::read("20270115:0700-20270115:0802", Zone::UTC);
    desk.rig.session.core.trading_hours.learn_liquid(265_598, liquid);
    let id = desk.stream(&["quote"]);
    flow(&mut desk, id, 119);
    for step in 0..60_u32 {
        desk.hear(price(id, 1, 100.0 + f64::from(step), "1"));
        desk.rig.wait_ms(45_000 + 1_000 * u64::from(step * 7 % 60));
    }
    assert_eq!(asked(&mut desk), [], "it has another rhythm after the close");
    assert_eq!(desk.heard().gaps, []);
    desk.rig.wait_ms(20 * 60_000);
    assert_ne!(asked(&mut desk), [], "which is learnt too");
}

#[test]
fn bars_of_a_halted_instrument_are_not_missed() {
    for is_halted in [true, false] {
        let mut desk = open_desk();
        let quote = desk.stream(&["quote"]);
        let bars = desk.stream(&["bar.5s"]);
        desk.hear(price(quote, 1, 10.0, "1"));
        desk.hear(bar(bars, 1_800_000_000));
        let halted =
            TickGeneric { req_id: Some(quote), tick_type: Some(49), value: Some(f64::from(u8::from(is_halted))) };
        desk.hear(Response::TickGeneric(halted));
        desk.rig.wait_ms(50_000);
        assert_eq!(names(&asked(&mut desk)).contains(&"RealTimeBarsRequest"), !is_halted, "{is_halted}");
    }
}
