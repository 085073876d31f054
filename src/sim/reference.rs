//! Requests answered from tables: contracts, symbols, option parameters, rules, providers.

use super::derivative::{FUTURES, OPTIONS};
use super::details;
use super::expiry;
use super::gateway::World;
use super::news;
use super::outbox::{ConnectionId, Outbox};
use super::universe::{Refusal, given};
use crate::tws::message::account::{FamilyCode, FamilyCodes, SoftDollarTiers};
use crate::tws::message::contract::{
    Contract, ContractDataEnd, ContractDataRequest, ContractDescription, MarketRule, PriceIncrement,
    SecDefOptParameter, SecDefOptParameterEnd, SecDefOptParamsRequest, SmartComponent, SmartComponents, SymbolSamples,
};
use crate::tws::message::depth::{DepthMarketDataDescription, MarketDepthExchanges};
use crate::tws::message::order::SoftDollarTier;
use crate::tws::{Request, Response};

/// Symbols answered to one search.
const SAMPLES_MAX: usize = 16;
const SMART_EXCHANGES: &[(&str, &str)] = &[
    ("AMEX", "A"),
    ("BEX", "B"),
    ("NYSENAT", "C"),
    ("PSX", "X"),
    ("NASDAQ", "Q"),
    ("NYSE", "N"),
    ("ARCA", "P"),
    ("BATS", "Z"),
    ("EDGX", "K"),
    ("IEX", "V"),
    ("MEMX", "U"),
];

/// Answers a request from the tables; false if it is not one of them.
pub(super) fn answer(world: &World, to: ConnectionId, request: &Request, out: &mut Outbox) -> bool {
    match request {
        Request::ContractDataRequest(request) => contract_data(world, to, request, out),
        // Contract data is answered at once, so there is never anything left to cancel.
        Request::CancelContractData(_) => {}
        Request::MatchingSymbolsRequest(request) => {
            let pattern = given(request.pattern.as_ref()).unwrap_or_default();
            let samples = SymbolSamples { req_id: request.req_id, contract_descriptions: samples(world, pattern) };
            out.send(to, Response::SymbolSamples(samples));
        }
        Request::SecDefOptParamsRequest(request) => option_parameters(to, request, out),
        Request::MarketRuleRequest(request) => market_rule(to, request.market_rule_id.unwrap_or_default(), out),
        Request::SmartComponentsRequest(request) => smart_components(to, request.req_id, out),
        Request::MarketDepthExchangesRequest(_) => out.send(to, Response::MarketDepthExchanges(depth_exchanges())),
        Request::FamilyCodesRequest(_) => {
            let row =
                |account: &String| FamilyCode { account_id: Some(account.clone()), family_code: Some(String::new()) };
            let family_codes = world.accounts.iter().map(row).collect();
            out.send(to, Response::FamilyCodes(FamilyCodes { family_codes }));
        }
        Request::SoftDollarTiersRequest(request) => {
            let tier = |name: &str, value: &str| SoftDollarTier {
                name: Some(name.to_owned()),
                value: Some(value.to_owned()),
                display_name: Some(format!("{name} {value}")),
            };
            let tiers = SoftDollarTiers { req_id: request.req_id, soft_dollar_tiers: vec![tier("Maximum", "100")] };
            out.send(to, Response::SoftDollarTiers(tiers));
        }
        Request::FARequest(_) | Request::FAReplace(_) => {
            let text = "FA data operations ignored for non FA customers.";
            out.refuse(to, super::outbox::NO_ID, Refusal::invalid(text));
        }
        _ => return false,
    }
    true
}

fn contract_data(world: &World, to: ConnectionId, request: &ContractDataRequest, out: &mut Outbox) {
    let req_id = request.req_id.unwrap_or_default();
    let query = request.contract.clone().unwrap_or_default();
    if let Some(tapes) = news::tapes(req_id, &query) {
        if tapes.is_empty() {
            return out.refuse(to, req_id, Refusal::unknown_contract());
        }
        for tape in tapes {
            out.send(to, Response::ContractData(Box::new(tape)));
        }
        return out.send(to, Response::ContractDataEnd(ContractDataEnd { req_id: Some(req_id) }));
    }
    if query.sec_type.as_deref() == Some("BAG") {
        return combo_data(world, to, req_id, &query, out);
    }
    match world.universe.find(&query, out.now_ms) {
        Err(refusal) => return out.refuse(to, req_id, refusal),
        Ok(found) => {
            let exchange = given(query.exchange.as_ref());
            for instrument in found {
                let data =
                    details::contract_data(req_id, &instrument, &world.universe, exchange, out.now_ms, world.hours());
                let is_bond = instrument.sec_type() == "BOND";
                let data = Box::new(data);
                out.send(to, if is_bond { Response::BondContractData(data) } else { Response::ContractData(data) });
            }
        }
    }
    out.send(to, Response::ContractDataEnd(ContractDataEnd { req_id: Some(req_id) }));
}

