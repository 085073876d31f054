//! How the simulated broker behaves, and what a test may make it do.

use std::collections::VecDeque;

use rand::RngExt;

use super::executions::{commission_report, execution_details};
use super::ledger::Ledger;
use super::reply::Refusal;
use super::{Book, Broker, Callbacks, Moment, Outgoing, ticket};
use crate::tws::message::contract::Contract;
use crate::tws::message::order::Order;

/// Settings of the simulated broker. The default is a quick and friendly gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    /// Time from a new order to its acknowledgement, ms. Zero acknowledges within the same call.
    pub ack_delay_ms: i64,
    /// Time from a cancel to its effect, ms. Fills are possible in between.
    pub cancel_delay_ms: i64,
    /// Time from an execution to its commission report, ms.
    pub commission_delay_ms: i64,
    /// Shortest time between two partial fills of one order, ms.
    pub fill_gap_ms: i64,
    /// Some market orders get `openOrder` and `execDetails` and never an `orderStatus`.
    pub quiet_market_orders: bool,
    /// Some `orderStatus` messages come twice.
    pub duplicate_statuses: bool,
    /// How news of orders travels to the clients.
    pub callbacks: Callbacks,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            ack_delay_ms: 0,
            cancel_delay_ms: 0,
            commission_delay_ms: 0,
            fill_gap_ms: 100,
            quiet_market_orders: false,
            duplicate_statuses: true,
            callbacks: Callbacks::default(),
        }
    }
}

/// One-shot instructions for orders to come.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub rejections: VecDeque<Refusal>,
    pub silent: u32,
}

impl Broker {
    /// Changes the settings; orders already under way keep their times.
    pub fn set_behaviour(&mut self, behaviour: Behaviour) {
        self.behaviour = behaviour;
    }

    /// Names the client that sees the orders of all others, or none.
    pub fn set_master_client(&mut self, client_id: Option<i32>) {
        self.ids.master = client_id;
    }

    /// The next new order is refused with this code and text. 201 and 203 come from IB and leave an
    /// `Inactive` order behind; all other codes are the gateway's and leave none.
    pub fn force_reject(&mut self, code: i32, text: &str) {
        self.hooks.rejections.push_back(Refusal::new(code, text));
    }

    /// The next new order gets no answer at all. It exists, unacknowledged, and shows up when open orders are
    /// asked for.
    pub fn hold_next_order_silent(&mut self) {
        self.hooks.silent += 1;
    }

    /// Acknowledges the orders held silent.
    pub fn release_silent(&mut self, now_ms: i64, book: &dyn Book) -> Outgoing {
        for perm_id in self.orders.open_ids(|ticket| ticket.silent) {
            if let Some(ticket) = self.orders.get_mut(perm_id) {
                ticket.silent = false;
                ticket.state = ticket::State::Sent { ack_at_ms: now_ms };
            }
        }
        self.on_market(now_ms, book)
    }

    /// Order ids the gateway announces fall back by `n`, as after a reset in its settings. Those of orders that a client
    /// was shown since it connected stay taken.
    pub fn roll_back_next_id(&mut self, n: i32) {
        self.ids.roll_back(n);
    }

    /// The gateway ends and starts again. What IB has lives on; what was never transmitted dies, and of what was
    /// on its way to IB some does. The clients are gone.
    pub fn restart(&mut self) {
        for client_id in std::mem::take(&mut self.connected) {
            self.on_disconnect(client_id);
        }
        self.late_reports.clear();
        let unsure =
            |ticket: &ticket::Ticket| matches!(ticket.state, ticket::State::Untransmitted | ticket::State::Sent { .. });
        for perm_id in self.orders.open_ids(unsure) {
            let is_kept = self.random.random_bool(0.5);
            let Some(ticket) = self.orders.get_mut(perm_id) else { continue };
            ticket.silent = false;
            if is_kept && ticket.state != ticket::State::Untransmitted {
                ticket.state = ticket::State::Sent { ack_at_ms: self.clock_ms };
            } else {
                self.orders.remove(perm_id);
            }
        }
    }

    /// Completed orders dropped because too many were kept.
    pub fn forgotten_orders(&self) -> u64 {
        self.orders.forgotten()
    }

