//! Requests of the console: the verbs of the micro service, as client `console`.

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{Guard, Shared, json_reply};
use crate::schema::{ApiError, error::Reply};

/// The client's name in risk limits and the audit stream.
const CLIENT: &str = "console";

/// Asks the session and answers with the envelope that NATS would bring.
pub(super) async fn ask(
    State(shared): State<Shared>,
    Path((noun, verb)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // A form of another site can send text, but not this type.
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, &ApiError::invalid("Content-Type must be application/json"));
    }
    let (reply, error) = shared.direct.answer(&noun, &verb, CLIENT, &body).await;
    let status = error.map_or(StatusCode::OK, |error| {
        StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    });
    json_reply(status, &reply)
}

pub(super) fn refuse(status: StatusCode, error: &ApiError) -> Response {
    let reply: Reply<()> = Err(error.clone()).into();
    json_reply(status, &serde_json::to_value(reply).unwrap_or_else(|_| json!({ "ok": false })))
}

#[derive(Deserialize)]
struct Login {
    token: String,
}

/// Gives a cookie for the token.
pub(super) async fn login(State(shared): State<Shared>, body: Bytes) -> Response {
    let shown = serde_json::from_slice::<Login>(&body).map(|login| login.token).unwrap_or_default();
    match shared.guard.cookie_for(shown.trim()) {
        Some(cookie) => ([(header::SET_COOKIE, cookie)], StatusCode::NO_CONTENT).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

/// Takes the cookie back.
pub(super) async fn logout() -> Response {
    ([(header::SET_COOKIE, Guard::no_cookie())], StatusCode::NO_CONTENT).into_response()
}
