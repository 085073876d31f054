//! An instrument as IB resolved it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A resolved contract: what subjects and events name.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Instrument {
    /// IB's contract id. Changes on some corporate actions.
    pub con_id: i32,
    /// `STK`, `FUT`, `OPT`, `CASH`, `IND`, `CRYPTO`, `BOND`, `BAG`, ... as IB writes it.
    pub sec_type: String,
    /// Symbol of the instrument or of its underlying.
    pub symbol: String,
    /// The exchange's own symbol, such as `ESZ6`; the symbol where IB gives none.
    pub local_symbol: String,
    /// Where requests are routed: `SMART` or an exchange.
    pub exchange: String,
    /// Trading currency.
    pub currency: String,
    /// Listing exchange, if IB names one.
    pub primary_exchange: Option<String>,
    /// Expiry or last trading day as `YYYYMMDD`, for derivatives.
    pub expiry: Option<String>,
    /// Strike price, for options.
    pub strike: Option<f64>,
    /// `C` or `P`, for options.
    pub right: Option<String>,
    /// Contract multiplier, if IB gives one.
    pub multiplier: Option<f64>,
    /// Trading class, if IB gives one.
    pub trading_class: Option<String>,
    /// Smallest price step in the instrument's currency, if known.
    pub min_tick: Option<f64>,
}

impl Instrument {
    /// Short text that names exactly this instrument in a request.
    pub fn short(&self) -> String {
        format!("CONID:{}@{}", self.con_id, self.exchange)
    }
}
