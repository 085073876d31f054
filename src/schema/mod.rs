//! The public contract: every payload that travels on NATS, and its JSON Schema.
//!
//! Times are integers in microseconds since the epoch, UTC. `recv_us` is our clock when the
//! gateway's bytes arrived; `event_us` is theirs and absent if unknown. `seq` grows by one per
//! subject and starts above any earlier run, so a jump means loss or a restart. An absent value is
//! a field left out, never a null. Prices are numbers; sizes are text with the gateway's digits.
//! Requests refuse unknown fields; events may grow fields.

pub mod account;
pub mod bar;
pub mod breaker;
pub mod bridge;
pub mod connection;
pub mod contract;
pub mod error;
pub mod instrument;
pub mod maintenance;
pub mod market;
pub mod news;
pub mod order;
mod order_type;
pub mod registry;
pub mod request;
pub mod risk;
pub mod scan;
pub mod size;

pub use error::{ApiError, ErrorCode};
pub use instrument::Instrument;
pub use size::Size;
