//! Passes bytes between clients and a gateway, and offers what passed to the recording.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::entry::{Entry, What};
use super::saver::{self, Saver, Writing};
use super::tap::Tap;

/// Clients at a time; more wait.
const CLIENTS_MAX: usize = 64;
/// Bytes read at one go.
const CHUNK_BYTES: usize = 64 * 1024;

/// Where to stand, and what to write.
#[derive(Clone, Debug)]
pub struct RecordConfig {
    /// Where clients connect. Port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// The gateway, as `host:port`.
    pub gateway: String,
    /// The file; it must not exist.
    pub out: PathBuf,
    /// Replace account codes in the file. What passes is never changed.
    pub mask_accounts: bool,
}

/// A recording that could not be begun or finished.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("cannot begin the recording {}; an existing file is never overwritten", path.display())]
    Begin {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not complete.
    #[error("the recording {} is not complete", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Frames in the file, of both directions.
    pub frames: u64,
    /// Connections in the file.
    pub connections: u64,
    /// Frames and other entries that could not be taken in time; they passed all the same.
    pub lost: u64,
}

/// A recorder that is running. Dropping it without [`Self::stop`] may cost the end of the file.
#[derive(Debug)]
pub struct RunningRecorder {
    addr: SocketAddr,
    task: JoinHandle<()>,
    writing: Writing,
    path: PathBuf,
}

impl RunningRecorder {
    /// Begins.
    ///
    /// # Errors
    ///
    /// [`RecordError`] if the address cannot be listened on or the file not be made.
    pub async fn start(config: RecordConfig) -> Result<Self, RecordError> {
        let failed = |source| RecordError::Listen { addr: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        #[expect(clippy::disallowed_methods, reason = "the recorder stamps its file")]
        let now_us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        let begin = |path: &Path| saver::start(path, i64::try_from(now_us).unwrap_or_default(), config.mask_accounts);
        let (saver, writing) =
            begin(&config.out).map_err(|source| RecordError::Begin { path: config.out.clone(), source })?;
        let task = tokio::spawn(accept(listener, config.gateway, saver));
        Ok(Self { addr, task, writing, path: config.out })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Ends all connections and completes the file.
    ///
    /// # Errors
    ///
    /// [`RecordError::Write`] if the disk did not take all of it.
    pub async fn stop(self) -> Result<Recorded, RecordError> {
        self.task.abort();
        // It ends because it was aborted.
        let _ = self.task.await;
        let (path, writing) = (self.path, self.writing);
        let finished = tokio::task::spawn_blocking(move || writing.finish()).await;
        let (saved, lost) = finished.unwrap_or_else(|error| (Err(io::Error::other(error)), 0));
        let saved = saved.map_err(|source| RecordError::Write { path, source })?;
        Ok(Recorded { frames: saved.frames, connections: saved.connections, lost })
    }
}

/// Accepts clients until it is aborted; its connections end with it.
async fn accept(listener: TcpListener, gateway: String, saver: Saver) {
    let started = Instant::now();
    let seats = Arc::new(Semaphore::new(CLIENTS_MAX));
    let mut clients = JoinSet::new();
    let mut number = 0;
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
        let client = match listener.accept().await {
            Ok((client, _)) => client,
            Err(error) => {
                tracing::warn!(%error, "a client could not be accepted");
                continue;
            }
        };
        number += 1;
        let log = Log { saver: saver.clone(), started, connection: number };
        let gateway = gateway.clone();
        clients.spawn(async move {
            if let Err(error) = pass(client, &gateway, &log).await {
                tracing::warn!(%error, gateway, connection = log.connection, "a connection broke");
            }
            log.note(What::Close);
            drop(seat);
        });
        while clients.try_join_next().is_some() {}
    }
}

/// Where the entries of one connection go.
struct Log {
    saver: Saver,
    started: Instant,
    connection: u64,
}

impl Log {
    fn note(&self, what: What) {
        let at_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.saver.offer(Entry { at_us, connection: self.connection, what });
    }
}

async fn pass(client: TcpStream, gateway: &str, log: &Log) -> io::Result<()> {
    let gateway = TcpStream::connect(gateway).await?;
    client.set_nodelay(true)?;
    gateway.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_gateway, to_gateway) = gateway.into_split();
    // When one side ends, the other is told and gets the rest.
    let up = copy(from_client, to_gateway, Tap::of_client(), log);
    let down = copy(from_gateway, to_client, Tap::of_gateway(), log);
    tokio::pin!(up, down);
    tokio::select! {
        done = &mut up => {
            done?;
            // The client has gone; what the gateway still says is of no use to it.
            Ok(())
        }
        done = &mut down => done,
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut tap: Tap, log: &Log) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let bytes = chunk.get(..read).unwrap_or_default();
        // What passes comes first.
        to.write_all(bytes).await?;
        for what in tap.take(bytes) {
            log.note(what);
        }
    }
}
