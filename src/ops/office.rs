//! Answers what is asked about the process itself: figures, configuration, log.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, mpsc},
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use tracing::{info, warn};

use super::{
    InForce,
    logging::LogControl,
    metrics::{Readings, collect},
    process,
};
use crate::{
    config::masked,
    gateway::{GatewayHandle, OutboxGauge, Question, clock, tap::Watchers},
    journal::Gauge,
    measure::Count,
    nats::NatsGauge,
    schema::{
        ApiError,
        request::process::{ConfigAnswer, LogLevel, LogLevelAnswer, Metrics},
    },
    session::{Answer, Ask, Command, Figures, Outcome, ProcessAnswer, ProcessAsk},
};

/// Questions about the process that may wait.
const QUESTIONS_MAX: usize = 64;
/// A session that does not answer within this time is told as down.
const SESSION_MAX: Duration = Duration::from_secs(2);
/// How often it is said that log lines were left out.
const TELL_SUPPRESSED_EVERY: Duration = Duration::from_secs(60);

/// The end that takes questions until their [`Office`] opens.
pub fn office() -> (mpsc::Sender<Question>, mpsc::Receiver<Question>) {
    mpsc::channel(QUESTIONS_MAX)
}

/// Where figures are read.
#[derive(Clone)]
pub struct Sources {
    /// The configuration in force.
    pub in_force: InForce,
    /// The session.
    pub gateway: GatewayHandle,
    /// Events on their way to NATS.
    pub outbox: OutboxGauge,
    /// The order journal.
    pub journal: Arc<Gauge>,
    /// The NATS side.
    pub nats: NatsGauge,
    /// The log; `None` if this program did not set it up.
    pub log: Option<LogControl>,
    /// Who looks at the console.
    pub watchers: Arc<Watchers>,
    /// Frames that slow consoles did not get.
    pub dropped_frames: Arc<Count>,
}

/// Answers until it is dropped or nobody can ask any more.
pub struct Office {
    task: JoinHandle<()>,
}

impl Office {
    /// Begins to answer.
    pub fn open(sources: Sources, mut questions: mpsc::Receiver<Question>) -> Self {
        let task = tokio::spawn(async move {
            let doctor = Arc::new(Mutex::new(()));
            let mut look = interval(TELL_SUPPRESSED_EVERY);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    question = questions.recv() => {
                        let Some((command, caller)) = question else { return };
                        let sources = sources.clone();
                        // The caller may have gone; nobody is left to tell.
                        if matches!(&command.ask, Ask::Process(ask) if matches!(**ask, ProcessAsk::Doctor(_))) {
                            // It takes seconds, and others wait; one after the other is enough of it.
                            let turn = Arc::clone(&doctor);
                            tokio::spawn(async move {
                                let _turn = turn.lock().await;
                                let _ = caller.send(sources.answer(command).await);
                            });
                        } else {
                            let _ = caller.send(sources.answer(command).await);
                        }
                    }
                    _ = look.tick() => sources.tell_suppressed(),
                }
            }
        });
        Self { task }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sources {
    async fn answer(&self, command: Command) -> Outcome {
        let Ask::Process(ask) = command.ask else {
            return Err(ApiError::invalid("not a question about the process"));
        };
        let by = command.client.as_deref().unwrap_or("a client without a name");
        Ok(match *ask {
            ProcessAsk::Metrics => ProcessAnswer::Metrics(self.metrics().await),
            ProcessAsk::Config => ProcessAnswer::Config(ConfigAnswer { config: masked(&self.in_force.config()) }),
            ProcessAsk::Doctor(ask) => ProcessAnswer::Doctor(self.doctor(&ask).await),
            ProcessAsk::Reload(ask) => ProcessAnswer::Reload(self.reload(&ask, by).await?),
            ProcessAsk::LogLevel(ask) => ProcessAnswer::LogLevel(self.log_level(&ask, by)?),
        }
        .into())
    }

    /// Every figure at this moment.
    pub(super) async fn metrics(&self) -> Metrics {
        let session = self.figures().await;
        let console_clients = u64::try_from(self.watchers.open()).unwrap_or(u64::MAX);
        collect(&Readings {
            at_us: clock::now().us,
            session,
            losses: self.outbox.losses(),
            outbox: self.outbox.depth(),
            journal: &self.journal,
            nats: self.nats.links(),
            tally: &self.nats.tally,
            process: process::look(),
            console_clients,
            console_dropped: self.dropped_frames.get() + self.watchers.missed(),
            log_suppressed: self.log.as_ref().map_or(0, LogControl::suppressed),
        })
    }

    /// The session's figures; `None` if it does not answer.
    pub(super) async fn figures(&self) -> Option<Figures> {
        match self.gateway.ask(None, clock::now().at + SESSION_MAX, Ask::Figures).await {
            Ok(Answer::Figures(figures)) => Some(*figures),
            _ => None,
        }
    }

    fn log_level(&self, ask: &LogLevel, by: &str) -> Result<LogLevelAnswer, ApiError> {
        let log = self.log.as_ref();
        let log = log.ok_or_else(|| ApiError::invalid("the log of this process was not set up by the bridge"))?;
        let previous = log.filter();
        if let Some(filter) = &ask.filter {
            log.set(filter).map_err(|reason| ApiError::invalid(format!("filter: {reason}")))?;
            info!(filter, previous, by, "log filter changed");
        }
        Ok(LogLevelAnswer { filter: log.filter(), previous })
    }

    fn tell_suppressed(&self) {
        let lines = self.log.as_ref().map_or(0, LogControl::take_untold);
        if lines > 0 {
            warn!(lines, "log lines were left out because they repeated too often");
        }
    }
}
