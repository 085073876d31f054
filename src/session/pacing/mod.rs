//! Every message to the gateway passes here: classes, fair share and IB's limits.
//!
//! Figures and their sources: `docs/limits.md`.

mod queue;
mod scheduler;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
mod tests;
mod window;

pub(crate) use queue::{Class, Ticket};
pub(crate) use scheduler::{LinkGate, Scheduler};
pub(crate) use window::Window;

/// What a request costs beside one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// One message, nothing else.
    Message,
    /// A historical request: open until [`Scheduler::history_done`].
    History(HistoryCost),
    /// Level-1 data of this market data type: a second message goes before it if the link is set to another.
    MarketData {
        /// 1 live, 2 frozen, 3 delayed, 4 delayed and frozen.
        market_data_type: i32,
    },
    /// A real-time bar request: shares the small-bar window, never counts as open.
    RealTimeBars,
}

/// What a historical request costs, by IB's count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HistoryCost {
    /// 1, or 2 for bid/ask data.
    pub(crate) weight: u32,
    /// True if it falls under the small-bar rules (bars of 30 s and less, head timestamps, ticks); else
    /// it is under the soft limit of this bridge.
    pub(crate) small: bool,
    /// Contract, exchange and kind of data: fewer than six of these in two seconds.
    pub(crate) same: u64,
    /// What makes two requests identical to IB: contract, exchange, kind, end, duration and bar size.
    pub(crate) identity: u64,
}
