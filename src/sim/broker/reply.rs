//! Builds the gateway's answers about orders.

use chrono::{DateTime, TimeZone};
use chrono_tz::America::New_York;
use chrono_tz::Tz;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::ticket::{State, Ticket};
use crate::tws::Response;
use crate::tws::message::login::ErrorMessage;
use crate::tws::message::order::OrderState;
use crate::tws::message::order_flow::{CompletedOrder, OpenOrder, OrderStatus};

/// Why something was not done, in IB's code and words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub code: i32,
    pub text: String,
}

impl Refusal {
    pub(super) fn new(code: i32, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// 321, with the class name that the gateway prints and changes from build to build.
    pub(super) fn invalid(cause: &str) -> Self {
        Self::new(321, format!("Error validating request.-'bW' : cause - {cause}"))
    }

    pub(super) fn rejected(reason: &str) -> Self {
        Self::new(201, format!("Order rejected - reason:{reason}"))
    }

    /// IB itself refused: the order existed for a moment and is shown `Inactive`. All others are refused by
    /// the gateway and never become orders.
    pub(super) fn is_from_ib(&self) -> bool {
        matches!(self.code, 201 | 203)
    }
}

pub(super) fn error(now_ms: i64, id: i32, refusal: Refusal) -> Response {
    Response::ErrorMessage(ErrorMessage {
        id: Some(id),
        error_time: Some(now_ms),
        error_code: Some(refusal.code),
        error_msg: Some(refusal.text),
        advanced_order_reject_json: None,
    })
}

pub(super) fn open_order(ticket: &Ticket) -> Response {
    let order_state = OrderState { status: Some(ticket.state.text().to_owned()), ..OrderState::default() };
    open_order_with(ticket, order_state)
}

pub(super) fn open_order_with(ticket: &Ticket, order_state: OrderState) -> Response {
    Response::OpenOrder(Box::new(OpenOrder {
        order_id: Some(ticket.order_id),
        contract: Some(ticket.resolved.contract.clone()),
        order: Some(ticket.wire.clone()),
        order_state: Some(order_state),
    }))
}

pub(super) fn order_status(ticket: &Ticket) -> Response {
    Response::OrderStatus(Box::new(OrderStatus {
        order_id: Some(ticket.order_id),
        status: Some(ticket.state.text().to_owned()),
        filled: Some(text(ticket.filled)),
        remaining: Some(text(ticket.remaining())),
        avg_fill_price: Some(number(ticket.average_price())),
        perm_id: Some(ticket.perm_id),
        parent_id: Some(ticket.wire.parent_id()),
        last_fill_price: Some(number(ticket.last_fill_price)),
        client_id: Some(ticket.client_id),
        why_held: Some(String::new()),
        mkt_cap_price: Some(0.0),
    }))
}

pub(super) fn completed_order(ticket: &Ticket) -> Response {
    let mut order = ticket.wire.clone();
    (order.order_id, order.client_id) = (None, None);
    order.filled_quantity = Some(text(ticket.filled));
    let completed_status = match ticket.state {
        State::Filled => format!("Filled Size: {}", text(ticket.filled)),
        State::Inactive => "Rejected".to_owned(),
        _ => "Cancelled".to_owned(),
    };
    Response::CompletedOrder(Box::new(CompletedOrder {
        contract: Some(ticket.resolved.contract.clone()),
        order: Some(order),
        order_state: Some(OrderState {
            status: Some(ticket.state.text().to_owned()),
            completed_time: Some(local_time(ticket.completed_at_ms)),
            completed_status: Some(completed_status),
            ..OrderState::default()
        }),
    }))
}

/// Decimal text as the gateway writes it: no trailing zeros.
pub(super) fn text(value: Decimal) -> String {
    value.normalize().to_string()
}

/// A money or price field of the wire.
pub(super) fn number(value: Decimal) -> f64 {
    value.to_f64().unwrap_or_default()
}

/// The paper account's server keeps New York time.
pub(super) fn new_york(at_ms: i64) -> DateTime<Tz> {
    New_York.timestamp_millis_opt(at_ms).earliest().unwrap_or_else(|| DateTime::UNIX_EPOCH.with_timezone(&New_York))
}

/// `yyyymmdd hh:mm:ss zone`.
pub(super) fn local_time(at_ms: i64) -> String {
    new_york(at_ms).format("%Y%m%d %H:%M:%S America/New_York").to_string()
}
