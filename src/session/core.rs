//! What every part of the session shares: outputs, ids, deadlines, pacing.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Instant,
};

use rustc_hash::FxHashMap;

pub(crate) use super::errand::Errand;
use super::{
    Answer, CacheItem, Command, Event, Listing, Now, Outcome, Part, Token,
    breaker::Breakers,
    calendar::Calendar,
    cancelled::Cancelled,
    durable::{Claim, Entry, Fact, Troubles},
    in_flight::InFlight,
    own::OwnAsks,
    pacing::{Class, Frames, Scheduler, Ticket},
    risk::{Risk, RiskMemory, audit::Audit},
    stages::Stages,
    time::{TradingHours, UnknownZones, Zone, moment, zone_name},
};
use crate::{
    config::Config,
    schema::{
        ApiError, ErrorCode, Instrument,
        connection::LinkName,
        request::{
            gateway::GatewayCommand,
            status::{Counters, JournalStatus},
        },
    },
    tws::message::contract::Contract,
};

/// Request ids start here, far above any order id, since gateway errors use one field for both.
const REQUEST_ID_FIRST: i32 = 1_500_000_000;

/// Different instruments one run may use.
const LISTINGS_MAX: usize = 100_000;

/// What the driver is to do. Outputs are taken in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Open a socket for this link; report it with `on_opened` or `on_closed`.
    Dial {
        /// Which link.
        link: LinkName,
        /// Number of the socket, to be given back.
        generation: u64,
    },
    /// Write these frames to the link's socket.
    Send {
        /// Which link.
        link: LinkName,
        /// One or more whole frames.
        frames: Frames,
    },
    /// Close the link's socket. No `on_closed` is expected.
    Close {
        /// Which link.
        link: LinkName,
    },
    /// The gateway listens on another port from now on: dial that.
    Port(u16),
    /// Somebody has this client id of the data link: say `use_data_id` if another one of its range is known to be free.
    DataIdInUse(i32),
    /// Send this to the program that runs the gateway; say `on_gateway_command` with the number when it answered.
    CommandGateway {
        /// To be given back.
        number: u64,
        /// What is wanted of it.
        command: GatewayCommand,
    },
    /// Keep this over restarts, in place of what was kept before.
    KeepRisk(Box<RiskMemory>),
    /// Publish.
    Event(Event),
    /// Write down; publish what it tells once it is written.
    Journal(Entry),
    /// Keep on the disk, or forget there. Nothing waits for it.
    Cache(CacheItem),
    /// Pass a piece of a long answer to the caller who waits on this token, and say
    /// `on_part_taken` when there is room for another.
    Part {
        /// Who waits.
        token: Token,
        /// The piece.
        part: Part,
    },
    /// Answer the caller who waits on this token.
    Reply {
        /// Who waits.
        token: Token,
        /// The answer.
        outcome: Outcome,
    },
}

/// Part of the session that a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The link itself (probes).
    Link(LinkName),
    Contracts,
    Market,
    History,
    Orders,
    Account,
    Services,
}

/// What every part of the session shares.
#[expect(clippy::struct_excessive_bools, reason = "facts that change one by one")]
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) now: Now,
    pub(crate) config: Arc<Config>,
    pub(crate) pacing: Scheduler,
    pub(crate) risk: Risk,
    pub(crate) breakers: Breakers,
    audit: Audit,
    pub(crate) counters: Counters,
    /// True while the kept lane of the outbox is backed up: take no new orders.
    pub(crate) congested: bool,
    /// Why orders cannot be written down or told of.
    pub(crate) troubles: Troubles,
    /// How the journal is doing.
    pub(crate) journal: JournalStatus,
    /// True while the gateway has no link to IB: it may leave requests unanswered or answer falsely.
    pub(crate) ib_lost: bool,
    /// True while a market data farm is broken: which streams come from it is unknown.
    pub(crate) market_farms_down: bool,
    /// Links that come and go now are no failures: the gateway or IB is known to be away.
    pub(crate) is_maintained: bool,
    /// IB's tokens have just ended: the gateway's next login needs a person.
    pub(crate) are_tokens_ended: bool,
    /// Until when history is held, for people, and what for.
    pub(crate) history_hold: Option<(Instant, &'static str)>,
    /// True while a farm of past data is broken.
    pub(crate) history_farms_down: bool,
    /// The data link is to be asked whether it is alive.
    pub(crate) wants_probe: bool,
    /// Why the data link is to be built anew.
    pub(crate) rebuild_data_link: Option<String>,
    /// When the contracts in use trade.
    pub(crate) trading_hours: TradingHours,
    pub(super) cancelled: Cancelled,
    unknown_zones: UnknownZones,
    outputs: VecDeque<Output>,
    own_replies: VecDeque<(Token, Outcome)>,
    next_receipt: u64,
    next_req_id: i32,
    pub(super) in_flight: FxHashMap<i32, InFlight>,
    pub(super) deadlines: BTreeMap<(Instant, i32), Owner>,
    callers: FxHashMap<Token, Instant>,
    caller_deadlines: BTreeSet<(Instant, Token)>,
    /// Parts sent to a caller and not taken yet.
    pub(super) untaken: FxHashMap<Token, usize>,
    listings: FxHashMap<(i32, String), Arc<Listing>>,
    multipliers: FxHashMap<i32, f64>,
    pub(super) own_asks: OwnAsks,
    pub(super) calendars: FxHashMap<i32, Arc<Calendar>>,
    pub(super) stages: Stages,
}

