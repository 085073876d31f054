//! Puts the rooms together: session, gateway driver and NATS.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};
use tracing::error;

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

/// Limit of an orderly end: below the five seconds a stop may take, whatever NATS and the disk do.
const STOP_MAX: Duration = Duration::from_millis(4_500);
/// Limits of its parts. What one leaves unused goes to the last, the disk.
const LAST_REQUESTS_MAX: Duration = Duration::from_secs(1);
const LAST_WORK_MAX: Duration = Duration::from_millis(700);
const LAST_EVENTS_MAX: Duration = Duration::from_secs(2);

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
    /// Closed when the driver has ended.
    driver_lives: mpsc::Sender<Infallible>,
    risk_task: JoinHandle<()>,
    kill: JoinHandle<()>,
    client_ids: client_ids::Keeping,
    journal: journal::Running,
}

/// The journal's writer, after its pen is gone.
struct LastWords(journal::Running);

impl Work {
    /// Completes when a part has ended without which nothing goes on; says which.
    async fn ended(&self) -> &'static str {
        tokio::select! {
            () = self.driver_lives.closed() => "the task that owns the gateway's sockets",
            () = self.journal.ended() => "the journal's writer",
        }
    }

    /// Ends the session: both links, then the journal's pen.
    async fn stop_driver(self) -> LastWords {
        self.kill.abort();
        let last = async {
            self.client_ids.end().await;
            let _ = self.risk_task.await;
        };
        // The driver may have ended by itself.
        let _ = self.stop.send(());
        let ended = timeout(LAST_WORK_MAX, async { tokio::join!(self.driver, last) }).await;
        if ended.is_err() {
            error!("the session, or the disk with its client ids, kill switch and cache, did not end in time");
        }
        LastWords(self.journal)
    }
}

impl LastWords {
    /// Waits until everything is on the disk; the thread ends by itself once nobody can give it anything.
    ///
    /// # Errors
    ///
    /// It is not on the disk at `limit`.
    async fn join(self, limit: Instant) -> Result<(), Failure> {
        let gauge = self.0.gauge();
        if timeout_at(limit, tokio::task::spawn_blocking(move || self.0.join())).await.is_ok() {
            return Ok(());
        }
        let unwritten = gauge.unwritten();
        error!(unwritten, "the disk hangs: the end does not wait for it any longer");
        Err(format!("the disk hangs: {unwritten} entries of the order journal are not on it").into())
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
        let (driver_lives, life) = mpsc::channel(1);
        let driver = tokio::spawn(async move {
            let _life = life;
            Box::pin(drive(session, address, inbox, outbox, disk, told_trouble, stopped)).await;
        });
        let halt_file = config.state.dir.join(&config.risk.halt_file);
        let kill = super::kill::watch(handle.clone(), halt_file, config.risk.halt_cancels)?;
        let client_ids = client_ids::keep(claims, handle.clone(), desk);
        let orders = OrderEvents { mail: journal.mail, trouble };
        let journal = journal.running;
        let work = Work { stop, driver, driver_lives, risk_task, kill, client_ids, journal };
        let connecting = Box::pin(RunningNats::start(&config, handle.clone(), reader, orders, now.us));
        let nats = tokio::select! {
            nats = connecting => nats.map(Some).map_err(Failure::from),
            () = interrupt => Ok(None),
            what = work.ended() => Err(gone(what)),
        };
        let nats = match nats {
            Ok(Some(nats)) => nats,
            other => {
                let limit = Instant::now() + STOP_MAX;
                let written = work.stop_driver().await.join(limit).await;
                return other.and(written).map(|()| None);
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
                // What was wrong first is what is told.
                let _ = bridge.stop().await;
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

    /// Completes when a part has ended without which the bridge is none; the error says which.
    pub(super) async fn ended(&self) -> Failure {
        gone(self.work.ended().await)
    }

    /// Ends in order: requests, gateway links, then what is left to publish. Takes less than five seconds.
    ///
    /// # Errors
    ///
    /// Something is not on the disk that should be.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        let limit = Instant::now() + STOP_MAX;
        drop(self.http.take());
        self.nats.stop_requests(LAST_REQUESTS_MAX).await;
        let last_words = self.work.stop_driver().await;
        self.nats.finish(LAST_EVENTS_MAX).await;
        // What was acknowledged last is noted.
        last_words.join(limit).await
    }
}

fn gone(what: &str) -> Failure {
    format!("{what} has ended; why is in the log").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(folder: &std::path::Path, driver: impl Future<Output = ()> + Send + 'static) -> (Work, journal::Pen) {
        let mut config = Config::default();
        config.state.dir = folder.to_owned();
        let mut session =
            Session::new(Arc::new(config.clone()), configured(&config).expect("subscriptions"), 7, clock::now());
        let journal = journal::start(&config, clock::now).expect("a journal");
        let (handle, _) = gateway_handle(1);
        let (driver_lives, life) = mpsc::channel(1);
        let work = Work {
            stop: oneshot::channel().0,
            driver: tokio::spawn(async move {
                let _life = life;
                driver.await;
            }),
            driver_lives,
            risk_task: tokio::spawn(async {}),
            kill: tokio::spawn(std::future::pending()),
            client_ids: client_ids::keep(client_ids::claim(&config, &mut session), handle, data_ids().1),
            journal: journal.running,
        };
        (work, journal.pen)
    }

    #[tokio::test]
    async fn a_driver_or_a_writer_that_ends_is_told_and_the_rest_ends_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let (work, pen) = work(folder.path(), async { panic!("as a fault of ours would") });
        assert!(work.ended().await.contains("sockets"));
        drop(pen);
        work.stop_driver().await.join(Instant::now() + STOP_MAX).await.expect("nothing is left");

        let (work, pen) = self::work(folder.path(), std::future::pending());
        assert!(timeout(Duration::from_millis(50), work.ended()).await.is_err(), "both work");
        drop(pen);
        assert!(work.ended().await.contains("journal"));
        // One that does not end is waited for no longer than a stop may take.
        let words = timeout(STOP_MAX, work.stop_driver()).await.expect("in time");
        words.join(Instant::now() + STOP_MAX).await.expect("it has ended");
    }
}
