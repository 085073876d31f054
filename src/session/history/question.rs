//! What the gateway is asked for past data, and how its answers are read.

use std::sync::Arc;

use prost::Message as _;

use super::{bar, past_tick, sessions};
use crate::{
    schema::{
        ApiError,
        bar::{Bar, BarSource},
        request::history::{PastTick, PastTickKind, PriceLevel, TradingSession},
    },
    session::{
        Listing,
        pacing::{Cost, HistoryCost},
    },
    tws::{
        Request, Response,
        message::{
            history::{CancelHistogramData, CancelHistoricalData, HistogramDataRequest, HistoricalDataRequest},
            tick_by_tick::{CancelHistoricalTicks, HistoricalTicksRequest},
        },
    },
};

/// One request, without an id.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Question {
    Bars(Box<HistoricalDataRequest>, BarSource),
    Schedule(Box<HistoricalDataRequest>),
    Ticks(Box<HistoricalTicksRequest>, PastTickKind),
    Histogram(Box<HistogramDataRequest>),
}

/// What a question came to; rows are oldest first.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Bars(Arc<Vec<Bar>>),
    Ticks(Arc<Vec<PastTick>>),
    Sessions(Arc<(String, Vec<TradingSession>)>),
    Levels(Arc<Vec<PriceLevel>>),
}

/// What a question came to, or why to nothing.
pub(super) type Answered = Result<Found, ApiError>;

/// Rows as they arrive.
#[derive(Debug)]
pub(super) enum Gathered {
    Bars(Vec<Bar>, BarSource),
    Ticks(Vec<PastTick>),
    Sessions(String, Vec<TradingSession>),
    Levels(Vec<PriceLevel>),
}

/// What a message about a question means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// More will come.
    Partial,
    /// The answer is complete.
    Complete,
}

impl Question {
    /// Equal for equal questions.
    pub(super) fn key(&self) -> Vec<u8> {
        match self {
            Self::Bars(request, _) | Self::Schedule(request) => keyed(1, &request.encode_to_vec()),
            Self::Ticks(request, _) => keyed(2, &request.encode_to_vec()),
            Self::Histogram(request) => keyed(3, &request.encode_to_vec()),
        }
    }

    pub(super) fn request(&self, req_id: i32) -> Request {
        let req_id = Some(req_id);
        match self {
            Self::Bars(request, _) | Self::Schedule(request) => {
                Request::HistoricalDataRequest(Box::new(HistoricalDataRequest { req_id, ..(**request).clone() }))
            }
            Self::Ticks(request, _) => {
                Request::HistoricalTicksRequest(Box::new(HistoricalTicksRequest { req_id, ..(**request).clone() }))
            }
            Self::Histogram(request) => {
                Request::HistogramDataRequest(Box::new(HistogramDataRequest { req_id, ..(**request).clone() }))
            }
        }
    }

    pub(super) fn cancel(&self, req_id: i32) -> Request {
        let req_id = Some(req_id);
        match self {
            Self::Bars(..) | Self::Schedule(_) => Request::CancelHistoricalData(CancelHistoricalData { req_id }),
            Self::Ticks(..) => Request::CancelHistoricalTicks(CancelHistoricalTicks { req_id }),
            Self::Histogram(_) => Request::CancelHistogramData(CancelHistogramData { req_id }),
        }
    }

    /// What it costs, asked about this instrument.
    pub(super) fn cost(&self, listing: &Listing) -> Cost {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        match self {
            Self::Bars(request, source) => {
                let bar = &request.bar_size_setting;
                let small = bar.as_deref().is_some_and(|size| size.parse().is_ok_and(super::plan::is_small));
                let rest = [text(&request.end_date_time), text(&request.duration), text(bar)];
                cost(listing, source.ib_text(), small, &rest)
            }
            Self::Schedule(request) => {
                cost(listing, "SCHEDULE", false, &[text(&request.end_date_time), text(&request.duration)])
            }
            Self::Ticks(request, kind) => {
                let rest = [text(&request.start_date_time), text(&request.end_date_time), "ticks".to_owned()];
                cost(listing, kind.ib_text(), true, &rest)
            }
            // IB states no rule for it.
            Self::Histogram(request) => cost(listing, "histogram", false, &[text(&request.time_period)]),
        }
    }

