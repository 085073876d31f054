//! Quotes, trades and bars of every instrument as functions of the seed and of simulated time.
//!
//! Time is cut into slots. In every slot an instrument has one quote and one trade. A bar
//! is a summary of the slots it covers, so history and live prices cannot disagree.

use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use super::greeks;
use super::instrument::{Instrument, Shape, Walk};
use super::openings::Openings;
use super::path::{Extreme, Path, Reading};
use super::seed::Seed;
use super::tape::Tape;
use super::volume::Volume;

const YEAR_MS: f64 = 365.0 * 86_400_000.0;
/// Carry of futures against their underlying, a year.
const CARRY: f64 = 0.03;
/// Stretches up to this many slots get an exact average price; longer ones are sampled.
const EXACT_SLOTS: i64 = 1200;
const SAMPLES: i64 = 240;
/// Walks kept in memory; more than there are leaders.
const STREAM_PATH: u64 = 1;
const STREAM_VOLUME: u64 = 2;
const STREAM_SPREAD: u64 = 3;
const STREAM_SIZE: u64 = 4;

/// Bid and ask in price steps, with their sizes in size steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quote {
    /// Bid in price steps.
    pub(super) bid: i64,
    /// Ask in price steps, above the bid.
    pub(super) ask: i64,
    /// Size at the bid in size steps.
    pub(super) bid_size: i64,
    /// Size at the ask in size steps.
    pub(super) ask_size: i64,
}

/// The trade of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trade {
    /// Price in price steps.
    pub(super) price: i64,
    /// Quantity in size steps.
    pub(super) size: i64,
}

/// Which price a bar or a stream shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Trade prices.
    Trades,
    /// Bids.
    Bid,
    /// Asks.
    Ask,
    /// Half way between bid and ask, in half price steps.
    Midpoint,
}

/// A summary of a stretch of slots; prices in units of its side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bar {
    /// First price.
    pub(super) open: i64,
    /// Highest price.
    pub(super) high: i64,
    /// Lowest price.
    pub(super) low: i64,
    /// Last price.
    pub(super) close: i64,
    /// Traded quantity in size steps.
    pub(super) volume: i64,
    /// Average price weighted by quantity.
    pub(super) average: f64,
    /// Number of trades.
    pub(super) count: i64,
}

/// All prices of one simulation.
#[derive(Debug)]
pub(super) struct Prices {
    seed: u64,
    slot_ms: i64,
    paths: FxHashMap<i32, Path>,
    /// Jumps made on request, by walk: from a slot on, the walk is shifted by so much.
    shifts: FxHashMap<i32, BTreeMap<i64, f64>>,
    /// Replayed prices, by contract id.
    tapes: FxHashMap<i32, Tape>,
    pub(super) openings: Openings,
}

impl Prices {
    /// Prices that move once every `slot_ms` milliseconds.
    pub(super) fn new(seed: u64, slot_ms: i64, walks: impl Iterator<Item = Walk>) -> Self {
        let slot_ms = slot_ms.max(1);
        let path =
            |walk: Walk| (walk.leader, Path::new(Seed::of(seed, walk.leader, STREAM_PATH), walk.volatility, slot_ms));
        Self {
            seed,
            slot_ms,
            paths: walks.map(path).collect(),
            shifts: FxHashMap::default(),
            tapes: FxHashMap::default(),
            openings: Openings::default(),
        }
    }

    /// Replays an instrument from a tape instead of its walk.
    pub(super) fn replay(&mut self, con_id: i32, tape: Tape) {
        self.tapes.insert(con_id, tape);
    }

    /// The slot a moment lies in.
    pub(super) fn slot(&self, at_ms: i64) -> i64 {
        at_ms.div_euclid(self.slot_ms)
    }

    /// The first slot that starts at or after a moment.
    pub(super) fn slot_from(&self, at_ms: i64) -> i64 {
        (at_ms + self.slot_ms - 1).div_euclid(self.slot_ms)
    }

    /// When a slot starts, epoch milliseconds.
    pub(super) fn start_ms(&self, slot: i64) -> i64 {
        slot * self.slot_ms
    }

