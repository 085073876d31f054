//! One TOML file, environment variables and flags, checked before anything starts.

mod account;
mod bars;
mod breaker;
mod calendar;
mod change;
mod check;
mod faults;
mod http;
mod ibc;
mod key;
mod layers;
mod masked;
mod nats;
mod pacing;
mod reading;
#[cfg(test)]
mod recovery_page;
pub mod risk;
mod staleness;
mod trace;

use std::{path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use account::Account;
pub use bars::{BarFeed, Bars};
pub use breaker::Breaker;
pub use calendar::{Calendar, Region};
pub use change::Changes;
pub use faults::{ConfigError, Fault};
pub use http::Http;
pub use ibc::Ibc;
pub use layers::{Layers, Loaded, Origin, load, load_text};
pub use masked::{masked, settings};
pub use nats::Nats;
pub use pacing::{MessageScope, Pacing};
pub use staleness::Staleness;
pub use trace::Trace;

/// The JSON Schema of the configuration file, for editors.
pub fn schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(Config);
    schema.insert("title".to_owned(), "Configuration of ibnats".into());
    schema
}

/// Everything that can be configured. Every field has a default, so an empty file is legal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the gateway is and who we are to it.
    pub gateway: Gateway,
    /// Where NATS is and under which subjects to publish.
    pub nats: Nats,
    /// Limits of IB and of this bridge.
    pub pacing: Pacing,
    /// Deadlines and intervals.
    pub timing: Timing,
    /// How live bars are built and mended.
    pub bars: Bars,
    /// When requests that go unanswered are not sent for a while.
    pub breaker: Breaker,
    /// When the gateway or IB is known to be away.
    pub calendar: Calendar,
    /// Who restarts the gateway.
    pub ibc: Ibc,
    /// Which accounts and models are followed.
    pub account: Account,
    /// Streams to hold from the start, without a client.
    pub subscriptions: Vec<Subscription>,
    /// What an order may be.
    pub risk: risk::Risk,
    /// What the bridge keeps on its own disk.
    pub state: State,
    /// When a silent stream is taken for a broken one.
    pub staleness: Staleness,
    /// What is known about contracts, and for how long.
    pub contracts: Contracts,
    /// Probes, metrics and the console.
    pub http: Http,
    /// What is logged and how.
    pub log: Log,
    /// Where traces of requests are sent.
    pub trace: Trace,
}

/// `[gateway]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Gateway {
    /// Host of TWS or IB Gateway.
    pub host: String,
    /// API port: gateway live 4001, gateway paper 4002, TWS live 7496, TWS paper 7497.
    pub port: u16,
    /// Client id of the trading link. It owns the open orders: keep it constant.
    pub trading_client_id: i32,
    /// First client id of the data link; the next ones are tried if it is in use.
    pub data_client_id: i32,
    /// Client ids the data link may try, counted from `data_client_id`.
    pub data_client_ids: u16,
    /// Folder of the register of client ids, which bridges on one gateway share so that no two take the same; `state.dir`
    /// if left out.
    pub client_id_folder: Option<PathBuf>,
    /// Accept orders and log in for accounts that are not paper accounts.
    pub allow_live: bool,
    /// Take orders typed into TWS under our wing, so that they can be changed and cancelled here. Needs
    /// `trading_client_id = 0`. IB cancels such an order at the exchange and places it again, which can
    /// cost its place in the queue.
    pub bind_manual_orders: bool,
    /// Only these accounts may be traded; empty means every account of the login.
    pub accounts: Vec<String>,
    /// Market data to ask for unless a request says otherwise: `live_only`, `live_else_frozen`,
    /// `live_else_delayed` or `any`.
    pub market_data: MarketDataPreference,
    /// Serve requests for regulatory snapshots, for each of which IB charges 0.01 USD, on paper accounts too.
    pub regulatory_snapshots: bool,
}

/// Which kind of market data to ask the gateway for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarketDataPreference {
    /// Live data or none (IB type 1).
    #[default]
    #[serde(alias = "live")]
    LiveOnly,
    /// Live, and the last values after the close (type 2).
    #[serde(alias = "frozen")]
    LiveElseFrozen,
    /// Live where permitted, else 15 to 20 minutes late (type 3).
    #[serde(alias = "delayed")]
    LiveElseDelayed,
    /// Live where permitted, else late, and the last values of either after the close (type 4).
    #[serde(alias = "delayed_frozen")]
    Any,
}

impl Gateway {
    /// True if it runs on this machine: what is said to it crosses no network.
    pub fn is_local(&self) -> bool {
        let host = self.host.trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 4002,
            trading_client_id: 1,
            data_client_id: 101,
            data_client_ids: 10,
            client_id_folder: None,
            allow_live: false,
            bind_manual_orders: false,
            accounts: Vec::new(),
            market_data: MarketDataPreference::LiveOnly,
            regulatory_snapshots: false,
        }
    }
}

