//! Wall Street Horizon: metadata before events, and one request at a time.

use std::collections::VecDeque;

use chrono::NaiveDate;
use serde_json::Value;

use super::{Asked, ServiceAnswer, asked, not_ready};
use crate::{
    config::ms,
    schema::{
        ApiError, ErrorCode,
        connection::LinkName,
        request::wsh::{Calendar, EventsRequest},
    },
    session::{
        Answer, Command, Listing, Token,
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::Class,
    },
    tws::{
        Request,
        message::news::{
            CancelWshEventData, CancelWshMetaData, WshEventData, WshEventDataRequest, WshMetaData, WshMetaDataRequest,
        },
    },
};

/// Requests that may wait their turn.
const WAITING_MAX: usize = 20;
/// Events of one answer.
const LIMIT_MAX: u8 = 100;
/// Longest filter.
const FILTER_BYTES_MAX: usize = 16 * 1024;
/// The gateway wants the metadata asked for first.
const META_FIRST: i32 = 10_282;

/// One question and who asked it.
#[derive(Debug)]
struct Job {
    ask: Ask,
    callers: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq)]
enum Ask {
    Meta,
    Events(Box<WshEventDataRequest>),
}

/// The calendar.
#[derive(Debug, Default)]
pub(super) struct Wsh {
    open: Option<(i32, Job)>,
    waiting: VecDeque<Job>,
    /// The metadata of this connection, which events need.
    meta: Option<Value>,
}

impl Wsh {
    pub(super) fn entries(&self) -> usize {
        self.waiting.len() + usize::from(self.open.is_some())
    }

    pub(super) fn meta(&mut self, core: &mut Core, command: &Command) {
        match &self.meta {
            Some(data) => core.answer(command.token, calendar(data.clone())),
            None => self.enqueue(core, command.token, Ask::Meta),
        }
    }

    pub(super) fn events(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &EventsRequest,
        listing: Option<&Listing>,
    ) {
        match read(ask, listing) {
            Ok(request) => self.enqueue(core, command.token, Ask::Events(Box::new(request))),
            Err(error) => core.refuse(command.token, error),
        }
    }

    fn enqueue(&mut self, core: &mut Core, token: Token, ask: Ask) {
        let open = self.open.as_mut().map(|(_, job)| job);
        if let Some(job) = open.into_iter().chain(&mut self.waiting).find(|job| job.ask == ask) {
            return job.callers.push(token);
        }
        if self.waiting.len() >= WAITING_MAX {
            let text = "IB takes one request for the calendar at a time and too many are waiting";
            return core.refuse(token, ApiError::new(ErrorCode::Busy, text).retry_after_ms(5_000));
        }
        self.waiting.push_back(Job { ask, callers: vec![token] });
        self.next(core);
    }

    /// Sends the next question if none is open.
    fn next(&mut self, core: &mut Core) {
        self.waiting.retain(|job| job.callers.iter().any(|token| core.is_waiting(*token)));
        if self.open.is_some() {
            return;
        }
        let Some(job) = self.waiting.pop_front() else { return };
        let needs_meta = self.meta.is_none() && job.ask != Ask::Meta;
        let job = if needs_meta {
            self.waiting.push_front(job);
            Job { ask: Ask::Meta, callers: Vec::new() }
        } else {
            job
        };
        let req_id = core.new_req_id();
        let request = match &job.ask {
            Ask::Meta => Request::WshMetaDataRequest(WshMetaDataRequest { req_id: Some(req_id) }),
            Ask::Events(request) => {
                let request = WshEventDataRequest { req_id: Some(req_id), ..(**request).clone() };
                Request::WshEventDataRequest(Box::new(request))
            }
        };
        let errand = Errand::new(LinkName::Data, Class::Interactive, request).id(req_id);
        match core.submit(Owner::Services, errand.answer_within(ms(core.config.timing.request_ms))) {
            Ok(()) => self.open = Some((req_id, job)),
            Err(error) => self.refuse(core, job, &error),
        }
    }

    pub(super) fn on_meta(&mut self, core: &mut Core, message: &WshMetaData) -> Asked {
        let Some(job) = self.close(core, message.req_id) else { return asked(false, message.req_id) };
        let data = json(message.data_json.as_deref());
        self.meta = Some(data.clone());
        self.tell(core, job, &data);
        Ok(())
    }

    pub(super) fn on_events(&mut self, core: &mut Core, message: &WshEventData) -> Asked {
        let Some(job) = self.close(core, message.req_id) else { return asked(false, message.req_id) };
        self.tell(core, job, &json(message.data_json.as_deref()));
        Ok(())
    }

