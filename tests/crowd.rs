//! A thousand clients of the real process that want the same hundred contracts.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;
#[path = "rig/process.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod process;

use desk::{Desk, LIMIT};
use futures_util::{Stream, StreamExt as _, stream};
use ibnats::sim::SimConfig;
use serde_json::{Value, json};

const CLIENTS: usize = 1_000;
/// How many of the contracts each client asks for; all of them in `make soak`.
const EACH: usize = 10;
/// The lines of a login: `pacing.market_data_lines`.
const LINES: usize = 100;
/// Requests under way at a time; the bridge takes `nats.requests_max`.
const UNDER_WAY: usize = 128;
/// Crowds that come after each other at most. The memory of those before is not given back to the system at once: the
/// allocator keeps it, and how much of it differs. What a crowd really leaves behind, each leaves behind.
const CROWDS: usize = 8;
/// What one of them must be able to come and go with.
const GROWTH_KIB_MAX: u64 = 512;
/// Most that a lease of the first crowd takes, its name and its places in tables included.
const LEASE_KIB_MAX: u64 = 1;
/// What the rest of the process may grow by meanwhile.
const REST_KIB_MAX: u64 = 16 * 1_024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_clients_of_a_hundred_contracts_hold_a_hundred_lines_and_leave_nothing() {
    let mut desk = Desk::without_bridge().await;
    desk.stop_sim().await;
    // Slow markets: this is about the requests.
    let config = SimConfig { listen: desk.addr(), slot_ms: 10_000, ..SimConfig::default() };
    desk.start_sim_as(config).await;
    desk.start_bridge("");
    desk.wait_ready().await;
    let contracts = options(&desk).await;
    assert!(contracts.len() > LINES, "{} options", contracts.len());
    let (shared, further) = (&contracts[..LINES], &contracts[LINES]);

    let pid = desk.bridge_pid();
    // The first to come pays for lookups, lines and what lasts as long as the bridge.
    let first = hold(&desk, "first", 1, shared, LINES).await;
    desk.eventually("the last line", async || (lines_at_gateway(&desk).await >= LINES).then_some(())).await;
    let before = process::rss_kib(pid);
    let in_flight = requests_in_flight(&desk).await;
    let each = if std::env::var_os("IBNATS_SOAK").is_some() { LINES } else { EACH };
    let mut left: Vec<u64> = Vec::new();
    let has_settled = |left: &[u64]| left.windows(2).any(|pair| pair[1] < pair[0] + GROWTH_KIB_MAX);
    while left.len() < CROWDS && !has_settled(&left) {
        let leases = hold(&desk, "crowd", CLIENTS, shared, each).await;
        let held = process::rss_kib(pid);
        let list = desk.get("md.list", json!({})).await;
        assert_eq!((&list["leases_total"], &list["lines"]["used"]), (&json!(CLIENTS * each + LINES), &json!(LINES)));
        let reply = desk.ask("md.subscribe.late", json!({ "contract": further })).await;
        let error = &reply["error"];
        let message = error["message"].as_str().expect("a message");
        assert_eq!(error["code"], "pacing_limited", "{error}");
        assert!(message.contains("100 of 100 market data lines are in use"), "{message}");
        let holders = error["holders"].as_array().expect("the holders");
        assert_eq!((holders.len(), holders[0]["count"].as_u64()), (20, Some(LINES as u64)), "{error}");

        assert_eq!(lines_at_gateway(&desk).await, LINES, "one line for all who want it");
        assert_eq!(leave(&desk, leases).await, 0, "the first one still holds the lines");
        assert_eq!(requests_in_flight(&desk).await, in_flight);
        left.push(process::rss_kib(pid));
        println!("{} leases: {before} KiB before, {held} held, {} after", CLIENTS * each, left[left.len() - 1]);
    }
    assert_eq!(leave(&desk, first).await, LINES as u64, "the last of each gives the line back");
    desk.eventually("the last cancel", async || (lines_at_gateway(&desk).await == 0).then_some(())).await;
    let list = desk.get("md.list", json!({})).await;
    assert_eq!((&list["leases_total"], &list["upstream"], &list["lines"]["used"]), (&json!(0), &json!([]), &json!(0)));
    let crowd_kib_max = (CLIENTS * each) as u64 * LEASE_KIB_MAX + REST_KIB_MAX;
    assert!(left[0] < before + crowd_kib_max, "{before} KiB before the crowd, {left:?} after");
    assert!(has_settled(&left), "each crowd leaves something: {left:?} KiB");
}

