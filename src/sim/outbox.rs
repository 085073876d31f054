//! What the world wants done to its connections.

use bytes::Bytes;

use super::faults::LineFault;
use super::universe::Refusal;
use crate::tws::Response;
use crate::tws::message::login::ErrorMessage;

/// Id of messages that belong to no request.
pub(super) const NO_ID: i32 = -1;

/// One TCP connection, counted from the start of the simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ConnectionId(pub u64);

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// Send a message.
    Send(ConnectionId, Response),
    /// Send bytes that are no message of ours.
    Raw(ConnectionId, Bytes),
    /// Something goes wrong with the bytes of the connection from here on.
    Line(ConnectionId, LineFault),
    /// Close the connection after what was sent before.
    Close(ConnectionId),
}

/// Effects of one call into the world, in order, with the simulated time of the call.
#[derive(Debug)]
pub(super) struct Outbox {
    /// Epoch milliseconds.
    pub(super) now_ms: i64,
    effects: Vec<Effect>,
}

impl Outbox {
    pub(super) fn at(now_ms: i64) -> Self {
        Self { now_ms, effects: Vec::new() }
    }

    pub(super) fn send(&mut self, to: ConnectionId, response: Response) {
        self.effects.push(Effect::Send(to, response));
    }

    pub(super) fn close(&mut self, connection: ConnectionId) {
        self.effects.push(Effect::Close(connection));
    }

    /// An error, warning or notice; `id` is a request id, an order id or [`NO_ID`].
    pub(super) fn error(&mut self, to: ConnectionId, id: i32, code: i32, text: impl Into<String>) {
        let message = ErrorMessage {
            id: Some(id),
            error_time: Some(self.now_ms),
            error_code: Some(code),
            error_msg: Some(text.into()),
            advanced_order_reject_json: None,
        };
        self.send(to, Response::ErrorMessage(message));
    }

    pub(super) fn refuse(&mut self, to: ConnectionId, id: i32, refusal: Refusal) {
        self.error(to, id, refusal.code, refusal.text);
    }

    /// What is to be done so far.
    pub(super) fn effects(&self) -> &[Effect] {
        &self.effects
    }

    pub(super) fn into_effects(self) -> Vec<Effect> {
        self.effects
    }
}
