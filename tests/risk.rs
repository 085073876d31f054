//! The kill switch and the limits of a real bridge: by request, by file, by signal, and over restarts.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::process::Command;

use desk::Desk;
use serde_json::{Value, json};

const LIMITS: &str = "[risk.limits]\nopen_orders = 200\n[risk.clients.alpha]\norder_quantity = 10\n";

/// A limit order far from the market: it stays open.
fn resting(key: &str, quantity: u32) -> Value {
    json!({
        "key": key, "contract": "STK:AAPL", "side": "buy", "quantity": quantity, "order_type": "limit",
        "limit_price": 1.0, "tif": "gtc"
    })
}

async fn open(desk: &Desk) -> usize {
    desk.get("order.list", json!({})).await["orders"].as_array().expect("orders").len()
}

async fn halted(desk: &Desk) -> bool {
    desk.get("risk.limits", json!({})).await["halted"].is_object()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halt_empties_the_book_and_outlives_a_kill() {
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge(LIMITS);
    desk.wait_ready().await;
    // Their names come in another order than they do. IB takes 20 of one contract and side.
    let contracts = ["STK:AAPL", "STK:MSFT", "STK:NVDA", "STK:TSLA", "STK:SPY"];
    for number in (0..100).rev() {
        let mut order = resting(&format!("k{number}"), 5);
        order["contract"] = json!(contracts[number % contracts.len()]);
        assert_eq!(desk.get("order.place", order).await["state"], "working", "{number}");
    }
    let answer = desk.get("risk.halt.desk", json!({ "reason": "drill" })).await;
    assert_eq!((&answer["cancels"], &answer["halted"]["by"]), (&json!(100), &json!("desk")));
    let (code, message) = desk.refused("order.place", &resting("late", 5).to_string()).await;
    assert_eq!(code, "rejected_by_risk");
    assert!(message.contains("halted by desk (drill)"), "{message}");
    desk.eventually("no order is open", async || (open(&desk).await == 0).then_some(())).await;
    assert_eq!(desk.sim().request_count("CancelOrderRequest").await, 100);
    // In the order of the gateway's word. A reason may follow the end of an order.
    let cancelled = async || {
        let mut keys: Vec<Value> = Vec::new();
        for (_, event) in desk.stored("IB_ORDERS").await {
            if event["state"] == "cancelled" && !keys.contains(&event["key"]) {
                keys.push(event["key"].clone());
            }
        }
        (keys.len() == 100).then_some(keys)
    };
    let oldest_first: Vec<Value> = (0..100).rev().map(|number| json!(format!("k{number}"))).collect();
    assert_eq!(desk.eventually("every end is told", cancelled).await, oldest_first);

    desk.kill_bridge().await;
    desk.start_bridge(LIMITS);
    desk.wait_ready().await;
    assert_eq!(desk.refused("order.place", &resting("later", 5).to_string()).await.0, "rejected_by_risk");
    assert_eq!(desk.get("risk.resume.desk", json!({})).await, json!({ "was_halted": true }));
    assert_eq!(desk.get("order.place", resting("again", 5)).await["state"], "working");

    let decisions: Vec<_> =
        desk.stored("IB_AUDIT").await.into_iter().map(|(_, event)| event["decision"].clone()).collect();
    let count = |decision: &str| decisions.iter().filter(|one| *one == decision).count();
    // 101 orders, the halt and the resume; the two orders that came too late.
    assert_eq!((count("accepted"), count("refused")), (103, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halt_that_was_acknowledged_is_not_forgotten_by_a_crash() {
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge(LIMITS);
    desk.wait_ready().await;
    for round in 0..3 {
        let answer = desk.get("risk.halt.desk", json!({ "reason": format!("round {round}") })).await;
        desk.kill_bridge().await;
        assert_eq!(answer["kept"], true);
        desk.start_bridge(LIMITS);
        desk.wait_ready().await;
        let limits = desk.get("risk.limits", json!({})).await;
        assert_eq!(limits["halted"]["reason"], format!("round {round}"));
        assert_eq!(desk.get("risk.resume.desk", json!({})).await, json!({ "was_halted": true }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_cannot_be_read_is_audited() {
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge(LIMITS);
    desk.wait_ready().await;
    desk.refused("order.place.alpha", r#"{"key":"strange","oops":1}"#).await;
    desk.refused("order.cancel", "no JSON").await;
    desk.client.publish("ib.req.order.cancel_all.beta", "{}".into()).await.expect("published");
    // A question changes nothing.
    desk.refused("order.get", "no JSON").await;
    let audited = async || {
        let told = desk.stored("IB_AUDIT").await.into_iter().map(|(_, event)| event);
        let told: Vec<Value> = told.collect();
        (told.len() == 3).then_some(told)
    };
    let audited = desk.eventually("all are told", audited).await;
    let of = |verb: &str| audited.iter().find(|event| event["verb"] == verb).expect("audited");
    let (place, cancel, unheard) = (of("order.place"), of("order.cancel"), of("order.cancel_all"));
    assert_eq!((&place["client"], &place["key"]), (&json!("alpha"), &json!("strange")));
    assert_eq!(place["request"], r#"{"key":"strange","oops":1}"#);
    for event in [place, cancel, unheard] {
        assert_eq!((&event["decision"], &event["code"]), (&json!("refused"), &json!("invalid_request")), "{event}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_and_a_signal_halt_as_a_request_does() {
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge(LIMITS);
    desk.wait_ready().await;
    assert_eq!(desk.get("order.place", resting("k1", 5)).await["state"], "working");

    let file = desk.state().join("halt");
    std::fs::write(&file, "").expect("a file");
    desk.eventually("the file halts", async || halted(&desk).await.then_some(())).await;
    desk.eventually("no order is open", async || (open(&desk).await == 0).then_some(())).await;
    let (_, message) = desk.refused("risk.resume", "{}").await;
    assert!(message.contains("remove it first"), "{message}");
    std::fs::remove_file(&file).expect("removed");
    let resumed = async || {
        let reply = desk.ask("risk.resume", json!({})).await;
        (reply["ok"] == json!(true)).then_some(())
    };
    desk.eventually("a request resumes", resumed).await;

    assert!(!halted(&desk).await);
    let pid = desk.bridge_pid().to_string();
    assert!(Command::new("kill").args(["-USR1", &pid]).status().expect("kill runs").success());
    desk.eventually("the signal halts", async || halted(&desk).await.then_some(())).await;
    let limits = desk.get("risk.limits", json!({})).await;
    assert_eq!(limits["halted"]["by"], "@signal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_per_client_and_change_while_the_bridge_runs() {
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge(LIMITS);
    desk.wait_ready().await;
    let (code, message) = desk.refused("order.place.alpha", &resting("a1", 11).to_string()).await;
    assert_eq!(code, "rejected_by_risk");
    assert!(message.starts_with("risk.clients.alpha.order_quantity:"), "{message}");
    assert_eq!(desk.get("order.place.beta", resting("b1", 11)).await["state"], "working");
    desk.get("risk.set_limits", json!({ "name": "alpha", "limits": { "order_quantity": 20 } })).await;
    assert_eq!(desk.get("order.place.alpha", resting("a1", 11)).await["state"], "working");
    let limits = desk.get("risk.limits", json!({})).await;
    assert_eq!(limits["clients"]["alpha"]["source"], "request");
    assert_eq!(limits["clients"]["alpha"]["orders_last_minute"], 1);

    // A promise that is broken cancels alpha's order and leaves beta's.
    desk.get("risk.heartbeat.alpha", json!({ "ttl_s": 1 })).await;
    let left = async || {
        let list = desk.get("order.list", json!({})).await;
        let keys: Vec<_> =
            list["orders"].as_array().expect("orders").iter().map(|order| order["key"].clone()).collect();
        (keys == ["b1"]).then_some(())
    };
    desk.eventually("only beta's order is open", left).await;
}
