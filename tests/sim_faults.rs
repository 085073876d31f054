//! Faults over real sockets, and the control channel by which they are asked for while the simulator runs.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod sim_client;

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use ibnats::sim::{RunningSim, Scenario, SimConfig, Simulator};
use ibnats::tws::message::login::CurrentTimeRequest;
use ibnats::tws::{Request, Response};
use serde_json::{Value, json};
use sim_client::{Client, start_api};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Long enough to see that nothing comes.
const MOMENT: Duration = Duration::from_millis(300);

async fn start(scenario: &str) -> RunningSim {
    let scenario = Some(Scenario::parse(scenario).expect("a scenario"));
    let control = Some("127.0.0.1:0".parse().expect("an address"));
    Simulator::start(SimConfig { scenario, control, ..SimConfig::default() }).await.expect("a simulator")
}

/// One command to a running simulator.
async fn command(addr: SocketAddr, command: Value) -> Value {
    let mut stream = TcpStream::connect(addr).await.expect("control");
    stream.write_all(format!("{command}\n").as_bytes()).await.expect("sent");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.expect("an answer");
    serde_json::from_str(&line).expect("JSON")
}

async fn add(sim: &RunningSim, rules: &str) {
    let answer = command(sim.control_addr().expect("control"), json!({ "do": "add", "rules": rules })).await;
    assert_eq!(answer["ok"], true, "{answer}");
}

async fn answers(client: &mut Client) -> bool {
    client.send(Request::CurrentTimeRequest(CurrentTimeRequest {})).await;
    let answer = client.until(|response| matches!(response, Response::CurrentTime(_)).then_some(()));
    timeout(MOMENT, answer).await.is_ok()
}

#[tokio::test]
async fn a_login_in_single_bytes_is_a_login() {
    let sim = start("[[rule]]\nafter_login_ms = 0\ndo = 'split'\nbytes = 1\n").await;
    let mut client = Client::login(sim.addr(), 7).await;
    assert!(answers(&mut client).await);
}

#[tokio::test]
async fn a_half_open_socket_stays_and_says_nothing_and_its_client_id_is_in_use() {
    let sim = start("").await;
    let mut client = Client::login(sim.addr(), 7).await;
    add(&sim, "at_ms = 0\ndo = 'half_open'\nfor_ms = 1500").await;
    assert!(!answers(&mut client).await);
    drop(client);
    let mut again = Client::connect(sim.addr()).await;
    again.send(start_api(7)).await;
    assert_eq!(again.next_error().await.1, 326);
    let freed = timeout(Duration::from_secs(10), async {
        loop {
            let mut again = Client::connect(sim.addr()).await;
            again.send(start_api(7)).await;
            if matches!(again.next().await, Response::ManagedAccounts(_)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    freed.await.expect("the gateway notices in the end");
}

#[tokio::test]
async fn a_gateway_that_restarts_refuses_connections_until_it_is_back() {
    let sim = start("").await;
    let mut client = Client::login(sim.addr(), 7).await;
    add(&sim, "at_ms = 0\ndo = 'restart'\nfor_ms = 400").await;
    assert!(client.is_closed().await);
    assert!(TcpStream::connect(sim.addr()).await.is_err(), "the port is closed");
    let back = timeout(Duration::from_secs(10), async {
        while TcpStream::connect(sim.addr()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    back.await.expect("the port opens again");
    Client::login(sim.addr(), 7).await;
}

#[tokio::test]
async fn a_handshake_can_stay_without_an_answer() {
    let sim = start("[[rule]]\nat_ms = 0\ndo = 'mute_handshake'\nfor_ms = 60000\n").await;
    let mut client = Client::hello(sim.addr(), "v213..226").await;
    assert!(timeout(MOMENT, client.try_greeting()).await.is_err());
    let cleared = command(sim.control_addr().expect("control"), json!({ "do": "clear" })).await;
    assert_eq!(cleared["cleared"], 1);
    Client::login(sim.addr(), 7).await;
}

#[tokio::test]
async fn a_running_simulator_takes_rules_and_answers_questions() {
    let sim = start("").await;
    let at = sim.control_addr().expect("control");
    let mut client = Client::login(sim.addr(), 7).await;
    let added = command(at, json!({ "do": "add", "rules": "request = 'CurrentTimeRequest'\ndo = 'mute'\ntimes = 1" }));
    assert_eq!(added.await, json!({ "ok": true, "numbers": [1] }));
    assert!(!answers(&mut client).await);
    assert!(answers(&mut client).await);
    let rules = command(at, json!({ "do": "list" })).await;
    assert_eq!(rules["rules"][0], json!({ "number": 1, "name": "1: mute", "matched": 1, "fired": 1, "spent": true }));
    let status = command(at, json!({ "do": "status" })).await;
    assert_eq!(status["connections"], json!([{ "connection": 1, "client_id": 7 }]));
    let requests = command(at, json!({ "do": "requests" })).await;
    let times = json!({ "client_id": 7, "kind": "CurrentTimeRequest", "count": 2 });
    assert!(requests["requests"].as_array().expect("rows").contains(&times), "{requests}");
    assert_eq!(command(at, json!({ "do": "violations" })).await["violations"], json!([]));
    assert_eq!(command(at, json!({ "do": "orders" })).await["orders"], json!([]));

    let refused = command(at, json!({ "do": "add", "rules": "at_ms = 0\ndo = 'cutt'" })).await;
    let error = refused["error"].as_str().expect("why");
    assert!(error.contains("line 2") && error.contains("did you mean \"cut\"?"), "{error}");
    assert_eq!(command(at, json!({ "do": "dance" })).await["ok"], false);
    assert_eq!(command(at, json!({ "do": "clear", "number": 9 })).await["ok"], false);
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_asks_for_faults_too() {
    let sim = start("").await;
    let at = sim.control_addr().expect("control").to_string();
    let mut client = Client::login(sim.addr(), 7).await;
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ibnats"));
        command.args(["sim", "control", "--at", &at]).args(args).output().expect("it runs")
    };
    let output = run(&["at_ms = 0", "do = 'cut'"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(client.is_closed().await);
    let output = run(&["at_ms = 0", "do = 'cutt'"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean \"cut\"?"));
    let status: Value = serde_json::from_slice(&run(&["--status"]).stdout).expect("JSON");
    assert_eq!(status["ok"], true);
}

#[test]
fn a_wrong_scenario_file_is_refused_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("wrong.toml");
    std::fs::write(&file, "name = 'x'\n[[rule]]\nat_ms = 1\ndo = 'half_opne'\n").expect("written");
    for command in ["sim", "demo"] {
        let output = Command::new(env!("CARGO_BIN_EXE_ibnats"))
            .args([command, "--scenario"])
            .arg(&file)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        assert!(said.contains("wrong.toml, line 4") && said.contains("did you mean \"half_open\"?"), "{said}");
    }
}
