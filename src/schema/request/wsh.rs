//! `wsh.*`: the corporate events calendar of Wall Street Horizon.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use crate::schema::contract::ContractSpec;

/// `wsh.meta`: which kinds of events and filters exist.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetaRequest {
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// `wsh.events`: events of one company (`contract`), or by `filter`. The bridge asks for the metadata first if
/// it has not been asked for on this connection.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsRequest {
    /// The company's stock. Not together with `filter`.
    #[serde(default)]
    pub contract: Option<ContractSpec>,
    /// A filter as `wsh.meta` describes it, as an object.
    #[serde(default)]
    pub filter: Option<serde_json::Map<String, Value>>,
    /// Also the instruments of the login's watchlists. Default false.
    #[serde(default)]
    pub fill_watchlist: bool,
    /// Also the instruments of the login's portfolio. Default false.
    #[serde(default)]
    pub fill_portfolio: bool,
    /// Also the companies' competitors. Default false.
    #[serde(default)]
    pub fill_competitors: bool,
    /// First day, `YYYY-MM-DD`.
    #[serde(default)]
    pub start: Option<String>,
    /// Last day, `YYYY-MM-DD`.
    #[serde(default)]
    pub end: Option<String>,
    /// At most so many events: 1 to 100.
    #[serde(default)]
    pub limit: Option<u8>,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `wsh.meta` and `wsh.events`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calendar {
    /// What Wall Street Horizon says, as it says it; text if it is no JSON.
    pub data: Value,
}
