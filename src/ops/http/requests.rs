//! Requests of the console: those verbs of the micro service that the page asks, as client `console`.

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{Guard, Shared, json_reply};
use crate::schema::{ApiError, ErrorCode, error::Reply};

/// The client's name in risk limits and the audit stream.
const CLIENT: &str = "console";

/// What the page asks, and nothing else: on a loopback address everybody on the machine may ask it, whereas NATS knows who
/// may place orders, set limits and restart gateways.
const ASKED: [(&str, &str); 15] = [
    ("account", "executions"),
    ("account", "pnl"),
    ("account", "positions"),
    ("account", "summary"),
    ("bridge", "info"),
    ("hist", "bars"),
    ("md", "list"),
    ("md", "snapshot"),
    ("order", "cancel"),
    ("order", "list"),
    ("pace", "status"),
    ("pool", "status"),
    ("risk", "halt"),
    ("risk", "limits"),
    ("risk", "resume"),
];

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
    if !ASKED.contains(&(noun.as_str(), verb.as_str())) {
        let error = ApiError::new(ErrorCode::NoPermission, "the console asks no such thing; ask it over NATS");
        return refuse(StatusCode::FORBIDDEN, &error);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{super::pages::ASSETS, ASKED};

    #[test]
    fn what_may_be_asked_is_what_the_page_asks() {
        let own = ASSETS.iter().filter(|(name, _, _)| !name.starts_with("vendor/"));
        let text: String = own.map(|(_, _, bytes)| String::from_utf8_lossy(bytes)).collect();
        let asked: BTreeSet<&str> = text.split("ask('").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
        let may = ASKED.map(|(noun, verb)| format!("{noun}.{verb}"));
        assert_eq!(asked, may.iter().map(String::as_str).collect());
        // A verb that is put together while the page runs would be missed here.
        assert_eq!(text.matches("ask(").count(), text.matches("ask('").count() + 2, "its definition, and itself again");
    }
}
