//! History of any range, cut into the requests IB allows.
//!
//! A job is one caller's range: [`range`] reads it, [`plan`] cuts it into chunks. [`fetch`] asks
//! for chunks, shares equal ones and keeps their answers for a while. [`head`] serves `hist.head`.

mod bar;
mod fetch;
mod head;
mod job;
mod plan;
mod range;
#[cfg(test)]
mod tests;

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
    time::{Duration, Instant},
};

use self::{
    fetch::{Fetches, Served},
    head::Heads,
    job::Job,
    range::Range,
};
use super::{Command, Listing, core::Core, notice::Notice, pacing::Cost};
use crate::{
    schema::{
        ApiError, ErrorCode,
        bar::BarSource,
        request::history::{BarsRequest, HeadRequest},
    },
    tws::Response,
};

/// Chunks of one job asked for at the same time, so that jobs of many clients advance together.
const CHUNKS_OPEN_MAX: usize = 3;
/// Range requests served at the same time.
const JOBS_MAX: usize = 256;
/// Length of the window that small-bar requests are counted in.
const SMALL_WINDOW: Duration = Duration::from_secs(600);

/// Range requests in progress.
#[derive(Debug, Default)]
pub(crate) struct History {
    jobs: Vec<Job>,
    fetches: Fetches,
    heads: Heads,
    is_up: bool,
}

impl History {
    pub(crate) fn bars(&mut self, core: &mut Core, command: &Command, ask: &BarsRequest, listing: &Arc<Listing>) {
        let range = match Range::read(ask, &listing.instrument, core.now.us) {
            Ok(range) => range,
            Err(error) => return core.refuse(command.token, error),
        };
        let job = Job::new(command, listing, range, ask.regular_hours);
        if let Err(error) = self.admit(core, command, &job) {
            return core.refuse(command.token, error);
        }
        self.jobs.push(job);
        self.pump(core);
    }

    fn admit(&self, core: &mut Core, command: &Command, job: &Job) -> Result<(), ApiError> {
        self.check_up(core)?;
        if self.jobs.len() >= JOBS_MAX {
            let message = format!("{JOBS_MAX} history requests are being served");
            return Err(ApiError::new(ErrorCode::Busy, message).retry_after_ms(1_000));
        }
        let now = core.now.at;
        let to_ask = job.requests().filter(|request| !self.fetches.has(now, request)).count();
        if to_ask == 0 {
            return Ok(());
        }
        // Bars of a minute and more wait for nothing but the end of a violation.
        let each = if job.is_small() { weight(job.source()) } else { 0 };
        check_deadline(core, command.deadline, u32::try_from(to_ask).unwrap_or(u32::MAX).saturating_mul(each))
    }

    fn check_up(&self, core: &Core) -> Result<(), ApiError> {
        if core.ib_lost {
            return Err(ib_lost());
        }
        if self.is_up {
            return Ok(());
        }
        Err(ApiError::new(ErrorCode::NotReady, "the data link to the gateway is not logged in").retry_after_ms(1_000))
    }

    pub(crate) fn head(&mut self, core: &mut Core, command: &Command, ask: &HeadRequest, listing: &Arc<Listing>) {
        match self.check_up(core) {
            Ok(()) => self.heads.ask(core, command, ask, listing),
            Err(error) => core.refuse(command.token, error),
        }
    }

    pub(crate) fn on_response(&mut self, core: &mut Core, response: Response) {
        match response {
            Response::HistoricalData(message) => self.fetches.on_bars(core, &message),
            Response::HistoricalDataEnd(message) => {
                let served = self.fetches.on_end(core, message.req_id.unwrap_or_default());
                self.serve(core, served);
            }
            Response::HeadTimestamp(message) => self.heads.on_answer(core, &message),
            // Kinds of history this release never asks for.
            _ => core.counters.late_answers += 1,
        }
    }

