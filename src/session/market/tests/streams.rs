//! Tick-by-tick, bars and depth.

use super::desk::Desk;
use crate::{
    schema::{
        Size,
        market::{BookSide, DepthAction},
    },
    tws::{
        Request, Response,
        message::{
            depth::{MarketDepth, MarketDepthData, MarketDepthL2},
            history::RealTimeBarTick,
            tick_by_tick::{HistoricalTick, HistoricalTickBidAsk, HistoricalTickLast, TickAttribLast, TickByTickData},
        },
    },
};

pub(super) fn bar(req_id: i32, time: i64, volume: &str) -> Response {
    Response::RealTimeBarTick(Box::new(RealTimeBarTick {
        req_id: Some(req_id),
        time: Some(time),
        open: Some(1.0),
        high: Some(3.0),
        low: Some(0.5),
        close: Some(2.0),
        volume: Some(volume.to_owned()),
        wap: Some(volume.to_owned()),
        count: Some(if volume == "-1" { -1 } else { 7 }),
    }))
}

#[test]
fn bars_of_a_stock_are_made_of_trades_and_those_of_a_pair_of_midpoints() {
    let mut desk = Desk::new();
    let pair = desk.rig.listing(12_087_792, "CASH", "EUR.USD", "IDEALPRO");
    desk.lease("alpha", &["bar.5s"]);
    desk.try_subscribe("alpha", super::desk::subscribe(&["bar.5s"], 0), &pair).expect("a lease");
    let asked: Vec<_> = desk
        .sent()
        .into_iter()
        .map(|request| match request {
            Request::RealTimeBarsRequest(ask) => (ask.bar_size, ask.what_to_show),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(asked, [(Some(5), Some("TRADES".to_owned())), (Some(5), Some("MIDPOINT".to_owned()))]);
}

#[test]
fn a_bar_starts_at_its_time_and_has_figures_of_trades_only_if_sent() {
    let mut desk = Desk::new();
    let id = desk.stream(&["bar.5s"]);
    desk.hear(bar(id, 1_700_000_000, "12.50"));
    desk.hear(bar(id, 1_700_000_005, "-1"));
    let bars = desk.heard().bars;
    assert!(bars.iter().all(|bar| bar.complete && bar.size.name() == "5s"));
    assert_eq!((bars[0].bar.start_us, bars[0].bar.count), (1_700_000_000_000_000, Some(7)));
    assert_eq!(bars[0].bar.volume.as_ref().map(Size::as_str), Some("12.50"));
    assert_eq!((bars[1].bar.volume.as_ref(), bars[1].bar.wap.as_ref(), bars[1].bar.count), (None, None, None));
}

#[test]
fn trades_keep_their_exchange_and_marks() {
    let mut desk = Desk::new();
    let id = desk.stream(&["tbt.all_last"]);
    let trade = HistoricalTickLast {
        time: Some(1_700_000_000),
        tick_attrib_last: Some(TickAttribLast { past_limit: Some(false), unreported: Some(true) }),
        price: Some(10.5),
        size: Some("0.25".to_owned()),
        exchange: Some("ARCA".to_owned()),
        special_conditions: Some(String::new()),
    };
    desk.hear(Response::TickByTickData(Box::new(TickByTickData {
        req_id: Some(id),
        tick_type: Some(2),
        historical_tick_last: Some(trade),
        ..TickByTickData::default()
    })));
    let tick = desk.heard().tick_by_tick.remove(0);
    assert_eq!((tick.event_us, tick.price), (Some(1_700_000_000_000_000), Some(10.5)));
    assert_eq!((tick.size.as_ref().map(Size::as_str), tick.exchange.as_deref()), (Some("0.25"), Some("ARCA")));
    assert_eq!((tick.conditions, tick.unreported, tick.past_limit), (None, Some(true), None));
}

#[test]
fn tick_by_tick_quotes_and_midpoints_have_their_own_fields() {
    let mut desk = Desk::new();
    let id = desk.stream(&["tbt.bid_ask"]);
    let quote = HistoricalTickBidAsk {
        time: Some(1_700_000_000),
        price_bid: Some(10.0),
        price_ask: Some(-1.0),
        size_bid: Some("3".to_owned()),
        size_ask: Some("0".to_owned()),
        ..HistoricalTickBidAsk::default()
    };
    desk.hear(Response::TickByTickData(Box::new(TickByTickData {
        req_id: Some(id),
        tick_type: Some(3),
        historical_tick_bid_ask: Some(quote),
        ..TickByTickData::default()
    })));
    let tick = desk.heard().tick_by_tick.remove(0);
    assert_eq!((tick.bid, tick.ask, tick.ask_size, tick.price), (Some(10.0), None, None, None));

    desk.rig.wait_ms(16_000);
    desk.sent();
    let id = desk.stream(&["tbt.mid_point"]);
    desk.hear(Response::TickByTickData(Box::new(TickByTickData {
        req_id: Some(id),
        tick_type: Some(4),
        historical_tick_mid_point: Some(HistoricalTick { time: Some(1), price: Some(10.25), size: None }),
        ..TickByTickData::default()
    })));
    assert_eq!(desk.heard().tick_by_tick[0].price, Some(10.25));
}

fn row(position: i32, operation: i32, side: i32) -> MarketDepthData {
    MarketDepthData {
        position: Some(position),
        operation: Some(operation),
        side: Some(side),
        price: Some(10.0),
        size: Some("4".to_owned()),
        market_maker: Some("NSDQ".to_owned()),
        is_smart_depth: None,
    }
}

#[test]
fn rows_come_go_and_change_and_a_reset_empties_the_book() {
    let mut desk = Desk::new();
    let id = desk.stream(&["depth"]);
    desk.hear(Response::MarketDepth(MarketDepth { req_id: Some(id), market_depth_data: Some(row(0, 0, 1)) }));
    desk.hear(Response::MarketDepthL2(MarketDepthL2 { req_id: Some(id), market_depth_data: Some(row(0, 1, 0)) }));
    desk.hear(Response::MarketDepth(MarketDepth { req_id: Some(id), market_depth_data: Some(row(0, 2, 1)) }));
    desk.notice(
        id,
        317,
        "Market depth data has been RESET. Please empty deep book contents before applying any new entries.",
    );
    desk.hear(Response::MarketDepth(MarketDepth { req_id: Some(id), market_depth_data: Some(row(0, 9, 1)) }));
    let rows = desk.heard().depth;
    let shape: Vec<_> = rows.iter().map(|row| (row.action, row.side, row.price)).collect();
    assert_eq!(
        shape,
        [
            (DepthAction::Insert, Some(BookSide::Bid), Some(10.0)),
            (DepthAction::Update, Some(BookSide::Ask), Some(10.0)),
            (DepthAction::Delete, Some(BookSide::Bid), None),
            (DepthAction::Reset, None, None),
        ]
    );
    assert_eq!(desk.rig.session.core.counters.undecodable_messages, 1, "an operation nobody knows is counted");
}

#[test]
fn a_book_asked_for_again_begins_with_a_reset() {
    let mut desk = Desk::new();
    let id = desk.stream(&["depth"]);
    desk.hear(Response::MarketDepth(MarketDepth { req_id: Some(id), market_depth_data: Some(row(0, 0, 1)) }));
    desk.rig.cut(crate::schema::connection::LinkName::Data);
    desk.heard();
    desk.sent();
    desk.rig.reconnect(crate::schema::connection::LinkName::Data);
    let id = desk.asked();
    desk.hear(Response::MarketDepth(MarketDepth { req_id: Some(id), market_depth_data: Some(row(0, 0, 1)) }));
    let shape: Vec<_> = desk.heard().depth.iter().map(|row| (row.action, row.after_gap)).collect();
    assert_eq!(shape, [(DepthAction::Reset, Some(true)), (DepthAction::Insert, None)]);
}

#[test]
fn smart_depth_is_asked_for_at_smart_only() {
    let mut desk = Desk::new();
    let future = desk.rig.listing(7, "FUT", "ESZ6", "CME");
    let mut ask = super::desk::subscribe(&["depth"], 0);
    ask.depth_rows = Some(5);
    desk.try_subscribe("alpha", ask, &future).expect("a lease");
    desk.lease("alpha", &["depth"]);
    let asked: Vec<_> = desk
        .sent()
        .into_iter()
        .map(|request| match request {
            Request::MarketDepthRequest(ask) => (ask.num_rows, ask.is_smart_depth),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(asked, [(Some(5), None), (Some(10), Some(true))]);
}
