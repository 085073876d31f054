//! `order.check`: what an order would need and cost. The request is that of `order.place`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::{Size, order::OrderKey};

/// Answer to `order.check`: the order passed every check, and IB's estimate. Nothing was placed.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCheck {
    /// The key of the request. It is not used up.
    pub key: OrderKey,
    /// True if an order of this key exists: placing it would send nothing.
    pub key_in_use: bool,
    /// The account it would be for.
    pub account: String,
    /// Currency of the margins.
    pub margin_currency: Option<String>,
    /// Initial margin.
    pub initial_margin: Option<Margin>,
    /// Maintenance margin.
    pub maintenance_margin: Option<Margin>,
    /// Equity with loan value.
    pub equity_with_loan: Option<Margin>,
    /// Commission and fees, if IB names one figure.
    pub commission: Option<f64>,
    /// The least they may be.
    pub min_commission: Option<f64>,
    /// The most they may be.
    pub max_commission: Option<f64>,
    /// Currency of the commission.
    pub commission_currency: Option<String>,
    /// Size that IB suggests instead.
    pub suggested_size: Option<Size>,
    /// IB's warning.
    pub warning: Option<String>,
}

/// One margin figure around the order. What IB does not name is absent.
#[skip_serializing_none]
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Margin {
    /// Now.
    pub before: Option<f64>,
    /// By how much the order changes it.
    pub change: Option<f64>,
    /// After the order.
    pub after: Option<f64>,
}
