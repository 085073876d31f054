//! `md.*`: leases on streams, and snapshots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

pub use super::stream::{BadStream, Stream};
use crate::schema::{
    Instrument,
    bar::BarEvent,
    contract::ContractSpec,
    market::{Book, DataKind, QuoteEvent},
};

fn quote_only() -> Vec<Stream> {
    vec![Stream::Quote]
}

fn a_minute() -> u32 {
    60
}

/// `md.subscribe`: take a lease on streams of one instrument.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// The instrument.
    pub contract: ContractSpec,
    /// Which streams; `quote` if left out.
    #[serde(default = "quote_only")]
    pub streams: Vec<Stream>,
    /// Seconds until the lease ends unless renewed; 0 = until unsubscribed. Default 60.
    #[serde(default = "a_minute")]
    pub ttl_s: u32,
    /// IB's generic tick numbers to ask for beside the default ticks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generic_ticks: Vec<u16>,
    /// Rows of depth; default 10.
    pub depth_rows: Option<u8>,
    /// Gather the books of all exchanges into one; default true for instruments routed by `SMART`, else false.
    pub smart_depth: Option<bool>,
    /// Providers of `news`, such as `BRFG`; all that the login may use if left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub news_providers: Vec<String>,
    /// Which kinds of market data are accepted; the configured `gateway.market_data` if left out. It is a wish
    /// for the shared request: the widest of its holders counts, and every event says its `data_kind`.
    pub market_data: Option<MarketDataPolicy>,
    /// What to do when lines or slots have run out; refuse if left out.
    #[serde(default, skip_serializing_if = "is_refuse")]
    pub when_full: WhenFull,
    /// Give up after this many milliseconds.
    pub timeout_ms: Option<u64>,
}

impl Subscribe {
    /// A request for these streams with everything else left out, until unsubscribed.
    pub fn new(contract: ContractSpec, streams: Vec<Stream>) -> Self {
        Self {
            contract,
            streams,
            ttl_s: 0,
            generic_ticks: Vec::new(),
            depth_rows: None,
            smart_depth: None,
            news_providers: Vec::new(),
            market_data: None,
            when_full: WhenFull::Refuse,
            timeout_ms: None,
        }
    }
}

/// Which kinds of market data are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarketDataPolicy {
    /// Live data or none.
    LiveOnly,
    /// Live data, and the last live values while the market is closed.
    LiveElseFrozen,
    /// Live data where the login may have it, else 15 to 20 minutes late.
    LiveElseDelayed,
    /// Whatever there is: live, else delayed, and the last values while the market is closed.
    Any,
}

/// What happens to a subscription that finds no free line or slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// It is refused with `pacing_limited` and the holders.
    #[default]
    Refuse,
    /// The lease is granted; its streams start, first come first served, as lines and slots are freed.
    Queue,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_refuse(when_full: &WhenFull) -> bool {
    *when_full == WhenFull::Refuse
}

/// Where a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamState {
    /// Data comes.
    Streaming,
    /// Asked for; no data yet, or none since an interruption.
    Asked,
    /// To be asked for: the gateway is away, or a rule of IB asks for a pause.
    Waiting,
    /// Waits for a line or slot.
    Queued,
    /// The gateway refused it; `reason` says why. Asked again after a reconnect or for a new lease.
    Refused,
}

/// A lease as held.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lease {
    /// Name of the lease, for `renew` and `unsubscribe`.
    pub lease: String,
    /// Client that holds it; absent for requests without a client token.
    pub client: Option<String>,
    /// The instrument.
    pub instrument: Instrument,
    /// The streams held.
    pub streams: Vec<LeasedStream>,
    /// Seconds granted at each renewal; 0 = until unsubscribed.
    pub ttl_s: u32,
    /// When it ends unless renewed, microseconds UTC, our clock; absent if it does not end.
    pub expires_us: Option<i64>,
    /// The last quote, if one is known; late joiners need not wait.
    pub quote: Option<QuoteEvent>,
    /// The whole book, if `depth` is held and one is known.
    pub book: Option<Book>,
}

