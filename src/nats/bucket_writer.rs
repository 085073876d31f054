//! Writes last values into their buckets: one write in flight per key, and the last state wins.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use async_nats::{
    Subject,
    jetstream::{
        Context,
        context::{PublishAckFuture, PublishError, PublishErrorKind},
    },
};
use bytes::Bytes;
use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::sync::mpsc;
use tracing::warn;

use super::{connect::Link, last_values::Write, streams};
use crate::config::Nats;

/// Writes in flight; above it they wait, and newer states replace older ones.
const IN_FLIGHT_MAX: usize = 256;
const LOOK_AFTER: Duration = Duration::from_secs(1);

type Written = (Subject, Result<(), PublishError>);

/// Every last value of this run, so that a bucket lost with its server can be filled again.
struct BucketWriter {
    link: Link,
    js: Context,
    config: Nats,
    values: BTreeMap<Subject, State>,
    dirty: VecDeque<Subject>,
    in_flight: FuturesUnordered<BoxFuture<'static, Written>>,
    /// False after any failure, until the buckets are known to exist.
    is_trusted: bool,
    connects: u64,
}

struct State {
    value: Bytes,
    progress: Progress,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Stored,
    Dirty,
    InFlight,
    /// In flight, and newer since.
    InFlightDirty,
}

/// Runs until every sender of `writes` is gone and everything is written.
pub(super) async fn run(link: Link, js: Context, config: Nats, mut writes: mpsc::Receiver<Write>) {
    let mut writer = BucketWriter {
        connects: link.connects(),
        link,
        js,
        config,
        values: BTreeMap::new(),
        dirty: VecDeque::new(),
        in_flight: FuturesUnordered::new(),
        is_trusted: true,
    };
    let mut look_after = tokio::time::interval(LOOK_AFTER);
    let mut open = true;
    while open || !writer.is_done() {
        tokio::select! {
            write = writes.recv(), if open => match write {
                Some(write) => writer.take(write),
                None => open = false,
            },
            Some((subject, result)) = writer.in_flight.next() => writer.on_written(&subject, &result),
            _ = look_after.tick() => writer.look_after().await,
        }
        writer.send().await;
    }
}

impl BucketWriter {
    fn is_done(&self) -> bool {
        self.dirty.is_empty() && self.in_flight.is_empty()
    }

    fn take(&mut self, write: Write) {
        let state = self.values.entry(write.subject.clone());
        let state = state.or_insert(State { value: Bytes::new(), progress: Progress::Stored });
        state.value = write.value;
        match state.progress {
            Progress::Stored => {
                state.progress = Progress::Dirty;
                self.dirty.push_back(write.subject);
            }
            Progress::InFlight => state.progress = Progress::InFlightDirty,
            Progress::Dirty | Progress::InFlightDirty => {}
        }
    }

    async fn send(&mut self) {
        while self.in_flight.len() < IN_FLIGHT_MAX && self.is_trusted && self.link.is_up() {
            let Some(subject) = self.dirty.pop_front() else { return };
            let Some(state) = self.values.get_mut(&subject) else { continue };
            state.progress = Progress::InFlight;
            match self.js.publish(subject.clone(), state.value.clone()).await {
                Ok(ack) => self.in_flight.push(Box::pin(acked(subject, ack))),
                Err(error) => {
                    self.on_written(&subject, &Err(error));
                    return;
                }
            }
        }
    }

    fn on_written(&mut self, subject: &Subject, result: &Result<(), PublishError>) {
        let Some(state) = self.values.get_mut(subject) else { return };
        let again = match result {
            Ok(()) => state.progress == Progress::InFlightDirty,
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                warn!(%subject, "last value is too large for its bucket");
                false
            }
            Err(_) => {
                // The bucket may have gone with its server: look for it before anything else is tried.
                self.is_trusted = false;
                true
            }
        };
        state.progress = if again { Progress::Dirty } else { Progress::Stored };
        if again {
            self.dirty.push_back(subject.clone());
        }
    }

    /// Acknowledgements of an earlier connection never come.
    fn forget_in_flight(&mut self) {
        self.in_flight.clear();
        for (subject, state) in &mut self.values {
            if matches!(state.progress, Progress::InFlight | Progress::InFlightDirty) {
                state.progress = Progress::Dirty;
                self.dirty.push_back(subject.clone());
            }
        }
    }

    /// After a reconnect the server may have forgotten buckets that it held in memory.
    async fn look_after(&mut self) {
        let connects = self.link.connects();
        if connects != self.connects {
            self.is_trusted = false;
            self.forget_in_flight();
        }
        if self.is_trusted || !self.link.is_up() {
            return;
        }
        match streams::ensure(&self.js, &self.config).await {
            Ok(false) => {}
            Ok(true) => {
                for (subject, state) in &mut self.values {
                    if state.progress == Progress::Stored {
                        state.progress = Progress::Dirty;
                        self.dirty.push_back(subject.clone());
                    }
                }
            }
            Err(error) => {
                warn!(%error, "streams and buckets cannot be checked; trying again");
                return;
            }
        }
        self.connects = connects;
        self.is_trusted = true;
    }
}

async fn acked(subject: Subject, ack: PublishAckFuture) -> Written {
    let result = ack.await.map(|_| ());
    (subject, result)
}