    /// Makes the instrument's middle price `price` at `slot`; the walk goes on from there. Every
    /// instrument on the same walk moves in proportion. Prices of earlier slots stay as they were. False
    /// for what has no walk of its own: options, combinations and replayed instruments.
    pub(super) fn jump(&mut self, instrument: &Instrument, slot: i64, price: f64) -> bool {
        let derived = matches!(instrument.shape, Shape::Option { .. }) || !instrument.legs.is_empty();
        let wanted = (price / self.scale(instrument, slot)).ln() - self.walk(instrument.walk.leader, slot);
        if derived || self.tapes.contains_key(&instrument.con_id()) || !wanted.is_finite() {
            return false;
        }
        let shift = self.shift(instrument.walk.leader, slot) + wanted;
        self.shifts.entry(instrument.walk.leader).or_default().insert(slot, shift);
        true
    }

    /// The quote of a slot.
    pub(super) fn quote(&self, instrument: &Instrument, slot: i64) -> Quote {
        let slot = self.open_slot(instrument, slot);
        if let Some(tape) = self.tapes.get(&instrument.con_id()) {
            return tape.quote(instrument, self.start_ms(slot + 1));
        }
        let (bid, ask) = if instrument.legs.is_empty() {
            let middle = self.middle(instrument, slot, self.walk(instrument.walk.leader, slot));
            self.sides(instrument, slot, middle)
        } else {
            self.combined(instrument, slot)
        };
        let sizes = Seed::of(self.seed, instrument.con_id(), STREAM_SIZE);
        Quote { bid, ask, bid_size: 1 + sizes.below(0, slot, 12), ask_size: 1 + sizes.below(1, slot, 12) }
    }

    /// Size resting at a price behind the quote; it changes every few slots.
    pub(super) fn resting(&self, instrument: &Instrument, slot: i64, price: i64) -> i64 {
        1 + Seed::of(self.seed, instrument.con_id(), STREAM_SIZE).below(2, price ^ (slot >> 3 << 24), 40)
    }

    /// The trade of a slot.
    pub(super) fn trade(&self, instrument: &Instrument, slot: i64) -> Trade {
        let price = self.price(instrument, Side::Trades, slot);
        let is_open = self.is_open(instrument, slot);
        let size = match instrument.legs.is_empty() {
            _ if !is_open => 0,
            true => self.volume(instrument, slot..slot + 1),
            false => 1,
        };
        Trade { price, size }
    }

    /// Quantity traded in a stretch, in size steps; 0 for what has no trades.
    pub(super) fn volume(&self, instrument: &Instrument, slots: Range<i64>) -> i64 {
        if instrument.is_index() || !instrument.has_trades() || !instrument.legs.is_empty() || slots.is_empty() {
            return 0;
        }
        if let Some(tape) = self.tapes.get(&instrument.con_id()) {
            return tape.volume(&(self.start_ms(slots.start)..self.start_ms(slots.end)));
        }
        self.trades(instrument).between(slots.start, slots.end)
    }

    fn trades(&self, instrument: &Instrument) -> Volume {
        let seed = Seed::of(self.seed, instrument.con_id(), STREAM_VOLUME);
        Volume::new(seed, instrument.daily_volume, self.slot_ms)
    }

    /// One price of a slot, in units of its side.
    pub(super) fn price(&self, instrument: &Instrument, side: Side, slot: i64) -> i64 {
        let slot = self.open_slot(instrument, slot);
        if let Some(tape) = self.tapes.get(&instrument.con_id()) {
            return tape.price(instrument, side, self.start_ms(slot + 1));
        }
        if !instrument.legs.is_empty() {
            let (bid, ask) = self.combined(instrument, slot);
            return match side {
                Side::Bid => bid,
                Side::Ask => ask,
                Side::Midpoint => bid + ask,
                Side::Trades => i64::midpoint(bid, ask),
            };
        }
        let x = self.walk(instrument.walk.leader, slot);
        View { prices: self, instrument, side, shift: 0.0 }.at(slot, x)
    }

