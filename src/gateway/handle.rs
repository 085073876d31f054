//! How a request reaches the session and its outcome comes back.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use compact_str::CompactString;
use tokio::sync::{mpsc, oneshot};

use super::{Lane, clock};
use crate::{
    schema::{ApiError, ErrorCode, risk::AuditEvent},
    session::{Ask, Command, Outcome, PARTS_MAX, Part, Stage, Token, refused_in_queue},
};

/// What the driver receives: a command, and where its outcome goes; and which parts were taken.
#[derive(Debug)]
pub struct Inbox {
    waiting: Waiting,
    taken: mpsc::Receiver<Token>,
    refused: mpsc::Receiver<AuditEvent>,
}

/// Commands that wait for the driver, each lane apart.
#[derive(Debug)]
struct Waiting {
    control: mpsc::Receiver<Question>,
    cancel: mpsc::Receiver<Question>,
    order: mpsc::Receiver<Question>,
    long: mpsc::Receiver<Question>,
    other: mpsc::Receiver<Question>,
}

impl Waiting {
    /// What protects comes first; of the other lanes none starves another.
    async fn next(&mut self) -> Option<Question> {
        let Self { control, cancel, order, long, other } = self;
        tokio::select! {
            biased;
            Some(question) = control.recv() => Some(question),
            Some(question) = cancel.recv() => Some(question),
            Some(question) = async {
                tokio::select! {
                    Some(question) = order.recv() => Some(question),
                    Some(question) = long.recv() => Some(question),
                    Some(question) = other.recv() => Some(question),
                    else => None,
                }
            } => Some(question),
            else => None,
        }
    }
}

impl Inbox {
    /// The next command; `None` when nobody can ask any more.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<(Command, Caller)> {
        self.waiting.next().await
    }

    /// The next command or, of a long answer, the token whose next part was taken.
    ///
    /// # Cancel safety
    ///
    /// As [`Self::recv`].
    pub async fn next(&mut self) -> Option<Call> {
        tokio::select! {
            Some(token) = self.taken.recv() => Some(Call::Taken(token)),
            Some(event) = self.refused.recv() => Some(Call::Refused(Box::new(event))),
            command = self.waiting.next() => command.map(|(command, caller)| Call::Ask(Box::new(command), caller)),
        }
    }
}

/// One message to the driver.
#[derive(Debug)]
pub enum Call {
    /// A command and who waits for its outcome.
    Ask(Box<Command>, Caller),
    /// A part of this answer was taken: there is room for one more.
    Taken(Token),
    /// A request that could have changed an order was refused before the session saw it.
    Refused(Box<AuditEvent>),
}

/// Where an outcome goes, and before it the parts of a long answer.
#[derive(Debug)]
pub struct Caller {
    outcome: oneshot::Sender<Outcome>,
    parts: Option<mpsc::Sender<Part>>,
    stages: Option<StageLog>,
}

/// What a traced request led to at the gateway; complete once its outcome is known.
pub type StageLog = Arc<Mutex<Vec<Stage>>>;

impl Caller {
    /// True if it wants to know what its request led to.
    pub fn is_traced(&self) -> bool {
        self.stages.is_some()
    }

    /// Tells what its request led to.
    pub fn tell_stages(&self, told: Vec<Stage>) {
        if let Some(stages) = &self.stages {
            *stages.lock().unwrap_or_else(PoisonError::into_inner) = told;
        }
    }

    /// Tells the outcome. The caller may have gone; then nobody is left to tell.
    ///
    /// # Errors
    ///
    /// The outcome, if the caller has gone.
    pub fn send(self, outcome: Outcome) -> Result<(), Outcome> {
        self.outcome.send(outcome)
    }

    /// Passes a part on. False if the caller has gone or takes no parts.
    pub fn send_part(&self, part: Part) -> bool {
        self.parts.as_ref().is_some_and(|parts| parts.try_send(part).is_ok())
    }
}

/// A long answer on its way: its parts, and its outcome after the last of them.
#[derive(Debug)]
pub struct Answering {
    token: Token,
    limit: tokio::time::Instant,
    parts: mpsc::Receiver<Part>,
    outcome: oneshot::Receiver<Outcome>,
    taken: mpsc::Sender<Token>,
}

