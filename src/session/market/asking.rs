//! Asks the gateway for what leases need, and cancels what none needs any more.

use std::time::{Duration, Instant};

use super::{
    Market, Route,
    feed::Feed,
    upstream::{Place, Upstream},
};
use crate::{
    schema::connection::LinkName,
    session::{
        core::{Core, Errand, Owner},
        pacing::{Class, Cost},
    },
    tws::Request,
};

/// How long a level-1 request may stay without any answer; doubles with each one that does.
const PATIENCE: Duration = Duration::from_secs(20);
/// Wait when the queue to the gateway is full.
const QUEUE_FULL_WAIT: Duration = Duration::from_secs(1);

impl Market {
    /// True if requests reach IB. While the gateway has no link to IB it answers some of them falsely.
    pub(super) fn is_open(&self) -> bool {
        self.is_link_ready && !self.is_ib_lost
    }

    pub(super) fn put(&mut self, index: usize, place: Place) {
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        let pool = self.pools.of(upstream.feed);
        self.pools.remove(pool, upstream.place);
        self.pools.add(pool, place);
        upstream.place = place;
        if let Place::Delayed { at } = place {
            self.due.insert((at, index));
        }
    }

    /// Asks for an upstream that is not at the gateway, now or as soon as the limits allow.
    pub(super) fn ask(&mut self, core: &mut Core, index: usize) {
        let is_open = self.is_open();
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        if matches!(upstream.place, Place::Asked { .. }) {
            return;
        }
        let pool = self.pools.of(upstream.feed);
        let free = self.pools.max(core, pool).saturating_sub(self.pools.asked(pool));
        if !is_open {
            return self.put(index, Place::Waiting);
        }
        if free == 0 {
            return self.queue(index);
        }
        if let Feed::TickByTick(_) = upstream.feed {
            let con_id = upstream.listing.instrument.con_id;
            let at = self.tick_by_tick.earliest(core.now.at, con_id, free);
            if at > core.now.at {
                return self.put(index, Place::Delayed { at });
            }
            self.tick_by_tick.on_request(core.now.at, con_id, false);
        }
        upstream.asked = upstream.wanted();
        match submit(core, upstream) {
            Some(req_id) => {
                self.routes.insert(req_id, Route::Upstream(index));
                self.put(index, Place::Asked { req_id, sent: false });
            }
            None => self.put(index, Place::Delayed { at: core.now.at + QUEUE_FULL_WAIT }),
        }
    }

    /// No line or slot is free: it waits for one behind those who wait already.
    pub(super) fn queue(&mut self, index: usize) {
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        let number = *upstream.queued.get_or_insert_with(|| {
            self.queue_last += 1;
            self.queue_last
        });
        self.starved.insert((number, index));
        self.put(index, Place::Waiting);
    }

    /// Asks for what was not wanted before: behind those who wait for a line or slot already, if anybody does.
    pub(super) fn ask_in_turn(&mut self, core: &mut Core, index: usize) {
        let Some(Some(upstream)) = self.upstreams.get(index) else { return };
        let pool = self.pools.of(upstream.feed);
        let waits = |(_, other): &(u64, usize)| {
            let other = self.upstreams.get(*other).and_then(Option::as_ref);
            other.is_some_and(|other| self.pools.of(other.feed) == pool)
        };
        if self.is_open() && self.starved.iter().any(waits) {
            self.queue(index);
            return self.ask_starved(core);
        }
        self.ask(core, index);
    }

    /// Asks again for more: generic ticks, news, another kind of market data. The running request goes on until its successor delivers,
    /// so that no tick is missed.
    pub(super) fn widen(&mut self, core: &mut Core, index: usize) {
        if !self.is_open() {
            return;
        }
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        let Place::Asked { req_id, .. } = upstream.place else { return };
        if upstream.feed != Feed::Level1 || upstream.is_wide_enough() {
            return;
        }
        let wanted = upstream.wanted();
        let before = std::mem::replace(&mut upstream.asked, wanted);
        let was_flowing = upstream.flows;
        let Some(new_id) = submit(core, upstream) else {
            upstream.asked = before;
            return;
        };
        upstream.flows = was_flowing;
        let unproven = if upstream.old.is_none() && was_flowing {
            upstream.old = Some((req_id, before));
            None
        } else {
            Some(req_id)
        };
        self.routes.insert(new_id, Route::Upstream(index));
        self.put(index, Place::Asked { req_id: new_id, sent: false });
        if let Some(req_id) = unproven {
            self.cancel(core, index, req_id);
        }
    }

    /// Ends one request of an upstream at the gateway. What it still sends is nobody's.
    pub(super) fn cancel(&mut self, core: &mut Core, index: usize, req_id: i32) {
        self.routes.remove(&req_id);
        let Some(Some(upstream)) = self.upstreams.get(index) else { return };
        if core.pacing.withdraw(req_id) {
            return;
        }
        core.unwanted(req_id);
        core.cancelled(req_id);
        if let Feed::TickByTick(_) = upstream.feed {
            self.tick_by_tick.on_cancel(core.now.at);
            core.wants_probe = true;
        }
        submit_cancel(core, upstream.cancel(req_id));
    }

