//! What NATS may do to the bridge besides being away: full, forbidden, forgetful, hanging, slow, one node of three.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/narrow.rs"]
mod narrow;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_nats::jetstream::{self, stream};
use desk::{Desk, limit, now};
use futures_util::{StreamExt as _, future::join_all};
use ibnats::sim::SimConfig;
use narrow::Narrow;
use nats_server::NatsServer;
use serde_json::{Value, json};

/// Works an order, lets the price fall through it, and waits until the fill is on the disk.
async fn fill(desk: &Desk, key: &str, bid: f64) {
    assert!(desk.sim().set_price("AAPL", bid * 0.8).await);
    desk.eventually("the fill on the disk", async || (desk.journaled().get(key)? == "filled").then_some(())).await;
}

/// Events of one key as stored: none missing, none twice, each subject in order; the last one says filled.
async fn stored_whole(desk: &Desk, key: &str) {
    desk.find_stored("IB_ORDERS", "the fill with its commission", |stored| {
        let of_key = |kind: &str| {
            let subject = format!("ib.{kind}.DU1234567.{key}");
            stored.iter().filter(move |(name, _)| *name == subject).map(|(_, event)| event)
        };
        let is_over = of_key("order").next_back().is_some_and(|event| event["state"] == "filled");
        (is_over && of_key("fill").any(|fill| !fill["commission"].is_null())).then_some(())
    })
    .await;
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for (subject, event) in desk.stored("IB_ORDERS").await {
        let seq = event["seq"].as_u64().expect("a number");
        if let Some(before) = last.insert(subject.clone(), seq) {
            assert_eq!(seq, before + 1, "{subject} has a hole or a repeat");
        }
    }
}

/// Orders are refused for a reason that holds `why`; health says the same, and data flows.
async fn refused_while_data_flows(desk: &Desk, why: &str) {
    desk.orders_are_refused(why).await;
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "ttl_s": 60 })).await;
    desk.listen("quote.>").await.next_where(|quote| quote["stale"] == false).await;
    // What no stream stores travels beside what waits for one.
    let mut news = desk.listen("news.>").await;
    desk.sim().bulletin(1, "a word to all", "NYSE").await;
    news.next().await;
}

