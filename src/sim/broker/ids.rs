//! Order numbers: each client has its own ever-growing sequence, kept across connections.

use std::collections::BTreeMap;

/// The highest order id that each client has used.
#[derive(Debug, Default)]
pub(super) struct OrderIds {
    used: BTreeMap<i32, i32>,
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

    /// Takes the number, or refuses it because it is not above all earlier ones.
    pub(super) fn take(&mut self, client_id: i32, order_id: i32) -> bool {
        let fresh = order_id >= self.next(client_id);
        if fresh {
            self.used.insert(client_id, order_id);
        }
        fresh
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
}
