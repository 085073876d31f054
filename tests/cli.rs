//! The commands that are clients of a bridge, as a person types them.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::process::{Output, Stdio};

use desk::Desk;
use serde_json::Value;
use tokio::process::Command;

/// A command of the program against the desk's bridge.
fn ibnats(desk: &Desk, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ibnats"));
    command.args(arguments).env("NATS_URL", desk.nats.url()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn output(desk: &Desk, arguments: &[&str]) -> Output {
    let output = ibnats(desk, arguments).output();
    tokio::time::timeout(desk::LIMIT, output).await.expect("the command ends").expect("the command runs")
}

/// What a command that succeeds prints.
#[track_caller]
fn said(arguments: &[&str], output: &Output) -> String {
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

async fn good(desk: &Desk, arguments: &[&str]) -> String {
    said(arguments, &output(desk, arguments).await)
}

async fn json(desk: &Desk, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json"]].concat();
    serde_json::from_str(&good(desk, &arguments).await).expect("JSON")
}

/// What a command that fails says.
async fn bad(desk: &Desk, arguments: &[&str]) -> String {
    let output = output(desk, arguments).await;
    assert!(!output.status.success(), "{arguments:?}: {}", text(&output.stdout));
    text(&output.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_looks_trades_halts_and_resumes() {
    let desk = Desk::open().await;
    let details = good(&desk, &["contract", "details", "STK:AAPL"]).await;
    assert!(details.contains("AAPL") && details.contains("SMART"), "{details}");
    assert!(good(&desk, &["contract", "search", "AAPL"]).await.contains("AAPL"));
    assert!(good(&desk, &["contract", "hours", "STK:AAPL"]).await.contains("open now"));
    assert!(good(&desk, &["contract", "rules", "STK:AAPL"]).await.contains("rule"));
    assert!(good(&desk, &["contract", "validate", "STK:AAPL"]).await.starts_with("ok"));
    let chain = ["contract", "chain", "STK:AAPL"];
    assert!(good(&desk, &[&chain[..], &["--parameters"]].concat()).await.contains("SMART"));
    let refused = bad(&desk, &chain).await;
    assert!(refused.contains("invalid_request") || refused.contains("too_large"), "{refused}");

    let unconfirmed = ["order", "place", "buy", "5", "STK:AAPL", "--key", "by-hand", "--wait-for", "final"];
    assert!(bad(&desk, &unconfirmed).await.contains("--yes"));
    let placed = good(&desk, &[&unconfirmed[..], &["--yes"]].concat()).await;
    assert!(placed.contains("filled") && placed.contains("by-hand"), "{placed}");
    assert!(good(&desk, &["order", "list"]).await.contains("no orders"));
    assert!(good(&desk, &["order", "list", "--final"]).await.contains("by-hand"));
    let resting = ["order", "place", "buy", "1", "STK:AAPL", "--key", "rests", "--limit", "1", "--yes", "--as", "me"];
    assert!(good(&desk, &resting).await.contains("working"));
    assert_eq!(json(&desk, &["order", "get", "rests"]).await["client"], "me");
    assert!(good(&desk, &["order", "modify", "rests", "--quantity", "2", "--yes"]).await.contains('2'));
    assert!(good(&desk, &["order", "check", "sell", "1", "STK:AAPL"]).await.contains("margin"));
    assert!(good(&desk, &["account", "positions"]).await.contains("AAPL"));
    assert!(good(&desk, &["account", "executions"]).await.contains("by-hand"));
    assert!(good(&desk, &["account", "summary"]).await.contains("NetLiquidation"));
    assert!(good(&desk, &["account", "list"]).await.contains("yes"));

    assert!(good(&desk, &["halt", "enough for today"]).await.contains("halted: 1 cancels"));
    let refused = bad(&desk, &["order", "place", "buy", "1", "STK:AAPL", "--yes"]).await;
    assert!(refused.contains("rejected_by_risk") && refused.contains("enough for today"), "{refused}");
    assert!(good(&desk, &["resume", "--yes"]).await.contains("taken again"));
    assert!(good(&desk, &["pace"]).await.contains("messages per second"));
    assert!(good(&desk, &["pool"]).await.contains("usable: data yes, history yes, orders yes"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_leased_shown_and_given_back() {
    let desk = Desk::open().await;
    let tail =
        ibnats(&desk, &["tail", "quote.>", "bar.>", "--count", "2"]).stdout(Stdio::piped()).spawn().expect("tail runs");
    let shown = good(&desk, &["sub", "STK:AAPL", "quote", "bar.5s", "--count", "3"]).await;
    assert_eq!(shown.lines().count(), 3, "{shown}");
    assert!(shown.contains("quote.STK.AAPL.SMART.USD"), "{shown}");
    let leases = json(&desk, &["request", "md.list"]).await;
    assert_eq!(leases["leases_total"], 0, "the lease was given back");
    let tailed = tokio::time::timeout(desk::LIMIT, tail.wait_with_output()).await.expect("ends").expect("runs");
    assert_eq!(text(&tailed.stdout).lines().count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "history lies before today")]
async fn history_is_fetched_into_files() {
    let desk = Desk::open().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("a path").to_owned();
    let (bars, ticks) = (path("bars.csv"), path("ticks.parquet"));
    let today = chrono::Utc::now().date_naive();
    let [from, to] = [5, 1].map(|days| (today - chrono::Days::new(days)).to_string());
    let range = ["STK:AAPL", "--start", &from, "--end", &to];
    let fetch = [&["fetch", "bars"], &range[..], &["--size", "1h", "--out", &bars]].concat();
    let told = good(&desk, &fetch).await;
    assert!(told.contains("rows"), "{told}");
    let rows = std::fs::read_to_string(&bars).expect("the file");
    assert!(rows.starts_with("start_us,date,open") && rows.lines().count() > 10, "{rows}");
    assert!(bad(&desk, &fetch).await.contains("--force"));
    let again = json(&desk, &[&fetch[..], &["--force"]].concat()).await;
    assert_eq!(again["rows"], rows.lines().count() - 1);

    let [from, to] = ["15:00:00", "15:01:00"].map(|time| format!("{to}T{time}Z"));
    let narrow = ["--start", &from, "--end", &to, "--out", &ticks];
    good(&desk, &[&["fetch", "ticks", "STK:AAPL"], &narrow[..]].concat()).await;
    assert_eq!(std::fs::read(&ticks).expect("the file")[..4], *b"PAR1");
    assert!(
        bad(&desk, &["fetch", "bars", "STK:AAPL", "--start", "yesterday", "--out", "a.csv"])
            .await
            .contains("yesterday")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "history lies before today, and a file grows in its own time")]
async fn a_fetch_that_was_killed_goes_on_where_it_was() {
    let desk = Desk::open().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("a path").to_owned();
    let (whole, torn) = (path("whole.csv"), path("torn.csv"));
    let today = chrono::Utc::now().date_naive();
    let [from, to] = [15, 1].map(|days| (today - chrono::Days::new(days)).to_string());
    let range = ["fetch", "bars", "STK:AAPL", "--size", "1m", "--start", &from, "--end", &to, "--out"];
    let fetch = [&range[..], &[&torn]].concat();
    let mut first = ibnats(&desk, &fetch).stderr(Stdio::null()).spawn().expect("runs");
    let part = path("torn.csv.part");
    let began = std::time::Instant::now();
    while std::fs::metadata(&part).map_or(0, |file| file.len()) < 10_000 {
        assert!(
            began.elapsed() < desk::LIMIT && first.try_wait().expect("a child").is_none(),
            "it fetches for a while"
        );
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    first.kill().await.expect("killed");
    let kept = std::fs::read_to_string(&part).expect("the part").lines().count();
    let second = output(&desk, &fetch).await;
    assert!(said(&fetch, &second).contains("holes are not known"));
    assert!(text(&second.stderr).contains("going on after"), "{}", text(&second.stderr));
    good(&desk, &[&range[..], &[&whole]].concat()).await;
    let [whole, torn] = [whole, torn].map(|file| std::fs::read_to_string(file).expect("the file"));
    assert!(whole == torn && whole.lines().count() > kept, "{kept} rows were kept");
}

#[tokio::test]
async fn help_shows_no_server_since_its_address_may_hold_a_password() {
    for command in ["tail", "demo"] {
        let mut help = Command::new(env!("CARGO_BIN_EXE_ibnats"));
        let output =
            help.args([command, "--help"]).env("NATS_URL", "nats://me:hidden@host").output().await.expect("runs");
        let shown = text(&output.stdout);
        assert!(shown.contains("NATS_URL") && !shown.contains("hidden"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_says_what_to_do() {
    let desk = Desk::open().await;
    assert!(bad(&desk, &["contract", "details", "STK"]).await.contains("invalid_request"));
    assert!(bad(&desk, &["request", "order.lst"]).await.contains("did you mean order.list?"));
    assert!(bad(&desk, &["request", "order.list", "{"]).await.contains("no JSON"));
    assert!(bad(&desk, &["pace", "--prefix", "other"]).await.contains("is the bridge running"));
    assert!(bad(&desk, &["pace", "--server", "127.0.0.1:1"]).await.contains("NATS at 127.0.0.1:1"));
    assert!(bad(&desk, &["order", "get", "nobody"]).await.contains("nobody"));
}

#[tokio::test]
async fn shells_and_readers_are_helped() {
    for shell in ["bash", "zsh", "fish"] {
        let output = Command::new(env!("CARGO_BIN_EXE_ibnats")).args(["completions", shell]).output().await;
        assert!(text(&output.expect("runs").stdout).contains("fetch"), "{shell}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let man = Command::new(env!("CARGO_BIN_EXE_ibnats")).arg("man").arg("--out").arg(folder.path()).output().await;
    assert!(man.expect("runs").status.success());
    let page = std::fs::read_to_string(folder.path().join("ibnats-order-place.1")).expect("a page for each command");
    assert!(page.contains("Idempotency key"), "{page}");
}
