//! The two ends by which the rest of the bridge reaches the writer: entries in, events out.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError},
    },
    time::Duration,
};

use tokio::sync::{mpsc, oneshot, watch};

use super::letter::Letter;
use crate::{
    measure::{Count, Durations},
    schema::request::status::JournalStatus,
    session::durable::{Entry, OrderMemory},
};

/// Jobs that may wait for the writer.
pub(super) const JOBS_MAX: usize = 65_536;
/// Time after which entries that found no room are offered again.
const OFFER_AGAIN: Duration = Duration::from_millis(10);

pub(super) enum Job {
    Entry(Box<Entry>),
    Letters {
        after: i64,
        count_max: usize,
        reply: oneshot::Sender<Vec<Letter>>,
    },
    Published(i64),
    /// No entry will follow.
    Close,
}

/// What the writer tells.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// The entries with these receipts are on the disk.
    Written(Vec<u64>),
    /// The entry with this receipt will not be written, nor those that are one with it, and why.
    NotWritten(u64, String),
    /// Of the orders with this receipt nothing is written: these were placed under their keys before.
    Known(u64, Vec<OrderMemory>),
    /// Nothing can be written, and why; `None` when it can again.
    Trouble(Option<String>),
}

/// The last event that may be published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Newest {
    pub(super) number: i64,
    pub(super) is_closed: bool,
}

/// How the journal is doing.
#[derive(Debug, Default)]
pub struct Gauge {
    pub(super) bytes: Count,
    pub(super) unpublished: Count,
    pub(super) waiting: Count,
    pub(super) lost: Count,
    given: Count,
    /// Entries that the writer has taken, and those of them that are being written.
    pub(super) taken: Count,
    pub(super) in_hand: Count,
    /// Entries on the disk since the start.
    pub written: Count,
    /// How long each transaction took, the wait for the disk included.
    pub took: Durations,
}

impl Gauge {
    /// Entries that are not on the disk and not given up.
    pub fn unwritten(&self) -> u64 {
        self.given.get().saturating_sub(self.taken.get()).saturating_add(self.in_hand.get())
    }
}

/// Writes entries. Held by the task that owns the session; it never waits for the disk.
#[derive(Debug)]
pub struct Pen {
    jobs: SyncSender<Job>,
    /// What found no room; in order.
    held: VecDeque<Entry>,
    news: mpsc::Receiver<News>,
    /// Of a writer that has ended.
    own_news: VecDeque<News>,
    gauge: Arc<Gauge>,
}

impl Pen {
    pub(super) fn new(jobs: SyncSender<Job>, news: mpsc::Receiver<News>, gauge: Arc<Gauge>) -> Self {
        Self { jobs, held: VecDeque::new(), news, own_news: VecDeque::new(), gauge }
    }

    /// Hands an entry to the writer. Entries are written in the order they come.
    pub fn write(&mut self, entry: Entry) {
        self.gauge.given.add(1);
        self.held.push_back(entry);
        self.flush();
    }

    fn flush(&mut self) {
        while let Some(entry) = self.held.pop_front() {
            match self.jobs.try_send(Job::Entry(Box::new(entry))) {
                Err(TrySendError::Full(Job::Entry(entry))) => return self.held.push_front(*entry),
                Err(TrySendError::Disconnected(Job::Entry(entry))) => {
                    let reason = || "the journal's writer has ended; restart the bridge".to_owned();
                    self.own_news.push_back(News::Trouble(Some(reason())));
                    self.own_news.extend(entry.receipt.map(|receipt| News::NotWritten(receipt, reason())));
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// The next thing the writer tells; for ever if it tells nothing more.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn news(&mut self) -> News {
        loop {
            self.flush();
            if let Some(news) = self.own_news.pop_front() {
                return news;
            }
            tokio::select! {
                news = self.news.recv() => match news {
                    Some(news) => return news,
                    None => return std::future::pending().await,
                },
                () = tokio::time::sleep(OFFER_AGAIN), if !self.held.is_empty() => {}
            }
        }
    }

    /// The next news if there is one.
    pub fn try_news(&mut self) -> Option<News> {
        self.own_news.pop_front().or_else(|| self.news.try_recv().ok())
    }

    /// For whoever measures the journal.
    pub fn gauge(&self) -> Arc<Gauge> {
        Arc::clone(&self.gauge)
    }

    /// How the journal is doing.
    pub fn status(&self) -> JournalStatus {
        let gauge = &self.gauge;
        let held = u64::try_from(self.held.len()).unwrap_or(u64::MAX);
        JournalStatus {
            bytes: gauge.bytes.get(),
            unpublished: gauge.unpublished.get(),
            waiting: gauge.waiting.get().saturating_add(held),
            lost: gauge.lost.get(),
        }
    }
}

impl Drop for Pen {
    fn drop(&mut self) {
        // The writer takes jobs whatever the disk does, so this ends, unless the disk hangs and the queue is full: let
        // go of it where waiting does no harm.
        for entry in std::mem::take(&mut self.held) {
            let _ = self.jobs.send(Job::Entry(Box::new(entry)));
        }
        let _ = self.jobs.send(Job::Close);
    }
}

/// Takes events out, in order, and tells which JetStream has acknowledged.
#[derive(Clone, Debug)]
pub struct Mail {
    jobs: SyncSender<Job>,
    newest: watch::Receiver<Newest>,
}

impl Mail {
    pub(super) fn new(jobs: SyncSender<Job>, newest: watch::Receiver<Newest>) -> Self {
        Self { jobs, newest }
    }

    /// Events after this number that are not acknowledged, oldest first. Empty also when they cannot be
    /// read now: ask again later.
    pub async fn letters(&self, after: i64, count_max: usize) -> Vec<Letter> {
        let (reply, letters) = oneshot::channel();
        if self.jobs.try_send(Job::Letters { after, count_max, reply }).is_err() {
            return Vec::new();
        }
        letters.await.unwrap_or_default()
    }

    /// JetStream has acknowledged the event with this number.
    pub fn published(&self, number: i64) {
        // Were the queue full, the next run would look whether the stream has it.
        let _ = self.jobs.try_send(Job::Published(number));
    }

    /// True if there may be events after this number.
    pub fn has_after(&self, number: i64) -> bool {
        self.newest.borrow().number > number
    }

    /// True when the pen is gone: no more events will come.
    pub fn is_closed(&self) -> bool {
        self.newest.borrow().is_closed || self.newest.has_changed().is_err()
    }

    /// Waits until there is something new; for ever if there cannot be.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn changed(&mut self) {
        if self.newest.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