    /// The bar over a stretch of slots that are traded; `None` if the stretch is empty.
    pub(super) fn whole_bar(&self, instrument: &Instrument, side: Side, slots: Range<i64>) -> Option<Bar> {
        if slots.is_empty() {
            return None;
        }
        if let Some(tape) = self.tapes.get(&instrument.con_id()) {
            return Some(tape.bar(instrument, side, &(self.start_ms(slots.start)..self.start_ms(slots.end))));
        }
        if !instrument.legs.is_empty() {
            return Some(self.sampled(instrument, side, &slots));
        }
        let open = self.price(instrument, side, slots.start);
        let close = self.price(instrument, side, slots.end - 1);
        let (mut high, mut low) = (open.max(close), open.min(close));
        for (stretch, shift) in self.unshifted(instrument.walk.leader, slots.clone()) {
            let Some(path) = self.paths.get(&instrument.walk.leader) else { continue };
            let view = View { prices: self, instrument, side, shift };
            high = path.extreme(&stretch, Extreme::High, &view, high);
            low = path.extreme(&stretch, Extreme::Low, &view, low);
        }
        let (volume, count) = match side {
            Side::Trades if instrument.has_trades() && !instrument.is_index() => {
                (self.volume(instrument, slots.clone()), slots.end - slots.start)
            }
            _ => (0, 0),
        };
        let average = if volume > 0 { self.average(instrument, &slots) } else { 0.0 };
        Some(Bar { open, high, low, close, volume, average, count })
    }

    /// Bid and ask of a combination: what its legs cost together.
    fn combined(&self, combo: &Instrument, slot: i64) -> (i64, i64) {
        let (mut bid, mut ask) = (0.0, 0.0);
        for leg in &combo.legs {
            let quote = self.quote(&leg.instrument, slot);
            let (leg_bid, leg_ask) = (leg.instrument.tick.price(quote.bid), leg.instrument.tick.price(quote.ask));
            let ratio = f64::from(leg.ratio);
            let (low, high) = if leg.ratio >= 0 { (leg_bid, leg_ask) } else { (leg_ask, leg_bid) };
            bid += ratio * low;
            ask += ratio * high;
        }
        let half = combo.tick.size() / 2.0;
        let bid = combo.tick.steps(bid + half);
        (bid, combo.tick.steps(ask + half).max(bid + 1))
    }

    /// The bar of a combination, from evenly spaced slots; it has no trades of its own.
    fn sampled(&self, combo: &Instrument, side: Side, slots: &Range<i64>) -> Bar {
        let stride = ((slots.end - slots.start) / SAMPLES).max(1);
        let mut bar = {
            let open = self.price(combo, side, slots.start);
            Bar { open, high: open, low: open, close: open, volume: 0, average: 0.0, count: 0 }
        };
        let mut slot = slots.start;
        while slot < slots.end {
            slot = (slot + stride).min(slots.end);
            bar.close = self.price(combo, side, slot - 1);
            bar.high = bar.high.max(bar.close);
            bar.low = bar.low.min(bar.close);
        }
        bar
    }

    /// Average trade price weighted by quantity, in price steps.
    #[expect(clippy::cast_precision_loss, reason = "an average needs no more digits")]
    fn average(&self, instrument: &Instrument, slots: &Range<i64>) -> f64 {
        let (mut worth, mut quantity) = (0.0, 0.0);
        if slots.end - slots.start <= EXACT_SLOTS {
            let leader = instrument.walk.leader;
            let walk = self.paths.get(&leader).into_iter().flat_map(|path| path.each(slots));
            for ((slot, x), size) in slots.clone().zip(walk).zip(self.trades(instrument).each(slots)) {
                let view = View { prices: self, instrument, side: Side::Trades, shift: self.shift(leader, slot) };
                worth += view.at(slot, x) as f64 * size as f64;
                quantity += size as f64;
            }
            return if quantity > 0.0 { worth / quantity } else { 0.0 };
        }
        let stride = (slots.end - slots.start) / SAMPLES;
        let mut start = slots.start;
        while start < slots.end {
            let end = (start + stride).min(slots.end);
            let size = self.volume(instrument, start..end) as f64;
            worth += self.price(instrument, Side::Trades, i64::midpoint(start, end - 1)) as f64 * size;
            quantity += size;
            start = end;
        }
        if quantity > 0.0 { worth / quantity } else { 0.0 }
    }

    /// Price of the underlying walk and years to expiry, for an option at a slot.
    pub(super) fn underlying(&self, instrument: &Instrument, slot: i64) -> f64 {
        instrument.walk.base * self.walk(instrument.walk.leader, slot).exp()
    }

