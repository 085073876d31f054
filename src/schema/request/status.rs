//! `bridge.*`, `pool.*`: how the bridge itself is doing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::{
    breaker::Breaker,
    connection::{ConnectionEvent, FarmEvent},
    maintenance::Maintenance,
};

/// A request without fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}

/// Answer to `bridge.info`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BridgeInfo {
    /// Version of this bridge.
    pub version: String,
    /// When it started, microseconds UTC, our clock.
    pub started_us: i64,
    /// Subject prefix.
    pub prefix: String,
    /// Gateway address.
    pub gateway: String,
    /// Protocol version agreed with the gateway; absent while not connected.
    pub server_version: Option<u32>,
    /// Accounts of the login; empty while not connected.
    pub accounts: Vec<String>,
    /// True if live accounts are allowed by the configuration.
    pub allow_live: bool,
}

/// Answer to `bridge.health`: what can be used now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is an answer to a question of its own")]
pub struct Health {
    /// True if everything below is.
    pub ok: bool,
    /// Streaming data can be had.
    pub data: bool,
    /// History can be had.
    pub history: bool,
    /// New orders are accepted.
    pub orders: bool,
    /// Why something is not, one line each.
    pub reasons: Vec<String>,
    /// The same, by what it is needed for. That a person has halted orders is told here alone: nothing is broken then.
    #[serde(default)]
    pub uses: Uses,
    /// When IB or the gateway will be away, or is, as far as it is announced.
    #[serde(default)]
    pub maintenance: Vec<Maintenance>,
    /// Wire surprises and losses since the start.
    pub counters: Counters,
    /// The order journal on the bridge's disk.
    pub journal: JournalStatus,
}

/// What the bridge is needed for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Uses {
    /// Streaming data.
    pub data: Use,
    /// History.
    pub history: Use,
    /// New orders.
    pub orders: Use,
    /// Account values, positions, profit, executions.
    pub account: Use,
}

/// Whether one thing can be used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Use {
    /// Yes or no.
    pub ok: bool,
    /// Why not, one line each.
    pub reasons: Vec<String>,
}

/// How the order journal is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JournalStatus {
    /// Size on the disk in bytes, its log included.
    pub bytes: u64,
    /// Order and fill events that JetStream has not acknowledged yet.
    pub unpublished: u64,
    /// Entries that wait for the disk.
    pub waiting: u64,
    /// Entries lost since the start because the disk took nothing for too long.
    pub lost: u64,
}

/// Things that should stay zero, counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counters {
    /// Frames with a message id we do not know.
    pub unknown_messages: u64,
    /// Frames whose body could not be decoded.
    pub undecodable_messages: u64,
    /// Messages with fields we do not know.
    pub unknown_fields: u64,
    /// Answers for requests that are no longer waited for.
    pub late_answers: u64,
    /// Streams that fell silent in an open market and were asked for again.
    #[serde(default)]
    pub stale_streams: u64,
    /// Reports, finished orders and fills forgotten to stay within memory bounds.
    pub forgotten: u64,
    /// Market events dropped because NATS was slower than the gateway.
    pub shed_events: u64,
    /// Notices and account values shed because NATS was away for very long; never orders or fills.
    pub shed_kept_events: u64,
    /// Market events dropped because NATS was away.
    pub dropped_offline: u64,
    /// Changes of lasting leases that could not be written to the bridge's disk.
    pub unkept: u64,
}

/// Answer to `pool.status`: the sockets and farms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PoolStatus {
    /// Sockets and the link to IB.
    pub connection: ConnectionEvent,
    /// Every farm heard of on this connection.
    pub farms: Vec<FarmEvent>,
    /// Requests waiting for an answer from the gateway.
    pub in_flight: u32,
    /// Kinds of requests that are refused for a while, because the gateway does not answer them.
    #[serde(default)]
    pub breakers: Vec<Breaker>,
}
