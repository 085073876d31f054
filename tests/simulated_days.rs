//! Deterministic simulation: session, pacing, orders, journal, gateway and JetStream driven by one seed and a clock
//! that moves by hand. What must always hold is checked after every step.
//!
//! `IBNATS_SEED=17 cargo test --test simulated_days` runs one day and prints it; `IBNATS_SOAK=1` runs 100,000.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "histories/changes.rs"]
mod changes;
#[path = "histories/disk.rs"]
mod disk;
#[path = "histories/history.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod history;
#[path = "days/market.rs"]
mod market;
#[path = "histories/stream.rs"]
mod stream;
#[path = "days/trouble.rs"]
mod trouble;
#[path = "histories/verdict.rs"]
mod verdict;
#[path = "days/watch.rs"]
mod watch;
#[path = "histories/wire.rs"]
mod wire;
#[path = "histories/world.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod world;

use std::{collections::BTreeMap, env};

use ibnats::{
    config::{BarFeed, Calendar},
    session::{Answer, Ask, Event},
    sim::SimConfig,
};
use rand::RngExt;
use watch::Watch;
use world::World;

const DAYS: u64 = 1_000;
const SOAKED: u64 = 100_000;
const FAILURES_SHOWN: usize = 5;
/// Prices move this often: fast enough for every stream, and many days in little time.
const SLOT_MS: u32 = 2_000;
/// Tables that need not be empty when nothing is held. What is over is forgotten with the next use or when its time has
/// come; a kind of request that failed has failed until it succeeds; the account's summary and profits are subscriptions
/// that stay.
const MAY_STAY: [&str; 12] = [
    "late_cancels",
    "requests_in_flight",
    "account_streams",
    "ids_cancelled",
    "breakers",
    "history_promises",
    "order_rates",
    "pacing_queues",
    "pacing_windows",
    "tick_by_tick_paced",
    "service_answers_kept",
    "streams_due",
];
/// With everything well, a stream of quotes tells something in this time.
const SILENT_MS: i64 = 20_000;

/// Runs the day of a seed; everything that was wrong.
fn day(seed: u64) -> (World, Vec<String>) {
    // Of four days one has bars that are kept up to date, and another a restart that is planned.
    let is_planned = seed % 4 == 1;
    let sim = SimConfig { seed, slot_ms: SLOT_MS, ..SimConfig::default() };
    let mut world = World::configured(&sim, |config| {
        if seed.is_multiple_of(4) {
            config.bars.feed = BarFeed::KeepUpToDate;
        }
        if is_planned {
            config.calendar = Calendar {
                gateway_restart: trouble::RESTART.to_owned(),
                restart_lasts_s: trouble::RESTART_LASTS_S,
                announce_s: 30,
                fence_orders_s: 5,
                ..Calendar::default()
            };
        }
    });
    let (mut watch, mut leases) = (Watch::default(), Vec::new());
    let behaviour = history::behaviour(&mut world);
    world.sim.broker(world.now_ms, move |broker, _, _| {
        broker.set_behaviour(behaviour);
        Vec::new()
    });
    world.flow(1_500);
    for step in 0..world.random.random_range(5..40) {
        match world.random.random_range(0..100) {
            0..=34 => market::step(&mut world, &mut leases),
            35..=49 => trouble::step(&mut world, is_planned),
            _ => history::step(&mut world),
        }
        watch.look(&mut world, step);
    }
    history::heal(&mut world);
    market::take_leases(&mut world, &mut leases);
    watch.look(&mut world, usize::MAX);
    let mut wrong = watch.wrong;
    streams_live(&mut world, &leases, &mut wrong);
    nothing_is_left(&mut world, &leases, &mut wrong);
    wrong.extend(verdict::judge(&mut world));
    (world, wrong)
}

