//! Cash and positions of one account, as the sum of its fills.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::book::{Resolved, price};
use super::reply::new_york;
use super::terms::Side;

/// One execution, with everything that must be known to book it or to report it again.
#[derive(Clone, Debug)]
pub(super) struct Fill {
    /// First three segments of the execution id.
    pub root: String,
    /// Last segment; a correction raises it.
    pub revision: u32,
    /// When it traded, ms since the epoch.
    pub at_ms: i64,
    pub account: String,
    /// Model of an advisor; empty for none.
    pub model: String,
    pub perm_id: i64,
    pub client_id: i32,
    pub order_id: i32,
    pub order_ref: String,
    pub resolved: Resolved,
    pub side: Side,
    pub quantity: Decimal,
    pub price: Decimal,
    /// What the order had filled with this fill, and its average price then.
    pub cumulative: Decimal,
    pub average_price: Decimal,
    /// 1 added liquidity, 2 removed it.
    pub liquidity: i32,
    pub commission: Decimal,
    /// Profit of the closed part after commissions; `None` for a fill that only opens.
    pub realized: Option<Decimal>,
}

impl Fill {
    pub(super) fn exec_id(&self) -> String {
        format!("{}.{:02}", self.root, self.revision)
    }

    /// Name of the books of its model; nobody's if it has none.
    pub(super) fn books_of_model(&self) -> String {
        format!("{}/{}", self.account, self.model)
    }

    /// Traded money, positive for buys.
    pub(super) fn notional(&self) -> Decimal {
        self.side.sign() * self.quantity * self.price * multiplier(&self.resolved)
    }
}

/// What is held of one contract. Short positions have negative quantity and negative sums.
#[derive(Clone, Debug)]
pub(super) struct Position {
    pub resolved: Resolved,
    pub quantity: Decimal,
    /// Paid for what is held, commissions included.
    pub basis: Decimal,
    /// Paid for what is held, without commissions.
    pub paid: Decimal,
    /// Realized since the day began.
    pub realized_today: Decimal,
}

impl Position {
    /// Cost of one unit, multiplier and commissions included; zero if nothing is held.
    pub(super) fn average_cost(&self) -> Decimal {
        self.basis.checked_div(self.quantity).unwrap_or_default()
    }

    pub(super) fn multiplier(&self) -> Decimal {
        multiplier(&self.resolved)
    }
}

/// The books of one account.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    pub cash: BTreeMap<String, Decimal>,
    pub positions: BTreeMap<i32, Position>,
    /// The New York day that `realized_today` belongs to.
    pub day: NaiveDate,
}

impl Ledger {
    /// An account with nothing but dollars.
    pub(super) fn with_cash(usd: Decimal) -> Self {
        let cash = BTreeMap::from([("USD".to_owned(), usd)]);
        Self { cash, positions: BTreeMap::new(), day: NaiveDate::MIN }
    }

    /// Starts the day of `now_ms` if it is a new one. True if it was.
    pub(super) fn roll_day(&mut self, now_ms: i64) -> bool {
        let day = new_york(now_ms).date_naive();
        let is_new = day > self.day;
        if is_new {
            self.day = day;
            self.positions.retain(|_, position| !position.quantity.is_zero());
            self.positions.values_mut().for_each(|position| position.realized_today = Decimal::ZERO);
        }
        is_new
    }

    /// Books a fill; gives the realized profit after commissions if it closed anything.
    pub(super) fn apply(&mut self, fill: &Fill) -> Option<Decimal> {
        self.roll_day(fill.at_ms);
        let contract = &fill.resolved.contract;
        let sign = fill.side.sign();
        let unit = sign * fill.price * multiplier(&fill.resolved);
        let position = self.positions.entry(contract.con_id()).or_insert_with(|| Position {
            resolved: fill.resolved.clone(),
            quantity: Decimal::ZERO,
            basis: Decimal::ZERO,
            paid: Decimal::ZERO,
            realized_today: Decimal::ZERO,
        });

        let opposite = position.quantity * sign < Decimal::ZERO;
        let closed = if opposite { fill.quantity.min(position.quantity.abs()) } else { Decimal::ZERO };
        let opened = fill.quantity - closed;
        let commission_closed = share(fill.commission, closed, fill.quantity);
        let basis_closed = share(position.basis, closed, position.quantity.abs());
        let paid_closed = share(position.paid, closed, position.quantity.abs());
        let realized = -(basis_closed + closed * unit) - commission_closed;

        position.quantity += sign * fill.quantity;
        position.basis += opened * unit + (fill.commission - commission_closed) - basis_closed;
        position.paid += opened * unit - paid_closed;
        position.realized_today += if closed.is_zero() { Decimal::ZERO } else { realized };

        let money = if is_margined(contract.sec_type()) { -(paid_closed + closed * unit) } else { -fill.notional() };
        *self.cash.entry(contract.currency().to_owned()).or_default() += money - fill.commission;
        if contract.sec_type() == "CASH" {
            *self.cash.entry(contract.symbol().to_owned()).or_default() += sign * fill.quantity;
        }
        (!closed.is_zero()).then_some(realized)
    }

