//! Cancelling one order.

use std::time::Duration;

use compact_str::CompactString;

use super::{
    Fence, Orders, Until, Waiter,
    book::Record,
    terms::{plain, time},
};
use crate::{
    schema::{ApiError, connection::LinkName, order::OrderKey, request::order::CancelOrder},
    session::{
        Command,
        core::{Core, Errand, Owner},
        durable::{Fact, Requested},
        pacing::Class,
    },
    tws::{
        Request,
        message::{order::OrderCancel, order_flow::CancelOrderRequest},
    },
};

/// What became of a wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// The order is over, or a cancel has just been sent.
    Nothing,
    /// Not one byte of the order has left; it is taken back.
    Withdrawn,
    /// A cancel is on its way.
    Sent,
    /// It waits for the link, or for the order to leave.
    Late,
}

/// Repeated requests to cancel one order send at most one message in this time.
const CANCEL_INTERVAL: Duration = Duration::from_secs(1);

impl Orders {
    pub(crate) fn cancel(&mut self, core: &mut Core, command: &Command, ask: &CancelOrder, fence: Fence) {
        match self.try_cancel(core, command, ask, fence) {
            // It does not wait for the disk.
            Ok(()) => self.note_cancel(core, command, ask),
            Err(error) => core.refuse(command.token, error),
        }
    }

    pub(super) fn note_cancel(&self, core: &mut Core, command: &Command, ask: &CancelOrder) {
        let Ok(key) = self.named(ask) else { return };
        let client = command.client.as_deref().map(str::to_owned);
        let body = serde_json::to_string(ask).unwrap_or_default();
        core.journal(Fact::Request(Box::new(Requested { verb: "cancel", key, client, body })));
    }

    fn try_cancel(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &CancelOrder,
        fence: Fence,
    ) -> Result<(), ApiError> {
        let key = self.named(ask)?;
        let repeated = self.send_cancel(core, command.client.as_ref(), &key, ask, fence)? == Sending::Nothing;
        core.accept(command.token);
        self.wait(core, &key, Waiter { token: command.token, until: Until::Cancelled, repeated });
        Ok(())
    }

    /// Has the order cancelled, or takes it back if not one byte of it has left. Without a link the cancel waits.
    ///
    /// # Errors
    ///
    /// If the order is unknown or somebody else's.
    pub(super) fn send_cancel(
        &mut self,
        core: &mut Core,
        client: Option<&CompactString>,
        key: &OrderKey,
        ask: &CancelOrder,
        fence: Fence,
    ) -> Result<Sending, ApiError> {
        time("manual_cancel_time", ask.manual_cancel_time.as_deref())?;
        plain("external_operator", ask.external_operator.as_deref())?;
        let unknown = || ApiError::invalid(format!("no order {key} is known"));
        self.book.get(key).ok_or_else(unknown)?;
        for twin in self.live_twins(key) {
            // It is published under its own key, and so is what became of it.
            self.cancel_twin(core, client, &twin, fence);
        }
        let record = self.book.get(key).ok_or_else(unknown)?;
        if record.facts.state().is_final() {
            return Ok(Sending::Nothing);
        }
        let order_id = record.event.order_id.filter(|id| *id != 0);
        let Some(order_id) = order_id.filter(|_| record.event.client_id == Some(self.client_id)) else {
            let origin = &record.event.origin;
            return Err(ApiError::invalid(format!("order {key} was placed by {origin}: only its owner may cancel it")));
        };
        if self.withdraw(core, key, "cancelled before it was sent") {
            return Ok(Sending::Withdrawn);
        }
        self.want_cancel(key, ask, fence);
        if !fence.may_cancel || self.waits_for_parent(key) {
            self.late_cancels.insert(key.clone());
            self.keep_cancel(core, key);
            return Ok(Sending::Late);
        }
        let now = core.now.at;
        let sent_at = self.book.get(key).and_then(|record| record.cancel_sent);
        if sent_at.is_some_and(|at| at + CANCEL_INTERVAL > now) {
            self.keep_cancel(core, key);
            return Ok(Sending::Nothing);
        }
        if let Err(error) = self.submit_cancel(core, client, key, order_id, ask) {
            self.drop_cancel(core, key);
            return Err(error);
        }
        Ok(Sending::Sent)
    }

    /// # Errors
    ///
    /// `busy` if too many cancels wait.
    pub(super) fn submit_cancel(
        &mut self,
        core: &mut Core,
        client: Option<&CompactString>,
        key: &OrderKey,
        order_id: i32,
        ask: &CancelOrder,
    ) -> Result<(), ApiError> {
        // A modification that has not left would come after the cancel.
        if self.book.get(key).is_some_and(Record::has_unsent_change) {
            core.pacing.withdraw(order_id);
            self.drop_change(core, key, &ApiError::invalid("the order is being cancelled"));
        }
        let order_cancel = OrderCancel {
            manual_order_cancel_time: ask.manual_cancel_time.clone(),
            ext_operator: ask.external_operator.clone(),
            manual_order_indicator: ask.manual_order_indicator,
        };
        let request = CancelOrderRequest { order_id: Some(order_id), order_cancel: Some(order_cancel) };
        let errand =
            Errand::new(LinkName::Trading, Class::Cancel, Request::CancelOrderRequest(request)).client(client.cloned());
        core.submit(Owner::Orders, errand)?;
        if let Some(record) = self.book.get(key) {
            core.risk.on_message(core.now, &record.event.account);
        }
        let now = core.now.at;
        self.change(core, key, |record| {
            record.cancel_sent = Some(now);
            record.facts.cancel_asked = true;
        });
        Ok(())
    }

    fn cancel_twin(&mut self, core: &mut Core, client: Option<&CompactString>, twin: &OrderKey, fence: Fence) {
        let Some(record) = self.book.get(twin) else { return };
        let order_id = record.event.order_id.filter(|id| *id != 0);
        let Some(order_id) = order_id.filter(|_| record.event.client_id == Some(self.client_id)) else { return };
        let is_due = record.cancel_sent.is_none_or(|at| at + CANCEL_INTERVAL <= core.now.at);
        if fence.may_cancel && is_due {
            // The cancel class never refuses; the answer is about the order of the key.
            let _ = self.submit_cancel(core, client, twin, order_id, &CancelOrder::default());
        }
    }

    fn named(&self, ask: &CancelOrder) -> Result<OrderKey, ApiError> {
        self.key_of(ask.key.as_ref(), ask.order_id, ask.perm_id)
    }
}
