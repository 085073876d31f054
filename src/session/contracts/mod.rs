//! Turns descriptions into instruments, and answers `contract.*`.
//!
//! A description is checked and completed ([`query`]), looked up among the known ([`known`]) and else
//! at the gateway. Descriptions that are equal share one request while it is in flight.

mod found;
mod known;
mod query;
mod search;
#[cfg(test)]
mod tests;

pub(crate) use query::default_exchange;

use std::{collections::VecDeque, sync::Arc, time::Instant};

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use self::{
    found::Found,
    known::{Answer as KnownAnswer, Known},
    query::Normal,
    search::Searches,
};
use super::{
    Answer, Command, Listing, Token,
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
        request::contract::{Details, DetailsRequest, SearchRequest, ValidateRequest, Validated, Validation},
    },
    tws::{
        Request,
        message::contract::{ContractData, ContractDataRequest, SymbolSamples},
    },
};

/// Candidates listed for an ambiguous description.
const CANDIDATES_MAX: usize = 50;
/// Contracts of one lookup; above it the description is too wide.
const CONTRACTS_MAX: usize = 1_000;
/// Descriptions of one `contract.validate`.
const DESCRIPTIONS_MAX: usize = 100;
/// Times a lookup is asked for a client when the gateway stays silent.
const ATTEMPTS_MAX: u32 = 3;

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
    link: DataLink,
}

/// What is known of the link that lookups travel on.
#[derive(Clone, Debug, Default, PartialEq)]
enum DataLink {
    /// Not logged in since the start.
    #[default]
    Starting,
    Up,
    Down {
        reason: String,
    },
}

impl DataLink {
    fn check(&self) -> Result<(), ApiError> {
        let message = match self {
            Self::Up => return Ok(()),
            Self::Starting => "the data link to the gateway is not logged in yet".to_owned(),
            Self::Down { reason } => {
                format!("the data link to the gateway is down and will be dialled again: {reason}")
            }
        };
        Err(ApiError::new(ErrorCode::NotReady, message).retry_after_ms(1_000))
    }
}

/// One description on its way, and who waits for it.
#[derive(Debug)]
struct Lookup {
    asked: Normal,
    found: Vec<Found>,
    /// Contracts beyond those kept.
    surplus: usize,
    waiters: Vec<Waiter>,
    client: Option<CompactString>,
    attempts: u32,
}

/// What happens with a lookup's result.
#[derive(Debug)]
enum Waiter {
    /// The command goes on with the one contract.
    Command(Box<Command>),
    /// All contracts are the answer.
    Details(Token),
    /// It fills one place of a validation.
    Validation { token: Token, place: usize },
}

impl Waiter {
    fn token(&self) -> Token {
        match self {
            Self::Command(command) => command.token,
            Self::Details(token) | Self::Validation { token, .. } => *token,
        }
    }

    fn is_waiting(&self, core: &Core) -> bool {
        core.is_waiting(self.token())
    }

