//! Streams and their leases.
//!
//! A lease names streams of one instrument. Streams that one gateway request can carry share one
//! [`Upstream`], whoever holds them; it is asked for while anybody holds a lease on it, again after
//! every interruption, and cancelled when the last lease ends.

mod asking;
mod bar_times;
mod bars;
mod book;
mod farms;
mod feed;
mod holding;
mod kept;
mod ladder;
mod lease;
mod level1;
mod limits;
mod listed;
mod picture;
mod pulse;
mod quota;
mod recovery;
mod requests;
mod sizes;
mod snapshot;
mod staleness;
mod streams;
#[cfg(test)]
mod tests;
mod tick_pace;
mod upstream;

use std::{collections::BTreeSet, time::Instant};

use rustc_hash::FxHashMap;

use self::{
    feed::Feed,
    ladder::Ladder,
    lease::Book,
    limits::Pools,
    snapshot::OneShot,
    tick_pace::TickByTickPace,
    upstream::{Place, Upstream},
};
use super::core::Core;
use crate::{
    config::Config,
    schema::request::market::Usage,
    tws::{Response, message::contract::Contract},
};

/// Whose answer it is.
#[derive(Clone, Copy, Debug)]
enum Route {
    /// Place in [`Market::upstreams`].
    Upstream(usize),
    /// Key in [`Market::snapshots`].
    Snapshot(snapshot::Key),
}

/// Leases, upstream subscriptions and the pictures assembled from their ticks.
#[derive(Debug, Default)]
pub(crate) struct Market {
    leases: Book,
    /// Places are reused.
    upstreams: Vec<Option<Upstream>>,
    vacant: Vec<usize>,
    /// By slot of the listing.
    by_key: FxHashMap<(usize, Feed), usize>,
    routes: FxHashMap<i32, Route>,
    pools: Pools,
    tick_by_tick: TickByTickPace,
    /// Upstreams to be asked for at a moment; entries may be out of date.
    due: BTreeSet<(Instant, usize)>,
    /// When to look whether streams have begun whose farm is back; entries may be out of date.
    doubts: BTreeSet<(Instant, usize)>,
    /// When bars need to be looked after; entries may be out of date.
    bars_due: BTreeSet<(Instant, usize)>,
    ladder: Ladder,
    /// When a market data farm broke last.
    farm_broke_us: i64,
    /// Ends of the last whole bars of an earlier run, by [`bars::mark_of`].
    bar_ends: FxHashMap<String, i64>,
    /// When to look for streams that have fallen silent.
    next_look: Option<Instant>,
    /// Upstreams that found no free slot, by their number in the queue.
    starved: BTreeSet<(u64, usize)>,
    queue_last: u64,
    snapshots: FxHashMap<snapshot::Key, OneShot>,
    /// When the last regulatory snapshot was asked for.
    regulatory_at: Option<Instant>,
    is_link_ready: bool,
    is_ib_lost: bool,
}

impl Market {
    pub(crate) fn new(config: &Config) -> Self {
        Self { pools: Pools::new(config.bars.feed), ..Self::default() }
    }

    /// Ticks, bars, depth and what else belongs to a stream.
    pub(crate) fn on_response(&mut self, core: &mut Core, response: Response) {
        let req_id = req_id(&response);
        let index = match self.routes.get(&req_id) {
            Some(Route::Upstream(index)) => *index,
            Some(Route::Snapshot(slot)) => {
                let slot = *slot;
                return self.on_snapshot(core, slot, response);
            }
            None => {
                core.late_answer(req_id);
                return;
            }
        };
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        match response {
            Response::MarketDataType(told) => {
                core.alive(req_id);
                return upstream.on_kind(core, told.market_data_type.unwrap_or_default());
            }
            // Minimum tick and exchange map: no value of the stream. The start of bars that are kept up to date: what
            // was missed is fetched as after any interruption.
            Response::TickReqParams(_) | Response::HistoricalData(_) | Response::HistoricalDataEnd(_) => {
                return core.alive(req_id);
            }
            Response::RerouteMarketDataRequest(to) => return self.reroute(core, index, to.con_id, to.exchange),
            Response::RerouteMarketDepthRequest(to) => return self.reroute(core, index, to.con_id, to.exchange),
            _ => {}
        }
        let restarts = upstream.fresh && upstream.feed == Feed::Depth;
        if upstream.touch(core, req_id) {
            if restarts {
                upstream.reset_book(core);
            }
            self.tick_by_tick.on_answer(core.now.at, upstream.listing.instrument.con_id);
        }
        let is_bar = matches!(response, Response::RealTimeBarTick(_) | Response::HistoricalDataUpdate(_));
        match response {
            Response::TickPrice(tick) => upstream.on_price(core, &tick),
            Response::TickSize(tick) => upstream.on_size(core, &tick),
            Response::TickGeneric(tick) => upstream.on_generic(core, &tick),
            Response::TickString(tick) => upstream.on_text(core, tick),
            Response::TickNews(news) => upstream.on_news(core, *news),
            Response::TickOptionComputation(tick) => upstream.on_option(core, &tick),
            Response::TickByTickData(tick) => upstream.on_tick_by_tick(core, *tick),
            Response::RealTimeBarTick(bar) => upstream.on_bar(core, &bar),
            Response::HistoricalDataUpdate(update) => upstream.on_kept_bar(core, &update),
            Response::MarketDepth(row) => upstream.on_depth(core, row.market_depth_data.unwrap_or_default()),
            Response::MarketDepthL2(row) => upstream.on_depth(core, row.market_depth_data.unwrap_or_default()),
            _ => {}
        }
        if is_bar {
            self.schedule_bars(core, index);
        }
        self.retire(core, index, req_id);
    }

