//! Questions about data that are answered once: earliest data, histogram, option calculators.

use std::collections::BTreeMap;

use super::bar_size::{BarSize, Duration};
use super::gateway::World;
use super::greeks;
use super::history;
use super::instrument::Shape;
use super::login::Client;
use super::outbox::Outbox;
use super::price::Side;
use super::series::Series;
use super::ticks::computation;
use super::time_text;
use super::universe::Refusal;
use crate::tws::Response;
use crate::tws::message::contract::Contract;
use crate::tws::message::history::{
    HeadTimestamp, HeadTimestampRequest, HistogramData, HistogramDataEntry, HistogramDataRequest,
};

/// Samples a histogram is made of.
const SAMPLES: i64 = 500;
const CUSTOM_OPTION: i32 = 53;
const YEAR_MS: f64 = 365.0 * 86_400_000.0;

/// The earliest moment there is data of a type.
pub(super) fn head_timestamp(world: &World, request: &HeadTimestampRequest, now_ms: i64) -> Result<Response, Refusal> {
    let instrument = world.universe.resolve(&request.contract.clone().unwrap_or_default(), now_ms)?;
    let what = request.what_to_show.as_deref().unwrap_or_default();
    Series::parse(what, &instrument)?;
    let head_ms = history::head_ms(&instrument);
    let head_timestamp = match request.format_date {
        Some(2) => head_ms.div_euclid(1000).to_string(),
        _ => time_text::dashed(head_ms, chrono_tz::Tz::UTC),
    };
    Ok(Response::HeadTimestamp(HeadTimestamp { req_id: request.req_id, head_timestamp: Some(head_timestamp) }))
}

/// Traded quantity by price over a period such as `3 days`.
pub(super) fn histogram(
    world: &World,
    client: &Client,
    request: &HistogramDataRequest,
    now_ms: i64,
) -> Result<Response, Refusal> {
    let instrument = world.universe.resolve(&request.contract.clone().unwrap_or_default(), now_ms)?;
    history::permitted(&instrument, client.market_data_type)?;
    let start_ms = period(request.time_period.as_deref().unwrap_or_default())?.before(now_ms);
    let prices = &world.prices;
    let (first, end) = (prices.slot(start_ms), prices.slot(now_ms) + 1);
    let stride = ((end - first) / SAMPLES).max(1);
    let mut by_price: BTreeMap<i64, i64> = BTreeMap::new();
    let mut start = first;
    while start < end {
        let stop = (start + stride).min(end);
        let volume = prices.volume(&instrument, start..stop);
        let side = if instrument.has_trades() { Side::Trades } else { Side::Bid };
        *by_price.entry(prices.price(&instrument, side, stop - 1)).or_default() += volume;
        start = stop;
    }
    let entry = |(price, volume): (&i64, &i64)| HistogramDataEntry {
        price: Some(instrument.tick.price(*price)),
        size: Some(instrument.size.text(*volume)),
    };
    let histogram_data_entries = by_price.iter().map(entry).collect();
    Ok(Response::HistogramData(HistogramData { req_id: request.req_id, histogram_data_entries }))
}

/// Reads `3 days`, `1 week`, or a duration such as `3 D`.
fn period(text: &str) -> Result<Duration, Refusal> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let unit = match unit.trim_end_matches('s') {
        "second" => "S",
        "day" => "D",
        "week" => "W",
        "month" => "M",
        "year" => "Y",
        _ => unit,
    };
    Duration::parse(&format!("{number} {unit}"), BarSize::Day)
}

/// What an option would be worth at a volatility, or which volatility makes it worth a price.
pub(super) enum Assumption {
    Volatility(f64),
    Price(f64),
}

/// An option calculator's answer; ends with this one message.
pub(super) fn calculate(
    world: &World,
    req_id: i32,
    contract: Option<&Contract>,
    assumed: &Assumption,
    under: f64,
    out: &Outbox,
) -> Result<Response, Refusal> {
    let instrument = world.universe.resolve(&contract.cloned().unwrap_or_default(), out.now_ms)?;
    let Shape::Option { strike, is_call, expiry_ms, .. } = instrument.shape else {
        return Err(Refusal::invalid("Option calculations are available for options only"));
    };
    if !(under > 0.0 && under < 1e9) {
        return Err(Refusal::invalid("Please enter the price of the underlying"));
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a few years")]
    let years = (expiry_ms - out.now_ms).max(0) as f64 / YEAR_MS;
    let values = |volatility| (volatility, greeks::greeks(under, strike, is_call, years, volatility));
    let (values, price) = match *assumed {
        Assumption::Volatility(volatility) if volatility > 0.0 && volatility < 100.0 => {
            let values = values(volatility);
            (Some(values), values.1.price)
        }
        Assumption::Volatility(_) => return Err(Refusal::invalid("Please enter a volatility")),
        Assumption::Price(price) => {
            (greeks::implied_volatility(price, under, strike, is_call, years).map(values), price)
        }
    };
    Ok(Response::TickOptionComputation(Box::new(computation(req_id, CUSTOM_OPTION, values, price, under))))
}
