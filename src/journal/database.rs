//! Opens one of the bridge's own SQLite files, or says why not and what to do about it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig};

use super::database_error::DatabaseError;

/// How long a statement waits for another process, such as `sqlite3` or a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// The write-ahead log is cut back to this size, in bytes, after it has been written into the file.
const LOG_BYTES_KEPT: i64 = 16 << 20;
/// Where a SQLite file says what it is: text, layout (user version) and application id.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const LAYOUT_AT: usize = 60;
const APPLICATION_AT: usize = 68;
const HEADER_BYTES: usize = 100;

/// When a commit counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it is on the disk: it survives a power cut.
    Full,
    /// When the system has it: it survives a crash of the bridge. A power cut may lose the last seconds.
    Normal,
}

/// One kind of file.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// What the file is called in messages, such as `order journal`.
    pub what: &'static str,
    /// Its name in the folder, such as `journal.sqlite`.
    pub file: &'static str,
    /// Says that a file is of this kind; stands in its header.
    pub application_id: i32,
    /// SQL that makes layout 1 out of nothing, layout 2 out of 1, and so on. The file says how many it has had.
    pub steps: &'static [&'static str],
    /// When a commit counts as done.
    pub durability: Durability,
}

/// An open file that no other bridge has open.
#[derive(Debug)]
pub struct Database {
    /// For reading and writing.
    pub connection: Connection,
    /// Held as long as the file is open; the system gives it back even after `kill -9`.
    _lock: File,
}