    /// Years from a slot to a moment, never negative.
    pub(super) fn years(&self, slot: i64, until_ms: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a few years")]
        let ms = (until_ms - self.start_ms(slot)) as f64;
        (ms / YEAR_MS).max(0.0)
    }

    /// The walk with its jumps.
    fn walk(&self, leader: i32, slot: i64) -> f64 {
        self.paths.get(&leader).map_or(0.0, |path| path.at(slot)) + self.shift(leader, slot)
    }

    fn shift(&self, leader: i32, slot: i64) -> f64 {
        self.shifts.get(&leader).and_then(|shifts| shifts.range(..=slot).next_back()).map_or(0.0, |(_, shift)| *shift)
    }

    /// Cuts a stretch where jumps are, with the shift of each piece.
    fn unshifted(&self, leader: i32, slots: Range<i64>) -> Vec<(Range<i64>, f64)> {
        let mut pieces = Vec::new();
        let mut start = slots.start;
        let jumps = self.shifts.get(&leader).into_iter().flat_map(|shifts| shifts.range(slots.start + 1..slots.end));
        for (&slot, _) in jumps {
            pieces.push((start..slot, self.shift(leader, start)));
            start = slot;
        }
        pieces.push((start..slots.end, self.shift(leader, start)));
        pieces
    }

    /// What the walk's exponential is multiplied by.
    fn scale(&self, instrument: &Instrument, slot: i64) -> f64 {
        match instrument.shape {
            Shape::Future { expiry_ms } => instrument.walk.base * (CARRY * self.years(slot, expiry_ms)).exp(),
            Shape::Spot | Shape::Option { .. } => instrument.walk.base,
        }
    }

    /// The unrounded price at a slot while the walk stands at `x`. Monotone in `x`, and in the slot
    /// for a fixed `x`.
    fn middle(&self, instrument: &Instrument, slot: i64, x: f64) -> f64 {
        let linear = self.scale(instrument, slot) * x.exp();
        match instrument.shape {
            Shape::Spot | Shape::Future { .. } => linear,
            Shape::Option { strike, is_call, expiry_ms, volatility } => {
                greeks::value(linear, strike, is_call, self.years(slot, expiry_ms), volatility)
            }
        }
    }

    /// Bid and ask around a middle price.
    fn sides(&self, instrument: &Instrument, slot: i64, middle: f64) -> (i64, i64) {
        let wide = Seed::of(self.seed, instrument.con_id(), STREAM_SPREAD).below(0, slot, 2);
        let width = instrument.spread + wide;
        let bid = (instrument.tick.steps(middle) - (width - 1) / 2).max(1);
        (bid, bid + width)
    }
}

/// One side of one instrument, read off its walk.
struct View<'a> {
    prices: &'a Prices,
    instrument: &'a Instrument,
    side: Side,
    /// Added to the walk: the jumps so far.
    shift: f64,
}

impl Reading for View<'_> {
    fn at(&self, slot: i64, x: f64) -> i64 {
        let middle = self.prices.middle(self.instrument, slot, x + self.shift);
        if self.instrument.is_index() {
            return self.instrument.tick.steps(middle) * if self.side == Side::Midpoint { 2 } else { 1 };
        }
        let (bid, ask) = self.prices.sides(self.instrument, slot, middle);
        match self.side {
            Side::Bid => bid,
            Side::Ask => ask,
            Side::Midpoint => bid + ask,
            Side::Trades => {
                let spread = Seed::of(self.prices.seed, self.instrument.con_id(), STREAM_SPREAD);
                if spread.below(1, slot, 2) == 0 { bid } else { ask }
            }
        }
    }

    fn limit(&self, slots: Range<i64>, x_low: f64, x_high: f64, extreme: Extreme) -> i64 {
        let middles = [x_low, x_high].into_iter().flat_map(|x| {
            [slots.start, slots.end].map(|slot| self.prices.middle(self.instrument, slot, x + self.shift))
        });
        // Widest spread on either side of the middle, and one step for rounding.
        let slack = self.instrument.spread + 2;
        let steps = match extreme {
            Extreme::High => self.instrument.tick.steps(middles.fold(f64::MIN, f64::max)).max(1) + slack,
            Extreme::Low => self.instrument.tick.steps(middles.fold(f64::MAX, f64::min)) - slack,
        };
        if self.side == Side::Midpoint { steps * 2 } else { steps }
    }
}

