//! Streaming market data: subscriptions, their limits and permissions, and the ticks as time passes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::generic_ticks::{self, GenericTicks};
use super::instrument::{Instrument, Permission};
use super::level1::Level1;
use super::login::Client;
use super::outbox::{ConnectionId, Outbox};
use super::price::Prices;
use super::ticks::Ticks;
use super::universe::{Refusal, Universe, given};
use crate::tws::Response;
use crate::tws::message::market_data::{
    MarketDataRequest, MarketDataType, RerouteMarketDataRequest, TickReqParams, TickSnapshotEnd,
};

/// How late delayed data is.
const DELAY_MS: i64 = 15 * 60 * 1000;
const LIVE_TYPE: i32 = 1;
const FROZEN_TYPE: i32 = 2;
const DELAYED_TYPE: i32 = 3;
const DELAYED_FROZEN_TYPE: i32 = 4;

#[expect(clippy::struct_excessive_bools, reason = "each says one thing about the request or what was told of it")]
struct Subscription {
    instrument: Arc<Instrument>,
    delayed: bool,
    /// The last picture before a market closed is wanted.
    freezes: bool,
    generics: GenericTicks,
    snapshot: bool,
    /// The request left quotes out with `mdoff`.
    quiet: bool,
    /// What was sent last.
    sent: Level1,
    /// The market data type that was told last.
    kind: i32,
    /// What tick 49 said last.
    halted: bool,
}

/// All streaming market data requests of all clients.
#[derive(Default)]
pub(super) struct MarketData {
    subscriptions: BTreeMap<(ConnectionId, i32), Subscription>,
    regulatory: u64,
}

impl MarketData {
    pub(super) fn subscribe(
        &mut self,
        (universe, prices): (&Universe, &Prices),
        client: &Client,
        request: &MarketDataRequest,
        has_line: impl Fn(i32) -> bool,
        out: &mut Outbox,
    ) {
        let req_id = request.req_id.unwrap_or_default();
        let connection = client.connection;
        let refused = self.check(universe, client, request, has_line, out.now_ms);
        let (instrument, delayed, generics) = match refused {
            Ok(accepted) => accepted,
            Err(refusal) => return out.refuse(connection, req_id, refusal),
        };
        if delayed {
            let text = "Requested market data is not subscribed. Displaying delayed market data.";
            out.error(connection, req_id, 10167, text);
        }
        if let Some(under) = instrument.rerouted() {
            let exchange = instrument.contract.exchange.clone();
            let reroute = RerouteMarketDataRequest { req_id: Some(req_id), con_id: Some(under), exchange };
            return out.send(connection, Response::RerouteMarketDataRequest(reroute));
        }
        let regulatory = request.regulatory_snapshot.unwrap_or(false);
        self.regulatory += u64::from(regulatory);
        let slot = slot_for(prices, out.now_ms, delayed);
        let (closed, freezes) = (prices.is_closed(&instrument, slot), freezes(client));
        let sent = picture(prices, &instrument, slot, freezes);
        let kind = data_type(delayed, closed && freezes);
        let halted = prices.is_halted(&instrument, slot);
        let quiet =
            given(request.generic_tick_list.as_ref()).is_some_and(|list| list.split(',').any(|entry| entry == "mdoff"));
        let mut sink = |response| out.send(connection, response);
        let mut ticks = Ticks { req_id, instrument: &instrument, delayed, sink: &mut sink };
        (ticks.sink)(Response::MarketDataType(MarketDataType { req_id: Some(req_id), market_data_type: Some(kind) }));
        (ticks.sink)(Response::TickReqParams(params(req_id, &instrument)));
        if !quiet {
            ticks.changes(None, &sent, prices);
            if closed && sent.quote.is_none() {
                ticks.no_quote();
            }
            ticks.halted(halted);
            generic_ticks::first(&mut ticks, generics, &sent, prices);
        }
        if regulatory {
            // When the regulatory feed last changed.
            ticks.string(85, &prices.start_ms(sent.slot).to_string());
        }
        let snapshot = request.snapshot.unwrap_or(false) || regulatory;
        let subscription = Subscription { instrument, delayed, freezes, generics, snapshot, quiet, sent, kind, halted };
        self.subscriptions.insert((connection, req_id), subscription);
    }

    /// Regulatory snapshots that the user was charged for: one cent each, on paper accounts too.
    pub(super) fn regulatory_charges(&self) -> u64 {
        self.regulatory
    }

    fn check(
        &self,
        universe: &Universe,
        client: &Client,
        request: &MarketDataRequest,
        has_line: impl Fn(i32) -> bool,
        now_ms: i64,
    ) -> Result<(Arc<Instrument>, bool, GenericTicks), Refusal> {
        let req_id = request.req_id.unwrap_or_default();
        if self.subscriptions.contains_key(&(client.connection, req_id)) {
            return Err(Refusal::new(322, "Error processing request.-'bN' : cause - Duplicate ticker id"));
        }
        let snapshot = request.snapshot.unwrap_or(false) || request.regulatory_snapshot.unwrap_or(false);
        let list = given(request.generic_tick_list.as_ref()).unwrap_or_default();
        if snapshot && !list.is_empty() {
            return Err(Refusal::invalid("Snapshot market data subscription is not applicable to generic ticks"));
        }
        let contract = request.contract.clone().unwrap_or_default();
        let instrument = universe.resolve(&contract, now_ms)?;
        let generics = GenericTicks::parse(list, instrument.sec_type())?;
        let delayed = permitted(instrument.permission, client.market_data_type)?;
        if !has_line(instrument.con_id()) {
            return Err(Refusal::new(101, "Max number of tickers has been reached"));
        }
        Ok((instrument, delayed, generics))
    }

