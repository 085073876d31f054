//! Connection truth: sockets, the gateway's own link to IB, farms, notices and gaps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::request::history::Hole;

/// Where one socket to the gateway stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkPhase {
    /// No socket; the next attempt is scheduled.
    #[default]
    Down,
    /// Waiting for the TCP connection.
    Dialing,
    /// Version range sent; waiting for the gateway's version.
    Greeting,
    /// Logged in; waiting for the first order id and the accounts.
    Starting,
    /// Asking for open orders, executions, positions and account values.
    Syncing,
    /// Requests may be sent.
    Ready,
    /// Shutting down.
    Draining,
}

/// One socket to the gateway, with the evidence for its phase.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LinkStatus {
    /// Where it stands.
    pub phase: LinkPhase,
    /// Since when, microseconds UTC, our clock.
    pub since_us: i64,
    /// API client id in use.
    pub client_id: i32,
    /// Grows by one with every socket opened.
    pub generation: u64,
    /// Protocol version agreed with the gateway.
    pub server_version: Option<u32>,
    /// Time zone of the gateway's host, IANA's name; absent if it is unknown.
    pub gateway_zone: Option<String>,
    /// The gateway's clock when it greeted, microseconds UTC, whole seconds; absent if its zone is unknown.
    pub greeted_us: Option<i64>,
    /// When the last byte arrived, microseconds UTC, our clock.
    pub last_receive_us: Option<i64>,
    /// When the last probe was answered, microseconds UTC, our clock.
    pub last_probe_us: Option<i64>,
    /// Round-trip time of that probe, in microseconds.
    pub round_trip_us: Option<i64>,
    /// The last notice about everything that came on it.
    pub last_notice: Option<LastNotice>,
    /// Attempts since the link was last ready.
    pub attempts: u32,
    /// When the next attempt is made, microseconds UTC, our clock; only while down.
    pub retry_us: Option<i64>,
    /// Why the link last went down.
    pub last_error: Option<String>,
}

/// A notice that names no request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastNotice {
    /// IB's code.
    pub ib_code: i32,
    /// The gateway's text, one line.
    pub message: String,
    /// When it came, microseconds UTC, our clock.
    pub recv_us: i64,
}

/// The gateway's own link to IB, as its notices tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IbLink {
    /// No notice about it yet on this connection.
    #[default]
    Unknown,
    /// Up.
    Up,
    /// Lost (1100 or 2110).
    Lost,
}

/// Connection truth after a change, on `ib.conn.state`. The three facts are never mixed: sockets
/// (`trading`, `data`), the gateway's link to IB (`ib_link`), farms (on `ib.conn.farm.<farm>`).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionEvent {
    /// Grows by one per subject.
    pub seq: u64,
    /// When this was learned, microseconds UTC, our clock.
    pub recv_us: i64,
    /// The socket for orders and account data.
    pub trading: LinkStatus,
    /// The socket for market data, history and contracts.
    pub data: LinkStatus,
    /// The gateway's link to IB.
    pub ib_link: IbLink,
    /// Since when, microseconds UTC, our clock.
    pub ib_link_since_us: i64,
    /// The gateway's code that told, if one did.
    pub ib_code: Option<i32>,
    /// True if both sockets are ready and the link to IB is not lost.
    pub ready: bool,
    /// True while IB or the gateway is known to be away (`ib.bridge.maintenance`): what is lost now comes back by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub maintenance: bool,
    /// Why the login waits for a person, such as for a password or a second factor; absent if it does not, as far as is
    /// known. The gateway is dialled only now and then meanwhile.
    #[serde(default)]
    pub needs_person: Option<String>,
}

/// What a farm notice says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FarmState {
    /// Connected.
    Up,
    /// Broken: data of this farm stands still.
    Down,
    /// Not connected because nobody asks; not a fault.
    Idle,
    /// Being connected.
    Connecting,
}

