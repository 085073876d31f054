//! `option.*`: IB's option calculators.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::{Instrument, contract::ContractSpec};

/// `option.price`: what an option would be worth at a volatility.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceRequest {
    /// The option.
    pub contract: ContractSpec,
    /// Volatility a year as a ratio: 0.25 is 25 %.
    pub volatility: f64,
    /// Price of the underlying.
    pub under_price: f64,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// `option.volatility`: the volatility at which an option is worth a price.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolatilityRequest {
    /// The option.
    pub contract: ContractSpec,
    /// Price of the option.
    pub price: f64,
    /// Price of the underlying.
    pub under_price: f64,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

/// Answer to `option.price` and `option.volatility`. What IB could not compute is left out.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Computation {
    /// The option.
    pub instrument: Instrument,
    /// Volatility a year as a ratio.
    pub volatility: Option<f64>,
    /// Price of the option.
    pub price: Option<f64>,
    /// Change of the price per unit of the underlying.
    pub delta: Option<f64>,
    /// Change of delta per unit of the underlying.
    pub gamma: Option<f64>,
    /// Change of the price per percentage point of volatility.
    pub vega: Option<f64>,
    /// Change of the price per day.
    pub theta: Option<f64>,
    /// Present value of the dividends until expiry.
    pub pv_dividend: Option<f64>,
    /// Price of the underlying that was used.
    pub under_price: Option<f64>,
}
