//! One order as the simulated gateway keeps it, from acceptance to its last state.

use rust_decimal::Decimal;

use super::book::Resolved;
use super::terms::Terms;
use crate::tws::message::order::Order;

/// Where an order stands.
///
/// ```text
///  Untransmitted -> Sent -> Live (waiting) -> Live (working) -> Filled
///        |           |        \_______ Cancelling ________/ -> Cancelled
///        |           +-> ApiCancelled                          Inactive (rejected)
///        +-> ApiCancelled
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Kept in the gateway until it or a relative is transmitted.
    Untransmitted,
    /// On its way; acknowledged at the given time (ms since the epoch), never if `i64::MAX`.
    Sent { ack_at_ms: i64 },
    /// At IB. Not working: held for its parent, its trigger or its time.
    Live { working: bool },
    /// Cancel requested; done at the given time. Fills are still possible.
    Cancelling { done_at_ms: i64 },
    /// Completely filled.
    Filled,
    /// Cancelled after it was acknowledged.
    Cancelled,
    /// Cancelled before it was acknowledged.
    ApiCancelled,
    /// Rejected by IB.
    Inactive,
}

impl State {
    /// IB's name of the state.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Untransmitted | Self::Sent { .. } => "PendingSubmit",
            Self::Live { working: false } => "PreSubmitted",
            Self::Live { working: true } => "Submitted",
            Self::Cancelling { .. } => "PendingCancel",
            Self::Filled => "Filled",
            Self::Cancelled => "Cancelled",
            Self::ApiCancelled => "ApiCancelled",
            Self::Inactive => "Inactive",
        }
    }

    pub(super) fn is_done(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::ApiCancelled | Self::Inactive)
    }
}

/// An order, open or completed.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one order, not one state in disguise")]
pub(super) struct Ticket {
    /// Unique in the account and never reused.
    pub perm_id: i64,
    /// The client that owns the order; 0 for orders typed into TWS.
    pub client_id: i32,
    /// The owner's number for it; 0 for an unbound order typed into TWS, negative once bound.
    pub order_id: i32,
    /// Typed into TWS and not by an API client.
    pub manual: bool,
    /// Permanent id of the order that must fill first.
    pub parent: Option<i64>,
    /// The order as the client described it, with the ids and the account filled in.
    pub wire: Order,
    /// The instrument.
    pub resolved: Resolved,
    /// What matching needs of `wire`.
    pub terms: Terms,
    /// Where it stands.
    pub state: State,
    /// Quantity filled.
    pub filled: Decimal,
    /// Sum of fill price times quantity.
    pub notional: Decimal,
    /// Price of the latest fill; zero before the first.
    pub last_fill_price: Decimal,
    /// Commission charged so far.
    pub commission: Decimal,
    /// True once a stop or touch price has been seen.
    pub triggered: bool,
    /// True once it has stood in the book unfilled, so that it fills at its own price.
    pub resting: bool,
    /// Quotes are taken at most once in a while, so that one quote is not counted twice.
    pub next_match_ms: i64,
    /// When it ends by itself, ms since the epoch.
    pub expires_at_ms: Option<i64>,
    /// When it reached its last state.
    pub completed_at_ms: i64,
    /// No answer is given about this order until it is asked for.
    pub silent: bool,
    /// No `orderStatus` is ever sent about it.
    pub quiet: bool,
}

impl Ticket {
    /// Quantity still to fill.
    pub(super) fn remaining(&self) -> Decimal {
        self.terms.total - self.filled
    }

    /// Average price of what is filled; zero before the first fill.
    pub(super) fn average_price(&self) -> Decimal {
        self.notional.checked_div(self.filled).unwrap_or_default()
    }

    pub(super) fn con_id(&self) -> i32 {
        self.resolved.contract.con_id()
    }

    pub(super) fn account(&self) -> &str {
        self.wire.account()
    }

    pub(super) fn oca_group(&self) -> Option<&str> {
        Some(self.wire.oca_group()).filter(|group| !group.is_empty())
    }

    pub(super) fn is_open(&self) -> bool {
        !self.state.is_done()
    }
}
