//! What an account is worth now, and what margin it needs.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::book::Book;
use super::ledger::{Ledger, Position, is_margined};
use crate::tws::message::contract::Contract;

/// One position at the present price, in its own currency.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Valued {
    pub price: Decimal,
    pub value: Decimal,
    pub unrealized: Decimal,
    pub realized_today: Decimal,
}

/// An account at the present prices, in dollars.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Valuation {
    pub positions: BTreeMap<i32, Valued>,
    /// Dollars for one unit of each currency in use.
    pub rates: BTreeMap<String, Decimal>,
    pub cash: Decimal,
    pub stocks: Decimal,
    pub options: Decimal,
    /// Open profit of futures, which is not in cash yet.
    pub futures: Decimal,
    pub others: Decimal,
    pub gross: Decimal,
    pub unrealized: Decimal,
    pub realized_today: Decimal,
    pub initial_margin: Decimal,
    pub maintenance_margin: Decimal,
}

impl Valuation {
    pub(super) fn of(ledger: &Ledger, book: &dyn Book) -> Self {
        let mut total = Self::default();
        for (currency, amount) in &ledger.cash {
            let rate = total.rate(currency, book);
            total.cash += amount * rate;
        }
        for (con_id, position) in &ledger.positions {
            let valued = value(position, book);
            let contract = &position.resolved.contract;
            let rate = total.rate(contract.currency(), book);
            let dollars = valued.value * rate;
            total.unrealized += valued.unrealized * rate;
            total.realized_today += valued.realized_today * rate;
            match contract.sec_type() {
                "STK" => total.stocks += dollars,
                "OPT" | "FOP" | "WAR" => total.options += dollars,
                "CASH" => {}
                sec_type if is_margined(sec_type) => total.futures += (valued.value - position.paid) * rate,
                _ => total.others += dollars,
            }
            if !is_margined(contract.sec_type()) && contract.sec_type() != "CASH" {
                total.gross += dollars.abs();
            }
            let (initial, maintenance) = margin_rates(contract.sec_type(), position.quantity);
            total.initial_margin += dollars.abs() * initial;
            total.maintenance_margin += dollars.abs() * maintenance;
            total.positions.insert(*con_id, valued);
        }
        total
    }

    pub(super) fn net_liquidation(&self) -> Decimal {
        self.cash + self.stocks + self.options + self.futures + self.others
    }

    /// Options lend no value.
    pub(super) fn equity_with_loan(&self) -> Decimal {
        self.net_liquidation() - self.options
    }

    pub(super) fn available(&self) -> Decimal {
        self.equity_with_loan() - self.initial_margin
    }

    pub(super) fn excess(&self) -> Decimal {
        self.equity_with_loan() - self.maintenance_margin
    }

    /// Margin accounts trade stocks at four times their available funds within a day.
    pub(super) fn buying_power(&self) -> Decimal {
        self.available().max(Decimal::ZERO) * Decimal::from(4)
    }

    fn rate(&mut self, currency: &str, book: &dyn Book) -> Decimal {
        if let Some(rate) = self.rates.get(currency) {
            return *rate;
        }
        let rate = rate_to_usd(currency, book);
        self.rates.insert(currency.to_owned(), rate);
        rate
    }
}

fn value(position: &Position, book: &dyn Book) -> Valued {
    let multiplier = position.multiplier();
    let price = book
        .quote(position.resolved.contract.con_id())
        .and_then(|quote| quote.mark())
        .or_else(|| position.average_cost().checked_div(multiplier))
        .unwrap_or_default();
    let value = position.quantity * price * multiplier;
    Valued { price, value, unrealized: value - position.basis, realized_today: position.realized_today }
}

/// Initial and maintenance margin as parts of a position's value: a plain model, not IB's risk engine.
fn margin_rates(sec_type: &str, quantity: Decimal) -> (Decimal, Decimal) {
    let percent = |initial: i64, maintenance: i64| (Decimal::new(initial, 2), Decimal::new(maintenance, 2));
    match sec_type {
        "STK" => percent(50, 25),
        "FUT" => percent(8, 7),
        "CASH" => percent(3, 3),
        // Long options are paid for and give no loan value: nothing more is held back for them.
        "OPT" | "FOP" if quantity.is_sign_positive() => percent(0, 0),
        _ => percent(100, 100),
    }
}

/// Asks the market for `XXX.USD`, then for `USD.XXX`. A currency without either counts as a dollar.
fn rate_to_usd(currency: &str, book: &dyn Book) -> Decimal {
    if currency == "USD" || currency.is_empty() {
        return Decimal::ONE;
    }
    let price = |symbol: &str, currency: &str| {
        let pair = Contract {
            symbol: Some(symbol.to_owned()),
            sec_type: Some("CASH".to_owned()),
            exchange: Some("IDEALPRO".to_owned()),
            currency: Some(currency.to_owned()),
            ..Contract::default()
        };
        let con_id = book.resolve(&pair).ok()?.contract.con_id();
        book.quote(con_id)?.mark().filter(|price| *price > Decimal::ZERO)
    };
    price(currency, "USD")
        .or_else(|| price("USD", currency).and_then(|price| Decimal::ONE.checked_div(price)))
        .unwrap_or(Decimal::ONE)
}
