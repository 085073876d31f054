//! Bytes that may be written to a gateway socket. Only the scheduler makes them, and the handshake.

use bytes::{Bytes, BytesMut};

use super::Ticket;
use crate::tws::{Request, ServerVersion, handshake, message::login::StartApiRequest};

/// Whole frames for a gateway socket. What writes to sockets takes nothing else, and there is no other way to
/// make them than the scheduler's and the two steps of the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frames {
    bytes: Bytes,
    count: u32,
}

impl Frames {
    /// The messages of a ticket that the scheduler lets pass.
    pub(in crate::session::pacing) fn of(ticket: &Ticket) -> Self {
        let mut bytes = BytesMut::new();
        if let Some(before) = &ticket.before {
            before.put(&mut bytes);
        }
        ticket.request.put(&mut bytes);
        Self { bytes: bytes.freeze(), count: 1 + u32::from(ticket.before.is_some()) }
    }

    /// The first bytes of a connection.
    pub(in crate::session) fn hello(oldest: ServerVersion) -> Self {
        let mut bytes = BytesMut::new();
        handshake::put_hello(&mut bytes, oldest);
        Self { bytes: bytes.freeze(), count: 0 }
    }

    /// The login.
    pub(in crate::session) fn start_api(client_id: i32) -> Self {
        let start = StartApiRequest { client_id: Some(client_id), optional_capabilities: None };
        let mut bytes = BytesMut::new();
        Request::StartApiRequest(start).put(&mut bytes);
        Self { bytes: bytes.freeze(), count: 1 }
    }

    /// The bytes as they go to the socket.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many messages they are.
    pub fn count(&self) -> u32 {
        self.count
    }
}

/// A ticket that the scheduler let pass, with the frames to be written.
#[derive(Clone, Debug)]
pub(crate) struct Cleared {
    pub(crate) ticket: Ticket,
    pub(crate) frames: Frames,
}
