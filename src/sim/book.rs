//! The markets as the order side sees them.

use rust_decimal::Decimal;

use super::broker::{Book, BookQuote, Resolved};
use super::gateway::World;
use crate::tws::message::contract::Contract;

/// The markets at one moment.
pub(super) struct Market<'a> {
    pub(super) world: &'a World,
    pub(super) now_ms: i64,
}

impl Book for Market<'_> {
    fn resolve(&self, contract: &Contract) -> Result<Resolved, (i32, String)> {
        let instrument =
            self.world.universe.resolve(contract, self.now_ms).map_err(|refusal| (refusal.code, refusal.text))?;
        let mut resolved = instrument.contract.clone();
        if contract.exchange.as_ref().is_some_and(|exchange| !exchange.is_empty()) {
            resolved.exchange.clone_from(&contract.exchange);
        }
        let multiplier = resolved.multiplier.unwrap_or(1.0);
        Ok(Resolved { contract: resolved, min_tick: instrument.tick.size(), multiplier })
    }

    fn quote(&self, con_id: i32) -> Option<BookQuote> {
        let instrument = self.world.universe.by_con_id(con_id)?;
        let prices = &self.world.prices;
        let slot = prices.slot(self.now_ms);
        let last = instrument.has_trades().then(|| instrument.tick.price(prices.trade(&instrument, slot).price));
        if instrument.is_index() {
            return Some(BookQuote { last, ..BookQuote::default() });
        }
        let quote = prices.quote(&instrument, slot);
        let size = |steps| instrument.size.text(steps).parse().unwrap_or(Decimal::ZERO);
        Some(BookQuote {
            bid: Some(instrument.tick.price(quote.bid)),
            ask: Some(instrument.tick.price(quote.ask)),
            last,
            bid_size: size(quote.bid_size),
            ask_size: size(quote.ask_size),
        })
    }
}
