//! `[pacing]`: what IB allows, and how clients share it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[pacing]`: IB's limits, with the margins `ib-limits` recommends. Sources are in `docs/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pacing {
    /// Messages a second to the gateway. IB: market data lines / 2.
    pub messages_per_second: u32,
    /// Whether the two links share it or have as much each.
    pub message_scope: MessageScope,
    /// Part of it that only the trading link may use, where the links share it.
    pub trading_share: u32,
    /// Part of it that only cancels of orders may use: not even new orders.
    pub cancel_share: u32,
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
    /// Of these, how many may be kept up to date for live bars (`bars.feed`); the others are left for one-shot requests.
    pub kept_bars: u32,
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
    /// Requests for history of one client that are served at a time, and its messages that wait in one class; above
    /// it a request is refused with `busy`.
    pub client_requests: usize,
    /// Market data lines that one client may share in; 0 means all.
    pub client_lines: u32,
    /// Part of the small-bar history of ten minutes that one client may use, in percent.
    pub client_history_percent: u32,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            messages_per_second: 45,
            message_scope: MessageScope::Login,
            trading_share: 10,
            cancel_share: 5,
            market_data_lines: 100,
            tick_by_tick: 5,
            depth: 3,
            scanners: 10,
            position_pnl: 50,
            history_10_min: 58,
            history_same_2_s: 5,
            history_open: 45,
            kept_bars: 35,
            history_long_2_s: 6,
            history_long_open: 10,
            history_rows: 6_000,
            leases_max: 200_000,
            queue_max: 2_000,
            client_requests: 200,
            client_lines: 0,
            client_history_percent: 100,
        }
    }
}

/// What the gateway counts messages by; sources disagree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageScope {
    /// All connections of the login together.
    #[default]
    Login,
    /// Each connection by itself.
    Link,
}
