//! Simulated gateway, bridge and a real NATS server: what a strategy sees on a good day.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use desk::{Desk, buy};
use serde_json::{Value, json};

/// When the bridge said its first words, and when it first said ready.
fn started_and_ready(stored: &[(String, Value)]) -> Option<(i64, i64)> {
    let time = |wanted: &dyn Fn(&str, &Value) -> bool| {
        let (_, event) = stored.iter().find(|(subject, event)| wanted(subject, event))?;
        event["recv_us"].as_i64()
    };
    let started = time(&|subject, _| subject == "ib.bridge.started")?;
    let ready = time(&|subject, event| subject == "ib.conn.state" && event["ready"] == true)?;
    Some((started, ready))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bridge_is_ready_within_a_second_and_stops_within_five() {
    let mut desk = Desk::open().await;
    let (started_us, ready_us) = desk.find_stored("IB_CONN", "started and ready", started_and_ready).await;
    let cold_start_ms = (ready_us - started_us) / 1_000;
    println!("cold start to ready: {cold_start_ms} ms");
    assert!(cold_start_ms < 1_000, "{cold_start_ms} ms");

    let (elapsed, code) = desk.stop_bridge().await;
    assert_eq!(code, Some(0), "{}", desk.log());
    assert!(elapsed.as_secs() < 5, "{elapsed:?}");
    let (subject, _) = desk.stored("IB_CONN").await.pop().expect("events");
    assert!(subject == "ib.conn.state" || subject == "ib.bridge.stopping", "the last words are {subject}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotes_ticks_bars_and_depth_of_every_kind_of_instrument_arrive() {
    let desk = Desk::open().await;
    let mut events = desk.listen(">").await;
    let future = desk
        .get("contract.details", json!({ "contract": { "sec_type": "FUT", "symbol": "ES", "exchange": "CME" } }))
        .await;
    let future = format!("CONID:{}", future["contracts"][0]["instrument"]["con_id"]);
    for contract in ["STK:AAPL", "CASH:EUR.USD", future.as_str()] {
        let lease = desk.get("md.subscribe", json!({ "contract": contract, "streams": ["quote", "tick"] })).await;
        assert!(lease["streams"][0]["subject"].as_str().expect("a subject").starts_with("ib.quote."));
    }
    let streams = ["tbt.all_last", "tbt.bid_ask", "bar.5s", "depth"];
    desk.get("md.subscribe", json!({ "contract": "STK:MSFT", "streams": streams })).await;
    let mut wanted = vec![
        "ib.quote.STK.AAPL.",
        "ib.quote.CASH.EUR=2EUSD.",
        "ib.quote.FUT.ES",
        "ib.tick.STK.AAPL.",
        "ib.tbt.STK.MSFT.SMART.USD.all_last",
        "ib.tbt.STK.MSFT.SMART.USD.bid_ask",
        "ib.bar.STK.MSFT.SMART.USD.5s",
        "ib.depth.STK.MSFT.",
    ];
    while !wanted.is_empty() {
        let (subject, _) = events.next().await;
        wanted.retain(|prefix| !subject.starts_with(prefix));
    }
    let leases = desk.get("md.list", json!({})).await;
    assert_eq!(leases["leases"].as_array().expect("leases").len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_placed_filled_reported_and_never_repeated() {
    let desk = Desk::open().await;
    let mut fills = desk.listen("fill.>").await;
    let placed = desk.get("order.place", buy("walk-1", 10)).await;
    assert_eq!((&placed["state"], &placed["repeated"]), (&json!("filled"), &json!(false)), "{placed}");
    assert_eq!(placed["order"]["filled"], "10");

    let fill = fills.next_where(|fill| !fill["commission"].is_null()).await;
    assert_eq!((&fill["key"], &fill["side"]), (&json!("walk-1"), &json!("buy")));

    let again = desk.get("order.place", buy("walk-1", 10)).await;
    assert_eq!((&again["state"], &again["repeated"]), (&json!("filled"), &json!(true)));
    let (code, message) = desk.refused("order.place", &buy("walk-1", 11).to_string()).await;
    assert_eq!(code, "invalid_request");
    assert!(message.contains("quantity"), "{message}");
    assert_eq!(desk.orders_sent().await, 1);

    let positions = desk.get("account.positions", json!({})).await;
    assert_eq!(positions["positions"][0]["position"], "10", "{positions}");
    let profits = desk.eventually("the profit of the position", async || {
        let profits = desk.get("account.pnl", json!({ "positions": true })).await;
        Some(profits).filter(|profits| profits["positions"][0]["position"] == "10")
    });
    assert_eq!(profits.await["accounts"].as_array().map(Vec::len), Some(1));
    let executions = desk.get("account.executions", json!({})).await;
    assert_eq!(executions["fills"][0]["exec_id"], fill["exec_id"]);
    let orders = desk.get("order.list", json!({ "filter": "final" })).await;
    assert_eq!(orders["orders"][0]["key"], "walk-1");
    let summary = desk.get("account.summary", json!({})).await;
    assert!(summary["values"].as_array().expect("values").iter().any(|value| value["tag"] == "NetLiquidation"));
    assert_eq!(desk.get("account.list", json!({})).await["accounts"][0]["paper"], true);

    let states = desk.find_stored("IB_ORDERS", "the last state in the stream", |stored| {
        let state = |(_, event): &(String, Value)| event["state"].as_str().map(str::to_owned);
        Some(stored.iter().filter_map(state).collect::<Vec<_>>())
            .filter(|states| states.last().is_some_and(|last| last == "filled"))
    });
    assert_eq!(states.await.first().map(String::as_str), Some("journaled"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_order_works_is_cancelled_and_says_so() {
    let desk = Desk::open().await;
    let order = json!({
        "key": "rest-1", "contract": "STK:AAPL", "side": "buy", "quantity": "5", "order_type": "limit", "limit_price": 1.0
    });
    let placed = desk.get("order.place", order).await;
    assert_eq!(placed["state"], "working", "{placed}");
    assert_eq!(desk.get("order.list", json!({})).await["orders"][0]["key"], "rest-1");
    let cancelled = desk.get("order.cancel", json!({ "key": "rest-1" })).await;
    assert_eq!(cancelled["state"], "cancelled", "{cancelled}");
    assert_eq!(desk.get("order.list", json!({})).await["orders"], json!([]));
    let (code, _) = desk.refused("order.cancel", r#"{"key":"never-placed"}"#).await;
    assert_eq!(code, "invalid_request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_contracts_and_status_are_answered() {
    let desk = Desk::open().await;
    let page = desk.get("hist.bars", json!({ "contract": "STK:AAPL", "bar_size": "1m", "duration": "2h" })).await;
    assert_eq!((&page["page"], &page["last"]), (&json!(0), &json!(true)));
    let rows = page["rows"].as_array().expect("rows");
    assert!((118..=121).contains(&rows.len()), "{} rows", rows.len());
    assert_eq!(page["manifest"]["holes"], json!([]), "{}", page["manifest"]);
    let starts: Vec<i64> = rows.iter().map(|row| row["start_us"].as_i64().expect("a time")).collect();
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == 60_000_000), "{starts:?}");

    let range = json!({ "contracts": ["STK:AAPL", "STK:NOSUCH"], "bar_size": "5s", "duration": "1h" });
    let batch = desk.get("hist.batch", range).await;
    assert_eq!((&batch["last"], &batch["manifest"]["served"]), (&json!(true), &json!(1)), "{batch}");
    let now_us = desk.sim().now_ms() * 1_000;
    let range = json!({ "contract": "STK:AAPL", "kind": "bid_ask", "start": now_us - 90_000_000 });
    let ticks = desk.get("hist.ticks", range).await;
    assert!(ticks["rows"].as_array().expect("rows").len() > 300, "{ticks}");
    let schedule = desk.get("hist.schedule", json!({ "contract": "STK:AAPL", "duration": "10d" })).await;
    assert!(schedule["sessions"].as_array().expect("sessions").len() >= 6, "{schedule}");
    let histogram = desk.get("hist.histogram", json!({ "contract": "STK:AAPL", "period": "3d" })).await;
    assert_ne!(histogram["rows"], json!([]));
    assert_eq!(desk.sim().violations().await, []);

    let head = desk.get("hist.head", json!({ "contract": "STK:AAPL" })).await;
    assert!(head["head_us"].as_i64().expect("a time") < starts[0]);
    // The answer does not wait for it.
    desk.eventually("the cancel", async || (desk.sim().request_count("CancelHeadTimestamp").await == 1).then_some(()))
        .await;

    let found = desk.get("contract.search", json!({ "pattern": "AAP" })).await;
    assert_eq!(found["matches"][0]["symbol"], "AAPL", "{found}");
    let checked =
        desk.get("contract.validate", json!({ "contracts": ["STK:AAPL", "STK:NOSUCH", "STK:SHOP@SMART/CAD"] })).await;
    let ok: Vec<&Value> = checked["results"].as_array().expect("results").iter().map(|result| &result["ok"]).collect();
    assert_eq!(ok, [true, false, true], "{checked}");
    let snapshot = desk.get("md.snapshot", json!({ "contract": "STK:AAPL", "timeout_ms": 15_000 })).await;
    assert!(snapshot["quote"]["bid"].as_f64().expect("a bid") > 0.0);

    assert_eq!(desk.get("bridge.info", json!({})).await["server_version"], 226);
    assert!(desk.get("pace.status", json!({})).await["messages_per_second"]["max"].as_u64() > Some(0));
    assert_eq!(desk.get("pool.status", json!({})).await["connection"]["ready"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_gets_a_clear_error_and_loses_nothing() {
    let desk = Desk::open().await;
    let cases = [
        ("md.subscribe", r#"{"contract":"STK:NOSUCH"}"#, "unknown_contract", "NOSUCH"),
        ("contract.details", r#"{"contract":"AAPL"}"#, "invalid_request", "STK:AAPL"),
        (
            "hist.bars",
            r#"{"contract":{"sec_type":"FUT","symbol":"ES","exchange":"CME"},"bar_size":"1m","duration":"1h"}"#,
            "ambiguous_contract",
            "ES",
        ),
        ("md.subscribe", r#"{"contract":"STK:AAPL","steams":["quote"]}"#, "invalid_request", "steams"),
        ("md.subscribe", r#"{"contract":"STK:AAPL","ttl_s":"soon"}"#, "invalid_request", "ttl_s"),
        (
            "order.place",
            r#"{"contract":"STK:AAPL","side":"buy","quantity":1,"order_type":"market"}"#,
            "invalid_request",
            "key",
        ),
        (
            "order.place",
            r#"{"key":"bad-1","contract":"STK:AAPL","side":"buy","quantity":0,"order_type":"market"}"#,
            "invalid_request",
            "quantity",
        ),
        (
            "order.place",
            r#"{"key":"bad-2","contract":"STK:AAPL","side":"buy","quantity":1,"order_type":"limit"}"#,
            "invalid_request",
            "limit_price",
        ),
        (
            "order.place",
            r#"{"key":"bad-3","contract":"STK:AAPL","side":"buy","quantity":1,"order_type":"market","limit_prize":1}"#,
            "invalid_request",
            "limit_prize",
        ),
        ("hist.bars", r#"{"contract":"STK:AAPL","bar_size":"7m","duration":"1h"}"#, "invalid_request", "7m"),
        ("bridge.health", "{", "invalid_request", ""),
    ];
    for (verb, payload, code, part) in cases {
        let (found, message) = desk.refused(verb, payload).await;
        assert_eq!(found, code, "{verb} {payload}: {message}");
        assert!(message.contains(part), "{verb} {payload}: {message}");
    }
    assert_eq!(desk.orders_sent().await, 0);
    desk.wait_ready().await;
}
