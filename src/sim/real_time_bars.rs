//! Real-time bars: five seconds of one price, streamed when they are over.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::gateway::World;
use super::history;
use super::instrument::Instrument;
use super::login::Client;
use super::outbox::{ConnectionId, Outbox};
use super::price::Side;
use super::series;
use super::universe::Refusal;
use crate::tws::Response;
use crate::tws::message::history::{RealTimeBarTick, RealTimeBarsRequest};

const BAR_MS: i64 = 5000;
/// Bars sent at one go; a clock that runs faster skips the older ones.
const BARS_MAX: i64 = 120;

struct Stream {
    instrument: Arc<Instrument>,
    side: Side,
    /// Start of the bar to be sent next, epoch milliseconds.
    next_ms: i64,
}

/// All real-time bar streams of all clients.
#[derive(Default)]
pub(super) struct RealTimeBars {
    streams: BTreeMap<(ConnectionId, i32), Stream>,
}

impl RealTimeBars {
    /// Contract ids that take a market data line.
    pub(super) fn streamed(&self) -> impl Iterator<Item = i32> + '_ {
        self.streams.values().map(|stream| stream.instrument.con_id())
    }

    pub(super) fn subscribe(
        &mut self,
        world: &World,
        client: &Client,
        request: &RealTimeBarsRequest,
        has_line: impl Fn(i32) -> bool,
        out: &mut Outbox,
    ) {
        let key = (client.connection, request.req_id.unwrap_or_default());
        match self.check(world, client, request, has_line, out.now_ms) {
            Err(refusal) => out.refuse(key.0, key.1, refusal),
            Ok((instrument, side)) => {
                let next_ms = out.now_ms.div_euclid(BAR_MS) * BAR_MS;
                self.streams.insert(key, Stream { instrument, side, next_ms });
            }
        }
    }

    fn check(
        &self,
        world: &World,
        client: &Client,
        request: &RealTimeBarsRequest,
        has_line: impl Fn(i32) -> bool,
        now_ms: i64,
    ) -> Result<(Arc<Instrument>, Side), Refusal> {
        if self.streams.contains_key(&(client.connection, request.req_id.unwrap_or_default())) {
            return Err(Refusal::new(322, "Error processing request.-'bN' : cause - Duplicate ticker id"));
        }
        let instrument = world.universe.resolve(&request.contract.clone().unwrap_or_default(), now_ms)?;
        let what = request.what_to_show.as_deref().unwrap_or_default();
        let side = match what {
            "TRADES" if instrument.has_trades() => Side::Trades,
            "MIDPOINT" if !instrument.is_index() => Side::Midpoint,
            "BID" if !instrument.is_index() => Side::Bid,
            "ASK" if !instrument.is_index() => Side::Ask,
            _ => {
                return Err(Refusal::new(
                    420,
                    format!("Invalid Real-time Query: no {what} bars for {}", instrument.sec_type()),
                ));
            }
        };
        if request.bar_size.is_some_and(|size| !matches!(size, 0 | 5)) {
            return Err(Refusal::invalid("Real-time bars are available in 5 seconds only"));
        }
        if history::permitted(&instrument, 1).is_err() {
            let exchange = instrument.contract.primary_exch.as_deref().unwrap_or_default();
            let text =
                format!("Invalid Real-time Query:No market data permissions for {exchange} {}", instrument.sec_type());
            return Err(Refusal::new(420, text));
        }
        if !has_line(instrument.con_id()) {
            return Err(Refusal::new(101, "Max number of tickers has been reached"));
        }
        Ok((instrument, side))
    }

    pub(super) fn cancel(&mut self, connection: ConnectionId, req_id: i32, out: &mut Outbox) {
        if self.streams.remove(&(connection, req_id)).is_none() {
            out.error(connection, req_id, 300, format!("Can't find EId with tickerId:{req_id}"));
        }
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.streams.retain(|(owner, _), _| *owner != connection);
    }

    /// Sends the bars that are over.
    pub(super) fn advance(&mut self, world: &World, out: &mut Outbox) {
        for (&(connection, req_id), stream) in &mut self.streams {
            let current = out.now_ms.div_euclid(BAR_MS) * BAR_MS;
            stream.next_ms = stream.next_ms.max(current - BARS_MAX * BAR_MS);
            while stream.next_ms + BAR_MS <= out.now_ms {
                if let Some(bar) = bar(world, stream, req_id) {
                    out.send(connection, Response::RealTimeBarTick(Box::new(bar)));
                }
                stream.next_ms += BAR_MS;
            }
        }
    }
}

fn bar(world: &World, stream: &Stream, req_id: i32) -> Option<RealTimeBarTick> {
    let Stream { instrument, side, next_ms } = stream;
    let prices = &world.prices;
    let slots = prices.slot_from(*next_ms)..prices.slot_from(next_ms + BAR_MS);
    let bar = prices.bar(instrument, *side, slots)?;
    let price = |value| Some(series::price(instrument, *side, value));
    let traded = *side == Side::Trades;
    Some(RealTimeBarTick {
        req_id: Some(req_id),
        time: Some(next_ms.div_euclid(1000)),
        open: price(bar.open),
        high: price(bar.high),
        low: price(bar.low),
        close: price(bar.close),
        volume: Some(if traded { instrument.size.text(bar.volume) } else { "-1".to_owned() }),
        wap: Some(if traded { series::average(instrument, &bar) } else { "-1".to_owned() }),
        count: Some(if traded { i32::try_from(bar.count).unwrap_or(i32::MAX) } else { -1 }),
    })
}
