//! The gateway with the lines of its clients: what arrives is read and what it says leaves as the faults allow.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use super::faults::{Door, LineFault};
use super::gateway::Gateway;
use super::line::Line;
use super::outbox::{ConnectionId, Effect};
use crate::tws::Request;

/// One frame that has arrived.
#[derive(Debug)]
pub(super) enum Incoming {
    Request(Request),
    /// No request of this protocol, and why.
    Unreadable(String),
}

/// What is to be done with a socket.
#[derive(Debug)]
pub(super) enum Output {
    Write(ConnectionId, Bytes),
    /// Close it after what was written.
    Close(ConnectionId),
}

/// `P` is dropped once what came with it has been read.
pub(super) struct Station<P> {
    gateway: Gateway,
    seed: u64,
    lines: BTreeMap<ConnectionId, Line<(Incoming, P)>>,
    outputs: Vec<Output>,
}

impl<P> Station<P> {
    pub(super) fn new(gateway: Gateway, seed: u64) -> Self {
        Self { gateway, seed, lines: BTreeMap::new(), outputs: Vec::new() }
    }

    pub(super) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Looks at the gateway, or makes it do something.
    pub(super) fn with_gateway(&mut self, now_ms: i64, act: impl FnOnce(&mut Gateway, i64) -> Vec<Effect>) {
        let mut effects = act(&mut self.gateway, now_ms);
        // A fault that was added for now happens now.
        effects.extend(self.gateway.catch_up(now_ms));
        self.perform(now_ms, effects);
        // What was lifted or begun may change what waits.
        self.move_all(now_ms);
    }

    /// A connection has finished its handshake.
    pub(super) fn on_opened(&mut self, id: ConnectionId) {
        self.lines.insert(id, Line::new(self.seed, id));
        self.gateway.on_opened(id);
    }

    /// A frame has arrived.
    pub(super) fn receive(&mut self, now_ms: i64, id: ConnectionId, incoming: Incoming, place: P) {
        if let Some(line) = self.lines.get_mut(&id) {
            line.arrive((incoming, place));
            self.read(now_ms, id);
        }
    }

    /// The client has ended the connection.
    pub(super) fn on_left(&mut self, now_ms: i64, id: ConnectionId) {
        if self.lines.get_mut(&id).is_some_and(|line| line.is_noticed_leaving(now_ms)) {
            self.forget(id);
        }
    }

    /// The gateway's process has ended, and with it every connection, whether its line carries that or not.
    pub(super) fn on_gateway_gone(&mut self) {
        for id in std::mem::take(&mut self.lines).into_keys() {
            self.gateway.on_closed(id);
        }
    }

    /// Time has passed.
    pub(super) fn advance(&mut self, now_ms: i64) {
        let effects = self.gateway.advance(now_ms);
        self.perform(now_ms, effects);
        self.move_all(now_ms);
    }

    /// Whatever waited on the lines and is due.
    fn move_all(&mut self, now_ms: i64) {
        for id in self.lines.keys().copied().collect::<Vec<_>>() {
            if self.lines.get(&id).is_some_and(|line| line.is_found_deserted(now_ms)) {
                self.forget(id);
                continue;
            }
            self.read(now_ms, id);
            self.ship(now_ms, id);
        }
    }

    /// What the sockets must do, in order.
    pub(super) fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// How new connections are met, and until when.
    pub(super) fn door(&self, now_ms: i64) -> (Door, i64) {
        self.gateway.door(now_ms)
    }

    /// When [`Self::advance`] has something to do that is not prices; `None` if nothing waits for a time.
    pub(super) fn wake_at(&self, now_ms: i64) -> Option<i64> {
        let lines = self.lines.values().filter_map(|line| line.wake_at(now_ms)).min();
        [lines, self.gateway.wake_at()].into_iter().flatten().min()
    }

    fn read(&mut self, now_ms: i64, id: ConnectionId) {
        while let Some((incoming, place)) = self.lines.get_mut(&id).and_then(|line| line.read(now_ms)) {
            let effects = match incoming {
                Incoming::Request(request) => self.gateway.on_request(now_ms, id, &request),
                Incoming::Unreadable(cause) => self.gateway.on_unreadable(now_ms, id, &cause),
            };
            drop(place);
            self.perform(now_ms, effects);
        }
    }

    /// Puts what was said on the lines, in order; what goes to one connection leaves as one piece.
    fn perform(&mut self, now_ms: i64, effects: Vec<Effect>) {
        let mut pieces: BTreeMap<ConnectionId, BytesMut> = BTreeMap::new();
        for effect in effects {
            match effect {
                Effect::Send(id, response) => response.put(pieces.entry(id).or_default()),
                Effect::Raw(id, bytes) => pieces.entry(id).or_default().extend_from_slice(&bytes),
                Effect::Line(id, fault) => {
                    self.put(now_ms, id, pieces.remove(&id));
                    let Some(line) = self.lines.get_mut(&id) else { continue };
                    line.afflict(now_ms, fault);
                    if matches!(fault, LineFault::Cut { .. }) {
                        self.close(now_ms, id);
                    }
                }
                Effect::Close(id) => {
                    self.put(now_ms, id, pieces.remove(&id));
                    self.close(now_ms, id);
                }
            }
        }
        for (id, piece) in pieces {
            self.put(now_ms, id, Some(piece));
        }
    }

    fn put(&mut self, now_ms: i64, id: ConnectionId, piece: Option<BytesMut>) {
        if let (Some(piece), Some(line)) = (piece, self.lines.get_mut(&id)) {
            line.put(now_ms, piece.freeze());
            self.ship(now_ms, id);
        }
    }

    fn close(&mut self, now_ms: i64, id: ConnectionId) {
        if let Some(line) = self.lines.get_mut(&id) {
            line.close();
            self.gateway.on_closed(id);
            self.ship(now_ms, id);
        }
    }

    fn ship(&mut self, now_ms: i64, id: ConnectionId) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        let departure = line.depart(now_ms);
        self.outputs.extend(departure.pieces.into_iter().map(|piece| Output::Write(id, piece)));
        if departure.is_end {
            self.outputs.push(Output::Close(id));
            self.forget(id);
        }
    }

    fn forget(&mut self, id: ConnectionId) {
        if self.lines.remove(&id).is_some() {
            self.gateway.on_closed(id);
        }
    }
}
