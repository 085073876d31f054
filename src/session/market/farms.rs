//! What broken farms and their return do to streams.

use std::time::{Duration, Instant};

use super::{Market, feed::Feed, upstream::Place};
use crate::{
    schema::connection::FarmKind,
    session::{core::Core, pacing::arrival::INTERVAL},
};

/// Even a closed market answers a request for level 1 with its last values.
const LEVEL1_ANSWERS_WITHIN: Duration = Duration::from_secs(3);
const DEPTH_ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// Two bars.
const BARS_ANSWER_WITHIN: Duration = Duration::from_secs(11);

impl Market {
    /// A farm broke. Which instruments it serves is unknown; those of other farms are cleared by their next tick.
    /// The gateway restores the subscriptions itself, but for bars that are kept up to date: those depend on farms of
    /// both kinds.
    pub(crate) fn on_farm_down(&mut self, core: &mut Core, kind: FarmKind, notice: &str) {
        if kind == FarmKind::MarketData {
            self.farm_broke_us = core.now.us;
            self.tick_by_tick.on_ib_away(core.now.at);
        }
        for upstream in self.upstreams.iter_mut().flatten() {
            if kind == FarmKind::MarketData || (upstream.feed == Feed::Bars && upstream.bars.is_kept()) {
                upstream.interrupt(core, notice);
            }
            if kind == FarmKind::MarketData && matches!(upstream.place, Place::Asked { sent: true, .. }) {
                // After a login farms are told of when the requests are on their way already.
                upstream.asked_in_dark |= !upstream.begun;
            }
        }
    }

    /// A farm is back. Bars that are kept up to date came to their end with it and are asked for again. What was asked
    /// for meanwhile may have been dropped without a word (`ib-behaviour` section 1), or is carried out only now: it is
    /// given a moment to begin.
    pub(crate) fn on_farm_up(&mut self, core: &mut Core) {
        self.tick_by_tick.on_ib_back(core.now.at, core.market_farms_down || self.is_ib_lost);
        if !self.is_open() {
            return;
        }
        for index in 0..self.upstreams.len() {
            let Some(Some(upstream)) = self.upstreams.get_mut(index) else { continue };
            if upstream.flows || !matches!(upstream.place, Place::Asked { sent: true, .. }) {
                continue;
            }
            if upstream.feed == Feed::Bars && upstream.bars.is_kept() {
                upstream.fresh = true;
                self.cancel_all(core, index);
                self.ask(core, index);
            } else if upstream.asked_in_dark {
                let at = core.now.at + begins_within(upstream.feed);
                upstream.doubted = Some(at);
                self.doubts.insert((at, index));
            }
        }
    }

    /// Asks again for what has not begun although its farm is back.
    pub(super) fn ask_doubted(&mut self, core: &mut Core) {
        while let Some(&(at, index)) = self.doubts.first().filter(|(at, _)| *at <= core.now.at) {
            self.doubts.remove(&(at, index));
            let is_open = self.is_open();
            let Some(Some(upstream)) = self.upstreams.get_mut(index) else { continue };
            if upstream.doubted != Some(at) {
                continue;
            }
            upstream.doubted = upstream.withheld_until.filter(|until| *until > core.now.at);
            if let Some(until) = upstream.doubted {
                self.doubts.insert((until, index));
                continue;
            }
            let is_sent = matches!(upstream.place, Place::Asked { sent: true, .. });
            // Broken again: its next return counts.
            if is_open && is_sent && !upstream.flows && upstream.asked_in_dark && !core.market_farms_down {
                upstream.fresh = true;
                self.cancel_all(core, index);
                self.ask(core, index);
            }
        }
    }

    pub(super) fn next_doubt(&self) -> Option<Instant> {
        self.doubts.first().map(|(at, _)| *at)
    }
}

/// A stream that the gateway serves begins within this time, or may rightly be asked for again after it.
fn begins_within(feed: Feed) -> Duration {
    match feed {
        Feed::Level1 => LEVEL1_ANSWERS_WITHIN,
        Feed::Depth => DEPTH_ANSWERS_WITHIN,
        Feed::Bars => BARS_ANSWER_WITHIN,
        Feed::TickByTick(_) => INTERVAL,
    }
}
