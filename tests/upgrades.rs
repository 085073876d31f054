//! State outlives releases and disks: upgrade, rollback, backup and restore, as `docs/howto/backup.md` describes them.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use desk::{Desk, buy};
use ibnats::journal::{DatabaseError, Layout, layout::JOURNAL};
use serde_json::{Value, json};

/// State as an earlier commit left it: layout 1 of the journal, with an order that filled, one that rests, one that was
/// cancelled and one that was rejected.
const EARLIER: &str = "tests/fixtures/state-7c22043";

fn copy_earlier(into: &Path) {
    fs::create_dir_all(into).expect("a folder");
    for file in ["journal.sqlite", "cache.sqlite"] {
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(EARLIER).join(file), into.join(file)).expect("copied");
    }
}

fn ibnats(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ibnats")).args(arguments).output().expect("runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Folder and journal as text.
fn paths(desk: &Desk) -> (String, PathBuf) {
    (desk.state().display().to_string(), JOURNAL.path(&desk.state()))
}

fn resting(key: &str) -> Value {
    json!({ "key": key, "contract": "STK:AAPL", "side": "buy", "quantity": 3, "order_type": "limit", "limit_price": 1.0 })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_bridge_takes_over_the_orders_of_an_earlier_one() {
    let mut desk = Desk::without_bridge().await;
    copy_earlier(&desk.state());
    desk.start_bridge("");
    desk.wait_ready().await;
    let market = json!({
        "key": "old-filled", "contract": "STK:AAPL", "side": "buy", "quantity": 10, "order_type": "market", "wait_for": "final"
    });
    let again = desk.get("order.place", market).await;
    assert_eq!((&again["state"], &again["repeated"]), (&json!("filled"), &json!(true)), "{again}");
    assert_eq!((&again["order"]["order_id"], &again["order"]["filled"]), (&json!(1), &json!("10")), "{again}");
    // This gateway has never heard of it; the key stands for it all the same.
    let again = desk.get("order.place", resting("old-open")).await;
    assert_eq!((&again["order"]["order_id"], &again["repeated"]), (&json!(2), &json!(true)), "{again}");
    for (key, state) in [("old-cancelled", "cancelled"), ("old-rejected", "rejected")] {
        assert_eq!(desk.get("order.get", json!({ "key": key })).await["order"]["state"], state, "{key}");
    }
    let (code, message) = desk.refused("order.place", &buy("old-filled", 11).to_string()).await;
    assert!(code == "invalid_request" && message.contains("quantity"), "{code} {message}");
    assert_eq!(desk.sim().request_count("PlaceOrderRequest").await, 0);
    let next = desk.get("order.place", buy("new", 1)).await;
    assert!(next["order"]["order_id"].as_i64() > Some(4), "order ids never go back: {next}");
    let (folder, _) = paths(&desk);
    let listed = said(&ibnats(&["journal", "list", "--dir", &folder]));
    for key in ["old-filled", "old-open", "old-cancelled", "old-rejected", "new"] {
        assert!(listed.contains(key), "{listed}");
    }
}

#[test]
fn an_earlier_release_refuses_a_newer_journal_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    copy_earlier(folder.path());
    drop(JOURNAL.open(folder.path()).expect("brought up to date"));
    let file = JOURNAL.path(folder.path());
    let before = fs::read(&file).expect("bytes");
    for known in 1..JOURNAL.steps.len() {
        // What a release knew whose layout ended there.
        let earlier = Layout { steps: &JOURNAL.steps[..known], ..JOURNAL };
        let refusals = [
            earlier.open(folder.path()).expect_err("refused"),
            earlier.open_to_read(folder.path()).expect_err("refused"),
        ];
        for refusal in refusals {
            assert!(matches!(refusal, DatabaseError::Newer { .. }), "{refusal}");
        }
    }
    assert!(before == fs::read(&file).expect("bytes"));
}

#[test]
fn this_release_refuses_a_journal_of_the_next_one_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    copy_earlier(folder.path());
    let database = JOURNAL.open(folder.path()).expect("brought up to date");
    let next = i32::try_from(JOURNAL.steps.len() + 1).expect("small");
    database.connection.pragma_update(None, "user_version", next).expect("written");
    database.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("written");
    drop(database);
    let file = JOURNAL.path(folder.path());
    let before = fs::read(&file).expect("bytes");
    let config = folder.path().join("ibnats.toml");
    fs::write(&config, format!("[state]\ndir = \"{}\"\n", folder.path().display())).expect("written");
    let refused = ibnats(&["run", "--config", &config.display().to_string()]);
    assert!(!refused.status.success());
    let text = said(&refused);
    assert!(text.contains("was written by a newer ibnats") && text.contains("nothing was changed"), "{text}");
    assert!(before == fs::read(&file).expect("bytes"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_in_the_place_of_a_damaged_journal_brings_everything_back() {
    let mut desk = Desk::open().await;
    assert_eq!(desk.get("order.place", buy("before", 10)).await["state"], "filled");
    let (folder, journal) = paths(&desk);
    let backup = desk.file("backup.sqlite");
    // The bridge goes on running while the copy is made.
    let backed_up = said(&ibnats(&["journal", "backup", &backup.display().to_string(), "--dir", &folder]));
    assert!(backed_up.contains("checked"), "{backed_up}");
    assert_eq!(desk.get("order.place", resting("after")).await["state"], "working");
    desk.kill_bridge().await;

    fs::write(&journal, b"SQLite format 3\0 and then nothing of the kind").expect("damaged");
    let refused = ibnats(&["run", "--config", &desk.file("ibnats.toml").display().to_string()]);
    assert!(!refused.status.success() && said(&refused).contains("nothing was changed"), "{}", said(&refused));

    // The steps of the page.
    fs::rename(&journal, desk.file("journal.damaged")).expect("set aside");
    for end in ["sqlite-wal", "sqlite-shm"] {
        let _ = fs::remove_file(journal.with_extension(end));
    }
    fs::copy(&backup, &journal).expect("put back");
    let checked = ibnats(&["journal", "check", "--dir", &folder]);
    assert!(checked.status.success(), "{}", said(&checked));
    desk.start_bridge("");
    desk.wait_ready().await;
    let again = desk.get("order.place", buy("before", 10)).await;
    assert_eq!((&again["state"], &again["repeated"]), (&json!("filled"), &json!(true)), "{again}");
    // Placed after the backup: IB still shows it, by its key.
    let found = desk.get("order.get", json!({ "key": "after" })).await;
    assert_eq!(found["order"]["state"], "working", "{found}");
    assert_eq!(desk.sim().request_count("PlaceOrderRequest").await, 2);
}
