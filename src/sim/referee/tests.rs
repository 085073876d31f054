//! The rules, one by one, from the side of the gateway.

use super::*;
use crate::sim::outbox::Outbox;
use crate::tws::message::account::AccountSummaryRequest;
use crate::tws::message::contract::{Contract, MatchingSymbolsRequest};
use crate::tws::message::depth::MarketDepthRequest;
use crate::tws::message::history::{
    CancelHeadTimestamp, HeadTimestampRequest, HistoricalDataEnd, HistoricalDataRequest, RealTimeBarsRequest,
};
use crate::tws::message::login::CurrentTimeRequest;
use crate::tws::message::market_data::MarketDataRequest;
use crate::tws::message::news::WshEventDataRequest;
use crate::tws::message::scanner::{CancelScannerSubscription, ScannerSubscriptionRequest};
use crate::tws::message::tick_by_tick::HistoricalTicksRequest;

const WIRE: ConnectionId = ConnectionId(1);

struct Rig {
    referee: Referee,
    next_id: i32,
}

impl Rig {
    fn new() -> Self {
        Self { referee: Referee::new(&SimConfig::default()), next_id: 0 }
    }

    fn judge(&mut self, now_ms: i64, request: &Request) -> Ruling {
        let client = Client { connection: WIRE, client_id: Some(7), market_data_type: 1 };
        self.referee.judge(now_ms, &client, Some(1), request)
    }

    /// The code of the refusal, 0 if the request is served.
    fn code(&mut self, now_ms: i64, request: &Request) -> i32 {
        match self.judge(now_ms, request) {
            Ruling::Allow => 0,
            Ruling::Refuse(_, refusal) | Ruling::Close(refusal) => refusal.code,
        }
    }

    fn bars(&mut self, end: &str, size: &str, what: &str) -> Request {
        self.next_id += 1;
        Request::HistoricalDataRequest(Box::new(HistoricalDataRequest {
            req_id: Some(self.next_id),
            contract: Some(Contract { exchange: Some("SMART".to_owned()), ..Contract::default() }),
            end_date_time: Some(end.to_owned()),
            bar_size_setting: Some(size.to_owned()),
            duration: Some("1800 S".to_owned()),
            what_to_show: Some(what.to_owned()),
            ..HistoricalDataRequest::default()
        }))
    }

    fn ask(&mut self, now_ms: i64, end: &str, size: &str, what: &str) -> i32 {
        let request = self.bars(end, size, what);
        let code = self.code(now_ms, &request);
        self.end(self.next_id);
        code
    }

    fn end(&mut self, req_id: i32) {
        let end = HistoricalDataEnd { req_id: Some(req_id), ..HistoricalDataEnd::default() };
        self.referee.watch(0, &[Effect::Send(WIRE, Response::HistoricalDataEnd(end))]);
    }

    fn broken(&self) -> Vec<(Rule, u64)> {
        self.referee.counts().into_iter().map(|row| (row.rule, row.count)).collect()
    }
}

#[test]
fn an_identical_small_request_waits_fifteen_seconds() {
    let mut rig = Rig::new();
    let codes = [0, 14_999, 15_000].map(|now_ms| rig.ask(now_ms, "e", "5 secs", "TRADES"));
    assert_eq!(codes, [0, 162, 0]);
    assert_eq!(rig.broken(), [(Rule::IdenticalHistory, 1)]);
}

#[test]
fn the_sixth_of_one_contract_and_kind_in_two_seconds_is_refused_and_bid_ask_counts_twice() {
    let mut rig = Rig::new();
    for number in 0..5 {
        assert_eq!(rig.ask(number, &number.to_string(), "30 secs", "TRADES"), 0);
    }
    assert_eq!(rig.ask(1_999, "5", "30 secs", "TRADES"), 162);
    assert_eq!(rig.ask(1_999, "5", "30 secs", "MIDPOINT"), 0);
    assert_eq!(rig.ask(2_000, "6", "30 secs", "TRADES"), 0);
    let codes = [0, 1, 2].map(|number| rig.ask(10_000, &format!("b{number}"), "1 secs", "BID_ASK"));
    assert_eq!(codes, [0, 0, 162]);
    assert_eq!(rig.broken(), [(Rule::SameHistory, 2)]);
}

