//! The whole product: simulated gateway, real `nats-server`, and `ibnats run` as a process of its own.
//!
//! Every payload that passes is validated against its published schema.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use async_nats::Client;
use futures_util::StreamExt as _;
use ibnats::{
    journal::reader::{Reader, Which},
    schema::registry,
    sim::{RunningSim, SimConfig, Simulator},
};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::nats_server::NatsServer;

/// Long enough for the slowest machine; nothing waits for it to pass.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A desk: everything a strategy needs, on free ports.
pub(crate) struct Desk {
    pub(crate) nats: NatsServer,
    pub(crate) client: Client,
    pub(crate) schemas: Schemas,
    sim: Option<RunningSim>,
    addr: SocketAddr,
    bridge: Option<Child>,
    folder: tempfile::TempDir,
    seed: u64,
    /// Set for the bridge.
    pub(crate) environment: Vec<(&'static str, PathBuf)>,
}

impl Desk {
    /// Starts all three, and waits until the bridge says that it is ready.
    pub(crate) async fn open() -> Self {
        let mut desk = Self::without_bridge().await;
        desk.start_bridge("");
        desk.wait_ready().await;
        desk
    }

    /// The simulator and NATS alone.
    pub(crate) async fn without_bridge() -> Self {
        let nats = NatsServer::with_jetstream(&[]);
        let seed = 7;
        let sim = Simulator::start(SimConfig { seed, ..SimConfig::default() }).await.expect("the simulator starts");
        let addr = sim.addr();
        let client = async_nats::connect(nats.url()).await.expect("a client");
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            nats,
            client,
            schemas: Schemas::published(),
            sim: Some(sim),
            addr,
            bridge: None,
            folder,
            seed,
            environment: Vec::new(),
        }
    }

    pub(crate) fn sim(&self) -> &RunningSim {
        self.sim.as_ref().expect("the simulator runs")
    }

    /// Ends the simulator; its port is free afterwards.
    pub(crate) async fn stop_sim(&mut self) {
        self.sim.take().expect("the simulator runs").stop().await;
    }

    /// Starts the simulator again on its port.
    pub(crate) async fn start_sim(&mut self) {
        let config = SimConfig { listen: self.addr, seed: self.seed, ..SimConfig::default() };
        self.start_sim_as(config).await;
    }

