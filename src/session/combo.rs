//! Combos are named by their legs: IB has no contract data for them, so nothing is looked up.

use std::sync::Arc;

use super::{Listing, core::Core};
use crate::{
    schema::{ApiError, Instrument, contract::ContractQuery, request::order::OpenClose},
    tws::message::contract::{ComboLeg, Contract},
};

/// Legs of one combo.
const LEGS_MAX: usize = 20;
/// IB's own name of the combo security type.
const BAG: &str = "BAG";

/// True if the description names a combo.
pub(crate) fn is_combo(query: &ContractQuery) -> bool {
    query.sec_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case(BAG)) || !query.legs.is_empty()
}

/// The combo as orders name it.
///
/// # Errors
///
/// Names the field that is missing or wrong.
pub(crate) fn combo_listing(query: &ContractQuery) -> Result<Arc<Listing>, ApiError> {
    let wrong = |field: &str, what: &str| ApiError::invalid(format!("contract.{field}: {what}"));
    if !query.sec_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case(BAG)) {
        return Err(wrong("sec_type", "must be BAG with legs"));
    }
    let symbol = query.symbol.clone().filter(|symbol| !symbol.trim().is_empty());
    let symbol = symbol.ok_or_else(|| wrong("symbol", "is required for a combo"))?;
    if !(2..=LEGS_MAX).contains(&query.legs.len()) {
        return Err(wrong("legs", &format!("a combo has 2 to {LEGS_MAX} legs")));
    }
    let currency = query.currency.clone().unwrap_or_else(|| "USD".to_owned());
    let exchange = query.exchange.clone().unwrap_or_else(|| "SMART".to_owned());
    let mut combo_legs = Vec::with_capacity(query.legs.len());
    for (place, leg) in query.legs.iter().enumerate() {
        let wrong = |field: &str, what: &str| wrong(&format!("legs[{place}].{field}"), what);
        if leg.con_id <= 0 {
            return Err(wrong("con_id", "must be above zero"));
        }
        if leg.ratio <= 0 {
            return Err(wrong("ratio", "must be above zero"));
        }
        if !matches!(leg.action.as_str(), "BUY" | "SELL" | "SSHORT") {
            return Err(wrong("action", "is BUY, SELL or SSHORT"));
        }
        if leg.exchange.trim().is_empty() {
            return Err(wrong("exchange", "is empty"));
        }
        if leg.per_leg_price.is_some_and(|price| !price.is_finite() || price.abs() >= f64::MAX) {
            return Err(wrong("per_leg_price", "is not a price"));
        }
        combo_legs.push(ComboLeg {
            con_id: Some(leg.con_id),
            ratio: Some(leg.ratio),
            action: Some(leg.action.clone()),
            exchange: Some(leg.exchange.clone()),
            // 0 is "same as the combo", the only choice of retail customers.
            open_close: Some(match leg.open_close {
                None => 0,
                Some(OpenClose::Open) => 1,
                Some(OpenClose::Close) => 2,
            }),
            short_sales_slot: Some(leg.short_sale_slot.unwrap_or(0)),
            designated_location: leg.designated_location.clone(),
            exempt_code: Some(leg.exempt_code.unwrap_or(-1)),
            per_leg_price: leg.per_leg_price,
        });
    }
    let contract = Contract {
        con_id: Some(0),
        symbol: Some(symbol.clone()),
        sec_type: Some(BAG.to_owned()),
        exchange: Some(exchange.clone()),
        currency: Some(currency.clone()),
        combo_legs,
        ..Contract::default()
    };
    let instrument = Instrument::bare(0, BAG, &symbol, &exchange, &currency);
    // Orders name no slot: nothing is published per combo.
    Ok(Arc::new(Listing { slot: usize::MAX, instrument, contract }))
}

/// The combo as streams and their subjects name it.
///
/// IB gives a combo neither a contract id nor a local symbol, and subjects are made of the latter. Its place is taken
/// by the symbol and the legs, in the order of their contract ids: whoever knows the legs knows the subject, in this run
/// and in every other, and two combos never share one.
///
/// # Errors
///
/// As [`combo_listing`], and `too_large` if the run has used as many instruments as it may.
pub(crate) fn combo_stream(core: &mut Core, query: &ContractQuery) -> Result<Arc<Listing>, ApiError> {
    let ordered = combo_listing(query)?;
    let (mut instrument, mut contract) = (ordered.instrument.clone(), ordered.contract.clone());
    let mut legs: Vec<(i32, String)> = Vec::with_capacity(contract.combo_legs.len());
    for leg in &mut contract.combo_legs {
        // What else a leg may say is about the order.
        let is_bought = leg.action.as_deref() == Some("BUY");
        *leg = ComboLeg {
            con_id: leg.con_id,
            ratio: leg.ratio,
            action: Some(if is_bought { "BUY" } else { "SELL" }.to_owned()),
            exchange: leg.exchange.take(),
            ..ComboLeg::default()
        };
        let (con_id, ratio) = (leg.con_id.unwrap_or_default(), leg.ratio.unwrap_or_default());
        let elsewhere = leg.exchange.as_ref().filter(|exchange| **exchange != instrument.exchange);
        let exchange = elsewhere.map(|exchange| format!("_{exchange}")).unwrap_or_default();
        legs.push((con_id, format!("{}{ratio}_{con_id}{exchange}", if is_bought { 'B' } else { 'S' })));
    }
    legs.sort();
    instrument.local_symbol.clone_from(&instrument.symbol);
    for (_, leg) in legs {
        instrument.local_symbol.push('-');
        instrument.local_symbol.push_str(&leg);
    }
    core.listing(instrument, contract)
}
