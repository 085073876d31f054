//! Answers to questions about orders and executions.

use super::executions::{commission_report, execution_details};
use super::reply::{Refusal, completed_order, error, open_order, order_status};
use super::ticket::Ticket;
use super::{Broker, Moment};
use crate::tws::Response;
use crate::tws::message::order_flow::{
    CompletedOrdersEnd, ExecutionDetailsEnd, ExecutionRequest, OpenOrdersEnd, OrderBound,
};

/// Manual orders belong to nobody until client 0 binds them.
#[derive(Debug, Default)]
pub(super) struct Binding {
    /// Client 0 has asked that future manual orders be bound.
    auto: bool,
    /// Negative numbers given out so far: they can never collide with a client's own.
    bound: i32,
}

impl Binding {
    pub(super) fn forget(&mut self, client_id: i32) {
        self.auto &= client_id != 0;
    }
}

impl Broker {
    /// Orders of this client; client 0 binds what was typed into TWS.
    pub(super) fn open_orders(&mut self, client_id: i32) {
        if client_id == 0 {
            for perm_id in self.orders.open_ids(|ticket| ticket.manual && ticket.order_id == 0) {
                self.bind(perm_id);
            }
        }
        self.list_open(client_id, |ticket| ticket.client_id == client_id);
    }

    /// All orders of the login, once, without binding any.
    pub(super) fn all_open_orders(&mut self, client_id: i32) {
        self.list_open(client_id, |_| true);
    }

    fn list_open(&mut self, client_id: i32, wanted: impl Fn(&Ticket) -> bool) {
        let own = self.orders.open().filter(|ticket| ticket.client_id == client_id).map(|ticket| ticket.order_id).max();
        if let Some(order_id) = own {
            self.show_id(client_id, order_id);
        }
        let listed: Vec<Response> = self
            .orders
            .open()
            .filter(|ticket| wanted(ticket))
            .flat_map(|ticket| [open_order(ticket), order_status(ticket)])
            .collect();
        for response in listed {
            self.tell(client_id, response);
        }
        self.tell(client_id, Response::OpenOrdersEnd(OpenOrdersEnd {}));
    }

    pub(super) fn auto_open_orders(&mut self, at: Moment, client_id: i32, auto_bind: bool) {
        if client_id == 0 {
            self.binding.auto = auto_bind;
        } else {
            let refusal = Refusal::new(
                327,
                "Only API connections with clientId set to 0 can set the auto bind TWS orders property.",
            );
            self.tell(client_id, error(at.now_ms, -1, refusal));
        }
    }

    /// Binds an order that has just been typed into TWS, if client 0 wants that.
    pub(super) fn bind_new(&mut self, perm_id: i64) {
        if self.binding.auto {
            self.bind(perm_id);
        }
    }

    fn bind(&mut self, perm_id: i64) {
        self.binding.bound += 1;
        // Everywhere else -1 stands for no order at all.
        let order_id = -1 - self.binding.bound;
        self.orders.bind(perm_id, order_id);
        let bound = OrderBound { perm_id: Some(perm_id), client_id: Some(0), order_id: Some(order_id) };
        self.tell_about(0, Response::OrderBound(bound));
    }

    pub(super) fn completed_orders(&mut self, client_id: i32, api_only: bool) {
        let completed: Vec<Response> = self
            .orders
            .all()
            .filter(|ticket| ticket.state.is_done() && (!api_only || !ticket.manual))
            .map(completed_order)
            .collect();
        for response in completed {
            self.tell(client_id, response);
        }
        self.tell(client_id, Response::CompletedOrdersEnd(CompletedOrdersEnd {}));
    }

    pub(super) fn executions(&mut self, at: Moment, client_id: i32, request: &ExecutionRequest) {
        let req_id = request.req_id();
        let filter = request.execution_filter.clone().unwrap_or_default();
        let found: Option<Vec<Response>> = self
            .executions
            .filtered(at.now_ms, &filter)
            .map(|fills| fills.flat_map(|fill| [execution_details(req_id, fill), commission_report(fill)]).collect());
        let Some(found) = found else {
            let refusal = Refusal::new(10314, "End or start date-time format is not valid.");
            return self.tell(client_id, error(at.now_ms, req_id, refusal));
        };
        for response in found {
            self.tell(client_id, response);
        }
        self.tell(client_id, Response::ExecutionDetailsEnd(ExecutionDetailsEnd { req_id: Some(req_id) }));
    }
}