    /// The session's own commands keep their token when they are asked again.
    fn is_repeated_by(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Command(_), Self::Command(_))) && self.token() == other.token()
    }
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
        self.look_up(core, &ask.contract.0, command.client.clone(), Waiter::Details(command.token));
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
        // Details are always asked anew: what is known is one instrument, not all that IB says.
        if !matches!(waiter, Waiter::Details(_))
            && let Some(known) = self.known.get(core.now.at, &key).cloned()
        {
            return self.settle(core, waiter, known);
        }
        if let Some(lookup) = self.asked.get(&key).and_then(|req_id| self.lookups.get_mut(req_id)) {
            lookup.waiters.retain(|earlier| !earlier.is_repeated_by(&waiter));
            lookup.waiters.push(waiter);
            return;
        }
        if let Err(error) = self.check(core) {
            return self.fail(core, waiter, error);
        }
        let lookup = Lookup { asked, found: Vec::new(), surplus: 0, waiters: vec![waiter], client, attempts: 0 };
        self.ask(core, lookup);
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
            .answer_within(ms(core.config.timing.request_ms));
        if let Err(error) = core.submit(Owner::Contracts, errand) {
            for waiter in lookup.waiters {
                self.fail(core, waiter, error.clone());
            }
            return;
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
        // One contract comes once for each exchange it trades at.
        if let Some(same) = lookup.found.iter_mut().find(|row| row.con_id() == found.con_id()) {
            same.also_at(found);
        } else if lookup.found.len() < CONTRACTS_MAX {
            lookup.found.push(found);
        } else {
            lookup.surplus += 1;
        }
    }

    pub(crate) fn on_contracts_end(&mut self, core: &mut Core, req_id: i32) {
        let Some(lookup) = self.take_lookup(core, req_id) else {
            core.counters.late_answers += 1;
            return;
        };
        let one = match lookup.found.as_slice() {
            [] if core.ib_lost => Err(ib_lost()),
            [] => Err(unknown(&lookup.asked, "the gateway lists none")),
            [found] => {
                let (instrument, contract) = found.instrument(&lookup.asked);
                if let Some((zone, hours)) = found.hours(core) {
                    core.learn_calendar(instrument.con_id, zone, &hours);
                }
                Ok(KnownAnswer { instrument, contract })
            }
            _ => Err(ambiguous(&lookup)),
        };
        if let Ok(answer) = &one {
            let exact = Normal::con_id(answer.instrument.con_id, &answer.instrument.exchange);
            self.known.learn(core.now.at, lookup.asked.key(), answer.clone());
            self.known.learn(core.now.at, exact.key(), answer.clone());
        }
        let all = if lookup.found.is_empty() && core.ib_lost { Err(ib_lost()) } else { details(&lookup) };
        for waiter in lookup.waiters {
            match (waiter, &one) {
                (Waiter::Details(token), _) => core.reply(token, all.clone()),
                (waiter, Ok(answer)) => self.settle(core, waiter, answer.clone()),
                (waiter, Err(error)) => self.fail(core, waiter, error.clone()),
            }
        }
    }

    pub(crate) fn on_symbols(&mut self, core: &mut Core, message: SymbolSamples) {
        self.searches.on_symbols(core, message);
    }

    pub(crate) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) {
        if !notice.meaning.ends_request() || self.searches.on_notice(core, req_id, notice) {
            return;
        }
        let Some(lookup) = self.take_lookup(core, req_id) else { return };
        let mut error = notice.to_error();
        if error.code == ErrorCode::UnknownContract && core.ib_lost {
            error = ib_lost();
        } else if error.code == ErrorCode::UnknownContract {
            let vague = notice.text.to_ascii_lowercase().contains("ambiguous");
            let told = unknown(&lookup.asked, &notice.text);
            error.code = if vague { ErrorCode::AmbiguousContract } else { told.code };
            error.message = told.message;
        }
        for waiter in lookup.waiters {
            self.fail(core, waiter, error.clone());
        }
    }

    /// The gateway may leave a request without answer or error, so a lookup that somebody still waits
    /// for is asked again.
    pub(crate) fn on_timeout(&mut self, core: &mut Core, req_id: i32) {
        if self.searches.on_timeout(core, req_id) {
            return;
        }
        let Some(mut lookup) = self.take_lookup(core, req_id) else { return };
        lookup.waiters.retain(|waiter| waiter.is_waiting(core));
        if lookup.attempts < ATTEMPTS_MAX {
            return self.ask_if_wanted(core, lookup);
        }
        let message = format!("the gateway did not answer what {} is", lookup.asked.describe());
        for waiter in lookup.waiters {
            self.fail(core, waiter, ApiError::new(ErrorCode::Timeout, message.clone()));
        }
    }

    pub(crate) fn on_link_ready(&mut self, core: &mut Core) {
        self.link = DataLink::Up;
        for lookup in std::mem::take(&mut self.stalled) {
            self.ask_if_wanted(core, lookup);
        }
    }

    /// Called for each failed attempt, too.
    pub(crate) fn on_link_down(&mut self, core: &mut Core, reason: &str) {
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
    }

    pub(crate) fn on_timer(&mut self, core: &mut Core) {
        self.searches.on_timer(core);
        self.validations.retain(|token, _| core.is_waiting(*token));
    }

    /// When [`Self::on_timer`] has something to do.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.searches.wake_at()
    }

    fn ask_if_wanted(&mut self, core: &mut Core, mut lookup: Lookup) {
        lookup.waiters.retain(|waiter| waiter.is_waiting(core));
        if !lookup.waiters.is_empty() {
            self.ask(core, lookup);
        }
    }

    // Results.

    fn settle(&mut self, core: &mut Core, waiter: Waiter, answer: KnownAnswer) {
        match waiter {
            // A caller who gave up was told so; an order must not be placed behind his back.
            Waiter::Command(_) if !waiter.is_waiting(core) => {}
            Waiter::Command(command) => {
                let listing = core.listing(answer.instrument, answer.contract);
                self.resolved.push_back((*command, listing));
            }
            Waiter::Validation { token, place } => {
                let valid = Validation { ok: true, instrument: Some(answer.instrument), error: None };
                self.fill(core, token, place, valid);
            }
            // Details are answered from the rows.
            Waiter::Details(_) => {}
        }
    }

    fn fail(&mut self, core: &mut Core, waiter: Waiter, error: ApiError) {
        match waiter {
            Waiter::Command(command) => self.resolved.push_back((*command, Err(error))),
            Waiter::Details(token) => core.refuse(token, error),
            Waiter::Validation { token, place } => {
                self.fill(core, token, place, Validation { ok: false, instrument: None, error: Some(error) });
            }
        }
    }

    fn fill(&mut self, core: &mut Core, token: Token, place: usize, result: Validation) {
        let Some(results) = self.validations.get_mut(&token) else { return };
        if let Some(slot) = results.get_mut(place) {
            *slot = Some(result);
        }
        if results.iter().all(Option::is_some) {
            let results = self.validations.remove(&token).into_iter().flatten().flatten().collect();
            core.answer(token, Answer::Validated(Validated { results }));
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

fn ambiguous(lookup: &Lookup) -> ApiError {
    let count = lookup.found.len() + lookup.surplus;
    let message = format!("{count} contracts fit {}; name one of the candidates", lookup.asked.describe());
    let candidates = lookup.found.iter().take(CANDIDATES_MAX).map(|found| found.candidate(&lookup.asked)).collect();
    ApiError { candidates: Some(candidates), ..ApiError::new(ErrorCode::AmbiguousContract, message) }
}

fn details(lookup: &Lookup) -> Result<Answer, ApiError> {
    if lookup.found.is_empty() {
        return Err(unknown(&lookup.asked, "the gateway lists none"));
    }
    if lookup.surplus > 0 {
        let count = lookup.found.len() + lookup.surplus;
        let message = format!(
            "{count} contracts fit {}, more than {CONTRACTS_MAX}; add expiry, strike or exchange",
            lookup.asked.describe()
        );
        return Err(ApiError::new(ErrorCode::TooLarge, message));
    }
    let contracts = lookup.found.iter().map(|found| found.details(&lookup.asked)).collect();
    Ok(Answer::Details(Box::new(Details { contracts })))
}
