//! A session, its journal, a simulated gateway that suffers a scenario, and clients, in virtual time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::BytesMut;
use ibnats::{
    config::Config,
    schema::connection::{FarmState, GapState, IbLink, LinkName},
    session::{Ask, Command, Event, Now, Outcome, Output, Session, Token},
    sim::{OfflineSim, Scenario, SimConfig},
};
use serde_json::json;

use crate::{
    disk::Disk,
    expect::{Expect, milliseconds},
};

/// 2026-11-18 15:00 UTC, a Wednesday with open markets.
const START_MS: i64 = 1_795_014_000_000;
const STEP_MS: i64 = 50;
const LINKS: [LinkName; 2] = [LinkName::Trading, LinkName::Data];

/// What came down the sockets: enough to tell two runs apart.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Frames {
    pub(crate) bytes: usize,
    sum: u64,
}

impl Frames {
    fn add(&mut self, link: usize, bytes: &[u8]) {
        self.bytes += bytes.len();
        for byte in bytes {
            self.sum = (self.sum ^ u64::from(*byte) ^ (link as u64)).wrapping_mul(0x0100_0000_01B3);
        }
    }
}

/// What became of one order.
#[derive(Debug, Default)]
pub(crate) struct Order {
    state: Option<String>,
    refused: Option<String>,
}

impl Order {
    pub(crate) fn outcome(&self) -> String {
        self.state.clone().or_else(|| self.refused.clone()).unwrap_or_else(|| "nothing".to_owned())
    }
}

#[derive(Default)]
struct Wire {
    connection: Option<u64>,
    generation: u64,
    read: BytesMut,
}

pub(crate) struct World {
    session: Session,
    pub(crate) sim: OfflineSim,
    disk: Disk,
    now: Now,
    wires: [Wire; 2],
    tokens: u64,
    callers: BTreeMap<Token, String>,
    was_ib_lost: bool,
    /// When it was told to be ready or not; milliseconds since the start, as all times here.
    pub(crate) readiness: Vec<(i64, bool)>,
    pub(crate) ib_losses: usize,
    pub(crate) farms_down: BTreeMap<String, usize>,
    pub(crate) flows: BTreeMap<String, Vec<i64>>,
    pub(crate) open_gaps: BTreeMap<String, i64>,
    pub(crate) orders: BTreeMap<String, Order>,
    /// Executions published, by their id without its revision.
    pub(crate) fills: BTreeSet<String>,
    pub(crate) history: BTreeMap<String, Option<String>>,
    pub(crate) notices: BTreeSet<i32>,
    pub(crate) bridge: BTreeSet<String>,
    pub(crate) frames: Frames,
    pub(crate) log: Vec<String>,
}

impl World {
    pub(crate) fn new(scenario: Scenario, expect: &Expect, seed: u64) -> Self {
        let now = Now { at: ibnats::gateway::clock::now().at, us: START_MS * 1_000 };
        let standing = expect.streams.iter().map(|stream| {
            let ask = json!({ "contract": "STK:AAPL", "streams": [stream], "ttl_s": 0 });
            serde_json::from_value(ask).expect("a subscription")
        });
        let mut config = Config::default();
        config.timing.settle_ms = 6_000;
        config.timing.reconcile_ms = 20_000;
        let mut session = Session::new(Arc::new(config), standing.collect(), 7, now);
        let mut disk = Disk::new(now.us);
        session.restore(now, disk.recall(1, now.us));
        let config = SimConfig { seed, scenario: Some(scenario), ..SimConfig::default() };
        Self {
            session,
            sim: OfflineSim::new(&config, START_MS),
            disk,
            now,
            wires: Default::default(),
            tokens: 0,
            callers: BTreeMap::new(),
            was_ib_lost: false,
            readiness: Vec::new(),
            ib_losses: 0,
            farms_down: BTreeMap::new(),
            flows: BTreeMap::new(),
            open_gaps: BTreeMap::new(),
            orders: BTreeMap::new(),
            fills: BTreeSet::new(),
            history: BTreeMap::new(),
            notices: BTreeSet::new(),
            bridge: BTreeSet::new(),
            frames: Frames::default(),
            log: Vec::new(),
        }
    }

    fn now_ms(&self) -> i64 {
        self.now.us / 1_000
    }

    /// Milliseconds since the start.
    fn since(&self) -> i64 {
        self.now_ms() - START_MS
    }

    fn note(&mut self, what: impl std::fmt::Display) {
        self.log.push(format!("{:>7} ms  {what}", self.since()));
    }

