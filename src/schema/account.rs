//! Account events: positions, account values and profit and loss.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{Instrument, Size};

/// A position after a change, on `ib.position.<account>.<inst>`; of a model on
/// `ib.model.<account>.<model>.position.<inst>`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PositionEvent {
    /// Account number.
    pub account: String,
    /// IB's contract id.
    pub con_id: i32,
    /// Grows by one per subject.
    pub seq: u64,
    /// When the bytes arrived, microseconds UTC, our clock.
    pub recv_us: i64,
    /// Model of an advisor that the position belongs to; absent for the whole account's, which holds its models' too.
    pub model: Option<String>,
    /// Quantity held, negative when short, `0` once when closed.
    pub position: Size,
    /// Average cost, multiplier and commission included, in the instrument's currency.
    pub average_cost: Option<f64>,
    /// IB's price when the gateway last valued the account: with several accounts one after the other is.
    pub market_price: Option<f64>,
    /// Position times price, in the instrument's currency.
    pub market_value: Option<f64>,
    /// Unrealized profit, in the instrument's currency.
    pub unrealized_pnl: Option<f64>,
    /// Realized profit of the day, in the instrument's currency.
    pub realized_pnl: Option<f64>,
    /// What is held.
    pub instrument: Instrument,
}

/// One account value, on `ib.account.<account>.<tag>`; of a model on `ib.model.<account>.<model>.value.<tag>`.
/// What IB tells while it resets an account (`AccountReady` is `false`) is not published.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountValueEvent {
    /// Account number.
    pub account: String,
    /// Grows by one per subject.
    pub seq: u64,
    /// When the bytes arrived, microseconds UTC, our clock. IB sends changes at most every three minutes.
    pub recv_us: i64,
    /// Model of an advisor that the value belongs to; absent for the whole account's.
    pub model: Option<String>,
    /// IB's tag, such as `NetLiquidation`. `ExchangeRate` is what one unit of `currency` is worth in the account's base
    /// currency.
    pub tag: String,
    /// Value as IB writes it; most are numbers, some are words.
    pub value: String,
    /// Currency of the value; `BASE` for the sum of all currencies in the account's base currency; absent for values
    /// without one.
    pub currency: Option<String>,
}

/// Profit and loss of one open position, on `ib.pnl.<account>.<con_id>`. IB computes it about once a second. A value
/// that IB has not computed is left out. Position `0` comes once, when the position is closed.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PositionPnlEvent {
    /// Account number.
    pub account: String,
    /// IB's contract id.
    pub con_id: i32,
    /// Grows by one per subject.
    pub seq: u64,
    /// When the bytes arrived, microseconds UTC, our clock.
    pub recv_us: i64,
    /// Quantity the figures are of, negative when short; absent if IB does not say.
    pub position: Option<Size>,
    /// Profit since the day began (by the gateway's setting), as IB computes it.
    pub daily: Option<f64>,
    /// Unrealized profit.
    pub unrealized: Option<f64>,
    /// Realized profit of the day.
    pub realized: Option<f64>,
    /// Value of the position.
    pub value: Option<f64>,
}

/// Profit and loss of an account, on `ib.pnl.<account>`; of a model on `ib.model.<account>.<model>.pnl`. A value that IB
/// has not computed is left out.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PnlEvent {
    /// Account number.
    pub account: String,
    /// Grows by one per subject.
    pub seq: u64,
    /// When the bytes arrived, microseconds UTC, our clock.
    pub recv_us: i64,
    /// Model of an advisor that the figures are of; absent for the whole account's.
    pub model: Option<String>,
    /// Profit since the day began (by the gateway's setting), in the account's base currency.
    pub daily: Option<f64>,
    /// Unrealized profit, in the account's base currency.
    pub unrealized: Option<f64>,
    /// Realized profit of the day, in the account's base currency.
    pub realized: Option<f64>,
}
