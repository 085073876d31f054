//! One TCP connection: handshake, frames in, frames out.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::outbox::ConnectionId;
use super::server::Clock;
use super::station::Incoming;
use crate::tws::frame::{self, Envelope, FRAME_BYTES_MAX, FrameTooLong};
use crate::tws::handshake::{self, HELLO_BYTES_MAX, HandshakeError};
use crate::tws::{Request, ServerVersion};

/// Chunks waiting to be written to one client.
const CHUNKS_MAX: usize = 65_536;
/// Bytes waiting to be written to one client; a slower one is disconnected.
const PENDING_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Requests of one client that were received and not yet read by the gateway; then the socket waits.
const UNREAD_MAX: usize = 1024;

/// What a connection tells the world.
#[derive(Debug)]
pub(super) enum Event {
    Opened(ConnectionId, Wire),
    /// The permit is dropped once the gateway has read the frame.
    Frame(ConnectionId, Incoming, OwnedSemaphorePermit),
    Closed(ConnectionId),
}

/// The world's end of a connection. Dropping it closes the connection after what was sent.
#[derive(Debug)]
pub(super) struct Wire {
    chunks: mpsc::Sender<Bytes>,
    pending_bytes: Arc<AtomicUsize>,
}

impl Wire {
    /// Queues bytes. False if the client is too slow or gone: drop the connection.
    pub(super) fn send(&self, chunk: Bytes) -> bool {
        let len = chunk.len();
        let pending = self.pending_bytes.fetch_add(len, Ordering::Relaxed) + len;
        let was_sent = pending <= PENDING_BYTES_MAX && self.chunks.try_send(chunk).is_ok();
        if !was_sent && !self.chunks.is_closed() {
            tracing::warn!("client disconnected: it reads too slowly");
        }
        was_sent
    }
}

