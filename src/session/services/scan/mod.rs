//! Market scanners: one upstream for each question however many ask it, ten at a time at most.

mod document;
mod kept;
mod lease;
mod parameters;
mod spec;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{Asked, ServiceAnswer, asked};
use crate::{
    config::ms,
    schema::{
        ApiError, ErrorCode,
        connection::LinkName,
        request::{
            market::Usage,
            scan::{
                OnLimit, ParametersRequest, RenewScan, RunScan, Scan, ScanLease, ScanState, Scans as ScanList,
                SubscribeScan, UnsubscribeScan, UnsubscribedScan,
            },
        },
        scan::ScanEvent,
    },
    session::{
        Answer, Command, Event, Token,
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::Class,
    },
    tws::{
        Request,
        message::scanner::{CancelScannerSubscription, ScannerData, ScannerParameters, ScannerSubscriptionRequest},
    },
};
use lease::{Book, Held};
use parameters::ParameterBook;

/// Questions that may be held or wait at once.
const SCANS_MAX: usize = 200;
/// Wait before a scanner that the gateway ended or refused for want of a place is asked for again.
const RETRY: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, PartialEq)]
enum State {
    /// Waits for a place, for the link, or until this moment.
    Waiting {
        until: Option<Instant>,
    },
    Asked {
        req_id: i32,
    },
    Running {
        req_id: i32,
    },
}

impl State {
    fn req_id(&self) -> Option<i32> {
        match self {
            Self::Waiting { .. } => None,
            Self::Asked { req_id } | Self::Running { req_id } => Some(*req_id),
        }
    }
}

/// One question and who wants its answer.
#[derive(Debug)]
struct Scanner {
    scan: Scan,
    state: State,
    /// Grows; the lowest is served first.
    turn: u64,
    /// One-shot callers.
    runs: Vec<Token>,
    last: Option<ScanEvent>,
    trouble: Option<ApiError>,
    after_gap: bool,
}

/// All scanners of the login.
#[derive(Debug, Default)]
pub(super) struct Scans {
    is_up: bool,
    is_ib_lost: bool,
    turns: u64,
    scanners: BTreeMap<String, Scanner>,
    leases: Book,
    parameters: ParameterBook,
}

impl Scans {
    /// Scanners, and leases of them.
    pub(super) fn entries(&self) -> usize {
        self.scanners.len() + self.leases.len()
    }

    // Requests.

    pub(super) fn parameters(&mut self, core: &mut Core, command: &Command, ask: &ParametersRequest) {
        self.parameters.ask(core, command, ask);
    }

    pub(super) fn run(&mut self, core: &mut Core, command: &Command, ask: &RunScan) {
        match self.want(core, &ask.scan, ask.on_limit) {
            Ok(id) => {
                let Some(scanner) = self.scanners.get_mut(&id) else { return };
                match (&scanner.state, &scanner.last) {
                    (State::Running { .. }, Some(last)) => {
                        core.answer(command.token, ServiceAnswer::ScanResult(last.clone()).into());
                    }
                    _ => scanner.runs.push(command.token),
                }
                self.fill_places(core);
            }
            Err(error) => core.refuse(command.token, error),
        }
    }

    pub(super) fn subscribe(&mut self, core: &mut Core, command: &Command, ask: &SubscribeScan) {
        let id = match self.leases.check().and_then(|()| self.want(core, &ask.scan, ask.on_limit)) {
            Ok(id) => id,
            Err(error) => return core.refuse(command.token, error),
        };
        let held = Held {
            name: String::new(),
            client: command.client.clone(),
            id: id.clone(),
            ttl_s: ask.ttl_s,
            expires: None,
            caller: Some(command.token),
            is_kept: false,
        };
        let number = self.leases.add(core.now, held);
        self.fill_places(core);
        let is_settled = match self.scanners.get(&id).map(|scanner| &scanner.state) {
            // The gateway has yet to say whether it takes the question.
            Some(State::Asked { .. }) => false,
            // All places are taken; the lease says so.
            Some(State::Waiting { .. } | State::Running { .. }) => true,
            None => return,
        };
        if is_settled {
            self.tell_lease(core, number);
        }
    }

    pub(super) fn renew(&mut self, core: &mut Core, command: &Command, ask: &RenewScan) {
        match self.leases.find(&ask.lease, command.client.as_deref()) {
            Ok(number) => {
                self.leases.renew(core.now, number);
                if let Some(lease) = self.describe(number) {
                    core.answer(command.token, lease);
                }
            }
            Err(error) => core.refuse(command.token, error),
        }
    }

