//! `bridge.reload`: the configuration is read again while the bridge runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `bridge.reload`: reads file, environment and flags again, and takes up what can change while the bridge runs: risk
/// limits, pacing limits, log filter, subscriptions. If anything else has changed, or something is wrong, nothing is
/// changed and the error says why. For administrators; SIGHUP does the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reload {
    /// True tells what would change, and changes nothing.
    pub check_only: bool,
}

/// Answer to `bridge.reload`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReloadAnswer {
    /// Settings that have changed, or would, such as `risk.limits.open_orders`; empty if there is nothing new.
    pub changed: Vec<String>,
    /// Settings of those that have no effect yet, because a request (`risk.set_limits`) outranks them.
    pub outranked: Vec<String>,
    /// False if this was only asked.
    pub applied: bool,
}
