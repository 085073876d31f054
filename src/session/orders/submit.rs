//! The one place where checked orders are written down, to be sent once that is done.

use super::{
    Orders,
    book::{Identity, Record},
    not_ready,
};
use crate::{
    schema::{ApiError, connection::LinkName},
    session::{
        core::{Core, Errand},
        pacing::Class,
    },
    tws::{Request, message::order_flow::PlaceOrderRequest},
};

/// An order that has passed every check, with its number.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) record: Record,
    pub(super) request: PlaceOrderRequest,
    /// Orders the gateway makes of the same message.
    pub(super) attached: Vec<Record>,
}

impl Orders {
    /// Keeps the orders and has their one message each sent, first to last, once all are written down.
    ///
    /// # Errors
    ///
    /// Nothing was queued and nothing noted: the keys are free again.
    pub(super) fn enqueue(&mut self, core: &mut Core, family: Vec<Prepared>) -> Result<(), ApiError> {
        let (mut keys, mut errands) = (Vec::new(), Vec::new());
        // Each order that the gateway makes of a message counts.
        let whose = family.iter().flat_map(|one| {
            let whose = (one.record.client.clone(), one.record.event.account.clone());
            std::iter::repeat_n(whose, 1 + one.attached.len())
        });
        let whose: Vec<_> = whose.collect();
        for Prepared { record, request, attached } in family {
            let order_id = request.order_id.unwrap_or_default();
            let errand = Errand::new(LinkName::Trading, Class::Order, Request::PlaceOrderRequest(Box::new(request)));
            errands.push(errand.id(order_id).client(record.client.clone()));
            for record in std::iter::once(record).chain(attached) {
                self.note_order_id(&Identity { order_id: record.event.order_id, ..Identity::default() });
                keys.push(record.event.key.clone());
                self.book.insert(record);
            }
        }
        let held = self.hold(core, keys.clone(), errands);
        if held.is_err() {
            for key in &keys {
                self.book.remove(key);
            }
        } else {
            for (client, account) in &whose {
                core.risk.on_order(core.now, client.as_deref(), account);
            }
        }
        held
    }

    /// A number for a new order, above every number used so far and `above` more.
    ///
    /// # Errors
    ///
    /// If the numbers of the login are used up.
    pub(super) fn order_id(&self, above: usize) -> Result<i32, ApiError> {
        let above = i32::try_from(above).unwrap_or(i32::MAX);
        let order_id = self.next_order_id.saturating_add(above);
        if Core::is_req_id(order_id) {
            return Err(not_ready("order ids are used up; reset the order id sequence in the gateway's settings"));
        }
        Ok(order_id)
    }
}
