//! A hundred streams after a lost connection, in virtual time, with the simulator's referee watching.
#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::BytesMut;
use ibnats::{
    config::Config,
    schema::connection::LinkName,
    session::{Answer, Ask, Command, Event, Now, Output, Session, Token},
    sim::{OfflineSim, SimConfig},
    tws::{
        Request,
        frame::{Envelope, FRAME_BYTES_MAX, next_frame, open},
    },
};

const STREAMS: usize = 100;
const LINKS: [LinkName; 2] = [LinkName::Trading, LinkName::Data];
/// What bytes take from one side to the other, and how fine time is.
const STEP: Duration = Duration::from_millis(40);

struct World {
    session: Session,
    sim: OfflineSim,
    now: Now,
    connections: [Option<u64>; 2],
    generations: [u64; 2],
    tokens: u64,
    leases: usize,
    /// Requests as they left.
    sent: Vec<&'static str>,
    /// First quote of each instrument that is not stale since the list was emptied.
    live: BTreeMap<i32, i64>,
}

impl World {
    fn open() -> Self {
        let start_ms = chrono::DateTime::parse_from_rfc3339("2026-11-18T15:00:00Z").expect("a time").timestamp_millis();
        let now = Now { at: ibnats::gateway::clock::now().at, us: start_ms * 1_000 };
        let sim = OfflineSim::new(&SimConfig { seed: 3, slot_ms: 1_000, ..SimConfig::default() }, start_ms);
        let session = Session::new(Arc::new(Config::default()), Vec::new(), 7, now);
        let mut world = Self {
            session,
            sim,
            now,
            connections: [None; 2],
            generations: [0; 2],
            tokens: 0,
            leases: 0,
            sent: Vec::new(),
            live: BTreeMap::new(),
        };
        world.session.on_timer(now);
        world.settle();
        world
    }

    fn now_ms(&self) -> i64 {
        self.now.us / 1_000
    }

    fn subscribe(&mut self, contract: &str) {
        let ask = serde_json::json!({ "contract": contract, "ttl_s": 0, "timeout_ms": 60_000 });
        self.tokens += 1;
        let (token, deadline) = (Token(self.tokens), self.now.at + Duration::from_secs(60));
        let ask = Ask::Subscribe(Box::new(serde_json::from_value(ask).expect("a request")));
        self.session.on_command(self.now, Command { token, client: None, deadline, ask });
        self.settle();
    }

    /// Lets time pass until the condition holds; how long that took.
    fn run_until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) -> Duration {
        let began = self.now;
        while !condition(self) {
            let passed = self.now.at.duration_since(began.at);
            assert!(passed < Duration::from_secs(60), "{what}: {:?} leases, {} live", self.leases, self.live.len());
            self.now = self.now.plus(STEP);
            self.sim.advance(self.now_ms());
            if self.session.wake_at().is_some_and(|at| at <= self.now.at) {
                self.session.on_timer(self.now);
            }
            self.settle();
        }
        self.now.at.duration_since(began.at)
    }

    fn cut(&mut self) {
        for link in LINKS {
            if let Some(connection) = self.connections[link as usize].take() {
                self.sim.hang_up(connection);
                self.session.on_closed(self.now, link, self.generations[link as usize], "cut by the test");
            }
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
            for link in LINKS {
                let Some(connection) = self.connections[link as usize] else { continue };
                if let Some(told) = self.sim.take_sent(connection).filter(|told| !told.is_empty()) {
                    is_quiet = false;
                    self.session.on_bytes(self.now, link, &mut BytesMut::from(&told[..]));
                }
            }
            if is_quiet {
                return;
            }
        }
    }

    fn perform(&mut self, output: Output) {
        let now_ms = self.now_ms();
        match output {
            Output::Dial { link, generation } => {
                self.generations[link as usize] = generation;
                self.connections[link as usize] = Some(self.sim.dial());
                self.session.on_opened(self.now, link, generation);
            }
            Output::Send { link, frames } => {
                let bytes = frames.bytes();
                self.note(bytes);
                if let Some(connection) = self.connections[link as usize] {
                    self.sim.receive(now_ms, connection, bytes);
                }
            }
            Output::Close { link } => {
                if let Some(connection) = self.connections[link as usize].take() {
                    self.sim.hang_up(connection);
                }
            }
            Output::Event(Event::Quote(listing, quote)) if !quote.stale => {
                self.live.entry(listing.instrument.con_id).or_insert(now_ms);
            }
            Output::Reply { outcome: Ok(Answer::Lease(_)), .. } => self.leases += 1,
            Output::Reply { outcome, .. } => panic!("no lease: {outcome:?}"),
            _ => {}
        }
    }

    fn note(&mut self, bytes: &[u8]) {
        if bytes.starts_with(b"API\0") {
            return;
        }
        let mut buffer = BytesMut::from(bytes);
        while let Some(frame) = next_frame(&mut buffer, FRAME_BYTES_MAX).expect("frames") {
            if let Envelope::Protobuf { id, body } = open(frame) {
                self.sent.push(Request::decode(id, body).expect("a request of ours").name());
            }
        }
    }
}

#[test]
fn a_hundred_streams_are_live_again_within_three_seconds_behind_the_orders_and_within_the_rules() {
    let mut world = World::open();
    let strikes = (0_i32..50).map(|number| 205.0 + 2.5 * f64::from(number));
    let contracts = strikes.flat_map(|strike| ["C", "P"].map(|right| format!("OPT:AAPL:20261218:{right}:{strike}")));
    let contracts: BTreeSet<String> = contracts.collect();
    assert_eq!(contracts.len(), STREAMS);
    for contract in &contracts {
        world.subscribe(contract);
    }
    world.run_until("streams", |world| world.live.len() == STREAMS);

    for round in 0..2 {
        world.cut();
        world.sent.clear();
        world.live.clear();
        world.run_until("the sockets", |world| world.connections.iter().all(Option::is_some));
        let took = world.run_until("streams again", |world| world.live.len() == STREAMS);
        assert!(took < Duration::from_secs(3), "round {round}: live again after {took:?}");
        let asked = world.sent.iter().filter(|sent| **sent == "MarketDataRequest").count();
        assert_eq!(asked, STREAMS, "each once");
        let place = |name: &str| world.sent.iter().position(|sent| *sent == name);
        let orders = place("OpenOrdersRequest").or(place("AllOpenOrdersRequest")).expect("orders are asked for");
        let tenth = world.sent.iter().enumerate().filter(|(_, sent)| **sent == "MarketDataRequest").nth(9);
        assert!(orders < tenth.expect("ten streams").0, "orders come first: {:?}", &world.sent[..20]);
        assert_eq!(world.sim.violations(), [], "round {round}");
        // Whatever waits a moment after the recovery is over.
        let until = world.now_ms() + 2_000;
        world.run_until("a quiet moment", |world| world.now_ms() >= until);
    }
}
