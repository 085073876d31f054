//! From when the gateway counts what was written to it.
//!
//! IB's intervals count from when a request reaches the gateway and IB. Between our writing it and that lies a link that may
//! stall, and a gateway whose farms may be away: until something shows how far it came, nobody knows.

use std::time::{Duration, Instant};

/// IB's interval is 15 s, for an identical small request and for tick-by-tick of an instrument: `ib-limits` sections 3 and 4.
/// A second more, since the way to the gateway is not always equally long.
pub(crate) const INTERVAL: Duration = Duration::from_secs(16);
/// What the second more allows for.
const TRIP_MAX: Duration = Duration::from_secs(1);
/// Wait for a sign of the gateway's before looking again.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// What was written so long ago has arrived, or never will.
pub(crate) const WRITTEN_AGES_AGO: Duration = Duration::from_secs(120);

/// A request or cancel on its way to the gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// The gateway counts from then at the latest, if it is seen to have arrived; else it was written then.
    at: Instant,
    has_arrived: bool,
    /// IB or a farm was away: it may have got no further than the gateway.
    in_dark: bool,
}

impl Arrival {
    /// It was written just now, `in_dark` if IB or a farm is away.
    pub(crate) fn written(now: Instant, in_dark: bool) -> Self {
        Self { at: now, has_arrived: false, in_dark }
    }

    /// It arrived then.
    pub(crate) fn seen(at: Instant) -> Self {
        Self { at, has_arrived: true, in_dark: false }
    }

    /// The gateway has read by `now` what was written until `asked_at`, as it answers what was asked then. True if this is
    /// still on its way.
    pub(crate) fn on_reached(&mut self, now: Instant, asked_at: Instant) -> bool {
        if !self.has_arrived && self.at <= asked_at {
            if now.saturating_duration_since(self.at) > TRIP_MAX {
                self.at = now;
            }
            self.has_arrived = true;
        }
        !self.has_arrived
    }

    /// As [`Self::on_reached`] for each. True if some are still on their way.
    pub(crate) fn any_on_its_way<'a>(all: impl Iterator<Item = &'a mut Self>, now: Instant, asked_at: Instant) -> bool {
        let mut waits = false;
        for mark in all {
            waits |= mark.on_reached(now, asked_at);
        }
        waits
    }

    /// It was carried out: its answer came, or a part of it.
    pub(crate) fn on_answer(&mut self, now: Instant) {
        self.on_reached(now, self.at);
        self.in_dark = false;
    }

    /// A farm, or the gateway's link to IB, is away: what was written just before may have come too late for it.
    pub(crate) fn on_ib_away(&mut self, now: Instant) {
        self.in_dark |= !self.has_arrived || self.at + TRIP_MAX > now;
    }

    /// A farm, or the gateway's link to IB, is back: IB may get it only now; or later, if something `is_still_away`.
    pub(crate) fn on_ib_back(&mut self, now: Instant, is_still_away: bool) {
        if self.in_dark {
            (self.at, self.in_dark) = (now, is_still_away);
        }
    }

    /// The link is down: it has arrived by now, at the gateway and at IB, or never will.
    pub(crate) fn on_link_down(&mut self, now: Instant) {
        if self.in_dark {
            *self = Self::seen(now);
        }
        self.on_reached(now, self.at);
    }

    fn counts_until(&self) -> Instant {
        self.at + INTERVAL
    }

    /// Still counts, or nobody knows.
    pub(crate) fn matters(&self, now: Instant) -> bool {
        self.in_dark || self.counts_until() > now || !self.has_arrived && self.at + WRITTEN_AGES_AGO > now
    }

    /// When it is certain not to count any more, as far as is known.
    pub(crate) fn over_at(&self, now: Instant) -> Instant {
        if self.has_arrived || self.at + WRITTEN_AGES_AGO <= now {
            self.counts_until()
        } else {
            self.counts_until().max(now + LOOK_AGAIN)
        }
    }
}
