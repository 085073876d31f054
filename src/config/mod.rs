//! One TOML file, environment variables and flags, checked before anything starts.

mod bars;
mod load;
pub mod risk;
mod staleness;

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

pub use bars::Bars;
pub use load::{ConfigError, load, load_text};
pub use staleness::Staleness;

/// Everything that can be configured. Every field has a default, so an empty file is legal.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
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
    /// What is logged and how.
    pub log: Log,
}

/// `[gateway]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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

impl Default for Gateway {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 4002,
            trading_client_id: 1,
            data_client_id: 101,
            data_client_ids: 10,
            allow_live: false,
            bind_manual_orders: false,
            accounts: Vec::new(),
            market_data: MarketDataPreference::LiveOnly,
            regulatory_snapshots: false,
        }
    }
}

/// `[nats]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nats {
    /// Server URLs, comma separated.
    pub url: String,
    /// First token or tokens of every subject.
    pub prefix: String,
    /// Second prefix on which the same events are published as MessagePack; off if empty.
    pub msgpack_prefix: String,
    /// User name, with `password_file`.
    pub user: Option<String>,
    /// File that holds the password.
    pub password_file: Option<PathBuf>,
    /// Credentials file (JWT and seed).
    pub credentials_file: Option<PathBuf>,
    /// Replicas of streams and buckets; 1 unless NATS runs as a cluster.
    pub replicas: usize,
    /// Largest size of the order and fill stream, in bytes.
    pub orders_stream_bytes_max: i64,
    /// Largest size of the connection stream, in bytes.
    pub connection_stream_bytes_max: i64,
    /// Largest size of the audit stream, in bytes.
    pub audit_stream_bytes_max: i64,
    /// Market events that may wait for NATS; above it the oldest are shed and counted.
    pub outbox_events_max: usize,
    /// Order, account and connection events that may wait for NATS. Above it new orders are refused, account
    /// values and positions replace their earlier values, and of as many again other events the oldest is shed
    /// and counted. Order and fill events are never shed.
    pub kept_events_max: usize,
    /// Requests served at the same time; above it a request is refused with `busy`.
    pub requests_max: usize,
    /// Writes of one last value into KV are at least this far apart, in milliseconds.
    pub last_value_interval_ms: u64,
}

impl Default for Nats {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            prefix: "ib".to_owned(),
            msgpack_prefix: String::new(),
            user: None,
            password_file: None,
            credentials_file: None,
            replicas: 1,
            orders_stream_bytes_max: 1 << 30,
            connection_stream_bytes_max: 64 << 20,
            audit_stream_bytes_max: 256 << 20,
            outbox_events_max: 16_384,
            kept_events_max: 65_536,
            requests_max: 256,
            last_value_interval_ms: 500,
        }
    }
}

/// `[pacing]`: IB's limits, with the margins `ib-limits` recommends. Sources are in `docs/`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pacing {
    /// Messages a second to the gateway, over both links. IB: market data lines / 2.
    pub messages_per_second: u32,
    /// Part of it that only the trading link may use.
    pub trading_share: u32,
    /// Market data lines of the login.
    pub market_data_lines: u32,
    /// Tick-by-tick subscriptions of the login.
    pub tick_by_tick: u32,
    /// Depth subscriptions of the login.
    pub depth: u32,
    /// Scanners of the login that may be active. IB: 10.
    pub scanners: u32,
    /// Open positions whose profit and loss is streamed, each about once a second.
    pub position_pnl: u32,
    /// Cost of small-bar history requests in ten minutes. IB: 60.
    pub history_10_min: u32,
    /// Cost of small-bar requests for the same contract, exchange and kind in two seconds. IB: fewer than 6.
    pub history_same_2_s: u32,
    /// History requests open at once. IB: 50.
    pub history_open: u32,
    /// Requests for bars of a minute and more in two seconds. IB states no figure, but slows heavy use down
    /// and may disconnect it.
    pub history_long_2_s: u32,
    /// Requests for bars of a minute and more open at once; IB answering slowly then slows the asking down.
    pub history_long_open: u32,
    /// Bars that one request may bring if the market never closes; at least 500. IB: a few thousand.
    pub history_rows: u32,
    /// Leases held at once; above it a subscription is refused with `busy`.
    pub leases_max: usize,
    /// Requests waiting in one class; above it a request is refused with `busy`.
    pub queue_max: usize,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            messages_per_second: 45,
            trading_share: 10,
            market_data_lines: 100,
            tick_by_tick: 5,
            depth: 3,
            scanners: 10,
            position_pnl: 50,
            history_10_min: 58,
            history_same_2_s: 5,
            history_open: 45,
            history_long_2_s: 6,
            history_long_open: 10,
            history_rows: 6_000,
            leases_max: 200_000,
            queue_max: 2_000,
        }
    }
}

/// `[timing]`: deadlines and intervals, in milliseconds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
    /// First wait before dialling again.
    pub reconnect_min_ms: u64,
    /// Longest wait before dialling again.
    pub reconnect_max_ms: u64,
    /// Silence after which the gateway is asked for its time.
    pub probe_after_ms: u64,
    /// Wait for the answer to a probe; two misses end the connection.
    pub probe_timeout_ms: u64,
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
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            dial_ms: 5_000,
            greeting_ms: 5_000,
            login_ms: 15_000,
            sync_ms: 15_000,
            reconnect_min_ms: 250,
            reconnect_max_ms: 30_000,
            probe_after_ms: 10_000,
            probe_timeout_ms: 4_000,
            request_ms: 10_000,
            history_ms: 60_000,
            order_ms: 5_000,
            reconcile_ms: 300_000,
            settle_ms: 30_000,
        }
    }
}

/// A configured number of milliseconds as a duration.
pub fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

/// `[[subscriptions]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct State {
    /// Folder of the order journal and the caches; made if it is missing. One bridge to a folder.
    pub dir: PathBuf,
    /// Days for which the journal remembers an order after it has ended. Its key may be used again only then.
    pub keep_days: u32,
}

impl Default for State {
    fn default() -> Self {
        Self { dir: PathBuf::from("ibnats-state"), keep_days: 90 }
    }
}

/// `[contracts]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
