//! A wire between the bridge and the gateway that a test can cut, hold, and put noise on.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// What passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Everything.
    Open,
    /// Nothing, in either direction, on sockets that stay open; new ones are accepted.
    Held,
    /// What the bridge says; nothing comes back.
    Mute,
    /// Nobody is connected, and nobody gets in.
    Closed,
}

/// A running wire. It ends when dropped.
pub(crate) struct Wire {
    port: u16,
    /// The mode, and how often the wire was cut.
    mode: watch::Sender<(Mode, u64)>,
    noise: Arc<Mutex<Bytes>>,
    accepting: JoinHandle<()>,
}

impl Wire {
    pub(crate) async fn to(gateway: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let (mode, told) = watch::channel((Mode::Open, 0));
        let noise = Arc::new(Mutex::new(Bytes::new()));
        let accepting = tokio::spawn(accept(listener, gateway, told, Arc::clone(&noise)));
        Self { port, mode, noise, accepting }
    }

    /// Where the bridge finds it.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_modify(|now| now.0 = mode);
    }

    /// Ends every connection; the next one passes as the mode says.
    pub(crate) fn cut(&self) {
        self.mode.send_modify(|now| now.1 += 1);
    }

    /// These bytes come from the gateway after its greeting, before anything else, on each new connection.
    pub(crate) fn put_noise(&self, bytes: Bytes) {
        *self.noise.lock().expect("no panic") = bytes;
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    gateway: SocketAddr,
    mode: watch::Receiver<(Mode, u64)>,
    noise: Arc<Mutex<Bytes>>,
) {
    while let Ok((bridge, _)) = listener.accept().await {
        if mode.borrow().0 == Mode::Closed {
            continue;
        }
        let noise = noise.lock().expect("no panic").clone();
        tokio::spawn(connect(bridge, gateway, mode.clone(), noise));
    }
}

async fn connect(bridge: TcpStream, gateway: SocketAddr, mut mode: watch::Receiver<(Mode, u64)>, noise: Bytes) {
    let Ok(gateway) = TcpStream::connect(gateway).await else { return };
    let _ = (bridge.set_nodelay(true), gateway.set_nodelay(true));
    let cuts = mode.borrow().1;
    let (from_bridge, to_bridge) = bridge.into_split();
    let (from_gateway, to_gateway) = gateway.into_split();
    let up = pass(from_bridge, to_gateway, mode.clone(), &[Mode::Open, Mode::Mute], Bytes::new());
    let down = pass(from_gateway, to_bridge, mode.clone(), &[Mode::Open], noise);
    tokio::select! {
        () = up => {}
        () = down => {}
        _ = mode.wait_for(|(mode, count)| *mode == Mode::Closed || *count != cuts) => {}
    }
}

/// Passes bytes on while the mode allows it; `noise` behind the first frame.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mode: watch::Receiver<(Mode, u64)>,
    passing: &[Mode],
    mut noise: Bytes,
) {
    let mut buffer = vec![0; 64 * 1_024];
    loop {
        // The first frame alone: it is the greeting, and noise follows it.
        let read = if noise.is_empty() { from.read(&mut buffer).await } else { greeting(&mut from, &mut buffer).await };
        let Ok(count @ 1..) = read else { return };
        if mode.wait_for(|(mode, _)| passing.contains(mode)).await.is_err() {
            return;
        }
        let noise = std::mem::take(&mut noise);
        if to.write_all(&buffer[..count]).await.is_err() || to.write_all(&noise).await.is_err() {
            return;
        }
    }
}

async fn greeting(from: &mut OwnedReadHalf, buffer: &mut [u8]) -> std::io::Result<usize> {
    from.read_exact(&mut buffer[..4]).await?;
    let len = u32::from_be_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]) as usize;
    from.read_exact(&mut buffer[4..4 + len]).await?;
    Ok(4 + len)
}
