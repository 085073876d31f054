//! Cancelling many orders.

use compact_str::CompactString;

use super::{Fence, Orders, Until, group::Purpose, not_ready};
use crate::{
    schema::{
        ApiError,
        connection::LinkName,
        order::OrderKey,
        request::order::{CancelAll, CancelOrder, CancelScope},
    },
    session::{
        Command,
        core::{Core, Errand, Owner},
        pacing::Class,
    },
    tws::{
        Request,
        message::{order::OrderCancel, order_flow::GlobalCancelRequest},
    },
};

impl Orders {
    pub(crate) fn cancel_all(&mut self, core: &mut Core, command: &Command, ask: &CancelAll, fence: Fence) {
        if let Err(error) = self.try_cancel_all(core, command, ask, fence) {
            core.refuse(command.token, error);
        }
    }

    fn try_cancel_all(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &CancelAll,
        fence: Fence,
    ) -> Result<(), ApiError> {
        if ask.scope == CancelScope::Client && command.client.is_none() {
            return Err(ApiError::invalid("scope: client needs a client's name as the last token of the subject"));
        }
        if (ask.scope == CancelScope::Account) != ask.account.is_some() {
            return Err(ApiError::invalid("account: belongs to scope account, and is required for it"));
        }
        let mut keys = self.in_scope(command, ask);
        if ask.scope == CancelScope::Global {
            if fence.may_cancel {
                self.cancel_global(core, command.client.as_ref(), fence)?;
            } else {
                // The cancels of our own wait for the link. One of everything would reach orders placed since.
                keys.retain(|key| self.is_own(key));
            }
        }
        core.accept(command.token);
        for key in &keys {
            let one = CancelOrder { key: Some(key.clone()), ..CancelOrder::default() };
            // An order that cannot be cancelled now is shown as it stands.
            let _ = self.send_cancel(core, command.client.as_ref(), key, &one, fence);
            self.note_cancel(core, command, &one);
        }
        let left_alone = self.book.open_keys().len().saturating_sub(keys.len());
        let left_alone = u32::try_from(left_alone).unwrap_or(u32::MAX);
        self.gather(core, command.token, keys, Until::Cancelled, false, Purpose::CancelAll { left_alone });
        Ok(())
    }

    /// Open orders that the request means, oldest first. Only a global cancel reaches those of others.
    fn in_scope(&self, command: &Command, ask: &CancelAll) -> Vec<OrderKey> {
        let mut keys = self.book.open_keys();
        keys.retain(|key| {
            let Some(record) = self.book.get(key) else { return false };
            let is_own = self.is_own(key);
            match ask.scope {
                CancelScope::Client => is_own && record.client.is_some() && record.client == command.client,
                CancelScope::Account => is_own && ask.account.as_ref() == Some(&record.event.account),
                CancelScope::All => is_own,
                CancelScope::Global => true,
            }
        });
        keys
    }

    fn is_own(&self, key: &OrderKey) -> bool {
        self.book.get(key).is_some_and(|record| record.event.client_id == Some(self.client_id))
    }

    /// Asks IB to cancel everything of the login, whoever placed it.
    ///
    /// # Errors
    ///
    /// If the trading link is not logged in.
    pub(super) fn cancel_global(
        &mut self,
        core: &mut Core,
        client: Option<&CompactString>,
        fence: Fence,
    ) -> Result<(), ApiError> {
        // What has not been sent is certain to be stopped, whatever the link does.
        for key in self.book.open_keys() {
            self.withdraw(core, &key, "cancelled before it was sent");
        }
        if !fence.may_cancel {
            return Err(not_ready("the trading link to the gateway is not logged in; nothing was cancelled"));
        }
        let request = GlobalCancelRequest { order_cancel: Some(OrderCancel::default()) };
        let errand = Errand::new(LinkName::Trading, Class::Cancel, Request::GlobalCancelRequest(request))
            .client(client.cloned());
        core.submit(Owner::Orders, errand)?;
        for key in self.book.open_keys() {
            let now = core.now.at;
            self.change(core, &key, |record| {
                record.cancel_sent = Some(now);
                record.facts.cancel_asked = true;
            });
        }
        Ok(())
    }
}
