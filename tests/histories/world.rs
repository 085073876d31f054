//! Gateway, network, bridge, disk and JetStream in one thread, with one clock that a seed moves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use compact_str::CompactString;
use ibnats::{
    config::Config,
    schema::{
        connection::LinkName,
        request::order::{ModifyOrder, PlaceOrder},
    },
    session::{Ask, CacheItem, Command, Event, Now, Outcome, Output, Session, Token, Troubles},
    sim::{
        OfflineSim, SimConfig,
        faults::{
            action::Action,
            rule::{Rule, When},
        },
    },
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{disk::Disk, stream::Stream, wire::Wire};

/// 2026-11-18 15:00 UTC, a Wednesday: no day ends within a history.
pub(crate) const START_MS: i64 = 1_795_014_000_000;
pub(crate) const AAPL: i32 = 265_598;
const LINKS: [LinkName; 2] = [LinkName::Trading, LinkName::Data];

/// How JetStream takes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nats {
    /// As it should.
    Up,
    /// Nobody answers.
    Down,
    /// The stream is full: each publish is refused, and the session is told.
    Full,
    /// One event at a time is stored, and every other acknowledgement comes too late to be heard.
    Slow,
}

/// The process of the bridge.
pub(crate) struct Bridge {
    pub(crate) session: Session,
    pub(crate) wires: [Wire; 2],
}

pub(crate) struct World {
    pub(crate) random: ChaCha8Rng,
    pub(crate) sim: OfflineSim,
    pub(crate) disk: Disk,
    pub(crate) stream: Stream,
    pub(crate) bridge: Option<Bridge>,
    pub(crate) now_ms: i64,
    began: Instant,
    config: Arc<Config>,
    tokens: u64,
    /// Who asks; nobody in particular at first.
    pub(crate) client: Option<CompactString>,
    /// Whom each caller of the running bridge asked about.
    pub(crate) callers: BTreeMap<Token, String>,
    /// Beside the key what was asked, where that matters: `place k1`, `other k1`.
    pub(crate) replies: Vec<(String, Outcome)>,
    /// First request of each key.
    pub(crate) asked: BTreeMap<String, PlaceOrder>,
    /// Every key that was asked for, those of brackets and groups too.
    pub(crate) ours: BTreeSet<String>,
    /// Brackets and groups asked for.
    pub(crate) families: Vec<Ask>,
    /// Changes asked for; each has an id and a price of its own.
    pub(crate) changes: Vec<ModifyOrder>,
    /// Limit prices in cents used for each key.
    pub(crate) prices: BTreeMap<String, BTreeSet<i32>>,
    /// Keys of orders that lost fills.
    pub(crate) busted: BTreeSet<String>,
    pub(crate) nats: Nats,
    pub(crate) is_gateway_up: bool,
    /// Events that are not stored, since they were last looked at.
    pub(crate) heard: Vec<Event>,
    /// What the bridge keeps beside the journal: leases and contracts.
    cached: BTreeMap<(&'static str, String), CacheItem>,
    /// Until when each caller of the running bridge is to be answered.
    pub(crate) due: BTreeMap<Token, i64>,
    /// What the bridge said of itself.
    pub(crate) announced: Vec<String>,
    /// What happened, for whoever must find out.
    pub(crate) log: Vec<String>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(&SimConfig { seed, ..SimConfig::default() })
    }

    /// As [`Self::new`], at a gateway with these settings.
    pub(crate) fn with(sim: &SimConfig) -> Self {
        Self::configured(sim, |_| {})
    }

