//! All orders of the login, found by permanent id or by their owner's number.

use std::collections::{BTreeMap, BTreeSet};

use super::ticket::Ticket;

/// Completed orders kept for `reqCompletedOrders` and for late cancels. Older ones are forgotten and counted.
const COMPLETED_MAX: usize = 10_000;

/// The order book-keeping. Orders are never lost while open.
#[derive(Debug, Default)]
pub(super) struct Orders {
    tickets: BTreeMap<i64, Ticket>,
    /// Permanent ids of the open ones.
    open: BTreeSet<i64>,
    /// The newest order of each client and order id.
    by_number: BTreeMap<(i32, i32), i64>,
    perm_id_last: i64,
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
        if ticket.order_id != 0 {
            self.by_number.insert((ticket.client_id, ticket.order_id), ticket.perm_id);
        }
        self.open.insert(ticket.perm_id);
        self.tickets.insert(ticket.perm_id, ticket);
    }

    /// Gives an order that was typed into TWS a number of client 0.
    pub(super) fn bind(&mut self, perm_id: i64, order_id: i32) {
        if let Some(ticket) = self.tickets.get_mut(&perm_id) {
            (ticket.order_id, ticket.wire.order_id) = (order_id, Some(order_id));
            self.by_number.insert((ticket.client_id, order_id), perm_id);
        }
    }

    pub(super) fn get(&self, perm_id: i64) -> Option<&Ticket> {
        self.tickets.get(&perm_id)
    }

    pub(super) fn get_mut(&mut self, perm_id: i64) -> Option<&mut Ticket> {
        self.tickets.get_mut(&perm_id)
    }

    /// The newest order that the client knows by this number. Order id 0 names no order.
    pub(super) fn find(&self, client_id: i32, order_id: i32) -> Option<&Ticket> {
        self.by_number.get(&(client_id, order_id)).and_then(|perm_id| self.tickets.get(perm_id))
    }

    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Ticket> {
        self.tickets.values()
    }

    pub(super) fn open(&self) -> impl DoubleEndedIterator<Item = &Ticket> {
        self.open.iter().filter_map(|perm_id| self.tickets.get(perm_id)).filter(|ticket| ticket.is_open())
    }

    /// Permanent ids of the open orders that `wanted` picks, oldest first.
    pub(super) fn open_ids(&self, wanted: impl Fn(&Ticket) -> bool) -> Vec<i64> {
        self.open().filter(|ticket| wanted(ticket)).map(|ticket| ticket.perm_id).collect()
    }

    /// Forgets an order that never reached IB.
    pub(super) fn remove(&mut self, perm_id: i64) {
        self.open.remove(&perm_id);
        if let Some(gone) = self.tickets.remove(&perm_id) {
            self.by_number.remove(&(gone.client_id, gone.order_id));
        }
    }

    /// Notes that an order is completed, and forgets the oldest completed one beyond the limit.
    pub(super) fn note_completed(&mut self, perm_id: i64) {
        self.open.remove(&perm_id);
        if self.tickets.len() - self.open.len() <= COMPLETED_MAX {
            return;
        }
        let oldest = self.tickets.keys().find(|perm_id| !self.open.contains(perm_id)).copied();
        if let Some(gone) = oldest.and_then(|oldest| self.tickets.remove(&oldest)) {
            let number = (gone.client_id, gone.order_id);
            if self.by_number.get(&number) == Some(&gone.perm_id) {
                self.by_number.remove(&number);
            }
            self.forgotten += 1;
        }
    }

    /// Completed orders that are no longer known.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}