    pub(crate) async fn start_sim_as(&mut self, config: SimConfig) {
        // A connection of somebody else may hold the port for a moment.
        let started = now();
        self.sim = loop {
            match Simulator::start(config.clone()).await {
                Ok(sim) => break Some(sim),
                Err(error) => assert!(started.elapsed() < LIMIT, "the simulator does not start: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Starts `ibnats run` with `extra` added to its configuration.
    pub(crate) fn start_bridge(&mut self, extra: &str) {
        self.start_bridge_at(self.addr.port(), &format!("url = \"{}\"", self.nats.url()), extra);
    }

    /// As [`Self::start_bridge`], with another gateway port, and lines for the section about NATS.
    pub(crate) fn start_bridge_at(&mut self, port: u16, nats: &str, extra: &str) {
        self.start_bridge_as(&format!("port = {port}"), nats, extra);
    }

    /// As [`Self::start_bridge`], with lines for the sections about the gateway and about NATS.
    pub(crate) fn start_bridge_as(&mut self, gateway: &str, nats: &str, extra: &str) {
        let text = format!(
            "[gateway]\n{gateway}\n[nats]\n{nats}\n[log]\nfilter = \"info\"\n[state]\ndir = \"{}\"\n{extra}\n",
            self.state().display(),
        );
        let file = self.folder.path().join("ibnats.toml");
        std::fs::write(&file, text).expect("written");
        let log = std::fs::File::create(self.log_file()).expect("a log");
        let child = Command::new(env!("CARGO_BIN_EXE_ibnats"))
            .arg("run")
            .arg("--config")
            .arg(file)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the bridge starts");
        self.bridge = Some(child);
    }

    /// A file beside the state that goes with it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the bridge keeps its state.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("bridge.log")
    }

    /// Process id of the bridge.
    pub(crate) fn bridge_pid(&self) -> u32 {
        self.bridge.as_ref().and_then(tokio::process::Child::id).expect("the bridge runs")
    }

    /// What the bridge has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Asks the bridge to end as a service manager does; returns how long it took and its exit code.
    pub(crate) async fn stop_bridge(&mut self) -> (Duration, Option<i32>) {
        let mut bridge = self.bridge.take().expect("the bridge runs");
        let pid = bridge.id().expect("it runs").to_string();
        let started = now();
        let killed = std::process::Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
        assert!(killed.success());
        let status = tokio::time::timeout(LIMIT, bridge.wait()).await.expect("it ends").expect("its status");
        (started.elapsed(), status.code())
    }

    /// `kill -9`: the bridge gets no chance to say or write anything more.
    pub(crate) async fn kill_bridge(&mut self) {
        self.bridge.take().expect("the bridge runs").kill().await.expect("killed");
    }

    /// Sends a request and checks the payloads of both directions against their schemas.
    pub(crate) async fn ask(&self, verb: &str, payload: Value) -> Value {
        self.schemas.check(&format!("request.{verb}"), &payload);
        self.ask_raw(verb, payload.to_string()).await
    }

    /// Sends bytes that may be no valid request.
    pub(crate) async fn ask_raw(&self, verb: &str, payload: String) -> Value {
        let request = async_nats::Request::new().payload(payload.into()).timeout(Some(LIMIT));
        let reply = self.client.send_request(format!("ib.req.{verb}"), request).await;
        let reply = reply.unwrap_or_else(|error| panic!("{verb}: {error}\n{}", self.log()));
        let reply: Value = serde_json::from_slice(&reply.payload).expect("JSON");
        self.schemas.check(&format!("reply.{verb}"), &reply);
        reply
    }

    /// As [`Self::ask`]; the answer's data.
    pub(crate) async fn get(&self, verb: &str, payload: Value) -> Value {
        let reply = self.ask(verb, payload).await;
        assert_eq!(reply["ok"], true, "{verb}: {reply}\n{}", self.log());
        reply["data"].clone()
    }

    /// As [`Self::get`], of an answer in pages.
    pub(crate) async fn pages(&self, verb: &str, payload: Value) -> Vec<Value> {
        self.schemas.check(&format!("request.{verb}"), &payload);
        let inbox = self.client.new_inbox();
        let mut replies = self.client.subscribe(inbox.clone()).await.expect("subscribed");
        let subject = format!("ib.req.{verb}");
        self.client.publish_with_reply(subject, inbox, payload.to_string().into()).await.expect("asked");
        let mut pages: Vec<Value> = Vec::new();
        while pages.last().is_none_or(|page| page["last"] == false) {
            let reply = tokio::time::timeout(LIMIT, replies.next()).await.expect("a page in time").expect("a page");
            let reply: Value = serde_json::from_slice(&reply.payload).expect("JSON");
            self.schemas.check(&format!("reply.{verb}"), &reply);
            assert_eq!(reply["ok"], true, "{verb}: {reply}\n{}", self.log());
            pages.push(reply["data"].clone());
        }
        pages
    }

    /// The error code and message of a request that is refused.
    pub(crate) async fn refused(&self, verb: &str, payload: &str) -> (String, String) {
        let reply = self.ask_raw(verb, payload.to_owned()).await;
        assert_eq!(reply["ok"], false, "{verb} {payload}: {reply}");
        let text = |field: &str| reply["error"][field].as_str().expect("text").to_owned();
        (text("code"), text("message"))
    }

    /// Waits until health says yes.
    pub(crate) async fn wait_ready(&self) {
        self.eventually("health", async || {
            let request = self.client.request("ib.req.bridge.health", "".into()).await.ok()?;
            let reply: Value = serde_json::from_slice(&request.payload).ok()?;
            (reply["data"]["ok"] == true).then_some(())
        })
        .await;
    }

    /// Checks a payload against its published schema.
    #[track_caller]
    pub(crate) fn check(&self, name: &str, payload: &Value) {
        self.schemas.check(name, payload);
    }

    /// Tries until `probe` gives something.
    pub(crate) async fn eventually<T>(&self, what: &str, probe: impl AsyncFn() -> Option<T>) -> T {
        let started = now();
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            assert!(started.elapsed() < LIMIT, "{what}: not within {LIMIT:?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Listens to a subject below the prefix.
    pub(crate) async fn listen(&self, subject: &str) -> Tap<'_> {
        let subscriber = self.client.subscribe(format!("ib.{subject}")).await.expect("subscribed");
        // Flushed is not subscribed: the server answers this, though nobody else does, once it has read what came before.
        let _ = self.client.request("test.round_trip", "".into()).await;
        Tap { subscriber, desk: self }
    }

    /// Apple's present bid.
    pub(crate) async fn bid(&self) -> f64 {
        let snapshot = self.get("md.snapshot", json!({ "contract": "STK:AAPL", "timeout_ms": 15_000 })).await;
        snapshot["quote"]["bid"].as_f64().expect("a bid")
    }

    /// Orders come to be refused for a reason that holds `why`; health says the same, and that data flows.
    pub(crate) async fn orders_are_refused(&self, why: &str) {
        let (code, message) = self
            .eventually("a refusal for this reason", async || {
                // Those before the reason is known are taken.
                let order = limit(&format!("k{}", ibnats::gateway::clock::now().us), 1.0).to_string();
                let reply = self.client.request("ib.req.order.place", order.into()).await.ok()?;
                let reply: Value = serde_json::from_slice(&reply.payload).ok()?;
                let text = |field: &str| reply["error"][field].as_str().unwrap_or_default().to_owned();
                text("message").contains(why).then(|| (text("code"), text("message")))
            })
            .await;
        assert_eq!(code, "not_ready");
        assert!(message.contains("nothing was sent"), "{message}");
        let health = self.get("bridge.health", json!({})).await;
        assert_eq!((&health["orders"], &health["data"]), (&json!(false), &json!(true)), "{health}");
        assert!(health["reasons"].to_string().contains(why), "{health}");
    }

    /// Orders that the simulator was sent.
    pub(crate) async fn orders_sent(&self) -> u64 {
        self.sim().request_count("PlaceOrderRequest").await
    }

    /// Every order of the journal on the disk, with its state.
    pub(crate) fn journaled(&self) -> BTreeMap<String, String> {
        let which = Which { count_max: 10_000, ..Which::default() };
        let orders = Reader::open(&self.state()).expect("readable").orders(&which).expect("orders");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        orders.iter().map(|order| (text(&order["key"]), text(&order["state"]))).collect()
    }

    /// What `probe` finds in a stream, once it is there: an event is stored after it is sent.
    pub(crate) async fn find_stored<T>(
        &self,
        stream: &str,
        what: &str,
        probe: impl Fn(&[(String, Value)]) -> Option<T>,
    ) -> T {
        self.eventually(what, async || probe(&self.stored(stream).await)).await
    }

    /// Everything stored in a stream so far, oldest first.
    pub(crate) async fn stored(&self, stream: &str) -> Vec<(String, Value)> {
        let js = async_nats::jetstream::new(self.client.clone());
        let stream = js.get_stream(stream).await.expect("the stream");
        let state = stream.cached_info().state.clone();
        let mut messages = Vec::new();
        if state.messages == 0 {
            return messages;
        }
        for sequence in state.first_sequence..=state.last_sequence {
            let message = stream.get_raw_message(sequence).await.expect("a stored message");
            let payload: Value = serde_json::from_slice(&message.payload).expect("JSON");
            self.schemas.check_event(&message.subject, &payload);
            messages.push((message.subject.to_string(), payload));
        }
        messages
    }
}

#[expect(clippy::disallowed_methods, reason = "real processes take real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A subscription whose payloads are checked.
pub(crate) struct Tap<'a> {
    subscriber: async_nats::Subscriber,
    desk: &'a Desk,
}

impl Tap<'_> {
    /// The next event and its subject; requests that a wide subject lets through are passed over.
    pub(crate) async fn next(&mut self) -> (String, Value) {
        loop {
            let (subject, payload) = self.next_message().await;
            if !subject.starts_with("ib.req.") {
                self.desk.schemas.check_event(&subject, &payload);
                return (subject, payload);
            }
        }
    }

    async fn next_message(&mut self) -> (String, Value) {
        let next = tokio::time::timeout(LIMIT, self.subscriber.next()).await;
        let message =
            next.unwrap_or_else(|_| panic!("no event came\n{}", self.desk.log())).expect("an open subscription");
        let payload: Value = serde_json::from_slice(&message.payload).expect("JSON");
        (message.subject.to_string(), payload)
    }

    /// The next event that `wanted` accepts.
    pub(crate) async fn next_where(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (_, payload) = self.next().await;
            if wanted(&payload) {
                return payload;
            }
        }
    }
}

/// The published schemas, ready to validate.
pub(crate) struct Schemas {
    validators: BTreeMap<&'static str, jsonschema::Validator>,
    events: Vec<(Vec<&'static str>, &'static str)>,
}

impl Schemas {
    fn published() -> Self {
        let (mut validators, mut events) = (BTreeMap::new(), Vec::new());
        for entry in registry::all() {
            let validator = jsonschema::validator_for(&entry.schema.to_value()).expect("a schema");
            validators.insert(entry.name, validator);
            if entry.name.starts_with("event.") {
                events.push((entry.subject.split('.').collect(), entry.name));
            }
        }
        Self { validators, events }
    }

