//! Recording a gateway and playing the recording back, over real sockets.
#![expect(clippy::expect_used, reason = "a test may panic")]

mod sim_client;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use ibnats::sim::recording::{RecordConfig, RecordError, Recording, Replay, RunningRecorder, RunningReplay};
use ibnats::sim::{RunningSim, SimConfig, Simulator};
use ibnats::tws::message::account::AccountSummaryRequest;
use ibnats::tws::message::contract::{Contract, ContractDataRequest};
use ibnats::tws::message::login::CurrentTimeRequest;
use ibnats::tws::message::market_data::MarketDataRequest;
use ibnats::tws::message::order::Order;
use ibnats::tws::message::order_flow::PlaceOrderRequest;
use ibnats::tws::{Request, Response};
use sim_client::{Client, start_api};
use tokio::time::timeout;

const ACCOUNT: &str = "DU7654321";

async fn simulator() -> RunningSim {
    let config = SimConfig { accounts: vec![ACCOUNT.to_owned()], ..SimConfig::default() };
    Simulator::start(config).await.expect("a simulator")
}

async fn recorder(sim: &RunningSim, out: &Path, mask_accounts: bool) -> RunningRecorder {
    let listen = "127.0.0.1:0".parse().expect("an address");
    let config = RecordConfig { listen, gateway: sim.addr().to_string(), out: out.to_owned(), mask_accounts };
    RunningRecorder::start(config).await.expect("a recorder")
}

async fn replay(file: &Path, speed: f64) -> RunningReplay {
    let text = std::fs::read_to_string(file).expect("a recording");
    let recording = Recording::parse(&text).expect("a recording");
    assert!(!recording.is_torn);
    let replay = Replay::new(&recording, speed).expect("a login");
    RunningReplay::start(replay, "127.0.0.1:0".parse().expect("an address")).await.expect("it listens")
}

fn contract(symbol: &str) -> Contract {
    let text = |text: &str| Some(text.to_owned());
    Contract {
        symbol: text(symbol),
        sec_type: text("STK"),
        exchange: text("SMART"),
        currency: text("USD"),
        ..Contract::default()
    }
}

fn market_data(req_id: i32, symbol: &str) -> Request {
    let contract = Some(contract(symbol));
    Request::MarketDataRequest(Box::new(MarketDataRequest {
        req_id: Some(req_id),
        contract,
        ..MarketDataRequest::default()
    }))
}

fn summary(req_id: i32) -> Request {
    Request::AccountSummaryRequest(AccountSummaryRequest {
        req_id: Some(req_id),
        group: Some("All".to_owned()),
        tags: Some("NetLiquidation".to_owned()),
    })
}

fn details(req_id: i32, symbol: &str) -> Request {
    let contract = Some(contract(symbol));
    Request::ContractDataRequest(Box::new(ContractDataRequest { req_id: Some(req_id), contract }))
}

fn order(order_id: i32) -> Request {
    let text = |text: &str| Some(text.to_owned());
    let order = Order {
        action: text("BUY"),
        total_quantity: text("1"),
        order_type: text("MKT"),
        order_ref: text("key-1"),
        transmit: Some(true),
        ..Order::default()
    };
    Request::PlaceOrderRequest(Box::new(PlaceOrderRequest {
        order_id: Some(order_id),
        contract: Some(contract("AAPL")),
        order: Some(order),
        attached_orders: None,
    }))
}

/// A short day of a client: everything it hears, ids left out. `base` is its first request id.
async fn day(addr: std::net::SocketAddr, client_id: i32, base: i32) -> Vec<String> {
    let mut heard = Vec::new();
    let mut client = Client::connect(addr).await;
    client.send(start_api(client_id)).await;
    let mut next_id = 0;
    hear(&mut client, &mut heard, |response| {
        if let Response::NextValidId(next) = response {
            next_id = next.order_id();
        }
        matches!(response, Response::OpenOrdersEnd(_))
    })
    .await;
    client.send(details(base, "AAPL")).await;
    hear(
        &mut client,
        &mut heard,
        |response| matches!(response, Response::ContractDataEnd(end) if end.req_id() == base),
    )
    .await;
    client.send(summary(base + 1)).await;
    hear(
        &mut client,
        &mut heard,
        |response| matches!(response, Response::AccountSummaryEnd(end) if end.req_id() == base + 1),
    )
    .await;
    client.send(order(next_id)).await;
    hear(&mut client, &mut heard, |response| matches!(response, Response::CommissionAndFeesReport(_))).await;
    client.send(market_data(base + 2, "AAPL")).await;
    hear(
        &mut client,
        &mut heard,
        |response| matches!(response, Response::TickPrice(tick) if tick.req_id() == base + 2),
    )
    .await;
    // What answers different requests may come in another order than in the recording.
    heard.sort();
    heard
}

/// Hears until `is_last` says so.
async fn hear(client: &mut Client, heard: &mut Vec<String>, mut is_last: impl FnMut(&Response) -> bool) {
    loop {
        let response = client.next().await;
        let is_over = is_last(&response);
        let mut words = response.to_json();
        for id in ["req_id", "order_id"] {
            words.as_object_mut().expect("fields").remove(id);
        }
        // Account values come on a timer and may fall between anything.
        if !matches!(response, Response::OrderStatus(_) | Response::AccountValue(_)) {
            heard.push(format!("{} {words}", response.name()));
        }
        if is_over {
            return;
        }
    }
}

