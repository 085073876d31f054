//! A gateway, a network or a host that says nothing, or too much, for a while: noticed, told, and over by itself.
//!
//! Pauses are seconds here and three minutes in `make soak`.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;
#[path = "rig/process.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod process;
#[path = "rig/wire.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod wire;

use std::{process::Stdio, time::Duration};

use bytes::BytesMut;
use desk::{Desk, now};
use ibnats::tws::{
    Response,
    message::{contract::Contract, order_flow::OpenOrder},
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use wire::{Mode, Wire};

/// Short deadlines, so that the tests are. After two minutes of connections without a login a person is needed, by all that
/// can be seen; the gateway is then dialled as seldom as that is configured.
const TIMING: &str = "[timing]\ndial_ms = 500\ngreeting_ms = 500\nlogin_ms = 1_000\nsync_ms = 2_000\n\
    reconnect_min_ms = 20\nreconnect_max_ms = 200\nprobe_after_ms = 600\nprobe_timeout_ms = 300\n\
    person_retry_ms = 200\n";
/// A silent link is given up this soon: silence, two probes, and what a busy machine adds.
const NOTICED: Duration = Duration::from_millis(600 + 2 * 300 + 2_000);
/// And is back this soon after the fault is over: the longest wait, an attempt that runs into its deadline, the login.
const BACK: Duration = Duration::from_millis(200 + 1_000 + 2_000 + 2_000);

fn pause() -> Duration {
    let is_soak = std::env::var_os("IBNATS_SOAK").is_some();
    if is_soak { Duration::from_secs(180) } else { Duration::from_secs(3) }
}

/// A bridge behind a wire, ready, with quotes.
async fn open() -> (Desk, Wire) {
    let mut desk = Desk::without_bridge().await;
    let wire = Wire::to(desk.addr()).await;
    let nats = format!("url = \"{}\"", desk.nats.url());
    desk.start_bridge_at(wire.port(), &nats, TIMING);
    desk.wait_ready().await;
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "ttl_s": 0 })).await;
    desk.listen("quote.>").await.next().await;
    (desk, wire)
}

async fn connection(desk: &Desk) -> Value {
    desk.get("pool.status", json!({})).await["connection"].clone()
}

/// How often the stream tells that the login became ready or stopped being so: `[false, true, ...]`.
async fn changes(desk: &Desk) -> Vec<bool> {
    let stored = desk.stored("IB_CONN").await;
    let states = stored.iter().filter(|(subject, _)| subject == "ib.conn.state");
    let mut changes: Vec<bool> = states.filter_map(|(_, state)| state["ready"].as_bool()).collect();
    changes.dedup();
    changes
}

