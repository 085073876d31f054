//! Publishes to JetStream in order, however long it is away.
//!
//! Events travel in a window of unacknowledged publishes. Each names the id of the one before it
//! as the last one that its stream must hold, so a publish that overtakes a lost one is refused.
//! After any failure the oldest is sent alone, without that condition, until it is acknowledged;
//! ids make the server drop what it has already.

use std::{collections::VecDeque, time::Duration};

use async_nats::{
    Subject,
    jetstream::{
        Context,
        context::{PublishError, PublishErrorKind},
        message::PublishMessage,
    },
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tracing::{debug, error, info, warn};

use super::{connect::Link, retry::Retry, streams};
use crate::{config::Nats, gateway::clock};

/// Publishes that may wait for their acknowledgement.
const WINDOW: usize = 256;

type Acked = BoxFuture<'static, Result<bool, PublishError>>;

/// A stream of the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamKind {
    /// Orders and fills.
    Orders,
    /// Connection, gaps and the bridge itself.
    Connection,
    /// Requests that may change orders.
    Audit,
}

/// An event that a stream is to store.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) stream: StreamKind,
    pub(super) subject: Subject,
    pub(super) payload: Bytes,
    /// By which the server recognises a repeat.
    pub(super) id: String,
    /// Given back when it is stored.
    pub(super) number: i64,
}

struct Sending {
    event: Stored,
    /// When it was sent for the first time, microseconds UTC.
    first_sent_us: Option<i64>,
    ack: Option<Acked>,
}

/// The window of one keeper.
pub(super) struct Window {
    link: Link,
    js: Context,
    config: Nats,
    sendings: VecDeque<Sending>,
    /// The first so many of the window are under way.
    sent: usize,
    /// Since a failure, and why: the oldest goes alone.
    failure: Option<String>,
    /// Connections made when the window was last known to be under way.
    connects: u64,
    retry: Retry,
}

impl Window {
    pub(super) fn new(link: Link, js: Context, config: Nats) -> Self {
        Self {
            connects: link.connects(),
            link,
            js,
            config,
            sendings: VecDeque::with_capacity(WINDOW),
            sent: 0,
            failure: None,
            retry: Retry::new(Duration::from_millis(50), Duration::from_secs(2)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sendings.is_empty()
    }

    /// How many more may be pushed now: none while the server does not take what is there.
    pub(super) fn room(&self) -> usize {
        let may_take = self.failure.is_none() && self.link.is_up();
        if may_take { WINDOW.saturating_sub(self.sendings.len()) } else { 0 }
    }

    /// True while there is something to wait for with [`Self::next_ack`].
    pub(super) fn is_under_way(&self) -> bool {
        self.sent > 0
    }

    /// Why the server does not take what is there; `None` if it does as far as is known.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    pub(super) fn push(&mut self, event: Stored) {
        self.sendings.push_back(Sending { event, first_sent_us: None, ack: None });
    }

    /// The oldest event, if it was sent once and is not under way, with the time of its first sending.
    pub(super) fn doubtful(&self) -> Option<(&Stored, i64)> {
        let oldest = self.sendings.front().filter(|_| self.sent == 0)?;
        Some((&oldest.event, oldest.first_sent_us?))
    }

    /// Takes the oldest event out: the stream turned out to have it.
    pub(super) fn drop_oldest(&mut self) -> Option<i64> {
        (self.sent == 0).then(|| self.sendings.pop_front())?.map(|sending| sending.event.number)
    }

    /// Sends what may be sent. Gives the number of an event that can never be stored.
    pub(super) async fn send_more(&mut self) -> Option<i64> {
        while self.sent < self.sendings.len() && !(self.failure.is_some() && self.sent > 0) && self.link.is_up() {
            let message = self.message(self.sent)?;
            let sending = self.sendings.get_mut(self.sent)?;
            sending.first_sent_us.get_or_insert(clock::now().us);
            match self.js.send_publish(sending.event.subject.clone(), message).await {
                Ok(ack) => {
                    sending.ack = Some(Box::pin(async move { ack.await.map(|ack| ack.duplicate) }));
                    self.sent += 1;
                }
                Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                    error!(subject = %sending.event.subject, %error, "event is too large for the server and is lost");
                    return self.sendings.remove(self.sent).map(|sending| sending.event.number);
                }
                Err(error) => {
                    self.on_failure(&error).await;
                    return None;
                }
            }
        }
        None
    }

    /// The publish of one event of the window, on condition that the one before it in its stream is stored.
    fn message(&self, index: usize) -> Option<PublishMessage> {
        let event = &self.sendings.get(index)?.event;
        let message = PublishMessage::build().payload(event.payload.clone()).message_id(&event.id);
        let mut earlier = self.sendings.range(..index).rev();
        let before = earlier.find(|sending| sending.event.stream == event.stream);
        Some(match before {
            Some(before) => message.expected_last_message_id(&before.event.id),
            None => message,
        })
    }

    /// Waits for the acknowledgement of the oldest event under way; for ever if none is. Gives the number
    /// of an event that is stored now.
    ///
    /// # Cancel safety
    ///
    /// The acknowledgement stays in the window until it is there.
    pub(super) async fn next_ack(&mut self) -> Option<i64> {
        let result = match self.sendings.front_mut().and_then(|sending| sending.ack.as_mut()) {
            Some(ack) => ack.await,
            None => std::future::pending().await,
        };
        match result {
            Ok(duplicate) => {
                let sending = self.sendings.pop_front()?;
                if duplicate {
                    debug!(subject = %sending.event.subject, "event was stored already");
                }
                self.sent -= 1;
                if self.failure.take().is_some() {
                    info!(waiting = self.sendings.len(), "events are stored again");
                }
                self.retry.reset();
                Some(sending.event.number)
            }
            Err(error) => {
                self.on_failure(&error).await;
                None
            }
        }
    }

    /// Nothing is known of what is under way: all of it is sent again, beginning with the oldest alone.
    async fn on_failure(&mut self, error: &PublishError) {
        // A repeated id earlier in the window breaks the chain without anything being wrong.
        let is_broken_chain = error.kind() == PublishErrorKind::WrongLastMessageId;
        if !is_broken_chain && self.failure.is_none() {
            warn!(%error, waiting = self.sendings.len(), "events are not acknowledged; sending them again until they are");
        }
        let reason = self.link.explain(&error.to_string());
        self.start_over(&reason);
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
    pub(super) fn look_for_reconnect(&mut self) {
        let connects = self.link.connects();
        if connects == self.connects || !self.link.is_up() {
            return;
        }
        self.connects = connects;
        if self.sent > 0 {
            info!(waiting = self.sendings.len(), "NATS is back; sending again what was not acknowledged");
            self.start_over("the connection to NATS was lost");
            self.retry.reset();
        }
    }

    fn start_over(&mut self, reason: &str) {
        for sending in &mut self.sendings {
            sending.ack = None;
        }
        self.sent = 0;
        self.failure = Some(reason.to_owned());
    }
}
