//! The waiting requests of one class, shared fairly between clients.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use compact_str::CompactString;

use super::Cost;
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
    /// All classes, most urgent first.
    pub(crate) const ALL: [Self; 7] =
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
    /// How long the gateway may take to answer once it was sent; `None` for subscriptions and cancels.
    pub(crate) answer_within: Option<Duration>,
    /// When it was queued.
    pub(crate) queued_at: Instant,
}

/// Waiting tickets of one class; clients take turns.
#[derive(Debug, Default)]
pub(crate) struct ClassQueue {
    turns: VecDeque<(Option<CompactString>, VecDeque<Ticket>)>,
    pub(crate) sent: u64,
    pub(crate) longest_wait: Duration,
}

impl ClassQueue {
    pub(crate) fn len(&self) -> usize {
        self.turns.iter().map(|(_, tickets)| tickets.len()).sum()
    }

    pub(crate) fn push(&mut self, ticket: Ticket) {
        match self.turns.iter_mut().find(|(client, _)| *client == ticket.client) {
            Some((_, tickets)) => tickets.push_back(ticket),
            None => self.turns.push_back((ticket.client.clone(), VecDeque::from([ticket]))),
        }
    }

    /// Takes the first ticket that `admit` accepts, looking at the head of each client's line in
    /// turn; the client served goes to the end of the turns.
    pub(crate) fn pop_if(&mut self, mut admit: impl FnMut(&Ticket) -> bool) -> Option<Ticket> {
        let turn = self.turns.iter().position(|(_, tickets)| tickets.front().is_some_and(&mut admit))?;
        let (client, mut tickets) = self.turns.remove(turn)?;
        let ticket = tickets.pop_front();
        if !tickets.is_empty() {
            self.turns.push_back((client, tickets));
        }
        ticket
    }

    /// Removes every ticket that `condemn` names.
    pub(crate) fn remove(&mut self, mut condemn: impl FnMut(&Ticket) -> bool) -> usize {
        let before = self.len();
        for (_, tickets) in &mut self.turns {
            tickets.retain(|ticket| !condemn(ticket));
        }
        self.turns.retain(|(_, tickets)| !tickets.is_empty());
        before - self.len()
    }
}
