//! Orders and fills: sent at most once per key, settled by evidence only.

use std::sync::Arc;

use super::{Command, Listing, Token, core::Core, notice::Notice, truth::IbChange};
use crate::{
    schema::request::{
        account::ExecutionsRequest,
        order::{CancelOrder, ListOrders, PlaceOrder},
    },
    tws::Response,
};

/// What may keep a new order from being sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fence {
    /// The trading link is ready.
    pub(crate) is_ready: bool,
    /// The gateway has lost IB (1100): it would hold the order and send it later.
    pub(crate) ib_lost: bool,
}

/// Every order heard of, and the evidence about it.
#[derive(Debug, Default)]
pub(crate) struct Orders {}

impl Orders {
    pub(crate) fn place(
        &mut self,
        _core: &mut Core,
        _command: &Command,
        _ask: &PlaceOrder,
        _listing: &Arc<Listing>,
        _fence: Fence,
    ) {
    }
    pub(crate) fn cancel(&mut self, _core: &mut Core, _command: &Command, _ask: &CancelOrder, _fence: Fence) {}
    pub(crate) fn list(&mut self, _core: &mut Core, _command: &Command, _ask: &ListOrders) {}
    pub(crate) fn executions(&mut self, _core: &mut Core, _command: &Command, _ask: &ExecutionsRequest) {}

    /// The key was asked for before: answer without looking anything up. False if it is new.
    pub(crate) fn repeat(&mut self, _core: &mut Core, _command: &Command, _ask: &PlaceOrder) -> bool {
        false
    }

    /// Logged in: take the order ids and ask for everything that is known about orders.
    pub(crate) fn start_sync(&mut self, _core: &mut Core, _client_id: i32, _next_order_id: i32, _accounts: &[String]) {}

    /// Everything asked for at login has been answered.
    pub(crate) fn is_synced(&self) -> bool {
        true
    }

    pub(crate) fn on_response(&mut self, _core: &mut Core, _response: Response) {}
    /// A notice that names an order id, or a request id of this part.
    pub(crate) fn on_notice(&mut self, _core: &mut Core, _id: i32, _notice: &Notice) {}
    pub(crate) fn on_timeout(&mut self, _core: &mut Core, _req_id: i32) {}
    /// The bytes of this order id were handed to the driver.
    pub(crate) fn on_sent(&mut self, _core: &mut Core, _order_id: i32) {}
    pub(crate) fn on_link_down(&mut self, _core: &mut Core) {}
    pub(crate) fn on_ib_change(&mut self, _core: &mut Core, _change: IbChange) {}

    /// The caller's deadline passed: answer with what is known. False if the token is not ours.
    pub(crate) fn on_caller_overdue(&mut self, _core: &mut Core, _token: Token) -> bool {
        false
    }
}
