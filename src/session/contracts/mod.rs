//! Turns descriptions into instruments, and answers `contract.*`.
//!
//! A description is checked and completed ([`query`]), looked up among the known ([`known`]) and else
//! at the gateway. Descriptions that are equal share one request while it is in flight.

mod chain;
mod found;
mod hours;
mod keeping;
mod known;
mod lookup;
mod query;
mod rules;
mod search;
mod sizes;
#[cfg(test)]
mod tests;
mod told;

pub(crate) use query::default_exchange;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use self::{
    chain::Chains,
    found::Found,
    known::{Known, Memory},
    lookup::{DataLink, Lookup, Waiter},
    query::Normal,
    rules::Rules,
    search::Searches,
};
use super::{
    CacheItem, CacheKind, Command, Listing, Output, Token,
    core::{Core, Errand, Owner},
    notice::Notice,
    pacing::Class,
};
use crate::{
    config::ms,
    schema::{
        ApiError, ErrorCode,
        connection::LinkName,
        contract::ContractQuery,
        request::contract::{DetailsRequest, HoursRequest, RulesRequest, SearchRequest, ValidateRequest, Validation},
    },
    tws::{
        Request,
        message::contract::{ContractData, ContractDataRequest, MarketRule, SymbolSamples},
    },
};

/// Contracts of one lookup; above it the description is too wide.
const CONTRACTS_MAX: usize = 1_000;
/// Descriptions of one `contract.validate`.
const DESCRIPTIONS_MAX: usize = 100;
/// Contracts whose hours are asked for at a time.
const RENEWED_AT_ONCE: usize = 10;
/// Times a lookup is asked for a client when the gateway stays silent.
const ATTEMPTS_MAX: u32 = 3;
/// A gateway that was out of sight for longer may have restarted. A restart takes a minute or more.
const SIGHT: Duration = Duration::from_secs(30);
/// How often the cache is told that the gateway is in sight, for the next run of the bridge.
const SIGHTING_EVERY: Duration = Duration::from_secs(60);

/// A command whose contract has been looked up.
pub(crate) type Resolved = (Command, Result<Arc<Listing>, ApiError>);

/// Lookups in progress and instruments already known.
#[derive(Debug, Default)]
pub(crate) struct Contracts {
    resolved: VecDeque<Resolved>,
    known: Known,
    /// By request id.
    lookups: FxHashMap<i32, Lookup>,
    /// Request in flight for a description's key.
    asked: FxHashMap<String, i32>,
    /// Lookups cut off by a lost link; asked again when it is back.
    stalled: Vec<Lookup>,
    validations: FxHashMap<Token, Vec<Option<Validation>>>,
    searches: Searches,
    rules: Rules,
    chains: Chains,
    link: DataLink,
    /// When the gateway was last in sight: our wall clock.
    sighted_us: Option<i64>,
    next_sighting: Option<Instant>,
    /// A dial or a login has failed since.
    was_away: bool,
}

impl Contracts {
    /// Looks up the one contract that `query` names; the result is taken with [`Self::next_resolved`].
    pub(crate) fn resolve(&mut self, core: &mut Core, command: Command, query: &ContractQuery) {
        let client = command.client.clone();
        self.look_up(core, query, client, Waiter::Command(Box::new(command)));
    }

    /// The next command whose lookup has ended, in the order they ended.
    pub(crate) fn next_resolved(&mut self) -> Option<Resolved> {
        self.resolved.pop_front()
    }

    pub(crate) fn details(&mut self, core: &mut Core, command: &Command, ask: &DetailsRequest) {
        if ask.refresh
            && let Ok(asked) = Normal::of(&ask.contract.0)
        {
            self.known.forget(&asked.key());
        }
        self.look_up(core, &ask.contract.0, command.client.clone(), Waiter::Details(command.token));
    }

    pub(crate) fn hours(&mut self, core: &mut Core, command: &Command, ask: &HoursRequest) {
        self.look_up(core, &ask.contract.0, command.client.clone(), Waiter::Hours(command.token));
    }

    pub(crate) fn rules(&mut self, core: &mut Core, command: &Command, ask: &RulesRequest) {
        self.look_up(core, &ask.contract.0, command.client.clone(), Waiter::Rules(command.token));
    }

