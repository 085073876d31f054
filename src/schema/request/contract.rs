//! `contract.*`: what exists at IB.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::{ApiError, Instrument, contract::ContractSpec};

/// `contract.details`: all contracts that fit.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetailsRequest {
    /// The description; several contracts may fit.
    pub contract: ContractSpec,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `contract.details`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Details {
    /// Every contract that fits.
    pub contracts: Vec<ContractDetails>,
}

/// One contract with what IB says about it.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContractDetails {
    /// The instrument.
    pub instrument: Instrument,
    /// Short text that names exactly this contract in a request.
    pub short: String,
    /// Company or contract name.
    pub long_name: Option<String>,
    /// IB's market name.
    pub market_name: Option<String>,
    /// Exchanges it can be routed to.
    pub exchanges: Vec<String>,
    /// IB's order type codes accepted for it.
    pub order_types: Vec<String>,
    /// Market rule numbers, one for each exchange in the same order.
    pub market_rules: Vec<i32>,
    /// Contract id of the underlying, for derivatives.
    pub underlying_con_id: Option<i32>,
    /// Contract month `YYYYMM`, for futures.
    pub contract_month: Option<String>,
    /// Time zone of the hours, as IB writes it.
    pub time_zone: Option<String>,
    /// Trading sessions as IB writes them.
    pub trading_hours: Option<String>,
    /// Liquid (regular) sessions as IB writes them.
    pub liquid_hours: Option<String>,
    /// Smallest order size.
    pub min_size: Option<String>,
    /// Step between order sizes.
    pub size_increment: Option<String>,
    /// Divide prices by this to get the currency unit.
    pub price_magnifier: Option<i32>,
    /// Industry, for stocks.
    pub industry: Option<String>,
    /// Category, for stocks.
    pub category: Option<String>,
    /// IB's stock type such as `COMMON` or `ETF`.
    pub stock_type: Option<String>,
}

/// `contract.search`: stocks and their derivatives by symbol or name.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// Beginning of a symbol, or part of a name.
    pub pattern: String,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `contract.search`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchAnswer {
    /// What fits, as IB orders it.
    pub matches: Vec<SearchMatch>,
}

/// One match of a search.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchMatch {
    /// IB's contract id.
    pub con_id: i32,
    /// Security type.
    pub sec_type: String,
    /// Symbol.
    pub symbol: String,
    /// Trading currency.
    pub currency: String,
    /// Listing exchange.
    pub primary_exchange: Option<String>,
    /// Name of the company or contract.
    pub description: Option<String>,
    /// Kinds of derivatives on it: `OPT`, `FUT`, ...
    pub derivatives: Vec<String>,
}

/// `contract.validate`: does each description fit exactly one contract?
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidateRequest {
    /// 1 to 100 descriptions.
    pub contracts: Vec<ContractSpec>,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `contract.validate`: one result for each description, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Validated {
    /// The results.
    pub results: Vec<Validation>,
}

/// Result for one description.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Validation {
    /// True if exactly one contract fits.
    pub ok: bool,
    /// The contract that fits.
    pub instrument: Option<Instrument>,
    /// Why there is none.
    pub error: Option<ApiError>,
}
