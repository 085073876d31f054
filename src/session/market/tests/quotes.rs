//! Ticks, and the quote assembled from them.

use proptest::prelude::*;

use super::desk::{Desk, price, size};
use crate::{
    schema::{Size, market::DataKind},
    tws::{
        Response,
        message::market_data::{MarketDataType, TickGeneric, TickOptionComputation, TickString},
    },
};

fn text(of: Option<&Size>) -> Option<&str> {
    of.map(Size::as_str)
}

#[test]
fn a_size_that_came_with_its_price_is_not_told_twice() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote", "tick"]);
    desk.hear(price(id, 1, 101.25, "300"));
    desk.hear(size(id, 0, "300"));
    let heard = desk.heard();
    let names: Vec<_> = heard.ticks.iter().map(|tick| tick.name.as_ref()).collect();
    assert_eq!(names, ["bid", "bid_size"]);
    assert_eq!(heard.quotes.len(), 1);
    assert_eq!((heard.quotes[0].bid, text(heard.quotes[0].bid_size.as_ref())), (Some(101.25), Some("300")));

    desk.hear(size(id, 0, "300"));
    let heard = desk.heard();
    assert_eq!((heard.ticks.len(), heard.quotes.len()), (1, 0), "a repetition of its own is a tick, no new quote");
    desk.hear(size(id, 0, "200.5"));
    assert_eq!(text(desk.heard().quotes[0].bid_size.as_ref()), Some("200.5"));
}

#[test]
fn ticks_are_published_only_while_somebody_holds_them() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote"]);
    desk.hear(price(id, 1, 10.0, "1"));
    assert_eq!(desk.heard().ticks.len(), 0);
    let lease = desk.lease("beta", &["tick"]);
    assert_eq!(lease.quote.and_then(|quote| quote.bid), Some(10.0), "late joiners need not wait");
    desk.hear(price(id, 2, 11.0, "1"));
    assert_eq!(desk.heard().ticks.len(), 2);
    desk.unsubscribe("beta", &lease.lease).expect("ended");
    desk.hear(price(id, 2, 12.0, "1"));
    let heard = desk.heard();
    assert_eq!((heard.ticks.len(), heard.quotes.len()), (0, 1));
}

#[test]
fn no_quote_is_absent_and_a_negative_price_is_kept() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote", "tick"]);
    desk.hear(price(id, 1, -1.0, "5"));
    assert_eq!(desk.heard().quotes[0].bid, Some(-1.0));
    desk.hear(price(id, 1, -1.0, "0"));
    let heard = desk.heard();
    assert_eq!((heard.quotes[0].bid, heard.quotes[0].bid_size.as_ref()), (None, None));
    assert_eq!((heard.ticks[0].price, text(heard.ticks[0].size.as_ref())), (None, Some("0")));
    desk.hear(size(id, 0, "0"));
    assert_eq!(desk.heard().quotes, []);
}

#[test]
fn delayed_ticks_fill_the_same_fields_and_keep_their_names() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote", "tick"]);
    desk.notice(id, 10_167, "Requested market data is not subscribed. Displaying delayed market data.");
    desk.hear(Response::MarketDataType(MarketDataType { req_id: Some(id), market_data_type: Some(3) }));
    for (tick_type, value) in [(66, 1.0), (67, 2.0), (68, 1.5), (72, 3.0), (73, 0.5), (75, 1.4), (76, 1.1)] {
        desk.hear(price(id, tick_type, value, "7"));
    }
    desk.hear(size(id, 74, "1000"));
    desk.hear(Response::TickString(TickString {
        req_id: Some(id),
        tick_type: Some(88),
        value: Some("1700000000".to_owned()),
    }));
    let heard = desk.heard();
    assert_eq!(heard.ticks[0].name, "delayed_bid");
    assert_eq!(heard.ticks[1].name, "delayed_bid_size");
    let quote = heard.quotes.last().expect("a quote");
    assert_eq!(quote.data_kind, DataKind::Delayed);
    let prices = [quote.bid, quote.ask, quote.last, quote.high, quote.low, quote.close, quote.open];
    assert_eq!(prices, [1.0, 2.0, 1.5, 3.0, 0.5, 1.4, 1.1].map(Some));
    assert_eq!(text(quote.volume.as_ref()), Some("1000"));
    assert_eq!(quote.last_us, Some(1_700_000_000_000_000));
}

