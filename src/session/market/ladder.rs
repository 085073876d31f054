//! The recovery ladder of silent data: one stream, then the streams of its farm, then the data link.
//!
//! A rung is climbed only on evidence. A stream that stays silent after it was asked for again has the streams of its
//! farm asked for again, unless one of them was heard meanwhile; when nothing at all is heard after that, the data link
//! is built anew. The trading link is no part of it.

use std::time::Duration;

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use super::{Market, upstream::Place, upstream::Upstream};
use crate::{
    schema::bridge::BridgeEvent,
    session::{Event, Now, core::Core},
};

/// A farm's streams may take so long to begin before the data link is taken for the culprit.
const FARM_BEGINS_WITHIN: Duration = Duration::from_secs(20);
/// The time between two rebuilds doubles up to this while nothing is heard.
const REBUILD_WAIT_MAX: Duration = Duration::from_secs(3_600);

/// Streams that are taken to come from one farm: by type of instrument and currency. A gateway names its farms, but not
/// what they serve.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Farm {
    sec_type: CompactString,
    currency: CompactString,
}

impl Farm {
    fn of(upstream: &Upstream) -> Self {
        let instrument = &upstream.listing.instrument;
        Self { sec_type: instrument.sec_type.as_str().into(), currency: instrument.currency.as_str().into() }
    }
}

/// How far the ladder was climbed.
#[derive(Debug, Default)]
pub(super) struct Ladder {
    /// When the streams of a farm were asked for again.
    farms: FxHashMap<Farm, Now>,
    /// When the data link was built anew, and how long it is left alone after that.
    rebuilt: Option<(Now, Duration)>,
}

impl Ladder {
    /// All streams are asked for anew, or none is left.
    pub(super) fn step_down(&mut self) {
        self.farms.clear();
    }
}

impl Market {
    /// A silent stream is asked for again, and with it whatever its silence puts in doubt. `at_once`: also if it was
    /// silent before.
    pub(super) fn climb(&mut self, core: &mut Core, index: usize, reason: &str, at_once: bool) {
        if core.rebuild_data_link.is_some() {
            return;
        }
        let (is_open, broke_us) = (self.is_open(), self.farm_broke_us);
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        let in_touch = is_open && !core.is_maintained && !upstream.is_in_dark(core, broke_us);
        let farm = Farm::of(upstream);
        let before_us = upstream.asked_again_us.replace(core.now.us);
        if let Some(before_us) = before_us.filter(|_| in_touch) {
            match self.ladder.farms.get(&farm).copied() {
                Some(asked) if !self.has_heard(asked.us, |other| Farm::of(other) == farm) => {
                    let had_time = core.now.at >= asked.at + FARM_BEGINS_WITHIN;
                    // A broken farm is reason enough for silence of all.
                    if had_time && !core.market_farms_down && !self.has_heard(asked.us, |_| true) && self.rebuild(core)
                    {
                        return;
                    }
                }
                _ if !self.has_heard(before_us, |other| Farm::of(other) == farm) => {
                    self.ask_farm(core, &farm, index, reason);
                }
                _ => {}
            }
        }
        self.ask_again(core, index, reason, at_once);
    }

    /// True if the data link was built anew for want of data, and nothing has come since.
    pub(crate) fn is_dead(&self) -> bool {
        self.ladder.rebuilt.is_some_and(|(last, _)| !self.by_key.is_empty() && !self.has_heard(last.us, |_| true))
    }

    /// True if something came on a stream after this moment.
    fn has_heard(&self, since_us: i64, is_meant: impl Fn(&Upstream) -> bool) -> bool {
        let mut heard = self.upstreams.iter().flatten().filter(|upstream| upstream.last_us > Some(since_us));
        heard.any(is_meant)
    }

    /// Asks again for the other streams of a farm.
    fn ask_farm(&mut self, core: &mut Core, farm: &Farm, but: usize, reason: &str) {
        self.ladder.farms.insert(farm.clone(), core.now);
        let mut others = Vec::new();
        for (index, slot) in self.upstreams.iter().enumerate().filter(|(index, _)| *index != but) {
            let Some(upstream) = slot.as_ref().filter(|upstream| Farm::of(upstream) == *farm) else { continue };
            let is_sent = matches!(upstream.place, Place::Asked { sent: true, .. });
            if is_sent && (!upstream.flows || upstream.is_due(core)) {
                others.push(index);
            }
        }
        if !others.is_empty() {
            tell_farm(core, farm, others.len());
        }
        for index in others {
            if let Some(Some(upstream)) = self.upstreams.get_mut(index) {
                upstream.asked_again_us = Some(core.now.us);
            }
            self.ask_again(core, index, reason, true);
        }
    }

    /// Has the data link built anew, unless that was done lately.
    fn rebuild(&mut self, core: &mut Core) -> bool {
        let shortest = Duration::from_secs(core.config.staleness.rebuild_s);
        let wait = match self.ladder.rebuilt {
            Some((last, wait)) if core.now.at < last.at + wait => return false,
            Some((last, wait)) if !self.has_heard(last.us, |_| true) => (wait * 2).min(REBUILD_WAIT_MAX).max(shortest),
            _ => shortest,
        };
        if shortest.is_zero() {
            return false;
        }
        self.ladder.rebuilt = Some((core.now, wait));
        let mut event = BridgeEvent::new("watchdog_data_link", core.now.us);
        let message = "no stream brings anything although all were asked for again: the data link is built anew";
        event.message = Some(message.to_owned());
        event.figures.insert("streams".to_owned(), i64::try_from(self.by_key.len()).unwrap_or(i64::MAX));
        core.emit(Event::Bridge(Box::new(event)));
        core.rebuild_data_link = Some(message.to_owned());
        true
    }
}

fn tell_farm(core: &mut Core, farm: &Farm, others: usize) {
    let mut event = BridgeEvent::new("watchdog_farm", core.now.us);
    event.message = Some(format!(
        "a stream stays silent although it was asked for again, and so do {others} others in {} {}: all are asked for again",
        farm.sec_type, farm.currency
    ));
    event.figures.insert("streams".to_owned(), i64::try_from(others + 1).unwrap_or(i64::MAX));
    core.emit(Event::Bridge(Box::new(event)));
}
