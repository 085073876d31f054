//! A storm: fifty clients ask for far more history than IB allows while twenty place and cancel orders, in virtual
//! time against the simulated gateway, whose referee counts what breaks IB's rules.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/joined.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod joined;
#[path = "rig/slow_wire.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod slow_wire;
#[path = "storm/world.rs"]
mod world;

use std::collections::{BTreeMap, BTreeSet};

use ibnats::{
    config::Config,
    schema::{
        ErrorCode,
        contract::ContractSpec,
        request::history::{BarsRequest, TimePoint},
    },
    session::Ask,
};
use world::{START_MS, STEP_MS, World};

const CLIENTS: usize = 50;
const REQUESTS: usize = 200;
const TRADERS: usize = 20;

const PLACE_ORDER: i32 = 203;
const CANCEL_ORDER: i32 = 204;

/// A request of one upstream request like no other: small bars for each tenth.
fn bars(number: usize) -> Ask {
    let symbols = ["AAPL", "MSFT", "IBM"];
    let number_ms = i64::try_from(number).expect("few") * 60_000;
    let end_us = (START_MS - 86_400_000 - number_ms) * 1_000;
    Ask::Bars(Box::new(BarsRequest {
        contract: ContractSpec(format!("STK:{}", symbols[number % 3]).parse().expect("short text")),
        bar_size: if is_small(number) { "5s" } else { "1m" }.parse().expect("a bar size"),
        start: Some(TimePoint { us: end_us - 600_000_000 }),
        end: Some(TimePoint { us: end_us }),
        duration: None,
        source: None,
        regular_hours: false,
        timeout_ms: None,
    }))
}

fn is_small(number: usize) -> bool {
    (number / CLIENTS).is_multiple_of(10)
}

/// How equally something is shared: 1 if everybody has the same.
fn jain(shares: &[u32]) -> f64 {
    let sum: f64 = shares.iter().map(|share| f64::from(*share)).sum();
    let squares: f64 = shares.iter().map(|share| f64::from(*share).powi(2)).sum();
    let count = f64::from(u32::try_from(shares.len()).expect("few"));
    sum * sum / (count * squares)
}

/// Where one request of a client stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// To be asked at this time; whether it was told to come then.
    At(i64, bool),
    Asked {
        was_told: bool,
    },
    Served,
    /// Never: no wait would help, or it was given up.
    Over,
}

/// What came of a storm.
#[derive(Debug, Default)]
struct Tally {
    served: Vec<u32>,
    served_small: Vec<u32>,
    refused: u32,
    /// Refused again although they came when they were told to.
    untrue: u32,
    /// Accepted, and given up later.
    given_up: u32,
    timed_out: u32,
}

/// Clients ask in turns: each its first request, then each its second.
fn client_of(number: usize) -> usize {
    number % CLIENTS
}

/// Requests and clients of a storm.
struct Storm {
    stages: Vec<Stage>,
    due: BTreeSet<(i64, usize)>,
    open: BTreeMap<u64, usize>,
    tally: Tally,
    timeout_ms: u64,
}

impl Storm {
    /// Requests of `timeout_ms` that are asked within `burst_ms`.
    fn new(timeout_ms: u64, burst_ms: i64) -> Self {
        let tally = Tally { served: vec![0; CLIENTS], served_small: vec![0; CLIENTS], ..Tally::default() };
        let stages = vec![Stage::At(0, false); CLIENTS * REQUESTS];
        let count = |number: usize| i64::try_from(number).expect("few");
        let at = |number| START_MS + burst_ms * count(number) / count(CLIENTS * REQUESTS);
        let due = (0..CLIENTS * REQUESTS).map(|number| (at(number), number)).collect();
        Self { stages, due, open: BTreeMap::new(), tally, timeout_ms }
    }

    fn ask_due(&mut self, world: &mut World) {
        while let Some(&(at, number)) = self.due.first().filter(|(at, _)| *at <= world.now_ms) {
            self.due.remove(&(at, number));
            let Stage::At(_, was_told) = self.stages[number] else { panic!("not due") };
            let token = world.ask(&format!("c{}", client_of(number)), self.timeout_ms, bars(number));
            self.stages[number] = Stage::Asked { was_told };
            self.open.insert(token, number);
        }
    }

    fn take_outcomes(&mut self, world: &mut World) {
        for (token, outcome) in std::mem::take(&mut world.outcomes) {
            let Some(number) = self.open.remove(&token) else { continue };
            let Stage::Asked { was_told } = self.stages[number] else { panic!("not asked") };
            self.stages[number] = match outcome {
                Ok(_) => {
                    let client = client_of(number);
                    self.tally.served[client] += 1;
                    self.tally.served_small[client] += u32::from(is_small(number));
                    Stage::Served
                }
                Err(error) if error.code == ErrorCode::Timeout => {
                    self.tally.timed_out += 1;
                    Stage::Over
                }
                Err(error) => {
                    assert!(matches!(error.code, ErrorCode::PacingLimited | ErrorCode::Busy), "{error}");
                    let after = error.retry_after_ms.expect("a time to ask again");
                    if error.message.contains("since this was accepted") {
                        self.tally.given_up += 1;
                    } else {
                        self.tally.refused += 1;
                        if was_told {
                            self.tally.untrue += 1;
                            println!("untrue at {} ms for {number}: {error:?}", world.now_ms - START_MS);
                        }
                    }
                    let at = world.now_ms + i64::try_from(after).expect("a time");
                    self.due.insert((at, number));
                    Stage::At(at, !error.message.contains("accepted"))
                }
            };
        }
    }
}