    pub(crate) fn search(&mut self, core: &mut Core, command: &Command, ask: &SearchRequest) {
        match self.check(core) {
            Ok(()) => self.searches.ask(core, command, &ask.pattern),
            Err(error) => core.refuse(command.token, error),
        }
    }

    pub(crate) fn validate(&mut self, core: &mut Core, command: &Command, ask: &ValidateRequest) {
        if ask.contracts.is_empty() || ask.contracts.len() > DESCRIPTIONS_MAX {
            let error = ApiError::invalid(format!("contracts holds 1 to {DESCRIPTIONS_MAX} descriptions"));
            return core.refuse(command.token, error);
        }
        self.validations.insert(command.token, vec![None; ask.contracts.len()]);
        for (place, contract) in ask.contracts.iter().enumerate() {
            let waiter = Waiter::Validation { token: command.token, place };
            self.look_up(core, &contract.0, command.client.clone(), waiter);
        }
    }

    fn look_up(&mut self, core: &mut Core, query: &ContractQuery, client: Option<CompactString>, waiter: Waiter) {
        let asked = match Normal::of(query) {
            Ok(asked) => asked,
            Err(error) => return self.fail(core, waiter, error),
        };
        let key = asked.key();
        let earlier = match self.known.get(core.now.us, core.config.contracts.keep_us(), &key) {
            Memory::Sure(rows) => return self.tell(core, &asked, &rows, waiter),
            Memory::Doubtful(rows) => Some(rows),
            Memory::Nothing => None,
        };
        if let Some(lookup) = self.asked.get(&key).and_then(|req_id| self.lookups.get_mut(req_id)) {
            if let (Some(token), Some(req_id)) = (waiter.token(), self.asked.get(&key)) {
                core.join(*req_id, token);
            }
            lookup.waiters.retain(|earlier| !earlier.is_repeated_by(&waiter));
            lookup.waiters.push(waiter);
            return;
        }
        if let Err(error) = self.check(core) {
            return match earlier.filter(|_| waiter.may_use_earlier()) {
                Some(rows) => self.tell(core, &asked, &rows, waiter),
                None => self.fail(core, waiter, error),
            };
        }
        self.ask(core, Lookup::new(asked, client, waiter, earlier));
    }

    /// True if a lookup of this needs no request.
    fn is_known(&self, core: &Core, asked: &Normal) -> bool {
        matches!(self.known.get(core.now.us, core.config.contracts.keep_us(), &asked.key()), Memory::Sure(_))
    }

    /// Asks the gateway again about contracts whose hours have run out.
    fn renew(&mut self, core: &mut Core) {
        if self.check(core).is_err() {
            return;
        }
        for (con_id, exchange) in core.trading_hours.take_wanted(RENEWED_AT_ONCE) {
            let asked = Normal::con_id(con_id, &exchange);
            if !self.asked.contains_key(&asked.key()) {
                self.ask(core, Lookup::new(asked, None, Waiter::Renewal, None));
            }
        }
    }

    /// Without IB a gateway calls existing contracts unknown: `ib-behaviour` section 1.
    fn check(&self, core: &Core) -> Result<(), ApiError> {
        self.link.check()?;
        if core.ib_lost { Err(ib_lost()) } else { Ok(()) }
    }

    fn ask(&mut self, core: &mut Core, mut lookup: Lookup) {
        let req_id = core.new_req_id();
        let request = ContractDataRequest { req_id: Some(req_id), contract: Some(lookup.asked.contract()) };
        let errand = Errand::new(LinkName::Data, Class::Interactive, Request::ContractDataRequest(Box::new(request)))
            .id(req_id)
            .client(lookup.client.clone())
            .deadline(core.last_deadline(lookup.waiters.iter().filter_map(Waiter::token).collect::<Vec<_>>().iter()))
            .answer_within(ms(core.config.timing.request_ms));
        if let Err(error) = core.submit(Owner::Contracts, errand) {
            return self.give_up(core, lookup, &error);
        }
        lookup.attempts += 1;
        lookup.found.clear();
        lookup.surplus = 0;
        self.asked.insert(lookup.asked.key(), req_id);
        self.lookups.insert(req_id, lookup);
    }

