//! Requests for chunks: shared while they are open, kept for a while, asked again where that helps.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use compact_str::CompactString;
use prost::Message as _;
use rustc_hash::FxHashMap;

use super::bar;
use crate::{
    config::ms,
    schema::{
        ApiError, ErrorCode,
        bar::{Bar, BarSource},
        connection::LinkName,
    },
    session::{
        Token,
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::{Class, Cost},
    },
    tws::{
        Request,
        message::history::{CancelHistoricalData, HistoricalData, HistoricalDataRequest},
        notice::{Category, Retry},
    },
};

/// IB counts an equal request within this time as a violation: `ib-limits` section 4.
const SAME_AFTER: Duration = Duration::from_secs(15);
/// Times one request is sent, whatever it is answered.
const ATTEMPTS_MAX: u32 = 3;
/// Bars of one answer; no request of ours has room for more.
const ROWS_MAX: usize = 50_000;
/// Bars of all answers kept.
const KEPT_ROWS_MAX: usize = 500_000;

/// What a request came to: bars, oldest first and without repeats.
pub(super) type Fetched = Result<Arc<Vec<Bar>>, ApiError>;
/// A job and the place of its chunk.
type Waiter = (Token, usize);
/// What makes two requests equal: all of it but the id.
type Key = Vec<u8>;

/// A request to be made for a job.
#[derive(Debug)]
pub(super) struct FetchRequest {
    /// Without an id.
    pub(super) request: HistoricalDataRequest,
    pub(super) cost: Cost,
    pub(super) source: BarSource,
    pub(super) client: Option<CompactString>,
    pub(super) deadline: Instant,
}

/// A request that has ended, with those who waited for it.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) waiters: Vec<Waiter>,
    pub(super) result: Fetched,
}

#[derive(Debug)]
struct Fetch {
    key: Key,
    ask: FetchRequest,
    waiters: Vec<Waiter>,
    rows: Vec<Bar>,
    is_too_large: bool,
    attempts: u32,
    asked_at: Instant,
}

/// When a request is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    At(Instant),
    /// As soon as the link is back.
    OnLink,
}

/// Requests for chunks.
#[derive(Debug, Default)]
pub(super) struct Fetches {
    open: FxHashMap<i32, Fetch>,
    by_key: FxHashMap<Key, i32>,
    later: Vec<(Again, Fetch)>,
    kept: VecDeque<(Instant, Key, Fetched)>,
    kept_rows: usize,
    /// Requests sent for each job.
    counts: FxHashMap<Token, u32>,
}

impl Fetches {
    /// True if the request is answered, or open and will be.
    pub(super) fn has(&self, now: Instant, request: &HistoricalDataRequest) -> bool {
        let key = request.encode_to_vec();
        let is_kept = |(at, kept, _): &(Instant, Key, Fetched)| *at + SAME_AFTER > now && *kept == key;
        self.by_key.contains_key(&key) || self.kept.iter().any(is_kept)
    }

    /// Serves a chunk: at once from an answer kept, else when its request ends.
    ///
    /// # Errors
    ///
    /// `busy` if the queue is full.
    pub(super) fn ask(
        &mut self,
        core: &mut Core,
        ask: FetchRequest,
        waiter: Waiter,
    ) -> Result<Option<Fetched>, ApiError> {
        let key = ask.request.encode_to_vec();
        self.forget(core.now.at);
        if let Some((_, _, result)) = self.kept.iter().find(|(_, kept, _)| *kept == key) {
            return Ok(Some(result.clone()));
        }
        let open = self.by_key.get(&key).and_then(|req_id| self.open.get_mut(req_id));
        let later = self.later.iter_mut().map(|(_, fetch)| fetch).find(|fetch| fetch.key == key);
        if let Some(fetch) = open.or(later) {
            fetch.ask.deadline = fetch.ask.deadline.max(ask.deadline);
            fetch.waiters.push(waiter);
            return Ok(None);
        }
        let (rows, asked_at) = (Vec::new(), core.now.at);
        let fetch = Fetch { key, ask, waiters: vec![waiter], rows, is_too_large: false, attempts: 0, asked_at };
        self.send(core, fetch).map_err(|(_, error)| error)?;
        Ok(None)
    }

