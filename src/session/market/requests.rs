//! Answers `md.*`: takes leases up, renews and ends them.

use std::sync::Arc;

use super::{
    Market,
    feed::{Feed, Part, policy_of},
    kept,
    lease::Held,
    limits::Pool,
};
use crate::{
    schema::{
        ApiError, ErrorCode,
        market::DataKind,
        request::market::{Lease, MarketDataPolicy, Renew, Stream, Subscribe, Unsubscribe, Unsubscribed, WhenFull},
    },
    session::{Answer, Command, Listing, core::Core, risk::Reference},
};

/// Generic ticks one request may name, and news providers.
const GENERIC_TICKS_MAX: usize = 64;
/// Longest code of a news provider.
const PROVIDER_BYTES_MAX: usize = 20;
/// Upstreams of a pool that may wait for a line or slot.
const QUEUED_MAX: u32 = 5_000;

impl Market {
    /// What the market last said of an instrument; empty if nobody streams its quote, or the quote is stale.
    pub(crate) fn reference(&self, con_id: i32) -> Reference {
        if con_id == 0 {
            // Every combo has this one.
            return Reference::default();
        }
        let fits = |upstream: &&super::upstream::Upstream| {
            upstream.feed == Feed::Level1 && upstream.listing.instrument.con_id == con_id
        };
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
        let mut held = read(core, ask, listing)?;
        held.client.clone_from(&command.client);
        let leases_max = core.config.pacing.leases_max;
        if self.leases.len() >= leases_max {
            let text = format!("{leases_max} leases are held; unsubscribe some or let them expire");
            return Err(ApiError::new(ErrorCode::Busy, text).retry_after_ms(1_000));
        }
        self.check_kinds(&held)?;
        let feeds: Vec<Feed> = feeds(&held.streams).collect();
        self.check_quota(core, command, listing.slot, &feeds)?;
        for pool in Pool::ALL {
            let new = feeds
                .iter()
                .filter(|feed| self.pools.of(**feed) == pool && !self.by_key.contains_key(&(listing.slot, **feed)));
            let new = u32::try_from(new.count()).unwrap_or(u32::MAX);
            match ask.when_full {
                WhenFull::Refuse => self.check_room(core, pool, new)?,
                WhenFull::Queue => self.check_queue(core, pool, new)?,
            }
        }
        // The bridge's own come from the configuration again.
        held.is_kept = ask.ttl_s == 0 && !command.token.is_own();
        let number = self.leases.add(core.now, held);
        self.hold(core, number);
        if let Some(held) = self.leases.get(number).filter(|held| held.is_kept) {
            kept::keep(core, held, ask);
        }
        self.show(number, true).ok_or_else(|| ApiError::new(ErrorCode::Busy, "the lease ended as it was taken"))
    }

    /// Streams of one instrument share a subject, so some wishes exclude each other.
    pub(super) fn check_kinds(&self, held: &Held) -> Result<(), ApiError> {
        let slot = held.listing.slot;
        let running = |feed| self.by_key.get(&(slot, feed)).and_then(|index| self.upstreams.get(*index)?.as_ref());
        if held.streams.contains(&Stream::Depth)
            && let Some(upstream) = running(Feed::Depth)
            && upstream.smart_depth != held.smart_depth
        {
            let (other, mine) = if held.smart_depth { ("one exchange", "all") } else { ("all exchanges", "one") };
            let text = format!(
                "the book of {other} is streamed to others already, and one instrument has one book: ask for the \
                 book of {mine} with the instrument routed to another exchange"
            );
            return Err(ApiError::new(ErrorCode::Busy, text));
        }
        if held.policy == MarketDataPolicy::LiveOnly
            && let Some(upstream) = feeds(&held.streams).find(|feed| *feed == Feed::Level1).and_then(running)
            && upstream.flows
            && matches!(upstream.picture.quote.data_kind, DataKind::Delayed | DataKind::DelayedFrozen)
        {
            let text = "the login has only delayed data for it, and it is streamed to others who accept that";
            return Err(ApiError::new(ErrorCode::NoPermission, text));
        }
        Ok(())
    }

