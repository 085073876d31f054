//! Instruments for the tests of this room.

use crate::{schema::Instrument, session::Listing};

/// A stock.
#[expect(clippy::default_trait_access, reason = "this room may not name the type")]
pub(crate) fn listing(slot: usize, symbol: &str) -> Listing {
    let instrument = Instrument {
        con_id: 265_598,
        sec_type: "STK".into(),
        symbol: symbol.into(),
        local_symbol: symbol.into(),
        exchange: "SMART".into(),
        currency: "USD".into(),
        primary_exchange: None,
        expiry: None,
        strike: None,
        right: None,
        multiplier: None,
        trading_class: None,
        min_tick: None,
    };
    Listing { slot, instrument, contract: Default::default() }
}
