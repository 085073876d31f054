//! Two orders at the broker behind one key: told once, and both reached by a cancel of the key.

use super::Orders;
use crate::{
    schema::{bridge::BridgeEvent, order::OrderKey},
    session::{Event, core::Core},
};

impl Orders {
    /// Announces that this order and the one its key was given to are both alive.
    pub(super) fn tell_twin(&mut self, core: &mut Core, key: &OrderKey) {
        let is_live = |key: &OrderKey| self.book.get(key).is_some_and(|record| !record.facts.state().is_final());
        let Some(record) = self.book.get(key).filter(|record| !record.is_twin_told) else { return };
        let Some(first) = record.event.duplicate_of.clone() else { return };
        if !is_live(key) || !is_live(&first) {
            return;
        }
        let number = record.event.perm_id;
        if let Some(record) = self.book.get_mut(key) {
            record.is_twin_told = true;
        }
        let mut event = BridgeEvent::new("duplicate_order", core.now.us);
        event.message = Some(format!(
            "IB works two orders under the key {first}; the second one is published as {key}; order.cancel of {first} \
             reaches both"
        ));
        event.figures.extend(number.map(|perm_id| ("perm_id".to_owned(), perm_id)));
        core.emit(Event::Bridge(Box::new(event)));
    }

    /// Other orders behind this key that are alive, oldest first.
    pub(super) fn live_twins(&self, first: &OrderKey) -> Vec<OrderKey> {
        let is_live = |key: &&OrderKey| self.book.get(key).is_some_and(|record| !record.facts.state().is_final());
        self.book.twins(first).iter().filter(is_live).cloned().collect()
    }
}
