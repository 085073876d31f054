//! The one thread that writes the journal: whatever waits is written together, with one wait for the disk.
//!
//! While the disk takes nothing, orders that wait for it are refused, everything else waits in memory and is
//! tried again, and events are handed out all the same: a trader must learn of his fills.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};

use super::{
    Database, DatabaseError, archive,
    database_error::unwritable,
    layout::JOURNAL,
    letter::{Letter, Numbers, unpublished},
    page::{self, Note},
    pen::{Gauge, Job, Newest, News},
    prune::prune,
};
use crate::session::{
    Now,
    durable::{Claim, Entry, Fact},
};

/// Entries written together at most.
const BATCH: usize = 1_024;
/// Wait between two attempts while the disk takes nothing.
const RETRY: Duration = Duration::from_millis(500);
/// Silence after which there is time for other things.
const IDLE: Duration = Duration::from_secs(1);
/// What JetStream acknowledged is noted together with other entries, or after this time.
const PUBLISHED_AFTER: Duration = Duration::from_millis(100);
/// Or when there is so much of it.
const PUBLISHED_MAX: usize = 256;
/// Entries that wait in memory for the disk; the oldest are lost beyond it, and counted.
const BACKLOG_MAX: usize = 200_000;
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
const DAY_US: i64 = 86_400_000_000;

type Ask = (i64, usize, oneshot::Sender<Vec<Letter>>);

pub(super) struct Writer {
    pub(super) folder: PathBuf,
    pub(super) keep_days: u32,
    pub(super) clock: fn() -> Now,
    /// `None` while it cannot be opened.
    pub(super) file: Option<Database>,
    pub(super) numbers: Numbers,
    pub(super) jobs: Receiver<Job>,
    pub(super) news: mpsc::Sender<News>,
    pub(super) newest: watch::Sender<Newest>,
    pub(super) gauge: Arc<Gauge>,
    backlog: VecDeque<Note>,
    published: Vec<i64>,
    asks: Vec<Ask>,
    trouble: Option<String>,
    try_again_at: Option<Instant>,
    prune_at: Option<Instant>,
    is_log_dirty: bool,
    /// Entries that are one and have not all come.
    batch: Option<Batch>,
    is_closing: bool,
}

/// Entries that are written together or not at all, while they come in.
struct Batch {
    receipt: u64,
    left: usize,
    entries: Vec<Entry>,
    /// They are not written: that was told.
    is_refused: bool,
}

/// What a writer begins with.
pub(super) struct Start {
    pub(super) folder: PathBuf,
    pub(super) keep_days: u32,
    pub(super) clock: fn() -> Now,
    pub(super) file: Option<Database>,
    pub(super) numbers: Numbers,
    pub(super) trouble: Option<String>,
}

impl Writer {
    pub(super) fn new(
        start: Start,
        jobs: Receiver<Job>,
        news: mpsc::Sender<News>,
        newest: watch::Sender<Newest>,
        gauge: Arc<Gauge>,
    ) -> Self {
        let mut writer = Self {
            folder: start.folder,
            keep_days: start.keep_days,
            clock: start.clock,
            file: start.file,
            numbers: start.numbers,
            jobs,
            news,
            newest,
            gauge,
            backlog: VecDeque::new(),
            published: Vec::new(),
            asks: Vec::new(),
            trouble: None,
            try_again_at: None,
            prune_at: None,
            is_log_dirty: false,
            batch: None,
            is_closing: false,
        };
        if let Some(reason) = start.trouble {
            writer.fail(reason);
        }
        writer.measure();
        writer
    }