/// Short texts of more than a hundred contracts, asked for with one lookup.
async fn options(desk: &Desk) -> Vec<String> {
    let only = json!({ "contract": "STK:AAPL", "exchange": "SMART", "parameters_only": true });
    let parameters = desk.get("contract.chain", only).await["parameters"][0].clone();
    let ask = json!({
        "contract": "STK:AAPL", "expiries": [parameters["expiries"][1]], "around": 270.0, "strike_count": LINES
    });
    let page = desk.get("contract.chain", ask).await;
    let rows = page["rows"].as_array().expect("rows").iter();
    rows.filter_map(|row| row["instrument"].as_str().map(str::to_owned)).collect()
}

/// Each client subscribes to so many of the contracts, all of them together to each equally often. Gives the
/// names of the leases.
async fn hold(desk: &Desk, name: &str, clients: usize, contracts: &[String], each: usize) -> Vec<(String, String)> {
    let wanted = |client: usize| (0..each).map(move |place| (client, (client * each + place) % LINES));
    let asks = (0..clients).flat_map(wanted).map(|(client, place)| {
        let body = json!({ "contract": contracts[place], "ttl_s": 600 });
        (format!("{name}-{client}"), "subscribe", body.to_string())
    });
    let lease = |(client, answer): (String, Value)| {
        let name = answer["data"]["lease"].as_str().unwrap_or_else(|| panic!("{answer}\n{}", desk.log()));
        (client, name.to_owned())
    };
    answers(desk, asks).map(lease).collect().await
}

/// Gives leases back. Returns how many requests to the gateway were cancelled.
async fn leave(desk: &Desk, leases: Vec<(String, String)>) -> u64 {
    let asks = leases.into_iter().map(|(client, lease)| (client, "unsubscribe", json!({ "lease": lease }).to_string()));
    let cancelled = |(_, answer): (String, Value)| answer["data"]["cancelled"].as_u64().expect("a number");
    let cancelled: Vec<u64> = answers(desk, asks).map(cancelled).collect().await;
    cancelled.into_iter().sum()
}

/// Asks for many things at once; answers as they come.
fn answers(
    desk: &Desk,
    asks: impl Iterator<Item = (String, &'static str, String)>,
) -> impl Stream<Item = (String, Value)> {
    let client = desk.client.clone();
    let ask = move |(name, verb, body): (String, &'static str, String)| {
        let client = client.clone();
        async move {
            let ask = async_nats::Request::new().payload(body.into()).timeout(Some(LIMIT));
            let reply = client.send_request(format!("ib.req.md.{verb}.{name}"), ask).await.expect("an answer");
            (name, serde_json::from_slice(&reply.payload).expect("JSON"))
        }
    };
    stream::iter(asks).map(ask).buffer_unordered(UNDER_WAY)
}

/// Distinct streams that the gateway serves: those asked for and not cancelled.
async fn lines_at_gateway(desk: &Desk) -> usize {
    let asked = desk.sim().request_count("MarketDataRequest").await;
    let cancelled = desk.sim().request_count("CancelMarketData").await;
    usize::try_from(asked - cancelled).expect("no more cancels than requests")
}

async fn requests_in_flight(desk: &Desk) -> u64 {
    desk.get("pool.status", json!({})).await["in_flight"].as_u64().expect("a number")
}
