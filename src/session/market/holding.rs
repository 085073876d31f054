//! Counts what leases need of the upstreams they share, and gives back what none needs any more.

use std::{sync::Arc, time::Duration};

use super::{
    Market,
    bars::{Claim, mark_of},
    feed::Feed,
    kept,
    lease::Held,
    requests::feeds,
    upstream::{DEPTH_ROWS, Place, Upstream},
};
use crate::{
    schema::{bar::BarSize, request::market::Stream},
    session::{Listing, core::Core},
};

/// A refused stream is not asked for again before this, however many subscribe to it.
const REFUSED_REPEAT: Duration = Duration::from_secs(10);

impl Market {
    /// Counts a new lease on its upstreams and asks for what is missing.
    pub(super) fn hold(&mut self, core: &mut Core, number: u64) {
        let Some(held) = self.leases.get(number).cloned() else { return };
        for feed in feeds(&held.streams) {
            self.hold_feed(core, feed, &held);
        }
    }

    fn hold_feed(&mut self, core: &mut Core, feed: Feed, held: &Held) {
        let index = self.place_of(core, feed, &held.listing);
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        upstream.leases += 1;
        let of_client = upstream.clients.entry(held.client.clone()).or_default();
        *of_client += 1;
        if *of_client == 1 {
            self.pools.join(self.pools.of(feed), held.client.as_ref());
        }
        for stream in held.streams.iter().filter(|stream| Feed::of(**stream) == Some(feed)) {
            if upstream.views.add(*stream) == 1 {
                upstream.join(core, *stream);
            }
        }
        match feed {
            Feed::Level1 => {
                for part in &held.parts {
                    *upstream.parts.entry(part.clone()).or_default() += 1;
                }
                *upstream.policies.entry(held.policy).or_default() += 1;
            }
            Feed::Depth => {
                let rows = held.depth_rows.unwrap_or(DEPTH_ROWS).max(1);
                let grows = rows > upstream.depth_rows;
                upstream.depth_rows = upstream.depth_rows.max(rows);
                upstream.smart_depth = held.smart_depth;
                if grows && matches!(upstream.place, Place::Asked { .. }) {
                    // Two books of one instrument would mix: this one starts again.
                    upstream.fresh = true;
                    self.cancel_all(core, index);
                    return self.ask(core, index);
                }
            }
            Feed::Bars => {
                for size in sizes(&held.streams) {
                    let lasts = held.ttl_s == 0;
                    let end_us = if lasts { self.bar_ends.remove(&mark_of(&held.listing, size)) } else { None };
                    upstream.bars.hold(core, &held.listing, size, Claim { lasts, end_us });
                }
                self.schedule_bars(core, index);
            }
            Feed::TickByTick(_) => {}
        }
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        match upstream.place {
            Place::Asked { .. } => self.widen(core, index),
            Place::Refused { at } if at + REFUSED_REPEAT > core.now.at => {}
            Place::Delayed { .. } => {}
            Place::Waiting | Place::Refused { .. } => self.ask_in_turn(core, index),
        }
    }

    fn place_of(&mut self, core: &Core, feed: Feed, listing: &Arc<Listing>) -> usize {
        if let Some(index) = self.by_key.get(&(listing.slot, feed)) {
            return *index;
        }
        let upstream = Upstream::new(Arc::clone(listing), feed, core.now.us);
        self.pools.add(self.pools.of(feed), upstream.place);
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.upstreams.push(None);
            self.upstreams.len() - 1
        });
        if let Some(slot) = self.upstreams.get_mut(index) {
            *slot = Some(upstream);
        }
        self.by_key.insert((listing.slot, feed), index);
        index
    }

    /// Ends a lease. Returns how many upstream requests nobody else needed.
    pub(super) fn release(&mut self, core: &mut Core, number: u64) -> u32 {
        let Some(held) = self.leases.remove(number) else { return 0 };
        if held.is_kept {
            kept::forget(core, &held.name);
        }
        let mut cancelled = 0;
        for feed in feeds(&held.streams) {
            cancelled += self.release_feed(core, feed, &held);
        }
        if cancelled > 0 {
            self.ask_starved(core);
        }
        cancelled
    }

    fn release_feed(&mut self, core: &mut Core, feed: Feed, held: &Held) -> u32 {
        let key = (held.listing.slot, feed);
        let Some(index) = self.by_key.get(&key).copied() else { return 0 };
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return 0 };
        if upstream.leases == 1 {
            // Its last value stays in the bucket.
            upstream.tell_stale(core);
        }
        upstream.leases = upstream.leases.saturating_sub(1);
        if let Some(of_client) = upstream.clients.get_mut(&held.client) {
            *of_client -= 1;
            if *of_client == 0 {
                upstream.clients.remove(&held.client);
                self.pools.leave(self.pools.of(feed), held.client.as_ref());
            }
        }
        for stream in held.streams.iter().filter(|stream| Feed::of(**stream) == Some(feed)) {
            upstream.views.remove(*stream);
        }
        if feed == Feed::Level1 {
            for part in &held.parts {
                take_one(&mut upstream.parts, part);
            }
            take_one(&mut upstream.policies, &held.policy);
        }
        if feed == Feed::Bars {
            for size in sizes(&held.streams) {
                upstream.bars.release(core, &held.listing, size, held.ttl_s == 0);
            }
        }
        if upstream.leases > 0 {
            return 0;
        }
        let cancelled = self.cancel_all(core, index);
        self.forget(index, key);
        cancelled
    }

    fn forget(&mut self, index: usize, key: (usize, Feed)) {
        self.by_key.remove(&key);
        if self.by_key.is_empty() {
            self.ladder.step_down();
        }
        if let Some(upstream) = self.upstreams.get_mut(index).and_then(Option::take) {
            if let Some(number) = upstream.queued {
                self.starved.remove(&(number, index));
            }
            self.pools.remove(self.pools.of(upstream.feed), upstream.place);
            self.vacant.push(index);
        }
    }
}

fn take_one<K: Ord>(counts: &mut std::collections::BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// The bar sizes among these streams.
fn sizes(streams: &[Stream]) -> impl Iterator<Item = BarSize> + '_ {
    streams.iter().filter_map(|stream| match stream {
        Stream::Bar(size) => Some(*size),
        _ => None,
    })
}
