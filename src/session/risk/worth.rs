//! What money of one currency is worth in the base currency of an account, as IB tells it among the account values.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

/// Accounts and currencies kept; a login has a few accounts, an account a few dozen currencies.
const RATES_MAX: usize = 100_000;

/// Exchange rates of every account.
#[derive(Debug, Default)]
pub(super) struct Worth {
    /// Base currency by account.
    base: BTreeMap<String, String>,
    /// What one unit is worth in the base currency, by account and currency.
    rates: BTreeMap<(String, String), f64>,
}

impl Worth {
    /// An account value came: two tags tell of money. Sums (currency `BASE`) say nothing.
    pub(super) fn on_value(&mut self, account: &str, tag: &str, value: &str, currency: &str) {
        if currency.is_empty() || currency == "BASE" || self.base.len() + self.rates.len() >= RATES_MAX {
            return;
        }
        match tag {
            "NetLiquidation" => {
                self.base.insert(account.to_owned(), currency.to_owned());
            }
            "ExchangeRate" => {
                let rate = value.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
                let key = (account.to_owned(), currency.to_owned());
                match rate {
                    Some(rate) => drop(self.rates.insert(key, rate)),
                    None => drop(self.rates.remove(&key)),
                }
                // Before the net liquidation value is known: the currency that is worth exactly itself.
                if value.parse::<Decimal>() == Ok(Decimal::ONE) {
                    self.base.entry(account.to_owned()).or_insert_with(|| currency.to_owned());
                }
            }
            _ => {}
        }
    }

    /// What one unit of a currency is worth in an account's base currency, and that currency; `None` while IB has not
    /// told it.
    pub(super) fn of<'a>(&'a self, account: &str, currency: &str) -> Option<(f64, &'a str)> {
        let base = self.base.get(account)?;
        if base == currency {
            return Some((1.0, base));
        }
        let rate = self.rates.get(&(account.to_owned(), currency.to_owned()))?;
        Some((*rate, base))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{order, verdict},
        *,
    };
    use crate::{
        config::Config,
        schema::{ErrorCode, connection::LinkName},
        session::rig::{ACCOUNT, Rig},
        tws::{Response, message::account::AccountValue},
    };

    fn tell(rig: &mut Rig, key: &str, value: &str, currency: &str) {
        let [key, value, currency, account_name] = [key, value, currency, ACCOUNT].map(|text| Some(text.to_owned()));
        let value = AccountValue { key, value, currency, account_name };
        rig.receive(LinkName::Trading, Response::AccountValue(value));
    }

    /// An order for 100 at 180.50 of a stock in Tokyo's money, under a limit in the account's.
    #[test]
    fn an_order_is_measured_in_the_base_currency_of_its_account() {
        let mut config = Config::default();
        config.risk.limits.order_notional = Some(120.0);
        let mut rig = Rig::ready_with(config);
        rig.is_alive = true;
        let mut listing = (*rig.stock(265_598, "AAPL")).clone();
        listing.instrument.currency = "JPY".to_owned();
        let listing = listing.into();
        let (code, message) = verdict(&mut rig, "", &listing, order("k1", "")).expect("refused");
        assert!(code == ErrorCode::NotReady && message.contains("what JPY is worth"), "{code:?} {message}");
        tell(&mut rig, "NetLiquidation", "1000000", "USD");
        tell(&mut rig, "ExchangeRate", "0.0066", "JPY");
        assert_eq!(verdict(&mut rig, "", &listing, order("k1", "")), None, "119.13 dollars");
        tell(&mut rig, "ExchangeRate", "0.0067", "JPY");
        let (code, message) = verdict(&mut rig, "", &listing, order("k2", "")).expect("refused");
        assert!(code == ErrorCode::RejectedByRisk && message.contains("120.94 USD is above 120"), "{message}");
    }

    #[test]
    fn money_is_worth_what_ib_last_said_in_the_base_currency_of_its_account() {
        let mut worth = Worth::default();
        worth.on_value("DU1", "ExchangeRate", "1.00", "USD");
        worth.on_value("DU1", "ExchangeRate", "0.0064", "JPY");
        worth.on_value("DU2", "NetLiquidation", "1000.00", "CHF");
        worth.on_value("DU2", "ExchangeRate", "1.00", "BASE");
        assert_eq!(worth.of("DU1", "JPY"), Some((0.0064, "USD")));
        assert_eq!(worth.of("DU1", "USD"), Some((1.0, "USD")));
        assert_eq!(worth.of("DU2", "CHF"), Some((1.0, "CHF")));
        assert_eq!(worth.of("DU2", "USD"), None);
        assert_eq!(worth.of("DU3", "USD"), None);
        worth.on_value("DU1", "ExchangeRate", "0.0065", "JPY");
        assert_eq!(worth.of("DU1", "JPY"), Some((0.0065, "USD")));
        worth.on_value("DU1", "ExchangeRate", "", "JPY");
        assert_eq!(worth.of("DU1", "JPY"), None, "a rate that cannot be read is none");
    }
}
