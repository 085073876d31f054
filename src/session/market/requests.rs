//! Answers `md.*`: takes leases up, renews, ends and lists them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use rustc_hash::FxHashSet;

use super::{
    Market,
    lease::{Held, LEASES_MAX},
    limits::Pool,
    upstream::{DEPTH_ROWS, Feed, Place, Upstream},
};
use crate::{
    schema::{
        ApiError, ErrorCode,
        bar::BarSize,
        request::market::{
            Lease, LeasedStream, Leases, Renew, Stream, Subscribe, Unsubscribe, Unsubscribed, Upstream as UpstreamRow,
        },
    },
    session::{Answer, Command, Listing, core::Core, risk::Reference},
};

/// Generic ticks one request may name.
const GENERIC_TICKS_MAX: usize = 64;
/// Holders named when a limit is reached.
const HOLDERS_SHOWN: usize = 10;
/// A refused stream is not asked for again before this, however many subscribe to it.
const REFUSED_REPEAT: Duration = Duration::from_secs(10);

impl Market {
    /// What the market last said of an instrument; empty if nobody streams its quote, or the quote is stale.
    pub(crate) fn reference(&self, con_id: i32) -> Reference {
        let fits = |upstream: &&Upstream| upstream.feed == Feed::Level1 && upstream.listing.instrument.con_id == con_id;
        let mut pictures = self.upstreams.iter().flatten().filter(fits).map(|upstream| &upstream.picture);
        match pictures.find(|picture| picture.is_known && !picture.quote.stale) {
            Some(picture) => {
                let quote = &picture.quote;
                Reference { bid: quote.bid, ask: quote.ask, last: quote.last }
            }
            None => Reference::default(),
        }
    }

    pub(crate) fn subscribe(&mut self, core: &mut Core, command: &Command, ask: &Subscribe, listing: &Arc<Listing>) {
        if !core.is_waiting(command.token) {
            // The caller gave up while the contract was looked up: nobody would know the lease.
            return;
        }
        match self.take_lease(core, command, ask, listing) {
            Ok(lease) => core.answer(command.token, Answer::Lease(Box::new(lease))),
            Err(error) => core.refuse(command.token, error),
        }
    }

    fn take_lease(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &Subscribe,
        listing: &Arc<Listing>,
    ) -> Result<Lease, ApiError> {
        let mut streams: Vec<Stream> = Vec::new();
        for stream in &ask.streams {
            if Feed::of(*stream).is_none() {
                let text = format!("{stream} is not offered as a live stream; use bar.5s to bar.1d, or hist.bars");
                return Err(ApiError::new(ErrorCode::Unsupported, text));
            }
            if !streams.contains(stream) {
                streams.push(*stream);
            }
        }
        if streams.is_empty() {
            return Err(ApiError::invalid("name at least one stream, such as quote"));
        }
        if ask.generic_ticks.len() > GENERIC_TICKS_MAX {
            return Err(ApiError::invalid(format!("at most {GENERIC_TICKS_MAX} generic ticks can be asked for")));
        }
        if self.leases.len() >= LEASES_MAX {
            let text = format!("{LEASES_MAX} leases are held; unsubscribe some or let them expire");
            return Err(ApiError::new(ErrorCode::Busy, text).retry_after_ms(1_000));
        }
        let feeds: Vec<Feed> = feeds(&streams).collect();
        for pool in Pool::ALL {
            let new = feeds
                .iter()
                .filter(|feed| Pool::of(**feed) == pool && !self.by_key.contains_key(&(listing.slot, **feed)));
            self.check_room(core, pool, u32::try_from(new.count()).unwrap_or(u32::MAX))?;
        }

        for feed in feeds {
            self.hold(core, feed, ask, listing, &streams);
        }
        let held = Held {
            client: command.client.clone(),
            listing: Arc::clone(listing),
            streams,
            generic_ticks: ask.generic_ticks.iter().copied().collect::<BTreeSet<_>>().into_iter().collect(),
            ttl_s: ask.ttl_s,
            expires: None,
        };
        let number = self.leases.add(core.now, held);
        self.show(number).ok_or_else(|| ApiError::new(ErrorCode::Busy, "the lease ended as it was taken"))
    }

