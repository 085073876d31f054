//! Events that never reached NATS, counted: how many in all, and of which streams.

use std::{
    borrow::Cow,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rustc_hash::FxHashMap;

use super::traffic::Traffic;
use crate::{
    measure::Count,
    schema::{bar::BarSize, market::TickByTickKind},
    session::Event,
};

/// Streams whose sheds are told apart between two looks of the reader; those of further ones count in the total only.
const STREAMS_MAX: usize = 20_000;

/// Events that never reached NATS, counted since the start.
#[derive(Debug, Default)]
pub struct LossCounters {
    shed_events: AtomicU64,
    shed_kept_events: AtomicU64,
    dropped_offline: AtomicU64,
    /// Every kind of event by itself.
    pub traffic: Traffic,
    /// Kept events that wait for room.
    pub(super) overflowing: Count,
    /// Touched only when something is shed.
    shed: Mutex<FxHashMap<Stream, (Event, u64)>>,
}

/// One market stream, by the slot of its listing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stream(usize, Kind);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Quote,
    Greeks,
    Depth,
    Tick(Cow<'static, str>),
    TickByTick(TickByTickKind),
    Bar(BarSize),
}

impl Stream {
    fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::Quote(listing, _) => Self(listing.slot, Kind::Quote),
            Event::Greeks(listing, _) => Self(listing.slot, Kind::Greeks),
            Event::Depth(listing, _) => Self(listing.slot, Kind::Depth),
            Event::Tick(listing, tick) => Self(listing.slot, Kind::Tick(tick.name.clone())),
            Event::TickByTick(listing, kind, _) => Self(listing.slot, Kind::TickByTick(*kind)),
            Event::Bar(listing, bar) => Self(listing.slot, Kind::Bar(bar.size)),
            _ => return None,
        })
    }
}

impl LossCounters {
    /// Market events shed because NATS was slower than the gateway.
    pub fn shed_events(&self) -> u64 {
        self.shed_events.load(Ordering::Relaxed)
    }

    /// Notices and states shed because NATS was away for very long. Orders and fills wait in the journal instead.
    pub fn shed_kept_events(&self) -> u64 {
        self.shed_kept_events.load(Ordering::Relaxed)
    }

    /// Market events dropped because NATS was away.
    pub fn dropped_offline(&self) -> u64 {
        self.dropped_offline.load(Ordering::Relaxed)
    }

    /// Counts events dropped because NATS was away.
    pub fn add_dropped_offline(&self, events: u64) {
        self.dropped_offline.fetch_add(events, Ordering::Relaxed);
    }

    /// Counts a notice or state that was shed.
    pub fn add_shed_kept(&self) {
        self.shed_kept_events.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a market event that made room for a newer one.
    pub(super) fn add_shed(&self, event: Event) {
        self.traffic.add_shed(event.kind());
        if let Some(stream) = Stream::of(&event) {
            let mut shed = self.shed.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, count)) = shed.get_mut(&stream) {
                *count += 1;
            } else if shed.len() < STREAMS_MAX {
                shed.insert(stream, (event, 1));
            }
        }
        // After the stream: who sees the total finds the stream.
        self.shed_events.fetch_add(1, Ordering::Release);
    }

    /// The streams that lost events since the last call: one of the events, and how many there were.
    pub fn take_shed(&self) -> Vec<(Event, u64)> {
        let shed = std::mem::take(&mut *self.shed.lock().unwrap_or_else(PoisonError::into_inner));
        shed.into_values().collect()
    }
}