/// The fault begins, is noticed and told; it ends, and everything comes back and is told once.
async fn silence(begin: impl Fn(&Wire)) {
    let (desk, wire) = open().await;
    begin(&wire);
    let began = now();
    desk.eventually("the loss", async || (connection(&desk).await["ready"] == false).then_some(())).await;
    let noticed = began.elapsed();
    assert!(noticed < NOTICED, "noticed after {noticed:?}");
    // The links are judged one by one.
    desk.eventually("a stale stream", async || {
        (desk.get("md.list", json!({})).await["upstream"][0]["stale"] == true).then_some(())
    })
    .await;
    let noticed = began.elapsed();
    assert!(noticed < NOTICED, "told of the stream after {noticed:?}");
    // It stays down, quietly: one loop that tries again.
    tokio::time::sleep(pause().saturating_sub(began.elapsed())).await;
    wire.set(Mode::Open);
    let ended = now();
    desk.wait_ready().await;
    let first = desk.listen("quote.>").await.next_where(|quote| quote["stale"] == false).await;
    let back = ended.elapsed();
    assert!(back < BACK, "back after {back:?}");
    assert!(first["bid"].is_number(), "{first}");
    desk.find_stored("IB_CONN", "the end of the gap", |stored| {
        stored.iter().rfind(|(subject, _)| subject.starts_with("ib.gap."))?.1["state"].eq("closed").then_some(())
    })
    .await;
    assert_eq!(changes(&desk).await, [false, true, false, true], "told once");
    assert_eq!(desk.sim().unreadable_count().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_open_socket_is_given_up_and_made_again() {
    silence(|wire| wire.set(Mode::Held)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_hears_but_says_nothing_is_given_up_and_dialled_again() {
    silence(|wire| wire.set(Mode::Mute)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_stalls_is_told_and_tried_again() {
    let mut desk = Desk::without_bridge().await;
    let wire = Wire::to(desk.addr()).await;
    wire.set(Mode::Held);
    let nats = format!("url = \"{}\"", desk.nats.url());
    desk.start_bridge_at(wire.port(), &nats, TIMING);
    desk.eventually("the reason", async || {
        let health = desk.client.request("ib.req.bridge.health", "".into()).await.ok()?;
        let health: Value = serde_json::from_slice(&health.payload).ok()?;
        let state = connection(&desk).await;
        let is_tried_again = state["trading"]["attempts"].as_u64() > Some(1);
        (is_tried_again && health["data"]["reasons"].to_string().contains("greet")).then_some(())
    })
    .await;
    wire.set(Mode::Open);
    let ended = now();
    desk.wait_ready().await;
    assert!(ended.elapsed() < BACK, "back after {:?}", ended.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_order_frames_before_the_next_order_id_do_not_make_or_break_a_login() {
    let mut desk = Desk::without_bridge().await;
    let wire = Wire::to(desk.addr()).await;
    let mut noise = BytesMut::new();
    for number in 1..=10_000 {
        let contract = Contract { con_id: Some(265_598), symbol: Some("AAPL".to_owned()), ..Contract::default() };
        let message = OpenOrder { order_id: Some(-number), contract: Some(contract), ..OpenOrder::default() };
        Response::OpenOrder(Box::new(message)).put(&mut noise);
    }
    wire.put_noise(noise.freeze());
    let nats = format!("url = \"{}\"", desk.nats.url());
    desk.start_bridge_at(wire.port(), &nats, "");
    desk.wait_ready().await;
    let order = desk.get("order.place", desk::buy("first", 1)).await;
    assert_eq!(order["state"], "filled", "{order}");
    assert_eq!(desk.sim().request_count("StartApiRequest").await, 2, "one login for each link");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_gateway_process_is_given_up_and_found_again_when_it_goes_on() {
    let mut desk = Desk::without_bridge().await;
    let mut gateway = tokio::process::Command::new(env!("CARGO_BIN_EXE_ibnats"))
        .args(["sim", "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the gateway starts");
    let mut lines = BufReader::new(gateway.stdout.take().expect("piped")).lines();
    let line = lines.next_line().await.expect("readable").expect("a line");
    let port = line.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let pid = gateway.id().expect("it runs");
    let nats = format!("url = \"{}\"", desk.nats.url());
    desk.start_bridge_at(port, &nats, TIMING);
    desk.wait_ready().await;
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "ttl_s": 0 })).await;
    desk.listen("quote.>").await.next().await;

    process::signal(pid, "STOP");
    let stopped = now();
    desk.eventually("the loss", async || (connection(&desk).await["ready"] == false).then_some(())).await;
    assert!(stopped.elapsed() < NOTICED, "noticed after {:?}", stopped.elapsed());
    tokio::time::sleep(pause().saturating_sub(stopped.elapsed())).await;
    process::signal(pid, "CONT");
    let went_on = now();
    desk.wait_ready().await;
    desk.listen("quote.>").await.next_where(|quote| quote["stale"] == false).await;
    assert!(went_on.elapsed() < BACK, "back after {:?}", went_on.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_bridge_goes_on_where_the_world_is() {
    let (desk, _wire) = open().await;
    let order = json!({
        "key": "rests", "contract": "STK:AAPL", "side": "buy", "quantity": 1, "order_type": "limit", "limit_price": 1.0
    });
    desk.get("order.place", order).await;
    process::signal(desk.bridge_pid(), "STOP");
    tokio::time::sleep(pause()).await;
    process::signal(desk.bridge_pid(), "CONT");
    let went_on = now();
    desk.wait_ready().await;
    let recv_us = |quote: &Value| quote["recv_us"].as_i64().expect("a time");
    let mut quotes = desk.listen("quote.>").await;
    let first = quotes.next_where(|quote| quote["stale"] == false).await;
    quotes.next_where(|quote| recv_us(quote) > recv_us(&first)).await;
    assert!(went_on.elapsed() < BACK, "back after {:?}", went_on.elapsed());
    let order = desk.get("order.get", json!({ "key": "rests" })).await;
    assert_eq!(order["order"]["state"], "working", "{order}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_bridge_reads_what_came_meanwhile_before_it_gives_anything_up() {
    const ANSWER_WITHIN: Duration = Duration::from_secs(2);
    let mut desk = Desk::without_bridge().await;
    let wire = Wire::to(desk.addr()).await;
    let nats = format!("url = \"{}\"", desk.nats.url());
    desk.start_bridge_at(wire.port(), &nats, "[timing]\nrequest_ms = 2_000\n");
    desk.wait_ready().await;
    // What is looked at first is left to chance, so once proves nothing.
    for round in 0..3 {
        let before = desk.sim().request_count("ContractDataRequest").await;
        wire.set(Mode::Mute);
        let asked: Vec<_> = (0..8)
            .map(|number| {
                let client = desk.client.clone();
                let payload = json!({ "contract": format!("STK:NO{round}X{number}"), "timeout_ms": 20_000 });
                tokio::spawn(async move { client.request("ib.req.contract.details", payload.to_string().into()).await })
            })
            .collect();
        desk.eventually("the questions", async || {
            (desk.sim().request_count("ContractDataRequest").await >= before + 8).then_some(())
        })
        .await;
        process::signal(desk.bridge_pid(), "STOP");
        wire.set(Mode::Open);
        tokio::time::sleep(ANSWER_WITHIN + Duration::from_millis(300)).await;
        process::signal(desk.bridge_pid(), "CONT");
        for reply in asked {
            let reply = reply.await.expect("no panic").expect("a reply").payload;
            let reply: Value = serde_json::from_slice(&reply).expect("JSON");
            assert_eq!(reply["error"]["code"], "unknown_contract", "round {round}: {reply}\n{}", desk.log());
        }
    }
    let pool = desk.get("pool.status", json!({})).await;
    assert!(!pool["breakers"].to_string().contains("open"), "{pool}");
}
