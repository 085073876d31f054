//! Ticks from a gateway socket to NATS, beside a bare publisher of the same payloads in the same run.
//!
//! Every contestant is a process of its own, so that its CPU time is its own: the bridge
//! (`ibnats run`) fed by a flooding gateway, and `flood bare-publisher`, which publishes the payloads
//! recorded from the bridge. Prints figures and ratios; judges nothing.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench may end loudly and reads the clock"
)]

mod bare;
mod cpu;
#[path = "../desk/mod.rs"]
mod desk;
mod gateway;
mod rounds;

use std::{env, time::Duration};

/// Instruments that tick.
const INSTRUMENTS: u64 = 50;
/// Ticks of one round.
const TICKS: u64 = 1_000_000;
/// Ticks a second of each round; 0 = as fast as the sockets take them.
const PACES: [u64; 3] = [50_000, 200_000, 0];
/// Measured repetitions of each round.
const REPEATS: usize = 3;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if arguments.get(1).is_some_and(|argument| argument == "bare-publisher") {
        runtime.block_on(bare::publish(&arguments[2..]));
        return;
    }
    if arguments.iter().any(|argument| argument == "--test") {
        // `cargo test --benches` only wants to know that it starts.
        return;
    }
    let (ticks, repeats) =
        if arguments.iter().any(|argument| argument == "--quick") { (TICKS / 5, 1) } else { (TICKS, REPEATS) };
    runtime.block_on(rounds::run(ticks, repeats, Duration::from_secs(120)));
}