/// A combination exists if its legs do.
fn combo_data(world: &World, to: ConnectionId, req_id: i32, query: &Contract, out: &mut Outbox) {
    match world.universe.resolve(query, out.now_ms) {
        Err(refusal) => out.refuse(to, req_id, refusal),
        Ok(combo) => {
            let mut data = details::contract_data(req_id, &combo, &world.universe, None, out.now_ms, world.hours());
            if let Some(contract) = &mut data.contract {
                contract.combo_legs.clone_from(&query.combo_legs);
            }
            out.send(to, Response::ContractData(Box::new(data)));
            out.send(to, Response::ContractDataEnd(ContractDataEnd { req_id: Some(req_id) }));
        }
    }
}

fn samples(world: &World, pattern: &str) -> Vec<ContractDescription> {
    let upper = pattern.to_uppercase();
    let stocks = world.universe.fixed().iter().filter(|instrument| matches!(instrument.sec_type(), "STK" | "IND"));
    let named = stocks.filter(|instrument| {
        !upper.is_empty()
            && (instrument.symbol().starts_with(&upper) || instrument.name.to_uppercase().contains(&upper))
    });
    let description = |instrument: &std::sync::Arc<super::instrument::Instrument>| {
        let own = &instrument.contract;
        let has_options = OPTIONS.iter().any(|root| root.under == instrument.con_id());
        ContractDescription {
            contract: Some(Contract {
                con_id: own.con_id,
                symbol: own.symbol.clone(),
                sec_type: own.sec_type.clone(),
                primary_exch: own.primary_exch.clone().or_else(|| own.exchange.clone()),
                currency: own.currency.clone(),
                description: Some(instrument.name.to_owned()),
                ..Contract::default()
            }),
            derivative_sec_types: if has_options { vec!["OPT".to_owned()] } else { Vec::new() },
        }
    };
    named.take(SAMPLES_MAX).map(description).collect()
}

fn option_parameters(to: ConnectionId, request: &SecDefOptParamsRequest, out: &mut Outbox) {
    let under = request.underlying_con_id.unwrap_or_default();
    let symbol = request.underlying_symbol.as_deref().unwrap_or_default();
    let today = expiry::day_of(chrono_tz::Tz::US__Eastern, out.now_ms);
    // Only options on stocks exist here: a named futures exchange has none.
    let wants_futures = given(request.fut_fop_exchange.as_ref()).is_some();
    if let Some(root) = OPTIONS.iter().find(|root| root.under == under && root.symbol == symbol && !wants_futures) {
        let expirations: Vec<String> =
            expiry::option_dates(today).iter().map(|day| day.format("%Y%m%d").to_string()).collect();
        for exchange in details::option_exchanges() {
            let message = SecDefOptParameter {
                req_id: request.req_id,
                exchange: Some(exchange.to_owned()),
                underlying_con_id: Some(under),
                trading_class: Some(root.symbol.to_owned()),
                multiplier: Some("100".to_owned()),
                expirations: expirations.clone(),
                strikes: root.strikes(),
            };
            out.send(to, Response::SecDefOptParameter(Box::new(message)));
        }
    }
    out.send(to, Response::SecDefOptParameterEnd(SecDefOptParameterEnd { req_id: request.req_id }));
}

fn market_rule(to: ConnectionId, rule: i32, out: &mut Outbox) {
    let Some(steps) = details::price_steps(rule) else {
        return out.refuse(to, super::outbox::NO_ID, Refusal::invalid(&format!("Invalid market rule id {rule}")));
    };
    let increment =
        |(low_edge, increment): &(f64, f64)| PriceIncrement { low_edge: Some(*low_edge), increment: Some(*increment) };
    let price_increments = steps.iter().map(increment).collect();
    out.send(to, Response::MarketRule(MarketRule { market_rule_id: Some(rule), price_increments }));
}

fn smart_components(to: ConnectionId, req_id: Option<i32>, out: &mut Outbox) {
    let component = |(bit, (exchange, letter)): (i32, &(&str, &str))| SmartComponent {
        bit_number: Some(bit),
        exchange: Some((*exchange).to_owned()),
        exchange_letter: Some((*letter).to_owned()),
    };
    let smart_components = (0..).zip(SMART_EXCHANGES).map(component).collect();
    out.send(to, Response::SmartComponents(SmartComponents { req_id, smart_components }));
}

fn depth_exchanges() -> MarketDepthExchanges {
    let row = |exchange: &str, sec_type: &str, service: &str| DepthMarketDataDescription {
        exchange: Some(exchange.to_owned()),
        sec_type: Some(sec_type.to_owned()),
        listing_exch: Some(String::new()),
        service_data_type: Some(service.to_owned()),
        agg_group: None,
    };
    let mut rows = vec![
        row("SMART", "STK", "Deep2"),
        row("NASDAQ", "STK", "Deep2"),
        row("ARCA", "STK", "Deep2"),
        row("IDEALPRO", "CASH", "Deep"),
        row("PAXOS", "CRYPTO", "Deep"),
        row("ZEROHASH", "CRYPTO", "Deep"),
    ];
    let mut futures: Vec<&str> = FUTURES.iter().map(super::derivative::FutureRoot::exchange).collect();
    futures.dedup();
    rows.extend(futures.into_iter().map(|exchange| row(exchange, "FUT", "Deep")));
    MarketDepthExchanges { depth_market_data_descriptions: rows }
}