/// What a farm serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FarmKind {
    /// Streaming market data.
    MarketData,
    /// History.
    Historical,
    /// Security definitions.
    SecurityDefinition,
}

/// A farm after a change, on `ib.conn.farm.<farm>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FarmEvent {
    /// Grows by one per subject.
    pub seq: u64,
    /// When this was learned, microseconds UTC, our clock.
    pub recv_us: i64,
    /// IB's farm name, such as `usfarm`.
    pub farm: String,
    /// What it serves.
    pub kind: FarmKind,
    /// Where it stands.
    pub state: FarmState,
    /// Since when, microseconds UTC, our clock.
    pub since_us: i64,
    /// The gateway's code that told.
    pub ib_code: i32,
}

/// Which of the two sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkName {
    /// Orders and account data.
    Trading,
    /// Market data, history and contracts.
    Data,
}

/// A gateway notice, or something on the wire this bridge could not use, on `ib.conn.notice`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeEvent {
    /// Grows by one per subject.
    pub seq: u64,
    /// When the bytes arrived, microseconds UTC, our clock.
    pub recv_us: i64,
    /// When the gateway says it happened, microseconds UTC; absent if not sent.
    pub event_us: Option<i64>,
    /// The socket it came on.
    pub link: LinkName,
    /// Request or order id the notice names; absent for notices about everything.
    pub id: Option<i32>,
    /// IB's code; absent for wire surprises.
    pub ib_code: Option<i32>,
    /// Severity by the code table: `info`, `warning`, `error`, `fatal`.
    pub severity: String,
    /// Category by the code table, or `unknown_message`, `undecodable`, `unknown_field` for wire surprises,
    /// `unreadable_fill` for an execution of which no fill can be made.
    pub class: String,
    /// The gateway's text, one line.
    pub message: String,
    /// Structured reject of an order, JSON as IB sends it.
    pub advanced_reject: Option<String>,
}

impl NoticeEvent {
    /// A warning of the bridge itself about what came on a link.
    pub fn warning(recv_us: i64, link: LinkName, class: &str, message: String) -> Self {
        Self {
            seq: 0,
            recv_us,
            event_us: None,
            link,
            id: None,
            ib_code: None,
            severity: "warning".to_owned(),
            class: class.to_owned(),
            message,
            advanced_reject: None,
        }
    }
}

/// Whether a gap opens or closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapState {
    /// Data of this stream may be missing from `from_us` on.
    Opened,
    /// The stream runs again since `to_us`.
    Closed,
}

/// A gap in one stream, on `ib.gap.<inst>.<stream>`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GapEvent {
    /// IB's contract id.
    pub con_id: i32,
    /// Grows by one per subject.
    pub seq: u64,
    /// When this was learned, microseconds UTC, our clock.
    pub recv_us: i64,
    /// Stream, as in a subscription: `quote`, `tbt.last`, `bar.5s`, ...
    pub stream: String,
    /// Opened or closed.
    pub state: GapState,
    /// Last data before the gap, microseconds UTC, our clock.
    pub from_us: i64,
    /// First data after the gap, microseconds UTC, our clock; absent while open.
    pub to_us: Option<i64>,
    /// What caused it, one line.
    pub reason: String,
    /// Bars that were fetched and published, marked `backfilled`, before live ones went on; on the closing event of a
    /// bar stream. Absent if there was nothing to fetch or nothing could be.
    pub repaired: Option<RepairedBars>,
    /// What is still missing and why, in the exchange's time; on the closing event of a bar stream. The reason
    /// `no_data` means that IB has no bars there: nothing was traded, as far as it knows.
    pub missing: Option<Vec<Hole>>,
}

/// Bars fetched for a stream that was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairedBars {
    /// Start of the first, microseconds UTC, the exchange's time.
    pub from_us: i64,
    /// End of the last, microseconds UTC, the exchange's time.
    pub to_us: i64,
    /// How many of 5 s (for sizes below a minute) or of 1 m (for the others) were fetched.
    pub fetched: u64,
}
