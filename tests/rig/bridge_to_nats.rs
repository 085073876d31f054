//! The NATS side of the bridge against a real server, with a task that answers for the session.

use std::{sync::Arc, time::Duration};

use async_nats::Client;
use ibnats::{
    config::Config,
    gateway::{Inbox, Outbox, gateway_handle, outbox},
    journal::{self, Pen},
    nats::{NatsError, OrderEvents, RunningNats},
    schema::{
        Instrument,
        bridge::BridgeEvent,
        market::QuoteEvent,
        order::{OrderEvent, OrderState},
    },
    session::{
        Event, Listing,
        durable::{Entry, Fact, OrderFact, OrderMemory},
    },
};
use tokio::sync::watch;

/// Long enough for the slowest machine; nothing waits for it to pass.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// A bridge without a gateway.
pub(crate) struct Rig {
    pub(crate) config: Config,
    pub(crate) nats: RunningNats,
    pub(crate) outbox: Outbox,
    pub(crate) pen: Pen,
    pub(crate) trouble: watch::Receiver<Option<String>>,
    journal: journal::Running,
    _state: tempfile::TempDir,
    pub(crate) inbox: Option<Inbox>,
    pub(crate) client: Client,
}

impl Rig {
    pub(crate) async fn start(url: &str, prefix: &str) -> Self {
        Self::start_with(config(url, prefix)).await.expect("the bridge starts")
    }

    pub(crate) async fn start_with(config: Config) -> Result<Self, NatsError> {
        // A bridge that is starting is large.
        Box::pin(Self::open(config)).await
    }

    async fn open(mut config: Config) -> Result<Self, NatsError> {
        let state = tempfile::tempdir().expect("a folder");
        state.path().clone_into(&mut config.state.dir);
        let opened = journal::start(&config, ibnats::gateway::clock::now).expect("a journal");
        let (sender, trouble) = watch::channel(None);
        let orders = OrderEvents { mail: opened.mail, trouble: sender };
        let (outbox, reader) = outbox(config.nats.outbox_events_max, 64);
        let (handle, inbox) = gateway_handle(64);
        let nats = RunningNats::start(&config, handle, reader, orders, 1_000_000).await?;
        let mut options = async_nats::ConnectOptions::new();
        if let (Some(user), Some(file)) = (&config.nats.user, &config.nats.password_file) {
            let password = std::fs::read_to_string(file).expect("a password");
            options = options.user_and_password(user.clone(), password.trim_end().to_owned());
        }
        let client = options.connect(&config.nats.url).await.expect("a client");
        let (pen, journal) = (opened.pen, opened.running);
        Ok(Self { config, nats, outbox, pen, trouble, journal, _state: state, inbox: Some(inbox), client })
    }

    pub(crate) async fn finish(self) {
        drop(self.outbox);
        drop(self.pen);
        self.nats.finish(Duration::from_secs(5)).await;
        self.journal.join();
    }
}

pub(crate) fn config(url: &str, prefix: &str) -> Config {
    let mut config = Config::default();
    url.clone_into(&mut config.nats.url);
    prefix.clone_into(&mut config.nats.prefix);
    config
}

/// Waits until `probe` gives something.
#[track_caller]
pub(crate) fn eventually<T, F: Future<Output = Option<T>>>(
    what: &'static str,
    mut probe: impl FnMut() -> F,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let limit = tokio::time::Instant::now() + LIMIT;
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            assert!(tokio::time::Instant::now() < limit, "{caller}: {what} did not happen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub(crate) fn instrument() -> Instrument {
    Instrument::bare(265_598, "STK", "AAPL", "SMART", "USD")
}

pub(crate) fn listing() -> Arc<Listing> {
    Arc::new(Listing {
        slot: 0,
        instrument: instrument(),
        contract: ibnats::tws::message::contract::Contract::default(),
    })
}

pub(crate) fn quote(listing: &Arc<Listing>, bid: f64) -> Event {
    let now_us = ibnats::gateway::clock::now().us;
    let quote = QuoteEvent { con_id: 265_598, recv_us: now_us, bid: Some(bid), ..QuoteEvent::default() };
    Event::Quote(Arc::clone(listing), quote)
}

pub(crate) fn heartbeat(number: i64) -> Event {
    Event::Bridge(Box::new(BridgeEvent::new("heartbeat", number)))
}

/// `recv_us` carries the number by which tests recognise an event.
pub(crate) fn order(key: &str, number: i64) -> Entry {
    let event = OrderEvent {
        key: key.parse().expect("a key"),
        account: "DU1".into(),
        con_id: None,
        seq: None,
        recv_us: number,
        placed_us: None,
        changed_us: None,
        state: OrderState::Working,
        origin: "bridge".into(),
        side: None,
        revision: 1,
        held: None,
        order_type: None,
        quantity: None,
        filled: "0".parse().expect("a size"),
        remaining: None,
        limit_price: None,
        stop_price: None,
        average_price: None,
        tif: None,
        order_id: None,
        perm_id: None,
        client_id: None,
        parent_id: None,
        ib_status: None,
        ib_code: None,
        reason: None,
        advanced_reject: None,
        why_held: None,
        instrument: None,
        duplicate_of: None,
        cancel_waits: None,
        after_gap: None,
    };
    let memory = OrderMemory { event, ask: None, client: None, facts: "{}".to_owned() };
    let fact = OrderFact { memory, client_id: 1, next_order_id: 1, is_told: true, is_new: false };
    Entry { at_us: number, receipt: None, fact: Fact::Order(Box::new(fact)) }
}
