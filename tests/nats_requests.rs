//! The request service answers over a real server; a task stands in for the session.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may panic")]

#[path = "rig/bridge_to_nats.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod bridge_to_nats;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::{sync::Arc, time::Duration};

use async_nats::{Client, HeaderMap, Message, client::RequestErrorKind};
use bridge_to_nats::{LIMIT, Rig, config, eventually, instrument};
use futures_util::StreamExt as _;
use ibnats::{
    gateway::Caller,
    schema::{
        ApiError, ErrorCode,
        bar::Bar,
        registry,
        request::{
            account::Accounts,
            history::Manifest,
            market::{Lease, LeasedStream, StreamState},
        },
    },
    session::{Answer, Ask, Bars, Command, Outcome},
};
use nats_server::NatsServer;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Answers every command as `session` says, and shows it to the test.
fn answer_with(
    rig: &mut Rig,
    session: impl Fn(&Command) -> Option<Outcome> + Send + 'static,
) -> mpsc::Receiver<Command> {
    let mut inbox = rig.inbox.take().expect("one session");
    let (seen, commands) = mpsc::channel(64);
    tokio::spawn(async move {
        let mut unanswered: Vec<Caller> = Vec::new();
        while let Some((command, reply)) = inbox.recv().await {
            match session(&command) {
                Some(outcome) => drop(reply.send(outcome)),
                None => unanswered.push(reply),
            }
            let _ = seen.try_send(command);
        }
    });
    commands
}

fn accounts() -> Answer {
    let account = serde_json::json!({ "account": "DU1", "paper": true });
    Answer::Accounts(Accounts { accounts: vec![serde_json::from_value(account).expect("an account")] })
}

async fn ask(client: &Client, subject: &str, payload: impl Into<Vec<u8>>) -> Message {
    client.request(subject.to_owned(), payload.into().into()).await.expect("a reply")
}

/// The reply as JSON; every reply must fit its published schema.
fn read(verb: &str, reply: &Message) -> Value {
    let value: Value = serde_json::from_slice(&reply.payload).expect("json");
    let name = format!("reply.{verb}");
    let entry = registry::all().into_iter().find(|entry| entry.name == name).expect("a schema");
    let validator = jsonschema::validator_for(entry.schema.as_value()).expect("a valid schema");
    if let Err(error) = validator.validate(&value) {
        panic!("{name}: {error}: {value}");
    }
    value
}

