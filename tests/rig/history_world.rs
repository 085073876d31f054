//! Bridge and simulated gateway joined without sockets, in virtual time, for requests of history; with a disk that a
//! next run of the bridge finds.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ibnats::{
    config::Config,
    schema::{bar::Bar, connection::LinkName, request::history::PastTick},
    session::{Ask, CacheItem, Command, Now, Outcome, Output, Part, Rows, Session, Token},
    sim::{OfflineSim, SimConfig},
};

use super::slow_wire::{SlowWire, message_id};

/// 2026-11-20 00:00:00 UTC, a Friday.
pub(crate) const START_MS: i64 = 1_795_132_800_000;
const STEP_MS: i64 = 5;

pub(crate) struct World {
    session: Session,
    pub(crate) sim: OfflineSim,
    wires: [SlowWire; 2],
    began: Instant,
    pub(crate) now_ms: i64,
    tokens: u64,
    parts: Vec<Part>,
    pub(crate) outcomes: BTreeMap<u64, Outcome>,
    /// History requests that left the bridge on this connection, with the time they left.
    pub(crate) asked: Vec<(i64, i32)>,
    /// When the requests that a cut left unanswered had been sent.
    pub(crate) cut_off: Vec<i64>,
    /// When the data connection was cut and when it was dialled again.
    pub(crate) outages: Vec<(i64, i64)>,
    /// What the bridge keeps on its disk.
    kept: BTreeMap<(&'static str, String), CacheItem>,
}

impl World {
    pub(crate) fn new(slot_ms: u32) -> Self {
        Self::with(&SimConfig { slot_ms, ..SimConfig::default() })
    }

    /// The bridge as it is shipped.
    #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
    pub(crate) fn with(sim: &SimConfig) -> Self {
        let began = Instant::now();
        let now = Now { at: began, us: START_MS * 1_000 };
        let session = Session::new(Arc::new(Config::default()), Vec::new(), 7, now);
        let sim = OfflineSim::new(sim, START_MS);
        let mut world = Self {
            session,
            sim,
            wires: [SlowWire::default(), SlowWire::default()],
            began,
            now_ms: START_MS,
            tokens: 0,
            parts: Vec::new(),
            outcomes: BTreeMap::new(),
            asked: Vec::new(),
            cut_off: Vec::new(),
            outages: Vec::new(),
            kept: BTreeMap::new(),
        };
        world.drain();
        world.run_ms(2_000);
        world
    }

    /// The bridge dies without a word and is started again, with what is on its disk.
    pub(crate) fn restart(&mut self) {
        for wire in &mut self.wires {
            wire.hang_up(&mut self.sim);
        }
        let now = self.now();
        self.session = Session::new(Arc::new(Config::default()), Vec::new(), 8, now);
        for item in self.kept.values() {
            self.session.recall(now, item);
        }
        self.outcomes.clear();
        self.parts.clear();
        self.drain();
        self.run_ms(2_000);
    }

    pub(crate) fn now(&self) -> Now {
        let since = u64::try_from(self.now_ms - START_MS).expect("time goes on");
        Now { at: self.began + Duration::from_millis(since), us: self.now_ms * 1_000 }
    }

    pub(crate) fn ask(&mut self, timeout_s: u64, ask: Ask) -> u64 {
        self.tokens += 1;
        let now = self.now();
        let deadline = now.at + Duration::from_secs(timeout_s);
        self.session.on_command(now, Command { token: Token(self.tokens), client: None, deadline, ask });
        self.drain();
        self.tokens
    }

    pub(crate) fn run_ms(&mut self, ms: i64) {
        let until = self.now_ms + ms;
        while self.now_ms < until {
            self.step();
        }
    }

    pub(crate) fn step(&mut self) {
        self.now_ms += STEP_MS;
        let now = self.now();
        self.sim.advance(self.now_ms);
        for link in [LinkName::Trading, LinkName::Data] {
            self.wires[link as usize].deliver(&mut self.session, &mut self.sim, now, link);
        }
        self.drain();
        if self.session.wake_at().is_some_and(|at| at <= now.at) {
            self.session.on_timer(now);
            self.drain();
        }
    }

