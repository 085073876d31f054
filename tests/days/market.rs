//! What clients do on a random day beside trading: they lease streams, give them back, and ask for history and contracts.

use ibnats::session::{Answer, Ask};
use rand::{RngExt, seq::IndexedRandom};
use serde_json::{Value, json};

use crate::world::World;

const CONTRACTS: [&str; 4] = ["CONID:265598", "STK:MSFT", "STK:NVDA", "CASH:EUR.USD"];
const STREAMS: [&[&str]; 4] = [&["quote"], &["quote", "bar.5s"], &["tbt.last"], &["depth"]];
/// Leases of a day; more than there are depth and tick-by-tick slots.
const LEASES_MAX: usize = 12;

fn asked<T: serde::de::DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).expect("a request")
}

pub(crate) fn step(world: &mut World, leases: &mut Vec<String>) {
    take_leases(world, leases);
    let client = ["a", "b", "c"].choose(&mut world.random).expect("clients");
    world.client = Some((*client).into());
    match world.random.random_range(0..10) {
        0..=3 if leases.len() < LEASES_MAX => subscribe(world),
        4 => unsubscribe(world, leases),
        5..=7 => history(world),
        8 => details(world),
        _ => snapshot(world),
    }
    world.client = None;
}

/// Leases that were granted since.
pub(crate) fn take_leases(world: &mut World, leases: &mut Vec<String>) {
    for (_, outcome) in world.replies.extract_if(.., |(what, _)| what == "subscribe") {
        if let Ok(Answer::Lease(lease)) = outcome {
            leases.push(lease.lease);
        }
    }
}

fn subscribe(world: &mut World) {
    let contract = *CONTRACTS.choose(&mut world.random).expect("contracts");
    let streams = *STREAMS.choose(&mut world.random).expect("streams");
    world.note(|| format!("lease {streams:?} of {contract}"));
    let ask = json!({ "contract": contract, "streams": streams, "ttl_s": 0 });
    world.ask("subscribe", Ask::Subscribe(asked(ask)));
}

fn unsubscribe(world: &mut World, leases: &mut Vec<String>) {
    if leases.is_empty() {
        return;
    }
    let place = world.random.random_range(0..leases.len());
    give_back(world, &leases.swap_remove(place));
}

pub(crate) fn give_back(world: &mut World, lease: &str) {
    world.note(|| format!("give back {lease}"));
    world.ask("unsubscribe", Ask::Unsubscribe(asked(json!({ "lease": lease }))));
}

fn history(world: &mut World) {
    let contract = *CONTRACTS[..3].choose(&mut world.random).expect("contracts");
    let end_us = (crate::world::START_MS - i64::from(world.random.random_range(1..500)) * 600_000) * 1_000;
    let (size, long_us) = *[("5s", 600_000_000), ("1m", 3_600_000_000)].choose(&mut world.random).expect("sizes");
    world.note(|| format!("bars {size} of {contract}"));
    let ask = json!({ "contract": contract, "bar_size": size, "start": end_us - long_us, "end": end_us });
    world.ask("bars", Ask::Bars(asked(ask)));
}

fn details(world: &mut World) {
    let contract = *CONTRACTS.choose(&mut world.random).expect("contracts");
    world.ask("details", Ask::Details(asked(json!({ "contract": contract }))));
}

fn snapshot(world: &mut World) {
    let contract = *CONTRACTS.choose(&mut world.random).expect("contracts");
    world.ask("snapshot", Ask::Snapshot(asked(json!({ "contract": contract }))));
}
