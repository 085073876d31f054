//! Faults as small ordered rules: which of them an occasion sets off, and what they do to what passes.
//!
//! Pure: time is passed in, chance follows from the seed. What needs the rest of the gateway is handed out as
//! [`Fired`]; what concerns the bytes of a connection leaves as an effect on its line.

pub mod action;
mod armed;
mod bytes;
pub mod rule;
mod standing;
mod streams;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(super) use action::{Action, Door, GatewayFault, IbFault, LineFault, MessageFault, RequestFault};
pub(super) use armed::{Seen, Target};
pub(super) use bytes::{garbage, order_flood};
pub(super) use rule::Rule;
pub(crate) use standing::{DATA_FARMS, DEFINITION_FARMS, HISTORY_FARMS};
pub(super) use standing::{Ending, Verdict};

use self::armed::Armed;
use self::standing::Standing;
use self::streams::StreamBook;
use super::instrument::Instrument;
use super::outbox::{ConnectionId, Effect};
use crate::tws::message::contract::Contract;
use crate::tws::{Request, Response};

/// Rules in force at a time.
pub(super) const RULES_MAX: usize = 1_000;
/// Requests and messages kept back; what does not fit is let through.
const KEPT_MAX: usize = 100_000;
/// A message exchanged with the next one waits so long for it.
const SWAP_MS: i64 = 1_000;

/// A rule has been set off, and the gateway must act.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fired {
    pub(super) action: Action,
    pub(super) target: Target,
}

/// A rule in force, for people and tests.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleState {
    /// By which it is lifted.
    pub number: u64,
    /// What people call it.
    pub name: String,
    /// Occasions that fitted.
    pub matched: u64,
    /// Occasions taken.
    pub fired: u64,
    /// It will not happen again.
    pub spent: bool,
}

