//! Moves orders along: acknowledged, triggered, filled, expired, cancelled, and what follows for their relatives.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::book::BookQuote;
use super::commission;
use super::conditions;
use super::executions::{commission_report, execution_details};
use super::ledger::{Fill, multiplier};
use super::matching::{self, Match};
use super::pnl::StartOfDay;
use super::reply::{Refusal, error, open_order, order_status, text};
use super::terms::{Side, Tif};
use super::ticket::{State, Ticket};
use super::valuation::Valuation;
use super::{Broker, Moment};

/// Quote size already used up in one pass, by contract and side.
type Taken = BTreeMap<(i32, Side), Decimal>;

impl Broker {
    /// One pass over all open orders, parents before children, then everything that follows from it.
    pub(super) fn advance(&mut self, at: Moment) {
        self.clock_ms = at.now_ms;
        self.begin_day(at);
        let mut taken = Taken::new();
        for perm_id in self.orders.open_ids(|ticket| ticket.state != State::Untransmitted) {
            self.step(at, perm_id, &mut taken);
        }
        self.send_late_reports(at.now_ms);
        self.refresh_feeds(at);
    }

    /// Notes what daily profit is measured from, at the first call of a day.
    pub(super) fn begin_day(&mut self, at: Moment) {
        for books in self.accounts.values_mut().chain(self.models.values_mut()) {
            if books.now.roll_day(at.now_ms) {
                books.start_of_day = StartOfDay::of(&Valuation::of(&books.now, at.book));
                books.changes += 1;
            }
        }
    }

    fn step(&mut self, at: Moment, perm_id: i64, taken: &mut Taken) {
        let is_open = |broker: &Self| broker.orders.get(perm_id).is_some_and(Ticket::is_open);
        if !is_open(self) {
            return;
        }
        self.acknowledge(at, perm_id);
        self.activate(at, perm_id);
        self.trade(at, perm_id, taken);
        let Some(ticket) = self.orders.get(perm_id).filter(|ticket| ticket.is_open()) else { return };
        let cancels = !ticket.wire.conditions.is_empty() && ticket.wire.conditions_cancel_order();
        if cancels && conditions::hold(&ticket.wire, at) {
            return self.end(at, perm_id, State::Cancelled);
        }
        let is_due = match ticket.state {
            State::Cancelling { done_at_ms } => done_at_ms <= at.now_ms,
            _ => ticket.expires_at_ms.is_some_and(|expires_at_ms| expires_at_ms <= at.now_ms),
        };
        if is_due {
            self.end(at, perm_id, State::Cancelled);
        }
    }

    fn acknowledge(&mut self, at: Moment, perm_id: i64) {
        let Some(ticket) = self.orders.get_mut(perm_id) else { return };
        if matches!(ticket.state, State::Sent { ack_at_ms } if ack_at_ms <= at.now_ms) {
            ticket.state = State::Live { working: false };
            self.announce(perm_id);
        }
    }

    /// Lets a waiting order work once its parent, its time and its trigger allow it.
    fn activate(&mut self, at: Moment, perm_id: i64) {
        let Some(ticket) = self.orders.get(perm_id) else { return };
        if ticket.state != (State::Live { working: false }) {
            return;
        }
        let parent_filled = ticket
            .parent
            .is_none_or(|parent| self.orders.get(parent).is_none_or(|parent| parent.state == State::Filled));
        let waits = !ticket.wire.conditions.is_empty() && !ticket.wire.conditions_cancel_order();
        if waits && !conditions::hold(&ticket.wire, at) {
            return;
        }
        if !parent_filled || ticket.terms.active_at_ms.is_some_and(|active_at_ms| active_at_ms > at.now_ms) {
            return;
        }
        let Some(ticket) = self.orders.get_mut(perm_id) else { return };
        if ticket.terms.kind.is_triggered_by_price() && !ticket.triggered {
            let Some(quote) = at.book.quote(ticket.con_id()) else { return };
            matching::trail(ticket, &quote);
            ticket.triggered = matching::is_triggered(ticket, &quote);
            if !ticket.triggered {
                return;
            }
        }
        ticket.state = State::Live { working: true };
        self.announce(perm_id);
    }