#[test]
fn times_inside_ticks_are_told_in_microseconds() {
    let mut desk = Desk::new();
    let id = desk.stream(&["tick"]);
    let volume = "10.01;1.0000000000000000;1700000000123;0.5;10.0;true";
    for (tick_type, value, event_us) in [
        (45, "1700000000", Some(1_700_000_000_000_000)),
        (88, "1700000000", Some(1_700_000_000_000_000)),
        (85, "1700000000123", Some(1_700_000_000_123_000)),
        (48, volume, Some(1_700_000_000_123_000)),
        (77, volume, Some(1_700_000_000_123_000)),
        (48, ";;", None),
        (48, "1;2", None),
        (45, "soon", None),
        (45, "0", None),
        (85, "9223372036854775807", None),
        (32, "1700000000", None),
    ] {
        let tick = TickString { req_id: Some(id), tick_type: Some(tick_type), value: Some(value.to_owned()) };
        desk.hear(Response::TickString(tick));
        let ticks = desk.heard().ticks;
        assert_eq!((ticks[0].event_us, ticks[0].text.as_deref()), (event_us, Some(value)), "{tick_type} {value}");
    }
}

#[test]
fn a_change_of_the_data_kind_is_told_by_itself() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote"]);
    desk.hear(price(id, 1, 10.0, "1"));
    desk.heard();
    desk.hear(Response::MarketDataType(MarketDataType { req_id: Some(id), market_data_type: Some(2) }));
    let quotes = desk.heard().quotes;
    assert_eq!(quotes.iter().map(|quote| quote.data_kind).collect::<Vec<_>>(), [DataKind::Frozen]);
}

#[test]
fn a_tick_type_without_a_name_is_published_by_number() {
    let mut desk = Desk::new();
    let id = desk.stream(&["tick"]);
    for tick_type in [111, 4_000, -7] {
        desk.hear(price(id, tick_type, 1.0, "1"));
    }
    let names: Vec<_> = desk.heard().ticks.into_iter().map(|tick| tick.name.into_owned()).collect();
    assert_eq!(names, ["tick_111", "tick_4000", "tick_-7"]);
}

#[test]
fn a_halt_is_told_and_unknown_is_not_running() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote"]);
    for (value, halted) in [(2.0, Some(true)), (0.0, Some(false)), (-1.0, None)] {
        let tick = TickGeneric { req_id: Some(id), tick_type: Some(49), value: Some(value) };
        desk.hear(Response::TickGeneric(tick));
        assert_eq!(desk.heard().quotes[0].halted, halted);
    }
}

#[test]
fn option_computations_leave_out_what_was_not_computed() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote", "tick"]);
    let tick = TickOptionComputation {
        req_id: Some(id),
        tick_type: Some(13),
        tick_attrib: None,
        implied_vol: Some(0.25),
        delta: Some(-0.5),
        opt_price: Some(-1.0),
        pv_dividend: Some(0.0),
        gamma: Some(-2.0),
        vega: Some(f64::MAX),
        theta: Some(-1.0),
        und_price: Some(250.0),
    };
    desk.hear(Response::TickOptionComputation(Box::new(tick)));
    let heard = desk.heard();
    let quoted = heard.quotes[0].greeks.clone().expect("greeks").model.expect("the model's");
    assert_eq!(heard.ticks[0].greeks.as_deref(), Some(&quoted));
    assert_eq!((quoted.implied_vol, quoted.delta, quoted.theta), (Some(0.25), Some(-0.5), Some(-1.0)));
    assert_eq!((quoted.gamma, quoted.vega, quoted.option_price), (None, None, None));
    assert_eq!((quoted.pv_dividend, quoted.underlying_price), (Some(0.0), Some(250.0)));
}