    pub(crate) fn run(&mut self, expect: &Expect) {
        let ms = |seconds: &f64| milliseconds(*seconds);
        let mut orders: Vec<i64> = expect.orders_at_s.iter().map(ms).collect();
        let mut history: Vec<i64> = expect.history_at_s.iter().map(ms).collect();
        orders.sort_unstable();
        history.sort_unstable();
        let (mut orders, mut history) = (orders.into_iter().peekable(), history.into_iter().peekable());
        self.sim.advance(self.now_ms());
        self.session.on_timer(self.now);
        self.settle();
        while self.since() < ms(&expect.run_s) {
            self.step();
            while orders.next_if(|at| *at <= self.since()).is_some() {
                self.place();
            }
            while history.next_if(|at| *at <= self.since()).is_some() {
                self.ask_for_bars();
            }
        }
    }

    fn step(&mut self) {
        let now_us = self.now.us;
        let wake_us = self.session.wake_at().map_or(i64::MAX, |at| {
            let wait = at.saturating_duration_since(self.now.at).as_micros();
            now_us.saturating_add(i64::try_from(wait).unwrap_or(i64::MAX))
        });
        let sim_us = self.sim.wake_at(self.now_ms()).map_or(i64::MAX, |at_ms| at_ms.saturating_mul(1_000));
        let next_us = (now_us + STEP_MS * 1_000).min(wake_us).min(sim_us).max(now_us + 1_000);
        self.now = self.now.plus(Duration::from_micros((next_us - now_us).unsigned_abs()));
        self.sim.advance(self.now_ms());
        if self.session.wake_at().is_some_and(|at| at <= self.now.at) {
            self.session.on_timer(self.now);
        }
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            let mut is_quiet = true;
            while let Some(output) = self.session.next_output() {
                is_quiet = false;
                self.perform(output);
            }
            for receipt in self.disk.flush(self.now.us) {
                is_quiet = false;
                self.session.on_journaled(self.now, receipt, &Ok(()));
            }
            for letter in self.disk.letters(64) {
                self.hear(letter.event.clone());
                self.disk.published(&letter, true);
            }
            for link in LINKS {
                is_quiet &= !self.receive(link);
            }
            if is_quiet {
                return;
            }
        }
    }

    /// Takes one piece off a socket. False if there was none.
    fn receive(&mut self, link: LinkName) -> bool {
        let wire = &mut self.wires[link as usize];
        let Some(connection) = wire.connection else { return false };
        match self.sim.take_piece(connection) {
            Some(piece) if piece.is_empty() => false,
            Some(piece) => {
                self.frames.add(link as usize, &piece);
                wire.read.extend_from_slice(&piece);
                self.session.on_bytes(self.now, link, &mut wire.read);
                true
            }
            None => {
                (wire.connection, wire.read) = (None, BytesMut::new());
                let generation = wire.generation;
                self.note(format!("{link:?}: the gateway has closed"));
                self.session.on_closed(self.now, link, generation, "the gateway ended the connection");
                true
            }
        }
    }

    fn perform(&mut self, output: Output) {
        let now_ms = self.now_ms();
        match output {
            Output::Dial { link, generation } => {
                let dialled = self.sim.try_dial(now_ms);
                self.note(format!("{link:?}: dials, {}", if dialled.is_some() { "connected" } else { "refused" }));
                self.wires[link as usize] = Wire { connection: dialled, generation, read: BytesMut::new() };
                match dialled {
                    Some(_) => self.session.on_opened(self.now, link, generation),
                    None => self.session.on_closed(self.now, link, generation, "refused"),
                }
            }
            Output::Send { link, frames } => {
                let bytes = frames.bytes().clone();
                if let Some(connection) = self.wires[link as usize].connection {
                    self.sim.receive(now_ms, connection, &bytes);
                }
            }
            Output::Close { link } => {
                self.note(format!("{link:?}: the bridge closes"));
                let wire = &mut self.wires[link as usize];
                wire.read = BytesMut::new();
                if let Some(connection) = wire.connection.take() {
                    self.sim.hang_up(connection);
                }
            }
            Output::Journal(entry) => self.disk.write(entry),
            Output::Event(event) => self.hear(event),
            Output::Reply { token, outcome } => self.answered(token, &outcome),
            Output::Cache(_)
            | Output::KeepRisk(_)
            | Output::Part { .. }
            | Output::Port(_)
            | Output::DataIdInUse(_)
            | Output::CommandGateway { .. } => {}
        }
    }

    fn hear(&mut self, event: Event) {
        let since = self.since();
        match event {
            Event::Connection(event) => {
                if self.readiness.last().map(|(_, is_ready)| *is_ready) != Some(event.ready) {
                    self.note(format!("ready: {}", event.ready));
                    self.readiness.push((since, event.ready));
                }
                let is_lost = event.ib_link == IbLink::Lost;
                self.ib_losses += usize::from(is_lost && !self.was_ib_lost);
                self.was_ib_lost = is_lost;
            }
            Event::Farm(event) if event.state == FarmState::Down => {
                *self.farms_down.entry(event.farm.clone()).or_default() += 1;
            }
            Event::Quote(_, quote) if !quote.stale => self.flowed("quote"),
            Event::TickByTick(_, kind, _) => {
                let name = serde_json::to_value(kind).expect("a word");
                self.flowed(&format!("tbt.{}", name.as_str().expect("text")));
            }
            Event::Bar(_, bar) => self.flowed(&format!("bar.{}", bar.size.name())),
            Event::Depth(..) => self.flowed("depth"),
            Event::Gap(_, gap) => {
                let change = if gap.state == GapState::Opened { 1 } else { -1 };
                self.note(format!("gap {} {:?}: {}", gap.stream, gap.state, gap.reason));
                *self.open_gaps.entry(gap.stream.clone()).or_default() += change;
            }
            Event::Order(event) => {
                let Some(order) = self.orders.get_mut(event.key.as_str()) else { return };
                let state = serde_json::to_value(&event.state).expect("a word");
                order.state = Some(state.as_str().map_or_else(|| state.to_string(), str::to_owned));
                self.note(format!("order {}: {state}", event.key));
            }
            Event::Fill(fill) => {
                let id = fill.exec_id.rsplit_once('.').map_or(fill.exec_id.as_str(), |(root, _)| root);
                if self.orders.contains_key(fill.key.as_str()) {
                    self.fills.insert(id.to_owned());
                }
            }
            Event::Notice(notice) => {
                self.note(format!("notice {:?} {} {}", notice.ib_code, notice.class, notice.message));
                self.notices.extend(notice.ib_code);
            }
            Event::Bridge(event) => {
                self.note(format!("bridge {} {}", event.event, event.message.clone().unwrap_or_default()));
                self.bridge.insert(event.event.clone());
            }
            _ => {}
        }
    }

    fn flowed(&mut self, stream: &str) {
        let since = self.since();
        let times = self.flows.entry(stream.to_owned()).or_default();
        if times.last() != Some(&since) {
            times.push(since);
        }
    }

    // Clients.

    fn ask(&mut self, name: &str, timeout_s: u64, ask: Ask) {
        self.tokens += 1;
        let token = Token(self.tokens);
        let deadline = self.now.at + Duration::from_secs(timeout_s);
        self.callers.insert(token, name.to_owned());
        self.session.on_command(self.now, Command { token, client: None, deadline, ask });
        self.settle();
    }

    fn place(&mut self) {
        let key = format!("k{}", self.orders.len() + 1);
        self.orders.insert(key.clone(), Order::default());
        self.note(format!("order {key} is asked for"));
        let order = json!({
            "key": key, "contract": "STK:AAPL", "side": "buy", "quantity": 1, "order_type": "market",
            "wait_for": "final"
        });
        let order = serde_json::from_value(order).expect("an order");
        self.ask(&key, 30, Ask::PlaceOrder(Box::new(order)));
    }

    fn ask_for_bars(&mut self) {
        let name = format!("h{}", self.history.len() + 1);
        self.history.insert(name.clone(), None);
        // Each asks for something else: identical questions would be one.
        let hours = format!("{}h", self.history.len() + 1);
        let ask = json!({ "contract": "STK:AAPL", "bar_size": "1m", "duration": hours });
        let ask = serde_json::from_value(ask).expect("a question");
        self.ask(&name, 60, Ask::Bars(Box::new(ask)));
    }

    fn answered(&mut self, token: Token, outcome: &Outcome) {
        let Some(name) = self.callers.remove(&token) else { return };
        let word = match outcome {
            Ok(_) => "ok".to_owned(),
            Err(error) => serde_json::to_value(error.code).expect("a word").as_str().expect("text").to_owned(),
        };
        self.note(format!("{name} is answered: {word} {}", outcome.as_ref().err().map_or("", |error| &error.message)));
        if let Some(order) = self.orders.get_mut(&name) {
            order.refused = outcome.is_err().then_some(word);
        } else if let Some(answer) = self.history.get_mut(&name) {
            *answer = Some(word);
        }
    }
}