impl Answering {
    /// The next part; `None` after the last one.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next_part(&mut self) -> Option<Part> {
        tokio::time::timeout_at(self.limit, self.parts.recv()).await.ok().flatten()
    }

    /// Tells the session that the part has been passed on, so that it may send another.
    pub async fn taken(&self) {
        // A driver that has ended needs to know nothing.
        let _ = self.taken.send(self.token).await;
    }

    /// The outcome, once there are no more parts.
    pub async fn outcome(self) -> Outcome {
        match tokio::time::timeout_at(self.limit, self.outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(stopping()),
            Err(_) => Err(ApiError::new(ErrorCode::Timeout, "no answer within the deadline")),
        }
    }
}

/// A question about the process, and who asks.
pub type Question = (Command, Caller);

/// Parts told as taken that may wait for the driver.
const TAKEN_MAX: usize = 1_024;

/// Refusals that may wait for the driver to be told of. Who has one more waits.
const REFUSED_MAX: usize = 1_024;

/// The session answers by itself at the deadline; only a stalled driver is later than this.
const GRACE: Duration = Duration::from_secs(1);

/// Asks the session. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GatewayHandle {
    lanes: [mpsc::Sender<Question>; Lane::ALL.len()],
    taken: mpsc::Sender<Token>,
    refused: mpsc::Sender<AuditEvent>,
    next_token: Arc<AtomicU64>,
    office: Option<mpsc::Sender<Question>>,
    stages: Option<StageLog>,
}

/// A handle and the receiving end for the driver. At most `commands_max` commands of each lane wait between them.
pub fn gateway_handle(commands_max: usize) -> (GatewayHandle, Inbox) {
    let ((control_sender, control), (cancel_sender, cancel)) =
        (mpsc::channel(commands_max), mpsc::channel(commands_max));
    let ((order_sender, order), (long_sender, long)) = (mpsc::channel(commands_max), mpsc::channel(commands_max));
    let (other_sender, other) = mpsc::channel(commands_max);
    let (taken, taken_inbox) = mpsc::channel(TAKEN_MAX);
    let (refused, refused_inbox) = mpsc::channel(REFUSED_MAX);
    let handle = GatewayHandle {
        // As in `Lane::ALL`.
        lanes: [control_sender, cancel_sender, order_sender, long_sender, other_sender],
        taken,
        refused,
        next_token: Arc::new(AtomicU64::new(1)),
        office: None,
        stages: None,
    };
    let waiting = Waiting { control, cancel, order, long, other };
    (handle, Inbox { waiting, taken: taken_inbox, refused: refused_inbox })
}

impl GatewayHandle {
    /// The same, with requests about the process itself handed to `office`.
    #[must_use]
    pub fn with_office(self, office: mpsc::Sender<Question>) -> Self {
        Self { office: Some(office), ..self }
    }

    /// The same for one request that is traced, and where to read what it led to.
    #[must_use]
    pub fn traced(&self) -> (Self, StageLog) {
        let log = StageLog::default();
        (Self { stages: Some(Arc::clone(&log)), ..self.clone() }, log)
    }

