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
    /// An instrument of which nothing more is known; its local symbol is its symbol.
    pub fn bare(con_id: i32, sec_type: &str, symbol: &str, exchange: &str, currency: &str) -> Self {
        Self {
            con_id,
            sec_type: sec_type.to_owned(),
            symbol: symbol.to_owned(),
            local_symbol: symbol.to_owned(),
            exchange: exchange.to_owned(),
            currency: currency.to_owned(),
            primary_exchange: None,
            expiry: None,
            strike: None,
            right: None,
            multiplier: None,
            trading_class: None,
            min_tick: None,
        }
    }

    /// Short text that names exactly this instrument in a request.
    pub fn short(&self) -> String {
        format!("CONID:{}@{}", self.con_id, self.exchange)
    }
}
