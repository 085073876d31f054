//! `reference.*`: tables of IB and of the login that belong to no single contract.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::contract::ContractSpec;

/// A request of this family without fields of its own.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferenceRequest {
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// `reference.components`: which exchange each letter of a consolidated quote stands for. IB answers only
/// while the exchange is open.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentsRequest {
    /// An instrument whose quotes are consolidated. The bridge asks IB for its group of exchanges first.
    #[serde(default)]
    pub contract: Option<ContractSpec>,
    /// IB's code of the group of exchanges, if it is known: instead of `contract`.
    #[serde(default)]
    pub bbo_exchange: Option<String>,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `reference.components`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Components {
    /// IB's code of the group of exchanges.
    pub bbo_exchange: String,
    /// The exchanges behind the letters.
    pub components: Vec<Component>,
}

/// One exchange of a consolidated quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Component {
    /// Its bit in masks.
    pub bit: i32,
    /// Its name.
    pub exchange: String,
    /// Its letter.
    pub letter: String,
}

/// Answer to `reference.depth_exchanges`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DepthExchanges {
    /// Who offers depth for what.
    pub exchanges: Vec<DepthExchange>,
}

/// Depth of one exchange for one kind of instrument.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DepthExchange {
    /// The exchange.
    pub exchange: String,
    /// Kind of instrument.
    pub sec_type: String,
    /// Listing exchange, where it matters.
    pub listing_exchange: Option<String>,
    /// IB's name of the service: `Deep` (one row a level) or `Deep2` (with market makers).
    pub service: String,
    /// IB's number of a group of exchanges that are shown together.
    pub group: Option<i32>,
}

/// Answer to `reference.families`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Families {
    /// The login's accounts and their families.
    pub families: Vec<Family>,
}

/// One account and its family.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Family {
    /// The account, or `*`.
    pub account: String,
    /// IB's code of the family; absent without one.
    pub family: Option<String>,
}

/// Answer to `reference.soft_dollar_tiers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SoftDollarTiers {
    /// The tiers the login may name in orders.
    pub tiers: Vec<Tier>,
}

/// One soft dollar tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tier {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What TWS shows.
    pub display: String,
}

/// Answer to `reference.user`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// The white branding id; absent if the login has none.
    pub white_branding_id: Option<String>,
}

/// Answer to `reference.time`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GatewayTime {
    /// The gateway's clock, microseconds UTC, whole milliseconds.
    pub gateway_us: i64,
    /// Our clock when its answer arrived, microseconds UTC.
    pub recv_us: i64,
}

/// `reference.advisor`: a part of an adviser's configuration. Other logins are refused by the gateway.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdvisorRequest {
    /// Which part.
    pub part: AdvisorPart,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// A part of an adviser's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdvisorPart {
    /// Groups of accounts with their allocation methods.
    Groups,
    /// Names given to accounts.
    Aliases,
}

/// Answer to `reference.advisor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Advisor {
    /// Which part.
    pub part: AdvisorPart,
    /// The configuration, as the XML that IB writes.
    pub xml: String,
}

/// `reference.fundamentals`: always answered `unsupported`, since IB removed these requests from the TWS API.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FundamentalsRequest {
    /// The instrument.
    #[serde(default)]
    pub contract: Option<ContractSpec>,
    /// The report that was wanted.
    #[serde(default)]
    pub report: Option<String>,
}

/// There is no answer to `reference.fundamentals` but the error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fundamentals {}