impl Core {
    pub(crate) fn new(config: Arc<Config>, now: Now) -> Self {
        Self {
            now,
            pacing: Scheduler::new(&config.pacing),
            risk: Risk::new(Arc::clone(&config)),
            breakers: Breakers::new(config.breaker.clone()),
            audit: Audit::default(),
            config,
            counters: Counters::default(),
            congested: false,
            troubles: Troubles::default(),
            journal: JournalStatus::default(),
            ib_lost: false,
            market_farms_down: false,
            is_maintained: false,
            are_tokens_ended: false,
            history_hold: None,
            history_farms_down: false,
            wants_probe: false,
            rebuild_data_link: None,
            trading_hours: TradingHours::default(),
            cancelled: Cancelled::default(),
            unknown_zones: UnknownZones::default(),
            outputs: VecDeque::new(),
            own_replies: VecDeque::new(),
            next_receipt: 0,
            next_req_id: REQUEST_ID_FIRST,
            in_flight: FxHashMap::default(),
            deadlines: BTreeMap::new(),
            callers: FxHashMap::default(),
            caller_deadlines: BTreeSet::new(),
            untaken: FxHashMap::default(),
            listings: FxHashMap::default(),
            multipliers: FxHashMap::default(),
            own_asks: OwnAsks::default(),
            calendars: FxHashMap::default(),
            stages: Stages::default(),
        }
    }

    // Outputs.

