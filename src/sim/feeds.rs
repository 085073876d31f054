//! All market feeds of all clients, and which request belongs to which.

use std::collections::BTreeSet;

use super::SimConfig;
use super::calendar::Calendar;
use super::depth::Depth;
use super::gateway::World;
use super::history::History;
use super::inquiry::{self, Assumption};
use super::login::Client;
use super::market_data::MarketData;
use super::news::Newsroom;
use super::outbox::{ConnectionId, Outbox};
use super::past_ticks;
use super::real_time_bars::RealTimeBars;
use super::scanner::Scanners;
use super::tick_by_tick::TickByTick;
use super::universe::Refusal;
use crate::tws::message::history::HeadTimestampRequest;
use crate::tws::message::market_data::MarketDataRequest;
use crate::tws::{Request, Response};

/// Subscriptions and queries, with the limits they share.
pub(super) struct Feeds {
    market_data: MarketData,
    tick_by_tick: TickByTick,
    real_time_bars: RealTimeBars,
    depth: Depth,
    history: History,
    /// Earliest-data requests not cancelled: each holds a place among the historical requests.
    heads: BTreeSet<(ConnectionId, i32)>,
    pub(super) news: Newsroom,
    scanners: Scanners,
    calendar: Calendar,
    lines: usize,
}

impl Feeds {
    pub(super) fn new(config: &SimConfig) -> Self {
        Self {
            market_data: MarketData::default(),
            tick_by_tick: TickByTick::default(),
            real_time_bars: RealTimeBars::default(),
            depth: Depth::default(),
            history: History::default(),
            heads: BTreeSet::new(),
            news: Newsroom::default(),
            scanners: Scanners::default(),
            calendar: Calendar::default(),
            lines: config.market_data_lines,
        }
    }

