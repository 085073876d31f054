//! Orders while the real process is killed again and again at random moments, with a real `nats-server` that is
//! killed too.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use desk::Desk;
use ibnats::sim::broker::{Behaviour, Callbacks, Executed, Placement};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

const ROUNDS: u32 = 24;

/// What the gateway was sent and what it did.
async fn witness(desk: &Desk) -> (Vec<Placement>, Vec<Executed>) {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    desk.sim()
        .broker(move |broker, _, _| {
            let _ = sender.send((broker.placements().to_vec(), broker.executed()));
            Vec::new()
        })
        .await;
    receiver.await.expect("an answer")
}

fn order(random: &mut ChaCha8Rng, key: &str, price: f64) -> Value {
    let side = if random.random_bool(0.5) { "buy" } else { "sell" };
    let mut order = json!({
        "key": key, "contract": "STK:AAPL", "side": side, "quantity": random.random_range(1..5),
        "order_type": "market", "wait_for": "sent", "timeout_ms": 2_000
    });
    if random.random_bool(0.4) {
        order["order_type"] = json!("limit");
        order["limit_price"] = json!((price * random.random_range(0.9..1.1) * 100.0).round() / 100.0);
    }
    order
}

/// Asks and does not care for the answer: the bridge may die before it gives one.
fn ask(desk: &Desk, verb: &str, payload: &Value) -> tokio::task::JoinHandle<()> {
    let (client, subject, payload) = (desk.client.clone(), format!("ib.req.{verb}"), payload.to_string());
    tokio::spawn(async move {
        let request = async_nats::Request::new().payload(payload.into()).timeout(Some(Duration::from_secs(2)));
        let _ = client.send_request(subject, request).await;
    })
}

async fn settled(desk: &Desk) -> Option<Vec<Value>> {
    let list = desk.get("order.list", json!({ "filter": "all" })).await;
    let orders = list["orders"].as_array()?.clone();
    orders.iter().all(|order| order["state"] != "outcome_unknown" && order["state"] != "sent").then_some(orders)
}

/// Until the simulator is sent one more order.
async fn another_order(desk: &Desk) {
    let before = desk.orders_sent().await;
    desk.eventually("one more order", async || (desk.orders_sent().await > before).then_some(())).await;
}

fn root(exec_id: &str) -> String {
    exec_id.rsplit_once('.').map_or(exec_id, |(root, _)| root).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_two_dozen_times_the_bridge_sends_each_key_once_and_tells_each_fill_once() {
    let seed = std::env::var("IBNATS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_121);
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let timing = "[timing]\nsettle_ms = 3000\nreconnect_max_ms = 500\n";
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge(timing);
    desk.wait_ready().await;
    let callbacks = Callbacks { late_permille: 200, late_ms_max: 300, doubled_permille: 200, missing_permille: 150 };
    let behaviour = Behaviour { ack_delay_ms: 20, commission_delay_ms: 50, callbacks, ..Behaviour::default() };
    desk.sim()
        .broker(move |broker, _, _| {
            broker.set_behaviour(behaviour);
            Vec::new()
        })
        .await;
    let snapshot = desk.get("md.snapshot", json!({ "contract": "STK:AAPL", "timeout_ms": 15_000 })).await;
    let price = snapshot["quote"]["bid"].as_f64().expect("a bid");

    let mut orders: BTreeMap<String, Value> = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut asked = Vec::new();
        for number in 0..random.random_range(1..4) {
            let key = format!("r{round}-{number}");
            orders.insert(key.clone(), order(&mut random, &key, price));
            asked.push(ask(&desk, "order.place", &orders[&key]));
        }
        if random.random_bool(0.3) {
            let key = orders.keys().nth(random.random_range(0..orders.len())).expect("a key");
            asked.push(ask(&desk, "order.cancel", &json!({ "key": key })));
        }
        if round % 2 == 0 {
            // On a busy machine hardly a round would come so far by itself.
            let _ = tokio::time::timeout(Duration::from_secs(2), another_order(&desk)).await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..60))).await;
        if random.random_bool(0.2) {
            desk.sim().cut().await;
        }
        desk.kill_bridge().await;
        for caller in asked {
            caller.abort();
        }
        if random.random_bool(0.15) {
            desk.nats.kill();
            desk.nats.restart();
        }
        desk.start_bridge(timing);
        desk.wait_ready().await;
        for _ in 0..2 {
            let key = orders.keys().nth(random.random_range(0..orders.len())).expect("a key");
            // The order that was placed first, or one that nobody has seen: but never a second one.
            ask(&desk, "order.place", &orders[key]);
        }
    }

    desk.sim()
        .broker(|broker, _, _| {
            broker.set_behaviour(Behaviour::default());
            Vec::new()
        })
        .await;
    // A login asks for everything that was never told.
    desk.sim().cut().await;
    desk.eventually("the bridge notices", async || {
        let health = desk.get("bridge.health", json!({})).await;
        (health["ok"] == true).then_some(())
    })
    .await;
    let known = desk.eventually("every order settled", async || settled(&desk).await).await;

    let (placements, executed) = witness(&desk).await;
    let mut received: BTreeMap<&str, u32> = BTreeMap::new();
    for placement in &placements {
        *received.entry(&placement.order_ref).or_default() += 1;
    }
    assert!(received.values().all(|count| *count == 1), "seed {seed}: {received:?}");
    assert!(received.len() > 10, "hardly any order was placed: {received:?}");
    for order in &known {
        let key = order["key"].as_str().expect("a key");
        let filled: rust_decimal::Decimal =
            executed.iter().filter(|fill| fill.order_ref == key).map(|fill| fill.quantity).sum();
        assert_eq!(order["filled"].as_str(), Some(filled.normalize().to_string().as_str()), "seed {seed}: {order}");
    }

    let told = desk
        .eventually("every fill with its commission", async || {
            let stored = desk.stored("IB_ORDERS").await;
            let fills: Vec<Value> = stored
                .into_iter()
                .filter(|(subject, _)| subject.starts_with("ib.fill."))
                .map(|(_, fill)| fill)
                .collect();
            let charged: BTreeSet<String> = fills
                .iter()
                .filter(|fill| !fill["commission"].is_null())
                .map(|fill| root(fill["exec_id"].as_str().expect("an id")))
                .collect();
            (charged.len() == executed.len()).then_some(fills)
        })
        .await;
    let mut news: BTreeSet<String> = BTreeSet::new();
    for fill in &told {
        let what = format!("{} {} {}", fill["exec_id"], fill["commission"], fill["realized_pnl"]);
        assert!(news.insert(what.clone()), "seed {seed}: told twice: {what}");
    }
    let roots: BTreeSet<String> = told.iter().map(|fill| root(fill["exec_id"].as_str().expect("an id"))).collect();
    assert_eq!(roots, executed.iter().map(|fill| root(&fill.exec_id)).collect(), "seed {seed}");
}
