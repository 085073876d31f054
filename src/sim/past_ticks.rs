//! Historical ticks: the trades and quotes of single slots.

use super::bar_size::service;
use super::gateway::World;
use super::history;
use super::instrument::Instrument;
use super::login::Client;
use super::outbox::Outbox;
use super::price::{Prices, Side};
use super::series;
use super::sessions::Calendar;
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
    let hours = world.hours();
    let regular = request.use_rth.unwrap_or(false) && (hours.regular || hours.closes);
    let calendar = Calendar { venue: instrument.venue, regular, closes: hours.closes };
    let Some(session) = calendar.sessions(at_ms, at_ms + 1).next() else {
        let text = format!("HMDS query returned no data: {}@{}", instrument.symbol(), "ticks");
        return Err(service(&text));
    };
    // An answer covers one session, none of it after now.
    let prices = &world.prices;
    let (first_slot, limit) = (prices.slot_from(session.start_ms), prices.slot(out.now_ms) + 1);
    let end_slot = prices.slot_from(session.end_ms).min(limit);
    let is_open = |slot: &i64| prices.is_open(&instrument, *slot);
    let count = usize::try_from(count).unwrap_or_default();
    let second = |slot: i64| prices.start_ms(slot).div_euclid(1000);
    let slots = if start.is_some() {
        taken((prices.slot_from(at_ms).max(first_slot)..end_slot).filter(is_open), count, second)
    } else {
        let mut slots = taken((first_slot..end_slot.min(prices.slot(at_ms) + 1)).rev().filter(is_open), count, second);
        slots.reverse();
        slots
    };
    let slots = slots.into_iter();
    let (req_id, is_done) = (request.req_id, Some(true));
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

/// The first `count` slots, and those that complete the last one's second.
fn taken(slots: impl Iterator<Item = i64>, count: usize, second: impl Fn(i64) -> i64) -> Vec<i64> {
    let mut taken: Vec<i64> = Vec::new();
    for slot in slots {
        let is_new_second = taken.last().is_none_or(|last| second(*last) != second(slot));
        if taken.len() >= count && is_new_second {
            break;
        }
        taken.push(slot);
    }
    taken
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
    use super::*;

    #[test]
    fn the_last_second_is_completed_and_closed_slots_are_passed_over() {
        let second = |slot: i64| slot.div_euclid(4);
        assert_eq!(taken(0..100, 10, second).len(), 12);
        assert_eq!(taken(0..100, 8, second).len(), 8);
        assert_eq!(taken(0..3, 100, second).len(), 3);
        assert_eq!(taken((0..=101).rev(), 9, second), [101, 100, 99, 98, 97, 96, 95, 94, 93, 92]);
        let open = |slot: &i64| *slot > 4_000;
        assert_eq!(taken((0..8_000).filter(open), 1_000, second).first(), Some(&4_001));
    }
}
