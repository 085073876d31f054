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

use super::{bar, check_deadline, cost, ib_lost, range, weight};
use crate::{
    config::ms,
    schema::{
        ApiError, ErrorCode,
        bar::BarSource,
        connection::LinkName,
        request::history::{Head, HeadRequest},
    },
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
    attempts: u32,
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
    pub(super) fn ask(&mut self, core: &mut Core, command: &Command, ask: &HeadRequest, listing: &Arc<Listing>) {
        let instrument = &listing.instrument;
        let source = ask.source.unwrap_or_else(|| range::default_source(instrument));
        if let Err(error) = range::check_source(instrument, source) {
            return core.refuse(command.token, error);
        }
        let key = (instrument.con_id, instrument.exchange.clone(), source, ask.regular_hours);
        self.forget(core.now.at);
        if let Some(&head_us) = self.kept.get(&key) {
            let instrument = instrument.clone();
            return core.answer(command.token, Answer::Head(Box::new(Head { instrument, head_us })));
        }
        if let Some(open) = self.open.values_mut().find(|open| open.key == key) {
            open.callers.push(command.token);
            return;
        }
        if let Err(error) = check_deadline(core, command.deadline, weight(source)) {
            return core.refuse(command.token, error);
        }
        let (callers, client) = (vec![command.token], command.client.clone());
        self.send(core, Ask { key, listing: Arc::clone(listing), client, callers, attempts: 0 });
    }

    fn send(&mut self, core: &mut Core, mut ask: Ask) {
        ask.callers.retain(|token| core.is_waiting(*token));
        if ask.callers.is_empty() {
            return;
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
            .cost(cost(&ask.listing, source, true))
            .answer_within(ms(core.config.timing.history_ms));
        if let Err(error) = core.submit(Owner::History, errand) {
            return refuse_all(core, ask, &error);
        }
        ask.attempts += 1;
        self.open.insert(req_id, ask);
    }

    pub(super) fn on_answer(&mut self, core: &mut Core, message: &HeadTimestamp) {
        let req_id = message.req_id.unwrap_or_default();
        let Some(ask) = self.close(core, req_id) else {
            return core.late_answer(req_id);
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

    /// True if the notice was about a head.
    pub(super) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) -> bool {
        let Some(ask) = self.open.remove(&req_id) else { return false };
        core.done(req_id);
        let error = if core.ib_lost { ib_lost() } else { notice.to_error() };
        refuse_all(core, ask, &error);
        true
    }

    /// True if the request was for a head.
    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> bool {
        let Some(ask) = self.close(core, req_id) else { return false };
        if ask.attempts < ATTEMPTS_MAX {
            self.send(core, ask);
        } else {
            refuse_all(core, ask, &ApiError::new(ErrorCode::Timeout, "the gateway did not answer; ask again"));
        }
        true
    }

    pub(super) fn on_link_down(&mut self) {
        let mut cut: Vec<(i32, Ask)> = self.open.drain().collect();
        cut.sort_unstable_by_key(|(req_id, _)| *req_id);
        self.stalled.extend(cut.into_iter().map(|(_, ask)| ask));
    }

    pub(super) fn on_link_ready(&mut self, core: &mut Core) {
        for ask in std::mem::take(&mut self.stalled) {
            self.send(core, ask);
        }
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

fn refuse_all(core: &mut Core, ask: Ask, error: &ApiError) {
    for token in ask.callers {
        core.refuse(token, error.clone());
    }
}
