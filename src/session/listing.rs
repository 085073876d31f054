//! A resolved instrument with a small number of its own, as events and as requests name it.

use crate::{
    schema::{Instrument, Size},
    tws::{message::contract::Contract, sentinel::unset_decimal},
};

/// An instrument that events name. One value per instrument and run, shared by reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// Counts up from 0 in the order instruments were resolved, so that publishers can index by it.
    pub slot: usize,
    /// The instrument.
    pub instrument: Instrument,
    /// The instrument as requests to the gateway name it.
    pub contract: Contract,
}

/// The instrument as requests to the gateway name it. A bond is named by its id alone: where IB gives it no symbol,
/// the instrument shows another identifier in its place.
pub(crate) fn contract_of(instrument: &Instrument) -> Contract {
    let named = |name: &String| (instrument.sec_type != "BOND").then(|| name.clone());
    Contract {
        con_id: Some(instrument.con_id),
        symbol: named(&instrument.symbol),
        sec_type: Some(instrument.sec_type.clone()),
        last_trade_date_or_contract_month: instrument.expiry.clone(),
        strike: instrument.strike,
        right: instrument.right.clone(),
        multiplier: instrument.multiplier,
        exchange: Some(instrument.exchange.clone()),
        currency: Some(instrument.currency.clone()),
        local_symbol: named(&instrument.local_symbol),
        trading_class: instrument.trading_class.clone(),
        ..Contract::default()
    }
}

/// A size field, unless the gateway left it out.
pub(crate) fn size_of(text: &str) -> Option<Size> {
    unset_decimal(text).and_then(Size::from_gateway)
}

/// A figure that exists only for bars of trades; the gateway sends -1 otherwise.
pub(crate) fn of_trades(text: Option<&str>) -> Option<Size> {
    text.filter(|text| !text.starts_with('-')).and_then(size_of)
}
