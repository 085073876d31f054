//! A session and a simulated gateway joined by wires with a delay, in time that jumps from one event to the next.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use ibnats::{
    config::Config,
    schema::connection::LinkName,
    session::{Ask, Command, Event, Now, Outcome, Output, Session, Token},
    sim::{OfflineSim, SimConfig},
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::slow_wire::{SlowWire, message_id};

const LINKS: [LinkName; 2] = [LinkName::Trading, LinkName::Data];
/// The simulated gateway moves its prices this often.
pub(crate) const SLOT_MS: u32 = 10_000;
/// Answers may come so late after the deadline.
const GRACE_MS: i64 = 1_000;

pub(crate) struct Day {
    pub(crate) session: Session,
    pub(crate) sim: OfflineSim,
    pub(crate) random: ChaCha8Rng,
    wires: [SlowWire; 2],
    began: Instant,
    start_ms: i64,
    pub(crate) now_ms: i64,
    tokens: u64,
    /// Until when each caller must have been answered.
    due: BTreeMap<u64, i64>,
    pub(crate) outcomes: Vec<(u64, Outcome)>,
    pub(crate) events: Vec<Event>,
    /// When requests of historical bars left the bridge.
    pub(crate) history_sent: u64,
    /// What is wrong; the day goes on.
    pub(crate) wrong: Vec<String>,
}

impl Day {
    #[expect(clippy::disallowed_methods, reason = "any instant will do as a start; time then moves by hand")]
    pub(crate) fn new(seed: u64, start_ms: i64, config: Config) -> Self {
        let began = Instant::now();
        let now = Now { at: began, us: start_ms * 1_000 };
        let sim = SimConfig { seed, slot_ms: SLOT_MS, ..SimConfig::default() };
        let mut day = Self {
            session: Session::new(Arc::new(config), Vec::new(), seed, now),
            sim: OfflineSim::new(&sim, start_ms),
            random: ChaCha8Rng::seed_from_u64(seed),
            wires: [SlowWire::default(), SlowWire::default()],
            began,
            start_ms,
            now_ms: start_ms,
            tokens: 0,
            due: BTreeMap::new(),
            outcomes: Vec::new(),
            events: Vec::new(),
            history_sent: 0,
            wrong: Vec::new(),
        };
        day.session.on_timer(now);
        day.drain();
        day
    }

    fn now(&self) -> Now {
        let since = u64::try_from(self.now_ms - self.start_ms).expect("time goes on");
        Now { at: self.began + Duration::from_millis(since), us: self.now_ms * 1_000 }
    }

    pub(crate) fn ask(&mut self, client: &str, timeout_ms: i64, ask: Ask) -> u64 {
        self.tokens += 1;
        let now = self.now();
        let deadline = now.at + Duration::from_millis(timeout_ms.unsigned_abs());
        self.due.insert(self.tokens, self.now_ms + timeout_ms + GRACE_MS);
        let client = Some(client.into());
        self.session.on_command(now, Command { token: Token(self.tokens), client, deadline, ask });
        self.drain();
        self.tokens
    }

    /// Callers who have not been answered.
    pub(crate) fn waiting(&self) -> usize {
        self.due.len()
    }

    /// Goes on to the next thing that happens, no further than this. True if time has moved.
    pub(crate) fn step(&mut self, until_ms: i64) -> bool {
        if self.now_ms >= until_ms {
            return false;
        }
        let wake_ms = self.session.wake_at().map_or(i64::MAX, |at| {
            let wait = at.saturating_duration_since(self.began).as_micros().div_ceil(1_000);
            self.start_ms.saturating_add(i64::try_from(wait).unwrap_or(i64::MAX))
        });
        let slot_ms = i64::from(SLOT_MS);
        let next_slot = self.now_ms.div_euclid(slot_ms) * slot_ms + slot_ms;
        let arrival = self.wires.iter().filter_map(SlowWire::next_arrival).min().unwrap_or(i64::MAX);
        self.now_ms = wake_ms.min(next_slot).min(arrival).min(until_ms).max(self.now_ms + 1);
        self.sim.advance(self.now_ms);
        self.deliver();
        let now = self.now();
        if self.session.wake_at().is_some_and(|at| at <= now.at) {
            self.session.on_timer(now);
            self.drain();
        }
        let late: Vec<u64> = self.due.iter().filter(|(_, due)| **due < self.now_ms).map(|(token, _)| *token).collect();
        for token in late {
            self.due.remove(&token);
            self.wrong.push(format!("{} ms: request {token} was forgotten", self.now_ms - self.start_ms));
        }
        true
    }

    fn deliver(&mut self) {
        for link in LINKS {
            let now = self.now();
            if !self.wires[link as usize].deliver(&mut self.session, &mut self.sim, now, link) {
                self.end(link, "the gateway ended the connection");
            }
            self.drain();
        }
    }

    /// The connection is over; what is under way is lost.
    pub(crate) fn end(&mut self, link: LinkName, why: &str) {
        let now = self.now();
        let wire = &mut self.wires[link as usize];
        let generation = wire.generation;
        if !wire.hang_up(&mut self.sim) {
            return;
        }
        self.session.on_closed(now, link, generation, why);
        self.drain();
    }

    fn drain(&mut self) {
        let now = self.now();
        while let Some(output) = self.session.next_output() {
            match output {
                Output::Dial { link, generation } => match self.sim.try_dial(self.now_ms) {
                    Some(connection) => {
                        self.wires[link as usize] = SlowWire::dialled(connection, generation);
                        self.session.on_opened(now, link, generation);
                    }
                    None => self.session.on_closed(now, link, generation, "refused"),
                },
                Output::Send { link, frames } => {
                    let bytes = frames.bytes().clone();
                    // Message id 20, above it 200 for protobuf: historical bars.
                    self.history_sent += u64::from(link == LinkName::Data && message_id(&bytes) == Some(220));
                    self.wires[link as usize].send(self.now_ms, bytes);
                }
                Output::Close { link } => drop(self.wires[link as usize].hang_up(&mut self.sim)),
                Output::Part { token, .. } => self.session.on_part_taken(now, token),
                Output::Reply { token, outcome } => {
                    self.due.remove(&token.0);
                    self.outcomes.push((token.0, outcome));
                }
                Output::Journal(entry) => {
                    if let Some(receipt) = entry.receipt {
                        self.session.on_journaled(now, receipt, &Ok(()));
                    }
                    self.events.extend(entry.event());
                }
                Output::Event(event) => self.events.push(event),
                Output::Cache(_)
                | Output::KeepRisk(_)
                | Output::Port(_)
                | Output::DataIdInUse(_)
                | Output::CommandGateway { .. } => {}
            }
        }
    }
}
