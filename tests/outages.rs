//! What a strategy is told, and what comes back by itself, when the gateway or NATS goes away.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::time::Duration;

use desk::{Desk, buy, now};
use ibnats::{sim::SimConfig, tws::ServerVersion};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_dies_is_told_at_once_and_its_streams_come_back() {
    let mut desk = Desk::open().await;
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "ttl_s": 0 })).await;
    desk.listen("quote.>").await.next().await;

    let stopped_at = now();
    desk.stop_sim().await;
    desk.eventually("not ready", async || {
        let status = desk.get("pool.status", json!({})).await;
        (status["connection"]["ready"] == false).then_some(())
    })
    .await;
    assert!(stopped_at.elapsed() < Duration::from_secs(5), "told after {:?}", stopped_at.elapsed());
    desk.find_stored("IB_CONN", "the loss in the stream", |stored| {
        let (_, last) = stored.iter().rfind(|(subject, _)| subject == "ib.conn.state")?;
        (last["ready"] == false).then_some(())
    })
    .await;
    let (code, _) = desk.refused("order.place", &buy("too-soon", 1).to_string()).await;
    assert_eq!(code, "not_ready");
    let stale = desk.get("md.list", json!({})).await["upstream"][0]["stale"].clone();
    assert_eq!(stale, true);

    desk.start_sim().await;
    let mut quotes = desk.listen("quote.>").await;
    let first = quotes.next_where(|quote| quote["stale"] == false).await;
    assert_eq!(first["after_gap"], true, "{first}");
    assert!(quotes.next_where(|_| true).await["after_gap"].is_null());
    assert_eq!(desk.sim().request_count("MarketDataRequest").await, 1);
    desk.wait_ready().await;
    let states = desk.find_stored("IB_CONN", "the gap's end", |stored| {
        let gaps = stored.iter().filter(|(subject, _)| subject.starts_with("ib.gap."));
        let states: Vec<String> = gaps.filter_map(|(_, gap)| gap["state"].as_str().map(str::to_owned)).collect();
        (states.len() >= 2).then_some(states)
    });
    assert_eq!(states.await, ["opened", "closed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_gateway_port_is_told_and_retried() {
    let mut desk = Desk::without_bridge().await;
    desk.stop_sim().await;
    desk.start_bridge("");
    let reasons = desk
        .eventually("health", async || {
            let reply = desk.client.request("ib.req.bridge.health", "".into()).await.ok()?;
            let reply: serde_json::Value = serde_json::from_slice(&reply.payload).ok()?;
            let reasons = reply["data"]["reasons"].to_string();
            reasons.contains("refused").then_some(reasons)
        })
        .await;
    assert!(reasons.contains("trading link"), "{reasons}");
    let (code, message) = desk.refused("contract.details", r#"{"contract":"STK:AAPL"}"#).await;
    assert_eq!(code, "not_ready", "{message}");
    desk.start_sim().await;
    desk.wait_ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_gateway_is_named_with_what_to_install() {
    let mut desk = Desk::without_bridge().await;
    desk.stop_sim().await;
    let config = SimConfig { listen: desk.addr(), version_max: ServerVersion(187), ..SimConfig::default() };
    desk.start_sim_as(config).await;
    desk.start_bridge("");
    desk.eventually("the version", async || {
        let reply = desk.client.request("ib.req.bridge.health", "".into()).await.ok()?;
        let text = String::from_utf8(reply.payload.to_vec()).ok()?;
        (text.contains("187") && text.contains("10.40")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_may_come_up_after_the_bridge() {
    let mut desk = Desk::without_bridge().await;
    desk.nats.kill();
    desk.start_bridge("[[subscriptions]]\ncontract = \"STK:AAPL\"\n");
    desk.eventually("a log line", async || desk.log().contains("NATS").then_some(())).await;
    desk.nats.restart();
    desk.wait_ready().await;
    desk.listen("quote.>").await.next().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fill_that_happens_while_nats_is_away_is_published_when_it_returns() {
    let mut desk = Desk::open().await;
    let quote = desk.get("md.snapshot", json!({ "contract": "STK:AAPL", "timeout_ms": 15_000 })).await;
    let bid = quote["quote"]["bid"].as_f64().expect("a bid");
    let limit_price = (bid * 0.9 * 100.0).round() / 100.0;
    let order = json!({
        "key": "away-1", "contract": "STK:AAPL", "side": "buy", "quantity": 3, "order_type": "limit", "limit_price": limit_price
    });
    assert_eq!(desk.get("order.place", order).await["state"], "working");

    desk.nats.kill();
    assert!(desk.sim().set_price("AAPL", bid * 0.8).await);
    desk.eventually("a fill at the gateway", async || {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        desk.sim()
            .broker(move |broker, _, _| {
                let _ = sender.send(broker.cash("DU1234567", "USD"));
                Vec::new()
            })
            .await;
        let cash = receiver.await.ok()??;
        (cash < rust_decimal::Decimal::from(250_000)).then_some(())
    })
    .await;
    desk.nats.restart();

    desk.eventually("the fill", async || {
        let stored = desk.stored("IB_ORDERS").await;
        let fills =
            stored.iter().filter(|(subject, _)| subject.ends_with(".away-1") && subject.starts_with("ib.fill."));
        (fills.count() >= 2).then_some(())
    })
    .await;
    let stored = desk.stored("IB_ORDERS").await;
    let seqs: Vec<u64> = stored
        .iter()
        .filter(|(subject, _)| subject.starts_with("ib.order."))
        .filter_map(|(_, e)| e["seq"].as_u64())
        .collect();
    assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "order events have a hole: {seqs:?}");
    desk.wait_ready().await;
}

/// Length of the outages below, in milliseconds; `IBNATS_TEST_OUTAGE_MS=30000` for a long one by hand.
fn outage() -> Duration {
    let text = std::env::var("IBNATS_TEST_OUTAGE_MS").unwrap_or_default();
    Duration::from_millis(text.parse().unwrap_or(2_500))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_an_order_is_lost_while_nats_is_dead() {
    let mut desk = Desk::open().await;
    work_and_cut(&mut desk, "dead", |desk| desk.nats.kill(), |desk| desk.nats.restart()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_an_order_is_lost_while_nats_hangs() {
    let mut desk = Desk::open().await;
    work_and_cut(&mut desk, "hung", |desk| desk.nats.pause(), |desk| desk.nats.resume()).await;
}

/// Ten orders fill one after the other while NATS is away; then every event is stored, once and in
/// order, and requests are answered.
async fn work_and_cut(desk: &mut Desk, name: &str, cut: impl Fn(&mut Desk), mend: impl Fn(&mut Desk)) {
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "ttl_s": 0 })).await;
    let quote = desk.get("md.snapshot", json!({ "contract": "STK:AAPL", "timeout_ms": 15_000 })).await;
    let bid = quote["quote"]["bid"].as_f64().expect("a bid");
    for number in 1..=10_u32 {
        let limit_price = (bid * (1.0 - 0.02 * f64::from(number)) * 100.0).round() / 100.0;
        let order = json!({
            "key": format!("{name}-{number}"), "contract": "STK:AAPL", "side": "buy", "quantity": 2,
            "order_type": "limit", "limit_price": limit_price
        });
        assert_eq!(desk.get("order.place", order).await["state"], "working");
    }

    cut(desk);
    let cut_at = now();
    for number in 1..=10_u32 {
        let below = bid * (1.0 - 0.02 * f64::from(number)) - bid * 0.01;
        assert!(desk.sim().set_price("AAPL", below).await);
        tokio::time::sleep(outage() / 10).await;
    }
    tokio::time::sleep(outage().saturating_sub(cut_at.elapsed())).await;
    mend(desk);
    let mended_at = now();
    // A request may reach the bridge's connection that is dead already: it is repeated soon.
    desk.eventually("an answer", async || {
        let ask = async_nats::Request::new().timeout(Some(Duration::from_millis(300)));
        let reply = desk.client.send_request("ib.req.bridge.health", ask).await.ok()?;
        let reply: serde_json::Value = serde_json::from_slice(&reply.payload).ok()?;
        (reply["data"]["ok"] == true).then_some(())
    })
    .await;
    let answered = mended_at.elapsed();

    // Each fill comes twice: as it happens, and with its commission.
    desk.eventually("every fill", async || {
        let stored = desk.stored("IB_ORDERS").await;
        let whole = |key: &str| {
            let mine = |kind: &str| {
                let subject = format!("ib.{kind}.DU1234567.{key}");
                stored.iter().filter(move |(name, _)| *name == subject).map(|(_, event)| event)
            };
            let (first, with_commission): (Vec<_>, Vec<_>) =
                mine("fill").partition(|fill| fill.get("commission").is_none());
            let bought = |fills: &[&serde_json::Value]| -> u32 {
                fills.iter().filter_map(|fill| fill["quantity"].as_str()?.parse::<u32>().ok()).sum()
            };
            let seqs: Vec<u64> = mine("order").filter_map(|event| event["seq"].as_u64()).collect();
            assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{key}: hole or repeat in {seqs:?}");
            bought(&first) == 2
                && bought(&with_commission) == 2
                && mine("order").next_back().is_some_and(|event| event["state"] == "filled")
        };
        (1..=10).all(|number| whole(&format!("{name}-{number}"))).then_some(())
    })
    .await;
    let stored = mended_at.elapsed();
    let mut ids: Vec<String> = Vec::new();
    for (subject, event) in desk.stored("IB_ORDERS").await {
        if subject.starts_with("ib.fill.") {
            ids.push(format!("{} {}", event["exec_id"], event.get("commission").is_some()));
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "a fill is stored twice");
    println!("NATS {name} for {:?}: answered after {answered:?}, all stored after {stored:?}", outage());
    assert!(answered < Duration::from_secs(5), "requests were answered only after {answered:?}");
    assert!(stored < Duration::from_secs(8), "everything was stored only after {stored:?}");

    let mut quotes = desk.listen("quote.>").await;
    quotes.next_where(|quote| quote["stale"] == false).await;
    desk.wait_ready().await;
}