    fn take_lookup(&mut self, core: &mut Core, req_id: i32) -> Option<Lookup> {
        let lookup = self.lookups.remove(&req_id)?;
        self.asked.remove(&lookup.asked.key());
        core.done(req_id);
        Some(lookup)
    }

    // Answers.

    pub(crate) fn on_contract(&mut self, core: &mut Core, message: ContractData) {
        let req_id = message.req_id.unwrap_or_default();
        let Some(lookup) = self.lookups.get_mut(&req_id) else {
            core.counters.late_answers += 1;
            return;
        };
        core.extend(req_id, ms(core.config.timing.request_ms));
        let Some(found) = Found::read(message) else {
            core.counters.undecodable_messages += 1;
            return;
        };
        let is_new = !lookup.found.iter().any(|row| row.con_id() == found.con_id());
        if is_new && lookup.found.len() >= CONTRACTS_MAX {
            lookup.surplus += 1;
        } else {
            Found::gather(&mut lookup.found, found);
        }
    }

    pub(crate) fn on_contracts_end(&mut self, core: &mut Core, req_id: i32) {
        let Some(mut lookup) = self.take_lookup(core, req_id) else {
            core.counters.late_answers += 1;
            return;
        };
        if lookup.found.is_empty() && core.ib_lost {
            return self.give_up(core, lookup, &ib_lost());
        }
        let rows: Arc<[Found]> = std::mem::take(&mut lookup.found).into();
        if lookup.surplus == 0 {
            self.learn(core, &lookup.asked, &rows);
        }
        for waiter in lookup.waiters {
            if lookup.surplus > 0 {
                let error = told::too_many(&lookup.asked, &rows, lookup.surplus, &waiter);
                self.fail(core, waiter, error);
            } else {
                self.tell(core, &lookup.asked, &rows, waiter);
            }
        }
    }

    pub(crate) fn on_symbols(&mut self, core: &mut Core, message: SymbolSamples) {
        self.searches.on_symbols(core, message);
    }

    pub(crate) fn on_rule(&mut self, core: &mut Core, message: &MarketRule) {
        self.rules.on_rule(core, message);
    }