impl Layout {
    /// The file in its folder.
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(self.file)
    }

    fn newest(&self) -> i32 {
        i32::try_from(self.steps.len()).unwrap_or(i32::MAX)
    }

    /// Opens the file for writing, makes it if there is none, and brings an older layout up to date.
    ///
    /// # Errors
    ///
    /// See [`DatabaseError`]. A file that cannot be used is left as it is, byte for byte.
    pub fn open(&self, folder: &Path) -> Result<Database, DatabaseError> {
        let path = self.path(folder);
        let unreachable = |source| DatabaseError::Unreachable { what: self.what, path: path.clone(), source };
        make_folder(folder).map_err(unreachable)?;
        let lock = self.lock(&path)?;
        if fs::metadata(&path).map_or(true, |found| found.len() == 0) {
            self.create(folder, &path)?;
        }
        self.check_header(&path)?;
        let mut connection = self.connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Until the file is known to be sound, closing it again must not write to it.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
            .map_err(|source| self.refused(&path, source))?;
        self.check(&path, &connection)?;
        self.prepare(&mut connection).map_err(|source| self.refused(&path, source))?;
        Ok(Database { connection, _lock: lock })
    }

    /// Opens the file for reading, also while a bridge writes to it.
    ///
    /// # Errors
    ///
    /// See [`DatabaseError`]; [`DatabaseError::Missing`] if there is no such file.
    pub fn open_to_read(&self, folder: &Path) -> Result<Connection, DatabaseError> {
        let path = self.path(folder);
        match fs::metadata(&path) {
            Ok(found) if found.len() > 0 => {}
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(DatabaseError::Unreachable { what: self.what, path, source });
            }
            _ => return Err(DatabaseError::Missing { what: self.what, path }),
        }
        let connection = self.connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let own = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
        let application = own("application_id").map_err(|source| self.refused(&path, source))?;
        let found = own("user_version").map_err(|source| self.refused(&path, source))?;
        self.check_numbers(&path, application, found)?;
        Ok(connection)
    }

    fn connect(&self, path: &Path, flags: OpenFlags) -> Result<Connection, DatabaseError> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|source| self.refused(path, source))?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(|source| self.refused(path, source))?;
        Ok(connection)
    }

    /// One bridge to a file. Readers take no part in this.
    fn lock(&self, path: &Path) -> Result<File, DatabaseError> {
        let lock_path = path.with_extension("lock");
        let unreachable = |source| DatabaseError::Unreachable { what: self.what, path: lock_path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&lock_path).map_err(unreachable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = (&mut file).take(20).read_to_string(&mut holder);
                return Err(DatabaseError::InUse {
                    what: self.what,
                    path: path.to_owned(),
                    holder: holder.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(unreachable(source)),
        }
        // The number only serves the message above; a full disk has no room for it.
        let _ = file.set_len(0);
        let _ = file.seek(SeekFrom::Start(0));
        let _ = writeln!(file, "{}", std::process::id());
        Ok(file)
    }

    /// Makes a whole file under another name first, so that a crash leaves none or a whole one.
    fn create(&self, folder: &Path, path: &Path) -> Result<(), DatabaseError> {
        let unreachable = |source| DatabaseError::Unreachable { what: self.what, path: path.to_owned(), source };
        let draft = path.with_extension("new");
        match fs::remove_file(&draft) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => return Err(unreachable(source)),
            _ => {}
        }
        let make = || -> rusqlite::Result<()> {
            let connection = Connection::open(&draft)?;
            connection.pragma_update(None, "journal_mode", "off")?;
            connection.pragma_update(None, "application_id", self.application_id)?;
            for step in self.steps {
                connection.execute_batch(step)?;
            }
            connection.pragma_update(None, "user_version", self.newest())?;
            connection.close().map_err(|(_, source)| source)
        };
        make().map_err(|source| self.refused(path, source))?;
        let finish = || -> std::io::Result<()> {
            File::open(&draft)?.sync_all()?;
            // A log that belonged to a file which is gone would be taken for the new one's.
            for stale in ["sqlite-wal", "sqlite-shm"] {
                let _ = fs::remove_file(path.with_extension(stale));
            }
            fs::rename(&draft, path)?;
            File::open(folder)?.sync_all()
        };
        finish().map_err(unreachable)
    }

    /// Looks at the first bytes before SQLite does: it would repair a file that is not ours.
    fn check_header(&self, path: &Path) -> Result<(), DatabaseError> {
        let unreachable = |source| DatabaseError::Unreachable { what: self.what, path: path.to_owned(), source };
        let mut header = Vec::with_capacity(HEADER_BYTES);
        let file = File::open(path).map_err(unreachable)?;
        file.take(HEADER_BYTES as u64).read_to_end(&mut header).map_err(unreachable)?;
        let number = |at: usize| header.get(at..).and_then(|rest| rest.first_chunk()).copied().map(i32::from_be_bytes);
        match (header.starts_with(MAGIC), number(APPLICATION_AT), number(LAYOUT_AT)) {
            (true, Some(application), Some(found)) => self.check_numbers(path, application, found),
            _ => Err(self.damaged(path, "it does not begin as a SQLite file does")),
        }
    }

    fn check_numbers(&self, path: &Path, application: i32, found: i32) -> Result<(), DatabaseError> {
        if application != self.application_id {
            return Err(DatabaseError::Foreign { what: self.what, path: path.to_owned() });
        }
        if found > self.newest() {
            let known = self.newest();
            return Err(DatabaseError::Newer { what: self.what, path: path.to_owned(), found, known });
        }
        Ok(())
    }

    /// Reads the whole file. What is damaged would else be found in the middle of a trading day.
    fn check(&self, path: &Path, connection: &Connection) -> Result<(), DatabaseError> {
        let found = connection.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0));
        // The number in the header may be older than one in the log.
        self.check_numbers(path, self.application_id, found.map_err(|source| self.refused(path, source))?)?;
        let verdict = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        match verdict.map_err(|source| self.refused(path, source))?.as_str() {
            "ok" => Ok(()),
            fault => Err(self.damaged(path, fault)),
        }
    }

    fn prepare(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        connection.pragma_update(None, "journal_mode", "wal")?;
        let synchronous = match self.durability {
            Durability::Full => "full",
            Durability::Normal => "normal",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        let has = connection.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0))?;
        let missing = self.steps.get(usize::try_from(has).unwrap_or(0)..).unwrap_or_default();
        if !missing.is_empty() {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for step in missing {
                transaction.execute_batch(step)?;
            }
            transaction.pragma_update(None, "user_version", self.newest())?;
            transaction.commit()?;
        }
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(|_| ())
    }

    fn damaged(&self, path: &Path, fault: &str) -> DatabaseError {
        DatabaseError::Damaged { what: self.what, path: path.to_owned(), fault: fault.to_owned() }
    }

    fn refused(&self, path: &Path, source: rusqlite::Error) -> DatabaseError {
        DatabaseError::of(self.what, path, source)
    }
}

/// Only the bridge's own user may look inside.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
