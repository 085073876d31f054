//! The two connections to NATS: market data on one, everything that waits for an answer on the other.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use tokio::sync::Notify;
use tracing::{info, warn};

use super::{error::NatsError, retry::Retry};
use crate::config::Nats;

/// A silent half-open connection is noticed after two unanswered pings.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const RECONNECT_WAIT_MAX: Duration = Duration::from_secs(4);

/// One connection. It reconnects by itself for ever.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// The client.
    pub(super) client: Client,
    closed: Arc<Notify>,
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
    loop {
        let error = match options(config, name, Arc::clone(&closed)).await?.connect(servers).await {
            Ok(client) => return Ok(Link { client, closed }),
            Err(error) => error,
        };
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

async fn options(config: &Nats, name: &'static str, closed: Arc<Notify>) -> Result<ConnectOptions, NatsError> {
    let mut options = ConnectOptions::new();
    if let Some(path) = &config.credentials_file {
        let secret = |source| NatsError::Secret { path: path.clone(), source };
        options = options.credentials_file(path).await.map_err(secret)?;
    }
    if let (Some(user), Some(path)) = (&config.user, &config.password_file) {
        let secret = |source| NatsError::Secret { path: path.clone(), source };
        let password = tokio::fs::read_to_string(path).await.map_err(secret)?;
        options = options.user_and_password(user.clone(), password.trim_end().to_owned());
    }
    Ok(options
        .name(name)
        .ping_interval(PING_INTERVAL)
        .custom_inbox_prefix("_INBOX.bridge")
        .reconnect_delay_callback(reconnect_wait)
        .event_callback(move |event| {
            note(name, &event);
            if matches!(event, Event::Closed) {
                closed.notify_one();
            }
            std::future::ready(())
        }))
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

fn addresses(urls: &str) -> Result<Vec<ServerAddr>, NatsError> {
    urls.split(',')
        .map(|url| url.trim().parse::<ServerAddr>().map_err(|error| NatsError::Address { reason: error.to_string() }))
        .collect()
}

/// Hosts and ports alone: an address may hold a password.
fn names(servers: &[ServerAddr]) -> String {
    servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_named_without_their_passwords() {
        let servers = addresses("nats://me:secret@a.example:4222, tls://b.example").expect("two addresses");
        assert_eq!(names(&servers), "a.example:4222,b.example:4222");
        assert!(addresses("nats://a b").is_err());
    }

    #[test]
    fn reconnect_waits_are_bounded() {
        for attempt in [0, 1, 5, 10, 1_000, usize::MAX] {
            assert!(reconnect_wait(attempt) <= RECONNECT_WAIT_MAX);
        }
    }
}
