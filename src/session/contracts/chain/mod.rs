//! Option chains: parameters first, then one lookup for each expiry and trading class, each told as it is answered.

mod known;
mod wanted;

use std::{collections::VecDeque, sync::Arc};

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use self::{
    known::{Asked, CHAINS_MAX, Parameters},
    wanted::{Step, Wanted},
};
use super::{Contracts, found::Found, ib_lost, lookup::Waiter, query::Normal};
use crate::{
    config::ms,
    schema::{
        ApiError, ErrorCode,
        connection::LinkName,
        contract::ContractQuery,
        request::{
            chain::{ChainHole, ChainManifest, ChainParameters, ChainRequest, ChainRow},
            history::Progress,
        },
    },
    session::{
        Answer, CacheItem, CacheKind, Chain, Command, Listing, Output, Part, Rows, Token,
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::Class,
    },
    tws::{
        Request,
        message::contract::{SecDefOptParameter, SecDefOptParamsRequest},
    },
};

/// Chains looked up at the same time.
const JOBS_MAX: usize = 20;

/// Chains in progress, and what is known about chains.
#[derive(Debug, Default)]
pub(super) struct Chains {
    parameters: Parameters,
    jobs: FxHashMap<Token, Job>,
    /// Jobs whose question for parameters was lost with the link.
    cut: Vec<Token>,
}

/// One request on its way.
#[derive(Debug)]
struct Job {
    wanted: Wanted,
    client: Option<CompactString>,
    under: Arc<Listing>,
    exchange: String,
    /// Being looked up.
    open: Option<Step>,
    later: VecDeque<Step>,
    /// Lookups that are settled.
    done: u32,
    /// Rows sent.
    rows: u64,
    holes: Vec<ChainHole>,
    requests: u32,
    /// Why the first lookup that failed did.
    error: Option<ApiError>,
}

impl Chains {
    /// Chains being looked up.
    pub(super) fn entries(&self) -> usize {
        self.jobs.len() + self.cut.len()
    }

    pub(super) fn recall(&mut self, item: &CacheItem) {
        self.parameters.recall(item);
    }

    pub(super) fn doubt(&mut self) {
        self.parameters.doubt();
    }

    /// Forgets the requests nobody waits for.
    pub(super) fn on_timer(&mut self, core: &Core) {
        self.jobs.retain(|token, _| core.is_waiting(*token));
    }

    /// The request for parameters with this id is over.
    fn close(&mut self, core: &mut Core, req_id: i32) -> Option<Asked> {
        let asked = self.parameters.asked.remove(&req_id)?;
        core.done(req_id);
        Some(asked)
    }

    fn refuse_all(&mut self, core: &mut Core, callers: Vec<Token>, error: &ApiError) {
        for token in callers {
            if self.jobs.remove(&token).is_some() {
                core.refuse(token, error.clone());
            }
        }
    }

    /// True if the notice was about a request for parameters.
    pub(super) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) -> bool {
        let Some(asked) = self.close(core, req_id) else { return false };
        self.refuse_all(core, asked.callers, &notice.to_error());
        true
    }

    /// True if the request was for parameters.
    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> bool {
        let Some(asked) = self.close(core, req_id) else { return false };
        let error = ApiError::new(ErrorCode::Timeout, "the gateway did not answer which options there are; ask again");
        self.refuse_all(core, asked.callers, &error);
        true
    }

    /// Chains go on when the link is back: lookups by themselves, parameters with [`Contracts::resume_chains`].
    pub(super) fn on_link_down(&mut self) {
        let mut cut: Vec<(i32, Asked)> = self.parameters.asked.drain().collect();
        cut.sort_unstable_by_key(|(req_id, _)| *req_id);
        self.cut.extend(cut.into_iter().flat_map(|(_, asked)| asked.callers));
        self.cut.retain(|token| self.jobs.contains_key(token));
    }
}

impl Contracts {
    /// The options on `under`.
    pub(crate) fn chain(&mut self, core: &mut Core, command: &Command, ask: &ChainRequest, under: &Arc<Listing>) {
        let token = command.token;
        let wanted = match Wanted::of(ask, &under.instrument) {
            Ok(wanted) => wanted,
            Err(error) => return core.refuse(token, error),
        };
        self.chains.on_timer(core);
        if self.chains.jobs.len() >= JOBS_MAX {
            let text = format!("{JOBS_MAX} option chains are being looked up");
            return core.refuse(token, ApiError::new(ErrorCode::Busy, text).retry_after_ms(5_000));
        }
        let job = Job {
            wanted,
            client: command.client.clone(),
            under: Arc::clone(under),
            exchange: String::new(),
            open: None,
            later: VecDeque::new(),
            done: 0,
            rows: 0,
            holes: Vec::new(),
            requests: 0,
            error: None,
        };
        self.chains.jobs.insert(token, job);
        self.begin_chain(core, token, under);
    }

