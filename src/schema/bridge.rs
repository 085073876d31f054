//! The bridge's own life: started, stopping, heartbeat, violation.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{breaker::Breaker, maintenance::Maintenance};

/// Something that happened to the bridge itself, on `ib.bridge.<event>`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BridgeEvent {
    /// Grows by one per subject.
    pub seq: u64,
    /// When it happened, microseconds UTC, our clock.
    pub recv_us: i64,
    /// `started`, `stopping`, `heartbeat`, `violation`, `watchdog_soft`, `watchdog_hard`, `shed`,
    /// `duplicate_order`, `mismatch`, `mismatch_over`, `account_reset`, `account_ready`, `accounts_not_followed`,
    /// `maintenance`, `watchdog_started`, `watchdog_stopped`, `watchdog_farm`, `watchdog_data_link`, `host_slept`,
    /// `clock_set_back`, `gateway_port`, `breaker`, `needs_person`, `needs_person_over`, `gateway_command`,
    /// `gateway_command_failed`, `reloaded`, `gateway_not_local`, `lists_missing`, `lists_complete`, `kill`, `resume`,
    /// `dead_man`, `risk_limits`, `limit_learned`, `lease_dropped`, `subscription_failed`, `not_kept`.
    pub event: String,
    /// Version of this bridge.
    pub version: String,
    /// The window that `maintenance` is about.
    pub maintenance: Option<Maintenance>,
    /// The kind of request that `breaker` is about.
    pub breaker: Option<Breaker>,
    /// What happened, for a person; absent if the event says it all.
    pub message: Option<String>,
    /// Figures that belong to the event. Of `shed`: `shed_events`, `shed_kept_events`, `dropped_offline`, and under their
    /// names the subjects that lost most, all since the start.
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
            maintenance: None,
            breaker: None,
            message: None,
            figures: BTreeMap::new(),
        }
    }
}