    pub(crate) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) {
        if !notice.meaning.ends_request() || self.searches.on_notice(core, req_id, notice) {
            return;
        }
        if self.chains.on_notice(core, req_id, notice) {
            return;
        }
        let Some(lookup) = self.take_lookup(core, req_id) else { return };
        let mut error = notice.to_error();
        if error.code == ErrorCode::UnknownContract && core.ib_lost {
            return self.give_up(core, lookup, &ib_lost());
        }
        if error.code == ErrorCode::UnknownContract {
            let vague = notice.text.to_ascii_lowercase().contains("ambiguous");
            let told = unknown(&lookup.asked, &notice.text);
            error.code = if vague { ErrorCode::AmbiguousContract } else { told.code };
            error.message = told.message;
            self.forget(core, &lookup.asked.key());
        }
        for waiter in lookup.waiters {
            self.fail(core, waiter, error.clone());
        }
    }

    /// The gateway may leave a request without answer or error, so a lookup that somebody still waits
    /// for is asked again.
    pub(crate) fn on_timeout(&mut self, core: &mut Core, req_id: i32) {
        if self.searches.on_timeout(core, req_id) || self.rules.on_timeout(core, req_id) {
            return;
        }
        if self.chains.on_timeout(core, req_id) {
            return;
        }
        let Some(mut lookup) = self.take_lookup(core, req_id) else { return };
        lookup.waiters.retain(|waiter| waiter.is_waiting(core));
        if lookup.attempts < ATTEMPTS_MAX {
            return self.ask_if_wanted(core, lookup);
        }
        let message = format!("the gateway did not answer what {} is", lookup.asked.describe());
        self.give_up(core, lookup, &ApiError::new(ErrorCode::Timeout, message));
    }

    /// The gateway cannot be asked: what an earlier run of it said serves those who may use that.
    fn give_up(&mut self, core: &mut Core, lookup: Lookup, error: &ApiError) {
        for waiter in lookup.waiters {
            match lookup.earlier.as_ref().filter(|_| waiter.may_use_earlier()) {
                Some(rows) => self.tell(core, &lookup.asked, rows, waiter),
                None => self.fail(core, waiter, error.clone()),
            }
        }
    }

    /// Both links are gone at once: a gateway that restarts quickly looks like that.
    pub(crate) fn on_gateway_lost(&mut self) {
        self.was_away = true;
    }

    /// A gateway that was out of sight may have restarted, which refreshes its contracts.
    pub(crate) fn on_link_ready(&mut self, core: &mut Core) {
        // The last sighting that an earlier run of the bridge left may be a whole interval old.
        let slack = if self.next_sighting.is_some() { SIGHT } else { SIGHT + SIGHTING_EVERY };
        let slack_us = i64::try_from(slack.as_micros()).unwrap_or(i64::MAX);
        let unseen_us = self.sighted_us.map(|at| core.now.us.saturating_sub(at));
        if self.was_away || !unseen_us.is_some_and(|unseen_us| (0..=slack_us).contains(&unseen_us)) {
            self.known.doubt();
            core.trading_hours.doubt();
            self.rules.doubt();
            self.chains.doubt();
        }
        self.was_away = false;
        self.link = DataLink::Up;
        self.sight(core);
        for lookup in std::mem::take(&mut self.stalled) {
            self.ask_if_wanted(core, lookup);
        }
        self.resume_chains(core);
    }

    /// Called for each failed attempt, too.
    pub(crate) fn on_link_down(&mut self, core: &mut Core, reason: &str) {
        if self.link == DataLink::Up {
            self.sight(core);
        } else {
            self.was_away = true;
        }
        self.link = DataLink::Down { reason: reason.to_owned() };
        self.asked.clear();
        let mut cut: Vec<(i32, Lookup)> = self.lookups.drain().collect();
        cut.sort_unstable_by_key(|(req_id, _)| *req_id);
        self.stalled.extend(cut.into_iter().map(|(_, lookup)| lookup));
        self.stalled.retain_mut(|lookup| {
            lookup.waiters.retain(|waiter| waiter.is_waiting(core));
            !lookup.waiters.is_empty()
        });
        let error = self.link.check().err();
        self.searches.on_link_down(core, error.as_ref());
        self.rules.on_link_down(core, error.as_ref());
        self.chains.on_link_down();
    }

    /// The gateway is in sight; the next run of the bridge shall know.
    fn sight(&mut self, core: &mut Core) {
        self.sighted_us = Some(core.now.us);
        self.next_sighting = Some(core.now.at + SIGHTING_EVERY);
        let body = Some(bytes::Bytes::new());
        let item = CacheItem { kind: CacheKind::Gateway, key: "sighted".to_owned(), at_us: core.now.us, body };
        core.output(Output::Cache(item));
    }

    pub(crate) fn on_timer(&mut self, core: &mut Core) {
        self.searches.on_timer(core);
        self.validations.retain(|token, _| core.is_waiting(*token));
        self.chains.on_timer(core);
        self.renew(core);
        if self.next_sighting.is_some_and(|at| at <= core.now.at) {
            if self.link == DataLink::Up {
                self.sight(core);
            } else {
                self.next_sighting = Some(core.now.at + SIGHTING_EVERY);
            }
        }
    }

    /// When [`Self::on_timer`] has something to do.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        [self.searches.wake_at(), self.next_sighting].into_iter().flatten().min()
    }

    fn ask_if_wanted(&mut self, core: &mut Core, mut lookup: Lookup) {
        lookup.waiters.retain(|waiter| waiter.is_waiting(core));
        if !lookup.waiters.is_empty() {
            self.ask(core, lookup);
        }
    }
}

fn ib_lost() -> ApiError {
    let message = "the gateway has lost its link to IB and cannot say which contracts exist";
    ApiError::new(ErrorCode::NotReady, message).retry_after_ms(5_000)
}

fn unknown(asked: &Normal, said: &str) -> ApiError {
    let message = format!("no contract fits {}: {said}; {}", asked.describe(), asked.hint());
    ApiError::new(ErrorCode::UnknownContract, message)
}
