//! Puts the rooms together: session, gateway driver and NATS.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};

use super::{Failure, client_ids, recall};
use crate::{
    config::{Config, Layers},
    gateway::{Disk, GatewayHandle, clock, data_ids, drive, gateway_handle, outbox, tap},
    journal::{self, risk_file},
    measure::Count,
    nats::{OrderEvents, RunningNats},
    ops::{Board, InForce, Office, Server, Sources, logging::LogControl, office},
    schema::{
        connection::ConnectionEvent,
        request::reload::{Reload, ReloadAnswer},
    },
    session::{Answer, Ask, ProcessAnswer, ProcessAsk, Session, configured},
};

/// Limits of the two halves of an orderly end; together below the five seconds a stop may take.
const LAST_REQUESTS_MAX: Duration = Duration::from_secs(1);
const LAST_EVENTS_MAX: Duration = Duration::from_millis(2_500);

/// Events that may wait for the consoles.
const SHOWN_MAX: usize = 8_192;

const RELOAD_WITHIN: Duration = Duration::from_secs(10);

/// Time between two looks at a bridge that is still starting.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A bridge between one gateway and one NATS server.
pub(super) struct RunningBridge {
    prefix: String,
    handle: GatewayHandle,
    work: Work,
    nats: RunningNats,
    http: Option<Server>,
    _office: Office,
}

/// What runs with and without NATS.
struct Work {
    stop: oneshot::Sender<()>,
    driver: JoinHandle<()>,
    risk_task: JoinHandle<()>,
    kill: JoinHandle<()>,
    client_ids: JoinHandle<()>,
    journal: journal::Running,
}

/// The journal's writer, after its pen is gone.
struct LastWords(journal::Running);

impl Work {
    /// Ends the session: both links, then the journal's pen.
    async fn stop_driver(self) -> LastWords {
        self.kill.abort();
        self.client_ids.abort();
        // Aborted, or ended by itself: the ids are given back in either case.
        let _ = self.client_ids.await;
        // The driver may have ended by itself.
        let _ = self.stop.send(());
        let _ = self.driver.await;
        let _ = self.risk_task.await;
        LastWords(self.journal)
    }
}

impl LastWords {
    /// Waits until everything is on the disk; the thread ends by itself once nobody can give it anything.
    async fn join(self) {
        let _ = tokio::task::spawn_blocking(move || self.0.join()).await;
    }
}

impl RunningBridge {
    /// Starts dialling the gateway, then connects to NATS; waits for a NATS server that is not there yet until
    /// `interrupt` completes. Then, and after an error, everything has ended in order: `None`. `log` is the log that
    /// requests may change, `layers` where the configuration can be read again.
    pub(super) async fn start(
        config: Config,
        layers: Option<Layers>,
        log: LogControl,
        interrupt: impl Future<Output = ()>,
    ) -> Result<Option<Self>, Failure> {
        let standing = configured(&config)?;
        let config = Arc::new(config);
        let now = clock::now();
        let journal = journal::start(&config, clock::now)?;
        let risk_memory = risk_file::load(&config.state.dir)?;
        let mut session = Session::new(Arc::clone(&config), standing, rand::random(), now);
        session.restore(now, journal.memory);
        session.restore_risk(risk_memory.clone());
        let claims = client_ids::claim(&config, &mut session);
        let cache = recall::open(&config, &mut session, now);
        let (handle, inbox) = gateway_handle(config.nats.requests_max);
        let (questions, asked) = office();
        let handle = handle.with_office(questions);
        let (mut outbox, reader) = outbox(config.nats.outbox_events_max, config.nats.kept_events_max);
        let (tap, shown, watchers) = tap::tap(SHOWN_MAX);
        let dropped_frames = Arc::new(Count::default());
        let board = Board::open(shown, Arc::clone(&dropped_frames));
        if config.http.console && !config.http.listen.is_empty() {
            outbox.set_tap(tap);
        }
        let outbox_gauge = outbox.gauge();
        let journal_gauge = journal.pen.gauge();
        let (stop, stopped) = oneshot::channel();
        let address = (config.gateway.host.clone(), config.gateway.port);
        let (trouble, told_trouble) = watch::channel(None);
        let (risk, risk_kept, risk_task) = risk_file::keep(config.state.dir.clone(), risk_memory);
        let (data_ids, desk) = data_ids();
        let disk = Disk { pen: journal.pen, cache, risk, risk_kept, data_ids };
        let driver = tokio::spawn(drive(session, address, inbox, outbox, disk, told_trouble, stopped));
        let halt_file = config.state.dir.join(&config.risk.halt_file);
        let kill = super::kill::watch(handle.clone(), halt_file, config.risk.halt_cancels)?;
        let client_ids = client_ids::keep(claims, handle.clone(), desk);
        let orders = OrderEvents { mail: journal.mail, trouble };
        let work = Work { stop, driver, risk_task, kill, client_ids, journal: journal.running };
        let connecting = Box::pin(RunningNats::start(&config, handle.clone(), reader, orders, now.us));
        let nats = tokio::select! {
            nats = connecting => nats.map(Some),
            () = interrupt => Ok(None),
        };
        let nats = match nats {
            Ok(Some(nats)) => nats,
            other => {
                work.stop_driver().await.join().await;
                return other.map(|_| None).map_err(Failure::from);
            }
        };
        let sources = Sources {
            in_force: InForce::new(Arc::clone(&config), layers),
            gateway: handle.clone(),
            outbox: outbox_gauge,
            journal: journal_gauge,
            nats: nats.gauge(),
            log: Some(log),
            watchers,
            dropped_frames,
        };
        let http = Server::start(&config.http, sources.clone(), nats.direct(), board).await;
        let office = Office::open(sources, asked);
        let prefix = config.nats.prefix.clone();
        let mut bridge = Self { prefix, handle, work, nats, http: None, _office: office };
        match http {
            Ok(http) => bridge.http = http,
            Err(error) => {
                bridge.stop().await;
                return Err(error.into());
            }
        }
        Ok(Some(bridge))
    }

    /// First tokens of every subject.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where the console and metrics are; `None` if they are not served.
    pub(super) fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(Server::address)
    }

    /// Asks the session as a client would.
    pub(super) async fn ask(&self, within: Duration, ask: Ask) -> Result<Answer, Failure> {
        Ok(self.handle.ask(None, clock::now().at + within, ask).await?)
    }

    /// Reads the configuration again.
    pub(super) async fn reload(&self) -> Result<ReloadAnswer, Failure> {
        let ask = ProcessAsk::Reload(Reload::default()).into();
        let answer = self.handle.ask(Some("@signal".into()), clock::now().at + RELOAD_WITHIN, ask).await?;
        match answer {
            Answer::Process(answer) => match *answer {
                ProcessAnswer::Reload(answer) => Ok(answer),
                _ => Err("another answer".into()),
            },
            _ => Err("another answer".into()),
        }
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
        drop(self.http.take());
        self.nats.stop_requests(LAST_REQUESTS_MAX).await;
        let last_words = self.work.stop_driver().await;
        self.nats.finish(LAST_EVENTS_MAX).await;
        // What was acknowledged last is noted.
        last_words.join().await;
    }
}