    fn trade(&mut self, at: Moment, perm_id: i64, taken: &mut Taken) {
        let gap_ms = self.behaviour.fill_gap_ms;
        let Some(ticket) = self.orders.get_mut(perm_id) else { return };
        let may_trade = match ticket.state {
            State::Live { working } => working,
            // Only what was working when its cancel came can still be hit.
            State::Cancelling { .. } => ticket.resting || ticket.filled > Decimal::ZERO,
            _ => false,
        };
        if !may_trade || ticket.next_match_ms > at.now_ms {
            return;
        }
        let quote = at.book.quote(ticket.con_id()).unwrap_or_default();
        let used = taken.entry((ticket.con_id(), ticket.terms.side)).or_default();
        let found = matching::against(ticket, &quote, *used);
        let at_once = matches!(ticket.terms.tif, Tif::ImmediateOrCancel | Tif::FillOrKill);
        match found {
            Some(found) => {
                *used += found.quantity;
                ticket.next_match_ms = at.now_ms.saturating_add(gap_ms);
                let liquidity = if ticket.resting { 1 } else { 2 };
                self.fill(at, perm_id, found, liquidity);
            }
            None => ticket.resting = ticket.terms.limit.is_some() && has_both_sides(&quote),
        }
        if at_once && self.orders.get(perm_id).is_some_and(Ticket::is_open) {
            self.end(at, perm_id, State::Cancelled);
        }
    }

    fn fill(&mut self, at: Moment, perm_id: i64, found: Match, liquidity: i32) {
        let root = self.executions.next_root(at.now_ms);
        let Some(ticket) = self.orders.get_mut(perm_id) else { return };
        let before = ticket.remaining();
        ticket.filled += found.quantity;
        ticket.notional += found.quantity * found.price;
        ticket.last_fill_price = found.price;
        let traded = ticket.notional * multiplier(&ticket.resolved);
        let charged = commission::of_order(ticket.resolved.contract.sec_type(), ticket.filled, traded);
        let commission = charged - ticket.commission;
        ticket.commission = charged;
        let is_filled = ticket.remaining().is_zero();
        if is_filled {
            (ticket.state, ticket.completed_at_ms) = (State::Filled, at.now_ms);
        }
        let mut fill = Fill {
            root,
            revision: 1,
            at_ms: at.now_ms,
            account: ticket.account().to_owned(),
            model: ticket.wire.model_code().to_owned(),
            perm_id,
            client_id: ticket.client_id,
            order_id: ticket.order_id,
            order_ref: ticket.wire.order_ref().to_owned(),
            resolved: ticket.resolved.clone(),
            side: ticket.terms.side,
            quantity: found.quantity,
            price: found.price,
            cumulative: ticket.filled,
            average_price: ticket.average_price(),
            liquidity,
            commission,
            realized: None,
        };
        self.book_fill(&mut fill);
        self.tell_about(fill.client_id, execution_details(-1, &fill));
        self.announce(perm_id);
        self.late_reports.push((
            at.now_ms.saturating_add(self.behaviour.commission_delay_ms),
            fill.client_id,
            commission_report(&fill),
        ));
        self.send_late_reports(at.now_ms);
        if is_filled {
            self.orders.note_completed(perm_id);
        }
        self.reduce_siblings(at, perm_id, found.quantity, before);
    }

    fn book_fill(&mut self, fill: &mut Fill) {
        if let Some(books) = self.accounts.get_mut(&fill.account) {
            fill.realized = books.now.apply(fill);
            books.changes += 1;
        }
        if let Some(books) = self.models.get_mut(&fill.books_of_model()) {
            books.now.apply(fill);
            books.changes += 1;
        }
        if let Some(oldest) = self.executions.push(fill.clone())
            && let Some(books) = self.accounts.get_mut(&oldest.account)
        {
            books.base.apply(&oldest);
            if let Some(books) = self.models.get_mut(&oldest.books_of_model()) {
                books.base.apply(&oldest);
            }
        }
    }

    /// What one order of an OCA group filled, the others lose: all of it, or their share of it.
    fn reduce_siblings(&mut self, at: Moment, perm_id: i64, quantity: Decimal, before: Decimal) {
        let Some(ticket) = self.orders.get(perm_id) else { return };
        let Some(group) = ticket.oca_group() else { return };
        let reduces = matches!(ticket.wire.oca_type(), 2 | 3);
        let is_bracket = ticket.parent.is_some_and(|parent| parent.to_string() == group);
        let left = ticket.remaining();
        let siblings = self.orders.open_ids(|other| {
            other.perm_id != perm_id && other.oca_group() == Some(group) && other.account() == ticket.account()
        });
        for sibling in siblings {
            let Some(other) = self.orders.get_mut(sibling) else { continue };
            let open = other.remaining();
            let kept = if is_bracket { open - quantity } else { (open * left).checked_div(before).unwrap_or_default() };
            let kept = if open.fract().is_zero() { kept.floor() } else { kept };
            if !reduces || kept <= Decimal::ZERO {
                self.end(at, sibling, State::Cancelled);
            } else {
                other.terms.total = other.filled + kept;
                other.wire.total_quantity = Some(text(other.terms.total));
                self.announce(sibling);
            }
        }
    }

