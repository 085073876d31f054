//! A small storm against the real process: simulated gateway, NATS and `ibnats run`.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::time::Duration;

use desk::Desk;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::{Value, json};

const CLIENTS: usize = 8;
const REQUESTS: usize = 10;

fn bars(number: usize) -> Value {
    let start = 1_790_000_000_000_000_i64 - i64::try_from(number).expect("few") * 3_600_000_000;
    json!({ "contract": "STK:AAPL", "bar_size": "1m", "start": start, "end": start + 600_000_000, "timeout_ms": 5_000 })
}

/// A request under a client's name.
async fn ask(desk: &Desk, verb: &str, client: &str, payload: Value) -> Value {
    let request = async_nats::Request::new().payload(payload.to_string().into()).timeout(Some(desk::LIMIT));
    let reply = desk.client.send_request(format!("ib.req.{verb}.{client}"), request).await.expect("a reply");
    let reply: Value = serde_json::from_slice(&reply.payload).expect("JSON");
    desk.check(&format!("reply.{verb}"), &reply);
    reply
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_share_history_while_orders_go_through_and_every_frame_is_counted() {
    let desk = Desk::open().await;
    desk.get("contract.details", json!({ "contract": "STK:AAPL" })).await;
    let mut asked: FuturesUnordered<_> = (0..CLIENTS * REQUESTS)
        .map(|number| {
            let desk = &desk;
            async move { (number, ask(desk, "hist.bars", &format!("c{}", number % CLIENTS), bars(number)).await) }
        })
        .collect();
    let mut longest = Duration::ZERO;
    let orders = async {
        for number in 0..10 {
            let began = desk::now();
            let key = format!("k{number}");
            let order = json!({
                "key": key, "contract": "STK:AAPL", "side": "buy", "quantity": 1, "order_type": "limit",
                "limit_price": 1.0, "wait_for": "sent",
            });
            assert_eq!(ask(&desk, "order.place", "trader", order).await["ok"], true);
            assert_eq!(ask(&desk, "order.cancel", "trader", json!({ "key": key })).await["ok"], true);
            longest = longest.max(began.elapsed());
        }
    };
    let history = async {
        let (mut served, mut refused) = ([0_u32; CLIENTS], 0);
        while let Some((number, reply)) = asked.next().await {
            if reply["ok"] == true {
                if let Some(count) = served.get_mut(number % CLIENTS) {
                    *count += 1;
                }
            } else {
                assert_eq!(reply["error"]["code"], "pacing_limited", "{reply}");
                assert!(reply["error"]["retry_after_ms"].as_u64() > Some(0), "{reply}");
                refused += 1;
            }
        }
        (served, refused)
    };
    let ((), (served, refused)) = tokio::join!(orders, history);
    println!("served {served:?}, refused {refused}; slowest order and cancel {longest:?}");
    // Six in two seconds for five seconds, shared by all.
    assert!(served.iter().all(|count| (1..=4).contains(count)), "{served:?}");
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    assert_eq!(desk.sim().violations().await, []);

    let stats = desk.get("pace.stats", json!({})).await;
    let classes = stats["stretches"][3]["classes"].as_array().expect("classes").clone();
    let sent: u64 = classes.iter().filter_map(|class| class["sent"].as_u64()).sum();
    let received: u64 = desk.sim().requests().await.iter().map(|row| row.count).sum();
    // Two logins are no requests of the scheduler's; probes may be on their way.
    assert!(sent + 2 >= received && sent <= received + 2, "{sent} sent, {received} received");
    let checked = desk.get("pace.check", json!({ "kind": "bars", "bar_size": "1m", "duration": "1d" })).await;
    assert_eq!((&checked["class"], &checked["accepted"]), (&json!("history"), &json!(true)), "{checked}");
    let status = desk.get("pace.status", json!({})).await;
    assert!(status["clients"].as_array().expect("clients").len() >= CLIENTS, "{status}");
}
