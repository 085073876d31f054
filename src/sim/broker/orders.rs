//! All orders of the login, found by permanent id or by their owner's number.

use std::collections::BTreeMap;

use super::ticket::Ticket;

/// Completed orders kept for `reqCompletedOrders` and for late cancels. Older ones are forgotten and counted.
const COMPLETED_MAX: usize = 10_000;

/// The order book-keeping. Orders are never lost while open.
#[derive(Debug, Default)]
pub(super) struct Orders {
    tickets: BTreeMap<i64, Ticket>,
    perm_id_last: i64,
    completed: usize,
    forgotten: u64,
}

impl Orders {
    /// Permanent ids start above 32 bits, where IB's are, so that a truncation shows.
    pub(super) fn new(seed: u64) -> Self {
        let start = 5_000_000_000 + i64::try_from(seed % 1_000_000_000).unwrap_or_default();
        Self { perm_id_last: start, ..Self::default() }
    }

    pub(super) fn next_perm_id(&mut self) -> i64 {
        self.perm_id_last += 1;
        self.perm_id_last
    }

    pub(super) fn insert(&mut self, ticket: Ticket) {
        self.tickets.insert(ticket.perm_id, ticket);
    }

    pub(super) fn get(&self, perm_id: i64) -> Option<&Ticket> {
        self.tickets.get(&perm_id)
    }

    pub(super) fn get_mut(&mut self, perm_id: i64) -> Option<&mut Ticket> {
        self.tickets.get_mut(&perm_id)
    }

    /// The newest order that the client knows by this number. Order id 0 names no order.
    pub(super) fn find(&self, client_id: i32, order_id: i32) -> Option<&Ticket> {
        self.tickets
            .values()
            .rev()
            .find(|ticket| order_id != 0 && ticket.client_id == client_id && ticket.order_id == order_id)
    }

    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Ticket> {
        self.tickets.values()
    }

    pub(super) fn open(&self) -> impl DoubleEndedIterator<Item = &Ticket> {
        self.all().filter(|ticket| ticket.is_open())
    }

    /// Permanent ids of the open orders that `wanted` picks, oldest first.
    pub(super) fn open_ids(&self, wanted: impl Fn(&Ticket) -> bool) -> Vec<i64> {
        self.open().filter(|ticket| wanted(ticket)).map(|ticket| ticket.perm_id).collect()
    }

    /// Notes that one more order is completed, and forgets the oldest beyond the limit.
    pub(super) fn note_completed(&mut self) {
        self.completed += 1;
        if self.completed > COMPLETED_MAX
            && let Some(oldest) = self.tickets.values().find(|ticket| !ticket.is_open()).map(|ticket| ticket.perm_id)
        {
            self.tickets.remove(&oldest);
            self.completed -= 1;
            self.forgotten += 1;
        }
    }

    /// Completed orders that are no longer known.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}
