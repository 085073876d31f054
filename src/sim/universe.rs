//! Which instruments exist, and which of them a contract description means.

use std::sync::Arc;

use chrono_tz::Tz;

use super::derivative::{self, FUTURES, OPTIONS};
use super::expiry;
use super::instrument::{Instrument, Leg, Tick, Venue, Walk};
use super::listing;
use crate::tws::message::contract::Contract;

/// The contract id of a combination nobody has traded.
const COMBO_ID: i32 = 28_812_380;
/// Contract ids of known combinations start here.
const COMBO_IDS: i32 = 2_000_000_000;
const COMBOS_MAX: usize = 1000;

/// A request that a gateway refuses: IB's code and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// IB's message code.
    pub(super) code: i32,
    /// IB's message text.
    pub(super) text: String,
}

impl Refusal {
    pub(super) fn new(code: i32, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// The gateway validated the request and refused it.
    pub(super) fn invalid(cause: &str) -> Self {
        Self::new(321, format!("Error validating request.-'bN' : cause - {cause}"))
    }

    pub(super) fn unknown_contract() -> Self {
        Self::new(200, "No security definition has been found for the request")
    }
}

/// All instruments of the simulated markets.
#[derive(Debug)]
pub(super) struct Universe {
    fixed: Vec<Arc<Instrument>>,
    combos: Vec<Arc<Instrument>>,
}

impl Default for Universe {
    fn default() -> Self {
        Self { fixed: listing::fixed().into_iter().map(Arc::new).collect(), combos: Vec::new() }
    }
}

impl Universe {
    /// The instrument with a contract id, expired ones included.
    pub(super) fn by_con_id(&self, con_id: i32) -> Option<Arc<Instrument>> {
        match self.fixed.iter().chain(&self.combos).find(|instrument| instrument.con_id() == con_id) {
            Some(instrument) => Some(Arc::clone(instrument)),
            None => derivative::by_con_id(con_id).map(Arc::new),
        }
    }

    /// The instruments that exist by themselves: no futures, options or combos.
    pub(super) fn fixed(&self) -> &[Arc<Instrument>] {
        &self.fixed
    }

    /// The walks all prices follow, one per leader.
    pub(super) fn walks(&self) -> impl Iterator<Item = Walk> + '_ {
        self.fixed.iter().map(|instrument| instrument.walk).chain(derivative::walks())
    }