    pub(super) fn unsubscribe(&mut self, core: &mut Core, command: &Command, ask: &UnsubscribeScan) {
        match self.leases.find(&ask.lease, command.client.as_deref()) {
            Ok(number) => {
                let cancelled = self.end_lease(core, number);
                let answer = UnsubscribedScan { lease: ask.lease.clone(), cancelled };
                core.answer(command.token, ServiceAnswer::UnsubscribedScan(answer).into());
                self.fill_places(core);
            }
            Err(error) => core.refuse(command.token, error),
        }
    }

    pub(super) fn list(&mut self, core: &mut Core, command: &Command) {
        let leases = self.leases.numbers().into_iter().filter_map(|number| self.lease(number)).collect();
        let scanners = self.usage(core);
        core.answer(command.token, ServiceAnswer::Scans(ScanList { leases, scanners }).into());
    }

    /// Scanners at the gateway.
    pub(super) fn usage(&self, core: &Core) -> Usage {
        Usage { used: count(self.active()), max: core.config.pacing.scanners }
    }

    /// The scanner of this question, made if nobody has asked it yet.
    fn want(&mut self, core: &mut Core, scan: &Scan, on_limit: OnLimit) -> Result<String, ApiError> {
        spec::check(scan)?;
        let id = spec::id(scan);
        if let Some(known) = self.scanners.get(&id) {
            return match (&known.state, on_limit) {
                (State::Waiting { .. }, OnLimit::Refuse) => Err(self.taken(core)),
                _ => Ok(id),
            };
        }
        if on_limit == OnLimit::Refuse && self.active() >= places(core) {
            return Err(self.taken(core));
        }
        if self.scanners.len() >= SCANS_MAX {
            let text = format!("{SCANS_MAX} scanners are held or wait");
            return Err(ApiError::new(ErrorCode::Busy, text).retry_after_ms(5_000));
        }
        self.turns += 1;
        let state = State::Waiting { until: None };
        let (scan, turn) = (scan.clone(), self.turns);
        let scanner = Scanner { scan, state, turn, runs: Vec::new(), last: None, trouble: None, after_gap: false };
        self.scanners.insert(id.clone(), scanner);
        Ok(id)
    }

    /// Who holds the places.
    fn taken(&self, core: &Core) -> ApiError {
        let holders = self.scanners.iter().filter(|(_, scanner)| scanner.state.req_id().is_some()).map(|(id, _)| {
            let names = self.leases.holders(id);
            if names.is_empty() { format!("{id} (scan.run)") } else { format!("{id} ({})", names.join(", ")) }
        });
        let text = format!(
            "all {} scanners of the login are taken: {}",
            core.config.pacing.scanners,
            holders.collect::<Vec<_>>().join("; ")
        );
        ApiError::new(ErrorCode::PacingLimited, text).retry_after_ms(5_000)
    }

    // Upstream.

    fn active(&self) -> usize {
        self.scanners.values().filter(|scanner| scanner.state.req_id().is_some()).count()
    }

    fn fill_places(&mut self, core: &mut Core) {
        // Without IB a gateway may answer falsely or never.
        while self.is_up && !self.is_ib_lost && self.active() < places(core) {
            let now = core.now.at;
            let due = |scanner: &&mut Scanner| matches!(scanner.state, State::Waiting { until } if until.is_none_or(|until| until <= now));
            let Some(next) = self.scanners.values_mut().filter(due).min_by_key(|scanner| scanner.turn) else { return };
            let req_id = core.new_req_id();
            let request = ScannerSubscriptionRequest {
                req_id: Some(req_id),
                scanner_subscription: Some(spec::subscription(&next.scan)),
            };
            let request = Request::ScannerSubscriptionRequest(Box::new(request));
            let errand = Errand::new(LinkName::Data, Class::Live, request).id(req_id);
            let errand = errand.answer_within(ms(core.config.timing.request_ms));
            if core.submit(Owner::Services, errand).is_err() {
                next.state = State::Waiting { until: Some(now + RETRY) };
                return;
            }
            next.state = State::Asked { req_id };
        }
    }

    fn cancel(core: &mut Core, state: &State) {
        let Some(req_id) = state.req_id() else { return };
        core.done(req_id);
        if core.pacing.withdraw(req_id) {
            return;
        }
        core.cancelled(req_id);
        let request = Request::CancelScannerSubscription(CancelScannerSubscription { req_id: Some(req_id) });
        // Cancels are never refused.
        let _ = core.submit(Owner::Services, Errand::new(LinkName::Data, Class::Cancel, request).id(req_id));
    }

