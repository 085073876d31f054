//! What keeps orders from being sent, and what that does to those that were taken before and have not left yet.
//!
//! A fence that only refused new orders would let those pass that wait for the disk or for their turn: bytes handed to
//! a gateway without IB, or about to restart, are kept there and sent later.

use super::{Fence, Orders, book::Record, not_ready};
use crate::{
    schema::order::{OrderKey, OrderState},
    session::core::Core,
};

impl Orders {
    /// After every cause: if a fence has gone up since the last one, takes back what has not left.
    pub(crate) fn enforce(&mut self, core: &mut Core, fence: Fence) {
        let reason = why_shut(core, fence);
        let was_shut = std::mem::replace(&mut self.is_shut, reason.is_some());
        if let Some(reason) = reason.filter(|_| !was_shut) {
            self.take_back_unsent(core, &reason);
        }
    }

    /// Takes back every order and every modification of which no byte was handed to the socket; the orders that were to
    /// be modified live on. Answers how many orders that were.
    pub(crate) fn take_back_unsent(&mut self, core: &mut Core, reason: &str) -> u32 {
        let mut taken_back = 0;
        // Children before their parent, whose end would take them along for another reason.
        for key in self.book.open_keys().into_iter().rev() {
            taken_back += u32::from(self.refuse_unsent(core, &key, reason));
            if self.book.get(&key).is_some_and(Record::has_unsent_change) {
                let order_id = self.book.get(&key).and_then(|record| record.event.order_id).unwrap_or_default();
                core.pacing.withdraw(order_id);
                self.drop_change(core, &key, &not_ready(format!("the modification was {reason}")));
            }
        }
        taken_back
    }

    fn refuse_unsent(&mut self, core: &mut Core, key: &OrderKey, reason: &str) -> bool {
        let Some(record) = self.book.get(key) else { return false };
        let order_id = record.event.order_id.unwrap_or_default();
        if record.facts.state() != OrderState::Journaled || !core.pacing.withdraw(order_id) {
            return false;
        }
        let mut made_of_it = self.book.attached_to(key);
        made_of_it.push(key.clone());
        for key in made_of_it {
            self.change(core, &key, |record| {
                record.facts.on_reject();
                record.explain(None, reason);
            });
        }
        true
    }
}

/// Why no bytes of orders may leave, if so. Troubles on the bridge's own side are no reason: what they do not keep from
/// being written down may go.
fn why_shut(core: &Core, fence: Fence) -> Option<String> {
    if let Some(halted) = core.risk.halted() {
        return Some(halted_reason(&halted.by, halted.reason.as_deref()));
    }
    if fence.ib_lost {
        return Some("not sent: the gateway has lost its link to IB and would send it later".to_owned());
    }
    fence.restart_until_us.map(|_| "not sent: the gateway is about to restart".to_owned())
}

/// Why an order or a modification was taken back by the kill switch.
pub(crate) fn halted_reason(by: &str, reason: Option<&str>) -> String {
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("not sent: halted by {by}{reason}")
}
