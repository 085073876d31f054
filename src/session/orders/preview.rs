//! `order.check`: every check of an order, then IB's own estimate of it.

use std::sync::Arc;

use super::{Fence, Orders, describe::size, wire};
use crate::{
    schema::{
        ApiError, ErrorCode,
        connection::LinkName,
        request::order::{Margin, OrderCheck, PlaceOrder},
    },
    session::{
        Answer, Command, Listing, Token,
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::Class,
    },
    tws::{
        Request,
        message::{order::OrderState, order_flow::PlaceOrderRequest},
        sentinel::unset_double,
    },
};

/// A what-if order on its way.
#[derive(Debug)]
pub(super) struct Preview {
    token: Token,
    answer: Box<OrderCheck>,
}

impl Orders {
    pub(crate) fn preview(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &PlaceOrder,
        listing: &Arc<Listing>,
        fence: Fence,
    ) {
        if let Err(error) = self.try_preview(core, command, ask, listing, fence) {
            core.refuse(command.token, error);
        }
    }

    fn try_preview(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &PlaceOrder,
        listing: &Arc<Listing>,
        fence: Fence,
    ) -> Result<(), ApiError> {
        let account = self.check(core, command, ask, listing, fence)?;
        // A parent need not exist to estimate its child, so the child is estimated by itself.
        let order_id = self.order_id(0)?;
        let terms = wire::Terms { client_id: self.client_id, order_id, account: &account, parent_id: None };
        let mut order = wire::order(ask, terms);
        // IB estimates only what it may transmit (413), and a hedge has no size of its own.
        (order.what_if, order.transmit) = (Some(true), Some(true));
        let request = PlaceOrderRequest {
            order_id: Some(order_id),
            contract: Some(listing.contract.clone()),
            order: Some(order),
            attached_orders: Some(wire::attached(&PlaceOrder { attached: None, ..ask.clone() }, &[])),
        };
        let errand = Errand::new(LinkName::Trading, Class::Account, Request::PlaceOrderRequest(Box::new(request)))
            .id(order_id)
            .client(command.client.clone());
        core.submit(Owner::Orders, errand)?;
        self.next_order_id = self.next_order_id.max(order_id.saturating_add(1));
        let key_in_use = self.book.contains(&ask.key);
        let answer = OrderCheck {
            key: ask.key.clone(),
            key_in_use,
            account,
            margin_currency: None,
            initial_margin: None,
            maintenance_margin: None,
            equity_with_loan: None,
            commission: None,
            min_commission: None,
            max_commission: None,
            commission_currency: None,
            suggested_size: None,
            warning: None,
        };
        self.previews.insert(order_id, Preview { token: command.token, answer: Box::new(answer) });
        Ok(())
    }

    pub(super) fn on_preview(&mut self, core: &mut Core, order_id: i32, state: OrderState) {
        let Some(Preview { token, mut answer }) = self.previews.remove(&order_id) else { return };
        if let Some(reason) = state.reject_reason.filter(|text| !text.is_empty()) {
            return core.refuse(token, ApiError::new(ErrorCode::RejectedByGateway, reason));
        }
        let text = |field: Option<String>| field.filter(|text| !text.is_empty());
        answer.margin_currency = text(state.margin_currency);
        answer.initial_margin = margin(state.init_margin_before, state.init_margin_change, state.init_margin_after);
        answer.maintenance_margin =
            margin(state.maint_margin_before, state.maint_margin_change, state.maint_margin_after);
        answer.equity_with_loan =
            margin(state.equity_with_loan_before, state.equity_with_loan_change, state.equity_with_loan_after);
        answer.commission = state.commission_and_fees.and_then(unset_double);
        answer.min_commission = state.min_commission_and_fees.and_then(unset_double);
        answer.max_commission = state.max_commission_and_fees.and_then(unset_double);
        answer.commission_currency = text(state.commission_and_fees_currency);
        answer.suggested_size = size(state.suggested_size.as_ref());
        answer.warning = text(state.warning_text);
        core.answer(token, Answer::OrderCheck(answer));
    }

    /// What the gateway says of a what-if order instead of an estimate. Remarks are passed on with it.
    pub(super) fn on_preview_notice(&mut self, core: &mut Core, order_id: i32, notice: &Notice) {
        use super::status::{Effect, effect};
        if effect(notice) == Effect::Remark {
            if let Some(preview) = self.previews.get_mut(&order_id) {
                preview.answer.warning = Some(notice.text.clone());
            }
        } else if let Some(preview) = self.previews.remove(&order_id) {
            let mut error = notice.to_error();
            error.code = ErrorCode::RejectedByGateway;
            core.refuse(preview.token, error);
        }
    }

    /// No estimate will come over a link that is gone. What-if orders leave nothing behind.
    pub(super) fn refuse_previews(&mut self, core: &mut Core) {
        for (_, preview) in std::mem::take(&mut self.previews) {
            core.refuse(preview.token, super::not_ready("the trading link was lost before IB's estimate came"));
        }
    }

    /// False if the token is not ours.
    pub(super) fn on_preview_overdue(&mut self, core: &mut Core, token: Token) -> bool {
        let Some(order_id) = self.previews.iter().find(|(_, preview)| preview.token == token).map(|(id, _)| *id) else {
            return false;
        };
        self.previews.remove(&order_id);
        core.pacing.withdraw(order_id);
        core.refuse(token, ApiError::new(ErrorCode::Timeout, "IB gave no estimate within the deadline; ask again"));
        true
    }
}

/// `None` if IB names none of the three.
fn margin(before: Option<f64>, change: Option<f64>, after: Option<f64>) -> Option<Margin> {
    let figure = |value: Option<f64>| value.and_then(unset_double);
    let margin = Margin { before: figure(before), change: figure(change), after: figure(after) };
    (margin != Margin::default()).then_some(margin)
}
