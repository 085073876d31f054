//! Prices where trading stops: they stand still, and bars leave the time out.

use std::ops::Range;

use super::instrument::Instrument;
use super::openings::Openings;
use super::price::{Bar, Prices, Side};

impl Prices {
    /// When markets are open.
    pub(super) fn openings(&self) -> &Openings {
        &self.openings
    }

    pub(super) fn openings_mut(&mut self) -> &mut Openings {
        &mut self.openings
    }

    /// The last slot with trading up to this one.
    pub(super) fn open_slot(&self, instrument: &Instrument, slot: i64) -> i64 {
        if self.openings.is_always_open(instrument) {
            return slot;
        }
        self.slot(self.openings.last_open(instrument, self.start_ms(slot)))
    }

    /// True if there is trading in a slot.
    pub(super) fn is_open(&self, instrument: &Instrument, slot: i64) -> bool {
        self.open_slot(instrument, slot) == slot
    }

    /// True if the market has no session in a slot.
    pub(super) fn is_closed(&self, instrument: &Instrument, slot: i64) -> bool {
        self.openings.is_closed(instrument, self.start_ms(slot))
    }

    /// True if trading is halted in a slot.
    pub(super) fn is_halted(&self, instrument: &Instrument, slot: i64) -> bool {
        self.openings.is_halted(instrument.con_id(), self.start_ms(slot))
    }

    /// The parts of a stretch with trading.
    pub(super) fn open_slots(&self, instrument: &Instrument, slots: Range<i64>) -> Vec<Range<i64>> {
        if self.openings.is_always_open(instrument) {
            return vec![slots];
        }
        let open = self.openings.open(instrument, self.start_ms(slots.start), self.start_ms(slots.end));
        let slots = |piece: Range<i64>| self.slot_from(piece.start)..self.slot_from(piece.end);
        open.into_iter().map(slots).filter(|slots| !slots.is_empty()).collect()
    }

    /// The bar over a stretch of slots; `None` if nothing is traded in it.
    pub(super) fn bar(&self, instrument: &Instrument, side: Side, slots: Range<i64>) -> Option<Bar> {
        if slots.is_empty() || self.openings.is_always_open(instrument) {
            return self.whole_bar(instrument, side, slots);
        }
        let pieces = self.open_slots(instrument, slots);
        pieces.into_iter().filter_map(|piece| self.whole_bar(instrument, side, piece)).reduce(joined)
    }
}

/// Two bars that follow each other as one.
#[expect(clippy::cast_precision_loss, reason = "an average needs no more digits")]
fn joined(first: Bar, second: Bar) -> Bar {
    let (one, other) = (first.volume as f64, second.volume as f64);
    let average = if first.volume + second.volume > 0 {
        (first.average * one + second.average * other) / (one + other)
    } else {
        0.0
    };
    Bar {
        open: first.open,
        high: first.high.max(second.high),
        low: first.low.min(second.low),
        close: second.close,
        volume: first.volume + second.volume,
        average,
        count: first.count + second.count,
    }
}