    /// A connection is gone, with everything it had subscribed.
    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.market_data.closed(connection);
        self.tick_by_tick.closed(connection);
        self.real_time_bars.closed(connection);
        self.depth.closed(connection);
        self.history.closed(connection);
        self.news.closed(connection);
        self.scanners.closed(connection);
        self.calendar.closed(connection);
        self.heads.retain(|(owner, _)| *owner != connection);
    }

    /// Time has passed.
    pub(super) fn advance(&mut self, world: &World, out: &mut Outbox) {
        self.market_data.advance(&world.prices, out);
        self.tick_by_tick.advance(world, out);
        self.real_time_bars.advance(world, out);
        self.depth.advance(world, out);
        self.history.advance(world, out);
        self.news.advance(world, out);
        self.scanners.advance(world, out);
    }

    /// Answers a request about market data; false if it is about something else.
    pub(super) fn answer(&mut self, world: &World, client: &Client, request: &Request, out: &mut Outbox) -> bool {
        let to = client.connection;
        match request {
            Request::MarketDataRequest(request) => self.market_data(world, client, request, out),
            Request::CancelMarketData(cancel) => {
                if !self.news.cancel(to, cancel.req_id()) {
                    self.market_data.cancel(to, cancel.req_id(), out);
                }
            }
            Request::TickByTickRequest(request) => self.tick_by_tick.subscribe(world, client, request, out),
            Request::CancelTickByTick(cancel) => self.tick_by_tick.cancel(to, cancel.req_id(), out),
            Request::RealTimeBarsRequest(request) => {
                let streamed: BTreeSet<i32> = self.streamed().collect();
                let has_line = |con_id| streamed.contains(&con_id) || streamed.len() < self.lines;
                self.real_time_bars.subscribe(world, client, request, has_line, out);
            }
            Request::CancelRealTimeBars(cancel) => self.real_time_bars.cancel(to, cancel.req_id(), out),
            Request::MarketDepthRequest(request) => self.depth.subscribe(world, client, request, out),
            Request::CancelMarketDepth(cancel) => self.depth.cancel(to, cancel.req_id(), out),
            Request::HistoricalDataRequest(request) => {
                self.history.request(world, client, request, out);
            }
            Request::CancelHistoricalData(cancel) => self.history.cancel(to, cancel.req_id(), out),
            Request::HistoricalTicksRequest(request) => past_ticks::request(world, client, request, out),
            // Historical ticks, histograms and calculations are answered at once: nothing is left to cancel.
            Request::CancelHistoricalTicks(cancel) => no_query(to, cancel.req_id(), out),
            Request::CancelHistogramData(cancel) => no_query(to, cancel.req_id(), out),
            Request::CancelCalculateImpliedVolatility(_) | Request::CancelCalculateOptionPrice(_) => {}
            Request::HeadTimestampRequest(request) => {
                let answer = self.head_timestamp(world, to, request, out.now_ms);
                reply(to, request.req_id(), answer, out);
            }
            Request::CancelHeadTimestamp(cancel) => {
                if !self.heads.remove(&(to, cancel.req_id())) {
                    no_query(to, cancel.req_id(), out);
                }
            }
            Request::HistogramDataRequest(request) => {
                reply(to, request.req_id(), inquiry::histogram(world, client, request, out.now_ms), out);
            }
            Request::CalculateImpliedVolatilityRequest(request) => {
                let assumed = Assumption::Price(request.option_price());
                let (req_id, contract) = (request.req_id(), request.contract.as_ref());
                let answer = inquiry::calculate(world, req_id, contract, &assumed, request.under_price(), out);
                reply(to, req_id, answer, out);
            }
            Request::CalculateOptionPriceRequest(request) => {
                let assumed = Assumption::Volatility(request.volatility());
                let (req_id, contract) = (request.req_id(), request.contract.as_ref());
                let answer = inquiry::calculate(world, req_id, contract, &assumed, request.under_price(), out);
                reply(to, req_id, answer, out);
            }
            request => {
                return self.news.answer(world, to, request, out)
                    || self.scanners.answer(world, to, request, out)
                    || self.calendar.answer(world, to, request, out);
            }
        }
        true
    }

    /// Market data lines in use: distinct instruments streamed.
    pub(super) fn lines_held(&self) -> usize {
        self.streamed().collect::<BTreeSet<i32>>().len()
    }

    /// Contract ids that take a market data line.
    fn streamed(&self) -> impl Iterator<Item = i32> + '_ {
        self.market_data.streamed().chain(self.real_time_bars.streamed())
    }

    /// Regulatory snapshots that the user was charged for.
    pub(super) fn regulatory_charges(&self) -> u64 {
        self.market_data.regulatory_charges()
    }

    fn market_data(&mut self, world: &World, client: &Client, request: &MarketDataRequest, out: &mut Outbox) {
        let to = client.connection;
        if Newsroom::is_tape(request) {
            return self.news.read(to, request, out);
        }
        let streamed: BTreeSet<i32> = self.streamed().collect();
        let has_line = |con_id| streamed.contains(&con_id) || streamed.len() < self.lines;
        self.market_data.subscribe((&world.universe, &world.prices), client, request, has_line, out);
        // Only what was accepted brings news.
        if let Some(con_id) = self.market_data.con_id_of(to, request.req_id()) {
            self.news.read(to, request, out);
            self.news.resolved(to, request.req_id(), con_id);
        }
    }

    fn head_timestamp(
        &mut self,
        world: &World,
        to: ConnectionId,
        request: &HeadTimestampRequest,
        now_ms: i64,
    ) -> Result<Response, Refusal> {
        let key = (to, request.req_id());
        if self.heads.contains(&key) {
            return Err(Refusal::new(322, "Error processing request.-'bN' : cause - Duplicate ticker id"));
        }
        let answer = inquiry::head_timestamp(world, request, now_ms)?;
        self.heads.insert(key);
        Ok(answer)
    }
}

fn reply(to: ConnectionId, req_id: i32, answer: Result<Response, Refusal>, out: &mut Outbox) {
    match answer {
        Ok(response) => out.send(to, response),
        Err(refusal) => out.refuse(to, req_id, refusal),
    }
}

fn no_query(to: ConnectionId, req_id: i32, out: &mut Outbox) {
    out.error(to, req_id, 366, format!("No historical data query found for ticker id:{req_id}"));
}
