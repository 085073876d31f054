//! Puts the rooms together: session, gateway driver and NATS.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};

use super::{Failure, recall};
use crate::{
    config::{Config, MarketDataPreference},
    gateway::{Disk, GatewayHandle, clock, drive, gateway_handle, outbox},
    journal::{self, risk_file},
    nats::{OrderEvents, RunningNats},
    schema::{
        connection::ConnectionEvent,
        contract::ContractSpec,
        request::market::{MarketDataPolicy, Stream, Subscribe, WhenFull},
    },
    session::{Answer, Ask, Session},
};

/// Limits of the two halves of an orderly end; together below the five seconds a stop may take.
const LAST_REQUESTS_MAX: Duration = Duration::from_secs(1);
const LAST_EVENTS_MAX: Duration = Duration::from_secs(3);

/// Time between two looks at a bridge that is still starting.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A bridge between one gateway and one NATS server.
pub(super) struct RunningBridge {
    prefix: String,
    handle: GatewayHandle,
    stop: oneshot::Sender<()>,
    driver: JoinHandle<()>,
    risk_task: JoinHandle<()>,
    kill: JoinHandle<()>,
    nats: RunningNats,
    journal: journal::Running,
}

impl RunningBridge {
    /// Starts dialling the gateway, then connects to NATS; waits for a NATS server that is not there yet.
    pub(super) async fn start(config: Config) -> Result<Self, Failure> {
        let standing = standing(&config)?;
        let config = Arc::new(config);
        let now = clock::now();
        let journal = journal::start(&config, clock::now)?;
        let risk_memory = risk_file::load(&config.state.dir)?;
        let mut session = Session::new(Arc::clone(&config), standing, rand::random(), now);
        session.restore(now, journal.memory);
        session.restore_risk(risk_memory.clone());
        let cache = recall::open(&config, &mut session, now);
        let (handle, inbox) = gateway_handle(config.nats.requests_max);
        let (outbox, reader) = outbox(config.nats.outbox_events_max, config.nats.kept_events_max);
        let (stop, stopped) = oneshot::channel();
        let address = (config.gateway.host.clone(), config.gateway.port);
        let (trouble, told_trouble) = watch::channel(None);
        let (risk, risk_task) = risk_file::keep(config.state.dir.clone(), risk_memory);
        let disk = Disk { pen: journal.pen, cache, risk };
        let driver = tokio::spawn(drive(session, address, inbox, outbox, disk, told_trouble, stopped));
        let halt_file = config.state.dir.join(&config.risk.halt_file);
        let kill = super::kill::watch(handle.clone(), halt_file, config.risk.halt_cancels)?;
        let orders = OrderEvents { mail: journal.mail, trouble };
        let nats = RunningNats::start(&config, handle.clone(), reader, orders, now.us).await?;
        let prefix = config.nats.prefix.clone();
        Ok(Self { prefix, handle, stop, driver, nats, risk_task, kill, journal: journal.running })
    }

    /// First tokens of every subject.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Asks the session as a client would.
    pub(super) async fn ask(&self, within: Duration, ask: Ask) -> Result<Answer, Failure> {
        Ok(self.handle.ask(None, clock::now().at + within, ask).await?)
    }

    /// Connection truth now.
    pub(super) async fn connection(&self) -> Option<ConnectionEvent> {
        match self.ask(Duration::from_secs(1), Ask::PoolStatus).await {
            Ok(Answer::PoolStatus(status)) => Some(status.connection),
            _ => None,
        }
    }

    /// Waits until both links are ready.
    pub(super) async fn wait_ready(&self, limit: Duration) -> Result<(), Failure> {
        let ready = async {
            while !self.connection().await.is_some_and(|state| state.ready) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let late = |_| "the bridge was not ready in time; run again with RUST_LOG=info to see why".into();
        tokio::time::timeout(limit, ready).await.map_err(late)
    }

    /// Ends in order: requests, gateway links, then what is left to publish.
    pub(super) async fn stop(mut self) {
        self.nats.stop_requests(LAST_REQUESTS_MAX).await;
        self.kill.abort();
        // The driver may have ended by itself.
        let _ = self.stop.send(());
        let _ = self.driver.await;
        let _ = self.risk_task.await;
        self.nats.finish(LAST_EVENTS_MAX).await;
        // What was acknowledged last is noted; the thread ends by itself, now that nobody can give it anything.
        let journal = self.journal;
        let _ = tokio::task::spawn_blocking(move || journal.join()).await;
    }
}

/// The streams of the configuration as leases that never end.
pub(super) fn standing(config: &Config) -> Result<Vec<Subscribe>, Failure> {
    let mut asks = Vec::new();
    for subscription in &config.subscriptions {
        let contract = subscription.contract.parse().map_err(|error| format!("subscriptions: {error}"))?;
        let streams: Result<Vec<Stream>, _> = subscription.streams.iter().map(|stream| stream.parse()).collect();
        let streams = streams.map_err(|error| format!("subscriptions: {}: {error}", subscription.contract))?;
        asks.push(Subscribe {
            generic_ticks: subscription.generic_ticks.clone(),
            depth_rows: subscription.depth_rows,
            smart_depth: subscription.smart_depth,
            news_providers: subscription.news_providers.clone(),
            market_data: subscription.market_data.map(policy),
            // A configured stream waits for its line: nobody is there to try again.
            when_full: WhenFull::Queue,
            ..Subscribe::new(ContractSpec(contract), streams)
        });
    }
    Ok(asks)
}

fn policy(preference: MarketDataPreference) -> MarketDataPolicy {
    match preference {
        MarketDataPreference::LiveOnly => MarketDataPolicy::LiveOnly,
        MarketDataPreference::LiveElseFrozen => MarketDataPolicy::LiveElseFrozen,
        MarketDataPreference::LiveElseDelayed => MarketDataPolicy::LiveElseDelayed,
        MarketDataPreference::Any => MarketDataPolicy::Any,
    }
}
