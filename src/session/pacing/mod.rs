//! Every message to the gateway passes here: classes, fair share and IB's limits.
//!
//! Figures and their sources: `docs/limits.md`.

mod queue;
mod scheduler;
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
    History {
        /// 1, or 2 for bid/ask data.
        weight: u32,
        /// True if it falls under the small-bar rules (bars of 30 s and less, head timestamps, ticks).
        small: bool,
        /// Contract, exchange and kind of data: fewer than six of these in two seconds.
        same: u64,
    },
    /// A real-time bar request: shares the small-bar window, never counts as open.
    RealTimeBars,
}
