//! The HTTP server: probes and metrics for machines, the console for people.

mod events;
mod guard;
mod listener;
mod pages;
mod probes;
mod requests;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::Value;
use thiserror::Error;
use tokio::{net::TcpListener, task::JoinHandle};
use tracing::info;

use self::{
    guard::{Guard, Refusal},
    listener::Bounded,
};
use super::{board::Board, office::Sources};
use crate::{
    config::Http,
    nats::Direct,
    schema::{ApiError, ErrorCode},
};

/// Connections served at once, beside those of consoles.
const CONNECTIONS_MAX: usize = 64;
/// Largest request body.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The page loads nothing from anywhere else and runs nothing that is not in its files.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Why the server does not run.
#[derive(Debug, Error)]
pub enum HttpError {
    /// `http` in the configuration cannot be used.
    #[error("{0}")]
    Configuration(String),
    /// The token cannot be read.
    #[error("http.token_file {}: {source}", path.display())]
    Token {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The address cannot be used.
    #[error("http.listen {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// What every request needs.
#[derive(Clone)]
struct Shared {
    guard: Arc<Guard>,
    sources: Sources,
    direct: Direct,
    board: Board,
    clients_max: usize,
}

/// The running server; it stops when this is dropped.
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens and serves; `None` if the configuration names no address.
    ///
    /// # Errors
    ///
    /// If the address or the token cannot be used.
    pub async fn start(
        config: &Http,
        sources: Sources,
        direct: Direct,
        board: Board,
    ) -> Result<Option<Self>, HttpError> {
        let Some(address) = config.address().map_err(HttpError::Configuration)? else { return Ok(None) };
        let token = match &config.token_file {
            Some(path) => {
                let refused = |source| HttpError::Token { path: path.clone(), source };
                Some(tokio::fs::read_to_string(path).await.map_err(refused)?.trim().to_owned())
            }
            None => None,
        };
        let session = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        let guard = Guard::new(&config.hosts, token, session).map_err(HttpError::Configuration)?;
        let shared = Shared { guard: Arc::new(guard), sources, direct, board, clients_max: config.console_clients_max };
        let refused = |source| HttpError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let router = router(shared, config.console);
        let listener = Bounded::new(listener, CONNECTIONS_MAX + config.console_clients_max);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the HTTP server has ended");
            }
        });
        info!(%address, console = config.console, "HTTP server");
        Ok(Some(Self { address, task }))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router(shared: Shared, has_console: bool) -> Router {
    let mut router = Router::new()
        .route("/livez", get(probes::livez))
        .route("/readyz", get(probes::readyz))
        .route("/readyz/{what}", get(probes::readyz_for))
        .route("/metrics", get(probes::metrics));
    if has_console {
        router = router
            .route("/", get(pages::page))
            .route("/assets/{*name}", get(pages::asset))
            .route("/events", get(events::events))
            .route("/req/{noun}/{verb}", post(requests::ask))
            .route("/login", post(requests::login))
            .route("/logout", post(requests::logout));
    }
    router
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(shared.clone(), guarded))
        .with_state(shared)
}

async fn guarded(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = match shared.guard.check(request.method(), request.uri().path(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(Refusal::Host) => {
            let text = "this server does not answer to that name; add it to http.hosts\n";
            (StatusCode::MISDIRECTED_REQUEST, text).into_response()
        }
        Err(Refusal::Origin) => {
            let error = ApiError::new(ErrorCode::NoPermission, "the request comes from a page of another site");
            requests::refuse(StatusCode::FORBIDDEN, &error)
        }
        Err(Refusal::Token) => {
            let error = ApiError::new(ErrorCode::NoPermission, "show the token of http.token_file");
            requests::refuse(StatusCode::UNAUTHORIZED, &error)
        }
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn json_reply(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
