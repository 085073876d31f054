//! A hundred streams of every kind and open orders after a lost connection, in virtual time, with the simulator's
//! referee watching.
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

/// Options whose quotes are streamed. The first of them have bars of five seconds as well: IB takes 60 requests for
/// those in ten minutes, and two cuts make three times as many.
const QUOTES: usize = 77;
const BARS: usize = 15;
/// A login's slots for tick-by-tick data and for depth.
const TRADES: [&str; 5] = ["AAPL", "MSFT", "NVDA", "SPY", "TSLA"];
const BOOKS: [&str; 3] = ["AAPL", "MSFT", "NVDA"];
const ORDERS: usize = 3;
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
    orders: usize,
    /// Requests as they left: when, on which link, and what.
    sent: Vec<(i64, LinkName, &'static str)>,
    /// When each stream of an instrument first said something that is not stale, since the list was emptied.
    live: BTreeMap<(&'static str, i32), i64>,
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
            orders: 0,
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

    fn ask(&mut self, ask: Ask) {
        self.tokens += 1;
        let (token, deadline) = (Token(self.tokens), self.now.at + Duration::from_secs(60));
        self.session.on_command(self.now, Command { token, client: None, deadline, ask });
        self.settle();
    }

    fn subscribe(&mut self, contract: &str, streams: &[&str]) {
        let ask = serde_json::json!({ "contract": contract, "streams": streams, "ttl_s": 0, "timeout_ms": 60_000 });
        self.ask(Ask::Subscribe(serde_json::from_value(ask).expect("a request")));
    }

    /// An order that rests.
    fn place(&mut self, key: &str) {
        let ask = serde_json::json!({
            "key": key, "contract": "STK:AAPL", "side": "buy", "quantity": 1, "order_type": "limit", "limit_price": 1.0
        });
        self.ask(Ask::PlaceOrder(serde_json::from_value(ask).expect("a request")));
    }

    fn live(&self, stream: &str) -> usize {
        self.live.keys().filter(|(name, _)| *name == stream).count()
    }

    /// How often this was asked for.
    fn asked(&self, request: &str) -> usize {
        self.sent.iter().filter(|(_, _, name)| *name == request).count()
    }

    /// The two links come back each at its own time, and data is asked for as soon as its link is there. Orders come
    /// first all the same: on their link nothing is asked before them, and they wait for nothing that waits for the
    /// limit which both links share.
    fn orders_were_first(&self, round: usize) {
        let lists = ["AllOpenOrdersRequest", "AllOpenOrdersRequest", "CompletedOrdersRequest", "ExecutionRequest"];
        let trading: Vec<_> = self.sent.iter().filter(|(_, link, _)| *link == LinkName::Trading).collect();
        let names: Vec<_> = trading.iter().map(|(_, _, name)| *name).take(1 + lists.len()).collect();
        assert_eq!(names[0], "StartApiRequest");
        assert_eq!(names[1..], lists, "round {round}");
        let (login_ms, listed_ms) = (trading[0].0, trading[lists.len()].0);
        let both_ways_ms = i64::try_from(2 * STEP.as_millis()).expect("a moment");
        assert!(listed_ms - login_ms <= both_ways_ms, "round {round}: asked {} ms after", listed_ms - login_ms);
        let last_ms = self.sent.iter().rfind(|(_, _, name)| *name == "MarketDataRequest").expect("streams").0;
        assert!(last_ms > listed_ms, "round {round}: no data had to wait");
    }

    /// Lets time pass until the condition holds; how long that took.
    fn run_until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) -> Duration {
        let began = self.now;
        while !condition(self) {
            let passed = self.now.at.duration_since(began.at);
            assert!(passed < Duration::from_secs(60), "{what}: {:?} leases, {:?} live", self.leases, self.live);
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
                self.note(link, bytes);
                if let Some(connection) = self.connections[link as usize] {
                    self.sim.receive(now_ms, connection, bytes);
                }
            }
            Output::Close { link } => {
                if let Some(connection) = self.connections[link as usize].take() {
                    self.sim.hang_up(connection);
                }
            }
            Output::Event(event) => {
                let (stream, listing) = match &event {
                    Event::Quote(listing, quote) if !quote.stale => ("quote", listing),
                    Event::TickByTick(listing, ..) => ("tbt.last", listing),
                    Event::Depth(listing, depth) if depth.price.is_some() => ("depth", listing),
                    Event::Bar(listing, bar) if bar.backfilled != Some(true) => ("bar.5s", listing),
                    _ => return,
                };
                self.live.entry((stream, listing.instrument.con_id)).or_insert(now_ms);
            }
            Output::Journal(entry) => {
                if let Some(receipt) = entry.receipt {
                    self.session.on_journaled(self.now, receipt, &Ok(()));
                }
            }
            Output::Reply { outcome: Ok(Answer::Lease(_)), .. } => self.leases += 1,
            Output::Reply { outcome: Ok(Answer::Order(_)), .. } => self.orders += 1,
            Output::Reply { outcome, .. } => panic!("no lease and no order: {outcome:?}"),
            _ => {}
        }
    }

    fn note(&mut self, link: LinkName, bytes: &[u8]) {
        if bytes.starts_with(b"API\0") {
            return;
        }
        let mut buffer = BytesMut::from(bytes);
        while let Some(frame) = next_frame(&mut buffer, FRAME_BYTES_MAX).expect("frames") {
            if let Envelope::Protobuf { id, body } = open(frame) {
                let name = Request::decode(id, body).expect("a request of ours").name();
                self.sent.push((self.now_ms(), link, name));
            }
        }
    }
}