    /// Ends all requests of an upstream at the gateway. Returns how many there were.
    pub(super) fn cancel_all(&mut self, core: &mut Core, index: usize) -> u32 {
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return 0 };
        let old = upstream.old.take().map(|(req_id, _)| req_id);
        let current = match upstream.place {
            Place::Asked { req_id, .. } => Some(req_id),
            _ => None,
        };
        for req_id in old.into_iter().chain(current) {
            self.cancel(core, index, req_id);
        }
        self.put(index, Place::Waiting);
        u32::from(current.is_some())
    }

    /// Slots may be free: those who found none are asked for, first come first served.
    pub(crate) fn ask_starved(&mut self, core: &mut Core) {
        for (number, index) in std::mem::take(&mut self.starved) {
            let Some(Some(upstream)) = self.upstreams.get(index) else { continue };
            if upstream.queued == Some(number) && matches!(upstream.place, Place::Waiting | Place::Refused { .. }) {
                self.ask(core, index);
            }
        }
    }

    /// When a limit that the gateway made known is tried again by those who wait for it.
    pub(super) fn next_try(&self) -> Option<Instant> {
        let starved = self.starved.iter().filter_map(|(_, index)| self.upstreams.get(*index)?.as_ref());
        starved.filter_map(|upstream| self.pools.relaxes_at(self.pools.of(upstream.feed))).min()
    }

    /// Asks for everything that is not at the gateway: what ran before, then what most leases need, then
    /// what waited for a slot.
    pub(super) fn ask_all(&mut self, core: &mut Core) {
        let missing = |(index, slot): (usize, &Option<Upstream>)| {
            let upstream = slot.as_ref().filter(|upstream| !matches!(upstream.place, Place::Asked { .. }))?;
            Some((upstream.queued, std::cmp::Reverse(upstream.leases), index))
        };
        let mut order: Vec<_> = self.upstreams.iter().enumerate().filter_map(missing).collect();
        order.sort_unstable();
        for (_, _, index) in order {
            self.ask(core, index);
        }
    }

    /// A request was written to the socket.
    pub(crate) fn on_sent(&mut self, core: &mut Core, req_id: i32) {
        let Some(Route::Upstream(index)) = self.routes.get(&req_id) else { return };
        let Some(Some(upstream)) = self.upstreams.get_mut(*index) else { return };
        if let Place::Asked { req_id: current, sent } = &mut upstream.place
            && *current == req_id
        {
            *sent = true;
            let is_kept = upstream.feed == Feed::Bars && upstream.bars.is_kept();
            upstream.asked_in_dark = core.market_farms_down || (is_kept && core.history_farms_down);
        }
        if let Feed::TickByTick(_) = upstream.feed {
            let in_dark = core.market_farms_down || self.is_ib_lost;
            self.tick_by_tick.on_request(core.now.at, upstream.listing.instrument.con_id, in_dark);
            core.wants_probe = true;
        }
        if upstream.feed == Feed::Bars {
            let index = *index;
            upstream.bars.on_sent(core);
            self.schedule_bars(core, index);
        }
    }

    /// Asks for what has waited long enough.
    pub(super) fn ask_due(&mut self, core: &mut Core) {
        while let Some(&(at, index)) = self.due.first().filter(|(at, _)| *at <= core.now.at) {
            self.due.remove(&(at, index));
            let is_current = self
                .upstreams
                .get(index)
                .is_some_and(|slot| slot.as_ref().is_some_and(|upstream| upstream.place == Place::Delayed { at }));
            if is_current {
                self.ask(core, index);
            }
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }
}

/// Queues the upstream's request under a new id. `None` if the queue is full.
fn submit(core: &mut Core, upstream: &mut Upstream) -> Option<i32> {
    let req_id = core.new_req_id();
    let (request, cost) = upstream.request(req_id);
    let mut errand = Errand::new(LinkName::Data, Class::Live, request).id(req_id).cost(cost);
    if upstream.feed == Feed::Level1 {
        // Even a closed market answers with its last values; the other feeds may rightly be silent.
        errand = errand.answer_within(PATIENCE * 2_u32.pow(upstream.attempts.min(5)));
    }
    core.submit(Owner::Market, errand).ok()?;
    (upstream.flows, upstream.begun) = (false, false);
    Some(req_id)
}

/// Cancels travel in the class of the requests: a cancel of an order must not wait behind them. There they go first:
/// a line must be given back before the request that takes its place.
pub(super) fn submit_cancel(core: &mut Core, cancel: Request) {
    let errand = Errand::new(LinkName::Data, Class::Live, cancel.clone()).cost(Cost::Release);
    if core.submit(Owner::Market, errand).is_err() {
        // A lost cancel would hold its line for good; this class never refuses.
        let _ = core.submit(Owner::Market, Errand::new(LinkName::Data, Class::Cancel, cancel));
    }
}
