//! Tick-by-tick, five-second bars and depth: one message, one event.

use std::sync::Arc;

use super::{bars::kept, feed::Feed, upstream::Upstream};
use crate::{
    schema::{
        bar::Bar,
        market::{BookSide, DepthAction, DepthEvent, TickByTickEvent},
    },
    session::{
        Event,
        core::Core,
        listing::{of_trades, size_of},
    },
    tws::{
        message::{
            depth::MarketDepthData,
            history::{HistoricalDataUpdate, RealTimeBarTick},
            tick_by_tick::TickByTickData,
        },
        sentinel::{quoted_price, seconds_us, some_flag, some_text, unset_double},
    },
};

impl Upstream {
    pub(super) fn on_tick_by_tick(&mut self, core: &mut Core, message: TickByTickData) {
        let Feed::TickByTick(kind) = self.feed else { return };
        let mut event = TickByTickEvent {
            con_id: self.listing.instrument.con_id,
            seq: 0,
            recv_us: core.now.us,
            event_us: None,
            price: None,
            size: None,
            bid: None,
            bid_size: None,
            ask: None,
            ask_size: None,
            exchange: None,
            conditions: None,
            unreported: None,
            past_limit: None,
            after_gap: None,
        };
        if let Some(trade) = message.historical_tick_last {
            let attributes = trade.tick_attrib_last.unwrap_or_default();
            event.event_us = seconds_us(trade.time);
            // Zero price with zero size is a message here: trading halts or resumes.
            event.price = trade.price.and_then(unset_double);
            event.size = size_of(trade.size.as_deref().unwrap_or_default());
            event.exchange = some_text(trade.exchange);
            event.conditions = some_text(trade.special_conditions);
            event.unreported = some_flag(attributes.unreported);
            event.past_limit = some_flag(attributes.past_limit);
        } else if let Some(quote) = message.historical_tick_bid_ask {
            let attributes = quote.tick_attrib_bid_ask.unwrap_or_default();
            let (bid_size, ask_size) =
                (quote.size_bid.as_deref().unwrap_or_default(), quote.size_ask.as_deref().unwrap_or_default());
            event.event_us = seconds_us(quote.time);
            event.bid = quote.price_bid.and_then(|price| quoted_price(price, bid_size));
            event.bid_size = size_of(bid_size).filter(|_| event.bid.is_some());
            event.ask = quote.price_ask.and_then(|price| quoted_price(price, ask_size));
            event.ask_size = size_of(ask_size).filter(|_| event.ask.is_some());
            let beyond = attributes.bid_past_low == Some(true) || attributes.ask_past_high == Some(true);
            event.past_limit = beyond.then_some(true);
        } else if let Some(middle) = message.historical_tick_mid_point {
            event.event_us = seconds_us(middle.time);
            event.price = middle.price.and_then(unset_double);
        } else {
            core.counters.undecodable_messages += 1;
            return;
        }
        event.after_gap = std::mem::take(&mut self.after_gap).then_some(true);
        core.emit(Event::TickByTick(Arc::clone(&self.listing), kind, Box::new(event)));
    }

    pub(super) fn on_bar(&mut self, core: &mut Core, message: &RealTimeBarTick) {
        let price = |value: Option<f64>| value.and_then(unset_double);
        let whole = (price(message.open), price(message.high), price(message.low), price(message.close));
        let (Some(start_us), (Some(open), Some(high), Some(low), Some(close))) = (seconds_us(message.time), whole)
        else {
            core.counters.undecodable_messages += 1;
            return;
        };
        let bar = Bar {
            start_us,
            date: None,
            open,
            high,
            low,
            close,
            volume: of_trades(message.volume.as_deref()),
            wap: of_trades(message.wap.as_deref()),
            count: message.count.filter(|count| *count >= 0),
        };
        let listing = Arc::clone(&self.listing);
        self.bars.on_bar(core, &listing, &bar);
    }

    /// The current bar of a request that is kept up to date.
    pub(super) fn on_kept_bar(&mut self, core: &mut Core, update: &HistoricalDataUpdate) {
        // While nothing is traded there is no bar to tell.
        let Some(row) = &update.historical_data_bar else { return };
        let Some(bar) = kept::read(row) else {
            core.counters.undecodable_messages += 1;
            return;
        };
        let listing = Arc::clone(&self.listing);
        self.bars.on_update(core, &listing, bar);
    }

    pub(super) fn on_depth(&mut self, core: &mut Core, row: MarketDepthData) {
        let (Some(action), Some(side)) = (action(row.operation), side(row.side)) else {
            core.counters.undecodable_messages += 1;
            return;
        };
        let is_gone = action == DepthAction::Delete;
        let size = size_of(row.size.as_deref().unwrap_or_default()).filter(|_| !is_gone);
        let mut event = DepthEvent {
            action,
            side: Some(side),
            position: Some(row.position.unwrap_or_default()),
            price: row.price.and_then(unset_double).filter(|_| !is_gone),
            size,
            market_maker: some_text(row.market_maker),
            ..self.empty_book(core)
        };
        self.book.apply(&mut event);
        core.emit(Event::Depth(Arc::clone(&self.listing), Box::new(event)));
    }

    /// The book is empty from here on.
    pub(super) fn reset_book(&mut self, core: &mut Core) {
        let mut event = self.empty_book(core);
        self.book.apply(&mut event);
        core.emit(Event::Depth(Arc::clone(&self.listing), Box::new(event)));
    }

    fn empty_book(&mut self, core: &Core) -> DepthEvent {
        DepthEvent {
            con_id: self.listing.instrument.con_id,
            seq: 0,
            recv_us: core.now.us,
            action: DepthAction::Reset,
            side: None,
            position: None,
            price: None,
            size: None,
            market_maker: None,
            change: 0,
            after_gap: std::mem::take(&mut self.after_gap).then_some(true),
        }
    }
}

fn action(operation: Option<i32>) -> Option<DepthAction> {
    match operation.unwrap_or_default() {
        0 => Some(DepthAction::Insert),
        1 => Some(DepthAction::Update),
        2 => Some(DepthAction::Delete),
        _ => None,
    }
}

fn side(side: Option<i32>) -> Option<BookSide> {
    match side.unwrap_or_default() {
        0 => Some(BookSide::Ask),
        1 => Some(BookSide::Bid),
        _ => None,
    }
}
