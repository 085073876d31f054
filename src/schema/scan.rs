//! `ib.scan.<id>`: results of a market scanner.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// One complete result; it replaces the one before.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScanEvent {
    /// Names what is scanned for: the same question has the same id in every run.
    pub id: String,
    /// Grows by one per subject; a jump means loss or a restart.
    pub seq: u64,
    /// When the gateway's bytes arrived: microseconds UTC, our clock.
    pub recv_us: i64,
    /// Best first; empty if nothing fits now.
    pub rows: Vec<ScanRow>,
    /// True on the first result after an interruption.
    pub after_gap: Option<bool>,
}

/// One row of a scanner's result. IB sends no prices with it.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScanRow {
    /// Place from 0.
    pub rank: u32,
    /// IB's contract id.
    pub con_id: i32,
    /// Security type.
    pub sec_type: String,
    /// Symbol.
    pub symbol: String,
    /// The exchange's own symbol.
    pub local_symbol: Option<String>,
    /// Where it was found.
    pub exchange: Option<String>,
    /// Trading currency.
    pub currency: Option<String>,
    /// Expiry as IB writes it, for derivatives.
    pub expiry: Option<String>,
    /// Strike, for options.
    pub strike: Option<f64>,
    /// `C` or `P`, for options.
    pub right: Option<String>,
    /// Trading class.
    pub trading_class: Option<String>,
    /// IB's market name.
    pub market_name: Option<String>,
    /// Scanner-dependent text of IB.
    pub distance: Option<String>,
    /// Scanner-dependent text of IB.
    pub benchmark: Option<String>,
    /// Scanner-dependent text of IB.
    pub projection: Option<String>,
    /// Legs of a combo as IB writes them.
    pub legs: Option<String>,
}
