//! Health, metrics and the console: what a person or a monitoring system looks at.
//!
//! ```text
//! GET  /livez /readyz[/data|/history|/orders|/account]  probes, 503 with reasons
//! GET  /metrics                                         Prometheus text; the figures of `pool.metrics`
//! GET  /                                                the console: files built into the program
//! GET  /events                                          what the console shows, as server-sent events
//! POST /req/<noun>/<verb>                               what the page asks of the micro service, as client `console`
//! POST /login /logout                                   a token for a cookie
//! ```

mod board;
pub mod doctor;
mod http;
pub mod logging;
pub mod metrics;
mod office;
mod process;
mod reload;

pub use board::Board;
pub use http::{HttpError, Server};
pub use office::{Office, Sources, office};
pub use reload::InForce;