    fn begin_chain(&mut self, core: &mut Core, token: Token, under: &Listing) {
        let key = format!("{}@{}", under.instrument.con_id, futures_exchange(under));
        let known = self.chains.parameters.get(core.now.us, core.config.contracts.keep_us(), &key);
        match (known, self.check(core)) {
            (Some((chains, true)), _) | (Some((chains, false)), Err(_)) => self.plan_chain(core, token, &chains),
            (None, Err(error)) => self.chains.refuse_all(core, vec![token], &error),
            (_, Ok(())) => self.ask_parameters(core, token, key, under),
        }
    }

    /// Asks again for the parameters that were lost with the link.
    pub(super) fn resume_chains(&mut self, core: &mut Core) {
        for token in std::mem::take(&mut self.chains.cut) {
            if core.is_waiting(token)
                && let Some(job) = self.chains.jobs.get(&token)
            {
                let under = Arc::clone(&job.under);
                self.begin_chain(core, token, &under);
            }
        }
    }

    /// The caller's deadline has come. True if there are rows to keep: then what is missing is told as holes.
    pub(crate) fn on_caller_overdue(&mut self, core: &mut Core, token: Token) -> bool {
        let Some(job) = self.chains.jobs.get_mut(&token).filter(|job| job.rows > 0) else { return false };
        let late = ApiError::new(ErrorCode::Timeout, "");
        let missing = job.open.take().into_iter().chain(std::mem::take(&mut job.later));
        job.holes.extend(missing.map(|step| hole(step, &late)));
        self.end_chain(core, token, None);
        true
    }

    fn ask_parameters(&mut self, core: &mut Core, token: Token, key: String, under: &Listing) {
        if let Some(job) = self.chains.jobs.get_mut(&token) {
            job.requests = 1;
        }
        if let Some(asked) = self.chains.parameters.asked.values_mut().find(|asked| asked.key == key) {
            asked.callers.push(token);
            return;
        }
        let req_id = core.new_req_id();
        let request = SecDefOptParamsRequest {
            req_id: Some(req_id),
            underlying_symbol: Some(under.instrument.symbol.clone()),
            fut_fop_exchange: Some(futures_exchange(under).to_owned()),
            underlying_sec_type: Some(under.instrument.sec_type.clone()),
            underlying_con_id: Some(under.instrument.con_id),
        };
        let errand = Errand::new(LinkName::Data, Class::Interactive, Request::SecDefOptParamsRequest(request))
            .id(req_id)
            .client(self.chains.jobs.get(&token).and_then(|job| job.client.clone()))
            .answer_within(ms(core.config.timing.request_ms));
        match core.submit(Owner::Contracts, errand) {
            Ok(()) => {
                let asked = Asked { key, told: Vec::new(), surplus: 0, callers: vec![token] };
                self.chains.parameters.asked.insert(req_id, asked);
            }
            Err(error) => self.chains.refuse_all(core, vec![token], &error),
        }
    }

    pub(crate) fn on_chain(&mut self, core: &mut Core, message: SecDefOptParameter) {
        let req_id = message.req_id.unwrap_or_default();
        let Some(asked) = self.chains.parameters.asked.get_mut(&req_id) else {
            core.counters.late_answers += 1;
            return;
        };
        if asked.told.len() < CHAINS_MAX {
            asked.told.push(message);
        } else {
            asked.surplus += 1;
        }
        core.extend(req_id, ms(core.config.timing.request_ms));
    }

    pub(crate) fn on_chains_end(&mut self, core: &mut Core, req_id: i32) {
        let Some(asked) = self.chains.close(core, req_id) else {
            core.counters.late_answers += 1;
            return;
        };
        if asked.surplus > 0 {
            let text = format!("the gateway tells {} chains, more than {CHAINS_MAX}", asked.told.len() + asked.surplus);
            return self.chains.refuse_all(core, asked.callers, &ApiError::new(ErrorCode::TooLarge, text));
        }
        if asked.told.is_empty() {
            let none = ApiError::new(ErrorCode::NoData, "the gateway lists no options on this contract");
            let error = if core.ib_lost { ib_lost() } else { none };
            return self.chains.refuse_all(core, asked.callers, &error);
        }
        if let Some(body) = known::bytes(&asked.told) {
            let (key, at_us) = (asked.key.clone(), core.now.us);
            core.output(Output::Cache(CacheItem { kind: CacheKind::Chain, key, at_us, body: Some(body) }));
        }
        let chains = known::read(asked.told);
        self.chains.parameters.learn(core.now.us, &asked.key, Arc::clone(&chains));
        for token in asked.callers {
            self.plan_chain(core, token, &chains);
        }
    }

