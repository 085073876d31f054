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
    lost::LostBySubject,
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
    /// Events shed in the outbox that are counted below.
    shed: u64,
    lost: LostBySubject,
}

impl Publisher {
    /// `first_seq` is above the numbers of any earlier run.
    pub(super) fn new(
        link: Link,
        market: MarketReader,
        config: &Nats,
        first_seq: u64,
        writes: mpsc::Sender<Write>,
        lost: LostBySubject,
    ) -> Self {
        let interval_us = i64::try_from(config.last_value_interval_ms.saturating_mul(1_000)).unwrap_or(i64::MAX);
        Self {
            link,
            market,
            tracks: Tracks::new(config, first_seq),
            last: Conflator::new(interval_us),
            writes,
            buffer: BytesMut::with_capacity(BUFFER_BYTES),
            shed: 0,
            lost,
        }
    }

    /// Drops what waits: it was true while NATS was not there to be told.
    pub(super) fn discard_waiting(&mut self) {
        while let Some(event) = self.market.try_next() {
            self.drop_offline(&event);
        }
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
                _ = flush.tick() => {
                    self.last.flush(clock::now().us, |write| self.writes.try_send(write).is_ok());
                    self.count_shed();
                    self.lost.tell();
                }
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
        if !self.link.is_up() {
            return self.drop_offline(&event);
        }
        self.count_shed();
        let connection = self.link.connects();
        let Some(track) = self.tracks.of(&event, &mut self.last, connection) else {
            return error!(?event, "an event that must be kept came on the market lane");
        };
        let (number, is_after_gap) = track.next(connection);
        let to = Destination::of(track);
        let stamp = |seq: &mut u64, after_gap: &mut Option<bool>| {
            *seq = number;
            if is_after_gap {
                *after_gap = Some(true);
            }
        };
        let kind = event.kind();
        // What differs is the type.
        match event {
            Event::Quote(_, mut quote) => {
                stamp(&mut quote.seq, &mut quote.after_gap);
                self.send(to, &quote, quote.recv_us).await;
            }
            Event::Tick(_, mut tick) => {
                stamp(&mut tick.seq, &mut tick.after_gap);
                self.send(to, &tick, tick.recv_us).await;
            }
            Event::TickByTick(_, _, mut tick) => {
                stamp(&mut tick.seq, &mut tick.after_gap);
                self.send(to, &*tick, tick.recv_us).await;
            }
            Event::Greeks(_, mut greeks) => {
                stamp(&mut greeks.seq, &mut greeks.after_gap);
                self.send(to, &*greeks, greeks.recv_us).await;
            }
            Event::Bar(_, mut bar) => {
                stamp(&mut bar.seq, &mut bar.after_gap);
                self.send(to, &*bar, bar.recv_us).await;
            }
            Event::Depth(_, mut depth) => {
                stamp(&mut depth.seq, &mut depth.after_gap);
                self.send(to, &*depth, depth.recv_us).await;
            }
            // The table above has no track for it.
            _ => {}
        }
        self.market.losses().traffic.add_published(kind);
    }

    fn drop_offline(&mut self, event: &Event) {
        let losses = self.market.losses();
        losses.add_dropped_offline(1);
        losses.traffic.add_shed(event.kind());
        self.lose(event, 1);
    }

    /// The numbers of events that were shed in the outbox are skipped, so that their readers see how many.
    fn count_shed(&mut self) {
        let shed = self.market.losses().shed_events();
        if shed != self.shed {
            self.shed = shed;
            for (event, count) in self.market.losses().take_shed() {
                self.lose(&event, count);
            }
        }
    }

    fn lose(&mut self, event: &Event, count: u64) {
        let connection = self.link.connects();
        if let Some(track) = self.tracks.of(event, &mut self.last, connection) {
            track.skip(count);
            self.lost.add(track.subject.as_str(), count);
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
    fn of(track: &Track) -> Self {
        Self { subject: track.subject.clone(), packed: track.packed.clone(), last_value: track.last_value }
    }
}
