//! Orders while the bridge dies, the gateway's sockets end, or the gateway says nothing.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::collections::BTreeMap;

use desk::{Desk, buy, limit};
use serde_json::{Value, json};

fn with(mut order: Value, field: &str, value: Value) -> Value {
    order[field] = value;
    order
}

async fn keys(desk: &Desk, filter: &str) -> BTreeMap<String, String> {
    let list = desk.get("order.list", json!({ "filter": filter })).await;
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    list["orders"]
        .as_array()
        .expect("orders")
        .iter()
        .map(|order| (text(&order["key"]), text(&order["state"])))
        .collect()
}

/// Dollars at the gateway, whatever anybody was told.
async fn cash(desk: &Desk) -> Option<rust_decimal::Decimal> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    desk.sim()
        .broker(move |broker, _, _| {
            let _ = sender.send(broker.cash("DU1234567", "USD"));
            Vec::new()
        })
        .await;
    receiver.await.ok()?
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_bridge_sends_no_key_again_and_tells_the_fills_it_missed() {
    let mut desk = Desk::open().await;
    assert_eq!(desk.get("order.place", buy("before", 2)).await["state"], "filled");
    let bid = desk.bid().await;
    assert_eq!(desk.get("order.place", limit("works", bid * 0.5)).await["state"], "working");
    assert_eq!(desk.get("order.place", limit("fills", bid * 0.9)).await["state"], "working");
    desk.eventually("a commission", async || {
        desk.stored("IB_ORDERS").await.iter().any(|(_, event)| !event["commission"].is_null()).then_some(())
    })
    .await;

    let before = cash(&desk).await;
    desk.kill_bridge().await;
    assert!(desk.sim().set_price("AAPL", bid * 0.8).await);
    desk.eventually("a fill at the gateway", async || (cash(&desk).await < before).then_some(())).await;
    desk.start_bridge("");
    desk.wait_ready().await;

    let open = keys(&desk, "open").await;
    assert_eq!(open, BTreeMap::from([("works".to_owned(), "working".to_owned())]));
    let over = keys(&desk, "final").await;
    let filled = |key: &str| (key.to_owned(), "filled".to_owned());
    assert_eq!(over, BTreeMap::from([filled("before"), filled("fills")]));

    for (order, state) in
        [(limit("works", bid * 0.5), "working"), (limit("fills", bid * 0.9), "filled"), (buy("before", 2), "filled")]
    {
        let again = desk.get("order.place", order).await;
        assert_eq!((&again["state"], &again["repeated"]), (&json!(state), &json!(true)), "{again}");
    }
    assert_eq!(desk.orders_sent().await, 3);

    desk.eventually("the missed fill", async || {
        let stored = desk.stored("IB_ORDERS").await;
        let missed = |(subject, event): &(String, Value)| {
            subject == "ib.fill.DU1234567.fills" && event["recovered"] == true && !event["commission"].is_null()
        };
        stored.iter().any(missed).then_some(())
    })
    .await;
    // With and without commission at most: the download after the start told the old fills again.
    let mut told: BTreeMap<String, u32> = BTreeMap::new();
    let mut shares: BTreeMap<String, String> = BTreeMap::new();
    for (subject, event) in desk.stored("IB_ORDERS").await {
        if let (true, Some(exec_id)) = (subject.starts_with("ib.fill."), event["exec_id"].as_str()) {
            *told.entry(format!("{exec_id} {}", event["commission"])).or_default() += 1;
            shares.insert(exec_id.to_owned(), event["quantity"].as_str().expect("a size").to_owned());
        }
    }
    assert!(told.values().all(|count| *count == 1), "{told:?}");
    let total: u32 = shares.values().map(|size| size.parse::<u32>().expect("whole shares")).sum();
    assert_eq!(total, 5, "{shares:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_ends_right_after_the_order_left_does_not_make_it_two() {
    let desk = Desk::open().await;
    let bid = desk.bid().await;
    for round in 1..=5 {
        let key = format!("cut-{round}");
        let order = limit(&key, bid * 0.5);
        let cut = async {
            desk.eventually("the order", async || (desk.orders_sent().await == round).then_some(())).await;
            desk.sim().cut().await;
        };
        // The bridge may not have noticed the last cut, or not be back yet: it says so and sends nothing.
        let place = desk.eventually("an order that is taken", async || {
            let reply = desk.ask("order.place", with(order.clone(), "timeout_ms", json!(20_000))).await;
            (reply["error"]["code"] != "not_ready").then_some(reply)
        });
        let (reply, ()) = tokio::join!(place, cut);
        assert_eq!(reply["data"]["state"], "working", "{reply}");
        desk.wait_ready().await;
        let again = desk.get("order.place", order).await;
        assert_eq!((&again["state"], &again["repeated"]), (&json!("working"), &json!(true)), "{again}");
        assert_eq!(desk.orders_sent().await, round);
    }
    assert_eq!(keys(&desk, "open").await.len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_gets_no_answer_ends_in_doubt_and_is_never_sent_again() {
    let desk = Desk::open().await;
    let order = limit("silent", desk.bid().await * 0.5);
    desk.sim().mute("PlaceOrderRequest").await;
    let first = desk.get("order.place", with(order.clone(), "timeout_ms", json!(300))).await;
    assert_eq!((&first["state"], &first["repeated"]), (&json!("sent"), &json!(false)), "{first}");

    desk.sim().cut().await;
    desk.eventually("doubt", async || (keys(&desk, "open").await["silent"] == "outcome_unknown").then_some(())).await;
    desk.sim().unmute("PlaceOrderRequest").await;
    desk.wait_ready().await;
    for wait_for in ["sent", "working", "final"] {
        let again = desk.get("order.place", with(order.clone(), "wait_for", json!(wait_for))).await;
        assert_eq!((&again["state"], &again["repeated"]), (&json!("outcome_unknown"), &json!(true)), "{again}");
    }
    assert_eq!(desk.orders_sent().await, 1);
    // The gateway knows no such order, which proves nothing about IB.
    let cancelled = desk.get("order.cancel", json!({ "key": "silent" })).await;
    assert_eq!(cancelled["state"], "outcome_unknown", "{cancelled}");
    let other = desk.get("order.place", limit("heard", 1.0)).await;
    assert_eq!(other["state"], "working");
}
