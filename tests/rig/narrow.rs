//! A wire between the bridge and NATS that may take only so many bytes a second from the bridge.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// Bytes that the system may keep on the way; the bridge's own side keeps more.
const BUFFER_BYTES: u32 = 8 * 1_024;
const TURN: Duration = Duration::from_millis(50);

/// A running wire. It ends when dropped.
pub(crate) struct Narrow {
    port: u16,
    /// Bytes a second of each connection; `None` for as many as come.
    rate: watch::Sender<Option<usize>>,
    accepting: JoinHandle<()>,
}

impl Narrow {
    /// To the server at `nats://<address>`.
    pub(crate) fn to(url: &str) -> Self {
        let server: SocketAddr = url.trim_start_matches("nats://").parse().expect("an address");
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(BUFFER_BYTES).expect("a small buffer");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let listener = socket.listen(16).expect("listening");
        let port = listener.local_addr().expect("bound").port();
        let (rate, told) = watch::channel(None);
        Self { port, rate, accepting: tokio::spawn(accept(listener, server, told)) }
    }

    /// Where the bridge finds it.
    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn set(&self, rate: Option<usize>) {
        self.rate.send_replace(rate);
    }
}

impl Drop for Narrow {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, rate: watch::Receiver<Option<usize>>) {
    while let Ok((bridge, _)) = listener.accept().await {
        let rate = rate.clone();
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(server).await else { return };
            let _ = (bridge.set_nodelay(true), server.set_nodelay(true));
            let ((from_bridge, mut to_bridge), (mut from_server, to_server)) =
                (bridge.into_split(), server.into_split());
            tokio::select! {
                () = pass(from_bridge, to_server, rate) => {}
                _ = tokio::io::copy(&mut from_server, &mut to_bridge) => {}
            }
        });
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, rate: watch::Receiver<Option<usize>>) {
    let mut buffer = vec![0; 64 * 1_024];
    loop {
        let now = *rate.borrow();
        let room = now.map_or(buffer.len(), |rate| (rate / 20).clamp(1, buffer.len()));
        let Ok(count @ 1..) = from.read(&mut buffer[..room]).await else { return };
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        if now.is_some() {
            tokio::time::sleep(TURN).await;
        }
    }
}
