//! Short histories of orders, each from one seed, in which the real process is killed at random moments, and with it
//! now and then the gateway or a real `nats-server`.
//!
//! `IBNATS_SEED=17 cargo test --test order_kills` runs one history; `IBNATS_SOAK=1` runs ten times as many, and one in
//! which the bridge is killed two dozen times.
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
use futures_util::{StreamExt as _, stream};
use ibnats::sim::{
    broker::{Behaviour, Callbacks, Executed, Placement},
    faults::{
        action::{Action, GatewayFault},
        rule::{Rule, When},
    },
};
use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

const HISTORIES: u64 = 24;
const SOAKED: u64 = 240;
/// Kills of one history; many in a soak's last one.
const ROUNDS: u32 = 2;
const ROUNDS_SOAKED: u32 = 24;
/// Histories at a time: most of one is waiting.
const AT_A_TIME: usize = 4;
const TIMING: &str = "[timing]\nsettle_ms = 2000\nreconnect_max_ms = 500\n";

/// Names the history whose test has failed.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("seed {0}: see it with IBNATS_SEED={0} cargo test --test order_kills", self.0);
        }
    }
}

/// Clients of one history.
struct Clients {
    random: ChaCha8Rng,
    price: f64,
    /// What was asked for first with each key: verb and payload.
    asked: BTreeMap<String, (&'static str, Value)>,
    /// Prices in cents; each message has one of its own.
    cents: BTreeSet<u32>,
    changes: u32,
}

impl Clients {
    /// A limit price that no other message of this history has.
    fn limit_price(&mut self) -> f64 {
        loop {
            let price = self.price * self.random.random_range(0.9..1.1);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a price in cents is small")]
            let cents = (price * 100.0).round() as u32;
            if self.cents.insert(cents) {
                return f64::from(cents) / 100.0;
            }
        }
    }

    fn order(&mut self, key: &str) -> Value {
        let side = if self.random.random_bool(0.5) { "buy" } else { "sell" };
        let mut order = json!({
            "key": key, "contract": "STK:AAPL", "side": side, "quantity": self.random.random_range(1..5),
            "order_type": "market", "wait_for": "sent", "timeout_ms": 2_000
        });
        if self.random.random_bool(0.5) {
            order["order_type"] = json!("limit");
            order["limit_price"] = json!(self.limit_price());
        }
        order
    }

    fn bracket(&mut self, key: &str) -> Value {
        let (entry, profit) = (self.limit_price(), self.limit_price());
        json!({
            "parent": {
                "key": key, "contract": "STK:AAPL", "side": "buy", "quantity": 2, "order_type": "limit",
                "limit_price": entry
            },
            "take_profit": { "limit_price": profit + 50.0 },
            "stop_loss": { "stop_price": (self.price * 50.0).round() / 100.0 }
        })
    }

    fn known(&mut self) -> Option<String> {
        let keys: Vec<&String> = self.asked.keys().collect();
        keys.choose(&mut self.random).map(|key| (*key).clone())
    }

    /// What is asked for next: new orders, and something about old ones.
    fn asks(&mut self, round: u32) -> Vec<(&'static str, Value)> {
        let mut asks = Vec::new();
        for number in 0..self.random.random_range(1..4) {
            let key = format!("r{round}-{number}");
            let ask = if self.random.random_bool(0.2) {
                ("order.bracket", self.bracket(&key))
            } else {
                ("order.place", self.order(&key))
            };
            self.asked.insert(key, ask.clone());
            asks.push(ask);
        }
        if self.random.random_bool(0.3)
            && let Some(key) = self.known()
        {
            asks.push(("order.cancel", json!({ "key": key })));
        }
        if self.random.random_bool(0.4)
            && let Some(key) = self.known()
        {
            self.changes += 1;
            let (id, price) = (format!("m{}", self.changes), self.limit_price());
            asks.push(("order.modify", json!({ "key": key, "modify_id": id, "limit_price": price })));
        }
        asks
    }
}

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

/// One round: clients ask, and the bridge dies before or after it has done anything about it.
async fn round(desk: &mut Desk, clients: &mut Clients, round: u32) {
    let asked: Vec<_> = clients.asks(round).iter().map(|(verb, payload)| ask(desk, verb, payload)).collect();
    if clients.random.random_bool(0.5) {
        // On a busy machine hardly a round would come so far by itself.
        let _ = tokio::time::timeout(Duration::from_secs(2), another_order(desk)).await;
    }
    tokio::time::sleep(Duration::from_millis(clients.random.random_range(0..60))).await;
    match clients.random.random_range(0..10) {
        0 | 1 => desk.sim().cut().await,
        2 | 3 => {
            let restart = Action::Gateway(GatewayFault::Restart { for_ms: clients.random.random_range(1..1_000) });
            let now = When::Start { at_ms: 0, every_ms: None };
            desk.sim().add_rule(Rule::new("the gateway restarts", now, restart)).await;
        }
        _ => {}
    }
    desk.kill_bridge().await;
    for caller in asked {
        caller.abort();
    }
    if clients.random.random_bool(0.2) {
        desk.nats.kill();
        desk.nats.restart();
    }
    desk.start_bridge(TIMING);
    desk.wait_ready().await;
    for _ in 0..2 {
        // The order that was placed first, or one that nobody has seen: but never a second one.
        if let Some(key) = clients.known() {
            let (verb, payload) = &clients.asked[&key];
            ask(desk, verb, payload);
        }
    }
}

/// Runs the history of a seed and judges it by the gateway's own account. Gives how many orders it received.
async fn history(seed: u64, rounds: u32) -> usize {
    let _told = Told(seed);
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge(TIMING);
    desk.wait_ready().await;
    let callbacks = Callbacks { late_permille: 200, late_ms_max: 300, doubled_permille: 200, missing_permille: 150 };
    let behaviour = Behaviour { ack_delay_ms: 20, commission_delay_ms: 50, callbacks, ..Behaviour::default() };
    desk.sim()
        .broker(move |broker, _, _| {
            broker.set_behaviour(behaviour);
            Vec::new()
        })
        .await;
    let mut clients = Clients {
        random: ChaCha8Rng::seed_from_u64(seed),
        price: desk.bid().await,
        asked: BTreeMap::new(),
        cents: BTreeSet::new(),
        changes: 0,
    };
    for number in 0..rounds {
        round(&mut desk, &mut clients, number).await;
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
    let mut received: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    let mut messages = BTreeSet::new();
    for placement in &placements {
        received.entry(&placement.order_ref).or_default().insert(placement.order_id);
        let message = (&placement.order_ref, placement.limit_price.map(f64::to_bits));
        assert!(messages.insert(message), "seed {seed}: received twice: {placement:?}");
    }
    assert!(received.values().all(|order_ids| order_ids.len() == 1), "seed {seed}: {received:?}");
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
    received.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_the_bridge_sends_each_key_once_and_tells_each_fill_once() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("IBNATS_SEED") {
        history(seed, ROUNDS).await;
        return;
    }
    let is_soak = std::env::var_os("IBNATS_SOAK").is_some();
    let count = number("IBNATS_KILLS").unwrap_or(if is_soak { SOAKED } else { HISTORIES });
    let histories = stream::iter(1..=count).map(|seed| history(seed, ROUNDS)).buffer_unordered(AT_A_TIME);
    let received: Vec<usize> = histories.collect().await;
    assert!(received.iter().sum::<usize>() >= received.len(), "hardly any order was placed: {received:?}");
    if is_soak {
        history(20_261_121, ROUNDS_SOAKED).await;
    }
}
