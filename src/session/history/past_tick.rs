//! Past ticks as the gateway sends them, read into published ticks.

use super::plan::SECOND_US;
use crate::{
    schema::{Size, request::history::PastTick},
    tws::{
        message::tick_by_tick::{HistoricalTick, HistoricalTickBidAsk, HistoricalTickLast},
        sentinel::{unset_decimal, unset_double},
    },
};

const NOTHING: PastTick = PastTick {
    event_us: 0,
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
};

fn event_us(time: Option<i64>) -> Option<i64> {
    time.filter(|seconds| *seconds > 0)?.checked_mul(SECOND_US)
}

fn size(text: Option<&String>) -> Option<Size> {
    Size::from_gateway(unset_decimal(text?)?)
}

fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn flag(flag: Option<bool>) -> Option<bool> {
    flag.filter(|set| *set)
}

/// A trade. `None` if its time or price cannot be read.
pub(super) fn last(tick: HistoricalTickLast) -> Option<PastTick> {
    let attributes = tick.tick_attrib_last.unwrap_or_default();
    Some(PastTick {
        event_us: event_us(tick.time)?,
        price: Some(tick.price.and_then(unset_double)?),
        size: size(tick.size.as_ref()),
        exchange: text(tick.exchange),
        conditions: text(tick.special_conditions),
        unreported: flag(attributes.unreported),
        past_limit: flag(attributes.past_limit),
        ..NOTHING
    })
}

/// A quote. `None` if its time cannot be read or it has no price at all.
pub(super) fn bid_ask(tick: HistoricalTickBidAsk) -> Option<PastTick> {
    let attributes = tick.tick_attrib_bid_ask.unwrap_or_default();
    let (bid, ask) = (tick.price_bid.and_then(unset_double), tick.price_ask.and_then(unset_double));
    if bid.is_none() && ask.is_none() {
        return None;
    }
    Some(PastTick {
        event_us: event_us(tick.time)?,
        bid,
        bid_size: size(tick.size_bid.as_ref()),
        ask,
        ask_size: size(tick.size_ask.as_ref()),
        past_limit: flag(Some(attributes.bid_past_low.unwrap_or(false) || attributes.ask_past_high.unwrap_or(false))),
        ..NOTHING
    })
}

/// A mid point. `None` if its time or price cannot be read.
pub(super) fn mid_point(tick: &HistoricalTick) -> Option<PastTick> {
    let price = Some(tick.price.and_then(unset_double)?);
    Some(PastTick { event_us: event_us(tick.time)?, price, ..NOTHING })
}
