//! What the gateway says about a contract, as an instrument and as published details.

use super::{
    hours,
    query::{Normal, default_exchange},
};
use crate::{
    schema::{Instrument, request::contract},
    session::{core::Core, listing::contract_of, time::Zone},
    tws::{
        message::contract::{Contract, ContractData, ContractDetails},
        sentinel::{some_text, unset_double},
    },
};

/// One contract that fits a description.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    con_id: i32,
    /// Exchanges of all rows with this id, in the order they came.
    offered: Vec<String>,
    contract: Contract,
    details: ContractDetails,
}

impl Found {
    /// Reads one row. `None` if it has no contract id, which nothing could be asked with.
    pub(super) fn read(message: ContractData) -> Option<Self> {
        let contract = message.contract?;
        let con_id = contract.con_id.filter(|id| *id > 0)?;
        let offered = some_text(contract.exchange.clone()).into_iter().collect();
        Some(Self { con_id, offered, contract, details: message.contract_details.unwrap_or_default() })
    }

    pub(super) fn con_id(&self) -> i32 {
        self.con_id
    }

    pub(super) fn multiplier(&self) -> Option<f64> {
        self.contract.multiplier.and_then(unset_double).filter(|multiplier| *multiplier > 0.0)
    }

    /// Adds a row; one contract comes once for each exchange it trades at.
    pub(super) fn gather(rows: &mut Vec<Self>, found: Self) {
        match rows.iter_mut().find(|row| row.con_id == found.con_id) {
            Some(same) => same.also_at(found),
            None => rows.push(found),
        }
    }

