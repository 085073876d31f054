//! Seven minutes without a gateway, with the real process, a real `nats-server` and a fast simulated clock.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use chrono::{DateTime, TimeDelta, Utc};
use desk::Desk;
use futures_util::StreamExt as _;
use ibnats::sim::SimConfig;
use serde_json::{Value, json};

const SECOND_US: i64 = 1_000_000;
/// A minute of the market takes three seconds.
const SPEED: f64 = 20.0;

/// Final bars by size, in the order they came.
type Bars = Arc<Mutex<BTreeMap<String, Vec<Value>>>>;

async fn collect(desk: &Desk) -> Bars {
    let bars = Bars::default();
    let mut events = desk.client.subscribe("ib.bar.>").await.expect("subscribed");
    desk.client.flush().await.expect("flushed");
    let into = Arc::clone(&bars);
    tokio::spawn(async move {
        while let Some(message) = events.next().await {
            let bar: Value = serde_json::from_slice(&message.payload).expect("JSON");
            if bar["complete"] == true {
                let size = bar["size"].as_str().expect("a size").to_owned();
                into.lock().expect("not poisoned").entry(size).or_default().push(bar);
            }
        }
    });
    bars
}

fn starts(bars: &Bars, size: &str) -> Vec<(i64, bool)> {
    let bars = bars.lock().expect("not poisoned");
    let start = |bar: &Value| (bar["start_us"].as_i64().expect("a time") / SECOND_US, bar["backfilled"] == true);
    bars.get(size).into_iter().flatten().map(start).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seven_minutes_without_a_gateway_leave_consumers_with_every_bar_once() {
    let mut desk = Desk::without_bridge().await;
    let addr = desk.addr();
    let config = move |clock: DateTime<Utc>| SimConfig {
        listen: addr,
        seed: 7,
        clock: Some(clock),
        speed: SPEED,
        ..SimConfig::default()
    };
    desk.stop_sim().await;
    // A Friday in the past, so that the fast clock does not overtake the host's.
    let friday: DateTime<Utc> = "2026-11-20T15:00:00Z".parse().expect("a time");
    desk.start_sim_as(config(friday)).await;
    desk.start_bridge("");
    desk.wait_ready().await;
    let bars = collect(&desk).await;
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "streams": ["bar.5s", "bar.1m"], "ttl_s": 0 })).await;
    desk.eventually("two minutes", async || (starts(&bars, "1m").len() >= 2).then_some(())).await;

    let lost_ms = desk.sim().now_ms();
    desk.stop_sim().await;
    let back = DateTime::from_timestamp_millis(lost_ms).expect("a time") + TimeDelta::minutes(7);
    desk.start_sim_as(config(back)).await;
    let back_s = back.timestamp();
    desk.eventually("minutes after it", async || {
        let minutes = starts(&bars, "1m");
        minutes.last().is_some_and(|(start, _)| *start > back_s + 60).then_some(())
    })
    .await;

    for (size, step) in [("5s", 5), ("1m", 60)] {
        let all = starts(&bars, size);
        assert!(all.windows(2).all(|pair| pair[1].0 == pair[0].0 + step), "{size}: {all:?}\n{}", desk.log());
        let fetched = all.iter().filter(|(start, fetched)| *fetched && (lost_ms / 1_000..back_s).contains(start));
        let fetched = i64::try_from(fetched.count()).expect("few");
        assert!(fetched >= 7 * 60 / step - 1, "{size}: {all:?}");
        let live_after = all.iter().any(|(start, fetched)| *start > back_s && !fetched);
        assert!(live_after, "{size}: {all:?}");
    }
    let closed = desk.find_stored("IB_CONN", "the end of both gaps", |stored| {
        let closed = stored.iter().filter(|(subject, gap)| subject.starts_with("ib.gap.") && gap["state"] == "closed");
        Some(closed.cloned().collect::<Vec<_>>()).filter(|closed| closed.len() >= 2)
    });
    let closed = closed.await;
    for (subject, gap) in &closed {
        assert!(gap["repaired"]["fetched"].as_i64() >= Some(7) && gap["missing"].is_null(), "{subject}: {gap}");
    }
    assert_eq!(closed.len(), 2);
    let kept = async_nats::jetstream::new(desk.client.clone());
    let kept = kept.get_key_value("ib_last").await.expect("the bucket");
    let last = kept.get("bar.STK.AAPL.SMART.USD.1m").await.expect("an answer").expect("the last bar");
    let last: Value = serde_json::from_slice(&last).expect("JSON");
    assert!(last["start_us"].as_i64() > Some(back_s * SECOND_US), "{last}");
}