async fn taken_again(desk: &Desk, key: &str) {
    desk.eventually("an order that is taken", async || {
        let reply = desk.client.request("ib.req.order.place", limit(key, 1.0).to_string().into()).await.ok()?;
        let reply: Value = serde_json::from_slice(&reply.payload).ok()?;
        (reply["ok"] == true).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_stream_refuses_orders_with_the_reason_and_its_fills_follow_when_there_is_room() {
    let desk = Desk::open().await;
    let bid = desk.bid().await;
    assert_eq!(desk.get("order.place", limit("works", bid * 0.9)).await["state"], "working");
    assert_eq!(desk.get("order.place", limit("rests", 1.0)).await["state"], "working");
    let js = jetstream::new(desk.client.clone());
    let limits = |max: i64, discard| {
        let js = js.clone();
        async move {
            let config = js.get_stream("IB_ORDERS").await.expect("the stream").cached_info().config.clone();
            js.update_stream(stream::Config { max_messages: max, discard, ..config }).await.expect("changed");
        }
    };
    desk.find_stored("IB_ORDERS", "both orders", |stored| {
        // One may be told in two steps, its words after its state.
        let working: BTreeSet<_> =
            stored.iter().filter(|(_, event)| event["state"] == "working").map(|(of, _)| of).collect();
        (working.len() == 2).then_some(())
    })
    .await;
    let count = i64::try_from(desk.stored("IB_ORDERS").await.len()).expect("few");
    limits(count, stream::DiscardPolicy::New).await;

    fill(&desk, "works", bid).await;
    refused_while_data_flows(&desk, "maximum messages exceeded").await;
    assert!(desk.get("bridge.health", json!({})).await["journal"]["unpublished"].as_u64() > Some(0));
    // A cancel needs no room in a stream.
    assert_eq!(desk.get("order.cancel", json!({ "key": "rests" })).await["state"], "cancelled");
    assert_eq!(desk.stored("IB_ORDERS").await.len(), usize::try_from(count).expect("few"));
    limits(-1, stream::DiscardPolicy::Old).await;
    stored_whole(&desk, "works").await;
    taken_again(&desk, "after").await;
}

/// A server with users of its own: everybody may do everything, but the bridge not what `denied` says.
fn guarded(desk: &Desk, denied: &str) -> NatsServer {
    let path = desk.file("nats.conf");
    write_rights(desk, denied);
    NatsServer::with_jetstream(&["-c", &path.display().to_string()])
}

fn write_rights(desk: &Desk, denied: &str) {
    std::fs::write(desk.file("password"), "secret").expect("written");
    let users =
        format!("{{ user: all, password: all }}, {{ user: bridge, password: secret, permissions: {{ {denied} }} }}");
    let text = format!("authorization {{ users: [ {users} ] }}\nno_auth_user: all\n");
    std::fs::write(desk.file("nats.conf"), text).expect("written");
}

async fn start_guarded(denied: &str) -> Desk {
    let mut desk = Desk::without_bridge().await;
    desk.nats = guarded(&desk, denied);
    desk.client = async_nats::connect(desk.nats.url()).await.expect("a client");
    let nats = format!(
        "url = \"{}\"\nuser = \"bridge\"\npassword_file = \"{}\"",
        desk.nats.url(),
        desk.file("password").display()
    );
    desk.start_bridge_at(desk.addr().port(), &nats, "");
    desk
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_orders_that_may_not_be_published_wait_on_the_disk_and_the_reason_is_told() {
    let desk = start_guarded(r#"publish: { deny: ["ib.order.>", "ib.fill.>"] }, subscribe: { allow: [">"] }"#).await;
    desk.wait_ready().await;
    let bid = desk.bid().await;
    // Nobody can know before the first event.
    assert_eq!(desk.get("order.place", limit("works", bid * 0.9)).await["state"], "working");
    fill(&desk, "works", bid).await;
    refused_while_data_flows(&desk, "Permissions Violation for Publish").await;
    assert_eq!(desk.stored("IB_ORDERS").await, []);

    write_rights(&desk, r#"publish: { allow: [">"] }, subscribe: { allow: [">"] }"#);
    desk.nats.reload();
    stored_whole(&desk, "works").await;
    taken_again(&desk, "after").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_may_not_be_made_are_named_and_data_flows_without_them() {
    let denied = r#"publish: { deny: ["$JS.API.STREAM.CREATE.>"] }, subscribe: { allow: [">"] }"#;
    let desk = start_guarded(denied).await;
    refused_while_data_flows(&desk, "$JS.API.STREAM.CREATE.IB_ORDERS").await;

    write_rights(&desk, r#"publish: { allow: [">"] }, subscribe: { allow: [">"] }"#);
    desk.nats.reload();
    taken_again(&desk, "after").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_may_not_be_subscribed_to_are_named_in_the_log_and_events_flow() {
    let denied = r#"publish: { allow: [">"] }, subscribe: { allow: [">"], deny: ["ib.req.>"] }"#;
    let desk = start_guarded(denied).await;
    desk.eventually("a log line", async || {
        let log = desk.log();
        (log.contains("Permissions Violation for Subscription") && log.contains("ib.req.")).then_some(())
    })
    .await;
    desk.find_stored("IB_CONN", "the login", |stored| {
        stored.iter().any(|(_, event)| event["ready"] == true).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_too_small_for_the_streams_is_told_and_data_flows() {
    let mut desk = Desk::without_bridge().await;
    let path = desk.file("small.conf");
    let store = desk.file("small");
    let text = format!("jetstream {{ store_dir: \"{}\", max_file_store: 1MB }}\n", store.display());
    std::fs::write(&path, text).expect("written");
    desk.nats = NatsServer::start(&["-c", &path.display().to_string()], &[]);
    desk.client = async_nats::connect(desk.nats.url()).await.expect("a client");
    desk.start_bridge("");
    refused_while_data_flows(&desk, "insufficient storage").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lost_its_data_gets_new_streams_and_what_it_has_not_acknowledged() {
    let mut desk = Desk::open().await;
    let bid = desk.bid().await;
    assert_eq!(desk.get("order.place", limit("works", bid * 0.9)).await["state"], "working");
    desk.nats.kill();
    fill(&desk, "works", bid).await;
    desk.nats.forget_everything();
    desk.nats.restart();
    desk.eventually("the stream", async || {
        jetstream::new(desk.client.clone()).get_stream("IB_ORDERS").await.ok().map(|_| ())
    })
    .await;
    stored_whole(&desk, "works").await;
    taken_again(&desk, "after").await;
    // Late joiners find the last values, too.
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "ttl_s": 60 })).await;
    let js = jetstream::new(desk.client.clone());
    desk.eventually("the last quote", async || {
        js.get_key_value("ib_last").await.ok()?.get("quote.STK.AAPL.SMART.USD").await.ok().flatten().map(|_| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_is_read_while_nats_hangs_and_requests_are_answered_afterwards() {
    let mut desk = Desk::open().await;
    let bid = desk.bid().await;
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "ttl_s": 0, "streams": ["quote", "tick"] })).await;
    assert_eq!(desk.get("order.place", limit("works", bid * 0.9)).await["state"], "working");
    desk.nats.pause();
    // Asked while nobody listens: the server keeps it, and it is answered.
    let kinds = [
        ("bridge.health", json!({})),
        ("pace.status", json!({})),
        ("order.place", limit("meanwhile", 1.0)),
        ("order.cancel", json!({ "key": "nobody's" })),
        ("order.list", json!({})),
        ("account.list", json!({})),
        ("md.list", json!({})),
        ("md.snapshot", json!({ "contract": "STK:MSFT", "timeout_ms": 15_000 })),
        ("contract.details", json!({ "contract": "STK:IBM" })),
        ("hist.bars", json!({ "contract": "STK:AAPL", "bar_size": "1h", "duration": "1d" })),
        ("risk.heartbeat.alpha", json!({ "ttl_s": 0 })),
    ];
    let asked = tokio::spawn({
        let client = desk.client.clone();
        join_all(kinds.map(|(verb, payload)| {
            let client = client.clone();
            async move {
                let request = async_nats::Request::new().payload(payload.to_string().into()).timeout(Some(desk::LIMIT));
                (verb, client.send_request(format!("ib.req.{verb}"), request).await.map(|reply| reply.payload))
            }
        }))
    });
    let started = now();
    fill(&desk, "works", bid).await;
    let read_after = started.elapsed();
    desk.nats.resume();
    assert!(read_after < Duration::from_secs(5), "the fill was read only after {read_after:?}");
    for (verb, reply) in asked.await.expect("no panic") {
        let reply = reply.unwrap_or_else(|error| panic!("{verb} was forgotten: {error}\n{}", desk.log()));
        let reply: Value = serde_json::from_slice(&reply).expect("JSON");
        desk.check(&format!("reply.{verb}"), &reply);
        let is_refused = verb == "order.cancel";
        // While order events could not be stored, an order was refused with that reason.
        let may_be_refused = is_refused || verb == "order.place" && reply["error"]["code"] == "not_ready";
        assert!(reply["ok"] == !is_refused || may_be_refused, "{verb}: {reply}");
    }
    stored_whole(&desk, "works").await;
    desk.nats.kill();
    desk.nats.restart();
    taken_again(&desk, "after").await;
}

/// Three servers that know each other, on free ports.
fn cluster() -> Vec<NatsServer> {
    let listeners: Vec<std::net::TcpListener> =
        (0..3).map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().expect("bound").port()).collect();
    drop(listeners);
    let routes: Vec<String> = ports.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
    let routes = routes.join(",");
    let server = |(number, port): (usize, &u16)| {
        let (name, listen) = (format!("n{number}"), format!("nats://127.0.0.1:{port}"));
        let arguments = ["--server_name", &name, "--cluster_name", "c", "--cluster", &listen, "--routes", &routes];
        NatsServer::with_jetstream(&arguments)
    };
    ports.iter().enumerate().map(server).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_of_three_may_die_with_the_stream_in_its_hands() {
    let mut desk = Desk::without_bridge().await;
    let mut nodes = cluster();
    let urls: Vec<&str> = nodes.iter().map(NatsServer::url).collect();
    let all = urls.join(",");
    desk.client = async_nats::connect(
        &urls.iter().map(|url| url.parse().expect("a URL")).collect::<Vec<async_nats::ServerAddr>>()[..],
    )
    .await
    .expect("a client");
    let js = jetstream::new(desk.client.clone());
    desk.eventually("a leader", async || js.query_account().await.ok().map(|_| ())).await;
    desk.start_bridge_at(desk.addr().port(), &format!("url = \"{all}\"\nreplicas = 3"), "");
    desk.wait_ready().await;
    let bid = desk.bid().await;
    taken_again(&desk, "rests").await;
    assert_eq!(desk.get("order.place", limit("works", bid * 0.9)).await["state"], "working");
    let info = js.get_stream("IB_ORDERS").await.expect("the stream").cached_info().clone();
    assert_eq!(info.config.num_replicas, 3);
    let leader = info.cluster.and_then(|cluster| cluster.leader).expect("a leader");
    let number: usize = leader.trim_start_matches('n').parse().expect("a number");
    nodes[number].kill();

    fill(&desk, "works", bid).await;
    desk.eventually("another leader", async || {
        let info = js.get_stream("IB_ORDERS").await.ok()?.cached_info().clone();
        info.cluster.and_then(|cluster| cluster.leader).filter(|now| *now != leader)
    })
    .await;
    stored_whole(&desk, "works").await;
    taken_again(&desk, "after").await;
    desk.get("md.subscribe", json!({ "contract": "STK:AAPL", "ttl_s": 60 })).await;
    desk.listen("quote.>").await.next().await;
}

/// Numbers that a subject's events left out, and the events themselves.
#[derive(Default)]
struct Seen {
    last: Option<u64>,
    jumped: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_server_loses_market_events_by_number_and_nothing_else() {
    const SLOW: usize = 20_000;
    let mut desk = Desk::without_bridge().await;
    desk.stop_sim().await;
    // Far more ticks than the wire will take.
    desk.start_sim_as(SimConfig { listen: desk.addr(), slot_ms: 5, seed: 7, ..SimConfig::default() }).await;
    let wire = Narrow::to(desk.nats.url());
    let nats = format!("url = \"{}\"\noutbox_events_max = 128", wire.url());
    desk.start_bridge_at(desk.addr().port(), &nats, "");
    desk.wait_ready().await;

    // What arrives, beside the bridge.
    let seen: Arc<Mutex<BTreeMap<String, Seen>>> = Arc::default();
    let own = async_nats::connect(desk.nats.url()).await.expect("a client");
    for kind in ["tick", "quote"] {
        let (mut events, seen) = (own.subscribe(format!("ib.{kind}.>")).await.expect("subscribed"), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Some(message) = events.next().await {
                let event: Value = serde_json::from_slice(&message.payload).expect("JSON");
                let seq = event["seq"].as_u64().expect("a number");
                let mut seen = seen.lock().expect("no panic");
                let row = seen.entry(message.subject.to_string()).or_default();
                if let Some(last) = row.last.replace(seq) {
                    assert!(seq > last, "{} went back from {last} to {seq}", message.subject);
                    row.jumped += seq - last - 1;
                }
            }
        });
    }
    own.flush().await.expect("flushed");
    let bid = desk.bid().await;
    let subjects = ["AAPL", "MSFT", "IBM"];
    for symbol in subjects {
        let ask = json!({ "contract": format!("STK:{symbol}"), "ttl_s": 0, "streams": ["quote", "tick"] });
        desk.get("md.subscribe", ask).await;
    }
    desk.eventually("every quote", async || {
        let seen = seen.lock().expect("no panic");
        (seen.keys().filter(|subject| subject.starts_with("ib.quote.")).count() == subjects.len()).then_some(())
    })
    .await;
    assert_eq!(desk.get("order.place", limit("works", bid * 0.9)).await["state"], "working");

    wire.set(Some(SLOW));
    let shed = async || {
        let reply = desk.client.request("ib.req.bridge.health", "".into()).await.ok()?;
        let reply: Value = serde_json::from_slice(&reply.payload).ok()?;
        reply["data"]["counters"]["shed_events"].as_u64().filter(|count| *count > 1_000)
    };
    desk.eventually("shed events", shed).await;
    // Requests and orders have a connection of their own.
    assert_eq!(desk.get("order.place", limit("rests", 1.0)).await["state"], "working");
    fill(&desk, "works", bid).await;
    for (verb, payload) in [
        ("account.list", json!({})),
        ("contract.details", json!({ "contract": "STK:IBM" })),
        ("order.cancel", json!({ "key": "rests" })),
    ] {
        desk.get(verb, payload).await;
    }
    let mut told = desk.listen("bridge.shed").await;
    wire.set(None);
    stored_whole(&desk, "works").await;

    // No more events: what was lost is known to the last one.
    for symbol in subjects {
        assert!(desk.sim().halt(symbol).await);
    }
    let mut last = told.next().await.1;
    while let Ok((_, event)) = tokio::time::timeout(Duration::from_secs(7), told.next()).await {
        last = event;
    }
    let seen = seen.lock().expect("no panic");
    let lost: BTreeMap<&str, u64> =
        seen.iter().filter(|(_, row)| row.jumped > 0).map(|(subject, row)| (subject.as_str(), row.jumped)).collect();
    assert!(lost.len() >= 2 * subjects.len(), "{lost:?}");
    for (subject, count) in &lost {
        // The event names the subjects that lost most.
        if let Some(told) = last["figures"][*subject].as_u64() {
            assert_eq!(told, *count, "{subject}: {last}");
        }
    }
    assert!(lost.keys().any(|subject| last["figures"][*subject].is_u64()), "{last}");
}
