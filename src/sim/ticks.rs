//! Market data ticks: what a gateway sends when the level-1 picture changes.

use super::greeks::Greeks;
use super::instrument::Instrument;
use super::level1::Level1;
use super::price::Prices;
use crate::tws::Response;
use crate::tws::message::market_data::{TickGeneric, TickOptionComputation, TickPrice, TickSize, TickString};

/// Greek values a gateway did not compute.
const NOT_COMPUTED: f64 = -2.0;
/// The quote can be executed automatically.
const CAN_AUTO_EXECUTE: i32 = 1;

/// Tick type ids, live and delayed.
struct Ids {
    bid: i32,
    ask: i32,
    last: i32,
    bid_size: i32,
    ask_size: i32,
    last_size: i32,
    high: i32,
    low: i32,
    volume: i32,
    close: i32,
    open: i32,
    timestamp: i32,
    halted: i32,
    bid_option: i32,
    ask_option: i32,
    last_option: i32,
    model_option: i32,
}

const LIVE: Ids = Ids {
    bid: 1,
    ask: 2,
    last: 4,
    bid_size: 0,
    ask_size: 3,
    last_size: 5,
    high: 6,
    low: 7,
    volume: 8,
    close: 9,
    open: 14,
    timestamp: 45,
    halted: 49,
    bid_option: 10,
    ask_option: 11,
    last_option: 12,
    model_option: 13,
};

const DELAYED: Ids = Ids {
    bid: 66,
    ask: 67,
    last: 68,
    bid_size: 69,
    ask_size: 70,
    last_size: 71,
    high: 72,
    low: 73,
    volume: 74,
    close: 75,
    open: 76,
    timestamp: 88,
    halted: 90,
    bid_option: 80,
    ask_option: 81,
    last_option: 82,
    model_option: 83,
};

/// Ticks of one request.
pub(super) struct Ticks<'a> {
    pub(super) req_id: i32,
    pub(super) instrument: &'a Instrument,
    pub(super) delayed: bool,
    /// Where the ticks go, in order.
    pub(super) sink: &'a mut dyn FnMut(Response),
}