    fn by_req_id(&mut self, req_id: i32) -> Option<(String, &mut Scanner)> {
        let found = self.scanners.iter_mut().find(|(_, scanner)| scanner.state.req_id() == Some(req_id))?;
        Some((found.0.clone(), found.1))
    }

    /// Ends the scanner if nobody wants it any more. True if it was ended.
    fn drop_unwanted(&mut self, core: &mut Core, id: &str) -> bool {
        let is_wanted = self.leases.is_held(id)
            || self.scanners.get(id).is_some_and(|scanner| scanner.runs.iter().any(|run| core.is_waiting(*run)));
        if is_wanted {
            return false;
        }
        let Some(scanner) = self.scanners.remove(id) else { return false };
        Self::cancel(core, &scanner.state);
        true
    }

    fn end_lease(&mut self, core: &mut Core, number: u64) -> bool {
        let Some(held) = self.leases.remove(number) else { return false };
        if held.is_kept {
            kept::forget(core, &held.name);
        }
        self.drop_unwanted(core, &held.id)
    }

    // Answers.

    pub(super) fn on_parameters(&mut self, core: &mut Core, message: ScannerParameters) -> Asked {
        self.parameters.on_answer(core, message)
    }

    pub(super) fn on_result(&mut self, core: &mut Core, message: ScannerData) -> Asked {
        let req_id = message.req_id.unwrap_or_default();
        let recv_us = core.now.us;
        let Some((id, scanner)) = self.by_req_id(req_id) else { return asked(false, message.req_id) };
        core.alive(req_id);
        let rows = message.scanner_data_element.into_iter().filter_map(spec::row).collect();
        let after_gap = std::mem::take(&mut scanner.after_gap).then_some(true);
        let event = ScanEvent { id: id.clone(), seq: 0, recv_us, rows, after_gap };
        scanner.state = State::Running { req_id };
        scanner.trouble = None;
        scanner.last = Some(event.clone());
        for token in std::mem::take(&mut scanner.runs) {
            core.answer(token, ServiceAnswer::ScanResult(event.clone()).into());
        }
        if self.leases.is_held(&id) {
            core.emit(Event::Scan(Box::new(event)));
        }
        for number in self.leases.unanswered(&id) {
            self.tell_lease(core, number);
        }
        self.drop_unwanted(core, &id);
        self.fill_places(core);
        Ok(())
    }

