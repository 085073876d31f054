//! `ibnats check` against set-ups that are broken in one way each: it names the cause.
#![expect(clippy::expect_used, reason = "a test may panic")]

#[path = "rig/nats_server.rs"]
mod nats_server;
#[path = "sim_client/mod.rs"]
mod sim_client;

use std::{path::Path, process::Stdio};

use ibnats::sim::{RunningSim, Scenario, SimConfig, Simulator};
use ibnats::tws::ServerVersion;
use nats_server::NatsServer;
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, net::TcpListener, process::Command};

/// What `ibnats check` finds with this configuration.
async fn findings(config: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ibnats.toml");
    std::fs::write(&file, config).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_ibnats"))
        .arg("check")
        .arg("--json")
        .arg("--config")
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .await
        .expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let is_wrong = found.iter().any(|finding| finding["verdict"] == "wrong");
    assert_eq!(output.status.success(), !is_wrong, "{text}");
    found
}

/// The cause is named, with what to do.
#[track_caller]
fn names(found: &[Value], about: &str, verdict: &str, words: &str) {
    let finding = found.iter().find(|finding| finding["about"] == about && finding["verdict"] == verdict);
    let finding = finding.unwrap_or_else(|| panic!("no {verdict} finding about {about}: {found:#?}"));
    let text = finding.to_string();
    assert!(text.contains(words), "{words:?} is missing in {text}");
    assert!(verdict == "note" || finding["mend"].is_string(), "{text}");
}

struct Setup {
    sim: RunningSim,
    nats: NatsServer,
    folder: tempfile::TempDir,
}

impl Setup {
    async fn new(sim: SimConfig) -> Self {
        let sim = Simulator::start(sim).await.expect("the simulator starts");
        Self { sim, nats: NatsServer::with_jetstream(&[]), folder: tempfile::tempdir().expect("a folder") }
    }

    fn config(&self, extra: &str) -> String {
        config(self.sim.addr().port(), self.nats.url(), self.folder.path(), extra)
    }
}

fn config(port: u16, nats: &str, state: &Path, extra: &str) -> String {
    format!("[nats]\nurl = \"{nats}\"\n[state]\ndir = \"{}\"\n[gateway]\nport = {port}\n{extra}", state.display())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_set_up_has_nothing_wrong() {
    let setup = Setup::new(SimConfig::default()).await;
    let found = findings(&setup.config("")).await;
    // How much room there is depends on the machine.
    let mut others = found.iter().filter(|finding| finding["about"] != "disk");
    assert!(others.all(|finding| finding["verdict"] == "good" || finding["verdict"] == "note"), "{found:#?}");
    let about: Vec<_> = found.iter().filter_map(|finding| finding["about"].as_str()).collect();
    for wanted in [
        "configuration",
        "state folder",
        "disk",
        "NATS",
        "NATS permissions",
        "JetStream",
        "gateway port",
        "handshake",
        "time zone",
    ] {
        assert!(about.contains(&wanted), "{wanted}: {about:?}");
    }
    for wanted in ["accounts", "order ids", "clock", "read-only", "what is seen", "market data", "trading client id"] {
        assert!(about.contains(&wanted), "{wanted}: {about:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_login_is_named() {
    let live = SimConfig { accounts: vec!["U1234567".to_owned()], ..SimConfig::default() };
    let setup = Setup::new(live).await;
    names(&findings(&setup.config("")).await, "accounts", "wrong", "allow_live");
    let other = setup.config("allow_live = true\naccounts = [\"U7654321\"]");
    names(&findings(&other).await, "accounts", "wrong", "U7654321");

    let _holder = sim_client::Client::login(setup.sim.addr(), 1).await;
    names(&findings(&setup.config("")).await, "trading client id", "wrong", "326");

    let read_only = Scenario::parse("[[rule]]\nat_ms = 0\ndo = \"read_only\"\n").expect("a scenario");
    let setup = Setup::new(SimConfig { scenario: Some(read_only), ..SimConfig::default() }).await;
    names(&findings(&setup.config("")).await, "read-only", "wrong", "untick Read-Only API");

    let old = SimConfig { version_max: ServerVersion(187), ..SimConfig::default() };
    let setup = Setup::new(old).await;
    names(&findings(&setup.config("")).await, "handshake", "wrong", "10.40");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_gateway_is_named() {
    let setup = Setup::new(SimConfig::default()).await;
    let state = setup.folder.path();
    let closed = { TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("its address").port() };
    names(&findings(&config(closed, setup.nats.url(), state, "")).await, "gateway port", "wrong", "4002 paper");

    let web = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = web.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = web.accept().await {
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    names(&findings(&config(port, setup.nats.url(), state, "")).await, "handshake", "wrong", "API port");

    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("its address").port();
    let held = tokio::spawn(async move { silent.accept().await });
    names(&findings(&config(port, setup.nats.url(), state, "")).await, "handshake", "wrong", "Trusted IPs");
    held.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_nats_and_disk_is_named() {
    let setup = Setup::new(SimConfig::default()).await;
    let port = setup.sim.addr().port();
    let state = setup.folder.path();
    names(&findings(&config(port, "nats://127.0.0.1:1", state, "")).await, "NATS", "wrong", "nats-server -js");

    let plain = NatsServer::start(&[], &[]);
    names(&findings(&config(port, plain.url(), state, "")).await, "JetStream", "wrong", "-js");

    let closed = NatsServer::start(&["--user", "bridge", "--pass", "secret"], &[]);
    names(&findings(&config(port, closed.url(), state, "")).await, "NATS", "wrong", "password_file");

    let small = setup.folder.path().join("small.conf");
    let store = setup.folder.path().join("small");
    std::fs::write(&small, format!("jetstream {{ store_dir: {store:?}, max_file_store: 16MB }}\n")).expect("written");
    let small = NatsServer::start(&["-c", &small.display().to_string()], &[]);
    names(&findings(&config(port, small.url(), state, "")).await, "JetStream", "wrong", "max_file_store");

    let viewers = setup.folder.path().join("viewers.conf");
    let may = "publish: [ \"ib.req.md.>\", \"$JS.API.>\" ], subscribe: [ \"ib.quote.>\", \"_INBOX.>\" ]";
    let store = setup.folder.path().join("viewers");
    let text = format!(
        "jetstream {{ store_dir: {store:?} }}\nauthorization {{ users: [ {{ user: viewer, password: seen, permissions: {{ {may} }} }} ] }}\n"
    );
    std::fs::write(&viewers, text).expect("written");
    let viewers = NatsServer::start(&["-c", &viewers.display().to_string()], &[]);
    let as_viewer = viewers.url().replace("nats://", "nats://viewer:seen@");
    names(
        &findings(&config(port, &as_viewer, state, "")).await,
        "NATS permissions",
        "wrong",
        "deploy/nats-server.conf",
    );

    let file = setup.folder.path().join("a-file");
    std::fs::write(&file, "in the way").expect("written");
    names(&findings(&config(port, setup.nats.url(), &file, "")).await, "state folder", "wrong", "[state] dir");

    std::fs::write(state.join("journal.sqlite"), "this is no database, whatever its name says").expect("written");
    names(&findings(&setup.config("")).await, "journal", "wrong", "README");

    names(&findings("[gateway]\nprot = 1\n").await, "configuration", "wrong", "did you mean");
}
