//! Instruments for the tests of this room.

use crate::{schema::Instrument, session::Listing};

/// A stock.
#[expect(clippy::default_trait_access, reason = "this room may not name the type")]
pub(crate) fn listing(slot: usize, symbol: &str) -> Listing {
    let instrument = Instrument::bare(265_598, "STK", symbol, "SMART", "USD");
    Listing { slot, instrument, contract: Default::default() }
}