    /// The messages it was read from, in short: further exchanges stand alone.
    pub(super) fn messages(&self) -> impl Iterator<Item = ContractData> + '_ {
        let whole = ContractData {
            req_id: None,
            contract: Some(self.contract.clone()),
            contract_details: Some(self.details.clone()),
        };
        let further = self.offered.iter().filter(|exchange| Some(*exchange) != self.contract.exchange.as_ref());
        let further = further.map(|exchange| {
            let contract =
                Contract { con_id: Some(self.con_id), exchange: Some(exchange.clone()), ..Contract::default() };
            ContractData { contract: Some(contract), ..ContractData::default() }
        });
        std::iter::once(whole).chain(further)
    }

    /// Zone, trading hours and liquid hours as the gateway writes them.
    pub(super) fn hours_texts(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        let said = &self.details;
        (said.time_zone_id.as_deref(), said.trading_hours.as_deref(), said.liquid_hours.as_deref())
    }

    /// Its exchange's zone, if its name is known.
    pub(super) fn zone(&self) -> Option<Zone> {
        Zone::named(self.details.time_zone_id.as_deref()?)
    }

    /// IANA's name of its exchange's zone.
    pub(super) fn zone_name(&self) -> Option<String> {
        self.zone().map(|zone| zone.name().to_owned())
    }

    /// Numbers of its market rules, one for each exchange in the same order.
    pub(super) fn market_rules(&self) -> Vec<i32> {
        split(self.details.market_rule_ids.as_deref()).iter().filter_map(|id| id.parse().ok()).collect()
    }

    /// Another row of the same contract, at another exchange.
    fn also_at(&mut self, other: Self) {
        for exchange in other.offered {
            if !self.offered.contains(&exchange) {
                self.offered.push(exchange);
            }
        }
    }

    pub(super) fn exchanges(&self) -> Vec<String> {
        let listed = split(self.details.valid_exchanges.as_deref());
        if listed.is_empty() { self.offered.clone() } else { listed }
    }

    /// Where requests about it are routed: as asked, else the usual route of its kind if it is
    /// offered, else `SMART`, else the listing exchange, else the first row's.
    fn route(&self, asked: &Normal) -> String {
        if let Some(exchange) = asked.exchange() {
            return exchange.to_owned();
        }
        let exchanges = self.exchanges();
        let sec_type = self.contract.sec_type.as_deref().unwrap_or_default();
        let primary = some_text(self.contract.primary_exch.clone());
        let wanted = [default_exchange(sec_type).map(str::to_owned), Some("SMART".to_owned()), primary];
        let offered = |exchange: &String| exchanges.contains(exchange) || self.offered.contains(exchange);
        let first = self.offered.first().or(exchanges.first()).cloned();
        wanted.into_iter().flatten().find(offered).or(first).unwrap_or_default()
    }

    /// The instrument that `asked` names, and the contract later requests carry.
    pub(super) fn instrument(&self, asked: &Normal) -> (Instrument, Contract) {
        let found = &self.contract;
        let exchange = self.route(asked);
        let symbol = some_text(found.symbol.clone()).or_else(|| some_text(self.details.cusip.clone()));
        let symbol = symbol.unwrap_or_else(|| self.con_id.to_string());
        let instrument = Instrument {
            con_id: self.con_id,
            sec_type: found.sec_type.clone().unwrap_or_default(),
            local_symbol: some_text(found.local_symbol.clone()).unwrap_or_else(|| symbol.clone()),
            symbol,
            exchange,
            currency: found.currency.clone().unwrap_or_default(),
            primary_exchange: some_text(found.primary_exch.clone()),
            expiry: self.expiry(),
            strike: found.strike.and_then(unset_double).filter(|strike| *strike != 0.0),
            right: found.right.as_deref().and_then(right),
            multiplier: self.multiplier(),
            trading_class: some_text(found.trading_class.clone()),
            min_tick: self.details.min_tick.as_deref().and_then(|tick| tick.parse().ok()).and_then(unset_double),
        };
        let include_expired = asked.include_expired().then_some(true);
        let contract = Contract { include_expired, ..contract_of(&instrument) };
        (instrument, contract)
    }

    /// IB writes the last trading day alone or followed by a time.
    fn expiry(&self) -> Option<String> {
        let candidates = [&self.contract.last_trade_date_or_contract_month, &self.contract.last_trade_date];
        let dates = candidates.map(|field| {
            let digits: String = field.iter().flat_map(|text| text.chars()).take_while(char::is_ascii_digit).collect();
            digits
        });
        let whole = dates.iter().find(|digits| digits.len() == 8);
        whole.or_else(|| dates.iter().find(|digits| !digits.is_empty())).cloned()
    }

    /// The contract for a person, beside the text that names exactly it.
    pub(super) fn candidate(&self, asked: &Normal) -> String {
        let (instrument, _) = self.instrument(asked);
        let strike = instrument.strike.map(|strike| strike.to_string());
        let multiplier = instrument.multiplier.map(|multiplier| format!("x{multiplier}"));
        let place = instrument.primary_exchange.clone().unwrap_or_else(|| instrument.exchange.clone());
        let local_symbol = (instrument.local_symbol != instrument.symbol).then(|| instrument.local_symbol.clone());
        let parts = [
            Some(instrument.sec_type.clone()),
            Some(instrument.symbol.clone()),
            local_symbol,
            instrument.expiry.clone(),
            instrument.right.clone(),
            strike,
            multiplier,
            Some(place),
            Some(instrument.currency.clone()),
        ];
        let readable: Vec<String> = parts.into_iter().flatten().collect();
        format!("{} ({})", instrument.short(), readable.join(" "))
    }

    /// Everything published about it.
    pub(super) fn details(&self, core: &mut Core, asked: &Normal) -> contract::ContractDetails {
        let (trading, liquid) = hours::hours_of(core, self);
        let (instrument, _) = self.instrument(asked);
        let said = &self.details;
        contract::ContractDetails {
            short: instrument.short(),
            instrument,
            long_name: some_text(said.long_name.clone()),
            market_name: some_text(said.market_name.clone()),
            exchanges: self.exchanges(),
            order_types: split(said.order_types.as_deref()),
            market_rules: self.market_rules(),
            underlying_con_id: said.under_con_id.filter(|id| *id > 0),
            contract_month: some_text(said.contract_month.clone()),
            time_zone: self.zone_name(),
            trading_hours: trading.as_ref().map(hours::sessions),
            liquid_hours: liquid.as_ref().map(hours::sessions),
            min_size: some_text(said.min_size.clone()),
            size_increment: some_text(said.size_increment.clone()),
            price_magnifier: said.price_magnifier.filter(|magnifier| *magnifier > 0),
            industry: some_text(said.industry.clone()),
            category: some_text(said.category.clone()),
            stock_type: some_text(said.stock_type.clone()),
        }
    }
}

fn split(list: Option<&str>) -> Vec<String> {
    let parts = list.unwrap_or_default().split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn right(text: &str) -> Option<String> {
    match text {
        "C" | "CALL" => Some("C".to_owned()),
        "P" | "PUT" => Some("P".to_owned()),
        _ => None,
    }
}
