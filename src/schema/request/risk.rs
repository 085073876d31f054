//! `risk.*`: limits, the kill switch, heartbeats of the dead-man switch.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::risk::{Halted, Limits, Sweep};

/// `risk.limits`: the limits that apply and how much of them is used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsRequest {}

/// `risk.set_limits`: replaces limits while the bridge runs, restarts included. For administrators: a permission of
/// its own subject.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLimits {
    /// Whose; the global ones if left out.
    pub name: Option<String>,
    /// All of the new limits: what is left out does not apply any more. The configuration's again if this is left out.
    pub limits: Option<Limits>,
}

/// Where limits come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitsSource {
    /// The configuration.
    Configuration,
    /// A `risk.set_limits` request.
    Request,
}

/// Limits and what they measure.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitsInForce {
    /// The limits.
    pub limits: Limits,
    /// Where they come from.
    pub source: LimitsSource,
    /// New orders and modifications in the last 60 seconds.
    pub orders_last_minute: u32,
    /// Heartbeats promised by this client; absent if none are.
    pub heartbeat: Option<HeartbeatState>,
}

/// A client's promise to send heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeartbeatState {
    /// Longest silence, in seconds.
    pub ttl_s: u32,
    /// True if the client was silent for longer: its orders were cancelled and new ones are refused.
    pub silent: bool,
}

/// An account's day so far, as the limits see it.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountDay {
    /// New orders, modifications and cancels of this bridge since the day began in New York, or since it started.
    pub messages: u32,
    /// Orders of which something was executed in that time.
    pub executed: u32,
    /// Order efficiency ratio: `messages / (executed + 1)`.
    pub efficiency_ratio: f64,
    /// Profit of the day in the account's base currency, negative for a loss; absent until IB told it.
    pub daily_pnl: Option<f64>,
}

/// Answer to `risk.limits` and `risk.set_limits`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RiskState {
    /// The kill switch, if it is thrown.
    pub halted: Option<Halted>,
    /// Limits on all clients together.
    pub global: LimitsInForce,
    /// Limits of single clients, by name.
    pub clients: BTreeMap<String, LimitsInForce>,
    /// The accounts of the login.
    pub accounts: BTreeMap<String, AccountDay>,
}

/// `risk.halt`: the kill switch. New orders and modifications are refused from this moment, over restarts, until
/// `risk.resume`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Halt {
    /// Which open orders to cancel; those of this bridge if left out.
    pub cancel: Sweep,
    /// Why, for those who find it halted.
    pub reason: Option<String>,
}

/// Answer to `risk.halt`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HaltAnswer {
    /// The kill switch as it stands.
    pub halted: Halted,
    /// Orders withdrawn before a byte of them was sent.
    pub withdrawn: u32,
    /// Cancels on their way to the gateway. If the trading link is down they follow when it is ready again.
    pub cancels: u32,
    /// True if cancels wait for the trading link.
    pub waits_for_link: bool,
    /// False if it could not be written down yet: it is in force, and a restart of the bridge would undo it. The bridge
    /// goes on trying, and takes no orders meanwhile.
    pub kept: bool,
}

/// `risk.resume`: orders are taken again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {}

/// Answer to `risk.resume`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resumed {
    /// False if it was not halted.
    pub was_halted: bool,
}

/// `risk.heartbeat`: this client promises to ask again within `ttl_s`; if it does not, its open orders are cancelled
/// and new ones refused until it does. Needs a client's name in the subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// Longest silence in seconds, 1 to 86400; 0 takes the promise back.
    pub ttl_s: u32,
}

/// Answer to `risk.heartbeat`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeartbeatAnswer {
    /// By when to ask again, microseconds UTC, our clock; absent if the promise was taken back.
    pub until_us: Option<i64>,
    /// True if the client had been silent for too long before this.
    pub was_silent: bool,
}