    /// Hands a request to the session and waits for its outcome.
    ///
    /// # Errors
    ///
    /// `busy` if the driver's queue is full and `not_ready` if the driver has ended: nothing was done.
    /// No outcome one second after `deadline` is `timeout`, for orders `outcome_unknown`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take the command back.
    pub async fn ask(&self, client: Option<CompactString>, deadline: Instant, ask: Ask) -> Outcome {
        let is_order = ask.is_order();
        let (reply, outcome) = oneshot::channel();
        let caller = Caller { outcome: reply, parts: None, stages: self.stages.clone() };
        if let Err((error, refused)) = self.hand_over(client, deadline, ask, caller) {
            if let Some(refused) = refused {
                self.tell_refused(*refused).await;
            }
            return Err(error);
        }
        let limit = tokio::time::Instant::from_std(deadline + GRACE);
        match tokio::time::timeout_at(limit, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) if is_order => Err(unknown("the bridge stopped before the outcome was known")),
            Ok(Err(_)) => Err(stopping()),
            Err(_) if is_order => Err(unknown("no outcome within the deadline")),
            Err(_) => Err(ApiError::new(ErrorCode::Timeout, "no answer within the deadline")),
        }
    }

    /// Hands a request over whose answer comes in parts.
    ///
    /// # Errors
    ///
    /// As [`Self::ask`] if nothing was done.
    pub fn ask_for_parts(
        &self,
        client: Option<CompactString>,
        deadline: Instant,
        ask: Ask,
    ) -> Result<Answering, ApiError> {
        let (reply, outcome) = oneshot::channel();
        let (sender, parts) = mpsc::channel(PARTS_MAX);
        let token = self.hand_over(
            client,
            deadline,
            ask,
            Caller { outcome: reply, parts: Some(sender), stages: self.stages.clone() },
        );
        // Answers in parts change no order.
        let token = token.map_err(|(error, _)| error)?;
        let limit = tokio::time::Instant::from_std(deadline + GRACE);
        Ok(Answering { token, limit, parts, outcome, taken: self.taken.clone() })
    }

    /// Has the refusal of a request that the session never saw published in the audit stream.
    pub async fn tell_refused(&self, event: AuditEvent) {
        // A driver that has ended publishes nothing any more.
        let _ = self.refused.send(event).await;
    }

    /// # Errors
    ///
    /// Nothing was handed over; and what the audit stream is to say of it.
    fn hand_over(
        &self,
        client: Option<CompactString>,
        deadline: Instant,
        ask: Ask,
        caller: Caller,
    ) -> Result<Token, (ApiError, Option<Box<AuditEvent>>)> {
        let token = Token(self.next_token.fetch_add(1, Ordering::Relaxed));
        let receiver = match (&ask, &self.office) {
            (Ask::Process(_), Some(office)) => office,
            (Ask::Process(_), None) => {
                let error = ApiError::new(ErrorCode::Unsupported, "this process answers nothing about itself");
                return Err((error, None));
            }
            _ => self.lane(Lane::of(&ask)),
        };
        receiver.try_send((Command { token, client, deadline, ask }, caller)).map_err(|error| {
            let (error, command) = match error {
                mpsc::error::TrySendError::Full((command, _)) => {
                    // Nobody knows when a driver that does not keep up will.
                    (ApiError::new(ErrorCode::Busy, "too many requests are waiting"), command)
                }
                mpsc::error::TrySendError::Closed((command, _)) => (stopping(), command),
            };
            let refused = refused_in_queue(&command, clock::now().us, &error);
            (error, refused.map(Box::new))
        })?;
        Ok(token)
    }

    fn lane(&self, lane: Lane) -> &mpsc::Sender<Question> {
        let [control, cancel, order, long, other] = &self.lanes;
        match lane {
            Lane::Control => control,
            Lane::Cancel => cancel,
            Lane::Order => order,
            Lane::Long => long,
            Lane::Other => other,
        }
    }
}

fn stopping() -> ApiError {
    ApiError::new(ErrorCode::NotReady, "the bridge is stopping")
}