    pub(super) fn run(mut self) {
        loop {
            match self.jobs.recv_timeout(self.wait()) {
                Ok(job) => {
                    self.take(job);
                    for _ in 1..BATCH {
                        let Ok(job) = self.jobs.try_recv() else { break };
                        self.take(job);
                    }
                    if !self.backlog.is_empty() || self.published.len() >= PUBLISHED_MAX {
                        self.write();
                    }
                    self.answer();
                }
                Err(RecvTimeoutError::Timeout) => self.on_idle(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.write();
        if !self.backlog.is_empty() {
            error!(entries = self.backlog.len(), "the order journal ends without what could not be written");
        }
    }

    fn wait(&self) -> Duration {
        if self.trouble.is_some() {
            RETRY
        } else if self.published.is_empty() {
            IDLE
        } else {
            PUBLISHED_AFTER
        }
    }

    fn take(&mut self, job: Job) {
        self.gauge.taken.add(u64::from(matches!(job, Job::Entry(_))));
        match job {
            Job::Entry(entry) => self.take_entry(*entry),
            Job::Letters { after, count_max, reply } => self.asks.push((after, count_max, reply)),
            Job::Published(number) => {
                self.gauge.unpublished.sub(1);
                let now_us = (self.clock)().us;
                let of_number = |note: &&mut Note| note.letter.as_ref().is_some_and(|letter| letter.number == number);
                match self.backlog.iter_mut().find(of_number) {
                    Some(note) => note.published_us = Some(now_us),
                    None => self.published.push(number),
                }
            }
            Job::Close => self.is_closing = true,
        }
    }

    fn take_entry(&mut self, entry: Entry) {
        if let Fact::Claim(claim) = &entry.fact {
            return self.begin(claim);
        }
        let Some(mut batch) = self.batch.take() else {
            let receipt = entry.receipt;
            return self.keep(receipt, vec![entry]);
        };
        batch.entries.push(entry);
        batch.left = batch.left.saturating_sub(1);
        if batch.left > 0 {
            self.batch = Some(batch);
        } else if !batch.is_refused {
            self.keep(Some(batch.receipt), batch.entries);
        }
    }

    /// The entries that follow are one. Orders whose keys have been used before are not written, and their callers
    /// told of the first ones.
    fn begin(&mut self, claim: &Claim) {
        // Without the file nothing is written, and who waits is refused.
        let known = self.file.as_ref().map_or(Ok(Vec::new()), |file| archive::find_all(&file.connection, &claim.keys));
        let refusal = match known {
            Ok(known) if known.is_empty() => None,
            Ok(known) => Some(News::Known(claim.receipt, known)),
            Err(reason) => Some(News::NotWritten(claim.receipt, reason)),
        };
        let is_refused = refusal.is_some();
        self.batch = (claim.entries > 0).then(|| Batch {
            receipt: claim.receipt,
            left: claim.entries,
            entries: Vec::with_capacity(claim.entries),
            is_refused,
        });
        if let Some(news) = refusal {
            self.tell(news);
        }
    }

    /// Entries that are to be written, together if somebody waits for them.
    fn keep(&mut self, receipt: Option<u64>, entries: Vec<Entry>) {
        // Nothing that waits for the disk is begun while it takes nothing.
        if let (Some(reason), Some(receipt)) = (&self.trouble, receipt) {
            let news = News::NotWritten(receipt, reason.clone());
            return self.tell(news);
        }
        for entry in entries {
            let connection = self.file.as_ref().map(|file| &file.connection);
            let letter = entry.event().and_then(|event| self.numbers.letter(connection, event, entry.at_us));
            self.gauge.unpublished.add(u64::from(letter.is_some()));
            self.backlog.push_back(Note { entry, batch: receipt, letter, published_us: None });
            if self.backlog.len() > BACKLOG_MAX {
                self.lose_oldest();
            }
        }
    }

    fn lose_oldest(&mut self) {
        let Some(note) = self.backlog.pop_front() else { return };
        self.gauge.lost.add(1);
        if note.letter.is_some() && note.published_us.is_none() {
            self.gauge.unpublished.sub(1);
        }
    }

    /// Writes what waits, and tells who waits for it.
    fn write(&mut self) {
        let in_hand = |writer: &Self| writer.gauge.in_hand.set(u64::try_from(writer.backlog.len()).unwrap_or(u64::MAX));
        in_hand(self);
        self.write_backlog();
        in_hand(self);
    }

    fn write_backlog(&mut self) {
        let now = (self.clock)();
        if self.try_again_at.is_some_and(|at| now.at < at) {
            return self.show();
        }
        match self.try_write(now.us) {
            Ok(()) => {
                self.gauge.took.record((self.clock)().at.saturating_duration_since(now.at));
                self.gauge.written.add(u64::try_from(self.backlog.len()).unwrap_or(0));
                self.is_log_dirty = true;
                self.published.clear();
                let receipts: Vec<u64> = self.backlog.iter().filter_map(|note| note.entry.receipt).collect();
                self.backlog.clear();
                self.recover();
                if !receipts.is_empty() {
                    self.tell(News::Written(receipts));
                }
            }
            Err(reason) => self.fail(reason),
        }
        self.show();
    }

    fn try_write(&mut self, now_us: i64) -> Result<(), String> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(JOURNAL.open(&self.folder).map_err(|error| error.to_string())?),
        };
        if self.trouble.is_some() && self.backlog.is_empty() {
            page::probe(&mut file.connection).map_err(|error| reason(&self.folder, error))?;
        }
        let written = if self.backlog.is_empty() {
            page::mark(&mut file.connection, &self.published, now_us)
        } else {
            page::write(&mut file.connection, self.backlog.make_contiguous(), &self.published, now_us)
        };
        let Err(error) = written else { return Ok(()) };
        match error.sqlite_error_code() {
            // Read everything anew: what the system holds of the file may not be what is on the disk.
            Some(rusqlite::ErrorCode::SystemIoFailure) => self.file = None,
            Some(code) if unwritable(code).is_some() => {}
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {}
            // An entry that the tables do not take must not keep the others out for ever.
            _ => return self.write_one_by_one(now_us),
        }
        Err(reason(&self.folder, error))
    }

    fn write_one_by_one(&mut self, now_us: i64) -> Result<(), String> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut written = VecDeque::with_capacity(self.backlog.len());
        while let Some(first) = self.backlog.pop_front() {
            let batch = first.batch;
            let mut notes = vec![first];
            while batch.is_some() && self.backlog.front().is_some_and(|next| next.batch == batch) {
                notes.extend(self.backlog.pop_front());
            }
            match page::write(&mut file.connection, &notes, &[], now_us) {
                Ok(()) => written.extend(notes),
                Err(error) => {
                    let entries: Vec<&Entry> = notes.iter().map(|note| &note.entry).collect();
                    error!(%error, ?entries, "the order journal does not take an entry");
                    self.gauge.lost.add(u64::try_from(notes.len()).unwrap_or(0));
                    self.gauge.unpublished.sub(untold(&notes));
                    if let Some(receipt) = batch {
                        let _ = self.news.blocking_send(News::NotWritten(receipt, error.to_string()));
                    }
                }
            }
        }
        self.backlog = written;
        page::write(&mut file.connection, &[], &self.published, now_us).map_err(|error| error.to_string())
    }