    /// The one instrument a description means at `now_ms`.
    ///
    /// # Errors
    ///
    /// 200 if nothing fits or more than one does, 321 if the description lacks what is needed.
    pub(super) fn resolve(&self, query: &Contract, now_ms: i64) -> Result<Arc<Instrument>, Refusal> {
        let mut found = self.find(query, now_ms)?;
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok(only),
            _ => Err(Refusal::new(
                200,
                format!(
                    "The contract description specified for {} is ambiguous; you must specify the multiplier or currency.",
                    given(query.symbol.as_ref()).unwrap_or_default()
                ),
            )),
        }
    }

    /// Every instrument that fits a description at `now_ms`; at least one.
    ///
    /// # Errors
    ///
    /// 200 if nothing fits, 321 if the description lacks what is needed.
    pub(super) fn find(&self, query: &Contract, now_ms: i64) -> Result<Vec<Arc<Instrument>>, Refusal> {
        if query.sec_type.as_deref() == Some("BAG") {
            return self.combo(query, now_ms).map(|combo| vec![combo]);
        }
        let expired = query.include_expired.unwrap_or(false);
        let named = match query.con_id.filter(|con_id| *con_id > 0) {
            Some(con_id) => self.by_con_id(con_id).into_iter().collect(),
            None => self.described(query, now_ms, expired)?,
        };
        let fresh = |instrument: &Arc<Instrument>| {
            expired || instrument.expiry.is_none_or(|end| end >= expiry::day_of(instrument.venue.zone, now_ms))
        };
        let found: Vec<_> = named.into_iter().filter(fresh).collect();
        if found.is_empty() {
            return Err(Refusal::unknown_contract());
        }
        let routable: Vec<_> =
            found.into_iter().filter(|instrument| trades_on(instrument, query.exchange.as_ref())).collect();
        if routable.is_empty() {
            return Err(Refusal::new(200, "The destination or exchange selected is Invalid"));
        }
        Ok(routable)
    }

    /// The first instrument with a symbol that has a price of its own: stocks and the like before futures.
    pub(super) fn named(&self, symbol: &str, now_ms: i64) -> Option<Arc<Instrument>> {
        let future = || {
            let query = Contract { symbol: listing::text(symbol), ..Contract::default() };
            futures(&query, now_ms, false).into_iter().next()
        };
        let named = |instrument: &&Arc<Instrument>| {
            instrument.symbol() == symbol || instrument.contract.local_symbol.as_deref() == Some(symbol)
        };
        self.fixed.iter().find(named).cloned().or_else(future)
    }

    /// Remembers a combination, so that it has a contract id from now on. Bounded: when full, new
    /// combinations stay unknown.
    pub(super) fn learn(&mut self, query: &Contract, now_ms: i64) {
        if query.sec_type.as_deref() != Some("BAG") || self.combos.len() >= COMBOS_MAX || self.known(query).is_some() {
            return;
        }
        if let Ok(mut combo) = self.assemble(query, now_ms) {
            combo.contract.con_id = i32::try_from(self.combos.len()).ok().map(|position| COMBO_IDS + position);
            self.combos.push(Arc::new(combo));
        }
    }

    fn known(&self, query: &Contract) -> Option<&Arc<Instrument>> {
        self.combos.iter().find(|combo| signature(&combo.contract) == signature(query))
    }

    /// The combination of the legs in a description.
    fn combo(&self, query: &Contract, now_ms: i64) -> Result<Arc<Instrument>, Refusal> {
        let unnamed = self.assemble(query, now_ms)?;
        Ok(self.known(query).cloned().unwrap_or_else(|| Arc::new(unnamed)))
    }

    fn assemble(&self, query: &Contract, now_ms: i64) -> Result<Instrument, Refusal> {
        let mut legs = Vec::new();
        for leg in &query.combo_legs {
            let contract = Contract { con_id: leg.con_id, exchange: leg.exchange.clone(), ..Contract::default() };
            let refused = |cause: &str| Refusal::new(313, format!("One of the combo legs is invalid: {cause}"));
            let instrument = self.find(&contract, now_ms).map_err(|refusal| refused(&refusal.text))?;
            let ratio = leg.ratio.filter(|ratio| (1..=1000).contains(ratio)).ok_or_else(|| refused("ratio"))?;
            let sold = leg.action.as_deref() != Some("BUY");
            let ratio = if sold { -ratio } else { ratio };
            legs.extend(instrument.into_iter().next().map(|instrument| Leg { instrument, ratio }));
        }
        let first = legs.first().ok_or_else(|| Refusal::new(314, "BAG contracts must have legs"))?;
        let first = Arc::clone(&first.instrument);
        let symbol = given(query.symbol.as_ref()).unwrap_or_else(|| first.symbol()).to_owned();
        let currency = first.contract.currency.as_deref().unwrap_or_default();
        Ok(Instrument {
            contract: Contract {
                con_id: Some(COMBO_ID),
                multiplier: first.contract.multiplier,
                combo_legs: query.combo_legs.clone(),
                ..listing::contract("BAG", &symbol, "SMART", currency, &symbol, "COMB")
            },
            tick: Tick::CENT,
            isin: "",
            expiry: None,
            under: None,
            venue: Venue { exchanges: "SMART,CME,NYMEX,COMEX", ..first.venue },
            legs,
            ..Instrument::clone(&first)
        })
    }

    fn described(&self, query: &Contract, now_ms: i64, expired: bool) -> Result<Vec<Arc<Instrument>>, Refusal> {
        let by_number = given(query.sec_id.as_ref()).is_some();
        if given(query.symbol.as_ref()).is_none() && given(query.local_symbol.as_ref()).is_none() && !by_number {
            return Err(Refusal::invalid("Please enter a local symbol or a symbol"));
        }
        let sec_type = given(query.sec_type.as_ref()).unwrap_or_default();
        let all: Vec<Arc<Instrument>> = match sec_type {
            "STK" | "IND" | "CASH" | "CRYPTO" | "BOND" | "CFD" => self.fixed.clone(),
            "" if by_number => self.fixed.clone(),
            "FUT" => futures(query, now_ms, expired),
            "CONTFUT" => continuous_futures(query, now_ms),
            "OPT" => options(query, now_ms),
            "" => return Err(Refusal::invalid("Please enter a valid security type")),
            _ => Vec::new(),
        };
        Ok(all.into_iter().filter(|instrument| fits(instrument, query)).collect())
    }
}

