//! `contract.chain`: the options on an underlying.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::{Instrument, contract::ContractSpec};

/// `contract.chain`: the options on one underlying, or only the parameters that they are made of.
///
/// Expiries must be narrowed, and a request for more than 2,000 contracts or 50 lookups (one for each expiry, trading
/// class and multiplier) is refused. The answer is told expiry by expiry, as each is looked up; what could not be
/// looked up within the deadline is a hole of the manifest.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainRequest {
    /// The underlying: a stock, a future or an index.
    pub contract: ContractSpec,
    /// Where the options trade; `SMART` if they do, else the underlying's exchange, if left out.
    pub exchange: Option<String>,
    /// Options of this trading class only.
    pub trading_class: Option<String>,
    /// Options of this contract multiplier only.
    pub multiplier: Option<f64>,
    /// These expiries only, each `YYYYMMDD` or a month `YYYYMM`.
    pub expiries: Option<Vec<String>>,
    /// First expiry, `YYYYMMDD`.
    pub expiry_from: Option<String>,
    /// Last expiry, `YYYYMMDD`.
    pub expiry_to: Option<String>,
    /// These strikes only.
    pub strikes: Option<Vec<f64>>,
    /// Lowest strike.
    pub strike_from: Option<f64>,
    /// Highest strike.
    pub strike_to: Option<f64>,
    /// Price around which strikes are taken; with `strike_count`.
    pub around: Option<f64>,
    /// So many strikes of each expiry, those nearest to `around`.
    pub strike_count: Option<u32>,
    /// `C` or `P`; both if left out.
    pub right: Option<String>,
    /// Only the parameters, in one message. Nothing needs to be narrowed for that.
    #[serde(default)]
    pub parameters_only: bool,
    /// Give up after this many milliseconds; 120,000 if left out.
    pub timeout_ms: Option<u64>,
}

/// One page of the answer to `contract.chain`. Pages arrive in order on the reply inbox.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChainPage {
    /// Page number from 0.
    pub page: u32,
    /// True on the last page, which carries the manifest.
    pub last: bool,
    /// Options of this page, of one expiry, trading class and multiplier, by strike and right.
    pub rows: Vec<ChainRow>,
    /// How far the answer has come; absent on the last page.
    pub progress: Option<ChainProgress>,
    /// What chains there are; if only this was asked for.
    pub parameters: Option<Vec<ChainParameters>>,
    /// The summary; on the last page.
    pub manifest: Option<ChainManifest>,
}

/// How far the answer to `contract.chain` has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainProgress {
    /// Lookups that are settled, one way or another.
    pub done: u32,
    /// Lookups that the chain takes: one for each expiry, trading class and multiplier.
    pub total: u32,
    /// Rows so far, those of this page included.
    pub rows: u64,
}

/// One option.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChainRow {
    /// IB's contract id.
    pub con_id: i32,
    /// Short text that names exactly this contract in a request.
    pub instrument: String,
    /// Last trading day, `YYYYMMDD`.
    pub expiry: String,
    /// Strike price.
    pub strike: f64,
    /// `C` or `P`.
    pub right: String,
    /// Contract multiplier, if IB gives one.
    pub multiplier: Option<f64>,
    /// Trading class, if IB gives one.
    pub trading_class: Option<String>,
    /// Where requests about it are routed.
    pub exchange: String,
}

/// The chain of one exchange and trading class. Not every strike is listed at every expiry.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChainParameters {
    /// Exchange.
    pub exchange: String,
    /// Trading class.
    pub trading_class: String,
    /// Contract multiplier, if IB gives one.
    pub multiplier: Option<f64>,
    /// Last trading days, `YYYYMMDD`, first one first.
    pub expiries: Vec<String>,
    /// Strikes, lowest first.
    pub strikes: Vec<f64>,
}

/// What a chain request delivered, and what it could not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChainManifest {
    /// The underlying.
    pub instrument: Instrument,
    /// Pages sent.
    pub pages: u32,
    /// Rows sent.
    pub rows: u64,
    /// Upstream requests this took, without repeats; 0 if all was known.
    pub requests: u32,
    /// Expiries that could not be looked up.
    pub holes: Vec<ChainHole>,
}

/// One expiry of a trading class and multiplier without rows.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChainHole {
    /// Last trading day, `YYYYMMDD`.
    pub expiry: String,
    /// Trading class.
    pub trading_class: String,
    /// Contract multiplier, if IB gives one.
    pub multiplier: Option<f64>,
    /// Why: `no_data` (none of its contracts is wanted or listed), `unknown_contract`, `timeout` (not answered, or not
    /// reached before the deadline), `not_ready` (the gateway lost IB), `too_large`, ...
    pub reason: String,
    /// IB's code, if one caused it.
    pub ib_code: Option<i32>,
}