/// Why a connection ended.
#[derive(Debug, Error)]
pub(super) enum ConnectionError {
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    #[error("the client does not speak the protocol")]
    Handshake(#[source] HandshakeError),
    #[error("the client speaks server versions {min}..{max} only")]
    Version { min: ServerVersion, max: ServerVersion },
    #[error("the stream cannot be read further")]
    Frame(#[source] FrameTooLong),
    #[error("the simulator is stopping")]
    Stopping,
}

/// Serves a connection until either side ends it.
pub(super) async fn serve(
    id: ConnectionId,
    stream: TcpStream,
    version_max: ServerVersion,
    clock: Clock,
    events: mpsc::Sender<Event>,
) {
    let ended = converse(id, stream, version_max, clock, &events).await;
    if let Err(error) = ended {
        tracing::debug!(connection = id.0, error = &error as &dyn std::error::Error, "client connection ended");
    }
    // Nobody is left to tell once the world has stopped.
    let _ = events.send(Event::Closed(id)).await;
}

/// Keeps a connection open without a word until the client ends it.
pub(super) async fn ignore(id: ConnectionId, mut stream: TcpStream, events: mpsc::Sender<Event>) {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
    let _ = events.send(Event::Closed(id)).await;
}

async fn converse(
    id: ConnectionId,
    stream: TcpStream,
    version_max: ServerVersion,
    clock: Clock,
    events: &mpsc::Sender<Event>,
) -> Result<(), ConnectionError> {
    stream.set_nodelay(true).map_err(ConnectionError::Broken)?;
    let (mut reader, mut writer) = stream.into_split();
    let mut buffer = BytesMut::new();
    greet(&mut reader, &mut writer, &mut buffer, version_max, clock).await?;
    let (chunks, queued) = mpsc::channel(CHUNKS_MAX);
    let pending_bytes = Arc::new(AtomicUsize::new(0));
    let outgoing = Wire { chunks, pending_bytes: Arc::clone(&pending_bytes) };
    events.send(Event::Opened(id, outgoing)).await.map_err(|_| ConnectionError::Stopping)?;
    tokio::select! {
        ended = read(id, &mut reader, &mut buffer, events) => ended,
        ended = write(&mut writer, queued, &pending_bytes) => ended,
    }
}

/// Reads the client's hello and answers it with the version both sides will use.
async fn greet(
    reader: &mut OwnedReadHalf,
    writer: &mut OwnedWriteHalf,
    buffer: &mut BytesMut,
    version_max: ServerVersion,
    clock: Clock,
) -> Result<(), ConnectionError> {
    while !handshake::take_sign(buffer).map_err(ConnectionError::Handshake)? {
        must_have_more(reader, buffer).await?;
    }
    let body = loop {
        if let Some(body) = frame::next_frame(buffer, HELLO_BYTES_MAX).map_err(ConnectionError::Frame)? {
            break body;
        }
        must_have_more(reader, buffer).await?;
    };
    let hello = handshake::read_hello(&body).map_err(ConnectionError::Handshake)?;
    let version = version_max.min(hello.max);
    let unspoken = ConnectionError::Version { min: hello.min, max: hello.max };
    // An old gateway tells its version to whom offers it; what it would say afterwards is text, which
    // nobody here speaks.
    let plays_an_old_gateway = version_max < ServerVersion::MIN;
    if version < hello.min || (version < ServerVersion::MIN && !plays_an_old_gateway) {
        return Err(unspoken);
    }
    let mut greeting = BytesMut::new();
    handshake::put_greeting(&mut greeting, version, &clock.connection_time());
    writer.write_all(&greeting).await.map_err(ConnectionError::Broken)?;
    if plays_an_old_gateway { Err(unspoken) } else { Ok(()) }
}

async fn read(
    id: ConnectionId,
    reader: &mut OwnedReadHalf,
    buffer: &mut BytesMut,
    events: &mpsc::Sender<Event>,
) -> Result<(), ConnectionError> {
    let room = Arc::new(Semaphore::new(UNREAD_MAX));
    loop {
        while let Some(body) = frame::next_frame(buffer, FRAME_BYTES_MAX).map_err(ConnectionError::Frame)? {
            let incoming = match frame::open(body) {
                Envelope::Protobuf { id: message, body } => match Request::decode(message, body) {
                    Ok(request) => Incoming::Request(request),
                    Err(error) => Incoming::Unreadable(error.to_string()),
                },
                Envelope::Text { id: message, .. } => Incoming::Unreadable(format!("text message {message}")),
                Envelope::Runt(_) => Incoming::Unreadable("no message id".to_owned()),
            };
            let place = Arc::clone(&room).acquire_owned().await.map_err(|_| ConnectionError::Stopping)?;
            events.send(Event::Frame(id, incoming, place)).await.map_err(|_| ConnectionError::Stopping)?;
        }
        let ended = reader.read_buf(buffer).await.map_err(ConnectionError::Broken)? == 0;
        if ended && buffer.is_empty() {
            return Ok(());
        }
        if ended {
            return Err(ConnectionError::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

/// Reads what has arrived, where the stream may not end yet.
async fn must_have_more(reader: &mut OwnedReadHalf, buffer: &mut BytesMut) -> Result<(), ConnectionError> {
    match reader.read_buf(buffer).await.map_err(ConnectionError::Broken)? {
        0 => Err(ConnectionError::Broken(io::ErrorKind::UnexpectedEof.into())),
        _ => Ok(()),
    }
}

async fn write(
    writer: &mut OwnedWriteHalf,
    mut queued: mpsc::Receiver<Bytes>,
    pending_bytes: &AtomicUsize,
) -> Result<(), ConnectionError> {
    while let Some(chunk) = queued.recv().await {
        writer.write_all(&chunk).await.map_err(ConnectionError::Broken)?;
        pending_bytes.fetch_sub(chunk.len(), Ordering::Relaxed);
    }
    writer.shutdown().await.map_err(ConnectionError::Broken)
}
