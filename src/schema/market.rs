//! Market data events: ticks, quotes, tick-by-tick and depth.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::Size;

/// How fresh the gateway says its data is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataKind {
    /// Streaming as it happens.
    #[default]
    Live,
    /// The last values before the close.
    Frozen,
    /// Streaming 15 to 20 minutes late.
    Delayed,
    /// The last delayed values.
    DelayedFrozen,
}

/// One gateway tick, on `ib.tick.<inst>.<name>`. Exactly one of `price`, `size`, `value`, `text`
/// and `greeks` is the tick's content; a price tick may carry its paired size as well.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TickEvent {
    /// IB's contract id.
    pub con_id: i32,
    /// Grows by one per subject.
    pub seq: u64,
    /// When the bytes arrived, microseconds UTC, our clock. Level-1 ticks carry no exchange time.
    pub recv_us: i64,
    /// The time that the tick's `text` tells, microseconds UTC: of the last trade in `last_timestamp` and `delayed_last_timestamp`
    /// (whole seconds) and `last_reg_time`, of the trade in `rt_volume` and `rt_trd_volume`. Absent in others, and if it cannot be read.
    pub event_us: Option<i64>,
    /// Tick name, as in the subject: `bid`, `ask_size`, `model_option`, ...; `tick_<number>` if IB's number is new to us.
    pub name: std::borrow::Cow<'static, str>,
    /// IB's tick type number; delayed ticks have numbers of their own.
    pub tick_type: i32,
    /// How fresh the gateway says the data is.
    pub data_kind: DataKind,
    /// Price in the instrument's currency. Absent when the gateway says "no quote".
    pub price: Option<f64>,
    /// Size in the instrument's units.
    pub size: Option<Size>,
    /// Number of a generic tick.
    pub value: Option<f64>,
    /// Text of a string tick, as IB wrote it.
    pub text: Option<String>,
    /// Option computation.
    pub greeks: Option<Box<Greeks>>,
    /// True if the quote can be executed electronically; on price ticks only.
    pub can_auto_execute: Option<bool>,
    /// True if the price is outside the day's limits; left out when false.
    pub past_limit: Option<bool>,
    /// True before the open; left out when false.
    pub pre_open: Option<bool>,
    /// True on the first event after an interruption; left out otherwise.
    pub after_gap: Option<bool>,
}

/// An option computation. A value that the gateway could not compute is left out.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Greeks {
    /// Implied volatility, 0.25 = 25 % a year.
    pub implied_vol: Option<f64>,
    /// Delta.
    pub delta: Option<f64>,
    /// Gamma.
    pub gamma: Option<f64>,
    /// Vega, per volatility point.
    pub vega: Option<f64>,
    /// Theta, per day.
    pub theta: Option<f64>,
    /// Option price the computation used, in the option's currency.
    pub option_price: Option<f64>,
    /// Present value of dividends expected until expiry.
    pub pv_dividend: Option<f64>,
    /// Price of the underlying the computation used.
    pub underlying_price: Option<f64>,
}

/// The four option computations of a quote.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OptionGreeks {
    /// From IB's model.
    pub model: Option<Greeks>,
    /// From the bid.
    pub bid: Option<Greeks>,
    /// From the ask.
    pub ask: Option<Greeks>,
    /// From the last trade.
    pub last: Option<Greeks>,
}

/// The level-1 picture after a change, on `ib.quote.<inst>`. A side without a quote is left out.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuoteEvent {
    /// IB's contract id.
    pub con_id: i32,
    /// Grows by one per subject.
    pub seq: u64,
    /// When the last change arrived, microseconds UTC, our clock.
    pub recv_us: i64,
    /// Time of the last trade, microseconds UTC, the gateway's, whole seconds. Absent if not sent.
    pub last_us: Option<i64>,
    /// How fresh the gateway says the data is.
    pub data_kind: DataKind,
    /// True while the picture may be out of date (link or farm down, no data). Always present.
    pub stale: bool,
    /// Best bid in the instrument's currency.
    pub bid: Option<f64>,
    /// Size at the best bid.
    pub bid_size: Option<Size>,
    /// Best ask in the instrument's currency.
    pub ask: Option<f64>,
    /// Size at the best ask.
    pub ask_size: Option<Size>,
    /// Last trade's price.
    pub last: Option<f64>,
    /// Last trade's size.
    pub last_size: Option<Size>,
    /// Volume of the day.
    pub volume: Option<Size>,
    /// Highest price of the day.
    pub high: Option<f64>,
    /// Lowest price of the day.
    pub low: Option<f64>,
    /// First price of the day; before the open that of the previous day.
    pub open: Option<f64>,
    /// Previous close, adjusted.
    pub close: Option<f64>,
    /// IB's calculated mark price, if asked for.
    pub mark: Option<f64>,
    /// True while trading is halted. Absent means not told, which is not "not halted".
    pub halted: Option<bool>,
    /// Option computations, for options.
    pub greeks: Option<Box<OptionGreeks>>,
    /// True on the first event after an interruption; left out otherwise.
    pub after_gap: Option<bool>,
}