fn header<'a>(reply: &'a Message, name: &str) -> Option<&'a str> {
    reply.headers.as_ref()?.get(name).map(async_nats::HeaderValue::as_str)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_answered_in_the_encoding_they_came_in() {
    let server = NatsServer::with_jetstream(&[]);
    let mut rig = Rig::start(server.url(), "r1").await;
    let mut commands = answer_with(&mut rig, |_| Some(Ok(accounts())));

    let reply = ask(&rig.client, "r1.req.account.list", "").await;
    let account = json!({"account": "DU1", "paper": true, "followed": false, "exchange_rates": {}, "models": []});
    let expected = json!({"ok": true, "data": {"accounts": [account]}});
    assert_eq!(read("account.list", &reply), expected);
    assert!(reply.headers.is_none());
    assert_eq!(commands.recv().await.expect("a command").client, None);

    let packed = rmp_serde::to_vec_named(&json!({})).expect("message pack");
    let reply = ask(&rig.client, "r1.req.account.list.alpha=2E1", packed).await;
    assert_eq!(rmp_serde::from_slice::<Value>(&reply.payload).expect("message pack"), expected);
    assert_eq!(header(&reply, "Content-Type"), Some("application/msgpack"));
    assert_eq!(commands.recv().await.expect("a command").client.as_deref(), Some("alpha.1"));

    let mut headers = HeaderMap::new();
    headers.insert("Content-Type", "application/json");
    headers.insert("traceparent", "00-1-2-00");
    let reply = rig.client.request_with_headers("r1.req.account.list", headers, "{}".into()).await.expect("a reply");
    assert_eq!(header(&reply, "Content-Type"), Some("application/json"));
    assert_eq!(header(&reply, "traceparent"), Some("00-1-2-00"));
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_tells_where_to_subscribe() {
    let server = NatsServer::with_jetstream(&[]);
    let mut rig = Rig::start(server.url(), "r2").await;
    let _commands = answer_with(&mut rig, |command| {
        let Ask::Subscribe(ask) = &command.ask else { return None };
        let stream = |stream: &_| LeasedStream {
            stream: *stream,
            subject: String::new(),
            holders: 1,
            state: StreamState::Asked,
            queue_position: None,
            reason: None,
        };
        let streams = ask.streams.iter().map(stream).collect();
        let lease = Lease {
            lease: "l1".into(),
            client: command.client.as_ref().map(ToString::to_string),
            instrument: instrument(),
            streams,
            ttl_s: ask.ttl_s,
            expires_us: None,
            quote: None,
            book: None,
        };
        Some(Ok(Answer::Lease(Box::new(lease))))
    });
    let payload = r#"{"contract":"STK:AAPL","streams":["quote","tick","bar.5s"],"ttl_s":0}"#;
    let reply = read("md.subscribe", &ask(&rig.client, "r2.req.md.subscribe", payload).await);
    let subjects: Vec<&str> =
        (0..3).filter_map(|n| reply.pointer(&format!("/data/streams/{n}/subject"))?.as_str()).collect();
    assert_eq!(
        subjects,
        ["r2.quote.STK.AAPL.SMART.USD", "r2.tick.STK.AAPL.SMART.USD.*", "r2.bar.STK.AAPL.SMART.USD.5s"]
    );
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests_get_a_clear_error_and_reach_no_session() {
    let server = NatsServer::with_jetstream(&[]);
    let mut rig = Rig::start(server.url(), "r3").await;
    let mut commands = answer_with(&mut rig, |_| Some(Ok(accounts())));
    for (subject, payload, parts) in [
        ("md.subscribe", r#"{"contract":"STK:AAPL","stream":["quote"]}"#, &["stream", "streams"][..]),
        ("md.subscribe", r#"{"contract":"STK:AAPL","ttl_s":"x"}"#, &["ttl_s"]),
        ("md.subscribe", r#"{"contract":"XYZ:AAPL"}"#, &["unknown security type"]),
        ("md.subscribe", "{", &["EOF"]),
        ("md.subscribe", "[\"STK:AAPL\"]", &["map of fields"]),
        ("order.place", r#"{"contract":"STK:AAPL","side":"buy","quantity":1,"order_type":"market"}"#, &["key"]),
        ("order.place", r#"{"key":"a b"}"#, &["key", "a b"]),
        ("account.list", "hello", &["map of fields"]),
    ] {
        let reply = ask(&rig.client, &format!("r3.req.{subject}"), payload).await;
        let value = read(subject, &reply);
        assert_eq!(value.pointer("/error/code"), Some(&json!("invalid_request")), "{value}");
        assert_eq!(header(&reply, "Nats-Service-Error-Code"), Some("400"));
        let text = header(&reply, "Nats-Service-Error").expect("a header");
        for part in parts {
            assert!(text.contains(part), "{part:?} is missing in {text:?}");
        }
    }
    assert!(commands.try_recv().is_err(), "no bad request may reach the session");

    let unknown = rig.client.request("r3.req.order.hold", "{}".into()).await.expect_err("nobody listens");
    assert_eq!(unknown.kind(), RequestErrorKind::NoResponders);
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_the_session_carry_headers_of_one_line_and_are_counted() {
    let server = NatsServer::with_jetstream(&[]);
    let mut rig = Rig::start(server.url(), "r4").await;
    let _commands = answer_with(&mut rig, |_| {
        let text = "Order rejected - reason:\r\nno \u{7} trading permission";
        Some(Err(ApiError::new(ErrorCode::RejectedByGateway, text).ib(201, "order_reject")))
    });
    let reply = ask(&rig.client, "r4.req.account.list", "").await;
    let value = read("account.list", &reply);
    assert_eq!(value.pointer("/error/ib_code"), Some(&json!(201)));
    assert_eq!(header(&reply, "Nats-Service-Error-Code"), Some("422"));
    let text = header(&reply, "Nats-Service-Error").expect("a header");
    assert!(text.starts_with("rejected_by_gateway: Order rejected") && !text.contains(['\r', '\n', '\u{7}']), "{text}");

    let stats = ask(&rig.client, "$SRV.STATS.ibnats", "").await;
    let stats: Value = serde_json::from_slice(&stats.payload).expect("json");
    let endpoints = stats.pointer("/endpoints").and_then(Value::as_array).expect("endpoints");
    let list = endpoints.iter().find(|row| row.get("name") == Some(&json!("account-list"))).expect("the endpoint");
    assert_eq!(list.pointer("/data/errors"), Some(&json!(1)));
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discovery_shows_every_verb_twice_under_unique_names() {
    let server = NatsServer::with_jetstream(&[]);
    let rig = Rig::start(server.url(), "r5").await;
    let info = ask(&rig.client, "$SRV.INFO.ibnats", "").await;
    let info: Value = serde_json::from_slice(&info.payload).expect("json");
    assert_eq!(info.get("version"), Some(&json!(env!("CARGO_PKG_VERSION"))));
    assert_eq!(info.pointer("/metadata/prefix"), Some(&json!("r5")));
    let endpoints = info.pointer("/endpoints").and_then(Value::as_array).expect("endpoints");
    let subjects: std::collections::BTreeSet<&str> =
        endpoints.iter().filter_map(|row| row.get("subject")?.as_str()).collect();
    assert_eq!(subjects.len(), 2 * ibnats::nats::endpoints::VERBS.len());
    assert!(subjects.contains("r5.req.order.place") && subjects.contains("r5.req.order.place.*"));
    rig.finish().await;
}

fn bars(count: i64) -> Answer {
    let row = |n: i64| Bar {
        start_us: n,
        date: None,
        open: 1.25,
        high: 2.5,
        low: 1.0,
        close: 2.0,
        volume: "1000".parse().ok(),
        wap: None,
        count: Some(7),
    };
    let manifest =
        Manifest { instrument: instrument(), pages: 0, rows: count.unsigned_abs(), requests: 1, holes: Vec::new() };
    Answer::Bars(Box::new(Bars { rows: (0..count).map(row).collect(), manifest }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_answer_comes_in_numbered_pages() {
    let server = NatsServer::with_jetstream(&[]);
    let mut rig = Rig::start(server.url(), "r6").await;
    let _commands = answer_with(&mut rig, |_| Some(Ok(bars(12_000))));
    let inbox = rig.client.new_inbox();
    let mut pages = rig.client.subscribe(inbox.clone()).await.expect("subscribed");
    let payload = r#"{"contract":"STK:AAPL","bar_size":"5s","duration":"1d"}"#;
    rig.client.publish_with_reply("r6.req.hist.bars", inbox, payload.into()).await.expect("asked");
    let (mut rows, mut number) = (Vec::new(), 0_u64);
    loop {
        let page = tokio::time::timeout(LIMIT, pages.next()).await.expect("in time").expect("a page");
        assert!(page.payload.len() < 300 * 1024);
        let page = read("hist.bars", &page);
        assert_eq!(page.pointer("/data/page"), Some(&json!(number)));
        number += 1;
        let part = page.pointer("/data/rows").and_then(Value::as_array).expect("rows").clone();
        rows.extend(part.iter().filter_map(|row| row.get("start_us")?.as_i64()));
        if page.pointer("/data/last") == Some(&json!(true)) {
            assert_eq!(page.pointer("/data/manifest/pages"), Some(&json!(number)));
            break;
        }
    }
    assert!(number > 1, "one page proves nothing");
    assert_eq!(rows, (0..12_000).collect::<Vec<_>>());
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn above_its_limit_the_service_is_busy_and_at_the_end_it_answers_what_it_took() {
    let server = NatsServer::with_jetstream(&[]);
    let mut config = config(server.url(), "r7");
    config.nats.requests_max = 1;
    let mut rig = Rig::start_with(config).await.expect("the bridge starts");
    let mut inbox = rig.inbox.take().expect("one session");
    let client = rig.client.clone();
    let first = tokio::spawn(async move { ask(&client, "r7.req.account.list", "").await });
    let (_, reply) = inbox.recv().await.expect("the first request");

    let second = ask(&rig.client, "r7.req.account.list.beta", "").await;
    assert_eq!(read("account.list", &second).pointer("/error/code"), Some(&json!("busy")));
    assert_eq!(header(&second, "Nats-Service-Error-Code"), Some("429"));

    let client = rig.client.clone();
    let end = tokio::spawn(rig.finish());
    eventually("the endpoints are gone", || async {
        // One that arrives in the very moment of the end may get no answer at all.
        let probe = async_nats::Request::new().timeout(Some(Duration::from_millis(200)));
        let error = client.send_request("r7.req.pace.status", probe).await.err()?;
        (error.kind() == RequestErrorKind::NoResponders).then_some(())
    })
    .await;
    reply.send(Ok(accounts())).expect("the caller still waits");
    let first = first.await.expect("task");
    assert_eq!(read("account.list", &first).get("ok"), Some(&json!(true)));
    end.await.expect("an orderly end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_callers_timeout_is_the_commands_deadline() {
    let server = NatsServer::with_jetstream(&[]);
    let mut rig = Rig::start(server.url(), "r8").await;
    let mut commands = answer_with(&mut rig, |_| None);
    let before = ibnats::gateway::clock::now().at;
    let client = Arc::new(rig.client.clone());
    let payload = r#"{"pattern":"AAPL","timeout_ms":300}"#;
    let reply = tokio::spawn(async move { ask(&client, "r8.req.contract.search", payload).await });
    let deadline = commands.recv().await.expect("a command").deadline;
    let after = ibnats::gateway::clock::now().at;
    assert!(deadline >= before + Duration::from_millis(300) && deadline <= after + Duration::from_millis(300));
    let reply = read("contract.search", &reply.await.expect("task"));
    assert_eq!(reply.pointer("/error/code"), Some(&json!("timeout")));
    rig.finish().await;
}
