//! Answers to `hist.*`: pages, manifests, sessions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::{ApiError, Instrument, Size, bar::Bar};

/// How far a long answer has come.
#[skip_serializing_none]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Parts of the range that are settled, one way or another.
    pub done: u32,
    /// Parts the range is cut into; absent while that is not known (ticks).
    pub total: Option<u32>,
    /// Rows so far, those of this page included.
    pub rows: u64,
    /// Every row that starts before this moment has been sent; microseconds UTC.
    pub through_us: i64,
}

/// One page of the answer to `hist.bars`. Pages arrive in order on the reply inbox.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BarsPage {
    /// Page number from 0.
    pub page: u32,
    /// True on the last page, which carries the manifest.
    pub last: bool,
    /// Bars of this page, oldest first. A page without bars before the last one says that the range is still worked on.
    pub rows: Vec<Bar>,
    /// How far the answer has come; absent on a last page.
    pub progress: Option<Progress>,
    /// The summary; on the last page.
    pub manifest: Option<Manifest>,
}

/// What a range request delivered, and what it could not. A request whose deadline comes, or which can no longer be served before it,
/// ends with what it has: its rows end where its last hole begins, whose reason is `timeout` or `pacing_limited`. Without any row the
/// answer is that error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// The instrument.
    pub instrument: Instrument,
    /// Pages sent.
    pub pages: u32,
    /// Rows sent.
    pub rows: u64,
    /// Upstream requests this took; 0 if served from an answer kept.
    pub requests: u32,
    /// Parts of the range without rows that the request could not fill.
    pub holes: Vec<Hole>,
}

/// Part of a range that is missing.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hole {
    /// From, microseconds UTC.
    pub from_us: i64,
    /// To, microseconds UTC.
    pub to_us: i64,
    /// Why. Nothing is wrong with `no_data` (no trading, as far as IB knows), `before_first_data`, `small_bars_too_old`,
    /// `expired` and `no_daily_bars`; `no_schedule` says that IB names no sessions after the last ticks found; others are the code of the error: `timeout`, `no_permission`, `rejected_by_gateway`, ...
    pub reason: String,
    /// IB's code, if one caused it.
    pub ib_code: Option<i32>,
}

/// One page of the answer to `hist.batch`. Pages of different contracts may alternate; those of one are in order.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BatchPage {
    /// Page number from 0.
    pub page: u32,
    /// True on the last page, which carries the manifest.
    pub last: bool,
    /// Whose bars or progress this is: place in the request's `contracts`, from 0. Absent on a last page without bars.
    pub contract: Option<u32>,
    /// Bars of this page, oldest first.
    pub rows: Vec<Bar>,
    /// How far this contract's bars have come; absent on a last page.
    pub progress: Option<Progress>,
    /// The summary; on the last page.
    pub manifest: Option<BatchManifest>,
}

/// What a batch delivered, and what it could not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BatchManifest {
    /// Pages sent.
    pub pages: u32,
    /// Rows sent.
    pub rows: u64,
    /// Upstream requests this took.
    pub requests: u32,
    /// Contracts without an error.
    pub served: u32,
    /// One entry for each contract, in the order of the request.
    pub contracts: Vec<BatchEntry>,
}

/// What came of one contract of a batch.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BatchEntry {
    /// The instrument; absent if there is an error.
    pub instrument: Option<Instrument>,
    /// Rows sent.
    pub rows: u64,
    /// Upstream requests this took.
    pub requests: u32,
    /// Parts of the range without rows.
    pub holes: Vec<Hole>,
    /// Why there is nothing, or nothing more; absent if all went well.
    pub error: Option<ApiError>,
}

/// One past tick: a trade, a quote or a mid point.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PastTick {
    /// The exchange's time, microseconds UTC, whole seconds: several ticks share one and are in order.
    pub event_us: i64,
    /// Trade price or mid point.
    pub price: Option<f64>,
    /// Trade size.
    pub size: Option<Size>,
    /// Bid price; absent if nobody bid.
    pub bid: Option<f64>,
    /// Bid size; absent without a bid.
    pub bid_size: Option<Size>,
    /// Ask price; absent if nobody offered.
    pub ask: Option<f64>,
    /// Ask size; absent without an ask.
    pub ask_size: Option<Size>,
    /// Exchange of a trade.
    pub exchange: Option<String>,
    /// Conditions of a trade as the exchange codes them.
    pub conditions: Option<String>,
    /// True for a trade not reported to the tape; left out when false.
    pub unreported: Option<bool>,
    /// True if the price is outside the day's limits; left out when false.
    pub past_limit: Option<bool>,
}

/// One page of the answer to `hist.ticks`. Pages arrive in order on the reply inbox.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TicksPage {
    /// Page number from 0.
    pub page: u32,
    /// True on the last page, which carries the manifest.
    pub last: bool,
    /// Ticks of this page, oldest first.
    pub rows: Vec<PastTick>,
    /// How far the answer has come; absent on a last page.
    pub progress: Option<Progress>,
    /// The summary; on the last page.
    pub manifest: Option<Manifest>,
}

/// Answer to `hist.schedule`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    /// The instrument.
    pub instrument: Instrument,
    /// Time zone of the exchange, as the gateway names it.
    pub time_zone: String,
    /// Sessions that overlap the range, oldest first.
    pub sessions: Vec<TradingSession>,
}

/// One past trading session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TradingSession {
    /// Trading date `YYYYMMDD`.
    pub date: String,
    /// First moment, microseconds UTC.
    pub start_us: i64,
    /// First moment after it, microseconds UTC.
    pub end_us: i64,
}

/// Answer to `hist.histogram`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Histogram {
    /// The instrument.
    pub instrument: Instrument,
    /// Lowest price first.
    pub rows: Vec<PriceLevel>,
}

/// Quantity traded at one price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PriceLevel {
    /// The price.
    pub price: f64,
    /// Quantity, in the instrument's units.
    pub size: Size,
}

/// Answer to `hist.head`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    /// The instrument.
    pub instrument: Instrument,
    /// Earliest data, microseconds UTC.
    pub head_us: i64,
}
