//! Questions to the gateway: shared while they are open, asked again where that helps.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use super::{
    kept::Kept,
    question::{Answered, Arrival, Gathered, Question},
};
use crate::{
    config::ms,
    schema::{ApiError, ErrorCode, connection::LinkName},
    session::{
        Listing, Token,
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::{Class, Cost},
    },
    tws::{
        Response,
        notice::{Category, Retry},
    },
};

/// Wait before a query is asked again that the gateway ended by itself.
const ENDED_WAIT: Duration = Duration::from_secs(15);
/// Wait before a request is offered again that was not taken, at least.
pub(super) const BUSY_WAIT: Duration = Duration::from_millis(100);
/// Times one request is sent, whatever it is answered.
const ATTEMPTS_MAX: u32 = 3;
/// Rows of one answer; no request of ours has room for more.
const ROWS_MAX: usize = 60_000;

/// A job and the place of its chunk.
pub(super) type Waiter = (Token, usize);
/// What makes two questions equal.
pub(super) type Key = Vec<u8>;

/// A question to be asked for a job.
#[derive(Debug)]
pub(super) struct FetchRequest {
    pub(super) question: Question,
    pub(super) listing: Arc<Listing>,
    pub(super) client: Option<CompactString>,
    pub(super) deadline: Instant,
}

/// A question that has been answered, with those who waited for it.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) waiters: Vec<Waiter>,
    pub(super) result: Answered,
}

#[derive(Debug)]
struct Fetch {
    key: Key,
    ask: FetchRequest,
    waiters: Vec<Waiter>,
    gathered: Gathered,
    attempts: u32,
    is_sent: bool,
}

/// When a question is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    At(Instant),
    /// It was not taken, its queue being full or nothing of its kind being answered: then, or once something is.
    Refused(Instant),
    /// As soon as the link is back.
    OnLink,
}

/// Questions asked, and answers kept.
#[derive(Debug, Default)]
pub(super) struct Fetches {
    open: FxHashMap<i32, Fetch>,
    by_key: FxHashMap<Key, i32>,
    later: Vec<(Again, Fetch)>,
    kept: Kept,
    /// Requests sent for each job.
    counts: FxHashMap<Token, u32>,
}

impl Fetches {
    /// Questions asked, by each of the ways to find them.
    pub(super) fn entries(&self) -> usize {
        self.open.len() + self.by_key.len() + self.later.len() + self.counts.len()
    }

    /// Answers kept.
    pub(super) fn kept(&self) -> usize {
        self.kept.len()
    }

    /// True if the question is answered, or asked and will be.
    pub(super) fn has(&self, now: Instant, question: &Question) -> bool {
        let key = question.key();
        self.by_key.contains_key(&key)
            || self.kept.find(now, &key).is_some()
            || self.later.iter().any(|(_, fetch)| fetch.key == key)
    }

    /// Serves a question: at once from an answer kept, else when its request ends.
    ///
    /// # Errors
    ///
    /// `busy` if the queue is full.
    pub(super) fn ask(
        &mut self,
        core: &mut Core,
        ask: FetchRequest,
        waiter: Waiter,
    ) -> Result<Option<Answered>, ApiError> {
        let key = ask.question.key();
        if let Some(result) = self.kept.find(core.now.at, &key) {
            return Ok(Some(result.clone()));
        }
        let open = self.by_key.get(&key).and_then(|req_id| self.open.get_mut(req_id));
        let later = self.later.iter_mut().map(|(_, fetch)| fetch).find(|fetch| fetch.key == key);
        if let Some(fetch) = open.or(later) {
            fetch.ask.deadline = fetch.ask.deadline.max(ask.deadline);
            fetch.waiters.push(waiter);
            return Ok(None);
        }
        let gathered = ask.question.gathered();
        let fetch = Fetch { key, ask, waiters: vec![waiter], gathered, attempts: 0, is_sent: false };
        self.send(core, fetch).map_err(|(_, error)| error)?;
        Ok(None)
    }

    fn send(&mut self, core: &mut Core, mut fetch: Fetch) -> Result<(), (Box<Fetch>, ApiError)> {
        let req_id = core.new_req_id();
        let errand = Errand::new(LinkName::Data, Class::History, fetch.ask.question.request(req_id))
            .id(req_id)
            .client(fetch.ask.client.clone())
            .cost(fetch.ask.question.cost(&fetch.ask.listing))
            .answer_within(ms(core.config.timing.history_ms));
        if let Err(error) = core.submit(Owner::History, errand) {
            return Err((Box::new(fetch), error));
        }
        fetch.attempts += 1;
        fetch.is_sent = false;
        fetch.gathered = fetch.ask.question.gathered();
        self.by_key.insert(fetch.key.clone(), req_id);
        self.open.insert(req_id, fetch);
        Ok(())
    }