    /// A person types an order into TWS: client 0, order id 0 until it is bound.
    ///
    /// # Errors
    ///
    /// The code and text with which TWS would refuse it.
    pub fn inject_manual_order(
        &mut self,
        now_ms: i64,
        contract: &Contract,
        order: &Order,
        book: &dyn Book,
    ) -> Result<(i64, Outgoing), (i32, String)> {
        let at = Moment { now_ms, book };
        let perm_id = self.enter_manual(at, contract, order).map_err(|refusal| (refusal.code, refusal.text))?;
        self.advance(at);
        Ok((perm_id, std::mem::take(&mut self.out)))
    }

    /// The exchange corrects the price of a fill: the same execution again with its last segment raised, and its
    /// commission again. Position, cash and profit become what they would be, had the price been right at once.
    ///
    /// `None` if no such execution is kept.
    pub fn correct_execution(
        &mut self,
        now_ms: i64,
        exec_id: &str,
        new_price: f64,
        book: &dyn Book,
    ) -> Option<Outgoing> {
        let new_price = super::book::price(Some(new_price))?;
        let fill = self.executions.find_mut(exec_id)?;
        let change = new_price - fill.price;
        fill.price = new_price;
        fill.revision += 1;
        fill.average_price += (fill.quantity * change).checked_div(fill.cumulative).unwrap_or_default();
        let (perm_id, account, root, moved) =
            (fill.perm_id, fill.account.clone(), fill.root.clone(), fill.quantity * change);
        self.replay(now_ms, &account);
        if let Some(ticket) = self.orders.get_mut(perm_id) {
            ticket.notional += moved;
        }
        let corrected = self.executions.iter().find(|fill| fill.root == root)?.clone();
        self.tell_about(corrected.client_id, execution_details(-1, &corrected));
        self.tell_about(corrected.client_id, commission_report(&corrected));
        self.advance(Moment { now_ms, book });
        Some(std::mem::take(&mut self.out))
    }

    /// The exchange takes a fill of an order that is over back: the same execution again with its last segment
    /// raised and nothing traded, and its commission of nothing.
    ///
    /// `None` if no such execution is kept, or its order still works.
    pub fn bust_execution(&mut self, now_ms: i64, exec_id: &str, book: &dyn Book) -> Option<Outgoing> {
        let fill = self.executions.find_mut(exec_id).filter(|fill| !fill.quantity.is_zero())?;
        let (perm_id, account, root) = (fill.perm_id, fill.account.clone(), fill.root.clone());
        let (quantity, money) = (fill.quantity, fill.quantity * fill.price);
        let ticket = self.orders.get_mut(perm_id).filter(|ticket| !ticket.is_open())?;
        ticket.filled -= quantity;
        ticket.notional -= money;
        let fill = self.executions.find_mut(exec_id)?;
        fill.cumulative -= quantity;
        fill.quantity = rust_decimal::Decimal::ZERO;
        fill.commission = rust_decimal::Decimal::ZERO;
        fill.revision += 1;
        let at_ms = fill.at_ms;
        for later in self.executions.iter_mut() {
            if later.perm_id == perm_id && later.root != root && later.at_ms >= at_ms {
                later.cumulative -= quantity;
            }
        }
        self.replay(now_ms, &account);
        let busted = self.executions.iter().find(|fill| fill.root == root)?.clone();
        self.tell_about(busted.client_id, execution_details(-1, &busted));
        self.tell_about(busted.client_id, commission_report(&busted));
        self.advance(Moment { now_ms, book });
        Some(std::mem::take(&mut self.out))
    }

    /// Books all kept fills of the account again, from the base.
    fn replay(&mut self, now_ms: i64, account: &str) {
        let Some(books) = self.accounts.get_mut(account) else { return };
        let mut now: Ledger = books.base.clone();
        for fill in self.executions.iter_mut().filter(|fill| fill.account == account) {
            fill.realized = now.apply(fill);
        }
        now.roll_day(now_ms);
        books.now = now;
        books.changes += 1;
        let own = self.models.iter_mut().filter(|(name, _)| name.split('/').next() == Some(account));
        for (name, books) in own {
            let mut now: Ledger = books.base.clone();
            for fill in self.executions.iter().filter(|fill| fill.books_of_model() == *name) {
                now.apply(fill);
            }
            now.roll_day(now_ms);
            books.now = now;
            books.changes += 1;
        }
    }
}