/// `[timing]`: deadlines and intervals, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// TCP connection.
    pub dial_ms: u64,
    /// From the connection to the gateway's version.
    pub greeting_ms: u64,
    /// From start-API to order id and accounts.
    pub login_ms: u64,
    /// From login to the end of the first download of orders, executions and positions.
    pub sync_ms: u64,
    /// A gateway that takes connections and finishes no login for so long needs a person.
    pub person_after_ms: u64,
    /// Wait before dialling again while a person is needed.
    pub person_retry_ms: u64,
    /// First wait before dialling again.
    pub reconnect_min_ms: u64,
    /// Longest wait before dialling again.
    pub reconnect_max_ms: u64,
    /// A connection that was ready for less than this is followed by a longer wait each time; 0 makes the wait after
    /// every one the shortest.
    pub stable_ms: u64,
    /// Silence after which the gateway is asked for its time.
    pub probe_after_ms: u64,
    /// Wait for the answer to a probe.
    pub probe_timeout_ms: u64,
    /// Probes in a row whose answer may stay away; then the connection is built anew.
    pub probe_misses: u32,
    /// The wall clock running ahead of the monotonic clock by so much means that the host slept; 0 = never look.
    pub clock_drift_ms: u64,
    /// Deadline of a request that names none.
    pub request_ms: u64,
    /// Deadline of one upstream history request.
    pub history_ms: u64,
    /// Deadline of `order.place` and `order.cancel` that name none.
    pub order_ms: u64,
    /// Orders, executions and positions are compared with the gateway's lists this often; 0 only after logins
    /// and outages.
    pub reconcile_ms: u64,
    /// An order that IB never acknowledged and that complete lists leave out for this long does not exist.
    pub settle_ms: u64,
    /// `bridge.heartbeat` is published this often; 0 means never.
    pub heartbeat_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            dial_ms: 5_000,
            greeting_ms: 5_000,
            login_ms: 15_000,
            sync_ms: 15_000,
            person_after_ms: 120_000,
            person_retry_ms: 60_000,
            reconnect_min_ms: 250,
            reconnect_max_ms: 30_000,
            stable_ms: 30_000,
            probe_after_ms: 10_000,
            probe_timeout_ms: 4_000,
            probe_misses: 2,
            clock_drift_ms: 5_000,
            request_ms: 10_000,
            history_ms: 60_000,
            order_ms: 5_000,
            reconcile_ms: 300_000,
            settle_ms: 30_000,
            heartbeat_ms: 60_000,
        }
    }
}

/// A configured number of milliseconds as a duration.
pub fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

/// `[[subscriptions]]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Contract as short text, such as `STK:AAPL`.
    pub contract: String,
    /// Streams; `quote` if left out.
    #[serde(default = "quote_only")]
    pub streams: Vec<String>,
    /// IB's generic tick numbers to ask for beside the default ticks.
    #[serde(default)]
    pub generic_ticks: Vec<u16>,
    /// Rows of `depth`; 10 if left out.
    #[serde(default)]
    pub depth_rows: Option<u8>,
    /// Gather the books of all exchanges into one; true for `SMART` instruments if left out.
    #[serde(default)]
    pub smart_depth: Option<bool>,
    /// Providers of `news`; all that the login may use if left out.
    #[serde(default)]
    pub news_providers: Vec<String>,
    /// Market data to ask for; `gateway.market_data` if left out.
    #[serde(default)]
    pub market_data: Option<MarketDataPreference>,
}

fn quote_only() -> Vec<String> {
    vec!["quote".to_owned()]
}

/// `[state]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct State {
    /// Folder of the order journal and the caches; made if it is missing. One bridge to a folder.
    pub dir: PathBuf,
    /// Days for which the journal remembers an order after it has ended. Its key, its request and its end are kept for ever.
    pub keep_days: u32,
}

impl Default for State {
    fn default() -> Self {
        Self { dir: PathBuf::from("ibnats-state"), keep_days: 90 }
    }
}

/// `[contracts]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Contracts {
    /// What the gateway said about a contract is asked again after this time, in seconds; 0 asks every time.
    pub keep_s: u64,
}

impl Default for Contracts {
    fn default() -> Self {
        Self { keep_s: 24 * 3_600 }
    }
}

impl Contracts {
    /// [`Self::keep_s`] in microseconds.
    pub fn keep_us(&self) -> i64 {
        i64::try_from(self.keep_s.saturating_mul(1_000_000)).unwrap_or(i64::MAX)
    }
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Filter such as `info` or `ibnats=debug,async_nats=warn`.
    pub filter: String,
    /// Form of a line.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info,async_nats=warn".to_owned(), format: LogFormat::Text }
    }
}

/// Form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
