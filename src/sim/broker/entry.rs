//! New orders: what is refused, and by whom.

use rand::RngExt;
use rust_decimal::Decimal;

use super::calendar::{day_end, next_close};
use super::checks::{check_price_step, check_size, size_from_cash};
use super::reply::{Refusal, error, open_order, order_status, text};
use super::terms::{Kind, Terms, Tif};
use super::ticket::{State, Ticket};
use super::{Broker, Moment};
use crate::tws::message::contract::Contract;
use crate::tws::message::order::Order;
use crate::tws::message::order_flow::PlaceOrderRequest;

/// Orders that may be open for one contract, side and account.
const ACTIVE_ORDERS_MAX: usize = 20;
/// How long after the closing auction an order for it is kept, ms.
const AUCTION_GRACE_MS: i64 = 60 * 60 * 1000;

impl Broker {
    pub(super) fn place(&mut self, at: Moment, client_id: i32, request: &PlaceOrderRequest) {
        let order_id = request.order_id();
        if let Some(order) = &request.order {
            self.witness(client_id, order_id, order);
        }
        if request.order.as_ref().is_some_and(Order::what_if) {
            return self.preview(at, client_id, request);
        }
        let known = self.orders.find(client_id, order_id).map(|ticket| (ticket.perm_id, ticket.state));
        match known {
            Some((perm_id, state)) if !state.is_done() => return self.modify(at, perm_id, request),
            Some((_, State::Filled)) if !self.ids.is_fresh(client_id, order_id) => {
                let refusal = Refusal::new(104, "Cannot modify a filled order.");
                return self.tell(client_id, error(at.now_ms, order_id, refusal));
            }
            _ => {}
        }
        if !self.ids.take(client_id, order_id) {
            return self.tell(client_id, error(at.now_ms, order_id, Refusal::new(103, "Duplicate order id")));
        }
        let built = self
            .forced_refusal(false)
            .and_then(|()| self.build(at, client_id, order_id, request.contract.as_ref(), request.order.as_ref()));
        match built {
            Ok(ticket) => {
                let perm_id = ticket.perm_id;
                self.enter(at, ticket);
                if let Some(attached) = &request.attached_orders {
                    self.attach(at, perm_id, attached);
                }
            }
            Err(refusal) => self.tell(client_id, error(at.now_ms, order_id, refusal)),
        }
    }

    /// An order typed into TWS is checked like any other, and refused to the typist.
    pub(super) fn enter_manual(&mut self, at: Moment, contract: &Contract, order: &Order) -> Result<i64, Refusal> {
        let order = Order { transmit: Some(true), ..order.clone() };
        self.forced_refusal(false)?;
        let mut ticket = self.build(at, 0, 0, Some(contract), Some(&order))?;
        self.check_with_ib(at, &ticket)?;
        ticket.manual = true;
        let perm_id = ticket.perm_id;
        self.enter(at, ticket);
        self.bind_new(perm_id);
        Ok(perm_id)
    }

    /// The gateway's own checks. Nothing is kept of an order that fails them.
    pub(super) fn build(
        &mut self,
        at: Moment,
        client_id: i32,
        order_id: i32,
        contract: Option<&Contract>,
        order: Option<&Order>,
    ) -> Result<Ticket, Refusal> {
        let (Some(contract), Some(order)) = (contract, order) else {
            return Err(Refusal::new(320, "Error reading request. Contract or order is missing."));
        };
        let resolved = at.book.resolve(contract).map_err(|(code, text)| Refusal::new(code, text))?;
        let mut terms = Terms::read(order)?;
        let account = self.account_of(order)?;
        check_size(&terms, &resolved)?;
        size_from_cash(&mut terms, at, &resolved)?;
        check_price_step(&terms, &resolved)?;
        let parent = self.parent_of(client_id, order)?;
        if !order.hedge_type().is_empty() {
            let Some(parent) = parent.and_then(|parent| self.orders.get(parent)) else {
                return Err(Refusal::new(10007, "Invalid hedge type: a hedge needs a parent order."));
            };
            if terms.total.is_zero() {
                terms.total = parent.terms.total;
            }
        }

        let mut wire = order.clone();
        let perm_id = self.orders.next_perm_id();
        (wire.client_id, wire.order_id, wire.perm_id) = (Some(client_id), Some(order_id), Some(perm_id));
        wire.account = Some(account);
        wire.total_quantity = Some(text(terms.total));
        wire.tif = Some(order.tif().to_owned()).filter(|tif| !tif.is_empty()).or_else(|| Some("DAY".to_owned()));
        if let Some(parent) = parent {
            wire.parent_perm_id = Some(parent);
            // The children of one order are alternatives: what one fills, the others no longer need.
            if order.oca_group().is_empty() {
                (wire.oca_group, wire.oca_type) = (Some(parent.to_string()), Some(3));
            }
        }
        Ok(Ticket {
            perm_id,
            client_id,
            order_id,
            manual: false,
            parent,
            wire,
            resolved,
            terms,
            state: State::Untransmitted,
            filled: Decimal::ZERO,
            notional: Decimal::ZERO,
            last_fill_price: Decimal::ZERO,
            commission: Decimal::ZERO,
            triggered: false,
            resting: false,
            quiet: false,
            next_match_ms: i64::MIN,
            expires_at_ms: None,
            completed_at_ms: 0,
            silent: false,
        })
    }

