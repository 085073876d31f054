//! Historical bars: queries, their limits, and bars kept up to date.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;

use super::bar_size::{BarSize, Duration, service};
use super::gateway::World;
use super::instrument::{Instrument, Permission};
use super::login::Client;
use super::outbox::{ConnectionId, Outbox};
use super::series::Series;
use super::sessions::{Calendar, Span};
use super::time_text;
use super::universe::{Refusal, given};
use crate::tws::Response;
use crate::tws::message::history::{
    HistoricalData, HistoricalDataBar, HistoricalDataEnd, HistoricalDataRequest, HistoricalDataUpdate,
    HistoricalSchedule, HistoricalSession,
};

/// Historical requests open at a time over all clients.
pub(super) const OPEN_MAX: usize = 50;
/// Bars one query may ask for.
const BARS_MAX: i64 = 100_000;
/// Bars made at one go, so that a long query does not stop the markets.
const BARS_AT_ONCE: usize = 1000;
/// Simulated time between two updates of a bar kept up to date.
const UPDATE_MS: i64 = 1000;

/// A query being answered.
struct Query {
    instrument: Arc<Instrument>,
    series: Series,
    size: BarSize,
    calendar: Calendar,
    format_date: i32,
    start_ms: i64,
    end_ms: i64,
    keep_up_to_date: bool,
    spans: Box<dyn Iterator<Item = Span> + Send>,
    bars: Vec<HistoricalDataBar>,
}

/// A query whose current bar is kept up to date.
struct Live {
    query: Query,
    updated_ms: i64,
    span: Span,
}

/// All historical bar queries of all clients.
#[derive(Default)]
pub(super) struct History {
    queries: BTreeMap<(ConnectionId, i32), Query>,
    live: BTreeMap<(ConnectionId, i32), Live>,
}

impl History {
    pub(super) fn request(
        &mut self,
        world: &World,
        client: &Client,
        request: &HistoricalDataRequest,
        out: &mut Outbox,
    ) {
        let key = (client.connection, request.req_id.unwrap_or_default());
        if self.queries.contains_key(&key) || self.live.contains_key(&key) {
            let refusal = Refusal::new(386, "Duplicate ticker ID for API historical data query");
            return out.refuse(key.0, key.1, refusal);
        }
        match accept(world, client, request, out) {
            Err(refusal) => out.refuse(key.0, key.1, refusal),
            Ok(query) if query.series == Series::Schedule => schedule(key, &query, out),
            Ok(query) => {
                self.queries.insert(key, query);
                self.work(world, out);
            }
        }
    }

    pub(super) fn cancel(&mut self, connection: ConnectionId, req_id: i32, out: &mut Outbox) {
        let key = (connection, req_id);
        if self.queries.remove(&key).is_some() || self.live.remove(&key).is_some() {
            out.refuse(connection, req_id, service(&format!("API historical data query cancelled: {req_id}")));
        } else {
            out.error(connection, req_id, 366, format!("No historical data query found for ticker id:{req_id}"));
        }
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.queries.retain(|(owner, _), _| *owner != connection);
        self.live.retain(|(owner, _), _| *owner != connection);
    }

    /// Goes on with long queries and updates current bars.
    pub(super) fn advance(&mut self, world: &World, out: &mut Outbox) {
        self.work(world, out);
        for (&key, live) in &mut self.live {
            if out.now_ms - live.updated_ms >= UPDATE_MS {
                live.updated_ms = out.now_ms;
                update(world, key, live, out);
            }
        }
    }

    fn work(&mut self, world: &World, out: &mut Outbox) {
        let mut done = Vec::new();
        for (&key, query) in &mut self.queries {
            for _ in 0..BARS_AT_ONCE {
                let Some(span) = query.spans.next() else {
                    done.push(key);
                    break;
                };
                let bar = bar(world, query, span, query.end_ms);
                query.bars.extend(bar);
            }
        }
        for key in done {
            let Some(mut query) = self.queries.remove(&key) else { continue };
            answer(key, &mut query, out);
            let span = query.calendar.bar_at(query.size, query.end_ms);
            if let Some(span) = span.filter(|_| query.keep_up_to_date) {
                self.live.insert(key, Live { query, updated_ms: out.now_ms, span });
            }
        }
    }
}

