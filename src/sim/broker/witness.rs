//! The broker's own account of what it was sent and what it did, for tests that ask the other side.

use rust_decimal::Decimal;

use super::Broker;
use crate::tws::message::order::Order;

/// Placements kept; beyond it none is added.
const PLACEMENTS_MAX: usize = 100_000;

/// One order message as it arrived, refused or not. A repeat of an order id is a change of that order.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// Who sent it.
    pub client_id: i32,
    /// The client's number for the order.
    pub order_id: i32,
    /// The client's own name for the order.
    pub order_ref: String,
    /// Its limit price, if it has one.
    pub limit_price: Option<f64>,
}

/// An order as it stands at the broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// IB's number.
    pub perm_id: i64,
    /// Who placed it.
    pub client_id: i32,
    /// The client's own name for it; empty if none.
    pub order_ref: String,
    /// IB's status word.
    pub status: &'static str,
    /// Ordered quantity, as last changed.
    pub quantity: Decimal,
    /// Limit price, as last changed; `None` for types without one.
    pub limit_price: Option<Decimal>,
    /// Quantity filled.
    pub filled: Decimal,
    /// It may still change.
    pub is_open: bool,
}

/// The newest version of one execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Executed {
    /// Its id, last segment included.
    pub exec_id: String,
    /// The client's own name for its order; empty if none.
    pub order_ref: String,
    /// IB's number of its order.
    pub perm_id: i64,
    /// Traded quantity.
    pub quantity: Decimal,
    /// Price, as last corrected.
    pub price: Decimal,
}

impl Broker {
    /// Every order message received, oldest first.
    pub fn placements(&self) -> &[Placement] {
        &self.placements
    }

    /// Every order, open or completed, oldest first.
    pub fn standings(&self) -> Vec<Standing> {
        self.orders
            .all()
            .map(|ticket| Standing {
                perm_id: ticket.perm_id,
                client_id: ticket.client_id,
                order_ref: ticket.wire.order_ref().to_owned(),
                status: ticket.state.text(),
                quantity: ticket.terms.total,
                limit_price: ticket.terms.limit,
                filled: ticket.filled,
                is_open: ticket.is_open(),
            })
            .collect()
    }

    /// Every execution kept, oldest first.
    pub fn executed(&self) -> Vec<Executed> {
        self.executions
            .iter()
            .map(|fill| Executed {
                exec_id: fill.exec_id(),
                order_ref: fill.order_ref.clone(),
                perm_id: fill.perm_id,
                quantity: fill.quantity,
                price: fill.price,
            })
            .collect()
    }

    pub(super) fn witness(&mut self, client_id: i32, order_id: i32, order: &Order) {
        if self.placements.len() < PLACEMENTS_MAX {
            let (order_ref, limit_price) = (order.order_ref().to_owned(), order.lmt_price);
            self.placements.push(Placement { client_id, order_id, order_ref, limit_price });
        }
    }
}
