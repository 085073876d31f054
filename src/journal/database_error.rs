//! Why one of the bridge's own files cannot be used, and what to do about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

/// Why a file cannot be used. The message says what to do; nothing was changed.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "`what` is the kind of file and `path` its place, in every variant")]
pub enum DatabaseError {
    /// There is no such file, and it was to be read only.
    #[error("there is no {what} at {}: give the folder in which a bridge has run ([state] dir)", path.display())]
    Missing { what: &'static str, path: PathBuf },
    /// Folder or file cannot be made or read.
    #[error("{what} {}: {source}; the folder ([state] dir) must be writable by the bridge's user", path.display())]
    Unreachable { what: &'static str, path: PathBuf, source: std::io::Error },
    /// Another bridge has it open.
    #[error(
        "{what} {} is in use by another bridge{}: stop that one, or give this one a folder of its own ([state] dir)",
        path.display(),
        holder.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse { what: &'static str, path: PathBuf, holder: Option<u32> },
    /// It is a database of some other program.
    #[error("{} is not the {what} of an ibnats bridge; nothing was changed: choose another folder ([state] dir)", path.display())]
    Foreign { what: &'static str, path: PathBuf },
    /// Its content cannot be trusted.
    #[error(
        "{what} {} is damaged ({fault}); nothing was changed: put a backup in its place, or move it away to begin a new one",
        path.display()
    )]
    Damaged { what: &'static str, path: PathBuf, fault: String },
    /// Written by a later release.
    #[error(
        "{what} {} was written by a newer ibnats (layout {found}, this one knows {known}); nothing was changed: run the newer \
         release, or put the backup from before the upgrade in its place",
        path.display()
    )]
    Newer { what: &'static str, path: PathBuf, found: i32, known: i32 },
    /// It cannot be written now: the disk is full, read only or failing.
    #[error("{what} {} cannot be written: {reason}", path.display())]
    Unwritable { what: &'static str, path: PathBuf, reason: String },
    /// The database refused in some other way.
    #[error("{what} {}: {source}", path.display())]
    Refused { what: &'static str, path: PathBuf, source: rusqlite::Error },
}

impl DatabaseError {
    /// What an error of the database library means for this file.
    pub fn of(what: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { what, path, fault: source.to_string() }
            }
            Some(code) if unwritable(code).is_some() => {
                let reason = unwritable(code).unwrap_or_default();
                Self::Unwritable { what, path, reason: format!("{reason} ({source})") }
            }
            _ => Self::Refused { what, path, source },
        }
    }

    /// True if a later attempt may succeed without anybody touching the file: the disk is full, read
    /// only or failing.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unwritable { .. } => true,
            Self::Unreachable { source, .. } => {
                use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
                matches!(source.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
            }
            _ => false,
        }
    }
}

/// Why nothing can be written, in words; `None` for other errors.
pub(super) fn unwritable(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::DiskFull => Some("the disk is full"),
        ErrorCode::ReadOnly => Some("the disk or the file is read only"),
        ErrorCode::SystemIoFailure => Some("the disk reports an error"),
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied => Some("the file cannot be opened for writing"),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Some("another program holds it locked"),
        _ => None,
    }
}
