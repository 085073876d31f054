//! Conditions that an order waits for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::TriggerMethod;

/// What an order waits for, or what cancels it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// The conditions, joined one to the next from first to last. At least one.
    pub list: Vec<Condition>,
    /// True: the order works at once and is cancelled when they hold. Default: it waits for them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel_order: bool,
    /// True: they count outside regular trading hours as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_regular_hours: bool,
    /// True: they count in the overnight session as well. Server version 226 or newer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub include_overnight: bool,
}

/// How a condition is joined to the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// Both must hold.
    #[default]
    And,
    /// Either is enough.
    Or,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// An instrument trades at a price.
    Price {
        /// IB's contract id of the instrument.
        con_id: i32,
        /// Exchange whose prices count, `SMART` for all.
        exchange: String,
        /// True: at or above `price`; false: at or below.
        above: bool,
        /// The price, in the instrument's currency.
        price: f64,
        /// Which price counts.
        #[serde(skip_serializing_if = "Option::is_none")]
        trigger_method: Option<TriggerMethod>,
        /// How it is joined to the next condition.
        #[serde(default)]
        join: Join,
    },
    /// A moment has come.
    Time {
        /// True: after `time`; false: before.
        after: bool,
        /// `20261218-21:00:00` is UTC, `20261218 16:00:00 US/Eastern` local.
        time: String,
        /// How it is joined to the next condition.
        #[serde(default)]
        join: Join,
    },
    /// The account's margin cushion.
    Margin {
        /// True: at or above `percent`; false: at or below.
        above: bool,
        /// Cushion in percent of the equity.
        percent: i32,
        /// How it is joined to the next condition.
        #[serde(default)]
        join: Join,
    },
    /// The account has an execution in a symbol.
    Execution {
        /// Symbol.
        symbol: String,
        /// Security type as IB writes it, such as `STK`.
        sec_type: String,
        /// Exchange, `SMART` for all.
        exchange: String,
        /// How it is joined to the next condition.
        #[serde(default)]
        join: Join,
    },
    /// An instrument's volume of the day.
    Volume {
        /// IB's contract id of the instrument.
        con_id: i32,
        /// Exchange whose volume counts, `SMART` for all.
        exchange: String,
        /// True: at or above `volume`; false: at or below.
        above: bool,
        /// The volume, in the instrument's units.
        volume: i32,
        /// How it is joined to the next condition.
        #[serde(default)]
        join: Join,
    },
    /// An instrument's change since yesterday's close.
    PercentChange {
        /// IB's contract id of the instrument.
        con_id: i32,
        /// Exchange whose prices count, `SMART` for all.
        exchange: String,
        /// True: at or above `change_percent`; false: at or below.
        above: bool,
        /// The change in percent.
        change_percent: f64,
        /// How it is joined to the next condition.
        #[serde(default)]
        join: Join,
    },
}
