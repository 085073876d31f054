//! Delivers events that must not be lost: in order, once each, however long NATS is away.
//!
//! Events travel in a window of unacknowledged publishes. Each names the id of the one before it
//! as the last one that its stream must hold, so a publish that overtakes a lost one is refused.
//! After any failure the oldest is sent alone, without that condition, until it is acknowledged;
//! ids make the server drop what it has already.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_nats::jetstream::{
    Context,
    context::{PublishError, PublishErrorKind},
    message::PublishMessage,
};
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tracing::{debug, error, info, warn};

use super::{
    connect::Link,
    kept::{Prepared, Preparer},
    last_values::Write,
    retry::Retry,
    streams,
};
use crate::{
    config::Nats,
    gateway::{LossCounters, clock},
    schema::bridge::BridgeEvent,
    session::Event,
};

/// Publishes that may wait for their acknowledgement.
const WINDOW: usize = 256;
const LOOK_AFTER: Duration = Duration::from_millis(200);
const LOSS_REPORT_EVERY_US: i64 = 1_000_000;

type Acked = BoxFuture<'static, Result<bool, PublishError>>;

/// Delivers what the kept lane brings.
pub(super) struct Keeper {
    link: Link,
    js: Context,
    config: Nats,
    kept: mpsc::Receiver<Event>,
    preparer: Preparer,
    writes: mpsc::Sender<Write>,
    losses: Arc<LossCounters>,
    reported: Reported,
    window: VecDeque<Sending>,
    /// The first so many of the window are under way.
    sent: usize,
    /// Since a failure: the oldest goes alone.
    is_cautious: bool,
    /// Connections made when the window was last known to be under way.
    connects: u64,
    retry: Retry,
}

struct Sending {
    event: Prepared,
    ack: Option<Acked>,
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
        config: Nats,
        kept: mpsc::Receiver<Event>,
        losses: Arc<LossCounters>,
        first_seq: u64,
        writes: mpsc::Sender<Write>,
    ) -> Self {
        Self {
            preparer: Preparer::new(&config, first_seq),
            connects: link.connects(),
            link,
            js,
            config,
            kept,
            writes,
            losses,
            reported: Reported::default(),
            window: VecDeque::with_capacity(WINDOW),
            sent: 0,
            is_cautious: false,
            retry: Retry::new(Duration::from_millis(50), Duration::from_secs(2)),
        }
    }

    /// Runs until the outbox is gone and everything is acknowledged.
    pub(super) async fn run(mut self) {
        let mut look_after = tokio::time::interval(LOOK_AFTER);
        look_after.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut open = true;
        while open || !self.window.is_empty() {
            self.send_more().await;
            let may_take = open && !self.is_cautious && self.window.len() < WINDOW && self.link.is_up();
            tokio::select! {
                result = oldest_ack(&mut self.window), if self.sent > 0 => self.on_ack(result).await,
                event = self.kept.recv(), if may_take => match event {
                    Some(event) => self.take(event).await,
                    None => open = false,
                },
                _ = look_after.tick() => {
                    self.look_for_reconnect();
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
        if event.stored.is_some() {
            self.window.push_back(Sending { event, ack: None });
        } else {
            self.publish(event.subject, event.payload).await;
        }
    }

    async fn publish(&mut self, subject: async_nats::Subject, payload: bytes::Bytes) {
        if let Err(error) = self.link.client.publish(subject, payload).await {
            warn!(%error, "event not published");
        }
    }

    async fn send_more(&mut self) {
        while self.sent < self.window.len() && !(self.is_cautious && self.sent > 0) && self.link.is_up() {
            let Some(message) = self.message(self.sent) else { return };
            let Some(sending) = self.window.get_mut(self.sent) else { return };
            match self.js.send_publish(sending.event.subject.clone(), message).await {
                Ok(ack) => {
                    sending.ack = Some(Box::pin(async move { ack.await.map(|ack| ack.duplicate) }));
                    self.sent += 1;
                }
                Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                    error!(subject = %sending.event.subject, %error, "event is too large for the server and is lost");
                    self.window.remove(self.sent);
                }
                Err(error) => return self.on_failure(&error).await,
            }
        }
    }

    /// The publish of one event of the window, on condition that the one before it is stored.
    fn message(&self, index: usize) -> Option<PublishMessage> {
        let event = &self.window.get(index)?.event;
        let (stream, id) = event.stored.as_ref()?;
        let message = PublishMessage::build().payload(event.payload.clone()).message_id(id);
        let mut before = self.window.range(..index).rev().filter_map(|sending| sending.event.stored.as_ref());
        Some(match before.find(|(other, _)| other == stream) {
            Some((_, before)) => message.expected_last_message_id(before),
            None => message,
        })
    }

    async fn on_ack(&mut self, result: Result<bool, PublishError>) {
        match result {
            Ok(duplicate) => {
                if duplicate && let Some(sending) = self.window.front() {
                    debug!(subject = %sending.event.subject, "event was stored already");
                }
                self.window.pop_front();
                self.sent -= 1;
                if self.is_cautious {
                    info!(waiting = self.window.len(), "order and connection events are stored again");
                }
                self.is_cautious = false;
                self.retry.reset();
            }
            Err(error) => self.on_failure(&error).await,
        }
    }

    /// Nothing is known of what is under way: all of it is sent again, beginning with the oldest alone.
    async fn on_failure(&mut self, error: &PublishError) {
        // A repeated id earlier in the window breaks the chain without anything being wrong.
        let is_broken_chain = error.kind() == PublishErrorKind::WrongLastMessageId;
        if !is_broken_chain && !self.is_cautious {
            warn!(%error, waiting = self.window.len(), "events are not acknowledged; sending them again until they are");
        }
        self.start_over();
        if is_broken_chain {
            return;
        }
        tokio::time::sleep(self.retry.next_wait()).await;
        if error.kind() == PublishErrorKind::StreamNotFound
            && let Err(error) = streams::ensure(&self.js, &self.config).await
        {
            warn!(%error, "streams cannot be made again");
        }
    }

    /// Acknowledgements of an earlier connection never come: waiting for them to time out would hold
    /// everything up for seconds.
    fn look_for_reconnect(&mut self) {
        let connects = self.link.connects();
        if connects == self.connects || !self.link.is_up() {
            return;
        }
        self.connects = connects;
        if self.sent > 0 {
            info!(waiting = self.window.len(), "NATS is back; sending again what was not acknowledged");
            self.start_over();
            self.retry.reset();
        }
    }

    fn start_over(&mut self) {
        for sending in &mut self.window {
            sending.ack = None;
        }
        self.sent = 0;
        self.is_cautious = true;
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

/// Waits for the acknowledgement of the oldest event under way.
///
/// Cancel safe: the future stays in the window until it is ready.
async fn oldest_ack(window: &mut VecDeque<Sending>) -> Result<bool, PublishError> {
    match window.front_mut().and_then(|sending| sending.ack.as_mut()) {
        Some(ack) => ack.await,
        None => std::future::pending().await,
    }
}