    /// The gateway has read what was written to it until then.
    pub(crate) fn on_reached(&mut self, core: &mut Core, asked_at: Instant) {
        core.wants_probe |= self.tick_by_tick.on_reached(core.now.at, asked_at);
    }

    /// True if this answers a request for a stream.
    pub(crate) fn has_asked(&self, response: &Response) -> bool {
        self.routes.contains_key(&req_id(response))
    }

    /// A wider request delivers: the narrower one it follows is no longer needed.
    fn retire(&mut self, core: &mut Core, index: usize, req_id: i32) {
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        if upstream.old.is_none()
            || !matches!(upstream.place, Place::Asked { req_id: current, .. } if current == req_id)
        {
            return;
        }
        core.alive(req_id);
        if let Some((old, _)) = upstream.old.take() {
            self.cancel(core, index, old);
        }
    }

    /// The gateway names another contract to ask for: some CFDs stream as their underlying.
    fn reroute(&mut self, core: &mut Core, index: usize, con_id: Option<i32>, exchange: Option<String>) {
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        if upstream.rerouted.is_some() {
            // Rerouted twice: nothing that another request would mend.
            return;
        }
        upstream.rerouted = Some(Contract { con_id, exchange, ..Contract::default() });
        self.cancel_all(core, index);
        self.ask(core, index);
    }

    pub(crate) fn on_timer(&mut self, core: &mut Core) {
        while let Some(number) = self.leases.expired(core.now.at) {
            self.release(core, number);
        }
        self.watch(core);
        self.ask_due(core);
        self.ask_doubted(core);
        self.on_bar_timer(core);
        if self.next_try().is_some_and(|at| at <= core.now.at) {
            self.ask_starved(core);
        }
        self.on_snapshot_timer(core);
    }

    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let streams = [self.leases.next_expiry(), self.next_due(), self.next_try(), self.next_look()];
        streams.into_iter().chain([self.next_snapshot_due(), self.next_bar_due(), self.next_doubt()]).flatten().min()
    }

    /// Market data lines, tick-by-tick and depth subscriptions, and bars kept up to date in use.
    pub(crate) fn usage(&self, core: &Core) -> [Usage; 4] {
        self.pools.usage(core)
    }
}

/// The id of the request that a message answers.
fn req_id(response: &Response) -> i32 {
    let id = match response {
        Response::TickPrice(message) => message.req_id,
        Response::TickSize(message) => message.req_id,
        Response::TickGeneric(message) => message.req_id,
        Response::TickString(message) => message.req_id,
        Response::TickNews(message) => message.req_id,
        Response::TickOptionComputation(message) => message.req_id,
        Response::TickReqParams(message) => message.req_id,
        Response::TickSnapshotEnd(message) => message.req_id,
        Response::MarketDataType(message) => message.req_id,
        Response::RerouteMarketDataRequest(message) => message.req_id,
        Response::RerouteMarketDepthRequest(message) => message.req_id,
        Response::TickByTickData(message) => message.req_id,
        Response::RealTimeBarTick(message) => message.req_id,
        Response::HistoricalData(message) => message.req_id,
        Response::HistoricalDataEnd(message) => message.req_id,
        Response::HistoricalDataUpdate(message) => message.req_id,
        Response::MarketDepth(message) => message.req_id,
        Response::MarketDepthL2(message) => message.req_id,
        _ => None,
    };
    id.unwrap_or_default()
}
