//! Streams that fall silent by themselves: noticed, told, asked for again.
//!
//! Silence means something only while the gateway is in touch with IB and its farms, the stream was
//! asked for, and its market is open by the hours the gateway told. Without hours nothing is concluded.

use std::time::{Duration, Instant};

use super::{
    Market,
    feed::Feed,
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

impl Market {
    /// Looks for streams that have been silent too long.
    pub(super) fn watch(&mut self, core: &mut Core) {
        let now = core.now.at;
        if self.next_look.is_some_and(|at| at > now) {
            return;
        }
        self.next_look = Some(now + LOOK_EVERY);
        let in_touch = self.is_open() && !core.market_farms_down;
        let mut silent: Vec<(Duration, usize)> = Vec::new();
        for (index, upstream) in self.upstreams.iter_mut().enumerate() {
            let Some(upstream) = upstream else { continue };
            if !in_touch || !upstream.is_due(core) {
                upstream.pulse.pause();
                continue;
            }
            let (floor, period) = expectation(&core.config.staleness, upstream.feed);
            let silence = upstream.pulse.silence(now);
            if let Some(floor) = floor
                && upstream.pulse.patience(floor, period).is_some_and(|patience| silence > patience)
            {
                silent.push((silence, index));
            }
        }
        // Who has been silent longest is seen to first.
        silent.sort_unstable_by(|a, b| b.cmp(a));
        for (silence, index) in silent.into_iter().take(ALARMS_PER_LOOK) {
            self.alarm(core, index, silence);
        }
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
