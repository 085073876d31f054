//! Events reach NATS: market events while it is there, kept events whatever happens to it.

#![expect(clippy::expect_used, reason = "a test may panic")]

#[path = "rig/bridge_to_nats.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod bridge_to_nats;
#[path = "rig/nats_server.rs"]
mod nats_server;

use async_nats::jetstream::{self, stream};
use bridge_to_nats::{LIMIT, Rig, config, eventually, heartbeat, listing, order, quote};
use futures_util::StreamExt as _;
use ibnats::{nats::streams::Names, schema::registry};
use nats_server::NatsServer;
use serde_json::Value;

/// The event as JSON; it must fit its published schema.
fn read(name: &str, payload: &[u8]) -> Value {
    let event: Value = serde_json::from_slice(payload).expect("json");
    let entry = registry::all().into_iter().find(|entry| entry.name == name).expect("a schema");
    let validator = jsonschema::validator_for(entry.schema.as_value()).expect("a valid schema");
    assert!(validator.is_valid(&event), "{name}: {event}");
    event
}

/// Every stored message of a stream, oldest first.
async fn stored(url: &str, name: &str) -> Vec<(String, Value)> {
    let js = jetstream::new(async_nats::connect(url).await.expect("a client"));
    let stream = js.get_stream(name).await.expect("the stream");
    let state = stream.cached_info().state.clone();
    let mut messages = Vec::new();
    for sequence in state.first_sequence..=state.last_sequence {
        let message = stream.get_raw_message(sequence).await.expect("a stored message");
        messages.push((message.subject.to_string(), serde_json::from_slice(&message.payload).expect("json")));
    }
    messages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotes_are_published_and_the_last_one_is_kept() {
    let server = NatsServer::with_jetstream(&[]);
    let mut config = config(server.url(), "t1");
    config.nats.msgpack_prefix = "t1m".to_owned();
    let mut rig = Rig::start_with(config).await.expect("the bridge starts");
    let mut json = rig.client.subscribe("t1.quote.>").await.expect("subscribed");
    let mut packed = rig.client.subscribe("t1m.quote.>").await.expect("subscribed");
    rig.client.flush().await.expect("flushed");

    let listing = listing();
    for bid in 1..=50_u32 {
        rig.outbox.offer(quote(&listing, f64::from(bid)));
    }
    let mut seen = Vec::new();
    for _ in 0..50 {
        let message = tokio::time::timeout(LIMIT, json.next()).await.expect("in time").expect("a message");
        assert_eq!(message.subject.as_str(), "t1.quote.STK.AAPL.SMART.USD");
        assert!(message.headers.is_none(), "quotes carry no headers");
        let event = read("event.quote", &message.payload);
        seen.push((event["seq"].as_u64().expect("seq"), event["bid"].as_f64().expect("bid")));
        let message = tokio::time::timeout(LIMIT, packed.next()).await.expect("in time").expect("a message");
        let same: Value = rmp_serde::from_slice(&message.payload).expect("message pack");
        assert_eq!(same, event);
    }
    let expected: Vec<(u64, f64)> = (1..=50_u32).map(|n| (1_000_000 + u64::from(n), f64::from(n))).collect();
    assert_eq!(seen, expected);

    let js = jetstream::new(rig.client.clone());
    let bucket = js.get_key_value("t1_last").await.expect("the bucket");
    eventually("the last quote in the bucket", || async {
        let value = bucket.get("quote.STK.AAPL.SMART.USD").await.expect("readable")?;
        let quote: Value = serde_json::from_slice(&value).expect("json");
        (quote["bid"] == 50.0).then_some(())
    })
    .await;
    let history = bucket.status().await.expect("status").values();
    assert_eq!(history, 1, "one key, one value");
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_buckets_are_made_once_and_brought_up_to_date() {
    let server = NatsServer::with_jetstream(&[]);
    Rig::start(server.url(), "t2").await.finish().await;
    let mut again = config(server.url(), "t2");
    again.nats.orders_stream_bytes_max = 2 << 20;
    let rig = Rig::start_with(again).await.expect("the second start");
    let js = jetstream::new(rig.client.clone());
    let names = Names::of("t2");
    let orders = js.get_stream(&names.orders).await.expect("made");
    let found = orders.cached_info().config.clone();
    assert_eq!((found.max_bytes, found.subjects), (2 << 20, vec!["t2.order.>".to_owned(), "t2.fill.>".to_owned()]));
    for bucket in [names.last, names.account] {
        js.get_key_value(bucket).await.expect("made");
    }
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_somebody_else_is_left_alone() {
    let server = NatsServer::with_jetstream(&[]);
    let js = jetstream::new(async_nats::connect(server.url()).await.expect("a client"));
    let theirs = stream::Config { name: "T3_ORDERS".into(), subjects: vec!["theirs.>".into()], ..Default::default() };
    js.create_stream(theirs).await.expect("made");
    let error = Rig::start_with(config(server.url(), "t3")).await.err().expect("refused").to_string();
    assert!(error.contains("T3_ORDERS") && error.contains("theirs.>"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_events_survive_a_killed_server_in_order_and_once() {
    let mut server = NatsServer::with_jetstream(&[]);
    let mut rig = Rig::start(server.url(), "t4").await;
    let mut offered = 0;
    let mut offer = |rig: &mut Rig, count: i64| {
        for _ in 0..count {
            offered += 1;
            if offered % 7 == 0 {
                rig.outbox.offer(heartbeat(offered));
            } else {
                rig.pen.write(order("k1", offered));
            }
        }
    };
    for round in 0..3 {
        offer(&mut rig, 150);
        // Somewhere in the middle of it, at another point in each round.
        for _ in 0..round * 40 {
            rig.outbox.flush();
            tokio::task::yield_now().await;
        }
        server.kill();
        offer(&mut rig, 150);
        server.restart();
        while rig.outbox.is_congested() {
            tokio::time::timeout(LIMIT, rig.outbox.make_room()).await.expect("events flow again");
        }
    }
    let expected: Vec<i64> = (1..=900).filter(|n| n % 7 != 0).collect();
    let url = server.url().to_owned();
    rig.finish().await;
    let orders: Vec<i64> =
        stored(&url, "T4_ORDERS").await.iter().map(|(_, event)| event["recv_us"].as_i64().unwrap()).collect();
    assert_eq!(orders, expected);
    let beats = stored(&url, "T4_CONN").await;
    let beats: Vec<i64> = beats
        .iter()
        .filter(|(subject, _)| subject == "t4.bridge.heartbeat")
        .map(|(_, event)| event["recv_us"].as_i64().unwrap())
        .collect();
    assert_eq!(beats, (1..=900).filter(|n| n % 7 == 0).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_events_flow_again_soon_after_a_killed_server_is_back() {
    let mut server = NatsServer::with_jetstream(&[]);
    let mut rig = Rig::start(server.url(), "t9").await;
    // A stopped server reads nothing: everything offered is under way without an acknowledgement.
    server.pause();
    for number in 1..=50 {
        rig.pen.write(order("k1", number));
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    server.kill();
    server.restart();
    let back = tokio::time::Instant::now();
    let js = jetstream::new(rig.client.clone());
    eventually("all orders stored", || async {
        let stream = js.get_stream("T9_ORDERS").await.ok()?;
        (stream.cached_info().state.messages == 50).then_some(())
    })
    .await;
    let took = back.elapsed();
    assert!(took < std::time::Duration::from_secs(3), "stored {took:?} after the server was back");
    let url = server.url().to_owned();
    rig.finish().await;
    let orders: Vec<i64> =
        stored(&url, "T9_ORDERS").await.iter().map(|(_, event)| event["recv_us"].as_i64().unwrap()).collect();
    assert_eq!(orders, (1..=50).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn market_events_of_an_outage_are_dropped_counted_and_announced() {
    let mut server = NatsServer::with_jetstream(&[]);
    let mut rig = Rig::start(server.url(), "t5").await;
    let listing = listing();
    let losses = rig.outbox.losses();
    let mut quotes = rig.client.subscribe("t5.quote.>").await.expect("subscribed");
    rig.client.flush().await.expect("flushed");
    rig.outbox.offer(quote(&listing, 1.0));
    let first = tokio::time::timeout(LIMIT, quotes.next()).await.expect("in time").expect("a quote");
    let first: Value = serde_json::from_slice(&first.payload).expect("json");
    assert!(first.get("after_gap").is_none());

    server.kill();
    eventually("a dropped quote", || {
        rig.outbox.offer(quote(&listing, 2.0));
        let dropped = losses.dropped_offline();
        async move { (dropped > 0).then_some(()) }
    })
    .await;
    server.restart();
    // The reader's own connection is back: its request is answered after its subscription is known again.
    let js = jetstream::new(rig.client.clone());
    eventually("the reader", || async { js.get_stream("T5_CONN").await.ok().map(|_| ()) }).await;
    // Quotes handed to the client before it knew of the cut may still come; the first new one is marked.
    let limit = tokio::time::Instant::now() + LIMIT;
    let event = loop {
        assert!(tokio::time::Instant::now() < limit, "no quote after the outage");
        rig.outbox.offer(quote(&listing, 3.0));
        let next = tokio::time::timeout(std::time::Duration::from_millis(50), quotes.next()).await;
        let Ok(Some(message)) = next else { continue };
        let event: Value = serde_json::from_slice(&message.payload).expect("json");
        if event["bid"] == 3.0 {
            break event;
        }
    };
    assert_eq!(event["after_gap"], true);
    assert!(event["seq"].as_u64().unwrap() > first["seq"].as_u64().unwrap() + 1, "the number jumps");

    let js = jetstream::new(rig.client.clone());
    eventually("the report of the loss", || async {
        let stream = js.get_stream("T5_CONN").await.ok()?;
        let message = stream.get_last_raw_message_by_subject("t5.bridge.shed").await.ok()?;
        let event = read("event.bridge", &message.payload);
        event["figures"]["dropped_offline"].as_i64().filter(|count| *count > 0)
    })
    .await;
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn last_values_come_back_after_the_server_forgot_them() {
    let mut server = NatsServer::with_jetstream(&[]);
    let mut rig = Rig::start(server.url(), "t6").await;
    rig.outbox.offer(quote(&listing(), 7.0));
    let client = rig.client.clone();
    let read = || async {
        let bucket = jetstream::new(client.clone()).get_key_value("t6_last").await.ok()?;
        bucket.get("quote.STK.AAPL.SMART.USD").await.ok().flatten()
    };
    eventually("the value", read).await;
    server.kill();
    server.restart();
    // Nothing is offered again: the bridge itself notices.
    eventually("the value after the restart", read).await;
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_later_is_waited_for() {
    let mut server = NatsServer::with_jetstream(&[]);
    server.kill();
    let config = config(server.url(), "t7");
    let start = tokio::spawn(Rig::start_with(config));
    server.restart();
    let rig = tokio::time::timeout(LIMIT, start).await.expect("in time").expect("task").expect("the bridge starts");
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_login_ends_the_start_with_a_clear_text() {
    let server = NatsServer::with_jetstream(&["--user", "bridge", "--pass", "secret"]);
    let error = Rig::start_with(config(server.url(), "t8")).await.err().expect("refused").to_string();
    assert!(error.contains("refused the login") && error.contains("[nats]: user and password_file"), "{error}");

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "secret\n").expect("written");
    let mut right = config(server.url(), "t8");
    right.nats.user = Some("bridge".to_owned());
    right.nats.password_file = Some(file);
    Rig::start_with(right).await.expect("the right password is taken").finish().await;
}
