//! `[staleness]`: when a silent stream is taken for a broken one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Shortest silence in an open market after which a stream may be asked for again, in seconds; 0
/// means never. Streams that are quieter by nature have more patience, learnt from themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Staleness {
    /// Quotes and ticks.
    pub quote_s: u64,
    /// Tick-by-tick.
    pub tick_by_tick_s: u64,
    /// Five-second bars, and what is built of them.
    pub bars_s: u64,
    /// Depth.
    pub depth_s: u64,
    /// Silence since the request after which any of these is asked for once more, in case the request was lost.
    pub begin_s: u64,
    /// Shortest time between two rebuilds of the data link for the silence of all its streams, in seconds; 0 means
    /// that it is never rebuilt for that. Doubles while the silence lasts.
    pub rebuild_s: u64,
}

impl Default for Staleness {
    fn default() -> Self {
        Self { quote_s: 30, tick_by_tick_s: 60, bars_s: 15, depth_s: 30, begin_s: 60, rebuild_s: 300 }
    }
}
