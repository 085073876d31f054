//! OpenTelemetry traces of requests, as a receiver gets them.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/desk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod desk;
#[path = "rig/nats_server.rs"]
mod nats_server;

use std::sync::{Arc, Mutex};

use desk::Desk;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Takes spans by OTLP over HTTP.
struct Receiver {
    port: u16,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let spans = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&spans);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(take(socket, Arc::clone(&taken)));
            }
        });
        Self { port, spans }
    }

    fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("no panic").clone()
    }
}

async fn take(mut socket: TcpStream, spans: Arc<Mutex<Vec<Span>>>) {
    let mut bytes = Vec::new();
    loop {
        let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = head_end {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
            let whole = end + 4 + length.unwrap_or(0);
            if bytes.len() >= whole {
                assert!(head.starts_with("post /v1/traces"), "{head}");
                let request = ExportTraceServiceRequest::decode(&bytes[end + 4..whole]).expect("OTLP");
                let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
                spans.lock().expect("no panic").extend(scopes.flat_map(|scope| scope.spans));
                bytes.drain(..whole);
                let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                socket.write_all(answer.as_bytes()).await.expect("answered");
                continue;
            }
        }
        if !matches!(socket.read_buf(&mut bytes).await, Ok(1..)) {
            return;
        }
    }
}

fn attribute(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Value::StringValue(text)) => text,
        other => panic!("{key}: {other:?}"),
    }
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_told_with_its_waits_below_its_callers_span() {
    let receiver = Receiver::start().await;
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge(&format!(
        "[trace]\notlp_endpoint = \"http://127.0.0.1:{}\"\nsample_percent = 0\n",
        receiver.port
    ));
    desk.wait_ready().await;
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("traceparent", format!("00-{TRACE}-{CALLER}-01").as_str());
    let ask = |payload: serde_json::Value| {
        let request = async_nats::Request::new().payload(payload.to_string().into()).headers(headers.clone());
        desk.client.send_request("ib.req.contract.details.alpha", request.timeout(Some(desk::LIMIT)))
    };
    let reply = ask(json!({ "contract": "STK:NVDA" })).await.expect("answered");
    let told = reply.headers.as_ref().and_then(|headers| headers.get("traceparent")).expect("the caller's own");
    assert!(told.as_str().contains(TRACE), "{told:?}");
    ask(json!({ "contract": "STK:NOSUCHTHING" })).await.expect("answered");
    // Nobody asked for a trace of this one, and the sample is empty.
    desk.get("account.list", json!({})).await;
    desk.stop_bridge().await;

    let spans = receiver.spans();
    assert!(spans.iter().all(|span| hex::encode(&span.trace_id) == TRACE), "{spans:#?}");
    let roots: Vec<&Span> = spans.iter().filter(|span| hex::encode(&span.parent_span_id) == CALLER).collect();
    assert_eq!(roots.len(), 2, "{spans:#?}");
    let good =
        roots.iter().find(|span| span.status.as_ref().is_none_or(|status| status.code == 0)).expect("one is well");
    assert_eq!(good.name, "contract.details");
    assert_eq!(attribute(&good.attributes, "messaging.destination.name"), "ib.req.contract.details.alpha");
    assert_eq!(attribute(&good.attributes, "ibnats.client"), "alpha");
    let below: Vec<&Span> = spans.iter().filter(|span| span.parent_span_id == good.span_id).collect();
    let names: Vec<&str> = below.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["pacing wait", "gateway", "reply"]);
    assert_eq!(attribute(&below[1].attributes, "tws.message"), "ContractDataRequest");
    assert_eq!(attribute(&below[1].attributes, "tws.link"), "data");
    assert!(below[1].start_time_unix_nano < below[1].end_time_unix_nano, "the gateway takes its time");
    for span in below {
        assert!(span.start_time_unix_nano >= good.start_time_unix_nano, "{span:#?}");
        assert!(span.end_time_unix_nano <= good.end_time_unix_nano, "{span:#?}");
    }
    let bad = roots.iter().find(|span| span.span_id != good.span_id).expect("one is not");
    assert_eq!(attribute(&bad.attributes, "error.type"), "unknown_contract");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_away_delays_nothing() {
    let mut desk = Desk::without_bridge().await;
    desk.start_bridge("[trace]\notlp_endpoint = \"http://127.0.0.1:1\"\n");
    desk.wait_ready().await;
    for _ in 0..20 {
        desk.get("contract.details", json!({ "contract": "STK:NVDA" })).await;
    }
    let (took, code) = desk.stop_bridge().await;
    assert_eq!(code, Some(0));
    assert!(took.as_secs() < 5, "{took:?}");
}
