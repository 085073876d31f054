//! A simulated gateway without sockets and clock: bytes and time go in, bytes come out.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};

use super::SimConfig;
use super::broker::{Book, Broker, Outgoing};
use super::faults::{Door, Rule, RuleState};
use super::gateway::Gateway;
use super::outbox::{ConnectionId, Effect};
use super::record::RequestCount;
use super::referee::{RuleCount, Violation};
use super::station::{Incoming, Output, Station};
use super::tape::PriceFile;
use crate::tws::frame::{Envelope, FRAME_BYTES_MAX, next_frame, open};
use crate::tws::handshake::{self, HELLO_BYTES_MAX};
use crate::tws::{Request, ServerVersion};

/// What the gateway tells as its time in the greeting; nobody reads it.
const CONNECTION_TIME: &str = "20270115 08:00:00 UTC";

/// A gateway whose caller is the network. The same calls give the same answers.
pub struct OfflineSim {
    station: Station<()>,
    lines: BTreeMap<ConnectionId, Line>,
    opened: u64,
    now_ms: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Sign,
    Hello,
    Requests,
    /// The gateway has nothing to say to this client, ever.
    Mute,
}

/// The network's end of one connection.
struct Line {
    stage: Stage,
    input: BytesMut,
    output: VecDeque<Bytes>,
    is_closed: bool,
}

impl OfflineSim {
    /// A gateway that nobody is connected to. Time is simulated, in epoch milliseconds, and never goes back.
    pub fn new(config: &SimConfig, now_ms: i64) -> Self {
        let gateway = Gateway::new(config, PriceFile::default(), now_ms);
        Self { station: Station::new(gateway, config.seed), lines: BTreeMap::new(), opened: 0, now_ms }
    }

    /// Accepts a connection and gives its number, whatever faults say of new connections.
    pub fn dial(&mut self) -> u64 {
        self.admit(Stage::Sign)
    }

    /// Tries to connect. `None` if the port is closed or the gateway hangs up at once.
    pub fn try_dial(&mut self, now_ms: i64) -> Option<u64> {
        match self.station.door(now_ms).0 {
            Door::Closed | Door::HangUp => None,
            Door::Mute => Some(self.admit(Stage::Mute)),
            Door::Open | Door::InUse => Some(self.admit(Stage::Sign)),
        }
    }

    fn admit(&mut self, stage: Stage) -> u64 {
        self.opened += 1;
        let line = Line { stage, input: BytesMut::new(), output: VecDeque::new(), is_closed: false };
        self.lines.insert(ConnectionId(self.opened), line);
        self.opened
    }

    /// Bytes from the client have arrived.
    pub fn receive(&mut self, now_ms: i64, connection: u64, bytes: &[u8]) {
        self.now_ms = now_ms;
        let id = ConnectionId(connection);
        let Some(line) = self.lines.get_mut(&id).filter(|line| !line.is_closed && line.stage != Stage::Mute) else {
            return;
        };
        line.input.extend_from_slice(bytes);
        match line.greet() {
            Err(()) => line.is_closed = true,
            Ok(true) => self.station.on_opened(id),
            Ok(false) => {}
        }
        while let Some(incoming) = self.lines.get_mut(&id).and_then(Line::next_frame) {
            self.station.receive(now_ms, id, incoming, ());
            self.perform();
        }
    }

    /// Time has passed.
    pub fn advance(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        self.station.advance(now_ms);
        self.perform();
    }

    /// When [`Self::advance`] has something to do that is not prices; `None` if nothing waits for a time.
    pub fn wake_at(&self, now_ms: i64) -> Option<i64> {
        self.station.wake_at(now_ms)
    }

    /// Takes what was sent on this connection. `None` once it is closed and everything was taken.
    pub fn take_sent(&mut self, connection: u64) -> Option<Bytes> {
        let mut sent = self.take_piece(connection)?;
        let has_more =
            |sim: &Self| sim.lines.get(&ConnectionId(connection)).is_some_and(|line| !line.output.is_empty());
        if has_more(self) {
            let mut all = BytesMut::from(sent);
            while has_more(self) {
                all.extend_from_slice(&self.take_piece(connection).unwrap_or_default());
            }
            sent = all.freeze();
        }
        Some(sent)
    }

    /// Takes the next piece that was sent on this connection, as it would arrive; empty if there is none.
    /// `None` once it is closed and everything was taken.
    pub fn take_piece(&mut self, connection: u64) -> Option<Bytes> {
        let id = ConnectionId(connection);
        let line = self.lines.get_mut(&id)?;
        if let Some(piece) = line.output.pop_front() {
            return Some(piece);
        }
        if line.is_closed {
            self.lines.remove(&id);
            return None;
        }
        Some(Bytes::new())
    }