    pub(crate) fn drain(&mut self) {
        let now = self.now();
        while let Some(output) = self.session.next_output() {
            match output {
                Output::Dial { link, generation } => {
                    if let Some((_, dialled)) = self.outages.last_mut().filter(|_| link == LinkName::Data) {
                        *dialled = self.now_ms;
                    }
                    self.wires[link as usize] = SlowWire::dialled(self.sim.dial(), generation);
                    self.session.on_opened(now, link, generation);
                }
                Output::Send { link, frames } => {
                    let bytes = frames.bytes().clone();
                    self.note_sent(link, &bytes);
                    self.wires[link as usize].send(self.now_ms, bytes);
                }
                Output::Close { link } => drop(self.wires[link as usize].hang_up(&mut self.sim)),
                Output::Part { token, part } => {
                    self.parts.push(part);
                    self.session.on_part_taken(now, token);
                }
                Output::Reply { token, outcome } => drop(self.outcomes.insert(token.0, outcome)),
                Output::Journal(entry) => {
                    if let Some(receipt) = entry.receipt {
                        self.session.on_journaled(now, receipt, &Ok(()));
                    }
                }
                Output::Cache(item) => {
                    let key = (item.kind.name(), item.key.clone());
                    if item.body.is_some() {
                        self.kept.insert(key, item);
                    } else {
                        self.kept.remove(&key);
                    }
                }
                Output::Event(_)
                | Output::KeepRisk(_)
                | Output::Port(_)
                | Output::DataIdInUse(_)
                | Output::CommandGateway { .. } => {}
            }
        }
    }

    /// Reads the wire for requests of bars: message id 20, above it 200 for protobuf.
    pub(crate) fn note_sent(&mut self, link: LinkName, bytes: &Bytes) {
        if link == LinkName::Data && message_id(bytes) == Some(220) {
            self.asked.push((self.now_ms, 220));
        }
    }

    /// Ends the data connection as a network does, as soon as an answer is under way.
    pub(crate) fn cut_while_asked(&mut self) {
        let before = self.asked.len();
        for _ in 0..10_000 {
            if self.asked.len() > before {
                break;
            }
            self.step();
        }
        assert!(self.asked.len() > before, "nothing was asked");
        // Sent in this very step: none of them can be answered yet.
        let (at, _) = self.asked[self.asked.len() - 1];
        self.cut_off.extend(self.asked.iter().filter(|(sent, _)| *sent == at).map(|(sent, _)| *sent));
        let wire = &mut self.wires[LinkName::Data as usize];
        let generation = wire.generation;
        // They reach the gateway, which counts them.
        wire.flush_up(&mut self.sim, self.now_ms);
        wire.hang_up(&mut self.sim);
        let now = self.now();
        self.outages.push((self.now_ms, self.now_ms));
        self.session.on_closed(now, LinkName::Data, generation, "cut by the test");
        self.drain();
    }

    /// Runs until the caller has its outcome; gives the time it took from `since_ms`.
    pub(crate) fn finish(&mut self, token: u64, since_ms: i64) -> (Outcome, i64) {
        for _ in 0..2_000_000 {
            if let Some(outcome) = self.outcomes.remove(&token) {
                return (outcome, self.now_ms - since_ms);
            }
            self.step();
        }
        panic!("no outcome");
    }

    pub(crate) fn bars(&mut self) -> Vec<Bar> {
        let parts = std::mem::take(&mut self.parts);
        parts.into_iter().flat_map(|part| if let Rows::Bars(rows) = part.rows { rows } else { Vec::new() }).collect()
    }

    pub(crate) fn ticks(&mut self) -> Vec<PastTick> {
        let parts = std::mem::take(&mut self.parts);
        parts.into_iter().flat_map(|part| if let Rows::Ticks(rows) = part.rows { rows } else { Vec::new() }).collect()
    }

    #[track_caller]
    pub(crate) fn nothing_was_broken(&self) {
        assert_eq!(self.sim.violations(), [], "{:?}", self.sim.recent_violations());
    }
}