    /// The instrument of a stream.
    pub(super) fn con_id_of(&self, connection: ConnectionId, req_id: i32) -> Option<i32> {
        self.subscriptions.get(&(connection, req_id)).map(|subscription| subscription.instrument.con_id())
    }

    /// Contract ids that take a market data line.
    pub(super) fn streamed(&self) -> impl Iterator<Item = i32> + '_ {
        self.subscriptions.values().map(|subscription| subscription.instrument.con_id())
    }

    pub(super) fn cancel(&mut self, connection: ConnectionId, req_id: i32, out: &mut Outbox) {
        if self.subscriptions.remove(&(connection, req_id)).is_none() {
            out.error(connection, req_id, 300, format!("Can't find EId with tickerId:{req_id}"));
        }
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.subscriptions.retain(|(owner, _), _| *owner != connection);
    }

    /// Sends what changed since the last call and ends snapshots.
    pub(super) fn advance(&mut self, prices: &Prices, out: &mut Outbox) {
        let mut current: BTreeMap<(i32, bool), Level1> = BTreeMap::new();
        let mut ended = Vec::new();
        for (&(connection, req_id), subscription) in &mut self.subscriptions {
            if subscription.snapshot {
                ended.push((connection, req_id));
                continue;
            }
            let slot = slot_for(prices, out.now_ms, subscription.delayed);
            let (closed, halted) =
                (prices.is_closed(&subscription.instrument, slot), prices.is_halted(&subscription.instrument, slot));
            let kind = data_type(subscription.delayed, closed && subscription.freezes);
            if std::mem::replace(&mut subscription.kind, kind) != kind {
                let kind = MarketDataType { req_id: Some(req_id), market_data_type: Some(kind) };
                out.send(connection, Response::MarketDataType(kind));
            }
            let Subscription { instrument, delayed, generics, quiet, sent, .. } = subscription;
            if *quiet {
                continue;
            }
            let mut sink = |response| out.send(connection, response);
            let mut ticks = Ticks { req_id, instrument, delayed: *delayed, sink: &mut sink };
            if std::mem::replace(&mut subscription.halted, halted) != halted {
                ticks.halted(halted);
            }
            // A market that stands still has nothing to tell.
            let slot = prices.open_slot(instrument, slot);
            if slot > sent.slot {
                let level = current
                    .entry((instrument.con_id(), *delayed))
                    .or_insert_with(|| sent.advanced(prices, instrument, slot));
                ticks.changes(Some(sent), level, prices);
                generic_ticks::changes(&mut ticks, *generics, level, prices);
                sent.clone_from(level);
            }
            if closed && !subscription.freezes && sent.quote.take().is_some() {
                ticks.no_quote();
            }
        }
        for (connection, req_id) in ended {
            self.subscriptions.remove(&(connection, req_id));
            out.send(connection, Response::TickSnapshotEnd(TickSnapshotEnd { req_id: Some(req_id) }));
        }
    }
}

/// Whether the data is delayed, or why there is none.
fn permitted(permission: Permission, market_data_type: i32) -> Result<bool, Refusal> {
    let wants_delayed = market_data_type >= DELAYED_TYPE;
    let refusal = match permission {
        Permission::Live => return Ok(false),
        Permission::Delayed | Permission::DelayedForApi if wants_delayed => return Ok(true),
        Permission::Delayed => {
            Refusal::new(354, "Requested market data is not subscribed. Delayed market data is available.")
        }
        Permission::DelayedForApi => Refusal::new(
            10089,
            "Requested market data requires additional subscription for API. See link in 'Market Data Connections' dialog for more details. Delayed market data is available.",
        ),
        Permission::Nothing => {
            Refusal::new(354, "Requested market data is not subscribed. Delayed market data is not available.")
        }
    };
    Err(refusal)
}

/// The picture that a new request is shown: of a closed market the last one, without quotes unless it is to be
/// frozen.
fn picture(prices: &Prices, instrument: &Instrument, slot: i64, freezes: bool) -> Level1 {
    let level = Level1::at(prices, instrument, prices.open_slot(instrument, slot));
    let quote = level.quote.filter(|_| freezes || !prices.is_closed(instrument, slot));
    Level1 { quote, ..level }
}

/// The market data type of a stream whose picture is the last one of a closed market, or is not.
fn data_type(delayed: bool, frozen: bool) -> i32 {
    match (delayed, frozen) {
        (false, false) => LIVE_TYPE,
        (false, true) => FROZEN_TYPE,
        (true, false) => DELAYED_TYPE,
        (true, true) => DELAYED_FROZEN_TYPE,
    }
}

/// The client asked for frozen or delayed-frozen data.
fn freezes(client: &Client) -> bool {
    matches!(client.market_data_type, FROZEN_TYPE | DELAYED_FROZEN_TYPE)
}

fn slot_for(prices: &Prices, now_ms: i64, delayed: bool) -> i64 {
    prices.slot(if delayed { now_ms - DELAY_MS } else { now_ms })
}

fn params(req_id: i32, instrument: &Instrument) -> TickReqParams {
    let is_smart = instrument.venue.exchanges.starts_with("SMART");
    TickReqParams {
        req_id: Some(req_id),
        min_tick: Some(super::details::decimal(instrument.tick.size())),
        bbo_exchange: is_smart.then(|| "9c0001".to_owned()),
        snapshot_permissions: Some(if is_smart { 3 } else { 0 }),
        ..TickReqParams::default()
    }
}
