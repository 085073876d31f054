//! IB's limits on subscriptions: lines, tick-by-tick and depth slots, and the tick-by-tick interval.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::upstream::{Feed, Place};
use crate::{config, schema::request::market::Usage};

/// IB takes one tick-by-tick request in this time for an instrument, and keeps a cancelled stream
/// as long: `ib-limits` section 3.
const TICK_BY_TICK_INTERVAL: Duration = Duration::from_secs(15);

/// What runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pool {
    /// Level 1 and real-time bars.
    Lines,
    TickByTick,
    Depth,
}

impl Pool {
    pub(super) const ALL: [Self; 3] = [Self::Lines, Self::TickByTick, Self::Depth];

    pub(super) fn of(feed: Feed) -> Self {
        match feed {
            Feed::Level1 | Feed::Bars => Self::Lines,
            Feed::TickByTick(_) => Self::TickByTick,
            Feed::Depth => Self::Depth,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Lines => "market data lines",
            Self::TickByTick => "tick-by-tick subscriptions",
            Self::Depth => "depth subscriptions",
        }
    }

    pub(super) fn max(self, limits: &config::Pacing) -> u32 {
        match self {
            Self::Lines => limits.market_data_lines,
            Self::TickByTick => limits.tick_by_tick,
            Self::Depth => limits.depth,
        }
    }
}

/// How much of each pool is at the gateway, and how much is wanted.
#[derive(Debug, Default)]
pub(super) struct Pools {
    asked: [u32; 3],
    wanted: [u32; 3],
}

impl Pools {
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

    pub(super) fn usage(&self, limits: &config::Pacing) -> [Usage; 3] {
        Pool::ALL.map(|pool| Usage { used: self.asked(pool), max: pool.max(limits) })
    }
}

/// When the next tick-by-tick request may be made.
#[derive(Debug, Default)]
pub(super) struct TickByTickPace {
    /// Last request of each contract.
    requests: FxHashMap<i32, Instant>,
    /// Until when the gateway may still count streams that were cancelled.
    lingering: Vec<Instant>,
}

impl TickByTickPace {
    /// The earliest moment for a request, at or after `now`. `free` is the number of slots that no
    /// stream of ours takes.
    pub(super) fn earliest(&mut self, now: Instant, con_id: i32, free: u32) -> Instant {
        self.lingering.retain(|until| *until > now);
        self.requests.retain(|_, at| *at + TICK_BY_TICK_INTERVAL > now);
        let instrument = self.requests.get(&con_id).map_or(now, |at| *at + TICK_BY_TICK_INTERVAL);
        // Pushed in order of time: with `n` lingering above the free slots, the nth to end frees one.
        let free = usize::try_from(free).unwrap_or(usize::MAX);
        let surplus = (self.lingering.len() + 1).saturating_sub(free);
        let slot = surplus.checked_sub(1).and_then(|nth| self.lingering.get(nth)).copied().unwrap_or(now);
        instrument.max(slot).max(now)
    }

    pub(super) fn on_request(&mut self, now: Instant, con_id: i32) {
        self.requests.insert(con_id, now);
    }

    pub(super) fn on_cancel(&mut self, now: Instant) {
        self.lingering.push(now + TICK_BY_TICK_INTERVAL);
    }
}
