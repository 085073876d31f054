//! `gateway.*`: commands to the program that runs the gateway.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// What the gateway is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GatewayCommand {
    /// Restart with the credentials of this session; both links are lost meanwhile.
    Restart,
    /// Connect to its farms anew.
    ReconnectData,
    /// Connect to IB's login server anew.
    ReconnectAccount,
}

impl GatewayCommand {
    /// The request that brings it about.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Restart => "gateway.restart",
            Self::ReconnectData => "gateway.reconnect_data",
            Self::ReconnectAccount => "gateway.reconnect_account",
        }
    }
}

/// `gateway.restart`, `gateway.reconnect_data`, `gateway.reconnect_account`: needs `[ibc]` in the configuration.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayRequest {
    /// Why, for those who read the events.
    pub reason: Option<String>,
}

/// Answer to `gateway.*`: the command was taken. What comes of it is told on `ib.conn.>`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GatewayAnswer {
    /// What was asked for.
    pub command: GatewayCommand,
    /// IBC's words.
    pub message: String,
    /// Of a restart: when it should be over, microseconds UTC, our clock. New orders are refused until the gateway is
    /// back, and no longer than until then.
    pub until_us: Option<i64>,
}
