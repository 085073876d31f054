//! IB's limits on subscriptions: lines, tick-by-tick and depth slots, and bars kept up to date.

use std::time::{Duration, Instant};

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use super::{feed::Feed, upstream::Place};
use crate::{
    config,
    schema::{error::Holder, request::market::Usage},
    session::core::Core,
};

/// A limit that the gateway made known is taken to have grown by one after this time: lines may be freed
/// where we cannot see it.
const RELAX_EVERY: Duration = Duration::from_secs(60);
/// Holders named when a limit is reached.
const HOLDERS_SHOWN: usize = 20;

/// Number of [`Pool`]s.
const POOLS: usize = 4;

/// What runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pool {
    /// Level 1 and real-time bars.
    Lines,
    TickByTick,
    Depth,
    /// Bars that are kept up to date: open historical requests, of which some are left for one-shot ones.
    KeptBars,
}

impl Pool {
    pub(super) const ALL: [Self; POOLS] = [Self::Lines, Self::TickByTick, Self::Depth, Self::KeptBars];

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Lines => "market data lines",
            Self::TickByTick => "tick-by-tick subscriptions",
            Self::Depth => "depth subscriptions",
            Self::KeptBars => "historical requests kept up to date",
        }
    }

    fn configured(self, limits: &config::Pacing) -> u32 {
        match self {
            Self::Lines => limits.market_data_lines,
            Self::TickByTick => limits.tick_by_tick,
            Self::Depth => limits.depth,
            Self::KeptBars => limits.kept_bars,
        }
    }
}

/// How much of each pool is at the gateway, and how much is wanted.
#[derive(Debug, Default)]
pub(super) struct Pools {
    /// Bars come from requests that are kept up to date.
    keeps_bars: bool,
    asked: [u32; POOLS],
    wanted: [u32; POOLS],
    /// What the gateway allowed when it last refused, what is configured, and when that was.
    learned: [Option<(u32, u32, Instant)>; POOLS],
    /// Upstreams that each client shares in.
    clients: [FxHashMap<Option<CompactString>, u32>; POOLS],
}

impl Pools {
    /// Clients that share in something.
    pub(super) fn entries(&self) -> usize {
        self.clients.iter().map(FxHashMap::len).sum()
    }

    pub(super) fn new(feed: config::BarFeed) -> Self {
        Self { keeps_bars: feed == config::BarFeed::KeepUpToDate, ..Self::default() }
    }

    /// What a request for this feed takes one of.
    pub(super) fn of(&self, feed: Feed) -> Pool {
        match feed {
            Feed::Bars if self.keeps_bars => Pool::KeptBars,
            Feed::Level1 | Feed::Bars => Pool::Lines,
            Feed::TickByTick(_) => Pool::TickByTick,
            Feed::Depth => Pool::Depth,
        }
    }

    fn count(&mut self, pool: Pool, place: Place, by: i32) {
        let index = pool as usize;
        if let (Place::Asked { .. }, Some(asked)) = (place, self.asked.get_mut(index)) {
            *asked = asked.saturating_add_signed(by);
        }
        if let (Place::Waiting | Place::Delayed { .. } | Place::Asked { .. }, Some(wanted)) =
            (place, self.wanted.get_mut(index))
        {
            *wanted = wanted.saturating_add_signed(by);
        }
    }

    pub(super) fn add(&mut self, pool: Pool, place: Place) {
        self.count(pool, place, 1);
    }

    pub(super) fn remove(&mut self, pool: Pool, place: Place) {
        self.count(pool, place, -1);
    }

    /// At the gateway, or on their way there.
    pub(super) fn asked(&self, pool: Pool) -> u32 {
        self.asked.get(pool as usize).copied().unwrap_or_default()
    }

    /// At the gateway, or meant to be.
    pub(super) fn wanted(&self, pool: Pool) -> u32 {
        self.wanted.get(pool as usize).copied().unwrap_or_default()
    }

    /// How many may be at the gateway now: what is configured, or less if the gateway said so.
    pub(super) fn max(&self, core: &Core, pool: Pool) -> u32 {
        let configured = pool.configured(&core.config.pacing);
        let Some((learned, _, at)) = self.learned.get(pool as usize).copied().flatten() else { return configured };
        let periods = core.now.at.saturating_duration_since(at).as_secs() / RELAX_EVERY.as_secs();
        learned.saturating_add(u32::try_from(periods).unwrap_or(u32::MAX)).min(configured)
    }

    /// The gateway took no more than `learned`.
    pub(super) fn learn(&mut self, core: &Core, pool: Pool, learned: u32) {
        if let Some(slot) = self.learned.get_mut(pool as usize) {
            *slot = Some((learned, pool.configured(&core.config.pacing), core.now.at));
        }
    }

    /// A new session with the gateway may have other limits.
    pub(super) fn unlearn(&mut self) {
        self.learned = [None; POOLS];
    }

    /// When a limit that the gateway made known will have grown by one above what is at the gateway.
    pub(super) fn relaxes_at(&self, pool: Pool) -> Option<Instant> {
        let (learned, configured, at) = self.learned.get(pool as usize).copied().flatten()?;
        if self.asked(pool) >= configured {
            return None;
        }
        let missing = (self.asked(pool) + 1).saturating_sub(learned);
        Some(at + RELAX_EVERY * missing)
    }

    pub(super) fn usage(&self, core: &Core) -> [Usage; POOLS] {
        Pool::ALL.map(|pool| Usage { used: self.asked(pool), max: self.max(core, pool) })
    }

    /// A client shares in one more upstream.
    pub(super) fn join(&mut self, pool: Pool, client: Option<&CompactString>) {
        if let Some(clients) = self.clients.get_mut(pool as usize) {
            *clients.entry(client.cloned()).or_default() += 1;
        }
    }

    /// A client shares in one upstream less.
    pub(super) fn leave(&mut self, pool: Pool, client: Option<&CompactString>) {
        let client = &client.cloned();
        let Some(clients) = self.clients.get_mut(pool as usize) else { return };
        if let Some(count) = clients.get_mut(client) {
            *count -= 1;
            if *count == 0 {
                clients.remove(client);
            }
        }
    }

    /// How many of a pool a client shares in.
    pub(super) fn held_by(&self, pool: Pool, client: Option<&CompactString>) -> u32 {
        let clients = self.clients.get(pool as usize);
        clients.and_then(|clients| clients.get(&client.cloned())).copied().unwrap_or_default()
    }

    /// Who shares in how many of a pool, largest first, and how many clients there are in all.
    pub(super) fn holders(&self, pool: Pool) -> (Vec<Holder>, usize) {
        let Some(clients) = self.clients.get(pool as usize) else { return (Vec::new(), 0) };
        let mut rows: Vec<(std::cmp::Reverse<u32>, &Option<CompactString>)> =
            clients.iter().map(|(client, count)| (std::cmp::Reverse(*count), client)).collect();
        rows.sort_unstable();
        let holder = |(std::cmp::Reverse(count), client): &(_, &Option<CompactString>)| Holder {
            client: client.as_ref().map(ToString::to_string),
            count: *count,
        };
        (rows.iter().take(HOLDERS_SHOWN).map(holder).collect(), rows.len())
    }

    /// True if nobody holds anything.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.asked == [0; POOLS] && self.wanted == [0; POOLS] && self.clients.iter().all(FxHashMap::is_empty)
    }
}
