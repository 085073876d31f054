//! One TCP socket to the gateway: dialling, reading into a buffer, writing from one.

use std::{future::Future, io, pin::Pin};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpSocket, TcpStream, lookup_host,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use crate::session::Frames;

/// Bytes that may wait to be written before the session is asked to hold back: a few orders. What waits here is
/// in the order it will be sent; what waits in the scheduler is overtaken by a cancel.
pub(super) const WRITE_BYTES_MAX: usize = 4 * 1024;

/// Bytes that may wait in the system's buffer of the trading link and of the data link, for the same reason. The
/// system takes some more.
const SEND_BUFFER_BYTES: u32 = 16 * 1024;

/// Room made for each read, in bytes.
const READ_BYTES: usize = 64 * 1024;

type Dialing = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

enum Stage {
    Closed,
    Dialing(Dialing),
    Open { reader: OwnedReadHalf, writer: OwnedWriteHalf },
}

/// One link's socket. At most one exists per link: opening a new one drops the old.
pub(super) struct Socket {
    stage: Stage,
    generation: u64,
    /// Bytes read and not yet cut into frames.
    pub(super) read: BytesMut,
    write: BytesMut,
}

/// What happened to a socket.
#[derive(Debug)]
pub(super) enum SocketEvent {
    /// Connected.
    Opened { generation: u64 },
    /// Not connected, or ended.
    Closed { generation: u64, reason: String },
    /// More bytes are in [`Socket::read`].
    Read,
    /// Bytes were written.
    Wrote,
}

/// Connects to the first address that answers, with a small buffer for what is sent.
async fn connect(host: String, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
    for address in lookup_host((host, port)).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // The system may refuse: then more waits where no cancel can overtake it.
        let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
        match socket.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Socket {
    pub(super) fn new() -> Self {
        Self { stage: Stage::Closed, generation: 0, read: BytesMut::new(), write: BytesMut::new() }
    }

    /// Starts connecting; [`Self::next`] tells how it went.
    pub(super) fn dial(&mut self, host: String, port: u16, generation: u64) {
        self.close();
        self.generation = generation;
        self.stage = Stage::Dialing(Box::pin(connect(host, port)));
    }

    /// Drops the socket and whatever waits in its buffers.
    pub(super) fn close(&mut self) {
        self.stage = Stage::Closed;
        self.read.clear();
        self.write.clear();
    }

    /// Queues whole frames to be written. There is no other way for bytes to a gateway.
    pub(super) fn send(&mut self, frames: &Frames) {
        if matches!(self.stage, Stage::Open { .. }) {
            self.write.extend_from_slice(frames.bytes());
        }
    }

    /// Bytes waiting to be written.
    pub(super) fn waiting(&self) -> usize {
        self.write.len()
    }

    /// The next thing that happens; for ever if the socket is closed.
    ///
    /// # Cancel safety
    ///
    /// No byte is lost or written twice when the future is dropped.
    pub(super) async fn next(&mut self) -> SocketEvent {
        let generation = self.generation;
        match &mut self.stage {
            Stage::Closed => std::future::pending().await,
            Stage::Dialing(dialing) => match dialing.as_mut().await {
                Ok(stream) => {
                    // Orders are small and must not wait for more bytes.
                    let _ = stream.set_nodelay(true);
                    let (reader, writer) = stream.into_split();
                    self.stage = Stage::Open { reader, writer };
                    SocketEvent::Opened { generation }
                }
                Err(error) => self.ended(&error.to_string()),
            },
            Stage::Open { reader, writer } => {
                let read = async {
                    self.read.reserve(READ_BYTES);
                    reader.read_buf(&mut self.read).await
                };
                let outcome = if self.write.is_empty() {
                    read.await.map(|count| (count > 0, SocketEvent::Read))
                } else {
                    tokio::select! {
                        read = read => read.map(|count| (count > 0, SocketEvent::Read)),
                        wrote = writer.write_buf(&mut self.write) => wrote.map(|count| (count > 0, SocketEvent::Wrote)),
                    }
                };
                match outcome {
                    Ok((true, event)) => event,
                    Ok((false, _)) => self.ended("the gateway closed the connection"),
                    Err(error) => self.ended(&error.to_string()),
                }
            }
        }
    }

    fn ended(&mut self, reason: &str) -> SocketEvent {
        self.close();
        SocketEvent::Closed { generation: self.generation, reason: reason.to_owned() }
    }
}
