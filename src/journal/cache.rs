//! The cache file: what is worth having again after a restart. Losing it costs requests, nothing else.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use rusqlite::params;
use tracing::warn;

use super::{Database, DatabaseError, Durability, Layout};
use crate::session::{CacheItem, CacheKind};

/// The cache file.
const LAYOUT: Layout = Layout {
    what: "cache",
    file: "cache.sqlite",
    application_id: 0x6962_6361,
    steps: &["CREATE TABLE kept (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        at_us INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (kind, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX kept_by_age ON kept (kind, at_us);"],
    durability: Durability::Normal,
};
/// Rows of a kind that are kept; the oldest go first. Leases are bounded by `pacing.leases_max`.
const ROWS_MAX: u32 = 20_000;
/// Items that may wait for the disk; above it new ones are left out, and counted.
const WAITING_MAX: usize = 65_536;
/// Items written as one.
const BATCH_MAX: usize = 4_096;

/// An open cache file.
#[derive(Debug)]
pub struct Cache {
    database: Database,
}

impl Cache {
    /// Opens the cache, or makes one. A file that cannot be read is set aside under another name, which
    /// is told.
    ///
    /// # Errors
    ///
    /// See [`DatabaseError`]; the bridge can do without a cache.
    pub fn open(folder: &Path) -> Result<Self, DatabaseError> {
        let error = match LAYOUT.open(folder) {
            Ok(database) => return Ok(Self { database }),
            Err(error) => error,
        };
        let is_useless = matches!(
            error,
            DatabaseError::Damaged { .. } | DatabaseError::Foreign { .. } | DatabaseError::Newer { .. }
        );
        if !is_useless {
            return Err(error);
        }
        let path = LAYOUT.path(folder);
        match set_aside(&path) {
            Ok(aside) => warn!(%error, aside = %aside.display(), "the cache was set aside; a new one is begun"),
            Err(source) => return Err(DatabaseError::Unreachable { what: LAYOUT.what, path, source }),
        }
        LAYOUT.open(folder).map(|database| Self { database })
    }

    /// Everything of a kind that was learned after `since_us`, oldest first.
    ///
    /// # Errors
    ///
    /// See [`DatabaseError`].
    pub fn read(&self, kind: CacheKind, since_us: i64) -> Result<Vec<CacheItem>, DatabaseError> {
        let read = || -> rusqlite::Result<Vec<CacheItem>> {
            let sql = "SELECT key, at_us, body FROM kept WHERE kind = ?1 AND at_us > ?2 ORDER BY at_us, key";
            let mut statement = self.database.connection.prepare(sql)?;
            let rows = statement.query_map(params![kind.name(), since_us], |row| {
                let body: Vec<u8> = row.get(2)?;
                Ok(CacheItem { kind, key: row.get(0)?, at_us: row.get(1)?, body: Some(body.into()) })
            })?;
            rows.collect()
        };
        read().map_err(refused)
    }

    /// Writes items in one transaction.
    ///
    /// # Errors
    ///
    /// See [`DatabaseError`]; then none of them is written.
    pub fn write(&mut self, items: &[CacheItem]) -> Result<(), DatabaseError> {
        let write = |connection: &mut rusqlite::Connection| -> rusqlite::Result<()> {
            let transaction = connection.transaction()?;
            for item in items {
                let kind = item.kind.name();
                match &item.body {
                    Some(body) => transaction
                        .prepare_cached("INSERT OR REPLACE INTO kept (kind, key, at_us, body) VALUES (?1, ?2, ?3, ?4)")?
                        .execute(params![kind, item.key, item.at_us, body.as_ref()])?,
                    None => transaction
                        .prepare_cached("DELETE FROM kept WHERE kind = ?1 AND key = ?2")?
                        .execute(params![kind, item.key])?,
                };
            }
            transaction.commit()
        };
        write(&mut self.database.connection).map_err(refused)
    }

    /// Forgets what was learned before `before_us`, and the oldest of a kind that has too many.
    ///
    /// # Errors
    ///
    /// See [`DatabaseError`].
    pub fn prune(&mut self, kind: CacheKind, before_us: i64) -> Result<(), DatabaseError> {
        let connection = &self.database.connection;
        let prune = || -> rusqlite::Result<()> {
            connection.execute("DELETE FROM kept WHERE kind = ?1 AND at_us <= ?2", params![kind.name(), before_us])?;
            if kind.must_last() {
                return Ok(());
            }
            let surplus = "DELETE FROM kept WHERE kind = ?1 AND key IN
                (SELECT key FROM kept WHERE kind = ?1 ORDER BY at_us DESC LIMIT -1 OFFSET ?2)";
            connection.execute(surplus, params![kind.name(), ROWS_MAX])?;
            Ok(())
        };
        prune().map_err(refused)
    }
}

fn refused(source: rusqlite::Error) -> DatabaseError {
    DatabaseError::of(LAYOUT.what, Path::new(LAYOUT.file), source)
}