fn listed(world: &mut World) -> ibnats::schema::request::market::Leases {
    let ask = Ask::ListLeases(serde_json::from_str("{}").expect("a request"));
    world.ask("list", ask);
    match world.replies.pop() {
        Some((_, Ok(Answer::Leases(leases)))) => *leases,
        other => panic!("{other:?}"),
    }
}

/// Every lease is known, and every stream of quotes says something or that it does not stream.
fn streams_live(world: &mut World, leases: &[String], wrong: &mut Vec<String>) {
    let listed = listed(world);
    let missing: Vec<_> =
        leases.iter().filter(|lease| !listed.leases.iter().any(|known| known.lease == **lease)).collect();
    if !missing.is_empty() {
        wrong.push(format!("leases {missing:?} were lost"));
    }
    world.heard.clear();
    world.pass(SILENT_MS, 500, |_, len| len);
    let mut heard: BTreeMap<i32, u64> = BTreeMap::new();
    for event in &world.heard {
        if let Event::Quote(listing, quote) = event
            && !quote.stale
        {
            *heard.entry(listing.instrument.con_id).or_default() += 1;
        }
    }
    for lease in &listed.leases {
        let con_id = lease.instrument.con_id;
        for stream in lease.streams.iter().filter(|stream| stream.subject.contains(".quote.")) {
            if !heard.contains_key(&con_id) && stream.reason.is_none() {
                wrong.push(format!("{} is silent and said to be {:?}", stream.subject, stream.state));
            }
        }
    }
}

/// When everything has been given back, nothing is held any more.
fn nothing_is_left(world: &mut World, leases: &[String], wrong: &mut Vec<String>) {
    let known: Vec<String> = listed(world).leases.into_iter().map(|lease| lease.lease).collect();
    // A lease whose caller was told nothing, since the bridge was killed, is given back too.
    for lease in known.iter().chain(leases.iter().filter(|lease| !known.contains(lease))) {
        market::give_back(world, lease);
    }
    world.pass(20_000, 500, |_, len| len);
    let bridge = world.bridge.as_ref().expect("it runs");
    let left: Vec<_> =
        bridge.session.sizes().into_iter().filter(|(table, size)| *size > 0 && !MAY_STAY.contains(table)).collect();
    if !left.is_empty() {
        wrong.push(format!("left over: {left:?}"));
    }
}

fn failure(seed: u64, is_alone: bool) -> Option<String> {
    let (world, wrong) = day(seed);
    let log = if is_alone { world.log.join("\n") } else { String::new() };
    let again = format!("seed {seed}: see it with IBNATS_SEED={seed} cargo test --test simulated_days");
    (!wrong.is_empty()).then(|| format!("{log}\n\n{again}\n  {}", wrong.join("\n  ")))
}

/// A share of the seeds, so that all processors have something to do.
fn check_share(share: u64) {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("IBNATS_SEED") {
        assert!(share != 0 || failure(seed, true).is_none_or(|failure| panic!("{failure}")));
        return;
    }
    let count = number("IBNATS_SEEDS").unwrap_or(if env::var_os("IBNATS_SOAK").is_some() { SOAKED } else { DAYS });
    let first = number("IBNATS_FIRST_SEED").unwrap_or(1);
    let mut failures = Vec::new();
    for seed in (first..first + count).filter(|seed| seed % 2 == share) {
        failures.extend(failure(seed, false));
        if failures.len() >= FAILURES_SHOWN {
            break;
        }
    }
    assert!(failures.is_empty(), "{}", failures.concat());
}

#[test]
fn even_days_keep_every_promise_after_every_step() {
    check_share(0);
}

#[test]
fn odd_days_keep_every_promise_after_every_step() {
    check_share(1);
}

#[test]
fn a_day_follows_from_its_seed() {
    let told = |seed: u64| {
        let (world, _) = day(seed);
        (world.log, world.stream.stored, world.replies.len())
    };
    assert!(told(7) == told(7), "two days of one seed differ");
}
