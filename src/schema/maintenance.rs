//! Times at which the gateway or IB is known to be away.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why it will be away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaintenanceKind {
    /// IB resets the servers of the account's region: logins and changes of orders may fail, links come and go.
    NightlyReset,
    /// IB resets all servers on the weekend.
    WeekendReset,
    /// The gateway restarts by itself: its sockets close.
    GatewayRestart,
    /// IB's tokens end: the next start of the gateway needs a person.
    WeeklyLogin,
}

/// Where a window stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaintenanceState {
    /// It will begin soon.
    Announced,
    /// It has begun.
    Started,
    /// It is over.
    Over,
}

/// One window, on `ib.bridge.maintenance` and in `bridge.health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Maintenance {
    /// When it begins, microseconds UTC.
    pub start_us: i64,
    /// When it should be over, microseconds UTC.
    pub end_us: i64,
    /// Why.
    pub kind: MaintenanceKind,
    /// Where it stands.
    pub state: MaintenanceState,
}