    /// Refuses `count` more of a pool that has not so many left, naming who holds it.
    pub(super) fn check_room(&self, core: &Core, pool: Pool, count: u32) -> Result<(), ApiError> {
        let max = self.pools.max(core, pool);
        let wanted = self.pools.wanted(pool);
        if count == 0 || wanted.saturating_add(count) <= max {
            return Ok(());
        }
        let (used, words) = (self.pools.asked(pool), pool.words());
        let (holders, clients) = self.pools.holders(pool);
        let name = |client: Option<&str>| client.unwrap_or("(unnamed)").to_owned();
        let mut shown: Vec<String> = holders
            .iter()
            .take(5)
            .map(|holder| format!("{}: {}", name(holder.client.as_deref()), holder.count))
            .collect();
        if clients > 5 {
            shown.push(format!("{} more clients", clients - 5));
        }
        if pool == Pool::Lines && !self.snapshots.is_empty() {
            shown.push(format!("snapshots: {}", self.snapshots.len()));
        }
        let held = if shown.is_empty() { "nobody here".to_owned() } else { shown.join(", ") };
        let waiting = wanted.saturating_sub(used);
        let waiting = if waiting > 0 { format!(", {waiting} wait for one") } else { String::new() };
        let text = format!(
            "{used} of {max} {words} are in use{waiting}, {count} more needed; held by {held}. \
             Ask with when_full = queue to wait for one"
        );
        let mut error = ApiError::new(ErrorCode::PacingLimited, text);
        error.holders = Some(Box::new(holders));
        Err(match self.leases.next_expiry() {
            Some(at) => {
                let wait = at.saturating_duration_since(core.now.at).as_millis();
                error.retry_after_ms(u64::try_from(wait).unwrap_or(u64::MAX).max(1_000))
            }
            None => error,
        })
    }

    fn check_queue(&self, core: &Core, pool: Pool, count: u32) -> Result<(), ApiError> {
        let waiting = self.pools.wanted(pool).saturating_sub(self.pools.max(core, pool));
        if count == 0 || waiting < QUEUED_MAX {
            return Ok(());
        }
        let text = format!("{waiting} streams wait for {} already", pool.words());
        Err(ApiError::new(ErrorCode::Busy, text).retry_after_ms(10_000))
    }

    pub(crate) fn renew(&mut self, core: &mut Core, command: &Command, ask: &Renew) {
        match self.leases.find(&ask.lease, command.client.as_deref()) {
            Ok(number) => {
                self.leases.renew(core.now, number);
                if let Some(lease) = self.show(number, true) {
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
}

/// What a request asks to hold, checked.
pub(super) fn read(core: &Core, ask: &Subscribe, listing: &Arc<Listing>) -> Result<Held, ApiError> {
    let mut streams: Vec<Stream> = Vec::new();
    for stream in &ask.streams {
        if Feed::of(*stream).is_none() {
            let text = format!("{stream} is not offered as a live stream; use bar.5s to bar.1d, or hist.bars");
            return Err(ApiError::new(ErrorCode::Unsupported, text));
        }
        if listing.instrument.sec_type == "BAG" && !matches!(stream, Stream::Quote | Stream::Tick) {
            let text = format!(
                "{stream} is not offered for combos: IB has no tick-by-tick data, depth or history of them; lease its legs"
            );
            return Err(ApiError::new(ErrorCode::Unsupported, text));
        }
        if !streams.contains(stream) {
            streams.push(*stream);
        }
    }
    if streams.is_empty() {
        return Err(ApiError::invalid("name at least one stream, such as quote"));
    }
    if ask.generic_ticks.len() > GENERIC_TICKS_MAX || ask.news_providers.len() > GENERIC_TICKS_MAX {
        return Err(ApiError::invalid(format!("at most {GENERIC_TICKS_MAX} generic ticks can be asked for")));
    }
    let is_code = |code: &String| {
        (1..=PROVIDER_BYTES_MAX).contains(&code.len())
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    if let Some(code) = ask.news_providers.iter().find(|code| !is_code(code)) {
        return Err(ApiError::invalid(format!("{:?} is no code of a news provider, such as BRFG", short(code))));
    }
    Ok(Held {
        name: String::new().into(),
        client: None,
        listing: Arc::clone(listing),
        parts: Part::all(&streams, &ask.generic_ticks, &ask.news_providers),
        streams,
        depth_rows: ask.depth_rows,
        smart_depth: ask.smart_depth.unwrap_or(listing.instrument.exchange == "SMART"),
        policy: ask.market_data.unwrap_or_else(|| policy_of(core.config.gateway.market_data)),
        ttl_s: ask.ttl_s,
        expires: None,
        is_kept: false,
    })
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The feeds that carry these streams, each once.
pub(super) fn feeds(streams: &[Stream]) -> impl Iterator<Item = Feed> + '_ {
    let feed = |index: usize, stream: &Stream| {
        let feed = Feed::of(*stream)?;
        let earlier = streams.iter().take(index).any(|other| Feed::of(*other) == Some(feed));
        (!earlier).then_some(feed)
    };
    streams.iter().enumerate().filter_map(move |(index, stream)| feed(index, stream))
}
