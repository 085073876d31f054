//! Streams that fall silent by themselves: noticed, told, asked for again.
//!
//! Silence means something only while the gateway is in touch with IB and with the stream's farm, the stream was
//! asked for, and its market is open by the hours the gateway told. Without hours nothing is concluded.
//!
//! A stream that never began has shown no rhythm: a request that the gateway swallowed looks like a quiet instrument. It is
//! asked for once more, and no more.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::{
    Market,
    feed::{Feed, Part},
    upstream::{Place, Upstream},
};
use crate::{
    config::Staleness,
    session::{core::Core, time::Trading},
};

/// How often streams are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Streams asked for again at one look: silence of all of them is no reason for a storm.
const ALARMS_PER_LOOK: usize = 5;
/// Interval of the gateway's real-time bars.
const BAR: Duration = Duration::from_secs(5);
/// What comes so soon after a farm broke was on its way before, in microseconds.
const ON_ITS_WAY_US: i64 = 1_000_000;

/// What is wrong with a silent stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Silence {
    /// Nothing has come since it was asked for: the request may have been lost.
    NeverBegan,
    /// It stopped.
    Fell,
}

impl Market {
    /// Looks for streams that have been silent too long.
    pub(super) fn watch(&mut self, core: &mut Core) {
        let now = core.now.at;
        if self.next_look.is_some_and(|at| at > now) {
            return;
        }
        self.next_look = Some(now + LOOK_EVERY);
        let in_touch = self.is_open();
        let (broke_us, halted) = (self.farm_broke_us, self.halted());
        let begins_within = Duration::from_secs(core.config.staleness.begin_s);
        let mut silent: Vec<(Duration, usize, Silence)> = Vec::new();
        for (index, upstream) in self.upstreams.iter_mut().enumerate() {
            let Some(upstream) = upstream else { continue };
            let is_halted = matches!(upstream.feed, Feed::Bars | Feed::TickByTick(_))
                && halted.contains(&upstream.listing.instrument.con_id);
            if !in_touch || is_halted || !upstream.is_due(core) || upstream.is_in_dark(core, broke_us) {
                upstream.pulse.pause();
                continue;
            }
            upstream.follow_hours(core);
            let (floor, period) = expectation(&core.config.staleness, upstream.feed);
            // Whether bars come while nothing is traded is not told: outside the liquid hours they have no known interval.
            let period = period.filter(|_| upstream.is_liquid != Some(false));
            let silence = upstream.pulse.silence(now);
            let Some(floor) = floor else { continue };
            match upstream.pulse.patience(floor, period) {
                Some(patience) if silence > patience => silent.push((silence, index, Silence::Fell)),
                None if !begins_within.is_zero() && silence > begins_within && upstream.may_be_lost() => {
                    silent.push((silence, index, Silence::NeverBegan));
                }
                _ => {}
            }
        }
        // Who has been silent longest is seen to first.
        silent.sort_unstable_by(|a, b| b.cmp(a));
        for (silence, index, what) in silent.into_iter().take(ALARMS_PER_LOOK) {
            match what {
                Silence::Fell => self.alarm(core, index, silence),
                Silence::NeverBegan => self.ask_once_more(core, index, silence),
            }
        }
    }

    /// Contracts whose quote says that trading is halted.
    fn halted(&self) -> BTreeSet<i32> {
        let is_halted = |upstream: &&Upstream| {
            upstream.feed == Feed::Level1 && upstream.flows && upstream.picture.quote.halted == Some(true)
        };
        self.upstreams.iter().flatten().filter(is_halted).map(|upstream| upstream.listing.instrument.con_id).collect()
    }

    /// The request may have been lost. Nothing is known to be missing, so that no gap is told.
    fn ask_once_more(&mut self, core: &mut Core, index: usize, silence: Duration) {
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        upstream.on_asked_once_more(format!(
            "nothing came for {} s after it was asked for although the market is open: it was asked for once more",
            silence.as_secs()
        ));
        core.wants_probe = true;
        self.cancel_all(core, index);
        self.ask(core, index);
    }

    fn alarm(&mut self, core: &mut Core, index: usize, silence: Duration) {
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        upstream.pulse.alarm();
        core.counters.stale_streams += 1;
        // Is it the stream, or the gateway altogether?
        core.wants_probe = true;
        let reason =
            format!("no data for {} s although the market is open: the stream is asked for again", silence.as_secs());
        self.climb(core, index, &reason, false);
    }

    /// When streams are looked at next; `None` while there are none.
    pub(super) fn next_look(&self) -> Option<Instant> {
        if self.by_key.is_empty() { None } else { self.next_look }
    }
}

impl Upstream {
    /// True if data should come: it was asked for, and its market is open.
    pub(super) fn is_due(&self, core: &mut Core) -> bool {
        if !matches!(self.place, Place::Asked { sent: true, .. }) || self.is_withheld(core.now.at) {
            return false;
        }
        let instrument = &self.listing.instrument;
        let now_us = core.now.us;
        matches!(core.trading_hours.at(instrument.con_id, &instrument.exchange, now_us), Trading::Open(_))
    }

    /// True if a farm is broken that may be the one of this stream: nothing has come since.
    pub(super) fn is_in_dark(&self, core: &Core, broke_us: i64) -> bool {
        core.market_farms_down && self.last_us.is_none_or(|last_us| last_us <= broke_us.saturating_add(ON_ITS_WAY_US))
    }

    /// True if data should have come by now and the request was not made a second time for that yet.
    fn may_be_lost(&self) -> bool {
        let has_values = self.feed != Feed::Level1 || self.asked.parts.contains(&Part::Quotes);
        has_values && !self.begun && !self.flows && !self.asked_once_more
    }

    /// Trading is thinner outside the liquid hours: what was learnt on one side of their edges says nothing on the other.
    fn follow_hours(&mut self, core: &Core) {
        let is_liquid = core.trading_hours.is_liquid(self.listing.instrument.con_id, core.now.us);
        if is_liquid.is_some()
            && std::mem::replace(&mut self.is_liquid, is_liquid).is_some_and(|was| Some(was) != is_liquid)
        {
            self.pulse.relearn();
        }
    }
}

/// Shortest silence that can mean something, and the interval of a stream that has one.
fn expectation(config: &Staleness, feed: Feed) -> (Option<Duration>, Option<Duration>) {
    let (seconds, period) = match feed {
        Feed::Level1 => (config.quote_s, None),
        Feed::TickByTick(_) => (config.tick_by_tick_s, None),
        Feed::Bars => (config.bars_s, Some(BAR)),
        Feed::Depth => (config.depth_s, None),
    };
    ((seconds > 0).then(|| Duration::from_secs(seconds)), period)
}
