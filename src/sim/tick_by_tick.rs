//! Tick-by-tick streams of all four kinds.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::gateway::World;
use super::instrument::{Instrument, Permission};
use super::login::Client;
use super::outbox::{ConnectionId, Outbox};
use super::past_ticks;
use super::price::{Prices, Side};
use super::universe::Refusal;
use crate::tws::Response;
use crate::tws::message::tick_by_tick::{
    HistoricalTicks, HistoricalTicksBidAsk, HistoricalTicksLast, TickByTickData, TickByTickRequest,
};

/// Streams open at a time over all clients: 5 % of 100 market data lines.
const STREAMS_MAX: usize = 5;
/// Slots sent at one go; a clock that runs faster skips the older ones.
const SLOTS_MAX: i64 = 400;

/// What a stream shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Last,
    AllLast,
    BidAsk,
    MidPoint,
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "Last" => Some(Self::Last),
            "AllLast" => Some(Self::AllLast),
            "BidAsk" => Some(Self::BidAsk),
            "MidPoint" => Some(Self::MidPoint),
            _ => None,
        }
    }

    /// IB's number of the kind.
    fn id(self) -> i32 {
        match self {
            Self::Last => 1,
            Self::AllLast => 2,
            Self::BidAsk => 3,
            Self::MidPoint => 4,
        }
    }
}

struct Stream {
    instrument: Arc<Instrument>,
    kind: Kind,
    /// Last slot sent.
    slot: i64,
}

/// All tick-by-tick streams of all clients.
#[derive(Default)]
pub(super) struct TickByTick {
    streams: BTreeMap<(ConnectionId, i32), Stream>,
}

impl TickByTick {
    pub(super) fn subscribe(&mut self, world: &World, client: &Client, request: &TickByTickRequest, out: &mut Outbox) {
        let key = (client.connection, request.req_id.unwrap_or_default());
        let (instrument, kind) = match self.check(world, key, request, out.now_ms) {
            Ok(accepted) => accepted,
            Err(refusal) => return out.refuse(key.0, key.1, refusal),
        };
        let slot = world.prices.slot(out.now_ms);
        let past = i64::from(request.number_of_ticks.unwrap_or_default().clamp(0, 1000));
        if past > 0 {
            out.send(key.0, past_batch(&world.prices, &instrument, kind, slot - past..slot, key.1));
        }
        self.streams.insert(key, Stream { instrument, kind, slot: slot - 1 });
        self.advance(world, out);
    }

    fn check(
        &self,
        world: &World,
        key: (ConnectionId, i32),
        request: &TickByTickRequest,
        now_ms: i64,
    ) -> Result<(Arc<Instrument>, Kind), Refusal> {
        let text = request.tick_type.as_deref().unwrap_or_default();
        let kind =
            Kind::parse(text).ok_or_else(|| Refusal::invalid(&format!("Incorrect tick-by-tick data type {text}")))?;
        if self.streams.contains_key(&key) {
            return Err(Refusal::new(322, "Error processing request.-'bN' : cause - Duplicate ticker id"));
        }
        let instrument = world.universe.resolve(&request.contract.clone().unwrap_or_default(), now_ms)?;
        let sec_type = instrument.sec_type();
        let has_kind = match kind {
            Kind::Last | Kind::AllLast => instrument.has_trades(),
            Kind::BidAsk | Kind::MidPoint => true,
        };
        if matches!(sec_type, "OPT" | "IND" | "BAG") || !has_kind {
            let text = format!(
                "Failed to request tick-by-tick data.{text} tick-by-tick requests are not supported for {sec_type}."
            );
            return Err(Refusal::new(10189, text));
        }
        if instrument.permission != Permission::Live {
            let exchange = instrument.contract.primary_exch.as_deref().unwrap_or_default();
            let text =
                format!("Failed to request tick-by-tick data.No market data permissions for {exchange} {sec_type}");
            return Err(Refusal::new(10189, text));
        }
        if self.streams.len() >= STREAMS_MAX {
            return Err(Refusal::new(10190, "Max number of tick-by-tick requests has been reached"));
        }
        Ok((instrument, kind))
    }

    pub(super) fn cancel(&mut self, connection: ConnectionId, req_id: i32, out: &mut Outbox) {
        if self.streams.remove(&(connection, req_id)).is_none() {
            out.error(connection, req_id, 300, format!("Can't find EId with tickerId:{req_id}"));
        }
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.streams.retain(|(owner, _), _| *owner != connection);
    }

    /// Sends the ticks of the slots that have passed.
    pub(super) fn advance(&mut self, world: &World, out: &mut Outbox) {
        let prices = &world.prices;
        let now = prices.slot(out.now_ms);
        for (&(connection, req_id), stream) in &mut self.streams {
            for slot in stream.slot.max(now - SLOTS_MAX) + 1..=now {
                if let Some(tick) = tick(prices, stream, slot, req_id) {
                    out.send(connection, Response::TickByTickData(Box::new(tick)));
                }
            }
            stream.slot = stream.slot.max(now);
        }
    }
}

/// The tick of a slot; `None` if a quote has not changed.
fn tick(prices: &Prices, stream: &Stream, slot: i64, req_id: i32) -> Option<TickByTickData> {
    let instrument = &stream.instrument;
    let mut message =
        TickByTickData { req_id: Some(req_id), tick_type: Some(stream.kind.id()), ..TickByTickData::default() };
    match stream.kind {
        Kind::Last | Kind::AllLast => {
            if prices.trade(instrument, slot).size == 0 {
                return None;
            }
            message.historical_tick_last = Some(past_ticks::last(prices, instrument, slot));
        }
        Kind::BidAsk => {
            if prices.quote(instrument, slot) == prices.quote(instrument, slot - 1) {
                return None;
            }
            message.historical_tick_bid_ask = Some(past_ticks::bid_ask(prices, instrument, slot));
        }
        Kind::MidPoint => {
            let middle = |slot| prices.price(instrument, Side::Midpoint, slot);
            if middle(slot) == middle(slot - 1) {
                return None;
            }
            message.historical_tick_mid_point = Some(past_ticks::mid_point(prices, instrument, slot));
        }
    }
    Some(message)
}

/// Ticks of the past that a stream starts with.
fn past_batch(
    prices: &Prices,
    instrument: &Instrument,
    kind: Kind,
    slots: std::ops::Range<i64>,
    req_id: i32,
) -> Response {
    let (req_id, is_done) = (Some(req_id), Some(true));
    match kind {
        Kind::Last | Kind::AllLast => {
            let historical_ticks_last = slots.map(|slot| past_ticks::last(prices, instrument, slot)).collect();
            Response::HistoricalTicksLast(HistoricalTicksLast { req_id, historical_ticks_last, is_done })
        }
        Kind::BidAsk => {
            let historical_ticks_bid_ask = slots.map(|slot| past_ticks::bid_ask(prices, instrument, slot)).collect();
            Response::HistoricalTicksBidAsk(HistoricalTicksBidAsk { req_id, historical_ticks_bid_ask, is_done })
        }
        Kind::MidPoint => {
            let historical_ticks = slots.map(|slot| past_ticks::mid_point(prices, instrument, slot)).collect();
            Response::HistoricalTicks(HistoricalTicks { req_id, historical_ticks, is_done })
        }
    }
}
