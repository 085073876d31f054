//! Order numbers: each client has its own ever-growing sequence, kept across connections.

use std::collections::BTreeMap;

/// The highest order id that each client has used.
#[derive(Debug, Default)]
pub(super) struct OrderIds {
    used: BTreeMap<i32, i32>,
    /// The highest number of its own that each client was shown since it connected. By IB's documentation ("The Next
    /// Valid Identifier") a new order must be above all that openOrder and orderStatus have told the client, so these
    /// stay taken though the sequence falls back: a change that arrives after its order has ended is no new order.
    shown: BTreeMap<i32, i32>,
    /// Sees the orders of all clients, so its own numbers must be above all of theirs.
    pub master: Option<i32>,
}

impl OrderIds {
    /// What `nextValidId` announces.
    pub(super) fn next(&self, client_id: i32) -> i32 {
        let used = if self.master == Some(client_id) {
            self.used.values().max().copied()
        } else {
            self.used.get(&client_id).copied()
        };
        used.unwrap_or(0).saturating_add(1)
    }

    /// A new order may have this number.
    pub(super) fn is_fresh(&self, client_id: i32, order_id: i32) -> bool {
        let is_shown = self.shown.get(&client_id).is_some_and(|shown| order_id <= *shown);
        order_id >= self.next(client_id) && !is_shown
    }

    /// Takes the number, or refuses it because it is not above all earlier ones.
    pub(super) fn take(&mut self, client_id: i32, order_id: i32) -> bool {
        let fresh = self.is_fresh(client_id, order_id);
        if fresh {
            self.used.insert(client_id, order_id);
        }
        fresh
    }

    /// The client is told of its order with this number.
    pub(super) fn show(&mut self, client_id: i32, order_id: i32) {
        let shown = self.shown.entry(client_id).or_default();
        *shown = (*shown).max(order_id);
    }

    /// The client is gone.
    pub(super) fn forget_shown(&mut self, client_id: i32) {
        self.shown.remove(&client_id);
    }

    /// Forgets the last `n` numbers of every client, as a reset in the gateway's settings does.
    pub(super) fn roll_back(&mut self, n: i32) {
        for used in self.used.values_mut() {
            *used = used.saturating_sub(n).max(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_once_and_only_upwards() {
        let mut ids = OrderIds::default();
        for (order_id, taken) in [(0, false), (1, true), (1, false), (10, true), (9, false), (11, true)] {
            assert_eq!(ids.take(7, order_id), taken, "order id {order_id}");
        }
        assert_eq!(ids.next(7), 12);
        assert_eq!(ids.next(8), 1);
    }

    #[test]
    fn the_master_client_counts_above_everybody() {
        let mut ids = OrderIds { master: Some(1), ..OrderIds::default() };
        assert!(ids.take(7, 500));
        assert_eq!(ids.next(1), 501);
        assert!(!ids.take(1, 500));
    }

    #[test]
    fn a_roll_back_announces_old_numbers_again() {
        let mut ids = OrderIds::default();
        assert!(ids.take(7, 20));
        ids.roll_back(5);
        assert_eq!(ids.next(7), 16);
    }

    #[test]
    fn a_number_that_was_shown_stays_taken_until_the_client_is_gone() {
        let mut ids = OrderIds::default();
        assert!(ids.take(7, 20));
        ids.show(7, 20);
        ids.show(7, 18);
        ids.roll_back(5);
        assert!(!ids.take(7, 20), "it was shown");
        assert!(!ids.take(7, 17), "below one that was shown");
        ids.forget_shown(7);
        assert!(!ids.take(7, 15), "the sequence has not fallen that far");
        assert!(ids.take(7, 20), "nobody knows it any more");
    }
}