#[test]
fn sixty_in_ten_minutes_are_shared_by_bars_ticks_heads_and_streams() {
    let mut rig = Rig::new();
    for number in 0..28_i64 {
        assert_eq!(rig.ask(number * 3_000, &number.to_string(), "5 secs", "BID_ASK"), 0);
    }
    let ticks = |id: i32| {
        Request::HistoricalTicksRequest(Box::new(HistoricalTicksRequest {
            req_id: Some(id),
            start_date_time: Some(id.to_string()),
            what_to_show: Some("TRADES".to_owned()),
            ..HistoricalTicksRequest::default()
        }))
    };
    let head = HeadTimestampRequest { req_id: Some(900), ..HeadTimestampRequest::default() };
    let head = Request::HeadTimestampRequest(Box::new(head));
    let stream = RealTimeBarsRequest { req_id: Some(901), ..RealTimeBarsRequest::default() };
    let stream = Request::RealTimeBarsRequest(Box::new(stream));
    let codes =
        [ticks(800), head, stream.clone(), stream.clone(), stream, ticks(801)].map(|ask| rig.code(100_000, &ask));
    assert_eq!(codes, [0, 0, 0, 0, 420, 162]);
    assert_eq!(rig.ask(100_000, "x", "1 min", "BID_ASK"), 0, "no small bar");
    assert_eq!(rig.ask(600_000, "y", "5 secs", "BID_ASK"), 0);
    assert_eq!(rig.broken(), [(Rule::HistoryIn10Minutes, 2)]);
}

#[test]
fn fifty_may_be_open_and_a_head_is_open_until_it_is_cancelled() {
    let mut rig = Rig::new();
    let head = |id: i32| {
        let what_to_show = Some(id.to_string());
        let ask = HeadTimestampRequest { req_id: Some(id), what_to_show, ..HeadTimestampRequest::default() };
        Request::HeadTimestampRequest(Box::new(ask))
    };
    for id in 0..50 {
        assert_eq!(rig.code(i64::from(id) * 1_000, &head(1_000 + id)), 0);
    }
    assert_eq!(rig.ask(60_000, "e", "1 hour", "TRADES"), 322);
    let cancel = Request::CancelHeadTimestamp(CancelHeadTimestamp { req_id: Some(1_000) });
    assert_eq!(rig.code(60_001, &cancel), 0);
    assert_eq!(rig.ask(60_002, "e", "1 hour", "TRADES"), 0);
    assert_eq!(rig.broken(), [(Rule::OpenHistory, 1)]);
    rig.referee.closed(WIRE);
    assert_eq!(rig.code(60_003, &head(2_000)), 0);
}

#[test]
fn messages_above_the_rate_are_counted_and_end_the_session_where_the_gateway_is_set_so() {
    let time = Request::CurrentTimeRequest(CurrentTimeRequest {});
    let mut rig = Rig::new();
    let codes: Vec<i32> = (0..60).map(|_| rig.code(5, &time)).collect();
    assert_eq!((codes.iter().sum::<i32>(), rig.broken()), (0, vec![(Rule::Messages, 10)]));

    let config = SimConfig { rejects_fast_clients: true, ..SimConfig::default() };
    let mut rig = Rig { referee: Referee::new(&config), next_id: 0 };
    let rulings: Vec<Ruling> = (0..53).map(|_| rig.judge(5, &time)).collect();
    assert!(rulings[..50].iter().all(|ruling| *ruling == Ruling::Allow));
    assert!(matches!(&rulings[50..], [Ruling::Refuse(..), Ruling::Refuse(..), Ruling::Close(_)]));
    assert_eq!(rig.judge(1_005, &time), Ruling::Allow);
}

#[test]
fn streams_asked_for_again_too_soon_and_slots_that_are_taken_are_counted() {
    let mut rig = Rig::new();
    let ticks = Request::TickByTickRequest(Box::default());
    for now_ms in [0, 14_999, 29_999] {
        rig.judge(now_ms, &ticks);
    }
    let search = Request::MatchingSymbolsRequest(MatchingSymbolsRequest::default());
    for now_ms in [0, 999, 1_999] {
        rig.judge(now_ms, &search);
    }
    let mut out = Outbox::at(0);
    out.error(WIRE, 1, 101, "Max number of tickers has been reached");
    out.error(WIRE, 2, 354, "Requested market data is not subscribed.");
    rig.referee.watch(0, &out.into_effects());
    assert_eq!(rig.broken(), [(Rule::TickByTickAgain, 1), (Rule::Lines, 1), (Rule::SymbolSearch, 1)]);
    assert_eq!(rig.referee.recent().len(), 3);
}

#[test]
fn messages_of_two_connections_count_together_for_the_login() {
    let time = Request::CurrentTimeRequest(CurrentTimeRequest {});
    let mut rig = Rig::new();
    for number in 0..52_u64 {
        let client = Client { connection: ConnectionId(1 + number % 2), client_id: Some(7), market_data_type: 1 };
        assert_eq!(rig.referee.judge(5, &client, None, &time), Ruling::Allow);
    }
    assert_eq!(rig.broken(), [(Rule::LoginMessages, 2)]);
}

