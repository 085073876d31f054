//! A rig with the verbs of market data.

use std::sync::Arc;

use crate::{
    config::Config,
    schema::{
        ApiError,
        bar::BarEvent,
        connection::{GapEvent, LinkName},
        market::{DepthEvent, QuoteEvent, TickByTickEvent, TickEvent},
        request::market::{Lease, Leases, ListLeases, Renew, Snapshot, Stream, Subscribe, Unsubscribe},
    },
    session::{Answer, Ask, Event, Listing, Token, rig::Rig},
    tws::{
        Request, Response,
        message::market_data::{TickPrice, TickSize},
    },
};

/// A session with both links ready and one stock.
pub(super) struct Desk {
    pub(super) rig: Rig,
    pub(super) stock: Arc<Listing>,
}

pub(super) fn subscribe(streams: &[&str], ttl_s: u32) -> Subscribe {
    serde_json::from_value(serde_json::json!({ "contract": "STK:AAPL", "streams": streams, "ttl_s": ttl_s }))
        .expect("a request")
}

pub(super) fn price(req_id: i32, tick_type: i32, price: f64, size: &str) -> Response {
    Response::TickPrice(TickPrice {
        req_id: Some(req_id),
        tick_type: Some(tick_type),
        price: Some(price),
        size: Some(size.to_owned()),
        attr_mask: None,
    })
}

pub(super) fn size(req_id: i32, tick_type: i32, size: &str) -> Response {
    Response::TickSize(TickSize { req_id: Some(req_id), tick_type: Some(tick_type), size: Some(size.to_owned()) })
}

impl Desk {
    pub(super) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(super) fn with(config: Config) -> Self {
        let mut rig = Rig::ready_with(config);
        rig.is_alive = true;
        let stock = rig.stock(265_598, "AAPL");
        Self { rig, stock }
    }

    pub(super) fn try_subscribe(&mut self, client: &str, ask: Subscribe, on: &Arc<Listing>) -> Result<Lease, ApiError> {
        let token = self.rig.ask_resolved(client, Ask::Subscribe(Box::new(ask)), on);
        match self.rig.reply(token).expect("an answer at once") {
            Ok(Answer::Lease(lease)) => Ok(*lease),
            Ok(other) => panic!("not a lease: {other:?}"),
            Err(error) => Err(error),
        }
    }

    /// A lease on streams of the stock until unsubscribed.
    pub(super) fn lease(&mut self, client: &str, streams: &[&str]) -> Lease {
        let stock = Arc::clone(&self.stock);
        self.try_subscribe(client, subscribe(streams, 0), &stock).expect("a lease")
    }

    /// Subscribes and returns the id of the one request that was sent for it.
    pub(super) fn stream(&mut self, streams: &[&str]) -> i32 {
        self.lease("alpha", streams);
        self.asked()
    }

    /// The id of the one request sent since last looked.
    #[track_caller]
    pub(super) fn asked(&mut self) -> i32 {
        let sent = self.rig.sent(LinkName::Data);
        assert_eq!(sent.len(), 1, "{sent:?}");
        request_id(&sent[0])
    }

    pub(super) fn sent(&mut self) -> Vec<Request> {
        self.rig.sent(LinkName::Data)
    }

    pub(super) fn unsubscribe(&mut self, client: &str, lease: &str) -> Result<u32, ApiError> {
        let token = self.rig.ask_as(client, Ask::Unsubscribe(Unsubscribe { lease: lease.to_owned() }));
        match self.rig.reply(token).expect("an answer at once")? {
            Answer::Unsubscribed(answer) => Ok(answer.cancelled),
            other => panic!("not an end: {other:?}"),
        }
    }

    pub(super) fn renew(&mut self, client: &str, lease: &str) -> Result<Lease, ApiError> {
        let token = self.rig.ask_as(client, Ask::Renew(Renew { lease: lease.to_owned() }));
        match self.rig.reply(token).expect("an answer at once")? {
            Answer::Lease(lease) => Ok(*lease),
            other => panic!("not a lease: {other:?}"),
        }
    }

    pub(super) fn list(&mut self) -> Leases {
        let token = self.rig.ask(Ask::ListLeases(ListLeases::default()));
        match self.rig.reply(token).expect("an answer at once").expect("a list") {
            Answer::Leases(leases) => *leases,
            other => panic!("not a list: {other:?}"),
        }
    }

    pub(super) fn ask_snapshot(&mut self) -> Token {
        let ask: Snapshot = serde_json::from_value(serde_json::json!({ "contract": "STK:AAPL" })).expect("a request");
        let stock = Arc::clone(&self.stock);
        self.rig.ask_resolved("alpha", Ask::Snapshot(Box::new(ask)), &stock)
    }

    /// A message from the gateway.
    pub(super) fn hear(&mut self, response: Response) {
        self.rig.receive_data(response);
    }

    pub(super) fn notice(&mut self, id: i32, code: i32, text: &str) {
        self.rig.notice(LinkName::Data, id, code, text);
    }

    /// The market events since last looked; other kinds are dropped.
    pub(super) fn heard(&mut self) -> Heard {
        let mut heard = Heard::default();
        for event in self.rig.events() {
            match event {
                Event::Tick(_, tick) => heard.ticks.push(tick),
                Event::Quote(_, quote) => heard.quotes.push(quote),
                Event::TickByTick(_, _, tick) => heard.tick_by_tick.push(*tick),
                Event::Bar(_, bar) => heard.bars.push(*bar),
                Event::Depth(_, depth) => heard.depth.push(*depth),
                Event::Gap(_, gap) => heard.gaps.push(*gap),
                _ => {}
            }
        }
        heard
    }
}

/// Market events by kind, in order.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) ticks: Vec<TickEvent>,
    pub(super) quotes: Vec<QuoteEvent>,
    pub(super) tick_by_tick: Vec<TickByTickEvent>,
    pub(super) bars: Vec<BarEvent>,
    pub(super) depth: Vec<DepthEvent>,
    pub(super) gaps: Vec<GapEvent>,
}

pub(super) fn request_id(request: &Request) -> i32 {
    let id = match request {
        Request::MarketDataRequest(ask) => ask.req_id,
        Request::TickByTickRequest(ask) => ask.req_id,
        Request::RealTimeBarsRequest(ask) => ask.req_id,
        Request::MarketDepthRequest(ask) => ask.req_id,
        Request::CancelMarketData(ask) => ask.req_id,
        Request::CancelTickByTick(ask) => ask.req_id,
        Request::CancelRealTimeBars(ask) => ask.req_id,
        Request::CancelMarketDepth(ask) => ask.req_id,
        other => panic!("not about a stream: {other:?}"),
    };
    id.expect("an id")
}

pub(super) fn names(sent: &[Request]) -> Vec<&'static str> {
    sent.iter().map(Request::name).collect()
}

#[test]
fn every_stream_has_its_request() {
    for (stream, name) in [
        ("quote", "MarketDataRequest"),
        ("tick", "MarketDataRequest"),
        ("tbt.last", "TickByTickRequest"),
        ("tbt.all_last", "TickByTickRequest"),
        ("tbt.bid_ask", "TickByTickRequest"),
        ("tbt.mid_point", "TickByTickRequest"),
        ("bar.5s", "RealTimeBarsRequest"),
        ("depth", "MarketDepthRequest"),
    ] {
        let mut desk = Desk::new();
        let lease = desk.lease("alpha", &[stream]);
        assert_eq!(lease.streams[0].stream, stream.parse::<Stream>().expect("a stream"));
        assert_eq!(names(&desk.sent()), [name], "{stream}");
    }
}
