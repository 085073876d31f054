//! The users of `nats-server.conf` on a real server: what each may do, and what is refused.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, Subscriber};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use crate::{nats_server::NatsServer, text};

const LIMIT: Duration = Duration::from_secs(5);

pub(crate) struct Rig {
    server: NatsServer,
    _folder: tempfile::TempDir,
}

/// A connected user and the permission errors the server told it.
struct User {
    client: Client,
    refusals: mpsc::Receiver<String>,
}

impl Rig {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("jetstream");
        let original = text("deploy/nats-server.conf");
        let configuration = original
            .replace("/var/lib/nats/jetstream", store.to_str().unwrap())
            .lines()
            .filter(|line| !line.starts_with("listen:") && !line.starts_with("http:"))
            .collect::<Vec<_>>()
            .join("\n");
        assert!(configuration.contains(store.to_str().unwrap()));
        let path = folder.path().join("nats-server.conf");
        std::fs::write(&path, configuration).unwrap();
        let passwords = [
            ("IBNATS_BRIDGE_PASSWORD", "secret-bridge"),
            ("IBNATS_VIEWER_PASSWORD", "secret-viewer"),
            ("IBNATS_TRADER_PASSWORD", "secret-trader"),
            ("IBNATS_ADMIN_PASSWORD", "secret-admin"),
        ];
        Self { server: NatsServer::start(&["-c", path.to_str().unwrap()], &passwords), _folder: folder }
    }

    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    async fn user(&self, name: &str) -> User {
        let (told, refusals) = mpsc::channel(64);
        let client = ConnectOptions::with_user_and_password(name.to_owned(), format!("secret-{name}"))
            .custom_inbox_prefix(format!("_INBOX.{name}"))
            .event_callback(move |event| {
                let told = told.clone();
                async move {
                    if let Event::ServerError(error) = event {
                        told.send(error.to_string()).await.ok();
                    }
                }
            })
            .connect(self.server.url())
            .await
            .expect("connects");
        User { client, refusals }
    }
}

impl User {
    async fn is_refused_to_publish(&mut self, subject: &str) {
        self.client.publish(subject.to_owned(), "{}".into()).await.unwrap();
        self.is_told("publish", subject).await;
    }

    async fn is_refused_to_subscribe(&mut self, subject: &str) {
        let _subscription = self.client.subscribe(subject.to_owned()).await.unwrap();
        self.is_told("subscription", subject).await;
    }

    async fn is_told(&mut self, what: &str, subject: &str) {
        self.client.flush().await.unwrap();
        let told =
            tokio::time::timeout(LIMIT, self.refusals.recv()).await.unwrap_or_else(|_| panic!("{subject} was allowed"));
        let told = told.expect("connected").to_lowercase();
        assert!(told.contains(what) && told.contains(&subject.to_lowercase()), "{told} instead of {what} {subject}");
    }

    async fn listen(&self, subject: &str) -> Subscriber {
        let subscriber = self.client.subscribe(subject.to_owned()).await.unwrap();
        // A round trip: the server has seen the subscription when it answers anything behind it.
        self.client.flush().await.unwrap();
        self.client.request("$JS.API.INFO", "".into()).await.expect("every user may ask");
        subscriber
    }
}

async fn subjects(subscriber: &mut Subscriber, count: usize) -> Vec<String> {
    let received = subscriber.take(count).map(|message| message.subject.to_string());
    tokio::time::timeout(LIMIT, received.collect()).await.expect("messages")
}

/// A bridge that answers each request with two pages, as the real one may.
fn answer(bridge: &User, mut requests: Subscriber) {
    let client = bridge.client.clone();
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            if let Some(inbox) = request.reply {
                for page in ["page 0", "page 1"] {
                    client.publish(inbox.clone(), page.into()).await.ok();
                }
            }
        }
    });
}

#[tokio::test]
async fn a_viewer_asks_for_data_and_gets_every_page() {
    let rig = Rig::start();
    let bridge = rig.user("bridge").await;
    let requests = bridge.listen("ib.req.>").await;
    answer(&bridge, requests);
    let viewer = rig.user("viewer").await;
    let inbox = viewer.client.new_inbox();
    let pages = viewer.listen(&inbox).await;
    viewer.client.publish_with_reply("ib.req.hist.bars.viewer", inbox, "{}".into()).await.unwrap();
    let pages: Vec<_> = tokio::time::timeout(LIMIT, pages.take(2).map(|page| page.payload).collect()).await.unwrap();
    assert_eq!(pages, ["page 0", "page 1"]);
}

#[tokio::test]
async fn a_viewer_can_neither_trade_nor_control_nor_forge() {
    let rig = Rig::start();
    let bridge = rig.user("bridge").await;
    let mut requests = bridge.listen("ib.req.>").await;
    let mut viewer = rig.user("viewer").await;
    for subject in [
        "ib.req.order.place",
        "ib.req.order.place.viewer",
        "ib.req.order.place.trader",
        "ib.req.order.cancel_all.viewer",
        "ib.req.risk.halt.viewer",
        "ib.req.gateway.restart.viewer",
        "ib.req.bridge.log_level.viewer",
        "ib.req.md.subscribe.trader",
        "ib.quote.STK.AAPL.SMART.USD",
        "$JS.API.CONSUMER.CREATE.IB_ORDERS",
        "$JS.API.STREAM.DELETE.IB_ORDERS",
    ] {
        viewer.is_refused_to_publish(subject).await;
    }
    // What is allowed arrives, and it is the first thing to arrive.
    viewer.client.publish("ib.req.md.subscribe.viewer", "{}".into()).await.unwrap();
    assert_eq!(subjects(&mut requests, 1).await, ["ib.req.md.subscribe.viewer"]);
}

