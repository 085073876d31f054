//! The account's figures by IB's names.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::ledger::{Ledger, is_margined};
use super::valuation::Valuation;

/// One figure. Text, because some are not numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub key: &'static str,
    pub text: String,
    /// Empty for figures that are not money.
    pub currency: String,
}

/// Figures of the whole account, in dollars.
pub(super) fn account(name: &str, worth: &Valuation, start_of_day: Decimal) -> Vec<Value> {
    let net = worth.net_liquidation();
    let zero = Decimal::ZERO;
    let cushion = worth.excess().checked_div(net).unwrap_or_default();
    let leverage = worth.gross.checked_div(net).unwrap_or_default();
    let mut values = vec![
        plain("AccountCode", name.to_owned()),
        plain("AccountReady", "true".to_owned()),
        plain("AccountType", "INDIVIDUAL".to_owned()),
        plain("Cushion", cushion.round_dp(6).normalize().to_string()),
        plain("DayTradesRemaining", "-1".to_owned()),
        plain("Leverage", format!("{:.2}", leverage.round_dp(2))),
    ];
    let money = [
        ("AccruedCash", zero),
        ("AvailableFunds", worth.available()),
        ("BuyingPower", worth.buying_power()),
        ("EquityWithLoanValue", worth.equity_with_loan()),
        ("ExcessLiquidity", worth.excess()),
        ("FullAvailableFunds", worth.available()),
        ("FullExcessLiquidity", worth.excess()),
        ("FullInitMarginReq", worth.initial_margin),
        ("FullMaintMarginReq", worth.maintenance_margin),
        ("GrossPositionValue", worth.gross),
        ("InitMarginReq", worth.initial_margin),
        ("LookAheadAvailableFunds", worth.available()),
        ("LookAheadExcessLiquidity", worth.excess()),
        ("LookAheadInitMarginReq", worth.initial_margin),
        ("LookAheadMaintMarginReq", worth.maintenance_margin),
        ("MaintMarginReq", worth.maintenance_margin),
        ("NetLiquidation", net),
        ("PreviousDayEquityWithLoanValue", start_of_day),
        ("SettledCash", worth.cash),
        ("TotalCashValue", worth.cash),
    ];
    values.extend(money.map(|(key, amount)| value(key, amount, "USD")));
    values
}

/// Makes the figures those of an account that IB is resetting. That it is comes first.
pub(super) fn spoil(values: &mut [Value]) {
    for value in values.iter_mut() {
        match value.key {
            "AccountReady" => "false".clone_into(&mut value.text),
            _ if !value.currency.is_empty() => "0.00".clone_into(&mut value.text),
            _ => {}
        }
    }
}

/// Figures by currency, and their sum in dollars under `BASE`.
pub(super) fn ledger(books: &Ledger, worth: &Valuation) -> Vec<Value> {
    let in_use: BTreeSet<&str> = books.cash.keys().map(String::as_str).chain(["USD"]).collect();
    let mut values = rows("BASE", &total(worth), Decimal::ONE);
    for currency in in_use {
        let rate = worth.rates.get(currency).copied().unwrap_or(Decimal::ONE);
        values.extend(rows(currency, &of_currency(currency, books, worth), rate));
    }
    values
}

#[derive(Default)]
struct Row {
    cash: Decimal,
    stocks: Decimal,
    options: Decimal,
    futures: Decimal,
    others: Decimal,
    unrealized: Decimal,
    realized: Decimal,
}

fn total(worth: &Valuation) -> Row {
    Row {
        cash: worth.cash,
        stocks: worth.stocks,
        options: worth.options,
        futures: worth.futures,
        others: worth.others,
        unrealized: worth.unrealized,
        realized: worth.realized_today,
    }
}

fn of_currency(currency: &str, books: &Ledger, worth: &Valuation) -> Row {
    let mut row = Row { cash: books.cash.get(currency).copied().unwrap_or_default(), ..Row::default() };
    for (con_id, position) in &books.positions {
        let contract = &position.resolved.contract;
        let Some(valued) = worth.positions.get(con_id).filter(|_| contract.currency() == currency) else { continue };
        row.unrealized += valued.unrealized;
        row.realized += valued.realized_today;
        match contract.sec_type() {
            "STK" => row.stocks += valued.value,
            "OPT" | "FOP" | "WAR" => row.options += valued.value,
            "CASH" => {}
            sec_type if is_margined(sec_type) => row.futures += valued.value - position.paid,
            _ => row.others += valued.value,
        }
    }
    row
}

fn rows(currency: &str, row: &Row, rate: Decimal) -> Vec<Value> {
    let net = row.cash + row.stocks + row.options + row.futures + row.others;
    let mut values = vec![Value { key: "Currency", text: currency.to_owned(), currency: currency.to_owned() }];
    let money = [
        ("CashBalance", row.cash),
        ("TotalCashBalance", row.cash),
        ("StockMarketValue", row.stocks),
        ("OptionMarketValue", row.options),
        ("FuturesPNL", row.futures),
        ("NetLiquidationByCurrency", net),
        ("UnrealizedPnL", row.unrealized),
        ("RealizedPnL", row.realized),
    ];
    values.extend(money.map(|(key, amount)| value(key, amount, currency)));
    values.push(Value { key: "ExchangeRate", text: format!("{rate:.7}"), currency: currency.to_owned() });
    values
}

fn plain(key: &'static str, text: String) -> Value {
    Value { key, text, currency: String::new() }
}

fn value(key: &'static str, amount: Decimal, currency: &str) -> Value {
    Value { key, text: format!("{:.2}", amount.round_dp(2)), currency: currency.to_owned() }
}
