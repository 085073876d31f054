//! `/livez`, `/readyz`, `/metrics`: what a monitoring system asks.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::{Shared, json_reply};
use crate::{
    ops::metrics::{CONTENT_TYPE, text},
    schema::request::status::Health,
};

/// 200 while the session answers.
pub(super) async fn livez(State(shared): State<Shared>) -> Response {
    match shared.sources.figures().await {
        Some(_) => (StatusCode::OK, "ok\n").into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the session does not answer\n").into_response(),
    }
}

/// 200 if everything can be used.
pub(super) async fn readyz(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    ready(&shared, &headers, |health| health.ok).await
}

/// 200 if this use is possible: `data`, `history`, `orders` or `account`.
pub(super) async fn readyz_for(State(shared): State<Shared>, Path(what): Path<String>, headers: HeaderMap) -> Response {
    match what.as_str() {
        "data" => ready(&shared, &headers, |health| health.data).await,
        "history" => ready(&shared, &headers, |health| health.history).await,
        "orders" => ready(&shared, &headers, |health| health.orders).await,
        "account" => ready(&shared, &headers, |health| health.uses.account.ok).await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn ready(shared: &Shared, headers: &HeaderMap, wanted: fn(&Health) -> bool) -> Response {
    let health = shared.sources.figures().await.map(|figures| figures.health);
    let is_ready = health.as_ref().is_some_and(wanted);
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = json!({ "ready": is_ready });
    if shared.guard.is_authorised(headers)
        && let Value::Object(body) = &mut body
    {
        match health {
            Some(health) => {
                body.insert("data".to_owned(), health.data.into());
                body.insert("history".to_owned(), health.history.into());
                body.insert("orders".to_owned(), health.orders.into());
                body.insert("account".to_owned(), health.uses.account.ok.into());
                body.insert("reasons".to_owned(), health.reasons.into());
            }
            None => {
                body.insert("reasons".to_owned(), json!(["the session does not answer"]));
            }
        }
    }
    json_reply(status, &body)
}

/// The figures of `pool.metrics` as text.
pub(super) async fn metrics(State(shared): State<Shared>) -> Response {
    match text(shared.sources.metrics().await) {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics not written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