/// The option computations after a change, on `ib.greeks.<inst>`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GreeksEvent {
    /// IB's contract id.
    pub con_id: i32,
    /// Grows by one per subject.
    pub seq: u64,
    /// When the last change arrived, microseconds UTC, our clock.
    pub recv_us: i64,
    /// How fresh the gateway says the data is.
    pub data_kind: DataKind,
    /// True while the values may be out of date. Always present.
    pub stale: bool,
    /// The computations.
    #[serde(flatten)]
    pub greeks: OptionGreeks,
    /// True on the first event after an interruption; left out otherwise.
    pub after_gap: Option<bool>,
}

/// Which tick-by-tick stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TickByTickKind {
    /// Trades that set the last price.
    Last,
    /// All trades, combos and derivatives included.
    AllLast,
    /// Quotes.
    BidAsk,
    /// Mid points.
    MidPoint,
}

/// One tick-by-tick event, on `ib.tbt.<inst>.<kind>`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TickByTickEvent {
    /// IB's contract id.
    pub con_id: i32,
    /// Grows by one per subject.
    pub seq: u64,
    /// When the bytes arrived, microseconds UTC, our clock.
    pub recv_us: i64,
    /// The exchange's time, microseconds UTC, whole seconds: several ticks share one.
    pub event_us: Option<i64>,
    /// Trade price or mid point.
    pub price: Option<f64>,
    /// Trade size.
    pub size: Option<Size>,
    /// Bid price.
    pub bid: Option<f64>,
    /// Bid size.
    pub bid_size: Option<Size>,
    /// Ask price.
    pub ask: Option<f64>,
    /// Ask size.
    pub ask_size: Option<Size>,
    /// Exchange of a trade.
    pub exchange: Option<String>,
    /// Conditions of a trade as the exchange codes them.
    pub conditions: Option<String>,
    /// True for a trade not reported to the tape; left out when false.
    pub unreported: Option<bool>,
    /// True if the price is outside the day's limits; with price and size zero it marks a halt. Left out when false.
    pub past_limit: Option<bool>,
    /// True on the first event after an interruption; left out otherwise.
    pub after_gap: Option<bool>,
}

/// A side of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BookSide {
    /// Buyers.
    Bid,
    /// Sellers.
    Ask,
}

/// What a depth change does to the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DepthAction {
    /// A new row at `position`; rows below move down.
    Insert,
    /// The row at `position` changes.
    Update,
    /// The row at `position` goes; rows below move up.
    Delete,
    /// The book is empty from here on; rows follow again.
    Reset,
}

/// One change of the book, on `ib.depth.<inst>`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DepthEvent {
    /// IB's contract id.
    pub con_id: i32,
    /// Grows by one per subject.
    pub seq: u64,
    /// When the bytes arrived, microseconds UTC, our clock.
    pub recv_us: i64,
    /// What happens.
    pub action: DepthAction,
    /// On which side; absent for a reset.
    pub side: Option<BookSide>,
    /// Row from the top, 0 is the best.
    pub position: Option<i32>,
    /// Price of the row.
    pub price: Option<f64>,
    /// Size of the row.
    pub size: Option<Size>,
    /// Market maker or exchange of the row, in level-2 books.
    pub market_maker: Option<String>,
    /// Number of this change since the stream began: a [`Book`] with the same number contains it.
    pub change: u64,
    /// True on the first event after an interruption; left out otherwise.
    pub after_gap: Option<bool>,
}

/// One row of a book.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BookRow {
    /// Price in the instrument's currency; absent if the gateway sent none.
    pub price: Option<f64>,
    /// Size in the instrument's units.
    pub size: Option<Size>,
    /// Market maker or exchange, in level-2 books.
    pub market_maker: Option<String>,
}

/// The whole book at one moment, in answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Book {
    /// When the last change arrived, microseconds UTC, our clock.
    pub recv_us: i64,
    /// Number of the last change it contains: events on `ib.depth.<inst>` with a higher `change` are newer.
    pub change: u64,
    /// True while the book may be out of date. Always present.
    pub stale: bool,
    /// Buyers, best first.
    pub bids: Vec<BookRow>,
    /// Sellers, best first.
    pub asks: Vec<BookRow>,
}