    pub(crate) fn emit(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Writes something down that nothing waits for.
    pub(crate) fn journal(&mut self, fact: Fact) {
        self.outputs.push_back(Output::Journal(Entry { at_us: self.now.us, receipt: None, fact }));
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    // Times.

    /// The zone with this name. One that is unknown is told once; `what` says whose times are left out.
    pub(crate) fn zone(&mut self, link: LinkName, name: &str, what: &str) -> Option<Zone> {
        let zone = Zone::named(name);
        if zone.is_none()
            && let Some(notice) = self.unknown_zones.meet(self.now.us, link, name, what)
        {
            self.emit(Event::Notice(notice));
        }
        zone
    }

    /// A time as the gateway writes it, in microseconds since the epoch. As [`Self::zone`] if its zone
    /// is unknown.
    pub(crate) fn moment(&mut self, link: LinkName, text: &str, what: &str) -> Option<i64> {
        let us = moment(text);
        let name = zone_name(text);
        if us.is_none() && !name.is_empty() {
            self.zone(link, name, what);
        }
        us
    }

    /// Hours of a contract that cannot be read are told once.
    pub(crate) fn tell_strange_hours(&mut self, con_id: i32, text: &str) {
        if let Some(notice) = self.unknown_zones.meet_hours(self.now.us, con_id, text) {
            self.emit(Event::Notice(notice));
        }
    }

    // Callers.

    pub(crate) fn admit_caller(&mut self, token: Token, deadline: Instant) {
        self.callers.insert(token, deadline);
        self.caller_deadlines.insert((deadline, token));
    }

    /// A request that may change orders came in: how it is decided will be told.
    pub(crate) fn begin_audit(&mut self, command: &Command) {
        self.audit.begin(command);
    }

    /// The request was carried out; its answer may come much later.
    pub(crate) fn accept(&mut self, token: Token) {
        if let Some(event) = self.audit.accept(token, self.now.us) {
            self.emit(Event::Audit(Box::new(event)));
        }
    }

    /// When the last of these callers gives up; `None` if none waits.
    pub(crate) fn last_deadline<'a>(&self, callers: impl IntoIterator<Item = &'a Token>) -> Option<Instant> {
        callers.into_iter().filter_map(|token| self.callers.get(token)).max().copied()
    }

    /// One more caller waits for a request: it may be sent as long as that one waits.
    pub(crate) fn join(&mut self, req_id: i32, caller: Token) {
        if let Some(deadline) = self.callers.get(&caller) {
            self.pacing.extend(req_id, *deadline);
        }
    }

    /// True while the caller still waits.
    pub(crate) fn is_waiting(&self, token: Token) -> bool {
        self.callers.contains_key(&token)
    }

    /// Answers a caller, once; a second answer is ignored.
    pub(crate) fn reply(&mut self, token: Token, outcome: Outcome) {
        self.untaken.remove(&token);
        if let Some(deadline) = self.callers.remove(&token) {
            self.caller_deadlines.remove(&(deadline, token));
            if let Some(event) = self.audit.end(token, self.now.us, &outcome) {
                self.emit(Event::Audit(Box::new(event)));
            }
            if token.is_own() {
                self.own_replies.push_back((token, outcome));
            } else {
                self.outputs.push_back(Output::Reply { token, outcome });
            }
        }
    }

    /// The next reply to a request the session made of itself.
    pub(crate) fn next_own_reply(&mut self) -> Option<(Token, Outcome)> {
        self.own_replies.pop_front()
    }

    pub(crate) fn answer(&mut self, token: Token, answer: Answer) {
        self.reply(token, Ok(answer));
    }

    pub(crate) fn refuse(&mut self, token: Token, error: ApiError) {
        self.reply(token, Err(error));
    }

    /// True if [`Self::overdue_callers`] has some.
    pub(crate) fn has_overdue_callers(&self) -> bool {
        self.caller_deadlines.first().is_some_and(|(at, _)| *at <= self.now.at)
    }

    /// Takes the callers whose deadline has passed. They are still waiting for their reply.
    pub(crate) fn overdue_callers(&mut self) -> Vec<Token> {
        let now = self.now.at;
        let overdue: Vec<_> = self.caller_deadlines.iter().take_while(|(at, _)| *at <= now).copied().collect();
        for key in &overdue {
            self.caller_deadlines.remove(key);
        }
        overdue.into_iter().map(|(_, token)| token).collect()
    }

    pub(crate) fn measure(&self, sizes: &mut BTreeMap<&'static str, usize>) {
        sizes.extend([
            ("callers", self.callers.len()),
            ("caller_deadlines", self.caller_deadlines.len()),
            ("requests_in_flight", self.in_flight.len()),
            ("request_deadlines", self.deadlines.len()),
            ("answers_untaken", self.untaken.len()),
            ("outputs", self.outputs.len()),
            ("own_asks", self.own_asks.len() + self.own_replies.len()),
            ("audits_begun", self.audit.len()),
            ("requests_traced", self.stages.len()),
            ("ids_cancelled", self.cancelled.len()),
            ("breakers", self.breakers.len()),
            ("order_rates", self.risk.rates()),
            ("history_open", usize::try_from(self.pacing.open_usage().used).unwrap_or(usize::MAX)),
        ]);
        self.pacing.measure(sizes);
        for queue in self.pacing.queue_status(self.now.at) {
            *sizes.entry("requests_paced").or_default() += usize::try_from(queue.waiting).unwrap_or(usize::MAX);
        }
    }

    // Upstream requests.

    /// An id no other request of this run has had.
    pub(crate) fn new_req_id(&mut self) -> i32 {
        let id = self.next_req_id;
        self.next_req_id = self.next_req_id.checked_add(1).unwrap_or(REQUEST_ID_FIRST);
        id
    }

    /// True for ids this session gave to data requests, false for order ids.
    pub(crate) fn is_req_id(id: i32) -> bool {
        id >= REQUEST_ID_FIRST
    }

    /// Queues a request of `owner`.
    ///
    /// # Errors
    ///
    /// `busy` if the class's queue is full or the gateway does not answer such requests, `pacing_limited` if the
    /// errand's deadline would have passed when its turn comes.
    pub(crate) fn submit(&mut self, owner: Owner, errand: Errand) -> Result<(), ApiError> {
        let (class, kind) = (errand.class, errand.request.name());
        if Breakers::watches(class) {
            self.breakers.check(self.now.at, kind)?;
        }
        let ticket = self.ticket(owner, errand);
        self.pacing.submit(ticket).map_err(|refused| refused.to_error(class))?;
        if Breakers::watches(class) {
            // Only what waits to be sent can be the trial.
            let news = self.breakers.begin_trial(self.now.at, kind);
            self.tell_breaker(news);
        }
        Ok(())
    }

    /// Queues requests of one class once all `facts` are on the disk; gives the receipt that will tell.
    ///
    /// # Errors
    ///
    /// `busy` if the class's queue is full: nothing is written either.
    pub(crate) fn submit_journaled(
        &mut self,
        owner: Owner,
        errands: Vec<Errand>,
        facts: Vec<Fact>,
    ) -> Result<u64, ApiError> {
        let tickets: Vec<Ticket> = errands.into_iter().map(|errand| self.ticket(owner, errand)).collect();
        let class = tickets.first().map_or(Class::Order, |ticket| ticket.class);
        self.pacing.hold(self.next_receipt + 1, tickets).map_err(|refused| refused.to_error(class))?;
        self.next_receipt += 1;
        let keys: Vec<_> = facts.iter().filter_map(Fact::new_key).collect();
        if !keys.is_empty() || facts.len() > 1 {
            let claim = Claim { keys, receipt: self.next_receipt, entries: facts.len() };
            self.outputs.push_back(Output::Journal(Entry {
                at_us: self.now.us,
                receipt: None,
                fact: Fact::Claim(claim),
            }));
        }
        // Entries are written in their order: the last one speaks for all.
        let last = facts.len().saturating_sub(1);
        for (place, fact) in facts.into_iter().enumerate() {
            let receipt = (place == last).then_some(self.next_receipt);
            self.outputs.push_back(Output::Journal(Entry { at_us: self.now.us, receipt, fact }));
        }
        Ok(self.next_receipt)
    }

    fn ticket(&mut self, owner: Owner, errand: Errand) -> Ticket {
        let ticket = Ticket {
            link: errand.link,
            class: errand.class,
            client: errand.client,
            id: errand.id,
            owner,
            cost: errand.cost,
            request: errand.request,
            before: None,
            answer_within: errand.answer_within,
            deadline: errand.deadline,
            queued_at: self.now.at,
        };
        self.stages.on_queued(&ticket);
        ticket
    }

    /// The next moment at which something is due.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let answers = self.deadlines.keys().next().map(|(at, _)| *at);
        let callers = self.caller_deadlines.first().map(|(at, _)| *at);
        [answers, callers, self.pacing.wake_at(), self.risk.wake_at()].into_iter().flatten().min()
    }

