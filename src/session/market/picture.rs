//! The level-1 picture of one instrument, assembled from its ticks.

use crate::{
    schema::market::{DataKind, Greeks, OptionGreeks, QuoteEvent},
    session::listing::size_of,
    tws::{
        message::market_data::TickOptionComputation,
        sentinel::{computed_greek, computed_price, computed_volatility, is_zero_size, quoted_price, unset_double},
        tick_type,
    },
};

/// The picture so far. Every method says whether it changed what a quote shows.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) quote: QuoteEvent,
    /// At least one value has been seen.
    pub(super) is_known: bool,
    /// The next quote is published even if it shows no new value.
    pub(super) is_due: bool,
}

/// The size tick that a price tick raises beside itself.
pub(super) fn paired_size(price_type: i32) -> Option<i32> {
    Some(match price_type {
        1 => 0,
        2 => 3,
        4 => 5,
        66 => 69,
        67 => 70,
        68 => 71,
        _ => return None,
    })
}

/// The gateway's number for a kind of data.
pub(super) fn data_kind(number: i32) -> Option<DataKind> {
    Some(match number {
        1 => DataKind::Live,
        2 => DataKind::Frozen,
        3 => DataKind::Delayed,
        4 => DataKind::DelayedFrozen,
        _ => return None,
    })
}

/// A message's option values, without those that were not computed.
pub(super) fn greeks_of(tick: &TickOptionComputation) -> Greeks {
    Greeks {
        implied_vol: tick.implied_vol.and_then(computed_volatility),
        delta: tick.delta.and_then(computed_greek),
        gamma: tick.gamma.and_then(computed_greek),
        vega: tick.vega.and_then(computed_greek),
        theta: tick.theta.and_then(computed_greek),
        option_price: tick.opt_price.and_then(computed_price),
        pv_dividend: tick.pv_dividend.and_then(computed_price),
        underlying_price: tick.und_price.and_then(computed_price),
    }
}

/// The tick type whose field of the quote this one fills.
fn live_type(id: i32) -> i32 {
    tick_type::info(id).and_then(|info| info.delayed_of).unwrap_or(id)
}

/// True if values of the kind `before` may be shown as of this kind: it promises no more.
fn contains(kind: DataKind, before: DataKind) -> bool {
    let is_delayed = |kind| matches!(kind, DataKind::Delayed | DataKind::DelayedFrozen);
    let is_frozen = |kind| matches!(kind, DataKind::Frozen | DataKind::DelayedFrozen);
    (is_delayed(kind) || !is_delayed(before)) && (is_frozen(kind) || !is_frozen(before))
}

fn set<T: PartialEq>(field: &mut Option<T>, value: Option<T>) -> bool {
    let changed = *field != value;
    if changed {
        *field = value;
    }
    changed
}

impl Picture {
    pub(super) fn new(con_id: i32) -> Self {
        Self { quote: QuoteEvent { con_id, ..QuoteEvent::default() }, is_known: false, is_due: false }
    }

    /// Forgets all values: what follows comes from a new request.
    pub(super) fn restart(&mut self) {
        let QuoteEvent { con_id, data_kind, stale, .. } = self.quote;
        self.quote = QuoteEvent { con_id, data_kind, stale, ..QuoteEvent::default() };
        self.is_known = false;
    }

    /// True if there is what most callers want to see.
    pub(super) fn is_complete(&self) -> bool {
        let quote = &self.quote;
        quote.bid.is_some() && quote.ask.is_some() && quote.last.is_some() && quote.close.is_some()
    }

    /// A price tick with the size text that came in the same message. Returns the price as shown too.
    pub(super) fn price(&mut self, tick_type: i32, raw: f64, size_text: &str) -> (Option<f64>, bool) {
        let price = quoted_price(raw, size_text);
        let quote = &mut self.quote;
        let side = match live_type(tick_type) {
            1 => Some((&mut quote.bid, &mut quote.bid_size)),
            2 => Some((&mut quote.ask, &mut quote.ask_size)),
            4 => Some((&mut quote.last, &mut quote.last_size)),
            _ => None,
        };
        let changed = if let Some((price_field, size_field)) = side {
            let mut changed = set(price_field, price);
            if price.is_none() {
                // A side without a quote has no size either.
                changed |= set(size_field, None);
            } else if let Some(size) = size_of(size_text) {
                changed |= set(size_field, Some(size));
            }
            changed
        } else {
            match live_type(tick_type) {
                6 => set(&mut quote.high, price),
                7 => set(&mut quote.low, price),
                9 => set(&mut quote.close, price),
                14 => set(&mut quote.open, price),
                37 => set(&mut quote.mark, price),
                _ => false,
            }
        };
        self.is_known |= changed;
        (price, changed)
    }

    /// A size tick by itself.
    pub(super) fn size(&mut self, tick_type: i32, text: &str) -> bool {
        let quote = &mut self.quote;
        let (price, field) = match live_type(tick_type) {
            0 => (quote.bid, &mut quote.bid_size),
            3 => (quote.ask, &mut quote.ask_size),
            5 => (quote.last, &mut quote.last_size),
            8 => (None, &mut quote.volume),
            _ => return false,
        };
        let side_is_empty = live_type(tick_type) != 8 && price.is_none() && is_zero_size(text);
        let changed = set(field, size_of(text).filter(|_| !side_is_empty));
        self.is_known |= changed;
        changed
    }

    pub(super) fn generic(&mut self, tick_type: i32, value: f64) -> bool {
        let changed = match live_type(tick_type) {
            // -1 means that the gateway does not know.
            49 => set(&mut self.quote.halted, unset_double(value).filter(|v| *v >= 0.0).map(|v| v > 0.0)),
            _ => false,
        };
        self.is_known |= changed;
        changed
    }

    pub(super) fn text(&mut self, tick_type: i32, text: &str) -> bool {
        let changed = match live_type(tick_type) {
            45 => {
                let seconds = text.parse::<i64>().ok().filter(|seconds| *seconds > 0);
                set(&mut self.quote.last_us, seconds.and_then(|seconds| seconds.checked_mul(1_000_000)))
            }
            _ => false,
        };
        self.is_known |= changed;
        changed
    }

    pub(super) fn option(&mut self, tick_type: i32, greeks: &Greeks) -> bool {
        let live = live_type(tick_type);
        if !(10..=13).contains(&live) {
            return false;
        }
        let value = (*greeks != Greeks::default()).then(|| greeks.clone());
        if value.is_none() && self.quote.greeks.is_none() {
            return false;
        }
        let all = self.quote.greeks.get_or_insert_with(|| Box::new(OptionGreeks::default()));
        let field = match live {
            10 => &mut all.bid,
            11 => &mut all.ask,
            12 => &mut all.last,
            _ => &mut all.model,
        };
        let changed = set(field, value);
        self.is_known |= changed;
        changed
    }

    /// How fresh the data is from here on. What was delayed or from before the close never becomes live: values that the
    /// new kind does not contain are forgotten.
    pub(super) fn kind(&mut self, kind: DataKind) -> bool {
        let before = std::mem::replace(&mut self.quote.data_kind, kind);
        if !contains(kind, before) && self.is_known {
            self.restart();
            self.is_due = true;
        }
        before != kind && self.is_known
    }
}
