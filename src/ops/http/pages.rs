//! The console's files, built into the program.

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};

macro_rules! assets {
    ($($name:literal: $kind:ident,)*) => {
        pub(super) const ASSETS: &[(&str, &str, &[u8])] = &[$(($name, $kind, include_bytes!(concat!("../console/", $name))),)*];
    };
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";
const PAGE: &[u8] = include_bytes!("../console/index.html");

assets! {
    "console.css": CSS,
    "icon.svg": SVG,
    "main.js": JS,
    "bridge.js": JS,
    "dom.js": JS,
    "format.js": JS,
    "connection.js": JS,
    "pacing.js": JS,
    "scroll.js": JS,
    "market.js": JS,
    "candles.js": JS,
    "orders.js": JS,
    "account.js": JS,
    "alerts.js": JS,
    "halt.js": JS,
    "theme.js": JS,
    "vendor/lightweight-charts.js": JS,
    "vendor/LICENSE": TEXT,
    "vendor/NOTICE": TEXT,
}

/// The page.
pub(super) async fn page() -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], PAGE).into_response()
}

/// A file of the page.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, _, _)| *known == name) {
        Some((_, kind, bytes)) => ([(header::CONTENT_TYPE, *kind)], *bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
