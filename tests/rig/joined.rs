//! Bridge and simulated gateway joined by slow wires without sockets, in virtual time.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ibnats::{
    config::Config,
    schema::connection::LinkName,
    session::{Ask, CacheItem, Command, Now, Outcome, Output, Part, Session, Token},
    sim::{OfflineSim, SimConfig},
};

use crate::slow_wire::SlowWire;

/// What a test wants to know of what leaves the bridge.
pub(crate) trait Notes: Default {
    fn on_dial(&mut self, _now_ms: i64, _link: LinkName) {}
    fn on_send(&mut self, now_ms: i64, link: LinkName, frames: u32, bytes: &Bytes);
    fn on_part(&mut self, _part: Part) {}
    fn on_cache(&mut self, _item: CacheItem) {}
}

pub(crate) struct Joined<N> {
    config: Arc<Config>,
    pub(crate) session: Session,
    pub(crate) sim: OfflineSim,
    pub(crate) wires: [SlowWire; 2],
    began: Instant,
    began_ms: i64,
    pub(crate) now_ms: i64,
    step_ms: i64,
    tokens: u64,
    pub(crate) outcomes: BTreeMap<u64, Outcome>,
    pub(crate) notes: N,
}

impl<N: Notes> Joined<N> {
    /// Logged in, two seconds after `start_ms`.
    #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
    pub(crate) fn start(config: Config, sim: &SimConfig, start_ms: i64, step_ms: i64) -> Self {
        let (began, config) = (Instant::now(), Arc::new(config));
        let now = Now { at: began, us: start_ms * 1_000 };
        let mut joined = Self {
            session: Session::new(Arc::clone(&config), Vec::new(), 7, now),
            config,
            sim: OfflineSim::new(sim, start_ms),
            wires: Default::default(),
            began,
            began_ms: start_ms,
            now_ms: start_ms,
            step_ms,
            tokens: 0,
            outcomes: BTreeMap::new(),
            notes: N::default(),
        };
        joined.drain();
        joined.run_ms(2_000);
        joined
    }

    /// The bridge dies without a word, and another one starts that remembers `kept`.
    pub(crate) fn restart_with<'a>(&mut self, kept: impl Iterator<Item = &'a CacheItem>) {
        for wire in &mut self.wires {
            wire.hang_up(&mut self.sim);
        }
        let now = self.now();
        self.session = Session::new(Arc::clone(&self.config), Vec::new(), 8, now);
        kept.for_each(|item| self.session.recall(now, item));
        self.outcomes.clear();
        self.drain();
        self.run_ms(2_000);
    }

    pub(crate) fn now(&self) -> Now {
        let since = u64::try_from(self.now_ms - self.began_ms).expect("time goes on");
        Now { at: self.began + Duration::from_millis(since), us: self.now_ms * 1_000 }
    }

    /// A client asks; its outcome will be found under the number returned.
    pub(crate) fn ask_as(&mut self, client: Option<&str>, within: Duration, ask: Ask) -> u64 {
        self.tokens += 1;
        let now = self.now();
        let (token, client) = (Token(self.tokens), client.map(Into::into));
        self.session.on_command(now, Command { token, client, deadline: now.at + within, ask });
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
        self.now_ms += self.step_ms;
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

    /// Does what the session wants done.
    pub(crate) fn drain(&mut self) {
        let now = self.now();
        while let Some(output) = self.session.next_output() {
            match output {
                Output::Dial { link, generation } => {
                    self.notes.on_dial(self.now_ms, link);
                    self.wires[link as usize] = SlowWire::dialled(self.sim.dial(), generation);
                    self.session.on_opened(now, link, generation);
                }
                Output::Send { link, frames } => {
                    let bytes = frames.bytes().clone();
                    self.notes.on_send(self.now_ms, link, frames.count(), &bytes);
                    self.wires[link as usize].send(self.now_ms, bytes);
                }
                Output::Close { link } => drop(self.wires[link as usize].hang_up(&mut self.sim)),
                Output::Part { token, part } => {
                    self.notes.on_part(part);
                    self.session.on_part_taken(now, token);
                }
                Output::Reply { token, outcome } => drop(self.outcomes.insert(token.0, outcome)),
                Output::Journal(entry) => {
                    if let Some(receipt) = entry.receipt {
                        self.session.on_journaled(now, receipt, &Ok(()));
                    }
                }
                Output::Cache(item) => self.notes.on_cache(item),
                Output::Event(_)
                | Output::KeepRisk(_)
                | Output::Port(_)
                | Output::DataIdInUse(_)
                | Output::CommandGateway { .. } => {}
            }
        }
    }
}
