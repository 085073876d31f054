//! Past headlines of any range: IB gives at most 300 at a time, the newest first, so the walk goes back in time.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime};
use compact_str::CompactString;
use rustc_hash::FxHashSet;

use super::{Asked, ServiceAnswer, asked, plain};
use crate::{
    config::ms,
    schema::{
        ApiError, ErrorCode, Instrument,
        connection::LinkName,
        request::{
            history::Hole,
            news::{Headline, HeadlinesManifest, HeadlinesRequest, Provider},
        },
    },
    session::{
        Command, Listing, Token,
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::Class,
    },
    tws::{
        Request,
        message::news::{HistoricalNews, HistoricalNewsEnd, HistoricalNewsRequest, NewsProvidersRequest},
        notice::{Category, unescape},
    },
};

/// Headlines IB gives at a time: `ib-limits` section 4.
const PER_REQUEST: u32 = 300;
/// Headlines one caller may have.
const LIMIT_MAX: u32 = 20_000;
/// Sources one caller may name.
const PROVIDERS_MAX: usize = 50;
/// Walks at once; further ones are refused.
const JOBS_MAX: usize = 20;
const SECOND_US: i64 = 1_000_000;

/// One caller's walk.
#[derive(Debug)]
struct Job {
    token: Token,
    client: Option<CompactString>,
    instrument: Instrument,
    providers: Vec<String>,
    start_us: i64,
    end_us: i64,
    limit: usize,
    /// Newest first.
    rows: Vec<Headline>,
    seen: FxHashSet<(String, String)>,
    /// End of the request under way: what is newer is known.
    before_us: i64,
    /// Oldest and newest time, and number of rows, that the request under way has brought.
    span_us: Option<(i64, i64)>,
    brought: u32,
    requests: u32,
    holes: Vec<Hole>,
}

/// Walks in progress, by the id of the request under way.
#[derive(Debug, Default)]
pub(super) struct Headlines {
    open: BTreeMap<i32, Job>,
    /// Waiting to learn which sources there are, and the id their question is known by here.
    waiting: Vec<Job>,
    /// Lost with the link; they go on with the next one.
    cut: Vec<Job>,
    providers_id: Option<i32>,
    providers: Option<Vec<String>>,
}

impl Headlines {
    pub(super) fn entries(&self) -> usize {
        self.open.len() + self.waiting.len() + self.cut.len()
    }

    pub(super) fn ask(&mut self, core: &mut Core, command: &Command, ask: &HeadlinesRequest, listing: &Listing) {
        let job = match Job::read(core, command, ask, listing) {
            Ok(job) => job,
            Err(error) => return core.refuse(command.token, error),
        };
        if self.open.len() + self.waiting.len() + self.cut.len() >= JOBS_MAX {
            let text = format!("{JOBS_MAX} requests for headlines are being served");
            return core.refuse(command.token, ApiError::new(ErrorCode::Busy, text).retry_after_ms(2_000));
        }
        self.start(core, job);
    }

    fn start(&mut self, core: &mut Core, mut job: Job) {
        match &self.providers {
            None if job.providers.is_empty() => {
                self.waiting.push(job);
                self.ask_providers(core);
            }
            Some(all) if job.providers.is_empty() => {
                job.providers.clone_from(all);
                self.request(core, job);
            }
            _ => self.request(core, job),
        }
    }

    fn ask_providers(&mut self, core: &mut Core) {
        if self.providers_id.is_some() {
            return;
        }
        let req_id = core.new_req_id();
        let errand =
            Errand::new(LinkName::Data, Class::Interactive, Request::NewsProvidersRequest(NewsProvidersRequest {}));
        match core.submit(Owner::Services, errand.id(req_id).answer_within(ms(core.config.timing.request_ms))) {
            Ok(()) => self.providers_id = Some(req_id),
            Err(error) => self.refuse_waiting(core, &error),
        }
    }

    fn refuse_waiting(&mut self, core: &mut Core, error: &ApiError) {
        for job in std::mem::take(&mut self.waiting) {
            core.refuse(job.token, error.clone());
        }
    }

    fn request(&mut self, core: &mut Core, mut job: Job) {
        if job.providers.is_empty() {
            let error = ApiError::new(ErrorCode::NoPermission, "the login has no news source for the API");
            return core.refuse(job.token, error);
        }
        let req_id = core.new_req_id();
        let left = job.limit.saturating_sub(job.rows.len());
        // Repeats at the seam take places, so a further request always asks for all it may.
        let total = if job.requests == 0 { u32::try_from(left).unwrap_or(u32::MAX) } else { PER_REQUEST };
        let request = HistoricalNewsRequest {
            req_id: Some(req_id),
            con_id: Some(job.instrument.con_id),
            provider_codes: Some(job.providers.join("+")),
            // IB leaves the first moment out and takes the last one in, both in whole seconds.
            start_date_time: (job.start_us > 0).then(|| stamp(job.start_us - SECOND_US)),
            end_date_time: Some(stamp(job.before_us.saturating_add(SECOND_US - 1))),
            total_results: i32::try_from(total.min(PER_REQUEST)).ok(),
            ..HistoricalNewsRequest::default()
        };
        let errand = Errand::new(LinkName::Data, Class::History, Request::HistoricalNewsRequest(Box::new(request)))
            .id(req_id)
            .client(job.client.clone())
            .answer_within(ms(core.config.timing.request_ms));
        if let Err(error) = core.submit(Owner::Services, errand) {
            return core.refuse(job.token, error);
        }
        job.requests += 1;
        job.brought = 0;
        job.span_us = None;
        self.open.insert(req_id, job);
    }