#[test]
fn running_requests_are_counted_until_they_are_cancelled_refused_or_cut_off() {
    let mut rig = Rig::new();
    let scan = |id| {
        let ask = ScannerSubscriptionRequest { req_id: Some(id), ..ScannerSubscriptionRequest::default() };
        Request::ScannerSubscriptionRequest(Box::new(ask))
    };
    let summary = |id| {
        let ask = AccountSummaryRequest { req_id: Some(id), ..AccountSummaryRequest::default() };
        Request::AccountSummaryRequest(ask)
    };
    let depth = |id, con_id| {
        let contract = Some(Contract { con_id: Some(con_id), ..Contract::default() });
        Request::MarketDepthRequest(Box::new(MarketDepthRequest { req_id: Some(id), contract, ..Default::default() }))
    };
    let mut now_ms = 0;
    let mut judge = |rig: &mut Rig, request: &Request| {
        now_ms += 1_000;
        rig.judge(now_ms, request);
    };
    for id in 0..10 {
        judge(&mut rig, &scan(id));
    }
    for id in [20, 21] {
        judge(&mut rig, &summary(id));
    }
    for (id, con_id) in [(30, 1), (31, 2), (32, 3), (33, 3)] {
        judge(&mut rig, &depth(id, con_id));
    }
    assert_eq!(rig.broken(), []);
    for request in [scan(10), summary(22), depth(34, 4)] {
        judge(&mut rig, &request);
    }
    let broken = [(Rule::Depth, 1), (Rule::Scanners, 1), (Rule::AccountSummaries, 1)];
    assert_eq!(rig.broken(), broken);
    // The refusals that follow say nothing new, and free the places.
    let mut out = Outbox::at(0);
    out.error(WIRE, 34, 309, "Max number (3) of market depth requests has been reached");
    out.error(WIRE, 10, 322, "Only 10 simultaneous API scanner subscriptions allowed");
    rig.referee.watch(0, &out.into_effects());
    judge(&mut rig, &Request::CancelScannerSubscription(CancelScannerSubscription { req_id: Some(0) }));
    judge(&mut rig, &scan(11));
    assert_eq!(rig.broken(), broken);
    rig.referee.closed(WIRE);
    judge(&mut rig, &summary(23));
    assert_eq!(rig.broken(), broken);
}

#[test]
fn lines_are_counted_by_instrument_and_bars_by_stream() {
    let mut rig =
        Rig { referee: Referee::new(&SimConfig { market_data_lines: 2, ..SimConfig::default() }), next_id: 0 };
    let quotes = |id, con_id| {
        let contract = Some(Contract { con_id: Some(con_id), ..Contract::default() });
        Request::MarketDataRequest(Box::new(MarketDataRequest { req_id: Some(id), contract, ..Default::default() }))
    };
    rig.judge(0, &quotes(1, 7));
    rig.judge(0, &quotes(2, 7));
    rig.judge(
        0,
        &Request::RealTimeBarsRequest(Box::new(RealTimeBarsRequest { req_id: Some(3), ..Default::default() })),
    );
    assert_eq!(rig.broken(), []);
    rig.judge(0, &quotes(4, 8));
    assert_eq!(rig.broken(), [(Rule::Lines, 1)]);
}

#[test]
fn too_many_rows_and_events_before_the_calendars_fields_are_counted() {
    let mut rig = Rig::new();
    let ticks = HistoricalTicksRequest { number_of_ticks: Some(1_001), ..HistoricalTicksRequest::default() };
    rig.judge(0, &Request::HistoricalTicksRequest(Box::new(ticks)));
    let events = Request::WshEventDataRequest(Box::new(WshEventDataRequest { req_id: Some(2), ..Default::default() }));
    rig.judge(0, &events);
    rig.end(2);
    assert_eq!(rig.broken(), [(Rule::RowsOfRequest, 1), (Rule::CalendarOrder, 1)]);
}

#[test]
fn a_lenient_gateway_counts_and_serves() {
    let config = SimConfig { pacing: false, ..SimConfig::default() };
    let mut rig = Rig { referee: Referee::new(&config), next_id: 0 };
    assert_eq!([0, 1].map(|now_ms| rig.ask(now_ms, "e", "5 secs", "TRADES")), [0, 0]);
    assert_eq!(rig.broken(), [(Rule::IdenticalHistory, 1)]);
}