    fn close(&mut self, core: &mut Core, req_id: Option<i32>) -> Option<Job> {
        let (req_id, job) = self.open.take_if(|(open, _)| Some(*open) == req_id)?;
        core.done(req_id);
        Some(job)
    }

    fn tell(&mut self, core: &mut Core, job: Job, data: &Value) {
        for token in job.callers {
            core.answer(token, calendar(data.clone()));
        }
        self.next(core);
    }

    /// Tells the callers. Events that wait for metadata which cannot be had are refused with it.
    fn refuse(&mut self, core: &mut Core, job: Job, error: &ApiError) {
        let is_for_events = job.ask == Ask::Meta;
        let mut callers = job.callers;
        if is_for_events {
            callers.extend(self.waiting.drain(..).flat_map(|job| job.callers));
        }
        for token in callers {
            core.refuse(token, error.clone());
        }
    }

    pub(super) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) -> bool {
        if self.open.as_ref().is_none_or(|(open, _)| *open != req_id) {
            return false;
        }
        if !notice.meaning.ends_request() {
            return true;
        }
        let Some(job) = self.close(core, Some(req_id)) else { return false };
        if notice.code == META_FIRST && self.meta.take().is_some() {
            // The gateway was restarted behind the same socket: what it had been asked is forgotten.
            self.waiting.push_front(job);
        } else {
            self.refuse(core, job, &notice.to_error());
        }
        self.next(core);
        true
    }

    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> bool {
        let Some(job) = self.close(core, Some(req_id)) else { return false };
        let cancel = match job.ask {
            Ask::Meta => Request::CancelWshMetaData(CancelWshMetaData { req_id: Some(req_id) }),
            Ask::Events(_) => Request::CancelWshEventData(CancelWshEventData { req_id: Some(req_id) }),
        };
        core.cancelled(req_id);
        // Cancels are never refused. Without it the next request would be refused as one too many.
        let _ = core.submit(Owner::Services, Errand::new(LinkName::Data, Class::Cancel, cancel).id(req_id));
        let error = ApiError::new(ErrorCode::Timeout, "the gateway did not answer about the calendar; ask again");
        self.refuse(core, job, &error);
        self.next(core);
        true
    }

    pub(super) fn on_timer(&mut self, core: &mut Core) {
        self.next(core);
    }

    pub(super) fn on_link_down(&mut self, core: &mut Core) {
        self.meta = None;
        let cut = self.open.take().map(|(_, job)| job).into_iter().chain(self.waiting.drain(..));
        for token in cut.flat_map(|job| job.callers).collect::<Vec<_>>() {
            core.refuse(token, not_ready("the data link to the gateway was lost before the answer came"));
        }
    }
}

fn calendar(data: Value) -> Answer {
    ServiceAnswer::Calendar(Calendar { data }).into()
}

/// What IB sends is JSON text; what is none stays text.
fn json(text: Option<&str>) -> Value {
    let text = text.unwrap_or_default();
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn read(ask: &EventsRequest, listing: Option<&Listing>) -> Result<WshEventDataRequest, ApiError> {
    let filter = ask.filter.as_ref().map(|filter| Value::Object(filter.clone()).to_string());
    if listing.is_some() == filter.is_some() {
        return Err(ApiError::invalid("give contract or filter, one of them"));
    }
    if filter.as_ref().is_some_and(|filter| filter.len() > FILTER_BYTES_MAX || !filter.is_ascii()) {
        return Err(ApiError::invalid(format!("filter is at most {FILTER_BYTES_MAX} bytes of ASCII")));
    }
    let (start, end) = (day("start", ask.start.as_deref())?, day("end", ask.end.as_deref())?);
    if matches!((start, end), (Some(start), Some(end)) if start > end) {
        return Err(ApiError::invalid("start is after end"));
    }
    if ask.limit.is_some_and(|limit| !(1..=LIMIT_MAX).contains(&limit)) {
        return Err(ApiError::invalid(format!("limit is 1 to {LIMIT_MAX}")));
    }
    let stamp = |day: Option<NaiveDate>| day.map(|day| day.format("%Y%m%d").to_string());
    Ok(WshEventDataRequest {
        req_id: None,
        con_id: listing.map(|listing| listing.instrument.con_id),
        filter,
        fill_watchlist: Some(ask.fill_watchlist),
        fill_portfolio: Some(ask.fill_portfolio),
        fill_competitors: Some(ask.fill_competitors),
        start_date: stamp(start),
        end_date: stamp(end),
        total_limit: ask.limit.map(i32::from),
    })
}

fn day(field: &str, text: Option<&str>) -> Result<Option<NaiveDate>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    match text.parse() {
        Ok(day) => Ok(Some(day)),
        Err(_) => Err(ApiError::invalid(format!("{field} is a day, such as 2026-11-20"))),
    }
}