    fn send(&mut self, core: &mut Core, mut fetch: Fetch) -> Result<(), (Box<Fetch>, ApiError)> {
        let req_id = core.new_req_id();
        let request = HistoricalDataRequest { req_id: Some(req_id), ..fetch.ask.request.clone() };
        let errand = Errand::new(LinkName::Data, Class::History, Request::HistoricalDataRequest(Box::new(request)))
            .id(req_id)
            .client(fetch.ask.client.clone())
            .cost(fetch.ask.cost.clone())
            .answer_within(ms(core.config.timing.history_ms));
        if let Err(error) = core.submit(Owner::History, errand) {
            return Err((Box::new(fetch), error));
        }
        fetch.attempts += 1;
        fetch.asked_at = core.now.at;
        fetch.rows.clear();
        fetch.is_too_large = false;
        for (token, _) in &fetch.waiters {
            *self.counts.entry(*token).or_default() += 1;
        }
        self.by_key.insert(fetch.key.clone(), req_id);
        self.open.insert(req_id, fetch);
        Ok(())
    }

    /// Requests sent for this job; asked once, at its end.
    pub(super) fn take_count(&mut self, token: Token) -> u32 {
        self.counts.remove(&token).unwrap_or_default()
    }

    fn take(&mut self, core: &mut Core, req_id: i32) -> Option<Fetch> {
        let fetch = self.open.remove(&req_id)?;
        self.by_key.remove(&fetch.key);
        core.done(req_id);
        Some(fetch)
    }

    // Answers.

    pub(super) fn on_bars(&mut self, core: &mut Core, message: &HistoricalData) {
        let req_id = message.req_id.unwrap_or_default();
        let Some(fetch) = self.open.get_mut(&req_id) else {
            return core.late_answer(req_id);
        };
        core.extend(req_id, ms(core.config.timing.history_ms));
        for row in &message.historical_data_bars {
            match bar::read(row, fetch.ask.source) {
                Some(_) if fetch.rows.len() >= ROWS_MAX => fetch.is_too_large = true,
                Some(bar) => fetch.rows.push(bar),
                None => {
                    core.counters.undecodable_messages += 1;
                    core.moment(
                        LinkName::Data,
                        row.date.as_deref().unwrap_or_default(),
                        "bars without a time are left out",
                    );
                }
            }
        }
    }

    pub(super) fn on_end(&mut self, core: &mut Core, req_id: i32) -> Vec<Served> {
        let Some(mut fetch) = self.take(core, req_id) else {
            core.late_answer(req_id);
            return Vec::new();
        };
        if fetch.is_too_large {
            let message = format!("the gateway sent more than {ROWS_MAX} bars for one request");
            return vec![self.end(core, fetch, Err(ApiError::new(ErrorCode::TooLarge, message)))];
        }
        let mut rows = std::mem::take(&mut fetch.rows);
        // The later of two bars for the same moment is the more complete one.
        rows.reverse();
        rows.sort_by_key(|bar| bar.start_us);
        rows.dedup_by_key(|bar| bar.start_us);
        vec![self.end(core, fetch, Ok(Arc::new(rows)))]
    }

