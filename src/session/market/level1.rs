//! Level-1 messages: each a tick event, and a quote if the picture changed.

use std::{borrow::Cow, sync::Arc};

use super::{
    picture::{data_kind, greeks_of, paired_size},
    upstream::Upstream,
};
use crate::{
    schema::{
        market::{DataKind, GreeksEvent, TickEvent},
        news::NewsEvent,
    },
    session::{Event, core::Core, listing::size_of},
    tws::{
        message::{
            market_data::{TickGeneric, TickOptionComputation, TickPrice, TickSize, TickString},
            news::TickNews,
        },
        sentinel::{some_text, unset_double},
        tick_type,
    },
};

/// Bits of a price tick's attributes.
const CAN_AUTO_EXECUTE: i32 = 1;
const PAST_LIMIT: i32 = 2;
const PRE_OPEN: i32 = 4;

/// The time that a text tells, microseconds UTC: `ib-behaviour` section 7.
fn told_us(tick_type: i32, text: &str) -> Option<i64> {
    let (number, unit_us) = match tick_type {
        45 | 88 => (text, 1_000_000),
        85 => (text, 1_000),
        // Price, size, time, ...
        48 | 77 => (text.split(';').nth(2)?, 1_000),
        _ => return None,
    };
    number.trim().parse::<i64>().ok().filter(|time| *time > 0)?.checked_mul(unit_us)
}

/// Bit of a size tick that can repeat the size of a price tick.
fn echo_bit(size_type: i32) -> u8 {
    match size_type {
        0 => 1,
        3 => 2,
        5 => 4,
        69 => 8,
        70 => 16,
        71 => 32,
        _ => 0,
    }
}

impl Upstream {
    pub(super) fn on_price(&mut self, core: &mut Core, tick: &TickPrice) {
        let tick_type = tick.tick_type.unwrap_or(-1);
        let size_text = tick.size.as_deref().unwrap_or_default();
        let (price, changed) = self.picture.price(tick_type, tick.price.unwrap_or(f64::NAN), size_text);
        if self.views.tick {
            let size = size_of(size_text);
            let attributes = tick.attr_mask.unwrap_or_default();
            let has = |bit: i32| attributes & bit != 0;
            let mut event = self.tick_event(core, tick_type);
            event.price = price;
            event.size.clone_from(&size);
            event.can_auto_execute = Some(has(CAN_AUTO_EXECUTE));
            event.past_limit = has(PAST_LIMIT).then_some(true);
            event.pre_open = has(PRE_OPEN).then_some(true);
            core.emit(Event::Tick(Arc::clone(&self.listing), event));
            if let (Some(size_type), Some(size)) = (paired_size(tick_type), size) {
                let mut event = self.tick_event(core, size_type);
                event.size = Some(size);
                core.emit(Event::Tick(Arc::clone(&self.listing), event));
                self.echo |= echo_bit(size_type);
            }
        }
        self.tell_quote(core, changed);
    }

    pub(super) fn on_size(&mut self, core: &mut Core, tick: &TickSize) {
        let tick_type = tick.tick_type.unwrap_or(-1);
        let text = tick.size.as_deref().unwrap_or_default();
        let changed = self.picture.size(tick_type, text);
        let bit = echo_bit(tick_type);
        // The size of a price tick comes a second time in a message of its own: one fact, one event.
        let is_echo = self.echo & bit != 0 && !changed;
        self.echo &= !bit;
        if self.views.tick && !is_echo {
            let mut event = self.tick_event(core, tick_type);
            event.size = size_of(text);
            core.emit(Event::Tick(Arc::clone(&self.listing), event));
        }
        self.tell_quote(core, changed);
    }

    pub(super) fn on_generic(&mut self, core: &mut Core, tick: &TickGeneric) {
        let tick_type = tick.tick_type.unwrap_or(-1);
        let value = tick.value.unwrap_or(f64::NAN);
        let changed = self.picture.generic(tick_type, value);
        if self.views.tick {
            let mut event = self.tick_event(core, tick_type);
            event.value = unset_double(value);
            core.emit(Event::Tick(Arc::clone(&self.listing), event));
        }
        self.tell_quote(core, changed);
    }