/// What is broken and what is going to break.
#[derive(Debug)]
pub(super) struct Faults {
    seed: u64,
    rules: Vec<Armed>,
    numbers: u64,
    clients: BTreeMap<ConnectionId, i32>,
    pub(super) streams: StreamBook,
    standing: Standing,
    /// Requests and messages on their way, by the time they arrive; the number keeps those of one time in order.
    held: BTreeMap<(i64, u64), (ConnectionId, Request)>,
    late: BTreeMap<(i64, u64), (ConnectionId, Response)>,
    swapped: BTreeMap<ConnectionId, (i64, Response)>,
    kept: u64,
    fired: Vec<Fired>,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            rules: Vec::new(),
            numbers: 0,
            clients: BTreeMap::new(),
            streams: StreamBook::default(),
            standing: Standing::default(),
            held: BTreeMap::new(),
            late: BTreeMap::new(),
            swapped: BTreeMap::new(),
            kept: 0,
            fired: Vec::new(),
        }
    }

    // Rules.

    /// Puts a rule in force, after those that are. `None` if there are too many.
    pub(super) fn add(&mut self, now_ms: i64, rule: Rule) -> Option<u64> {
        if self.rules.len() >= RULES_MAX {
            return None;
        }
        self.numbers += 1;
        self.rules.push(Armed::new(self.numbers, rule, now_ms, self.seed));
        Some(self.numbers)
    }

    /// Lifts one rule, or all and what they left standing. Returns how many.
    pub(super) fn clear(&mut self, number: Option<u64>) -> usize {
        let before = self.rules.len();
        self.rules.retain(|armed| number.is_some_and(|number| armed.number != number));
        if number.is_none() {
            self.standing.lift();
        }
        before - self.rules.len()
    }

    pub(super) fn rules(&self) -> Vec<RuleState> {
        let state = |armed: &Armed| RuleState {
            number: armed.number,
            name: armed.rule.name.clone(),
            matched: armed.matched,
            fired: armed.fired,
            spent: armed.is_spent(),
        };
        self.rules.iter().map(state).collect()
    }

    /// Names of what stands at present.
    pub(super) fn standing(&self, now_ms: i64) -> Vec<String> {
        self.standing.words(now_ms)
    }

    // Faults without a rule.

    /// Requests of this kind are taken and never answered; `*` means all of them.
    pub(super) fn mute(&mut self, kind: &str) {
        self.standing.muted.insert(kind.to_owned());
    }

    /// Requests of this kind are answered again.
    pub(super) fn unmute(&mut self, kind: &str) {
        self.standing.muted.remove(kind);
    }

    /// The streams of this contract that run now send nothing more, as if the gateway had lost them.
    /// Those asked for later run. Returns how many there were.
    pub(super) fn kill_streams(&mut self, con_id: i32) -> usize {
        self.streams.kill_contract(con_id)
    }

    /// What lasts begins.
    pub(super) fn begin(&mut self, now_ms: i64, fault: &IbFault) {
        match fault {
            IbFault::LinkDown { for_ms, back, repeat_ms } => {
                self.standing.link_down(now_ms, *for_ms, *back, *repeat_ms);
            }
            IbFault::FarmDown { farm, for_ms } => self.standing.farm_down(now_ms, farm, *for_ms),
            IbFault::CompetingSession { for_ms } => self.standing.compete(now_ms, *for_ms),
            IbFault::Halt { symbol, for_ms: Some(for_ms) } => {
                self.standing.halted(now_ms.saturating_add(*for_ms), symbol);
            }
            IbFault::Halt { for_ms: None, .. } | IbFault::Correct { .. } | IbFault::Bust | IbFault::Price { .. } => {}
        }
    }

    pub(super) fn read_only(&mut self, now_ms: i64, for_ms: Option<i64>) {
        self.standing.read_only(now_ms, for_ms);
    }

    pub(super) fn set_door(&mut self, now_ms: i64, door: Door, for_ms: i64) {
        self.standing.set_door(now_ms, door, for_ms);
    }

    /// How new connections are met, and until when.
    pub(super) fn door(&self, now_ms: i64) -> (Door, i64) {
        self.standing.door(now_ms)
    }

    /// The gateway's "Read-Only API" is ticked.
    pub(super) fn is_read_only(&self) -> bool {
        self.standing.is_read_only()
    }

    /// The gateway hears nothing of IB.
    pub(super) fn is_link_down(&self) -> bool {
        self.standing.is_link_down()
    }

    /// IB serves what this farm has.
    pub(super) fn is_farm_up(&self, farm: &str) -> bool {
        self.standing.is_farm_up(farm)
    }

    // Occasions.

    pub(super) fn on_login(&mut self, now_ms: i64, connection: ConnectionId, client_id: i32) {
        self.clients.insert(connection, client_id);
        for armed in &mut self.rules {
            armed.on_login(now_ms, connection, client_id);
        }
        self.at_once(now_ms);
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.clients.remove(&connection);
        self.streams.closed(connection);
        self.swapped.remove(&connection);
        self.held.retain(|_, (of, _)| *of != connection);
        self.late.retain(|_, (to, _)| *to != connection);
        for armed in &mut self.rules {
            armed.closed(connection);
        }
    }

    /// What becomes of a request. `resolve` says which instrument a contract means.
    pub(super) fn on_request(
        &mut self,
        now_ms: i64,
        connection: ConnectionId,
        request: &Request,
        instrument: Option<&Instrument>,
    ) -> Verdict {
        let mut verdict = None;
        let client_id = self.clients.get(&connection).copied();
        let symbol = instrument.map(Instrument::symbol);
        let seen = Seen { kind: request.name(), client_id, symbol };
        for armed in &mut self.rules {
            let decides = matches!(armed.rule.action, Action::Request(_));
            if (decides && verdict.is_some()) || !armed.on_request(now_ms, seen) {
                continue;
            }
            match &armed.rule.action {
                Action::Request(RequestFault::Mute) => verdict = Some(Verdict::Mute),
                Action::Request(RequestFault::Refuse { code, text }) => {
                    verdict = Some(Verdict::Refuse(*code, text.clone()));
                }
                Action::Request(RequestFault::Hold { by_ms }) => {
                    verdict = Some(Verdict::Hold(now_ms.saturating_add(*by_ms)));
                }
                action => self.fired.push(Fired { action: action.clone(), target: Target::One(connection) }),
            }
        }
        verdict.unwrap_or_else(|| self.standing.judge(request, || instrument.map(streams::farm_of)))
    }

    /// Keeps a request for later. False if there is no room.
    pub(super) fn hold(&mut self, until_ms: i64, connection: ConnectionId, request: &Request) -> bool {
        if self.held.len() >= KEPT_MAX {
            return false;
        }
        self.kept += 1;
        self.held.insert((until_ms, self.kept), (connection, request.clone()));
        true
    }

    /// The gateway ends, and with it what it would have carried out later.
    pub(super) fn forget_held(&mut self) {
        self.held.clear();
    }

    /// Notes a request that begins or ends a stream.
    pub(super) fn note<I: AsRef<Instrument>>(
        &mut self,
        to: ConnectionId,
        request: &Request,
        resolve: impl FnOnce(&Contract) -> Option<I>,
    ) {
        self.streams.note(to, request, resolve);
    }

    /// What is left of messages, and what comes with them.
    pub(super) fn pass(&mut self, now_ms: i64, effects: Vec<Effect>) -> Vec<Effect> {
        let has_rules = self.rules.iter().any(|armed| matches!(armed.rule.when, rule::When::Message(_)));
        if !has_rules && self.swapped.is_empty() {
            return self.pass_streams(effects);
        }
        let mut out = Vec::with_capacity(effects.len());
        for effect in self.pass_streams(effects) {
            match effect {
                Effect::Send(to, response) => self.pass_message(now_ms, to, response, &mut out),
                other => out.push(other),
            }
        }
        out
    }

    /// Messages of streams that are dead or stand are lost.
    pub(super) fn pass_streams(&self, mut effects: Vec<Effect>) -> Vec<Effect> {
        if self.streams.has_dead() || self.standing.holds_streams() {
            effects.retain(|effect| match effect {
                Effect::Send(to, response) => {
                    let stands = || self.streams.of(*to, response).is_some_and(|stream| self.standing.holds(stream));
                    !self.streams.is_dead(*to, response) && !stands()
                }
                _ => true,
            });
        }
        effects
    }

    fn pass_message(&mut self, now_ms: i64, to: ConnectionId, response: Response, out: &mut Vec<Effect>) {
        let mut fate = None;
        let mut after = Vec::new();
        let client_id = self.clients.get(&to).copied();
        for armed in &mut self.rules {
            let decides = matches!(armed.rule.action, Action::Message(_));
            let symbol = symbol_of(&response).or_else(|| self.streams.of(to, &response).map(streams::Open::symbol));
            let seen = Seen { kind: response.name(), client_id, symbol };
            if (decides && fate.is_some()) || !armed.on_message(now_ms, seen) {
                continue;
            }
            match &armed.rule.action {
                Action::Message(MessageFault::Late { by_ms, jitter_ms }) => {
                    let by_ms = by_ms.saturating_add(armed.drawn(*jitter_ms));
                    fate = Some(MessageFault::Late { by_ms, jitter_ms: 0 });
                }
                Action::Message(fault) => fate = Some(*fault),
                Action::Line(fault) => after.push(Effect::Line(to, *fault)),
                Action::Gateway(GatewayFault::OrderFlood { count }) => {
                    out.extend(bytes::order_flood(*count).map(|message| Effect::Send(to, message)));
                }
                action => self.fired.push(Fired { action: action.clone(), target: Target::One(to) }),
            }
        }
        let mut is_sent = true;
        match fate {
            Some(MessageFault::Drop) => is_sent = false,
            Some(MessageFault::Double) => {
                out.push(Effect::Send(to, response.clone()));
                out.push(Effect::Send(to, response));
            }
            Some(MessageFault::Corrupt) => out.push(Effect::Raw(to, bytes::damaged(&response))),
            Some(MessageFault::Late { by_ms, .. }) if self.late.len() < KEPT_MAX => {
                self.kept += 1;
                self.late.insert((now_ms.saturating_add(by_ms), self.kept), (to, response));
                is_sent = false;
            }
            Some(MessageFault::Swap) if !self.swapped.contains_key(&to) => {
                self.swapped.insert(to, (now_ms.saturating_add(SWAP_MS), response));
                is_sent = false;
            }
            None | Some(MessageFault::Late { .. } | MessageFault::Swap) => out.push(Effect::Send(to, response)),
        }
        if is_sent && let Some((_, overtaken)) = self.swapped.remove(&to) {
            out.push(Effect::Send(to, overtaken));
        }
        out.append(&mut after);
    }

    // Time.

    /// Rules whose time has come; they are among [`Self::take_fired`] afterwards.
    pub(super) fn at_once(&mut self, now_ms: i64) {
        for armed in &mut self.rules {
            for target in armed.due(now_ms) {
                self.fired.push(Fired { action: armed.rule.action.clone(), target });
            }
        }
    }

    /// What has ended by now. Rules whose time has come are among [`Self::take_fired`] afterwards.
    pub(super) fn advance(&mut self, now_ms: i64) -> Vec<Ending> {
        self.at_once(now_ms);
        self.standing.due(now_ms)
    }

    /// Requests that were kept until now, in their order.
    pub(super) fn take_held(&mut self, now_ms: i64) -> Vec<(ConnectionId, Request)> {
        let later = self.held.split_off(&(now_ms.saturating_add(1), 0));
        std::mem::replace(&mut self.held, later).into_values().collect()
    }

    /// Messages that arrive now, in their order.
    pub(super) fn take_late(&mut self, now_ms: i64) -> Vec<Effect> {
        let later = self.late.split_off(&(now_ms.saturating_add(1), 0));
        let due = std::mem::replace(&mut self.late, later);
        let mut effects: Vec<Effect> = due.into_values().map(|(to, response)| Effect::Send(to, response)).collect();
        let alone: Vec<ConnectionId> =
            self.swapped.iter().filter(|(_, (until, _))| *until <= now_ms).map(|(to, _)| *to).collect();
        for to in alone {
            effects.extend(self.swapped.remove(&to).map(|(_, response)| Effect::Send(to, response)));
        }
        effects
    }

    /// What the gateway must act on, in the order of the rules.
    pub(super) fn take_fired(&mut self) -> Vec<Fired> {
        std::mem::take(&mut self.fired)
    }

    /// When something is due next; `None` if nothing waits for a time.
    pub(super) fn wake_at(&self) -> Option<i64> {
        let rules = self.rules.iter().filter_map(Armed::wake_at).min();
        let held = self.held.keys().next().map(|(at, _)| *at);
        let late = self.late.keys().next().map(|(at, _)| *at);
        let swapped = self.swapped.values().map(|(at, _)| *at).min();
        [rules, held, late, swapped, self.standing.wake_at()].into_iter().flatten().min()
    }
}

/// The instrument an order message is about.
fn symbol_of(response: &Response) -> Option<&str> {
    let contract = match response {
        Response::OpenOrder(order) => order.contract.as_ref(),
        Response::ExecutionDetails(details) => details.contract.as_ref(),
        Response::Position(position) => position.contract.as_ref(),
        _ => None,
    };
    contract?.symbol.as_deref()
}
