//! Random histories of orders, each from one seed: the gateway's own account must agree with the bridge's at
//! the end, whatever broke on the way.
//!
//! `IBNATS_SEED=17 cargo test --test order_histories` runs one history and prints it; `IBNATS_SOAK=1` runs
//! ten times as many.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "histories/changes.rs"]
mod changes;
#[path = "histories/disk.rs"]
mod disk;
#[path = "histories/history.rs"]
mod history;
#[path = "histories/stream.rs"]
mod stream;
#[path = "histories/verdict.rs"]
mod verdict;
#[path = "histories/wire.rs"]
mod wire;
#[path = "histories/world.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod world;

use std::env;

const HISTORIES: u64 = 1_000;
const SOAKED: u64 = 10_000;
const FAILURES_SHOWN: usize = 5;

/// What is wrong at the end of a history, and how to see it again.
fn failure(seed: u64, is_alone: bool) -> Option<String> {
    let mut world = history::run(seed);
    let wrong = verdict::judge(&mut world);
    let log = if is_alone { account_of(&world) } else { String::new() };
    let again = format!("seed {seed}: see it with IBNATS_SEED={seed} cargo test --test order_histories");
    (!wrong.is_empty()).then(|| format!("{log}\n\n{again}\n  {}", wrong.join("\n  ")))
}

/// What happened, what was told, and what the gateway received and has.
fn account_of(world: &world::World) -> String {
    let told = world.stream.stored.iter().map(|event| match event {
        ibnats::session::Event::Order(order) => {
            let (key, state, filled) = (&order.key, order.state, &order.filled);
            format!(
                "{:>7} ms  told {key} {state:?}, {filled} filled: {:?}",
                order.recv_us / 1_000 - world::START_MS,
                order.reason
            )
        }
        other => format!("            told {other:?}"),
    });
    let witness = world.sim.witness();
    let received = witness.placements().iter().map(|placement| format!("received {placement:?}"));
    let has = witness.standings().into_iter().map(|standing| format!("has {standing:?}"));
    let lines: Vec<String> = world.log.iter().cloned().chain(told).chain(received).chain(has).collect();
    lines.join("\n")
}

/// A share of the seeds, so that all processors have something to do.
fn check_share(share: u64) {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("IBNATS_SEED") {
        assert!(share != 0 || failure(seed, true).is_none_or(|failure| panic!("{failure}")));
        return;
    }
    let soaks = env::var_os("IBNATS_SOAK").is_some();
    let count = number("IBNATS_SEEDS").unwrap_or(if soaks { SOAKED } else { HISTORIES });
    let mut failures = Vec::new();
    for seed in (1..=count).filter(|seed| seed % 2 == share) {
        failures.extend(failure(seed, false));
        if failures.len() >= FAILURES_SHOWN {
            break;
        }
    }
    assert!(failures.is_empty(), "{}", failures.concat());
}

#[test]
fn even_seeds_end_with_every_order_once_every_fill_told_and_nothing_unknown() {
    check_share(0);
}

#[test]
fn odd_seeds_end_with_every_order_once_every_fill_told_and_nothing_unknown() {
    check_share(1);
}