    pub(super) fn on_text(&mut self, core: &mut Core, tick: TickString) {
        let tick_type = tick.tick_type.unwrap_or(-1);
        let text = tick.value.unwrap_or_default();
        let changed = self.picture.text(tick_type, &text);
        if self.views.tick {
            let mut event = self.tick_event(core, tick_type);
            event.event_us = told_us(tick_type, &text);
            event.text = Some(text);
            core.emit(Event::Tick(Arc::clone(&self.listing), event));
        }
        self.tell_quote(core, changed);
    }

    pub(super) fn on_option(&mut self, core: &mut Core, tick: &TickOptionComputation) {
        let tick_type = tick.tick_type.unwrap_or(-1);
        let greeks = greeks_of(tick);
        let changed = self.picture.option(tick_type, &greeks);
        if self.views.tick {
            let mut event = self.tick_event(core, tick_type);
            event.greeks = Some(Box::new(greeks));
            core.emit(Event::Tick(Arc::clone(&self.listing), event));
        }
        self.tell_quote(core, changed);
        if changed {
            self.tell_greeks(core);
        }
    }

    /// Publishes the option computations, if somebody wants them and there are any.
    pub(super) fn tell_greeks(&mut self, core: &mut Core) {
        let Some(greeks) = self.picture.quote.greeks.as_deref().filter(|_| self.views.greeks) else { return };
        let event = GreeksEvent {
            con_id: self.listing.instrument.con_id,
            seq: 0,
            recv_us: core.now.us,
            data_kind: self.picture.quote.data_kind,
            stale: self.picture.quote.stale,
            greeks: greeks.clone(),
            after_gap: std::mem::take(&mut self.after_gap_greeks).then_some(true),
        };
        core.emit(Event::Greeks(Arc::clone(&self.listing), Box::new(event)));
    }

    /// A headline; its provider is part of the subject.
    pub(super) fn on_news(&mut self, core: &mut Core, news: TickNews) {
        let Some(provider) = some_text(news.provider_code).filter(|_| self.views.news) else { return };
        let event = NewsEvent {
            seq: 0,
            recv_us: core.now.us,
            event_us: news.timestamp.filter(|ms| *ms > 0).and_then(|ms| ms.checked_mul(1_000)),
            provider,
            article_id: news.article_id.unwrap_or_default(),
            headline: news.headline.unwrap_or_default(),
            extra: some_text(news.extra_data),
            instrument: Some(self.listing.instrument.clone()),
            bulletin: None,
            exchange: None,
        };
        core.emit(Event::News(Box::new(event)));
    }

    /// The gateway says how fresh its data is from here on.
    pub(super) fn on_kind(&mut self, core: &mut Core, number: i32) {
        if let Some(kind) = data_kind(number) {
            self.set_kind(core, kind);
        }
    }

    pub(super) fn set_kind(&mut self, core: &mut Core, kind: DataKind) {
        // A picture that waits to be forgotten is not republished for this.
        if self.picture.kind(kind) && !self.fresh && !self.picture.quote.stale {
            self.tell_quote(core, true);
        }
    }

    fn tick_event(&mut self, core: &Core, tick_type: i32) -> TickEvent {
        let name = match tick_type::info(tick_type) {
            Some(info) => Cow::Borrowed(info.name),
            None => Cow::Owned(format!("tick_{tick_type}")),
        };
        let bit = 1_u128 << u32::try_from(tick_type).unwrap_or(127).min(127);
        let after_gap = self.after_gap_ticks & bit != 0;
        self.after_gap_ticks &= !bit;
        TickEvent {
            con_id: self.listing.instrument.con_id,
            seq: 0,
            recv_us: core.now.us,
            event_us: None,
            name,
            tick_type,
            data_kind: self.picture.quote.data_kind,
            price: None,
            size: None,
            value: None,
            text: None,
            greeks: None,
            can_auto_execute: None,
            past_limit: None,
            pre_open: None,
            after_gap: after_gap.then_some(true),
        }
    }

    fn tell_quote(&mut self, core: &mut Core, changed: bool) {
        if changed {
            self.picture.quote.recv_us = core.now.us;
        }
        if !self.views.quote || !self.picture.is_known || !(changed || self.picture.is_due) {
            return;
        }
        self.picture.is_due = false;
        self.picture.quote.recv_us = core.now.us;
        let mut event = self.picture.quote.clone();
        event.after_gap = std::mem::take(&mut self.after_gap).then_some(true);
        core.emit(Event::Quote(Arc::clone(&self.listing), event));
    }
}
