//! Historical ticks: the trades and quotes of single slots.

use super::gateway::World;
use super::history;
use super::instrument::Instrument;
use super::login::Client;
use super::outbox::Outbox;
use super::price::{Prices, Side};
use super::series;
use super::universe::{Refusal, given};
use crate::tws::Response;
use crate::tws::message::tick_by_tick::{
    HistoricalTick, HistoricalTickBidAsk, HistoricalTickLast, HistoricalTicks, HistoricalTicksBidAsk,
    HistoricalTicksLast, HistoricalTicksRequest, TickAttribBidAsk, TickAttribLast,
};

/// Ticks of one request, before its last second is completed.
const TICKS_MAX: i32 = 1000;

pub(super) fn request(world: &World, client: &Client, request: &HistoricalTicksRequest, out: &mut Outbox) {
    let req_id = request.req_id.unwrap_or_default();
    match answer(world, client, request, out) {
        Ok(response) => out.send(client.connection, response),
        Err(refusal) => out.refuse(client.connection, req_id, refusal),
    }
}

fn answer(
    world: &World,
    client: &Client,
    request: &HistoricalTicksRequest,
    out: &mut Outbox,
) -> Result<Response, Refusal> {
    let instrument = world.universe.resolve(&request.contract.clone().unwrap_or_default(), out.now_ms)?;
    let (start, end) = (given(request.start_date_time.as_ref()), given(request.end_date_time.as_ref()));
    if start.is_some() == end.is_some() {
        return Err(Refusal::invalid("Please specify one of start or end date-time, but not both"));
    }
    let count = request.number_of_ticks.unwrap_or_default();
    if !(1..=TICKS_MAX).contains(&count) {
        return Err(Refusal::invalid(&format!("Number of ticks must be from 1 to {TICKS_MAX}")));
    }
    if history::permitted(&instrument, client.market_data_type).is_err() {
        let text =
            format!("Failed to request historical ticks:No market data permissions for {}", instrument.sec_type());
        return Err(Refusal::new(10187, text));
    }
    let zone = instrument.venue.zone;
    let at_ms = history::end_of(start.or(end), zone, (client, request.req_id.unwrap_or_default()), out)?;
    let slots = slots(&world.prices, at_ms, i64::from(count), start.is_some(), out.now_ms);
    let slots = slots.filter(|slot| world.prices.is_open(&instrument, *slot));
    let (req_id, is_done) = (request.req_id, Some(true));
    let prices = &world.prices;
    match request.what_to_show.as_deref().unwrap_or_default() {
        "TRADES" if instrument.has_trades() => {
            let historical_ticks_last = slots.map(|slot| last(prices, &instrument, slot)).collect();
            Ok(Response::HistoricalTicksLast(HistoricalTicksLast { req_id, historical_ticks_last, is_done }))
        }
        "BID_ASK" if !instrument.is_index() => {
            let historical_ticks_bid_ask = slots.map(|slot| bid_ask(prices, &instrument, slot)).collect();
            Ok(Response::HistoricalTicksBidAsk(HistoricalTicksBidAsk { req_id, historical_ticks_bid_ask, is_done }))
        }
        "MIDPOINT" if !instrument.is_index() => {
            let historical_ticks = slots.map(|slot| mid_point(prices, &instrument, slot)).collect();
            Ok(Response::HistoricalTicks(HistoricalTicks { req_id, historical_ticks, is_done }))
        }
        what => Err(Refusal::invalid(&format!("What to show is invalid for {}: {what}", instrument.sec_type()))),
    }
}

/// The slots of `count` ticks from a start on or up to an end, the last second completed, none after now.
fn slots(prices: &Prices, at_ms: i64, count: i64, forward: bool, now_ms: i64) -> std::ops::Range<i64> {
    let second = |at_ms: i64| at_ms.div_euclid(1000) * 1000;
    let limit = prices.slot(now_ms) + 1;
    if forward {
        let first = prices.slot_from(at_ms);
        let whole = prices.slot_from(second(prices.start_ms(first + count - 1)) + 1000);
        first.min(limit)..whole.max(first + count).min(limit)
    } else {
        let end = (prices.slot(at_ms) + 1).min(limit);
        let whole = prices.slot_from(second(prices.start_ms(end - count)));
        whole.min(end - count)..end
    }
}

/// The trade of a slot as a tick.
pub(super) fn last(prices: &Prices, instrument: &Instrument, slot: i64) -> HistoricalTickLast {
    let trade = prices.trade(instrument, slot);
    HistoricalTickLast {
        time: Some(prices.start_ms(slot).div_euclid(1000)),
        tick_attrib_last: Some(TickAttribLast { past_limit: Some(false), unreported: Some(false) }),
        price: Some(instrument.tick.price(trade.price)),
        size: Some(instrument.size.text(trade.size)),
        exchange: instrument.contract.primary_exch.clone().or_else(|| instrument.contract.exchange.clone()),
        special_conditions: Some(String::new()),
    }
}

/// The quote of a slot as a tick.
pub(super) fn bid_ask(prices: &Prices, instrument: &Instrument, slot: i64) -> HistoricalTickBidAsk {
    let quote = prices.quote(instrument, slot);
    HistoricalTickBidAsk {
        time: Some(prices.start_ms(slot).div_euclid(1000)),
        tick_attrib_bid_ask: Some(TickAttribBidAsk { bid_past_low: Some(false), ask_past_high: Some(false) }),
        price_bid: Some(instrument.tick.price(quote.bid)),
        price_ask: Some(instrument.tick.price(quote.ask)),
        size_bid: Some(instrument.size.text(quote.bid_size)),
        size_ask: Some(instrument.size.text(quote.ask_size)),
    }
}

/// The middle price of a slot as a tick.
pub(super) fn mid_point(prices: &Prices, instrument: &Instrument, slot: i64) -> HistoricalTick {
    let middle = prices.price(instrument, Side::Midpoint, slot);
    HistoricalTick {
        time: Some(prices.start_ms(slot).div_euclid(1000)),
        price: Some(series::price(instrument, Side::Midpoint, middle)),
        size: Some("0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::universe::Universe;
    use super::*;

    #[test]
    fn the_last_second_is_completed_and_the_future_left_out() {
        let prices = Prices::new(1, 250, Universe::default().walks());
        let count = |at_ms, count, forward| slots(&prices, at_ms, count, forward, 1_000_000_500).count();
        assert_eq!(count(900_000_000, 10, true), 12);
        assert_eq!(count(900_000_000, 8, true), 8);
        assert_eq!(count(1_000_000_000, 100, true), 3);
        assert_eq!(count(1_000_000_500, 10, false), 11);
    }
}
