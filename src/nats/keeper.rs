//! Delivers what the kept lane of the outbox brings: connection, gap and bridge events to their stream, account
//! figures as they come.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::Context;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::{
    connect::Link,
    kept::Preparer,
    last_values::Write,
    window::{Stored, Window},
};
use crate::{
    config::Nats,
    gateway::{LossCounters, clock},
    schema::bridge::BridgeEvent,
    session::Event,
};

const LOOK_AFTER: Duration = Duration::from_millis(200);
const LOSS_REPORT_EVERY_US: i64 = 1_000_000;

/// Delivers what the kept lane brings.
pub(super) struct Keeper {
    link: Link,
    kept: mpsc::Receiver<Event>,
    preparer: Preparer,
    writes: mpsc::Sender<Write>,
    losses: Arc<LossCounters>,
    reported: Reported,
    window: Window,
}

#[derive(Default)]
struct Reported {
    /// Market events shed, other events shed, market events dropped.
    counted: [u64; 3],
    at_us: i64,
}

impl Keeper {
    /// `first_seq` is above the numbers of any earlier run.
    pub(super) fn new(
        link: Link,
        js: Context,
        config: &Nats,
        kept: mpsc::Receiver<Event>,
        losses: Arc<LossCounters>,
        first_seq: u64,
        writes: mpsc::Sender<Write>,
    ) -> Self {
        Self {
            preparer: Preparer::new(config, first_seq),
            window: Window::new(link.clone(), js, config.clone()),
            link,
            kept,
            writes,
            losses,
            reported: Reported::default(),
        }
    }

    /// Runs until the outbox is gone and everything is acknowledged.
    pub(super) async fn run(mut self) {
        let mut look_after = tokio::time::interval(LOOK_AFTER);
        look_after.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut open = true;
        while open || !self.window.is_empty() {
            self.window.send_more().await;
            let may_take = open && self.window.room() > 0;
            tokio::select! {
                _ = self.window.next_ack(), if self.window.is_under_way() => {}
                event = self.kept.recv(), if may_take => match event {
                    Some(event) => self.take(event).await,
                    None => open = false,
                },
                _ = look_after.tick() => {
                    self.window.look_for_reconnect();
                    open = open && !(self.kept.is_closed() && self.kept.is_empty());
                    if may_take {
                        self.report_losses().await;
                    }
                }
            }
        }
    }

    async fn take(&mut self, event: Event) {
        let Some(event) = self.preparer.prepare(event) else { return };
        if let Some((subject, payload)) = event.packed.clone() {
            self.publish(subject, payload).await;
        }
        if let Some(write) = event.last.clone()
            && self.writes.send(write).await.is_err()
        {
            debug!("last value not written: the bridge is stopping");
        }
        match event.id {
            Some(id) => {
                let (stream, subject, payload) = (event.stream, event.subject, event.payload);
                self.window.push(Stored { stream, subject, payload, id, number: 0 });
            }
            None => self.publish(event.subject, event.payload).await,
        }
    }

    async fn publish(&mut self, subject: async_nats::Subject, payload: bytes::Bytes) {
        if let Err(error) = self.link.client.publish(subject, payload).await {
            warn!(%error, "event not published");
        }
    }

    async fn report_losses(&mut self) {
        let now = clock::now();
        let reported = &mut self.reported;
        let counted = [self.losses.shed_events(), self.losses.shed_kept_events(), self.losses.dropped_offline()];
        if counted == reported.counted || (now.us - reported.at_us).abs() < LOSS_REPORT_EVERY_US {
            return;
        }
        *reported = Reported { counted, at_us: now.us };
        let mut event = BridgeEvent::new("shed", now.us);
        let figure = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        event.message = Some("events did not reach NATS; the figures count since the start".to_owned());
        for (name, count) in ["shed_events", "shed_kept_events", "dropped_offline"].into_iter().zip(counted) {
            event.figures.insert(name.to_owned(), figure(count));
        }
        self.take(Event::Bridge(Box::new(event))).await;
    }
}