fn futures(query: &Contract, now_ms: i64, expired: bool) -> Vec<Arc<Instrument>> {
    let today = expiry::day_of(Tz::US__Central, now_ms);
    let roots = FUTURES.iter().enumerate().filter(|(_, root)| may_be(root.symbol, query));
    roots.flat_map(|(product, root)| root.listed_on(product, today, expired)).map(Arc::new).collect()
}

/// A continuous future is the front month under another security type.
fn continuous_futures(query: &Contract, now_ms: i64) -> Vec<Arc<Instrument>> {
    let today = expiry::day_of(Tz::US__Central, now_ms);
    let roots = FUTURES.iter().enumerate().filter(|(_, root)| may_be(root.symbol, query));
    roots
        .filter_map(|(product, root)| root.listed_on(product, today, false).into_iter().next())
        .map(|mut front| {
            front.contract.sec_type = listing::text("CONTFUT");
            Arc::new(front)
        })
        .collect()
}

fn options(query: &Contract, now_ms: i64) -> Vec<Arc<Instrument>> {
    let today = expiry::day_of(Tz::US__Eastern, now_ms);
    let dates = expiry::option_dates(today);
    let wanted = given(query.last_trade_date_or_contract_month.as_ref()).unwrap_or_default();
    let strike = query.strike.filter(|strike| *strike > 0.0 && *strike < f64::MAX);
    let mut found = Vec::new();
    for (chain, root) in OPTIONS.iter().enumerate().filter(|(_, root)| may_be(root.symbol, query)) {
        for date in dates.iter().filter(|date| date.format("%Y%m%d").to_string().starts_with(wanted)) {
            for value in root.strikes().into_iter().filter(|value| strike.is_none_or(|wanted| same(wanted, *value))) {
                for is_call in [true, false] {
                    found.extend(root.option(chain, *date, value, is_call).map(Arc::new));
                }
            }
        }
    }
    found
}

/// True if a derivative's symbol can be what is asked for; saves generating the other chains.
fn may_be(symbol: &str, query: &Contract) -> bool {
    match (given(query.symbol.as_ref()), given(query.local_symbol.as_ref())) {
        (Some(wanted), _) => wanted == symbol,
        (None, Some(local)) => local.starts_with(symbol),
        (None, None) => false,
    }
}

fn fits(instrument: &Instrument, query: &Contract) -> bool {
    let own = &instrument.contract;
    let text = |wanted: &Option<String>, own: &Option<String>| {
        given(wanted.as_ref()).is_none_or(|wanted| own.as_deref() == Some(wanted))
    };
    let number = |wanted: Option<f64>, own: Option<f64>| {
        wanted
            .filter(|wanted| *wanted > 0.0 && *wanted < f64::MAX)
            .is_none_or(|wanted| own.is_some_and(|own| same(wanted, own)))
    };
    let date = given(query.last_trade_date_or_contract_month.as_ref()).unwrap_or_default();
    let primary = given(query.primary_exch.as_ref());
    let right = given(query.right.as_ref()).filter(|right| !matches!(*right, "0" | "?"));
    let number_given = given(query.sec_id.as_ref());
    text(&query.sec_type, &own.sec_type)
        && text(&query.symbol, &own.symbol)
        && text(&query.currency, &own.currency)
        && text(&query.local_symbol, &own.local_symbol)
        && text(&query.trading_class, &own.trading_class)
        && own.last_trade_date_or_contract_month.as_deref().unwrap_or_default().starts_with(date)
        && number(query.strike, own.strike)
        && number(query.multiplier, own.multiplier)
        && right.is_none_or(|right| own.right.as_deref().is_some_and(|own| right.starts_with(own)))
        && primary.is_none_or(|primary| own.primary_exch.as_deref() == Some(primary) || lists(instrument, primary))
        && number_given.is_none_or(|number| number == instrument.isin)
}