fn file(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("day.jsonl")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_day_is_heard_again_with_other_request_ids() {
    let folder = tempfile::tempdir().expect("a folder");
    let sim = simulator().await;
    let recorder = recorder(&sim, &file(&folder), false).await;
    let first = day(recorder.addr(), 7, 100).await;
    let recorded = recorder.stop().await.expect("a whole file");
    assert_eq!((recorded.connections, recorded.lost), (1, 0));
    assert!(recorded.frames > 20, "{recorded:?}");
    sim.stop().await;

    let replay = replay(&file(&folder), 1.0).await;
    for base in [100, 2_000_000] {
        let again = day(replay.addr(), 7, base).await;
        assert_eq!(again, first);
    }
    replay.stop().await;
}

#[tokio::test]
async fn what_was_never_recorded_is_said_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let sim = simulator().await;
    let recorder = recorder(&sim, &file(&folder), false).await;
    let _client = day(recorder.addr(), 7, 1).await;
    recorder.stop().await.expect("a whole file");
    let replay = replay(&file(&folder), 1000.0).await;
    let mut client = Client::login(replay.addr(), 7).await;
    for (request, id, count) in [
        (market_data(55, "MSFT"), 55, "1 of this kind"),
        (Request::CurrentTimeRequest(CurrentTimeRequest {}), -1, "0 of this kind"),
    ] {
        client.send(request).await;
        let (told, code, text) = loop {
            let error = client.next_error().await;
            if error.1 == 321 {
                break error;
            }
        };
        assert_eq!((told, code), (id, 321));
        assert!(text.contains("not in the recording") && text.contains(count), "{text}");
    }
    // A single recorded client is everybody's.
    Client::login(replay.addr(), 8).await;
}

#[tokio::test]
async fn accounts_are_masked_in_the_file_and_not_on_the_wire() {
    let folder = tempfile::tempdir().expect("a folder");
    let sim = simulator().await;
    let recorder = recorder(&sim, &file(&folder), true).await;
    let heard = day(recorder.addr(), 7, 1).await;
    recorder.stop().await.expect("a whole file");
    assert!(heard.iter().any(|line| line.contains(ACCOUNT)), "the client hears the truth");
    let text = std::fs::read_to_string(file(&folder)).expect("a file");
    let hex = hex::encode(ACCOUNT);
    assert!(!text.contains(&hex) && !text.contains(ACCOUNT), "the account is in the file");
    let replay = replay(&file(&folder), 1000.0).await;
    let again = day(replay.addr(), 7, 1).await;
    let mut masked: Vec<String> = heard.iter().map(|line| line.replace(ACCOUNT, "DU0000001")).collect();
    masked.sort();
    assert_eq!(again, masked);
}

#[tokio::test]
async fn a_file_is_never_overwritten_and_a_full_disk_does_not_stop_the_traffic() {
    let folder = tempfile::tempdir().expect("a folder");
    let sim = simulator().await;
    std::fs::write(file(&folder), "precious").expect("written");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let config = RecordConfig { listen, gateway: sim.addr().to_string(), out: file(&folder), mask_accounts: false };
    let refused = RunningRecorder::start(config.clone()).await.expect_err("refused");
    assert!(matches!(refused, RecordError::Begin { .. }), "{refused}");
    assert_eq!(std::fs::read_to_string(file(&folder)).expect("a file"), "precious");

    let full = RecordConfig { out: PathBuf::from("/dev/full"), ..config };
    let recorder = RunningRecorder::start(full).await.expect("a recorder");
    day(recorder.addr(), 7, 1).await;
    let failed = recorder.stop().await.expect_err("the disk is full");
    assert!(matches!(failed, RecordError::Write { .. }), "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_record_and_replay_and_an_interrupt_completes_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let sim = simulator().await;
    let out = file(&folder);
    let ibnats = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ibnats"));
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        command
    };
    let start = |mut command: Command| {
        use std::io::{BufRead, BufReader};
        let mut child = command.spawn().expect("it starts");
        let mut line = String::new();
        let mut reader = BufReader::new(child.stdout.take().expect("its output"));
        reader.read_line(&mut line).expect("a line");
        let addr = line.trim().rsplit(' ').next().expect("an address").parse().expect("an address");
        (child, reader, addr)
    };
    let mut command = ibnats();
    command.args(["record", "--listen", "127.0.0.1:0", "--gateway", &sim.addr().to_string(), "--out"]).arg(&out);
    let (mut child, _output, addr) = start(command);
    let first = day(addr, 7, 1).await;
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    assert!(child.wait().expect("its end").success());

    let mut command = ibnats();
    command.args(["sim", "--port", "0", "--speed", "100", "--replay"]).arg(&out);
    let (mut child, _output, addr) = start(command);
    let again = timeout(Duration::from_secs(20), day(addr, 7, 900)).await.expect("played");
    assert_eq!(again, first);
    child.kill().expect("killed");
    child.wait().expect("its end");

    let text = std::fs::read_to_string(&out).expect("a file");
    std::fs::write(&out, &text[..text.len() / 2]).expect("written");
    let torn = Recording::parse(&std::fs::read_to_string(&out).expect("a file")).expect("readable");
    assert!(Replay::new(&torn, 1.0).is_some());
}