    #[track_caller]
    fn check(&self, name: &str, payload: &Value) {
        // The schema belongs to the verb, whichever client's name follows it.
        let name = name.splitn(4, '.').take(3).collect::<Vec<_>>().join(".");
        let validator = self.validators.get(name.as_str()).unwrap_or_else(|| panic!("no schema {name}"));
        let errors: Vec<String> = validator.iter_errors(payload).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name} does not fit its schema: {errors:?}\n{payload}");
    }

    /// The schema of an event is found by the first tokens of its subject.
    #[track_caller]
    fn check_event(&self, subject: &str, payload: &Value) {
        let tokens: Vec<&str> = subject.split('.').skip(1).collect();
        let fits = |pattern: &&(Vec<&str>, &str)| {
            pattern.0.iter().zip(&tokens).all(|(wanted, token)| wanted.starts_with('<') || wanted == token)
        };
        let (_, name) = self.events.iter().find(fits).unwrap_or_else(|| panic!("no schema for {subject}"));
        self.check(name, payload);
    }
}

/// A limit order for three shares of Apple.
pub(crate) fn limit(key: &str, price: f64) -> Value {
    json!({
        "key": key, "contract": "STK:AAPL", "side": "buy", "quantity": 3, "order_type": "limit",
        "limit_price": (price * 100.0).round() / 100.0
    })
}

/// A market order for this many shares of Apple.
pub(crate) fn buy(key: &str, quantity: u32) -> Value {
    json!({ "key": key, "contract": "STK:AAPL", "side": "buy", "quantity": quantity, "order_type": "market", "wait_for": "final" })
}
