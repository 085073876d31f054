//! `[bars]`: how live bars are built and mended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where live bars of five seconds come from; all others are built from them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BarFeed {
    /// IB's real-time bars: each takes a market data line.
    #[default]
    RealTime,
    /// A historical request that is kept up to date: each takes one of 50 open historical requests, and a bar is
    /// known to be final only when the next one begins.
    KeepUpToDate,
}

/// `[bars]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bars {
    /// Where live bars come from: `real_time` or `keep_up_to_date`.
    pub feed: BarFeed,
    /// A bar in progress is published at most this often, in milliseconds; 0 = only when it is complete.
    pub update_ms: u64,
    /// A bar whose last part does not come is closed this long after its end, by the gateway's clock as the
    /// latest bar told it.
    pub close_after_ms: u64,
    /// Newer bars wait at most this long for missing ones to be fetched; then they go on without.
    pub repair_ms: u64,
    /// Bars below a minute are fetched for at most the last so many seconds of an interruption: IB allows few
    /// requests for such bars.
    pub repair_small_max_s: u64,
    /// Other bars are fetched for at most the last so many seconds of an interruption.
    pub repair_max_s: u64,
}

impl Default for Bars {
    fn default() -> Self {
        Self {
            feed: BarFeed::RealTime,
            update_ms: 5_000,
            close_after_ms: 10_000,
            repair_ms: 180_000,
            repair_small_max_s: 3_600,
            repair_max_s: 86_400,
        }
    }
}
