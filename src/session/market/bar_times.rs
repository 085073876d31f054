//! Wakes bar streams when time alone has something to close, to fetch or to give up.

use std::{sync::Arc, time::Instant};

use super::{Market, feed::Feed};
use crate::session::{Outcome, Token, core::Core};

impl Market {
    /// Notes when the bars of an upstream want to be looked after. To be called after every touch.
    pub(super) fn schedule_bars(&mut self, core: &Core, index: usize) {
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        let Some(at) = upstream.bars.wake_at(core) else { return };
        if upstream.bars.scheduled.is_none_or(|scheduled| at < scheduled) {
            upstream.bars.scheduled = Some(at);
            self.bars_due.insert((at, index));
        }
    }

    pub(super) fn on_bar_timer(&mut self, core: &mut Core) {
        while let Some(&(at, index)) = self.bars_due.first().filter(|(at, _)| *at <= core.now.at) {
            self.bars_due.remove(&(at, index));
            let Some(Some(upstream)) = self.upstreams.get_mut(index) else { continue };
            if upstream.bars.scheduled != Some(at) {
                // Of an earlier use of this place, or overtaken.
                continue;
            }
            upstream.bars.scheduled = None;
            let listing = Arc::clone(&upstream.listing);
            upstream.bars.on_timer(core, &listing);
            self.schedule_bars(core, index);
        }
    }

    pub(super) fn next_bar_due(&self) -> Option<Instant> {
        self.bars_due.first().map(|(at, _)| *at)
    }

    /// History asked for by one of the bar streams came, or will not.
    pub(crate) fn on_own_reply(&mut self, core: &mut Core, token: Token, outcome: &Outcome) {
        for index in 0..self.upstreams.len() {
            let Some(Some(upstream)) = self.upstreams.get_mut(index) else { continue };
            if upstream.feed == Feed::Bars {
                let listing = Arc::clone(&upstream.listing);
                upstream.bars.on_reply(core, &listing, token, outcome);
                self.schedule_bars(core, index);
            }
        }
    }
}