fn accept(world: &World, client: &Client, request: &HistoricalDataRequest, out: &mut Outbox) -> Result<Query, Refusal> {
    let contract = request.contract.clone().unwrap_or_default();
    let instrument = world.universe.resolve(&contract, out.now_ms)?;
    let what = request.what_to_show.as_deref().unwrap_or_default();
    let size = BarSize::parse(request.bar_size_setting.as_deref().unwrap_or_default())?;
    let duration = Duration::parse(request.duration.as_deref().unwrap_or_default(), size)?;
    let series = Series::parse(what, &instrument)?;
    let zone = instrument.venue.zone;
    let end_text = given(request.end_date_time.as_ref());
    let end_ms = end_of(end_text, zone, (client, request.req_id.unwrap_or_default()), out)?.min(out.now_ms);
    let keep_up_to_date = request.keep_up_to_date.unwrap_or(false);
    if end_text.is_some() && (what == "ADJUSTED_LAST" || instrument.sec_type() == "CONTFUT") {
        return Err(Refusal::new(10339, "Setting end date/time for continuous future security type is not allowed."));
    }
    if keep_up_to_date && (end_text.is_some() || !series.is_live() || size.seconds() < 5) {
        return Err(Refusal::invalid(
            "keepUpToDate needs an empty end time, TRADES, MIDPOINT, BID or ASK, and bars of 5 secs or more",
        ));
    }
    if series == Series::Schedule && size != BarSize::Day {
        return Err(Refusal::invalid("SCHEDULE is available for 1 day bars only"));
    }
    permitted(&instrument, client.market_data_type)?;
    let regular = request.use_rth.unwrap_or(false) && (world.hours().regular || world.hours().closes);
    let calendar = Calendar { venue: instrument.venue, regular, closes: world.hours().closes };
    let start_ms = match duration {
        Duration::Days(days) if regular || !matches!(size, BarSize::Seconds(_)) => calendar.sessions_back(days, end_ms),
        duration => duration.before(end_ms),
    };
    let start_ms = start_ms.max(head_ms(&instrument));
    if start_ms >= end_ms {
        return Err(service(&format!("HMDS query returned no data: {}@{}", instrument.symbol(), what)));
    }
    if (end_ms - start_ms) / 1000 / size.seconds() > BARS_MAX {
        return Err(service("invalid step"));
    }
    Ok(Query {
        spans: calendar.bars(size, start_ms, end_ms),
        instrument,
        series,
        size,
        calendar,
        format_date: request.format_date.unwrap_or(1),
        start_ms,
        end_ms,
        keep_up_to_date,
        bars: Vec::new(),
    })
}

/// The end of a query; an empty text means now.
pub(super) fn end_of(
    text: Option<&str>,
    zone: Tz,
    (client, req_id): (&Client, i32),
    out: &mut Outbox,
) -> Result<i64, Refusal> {
    let Some(text) = text else { return Ok(out.now_ms) };
    let moment = time_text::parse(text, zone)?;
    if moment.without_zone {
        let warning = "Warning: You submitted request with date-time attributes without explicit time zone. Please switch to use yyyymmdd-hh:mm:ss in UTC or use instrument time zone, like US/Eastern.";
        out.error(client.connection, req_id, 2174, warning);
    }
    Ok(moment.at_ms)
}

/// History follows the permissions of market data.
pub(super) fn permitted(instrument: &Instrument, market_data_type: i32) -> Result<(), Refusal> {
    let allowed = match instrument.permission {
        Permission::Live => true,
        Permission::Delayed | Permission::DelayedForApi => market_data_type >= 3,
        Permission::Nothing => false,
    };
    let exchange = instrument.contract.primary_exch.as_deref().unwrap_or_default();
    let refusal = || service(&format!("No market data permissions for {exchange} {}", instrument.sec_type()));
    allowed.then_some(()).ok_or_else(refusal)
}