    // Instruments.

    /// The one listing of this instrument.
    ///
    /// # Errors
    ///
    /// `too_large` if the run has used as many instruments as it may: slots are never given back.
    pub(crate) fn listing(&mut self, instrument: Instrument, contract: Contract) -> Result<Arc<Listing>, ApiError> {
        let slot = self.listings.len();
        // A combo has no id: its name, made of its legs, tells it from others.
        let name = if instrument.con_id == 0 { instrument.local_symbol.as_str() } else { "" };
        let key = (instrument.con_id, [instrument.exchange.as_str(), &instrument.currency, name].join(" "));
        if slot >= LISTINGS_MAX && !self.listings.contains_key(&key) {
            let message = format!(
                "this run has used {LISTINGS_MAX} different instruments, the most it can hold; restart the bridge"
            );
            return Err(ApiError::new(ErrorCode::TooLarge, message));
        }
        Ok(Arc::clone(self.listings.entry(key).or_insert_with(|| Arc::new(Listing { slot, instrument, contract }))))
    }

    /// What a price of this contract is multiplied with; `None` if this run has not looked the contract up.
    pub(crate) fn multiplier_of(&self, con_id: i32) -> Option<f64> {
        self.multipliers.get(&con_id).copied()
    }

    /// A contract was looked up.
    pub(crate) fn learn_multiplier(&mut self, con_id: i32, multiplier: f64) {
        if self.multipliers.len() < LISTINGS_MAX || self.multipliers.contains_key(&con_id) {
            self.multipliers.insert(con_id, multiplier);
        }
    }
}
