//! Publishes the order and fill events of the journal, each once and in order, and says when it cannot.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::Context;
use rustc_hash::FxHashMap;
use tokio::sync::watch;
use tracing::{debug, info, warn};

use super::{
    connect::Link,
    encoding::Encoding,
    kept::below,
    streams::{self, Names},
    subject::Topic,
    window::{Stored, StreamKind, Window},
};
use crate::{
    config::Nats,
    gateway::{LossCounters, clock},
    journal::{Kind, Letter, Mail},
    session::Event,
};

const LOOK_AFTER: Duration = Duration::from_millis(200);
/// Time between two looks at a stream that nothing is sent to.
const PROBE_EVERY: Duration = Duration::from_secs(2);
const PROBE_MAX: Duration = Duration::from_secs(2);
/// An event that was sent for the first time so long ago may be stored without being recognised as a repeat.
const DOUBT_AFTER_US: i64 = 12 * 3_600 * 1_000_000;
/// Subjects whose last stored number is remembered.
const SUBJECTS_MAX: usize = 10_000;

/// Publishes what the journal holds.
pub(super) struct OrderKeeper {
    link: Link,
    js: Context,
    config: Nats,
    stream: String,
    packed_prefix: Option<String>,
    mail: Mail,
    /// The last event taken out.
    taken: i64,
    /// The journal may have more.
    has_more: bool,
    window: Window,
    /// Last number stored on subjects that an earlier run published on.
    stored: FxHashMap<String, u64>,
    trouble: watch::Sender<Option<String>>,
    losses: Arc<LossCounters>,
}

impl OrderKeeper {
    pub(super) fn new(
        link: Link,
        js: Context,
        config: &Nats,
        mail: Mail,
        trouble: watch::Sender<Option<String>>,
        losses: Arc<LossCounters>,
    ) -> Self {
        Self {
            window: Window::new(link.clone(), js.clone(), config.clone()),
            link,
            js,
            stream: Names::of(&config.prefix).orders,
            packed_prefix: Some(config.msgpack_prefix.clone()).filter(|prefix| !prefix.is_empty()),
            config: config.clone(),
            mail,
            taken: 0,
            has_more: true,
            stored: FxHashMap::default(),
            trouble,
            losses,
        }
    }

