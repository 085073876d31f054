//! When the earliest data of an instrument begins.
//!
//! A head timestamp stays open at the gateway, as a running small-bar request, until it is cancelled
//! (`ib-limits` section 4), so each one is.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use super::{bar, ib_lost, job::Job, question::cost};
use crate::{
    config::ms,
    schema::{ApiError, ErrorCode, bar::BarSource, connection::LinkName, request::history::Head},
    session::{
        Answer, Command, Listing, Token,
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::Class,
    },
    tws::{
        Request,
        message::history::{CancelHeadTimestamp, HeadTimestamp, HeadTimestampRequest},
    },
};

/// Heads move at most with a day's definitions.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// Heads remembered; above it the oldest is forgotten.
const KEPT_MAX: usize = 10_000;
/// Times one head is asked for when the gateway stays silent.
const ATTEMPTS_MAX: u32 = 2;

/// Contract, exchange, source and regular hours.
type Key = (i32, String, BarSource, bool);

#[derive(Debug)]
struct Ask {
    key: Key,
    listing: Arc<Listing>,
    client: Option<CompactString>,
    callers: Vec<Token>,
    /// Ranges whose first part brought nothing.
    jobs: Vec<Token>,
    attempts: u32,
}

/// A job that asked, and what it learns: microseconds UTC, or that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Learned {
    pub(super) job: Token,
    pub(super) head_us: Option<i64>,
}

/// Heads known and asked for.
#[derive(Debug, Default)]
pub(super) struct Heads {
    open: FxHashMap<i32, Ask>,
    /// Cut off by a lost link.
    stalled: Vec<Ask>,
    kept: FxHashMap<Key, i64>,
    learned: VecDeque<(Instant, Key)>,
}

impl Heads {
    /// Questions on their way.
    pub(super) fn entries(&self) -> usize {
        self.open.len() + self.stalled.len()
    }

    /// True if the answer is known or on its way.
    pub(super) fn has(&mut self, now: Instant, listing: &Listing, source: BarSource, regular_hours: bool) -> bool {
        self.forget(now);
        let key = key(listing, source, regular_hours);
        self.kept.contains_key(&key) || self.open.values().chain(&self.stalled).any(|ask| ask.key == key)
    }

    /// Serves a caller.
    pub(super) fn ask(
        &mut self,
        core: &mut Core,
        command: &Command,
        (source, regular_hours): (BarSource, bool),
        listing: &Arc<Listing>,
    ) {
        let key = key(listing, source, regular_hours);
        self.forget(core.now.at);
        if let Some(&head_us) = self.kept.get(&key) {
            let instrument = listing.instrument.clone();
            return core.answer(command.token, Answer::Head(Box::new(Head { instrument, head_us })));
        }
        if let Some(open) = self.open.values_mut().chain(&mut self.stalled).find(|open| open.key == key) {
            open.callers.push(command.token);
            return;
        }
        let (callers, client) = (vec![command.token], command.client.clone());
        let ask = Ask { key, listing: Arc::clone(listing), client, callers, jobs: Vec::new(), attempts: 0 };
        if let Err((ask, error)) = self.send(core, ask) {
            refuse_all(core, *ask, &error);
        }
    }

    /// Asks for a job, unless that would have to wait: then nobody knows.
    pub(super) fn ask_for(&mut self, core: &mut Core, job: &mut Job) {
        let listing = &job.seat.listing;
        let key = key(listing, job.source(), job.regular_hours());
        self.forget(core.now.at);
        if let Some(&head_us) = self.kept.get(&key) {
            return job.on_head(Some(head_us));
        }
        if let Some(open) = self.open.values_mut().chain(&mut self.stalled).find(|open| open.key == key) {
            open.jobs.push(job.seat.token);
            return job.head_asked();
        }
        let weight = if job.source() == BarSource::BidAsk { 2 } else { 1 };
        if core.ib_lost || core.pacing.history_sent_by(core.now.at, true, 0, weight) > core.now.at {
            return job.on_head(None);
        }
        let (listing, jobs) = (Arc::clone(listing), vec![job.seat.token]);
        let ask = Ask { key, listing, client: job.seat.client.clone(), callers: Vec::new(), jobs, attempts: 0 };
        match self.send(core, ask) {
            Ok(()) => job.head_asked(),
            Err(_) => job.on_head(None),
        }
    }