impl Ticks<'_> {
    /// What changed between two pictures; everything if there was none before.
    pub(super) fn changes(&mut self, before: Option<&Level1>, now: &Level1, prices: &Prices) {
        let ids = if self.delayed { &DELAYED } else { &LIVE };
        self.quote(ids, before, now);
        self.trade(ids, before, now, prices);
        self.day(ids, before, now);
        if now.option != before.and_then(|before| before.option.clone()) {
            self.option(ids, now);
        }
    }

    /// Nobody quotes: a closed market, unless its last quote is to be kept.
    pub(super) fn no_quote(&mut self) {
        let ids = if self.delayed { &DELAYED } else { &LIVE };
        if !self.instrument.is_index() {
            self.price(ids.bid, -1.0, Some(0), 0);
            self.price(ids.ask, -1.0, Some(0), 0);
        }
    }

    /// Whether trading is halted: 1 for a halt by the exchange or a regulator.
    pub(super) fn halted(&mut self, halted: bool) {
        let ids = if self.delayed { &DELAYED } else { &LIVE };
        self.generic(ids.halted, f64::from(u8::from(halted)));
    }

    fn quote(&mut self, ids: &Ids, before: Option<&Level1>, now: &Level1) {
        let Some(quote) = now.quote else { return };
        let old = before.and_then(|before| before.quote);
        let sides = [
            (ids.bid, ids.bid_size, quote.bid, quote.bid_size, old.map(|old| (old.bid, old.bid_size))),
            (ids.ask, ids.ask_size, quote.ask, quote.ask_size, old.map(|old| (old.ask, old.ask_size))),
        ];
        for (price_id, size_id, price, size, old) in sides {
            match old {
                Some((old_price, old_size)) if old_price == price => {
                    if old_size != size {
                        self.size(size_id, size);
                    }
                }
                _ => self.price(price_id, self.instrument.tick.price(price), Some(size), CAN_AUTO_EXECUTE),
            }
        }
        if before.is_none() && !self.delayed && self.instrument.sec_type() == "STK" {
            self.string(32, "QZ");
            self.string(33, "KPQ");
        }
    }

    fn trade(&mut self, ids: &Ids, before: Option<&Level1>, now: &Level1, prices: &Prices) {
        let Some(trade) = now.trade else { return };
        let old = before.and_then(|before| before.trade);
        let is_index = self.instrument.is_index();
        if before.is_some() && trade.size == 0 && !is_index {
            // A replayed instrument does not trade in every slot.
            return;
        }
        if old.is_some_and(|old| old.price == trade.price) {
            if !is_index {
                self.size(ids.last_size, trade.size);
            }
        } else {
            let size = (!is_index).then_some(trade.size);
            self.price(ids.last, self.instrument.tick.price(trade.price), size, 0);
        }
        let second = |slot| prices.start_ms(slot).div_euclid(1000);
        if before.is_none_or(|before| second(before.slot) != second(now.slot)) {
            self.string(ids.timestamp, &second(now.slot).to_string());
        }
        if !is_index && before.is_none_or(|before| before.day.bar.volume != now.day.bar.volume) {
            self.size(ids.volume, now.day.bar.volume);
        }
        if before.is_none() && !self.delayed && self.instrument.sec_type() == "STK" {
            self.string(84, "Q");
        }
    }

    fn day(&mut self, ids: &Ids, before: Option<&Level1>, now: &Level1) {
        let values = |level: &Level1| {
            let bar = &level.day.bar;
            [(ids.high, bar.high), (ids.low, bar.low), (ids.close, level.day.close), (ids.open, bar.open)]
        };
        let old = before.map(values);
        for (position, (id, value)) in values(now).into_iter().enumerate() {
            let unchanged = old.and_then(|old| old.get(position).copied()).is_some_and(|(_, old)| old == value);
            if !unchanged {
                self.price(id, now.day_price(self.instrument, value), None, 0);
            }
        }
    }

    fn option(&mut self, ids: &Ids, now: &Level1) {
        let (Some(option), Some(quote), Some(trade)) = (&now.option, now.quote, now.trade) else { return };
        let tick = self.instrument.tick;
        let rows = [
            (ids.bid_option, option.bid, tick.price(quote.bid)),
            (ids.ask_option, option.ask, tick.price(quote.ask)),
            (ids.last_option, option.last, tick.price(trade.price)),
            (ids.model_option, Some(option.model), option.model.1.price),
        ];
        for (tick_type, values, price) in rows {
            let message = computation(self.req_id, tick_type, values, price, option.under);
            (self.sink)(Response::TickOptionComputation(Box::new(message)));
        }
    }

    pub(super) fn price(&mut self, tick_type: i32, price: f64, size: Option<i64>, attr_mask: i32) {
        (self.sink)(Response::TickPrice(TickPrice {
            req_id: Some(self.req_id),
            tick_type: Some(tick_type),
            price: Some(price),
            size: Some(size.map_or_else(|| "0".to_owned(), |steps| self.instrument.size.text(steps))),
            attr_mask: Some(attr_mask),
        }));
    }

    pub(super) fn size(&mut self, tick_type: i32, steps: i64) {
        (self.sink)(Response::TickSize(TickSize {
            req_id: Some(self.req_id),
            tick_type: Some(tick_type),
            size: Some(self.instrument.size.text(steps)),
        }));
    }

    pub(super) fn string(&mut self, tick_type: i32, value: &str) {
        (self.sink)(Response::TickString(TickString {
            req_id: Some(self.req_id),
            tick_type: Some(tick_type),
            value: Some(value.to_owned()),
        }));
    }

    pub(super) fn generic(&mut self, tick_type: i32, value: f64) {
        (self.sink)(Response::TickGeneric(TickGeneric {
            req_id: Some(self.req_id),
            tick_type: Some(tick_type),
            value: Some(value),
        }));
    }
}

/// An option computation; without values it carries IB's marks for "not computed".
pub(super) fn computation(
    req_id: i32,
    tick_type: i32,
    values: Option<(f64, Greeks)>,
    price: f64,
    under: f64,
) -> TickOptionComputation {
    let greek = |read: fn(&Greeks) -> f64| Some(values.map_or(NOT_COMPUTED, |(_, greeks)| read(&greeks)));
    TickOptionComputation {
        req_id: Some(req_id),
        tick_type: Some(tick_type),
        // 1 marks values computed from prices, as opposed to returns.
        tick_attrib: Some(1),
        implied_vol: Some(values.map_or(-1.0, |(volatility, _)| volatility)),
        delta: greek(|greeks| greeks.delta),
        opt_price: Some(price),
        pv_dividend: Some(0.0),
        gamma: greek(|greeks| greeks.gamma),
        vega: greek(|greeks| greeks.vega),
        theta: greek(|greeks| greeks.theta),
        und_price: Some(under),
    }
}
