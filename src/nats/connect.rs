//! The two connections to NATS: market data on one, everything that waits for an answer on the other.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use super::{
    encoding::one_line,
    error::NatsError,
    login::{self, addresses, names},
    retry::Retry,
};
use crate::{config::Nats, gateway::clock};

/// A silent half-open connection is noticed after two unanswered pings.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// A refused publish shows after its answer has not come for five seconds.
const COMPLAINT_KEEP: Duration = Duration::from_secs(15);
const RECONNECT_WAIT_MAX: Duration = Duration::from_secs(4);

/// One connection. It reconnects by itself for ever.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// The client.
    pub(super) client: Client,
    closed: Arc<Notify>,
    complaint: watch::Receiver<Option<Complaint>>,
}

/// What the server said that belongs to no request, such as a refused permission.
#[derive(Clone, Debug)]
struct Complaint {
    text: String,
    at: Instant,
}

/// Both connections.
#[derive(Clone, Debug)]
pub(super) struct Links {
    /// Market events only, so that a flood of them delays no reply.
    pub(super) data: Link,
    /// Requests, streams and buckets.
    pub(super) control: Link,
    /// True if NATS was not there at the first attempt.
    pub(super) waited: bool,
}

impl Link {
    /// True while the server can be reached.
    pub(super) fn is_up(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// An error with what the server said about it: a refused permission looks like an answer that does not come.
    pub(super) fn explain(&self, error: &str) -> String {
        let now = clock::now().at;
        match &*self.complaint.borrow() {
            Some(told) if now.saturating_duration_since(told.at) < COMPLAINT_KEEP => {
                format!("{error}; the server said: {}", told.text)
            }
            _ => error.to_owned(),
        }
    }

    /// How often the connection was made: it may have been lost and made again between two looks.
    pub(super) fn connects(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// Ends the connection after everything queued was handed to the socket. Waits at most `limit`.
    pub(super) async fn drain(&self, limit: Duration) {
        let closed = self.closed.notified();
        let drain = async {
            if self.client.drain().await.is_ok() {
                closed.await;
            }
        };
        if tokio::time::timeout(limit, drain).await.is_err() {
            warn!("NATS connection did not close in time");
        }
    }
}

/// Connects, waiting for a server that is not there yet.
///
/// # Errors
///
/// What waiting cannot mend: a wrong address, unreadable secrets, a refused login.
pub(super) async fn connect(config: &Nats) -> Result<Links, NatsError> {
    let servers = addresses(&config.url)?;
    let mut waited = false;
    let data = link(config, &servers, "bridge-data", &mut waited).await?;
    let control = link(config, &servers, "bridge-ctl", &mut waited).await?;
    info!(servers = names(&servers), version = control.client.server_info().version, "NATS connected");
    Ok(Links { data, control, waited })
}

async fn link(config: &Nats, servers: &[ServerAddr], name: &'static str, waited: &mut bool) -> Result<Link, NatsError> {
    let mut retry = Retry::new(Duration::from_millis(100), RECONNECT_WAIT_MAX);
    let closed = Arc::new(Notify::new());
    let (complaints, complaint) = watch::channel(None);
    loop {
        let options = options(config, name, Arc::clone(&closed), complaints.clone()).await?;
        let error = match options.connect(servers).await {
            Ok(client) => return Ok(Link { client, closed, complaint }),
            Err(error) => error,
        };
        if let Some(reason) = login::tls_fault(&error) {
            return Err(NatsError::Tls { server: names(servers), reason });
        }
        match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                return Err(NatsError::Login { server: names(servers), reason: error.kind().to_string() });
            }
            ConnectErrorKind::ServerParse => return Err(NatsError::Address { reason: error.to_string() }),
            _ if !*waited => {
                *waited = true;
                warn!(servers = names(servers), %error, "NATS is not reachable; waiting for it");
            }
            _ => {}
        }
        tokio::time::sleep(retry.next_wait()).await;
    }
}

async fn options(
    config: &Nats,
    name: &'static str,
    closed: Arc<Notify>,
    complaints: watch::Sender<Option<Complaint>>,
) -> Result<ConnectOptions, NatsError> {
    let options = login::options(config, "bridge").await?;
    Ok(options.name(name).ping_interval(PING_INTERVAL).reconnect_delay_callback(reconnect_wait).event_callback(
        move |event| {
            note(name, &event);
            if let Event::ServerError(error) = &event {
                let complaint = Complaint { text: one_line(&error.to_string()), at: clock::now().at };
                complaints.send_replace(Some(complaint));
            }
            if matches!(event, Event::Closed) {
                closed.notify_one();
            }
            std::future::ready(())
        },
    ))
}

fn note(connection: &'static str, event: &Event) {
    match event {
        Event::Disconnected => warn!(connection, "NATS connection lost; reconnecting"),
        // A refused permission arrives here and nowhere else.
        Event::ServerError(error) => warn!(connection, %error, "NATS server reports an error"),
        Event::ClientError(error) => warn!(connection, %error, "NATS client reports an error"),
        Event::SlowConsumer(subscription) => warn!(connection, subscription, "requests are dropped: too slow"),
        other => info!(connection, event = %other, "NATS connection"),
    }
}

/// Doubles up to [`RECONNECT_WAIT_MAX`]; spread, so that many clients do not come back at once.
fn reconnect_wait(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.min(10)).unwrap_or(10);
    let longest = Duration::from_millis(10 << doublings).min(RECONNECT_WAIT_MAX);
    longest.mul_f64(rand::random_range(0.5..1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnect_waits_are_bounded() {
        for attempt in [0, 1, 5, 10, 1_000, usize::MAX] {
            assert!(reconnect_wait(attempt) <= RECONNECT_WAIT_MAX);
        }
    }
}
