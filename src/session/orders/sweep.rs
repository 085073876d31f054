//! Cancelling many orders at once: oldest first, each asked for once.

use std::ops::AddAssign;

use super::{Fence, Orders, cancel::Sending};
use crate::{schema::request::order::CancelOrder, session::core::Core};

/// Whose open orders to cancel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose<'a> {
    /// All of this bridge.
    Bridge,
    /// Those that this client placed.
    Client(&'a str),
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    /// Orders taken back before a byte of them was sent.
    pub(crate) withdrawn: u32,
    /// Cancels on their way.
    pub(crate) cancels: u32,
}

impl AddAssign for Swept {
    fn add_assign(&mut self, other: Self) {
        self.withdrawn += other.withdrawn;
        self.cancels += other.cancels;
    }
}

impl Orders {
    /// Withdraws what has not been sent, and asks once for each of the others to be cancelled.
    ///
    /// An order that finds no room in the cancel queue, or no link, is left for the next sweep.
    pub(crate) fn sweep(&mut self, core: &mut Core, whose: Whose<'_>, fence: Fence) -> Swept {
        let mut swept = Swept::default();
        for key in self.book.open_keys() {
            let Some(record) = self.book.get(&key) else { continue };
            let is_meant = match whose {
                Whose::Bridge => true,
                Whose::Client(client) => record.client.as_deref() == Some(client),
            };
            let is_own = record.event.client_id == Some(self.client_id);
            if !is_meant || !is_own || record.facts.cancel_asked || record.facts.state().is_final() {
                continue;
            }
            let ask = CancelOrder { key: Some(key.clone()), ..CancelOrder::default() };
            // What a halt cancels waits for the link with the halt: it may be resumed before.
            let sending = if fence.may_cancel {
                self.send_cancel(core, None, &key, &ask, fence).unwrap_or(Sending::Nothing)
            } else if self.withdraw(core, &key, "cancelled before it was sent") {
                Sending::Withdrawn
            } else {
                Sending::Late
            };
            swept.cancels += u32::from(sending == Sending::Sent);
            swept.withdrawn += u32::from(sending == Sending::Withdrawn);
        }
        swept
    }

    /// If orders of others are open, asks IB to cancel everything in the login: only their owners may cancel them
    /// one by one.
    pub(crate) fn sweep_others(&mut self, core: &mut Core, fence: Fence) -> Swept {
        let is_others = |key: &crate::schema::order::OrderKey| {
            let record = self.book.get(key);
            record.is_some_and(|one| one.event.client_id != Some(self.client_id) && !one.facts.cancel_asked)
        };
        if !self.book.open_keys().iter().any(is_others) {
            return Swept::default();
        }
        let is_sent = self.cancel_global(core, None, fence).is_ok();
        Swept { withdrawn: 0, cancels: u32::from(is_sent) }
    }
}
