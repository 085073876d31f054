//! Why the NATS side of the bridge cannot start.

use std::path::PathBuf;

use thiserror::Error;

/// A start that waiting cannot mend: the configuration or the server must change.
#[derive(Debug, Error)]
pub enum NatsError {
    /// `nats.url` has a part that is no address.
    #[error("nats.url: {reason}")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// A file with a password, token, key or certificate cannot be used.
    #[error("{}: {source}", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The server refused who we are.
    #[error(
        "NATS at {server} refused the login: {reason}; check the login under [nats]: user and password_file, token_file, nkey_file or credentials_file"
    )]
    Login {
        /// Host and port.
        server: String,
        /// The server's word.
        reason: String,
    },
    /// TLS with the server cannot be had.
    #[error("NATS at {server}: TLS failed: {reason}")]
    Tls {
        /// Host and port.
        server: String,
        /// What failed, and what to do about it.
        reason: String,
    },
    /// The server is too old.
    #[error("NATS server {found} is too old: install 2.10 or newer, 2.14 or newer is recommended")]
    TooOld {
        /// Version found.
        found: String,
    },
    /// The server or our account on it has no JetStream.
    #[error(
        "NATS has no JetStream for this account ({reason}): start nats-server with -js or a jetstream block, and enable it for the account"
    )]
    NoJetStream {
        /// The server's word.
        reason: String,
    },
    /// A stream of our name belongs to something else.
    #[error("stream {name} exists for {found:?}, not for {wanted:?}: choose another nats.prefix, or remove the stream")]
    ForeignStream {
        /// The stream.
        name: String,
        /// Its subjects.
        found: Vec<String>,
        /// Ours.
        wanted: Vec<String>,
    },
    /// The server refused to create or change a stream or bucket.
    #[error("stream or bucket {name}: {reason}")]
    Stream {
        /// The stream or bucket.
        name: String,
        /// The server's word.
        reason: String,
    },
    /// Traces cannot be sent there.
    #[error("trace.otlp_endpoint: {reason}")]
    Trace {
        /// Why.
        reason: String,
    },
    /// The micro service could not be registered.
    #[error("micro service: {reason}")]
    Service {
        /// Why.
        reason: String,
    },
}