    /// The client has ended the connection.
    pub fn hang_up(&mut self, connection: u64) {
        if self.lines.remove(&ConnectionId(connection)).is_some() {
            self.station.on_left(self.now_ms, ConnectionId(connection));
        }
    }

    /// Puts a fault in force, after those that are; its times count from now. Returns its number, or `None` if
    /// there are too many.
    pub fn add_rule(&mut self, now_ms: i64, rule: Rule) -> Option<u64> {
        let mut number = None;
        self.act(now_ms, |gateway, now_ms| {
            number = gateway.add_rule(now_ms, rule);
            Vec::new()
        });
        number
    }

    /// Lifts one fault, or all and what they left standing. Returns how many.
    pub fn clear_rules(&mut self, now_ms: i64, number: Option<u64>) -> usize {
        let mut cleared = 0;
        self.act(now_ms, |gateway, _| {
            cleared = gateway.clear_rules(number);
            Vec::new()
        });
        cleared
    }

    /// The faults in force.
    pub fn rules(&self) -> Vec<RuleState> {
        self.station.gateway().rules()
    }

    fn act(&mut self, now_ms: i64, act: impl FnOnce(&mut Gateway, i64) -> Vec<Effect>) {
        self.station.with_gateway(now_ms, act);
        self.perform();
    }

    /// Acts on the order side; what it returns is sent.
    pub fn broker(&mut self, now_ms: i64, act: impl FnOnce(&mut Broker, i64, &dyn Book) -> Outgoing) {
        self.act(now_ms, |gateway, now_ms| gateway.with_broker(now_ms, act));
    }

    /// The order side.
    pub fn witness(&self) -> &Broker {
        self.station.gateway().broker()
    }

    /// Breaches of IB's limits so far, by rule; a rule that was kept is left out.
    pub fn violations(&self) -> Vec<RuleCount> {
        self.station.gateway().violations()
    }

    /// The newest breaches of IB's limits, oldest first; bounded.
    pub fn recent_violations(&self) -> Vec<Violation> {
        self.station.gateway().recent_violations()
    }

    /// How often each client asked for what, since the start.
    pub fn requests(&self) -> Vec<RequestCount> {
        self.station.gateway().requests()
    }

    /// Sends every client a message that belongs to no request, such as 1100.
    pub fn notice(&mut self, now_ms: i64, code: i32, text: &str) {
        self.act(now_ms, |gateway, now_ms| gateway.notice(now_ms, code, text));
    }

    /// Moves the price of a symbol. False if there is no such symbol.
    pub fn set_price(&mut self, now_ms: i64, symbol: &str, price: f64) -> bool {
        let mut is_done = false;
        self.act(now_ms, |gateway, now_ms| {
            is_done = gateway.set_price(now_ms, symbol, price);
            Vec::new()
        });
        is_done
    }

    /// Stops the trading of a symbol. False if there is no such symbol or it is halted.
    pub fn halt(&mut self, now_ms: i64, symbol: &str) -> bool {
        let mut is_done = false;
        self.act(now_ms, |gateway, now_ms| {
            is_done = gateway.halt(now_ms, symbol);
            Vec::new()
        });
        is_done
    }

    /// Ends a halt. False if there is none.
    pub fn resume(&mut self, now_ms: i64, symbol: &str) -> bool {
        let mut is_done = false;
        self.act(now_ms, |gateway, now_ms| {
            is_done = gateway.resume(now_ms, symbol);
            Vec::new()
        });
        is_done
    }

    /// Ends every connection and forgets what a gateway forgets when it ends.
    pub fn restart(&mut self, now_ms: i64) {
        self.lines.clear();
        self.station.on_gateway_gone();
        self.broker(now_ms, |broker, _, _| {
            broker.restart();
            Vec::new()
        });
    }

    fn perform(&mut self) {
        for output in self.station.take_outputs() {
            let (Output::Write(id, _) | Output::Close(id)) = &output;
            let Some(line) = self.lines.get_mut(id) else { continue };
            match output {
                Output::Write(_, piece) => line.output.push_back(piece),
                Output::Close(_) => line.is_closed = true,
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
        let mut greeting = BytesMut::new();
        handshake::put_greeting(&mut greeting, version, CONNECTION_TIME);
        self.output.push_back(greeting.freeze());
        self.stage = Stage::Requests;
        Ok(true)
    }

    /// The next whole frame that has arrived.
    fn next_frame(&mut self) -> Option<Incoming> {
        if self.stage != Stage::Requests || self.is_closed {
            return None;
        }
        let frame = next_frame(&mut self.input, FRAME_BYTES_MAX).ok()??;
        Some(match open(frame) {
            Envelope::Protobuf { id, body } => match Request::decode(id, body) {
                Ok(request) => Incoming::Request(request),
                Err(error) => Incoming::Unreadable(error.to_string()),
            },
            _ => Incoming::Unreadable("no protobuf message".to_owned()),
        })
    }
}