    /// Counts a new lease on an upstream and asks for what is missing.
    fn hold(&mut self, core: &mut Core, feed: Feed, ask: &Subscribe, listing: &Arc<Listing>, streams: &[Stream]) {
        let index = self.place_of(core, feed, listing);
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        upstream.leases += 1;
        match feed {
            Feed::Level1 => {
                for stream in streams {
                    let holders = match stream {
                        Stream::Quote => &mut upstream.quote,
                        Stream::Tick => &mut upstream.tick,
                        _ => continue,
                    };
                    *holders += 1;
                    if *holders == 1 {
                        upstream.join(core, *stream);
                    }
                }
                for tick in ask.generic_ticks.iter().collect::<BTreeSet<_>>() {
                    *upstream.generic.entry(*tick).or_default() += 1;
                }
            }
            Feed::Depth => {
                let rows = ask.depth_rows.unwrap_or(DEPTH_ROWS).max(1);
                let grows = rows > upstream.depth_rows;
                upstream.depth_rows = upstream.depth_rows.max(rows);
                if grows && matches!(upstream.place, Place::Asked { .. }) {
                    // Two books of one instrument would mix: this one starts again.
                    upstream.fresh = true;
                    self.cancel_all(core, index);
                    return self.ask(core, index);
                }
            }
            Feed::Bars => {
                for size in sizes(streams) {
                    upstream.bars.hold(core, listing, size);
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
            Place::Waiting | Place::Refused { .. } => self.ask(core, index),
        }
    }

    fn place_of(&mut self, core: &Core, feed: Feed, listing: &Arc<Listing>) -> usize {
        if let Some(index) = self.by_key.get(&(listing.slot, feed)) {
            return *index;
        }
        let upstream = Upstream::new(Arc::clone(listing), feed, core.now.us);
        self.pools.add(Pool::of(feed), upstream.place);
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

    /// Refuses `count` more of a pool that has not so many left, naming who holds it.
    pub(super) fn check_room(&self, core: &Core, pool: Pool, count: u32) -> Result<(), ApiError> {
        let max = pool.max(&core.config.pacing);
        if count == 0 || self.pools.wanted(pool).saturating_add(count) <= max {
            return Ok(());
        }
        let (used, words) = (self.pools.wanted(pool), pool.words());
        let holders = self.holders(pool);
        let text = format!("{used} of {max} {words} are in use, {count} more needed; held by {holders}");
        let error = ApiError::new(ErrorCode::PacingLimited, text);
        Err(match self.leases.next_expiry() {
            Some(at) => {
                let wait = at.saturating_duration_since(core.now.at).as_millis();
                error.retry_after_ms(u64::try_from(wait).unwrap_or(u64::MAX).max(1_000))
            }
            None => error,
        })
    }

    /// Who holds how many of a pool, largest first.
    fn holders(&self, pool: Pool) -> String {
        let mut by_client: BTreeMap<&str, FxHashSet<(usize, Feed)>> = BTreeMap::new();
        for (_, held) in self.leases.iter() {
            let client = held.client.as_deref().unwrap_or("(unnamed)");
            for feed in feeds(&held.streams).filter(|feed| Pool::of(*feed) == pool) {
                by_client.entry(client).or_default().insert((held.listing.slot, feed));
            }
        }
        let mut counts: Vec<(usize, &str)> = by_client.into_iter().map(|(client, set)| (set.len(), client)).collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let mut words: Vec<String> =
            counts.iter().take(HOLDERS_SHOWN).map(|(count, client)| format!("{client}: {count}")).collect();
        if counts.len() > HOLDERS_SHOWN {
            words.push(format!("{} more clients", counts.len() - HOLDERS_SHOWN));
        }
        if pool == Pool::Lines && !self.snapshots.is_empty() {
            words.push(format!("snapshots: {}", self.snapshots.len()));
        }
        if words.is_empty() { "nobody here".to_owned() } else { words.join(", ") }
    }

    pub(crate) fn renew(&mut self, core: &mut Core, command: &Command, ask: &Renew) {
        match self.leases.find(&ask.lease, command.client.as_deref()) {
            Ok(number) => {
                self.leases.renew(core.now, number);
                if let Some(lease) = self.show(number) {
                    core.answer(command.token, Answer::Lease(Box::new(lease)));
                }
            }
            Err(error) => core.refuse(command.token, error),
        }
    }

    pub(crate) fn unsubscribe(&mut self, core: &mut Core, command: &Command, ask: &Unsubscribe) {
        match self.leases.find(&ask.lease, command.client.as_deref()) {
            Ok(number) => {
                let cancelled = self.release(core, number);
                let answer = Unsubscribed { lease: ask.lease.clone(), cancelled };
                core.answer(command.token, Answer::Unsubscribed(answer));
            }
            Err(error) => core.refuse(command.token, error),
        }
    }

    /// Ends a lease. Returns how many upstream requests nobody else needed.
    pub(super) fn release(&mut self, core: &mut Core, number: u64) -> u32 {
        let Some(held) = self.leases.remove(number) else { return 0 };
        let mut cancelled = 0;
        for feed in feeds(&held.streams) {
            let key = (held.listing.slot, feed);
            let Some(index) = self.by_key.get(&key).copied() else { continue };
            let Some(Some(upstream)) = self.upstreams.get_mut(index) else { continue };
            if upstream.leases == 1 {
                // Its last value stays in the bucket.
                upstream.tell_stale(core);
            }
            upstream.leases = upstream.leases.saturating_sub(1);
            if feed == Feed::Level1 {
                upstream.quote -= u32::from(held.streams.contains(&Stream::Quote)).min(upstream.quote);
                upstream.tick -= u32::from(held.streams.contains(&Stream::Tick)).min(upstream.tick);
                for tick in &held.generic_ticks {
                    if let Some(count) = upstream.generic.get_mut(tick) {
                        *count -= 1;
                        if *count == 0 {
                            upstream.generic.remove(tick);
                        }
                    }
                }
            }
            if feed == Feed::Bars {
                for size in sizes(&held.streams) {
                    upstream.bars.release(core, size);
                }
            }
            if upstream.leases == 0 {
                cancelled += self.cancel_all(core, index);
                self.forget(index, key);
            }
        }
        if cancelled > 0 {
            self.ask_starved(core);
        }
        cancelled
    }

    fn forget(&mut self, index: usize, key: (usize, Feed)) {
        self.by_key.remove(&key);
        self.starved.remove(&index);
        if let Some(upstream) = self.upstreams.get_mut(index).and_then(Option::take) {
            self.pools.remove(Pool::of(upstream.feed), upstream.place);
            self.vacant.push(index);
        }
    }

    pub(crate) fn list(&mut self, core: &mut Core, command: &Command) {
        let leases = self.leases.iter().filter_map(|(number, _)| self.show(number)).collect();
        let row = |upstream: &Upstream| UpstreamRow {
            con_id: upstream.listing.instrument.con_id,
            stream: upstream.feed.stream(),
            req_id: match upstream.place {
                Place::Asked { req_id, sent: true } => Some(req_id),
                _ => None,
            },
            holders: upstream.leases,
            stale: !upstream.flows,
            last_us: upstream.last_us,
        };
        let upstream = self.upstreams.iter().flatten().map(row).collect();
        let [lines, tick_by_tick, depth] = self.usage(core);
        let answer = Leases { leases, upstream, lines, tick_by_tick, depth };
        core.answer(command.token, Answer::Leases(Box::new(answer)));
    }

    fn show(&self, number: u64) -> Option<Lease> {
        let held = self.leases.get(number)?;
        let upstream = |stream: Stream| {
            let index = self.by_key.get(&(held.listing.slot, Feed::of(stream)?))?;
            self.upstreams.get(*index)?.as_ref()
        };
        let row = |stream: &Stream| LeasedStream {
            stream: *stream,
            // Whoever publishes knows the subject.
            subject: String::new(),
            holders: upstream(*stream).map_or(0, |upstream| match stream {
                Stream::Quote => upstream.quote,
                Stream::Tick => upstream.tick,
                Stream::Bar(size) => upstream.bars.holders(*size),
                _ => upstream.leases,
            }),
        };
        let known = upstream(Stream::Quote).filter(|upstream| upstream.picture.is_known);
        Some(Lease {
            lease: self.leases.name(number),
            client: held.client.as_ref().map(ToString::to_string),
            instrument: held.listing.instrument.clone(),
            streams: held.streams.iter().map(row).collect(),
            ttl_s: held.ttl_s,
            expires_us: held.expires.map(|(_, us)| us),
            quote: known.map(|upstream| upstream.picture.quote.clone()),
        })
    }
}

/// The feeds that carry these streams, each once.
fn feeds(streams: &[Stream]) -> impl Iterator<Item = Feed> + '_ {
    let feed = |index: usize, stream: &Stream| {
        let feed = Feed::of(*stream)?;
        let earlier = streams.iter().take(index).any(|other| Feed::of(*other) == Some(feed));
        (!earlier).then_some(feed)
    };
    streams.iter().enumerate().filter_map(move |(index, stream)| feed(index, stream))
}

/// The bar sizes among these streams.
fn sizes(streams: &[Stream]) -> impl Iterator<Item = BarSize> + '_ {
    streams.iter().filter_map(|stream| match stream {
        Stream::Bar(size) => Some(*size),
        _ => None,
    })
}
