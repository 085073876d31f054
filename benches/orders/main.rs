//! From an order request on NATS to its bytes on the gateway's socket, the journal's disk included, while history
//! requests saturate their pacing; and cancels in a burst of orders.
//!
//! The bridge is a process of its own (`ibnats run`). Prints medians and 99th percentiles; judges nothing.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench may end loudly and reads the clock"
)]

#[path = "../desk/mod.rs"]
mod desk;
#[path = "../flood/gateway.rs"]
#[allow(dead_code, reason = "the flood is the other bench")]
mod flood_gateway;
mod gateway;

use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use async_nats::{Client, Request};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use desk::{bridge, nats_server, nats_url, until};
use gateway::Arrivals;

/// Orders measured one by one. They stay below the login's message rate, which would be measured else.
const ORDERS: usize = 400;
const BETWEEN_ORDERS: Duration = Duration::from_millis(100);
/// Orders of one burst, more than a second's messages, with a cancel in the middle of it.
const BURST: usize = 80;
const BURSTS: usize = 5;
/// History requests that wait for their turn all the time.
const HISTORY: usize = 100;
const LIMIT: Duration = Duration::from_secs(30);
/// A client of history asks again no sooner, whatever came of its last request, and no later.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(5);

fn main() {
    if env::args().any(|argument| argument == "--test") {
        // `cargo test --benches` only wants to know that it starts.
        return;
    }
    let is_quick = env::args().any(|argument| argument == "--quick");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(if is_quick { ORDERS / 4 } else { ORDERS }));
}

async fn run(orders: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = nats_server(folder.path());
    let url = nats_url(folder.path()).await;
    let arrivals = Arrivals::default();
    let port = gateway::start(arrivals.clone()).await;
    let mut bridge = bridge(folder.path(), &url, port, "");
    let client = async_nats::connect(&url).await.expect("the server");
    while !ask(&client, "bridge.health", json!({})).await.is_some_and(|health| health["data"]["ok"] == true) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("write and sync of 4 KiB on this disk: {}", figures(&mut disk(folder.path())));

    one_by_one(&client, &arrivals, "idle", orders).await;
    let mut history = JoinSet::new();
    for number in 0..HISTORY {
        let client = client.clone();
        history.spawn(async move {
            loop {
                let contract = format!("STK:S{}", 1 + number % 20);
                let asked = json!({ "contract": contract, "bar_size": "5s", "duration": "1d", "timeout_ms": 60_000 });
                let reply = ask(&client, "hist.bars", asked).await.unwrap_or_default();
                // Refused: it comes again when it is told to, or somewhat sooner.
                let after = reply["error"]["retry_after_ms"].as_u64().unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(after).clamp(LOOK_AGAIN, LOOK_AGAIN_MAX)).await;
            }
        });
    }
    until(LIMIT, || arrivals.history() >= 20).await;
    one_by_one(&client, &arrivals, "history saturated", orders).await;
    bursts(&client, &arrivals).await;
    history.abort_all();
    bridge.kill().await.expect("the bridge ends");
    server.kill().await.expect("the server ends");
}

/// Places and cancels one order after the other.
async fn one_by_one(client: &Client, arrivals: &Arrivals, name: &str, orders: usize) {
    let (mut placing, mut cancelling) = (Vec::new(), Vec::new());
    let run = name.split(' ').next().unwrap_or_default();
    for number in 0..orders {
        let key = format!("{run}-{number}");
        // The first lookup of the contract is not part of it.
        let asked_at = Instant::now();
        let placed = ask(client, "order.place", order(&key)).await.expect("an answer");
        assert_eq!(placed["data"]["state"], "working", "{placed}");
        if number > 0 {
            placing.push(arrivals.placed(&key).expect("it arrived").duration_since(asked_at));
        }
        tokio::time::sleep(BETWEEN_ORDERS).await;
        let asked_at = Instant::now();
        let cancelled = ask(client, "order.cancel", json!({ "key": key })).await.expect("an answer");
        assert_eq!(cancelled["data"]["state"], "cancelled", "{cancelled}");
        cancelling.push(arrivals.cancelled(&key).expect("it arrived").duration_since(asked_at));
        tokio::time::sleep(BETWEEN_ORDERS).await;
    }
    println!("{name}: order request to bytes on the socket: {}", figures(&mut placing));
    println!("{name}: cancel request to bytes on the socket: {}", figures(&mut cancelling));
}

/// A cancel in the middle of more orders than the login may send in a second.
async fn bursts(client: &Client, arrivals: &Arrivals) {
    let (mut cancelling, mut overtaken, mut behind) = (Vec::new(), 0, 0);
    for burst in 0..BURSTS {
        let victim = format!("victim-{burst}");
        ask(client, "order.place", order(&victim)).await.expect("an answer");
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let mut placing = JoinSet::new();
        for number in 0..BURST {
            let (client, key) = (client.clone(), format!("burst-{burst}-{number}"));
            placing.spawn(async move { ask(&client, "order.place", order(&key)).await });
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let asked_at = Instant::now();
        ask(client, "order.cancel", json!({ "key": victim })).await.expect("an answer");
        let cancelled = arrivals.cancelled(&victim).expect("it arrived");
        while placing.join_next().await.is_some() {}
        let after = |from: Instant, to: Instant| {
            let at = |number| arrivals.placed(&format!("burst-{burst}-{number}"));
            (0..BURST).filter_map(at).filter(|at| *at > from && *at < to).count()
        };
        behind += after(asked_at, cancelled);
        overtaken += after(cancelled, Instant::now());
        cancelling.push(cancelled.duration_since(asked_at));
    }
    println!("bursts of {BURST} orders: cancel request to bytes on the socket: {}", figures(&mut cancelling));
    println!("  orders sent between request and cancel: {behind}; orders overtaken by the cancels: {overtaken}");
}

fn order(key: &str) -> Value {
    json!({
        "key": key, "contract": "STK:S1", "side": "buy", "quantity": 1, "order_type": "limit", "limit_price": 1.0,
        "timeout_ms": 20_000
    })
}

async fn ask(client: &Client, verb: &str, payload: Value) -> Option<Value> {
    let request = Request::new().payload(payload.to_string().into()).timeout(Some(LIMIT));
    let reply = client.send_request(format!("bench.req.{verb}"), request).await.ok()?;
    serde_json::from_slice(&reply.payload).ok()
}

/// What the journal cannot be faster than.
fn disk(folder: &Path) -> Vec<Duration> {
    use std::io::{Seek as _, Write as _};
    let mut file = fs::File::create(folder.join("probe")).expect("a file");
    file.write_all(&vec![0; 64 * 1_024]).and_then(|()| file.sync_all()).expect("written");
    let one = |number: u64| {
        let started = Instant::now();
        file.seek(std::io::SeekFrom::Start(number % 16 * 4_096)).expect("moved");
        file.write_all(&[1; 4_096]).and_then(|()| file.sync_data()).expect("written");
        started.elapsed()
    };
    (0..200).map(one).collect()
}

fn figures(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |hundredths: usize| times[(times.len() - 1) * hundredths / 100].as_secs_f64() * 1e3;
    format!("median {:.2} ms, 99th percentile {:.2} ms, longest {:.2} ms ({})", at(50), at(99), at(100), times.len())
}
