//! The level-1 picture of an instrument at a slot: quote, last trade and the day so far.

use chrono::Days;

use super::expiry;
use super::greeks::{self, Greeks};
use super::instrument::{Instrument, Shape};
use super::price::{Bar, Prices, Quote, Side, Trade};

/// What market data shows of one instrument at one slot.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Level1 {
    pub(super) slot: i64,
    /// Absent for indices.
    pub(super) quote: Option<Quote>,
    /// Absent for currency pairs.
    pub(super) trade: Option<Trade>,
    pub(super) day: Day,
    pub(super) option: Option<OptionValues>,
}

/// The day so far, in units of the side it is made of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Day {
    side: Side,
    /// First slot of the day and of the next one.
    pub(super) slots: (i64, i64),
    pub(super) bar: Bar,
    /// Last price of the day before.
    pub(super) close: i64,
}

/// Option values at bid, ask, last and by the model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OptionValues {
    pub(super) under: f64,
    /// Implied volatility and sensitivities; absent where the price admits no volatility.
    pub(super) bid: Option<(f64, Greeks)>,
    pub(super) ask: Option<(f64, Greeks)>,
    pub(super) last: Option<(f64, Greeks)>,
    pub(super) model: (f64, Greeks),
}

impl Level1 {
    /// The picture at a slot, from nothing.
    pub(super) fn at(prices: &Prices, instrument: &Instrument, slot: i64) -> Self {
        let side = if instrument.has_trades() { Side::Trades } else { Side::Midpoint };
        let (start, end) = day_of(prices, instrument, slot);
        let bar =
            prices.bar(instrument, side, start..slot + 1).unwrap_or_else(|| empty(prices, instrument, side, slot));
        let day = Day { side, slots: (start, end), bar, close: prices.price(instrument, side, start - 1) };
        Self::with_day(prices, instrument, slot, day)
    }

    /// The picture at a later slot.
    pub(super) fn advanced(&self, prices: &Prices, instrument: &Instrument, slot: i64) -> Self {
        if slot < self.slot || slot >= self.day.slots.1 {
            return Self::at(prices, instrument, slot);
        }
        let mut day = self.day.clone();
        if let Some(bar) = prices.bar(instrument, day.side, self.slot + 1..slot + 1) {
            day.bar.high = day.bar.high.max(bar.high);
            day.bar.low = day.bar.low.min(bar.low);
            day.bar.close = bar.close;
            day.bar.average = mean((day.bar.average, day.bar.volume), (bar.average, bar.volume));
            day.bar.volume += bar.volume;
            day.bar.count += bar.count;
        }
        Self::with_day(prices, instrument, slot, day)
    }

    fn with_day(prices: &Prices, instrument: &Instrument, slot: i64, day: Day) -> Self {
        let quote = (!instrument.is_index()).then(|| prices.quote(instrument, slot));
        let trade = instrument.has_trades().then(|| prices.trade(instrument, slot));
        let option = option_values(prices, instrument, slot, quote, trade);
        Self { slot, quote, trade, day, option }
    }

    /// A price of the day in the instrument's currency.
    pub(super) fn day_price(&self, instrument: &Instrument, value: i64) -> f64 {
        if self.day.side == Side::Midpoint {
            f64::midpoint(instrument.tick.price(value / 2), instrument.tick.price(value - value / 2))
        } else {
            instrument.tick.price(value)
        }
    }
}

/// Mean of two values by weight.
#[expect(clippy::cast_precision_loss, reason = "an average needs no more digits")]
fn mean((first, first_weight): (f64, i64), (second, second_weight): (f64, i64)) -> f64 {
    let total = first_weight + second_weight;
    if total == 0 { 0.0 } else { (first * first_weight as f64 + second * second_weight as f64) / total as f64 }
}

fn empty(prices: &Prices, instrument: &Instrument, side: Side, slot: i64) -> Bar {
    let price = prices.price(instrument, side, slot);
    Bar { open: price, high: price, low: price, close: price, volume: 0, average: 0.0, count: 0 }
}

/// First slot of the local day of a slot, and first slot of the next day.
fn day_of(prices: &Prices, instrument: &Instrument, slot: i64) -> (i64, i64) {
    let zone = instrument.venue.zone;
    let day = expiry::day_of(zone, prices.start_ms(slot));
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    (prices.slot_from(expiry::at_local(zone, day, 0)), prices.slot_from(expiry::at_local(zone, next, 0)))
}

fn option_values(
    prices: &Prices,
    instrument: &Instrument,
    slot: i64,
    quote: Option<Quote>,
    trade: Option<Trade>,
) -> Option<OptionValues> {
    let Shape::Option { strike, is_call, expiry_ms, volatility } = instrument.shape else {
        return None;
    };
    let under = prices.underlying(instrument, slot);
    let years = prices.years(slot, expiry_ms);
    let at = |steps: i64| {
        let volatility = greeks::implied_volatility(instrument.tick.price(steps), under, strike, is_call, years)?;
        Some((volatility, greeks::greeks(under, strike, is_call, years, volatility)))
    };
    Some(OptionValues {
        under,
        bid: quote.and_then(|quote| at(quote.bid)),
        ask: quote.and_then(|quote| at(quote.ask)),
        last: trade.and_then(|trade| at(trade.price)),
        model: (volatility, greeks::greeks(under, strike, is_call, years, volatility)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::universe::Universe;
    use super::*;

    #[test]
    fn a_picture_kept_up_to_date_is_the_picture_made_from_nothing() {
        let universe = Universe::default();
        let prices = Prices::new(7, 250, universe.walks());
        let apple = universe.by_con_id(265_598).expect("a stock");
        // 2026-11-21 23:59:00 New York: the day changes on the way.
        let start = prices.slot(1_795_323_540_000);
        let mut kept = Level1::at(&prices, &apple, start);
        for slot in (start..start + 600).step_by(7) {
            kept = kept.advanced(&prices, &apple, slot);
            let mut fresh = Level1::at(&prices, &apple, slot);
            fresh.day.bar.average = kept.day.bar.average;
            assert_eq!(kept, fresh);
        }
    }
}