    pub(super) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) -> bool {
        if self.parameters.on_notice(core, req_id, notice) {
            return true;
        }
        let is_scan = self.by_req_id(req_id).is_some();
        if is_scan && notice.meaning.ends_request() {
            self.fail(core, req_id, &notice.to_error());
        }
        is_scan
    }

    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> bool {
        if self.parameters.on_timeout(core, req_id) {
            return true;
        }
        let Some((_, scanner)) = self.by_req_id(req_id) else { return false };
        let state = scanner.state.clone();
        Self::cancel(core, &state);
        self.fail(core, req_id, &ApiError::new(ErrorCode::Timeout, "the gateway did not answer the scan; ask again"));
        true
    }

    /// The gateway ended a scanner. Who still waits for a first answer is told; who has a lease for longer
    /// keeps it, and the gateway is asked again later.
    fn fail(&mut self, core: &mut Core, req_id: i32, error: &ApiError) {
        core.done(req_id);
        let until = core.now.at + RETRY;
        let Some((id, scanner)) = self.by_req_id(req_id) else { return };
        scanner.state = State::Waiting { until: Some(until) };
        scanner.after_gap = scanner.last.is_some();
        for token in std::mem::take(&mut scanner.runs) {
            core.refuse(token, error.clone());
        }
        scanner.trouble = Some(error.clone());
        for number in self.leases.unanswered(&id) {
            if let Some(token) = self.leases.remove(number).and_then(|held| held.caller) {
                core.refuse(token, error.clone());
            }
        }
        self.drop_unwanted(core, &id);
        self.fill_places(core);
    }

    // Causes.

    pub(super) fn on_link_ready(&mut self, core: &mut Core, is_ib_lost: bool) {
        (self.is_up, self.is_ib_lost) = (true, is_ib_lost);
        self.fill_places(core);
    }

    /// Leases survive; their scanners are asked for again.
    pub(super) fn on_link_down(&mut self, core: &mut Core) {
        self.is_up = false;
        self.parameters.on_link_down(core);
        for scanner in self.scanners.values_mut() {
            scanner.state = State::Waiting { until: None };
            scanner.after_gap = scanner.last.is_some();
        }
    }

    /// What waits for its turn to be sent is taken back.
    pub(super) fn on_ib_lost(&mut self, core: &mut Core) {
        self.is_ib_lost = true;
        for scanner in self.scanners.values_mut() {
            if scanner.state.req_id().is_some_and(|req_id| core.pacing.withdraw(req_id)) {
                scanner.state = State::Waiting { until: None };
            }
        }
    }

    /// Scanners come from the historical service, whose streams often stay dead after a loss of IB.
    pub(super) fn on_ib_back(&mut self, core: &mut Core) {
        self.is_ib_lost = false;
        self.ask_again(core, |_| true);
    }

    /// IB is in reach; what has become of the scanners is not known.
    pub(super) fn on_ib_reached(&mut self, core: &mut Core) {
        self.is_ib_lost = false;
        self.fill_places(core);
    }

    /// A farm of past data is back. The gateway restores what it served; what was asked meanwhile may never be answered.
    pub(super) fn on_farm_up(&mut self, core: &mut Core) {
        if self.is_up && !self.is_ib_lost {
            self.ask_again(core, |state| matches!(state, State::Asked { .. }));
        }
    }

    fn ask_again(&mut self, core: &mut Core, is_meant: impl Fn(&State) -> bool) {
        for scanner in self.scanners.values_mut().filter(|scanner| is_meant(&scanner.state)) {
            Self::cancel(core, &scanner.state);
            scanner.state = State::Waiting { until: None };
            scanner.after_gap = scanner.last.is_some();
        }
        self.fill_places(core);
    }

    pub(super) fn on_timer(&mut self, core: &mut Core) {
        while let Some(number) = self.leases.expired(core.now.at) {
            self.end_lease(core, number);
        }
        for number in self.leases.given_up(core) {
            self.end_lease(core, number);
        }
        for scanner in self.scanners.values_mut() {
            scanner.runs.retain(|run| core.is_waiting(*run));
        }
        for id in self.scanners.keys().cloned().collect::<Vec<_>>() {
            self.drop_unwanted(core, &id);
        }
        self.fill_places(core);
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        let waiting = self.scanners.values().filter_map(|scanner| match scanner.state {
            State::Waiting { until } => until.filter(|_| self.is_up && !self.is_ib_lost),
            _ => None,
        });
        waiting.chain(self.leases.next_expiry()).min()
    }

    // Telling.

    fn tell_lease(&mut self, core: &mut Core, number: u64) {
        let Some(token) = self.leases.take_caller(number) else { return };
        self.keep(core, number);
        if let Some(lease) = self.describe(number) {
            core.answer(token, lease);
        }
    }

    /// A lease until unsubscribed outlives the bridge from the moment its holder knows of it.
    fn keep(&mut self, core: &mut Core, number: u64) {
        let is_lasting = self.leases.get(number).is_some_and(|held| held.ttl_s == 0);
        if is_lasting
            && let Some(held) = self.leases.mark_kept(number)
            && let Some(scanner) = self.scanners.get(&held.id)
        {
            kept::keep(core, held, &scanner.scan);
        }
    }

    fn describe(&self, number: u64) -> Option<Answer> {
        self.lease(number).map(|lease| ServiceAnswer::ScanLease(Box::new(lease)).into())
    }

    fn lease(&self, number: u64) -> Option<ScanLease> {
        let held = self.leases.get(number)?;
        let scanner = self.scanners.get(&held.id)?;
        Some(ScanLease {
            lease: held.name.clone(),
            client: held.client.as_ref().map(ToString::to_string),
            id: held.id.clone(),
            subject: String::new(),
            scan: scanner.scan.clone(),
            state: match scanner.state {
                State::Waiting { .. } => ScanState::Waiting,
                State::Asked { .. } => ScanState::Asked,
                State::Running { .. } => ScanState::Running,
            },
            holders: count(self.leases.holders(&held.id).len()),
            ttl_s: held.ttl_s,
            expires_us: held.expires.map(|(_, us)| us),
            last: scanner.last.clone(),
            trouble: scanner.trouble.as_ref().map(|error| error.message.clone()),
        })
    }
}

fn places(core: &Core) -> usize {
    usize::try_from(core.config.pacing.scanners).unwrap_or(usize::MAX)
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
