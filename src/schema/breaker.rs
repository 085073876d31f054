//! Kinds of requests that the gateway has stopped answering.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the breaker of a kind of request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Requests pass.
    Closed,
    /// Requests are refused at once.
    Open,
    /// One request is on its way as a trial; others are refused.
    HalfOpen,
}

/// A kind of request, on `ib.bridge.breaker` after a change and in `pool.status` while it is not closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Breaker {
    /// IB's name of the request, such as `ContractDataRequest`.
    pub kind: String,
    /// Where it stands.
    pub state: BreakerState,
    /// Requests in a row that stayed unanswered.
    pub failures: u32,
    /// When the next trial may be made, in milliseconds from now; 0 if one may now.
    pub retry_after_ms: u64,
}