fn unknown(why: &str) -> ApiError {
    ApiError::new(ErrorCode::OutcomeUnknown, format!("{why}; repeat with the same key to learn more"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gateway::clock,
        schema::request::{account::Accounts, order::CancelOrder, risk::Halt},
        session::Answer,
    };

    fn in_a_second() -> Instant {
        clock::now().at + Duration::from_secs(1)
    }

    #[tokio::test]
    async fn every_command_has_a_token_of_its_own() {
        let (handle, mut inbox) = gateway_handle(4);
        let driver = tokio::spawn(async move {
            let mut tokens = Vec::new();
            while let Some((command, reply)) = inbox.recv().await {
                tokens.push(command.token);
                let _ = reply.send(Ok(Answer::Accounts(Accounts { accounts: Vec::new() })));
            }
            tokens
        });
        for _ in 0..3 {
            handle.ask(None, in_a_second(), Ask::ListAccounts).await.expect("answered");
        }
        drop(handle);
        assert_eq!(driver.await.expect("driver"), [Token(1), Token(2), Token(3)]);
    }

    #[tokio::test]
    async fn a_full_queue_is_busy_and_a_stopped_driver_is_not_ready() {
        let (handle, inbox) = gateway_handle(1);
        let first = handle.clone();
        let waiting = tokio::spawn(async move { first.ask(None, in_a_second(), Ask::PaceStatus).await });
        while handle.lane(Lane::Control).capacity() > 0 {
            tokio::task::yield_now().await;
        }
        let busy = handle.ask(None, in_a_second(), Ask::PaceStatus).await.expect_err("refused");
        assert_eq!(busy.code, ErrorCode::Busy);
        drop(inbox);
        assert_eq!(waiting.await.expect("task").expect_err("lost").code, ErrorCode::NotReady);
        let stopped = handle.ask(None, in_a_second(), Ask::PaceStatus).await.expect_err("refused");
        assert_eq!(stopped.code, ErrorCode::NotReady);
    }

    #[tokio::test]
    async fn an_order_that_finds_no_room_is_audited_and_a_question_is_not() {
        let (handle, mut inbox) = gateway_handle(1);
        let first = handle.clone();
        let waiting =
            tokio::spawn(async move { first.ask(None, in_a_second(), Ask::CancelOrder(CancelOrder::default())).await });
        while handle.lane(Lane::Cancel).capacity() > 0 {
            tokio::task::yield_now().await;
        }
        let question = tokio::spawn({
            let handle = handle.clone();
            async move { handle.ask(None, in_a_second(), Ask::PaceStatus).await }
        });
        while handle.lane(Lane::Control).capacity() > 0 {
            tokio::task::yield_now().await;
        }
        handle.ask(None, in_a_second(), Ask::PaceStatus).await.expect_err("refused");
        let cancel = CancelOrder { key: "k1".parse().ok(), ..CancelOrder::default() };
        handle.ask(Some("alpha".into()), in_a_second(), Ask::CancelOrder(cancel)).await.expect_err("refused");
        let told = inbox.refused.try_recv().expect("told");
        assert_eq!((told.client.as_deref(), told.verb.as_str()), (Some("alpha"), "order.cancel"));
        assert_eq!((told.code, told.key.map(|key| key.to_string())), (Some(ErrorCode::Busy), Some("k1".to_owned())));
        assert!(inbox.refused.try_recv().is_err(), "once, and no question");
        waiting.abort();
        question.abort();
    }

    #[tokio::test]
    async fn what_protects_finds_room_beside_full_lanes_and_comes_first() {
        let (handle, mut inbox) = gateway_handle(2);
        let head = Ask::Head(serde_json::from_str(r#"{"contract":"STK:A"}"#).expect("a request"));
        let modify = Ask::ModifyOrder(serde_json::from_str(r#"{"key":"k"}"#).expect("a request"));
        let asks = || {
            [
                head.clone(),
                Ask::ListAccounts,
                modify.clone(),
                Ask::CancelOrder(CancelOrder::default()),
                Ask::Halt(Halt::default()),
            ]
        };
        let mut waiting = Vec::new();
        for ask in asks().into_iter().flat_map(|ask| [ask.clone(), ask]) {
            let handle = handle.clone();
            waiting.push(tokio::spawn(async move { handle.ask(None, in_a_second(), ask).await }));
        }
        while Lane::ALL.into_iter().any(|lane| handle.lane(lane).capacity() > 0) {
            tokio::task::yield_now().await;
        }
        for ask in asks() {
            let busy = handle.ask(None, in_a_second(), ask).await.expect_err("this lane is full");
            assert_eq!((busy.code, busy.retry_after_ms), (ErrorCode::Busy, None));
        }
        let mut order = Vec::new();
        for _ in 0..waiting.len() {
            let (command, _) = inbox.recv().await.expect("a command");
            order.push(Lane::of(&command.ask));
        }
        assert_eq!(order[..4], [Lane::Control, Lane::Control, Lane::Cancel, Lane::Cancel]);
        drop(handle);
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
        assert!(inbox.recv().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_driver_means_timeout_but_unknown_for_orders() {
        let (handle, _inbox) = gateway_handle(4);
        let late = handle.ask(None, in_a_second(), Ask::PaceStatus).await.expect_err("late");
        assert_eq!(late.code, ErrorCode::Timeout);
        let order = Ask::CancelOrder(CancelOrder::default());
        let unknown = handle.ask(None, in_a_second(), order).await.expect_err("late");
        assert_eq!(unknown.code, ErrorCode::OutcomeUnknown);
    }
}
