//! What an order would need: the answer to what-if orders, and the check of funds for real ones.

use rust_decimal::Decimal;

use super::book::price;
use super::commission;
use super::ledger::{Fill, Ledger, multiplier};
use super::reply::{Refusal, error, number, open_order_with};
use super::terms::Side;
use super::ticket::{State, Ticket};
use super::valuation::Valuation;
use super::{Broker, Moment};
use crate::tws::message::order::OrderState;
use crate::tws::message::order_flow::PlaceOrderRequest;

impl Broker {
    /// Answers a what-if order with `openOrder` alone. No order is made and no order id is used up.
    pub(super) fn preview(&mut self, at: Moment, client_id: i32, request: &PlaceOrderRequest) {
        let order_id = request.order_id();
        let order = request.order.clone().unwrap_or_default();
        let ticket = if order.transmit() {
            self.build(at, client_id, order_id, request.contract.as_ref(), Some(&order))
        } else {
            Err(Refusal::new(413, "What-If order should have the transmit flag set to TRUE."))
        };
        let response = match ticket {
            Ok(mut ticket) => {
                ticket.state = State::Live { working: false };
                open_order_with(&ticket, self.margins(at, &ticket))
            }
            Err(refusal) => error(at.now_ms, order_id, refusal),
        };
        self.tell(client_id, response);
    }

    /// Refuses an order whose margin the account could not carry, unless it makes the position smaller.
    pub(super) fn check_funds(&self, at: Moment, ticket: &Ticket) -> Result<(), Refusal> {
        let Some(books) = self.accounts.get(ticket.account()) else { return Ok(()) };
        let (held, change) = (books.now.quantity(ticket.con_id()), ticket.terms.side.sign() * ticket.terms.total);
        let only_closes = held * change < Decimal::ZERO && change.abs() <= held.abs();
        let after = Self::after(at, ticket, &books.now);
        if only_closes || after.available() >= Decimal::ZERO {
            return Ok(());
        }
        Err(Refusal::rejected(&format!(
            "We are unable to accept your order. Your Available Funds are insufficient to cover the margin \
             requirement: equity with loan value {}, initial margin {}.",
            after.equity_with_loan().round_dp(2),
            after.initial_margin.round_dp(2)
        )))
    }

    fn margins(&self, at: Moment, ticket: &Ticket) -> OrderState {
        let Some(books) = self.accounts.get(ticket.account()) else { return OrderState::default() };
        let (before, after) = (Valuation::of(&books.now, at.book), Self::after(at, ticket, &books.now));
        let money = |amount: Decimal| Some(number(amount.round_dp(2)));
        let commission = money(commission_at(ticket, expected_price(ticket, at)));
        OrderState {
            status: Some(ticket.state.text().to_owned()),
            init_margin_before: money(before.initial_margin),
            maint_margin_before: money(before.maintenance_margin),
            equity_with_loan_before: money(before.equity_with_loan()),
            init_margin_change: money(after.initial_margin - before.initial_margin),
            maint_margin_change: money(after.maintenance_margin - before.maintenance_margin),
            equity_with_loan_change: money(after.equity_with_loan() - before.equity_with_loan()),
            init_margin_after: money(after.initial_margin),
            maint_margin_after: money(after.maintenance_margin),
            equity_with_loan_after: money(after.equity_with_loan()),
            commission_and_fees: commission,
            min_commission_and_fees: commission,
            max_commission_and_fees: commission,
            commission_and_fees_currency: ticket.resolved.contract.currency.clone(),
            margin_currency: Some("USD".to_owned()),
            ..OrderState::default()
        }
    }

    /// The account as it would be, had the order filled completely.
    fn after(at: Moment, ticket: &Ticket, now: &Ledger) -> Valuation {
        let price = expected_price(ticket, at);
        let mut ledger = now.clone();
        ledger.apply(&Fill {
            root: String::new(),
            revision: 0,
            at_ms: at.now_ms,
            account: ticket.account().to_owned(),
            model: String::new(),
            perm_id: ticket.perm_id,
            client_id: ticket.client_id,
            order_id: ticket.order_id,
            order_ref: String::new(),
            resolved: ticket.resolved.clone(),
            side: ticket.terms.side,
            quantity: ticket.terms.total,
            price,
            cumulative: ticket.terms.total,
            average_price: price,
            liquidity: 2,
            commission: commission_at(ticket, price),
            realized: None,
        });
        Valuation::of(&ledger, at.book)
    }
}

/// Commission of a whole order at a price.
pub(super) fn commission_at(ticket: &Ticket, price: Decimal) -> Decimal {
    let value = ticket.terms.total * price * multiplier(&ticket.resolved);
    commission::of_order(ticket.resolved.contract.sec_type(), ticket.terms.total, value)
}

/// The price an order is expected to trade at: its limit or stop, else the opposite quote.
pub(super) fn expected_price(ticket: &Ticket, at: Moment) -> Decimal {
    let quote = at.book.quote(ticket.con_id()).unwrap_or_default();
    let opposite = price(if ticket.terms.side == Side::Buy { quote.ask } else { quote.bid });
    ticket.terms.limit.or(ticket.terms.stop).or(opposite).or(quote.mark()).unwrap_or_default()
}