    /// A request was written to the socket: it counts for the job that first wanted it.
    pub(super) fn on_sent(&mut self, req_id: i32) {
        let Some(fetch) = self.open.get_mut(&req_id) else { return };
        fetch.is_sent = true;
        if let Some((token, _)) = fetch.waiters.first() {
            *self.counts.entry(*token).or_default() += 1;
        }
    }

    /// True if a request was sent for this job.
    pub(super) fn has_asked(&self, job: Token) -> bool {
        self.counts.contains_key(&job)
    }

    /// True if something waits to be sent.
    pub(super) fn has_unsent(&self) -> bool {
        self.open.values().any(|fetch| !fetch.is_sent)
    }

    /// What waits to be sent, by the job that first wanted it, by IB's count.
    pub(super) fn unsent(&self) -> FxHashMap<Token, u32> {
        let mut unsent = FxHashMap::default();
        for fetch in self.open.values().filter(|fetch| !fetch.is_sent) {
            if let (Some((token, _)), Cost::History(cost)) =
                (fetch.waiters.first(), fetch.ask.question.cost(&fetch.ask.listing))
            {
                *unsent.entry(*token).or_default() += cost.weight;
            }
        }
        unsent
    }

    /// Requests sent for this job; asked once, at its end.
    pub(super) fn take_count(&mut self, token: Token) -> u32 {
        self.counts.remove(&token).unwrap_or_default()
    }

    fn take(&mut self, core: &mut Core, req_id: i32) -> Option<Fetch> {
        let fetch = self.remove(req_id)?;
        core.done(req_id);
        Some(fetch)
    }

    fn remove(&mut self, req_id: i32) -> Option<Fetch> {
        let fetch = self.open.remove(&req_id)?;
        self.by_key.remove(&fetch.key);
        Some(fetch)
    }

    // Answers.

    pub(super) fn on_response(&mut self, core: &mut Core, req_id: i32, message: Response) -> Vec<Served> {
        let Some(fetch) = self.open.get_mut(&req_id) else {
            core.late_answer(req_id);
            return Vec::new();
        };
        tell_zones(core, &message);
        let (arrival, unreadable) = fetch.gathered.take(message);
        core.counters.undecodable_messages += unreadable;
        if fetch.gathered.len() > ROWS_MAX {
            let Some(fetch) = self.take(core, req_id) else { return Vec::new() };
            cancel(core, req_id, &fetch.ask.question);
            let message = format!("the gateway sent more than {ROWS_MAX} rows for one request");
            return vec![self.end(core, fetch, Err(ApiError::new(ErrorCode::TooLarge, message)))];
        }
        if arrival == Arrival::Partial {
            core.extend(req_id, ms(core.config.timing.history_ms));
            return Vec::new();
        }
        let Some(mut fetch) = self.take(core, req_id) else { return Vec::new() };
        for (again, _) in &mut self.later {
            if let Again::Refused(at) = again {
                *again = Again::At((*at).min(core.now.at));
            }
        }
        let empty = fetch.ask.question.gathered();
        let found = std::mem::replace(&mut fetch.gathered, empty).finish();
        vec![self.end(core, fetch, Ok(found))]
    }

