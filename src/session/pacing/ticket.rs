//! One request on its way to the gateway: who goes first, what it costs, what it waits for.

use std::time::{Duration, Instant};

use compact_str::CompactString;

use super::{Cost, HistoryCost};
use crate::{schema::connection::LinkName, session::core::Owner, tws::Request};

/// Who goes first. Order of the variants is the order of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    /// Cancels, kill switch, liveness probes.
    Cancel,
    /// New and changed orders.
    Order,
    /// Orders, executions, positions and account values.
    Account,
    /// Streaming data.
    Live,
    /// Contracts, snapshots: somebody is waiting.
    Interactive,
    /// History.
    History,
    /// Bulk history.
    Bulk,
}

impl Class {
    /// Number of classes.
    pub(crate) const COUNT: usize = 7;

    /// All classes, most urgent first.
    pub(crate) const ALL: [Self; Self::COUNT] =
        [Self::Cancel, Self::Order, Self::Account, Self::Live, Self::Interactive, Self::History, Self::Bulk];

    /// The class's name in `pace.status`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Order => "order",
            Self::Account => "account",
            Self::Live => "live",
            Self::Interactive => "interactive",
            Self::History => "history",
            Self::Bulk => "bulk",
        }
    }
}

/// The limit that tickets of one class wait for together. Order of the variants is the order of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Pool {
    /// Gives a line back: it must go before the request that takes the line.
    Release,
    /// Messages on the trading link.
    Trading,
    /// Messages on the data link.
    Data,
    /// The small-bar window.
    Small,
    /// The soft limit for longer bars.
    Long,
}

impl Pool {
    /// Number of pools.
    pub(super) const COUNT: usize = 5;
    /// All pools, first served first.
    pub(super) const ALL: [Self; Self::COUNT] = [Self::Release, Self::Trading, Self::Data, Self::Small, Self::Long];

    /// The link that tickets of this pool travel on.
    pub(super) fn link(self) -> LinkName {
        if self == Self::Trading { LinkName::Trading } else { LinkName::Data }
    }
}

/// One request on its way to the gateway.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    /// Socket it must travel on.
    pub(crate) link: LinkName,
    /// Its place in the order of service.
    pub(crate) class: Class,
    /// Client it serves, for fair share.
    pub(crate) client: Option<CompactString>,
    /// Request id or order id the gateway's errors will name; `None` for requests without one.
    pub(crate) id: Option<i32>,
    /// Room that learns when it was sent and when it stays unanswered.
    pub(crate) owner: Owner,
    /// What it costs beside one message.
    pub(crate) cost: Cost,
    /// The message.
    pub(crate) request: Request,
    /// A message that must go right before it.
    pub(crate) before: Option<Request>,
    /// How long the gateway may take to answer once it was sent; `None` for subscriptions and cancels.
    pub(crate) answer_within: Option<Duration>,
    /// Not sent at or after this moment: nobody would wait for the answer.
    pub(crate) deadline: Option<Instant>,
    /// When it was queued.
    pub(crate) queued_at: Instant,
}

impl Ticket {
    pub(super) fn pool(&self) -> Pool {
        match (&self.cost, self.link) {
            (Cost::RealTimeBars | Cost::History(HistoryCost { small: true, .. }), _) => Pool::Small,
            (Cost::History(_), _) => Pool::Long,
            (_, LinkName::Trading) => Pool::Trading,
            (Cost::Release, LinkName::Data) => Pool::Release,
            (_, LinkName::Data) => Pool::Data,
        }
    }

    /// What it takes of its pool.
    pub(super) fn weight(&self) -> u32 {
        match self.cost {
            Cost::History(HistoryCost { weight, .. }) => weight,
            _ => 1,
        }
    }

    /// Tickets of one client with the same key are served in the order of their arrival.
    pub(super) fn line(&self) -> u64 {
        match self.cost {
            Cost::History(HistoryCost { small: true, same, .. }) => same,
            Cost::RealTimeBars => u64::MAX,
            _ => 0,
        }
    }

    /// True for cancels that may use the share kept for them.
    pub(super) fn is_reserved(&self) -> bool {
        self.class == Class::Cancel && self.link == LinkName::Trading
    }
}
