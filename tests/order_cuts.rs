//! A cut after each single byte of an order exchange, one run per byte, in both directions: the order is never
//! sent twice and always settled.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "histories/disk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod disk;
#[path = "histories/stream.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod stream;
#[path = "histories/verdict.rs"]
mod verdict;
#[path = "histories/wire.rs"]
mod wire;
#[path = "histories/world.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod world;

use ibnats::{
    schema::{connection::LinkName, request::order::CancelOrder},
    session::Ask,
};
use world::{AAPL, World};

const TRADING: LinkName = LinkName::Trading;

/// Where the network ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    ToGateway,
    ToBridge,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The socket is cut.
    Cut,
    /// The bridge is killed.
    Kill,
}

fn place(world: &mut World, key: &str, price: u32) {
    let json = format!(
        r#"{{"key":"{key}","contract":"CONID:{AAPL}","side":"buy","quantity":"7","order_type":"limit","limit_price":{price}}}"#
    );
    world.ours.insert(key.to_owned());
    let ask = world.asked.entry(key.to_owned()).or_insert_with(|| serde_json::from_str(&json).expect("a request"));
    let ask = Ask::PlaceOrder(Box::new(ask.clone()));
    world.ask(key, ask);
}

fn modify(world: &mut World) {
    let json = r#"{"key":"rests","modify_id":"m1","limit_price":91,"quantity":"5"}"#;
    world.ask("rests", Ask::ModifyOrder(serde_json::from_str(json).expect("a request")));
}

/// Two limit orders that rest; one is changed, one is filled, the changed one is cancelled, and everything is asked
/// for again.
fn exchange(world: &mut World, mut step: impl FnMut(&mut World)) {
    place(world, "fills", 98);
    place(world, "rests", 90);
    step(world);
    world.sim.set_price(world.now_ms, "AAPL", 97.0);
    modify(world);
    step(world);
    let key = Some("rests".parse().expect("a key"));
    world.ask("rests", Ask::CancelOrder(CancelOrder { key, ..CancelOrder::default() }));
    place(world, "fills", 98);
    place(world, "rests", 90);
    modify(world);
    step(world);
}

fn ready() -> World {
    let mut world = World::new(1);
    world.sim.set_price(world.now_ms, "AAPL", 100.0);
    world.flow(1_000);
    world
}

fn delivered(world: &World, direction: Direction) -> u64 {
    let wire = &world.bridge.as_ref().expect("it runs").wires[TRADING as usize];
    match direction {
        Direction::ToGateway => wire.delivered_up,
        Direction::ToBridge => wire.delivered_down,
    }
}

/// Bytes of the whole exchange on the trading link.
fn length(direction: Direction) -> u64 {
    let mut world = ready();
    let before = delivered(&world, direction);
    exchange(&mut world, |world| world.flow(600));
    delivered(&world, direction) - before
}

fn check(direction: Direction, end: End, byte: u64) {
    let mut world = ready();
    let last = delivered(&world, direction) + byte;
    let mut is_over = false;
    exchange(&mut world, |world| {
        for _ in 0..6 {
            world.pass_exactly(100, direction == Direction::ToGateway, (!is_over).then_some(last));
            if !is_over && delivered(world, direction) == last {
                is_over = true;
                match end {
                    End::Cut => world.cut(TRADING, 0, 0),
                    End::Kill => {
                        world.kill_bridge_exactly();
                        world.start_bridge();
                    }
                }
            }
        }
    });
    world.pass(14_000, 1_000, |_, len| len);
    let wrong = verdict::judge(&mut world);
    assert!(wrong.is_empty(), "{direction:?}, {end:?} after byte {byte}:\n  {}", wrong.join("\n  "));
}

fn check_all(direction: Direction, end: End, first: u64, every: usize) {
    let length = length(direction);
    assert!(length > 100, "the exchange has only {length} bytes");
    for byte in (first..=length).step_by(every) {
        check(direction, end, byte);
    }
}

#[test]
fn a_cut_after_any_byte_to_the_gateway_leaves_one_order_and_no_doubt() {
    check_all(Direction::ToGateway, End::Cut, 0, 1);
}

#[test]
fn a_cut_after_any_even_byte_to_the_bridge_leaves_one_order_and_no_doubt() {
    check_all(Direction::ToBridge, End::Cut, 0, 2);
}

#[test]
fn a_cut_after_any_odd_byte_to_the_bridge_leaves_one_order_and_no_doubt() {
    check_all(Direction::ToBridge, End::Cut, 1, 2);
}

#[test]
fn a_kill_after_any_byte_to_the_gateway_leaves_one_order_and_no_doubt() {
    check_all(Direction::ToGateway, End::Kill, 0, 1);
}

/// Kills at every byte that the bridge has read in `make soak`, else at every seventh: the session is told of whole
/// frames only, so that most of these kills are alike.
fn check_kills(share: u64) {
    let apart: u64 = if std::env::var_os("IBNATS_SOAK").is_some() { 1 } else { 7 };
    check_all(Direction::ToBridge, End::Kill, share * apart, 2 * usize::try_from(apart).expect("small"));
}

#[test]
fn a_kill_after_even_bytes_to_the_bridge_leaves_one_order_and_no_doubt() {
    check_kills(0);
}

#[test]
fn a_kill_after_odd_bytes_to_the_bridge_leaves_one_order_and_no_doubt() {
    check_kills(1);
}
