//! Delivers what the kept lane of the outbox brings: connection, gap and bridge events to their stream, account
//! figures as they come.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_nats::jetstream::Context;
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use super::{
    connect::Link,
    kept::Preparer,
    last_values::Write,
    lost::Worst,
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
/// Events for streams that take nothing; a connection makes few.
const BACKLOG_MAX: usize = 10_000;

/// Delivers what the kept lane brings.
pub(super) struct Keeper {
    link: Link,
    kept: mpsc::Receiver<Event>,
    preparer: Preparer,
    writes: mpsc::Sender<Write>,
    figures: Figures,
    /// Events for the streams that the window has no room for, oldest first.
    backlog: VecDeque<Stored>,
    backlog_max: usize,
    window: Window,
}

/// What was lost on the way to NATS, and what of it was reported.
pub(super) struct Figures {
    losses: Arc<LossCounters>,
    /// The subjects that lost most.
    worst: watch::Receiver<Worst>,
    /// Market events shed, other events shed, market events dropped.
    reported: [u64; 3],
    reported_us: i64,
}

impl Figures {
    pub(super) fn new(losses: Arc<LossCounters>, worst: watch::Receiver<Worst>) -> Self {
        Self { losses, worst, reported: [0; 3], reported_us: 0 }
    }

    /// What to report now, if anything.
    fn report(&mut self, now_us: i64) -> Option<BridgeEvent> {
        let losses = &self.losses;
        let counted = [losses.shed_events(), losses.shed_kept_events(), losses.dropped_offline()];
        if counted == self.reported || (now_us - self.reported_us).abs() < LOSS_REPORT_EVERY_US {
            return None;
        }
        (self.reported, self.reported_us) = (counted, now_us);
        let mut event = BridgeEvent::new("shed", now_us);
        let figure = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        event.message = Some(
            "events did not reach NATS; the figures count since the start, in all and for the subjects that lost most"
                .to_owned(),
        );
        for (name, count) in ["shed_events", "shed_kept_events", "dropped_offline"].into_iter().zip(counted) {
            event.figures.insert(name.to_owned(), figure(count));
        }
        for (subject, count) in self.worst.borrow().iter() {
            event.figures.insert(subject.clone(), figure(*count));
        }
        Some(event)
    }
}

impl Keeper {
    /// `first_seq` is above the numbers of any earlier run.
    pub(super) fn new(
        link: Link,
        js: Context,
        config: &Nats,
        kept: mpsc::Receiver<Event>,
        figures: Figures,
        first_seq: u64,
        writes: mpsc::Sender<Write>,
    ) -> Self {
        Self {
            preparer: Preparer::new(config, first_seq),
            window: Window::new(link.clone(), js, config.clone()),
            link,
            kept,
            writes,
            figures,
            backlog: VecDeque::new(),
            backlog_max: config.kept_events_max.min(BACKLOG_MAX),
        }
    }

    /// Runs until the outbox is gone and everything is acknowledged.
    pub(super) async fn run(mut self) {
        let mut look_after = tokio::time::interval(LOOK_AFTER);
        look_after.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut open = true;
        while open || !self.window.is_empty() || !self.backlog.is_empty() {
            while self.window.room() > 0
                && let Some(event) = self.backlog.pop_front()
            {
                self.window.push(event);
            }
            self.window.send_more().await;
            // What streams do not take must not hold up what needs none.
            let may_take = open && self.link.is_up();
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
        self.figures.losses.traffic.add_published(event.kind());
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
                self.backlog.push_back(Stored { stream, subject, payload, id, number: 0 });
                if self.backlog.len() > self.backlog_max {
                    self.backlog.pop_front();
                    self.figures.losses.add_shed_kept();
                }
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
        if let Some(event) = self.figures.report(clock::now().us) {
            self.take(Event::Bridge(Box::new(event))).await;
        }
    }
}