    /// Ends an order unfilled, and its children with it.
    pub(super) fn end(&mut self, at: Moment, perm_id: i64, state: State) {
        let Some(ticket) = self.orders.get_mut(perm_id).filter(|ticket| ticket.is_open()) else { return };
        (ticket.state, ticket.completed_at_ms) = (state, at.now_ms);
        let (owner, order_id, silent) = (ticket.client_id, ticket.order_id, ticket.silent);
        let status = order_status(ticket);
        if !silent {
            self.tell_about(owner, status);
            self.tell_about(owner, error(at.now_ms, order_id, Refusal::new(202, "Order Canceled - reason:")));
        }
        self.orders.note_completed(perm_id);
        for child in self.orders.open_ids(|other| other.parent == Some(perm_id)) {
            self.end(at, child, State::Cancelled);
        }
    }

    /// IB refuses an order that the gateway had let through.
    pub(super) fn reject(&mut self, at: Moment, perm_id: i64, refusal: Refusal) {
        let Some(ticket) = self.orders.get_mut(perm_id) else { return };
        (ticket.state, ticket.completed_at_ms) = (State::Inactive, at.now_ms);
        let (owner, order_id) = (ticket.client_id, ticket.order_id);
        let messages = [open_order(ticket), order_status(ticket), error(at.now_ms, order_id, refusal)];
        for message in messages {
            self.tell_about(owner, message);
        }
        self.orders.note_completed(perm_id);
    }

    fn send_late_reports(&mut self, now_ms: i64) {
        let (due, later) = std::mem::take(&mut self.late_reports).into_iter().partition(|(at_ms, ..)| *at_ms <= now_ms);
        self.late_reports = later;
        let due: Vec<_> = due;
        for (_, owner, report) in due {
            self.tell_about(owner, report);
        }
        self.send_delayed();
    }
}

/// Without a market an arriving order has not met anybody, so it does not count as resting.
fn has_both_sides(quote: &BookQuote) -> bool {
    quote.bid.is_some() && quote.ask.is_some()
}

#[cfg(test)]
mod tests {
    use super::super::rig::*;

    #[test]
    fn a_market_order_takes_the_ask() {
        let mut rig = Rig::new();
        let answers = rig.place(1, STOCK, order("BUY 100 MKT"));
        assert_eq!(
            answers,
            [
                "open 1 PendingSubmit",
                "status 1 PendingSubmit 0/100",
                "open 1 PreSubmitted",
                "status 1 PreSubmitted 0/100",
                "open 1 Submitted",
                "status 1 Submitted 0/100",
                "exec -1 1 BOT 100 @ 100.02",
                "open 1 Filled",
                "status 1 Filled 100/0",
                "commission 1",
            ]
        );
        assert_eq!(rig.broker.position(ACCOUNT, STOCK), 100.into());
        assert_eq!(rig.cash(), "239997".parse().expect("a decimal"));
    }

    #[test]
    fn a_limit_order_waits_for_its_price_and_gets_it() {
        let mut rig = Rig::new();
        rig.place(1, STOCK, order("BUY 100 LMT 99.5"));
        assert!(rig.stock_at(99.49, 99.51).is_empty());
        let fills = rig.stock_at(99.3, 99.4);
        assert_eq!(fills, ["exec -1 1 BOT 100 @ 99.5", "open 1 Filled", "status 1 Filled 100/0", "commission 1"]);
    }

    #[test]
    fn a_large_order_fills_in_pieces_of_the_quoted_size() {
        let mut rig = Rig::new();
        let first = rig.place(1, STOCK, order("BUY 2500 MKT"));
        assert!(first.contains(&"status 1 Submitted 1000/1500".to_owned()), "{first:?}");
        assert!(rig.pass(99).is_empty(), "the same quote is not taken twice");
        assert!(rig.pass(1).contains(&"status 1 Submitted 2000/500".to_owned()));
        assert!(rig.pass(100).contains(&"status 1 Filled 2500/0".to_owned()));
    }
}
