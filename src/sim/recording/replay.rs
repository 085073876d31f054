//! Listens as a gateway and plays a recording to whoever connects.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Duration, Instant, sleep_until};

use super::entry::Recording;
use super::player::Player;
use super::script::{self, Script};
use crate::tws::frame::{Envelope, FRAME_BYTES_MAX, next_frame, open, put_frame};
use crate::tws::handshake::{self, HELLO_BYTES_MAX};
use crate::tws::message::login::ErrorMessage;
use crate::tws::{Request, Response};

/// Clients at a time; more are closed at once.
const CLIENTS_MAX: usize = 32;

/// What is played.
#[derive(Debug)]
pub struct Replay {
    scripts: Vec<Arc<Script>>,
    speed: f64,
    /// How often each client id has logged in: the n-th login plays its n-th recorded one.
    logins: Mutex<BTreeMap<i32, usize>>,
}

impl Replay {
    /// Takes a recording apart. `speed` is recorded seconds per second, at least 0.001. `None` if nobody logged in
    /// in it.
    pub fn new(recording: &Recording, speed: f64) -> Option<Self> {
        let scripts: Vec<Arc<Script>> = script::scripts(recording).into_iter().map(Arc::new).collect();
        let speed = if speed.is_finite() { speed.max(0.001) } else { 1.0 };
        (!scripts.is_empty()).then(|| Self { scripts, speed, logins: Mutex::new(BTreeMap::new()) })
    }

    /// The recorded connection for a login. Where only one client was recorded, it is everybody's.
    fn script_for(&self, client_id: i32) -> Option<Arc<Script>> {
        let mut own: Vec<_> = self.scripts.iter().filter(|script| script.client_id == Some(client_id)).collect();
        if own.is_empty()
            && self
                .scripts
                .iter()
                .all(|script| script.client_id == self.scripts.first().and_then(|first| first.client_id))
        {
            own = self.scripts.iter().collect();
        }
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        let count = logins.entry(client_id).or_default();
        let script = own.get((*count).min(own.len().saturating_sub(1))).map(|script| Arc::clone(script));
        *count += 1;
        script
    }

    fn client_ids(&self) -> String {
        let mut ids: Vec<i32> = self.scripts.iter().filter_map(|script| script.client_id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.iter().map(i32::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// A recording that is being played. Dropping it stops it.
#[derive(Debug)]
pub struct RunningReplay {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl RunningReplay {
    /// Listens.
    ///
    /// # Errors
    ///
    /// The system's, if the address cannot be listened on.
    pub async fn start(replay: Replay, listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        Ok(Self { addr, task: tokio::spawn(accept(listener, Arc::new(replay))) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Closes all connections and the listener.
    pub async fn stop(self) {
        self.task.abort();
        // It ends because it was aborted.
        let _ = self.task.await;
    }
}

async fn accept(listener: TcpListener, replay: Arc<Replay>) {
    let mut clients = JoinSet::new();
    loop {
        let client = match listener.accept().await {
            Ok((client, _)) => client,
            Err(error) => {
                tracing::warn!(%error, "a client could not be accepted");
                continue;
            }
        };
        while clients.try_join_next().is_some() {}
        if clients.len() < CLIENTS_MAX {
            let replay = Arc::clone(&replay);
            clients.spawn(async move {
                if let Err(error) = converse(client, &replay).await {
                    tracing::debug!(%error, "a connection ended");
                }
            });
        }
    }
}

async fn converse(mut stream: TcpStream, replay: &Replay) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::new();
    while !handshake::take_sign(&mut buffer).map_err(io::Error::other)? {
        must_have_more(&mut stream, &mut buffer).await?;
    }
    let hello = frame(&mut stream, &mut buffer, HELLO_BYTES_MAX).await?;
    let hello = handshake::read_hello(&hello).map_err(io::Error::other)?;
    let Some(first) = replay.scripts.first() else { return Ok(()) };
    let version = handshake::read_greeting(&first.greeting).and_then(Result::ok).map(|greeting| greeting.version);
    if version.is_none_or(|version| version < hello.min || version > hello.max) {
        tracing::warn!(?version, "the client does not speak the server version of the recording");
        return Ok(());
    }
    let mut out = BytesMut::new();
    put_frame(&mut out, |out| out.put_slice(&first.greeting));
    stream.write_all(&out).await?;
    let started = Instant::now();
    let mut player = loop {
        if let Some(Request::StartApiRequest(start)) = request(&frame(&mut stream, &mut buffer, FRAME_BYTES_MAX).await?)
        {
            match replay.script_for(start.client_id()) {
                Some(script) => break Player::new(&script, replay.speed, us(started)),
                None => return unknown_client(&mut stream, start.client_id(), replay).await,
            }
        }
    };
    loop {
        let due = player.take_due(us(started));
        stream.write_all(&due).await?;
        let wake = player.wake_at().map(|at_us| started + Duration::from_micros(at_us));
        tokio::select! {
            next = next_request(&mut stream, &mut buffer) => {
                if let Some(request) = next? {
                    player.on_request(us(started), &request);
                }
            }
            () = sleep_until(wake.unwrap_or(started)), if wake.is_some() => {}
        }
    }
}

/// The next frame as a request; `None` if it is none. Cancel safe: what was read stays in the buffer.
async fn next_request(stream: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<Option<Request>> {
    let next = frame(stream, buffer, FRAME_BYTES_MAX).await?;
    Ok(request(&next))
}

async fn frame(stream: &mut TcpStream, buffer: &mut BytesMut, len_max: u32) -> io::Result<bytes::Bytes> {
    loop {
        if let Some(frame) = next_frame(buffer, len_max).map_err(io::Error::other)? {
            return Ok(frame);
        }
        must_have_more(stream, buffer).await?;
    }
}

async fn must_have_more(stream: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<()> {
    match stream.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

async fn unknown_client(stream: &mut TcpStream, client_id: i32, replay: &Replay) -> io::Result<()> {
    let text = format!("Client id {client_id} is not in the recording; it holds {}.", replay.client_ids());
    tracing::warn!("{text}");
    let error = ErrorMessage { id: Some(-1), error_code: Some(321), error_msg: Some(text), ..ErrorMessage::default() };
    let mut out = BytesMut::new();
    Response::ErrorMessage(error).put(&mut out);
    stream.write_all(&out).await?;
    stream.shutdown().await
}

fn request(frame: &bytes::Bytes) -> Option<Request> {
    match open(frame.clone()) {
        Envelope::Protobuf { id, body } => Request::decode(id, body).ok(),
        _ => None,
    }
}

fn us(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}