    pub(super) fn quantity(&self, con_id: i32) -> Decimal {
        self.positions.get(&con_id).map(|position| position.quantity).unwrap_or_default()
    }
}

/// Futures are not paid for: only their profit moves cash.
pub(super) fn is_margined(sec_type: &str) -> bool {
    matches!(sec_type, "FUT" | "CFD")
}

pub(super) fn multiplier(resolved: &Resolved) -> Decimal {
    price(Some(resolved.multiplier)).filter(|multiplier| !multiplier.is_zero()).unwrap_or(Decimal::ONE)
}

/// `part` of `whole`'s share in `sum`. The whole sum is given back undivided, so that closing leaves no dust.
fn share(sum: Decimal, part: Decimal, whole: Decimal) -> Decimal {
    if part == whole {
        return sum;
    }
    let exact = sum.checked_mul(part).and_then(|product| product.checked_div(whole));
    exact.or_else(|| sum.checked_div(whole).and_then(|unit| unit.checked_mul(part))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tws::message::contract::Contract;

    fn fill(sec_type: &str, side: Side, quantity: i64, price: i64, commission: i64, multiplier: f64) -> Fill {
        let contract = Contract {
            con_id: Some(1),
            symbol: Some("EUR".to_owned()),
            sec_type: Some(sec_type.to_owned()),
            currency: Some("USD".to_owned()),
            ..Contract::default()
        };
        Fill {
            root: "a".to_owned(),
            revision: 1,
            at_ms: 1_700_000_000_000,
            account: String::new(),
            model: String::new(),
            perm_id: 1,
            client_id: 1,
            order_id: 1,
            order_ref: String::new(),
            resolved: Resolved { contract, min_tick: 0.01, multiplier },
            side,
            quantity: quantity.into(),
            price: price.into(),
            cumulative: quantity.into(),
            average_price: price.into(),
            liquidity: 2,
            commission: commission.into(),
            realized: None,
        }
    }

    #[track_caller]
    fn check(
        sec_type: &str,
        multiplier: f64,
        trades: &[(Side, i64, i64)],
        usd: i64,
        held: i64,
        realized: Option<&str>,
    ) {
        let mut ledger = Ledger::with_cash(Decimal::from(10_000));
        let mut last = None;
        for &(side, quantity, price) in trades {
            last = ledger.apply(&fill(sec_type, side, quantity, price, 1, multiplier));
        }
        assert_eq!(ledger.cash["USD"], Decimal::from(usd));
        assert_eq!(ledger.quantity(1), Decimal::from(held));
        assert_eq!(last, realized.map(|text| text.parse().expect("a decimal in the test table")));
    }

    #[test]
    fn a_round_trip_realizes_its_difference_less_both_commissions() {
        check("STK", 1.0, &[(Side::Buy, 10, 100), (Side::Sell, 10, 110)], 10_098, 0, Some("98"));
        check("STK", 1.0, &[(Side::Sell, 10, 100), (Side::Buy, 10, 90)], 10_098, 0, Some("98"));
    }

    #[test]
    fn a_future_moves_cash_only_when_it_is_closed() {
        check("FUT", 50.0, &[(Side::Buy, 2, 100)], 9_999, 2, None);
        check("FUT", 50.0, &[(Side::Buy, 2, 100), (Side::Sell, 1, 104)], 10_198, 1, Some("198.5"));
    }

    #[test]
    fn a_larger_opposite_trade_turns_the_position_around() {
        check("STK", 1.0, &[(Side::Buy, 10, 100), (Side::Sell, 20, 110)], 11_198, -10, Some("98.5"));
    }

    #[test]
    fn a_currency_trade_moves_two_currencies() {
        let mut ledger = Ledger::with_cash(Decimal::from(10_000));
        ledger.apply(&fill("CASH", Side::Buy, 1_000, 2, 2, 1.0));
        assert_eq!(ledger.cash["EUR"], Decimal::from(1_000));
        assert_eq!(ledger.cash["USD"], Decimal::from(7_998));
    }

    #[test]
    fn average_cost_includes_commission_and_multiplier() {
        let mut ledger = Ledger::with_cash(Decimal::from(10_000));
        ledger.apply(&fill("OPT", Side::Buy, 2, 3, 1, 100.0));
        assert_eq!(ledger.positions[&1].average_cost(), Decimal::new(3005, 1));
    }
}
