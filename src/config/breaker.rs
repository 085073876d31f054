//! `[breaker]`: when requests of a kind that goes unanswered are not sent for a while.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[breaker]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// Requests of one kind that may stay unanswered in a row; then the kind is refused. 0 = never.
    pub failures: u32,
    /// How long it is refused before one request is let through as a trial, in milliseconds.
    pub open_ms: u64,
    /// Each trial that fails doubles that time, up to this, in milliseconds.
    pub open_max_ms: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 5, open_ms: 30_000, open_max_ms: 300_000 }
    }
}