    pub(crate) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) {
        if !notice.meaning.ends_request() || self.heads.on_notice(core, req_id, notice) {
            return;
        }
        let served = self.fetches.on_notice(core, req_id, notice);
        self.serve(core, served);
    }

    pub(crate) fn on_timeout(&mut self, core: &mut Core, req_id: i32) {
        if !self.heads.on_timeout(core, req_id) {
            let served = self.fetches.on_timeout(core, req_id);
            self.serve(core, served);
        }
    }

    pub(crate) fn on_link_ready(&mut self, core: &mut Core) {
        self.is_up = true;
        self.heads.on_link_ready(core);
        self.drop_abandoned(core);
        let served = self.fetches.on_link_ready(core);
        self.serve(core, served);
    }

    /// The gateway can reach IB again.
    pub(crate) fn on_ib_back(&mut self, core: &mut Core) {
        if self.is_up {
            self.on_link_ready(core);
        }
    }

    pub(crate) fn on_link_down(&mut self, _core: &mut Core) {
        self.is_up = false;
        self.heads.on_link_down();
        self.fetches.on_link_down();
    }

    /// Called after overdue callers were told so.
    pub(crate) fn on_timer(&mut self, core: &mut Core) {
        self.drop_abandoned(core);
        let served = self.fetches.on_timer(core);
        self.serve(core, served);
    }

    /// When [`Self::on_timer`] has something to do.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.fetches.wake_at()
    }

    /// A caller who gave up needs no more chunks.
    fn drop_abandoned(&mut self, core: &mut Core) {
        let before = self.jobs.len();
        self.jobs.retain(|job| core.is_waiting(job.token()));
        if self.jobs.len() < before {
            self.fetches.drop_unwanted(core);
        }
    }

    fn serve(&mut self, core: &mut Core, served: Vec<Served>) {
        for served in served {
            for (token, place) in &served.waiters {
                if let Some(job) = self.jobs.iter_mut().find(|job| job.token() == *token) {
                    job.accept(*place, &served.result);
                }
            }
        }
        self.pump(core);
    }

    /// Asks for the next chunks of every job, and answers the jobs that have all of theirs.
    fn pump(&mut self, core: &mut Core) {
        for job in &mut self.jobs {
            while job.open() < CHUNKS_OPEN_MAX
                && let Some((place, request)) = job.next_request()
            {
                match self.fetches.ask(core, request, (job.token(), place)) {
                    Ok(Some(result)) => job.accept(place, &result),
                    Ok(None) => {}
                    Err(error) => {
                        job.put_back(place);
                        if job.open() == 0 {
                            job.give_up(error);
                        }
                        break;
                    }
                }
            }
        }
        let (done, rest) = std::mem::take(&mut self.jobs).into_iter().partition(Job::is_done);
        self.jobs = rest;
        let done: Vec<Job> = done;
        for job in done {
            let requests = self.fetches.take_count(job.token());
            let token = job.token();
            core.reply(token, job.finish(requests));
        }
    }
}

/// What a caller is told while the gateway cannot reach IB.
fn ib_lost() -> ApiError {
    ApiError::new(ErrorCode::NotReady, "the gateway has lost its link to IB").retry_after_ms(5_000)
}

/// Cost of a request in IB's count: bid and ask are two.
fn weight(source: BarSource) -> u32 {
    if source == BarSource::BidAsk { 2 } else { 1 }
}

/// Cost of a historical request about this instrument.
fn cost(listing: &Listing, source: BarSource, small: bool) -> Cost {
    let mut hasher = rustc_hash::FxHasher::default();
    (listing.instrument.con_id, &listing.instrument.exchange, source).hash(&mut hasher);
    Cost::History { weight: weight(source), small, same: hasher.finish() }
}

/// Refuses what the small-bar window cannot let through before the caller gives up.
fn check_deadline(core: &mut Core, deadline: Instant, weight: u32) -> Result<(), ApiError> {
    let now = core.now.at;
    let window = core.pacing.history_usage(now).max.max(1);
    // Beyond a first part, each full window of requests takes a full window of time.
    let windows = weight.saturating_sub(1) / window;
    let first = weight.saturating_sub(windows * window);
    let sent = core.pacing.earliest_history(now, first) + SMALL_WINDOW * windows;
    if sent <= deadline {
        return Ok(());
    }
    let needed_ms = u64::try_from(sent.saturating_duration_since(now).as_millis()).unwrap_or(u64::MAX);
    let message = if weight == 0 {
        format!("history is held back for {needed_ms} ms after a pacing violation")
    } else {
        format!(
            "IB allows {window} small-bar requests in 10 minutes and this takes {weight}, the last one in {needed_ms} ms; allow a longer timeout_ms, ask for less, or use bars of 1m and longer"
        )
    };
    // Waiting helps only for what the window still remembers.
    let first_ms = needed_ms.saturating_sub(SMALL_WINDOW.as_secs().saturating_mul(1_000) * u64::from(windows));
    Err(ApiError::new(ErrorCode::PacingLimited, message).retry_after_ms(first_ms.max(1_000)))
}
