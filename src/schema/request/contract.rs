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
    /// Ask the gateway even if the answer is known.
    #[serde(default)]
    pub refresh: bool,
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
    /// Time zone of the exchange, IANA's name; absent if the gateway names none, or one that is unknown.
    pub time_zone: Option<String>,
    /// Trading sessions of the next days; absent if the gateway tells none, or in an unknown zone.
    pub trading_hours: Option<Vec<Session>>,
    /// Liquid (regular) sessions of the next days; absent as for `trading_hours`.
    pub liquid_hours: Option<Vec<Session>>,
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

/// A trading session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// First moment, microseconds UTC.
    pub start_us: i64,
    /// First moment after it, microseconds UTC.
    pub end_us: i64,
}

/// `contract.hours`: when one contract trades.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoursRequest {
    /// The description; exactly one contract must fit.
    pub contract: ContractSpec,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `contract.hours`. What the gateway does not tell, or tells in an unknown zone, is absent.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HoursAnswer {
    /// The instrument.
    pub instrument: Instrument,
    /// Time zone of the exchange, IANA's name.
    pub time_zone: Option<String>,
    /// True while it trades; absent if the gateway tells nothing about this moment.
    pub is_open: Option<bool>,
    /// True within liquid (regular) hours.
    pub is_liquid: Option<bool>,
    /// When trading ends, while it is open, microseconds UTC.
    pub closes_us: Option<i64>,
    /// When the next session begins, microseconds UTC.
    pub opens_us: Option<i64>,
    /// Nothing is told about the time from here on, microseconds UTC.
    pub told_until_us: Option<i64>,
    /// Trading sessions, oldest first; days without one are closed.
    pub trading: Option<Vec<Session>>,
    /// Liquid (regular) sessions, oldest first.
    pub liquid: Option<Vec<Session>>,
}

/// `contract.rules`: the price steps of one contract at each of its exchanges.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesRequest {
    /// The description; exactly one contract must fit.
    pub contract: ContractSpec,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `contract.rules`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RulesAnswer {
    /// The instrument.
    pub instrument: Instrument,
    /// Its market rules.
    pub rules: Vec<Rule>,
}

/// A market rule and where it counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// IB's number of it.
    pub rule: i32,
    /// Exchanges at which orders for the instrument follow it.
    pub exchanges: Vec<String>,
    /// Price steps, lowest price first.
    pub steps: Vec<PriceStep>,
}

/// The step between prices from some price on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PriceStep {
    /// Lowest price for which it counts, in the instrument's currency.
    pub from: f64,
    /// Step between two prices.
    pub step: f64,
}
