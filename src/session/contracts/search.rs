//! Symbol searches: one at a time, at least a second apart.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{
    config::ms,
    schema::{
        ApiError, ErrorCode,
        connection::LinkName,
        request::contract::{SearchAnswer, SearchMatch},
    },
    session::{
        Answer, Command, Token,
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::Class,
    },
    tws::{
        Request,
        message::contract::{ContractDescription, MatchingSymbolsRequest, SymbolSamples},
        sentinel::some_text,
    },
};

/// IB asks for at least a second between two calls: `ib-limits` section 4.
const INTERVAL: Duration = Duration::from_secs(1);
/// Patterns that may wait their turn.
const WAITING_MAX: usize = 20;
/// Longest pattern.
const PATTERN_CHARS_MAX: usize = 64;

/// Searches in progress.
#[derive(Debug, Default)]
pub(super) struct Searches {
    open: Option<(i32, Search)>,
    waiting: VecDeque<Search>,
    /// Earliest moment for the next call.
    next_at: Option<Instant>,
}

#[derive(Debug)]
struct Search {
    pattern: String,
    callers: Vec<Token>,
}

impl Searches {
    pub(super) fn entries(&self) -> usize {
        self.waiting.len() + usize::from(self.open.is_some())
    }

    pub(super) fn ask(&mut self, core: &mut Core, command: &Command, pattern: &str) {
        let pattern = pattern.trim();
        if pattern.is_empty() || pattern.chars().count() > PATTERN_CHARS_MAX || pattern.chars().any(char::is_control) {
            let message = format!("pattern is 1 to {PATTERN_CHARS_MAX} characters of plain text");
            return core.refuse(command.token, ApiError::invalid(message));
        }
        let open = self.open.as_mut().map(|(_, search)| search);
        if let Some(search) = open.into_iter().chain(&mut self.waiting).find(|search| search.pattern == pattern) {
            search.callers.push(command.token);
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            let wait_ms = u64::try_from(self.waiting.len()).unwrap_or(u64::MAX).saturating_mul(1_000);
            let message = "IB allows one search a second and too many are waiting";
            return core
                .refuse(command.token, ApiError::new(ErrorCode::PacingLimited, message).retry_after_ms(wait_ms));
        }
        self.waiting.push_back(Search { pattern: pattern.to_owned(), callers: vec![command.token] });
        self.on_timer(core);
    }

    /// Sends the next search if its time has come.
    pub(super) fn on_timer(&mut self, core: &mut Core) {
        self.waiting.retain(|search| search.callers.iter().any(|token| core.is_waiting(*token)));
        if self.open.is_some() || self.next_at.is_some_and(|at| at > core.now.at) {
            return;
        }
        let Some(search) = self.waiting.pop_front() else { return };
        let req_id = core.new_req_id();
        let request = MatchingSymbolsRequest { req_id: Some(req_id), pattern: Some(search.pattern.clone()) };
        let errand = Errand::new(LinkName::Data, Class::Interactive, Request::MatchingSymbolsRequest(request))
            .id(req_id)
            .deadline(core.last_deadline(&search.callers))
            .answer_within(ms(core.config.timing.request_ms));
        match core.submit(Owner::Contracts, errand) {
            Ok(()) => self.open = Some((req_id, search)),
            Err(error) => refuse_all(core, search, &error),
        }
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        if self.open.is_some() || self.waiting.is_empty() { None } else { self.next_at }
    }

    /// Takes the open search if it has this id. The interval runs from its end, so that a call held
    /// back in the queue cannot come too close to the next one.
    fn close(&mut self, core: &mut Core, req_id: i32) -> Option<Search> {
        let (_, search) = self.open.take_if(|(open, _)| *open == req_id)?;
        core.done(req_id);
        self.next_at = Some(core.now.at + INTERVAL);
        Some(search)
    }

    pub(super) fn on_symbols(&mut self, core: &mut Core, message: SymbolSamples) {
        let Some(search) = self.close(core, message.req_id.unwrap_or_default()) else {
            core.counters.late_answers += 1;
            return;
        };
        let matches: Vec<_> = message.contract_descriptions.into_iter().filter_map(read).collect();
        for token in search.callers {
            core.answer(token, Answer::Search(SearchAnswer { matches: matches.clone() }));
        }
    }

    /// True if the notice was about a search.
    pub(super) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) -> bool {
        let search = self.close(core, req_id);
        let found = search.is_some();
        if let Some(search) = search {
            refuse_all(core, search, &notice.to_error());
        }
        found
    }

    /// True if the request was a search.
    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> bool {
        let search = self.close(core, req_id);
        let found = search.is_some();
        if let Some(search) = search {
            let error = ApiError::new(ErrorCode::Timeout, "the gateway did not answer the search; ask again");
            refuse_all(core, search, &error);
        }
        found
    }

    /// A search is not worth waiting for a new link.
    pub(super) fn on_link_down(&mut self, core: &mut Core, error: Option<&ApiError>) {
        let cut = self.open.take().map(|(_, search)| search).into_iter().chain(self.waiting.drain(..));
        for search in cut.collect::<Vec<_>>() {
            if let Some(error) = error {
                refuse_all(core, search, error);
            }
        }
        self.next_at = Some(core.now.at + INTERVAL);
    }
}

fn refuse_all(core: &mut Core, search: Search, error: &ApiError) {
    for token in search.callers {
        core.refuse(token, error.clone());
    }
}

fn read(row: ContractDescription) -> Option<SearchMatch> {
    let contract = row.contract?;
    Some(SearchMatch {
        con_id: contract.con_id?,
        sec_type: contract.sec_type.unwrap_or_default(),
        symbol: contract.symbol.unwrap_or_default(),
        currency: contract.currency.unwrap_or_default(),
        primary_exchange: some_text(contract.primary_exch.clone()),
        description: some_text(contract.description.clone()),
        derivatives: row.derivative_sec_types,
    })
}
