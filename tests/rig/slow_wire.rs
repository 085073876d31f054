//! One TCP connection between a session and a simulated gateway, on which every byte is under way equally long.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use ibnats::{
    schema::connection::LinkName,
    session::{Now, Session},
    sim::OfflineSim,
};

/// Time a message is on its way, each way.
pub(crate) const LATENCY_MS: i64 = 20;

/// One direction of a connection: bytes and when they arrive.
type Flow = VecDeque<(i64, Bytes)>;

#[derive(Default)]
pub(crate) struct SlowWire {
    /// The gateway's number of the connection; `None` while there is none.
    pub(crate) connection: Option<u64>,
    pub(crate) generation: u64,
    up: Flow,
    down: Flow,
    /// Arrived at the bridge, not yet a whole frame.
    read: BytesMut,
}

impl SlowWire {
    pub(crate) fn dialled(connection: u64, generation: u64) -> Self {
        Self { connection: Some(connection), generation, ..Self::default() }
    }

    /// The bridge writes.
    pub(crate) fn send(&mut self, now_ms: i64, bytes: Bytes) {
        self.up.push_back((now_ms + LATENCY_MS, bytes));
    }

    /// When the next bytes arrive, at either end.
    pub(crate) fn next_arrival(&self) -> Option<i64> {
        [self.up.front(), self.down.front()].into_iter().flatten().map(|(at, _)| *at).min()
    }

    /// Lets arrive what is due, at both ends. False if the gateway has ended the connection.
    pub(crate) fn deliver(&mut self, session: &mut Session, sim: &mut OfflineSim, now: Now, link: LinkName) -> bool {
        let now_ms = now.us / 1_000;
        while let Some(bytes) = due(&mut self.up, now_ms) {
            if let Some(connection) = self.connection {
                sim.receive(now_ms, connection, &bytes);
            }
        }
        let sent = self.connection.map(|connection| sim.take_sent(connection));
        let is_over = sent == Some(None);
        if let Some(sent) = sent.flatten().filter(|sent| !sent.is_empty()) {
            self.down.push_back((now_ms + LATENCY_MS, sent));
        }
        while let Some(bytes) = due(&mut self.down, now_ms) {
            self.read.extend_from_slice(&bytes);
            session.on_bytes(now, link, &mut self.read);
        }
        !is_over
    }

    /// What is under way to the gateway reaches it all the same.
    pub(crate) fn flush_up(&mut self, sim: &mut OfflineSim, now_ms: i64) {
        for (_, bytes) in std::mem::take(&mut self.up) {
            if let Some(connection) = self.connection {
                sim.receive(now_ms + LATENCY_MS, connection, &bytes);
            }
        }
    }

    /// The connection is over; what is under way is lost. False if there was none.
    pub(crate) fn hang_up(&mut self, sim: &mut OfflineSim) -> bool {
        let Some(connection) = self.connection else { return false };
        *self = Self { generation: self.generation, ..Self::default() };
        sim.hang_up(connection);
        true
    }
}

/// Takes what has arrived by now.
fn due(flow: &mut Flow, now_ms: i64) -> Option<Bytes> {
    flow.front().filter(|(at, _)| *at <= now_ms)?;
    flow.pop_front().map(|(_, bytes)| bytes)
}

/// The id of the first message in these bytes as it stands on the wire: above 200 for protobuf.
pub(crate) fn message_id(bytes: &Bytes) -> Option<i32> {
    Some(i32::from_be_bytes(bytes.get(4..8)?.try_into().ok()?))
}