/// What a person with a notepad would write: one line per field, no types shared with the product.
#[derive(Clone, Debug, Default, PartialEq)]
struct Notepad {
    price: [Option<f64>; 3],
    size: [Option<String>; 3],
    volume: Option<String>,
}

impl Notepad {
    fn note(&mut self, side: usize, price: Option<i8>, size: u8) {
        let digits = Some(format!("{size}"));
        match price {
            // Minus one or nothing, for nothing, is no quote at all.
            Some(-1 | 0) if size == 0 => (self.price[side], self.size[side]) = (None, None),
            Some(price) => (self.price[side], self.size[side]) = (Some(f64::from(price)), digits),
            None if size == 0 && self.price[side].is_none() => self.size[side] = None,
            None => self.size[side] = digits,
        }
    }
}

proptest! {
    /// After any ticks the last quote published shows what a naive reading of them shows, and no two
    /// quotes in a row are the same.
    #[test]
    fn the_quote_is_the_sum_of_its_ticks(
        steps in prop::collection::vec((0_usize..4, prop::option::of(-2_i8..3), 0_u8..3, any::<bool>()), 1..60),
    ) {
        let mut desk = Desk::new();
        let id = desk.stream(&["quote"]);
        let mut notepad = Notepad::default();
        let mut shown = Notepad::default();
        for (field, to, amount, delayed) in steps {
            let before = notepad.clone();
            let digits = amount.to_string();
            if field == 3 {
                notepad.volume = Some(digits.clone());
                desk.hear(size(id, if delayed { 74 } else { 8 }, &digits));
            } else {
                notepad.note(field, to, amount);
                let (price_type, size_type) =
                    if delayed { ([66, 67, 68], [69, 70, 71]) } else { ([1, 2, 4], [0, 3, 5]) };
                match to {
                    Some(value) => desk.hear(price(id, price_type[field], f64::from(value), &digits)),
                    None => desk.hear(size(id, size_type[field], &digits)),
                }
            }
            let quotes = desk.heard().quotes;
            prop_assert_eq!(quotes.len(), usize::from(before != notepad));
            for quote in quotes {
                let digits = |size: Option<Size>| size.map(|size| size.to_string());
                shown = Notepad {
                    price: [quote.bid, quote.ask, quote.last],
                    size: [digits(quote.bid_size), digits(quote.ask_size), digits(quote.last_size)],
                    volume: digits(quote.volume),
                };
            }
            prop_assert_eq!(&shown, &notepad);
        }
    }
}

#[test]
fn what_was_delayed_or_from_before_the_close_never_passes_for_live() {
    let kind = |req_id, number| {
        Response::MarketDataType(MarketDataType { req_id: Some(req_id), market_data_type: Some(number) })
    };
    for (before, bid_type) in [(2, 1), (3, 66), (4, 66)] {
        let mut desk = Desk::new();
        let id = desk.stream(&["quote"]);
        desk.hear(kind(id, before));
        desk.hear(price(id, bid_type, 10.0, "1"));
        assert_eq!(desk.rig.session.market.reference(265_598).bid, Some(10.0));
        desk.heard();
        desk.hear(kind(id, 1));
        assert_eq!(desk.rig.session.market.reference(265_598).bid, None, "no limit is measured against it");
        assert_eq!(desk.heard().quotes, []);
        desk.hear(price(id, 2, 12.0, "1"));
        let shown: Vec<_> = desk.heard().quotes.iter().map(|quote| (quote.data_kind, quote.bid, quote.ask)).collect();
        assert_eq!(shown, [(DataKind::Live, None, Some(12.0))], "after kind {before}");
    }
}

#[test]
fn the_last_live_values_are_those_that_a_close_freezes() {
    let mut desk = Desk::new();
    let id = desk.stream(&["quote"]);
    desk.hear(price(id, 1, 10.0, "1"));
    desk.heard();
    desk.hear(Response::MarketDataType(MarketDataType { req_id: Some(id), market_data_type: Some(2) }));
    let shown: Vec<_> = desk.heard().quotes.iter().map(|quote| (quote.data_kind, quote.bid)).collect();
    assert_eq!(shown, [(DataKind::Frozen, Some(10.0))]);
}
