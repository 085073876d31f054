//! The configuration from outside: `ibnats config`, and taking up a newer one while the bridge runs.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;
#[path = "rig/process.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod process;

use std::process::{Command, Output};

use desk::Desk;
use serde_json::{Value, json};

const SECRET: &str = "hunter2-is-secret";

/// Runs `ibnats config` with a file of this text.
fn config(text: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ibnats.toml");
    std::fs::write(&file, text).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ibnats"));
    command.arg("config").args(arguments).arg("--config").arg(&file).envs(environment.iter().copied());
    command.output().expect("runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_fault_is_told_at_once_with_where_it_comes_from() {
    let text = "[gateway]\nprot = 1\nport = \"high\"\n[nats]\nuser = \"me\"\ntoken_file = \"/nowhere\"\n";
    let environment = [("IBNATS_GATEWAY__HOTS", "x"), ("IBNATS_PACING__DEPTH", "many")];
    let flags = ["check", "--set", "log.format=xml"];
    let output = config(text, &flags, &environment);
    assert!(!output.status.success());
    let lines = said(&output);
    for part in [
        "gateway.prot: there is no such key; did you mean \"port\"?",
        "gateway.port: invalid type",
        "did you mean \"host\"? (environment: IBNATS_GATEWAY__HOTS)",
        "(environment: IBNATS_PACING__DEPTH)",
        "log.format: \"xml\" is none of text, json",
        "nats.user and nats.password_file belong together",
        "only one of nats.user",
    ] {
        assert!(lines.contains(part), "{part:?} is missing in {lines}");
    }
    let output = config(text, &[&flags[..], &["--json"]].concat(), &environment);
    let told: Value = serde_json::from_str(&said(&output)).expect("JSON");
    assert_eq!((&told["valid"], told["faults"].as_array().map(Vec::len)), (&json!(false), Some(7)), "{told}");
}

#[test]
fn a_sound_configuration_is_valid_but_files_it_names_have_to_be_there() {
    let output = config("[gateway]\nport = 7497\n", &["check"], &[]);
    assert!(output.status.success() && said(&output).contains("valid"));
    let output = config("[nats]\ntoken_file = \"/nowhere/token\"\n", &["check"], &[]);
    assert!(!output.status.success());
    assert!(said(&output).contains("nats.token_file: /nowhere/token cannot be read"), "{}", said(&output));
}

#[test]
fn each_value_is_shown_with_its_origin_and_no_secret() {
    let text = format!("[nats]\nurl = \"nats://me:{SECRET}@127.0.0.1:4222\"\n[gateway]\nport = 7497\n");
    let environment = [("IBNATS_NATS__PREFIX", "ib.paper")];
    let output = config(&text, &["show", "--json", "--set", "gateway.allow_live=true"], &environment);
    let told: Value = serde_json::from_str(&said(&output)).expect("JSON");
    assert_eq!(told["nats.url"], json!({ "value": "nats://***@127.0.0.1:4222", "origin": "file" }));
    assert_eq!(told["gateway.port"], json!({ "value": 7497, "origin": "file" }));
    assert_eq!(
        told["nats.prefix"],
        json!({ "value": "ib.paper", "origin": "environment", "variable": "IBNATS_NATS__PREFIX" })
    );
    assert_eq!(told["gateway.allow_live"], json!({ "value": true, "origin": "flag" }));
    assert_eq!(told["gateway.host"], json!({ "value": "127.0.0.1", "origin": "default" }));
    let changed = said(&config(&text, &["show", "--changed"], &environment));
    assert_eq!(changed.lines().count(), 3, "{changed}");
    assert!(!changed.contains(SECRET) && !said(&output).contains(SECRET));
    let broken = config(&format!("{text}\nprot = 1\n[nats]\n"), &["show"], &[]);
    let broken = format!("{}{}", said(&broken), String::from_utf8_lossy(&broken.stderr));
    assert!(!broken.contains(SECRET), "{broken}");
}

/// Writes the bridge's file anew: `from` becomes `to`, and `more` is added.
fn rewrite(desk: &Desk, from: &str, to: &str, more: &str) {
    let file = desk.file("ibnats.toml");
    let text = std::fs::read_to_string(&file).expect("the file");
    assert!(text.contains(from), "{from:?} is not in {text}");
    std::fs::write(file, format!("{}\n{more}", text.replace(from, to))).expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_filter_and_subscriptions_change_while_the_bridge_runs() {
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge("[[subscriptions]]\ncontract = \"STK:AAPL\"\n[risk.limits]\nopen_orders = 9\n");
    desk.wait_ready().await;
    let held = async || {
        let leases = desk.get("md.list", json!({})).await;
        let leases = leases["leases"].as_array().expect("leases").clone();
        leases.iter().map(|lease| lease["instrument"].to_string()).collect::<Vec<_>>()
    };
    desk.eventually("the first subscription", async || (held().await.len() == 1).then_some(())).await;
    let nothing = desk.get("bridge.reload", json!({})).await;
    assert_eq!(nothing, json!({ "changed": [], "outranked": [], "applied": true }));

    rewrite(&desk, "STK:AAPL", "STK:TSLA", "[pacing]\nmessages_per_second = 33\nmarket_data_lines = 50\n");
    rewrite(&desk, "open_orders = 9", "open_orders = 2", "");
    rewrite(&desk, "filter = \"info\"", "filter = \"info,ibnats=debug\"", "");
    let wanted = json!([
        "log.filter",
        "pacing.market_data_lines",
        "pacing.messages_per_second",
        "risk.limits.open_orders",
        "subscriptions"
    ]);
    let would = desk.get("bridge.reload", json!({ "check_only": true })).await;
    assert_eq!(would, json!({ "changed": wanted, "outranked": [], "applied": false }));
    let limits = desk.get("risk.limits", json!({})).await;
    assert!(limits.to_string().contains("\"open_orders\":9"), "nothing has changed yet: {limits}");

    let mut events = desk.listen("bridge.reloaded").await;
    process::signal(desk.bridge_pid(), "HUP");
    let event = events.next_where(|event| event["event"] == "reloaded").await;
    assert!(event["message"].as_str().is_some_and(|text| text.contains("risk.limits.open_orders")), "{event}");
    let limits = desk.get("risk.limits", json!({})).await;
    assert!(limits.to_string().contains("\"open_orders\":2"), "{limits}");
    let pace = desk.get("pace.status", json!({})).await;
    assert_eq!(
        (&pace["messages_per_second"]["max"], &pace["market_data_lines"]["max"]),
        (&json!(33), &json!(50)),
        "{pace}"
    );
    desk.eventually("the other subscription", async || {
        let held = held().await;
        (held.len() == 1 && held[0].contains("TSLA")).then_some(())
    })
    .await;
    assert_eq!(desk.get("bridge.log_level", json!({})).await["filter"], "info,ibnats=debug");
    assert_eq!(desk.get("bridge.config", json!({})).await["config"]["risk"]["limits"]["open_orders"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_change_and_what_is_broken_change_nothing() {
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge("[risk.limits]\nopen_orders = 9\n");
    desk.wait_ready().await;
    rewrite(&desk, "open_orders = 9", "open_orders = 2", "[timing]\nheartbeat_ms = 1000\n[http]\nconsole = false\n");
    let (code, message) = desk.refused("bridge.reload", "{}").await;
    assert_eq!(code, "invalid_request");
    for part in ["nothing was changed", "restart", "timing.heartbeat_ms (", "http.console (the HTTP server"] {
        assert!(message.contains(part), "{part:?} is missing in {message:?}");
    }
    rewrite(&desk, "console = false", "consle = false", "");
    let (_, message) = desk.refused("bridge.reload", "{}").await;
    assert!(message.contains("nothing was changed") && message.contains("did you mean \"console\""), "{message}");
    std::fs::remove_file(desk.file("ibnats.toml")).expect("removed");
    process::signal(desk.bridge_pid(), "HUP");
    desk.eventually("the refusal in the log", async || desk.log().contains("configuration not taken up").then_some(()))
        .await;
    let limits = desk.get("risk.limits", json!({})).await;
    assert!(limits.to_string().contains("\"open_orders\":9"), "{limits}");
    assert!(desk.get("bridge.health", json!({})).await["ok"] == true, "it runs on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_of_a_running_bridge_names_what_is_wrong_and_how_to_mend_it() {
    let mut desk = Desk::open().await;
    let find = |told: &Value, about: &str| {
        let findings = told["findings"].as_array().expect("findings").clone();
        findings.into_iter().find(|finding| finding["about"] == about).unwrap_or_else(|| panic!("{about}: {told:#}"))
    };
    let told = desk.get("bridge.doctor", json!({})).await;
    assert_eq!((&told["wrong"], &told["warnings"]), (&json!(0), &json!(0)), "{told:#}");
    for about in ["state folder", "journal", "NATS", "JetStream", "trading link", "accounts", "clock", "use of orders"]
    {
        assert_eq!(find(&told, about)["verdict"], "good", "{about}");
    }
    let told = desk.get("bridge.doctor", json!({ "visit": true, "contract": "STK:AAPL" })).await;
    assert_eq!(told["wrong"], 0, "{told:#}");
    assert_eq!(find(&told, "read-only")["verdict"], "good");
    assert_eq!(find(&told, "market data")["found"], "live");
    desk.stop_sim().await;
    desk.eventually("the loss", async || {
        let told = desk.get("bridge.doctor", json!({})).await;
        let link = find(&told, "trading link");
        (link["verdict"] == "wrong" && link["mend"].as_str().is_some_and(|mend| mend.contains("ibnats check")))
            .then(|| assert_eq!(find(&told, "use of orders")["verdict"], "warning"))
    })
    .await;
}
