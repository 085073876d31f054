//! What the real process tells and does about its gateway's own life: restarts, logins, silence, client ids.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;
mod sim_client;

use std::net::{Ipv4Addr, SocketAddr};

use desk::Desk;
use ibnats::sim::{
    SimConfig,
    faults::{
        action::{Action, Door},
        rule::{Rule, When},
    },
};
use serde_json::{Value, json};
use sim_client::Client;
use tokio::{io::AsyncReadExt as _, net::TcpListener};

const QUICK: &str = "reconnect_min_ms = 20\nreconnect_max_ms = 200\n";

/// A simulated gateway that IBC runs, and a bridge that knows it.
async fn with_ibc() -> Desk {
    let mut desk = Desk::without_bridge().await;
    desk.stop_sim().await;
    let command_port = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    desk.start_sim_as(SimConfig { listen: desk.addr(), command_port, ..SimConfig::default() }).await;
    let address = desk.sim().command_addr().expect("it plays IBC");
    desk.start_bridge(&format!("[timing]\n{QUICK}[ibc]\naddress = \"{address}\"\n"));
    desk.wait_ready().await;
    desk
}

/// Messages of an event of the bridge, oldest first.
async fn messages(desk: &Desk, event: &str) -> Vec<String> {
    let subject = format!("ib.bridge.{event}");
    let of = |(name, told): (String, Value)| (name == subject).then(|| told["message"].as_str().map(str::to_owned))?;
    desk.stored("IB_CONN").await.into_iter().filter_map(of).collect()
}

/// Waits until requests are served, and so until there are streams, whatever the links do.
async fn serving(desk: &Desk) {
    desk.eventually("requests are served", async || {
        desk.client.request("ib.req.bridge.info", "".into()).await.ok().map(|_| ())
    })
    .await;
}

async fn told(desk: &Desk, event: &str) -> Vec<String> {
    serving(desk).await;
    desk.eventually(event, async || Some(messages(desk, event).await).filter(|told| !told.is_empty())).await
}