    /// The disk takes nothing: who waits for it is refused.
    fn fail(&mut self, reason: String) {
        self.try_again_at = Some((self.clock)().at + RETRY);
        if self.trouble.as_ref() != Some(&reason) {
            error!(reason, "the order journal cannot be written; orders are refused until it can");
            self.tell(News::Trouble(Some(reason.clone())));
        }
        let (refused, waiting): (VecDeque<Note>, VecDeque<Note>) =
            std::mem::take(&mut self.backlog).into_iter().partition(|note| note.batch.is_some());
        self.backlog = waiting;
        self.gauge.unpublished.sub(untold(&refused));
        for receipt in refused.iter().filter_map(|note| note.entry.receipt) {
            self.tell(News::NotWritten(receipt, reason.clone()));
        }
        self.trouble = Some(reason);
    }

    fn recover(&mut self) {
        self.try_again_at = None;
        if self.trouble.take().is_some() {
            info!("the order journal can be written again");
            self.tell(News::Trouble(None));
        }
    }

    fn tell(&self, news: News) {
        // The driver reads until it ends; then nobody waits for anything.
        let _ = self.news.blocking_send(news);
    }

    /// Shows how far events may be published.
    fn show(&mut self) {
        self.gauge.waiting.set(u64::try_from(self.backlog.len()).unwrap_or(u64::MAX));
        let newest = Newest { number: self.numbers.last(), is_closed: self.is_closing };
        self.newest.send_if_modified(|shown| std::mem::replace(shown, newest) != newest);
    }

    /// Hands out events: of the file, and while that takes nothing, of memory.
    fn answer(&mut self) {
        if self.is_closing {
            self.show();
        }
        for (after, count_max, reply) in std::mem::take(&mut self.asks) {
            let mut letters = match &self.file {
                Some(file) => match unpublished(&file.connection, after, count_max, self.numbers.run_first()) {
                    Ok(letters) => letters,
                    Err(error) => {
                        warn!(%error, "events cannot be read from the order journal");
                        continue;
                    }
                },
                None => Vec::new(),
            };
            let room = count_max.saturating_sub(letters.len());
            let waiting = self.backlog.iter().filter(|note| note.published_us.is_none());
            let waiting = waiting.filter_map(|note| note.letter.as_ref()).filter(|letter| letter.number > after);
            letters.extend(waiting.take(room).cloned());
            let _ = reply.send(letters);
        }
    }

    fn on_idle(&mut self) {
        if self.trouble.is_some() || !self.published.is_empty() {
            return self.write();
        }
        let now = (self.clock)();
        let before_us = now.us - i64::from(self.keep_days) * DAY_US;
        let Some(file) = &mut self.file else { return };
        if self.prune_at.is_none_or(|at| at <= now.at) {
            match prune(&mut file.connection, before_us) {
                Ok(true) => {}
                Ok(false) => self.prune_at = Some(now.at + PRUNE_EVERY),
                Err(error) => {
                    warn!(%error, "old orders stay in the journal");
                    self.prune_at = Some(now.at + PRUNE_EVERY);
                }
            }
            self.is_log_dirty = true;
        }
        if std::mem::take(&mut self.is_log_dirty) {
            // Else it would happen while an order waits.
            let _ = file.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
            self.measure();
        }
    }

    fn measure(&self) {
        let path = JOURNAL.path(&self.folder);
        let size = |path| std::fs::metadata(path).map_or(0, |found| found.len());
        self.gauge.bytes.set(size(path.clone()) + size(path.with_extension("sqlite-wal")));
    }
}

/// Events among these that JetStream has not acknowledged.
fn untold<'a>(notes: impl IntoIterator<Item = &'a Note>) -> u64 {
    notes.into_iter().map(|note| u64::from(note.letter.is_some() && note.published_us.is_none())).sum()
}

fn reason(folder: &std::path::Path, error: rusqlite::Error) -> String {
    match error.sqlite_error_code().and_then(unwritable) {
        Some(words) => words.to_owned(),
        None => DatabaseError::of(JOURNAL.what, &JOURNAL.path(folder), error).to_string(),
    }
}
