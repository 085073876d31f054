//! The waiting requests of one class, shared fairly between clients.

use std::{
    collections::VecDeque,
    mem::{Discriminant, discriminant},
    time::{Duration, Instant},
};

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
    /// A message that must go right before it.
    pub(crate) before: Option<Request>,
    /// How long the gateway may take to answer once it was sent; `None` for subscriptions and cancels.
    pub(crate) answer_within: Option<Duration>,
    /// When it was queued.
    pub(crate) queued_at: Instant,
}

/// The limit that a ticket may wait for: its kind of cost, and whether the small-bar rules apply.
type Limit = (Discriminant<Cost>, bool);

fn limit(cost: &Cost) -> Limit {
    // A cancel must not pass the request that takes its line, nor the other way round.
    let kind = if matches!(cost, Cost::MarketData { .. }) { &Cost::Message } else { cost };
    (discriminant(kind), matches!(cost, Cost::History(HistoryCost { small: true, .. })))
}

/// Small bars looked at behind the first of a line: it may only wait for its own contract and kind.
const LOOK_AHEAD: usize = 64;

fn look_ahead((_, small): Limit) -> usize {
    if small { LOOK_AHEAD } else { 1 }
}

/// Tickets that are served in order: those of one client which wait for the same limit. A real-time
/// bar that waits minutes for its window must not hold up the quotes behind it, nor a small bar the
/// longer ones.
#[derive(Debug)]
struct Line {
    client: Option<CompactString>,
    limit: Limit,
    tickets: VecDeque<Ticket>,
}

/// Waiting tickets of one class; lines take turns.
#[derive(Debug, Default)]
pub(crate) struct ClassQueue {
    turns: VecDeque<Line>,
    pub(crate) sent: u64,
    pub(crate) longest_wait: Duration,
}

impl ClassQueue {
    pub(crate) fn len(&self) -> usize {
        self.turns.iter().map(|line| line.tickets.len()).sum()
    }

    pub(crate) fn push(&mut self, ticket: Ticket) {
        let limit = limit(&ticket.cost);
        if let Some(line) = self.turns.iter_mut().find(|line| line.client == ticket.client && line.limit == limit) {
            line.tickets.push_back(ticket);
        } else {
            let client = ticket.client.clone();
            self.turns.push_back(Line { client, limit, tickets: VecDeque::from([ticket]) });
        }
    }

    /// Takes the first ticket that `admit` accepts, looking at the front of each line in turn;
    /// the line served goes to the end of the turns.
    pub(crate) fn pop_if(&mut self, mut admit: impl FnMut(&Ticket) -> bool) -> Option<Ticket> {
        let mut found = None;
        for (turn, line) in self.turns.iter().enumerate() {
            if let Some(place) = line.tickets.iter().take(look_ahead(line.limit)).position(&mut admit) {
                found = Some((turn, place));
                break;
            }
        }
        let (turn, place) = found?;
        let mut line = self.turns.remove(turn)?;
        let ticket = line.tickets.remove(place);
        if !line.tickets.is_empty() {
            self.turns.push_back(line);
        }
        ticket
    }

    /// Cost of the waiting history requests under the small-bar rules, or of the others, by client.
    pub(crate) fn history_waiting(&self, small: bool) -> impl Iterator<Item = (Option<&CompactString>, u32)> {
        self.turns.iter().map(move |line| {
            let weight = |ticket: &Ticket| match &ticket.cost {
                Cost::History(cost) if cost.small == small => cost.weight,
                Cost::RealTimeBars if small => 1,
                _ => 0,
            };
            (line.client.as_ref(), line.tickets.iter().map(weight).sum())
        })
    }

    /// Removes every ticket that `condemn` names.
    pub(crate) fn remove(&mut self, mut condemn: impl FnMut(&Ticket) -> bool) -> usize {
        let before = self.len();
        for line in &mut self.turns {
            line.tickets.retain(|ticket| !condemn(ticket));
        }
        self.turns.retain(|line| !line.tickets.is_empty());
        before - self.len()
    }
}