#[test]
fn a_hundred_streams_are_live_again_within_three_seconds_behind_the_orders_and_within_the_rules() {
    let mut world = World::open();
    let strikes = (0_i32..50).map(|number| 205.0 + 2.5 * f64::from(number));
    let contracts = strikes.flat_map(|strike| ["C", "P"].map(|right| format!("OPT:AAPL:20261218:{right}:{strike}")));
    let contracts: BTreeSet<String> = contracts.take(QUOTES).collect();
    assert_eq!(QUOTES + BARS + TRADES.len() + BOOKS.len(), 100);
    for (number, contract) in contracts.iter().enumerate() {
        world.subscribe(contract, if number < BARS { &["quote", "bar.5s"] } else { &["quote"] });
    }
    for symbol in TRADES {
        world.subscribe(&format!("STK:{symbol}"), &["tbt.last"]);
    }
    for symbol in BOOKS {
        world.subscribe(&format!("STK:{symbol}"), &["depth"]);
    }
    for number in 0..ORDERS {
        world.place(&format!("k{number}"));
    }
    // A bar of five seconds takes so long, whenever it is asked for.
    let flow_at_once = |world: &World| {
        world.live("quote") == QUOTES && world.live("tbt.last") == TRADES.len() && world.live("depth") == BOOKS.len()
    };
    let flow = |world: &World| flow_at_once(world) && world.live("bar.5s") == BARS;
    world.run_until("streams", flow);
    world.run_until("orders", |world| world.orders == ORDERS);

    for round in 0..2 {
        // IB takes a second tick-by-tick request for an instrument after fifteen seconds.
        let until = world.now_ms() + 16_000;
        world.run_until("a quiet moment", |world| world.now_ms() >= until);
        world.cut();
        world.sent.clear();
        world.live.clear();
        world.run_until("the sockets", |world| world.connections.iter().all(Option::is_some));
        let back_ms = world.now_ms();
        let took = world.run_until("streams again", flow_at_once);
        assert!(took < Duration::from_secs(3), "round {round}: live again after {took:?}");
        assert_eq!(world.asked("RealTimeBarsRequest"), BARS, "asked for within the same time");
        world.run_until("bars again", flow);
        assert!(world.now_ms() - back_ms < 3_000 + 6_000, "round {round}: bars after {} ms", world.now_ms() - back_ms);
        let asked = ["MarketDataRequest", "TickByTickRequest", "MarketDepthRequest", "RealTimeBarsRequest"];
        let wanted = [QUOTES, TRADES.len(), BOOKS.len(), BARS];
        assert_eq!(asked.map(|name| world.asked(name)), wanted, "each once");
        world.orders_were_first(round);
        assert_eq!(world.sim.violations(), [], "round {round}");
    }
    let placed: Vec<_> = world.sim.witness().standings();
    assert!(placed.len() == ORDERS && placed.iter().all(|order| order.is_open), "{placed:?}");
}
