//! The kill switch, limits set by request and promised heartbeats, kept over restarts as `risk.json`.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use thiserror::Error;
use tokio::{sync::watch, task::JoinHandle};
use tracing::error;

use crate::session::RiskMemory;

/// Name of the file in the state folder.
const NAME: &str = "risk.json";

/// A file that cannot be used. Starting without it might take orders that somebody has halted.
#[derive(Debug, Error)]
pub enum RiskFileError {
    /// The folder or the file cannot be read.
    #[error("{}: {source}; the bridge needs its state folder to know whether it was halted", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what this release writes.
    #[error(
        "{}: {reason}; mend it, or remove it to start with the configuration's limits and without a halt",
        path.display()
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Reads what an earlier run kept; nothing if there was none. Makes the folder if it is missing.
///
/// # Errors
///
/// See [`RiskFileError`].
pub fn load(folder: &Path) -> Result<RiskMemory, RiskFileError> {
    fs::create_dir_all(folder).map_err(|source| RiskFileError::Unreadable { path: folder.to_owned(), source })?;
    let path = folder.join(NAME);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(RiskMemory::default()),
        Err(source) => return Err(RiskFileError::Unreadable { path, source }),
    };
    serde_json::from_str(&text).map_err(|error| RiskFileError::Damaged { path, reason: error.to_string() })
}

/// Writes what is sent into the file, each time in place of the whole; the newest wins. Ends, with the last one
/// written, when the sender is dropped.
pub fn keep(folder: PathBuf, first: RiskMemory) -> (watch::Sender<RiskMemory>, JoinHandle<()>) {
    let (sender, mut receiver) = watch::channel(first);
    let task = tokio::spawn(async move {
        while receiver.changed().await.is_ok() {
            let memory = receiver.borrow_and_update().clone();
            let folder = folder.clone();
            let stored = tokio::task::spawn_blocking(move || store(&folder, &memory)).await;
            if let Err(error) = stored.map_err(io::Error::other).flatten() {
                error!(%error, "the kill switch and the limits cannot be kept over a restart");
            }
        }
    });
    (sender, task)
}

/// Written beside the file and renamed over it, so that a crash leaves the old one or the new one.
fn store(folder: &Path, memory: &RiskMemory) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut file, memory)?;
    file.flush()?;
    file.as_file().sync_all()?;
    file.persist(folder.join(NAME))?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::risk::{Halted, Sweep};

    #[test]
    fn what_was_stored_is_loaded() {
        let folder = tempfile::tempdir().expect("a folder");
        let halted = Halted { since_us: 7, by: "desk".into(), reason: None, cancel: Sweep::Account };
        let memory = RiskMemory { halted: Some(halted), ..RiskMemory::default() };
        store(folder.path(), &memory).expect("stored");
        assert_eq!(load(folder.path()).expect("loaded"), memory);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left");
    }

    #[test]
    fn a_damaged_file_is_refused_and_says_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(NAME), "{\"halted\": ").expect("written");
        let message = load(folder.path()).expect_err("damaged").to_string();
        assert!(message.contains("risk.json") && message.contains("remove it"), "{message}");
    }

    #[tokio::test]
    async fn the_last_one_is_written_before_the_task_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let (sender, task) = keep(folder.path().to_owned(), RiskMemory::default());
        let memory = |ttl_s| RiskMemory { heartbeats: [("alpha".to_owned(), ttl_s)].into(), ..RiskMemory::default() };
        for ttl_s in 1..50 {
            sender.send_replace(memory(ttl_s));
        }
        drop(sender);
        task.await.expect("ended");
        assert_eq!(load(folder.path()).expect("loaded"), memory(49));
    }
}
