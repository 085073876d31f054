//! Where NATS is, who we are to it, and how much is kept there.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Broken;

/// `[nats]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Nats {
    /// Server URLs, comma separated.
    pub url: String,
    /// First token or tokens of every subject.
    pub prefix: String,
    /// Second prefix on which the same events are published as MessagePack; off if empty.
    pub msgpack_prefix: String,
    /// User name, with `password_file`.
    pub user: Option<String>,
    /// File that holds the password.
    pub password_file: Option<PathBuf>,
    /// Credentials file (JWT and seed).
    pub credentials_file: Option<PathBuf>,
    /// File that holds the token.
    pub token_file: Option<PathBuf>,
    /// File that holds the seed of an nkey; lines that are comments or frames around it are skipped.
    pub nkey_file: Option<PathBuf>,
    /// Certificates (PEM) that the server's must descend from, instead of the system's. Makes TLS a must.
    pub tls_ca_file: Option<PathBuf>,
    /// Our own certificate (PEM) for servers that ask for one, with `tls_key_file`.
    pub tls_cert_file: Option<PathBuf>,
    /// The key (PEM) of `tls_cert_file`.
    pub tls_key_file: Option<PathBuf>,
    /// Begin with TLS before the server has said a word, as `handshake_first` of the server wants it.
    pub tls_first: bool,
    /// Replicas of streams and buckets; 1 unless NATS runs as a cluster.
    pub replicas: usize,
    /// Largest size of the order and fill stream, in bytes.
    pub orders_stream_bytes_max: i64,
    /// Largest size of the connection stream, in bytes.
    pub connection_stream_bytes_max: i64,
    /// Largest size of the audit stream, in bytes.
    pub audit_stream_bytes_max: i64,
    /// Market events that may wait for NATS; above it the oldest are shed and counted.
    pub outbox_events_max: usize,
    /// Order, account and connection events that may wait for NATS. Above it new orders are refused, account
    /// values and positions replace their earlier values, and of as many again other events the oldest is shed
    /// and counted. Order and fill events are never shed.
    pub kept_events_max: usize,
    /// Requests of one kind served at the same time; above it a request of that kind is refused with `busy`. The kinds
    /// do not share: the kill switch, heartbeats and status; cancels; orders; history, chains and headlines; the rest.
    /// Of the last three kinds a client gets three of four, and less the more clients ask.
    pub requests_max: usize,
    /// Writes of one last value into KV are at least this far apart, in milliseconds.
    pub last_value_interval_ms: u64,
}

impl Default for Nats {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            prefix: "ib".to_owned(),
            msgpack_prefix: String::new(),
            user: None,
            password_file: None,
            credentials_file: None,
            token_file: None,
            nkey_file: None,
            tls_ca_file: None,
            tls_cert_file: None,
            tls_key_file: None,
            tls_first: false,
            replicas: 1,
            orders_stream_bytes_max: 1 << 30,
            connection_stream_bytes_max: 64 << 20,
            audit_stream_bytes_max: 256 << 20,
            outbox_events_max: 16_384,
            kept_events_max: 65_536,
            requests_max: 256,
            last_value_interval_ms: 500,
        }
    }
}

impl Nats {
    /// Why these values cannot work together.
    pub(super) fn check(&self, broken: &mut Broken) {
        broken.if_so(!is_prefix(&self.prefix), "nats.prefix", "must be tokens of A-Z a-z 0-9 _ - separated by dots");
        broken.if_so(
            !self.msgpack_prefix.is_empty() && (!is_prefix(&self.msgpack_prefix) || self.msgpack_prefix == self.prefix),
            "nats.msgpack_prefix",
            "must be tokens of A-Z a-z 0-9 _ - and differ from nats.prefix",
        );
        broken.if_so(
            self.user.is_some() != self.password_file.is_some(),
            if self.user.is_some() { "nats.password_file" } else { "nats.user" },
            "nats.user and nats.password_file belong together",
        );
        broken.if_so(
            self.tls_cert_file.is_some() != self.tls_key_file.is_some(),
            if self.tls_cert_file.is_some() { "nats.tls_key_file" } else { "nats.tls_cert_file" },
            "nats.tls_cert_file and nats.tls_key_file belong together",
        );
        let ways =
            [self.user.is_some(), self.credentials_file.is_some(), self.token_file.is_some(), self.nkey_file.is_some()];
        broken.if_so(
            ways.into_iter().filter(|is_set| *is_set).count() > 1,
            "nats",
            "only one of nats.user, nats.credentials_file, nats.token_file and nats.nkey_file can be used",
        );
        for (key, limit) in [
            ("nats.outbox_events_max", self.outbox_events_max),
            ("nats.kept_events_max", self.kept_events_max),
            ("nats.requests_max", self.requests_max),
        ] {
            broken.if_so(limit == 0, key, "must be above zero");
        }
    }
}

/// Tokens that need no escape, separated by dots.
fn is_prefix(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.split('.').all(|token| !token.is_empty() && token.bytes().all(is_plain))
}
