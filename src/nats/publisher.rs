//! Publishes market events: core NATS, no headers, no waiting for anything but room in the client.

use std::time::Duration;

use async_nats::Subject;
use bytes::{BufMut as _, Bytes, BytesMut};
use serde::Serialize;
use tokio::sync::mpsc;
use tracing::error;

use super::{
    connect::Link,
    encoding::Encoding,
    last_values::{Conflator, Write},
    tracks::{Track, Tracks},
};
use crate::{
    config::Nats,
    gateway::{MarketReader, clock},
    session::Event,
};

/// Events are encoded one behind the other into pieces of this size.
const BUFFER_BYTES: usize = 64 * 1024;
/// Events published before the task looks at anything else.
const BATCH: usize = 256;
const FLUSH_EVERY: Duration = Duration::from_millis(100);

/// Publishes what the market lane brings. Waiting for NATS sheds events in the outbox, nowhere else.
pub(super) struct Publisher {
    link: Link,
    market: MarketReader,
    tracks: Tracks,
    last: Conflator,
    writes: mpsc::Sender<Write>,
    buffer: BytesMut,
}

impl Publisher {
    /// `first_seq` is above the numbers of any earlier run.
    pub(super) fn new(
        link: Link,
        market: MarketReader,
        config: &Nats,
        first_seq: u64,
        writes: mpsc::Sender<Write>,
    ) -> Self {
        let interval_us = i64::try_from(config.last_value_interval_ms.saturating_mul(1_000)).unwrap_or(i64::MAX);
        Self {
            link,
            market,
            tracks: Tracks::new(config, first_seq),
            last: Conflator::new(interval_us),
            writes,
            buffer: BytesMut::with_capacity(BUFFER_BYTES),
        }
    }

    /// Drops what waits: it was true while NATS was not there to be told.
    pub(super) fn discard_waiting(&mut self) {
        let mut dropped = 0;
        while self.market.try_next().is_some() {
            dropped += 1;
        }
        self.market.losses().add_dropped_offline(dropped);
    }

    /// Runs until the outbox is gone and read.
    pub(super) async fn run(mut self) {
        let mut flush = tokio::time::interval(FLUSH_EVERY);
        flush.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = self.market.next() => {
                    let Some(event) = event else { break };
                    self.publish(event).await;
                    for _ in 1..BATCH {
                        let Some(event) = self.market.try_next() else { break };
                        self.publish(event).await;
                    }
                }
                _ = flush.tick() => self.last.flush(clock::now().us, |write| self.writes.try_send(write).is_ok()),
            }
        }
        let mut left = Vec::new();
        self.last.flush_all(|write| {
            left.push(write);
            true
        });
        for write in left {
            if self.writes.send(write).await.is_err() {
                return;
            }
        }
    }

    async fn publish(&mut self, event: Event) {
        let losses = self.market.losses();
        if !self.link.is_up() {
            losses.add_dropped_offline(1);
            return;
        }
        // Grows with every event lost anywhere before NATS.
        let loss = losses.shed_events() + losses.dropped_offline();
        // Each arm stamps its event; what differs is the type and where the track is found.
        match event {
            Event::Quote(listing, mut quote) => {
                let Some(track) = self.tracks.quote(&listing, &mut self.last, loss) else { return };
                let to = Destination::stamp(track, loss, &mut quote.seq, &mut quote.after_gap);
                self.send(to, &quote, quote.recv_us).await;
            }
            Event::Tick(listing, mut tick) => {
                let Some(track) = self.tracks.tick(&listing, &tick.name, loss) else { return };
                let to = Destination::stamp(track, loss, &mut tick.seq, &mut tick.after_gap);
                self.send(to, &tick, tick.recv_us).await;
            }
            Event::TickByTick(listing, kind, mut tick) => {
                let Some(track) = self.tracks.tick_by_tick(&listing, kind, loss) else { return };
                let to = Destination::stamp(track, loss, &mut tick.seq, &mut tick.after_gap);
                self.send(to, &*tick, tick.recv_us).await;
            }
            Event::Greeks(listing, mut greeks) => {
                let Some(track) = self.tracks.greeks(&listing, &mut self.last, loss) else { return };
                let to = Destination::stamp(track, loss, &mut greeks.seq, &mut greeks.after_gap);
                self.send(to, &*greeks, greeks.recv_us).await;
            }
            Event::Bar(listing, mut bar) => {
                let Some(track) = self.tracks.bar(&listing, bar.size, &mut self.last, loss) else { return };
                let to = Destination::stamp(track, loss, &mut bar.seq, &mut bar.after_gap);
                self.send(to, &*bar, bar.recv_us).await;
            }
            Event::Depth(listing, mut depth) => {
                let Some(track) = self.tracks.depth(&listing, loss) else { return };
                let to = Destination::stamp(track, loss, &mut depth.seq, &mut depth.after_gap);
                self.send(to, &*depth, depth.recv_us).await;
            }
            kept => error!(?kept, "an event that must be kept came on the market lane"),
        }
    }

    async fn send<T: Serialize>(&mut self, to: Destination, event: &T, recv_us: i64) {
        let Some(payload) = self.encode(Encoding::Json, event) else { return };
        if let Some(key) = to.last_value
            && let Some(write) = self.last.offer(key, &payload, recv_us)
            && let Err(mpsc::error::TrySendError::Full(write)) = self.writes.try_send(write)
        {
            self.last.put_back(key, &write);
        }
        self.hand_over(to.subject, payload).await;
        if let Some(subject) = to.packed
            && let Some(payload) = self.encode(Encoding::MessagePack, event)
        {
            self.hand_over(subject, payload).await;
        }
    }

    async fn hand_over(&mut self, subject: Subject, payload: Bytes) {
        if let Err(error) = self.link.client.publish(subject, payload).await {
            // The client has closed, or the server takes no payload of this size.
            tracing::debug!(%error, "market event not published");
            self.market.losses().add_dropped_offline(1);
        }
    }

    fn encode<T: Serialize>(&mut self, encoding: Encoding, event: &T) -> Option<Bytes> {
        if self.buffer.capacity() < BUFFER_BYTES / 32 {
            self.buffer.reserve(BUFFER_BYTES);
        }
        if let Err(error) = encoding.write(event, (&mut self.buffer).writer()) {
            error!(%error, "market event not published");
            self.buffer.clear();
            return None;
        }
        Some(self.buffer.split().freeze())
    }
}

/// Where one event goes.
struct Destination {
    subject: Subject,
    packed: Option<Subject>,
    last_value: Option<usize>,
}

impl Destination {
    fn stamp(track: &mut Track, loss: u64, seq: &mut u64, after_gap: &mut Option<bool>) -> Self {
        let (number, is_after_loss) = track.next(loss);
        *seq = number;
        if is_after_loss {
            *after_gap = Some(true);
        }
        Self { subject: track.subject.clone(), packed: track.packed.clone(), last_value: track.last_value }
    }
}
