//! `ibnats top` against a real bridge: what it draws, and that it is a terminal program.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::{
    path::PathBuf,
    process::{Output, Stdio},
};

use desk::Desk;
use serde_json::json;
use tokio::process::Command;

async fn top(desk: &Desk, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ibnats"));
    command.arg("top").args(arguments).env("NATS_URL", desk.nats.url()).stdin(Stdio::null()).kill_on_drop(true);
    tokio::time::timeout(desk::LIMIT, command.output()).await.expect("it ends").expect("it runs")
}

/// The page as text.
async fn page(desk: &Desk, name: &str) -> String {
    let file = desk.file(&format!("{name}.txt"));
    let output = top(desk, &["--page", name, "--screenshot", &file.display().to_string(), "--after", "1"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read_to_string(file).expect("the picture")
}

/// Quotes, a filled and a working order, a position.
async fn trade(desk: &Desk) {
    for contract in ["STK:AAPL", "STK:MSFT", "STK:TSLA", "CASH:EUR.USD", "FUT:ES:202612@CME"] {
        let ask = json!({ "contract": contract, "streams": ["quote"], "ttl_s": 600 });
        desk.ask("md.subscribe.strategy-one", ask).await;
    }
    let limit = |key: &str, side: &str, price: f64| json!({ "key": key, "contract": "STK:AAPL", "side": side, "quantity": "100", "order_type": "limit", "limit_price": price });
    let market = json!({ "key": "mine-filled", "contract": "STK:MSFT", "side": "buy", "quantity": "50", "order_type": "market" });
    desk.ask_raw("order.place.strategy-one", limit("mine-working", "buy", 1.0).to_string()).await;
    desk.ask_raw("order.place.strategy-one", market.to_string()).await;
    desk.eventually("the fill", async || {
        let order = desk.ask_raw("order.get", json!({ "key": "mine-filled" }).to_string()).await;
        (order["data"]["order"]["state"] == "filled").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_shows_what_the_bridge_does() {
    let desk = Desk::open().await;
    trade(&desk).await;
    let (overview, orders, market, account, pacing) = tokio::join!(
        page(&desk, "overview"),
        page(&desk, "orders"),
        page(&desk, "market"),
        page(&desk, "account"),
        page(&desk, "pacing")
    );
    for words in [
        "READY",
        "trading",
        "● ready",
        "no loss told",
        "AAPL",
        "MSFT",
        "mine-working",
        "mine-filled",
        "working",
        "messages/s",
        "Positions 1",
    ] {
        assert!(overview.contains(words), "{words} is missing in\n{overview}");
    }
    for words in ["mine-filled", "filled", "50/50", "0/100", "buy", "Fills"] {
        assert!(orders.contains(words), "{words} is missing in\n{orders}");
    }
    for words in ["strategy-one", "Leases 5", "EUR.USD", "quote"] {
        assert!(market.contains(words), "{words} is missing in\n{market}");
    }
    assert!(account.contains("MSFT") && account.contains("unrealized"), "{account}");
    assert!(pacing.contains("interactive") && pacing.contains("strategy-one"), "{pacing}");
    // Nothing is answered late or not at all.
    assert!(!overview.contains("what is shown is old"), "{overview}");
    if std::env::var_os("IBNATS_WRITE_DOCS").is_some() {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/images/top.svg");
        let file = file.display().to_string();
        top(&desk, &["--screenshot", &file, "--after", "20", "--size", "168x36"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_terminal_or_a_bridge_it_says_what_to_do() {
    let desk = Desk::without_bridge().await;
    let output = top(&desk, &[]).await;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && error.contains("needs a terminal") && error.contains("--screenshot"),
        "{error}"
    );
    let file = desk.file("x.svg").display().to_string();
    let output = top(&desk, &["--screenshot", &file]).await;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("is the bridge running"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_terminal_it_draws_and_q_ends_it() {
    let Some(script) = std::env::var_os("PATH")
        .and_then(|path| std::env::split_paths(&path).map(|folder| folder.join("script")).find(|path| path.is_file()))
    else {
        println!("not tried in a terminal: script (util-linux) is not installed here");
        return;
    };
    let desk = Desk::open().await;
    let drawn = desk.file("drawn");
    let line = format!("stty rows 40 cols 120; exec {} top", env!("CARGO_BIN_EXE_ibnats"));
    let mut child = Command::new(script)
        .args(["-qefc", &line])
        .arg(&drawn)
        .env("NATS_URL", desk.nats.url())
        .env("TERM", "xterm-256color")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("script runs");
    let seen = || std::fs::read(&drawn).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    desk.eventually("the first page", async || seen().contains("READY").then_some(())).await;
    let mut keys = child.stdin.take().expect("a terminal");
    tokio::io::AsyncWriteExt::write_all(&mut keys, b"\t\tq").await.expect("typed");
    let status = tokio::time::timeout(desk::LIMIT, child.wait()).await.expect("q ends it").expect("a status");
    assert!(status.success(), "{status}");
    assert!(seen().contains("Fills"), "the third page was drawn");
}
