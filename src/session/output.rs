//! What the session hands to its driver, and when it wants to be woken.

use std::time::Instant;

use super::{
    CacheItem, CacheKind, Output, Session,
    core::Owner,
    pacing::{Cleared, LinkGate},
};

impl Session {
    /// The next thing for the driver to do.
    ///
    /// What goes to a socket is decided one by one here, after everything else was taken: a driver that finds a
    /// socket full says so at once, and what waits then is still in the order of its urgency.
    pub fn next_output(&mut self) -> Option<Output> {
        if let Some(output) = self.core.next_output() {
            return Some(output);
        }
        let history = self.maintenance.lets_history_pass(&self.core);
        let gate = LinkGate { trading: self.trading.is_open(), data: self.data.is_open(), history };
        let Cleared { ticket, frames } = self.core.pacing.next(self.core.now.at, gate)?;
        self.core.on_sent(&ticket);
        match (ticket.owner, ticket.id) {
            (Owner::Orders, Some(id)) => self.orders.on_sent(&mut self.core, id),
            (Owner::Market, Some(id)) => self.market.on_sent(&mut self.core, id),
            (Owner::History, Some(id)) => self.history.on_sent(id),
            _ => {}
        }
        // When it arrives matters to what comes next.
        self.core.wants_probe |= ticket.cost.is_small_history();
        self.probe_if_wanted();
        let send = Output::Send { link: ticket.link, frames };
        // Written down first: IB may count it whatever becomes of this process.
        let Some(body) = self.core.pacing.take_unwritten(self.core.now) else { return Some(send) };
        self.core.output(send);
        let (kind, key, at_us) = (CacheKind::Pacing, "small_history".to_owned(), self.core.now.us);
        Some(Output::Cache(CacheItem { kind, key, at_us, body: Some(body) }))
    }

    /// What was just written to the data link is followed by the question whether it arrived.
    pub(super) fn probe_if_wanted(&mut self) {
        if std::mem::take(&mut self.core.wants_probe) {
            self.data.probe(&mut self.core);
        }
    }

    /// When to call [`Self::on_timer`] if nothing else happens before.
    pub fn wake_at(&self) -> Option<Instant> {
        let links = [self.trading.wake_at(&self.core), self.data.wake_at(&self.core)];
        let parts = [
            self.contracts.wake_at(),
            self.market.wake_at(),
            self.history.wake_at(),
            self.standing.wake_at(),
            self.services.wake_at(),
            self.account.wake_at(),
        ];
        let others = [
            self.orders.wake_at(&self.core),
            self.maintenance.wake_at(&self.core),
            self.gateway_wake_at(),
            self.core.wake_at(),
        ];
        links.into_iter().chain(parts).chain(others).flatten().min()
    }
}