#[tokio::test]
async fn a_viewer_sees_the_market_but_no_account() {
    let rig = Rig::start();
    let bridge = rig.user("bridge").await;
    let mut viewer = rig.user("viewer").await;
    for subject in ["ib.order.>", "ib.fill.>", "ib.account.>", "ib.req.>", "_INBOX.trader.>", ">"] {
        viewer.is_refused_to_subscribe(subject).await;
    }
    let mut quotes = viewer.listen("ib.quote.>").await;
    bridge.client.publish("ib.quote.STK.AAPL.SMART.USD", "{}".into()).await.unwrap();
    assert_eq!(subjects(&mut quotes, 1).await, ["ib.quote.STK.AAPL.SMART.USD"]);
}

#[tokio::test]
async fn a_trader_trades_under_its_own_name_but_cannot_halt() {
    let rig = Rig::start();
    let bridge = rig.user("bridge").await;
    let mut requests = bridge.listen("ib.req.>").await;
    let mut trader = rig.user("trader").await;
    for subject in [
        "ib.req.risk.halt.trader",
        "ib.req.risk.resume.trader",
        "ib.req.gateway.restart.trader",
        "ib.req.bridge.log_level.trader",
        "ib.req.order.place",
        "ib.req.order.place.viewer",
        "ib.order.DU12345.mine",
        "ib.fill.DU12345.mine",
        "$JS.API.CONSUMER.CREATE.IB_ORDERS",
    ] {
        trader.is_refused_to_publish(subject).await;
    }
    trader.client.publish("ib.req.order.place.trader", "{}".into()).await.unwrap();
    assert_eq!(subjects(&mut requests, 1).await, ["ib.req.order.place.trader"]);
    trader.is_refused_to_subscribe("_INBOX.viewer.>").await;
    let mut orders = trader.listen("ib.order.>").await;
    bridge.client.publish("ib.order.DU12345.mine", "{}".into()).await.unwrap();
    assert_eq!(subjects(&mut orders, 1).await, ["ib.order.DU12345.mine"]);
}

#[tokio::test]
async fn an_administrator_operates_everything_but_cannot_forge_an_event() {
    let rig = Rig::start();
    let bridge = rig.user("bridge").await;
    let mut requests = bridge.listen("ib.req.>").await;
    let mut admin = rig.user("admin").await;
    for subject in ["ib.quote.STK.AAPL.SMART.USD", "ib.order.DU12345.mine", "_INBOX.trader.x"] {
        admin.is_refused_to_publish(subject).await;
    }
    admin.client.publish("ib.req.risk.halt", "{}".into()).await.unwrap();
    assert_eq!(subjects(&mut requests, 1).await, ["ib.req.risk.halt"]);
}

#[tokio::test]
async fn a_trader_reads_stored_orders_and_a_viewer_reads_last_values() {
    let rig = Rig::start();
    let bridge = rig.user("bridge").await;
    let js = async_nats::jetstream::new(bridge.client.clone());
    let orders = js
        .create_stream(async_nats::jetstream::stream::Config {
            name: "IB_ORDERS".to_owned(),
            subjects: vec!["ib.order.>".to_owned(), "ib.fill.>".to_owned()],
            ..Default::default()
        })
        .await
        .expect("the bridge makes its stream");
    let bucket = async_nats::jetstream::kv::Config { bucket: "ib_last".to_owned(), ..Default::default() };
    let last = js.create_key_value(bucket).await.expect("the bridge makes its bucket");
    last.put("quote.STK.AAPL.SMART.USD", "1".into()).await.expect("and writes it");
    js.publish("ib.order.DU12345.mine", "{}".into()).await.unwrap().await.expect("stored");

    let admin = async_nats::jetstream::new(rig.user("admin").await.client);
    let stream = admin.get_stream(&orders.cached_info().config.name).await.expect("the administrator sees it");
    let durable =
        async_nats::jetstream::consumer::pull::Config { durable_name: Some("trader".to_owned()), ..Default::default() };
    stream.create_consumer(durable).await.expect("and makes the trader's consumer");

    let trader = async_nats::jetstream::new(rig.user("trader").await.client);
    let stream = trader.get_stream("IB_ORDERS").await.expect("the trader finds the stream");
    let consumer: async_nats::jetstream::consumer::PullConsumer =
        stream.get_consumer("trader").await.expect("consumer");
    let mut batch = consumer.fetch().max_messages(1).messages().await.unwrap();
    let stored = tokio::time::timeout(LIMIT, batch.next()).await.unwrap().unwrap().expect("message");
    assert_eq!(stored.subject.as_str(), "ib.order.DU12345.mine");
    stored.double_ack().await.expect("acknowledged");

    let viewer = async_nats::jetstream::new(rig.user("viewer").await.client);
    let last = viewer.get_key_value("ib_last").await.expect("the viewer opens the bucket");
    assert_eq!(last.get("quote.STK.AAPL.SMART.USD").await.expect("readable").expect("there"), "1");
}
