//! Writes a recording on a thread of its own: what cannot be taken at once is counted, and nobody waits.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use super::entry::{Entry, What, header};
use super::mask::Mask;

/// Entries on their way to the disk.
const ENTRIES_MAX: usize = 65_536;
/// Bytes on their way to the disk.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Takes entries for the file. Cheap to clone; the file is complete once all are gone.
#[derive(Clone, Debug)]
pub(super) struct Saver {
    entries: mpsc::Sender<Entry>,
    waiting_bytes: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
}

/// What was saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Saved {
    pub(super) frames: u64,
    pub(super) connections: u64,
}

/// The thread that writes.
#[derive(Debug)]
pub(super) struct Writing {
    thread: JoinHandle<io::Result<Saved>>,
    lost: Arc<AtomicU64>,
}

/// Begins a file. It must not exist yet, unless it is a device.
pub(super) fn start(path: &Path, started_us: i64, masked: bool) -> io::Result<(Saver, Writing)> {
    let is_device = path.metadata().is_ok_and(|found| !found.is_file());
    let file = OpenOptions::new().write(true).create_new(!is_device).open(path)?;
    let (entries, inbox) = mpsc::channel(ENTRIES_MAX);
    let waiting_bytes = Arc::new(AtomicUsize::new(0));
    let lost = Arc::new(AtomicU64::new(0));
    let saver = Saver { entries, waiting_bytes: Arc::clone(&waiting_bytes), lost: Arc::clone(&lost) };
    let thread = std::thread::Builder::new().name("recording".to_owned()).spawn(move || {
        let written = write(file, inbox, &waiting_bytes, started_us, masked);
        if let Err(error) = &written {
            tracing::error!(%error, "the recording has ended; traffic still passes");
        }
        written
    })?;
    Ok((saver, Writing { thread, lost }))
}

impl Saver {
    /// Takes an entry, or counts it as lost.
    pub(super) fn offer(&self, entry: Entry) {
        let len = entry.len();
        let waiting = self.waiting_bytes.fetch_add(len, Ordering::Relaxed) + len;
        if waiting > BYTES_MAX || self.entries.try_send(entry).is_err() {
            self.waiting_bytes.fetch_sub(len, Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Writing {
    /// Waits until everything is on the disk. Every [`Saver`] must be gone. Returns also what was lost.
    pub(super) fn finish(self) -> (io::Result<Saved>, u64) {
        let written = self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the writer has failed")));
        (written, self.lost.load(Ordering::Relaxed))
    }
}

impl Entry {
    fn len(&self) -> usize {
        match &self.what {
            What::Hello(frame) | What::Greeting(frame) | What::Request(frame) | What::Answer(frame) => frame.len(),
            What::Close | What::Lost(_) => 0,
        }
    }
}

fn write(
    file: File,
    mut inbox: mpsc::Receiver<Entry>,
    waiting_bytes: &AtomicUsize,
    started_us: i64,
    masked: bool,
) -> io::Result<Saved> {
    let mut out = BufWriter::new(file);
    let mut mask = masked.then(Mask::default);
    let mut saved = Saved::default();
    let mut connections = BTreeSet::new();
    out.write_all(header(started_us, masked).as_bytes())?;
    out.flush()?;
    while let Some(mut entry) = inbox.blocking_recv() {
        waiting_bytes.fetch_sub(entry.len(), Ordering::Relaxed);
        if let Some(mask) = &mut mask {
            match &mut entry.what {
                What::Request(frame) => *frame = mask.frame(frame, true),
                What::Answer(frame) => *frame = mask.frame(frame, false),
                _ => {}
            }
        }
        saved.frames += u64::from(matches!(entry.what, What::Request(_) | What::Answer(_)));
        connections.insert(entry.connection);
        out.write_all(entry.line().as_bytes())?;
        // What is there is worth having if the host dies now; in a storm there is no time for that.
        if inbox.is_empty() {
            out.flush()?;
        }
    }
    out.flush()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    // A device has nothing to sync.
    if file.metadata()?.is_file() {
        file.sync_all()?;
    }
    saved.connections = connections.len() as u64;
    Ok(saved)
}
