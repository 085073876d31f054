//! An orderly end in every state: within five seconds, with everything journaled on the disk, and told while there is
//! somebody to tell it to.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;
#[path = "rig/wire.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod wire;

use std::{path::Path, process::Command, time::Duration};

use async_nats::jetstream::{self, stream};
use desk::{Desk, limit};
use futures_util::{StreamExt as _, future::join_all};
use serde_json::{Value, json};
use wire::{Mode, Wire};

const END_MAX: Duration = Duration::from_secs(5);

/// Stops the bridge; its end is orderly and quick.
async fn stop(desk: &mut Desk) {
    stop_with(desk, 0).await;
}

async fn stop_with(desk: &mut Desk, wanted: i32) {
    let log = desk.log();
    let (took, code) = desk.stop_bridge().await;
    assert_eq!(code, Some(wanted), "{log}\n---\n{}", desk.log());
    assert!(took < END_MAX, "it took {took:?}\n{}", desk.log());
}

async fn stopping_is_stored(desk: &Desk) {
    let count =
        |stored: &[(String, Value)]| stored.iter().filter(|(subject, _)| subject == "ib.bridge.stopping").count();
    assert_eq!(count(&desk.stored("IB_CONN").await), 1);
}

async fn serving(desk: &Desk) {
    desk.eventually("requests are served", async || {
        desk.client.request("ib.req.bridge.info", "".into()).await.ok().map(|_| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_dials_greets_or_logs_in_it_ends_at_once() {
    for mode in [Mode::Closed, Mode::Held, Mode::Mute] {
        let mut desk = Desk::without_bridge().await;
        let wire = Wire::to(desk.addr()).await;
        wire.set(mode);
        let nats = format!("url = \"{}\"", desk.nats.url());
        desk.start_bridge_at(wire.port(), &nats, "");
        serving(&desk).await;
        stop(&mut desk).await;
        stopping_is_stored(&desk).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_downloads_orders_it_ends_at_once() {
    let mut desk = Desk::without_bridge().await;
    for kind in ["OpenOrdersRequest", "AllOpenOrdersRequest", "PositionsRequest", "ExecutionRequest"] {
        desk.sim().mute(kind).await;
    }
    desk.start_bridge("");
    desk.eventually("the download", async || {
        let reply = desk.client.request("ib.req.pool.status", "".into()).await.ok()?;
        let reply: Value = serde_json::from_slice(&reply.payload).ok()?;
        (reply["data"]["connection"]["trading"]["phase"] == "syncing").then_some(())
    })
    .await;
    stop(&mut desk).await;
    stopping_is_stored(&desk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_middle_of_orders_requests_and_ticks_nothing_is_lost() {
    let mut desk = Desk::open().await;
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "ttl_s": 0, "streams": ["quote", "tick", "depth"] }))
        .await;
    // The disk has some of them and the gateway fewer when the signal comes.
    let client = desk.client.clone();
    let asked = (0..60).map(|number| {
        let (client, order) = (client.clone(), limit(&format!("k{number}"), 1.0).to_string());
        tokio::spawn(async move {
            let reply = client.request("ib.req.order.place", order.into()).await.ok()?;
            serde_json::from_slice::<Value>(&reply.payload).ok()
        })
    });
    let asked: Vec<_> = asked.collect();
    let _history = client
        .publish_with_reply(
            "ib.req.hist.bars",
            "nobody",
            json!({ "contract": "STK:AAPL", "bar_size": "1h", "duration": "5d" }).to_string().into(),
        )
        .await;
    desk.eventually("the first orders", async || (desk.orders_sent().await > 5).then_some(())).await;
    stop(&mut desk).await;
    stopping_is_stored(&desk).await;
    let told: Vec<Value> = join_all(asked).await.into_iter().filter_map(|reply| reply.expect("no panic")).collect();
    let journal = desk.journaled();
    for (number, reply) in told.iter().enumerate() {
        // Who was told of an order finds it in the journal.
        if let Some(key) = reply["data"]["order"]["key"].as_str() {
            assert!(journal.contains_key(key), "{number}: {reply}");
        }
    }
    let sent = desk.orders_sent().await;
    // The gateway refuses some of so many at one contract: what left is written down, whatever became of it.
    assert!(journal.len() as u64 >= sent, "{sent} orders left, the journal knows {}: {journal:?}", journal.len());
}

fn is_filled(desk: &Desk) -> bool {
    desk.journaled().get("works").is_some_and(|state| state == "filled")
}

/// An order works, NATS goes away as `cut` says, the order fills, and the bridge is asked to end.
async fn without_nats(cut: impl Fn(&mut Desk), mend: impl Fn(&mut Desk)) {
    let mut desk = Desk::open().await;
    let bid = desk.bid().await;
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "ttl_s": 0, "streams": ["quote", "tick"] })).await;
    assert_eq!(desk.get("order.place", limit("works", bid * 0.9)).await["state"], "working");
    cut(&mut desk);
    assert!(desk.sim().set_price("AAPL", bid * 0.8).await);
    desk.eventually("the fill on the disk", async || is_filled(&desk).then_some(())).await;
    stop(&mut desk).await;
    assert!(is_filled(&desk));
    mend(&mut desk);
    desk.start_bridge("");
    desk.wait_ready().await;
    desk.find_stored("IB_ORDERS", "the fill of the earlier run", |stored| {
        stored.iter().any(|(subject, _)| subject == "ib.fill.DU1234567.works").then_some(())
    })
    .await;
    stop(&mut desk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nats_is_away_the_evidence_stays_on_the_disk_for_the_next_run() {
    without_nats(|desk| desk.nats.kill(), |desk| desk.nats.restart()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nats_hangs_with_everything_full_it_ends_all_the_same() {
    without_nats(|desk| desk.nats.pause(), |desk| desk.nats.resume()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_waits_for_nats_at_the_start_what_the_gateway_tells_is_written_down() {
    let mut desk = Desk::open().await;
    let bid = desk.bid().await;
    assert_eq!(desk.get("order.place", limit("works", bid * 0.9)).await["state"], "working");
    desk.kill_bridge().await;
    // It fills meanwhile; NATS is not there when the bridge starts again.
    assert!(desk.sim().set_price("AAPL", bid * 0.8).await);
    desk.nats.kill();
    desk.start_bridge("");
    desk.eventually("the fill on the disk", async || is_filled(&desk).then_some(())).await;
    stop(&mut desk).await;
    assert!(is_filled(&desk));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_gateway_has_lost_ib_it_ends_at_once() {
    let mut desk = Desk::open().await;
    assert_eq!(desk.get("order.place", limit("rests", 1.0)).await["state"], "working");
    desk.sim().notice(1100, "Connectivity between IBKR and Trader Workstation has been lost.").await;
    desk.eventually("the loss", async || {
        (desk.get("pool.status", json!({})).await["connection"]["ib_link"] == "lost").then_some(())
    })
    .await;
    stop(&mut desk).await;
    stopping_is_stored(&desk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_middle_of_pages_of_history_who_reads_them_is_told() {
    let mut desk = Desk::open().await;
    let inbox = desk.client.new_inbox();
    let mut replies = desk.client.subscribe(inbox.clone()).await.expect("subscribed");
    // Longer than the test: 123 requests at most six in two seconds.
    let ask = json!({ "contract": "STK:AAPL", "bar_size": "1m", "duration": "1y", "timeout_ms": 600_000 });
    desk.client.publish_with_reply("ib.req.hist.bars", inbox, ask.to_string().into()).await.expect("asked");
    let mut next = async || {
        let reply = tokio::time::timeout(desk::LIMIT, replies.next()).await.expect("in time").expect("a reply");
        serde_json::from_slice::<Value>(&reply.payload).expect("JSON")
    };
    let first = next().await;
    assert_eq!((&first["ok"], &first["data"]["last"]), (&json!(true), &json!(false)), "{first}");
    stop(&mut desk).await;
    stopping_is_stored(&desk).await;
    loop {
        let reply = next().await;
        if reply["ok"] == false {
            assert_eq!(reply["error"]["code"], "not_ready", "{reply}");
            break;
        }
        assert_eq!(reply["data"]["last"], false, "it was not finished");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_full_stream_of_orders_it_ends_and_the_next_run_stores_them() {
    let mut desk = Desk::open().await;
    let bid = desk.bid().await;
    assert_eq!(desk.get("order.place", limit("works", bid * 0.9)).await["state"], "working");
    desk.find_stored("IB_ORDERS", "the order", |stored| {
        stored.iter().any(|(_, event)| event["state"] == "working").then_some(())
    })
    .await;
    let js = jetstream::new(desk.client.clone());
    let config = js.get_stream("IB_ORDERS").await.expect("the stream").cached_info().config.clone();
    let count = i64::try_from(desk.stored("IB_ORDERS").await.len()).expect("few");
    let full = stream::Config { max_messages: count, discard: stream::DiscardPolicy::New, ..config.clone() };
    js.update_stream(full).await.expect("changed");
    assert!(desk.sim().set_price("AAPL", bid * 0.8).await);
    desk.eventually("the fill on the disk", async || is_filled(&desk).then_some(())).await;
    stop(&mut desk).await;
    stopping_is_stored(&desk).await;
    js.update_stream(config).await.expect("changed back");
    desk.start_bridge("");
    desk.find_stored("IB_ORDERS", "the fill of the earlier run", |stored| {
        stored.iter().any(|(subject, _)| subject == "ib.fill.DU1234567.works").then_some(())
    })
    .await;
    stop(&mut desk).await;
}

/// Puts a library before the system's that lets a disk hang while a file exists; gives that file.
fn put_on_a_disk_that_may_hang(desk: &mut Desk) -> std::path::PathBuf {
    let (source, library) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rig/hung_disk.c"), desk.file("disk.so"));
    // The compiler that Rust links with.
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(built.expect("a C compiler").success());
    let hung = desk.file("hung");
    desk.environment = vec![("LD_PRELOAD", library), ("HUNG_DISK", hung.clone())];
    hung
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_disk_that_hangs_it_ends_in_time_and_says_what_is_not_written() {
    let mut desk = Desk::without_bridge().await;
    let hung = put_on_a_disk_that_may_hang(&mut desk);
    desk.start_bridge("");
    desk.wait_ready().await;
    assert_eq!(desk.get("order.place", limit("rests", 1.0)).await["state"], "working");
    std::fs::write(&hung, "").expect("written");
    let asked = tokio::spawn({
        let client = desk.client.clone();
        async move { client.request("ib.req.order.place", limit("waits", 1.0).to_string().into()).await }
    });
    // A lease and a halt go to other files of the same disk.
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "ttl_s": 0 })).await;
    desk.get("risk.halt", json!({ "cancel": "none" })).await;
    stop_with(&mut desk, 1).await;
    let log = desk.log();
    let unwritten = log.rsplit("the disk hangs: ").next().and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    assert!(unwritten > Some(0), "{log}");
    stopping_is_stored(&desk).await;
    // Nothing left before it was on the disk.
    assert_eq!(desk.orders_sent().await, 1);
    let told: Value = serde_json::from_slice(&asked.await.expect("no panic").expect("a reply").payload).expect("JSON");
    assert_eq!(told["ok"], false, "{told}");
    std::fs::remove_file(&hung).expect("removed");
    desk.start_bridge("");
    desk.wait_ready().await;
    assert_eq!(desk.get("order.get", json!({ "key": "rests" })).await["order"]["state"], "working");
    stop(&mut desk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_somebody_holds_the_register_of_client_ids_it_ends_all_the_same() {
    let mut desk = Desk::open().await;
    let lock = std::fs::File::open(desk.state().join("client-ids.lock")).expect("the lock");
    lock.lock().expect("ours");
    stop(&mut desk).await;
    stopping_is_stored(&desk).await;
}