fn trades_on(instrument: &Instrument, exchange: Option<&String>) -> bool {
    given(exchange).is_none_or(|exchange| lists(instrument, exchange))
}

fn lists(instrument: &Instrument, exchange: &str) -> bool {
    instrument.venue.exchanges.split(',').any(|listed| listed == exchange)
}

/// What makes two combinations the same.
fn signature(contract: &Contract) -> Vec<(Option<i32>, Option<i32>, Option<&str>)> {
    let mut legs: Vec<_> =
        contract.combo_legs.iter().map(|leg| (leg.con_id, leg.ratio, leg.action.as_deref())).collect();
    legs.sort_unstable();
    legs
}

/// A text field that says something.
pub(super) fn given(field: Option<&String>) -> Option<&str> {
    field.map(String::as_str).filter(|text| !text.is_empty())
}

fn same(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 15:00 UTC.
    const NOW_MS: i64 = 1_795_273_200_000;

    fn query(sec_type: &str, symbol: &str) -> Contract {
        Contract { sec_type: listing::text(sec_type), symbol: listing::text(symbol), ..Contract::default() }
    }

    #[track_caller]
    fn check(query: &Contract, expected: Result<&str, i32>) {
        let found = Universe::default().resolve(query, NOW_MS);
        let found = found.as_ref().map(|one| one.contract.local_symbol.as_deref().expect("a local symbol"));
        assert_eq!(found.map_err(|refusal| refusal.code), expected);
    }

    #[test]
    fn a_stock_in_two_currencies_is_ambiguous_until_one_is_named() {
        check(&query("STK", "SHOP"), Err(200));
        check(&Contract { currency: listing::text("CAD"), ..query("STK", "SHOP") }, Ok("SHOP"));
        assert_eq!(Universe::default().find(&query("STK", "SHOP"), NOW_MS).map(|all| all.len()), Ok(2));
    }

    #[test]
    fn every_kind_of_instrument_is_found() {
        check(&query("IND", "SPX"), Ok("SPX"));
        check(&Contract { currency: listing::text("USD"), ..query("CASH", "EUR") }, Ok("EUR.USD"));
        check(&Contract { exchange: listing::text("PAXOS"), ..query("CRYPTO", "BTC") }, Ok("BTC.USD"));
        check(&query("BOND", "IBM"), Ok("IBM 4 06/20/42"));
        check(&query("CONTFUT", "ES"), Ok("ESZ6"));
        let local =
            Contract { local_symbol: listing::text("ESH7"), sec_type: listing::text("FUT"), ..Contract::default() };
        check(&local, Ok("ESH7"));
        let option = Contract {
            last_trade_date_or_contract_month: listing::text("20261218"),
            strike: Some(250.0),
            right: listing::text("CALL"),
            ..query("OPT", "AAPL")
        };
        check(&option, Ok("AAPL  261218C00250000"));
    }

    #[test]
    fn what_does_not_exist_is_refused_with_200_and_what_is_incomplete_with_321() {
        check(&query("STK", "NOSUCH"), Err(200));
        check(&Contract { exchange: listing::text("MOON"), ..query("STK", "AAPL") }, Err(200));
        check(&Contract { con_id: Some(1), ..Contract::default() }, Err(200));
        check(&query("", "AAPL"), Err(321));
        check(&Contract::default(), Err(321));
    }

    #[test]
    fn an_expired_future_is_found_only_when_asked_for() {
        let old = Contract { last_trade_date_or_contract_month: listing::text("202609"), ..query("FUT", "ES") };
        check(&old, Err(200));
        check(&Contract { include_expired: Some(true), ..old }, Ok("ESU6"));
    }
}
