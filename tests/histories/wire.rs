//! One TCP connection between bridge and gateway: bytes under way in both directions, and a cut at any of them.

use bytes::BytesMut;
use ibnats::{
    schema::connection::LinkName,
    session::{Now, Session},
    sim::OfflineSim,
};

/// Bytes under way.
#[derive(Default)]
pub(crate) struct Wire {
    /// The gateway's number of the connection; `None` while there is none.
    pub(crate) connection: Option<u64>,
    pub(crate) generation: u64,
    pub(crate) up: BytesMut,
    pub(crate) down: BytesMut,
    /// Arrived at the bridge, not yet a whole frame.
    read: BytesMut,
    /// Bytes delivered so far, on all connections of this link.
    pub(crate) delivered_up: u64,
    pub(crate) delivered_down: u64,
}

impl Wire {
    pub(crate) fn dialled(&mut self, connection: u64) {
        self.drop_bytes();
        self.connection = Some(connection);
    }

    pub(crate) fn drop_bytes(&mut self) {
        (self.up, self.down, self.read) = (BytesMut::new(), BytesMut::new(), BytesMut::new());
    }

    /// Lets this many bytes arrive at the gateway. False if it has ended the connection.
    pub(crate) fn deliver_up(&mut self, sim: &mut OfflineSim, now_ms: i64, count: usize) -> bool {
        let Some(connection) = self.connection else { return true };
        let arrived = self.up.split_to(count.min(self.up.len()));
        if !arrived.is_empty() {
            self.delivered_up += arrived.len() as u64;
            sim.receive(now_ms, connection, &arrived);
        }
        self.take_sent(sim)
    }

    /// Takes what the gateway has sent. False if it has ended the connection.
    pub(crate) fn take_sent(&mut self, sim: &mut OfflineSim) -> bool {
        let Some(connection) = self.connection else { return true };
        match sim.take_sent(connection) {
            Some(sent) => {
                self.down.extend_from_slice(&sent);
                true
            }
            None => false,
        }
    }

    /// Lets this many bytes arrive at the bridge.
    pub(crate) fn deliver_down(&mut self, session: &mut Session, now: Now, link: LinkName, count: usize) {
        let arrived = self.down.split_to(count.min(self.down.len()));
        if !arrived.is_empty() {
            self.delivered_down += arrived.len() as u64;
            self.read.extend_from_slice(&arrived);
            session.on_bytes(now, link, &mut self.read);
        }
    }
}
