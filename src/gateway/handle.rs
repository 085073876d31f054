//! How a request reaches the session and its outcome comes back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use compact_str::CompactString;
use tokio::sync::{mpsc, oneshot};

use crate::{
    schema::{ApiError, ErrorCode},
    session::{Ask, Command, Outcome, Token},
};

/// What the driver receives: a command, and where its outcome goes.
pub type Inbox = mpsc::Receiver<(Command, oneshot::Sender<Outcome>)>;

/// The session answers by itself at the deadline; only a stalled driver is later than this.
const GRACE: Duration = Duration::from_secs(1);

/// Asks the session. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GatewayHandle {
    sender: mpsc::Sender<(Command, oneshot::Sender<Outcome>)>,
    next_token: Arc<AtomicU64>,
}

/// A handle and the receiving end for the driver. At most `commands_max` commands wait between them.
pub fn gateway_handle(commands_max: usize) -> (GatewayHandle, Inbox) {
    let (sender, inbox) = mpsc::channel(commands_max);
    (GatewayHandle { sender, next_token: Arc::new(AtomicU64::new(1)) }, inbox)
}

impl GatewayHandle {
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
        let token = Token(self.next_token.fetch_add(1, Ordering::Relaxed));
        let (reply, outcome) = oneshot::channel();
        match self.sender.try_send((Command { token, client, deadline, ask }, reply)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(ApiError::new(ErrorCode::Busy, "too many requests are waiting").retry_after_ms(100));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(stopping()),
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
        schema::request::{account::Accounts, order::CancelOrder},
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
        while handle.sender.capacity() > 0 {
            tokio::task::yield_now().await;
        }
        let busy = handle.ask(None, in_a_second(), Ask::PaceStatus).await.expect_err("refused");
        assert_eq!(busy.code, ErrorCode::Busy);
        drop(inbox);
        assert_eq!(waiting.await.expect("task").expect_err("lost").code, ErrorCode::NotReady);
        let stopped = handle.ask(None, in_a_second(), Ask::PaceStatus).await.expect_err("refused");
        assert_eq!(stopped.code, ErrorCode::NotReady);
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
