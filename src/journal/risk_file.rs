//! The kill switch, limits set by request and promised heartbeats, kept over restarts as `risk.json`.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use thiserror::Error;
use tokio::{sync::watch, task::JoinHandle};
use tracing::error;

use crate::session::RiskMemory;

/// Name of the file in the state folder.
const NAME: &str = "risk.json";

/// How often a file that cannot be written is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);

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

/// What became of what was sent to be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RiskKept {
    /// Number of the last one that is on the disk.
    pub number: u64,
    /// Why a later one is not, if so. It is tried again.
    pub trouble: Option<String>,
}

/// Writes what is sent into the file, each time in place of the whole; the newest wins. One that cannot be written is
/// tried again until it can. Ends, with the last one written or tried once more, when the sender is dropped.
pub fn keep(
    folder: PathBuf,
    first: RiskMemory,
) -> (watch::Sender<RiskMemory>, watch::Receiver<RiskKept>, JoinHandle<()>) {
    let (sender, mut receiver) = watch::channel(first);
    let (told, kept) = watch::channel(RiskKept::default());
    let task = tokio::spawn(async move {
        let mut is_stored = true;
        loop {
            let is_open = if is_stored { receiver.changed().await.is_ok() } else { wait(&mut receiver).await };
            if !is_open && is_stored {
                return;
            }
            let memory = receiver.borrow_and_update().clone();
            let (number, folder) = (memory.number, folder.clone());
            let stored = tokio::task::spawn_blocking(move || store(&folder, &memory)).await;
            let trouble = stored.map_err(io::Error::other).flatten().err().map(|error| error.to_string());
            is_stored = trouble.is_none();
            told.send_modify(|kept| {
                if let Some(error) = trouble.as_ref().filter(|_| kept.trouble != trouble) {
                    error!(%error, "the kill switch and the limits cannot be kept over a restart; trying again");
                }
                kept.number = if is_stored { number } else { kept.number };
                kept.trouble = trouble;
            });
            if !is_open {
                return;
            }
        }
    });
    (sender, kept, task)
}

/// Until it is to be tried again, or there is something newer. False if nobody sends any more.
async fn wait(receiver: &mut watch::Receiver<RiskMemory>) -> bool {
    tokio::select! {
        changed = receiver.changed() => changed.is_ok(),
        () = tokio::time::sleep(RETRY_EVERY) => true,
    }
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
        let (sender, _, task) = keep(folder.path().to_owned(), RiskMemory::default());
        let memory = |ttl_s| RiskMemory { heartbeats: [("alpha".to_owned(), ttl_s)].into(), ..RiskMemory::default() };
        for ttl_s in 1..50 {
            sender.send_replace(memory(ttl_s));
        }
        drop(sender);
        task.await.expect("ended");
        assert_eq!(load(folder.path()).expect("loaded"), memory(49));
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_written_is_told_and_tried_again_until_it_can() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("gone");
        let (sender, mut kept, task) = keep(missing.clone(), RiskMemory::default());
        sender.send_replace(RiskMemory { number: 1, ..RiskMemory::default() });
        kept.changed().await.expect("told");
        let told = kept.borrow_and_update().clone();
        assert!(told.number == 0 && told.trouble.is_some(), "{told:?}");
        fs::create_dir(&missing).expect("a folder");
        while *kept.borrow_and_update() != (RiskKept { number: 1, trouble: None }) {
            kept.changed().await.expect("told");
        }
        drop(sender);
        task.await.expect("ended");
        assert_eq!(load(&missing).expect("loaded"), RiskMemory::default());
    }
}