    fn plan_chain(&mut self, core: &mut Core, token: Token, chains: &[ChainParameters]) {
        let Some(job) = self.chains.jobs.get_mut(&token) else { return };
        if job.wanted.parameters_only() {
            let parameters = job.wanted.chains(chains).into_iter().cloned().collect();
            return self.end_chain(core, token, Some(parameters));
        }
        match job.wanted.plan(chains) {
            Ok((exchange, steps)) => {
                job.exchange = exchange;
                job.later = steps;
                self.next_expiry(core, token);
            }
            Err(error) => self.chains.refuse_all(core, vec![token], &error),
        }
    }

    /// Looks the next expiry up, or answers.
    fn next_expiry(&mut self, core: &mut Core, token: Token) {
        let Some(job) = self.chains.jobs.get_mut(&token) else { return };
        let Some(step) = job.later.pop_front() else { return self.end_chain(core, token, None) };
        let under = &job.under.instrument;
        let query = ContractQuery {
            sec_type: Some(if under.sec_type == "FUT" { "FOP" } else { "OPT" }.to_owned()),
            symbol: Some(under.symbol.clone()),
            exchange: Some(job.exchange.clone()),
            currency: Some(under.currency.clone()),
            expiry: Some(step.expiry.clone()),
            right: job.wanted.right().cloned(),
            trading_class: Some(step.trading_class.clone()).filter(|class| !class.is_empty()),
            multiplier: step.multiplier,
            ..ContractQuery::default()
        };
        job.open = Some(step);
        let client = job.client.clone();
        let is_known = Normal::of(&query).is_ok_and(|asked| self.is_known(core, &asked));
        if !is_known && self.check(core).is_ok() {
            job_requests(&mut self.chains, token);
        }
        self.look_up(core, &query, client, Waiter::Chain(token));
    }

    pub(super) fn on_expiry_found(&mut self, core: &mut Core, token: Token, asked: &Normal, rows: &[Found]) {
        let Some(job) = self.chains.jobs.get_mut(&token) else { return };
        let rows = job.wanted.rows(rows.iter().filter_map(|found| row(found, asked)).collect());
        if let Some(step) = job.open.take()
            && rows.is_empty()
        {
            job.holes.push(hole(step, &ApiError::new(ErrorCode::NoData, "")));
        }
        job.done += 1;
        job.rows += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        core.part(token, Part { entry: None, rows: Rows::Chain(rows), progress: job.progress() });
        self.next_expiry(core, token);
    }

    pub(super) fn on_expiry_failed(&mut self, core: &mut Core, token: Token, error: ApiError) {
        let Some(job) = self.chains.jobs.get_mut(&token) else { return };
        if let Some(step) = job.open.take() {
            job.holes.push(hole(step, &error));
        }
        job.done += 1;
        job.error.get_or_insert(error);
        core.part(token, Part { entry: None, rows: Rows::Chain(Vec::new()), progress: job.progress() });
        self.next_expiry(core, token);
    }

    fn end_chain(&mut self, core: &mut Core, token: Token, parameters: Option<Vec<ChainParameters>>) {
        let Some(job) = self.chains.jobs.remove(&token) else { return };
        if let Some(error) = job.error.filter(|_| job.rows == 0) {
            return core.refuse(token, error);
        }
        let manifest = ChainManifest {
            instrument: job.under.instrument.clone(),
            pages: 1,
            rows: job.rows,
            requests: job.requests,
            holes: job.holes,
        };
        core.answer(token, Answer::Chain(Box::new(Chain { parameters, manifest })));
    }
}

impl Job {
    fn progress(&self) -> Progress {
        let waiting = self.later.len() + usize::from(self.open.is_some());
        let total = self.done.saturating_add(u32::try_from(waiting).unwrap_or(u32::MAX));
        Progress { done: self.done, total: Some(total), rows: self.rows, through_us: 0 }
    }
}

fn job_requests(chains: &mut Chains, token: Token) {
    if let Some(job) = chains.jobs.get_mut(&token) {
        job.requests += 1;
    }
}

/// Where a future trades: options on it are found by that. Empty for anything else, and means every exchange.
fn futures_exchange(under: &Listing) -> &str {
    if under.instrument.sec_type == "FUT" { &under.instrument.exchange } else { "" }
}

fn hole(step: Step, error: &ApiError) -> ChainHole {
    let reason = error.code.as_str().to_owned();
    let Step { expiry, trading_class, multiplier } = step;
    ChainHole { expiry, trading_class, multiplier, reason, ib_code: error.ib_code }
}

fn row(found: &Found, asked: &Normal) -> Option<ChainRow> {
    let (instrument, _) = found.instrument(asked);
    Some(ChainRow {
        con_id: instrument.con_id,
        instrument: instrument.short(),
        expiry: instrument.expiry?,
        strike: instrument.strike?,
        right: instrument.right?,
        multiplier: instrument.multiplier,
        trading_class: instrument.trading_class,
        exchange: instrument.exchange,
    })
}
