//! The order journal in the whole product: restarts, crashes, and disks and servers that take nothing.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use desk::{Desk, buy, limit};
use futures_util::future::join_all;
use ibnats::journal::reader::{Reader, Which};
use nats_server::NatsServer;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_callers_with_one_key_are_one_order_and_get_equal_answers() {
    let desk = Desk::open().await;
    let calls = (0..50).map(|_| desk.get("order.place", limit("same", 1.0)));
    let answers = join_all(calls).await;
    let outcome = |answer: &Value| {
        let order = &answer["order"];
        (answer["state"].clone(), order["order_id"].clone(), order["key"].clone(), order["limit_price"].clone())
    };
    assert_eq!(answers[0]["state"], "working");
    assert!(answers.iter().all(|answer| outcome(answer) == outcome(&answers[0])), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer["repeated"] == false).count(), 1);
    assert_eq!(desk.orders_sent().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_remembers_what_the_gateway_has_forgotten() {
    let mut desk = Desk::open().await;
    let first = desk.get("order.place", buy("k1", 10)).await;
    assert_eq!(first["state"], "filled");
    // The caller learns of it while it is being written.
    desk.eventually("the fill in the journal", async || (desk.journaled()["k1"] == "filled").then_some(())).await;
    desk.kill_bridge().await;
    // Another gateway, which knows nothing and begins its order ids at 1.
    desk.stop_sim().await;
    desk.start_sim().await;
    desk.start_bridge("");
    desk.wait_ready().await;
    let again = desk.get("order.place", buy("k1", 10)).await;
    assert_eq!((&again["state"], &again["repeated"]), (&json!("filled"), &json!(true)), "{again}");
    assert_eq!(again["order"]["order_id"], first["order"]["order_id"]);
    let (code, message) = desk.refused("order.place", &buy("k1", 11).to_string()).await;
    assert!(code == "invalid_request" && message.contains("quantity"), "{code} {message}");
    assert_eq!(desk.orders_sent().await, 0);
    let next = desk.get("order.place", buy("k2", 1)).await;
    assert!(next["order"]["order_id"].as_i64() > first["order"]["order_id"].as_i64(), "{next}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_crash_without_nats_are_stored_once_by_the_next_run() {
    let mut desk = Desk::open().await;
    let quote = desk.get("md.snapshot", json!({ "contract": "STK:AAPL", "timeout_ms": 15_000 })).await;
    let bid = quote["quote"]["bid"].as_f64().expect("a bid");
    assert_eq!(desk.get("order.place", limit("k1", bid * 0.98)).await["state"], "working");
    desk.nats.kill();
    assert!(desk.sim().set_price("AAPL", bid * 0.97).await);
    desk.eventually("the fill in the journal", async || (desk.journaled()["k1"] == "filled").then_some(())).await;
    desk.kill_bridge().await;
    desk.nats.restart();
    desk.start_bridge("");
    let stored = desk.eventually("the fill in the stream", async || {
        let stored = desk.stored("IB_ORDERS").await;
        stored.iter().any(|(_, event)| event["state"] == "filled").then_some(stored)
    });
    let mut last = BTreeMap::new();
    for (subject, event) in stored.await {
        let seq = event["seq"].as_u64().expect("a number");
        if let Some(before) = last.insert(subject.clone(), seq) {
            assert_eq!(seq, before + 1, "{subject}");
        }
    }
    assert_eq!(last.len(), 2, "{last:?}");
    desk.wait_ready().await;
    assert_eq!(desk.orders_sent().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_jetstream_orders_are_refused_and_data_flows() {
    let mut desk = Desk::without_bridge().await;
    desk.nats = NatsServer::start(&[], &[]);
    desk.client = async_nats::connect(desk.nats.url()).await.expect("a client");
    desk.start_bridge("");
    refused_while_data_flows(&desk, "JetStream").await;
    assert_eq!(desk.orders_sent().await, 0);
}

/// Data can be had; orders are refused with a reason that holds `why`, and health says the same.
async fn refused_while_data_flows(desk: &Desk, why: &str) {
    let quotes = desk.listen("quote.>").await;
    desk.eventually("a lease", async || {
        let ask = json!({ "contract": "STK:AAPL", "ttl_s": 60 }).to_string();
        let reply = desk.client.request("ib.req.md.subscribe", ask.into()).await.ok()?;
        serde_json::from_slice::<Value>(&reply.payload).ok().filter(|reply| reply["ok"] == true)
    })
    .await;
    let mut quotes = quotes;
    let quote = quotes.next_where(|quote| quote["stale"] == false).await;
    assert!(!quote["bid"].is_null(), "{quote}");
    desk.orders_are_refused(why).await;
    quotes.next_where(|quote| quote["stale"] == false).await;
}

/// A small disk of its own, unmounted when dropped.
struct Disk {
    path: PathBuf,
}

impl Disk {
    /// `None`, and a word why, where nothing may be mounted: then nothing was tested. On a build server that is a failure.
    fn mount(path: &Path) -> Option<Self> {
        std::fs::create_dir_all(path).expect("a folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(path).output();
        match mounted {
            Ok(done) if done.status.success() => Some(Self { path: path.to_owned() }),
            other => {
                use std::io::Write as _;
                let message = format!("NOT TESTED: a small disk cannot be mounted here: {other:?}");
                assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
                // Past the harness, which shows nothing of a test that passes.
                let _ = writeln!(std::io::stderr(), "{message}");
                None
            }
        }
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }

    fn fill(&self) {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.filler()).expect("a file");
        while file.write_all(&[0; 4_096]).is_ok() {}
    }

    fn empty(&self) {
        std::fs::remove_file(self.filler()).expect("removed");
    }

    fn remount(&self, mode: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{mode}")]).arg(&self.path).status();
        assert!(done.expect("mount runs").success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_orders_until_there_is_room_and_data_flows() {
    let mut desk = Desk::without_bridge().await;
    let Some(disk) = Disk::mount(&desk.state()) else { return };
    desk.start_bridge("");
    desk.wait_ready().await;
    assert_eq!(desk.get("order.place", limit("before", 1.0)).await["state"], "working");
    disk.fill();
    let mut taken = 1;
    // What is left inside the journal's own files is used up first.
    let reply = loop {
        let reply = desk.ask("order.place", limit(&format!("k{taken}"), 1.0)).await;
        if reply["ok"] == false {
            break reply;
        }
        taken += 1;
        assert!(taken < 200, "the disk is never full");
    };
    assert!(reply["error"]["message"].as_str().is_some_and(|text| text.contains("the disk is full")), "{reply}");
    refused_while_data_flows(&desk, "the disk is full").await;
    assert_eq!(desk.orders_sent().await, taken);
    // A cancel does not need the disk.
    let cancelled = desk.get("order.cancel", json!({ "key": "before" })).await;
    assert_eq!(cancelled["state"], "cancelled", "{cancelled}");

    disk.empty();
    desk.wait_ready().await;
    assert_eq!(desk.get("order.place", limit("after", 1.0)).await["state"], "working");
    assert_eq!(desk.orders_sent().await, taken + 1);
    let states = desk.eventually("what happened meanwhile", async || {
        Some(desk.journaled()).filter(|states| states["before"] == "cancelled")
    });
    assert_eq!(states.await.len() as u64, taken + 1, "nothing of the refused ones");
    desk.stop_bridge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_disk_refuses_orders_but_what_it_holds_is_known() {
    let mut desk = Desk::without_bridge().await;
    let Some(disk) = Disk::mount(&desk.state()) else { return };
    desk.start_bridge("");
    desk.wait_ready().await;
    assert_eq!(desk.get("order.place", buy("k1", 10)).await["state"], "filled");
    desk.stop_bridge().await;
    disk.remount("ro");
    desk.start_bridge("");
    refused_while_data_flows(&desk, "Read-only").await;
    let again = desk.get("order.place", buy("k1", 10)).await;
    assert_eq!((&again["state"], &again["repeated"]), (&json!("filled"), &json!(true)), "{again}");
    assert_eq!(desk.orders_sent().await, 1);
    disk.remount("rw");
    desk.wait_ready().await;
    assert_eq!(desk.get("order.place", buy("k2", 1)).await["state"], "filled");
    desk.eventually("both orders", async || (desk.journaled().len() == 2).then_some(())).await;
    desk.stop_bridge().await;
}

fn ibnats(arguments: &[&str]) -> (bool, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_ibnats")).args(arguments).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (done.status.success(), text(done.stdout), text(done.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_can_be_read_and_copied_while_the_bridge_writes() {
    let mut desk = Desk::open().await;
    desk.get("order.place", buy("first", 10)).await;
    desk.get("order.place", limit("second", 1.0)).await;
    desk.get("order.cancel", json!({ "key": "second" })).await;
    desk.eventually("both ends", async || (desk.journaled()["second"] == "cancelled").then_some(())).await;
    let state = desk.state().display().to_string();
    let on = |arguments: &[&str]| ibnats(&[&["journal", "--dir", &state], arguments].concat());
    let json_of = |arguments: &[&str]| {
        let (good, out, err) = on(&[&["--json"], arguments].concat());
        assert!(good, "{arguments:?}: {err}");
        out
    };

    let (good, table, _) = on(&["list"]);
    assert!(good && table.contains("first") && table.contains("filled") && table.contains("cancelled"), "{table}");
    let list: Value = serde_json::from_str(&json_of(&["list", "--open"])).expect("JSON");
    assert_eq!(list, json!([]));
    let order: Value = serde_json::from_str(&json_of(&["show", "first"])).expect("JSON");
    assert_eq!(order["ask"]["quantity"], "10");
    assert!(order["evidence"].as_array().is_some_and(|told| told.iter().any(|told| told["kind"] == "execution")));
    let (good, story, _) = on(&["show", "second"]);
    assert!(good && story.contains("asked cancel") && story.contains("gateway open_order"), "{story}");
    let (good, _, why) = on(&["show", "secund"]);
    assert!(!good && why.contains("did you mean \"second\""), "{why}");
    let lines = json_of(&["export"]);
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok_and(|row| !row["table"].is_null())));
    let findings: Value = serde_json::from_str(&json_of(&["check"])).expect("JSON");
    assert_eq!((&findings["faults"], &findings["orders"]), (&json!([]), &json!([["cancelled", 1], ["filled", 1]])));

    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("journal.sqlite").display().to_string();
    let (good, told, why) = on(&["backup", &copy]);
    assert!(good && told.contains("checked"), "{told}{why}");
    let (good, _, why) = on(&["backup", &copy]);
    assert!(!good && why.contains("exists"), "{why}");
    let copied = Reader::open(folder.path()).expect("a journal").orders(&Which { count_max: 9, ..Which::default() });
    assert_eq!(copied.expect("orders").len(), 2);
    let (good, _, why) = ibnats(&["journal", "--dir", "/nowhere/at/all", "list"]);
    assert!(!good && why.contains("there is no order journal"), "{why}");

    // One bridge to a folder, and a damaged file ends the start.
    let config = format!("[state]\ndir = \"{state}\"\n[nats]\nurl = \"{}\"\n", desk.nats.url());
    let file = folder.path().join("second.toml");
    std::fs::write(&file, config).expect("written");
    let (good, _, why) = ibnats(&["run", "--config", &file.display().to_string()]);
    assert!(!good && why.contains("in use by another bridge"), "{why}");
    desk.stop_bridge().await;
    let path = desk.state().join("journal.sqlite");
    let mut bytes = std::fs::read(&path).expect("readable");
    bytes[..64].fill(0x5a);
    std::fs::write(&path, &bytes).expect("damaged");
    let (good, _, why) = ibnats(&["run", "--config", &file.display().to_string()]);
    assert!(!good && why.contains("is damaged") && why.contains("backup"), "{why}");
    assert_eq!(std::fs::read(&path).expect("readable"), bytes, "it was changed");
}
