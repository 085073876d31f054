//! `[risk]`: what an order may be, before anything of it is written down.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::risk::{Limits, Sweep};

/// `[risk]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Risk {
    /// Limits on all clients together.
    pub limits: Limits,
    /// Limits of single clients, by the name in their subjects; they apply beside the global ones.
    pub clients: BTreeMap<String, Limits>,
    /// Name of the file in the state folder that throws the kill switch while it exists.
    pub halt_file: String,
    /// What a halt by file or signal (SIGUSR1) cancels.
    pub halt_cancels: Sweep,
    /// What becomes of an order whose limits need a quote that is not known: subscribe to it, or allow such orders.
    pub without_quote: Unmeasured,
    /// The currency of `order_notional`.
    pub notional_currency: NotionalCurrency,
    /// What becomes of an order under a daily loss limit while IB has not told the profit of the day.
    pub without_daily_pnl: Unmeasured,
}

/// Which money a limit on the worth of an order counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotionalCurrency {
    /// The base currency of the order's account, at the rate that IB tells among the account values. An order in a
    /// currency whose rate is not known is refused.
    #[default]
    Base,
    /// The currency of the instrument, not converted.
    Instrument,
}

/// What to do with an order that cannot be measured against a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unmeasured {
    /// Refuse it, and say what is missing.
    #[default]
    Refuse,
    /// Take it.
    Allow,
}

impl Default for Risk {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            clients: BTreeMap::new(),
            halt_file: "halt".to_owned(),
            halt_cancels: Sweep::Bridge,
            without_quote: Unmeasured::Refuse,
            notional_currency: NotionalCurrency::Base,
            without_daily_pnl: Unmeasured::Refuse,
        }
    }
}
