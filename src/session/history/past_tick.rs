//! Past ticks as the gateway sends them, read into published ticks.

use crate::{
    schema::{Size, request::history::PastTick},
    session::listing::size_of,
    tws::{
        message::tick_by_tick::{HistoricalTick, HistoricalTickBidAsk, HistoricalTickLast},
        sentinel::{quoted_price, seconds_us, some_flag, some_text, unset_double},
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

fn size(text: Option<&String>) -> Option<Size> {
    size_of(text?)
}

/// A trade. `None` if its time or price cannot be read.
pub(super) fn last(tick: HistoricalTickLast) -> Option<PastTick> {
    let attributes = tick.tick_attrib_last.unwrap_or_default();
    Some(PastTick {
        event_us: seconds_us(tick.time)?,
        price: Some(tick.price.and_then(unset_double)?),
        size: size(tick.size.as_ref()),
        exchange: some_text(tick.exchange),
        conditions: some_text(tick.special_conditions),
        unreported: some_flag(attributes.unreported),
        past_limit: some_flag(attributes.past_limit),
        ..NOTHING
    })
}

/// A quote. `None` if its time cannot be read. A side that nobody quotes is left out, by the same mark as in live
/// ticks: price -1 or 0 with size 0.
pub(super) fn bid_ask(tick: HistoricalTickBidAsk) -> Option<PastTick> {
    let attributes = tick.tick_attrib_bid_ask.unwrap_or_default();
    let side = |price: Option<f64>, size: Option<String>| {
        let size = size.unwrap_or_default();
        let price = price.and_then(|price| quoted_price(price, &size));
        (price, size_of(&size).filter(|_| price.is_some()))
    };
    let (bid, bid_size) = side(tick.price_bid, tick.size_bid);
    let (ask, ask_size) = side(tick.price_ask, tick.size_ask);
    let beyond = attributes.bid_past_low.unwrap_or(false) || attributes.ask_past_high.unwrap_or(false);
    let past_limit = some_flag(Some(beyond));
    Some(PastTick { event_us: seconds_us(tick.time)?, bid, bid_size, ask, ask_size, past_limit, ..NOTHING })
}

/// A mid point. `None` if its time or price cannot be read.
pub(super) fn mid_point(tick: &HistoricalTick) -> Option<PastTick> {
    let price = Some(tick.price.and_then(unset_double)?);
    Some(PastTick { event_us: seconds_us(tick.time)?, price, ..NOTHING })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(bid: (f64, &str), ask: (f64, &str)) -> HistoricalTickBidAsk {
        HistoricalTickBidAsk {
            time: Some(1_800_000_000),
            price_bid: Some(bid.0),
            size_bid: Some(bid.1.to_owned()),
            price_ask: Some(ask.0),
            size_ask: Some(ask.1.to_owned()),
            ..HistoricalTickBidAsk::default()
        }
    }

    #[track_caller]
    fn check(bid: (f64, &str), ask: (f64, &str), expected: [(Option<f64>, Option<&str>); 2]) {
        let tick = bid_ask(quote(bid, ask)).expect("a time");
        let size = |size: &Option<Size>| size.as_ref().map(|size| size.as_str().to_owned());
        let found = [(tick.bid, size(&tick.bid_size)), (tick.ask, size(&tick.ask_size))];
        assert_eq!(found, expected.map(|(price, size)| (price, size.map(str::to_owned))));
    }

    #[test]
    fn a_side_without_a_quote_is_left_out_of_a_past_quote() {
        check((10.0, "3"), (10.5, "0.2500"), [(Some(10.0), Some("3")), (Some(10.5), Some("0.2500"))]);
        check((-1.0, "0"), (10.5, "2"), [(None, None), (Some(10.5), Some("2"))]);
        check((0.0, "0"), (0.0, "0.00"), [(None, None), (None, None)]);
        check((0.0, "5"), (0.05, "7"), [(Some(0.0), Some("5")), (Some(0.05), Some("7"))]);
        check((-37.63, "100"), (-1.0, "2"), [(Some(-37.63), Some("100")), (Some(-1.0), Some("2"))]);
    }

    #[test]
    fn a_quote_without_a_time_is_unreadable() {
        assert_eq!(bid_ask(HistoricalTickBidAsk { time: Some(0), ..quote((1.0, "1"), (2.0, "1")) }), None);
    }
}