    pub(super) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) -> Vec<Served> {
        let Some(fetch) = self.take(core, req_id) else { return Vec::new() };
        let now = core.now.at;
        let again = match (notice.meaning.category, notice.meaning.retry) {
            // Without IB the gateway may say that there is nothing.
            (Category::NoData | Category::Contract, _) if core.ib_lost => Some(Again::OnLink),
            (Category::NoData, _) => None,
            (_, Retry::AfterWait) => Some(Again::At(now + notice.meaning.wait.unwrap_or(ENDED_WAIT))),
            (_, Retry::AfterReconnect) => Some(Again::OnLink),
            // The gateway ended the query by itself: a cancel of ours has no request left here.
            (_, Retry::NoneNeeded) => Some(Again::At(now + ENDED_WAIT)),
            _ => None,
        };
        self.retry(core, fetch, again, notice.to_error())
    }

    /// The gateway keeps a silent request open, so it is cancelled before it is asked again.
    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> Vec<Served> {
        let Some(fetch) = self.take(core, req_id) else { return Vec::new() };
        cancel(core, req_id, &fetch.ask.question);
        let error = ApiError::new(ErrorCode::Timeout, "the gateway did not answer a history request");
        let again = Again::At(core.now.at);
        let mut served = self.retry(core, fetch, Some(again), error);
        served.extend(self.on_timer(core));
        served
    }

    fn retry(&mut self, core: &mut Core, mut fetch: Fetch, again: Option<Again>, error: ApiError) -> Vec<Served> {
        fetch.waiters.retain(|(token, _)| core.is_waiting(*token));
        let in_time = |again: &Again| !matches!(again, Again::At(at) | Again::Refused(at) if *at >= fetch.ask.deadline);
        match again.filter(in_time) {
            Some(again) if fetch.attempts < ATTEMPTS_MAX => {
                self.later.push((again, fetch));
                Vec::new()
            }
            _ => vec![self.end(core, fetch, Err(error))],
        }
    }

    fn end(&mut self, core: &Core, fetch: Fetch, result: Answered) -> Served {
        if result.as_ref().err().is_none_or(|error| error.code == ErrorCode::NoData) {
            self.kept.keep(core.now.at, fetch.key, result.clone());
        }
        Served { waiters: fetch.waiters, result }
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
        for (again, _) in &mut self.later {
            if *again == Again::OnLink {
                *again = Again::At(core.now.at);
            }
        }
        self.on_timer(core)
    }

    /// Sends what is due again.
    pub(super) fn on_timer(&mut self, core: &mut Core) -> Vec<Served> {
        let now = core.now.at;
        self.kept.forget(now);
        let mut served = Vec::new();
        let is_due = |(again, _): &(Again, Fetch)| matches!(again, Again::At(at) | Again::Refused(at) if *at <= now);
        let (due, rest) = std::mem::take(&mut self.later).into_iter().partition(is_due);
        self.later = rest;
        let due: Vec<(Again, Fetch)> = due;
        for (_, fetch) in due {
            if let Err((fetch, error)) = self.send(core, fetch) {
                served.extend(self.refused(core, *fetch, error));
            }
        }
        served
    }

    /// What is not taken now is offered again, as long as its callers wait: that nothing is answered for a minute makes
    /// no hole in what is kept for years.
    fn refused(&mut self, core: &Core, fetch: Fetch, error: ApiError) -> Option<Served> {
        let wait = error.retry_after_ms.map(|wait_ms| ms(wait_ms).max(BUSY_WAIT));
        match wait.map(|wait| core.now.at + wait).filter(|at| *at < fetch.ask.deadline) {
            Some(at) if matches!(error.code, ErrorCode::Busy | ErrorCode::PacingLimited) => {
                self.later.push((Again::Refused(at), fetch));
                None
            }
            _ => Some(self.end(core, fetch, Err(error))),
        }
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        let due = |(again, _): &(Again, Fetch)| match again {
            Again::At(at) | Again::Refused(at) => Some(*at),
            Again::OnLink => None,
        };
        self.later.iter().filter_map(due).chain(self.kept.expiry()).min()
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
            let was_sent = !core.pacing.withdraw(req_id);
            let Some(fetch) = self.remove(req_id) else { continue };
            core.unwanted(req_id);
            if was_sent {
                cancel(core, req_id, &fetch.ask.question);
            }
        }
        self.later.retain_mut(|(_, fetch)| {
            fetch.waiters.retain(|(token, _)| core.is_waiting(*token));
            !fetch.waiters.is_empty()
        });
        self.counts.retain(|token, _| core.is_waiting(*token));
    }
}

/// Zones that nobody knows are told once.
fn tell_zones(core: &mut Core, message: &Response) {
    match message {
        Response::HistoricalData(message) => {
            let first = message.historical_data_bars.first().and_then(|row| row.date.as_deref());
            core.moment(LinkName::Data, first.unwrap_or_default(), "bars without a time are left out");
        }
        Response::HistoricalSchedule(message) => {
            let zone = message.time_zone.as_deref().unwrap_or_default();
            core.zone(LinkName::Data, zone, "sessions without a time are left out");
        }
        _ => {}
    }
}

fn cancel(core: &mut Core, req_id: i32, question: &Question) {
    core.cancelled(req_id);
    // The cancel class never refuses.
    let _ = core.submit(Owner::History, Errand::new(LinkName::Data, Class::Cancel, question.cancel(req_id)));
}
