//! `pace.*`: how much of IB's limits is used, who waits, and when something could be asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{history::TimePoint, market::Usage};
use crate::schema::{
    ApiError,
    bar::{BarSize, BarSource},
};

/// Answer to `pace.status`: headroom and queues.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaceStatus {
    /// Messages sent in the last second and allowed: of the login, or of the busier link if each has its own.
    pub messages_per_second: Usage,
    /// The part of them that anything but cancels of orders may use on the trading link.
    pub trading_messages: Usage,
    /// The part of them that the data link may use.
    pub data_messages: Usage,
    /// Cost of small-bar history in the last ten minutes and allowed.
    pub history_10_min: Usage,
    /// Requests for bars of a minute and more in the last two seconds and allowed.
    pub history_long_2_s: Usage,
    /// Open history requests and allowed.
    pub history_open: Usage,
    /// Open requests for bars of a minute and more and allowed.
    pub history_long_open: Usage,
    /// Market data lines in use and allowed.
    pub market_data_lines: Usage,
    /// Tick-by-tick subscriptions in use and allowed.
    pub tick_by_tick: Usage,
    /// Depth subscriptions in use and allowed.
    pub depth: Usage,
    /// Bars kept up to date in use and allowed.
    pub kept_bars: Usage,
    /// Scanners in use and allowed.
    pub scanners: Usage,
    /// Waiting requests by class, most urgent class first.
    pub queues: Vec<QueueStatus>,
    /// Clients by what waits for them, then by what was sent; 50 at most.
    pub clients: Vec<ClientPace>,
    /// Limits that are lower than configured since the gateway complained.
    pub slowed: Vec<SlowedLimit>,
    /// Pacing violations the gateway reported since the start.
    pub violations: u64,
}

/// Queue of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueueStatus {
    /// `cancel`, `order`, `account`, `live`, `interactive`, `history`, `bulk`.
    pub class: String,
    /// Waiting now.
    pub waiting: u32,
    /// Sent since the start.
    pub sent: u64,
    /// Longest wait since the start, in milliseconds.
    pub longest_wait_ms: u64,
    /// How long the first of those waiting has waited, in milliseconds; 0 if none waits.
    pub oldest_ms: u64,
}

/// One client's use of the gateway.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientPace {
    /// Its name; absent for the bridge itself and for clients without one.
    pub client: Option<String>,
    /// Requests that wait now.
    pub waiting: u32,
    /// Requests sent since the start.
    pub sent: u64,
    /// Of those, for history.
    pub history_sent: u64,
    /// Requests refused since the start because they would have been too late or too many.
    pub refused: u64,
    /// Requests given up before they were sent, since the start.
    pub dropped: u64,
    /// Longest wait since the start, in milliseconds.
    pub longest_wait_ms: u64,
}

/// A limit that the gateway's complaints have lowered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlowedLimit {
    /// Its key in `[pacing]`.
    pub limit: String,
    /// What the configuration allows.
    pub configured: u32,
    /// What is used now.
    pub allowed: u32,
    /// Nothing of it is sent for so long, in milliseconds; 0 if something is.
    pub held_ms: u64,
    /// Until all of it is given back if the gateway does not complain again, in milliseconds.
    pub restored_ms: u64,
}

/// Answer to `pace.stats`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaceStats {
    /// The last minute, ten minutes and hour, to the minute, then everything since the start.
    pub stretches: Vec<PaceStretch>,
}

/// What became of requests in a stretch of time.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaceStretch {
    /// Its length; absent for everything since the start.
    pub minutes: Option<u32>,
    /// By class, most urgent first.
    pub classes: Vec<ClassStats>,
    /// Pacing violations the gateway reported.
    pub violations: u64,
}

/// What became of the requests of one class.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassStats {
    /// `cancel`, `order`, `account`, `live`, `interactive`, `history`, `bulk`.
    pub class: String,
    /// Sent to the gateway.
    pub sent: u64,
    /// Refused at once: too many, or too late.
    pub refused: u64,
    /// Accepted, but given up before they were sent: the deadline had passed or could no longer be kept.
    pub dropped: u64,
    /// Half of those sent waited no longer than this, in milliseconds, to a third of the figure; absent if none was sent.
    pub wait_p50_ms: Option<u64>,
    /// As above, 95 of 100.
    pub wait_p95_ms: Option<u64>,
    /// As above, 99 of 100.
    pub wait_p99_ms: Option<u64>,
}

/// What `pace.check` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaceKind {
    /// A cancel of an order.
    Cancel,
    /// A new or changed order.
    Order,
    /// A stream: quotes.
    Quotes,
    /// A stream: tick by tick.
    TickByTick,
    /// A stream: depth.
    Depth,
    /// A stream: 5-second bars.
    RealTimeBars,
    /// A question that is answered once: contracts, searches, snapshots.
    Question,
    /// `hist.bars`.
    Bars,
    /// `hist.ticks`: one request of a thousand ticks.
    Ticks,
    /// `hist.head`.
    Head,
}

/// `pace.check`: could this be asked now, and if not, when? Nothing is sent.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaceCheck {
    /// What would be asked.
    pub kind: PaceKind,
    /// How many of them; 1 if left out. Each chunk of a range counts by itself.
    pub count: Option<u32>,
    /// Size of the bars; needed for `bars`.
    pub bar_size: Option<BarSize>,
    /// Kind of bars or ticks; `bid_ask` counts twice. Trades if left out.
    pub source: Option<BarSource>,
    /// For `bars`: the range, as in `hist.bars`; one chunk if left out.
    pub start: Option<TimePoint>,
    /// End of the range.
    pub end: Option<TimePoint>,
    /// Length of the range, such as `1d`.
    pub duration: Option<String>,
    /// How long the caller would wait, in milliseconds; the kind's own deadline if left out.
    pub timeout_ms: Option<u64>,
}

/// Answer to `pace.check`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaceChecked {
    /// True if it would be taken now.
    pub accepted: bool,
    /// `cancel`, `order`, `account`, `live`, `interactive`, `history`, `bulk`.
    pub class: String,
    /// What it costs by IB's count: messages, or units of history.
    pub units: u32,
    /// When the first of it would be sent, in milliseconds from now.
    pub first_ms: u64,
    /// When the last of it would be sent, in milliseconds from now, if nothing else is asked meanwhile.
    pub last_ms: u64,
    /// What the refusal would say.
    pub error: Option<ApiError>,
}