    /// As [`Self::with`], and with what `change` does to the bridge's configuration.
    #[expect(clippy::disallowed_methods, reason = "any instant will do as a start; time then moves by hand")]
    pub(crate) fn configured(sim: &SimConfig, change: impl FnOnce(&mut Config)) -> Self {
        let seed = sim.seed;
        let mut config = Config::default();
        config.timing.reconcile_ms = 20_000;
        config.timing.settle_ms = 6_000;
        config.timing.reconnect_max_ms = 2_000;
        change(&mut config);
        let sim = OfflineSim::new(sim, START_MS);
        let mut world = Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            sim,
            disk: Disk::new(START_MS * 1_000),
            stream: Stream::default(),
            bridge: None,
            now_ms: START_MS,
            began: Instant::now(),
            config: Arc::new(config),
            tokens: 0,
            client: None,
            callers: BTreeMap::new(),
            replies: Vec::new(),
            asked: BTreeMap::new(),
            ours: BTreeSet::new(),
            families: Vec::new(),
            changes: Vec::new(),
            prices: BTreeMap::new(),
            busted: BTreeSet::new(),
            nats: Nats::Up,
            is_gateway_up: true,
            heard: Vec::new(),
            cached: BTreeMap::new(),
            due: BTreeMap::new(),
            announced: Vec::new(),
            log: Vec::new(),
        };
        world.start_bridge();
        world
    }

    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        let line = format!("{:>7} ms  {}", self.now_ms - START_MS, what());
        self.log.push(line);
    }

    pub(crate) fn now(&self) -> Now {
        let passed = u64::try_from(self.now_ms - START_MS).expect("time does not go back");
        Now { at: self.began + Duration::from_millis(passed), us: self.now_ms * 1_000 }
    }

    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    // The bridge's process.

    pub(crate) fn start_bridge(&mut self) {
        // No two runs begin in the same millisecond: their names tell them apart.
        self.now_ms += 1;
        self.sim.advance(self.now_ms);
        let now = self.now();
        let memory = self.disk.recall(self.config.gateway.trading_client_id, now.us);
        let mut session = Session::new(Arc::clone(&self.config), Vec::new(), self.random.random(), now);
        session.restore(now, memory);
        for item in self.cached.values().filter(|item| item.body.is_some()) {
            session.recall(now, item);
        }
        self.bridge = Some(Bridge { session, wires: [Wire::default(), Wire::default()] });
        self.tell_troubles();
        self.drain();
    }

    /// JetStream takes events in another way from now on.
    pub(crate) fn set_nats(&mut self, nats: Nats) {
        self.nats = nats;
        self.tell_troubles();
    }

    fn tell_troubles(&mut self) {
        let stream = (self.nats == Nats::Full).then(|| "the stream is full".to_owned());
        if let Some(bridge) = &mut self.bridge {
            bridge.session.on_troubles(Troubles { journal: None, stream, risk: None });
        }
    }

    /// Something breaks at the gateway, or between it and IB, from now on.
    pub(crate) fn suffer(&mut self, action: Action) {
        let now = When::Start { at_ms: 0, every_ms: None };
        let number = self.sim.add_rule(self.now_ms, Rule::new("now", now, action));
        assert!(number.is_some(), "too many faults");
    }

    /// `kill -9`: what was not on the disk is gone, and some of what was handed to the sockets may arrive.
    pub(crate) fn kill_bridge(&mut self) {
        let Some(bridge) = self.bridge.take() else { return };
        for mut wire in bridge.wires {
            let arrives = self.random.random_range(0..=wire.up.len());
            wire.deliver_up(&mut self.sim, self.now_ms, arrives);
            if let Some(connection) = wire.connection {
                self.sim.hang_up(connection);
            }
        }
        self.callers.clear();
        self.due.clear();
    }

    /// Cuts a link: so many of the bytes under way still arrive in each direction.
    pub(crate) fn cut(&mut self, link: LinkName, up: usize, down: usize) {
        let (now, now_ms) = (self.now(), self.now_ms);
        let Some(bridge) = &mut self.bridge else { return };
        let wire = &mut bridge.wires[link as usize];
        if wire.connection.is_none() {
            return;
        }
        wire.deliver_up(&mut self.sim, now_ms, up);
        wire.deliver_down(&mut bridge.session, now, link, down);
        if let Some(connection) = wire.connection.take() {
            self.sim.hang_up(connection);
        }
        wire.drop_bytes();
        bridge.session.on_closed(now, link, wire.generation, "cut");
        self.drain();
    }

    pub(crate) fn restart_gateway(&mut self) {
        self.sim.restart(self.now_ms);
        self.move_bytes(|_, _| usize::MAX);
    }

    // Time.

    /// Lets time pass in steps; `share` says how many of the bytes under way arrive in each.
    pub(crate) fn pass(&mut self, ms: i64, step_ms: i64, mut share: impl FnMut(&mut ChaCha8Rng, usize) -> usize) {
        let until = self.now_ms + ms;
        while self.now_ms < until {
            self.now_ms = (self.now_ms + step_ms).min(until);
            self.sim.advance(self.now_ms);
            let now = self.now();
            if let Some(bridge) = &mut self.bridge
                && bridge.session.wake_at().is_some_and(|at| at <= now.at)
            {
                bridge.session.on_timer(now);
            }
            self.drain();
            self.move_bytes(&mut share);
        }
    }

    /// Lets time pass; on the trading link no more bytes arrive in one direction than `last` in all.
    pub(crate) fn pass_exactly(&mut self, ms: i64, to_gateway: bool, last: Option<u64>) {
        let Some(last) = last else { return self.flow(ms) };
        self.now_ms += ms;
        self.sim.advance(self.now_ms);
        let now = self.now();
        if let Some(bridge) = &mut self.bridge
            && bridge.session.wake_at().is_some_and(|at| at <= now.at)
        {
            bridge.session.on_timer(now);
        }
        self.drain();
        for _ in 0..20 {
            let (now, now_ms) = (self.now(), self.now_ms);
            let Some(bridge) = &mut self.bridge else { return };
            for link in LINKS {
                let wire = &mut bridge.wires[link as usize];
                let room = |delivered: u64, is_limited: bool| {
                    let left = if is_limited && link == LinkName::Trading { last - delivered } else { u64::MAX };
                    usize::try_from(left).unwrap_or(usize::MAX)
                };
                wire.deliver_up(&mut self.sim, now_ms, room(wire.delivered_up, to_gateway));
                let down = room(wire.delivered_down, !to_gateway);
                wire.deliver_down(&mut bridge.session, now, link, down);
            }
            self.drain();
        }
    }

    /// `kill -9` at a moment when nothing under way arrives any more.
    pub(crate) fn kill_bridge_exactly(&mut self) {
        if let Some(bridge) = &mut self.bridge {
            bridge.wires.iter_mut().for_each(Wire::drop_bytes);
        }
        self.kill_bridge();
    }

    /// Everything under way arrives, until nothing is.
    pub(crate) fn flow(&mut self, ms: i64) {
        self.pass(ms, 100, |_, len| len);
    }

    pub(crate) fn move_bytes(&mut self, mut share: impl FnMut(&mut ChaCha8Rng, usize) -> usize) {
        for _ in 0..20 {
            let mut has_moved = false;
            for link in LINKS {
                let (now, now_ms) = (self.now(), self.now_ms);
                let Some(bridge) = &mut self.bridge else { return };
                let wire = &mut bridge.wires[link as usize];
                if wire.connection.is_none() {
                    continue;
                }
                let up = share(&mut self.random, wire.up.len());
                has_moved |= up > 0 && !wire.up.is_empty();
                let is_open = wire.deliver_up(&mut self.sim, now_ms, up);
                let down = share(&mut self.random, wire.down.len());
                has_moved |= down > 0 && !wire.down.is_empty();
                let is_told = is_open || !wire.down.is_empty();
                wire.deliver_down(&mut bridge.session, now, link, if is_open { down } else { usize::MAX });
                if !is_open {
                    wire.connection = None;
                    wire.drop_bytes();
                    has_moved |= is_told;
                    bridge.session.on_closed(now, link, wire.generation, "the gateway ended the connection");
                }
                self.drain();
            }
            if !has_moved {
                return;
            }
        }
    }

    /// Does what the session wants done.
    pub(crate) fn drain(&mut self) {
        loop {
            let (now, now_ms) = (self.now(), self.now_ms);
            let Some(bridge) = &mut self.bridge else { return };
            while let Some(output) = bridge.session.next_output() {
                match output {
                    Output::Dial { link, generation } => {
                        let wire = &mut bridge.wires[link as usize];
                        wire.generation = generation;
                        if self.is_gateway_up
                            && let Some(connection) = self.sim.try_dial(now_ms)
                        {
                            wire.dialled(connection);
                            bridge.session.on_opened(now, link, generation);
                        } else {
                            bridge.session.on_closed(now, link, generation, "refused");
                        }
                    }
                    Output::Send { link, frames } => bridge.wires[link as usize].up.extend_from_slice(frames.bytes()),
                    Output::Close { link } => {
                        let wire = &mut bridge.wires[link as usize];
                        let arrives = self.random.random_range(0..=wire.up.len());
                        wire.deliver_up(&mut self.sim, now_ms, arrives);
                        if let Some(connection) = wire.connection.take() {
                            self.sim.hang_up(connection);
                        }
                        wire.drop_bytes();
                    }
                    Output::Journal(entry) => self.disk.write(entry),
                    Output::Event(Event::Bridge(event)) => {
                        self.announced.push(format!("{} {}", event.event, event.message.unwrap_or_default()));
                    }
                    Output::Event(event) => self.heard.push(event),
                    Output::Cache(item) => drop(self.cached.insert((item.kind.name(), item.key.clone()), item)),
                    Output::Part { token, .. } => bridge.session.on_part_taken(now, token),
                    // This gateway never moves.
                    Output::KeepRisk(_) | Output::Port(_) | Output::DataIdInUse(_) | Output::CommandGateway { .. } => {}
                    Output::Reply { token, outcome } => {
                        self.due.remove(&token);
                        if let Some(key) = self.callers.remove(&token) {
                            self.replies.push((key, outcome));
                        }
                    }
                }
            }
            // Sometimes the disk is slow; what waits is written together.
            if self.random.random_range(0..100) < 10 {
                return;
            }
            let receipts = self.disk.flush(now.us);
            let known = self.disk.known();
            let Some(bridge) = &mut self.bridge else { return };
            if receipts.is_empty() && known.is_empty() {
                break;
            }
            for (receipt, orders) in known {
                bridge.session.on_known(now, receipt, orders);
            }
            for receipt in receipts {
                bridge.session.on_journaled(now, receipt, &Ok(()));
            }
        }
        self.publish();
    }

    /// The keeper: in order, and again until it is acknowledged.
    fn publish(&mut self) {
        let (count_max, lost_percent) = match self.nats {
            Nats::Up => (64, 5),
            Nats::Slow => (1, 50),
            Nats::Down | Nats::Full => return,
        };
        for letter in self.disk.letters(count_max) {
            self.stream.publish(&letter.message_id, &letter.event);
            // Of some the journal never learns that they arrived; the next run sends them again.
            let is_acknowledged = self.random.random_range(0..100) >= lost_percent;
            self.disk.published(&letter, is_acknowledged);
        }
    }

    // Clients.

    pub(crate) fn ask(&mut self, key: &str, ask: Ask) -> Option<Token> {
        let now = self.now();
        self.tokens += 1;
        let token = Token(self.tokens);
        let deadline = now.at + Duration::from_secs(5);
        let client = self.client.clone();
        let bridge = self.bridge.as_mut()?;
        bridge.session.on_command(now, Command { token, client, deadline, ask });
        self.callers.insert(token, key.to_owned());
        self.due.insert(token, self.now_ms + 5_000);
        self.drain();
        Some(token)
    }
}
