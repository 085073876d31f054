//! Reconnects of the real process, one after the other: nothing grows, nothing is doubled, each is told once.
//!
//! Forty here, a thousand in `make soak`.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;
#[path = "rig/process.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod process;

use desk::{Desk, now};
use serde_json::{Value, json};

/// As fast as the gateway takes it.
const TIMING: &str = "[timing]\nreconnect_min_ms = 1\nreconnect_max_ms = 1\n";
/// The allocator takes and gives back memory in large pieces.
const GROWTH_KIB_MAX: u64 = 4 * 1_024;

fn rounds() -> u64 {
    if std::env::var_os("IBNATS_SOAK").is_some() { 1_000 } else { 40 }
}

/// Numbers of the sockets of both links.
fn sockets_of(connection: &Value) -> (u64, u64) {
    let number = |link: &str| connection[link]["generation"].as_u64().expect("a number");
    (number("trading"), number("data"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_reconnects_in_a_row_leave_everything_as_it_was_and_are_told_once_each() {
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge(TIMING);
    desk.wait_ready().await;
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "ttl_s": 0 })).await;
    let order = json!({
        "key": "rests", "contract": "STK:AAPL", "side": "buy", "quantity": 3, "order_type": "limit", "limit_price": 1.0
    });
    assert_eq!(desk.get("order.place", order).await["state"], "working");
    let pid = desk.bridge_pid();
    let mut states = desk.listen("conn.state").await;
    let logins = desk.sim().request_count("StartApiRequest").await;
    let (warm_up, rounds) = (rounds() / 4, rounds());
    let mut before = (0, 0, 0);
    let mut sockets = sockets_of(&desk.get("pool.status", json!({})).await["connection"]);
    let started = now();
    for round in 0..rounds {
        if round == warm_up {
            before = (process::rss_kib(pid), process::descriptors(pid), process::threads(pid));
        }
        desk.sim().cut().await;
        // One link may be back before the end of the other one's socket is noticed.
        let is_back = |state: &Value| {
            let now = sockets_of(state);
            state["ready"] == true && now.0 > sockets.0 && now.1 > sockets.1
        };
        sockets = sockets_of(&states.next_where(is_back).await);
    }
    println!("{rounds} reconnects in {:?}", started.elapsed());
    let quote = desk.listen("quote.>").await.next_where(|quote| quote["stale"] == false).await;
    assert!(quote["bid"].is_number(), "{quote}");
    let after = (process::rss_kib(pid), process::descriptors(pid), process::threads(pid));
    assert!(after.0 < before.0 + GROWTH_KIB_MAX, "{} KiB grew to {}", before.0, after.0);
    assert_eq!((after.1, after.2), (before.1, before.2), "descriptors, threads");

    // Two links, each logged in once for each cut: never two loops.
    assert_eq!(desk.sim().request_count("StartApiRequest").await, logins + 2 * rounds);
    assert_eq!(desk.orders_sent().await, 1);
    let stored = desk.stored("IB_CONN").await;
    for link in ["trading", "data"] {
        let states = stored.iter().filter(|(subject, _)| subject == "ib.conn.state");
        let mut is_ready: Vec<bool> = states.map(|(_, state)| state[link]["phase"] == "ready").collect();
        is_ready.dedup();
        let told = is_ready.iter().filter(|is_ready| **is_ready).count() as u64;
        assert_eq!(told, rounds + 1, "{link}: the start and each reconnect");
    }
    // A gap lasts until data come, however many cuts there are in it.
    let gaps = stored.iter().filter(|(subject, _)| subject.starts_with("ib.gap."));
    let gaps: Vec<&str> = gaps.filter_map(|(_, gap)| gap["state"].as_str()).collect();
    let in_turn = ["opened", "closed"].into_iter().cycle().zip(&gaps).all(|(wanted, told)| wanted == *told);
    assert!(in_turn && gaps.len() as u64 <= 2 * rounds, "{gaps:?}");
    let health = desk.get("bridge.health", json!({})).await;
    assert_eq!(health["counters"]["late_answers"], 0, "{health}");
    let orders = desk.get("order.list", json!({ "filter": "open" })).await;
    assert_eq!(orders["orders"].as_array().map(Vec::len), Some(1), "{orders}");
}
