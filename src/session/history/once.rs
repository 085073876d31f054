//! Questions with one answer: past sessions and histograms.

use chrono::{DateTime, Datelike as _};

use super::{
    plan::SECOND_US,
    question::{Answered, Found, Question},
    range,
    seat::Seat,
    utc_text,
};
use crate::{
    schema::{
        ApiError,
        request::history::{Histogram, HistogramRequest, Schedule, ScheduleRequest},
    },
    session::{Answer, Listing, Outcome},
    tws::message::history::{HistogramDataRequest, HistoricalDataRequest},
};

const DAY_US: i64 = 86_400 * SECOND_US;

/// One caller's question.
#[derive(Debug)]
pub(super) struct Once {
    pub(super) seat: Seat,
    question: Question,
    /// First and last moment wanted, for sessions.
    span: (i64, i64),
    state: State,
}

#[derive(Debug)]
enum State {
    Unasked,
    Asked,
    Settled(Answered),
}

impl Once {
    /// A question for past sessions.
    ///
    /// # Errors
    ///
    /// `invalid_request` if the range makes no sense.
    pub(super) fn schedule(seat: Seat, ask: &ScheduleRequest, now_us: i64) -> Result<Self, ApiError> {
        let span = range::moments(ask.start, ask.end, ask.duration.as_deref(), now_us)?;
        let question = schedule(&seat.listing, span, ask.regular_hours);
        Ok(Self { seat, question, span, state: State::Unasked })
    }

    /// A question for a histogram.
    ///
    /// # Errors
    ///
    /// `invalid_request` if the period cannot be read.
    pub(super) fn histogram(seat: Seat, ask: &HistogramRequest, now_us: i64) -> Result<Self, ApiError> {
        let start_us = range::before(now_us, &ask.period).ok_or_else(|| range::bad_duration(&ask.period))?;
        let request = HistogramDataRequest {
            contract: Some(seat.listing.contract.clone()),
            use_rth: Some(ask.regular_hours),
            time_period: Some(period(now_us - start_us)),
            ..HistogramDataRequest::default()
        };
        let question = Question::Histogram(Box::new(request));
        Ok(Self { seat, question, span: (start_us, now_us), state: State::Unasked })
    }

    pub(super) fn question(&self) -> &Question {
        &self.question
    }

    pub(super) fn open(&self) -> usize {
        usize::from(matches!(self.state, State::Asked))
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Settled(_))
    }

    pub(super) fn next_question(&mut self) -> Option<(usize, Question)> {
        if !matches!(self.state, State::Unasked) {
            return None;
        }
        self.state = State::Asked;
        Some((0, self.question.clone()))
    }

    pub(super) fn put_back(&mut self) {
        self.state = State::Unasked;
    }

    pub(super) fn give_up(&mut self, error: ApiError) {
        self.state = State::Settled(Err(error));
    }

    pub(super) fn accept(&mut self, result: &Answered) {
        self.state = State::Settled(result.clone());
    }

    pub(super) fn finish(self) -> Outcome {
        let instrument = self.seat.listing.instrument.clone();
        let (from_us, to_us) = self.span;
        match self.state {
            State::Settled(Ok(Found::Sessions(found))) => {
                let (time_zone, sessions) = &*found;
                let overlaps = |from: i64, to: i64| from < to_us && to > from_us;
                let sessions =
                    sessions.iter().filter(|session| overlaps(session.start_us, session.end_us)).cloned().collect();
                Ok(Answer::Schedule(Box::new(Schedule { instrument, time_zone: time_zone.clone(), sessions })))
            }
            State::Settled(Ok(Found::Levels(rows))) => {
                Ok(Answer::Histogram(Box::new(Histogram { instrument, rows: rows.to_vec() })))
            }
            State::Settled(Err(error)) => Err(error),
            _ => Err(ApiError::invalid("the gateway answered something else")),
        }
    }
}

/// The question for the sessions of a range.
pub(super) fn schedule(listing: &Listing, (from_us, to_us): (i64, i64), regular_hours: bool) -> Question {
    // Sessions are counted, so a few more days than the calendar has do no harm.
    let days = (to_us - from_us).max(0) / DAY_US + 2;
    let years = days / 364 + 1;
    let duration = if days <= 365 { format!("{days} D") } else { format!("{} Y", years.min(68)) };
    // The end of its day, so that equal questions of one day are equal in words.
    let end = DateTime::from_timestamp_micros(to_us).unwrap_or_default();
    let end = end.date_naive().with_day0(end.day0()).and_then(|day| day.and_hms_opt(23, 59, 59));
    let request = HistoricalDataRequest {
        contract: Some(listing.contract.clone()),
        end_date_time: Some(end.map(|end| utc_text(end.and_utc().timestamp_micros())).unwrap_or_default()),
        bar_size_setting: Some("1 day".to_owned()),
        duration: Some(duration),
        use_rth: Some(regular_hours),
        what_to_show: Some("SCHEDULE".to_owned()),
        format_date: Some(1),
        keep_up_to_date: Some(false),
        ..HistoricalDataRequest::default()
    };
    Question::Schedule(Box::new(request))
}

/// A period in IB's words: whole days, weeks, months or years.
fn period(span_us: i64) -> String {
    let days = (span_us + DAY_US - 1) / DAY_US;
    match days {
        ..=1 if span_us < DAY_US => format!("{} seconds", (span_us / SECOND_US).max(1)),
        days if days <= 365 => format!("{days} days"),
        days => format!("{} years", (days + 364) / 365),
    }
}
