//! The bridge's own life: started, stopping, heartbeat, violation.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Something that happened to the bridge itself, on `ib.bridge.<event>`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BridgeEvent {
    /// Grows by one per subject.
    pub seq: u64,
    /// When it happened, microseconds UTC, our clock.
    pub recv_us: i64,
    /// `started`, `stopping`, `heartbeat`, `violation`, `watchdog_soft`, `watchdog_hard`, `shed`,
    /// `duplicate_order`, `mismatch`, `mismatch_over`.
    pub event: String,
    /// Version of this bridge.
    pub version: String,
    /// What happened, for a person; absent if the event says it all.
    pub message: Option<String>,
    /// Figures that belong to the event, such as how many ticks were shed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, i64>,
}

impl BridgeEvent {
    /// An event without message or figures.
    pub fn new(event: &str, recv_us: i64) -> Self {
        Self {
            seq: 0,
            recv_us,
            event: event.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            message: None,
            figures: BTreeMap::new(),
        }
    }
}