/// One file aside is enough to look at; an earlier one is replaced.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = path.with_extension("aside");
    for log in ["sqlite-wal", "sqlite-shm"] {
        match fs::remove_file(path.with_extension(log)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// Writes to the cache on a thread of its own; whoever offers something never waits.
#[derive(Debug)]
pub struct CacheWriter {
    sender: Option<SyncSender<CacheItem>>,
    thread: Option<JoinHandle<()>>,
    left_out: u64,
    /// Leases that were left out or could not be written.
    unkept: Arc<AtomicU64>,
}

impl CacheWriter {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The system has no room for another thread.
    pub fn start(cache: Cache) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let unkept = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&unkept);
        let write = move || write_all(cache, &receiver, &counted);
        let thread = std::thread::Builder::new().name("cache".to_owned()).spawn(write)?;
        Ok(Self { sender: Some(sender), thread: Some(thread), left_out: 0, unkept })
    }

    /// Takes an item to be written soon. If too many wait, it is left out: it can be learned again.
    pub fn offer(&mut self, item: CacheItem) {
        let Some(sender) = &self.sender else { return };
        let lease = u64::from(item.kind.must_last());
        if let Err(error) = sender.try_send(item) {
            self.left_out += 1;
            self.unkept.fetch_add(lease, Ordering::Relaxed);
            if self.left_out.is_power_of_two() {
                let why =
                    if matches!(error, TrySendError::Full(_)) { "the disk is too slow" } else { "its thread ended" };
                warn!(left_out = self.left_out, why, "items are left out of the cache");
            }
        }
    }

    /// Leases that were left out or could not be written since the start.
    pub fn unkept(&self) -> u64 {
        self.unkept.load(Ordering::Relaxed)
    }
}

impl Drop for CacheWriter {
    /// Waits until everything offered is written.
    fn drop(&mut self) {
        self.sender.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write_all(mut cache: Cache, receiver: &Receiver<CacheItem>, unkept: &AtomicU64) {
    let mut failures = 0_u64;
    while let Ok(first) = receiver.recv() {
        let mut items = vec![first];
        items.extend(receiver.try_iter().take(BATCH_MAX));
        if let Err(error) = cache.write(&items) {
            failures += 1;
            let leases = items.iter().filter(|item| item.kind.must_last()).count();
            unkept.fetch_add(u64::try_from(leases).unwrap_or(u64::MAX), Ordering::Relaxed);
            if failures.is_power_of_two() {
                warn!(%error, failures, "the cache cannot be written; the bridge goes on without");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(kind: CacheKind, key: &str, at_us: i64) -> CacheItem {
        CacheItem { kind, key: key.to_owned(), at_us, body: Some(vec![1, 2, 3].into()) }
    }

    fn keys(cache: &Cache, kind: CacheKind, since_us: i64) -> Vec<String> {
        cache.read(kind, since_us).expect("read").into_iter().map(|item| item.key).collect()
    }

    #[test]
    fn what_was_written_is_there_after_a_restart_until_it_is_too_old() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = CacheWriter::start(Cache::open(folder.path()).expect("opened")).expect("a thread");
        for (key, at_us) in [("b", 2), ("a", 1), ("gone", 3)] {
            writer.offer(item(CacheKind::Contract, key, at_us));
        }
        writer.offer(item(CacheKind::Rule, "a", 1));
        writer.offer(CacheItem { body: None, ..item(CacheKind::Contract, "gone", 4) });
        drop(writer);

        let mut cache = Cache::open(folder.path()).expect("opened again");
        assert_eq!(keys(&cache, CacheKind::Contract, 0), ["a", "b"]);
        assert_eq!(keys(&cache, CacheKind::Contract, 1), ["b"]);
        assert_eq!(cache.read(CacheKind::Rule, 0).expect("read"), [item(CacheKind::Rule, "a", 1)]);
        cache.prune(CacheKind::Contract, 1).expect("pruned");
        assert_eq!(keys(&cache, CacheKind::Contract, 0), ["b"]);
    }

    #[test]
    fn a_file_that_is_no_cache_is_set_aside_and_a_new_one_begun() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cache.sqlite");
        for _ in 0..2 {
            fs::write(&path, b"garbage that is long enough to be looked at, and then some more of it")
                .expect("written");
            let mut cache = Cache::open(folder.path()).expect("opened");
            cache.write(&[item(CacheKind::Contract, "a", 1)]).expect("written");
            assert_eq!(keys(&cache, CacheKind::Contract, 0), ["a"]);
            assert!(fs::read(path.with_extension("aside")).expect("kept to look at").starts_with(b"garbage"));
        }
    }

    #[test]
    fn a_second_bridge_does_without() {
        let folder = tempfile::tempdir().expect("a folder");
        let _first = Cache::open(folder.path()).expect("opened");
        assert!(matches!(Cache::open(folder.path()), Err(DatabaseError::InUse { .. })));
    }

    #[test]
    fn of_too_many_the_oldest_go_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut cache = Cache::open(folder.path()).expect("opened");
        let items: Vec<CacheItem> =
            (1..=i64::from(ROWS_MAX) + 2).map(|at| item(CacheKind::Contract, &at.to_string(), at)).collect();
        cache.write(&items).expect("written");
        cache.prune(CacheKind::Contract, 0).expect("pruned");
        let left = keys(&cache, CacheKind::Contract, 0);
        assert_eq!((left.len(), left.first().map(String::as_str)), (ROWS_MAX as usize, Some("3")));
    }
}