    /// Keeps the order, and sends it with its relatives unless it is to wait for them.
    pub(super) fn enter(&mut self, at: Moment, mut ticket: Ticket) {
        let (perm_id, parent, transmit) = (ticket.perm_id, ticket.parent, ticket.wire.transmit());
        if self.hooks.silent > 0 {
            self.hooks.silent -= 1;
            ticket.silent = true;
        }
        if let Err(refusal) = self.check_with_ib(at, &ticket) {
            self.orders.insert(ticket);
            return self.reject(at, perm_id, refusal);
        }
        self.orders.insert(ticket);
        if transmit {
            let head = parent.unwrap_or(perm_id);
            let family = self.orders.open_ids(|other| {
                other.state == State::Untransmitted && (other.perm_id == head || other.parent == Some(head))
            });
            for member in family {
                self.transmit(at, member);
            }
        } else {
            self.announce(perm_id);
        }
    }

    /// Sends an order on its way to IB.
    pub(super) fn transmit(&mut self, at: Moment, perm_id: i64) {
        let may_be_quiet = self.behaviour.quiet_market_orders && self.random.random_bool(0.5);
        let ack_at_ms = at.now_ms.saturating_add(self.behaviour.ack_delay_ms);
        let Some(ticket) = self.orders.get_mut(perm_id) else { return };
        ticket.state = State::Sent { ack_at_ms: if ticket.silent { i64::MAX } else { ack_at_ms } };
        ticket.wire.transmit = Some(true);
        ticket.quiet = may_be_quiet && ticket.terms.kind == Kind::Market;
        let close = next_close(at.now_ms);
        if ticket.terms.kind.is_at_close() {
            ticket.terms.active_at_ms = Some(close);
        }
        ticket.expires_at_ms = match ticket.terms.tif {
            Tif::Day if ticket.terms.kind.is_at_close() => Some(close.saturating_add(AUCTION_GRACE_MS)),
            Tif::Day => Some(day_end(at.now_ms)),
            Tif::GoodTillDate(at_ms) => Some(at_ms),
            _ => None,
        };
        self.announce(perm_id);
    }

    /// `openOrder` and `orderStatus` to everybody concerned.
    pub(super) fn announce(&mut self, perm_id: i64) {
        let Some(ticket) = self.orders.get(perm_id) else { return };
        if ticket.silent {
            return;
        }
        let (owner, quiet) = (ticket.client_id, ticket.quiet);
        let (open, status) = (open_order(ticket), order_status(ticket));
        self.tell_about(owner, open);
        if !quiet {
            if self.behaviour.duplicate_statuses && self.random.random_bool(0.25) {
                self.tell_about(owner, status.clone());
            }
            self.tell_about(owner, status);
        }
    }

    /// The refusal a test has asked for, if it is IB's (`from_ib`) or the gateway's turn to give it.
    fn forced_refusal(&mut self, from_ib: bool) -> Result<(), Refusal> {
        let is_due = self.hooks.rejections.front().is_some_and(|refusal| refusal.is_from_ib() == from_ib);
        if is_due && let Some(refusal) = self.hooks.rejections.pop_front() { Err(refusal) } else { Ok(()) }
    }

    /// IB's own checks, which need the other orders and the account.
    fn check_with_ib(&mut self, at: Moment, ticket: &Ticket) -> Result<(), Refusal> {
        self.forced_refusal(true)?;
        let same_group = |other: &Ticket| {
            other.oca_group().is_some()
                && other.oca_group() == ticket.oca_group()
                && other.account() == ticket.account()
        };
        if ticket.oca_group().is_some()
            && self.orders.all().any(|other| other.state == State::Filled && same_group(other))
        {
            return Err(Refusal::rejected("The OCA group is already filled."));
        }
        let on_same_side = |other: &&Ticket| {
            (other.con_id(), other.account(), other.terms.side)
                == (ticket.con_id(), ticket.account(), ticket.terms.side)
        };
        if self.orders.open().filter(on_same_side).count() >= ACTIVE_ORDERS_MAX {
            return Err(Refusal::rejected(&format!(
                "Minimum of {ACTIVE_ORDERS_MAX} orders working on either the buy or sell side for this particular contract"
            )));
        }
        self.check_funds(at, ticket)
    }

    fn account_of(&self, order: &Order) -> Result<String, Refusal> {
        let mut all = self.accounts.keys();
        match (order.account(), all.next(), all.next()) {
            ("", Some(only), None) => Ok(only.clone()),
            ("", ..) => Err(Refusal::new(435, "You must specify an account.")),
            (named, ..) if self.accounts.contains_key(named) => Ok(named.to_owned()),
            _ => Err(Refusal::invalid("Invalid account code")),
        }
    }

    fn parent_of(&self, client_id: i32, order: &Order) -> Result<Option<i64>, Refusal> {
        if order.parent_id() == 0 {
            return Ok(None);
        }
        match self.orders.find(client_id, order.parent_id()) {
            Some(parent) if parent.is_open() || parent.state == State::Filled => Ok(Some(parent.perm_id)),
            _ => Err(Refusal::new(10006, "Missing parent order.")),
        }
    }
}