    pub(super) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) -> Vec<Served> {
        let Some(fetch) = self.take(core, req_id) else { return Vec::new() };
        let now = core.now.at;
        let again = match (notice.meaning.category, notice.meaning.retry) {
            // Without IB the gateway may say that there is nothing.
            (Category::NoData | Category::Contract, _) if core.ib_lost => Some(Again::OnLink),
            (Category::NoData, _) => None,
            (_, Retry::AfterWait) => Some(Again::At(now + notice.meaning.wait.unwrap_or(SAME_AFTER))),
            (_, Retry::AfterReconnect) => Some(Again::OnLink),
            // The gateway ended the query by itself: a cancel of ours has no request left here.
            (_, Retry::NoneNeeded) => Some(Again::At(now + SAME_AFTER)),
            _ => None,
        };
        self.retry(core, fetch, again, notice.to_error())
    }

    /// The gateway keeps a silent request open, so it is cancelled before it is asked again.
    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> Vec<Served> {
        let Some(fetch) = self.take(core, req_id) else { return Vec::new() };
        cancel(core, req_id);
        let error = ApiError::new(ErrorCode::Timeout, "the gateway did not answer a history request");
        let again = Again::At(core.now.at);
        let mut served = self.retry(core, fetch, Some(again), error);
        served.extend(self.on_timer(core));
        served
    }

    fn retry(&mut self, core: &mut Core, mut fetch: Fetch, again: Option<Again>, error: ApiError) -> Vec<Served> {
        fetch.waiters.retain(|(token, _)| core.is_waiting(*token));
        let in_time = |again: &Again| !matches!(again, Again::At(at) if *at >= fetch.ask.deadline);
        match again.filter(in_time) {
            Some(again) if fetch.attempts < ATTEMPTS_MAX => {
                self.later.push((again, fetch));
                Vec::new()
            }
            _ => vec![self.end(core, fetch, Err(error))],
        }
    }

    fn end(&mut self, core: &Core, fetch: Fetch, result: Fetched) -> Served {
        let is_worth_keeping = result.as_ref().err().is_none_or(|error| error.code == ErrorCode::NoData);
        if is_worth_keeping {
            self.kept_rows += rows_of(&result);
            self.kept.push_back((core.now.at, fetch.key, result.clone()));
            self.forget(core.now.at);
        }
        Served { waiters: fetch.waiters, result }
    }

    fn forget(&mut self, now: Instant) {
        while let Some((at, ..)) = self.kept.front()
            && (*at + SAME_AFTER <= now || self.kept_rows > KEPT_ROWS_MAX)
            && let Some((_, _, result)) = self.kept.pop_front()
        {
            self.kept_rows = self.kept_rows.saturating_sub(rows_of(&result));
        }
    }

    // The link and the clock.

    pub(super) fn on_link_down(&mut self) {
        self.by_key.clear();
        let mut cut: Vec<(i32, Fetch)> = self.open.drain().collect();
        cut.sort_unstable_by_key(|(req_id, _)| *req_id);
        for (_, mut fetch) in cut {
            // Being cut off is not the request's fault.
            fetch.attempts = fetch.attempts.saturating_sub(1);
            self.later.push((Again::OnLink, fetch));
        }
    }

    pub(super) fn on_link_ready(&mut self, core: &mut Core) -> Vec<Served> {
        for (again, fetch) in &mut self.later {
            if *again == Again::OnLink {
                let is_small = matches!(fetch.ask.cost, Cost::History { small: true, .. });
                // The gateway may remember the request from before the cut.
                *again = Again::At(if is_small { fetch.asked_at + SAME_AFTER } else { core.now.at });
            }
        }
        self.on_timer(core)
    }

    /// Sends what is due again.
    pub(super) fn on_timer(&mut self, core: &mut Core) -> Vec<Served> {
        let now = core.now.at;
        self.forget(now);
        let mut served = Vec::new();
        let is_due = |(again, _): &(Again, Fetch)| matches!(again, Again::At(at) if *at <= now);
        let (due, rest) = std::mem::take(&mut self.later).into_iter().partition(is_due);
        self.later = rest;
        let due: Vec<(Again, Fetch)> = due;
        for (_, fetch) in due {
            if let Err((fetch, error)) = self.send(core, fetch) {
                served.push(self.end(core, *fetch, Err(error)));
            }
        }
        served
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        let due = |(again, _): &(Again, Fetch)| match again {
            Again::At(at) => Some(*at),
            Again::OnLink => None,
        };
        let expiry = self.kept.front().map(|(at, ..)| *at + SAME_AFTER);
        self.later.iter().filter_map(due).chain(expiry).min()
    }

    /// Takes back or cancels what nobody waits for any more.
    pub(super) fn drop_unwanted(&mut self, core: &mut Core) {
        let mut unwanted = Vec::new();
        for (req_id, fetch) in &mut self.open {
            fetch.waiters.retain(|(token, _)| core.is_waiting(*token));
            if fetch.waiters.is_empty() {
                unwanted.push(*req_id);
            }
        }
        for req_id in unwanted {
            if !core.pacing.withdraw(req_id) {
                cancel(core, req_id);
            }
            self.take(core, req_id);
        }
        self.later.retain_mut(|(_, fetch)| {
            fetch.waiters.retain(|(token, _)| core.is_waiting(*token));
            !fetch.waiters.is_empty()
        });
        self.counts.retain(|token, _| core.is_waiting(*token));
    }
}

fn rows_of(result: &Fetched) -> usize {
    // An answer without rows takes room, too.
    result.as_ref().map_or(1, |rows| rows.len() + 1)
}

fn cancel(core: &mut Core, req_id: i32) {
    core.cancelled(req_id);
    let request = Request::CancelHistoricalData(CancelHistoricalData { req_id: Some(req_id) });
    // The cancel class never refuses.
    let _ = core.submit(Owner::History, Errand::new(LinkName::Data, Class::Cancel, request));
}