/// One stream of a lease.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeasedStream {
    /// The stream.
    pub stream: Stream,
    /// Where its events are published; ticks have one more token.
    pub subject: String,
    /// How many leases share the stream, this one included.
    pub holders: u32,
    /// Where it stands.
    pub state: StreamState,
    /// Place in the queue for a line or slot, from 1; only while queued.
    pub queue_position: Option<u32>,
    /// Why it does not stream, for a person; only if something is wrong.
    pub reason: Option<String>,
}

/// `md.renew`: keep a lease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// The lease.
    pub lease: String,
}

/// `md.unsubscribe`: give a lease back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unsubscribe {
    /// The lease.
    pub lease: String,
}

/// Answer to `md.unsubscribe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unsubscribed {
    /// The lease that ended.
    pub lease: String,
    /// Upstream requests that were cancelled because nobody else needs them.
    pub cancelled: u32,
}

/// `md.list`: leases and the upstream requests behind them.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListLeases {
    /// Only leases of this client.
    pub client: Option<String>,
    /// Only this contract.
    pub con_id: Option<i32>,
    /// Leases to list at most; default 500, at most 2,000.
    pub limit: Option<u32>,
}

/// Answer to `md.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Leases {
    /// Leases in the order they were taken; no more than asked for.
    pub leases: Vec<Lease>,
    /// How many leases fit the question, listed or not.
    pub leases_total: u32,
    /// Upstream requests.
    pub upstream: Vec<Upstream>,
    /// Market data lines in use and allowed.
    pub lines: Usage,
    /// Tick-by-tick subscriptions in use and allowed.
    pub tick_by_tick: Usage,
    /// Depth subscriptions in use and allowed.
    pub depth: Usage,
    /// Historical requests kept up to date for live bars, in use and allowed; absent unless `bars.feed` asks for them.
    pub kept_bars: Option<Usage>,
    /// Streams that wait for a line or slot.
    pub queued: u32,
}

/// How much of a limit is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// In use.
    pub used: u32,
    /// Allowed.
    pub max: u32,
}

/// One subscription at the gateway.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Upstream {
    /// IB's contract id.
    pub con_id: i32,
    /// Stream; `quote` stands for quote and tick together.
    pub stream: Stream,
    /// Request id at the gateway; absent while waiting to be sent.
    pub req_id: Option<i32>,
    /// Where it stands.
    pub state: StreamState,
    /// Place in the queue for a line or slot, from 1; only while queued.
    pub queue_position: Option<u32>,
    /// Why it does not stream, for a person; only if something is wrong.
    pub reason: Option<String>,
    /// Leases that need it.
    pub holders: u32,
    /// Clients that hold it, most leases first, at most 20; absent clients count as `(unnamed)`.
    pub clients: Vec<String>,
    /// Generic ticks and news sources of the running request, as IB writes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generic_ticks: Vec<String>,
    /// Rows of depth asked for.
    pub depth_rows: Option<u8>,
    /// How fresh the gateway says the data is; level 1 only.
    pub data_kind: Option<DataKind>,
    /// True while no data may be flowing.
    pub stale: bool,
    /// Last data, microseconds UTC, our clock.
    pub last_us: Option<i64>,
}

/// `md.snapshot`: the present level-1 picture, once.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The instrument.
    pub contract: ContractSpec,
    /// Ask for a regulatory snapshot. IB charges 0.01 USD for each, on paper accounts too: refused unless
    /// `gateway.regulatory_snapshots` is true in the configuration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub regulatory: bool,
    /// Give up after this many milliseconds. The gateway itself may take 11 s.
    pub timeout_ms: Option<u64>,
}

/// Answer to `md.snapshot`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotAnswer {
    /// The instrument.
    pub instrument: Instrument,
    /// The picture.
    pub quote: QuoteEvent,
    /// True if it came from a running subscription instead of a request of its own.
    pub shared: bool,
    /// True if it was a regulatory snapshot, which IB charges for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub regulatory: bool,
    /// The whole book, if somebody's `depth` stream runs.
    pub book: Option<Book>,
    /// The last bar of each size that streams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bars: Vec<BarEvent>,
}