pub(super) fn too_many() -> Refusal {
    Refusal::new(
        322,
        format!(
            "Error processing request.-'bN' : cause - Only {OPEN_MAX} simultaneous API historical data requests allowed."
        ),
    )
}

/// The earliest moment there is data for.
pub(super) fn head_ms(instrument: &Instrument) -> i64 {
    const DAY_MS: i64 = 86_400_000;
    let before_end =
        |days: i64| instrument.expiry.map_or(0, |end| super::expiry::at_local(Tz::UTC, end, 0) - days * DAY_MS);
    match instrument.sec_type() {
        "FUT" => before_end(730),
        "OPT" => before_end(365),
        // 2017-01-03, 2012-06-20 and 2004-01-23, all 14:30 UTC.
        "CRYPTO" => 1_483_453_800_000,
        "BOND" => 1_340_202_600_000,
        _ => 1_074_868_200_000,
    }
}

/// The bar of a span as far as it has gone at `end_ms`.
fn bar(world: &World, query: &Query, span: Span, end_ms: i64) -> Option<HistoricalDataBar> {
    let prices = &world.prices;
    // The slot that is going on at the end has its trade already.
    let end = prices.slot_from(span.end_ms).min(prices.slot(end_ms) + 1);
    query.series.bar(prices, &query.instrument, prices.slot_from(span.start_ms)..end, date(query, span))
}

fn date(query: &Query, span: Span) -> String {
    match (query.size, query.format_date) {
        (BarSize::Seconds(_), 2) => span.start_ms.div_euclid(1000).to_string(),
        (BarSize::Seconds(_), _) => time_text::with_zone(span.start_ms, query.instrument.venue.zone),
        _ => time_text::day(span.day),
    }
}

fn answer((connection, req_id): (ConnectionId, i32), query: &mut Query, out: &mut Outbox) {
    let zone = query.instrument.venue.zone;
    let historical_data_bars = std::mem::take(&mut query.bars);
    out.send(connection, Response::HistoricalData(HistoricalData { req_id: Some(req_id), historical_data_bars }));
    let end = HistoricalDataEnd {
        req_id: Some(req_id),
        start_date_str: Some(time_text::with_zone(query.start_ms, zone)),
        end_date_str: Some(time_text::with_zone(query.end_ms, zone)),
    };
    out.send(connection, Response::HistoricalDataEnd(end));
}

/// The current bar; after a change of bars also the earlier one as it ended.
fn update(world: &World, (connection, req_id): (ConnectionId, i32), live: &mut Live, out: &mut Outbox) {
    let mut changed = vec![live.span];
    if out.now_ms >= live.span.end_ms
        && let Some(next) = live.query.calendar.bar_at(live.query.size, out.now_ms)
    {
        live.span = next;
        changed.push(next);
    }
    for span in changed {
        let message = HistoricalDataUpdate {
            req_id: Some(req_id),
            historical_data_bar: bar(world, &live.query, span, out.now_ms),
        };
        out.send(connection, Response::HistoricalDataUpdate(Box::new(message)));
    }
}

fn schedule((connection, req_id): (ConnectionId, i32), query: &Query, out: &mut Outbox) {
    let zone = query.instrument.venue.zone;
    let session = |span: Span| HistoricalSession {
        start_date_time: Some(time_text::dashed(span.start_ms, zone)),
        end_date_time: Some(time_text::dashed(span.end_ms, zone)),
        ref_date: Some(time_text::day(span.day)),
    };
    let message = HistoricalSchedule {
        req_id: Some(req_id),
        start_date_time: Some(time_text::dashed(query.start_ms, zone)),
        end_date_time: Some(time_text::dashed(query.end_ms, zone)),
        time_zone: Some(zone.name().to_owned()),
        historical_sessions: query.calendar.sessions(query.start_ms, query.end_ms).map(session).collect(),
    };
    out.send(connection, Response::HistoricalSchedule(message));
}
