//! What the broker asks the market side: which contract is meant, and what it costs now.

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use crate::tws::message::contract::Contract;

/// The market as the broker sees it. The broker keeps no prices of its own.
pub trait Book {
    /// Finds the one contract that a client's description means.
    ///
    /// # Errors
    ///
    /// IB's error code and text, usually 200 (unknown or ambiguous).
    fn resolve(&self, contract: &Contract) -> Result<Resolved, (i32, String)>;

    /// The present quote, or `None` if the contract has no market data at all.
    fn quote(&self, con_id: i32) -> Option<BookQuote>;
}

/// A contract completely described.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// All fields filled in, `con_id` included.
    pub contract: Contract,
    /// Smallest price step, in the contract's currency. Zero means that any price is allowed.
    pub min_tick: f64,
    /// Currency units per price unit and contract: 1 for stocks, 50 for ES, 100 for US options.
    pub multiplier: f64,
}

/// One moment of a market. An absent side has neither price nor size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BookQuote {
    /// Best bid, in the contract's currency.
    pub bid: Option<f64>,
    /// Best ask, in the contract's currency.
    pub ask: Option<f64>,
    /// Price of the last trade; stops and touch orders trigger on it.
    pub last: Option<f64>,
    /// Size at the bid, in the contract's own units.
    pub bid_size: Decimal,
    /// Size at the ask, in the contract's own units.
    pub ask_size: Decimal,
}

impl BookQuote {
    /// The price a position is valued at: last, else the middle, else whichever side exists.
    pub(super) fn mark(&self) -> Option<Decimal> {
        let (bid, ask) = (price(self.bid), price(self.ask));
        let middle = bid.zip(ask).map(|(bid, ask)| (bid + ask) / Decimal::TWO);
        price(self.last).or(middle).or(bid).or(ask)
    }
}

/// Prices beyond this are taken for absent, as IB's "unset" double is. Keeps all sums far from overflow.
const PRICE_MAX: f64 = 1e9;

/// Reads a price exactly as its shortest decimal text.
pub(super) fn price(value: Option<f64>) -> Option<Decimal> {
    value.filter(|value| value.abs() < PRICE_MAX).and_then(Decimal::from_f64)
}