#[cfg(test)]
mod tests {
    use super::super::universe::Universe;
    use super::*;

    /// 2026-11-21 15:00 UTC.
    const NOW_MS: i64 = 1_795_273_200_000;

    fn prices(seed: u64) -> (Universe, Prices) {
        let universe = Universe::default();
        let prices = Prices::new(seed, 250, universe.walks());
        (universe, prices)
    }

    fn instruments(universe: &Universe) -> Vec<std::sync::Arc<Instrument>> {
        let mut all = universe.fixed().to_vec();
        let query = |sec_type: &str, symbol: &str| crate::tws::message::contract::Contract {
            sec_type: Some(sec_type.into()),
            symbol: Some(symbol.into()),
            last_trade_date_or_contract_month: Some("202612".into()),
            ..Default::default()
        };
        all.extend(universe.find(&query("FUT", "ES"), NOW_MS).expect("futures"));
        all.extend(universe.find(&query("OPT", "AAPL"), NOW_MS).expect("options").into_iter().step_by(97));
        all
    }

    #[test]
    fn a_bar_is_the_summary_of_the_prices_it_covers() {
        let (universe, mut prices) = prices(7);
        let start = prices.slot(NOW_MS);
        let apple = universe.by_con_id(265_598).expect("a stock");
        prices.jump(&apple, start + 200, 300.0);
        for instrument in instruments(&universe) {
            for side in [Side::Trades, Side::Bid, Side::Ask, Side::Midpoint] {
                let slots = start..start + 480;
                let all: Vec<i64> = slots.clone().map(|slot| prices.price(&instrument, side, slot)).collect();
                let bar = prices.bar(&instrument, side, slots).expect("a bar");
                let seen = (all[0], all.iter().max(), all.iter().min(), all[479]);
                let name = &instrument.contract.local_symbol;
                assert_eq!((bar.open, Some(&bar.high), Some(&bar.low), bar.close), seen, "{name:?} {side:?}");
            }
        }
    }

    #[test]
    fn bars_of_two_halves_make_the_bar_of_the_whole() {
        let (universe, prices) = prices(7);
        let apple = universe.by_con_id(265_598).expect("a stock");
        let (start, half) = (prices.slot(NOW_MS), 40_000);
        let bar = |slots| prices.bar(&apple, Side::Trades, slots).expect("a bar");
        let (first, second) = (bar(start..start + half), bar(start + half..start + 2 * half));
        let whole = bar(start..start + 2 * half);
        assert_eq!((whole.open, whole.close), (first.open, second.close));
        assert_eq!((whole.high, whole.low), (first.high.max(second.high), first.low.min(second.low)));
        assert_eq!(whole.volume, first.volume + second.volume);
        assert!((whole.average - f64::midpoint(first.average, second.average)).abs() < 200.0, "{whole:?}");
    }

    #[test]
    fn the_seed_alone_decides_the_prices() {
        let (universe, first) = prices(7);
        let (_, same) = prices(7);
        let (_, other) = prices(8);
        let apple = universe.by_con_id(265_598).expect("a stock");
        let slot = first.slot(NOW_MS);
        assert_eq!(first.quote(&apple, slot), same.quote(&apple, slot));
        assert!((0..100).any(|ahead| first.quote(&apple, slot + ahead) != other.quote(&apple, slot + ahead)));
    }

    #[test]
    fn a_jump_moves_the_price_and_leaves_the_past_alone() {
        let (universe, mut prices) = prices(7);
        let apple = universe.by_con_id(265_598).expect("a stock");
        let slot = prices.slot(NOW_MS);
        let before = prices.quote(&apple, slot - 1);
        prices.jump(&apple, slot, 300.0);
        let after = prices.quote(&apple, slot);
        assert_eq!(prices.quote(&apple, slot - 1), before);
        assert!(after.bid <= 30_000 && after.ask >= 30_000 && after.ask - after.bid <= 2, "{after:?}");
        assert!((prices.quote(&apple, slot + 400).bid - 30_000).abs() < 500);
    }
}