/// Traders place an order and cancel it, one after the other. Returns how long places and cancels took to the socket.
struct Traders {
    next_ms: i64,
    number: usize,
    asked: BTreeMap<i32, Vec<i64>>,
}

impl Traders {
    fn new() -> Self {
        Self { next_ms: START_MS + 3_000, number: 0, asked: BTreeMap::new() }
    }

    fn trade(&mut self, world: &mut World) {
        if world.now_ms < self.next_ms {
            return;
        }
        self.next_ms = world.now_ms + 250;
        let (round, is_cancel) = (self.number / 2, self.number % 2 == 1);
        self.number += 1;
        let (client, key) = (format!("t{}", round % TRADERS), format!("k{round}"));
        let ask = if is_cancel {
            Ask::CancelOrder(serde_json::from_str(&format!(r#"{{"key":"{key}"}}"#)).expect("a request"))
        } else {
            let json = format!(
                r#"{{"key":"{key}","contract":"STK:AAPL","side":"buy","quantity":"1","order_type":"limit","limit_price":1.00,"wait_for":"sent"}}"#
            );
            Ask::PlaceOrder(serde_json::from_str(&json).expect("a request"))
        };
        self.asked.entry(if is_cancel { CANCEL_ORDER } else { PLACE_ORDER }).or_default().push(world.now_ms);
        world.ask(&client, 5_000, ask);
    }

    /// Milliseconds from each request to the socket, in order.
    fn waits(&self, world: &World, message: i32) -> Vec<i64> {
        let sent = world.notes.trading.iter().filter(|sent| sent.message == message);
        let waits: Vec<i64> = sent.zip(&self.asked[&message]).map(|(sent, asked)| sent.at_ms - asked).collect();
        assert!(waits.len() + 1 >= self.asked[&message].len(), "{} of {}", waits.len(), self.asked[&message].len());
        waits
    }
}

/// Trades for so long with or without a storm; waits of orders and cancels.
fn trade(seconds: i64, storm: Option<&mut Storm>) -> (World, Vec<i64>, Vec<i64>) {
    let mut world = World::new(Config::default());
    let mut traders = Traders::new();
    let mut storm = storm;
    // Contracts are known before.
    for symbol in ["AAPL", "MSFT", "IBM"] {
        let ask = format!(r#"{{"contract":"STK:{symbol}"}}"#);
        world.ask("t0", 5_000, Ask::Details(serde_json::from_str(&ask).expect("a request")));
    }
    world.run_ms(1_000);
    let until = world.now_ms + seconds * 1_000;
    while world.now_ms < until {
        if let Some(storm) = storm.as_deref_mut() {
            storm.ask_due(&mut world);
        }
        traders.trade(&mut world);
        world.step();
        if let Some(storm) = storm.as_deref_mut() {
            storm.take_outcomes(&mut world);
        }
    }
    let (places, cancels) = (traders.waits(&world, PLACE_ORDER), traders.waits(&world, CANCEL_ORDER));
    (world, places, cancels)
}

#[test]
fn ten_thousand_history_requests_of_fifty_clients_break_no_rule_and_are_shared_fairly() {
    storm(60_000, 0);
}

#[test]
fn a_burst_that_lasts_as_long_as_its_clients_wait_breaks_no_rule_either() {
    storm(20_000, 20_000);
}

fn storm(timeout_ms: u64, burst_ms: i64) {
    const SECONDS: i64 = 660;
    let (_, calm_places, calm_cancels) = trade(60, None);
    let mut storm = Storm::new(timeout_ms, burst_ms);
    let (mut world, places, cancels) = trade(SECONDS, Some(&mut storm));
    let tally = &storm.tally;
    let served: u32 = tally.served.iter().sum();
    let small: u32 = tally.served_small.iter().sum();
    let (fair, fair_small) = (jain(&tally.served), jain(&tally.served_small));
    println!(
        "served {served} ({small} small), refused {}, untrue {}, given up {}, timed out {}; Jain {fair:.4}, small {fair_small:.4}; {:?}",
        tally.refused, tally.untrue, tally.given_up, tally.timed_out, tally.served
    );
    let longest = |waits: &[i64]| waits.iter().max().copied();
    println!(
        "longest waits of orders {:?} (calm {:?}), of cancels {:?} (calm {:?})",
        longest(&places),
        longest(&calm_places),
        longest(&cancels),
        longest(&calm_cancels)
    );

    assert_eq!(world.sim.violations(), [], "{:?}", world.sim.recent_violations());
    assert!(fair > 0.95, "{:?}", tally.served);
    // No throughput is lost to fairness: six in two seconds, and 58 small ones in ten minutes.
    let possible = u32::try_from(SECONDS * 3).expect("few") + 2 * 58;
    assert!(served * 100 >= possible * 95, "{served} of {possible}");
    assert_eq!(small, 2 * 58);
    assert_eq!(tally.untrue, 0, "refusals whose time to ask again was not true");
    assert_eq!(tally.timed_out, 0, "accepted and then forgotten");
    assert_eq!((longest(&places), longest(&cancels)), (longest(&calm_places), longest(&calm_cancels)));
    assert!(longest(&places) <= Some(STEP_MS));

    // Every frame that reached the gateway had passed the scheduler, which counted it.
    world.run_ms(100);
    let received: u64 = world.sim.requests().iter().map(|row| row.count).sum();
    let logins = 2;
    let stats = world.stats();
    let scheduled: u64 = stats.stretches[3].classes.iter().map(|class| class.sent).sum();
    assert_eq!((world.notes.frames, scheduled), (received, world.notes.frames - logins));
    let status = world.pace();
    assert_eq!((status.violations, status.slowed), (0, Vec::new()));
}
