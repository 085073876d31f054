//! A simulated gateway without sockets and clock: bytes and time go in, bytes come out.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use super::SimConfig;
use super::broker::{Book, Broker, Outgoing};
use super::gateway::Gateway;
use super::outbox::{ConnectionId, Effect};
use super::record::RequestCount;
use super::referee::{RuleCount, Violation};
use super::tape::PriceFile;
use crate::tws::frame::{Envelope, FRAME_BYTES_MAX, next_frame, open};
use crate::tws::handshake::{self, HELLO_BYTES_MAX};
use crate::tws::{Request, ServerVersion};

/// What the gateway tells as its time in the greeting; nobody reads it.
const CONNECTION_TIME: &str = "20270115 08:00:00 UTC";

/// A gateway whose caller is the network. The same calls give the same answers.
pub struct OfflineSim {
    gateway: Gateway,
    lines: BTreeMap<ConnectionId, Line>,
    opened: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Sign,
    Hello,
    Requests,
}

/// The gateway's end of one connection.
struct Line {
    stage: Stage,
    input: BytesMut,
    output: BytesMut,
}

impl OfflineSim {
    /// A gateway that nobody is connected to. Time is simulated, in epoch milliseconds, and never goes back.
    pub fn new(config: &SimConfig, now_ms: i64) -> Self {
        Self { gateway: Gateway::new(config, PriceFile::default(), now_ms), lines: BTreeMap::new(), opened: 0 }
    }

    /// Accepts a connection and gives its number.
    pub fn dial(&mut self) -> u64 {
        self.opened += 1;
        let line = Line { stage: Stage::Sign, input: BytesMut::new(), output: BytesMut::new() };
        self.lines.insert(ConnectionId(self.opened), line);
        self.opened
    }

    /// Bytes from the client have arrived.
    pub fn receive(&mut self, now_ms: i64, connection: u64, bytes: &[u8]) {
        let id = ConnectionId(connection);
        let Some(line) = self.lines.get_mut(&id) else { return };
        line.input.extend_from_slice(bytes);
        let Some(line) = self.lines.get_mut(&id) else { return };
        match line.greet() {
            Err(()) => return self.hang_up(connection),
            Ok(true) => self.gateway.on_opened(id),
            Ok(false) => {}
        }
        while let Some(request) = self.next_request(now_ms, id) {
            let effects = self.gateway.on_request(now_ms, id, &request);
            self.perform(effects);
        }
    }

    fn next_request(&mut self, now_ms: i64, id: ConnectionId) -> Option<Request> {
        loop {
            let line = self.lines.get_mut(&id).filter(|line| line.stage == Stage::Requests)?;
            let frame = next_frame(&mut line.input, FRAME_BYTES_MAX).ok()??;
            let cause = match open(frame) {
                Envelope::Protobuf { id: message, body } => match Request::decode(message, body) {
                    Ok(request) => return Some(request),
                    Err(error) => error.to_string(),
                },
                _ => "no protobuf message".to_owned(),
            };
            let effects = self.gateway.on_unreadable(now_ms, id, &cause);
            self.perform(effects);
        }
    }

    /// Time has passed.
    pub fn advance(&mut self, now_ms: i64) {
        let effects = self.gateway.advance(now_ms);
        self.perform(effects);
    }

    /// Takes what was sent on this connection. `None` once it is closed and everything was taken.
    pub fn take_sent(&mut self, connection: u64) -> Option<Bytes> {
        let line = self.lines.get_mut(&ConnectionId(connection))?;
        Some(line.output.split().freeze())
    }

    /// The connection has ended.
    pub fn hang_up(&mut self, connection: u64) {
        if self.lines.remove(&ConnectionId(connection)).is_some() {
            self.gateway.on_closed(ConnectionId(connection));
        }
    }

    /// Acts on the order side; what it returns is sent.
    pub fn broker(&mut self, now_ms: i64, act: impl FnOnce(&mut Broker, i64, &dyn Book) -> Outgoing) {
        let effects = self.gateway.with_broker(now_ms, act);
        self.perform(effects);
    }

    /// The order side.
    pub fn witness(&self) -> &Broker {
        self.gateway.broker()
    }

    /// Breaches of IB's limits so far, by rule; a rule that was kept is left out.
    pub fn violations(&self) -> Vec<RuleCount> {
        self.gateway.violations()
    }

    /// The newest breaches of IB's limits, oldest first; bounded.
    pub fn recent_violations(&self) -> Vec<Violation> {
        self.gateway.recent_violations()
    }

    /// How often each client asked for what, since the start.
    pub fn requests(&self) -> Vec<RequestCount> {
        self.gateway.requests()
    }

    /// Sends every client a message that belongs to no request, such as 1100.
    pub fn notice(&mut self, now_ms: i64, code: i32, text: &str) {
        let effects = self.gateway.notice(now_ms, code, text);
        self.perform(effects);
    }

    /// Moves the price of a symbol. False if there is no such symbol.
    pub fn set_price(&mut self, now_ms: i64, symbol: &str, price: f64) -> bool {
        self.gateway.set_price(now_ms, symbol, price)
    }

    /// Stops the trading of a symbol. False if there is no such symbol or it is halted.
    pub fn halt(&mut self, now_ms: i64, symbol: &str) -> bool {
        self.gateway.halt(now_ms, symbol)
    }

    /// Ends a halt. False if there is none.
    pub fn resume(&mut self, now_ms: i64, symbol: &str) -> bool {
        self.gateway.resume(now_ms, symbol)
    }

    /// Ends every connection and forgets what a gateway forgets when it ends.
    pub fn restart(&mut self, now_ms: i64) {
        for id in self.lines.keys().copied().collect::<Vec<_>>() {
            self.hang_up(id.0);
        }
        self.broker(now_ms, |broker, _, _| {
            broker.restart();
            Vec::new()
        });
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(id, response) => {
                    if let Some(line) = self.lines.get_mut(&id) {
                        response.put(&mut line.output);
                    }
                }
                Effect::Close(id) => self.hang_up(id.0),
            }
        }
    }
}

impl Line {
    /// True when the handshake has just been finished.
    fn greet(&mut self) -> Result<bool, ()> {
        if self.stage == Stage::Sign && handshake::take_sign(&mut self.input).map_err(drop)? {
            self.stage = Stage::Hello;
        }
        if self.stage != Stage::Hello {
            return Ok(false);
        }
        let Some(body) = next_frame(&mut self.input, HELLO_BYTES_MAX).map_err(drop)? else { return Ok(false) };
        let hello = handshake::read_hello(&body).map_err(drop)?;
        let version = ServerVersion::MAX.min(hello.max);
        if version < hello.min || version < ServerVersion::MIN {
            return Err(());
        }
        handshake::put_greeting(&mut self.output, version, CONNECTION_TIME);
        self.stage = Stage::Requests;
        Ok(true)
    }
}