    /// Runs until the journal's pen is gone and everything is acknowledged.
    pub(super) async fn run(mut self) {
        let mut look_after = tokio::time::interval(LOOK_AFTER);
        look_after.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut probe = tokio::time::interval(PROBE_EVERY);
        probe.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.take_more().await;
            self.settle_doubt().await;
            if let Some(number) = self.window.send_more().await {
                self.mail.published(number);
            }
            self.tell_failure();
            let is_done = self.mail.is_closed() && !self.has_more && !self.mail.has_after(self.taken);
            if is_done && self.window.is_empty() {
                return;
            }
            tokio::select! {
                stored = self.window.next_ack(), if self.window.is_under_way() => {
                    if let Some(number) = stored {
                        self.mail.published(number);
                    }
                }
                () = self.mail.changed() => self.has_more = true,
                _ = look_after.tick() => self.window.look_for_reconnect(),
                _ = probe.tick() => self.probe().await,
            }
        }
    }

    async fn take_more(&mut self) {
        while (self.has_more || self.mail.has_after(self.taken)) && self.window.room() > 0 {
            let room = self.window.room();
            let letters = self.mail.letters(self.taken, room).await;
            self.has_more = letters.len() >= room;
            if letters.is_empty() {
                return;
            }
            for letter in letters {
                self.taken = letter.number;
                self.take(letter).await;
            }
        }
    }

    async fn take(&mut self, letter: Letter) {
        let Some((kind, account, key, seq)) = letter.address() else { return };
        let (account, key) = (account.into(), key.into());
        let topic = match kind {
            Kind::Order => Topic::Order { account, key }.key(),
            Kind::Fill => Topic::Fill { account, key }.key(),
        };
        let subject = below(&self.config.prefix, &topic);
        if letter.is_from_earlier_run && self.stored_seq(&subject).await.is_some_and(|stored| stored >= seq) {
            debug!(%subject, seq, "event was stored by an earlier run");
            return self.mail.published(letter.number);
        }
        let encode = |encoding: Encoding| match &letter.event {
            Event::Order(event) => encoding.bytes(event),
            Event::Fill(event) => encoding.bytes(event),
            _ => Ok(bytes::Bytes::new()),
        };
        let payload = match encode(Encoding::Json) {
            Ok(payload) => payload,
            Err(error) => {
                warn!(%subject, %error, "event not published");
                return self.mail.published(letter.number);
            }
        };
        if let Some(prefix) = &self.packed_prefix
            && let Ok(packed) = encode(Encoding::MessagePack)
            && let Err(error) = self.link.client.publish(below(prefix, &topic), packed).await
        {
            warn!(%error, "event not published as MessagePack");
        }
        self.losses.traffic.add_published(letter.event.kind());
        self.window.push(Stored {
            stream: StreamKind::Orders,
            subject,
            payload,
            id: letter.message_id,
            number: letter.number,
        });
    }

    /// The number of the last event stored on a subject; `None` if there is none or it cannot be told.
    /// Asked once: from then on nobody but this bridge publishes there.
    async fn stored_seq(&mut self, subject: &str) -> Option<u64> {
        if let Some(seq) = self.stored.get(subject) {
            return Some(*seq);
        }
        let seq = last_seq(&self.js, &self.stream, subject).await?;
        if self.stored.len() >= SUBJECTS_MAX {
            self.stored.clear();
        }
        self.stored.insert(subject.to_owned(), seq);
        Some(seq)
    }

    /// What was sent very long ago without an acknowledgement may be stored: the server forgets ids.
    async fn settle_doubt(&mut self) {
        while self.link.is_up()
            && let Some((oldest, first_sent_us)) = self.window.doubtful()
            && clock::now().us - first_sent_us > DOUBT_AFTER_US
        {
            let (subject, own) = (oldest.subject.clone(), seq(&oldest.payload));
            let stored = last_seq(&self.js, &self.stream, &subject).await;
            if stored.is_none() || stored < own {
                return;
            }
            if let Some(number) = self.window.drop_oldest() {
                self.mail.published(number);
            }
        }
    }

    /// Orders are refused while their events cannot be stored, although they would be kept on the disk: a
    /// trader who does not hear of his orders must not place more.
    fn tell_failure(&self) {
        if let Some(failure) = self.window.failure().filter(|_| self.link.is_up()) {
            self.tell(Some(failure));
        } else if !self.window.is_empty() {
            self.tell(None);
        }
    }

    fn tell(&self, reason: Option<&str>) {
        self.trouble.send_if_modified(|trouble| {
            if trouble.as_deref() == reason {
                return false;
            }
            if let Some(reason) = reason {
                warn!(reason, "order events cannot be stored in JetStream; orders are refused until they can");
            } else {
                info!("order events can be stored in JetStream");
            }
            *trouble = reason.map(str::to_owned);
            true
        });
    }

    /// Looks whether the stream is there while nothing tells it by itself.
    async fn probe(&mut self) {
        if !self.window.is_empty() || !self.link.is_up() {
            return;
        }
        let found = tokio::time::timeout(PROBE_MAX, self.js.get_stream(&self.stream)).await;
        let reason = match found {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(self.link.explain("the server does not answer")),
        };
        let reason = match reason {
            Some(_) => match tokio::time::timeout(2 * PROBE_MAX, streams::ensure(&self.js, &self.config)).await {
                Ok(Ok(_)) => None,
                Ok(Err(error)) => Some(self.link.explain(&error.to_string())),
                Err(_) => reason.map(|reason| self.link.explain(&reason)),
            },
            None => None,
        };
        self.tell(reason.as_deref());
    }
}

/// The number of the last event stored on a subject.
async fn last_seq(js: &Context, stream: &str, subject: &str) -> Option<u64> {
    let stream = js.get_stream_no_info(stream).await.ok()?;
    let found = tokio::time::timeout(PROBE_MAX, stream.get_last_raw_message_by_subject(subject)).await.ok()?;
    // An error means that nothing is stored there, or that the server does not say; then the id must do.
    seq(&found.ok()?.payload)
}

fn seq(payload: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Numbered {
        seq: u64,
    }
    serde_json::from_slice::<Numbered>(payload).ok().map(|event| event.seq)
}
