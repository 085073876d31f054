//! Bridge and simulated gateway joined without sockets, in virtual time, with clients that do what they are told.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use ibnats::{
    config::Config,
    schema::{
        connection::LinkName,
        request::pace::{PaceStats, PaceStatus},
    },
    session::{Answer, Ask, Command, Now, Outcome, Output, Session, Token},
    sim::{OfflineSim, SimConfig},
};

use crate::slow_wire::{SlowWire, message_id};

/// 2026-11-20 15:00:00 UTC, a Friday.
pub(crate) const START_MS: i64 = 1_795_186_800_000;
pub(crate) const STEP_MS: i64 = 20;

/// What left the bridge for the gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) at_ms: i64,
    /// Of the message, above 200 for protobuf.
    pub(crate) message: i32,
}

pub(crate) struct World {
    pub(crate) session: Session,
    pub(crate) sim: OfflineSim,
    wires: [SlowWire; 2],
    began: Instant,
    pub(crate) now_ms: i64,
    tokens: u64,
    pub(crate) outcomes: BTreeMap<u64, Outcome>,
    /// Messages of both links, without the greeting.
    pub(crate) frames: u64,
    /// What left on the trading link.
    pub(crate) trading: Vec<Sent>,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
    pub(crate) fn new(config: Config) -> Self {
        let began = Instant::now();
        let now = Now { at: began, us: START_MS * 1_000 };
        let session = Session::new(Arc::new(config), Vec::new(), 7, now);
        let sim = OfflineSim::new(&SimConfig { slot_ms: 1_000, ..SimConfig::default() }, START_MS);
        let wires = [SlowWire::default(), SlowWire::default()];
        let (outcomes, trading) = (BTreeMap::new(), Vec::new());
        let mut world = Self { session, sim, wires, began, now_ms: START_MS, tokens: 0, outcomes, frames: 0, trading };
        world.drain();
        world.run_ms(2_000);
        world
    }

    pub(crate) fn now(&self) -> Now {
        let since = u64::try_from(self.now_ms - START_MS).expect("time goes on");
        Now { at: self.began + Duration::from_millis(since), us: self.now_ms * 1_000 }
    }

    /// A client asks; its outcome will be found under the number returned.
    pub(crate) fn ask(&mut self, client: &str, timeout_ms: u64, ask: Ask) -> u64 {
        self.tokens += 1;
        let now = self.now();
        let deadline = now.at + Duration::from_millis(timeout_ms);
        let command = Command { token: Token(self.tokens), client: Some(client.into()), deadline, ask };
        self.session.on_command(now, command);
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

    fn drain(&mut self) {
        let now = self.now();
        while let Some(output) = self.session.next_output() {
            match output {
                Output::Dial { link, generation } => {
                    self.wires[link as usize] = SlowWire::dialled(self.sim.dial(), generation);
                    self.session.on_opened(now, link, generation);
                }
                Output::Send { link, frames } => {
                    self.frames += u64::from(frames.count());
                    let bytes = frames.bytes().clone();
                    if let (LinkName::Trading, Some(message)) = (link, message_id(&bytes)) {
                        self.trading.push(Sent { at_ms: self.now_ms, message });
                    }
                    self.wires[link as usize].send(self.now_ms, bytes);
                }
                Output::Close { link } => drop(self.wires[link as usize].hang_up(&mut self.sim)),
                Output::Part { token, .. } => self.session.on_part_taken(now, token),
                Output::Reply { token, outcome } => drop(self.outcomes.insert(token.0, outcome)),
                Output::Journal(entry) => {
                    if let Some(receipt) = entry.receipt {
                        self.session.on_journaled(now, receipt, &Ok(()));
                    }
                }
                Output::Event(_)
                | Output::Cache(_)
                | Output::KeepRisk(_)
                | Output::Port(_)
                | Output::DataIdInUse(_)
                | Output::CommandGateway { .. } => {}
            }
        }
    }

    fn answer(&mut self, ask: Ask) -> Answer {
        let token = self.ask("watch", 10_000, ask);
        self.outcomes.remove(&token).expect("answered at once").expect("answered")
    }

    pub(crate) fn pace(&mut self) -> PaceStatus {
        match self.answer(Ask::PaceStatus) {
            Answer::PaceStatus(status) => *status,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn stats(&mut self) -> PaceStats {
        match self.answer(Ask::PaceStats) {
            Answer::PaceStats(stats) => stats,
            other => panic!("{other:?}"),
        }
    }
}
