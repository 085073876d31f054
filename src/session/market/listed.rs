//! Shows leases and upstreams to people and clients.

use rustc_hash::FxHashMap;

use super::{
    Market,
    feed::{Feed, tick_list},
    limits::Pool,
    upstream::{Place, Upstream},
};
use crate::{
    schema::request::market::{Lease, LeasedStream, Leases, ListLeases, Stream, StreamState, Upstream as UpstreamRow},
    session::{Answer, Command, core::Core},
};

/// Leases listed when a request names no limit, and the highest limit: a reply is one message.
const LISTED: u32 = 500;
const LISTED_MAX: u32 = 1_000;
/// Clients named for one upstream.
const CLIENTS_SHOWN: usize = 20;

impl Market {
    /// Leases held, streams that should flow and do not, streams that wait for a line or slot.
    pub(crate) fn figures(&self) -> [u64; 3] {
        let asked = self.upstreams.iter().flatten().filter(|upstream| matches!(upstream.place, Place::Asked { .. }));
        let stale = asked.filter(|upstream| !upstream.flows).count();
        [self.leases.iter().count(), stale, self.starved.len()].map(|count| u64::try_from(count).unwrap_or(u64::MAX))
    }

    pub(crate) fn list(&mut self, core: &mut Core, command: &Command, ask: &ListLeases) {
        let limit = usize::try_from(ask.limit.unwrap_or(LISTED).min(LISTED_MAX)).unwrap_or(usize::MAX);
        let fits = self.leases.iter().filter(|(_, held)| {
            let is_client = ask.client.as_deref().is_none_or(|client| held.client.as_deref() == Some(client));
            is_client && ask.con_id.is_none_or(|con_id| held.listing.instrument.con_id == con_id)
        });
        let numbers: Vec<u64> = fits.map(|(number, _)| number).collect();
        let leases = numbers.iter().take(limit).filter_map(|number| self.show(*number, false)).collect();
        let positions = self.queue_positions();
        let wanted = |upstream: &&Upstream| {
            ask.con_id.is_none_or(|con_id| upstream.listing.instrument.con_id == con_id)
                && ask.client.as_deref().is_none_or(|client| upstream.clients.contains_key(&Some(client.into())))
        };
        let rows = self.upstreams.iter().enumerate().filter_map(|(index, slot)| Some((index, slot.as_ref()?)));
        let rows = rows.filter(|(_, upstream)| wanted(upstream)).take(limit);
        let upstream = rows.map(|(index, upstream)| row(upstream, positions.get(&index).copied())).collect();
        let [lines, tick_by_tick, depth, kept_bars] = self.usage(core);
        let answer = Leases {
            leases,
            leases_total: u32::try_from(numbers.len()).unwrap_or(u32::MAX),
            upstream,
            lines,
            tick_by_tick,
            depth,
            kept_bars: Some(kept_bars).filter(|_| core.config.bars.feed == crate::config::BarFeed::KeepUpToDate),
            queued: u32::try_from(self.starved.len()).unwrap_or(u32::MAX),
        };
        core.answer(command.token, Answer::Leases(Box::new(answer)));
    }

    /// Places in the queue of each pool, by upstream.
    fn queue_positions(&self) -> FxHashMap<usize, u32> {
        let mut last = [0; Pool::ALL.len()];
        let mut positions = FxHashMap::default();
        for (_, index) in &self.starved {
            let Some(Some(upstream)) = self.upstreams.get(*index) else { continue };
            if let Some(last) = last.get_mut(self.pools.of(upstream.feed) as usize) {
                *last += 1;
                positions.insert(*index, *last);
            }
        }
        positions
    }

    /// A lease as published. `values`: with what late joiners need.
    pub(super) fn show(&self, number: u64, values: bool) -> Option<Lease> {
        let held = self.leases.get(number)?;
        let index = |stream: Stream| self.by_key.get(&(held.listing.slot, Feed::of(stream)?)).copied();
        let upstream = |stream: Stream| self.upstreams.get(index(stream)?)?.as_ref();
        let is_queued = held.streams.iter().any(|stream| upstream(*stream).is_some_and(|found| found.queued.is_some()));
        let positions = if is_queued { self.queue_positions() } else { FxHashMap::default() };
        let row = |stream: &Stream| {
            let found = upstream(*stream);
            LeasedStream {
                stream: *stream,
                // Whoever publishes knows the subject.
                subject: String::new(),
                holders: found.map_or(0, |upstream| upstream.views.of(*stream)),
                state: found.map_or(StreamState::Waiting, Upstream::state),
                queue_position: index(*stream).and_then(|index| positions.get(&index).copied()),
                reason: found.and_then(Upstream::trouble).map(str::to_owned),
            }
        };
        let level1 = held.streams.iter().find(|stream| Feed::of(**stream) == Some(Feed::Level1));
        let level1 = level1.and_then(|stream| upstream(*stream)).filter(|upstream| values && upstream.picture.is_known);
        let depth = held.streams.iter().find(|stream| **stream == Stream::Depth).filter(|_| values);
        Some(Lease {
            lease: held.name.to_string(),
            client: held.client.as_ref().map(ToString::to_string),
            instrument: held.listing.instrument.clone(),
            streams: held.streams.iter().map(row).collect(),
            ttl_s: held.ttl_s,
            expires_us: held.expires.map(|(_, us)| us),
            quote: level1.map(|upstream| upstream.picture.quote.clone()),
            book: depth.and_then(|stream| upstream(*stream)?.book()),
        })
    }
}

fn row(upstream: &Upstream, queue_position: Option<u32>) -> UpstreamRow {
    let mut clients: Vec<_> =
        upstream.clients.iter().map(|(client, count)| (std::cmp::Reverse(*count), client)).collect();
    clients.sort_unstable();
    let name = |client: Option<&str>| client.unwrap_or("(unnamed)").to_owned();
    let is_level1 = upstream.feed == Feed::Level1;
    let is_asked = matches!(upstream.place, Place::Asked { .. });
    UpstreamRow {
        con_id: upstream.listing.instrument.con_id,
        stream: upstream.feed.stream(),
        req_id: match upstream.place {
            Place::Asked { req_id, sent: true } => Some(req_id),
            _ => None,
        },
        state: upstream.state(),
        queue_position,
        reason: upstream.trouble().map(str::to_owned),
        holders: upstream.leases,
        clients: clients.into_iter().take(CLIENTS_SHOWN).map(|(_, client)| name(client.as_deref())).collect(),
        generic_ticks: if is_level1 && is_asked { tick_list(&upstream.asked.parts) } else { Vec::new() },
        depth_rows: (upstream.feed == Feed::Depth).then_some(upstream.depth_rows),
        data_kind: (is_level1 && upstream.picture.is_known).then_some(upstream.picture.quote.data_kind),
        stale: !upstream.flows,
        last_us: upstream.last_us,
    }
}