    // Answers.

    /// True if somebody here was waiting for it.
    pub(super) fn on_providers(&mut self, core: &mut Core, providers: &[Provider]) -> bool {
        self.providers = Some(providers.iter().map(|provider| provider.code.clone()).collect());
        let asked = self.providers_id.take();
        if let Some(req_id) = asked {
            core.done(req_id);
        }
        for job in std::mem::take(&mut self.waiting) {
            self.start(core, job);
        }
        asked.is_some()
    }

    pub(super) fn on_headline(&mut self, core: &mut Core, message: HistoricalNews) -> Asked {
        let req_id = message.req_id.unwrap_or_default();
        let Some(job) = self.open.get_mut(&req_id) else { return asked(false, message.req_id) };
        core.extend(req_id, ms(core.config.timing.request_ms));
        job.take(message);
        Ok(())
    }

    pub(super) fn on_end(&mut self, core: &mut Core, message: &HistoricalNewsEnd) -> Asked {
        let req_id = message.req_id.unwrap_or_default();
        let Some(mut job) = self.open.remove(&req_id) else { return asked(false, message.req_id) };
        core.done(req_id);
        if !core.is_waiting(job.token) {
            return Ok(());
        }
        let has_more = message.has_more.unwrap_or(false) || job.brought >= PER_REQUEST;
        let is_full = job.rows.len() >= job.limit;
        if !has_more || is_full || !job.step_back() {
            job.finish(core, has_more && is_full);
        } else {
            self.request(core, job);
        }
        Ok(())
    }

    // Causes.

    pub(super) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) -> bool {
        if !notice.meaning.ends_request() {
            return self.open.contains_key(&req_id) || self.providers_id == Some(req_id);
        }
        let reason = notice.to_error();
        // "No data" is an answer: there are no older headlines.
        let is_end = notice.meaning.category == Category::NoData;
        self.end(core, req_id, &reason, is_end)
    }

    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> bool {
        let error = ApiError::new(ErrorCode::Timeout, "the gateway did not answer the question for news; ask again");
        self.end(core, req_id, &error, false)
    }

    fn end(&mut self, core: &mut Core, req_id: i32, error: &ApiError, is_end: bool) -> bool {
        if self.providers_id == Some(req_id) {
            self.providers_id = None;
            core.done(req_id);
            self.refuse_waiting(core, error);
            return true;
        }
        let Some(mut job) = self.open.remove(&req_id) else { return false };
        core.done(req_id);
        if is_end {
            job.finish(core, false);
        } else if job.rows.is_empty() {
            core.refuse(job.token, error.clone());
        } else {
            job.leave_out(job.before_us, error.code.as_str(), error.ib_code);
            job.finish(core, false);
        }
        true
    }

    /// Walks go on where they are when the link is back.
    pub(super) fn on_link_down(&mut self) {
        self.providers = None;
        self.providers_id = None;
        self.cut.extend(std::mem::take(&mut self.open).into_values());
        self.cut.append(&mut self.waiting);
    }

    /// What an answer that was cut off has brought is kept; it comes again and is not taken twice.
    pub(super) fn on_link_ready(&mut self, core: &mut Core) {
        for job in std::mem::take(&mut self.cut) {
            if core.is_waiting(job.token) {
                self.start(core, job);
            }
        }
    }

    /// Forgets whom nobody waits for.
    pub(super) fn on_timer(&mut self, core: &mut Core) {
        self.waiting.retain(|job| core.is_waiting(job.token));
        self.cut.retain(|job| core.is_waiting(job.token));
        let left: Vec<i32> =
            self.open.iter().filter(|(_, job)| !core.is_waiting(job.token)).map(|(req_id, _)| *req_id).collect();
        for req_id in left {
            self.open.remove(&req_id);
            // There is no cancel for this request: what still comes is expected.
            core.cancelled(req_id);
            core.done(req_id);
        }
    }
}

