//! A raw protocol client for tests: frames over TCP, nothing else.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::expect_used, reason = "a helper of tests")]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use ibnats::tws::frame::{self, Envelope, FRAME_BYTES_MAX};
use ibnats::tws::handshake;
use ibnats::tws::message::login::StartApiRequest;
use ibnats::tws::{Request, Response, ServerVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Client {
    stream: TcpStream,
    buffer: BytesMut,
    pub(crate) version: ServerVersion,
}

impl Client {
    /// Connects and sends a hello with this version range.
    pub(crate) async fn hello(addr: SocketAddr, range: &str) -> Self {
        let mut stream = TcpStream::connect(addr).await.expect("a listener");
        let mut hello = BytesMut::from(&handshake::API_SIGN[..]);
        frame::put_frame(&mut hello, |out| out.put_slice(range.as_bytes()));
        // A gateway that is full may close before it reads.
        let _ = stream.write_all(&hello).await;
        Self { stream, buffer: BytesMut::new(), version: ServerVersion(0) }
    }

    /// Reads the gateway's greeting.
    pub(crate) async fn greeting(&mut self) -> ServerVersion {
        let body = self.frame().await.expect("a greeting");
        self.version = handshake::read_greeting(&body).expect("two fields").expect("a version").version;
        self.version
    }

    /// Reads the gateway's greeting; `None` if the gateway closes instead.
    pub(crate) async fn try_greeting(&mut self) -> Option<ServerVersion> {
        let body = self.frame().await?;
        Some(handshake::read_greeting(&body)?.ok()?.version)
    }

    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        let mut client = Self::hello(addr, "v213..226").await;
        client.greeting().await;
        client
    }

    /// Connects, logs in and reads up to the last farm notice.
    pub(crate) async fn login(addr: SocketAddr, client_id: i32) -> Self {
        let mut client = Self::connect(addr).await;
        client.send(start_api(client_id)).await;
        client
            .until(|response| match response {
                Response::OpenOrdersEnd(_) => Some(()),

                _ => None,
            })
            .await;
        client
    }

    pub(crate) async fn send(&mut self, request: Request) {
        let mut bytes = BytesMut::new();
        request.put(&mut bytes);
        self.stream.write_all(&bytes).await.expect("an open connection");
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Response {
        let body = self.frame().await.expect("an open connection");
        match frame::open(body) {
            Envelope::Protobuf { id, body } => Response::decode(id, body).expect("a known message"),
            other => panic!("not a protobuf message: {other:?}"),
        }
    }

    /// The first message that `pick` takes; others are skipped.
    pub(crate) async fn until<T>(&mut self, mut pick: impl FnMut(&Response) -> Option<T>) -> T {
        loop {
            if let Some(picked) = pick(&self.next().await) {
                return picked;
            }
        }
    }

    /// The next error or notice as id, code and text; other messages are skipped.
    pub(crate) async fn next_error(&mut self) -> (i32, i32, String) {
        self.until(|response| match response {
            Response::ErrorMessage(error) => {
                Some((error.id?, error.error_code?, error.error_msg.clone().unwrap_or_default()))
            }
            _ => None,
        })
        .await
    }

    /// True once the gateway has closed the connection; what it sent before is skipped.
    pub(crate) async fn is_closed(&mut self) -> bool {
        while self.frame().await.is_some() {}
        true
    }

    /// The next frame's body; `None` at the end of the stream.
    async fn frame(&mut self) -> Option<Bytes> {
        loop {
            if let Some(body) = frame::next_frame(&mut self.buffer, FRAME_BYTES_MAX).expect("a sane length") {
                return Some(body);
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await.expect("the gateway to answer");
            if read.unwrap_or(0) == 0 {
                return None;
            }
        }
    }
}

/// The request that names a client.
pub(crate) fn start_api(client_id: i32) -> Request {
    Request::StartApiRequest(StartApiRequest { client_id: Some(client_id), optional_capabilities: None })
}
