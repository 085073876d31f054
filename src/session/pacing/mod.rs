//! Every message to the gateway passes here: classes, fair share and IB's limits.
//!
//! Figures and their sources: `docs/limits.md`.

pub(crate) mod arrival;
mod fair;
mod forecast;
mod frames;
mod history_budget;
mod level;
mod messages;
mod scheduler;
mod sent_small;
mod slowdown;
mod tally;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
mod tests;
mod ticket;
mod window;

use std::hash::{Hash, Hasher};

pub(crate) use fair::Client;
pub(crate) use forecast::{Refused, millis};
pub(crate) use frames::Cleared;
pub use frames::Frames;
pub(crate) use scheduler::{LinkGate, Scheduler};
pub(crate) use slowdown::{Fault, Slowdown};
pub(crate) use ticket::{Class, Ticket};
pub(crate) use window::Window;

use crate::schema::Instrument;

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
    /// One message that gives a market data line or slot back: goes before everything of its class.
    Release,
    /// A real-time bar request: shares the small-bar window, never counts as open.
    RealTimeBars,
}

impl Cost {
    /// Under the rule for identical requests.
    pub(crate) fn is_small_history(&self) -> bool {
        matches!(self, Self::History(HistoryCost { small: true, .. }))
    }
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

impl HistoryCost {
    /// Cost of a request for this kind of data: bid and ask count as two. `rest` is what else tells it
    /// from other requests.
    pub(crate) fn new(instrument: &Instrument, what: &str, small: bool, rest: &[String]) -> Self {
        let subject = (instrument.con_id, &instrument.exchange, what);
        let hash = |value: &dyn Fn(&mut rustc_hash::FxHasher)| {
            let mut hasher = rustc_hash::FxHasher::default();
            value(&mut hasher);
            hasher.finish()
        };
        Self {
            weight: if what == "BID_ASK" { 2 } else { 1 },
            small,
            same: hash(&|hasher| subject.hash(hasher)),
            identity: hash(&|hasher| (subject, rest).hash(hasher)),
        }
    }
}