    pub(super) fn gathered(&self) -> Gathered {
        match self {
            Self::Bars(_, source) => Gathered::Bars(Vec::new(), *source),
            Self::Schedule(_) => Gathered::Sessions(String::new(), Vec::new()),
            Self::Ticks(..) => Gathered::Ticks(Vec::new()),
            Self::Histogram(_) => Gathered::Levels(Vec::new()),
        }
    }
}

fn keyed(kind: u8, request: &[u8]) -> Vec<u8> {
    let mut key = vec![kind];
    key.extend_from_slice(request);
    key
}

/// Cost of a historical request about this instrument.
pub(super) fn cost(listing: &Listing, what: &str, small: bool, rest: &[String]) -> Cost {
    Cost::History(HistoryCost::new(&listing.instrument, what, small, rest))
}

impl Gathered {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bars(rows, _) => rows.len(),
            Self::Ticks(rows) => rows.len(),
            Self::Sessions(_, rows) => rows.len(),
            Self::Levels(rows) => rows.len(),
        }
    }

    /// Takes the rows of a message, and counts those that cannot be read.
    pub(super) fn take(&mut self, message: Response) -> (Arrival, u64) {
        let mut unreadable = 0;
        let arrival = match (self, message) {
            (Self::Bars(rows, source), Response::HistoricalData(message)) => {
                let read = message.historical_data_bars.iter().map(|row| bar::read(row, *source));
                unreadable = extend(rows, read);
                Arrival::Partial
            }
            (Self::Bars(..) | Self::Sessions(..), Response::HistoricalDataEnd(_)) => Arrival::Complete,
            (Self::Ticks(rows), Response::HistoricalTicks(message)) => {
                unreadable = extend(rows, message.historical_ticks.iter().map(past_tick::mid_point));
                done(message.is_done)
            }
            (Self::Ticks(rows), Response::HistoricalTicksBidAsk(message)) => {
                unreadable = extend(rows, message.historical_ticks_bid_ask.into_iter().map(past_tick::bid_ask));
                done(message.is_done)
            }
            (Self::Ticks(rows), Response::HistoricalTicksLast(message)) => {
                unreadable = extend(rows, message.historical_ticks_last.into_iter().map(past_tick::last));
                done(message.is_done)
            }
            (Self::Sessions(zone, rows), Response::HistoricalSchedule(message)) => {
                unreadable = sessions::read(message, zone, rows);
                Arrival::Complete
            }
            (Self::Levels(rows), Response::HistogramData(message)) => {
                unreadable = extend(rows, message.histogram_data_entries.iter().map(sessions::level));
                Arrival::Complete
            }
            _ => {
                unreadable += 1;
                Arrival::Partial
            }
        };
        (arrival, unreadable)
    }

    /// The rows in order; bars without repeats.
    pub(super) fn finish(self) -> Found {
        match self {
            Self::Bars(mut rows, _) => {
                // The later of two bars for the same moment is the more complete one.
                rows.reverse();
                rows.sort_by_key(|bar| bar.start_us);
                rows.dedup_by_key(|bar| bar.start_us);
                Found::Bars(Arc::new(rows))
            }
            Self::Ticks(mut rows) => {
                // Stable: ticks of one second stay as they came.
                rows.sort_by_key(|tick| tick.event_us);
                Found::Ticks(Arc::new(rows))
            }
            Self::Sessions(zone, mut rows) => {
                rows.sort_by_key(|session| session.start_us);
                Found::Sessions(Arc::new((zone, rows)))
            }
            Self::Levels(mut rows) => {
                rows.sort_by(|one, other| one.price.total_cmp(&other.price));
                Found::Levels(Arc::new(rows))
            }
        }
    }
}

fn done(is_done: Option<bool>) -> Arrival {
    if is_done.unwrap_or(false) { Arrival::Complete } else { Arrival::Partial }
}

fn extend<T>(rows: &mut Vec<T>, read: impl Iterator<Item = Option<T>>) -> u64 {
    let mut unreadable = 0;
    for row in read {
        match row {
            Some(row) => rows.push(row),
            None => unreadable += 1,
        }
    }
    unreadable
}

impl Found {
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Bars(rows) => rows.len(),
            Self::Ticks(rows) => rows.len(),
            Self::Sessions(found) => found.1.len(),
            Self::Levels(rows) => rows.len(),
        }
    }
}