impl Job {
    fn read(core: &Core, command: &Command, ask: &HeadlinesRequest, listing: &Listing) -> Result<Self, ApiError> {
        let limit = ask.limit.unwrap_or(PER_REQUEST);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(ApiError::invalid(format!("limit is 1 to {LIMIT_MAX}")));
        }
        if ask.providers.len() > PROVIDERS_MAX {
            return Err(ApiError::invalid(format!("providers holds at most {PROVIDERS_MAX} codes")));
        }
        for code in &ask.providers {
            plain("providers", code, 40)?;
            if code.contains('+') {
                return Err(ApiError::invalid("providers is a list of codes such as [\"BRFG\",\"DJNL\"]"));
            }
        }
        let end_us = ask.end.map_or(core.now.us, |end| end.us).min(core.now.us);
        let start_us = ask.start.map_or(0, |start| start.us);
        if start_us < 0 || start_us > end_us {
            return Err(ApiError::invalid("start is before end (now, if end is left out), and neither before 1970"));
        }
        Ok(Self {
            token: command.token,
            client: command.client.clone(),
            instrument: listing.instrument.clone(),
            providers: ask.providers.clone(),
            start_us,
            end_us,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            rows: Vec::new(),
            seen: FxHashSet::default(),
            before_us: end_us,
            span_us: None,
            brought: 0,
            requests: 0,
            holes: Vec::new(),
        })
    }

    fn take(&mut self, message: HistoricalNews) {
        self.brought += 1;
        let event_us = message.time.as_deref().and_then(time);
        if let Some(us) = event_us {
            let (oldest, newest) = self.span_us.unwrap_or((us, us));
            self.span_us = Some((oldest.min(us), newest.max(us)));
        }
        let row = Headline {
            event_us,
            provider: message.provider_code.unwrap_or_default(),
            article_id: message.article_id.unwrap_or_default(),
            headline: unescape(&message.headline.unwrap_or_default()).into_owned(),
        };
        // Gateways have been seen that ignore the range.
        let is_inside = event_us.is_none_or(|us| (self.start_us..=self.end_us).contains(&us));
        if is_inside && self.seen.insert((row.provider.clone(), row.article_id.clone())) {
            self.rows.push(row);
        }
    }

    /// Moves the end of the next request to the oldest headline so far, which will come again. False if
    /// that leads nowhere.
    fn step_back(&mut self) -> bool {
        let Some((oldest_us, newest_us)) = self.span_us else {
            self.leave_out(self.before_us, "no_times", None);
            return false;
        };
        let previous_us = self.before_us;
        if newest_us > previous_us.saturating_add(SECOND_US) {
            self.leave_out(previous_us, "range_ignored", None);
            return false;
        }
        self.before_us = oldest_us;
        if oldest_us >= floor(previous_us) {
            // All of the page lies within the second it was to end in: the rest of it cannot be had.
            let (from_us, to_us) = (floor(oldest_us) - SECOND_US, floor(oldest_us) + SECOND_US);
            self.holes.push(Hole { from_us, to_us, reason: "too_many_in_a_second".to_owned(), ib_code: None });
            self.before_us = from_us;
        }
        self.before_us >= self.start_us
    }

    fn leave_out(&mut self, to_us: i64, reason: &str, ib_code: Option<i32>) {
        self.holes.push(Hole { from_us: self.start_us, to_us, reason: reason.to_owned(), ib_code });
    }

    fn finish(mut self, core: &mut Core, more: bool) {
        // The gateway's order holds among headlines of the same moment.
        self.rows.sort_by_key(|row| std::cmp::Reverse(row.event_us));
        let more = more || self.rows.len() > self.limit;
        self.rows.truncate(self.limit);
        self.rows.reverse();
        let manifest = HeadlinesManifest {
            instrument: self.instrument,
            providers: self.providers,
            pages: 0,
            rows: u64::try_from(self.rows.len()).unwrap_or(u64::MAX),
            requests: self.requests,
            more,
            holes: self.holes,
        };
        core.answer(self.token, ServiceAnswer::Headlines { rows: self.rows, manifest }.into());
    }
}

/// The beginning of the second a moment lies in.
fn floor(us: i64) -> i64 {
    us - us.rem_euclid(SECOND_US)
}

/// How IB writes moments about news.
fn stamp(us: i64) -> String {
    DateTime::from_timestamp_micros(us).unwrap_or_default().format("%Y-%m-%d %H:%M:%S.0").to_string()
}

/// A moment as IB writes it in headlines, taken for UTC: `2026-11-20 14:30:00.0`, or epoch milliseconds.
fn time(text: &str) -> Option<i64> {
    if let Ok(ms) = text.parse::<i64>() {
        return ms.checked_mul(1_000);
    }
    let text = text.strip_suffix('Z').unwrap_or(text);
    let read = |format| NaiveDateTime::parse_from_str(text, format).ok();
    let moment = read("%Y-%m-%d %H:%M:%S%.f").or_else(|| read("%Y%m%d-%H:%M:%S"));
    moment.map(|moment| moment.and_utc().timestamp_micros())
}

#[cfg(test)]
mod time_tests {
    use super::*;

    #[test]
    fn the_time_of_a_headline_is_read_in_every_form_seen() {
        for (text, expected) in [
            ("2024-12-23 19:45:00.0", Some(1_734_983_100_000_000)),
            ("2024-12-23 19:45:00", Some(1_734_983_100_000_000)),
            ("20241223-19:45:00", Some(1_734_983_100_000_000)),
            ("1734983100250", Some(1_734_983_100_250_000)),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(time(text), expected, "{text:?}");
        }
        assert_eq!(stamp(1_734_983_100_999_999), "2024-12-23 19:45:00.0");
    }
}
