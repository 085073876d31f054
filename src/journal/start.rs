//! Opens the order journal, reads back what earlier runs wrote, and starts the writer.

use std::{
    convert::Infallible,
    path::Path,
    sync::{Arc, mpsc::sync_channel},
    thread::JoinHandle,
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use super::{
    DatabaseError, Mail, Pen,
    layout::JOURNAL,
    letter::Numbers,
    page,
    pen::{Gauge, JOBS_MAX, Newest},
    recall::recall,
    writer::{Start, Writer},
};
use crate::{
    config::Config,
    session::{Memory, Now},
};

/// News that may wait for the driver.
const NEWS_MAX: usize = 4_096;
/// Pages of the log after which it is written into the file even if there is no quiet moment.
const LOG_PAGES_MAX: i64 = 8_000;

/// The order journal, open.
pub struct Journal {
    /// What earlier runs wrote down.
    pub memory: Memory,
    /// For the driver.
    pub pen: Pen,
    /// For whoever publishes.
    pub mail: Mail,
    /// The writer's thread.
    pub running: Running,
}

/// The writer's thread; it ends when pen and mail are gone.
pub struct Running {
    thread: JoinHandle<()>,
    /// Closed when the thread has ended.
    lives: mpsc::Sender<Infallible>,
    gauge: Arc<Gauge>,
}

impl Running {
    /// Completes when the writer has ended, however it did.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn ended(&self) {
        self.lives.closed().await;
    }

    /// For whoever measures the journal.
    pub fn gauge(&self) -> Arc<Gauge> {
        Arc::clone(&self.gauge)
    }

    /// Waits until everything is written.
    pub fn join(self) {
        if self.thread.join().is_err() {
            warn!("the journal's writer ended early");
        }
    }
}

/// Opens the journal in `[state] dir`, or makes it.
///
/// A disk that takes nothing (full, read only) is no error: what can be read is read, orders are refused until
/// the disk takes something again.
///
/// # Errors
///
/// What waiting cannot mend: a damaged, newer or foreign file, one in use by another bridge, or one that cannot
/// even be read. See [`DatabaseError`].
pub fn start(config: &Config, clock: fn() -> Now) -> Result<Journal, DatabaseError> {
    let folder = config.state.dir.clone();
    let client_id = config.gateway.trading_client_id;
    let now = clock();
    let refused = |source| DatabaseError::of(JOURNAL.what, &JOURNAL.path(&folder), source);
    let (mut numbers, mut unreadable) = (Numbers::new(now.us), 0);
    let (mut file, mut trouble, mut memory) = (None, None, Memory::default());
    match JOURNAL.open(&folder) {
        Ok(opened) => {
            let connection = &opened.connection;
            connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES_MAX).map_err(refused)?;
            memory = recall(connection, client_id, now.us, &mut unreadable).map_err(refused)?;
            numbers.go_on(connection).map_err(refused)?;
            if let Err(source) = page::write_run(connection, now.us) {
                trouble = Some(refused(source).to_string());
            }
            file = Some(opened);
        }
        Err(error) if error.may_pass() => {
            if let Some(connection) = read_only(&folder)? {
                memory = recall(&connection, client_id, now.us, &mut unreadable).map_err(refused)?;
                numbers.go_on(&connection).map_err(refused)?;
            }
            trouble = Some(error.to_string());
        }
        Err(error) => return Err(error),
    }
    if unreadable > 0 {
        warn!(rows = unreadable, "orders in the journal cannot be read by this release and are left out");
    }
    let (orders, fills) = (memory.orders.len(), memory.fills.len());
    info!(folder = %folder.display(), orders, fills, "order journal read");
    let begin = Start { folder, keep_days: config.state.keep_days, clock, file, numbers, trouble };
    let (pen, mail, running) = launch(begin)?;
    Ok(Journal { memory, pen, mail, running })
}

pub(super) fn launch(begin: Start) -> Result<(Pen, Mail, Running), DatabaseError> {
    let gauge = Arc::new(Gauge::default());
    let path = JOURNAL.path(&begin.folder);
    if let Some(file) = &begin.file {
        let sql = "SELECT count(*) FROM events WHERE published_us IS NULL";
        let refused = |source| DatabaseError::of(JOURNAL.what, &path, source);
        let waiting: i64 = file.connection.query_row(sql, [], |row| row.get(0)).map_err(refused)?;
        gauge.unpublished.set(u64::try_from(waiting).unwrap_or(0));
    }
    let (jobs, waiting_jobs) = sync_channel(JOBS_MAX);
    let (news_sender, news) = mpsc::channel(NEWS_MAX);
    let (newest_sender, newest) = watch::channel(Newest { number: begin.numbers.last(), is_closed: false });
    let pen = Pen::new(jobs.clone(), news, Arc::clone(&gauge));
    let mail = Mail::new(jobs, newest);
    let (lives, life) = mpsc::channel(1);
    let shown_gauge = Arc::clone(&gauge);
    let spawned = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
        let _life = life;
        Writer::new(begin, waiting_jobs, news_sender, newest_sender, gauge).run();
    });
    let unreachable = |source| DatabaseError::Unreachable { what: JOURNAL.what, path, source };
    Ok((pen, mail, Running { thread: spawned.map_err(unreachable)?, lives, gauge: shown_gauge }))
}

/// What a disk holds that cannot be written; `None` if there is no journal on it.
fn read_only(folder: &Path) -> Result<Option<Connection>, DatabaseError> {
    let path = JOURNAL.path(folder);
    let has_log = std::fs::metadata(path.with_extension("sqlite-wal")).is_ok_and(|log| log.len() > 0);
    let opened = if has_log {
        JOURNAL.open_to_read(folder)
    } else if path.exists() {
        // SQLite would make a file beside it.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        Connection::open_with_flags(format!("file:{}?immutable=1", uri(&path)), flags)
            .map_err(|source| DatabaseError::of(JOURNAL.what, &path, source))
    } else {
        return Ok(None);
    };
    opened.map(Some)
}

/// A path as part of a URI.
fn uri(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let plain = |byte: &u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    };
    path.as_os_str().as_bytes().iter().map(plain).collect()
}