fn limit_order(key: &str) -> Value {
    json!({
        "key": key, "contract": "STK:AAPL", "side": "buy", "quantity": 1, "order_type": "limit", "limit_price": 1.0
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ibc_has_the_gateway_connect_to_its_farms_anew_while_orders_go_through() {
    let desk = with_ibc().await;
    let mut farms = desk.listen("conn.farm.>").await;
    let answer = desk.get("gateway.reconnect_data.ops", json!({ "reason": "quotes stand" })).await;
    assert_eq!((&answer["command"], &answer["message"]), (&json!("reconnect_data"), &json!("OK")), "{answer}");
    let down = farms.next_where(|farm| farm["state"] == "down").await;
    assert_eq!(desk.get("order.place", limit_order("meanwhile")).await["state"], "working");
    farms.next_where(|farm| farm["state"] == "up" && farm["farm"] == down["farm"]).await;
    let told = told(&desk, "gateway_command").await;
    assert!(told[0].contains("asked for by ops (quotes stand)"), "{told:?}");
    let audited = desk.find_stored("IB_AUDIT", "the audit", |stored| {
        stored.iter().find(|(_, event)| event["verb"] == "gateway.reconnect_data").map(|(name, _)| name.clone())
    });
    assert_eq!(audited.await, "ib.audit.ops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ibc_restarts_the_gateway_and_orders_wait_until_it_is_back() {
    let desk = with_ibc().await;
    let mut states = desk.listen("conn.state").await;
    let answer = desk.get("gateway.restart.ops", json!({})).await;
    assert!(answer["message"].as_str().is_some_and(|text| text.starts_with("RESTART in progress")), "{answer}");
    assert!(answer["until_us"].is_i64(), "{answer}");
    let (code, message) = desk.refused("order.place", &limit_order("too-soon").to_string()).await;
    assert_eq!(code, "not_ready");
    assert!(message.contains("restart"), "{message}");
    let again = desk.refused("gateway.restart.ops", "{}").await;
    assert_eq!(again.0, "rejected_by_gateway", "{again:?}");
    let lost = states.next_where(|state| state["ready"] == false).await;
    assert_eq!(lost["maintenance"], true, "{lost}");
    states.next_where(|state| state["ready"] == true).await;
    assert_eq!(desk.get("order.place", limit_order("afterwards")).await["state"], "working");
    let maintenance = desk.stored("IB_CONN").await;
    let started = maintenance.iter().any(|(subject, event)| {
        subject == "ib.bridge.maintenance"
            && event["maintenance"]["kind"] == "gateway_restart"
            && event["maintenance"]["state"] == "started"
    });
    assert!(started, "{maintenance:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ibc_that_is_not_there_or_says_nothing_is_told_as_it_is() {
    let mut desk = Desk::without_bridge().await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("its address");
    desk.start_bridge(&format!("[ibc]\naddress = \"{address}\"\ntimeout_ms = 500\n"));
    desk.wait_ready().await;
    let heard = tokio::spawn(async move {
        // The first is let go as an address that may not send, the second is never answered.
        let mut heard = Vec::new();
        for waits in [false, true] {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut line = [0; 64];
            let count = stream.read(&mut line).await.expect("a line");
            heard.push(String::from_utf8_lossy(&line[..count]).into_owned());
            while waits && stream.read(&mut line).await.is_ok_and(|count| count > 0) {}
        }
        heard
    });
    let (code, message) = desk.refused("gateway.reconnect_account", "{}").await;
    assert_eq!(code, "outcome_unknown", "{message}");
    assert!(message.contains("ControlFrom"), "{message}");
    let (code, message) = desk.refused("gateway.reconnect_data", "{}").await;
    assert_eq!(code, "outcome_unknown", "{message}");
    assert_eq!(heard.await.expect("no panic"), ["RECONNECTACCOUNT\n", "RECONNECTDATA\n"]);
    let (code, message) = desk.refused("gateway.restart", "{}").await;
    assert_eq!(code, "not_ready", "{message}");
    assert_eq!(messages(&desk, "gateway_command").await, Vec::<String>::new());
    assert!(told(&desk, "gateway_command_failed").await[0].contains("gateway.reconnect_account"));
    assert_eq!(desk.get("order.place", limit_order("unharmed")).await["state"], "working");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_a_person_must_finish_is_told_tried_seldom_and_over_with_the_login() {
    let mut desk = Desk::without_bridge().await;
    let door = Action::Door { door: Door::HangUp, for_ms: 3_600_000 };
    desk.sim()
        .add_rule(Rule::new("not logged in", When::Start { at_ms: 0, every_ms: None }, door))
        .await
        .expect("room");
    desk.start_bridge(&format!("[timing]\n{QUICK}person_after_ms = 600\nperson_retry_ms = 3_000\n"));
    let told = told(&desk, "needs_person").await;
    assert!(told[0].contains("finished no login"), "{told:?}");
    let state = desk.get("pool.status", json!({})).await["connection"].clone();
    assert!(state["needs_person"].as_str().is_some_and(|reason| reason.contains("a person is needed")), "{state}");
    let health = desk.get("bridge.health", json!({})).await;
    assert_eq!(health["orders"], false);
    assert!(health["reasons"].to_string().contains("a person is needed"), "{health}");
    let metrics = desk.get("pool.metrics", json!({})).await;
    let metric =
        metrics["metrics"].as_array().expect("metrics").iter().find(|row| row["name"] == "ibnats_needs_person");
    assert_eq!(metric.expect("the metric")["samples"][0]["value"], 1.0);
    let generation = async || {
        let state = desk.get("pool.status", json!({})).await["connection"].clone();
        state["trading"]["generation"].as_u64().expect("a number")
            + state["data"]["generation"].as_u64().expect("a number")
    };
    let before = generation().await;
    tokio::time::sleep(std::time::Duration::from_millis(1_400)).await;
    let knocks = generation().await - before;
    assert!(knocks <= 3, "{knocks} sockets in 1.4 s");
    desk.sim().clear_rules(None).await;
    desk.wait_ready().await;
    assert_eq!(self::told(&desk, "needs_person_over").await.len(), 1);
    let states = desk.stored("IB_CONN").await;
    let (_, last) = states.iter().rfind(|(subject, _)| subject == "ib.conn.state").expect("a state");
    assert!(last["needs_person"].is_null() && last["ready"] == true, "{last}");
}

/// The minute so many minutes from now, in UTC.
#[expect(clippy::disallowed_methods, reason = "a real process reads the real clock")]
fn minute(ahead: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let minute = now / 60 + ahead;
    format!("{:02}:{:02}", minute / 60 % 24, minute % 60)
}

fn calendar(ahead: u64, rest: &str) -> String {
    format!("[timing]\n{QUICK}[calendar]\nzone = \"Etc/UTC\"\ngateway_restart = \"{}\"\n{rest}", minute(ahead))
}

async fn maintenance(desk: &Desk, state: &str) -> Value {
    serving(desk).await;
    desk.find_stored("IB_CONN", state, |stored| {
        let of = |(subject, event): &(String, Value)| {
            subject == "ib.bridge.maintenance" && event["maintenance"]["state"] == state
        };
        stored.iter().find(|stored| of(stored)).map(|(_, event)| event["maintenance"].clone())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_is_announced_ahead_and_fences_new_orders_but_no_cancels() {
    let mut desk = Desk::open().await;
    assert_eq!(desk.get("order.place", limit_order("before")).await["state"], "working");
    desk.stop_bridge().await;
    desk.start_bridge(&calendar(3, "fence_orders_s = 600\n"));
    desk.eventually("the data link", async || {
        let reply = desk.client.request("ib.req.bridge.health", "".into()).await.ok()?;
        let health: Value = serde_json::from_slice(&reply.payload).ok()?;
        (health["data"]["data"] == true && health["data"]["uses"]["account"]["ok"] == true).then_some(())
    })
    .await;
    let announced = maintenance(&desk, "announced").await;
    let health = desk.get("bridge.health", json!({})).await;
    assert_eq!(health["maintenance"][0], announced);
    assert_eq!((&health["orders"], &health["history"]), (&json!(false), &json!(true)), "{health}");
    let reply = desk.ask("order.place", limit_order("too-late")).await;
    assert_eq!(reply["error"]["code"], "not_ready", "{reply}");
    // Three minutes at most to its start, five that it may last.
    let wait_ms = reply["error"]["retry_after_ms"].as_u64().expect("a time");
    assert!((300_000..=480_000).contains(&wait_ms), "{wait_ms}");
    let cancelled = desk.get("order.cancel", json!({ "key": "before", "timeout_ms": 5_000 })).await;
    assert_eq!(cancelled["state"], "cancelled", "{cancelled}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn during_a_restart_history_is_held_lost_links_are_expected_and_orders_return_with_the_gateway() {
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge(&calendar(0, "restart_lasts_s = 180\n"));
    let started = maintenance(&desk, "started").await;
    desk.eventually("the links", async || {
        let state = desk.get("pool.status", json!({})).await["connection"].clone();
        (state["ready"] == true).then_some(())
    })
    .await;
    assert_eq!(desk.refused("order.place", &limit_order("fenced").to_string()).await.0, "not_ready");
    let bars = json!({ "contract": "STK:AAPL", "bar_size": "1m", "duration": "1h", "timeout_ms": 5_000 });
    let asked = desk::now();
    let reply = desk.ask("hist.bars", bars).await;
    assert!(asked.elapsed().as_secs() < 4, "refused at once");
    assert_eq!(reply["error"]["code"], "pacing_limited", "{reply}");
    let wait_ms = reply["error"]["retry_after_ms"].as_u64().expect("a time");
    assert!((100_000..=180_000).contains(&wait_ms), "{wait_ms} until {started}");
    assert_eq!(desk.sim().request_count("HistoricalDataRequest").await, 0);
    // Contracts and quotes are no bulk work.
    desk.get("md.snapshot", json!({ "contract": "STK:AAPL", "timeout_ms": 15_000 })).await;

    let mut states = desk.listen("conn.state").await;
    desk.sim().cut().await;
    let lost = states.next_where(|state| state["ready"] == false).await;
    assert_eq!(lost["maintenance"], true, "{lost}");
    states.next_where(|state| state["ready"] == true).await;
    assert_eq!(desk.get("order.place", limit_order("after")).await["state"], "working");
    assert_eq!(desk.get("bridge.health", json!({})).await["history"], false, "the reset may go on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_of_request_that_goes_unanswered_is_refused_tried_and_taken_again() {
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge("[timing]\nrequest_ms = 400\n[breaker]\nfailures = 2\nopen_ms = 3_000\nopen_max_ms = 3_000\n");
    desk.wait_ready().await;
    desk.sim().mute("ContractDataRequest").await;
    let ask = |symbol: &str| json!({ "contract": format!("STK:{symbol}") }).to_string();
    assert_eq!(desk.refused("contract.details", &ask("AAPL")).await.0, "timeout");
    // A lookup that stays unanswered may be asked a second time by itself.
    let (code, _) = desk.refused("contract.details", &ask("MSFT")).await;
    assert!(code == "timeout" || code == "busy", "{code}");
    let state = async |wanted: &str| {
        desk.find_stored("IB_CONN", wanted, |stored| {
            let found = stored
                .iter()
                .rfind(|(subject, event)| subject == "ib.bridge.breaker" && event["breaker"]["state"] == wanted)?;
            Some(found.1["breaker"].clone())
        })
        .await
    };
    let opened = state("open").await;
    assert_eq!((&opened["kind"], &opened["failures"]), (&json!("ContractDataRequest"), &json!(2)), "{opened}");
    let asked = desk.sim().request_count("ContractDataRequest").await;
    let reply: Value = desk.ask_raw("contract.details", ask("AAPL")).await;
    assert_eq!(reply["error"]["code"], "busy", "{reply}");
    assert!(reply["error"]["retry_after_ms"].as_u64().is_some_and(|ms| (1..=3_000).contains(&ms)), "{reply}");
    assert_eq!(desk.sim().request_count("ContractDataRequest").await, asked, "nothing was sent");
    assert_eq!(desk.get("pool.status", json!({})).await["breakers"][0]["kind"], "ContractDataRequest");
    desk.sim().unmute("ContractDataRequest").await;
    desk.eventually("the trial", async || {
        (desk.ask_raw("contract.details", ask("AAPL")).await["ok"] == true).then_some(())
    })
    .await;
    state("half_open").await;
    state("closed").await;
    assert_eq!(desk.get("pool.status", json!({})).await["breakers"], json!([]));
}

async fn data_client_id(desk: &Desk) -> i64 {
    desk.get("pool.status", json!({})).await["connection"]["data"]["client_id"].as_i64().expect("an id")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_link_whose_id_is_in_use_takes_the_next_one() {
    let mut desk = Desk::without_bridge().await;
    let _other = Client::login(desk.addr(), 101).await;
    desk.start_bridge(&format!("[timing]\n{QUICK}"));
    desk.wait_ready().await;
    assert_eq!(data_client_id(&desk).await, 102);
    let states = desk.stored("IB_CONN").await;
    let reasons: Vec<&str> = states.iter().filter_map(|(_, state)| state["data"]["last_error"].as_str()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("101 is in use (326)")), "{reasons:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_bridges_with_one_register_never_try_the_same_id() {
    let (mut first, mut second) = (Desk::without_bridge().await, Desk::without_bridge().await);
    let folder = tempfile::tempdir().expect("a folder");
    let port = first.addr().port();
    for (desk, trading) in [(&mut first, 1), (&mut second, 2)] {
        let gateway =
            format!("port = {port}\ntrading_client_id = {trading}\nclient_id_folder = \"{}\"", folder.path().display());
        let nats = format!("url = \"{}\"", desk.nats.url());
        desk.start_bridge_as(&gateway, &nats, &format!("[timing]\n{QUICK}"));
    }
    first.wait_ready().await;
    second.wait_ready().await;
    let mut ids = [data_client_id(&first).await, data_client_id(&second).await];
    ids.sort_unstable();
    assert_eq!(ids, [101, 102]);
    for desk in [&first, &second] {
        let in_use = desk.stored("IB_CONN").await.into_iter().filter(|(_, event)| event["ib_code"] == 326).count();
        assert_eq!(in_use, 0, "the register spares the refusals");
    }
    // Who comes again has an id of its own, and none that is in use.
    first.stop_bridge().await;
    let gateway = format!("port = {port}\nclient_id_folder = \"{}\"", folder.path().display());
    let nats = format!("url = \"{}\"", first.nats.url());
    first.start_bridge_as(&gateway, &nats, &format!("[timing]\n{QUICK}"));
    first.wait_ready().await;
    assert_ne!(data_client_id(&first).await, data_client_id(&second).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_bridges_that_are_refused_at_once_claim_different_ids() {
    let (mut first, mut second) = (Desk::without_bridge().await, Desk::without_bridge().await);
    let folder = tempfile::tempdir().expect("a folder");
    let addr = first.addr();
    // Programs that no register knows.
    let _others = [Client::login(addr, 101).await, Client::login(addr, 102).await];
    for (desk, trading) in [(&mut first, 1), (&mut second, 2)] {
        let (port, folder) = (addr.port(), folder.path().display());
        let gateway = format!("port = {port}\ntrading_client_id = {trading}\nclient_id_folder = \"{folder}\"");
        let nats = format!("url = \"{}\"", desk.nats.url());
        desk.start_bridge_as(&gateway, &nats, "");
    }
    first.wait_ready().await;
    second.wait_ready().await;
    let mut ids = [data_client_id(&first).await, data_client_id(&second).await];
    ids.sort_unstable();
    assert_eq!(ids, [103, 104]);
    let register = std::fs::read_to_string(folder.path().join("client-ids.json")).expect("the register");
    let register: Value = serde_json::from_str(&register).expect("JSON");
    let entries = register["entries"].as_array().expect("entries").iter();
    let mut written: Vec<i64> = entries.filter_map(|entry| entry["id"].as_i64()).collect();
    written.sort_unstable();
    assert_eq!(written, [1, 2, 103, 104]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_places_are_all_taken_is_dialled_until_one_is_free() {
    let mut desk = Desk::without_bridge().await;
    let mut others = Vec::new();
    for client_id in 200..231 {
        others.push(Client::login(desk.addr(), client_id).await);
    }
    desk.start_bridge(&format!("[timing]\n{QUICK}"));
    serving(&desk).await;
    desk.eventually("one link finds the last place, the other none", async || {
        let state = desk.get("pool.status", json!({})).await["connection"].clone();
        let phases = [state["trading"]["phase"].as_str(), state["data"]["phase"].as_str()];
        let is_tried = state["trading"]["attempts"].as_u64().max(state["data"]["attempts"].as_u64()) > Some(2);
        (is_tried && phases.contains(&Some("ready"))).then_some(())
    })
    .await;
    others.pop();
    desk.wait_ready().await;
}