    fn send(&mut self, core: &mut Core, mut ask: Ask) -> Result<(), (Box<Ask>, ApiError)> {
        ask.callers.retain(|token| core.is_waiting(*token));
        ask.jobs.retain(|token| core.is_waiting(*token));
        if ask.callers.is_empty() && ask.jobs.is_empty() {
            return Ok(());
        }
        let req_id = core.new_req_id();
        let (_, _, source, regular_hours) = ask.key;
        let request = HeadTimestampRequest {
            req_id: Some(req_id),
            contract: Some(ask.listing.contract.clone()),
            use_rth: Some(regular_hours),
            what_to_show: Some(source.ib_text().to_owned()),
            format_date: Some(2),
        };
        let errand = Errand::new(LinkName::Data, Class::History, Request::HeadTimestampRequest(Box::new(request)))
            .id(req_id)
            .client(ask.client.clone())
            .cost(cost(&ask.listing, source.ib_text(), true, &["head".to_owned()]))
            .answer_within(ms(core.config.timing.history_ms));
        if let Err(error) = core.submit(Owner::History, errand) {
            return Err((Box::new(ask), error));
        }
        ask.attempts += 1;
        self.open.insert(req_id, ask);
        Ok(())
    }

    pub(super) fn on_answer(&mut self, core: &mut Core, message: &HeadTimestamp) -> Vec<Learned> {
        let req_id = message.req_id.unwrap_or_default();
        let Some(ask) = self.close(core, req_id) else {
            core.late_answer(req_id);
            return Vec::new();
        };
        let Some(head_us) = message.head_timestamp.as_deref().and_then(bar::moment) else {
            core.counters.undecodable_messages += 1;
            let error = ApiError::new(ErrorCode::NoData, "IB names no time from which it has data");
            return refuse_all(core, ask, &error);
        };
        self.learned.push_back((core.now.at, ask.key.clone()));
        self.kept.insert(ask.key, head_us);
        self.forget(core.now.at);
        for token in ask.callers {
            let instrument = ask.listing.instrument.clone();
            core.answer(token, Answer::Head(Box::new(Head { instrument, head_us })));
        }
        ask.jobs.into_iter().map(|job| Learned { job, head_us: Some(head_us) }).collect()
    }

    /// Ends a request here and at the gateway.
    fn close(&mut self, core: &mut Core, req_id: i32) -> Option<Ask> {
        let ask = self.open.remove(&req_id)?;
        core.done(req_id);
        core.cancelled(req_id);
        let request = Request::CancelHeadTimestamp(CancelHeadTimestamp { req_id: Some(req_id) });
        // The cancel class never refuses.
        let _ = core.submit(Owner::History, Errand::new(LinkName::Data, Class::Cancel, request));
        Some(ask)
    }

    /// `None` if the notice was not about a head.
    pub(super) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) -> Option<Vec<Learned>> {
        let ask = self.open.remove(&req_id)?;
        core.done(req_id);
        let error = if core.ib_lost { ib_lost() } else { notice.to_error() };
        Some(refuse_all(core, ask, &error))
    }

    /// `None` if the request was not for a head.
    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> Option<Vec<Learned>> {
        let ask = self.close(core, req_id)?;
        let silent = ApiError::new(ErrorCode::Timeout, "the gateway did not answer; ask again");
        if ask.attempts >= ATTEMPTS_MAX {
            return Some(refuse_all(core, ask, &silent));
        }
        let refused = self.send(core, ask).err();
        Some(refused.map(|(ask, error)| refuse_all(core, *ask, &error)).unwrap_or_default())
    }

    pub(super) fn on_link_down(&mut self) {
        let mut cut: Vec<(i32, Ask)> = self.open.drain().collect();
        cut.sort_unstable_by_key(|(req_id, _)| *req_id);
        self.stalled.extend(cut.into_iter().map(|(_, ask)| ask));
    }

    pub(super) fn on_link_ready(&mut self, core: &mut Core) -> Vec<Learned> {
        let mut learned = Vec::new();
        for ask in std::mem::take(&mut self.stalled) {
            if let Err((ask, error)) = self.send(core, ask) {
                learned.extend(refuse_all(core, *ask, &error));
            }
        }
        learned
    }

    /// Takes back what nobody waits for any more and was not sent; what was sent is cancelled with its answer.
    pub(super) fn drop_unwanted(&mut self, core: &mut Core) {
        self.open.retain(|req_id, ask| {
            let is_wanted = ask.callers.iter().chain(&ask.jobs).any(|token| core.is_waiting(*token));
            is_wanted || !core.pacing.withdraw(*req_id)
        });
    }

    fn forget(&mut self, now: Instant) {
        while let Some((at, _)) = self.learned.front()
            && (*at + KEPT_FOR <= now || self.learned.len() > KEPT_MAX)
            && let Some((_, key)) = self.learned.pop_front()
        {
            self.kept.remove(&key);
        }
    }
}

fn key(listing: &Listing, source: BarSource, regular_hours: bool) -> Key {
    (listing.instrument.con_id, listing.instrument.exchange.clone(), source, regular_hours)
}

/// Callers are told the error; jobs, that nobody knows.
fn refuse_all(core: &mut Core, ask: Ask, error: &ApiError) -> Vec<Learned> {
    for token in ask.callers {
        core.refuse(token, error.clone());
    }
    ask.jobs.into_iter().map(|job| Learned { job, head_us: None }).collect()
}
