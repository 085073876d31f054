//! Decides which request is sent next, and when the next one may be.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use super::{Class, Cost, HistoryCost, Ticket, queue::ClassQueue, window::Window};
use crate::{
    config,
    schema::{
        connection::LinkName,
        request::{market::Usage, status::QueueStatus},
    },
    tws::{Request, message::market_data::MarketDataTypeRequest},
};

/// Length of the window in which messages are counted.
const SECOND: Duration = Duration::from_secs(1);
/// Length of the window in which small-bar history is counted.
const TEN_MINUTES: Duration = Duration::from_secs(600);
/// Length of the windows in which small requests for the same contract, exchange and kind are counted,
/// and requests for bars of a minute and more.
const TWO_SECONDS: Duration = Duration::from_secs(2);
/// IB counts an identical small request within this time as a violation.
const IDENTICAL: Duration = Duration::from_secs(15);

/// What the gateway sends unless told otherwise: live data.
const LIVE_TYPE: i32 = 1;

/// Which links take messages now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinkGate {
    /// The trading link is logged in and its socket takes bytes.
    pub(crate) trading: bool,
    /// The data link is logged in and its socket takes bytes.
    pub(crate) data: bool,
}

impl LinkGate {
    fn is_open(self, link: LinkName) -> bool {
        match link {
            LinkName::Trading => self.trading,
            LinkName::Data => self.data,
        }
    }
}

/// A queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

/// The one way to the gateway.
#[derive(Debug)]
pub(crate) struct Scheduler {
    queues: [ClassQueue; Class::ALL.len()],
    queue_max: usize,
    /// Tickets that wait for their journal entry, by its receipt.
    held: BTreeMap<u64, Vec<Ticket>>,
    /// All messages of the login.
    messages: Window,
    /// Messages of the data link: what the trading link's share leaves.
    data_messages: Window,
    small_history: Window,
    same: FxHashMap<u64, Window>,
    same_max: u32,
    /// What the data link is set to; 1 after every login.
    market_data_type: i32,
    /// When each small request of the last seconds was sent.
    identical: FxHashMap<u64, Instant>,
    long_history: Window,
    /// Ids of the history requests that are open, and whether each is for bars of a minute and more.
    history_open: Vec<(i32, bool)>,
    history_open_max: u32,
    long_open_max: u32,
    slowed_until: Option<Instant>,
    violations: u64,
    wake_at: Option<Instant>,
    /// Nothing could be sent with these gates, and nothing has changed since.
    idle: Option<LinkGate>,
}

impl Scheduler {
    pub(crate) fn new(limits: &config::Pacing) -> Self {
        Self {
            queues: Default::default(),
            queue_max: limits.queue_max,
            held: BTreeMap::new(),
            messages: Window::new(limits.messages_per_second, SECOND),
            data_messages: Window::new(limits.messages_per_second - limits.trading_share, SECOND),
            small_history: Window::new(limits.history_10_min, TEN_MINUTES),
            same: FxHashMap::default(),
            same_max: limits.history_same_2_s,
            market_data_type: LIVE_TYPE,
            identical: FxHashMap::default(),
            long_history: Window::new(limits.history_long_2_s, TWO_SECONDS),
            history_open: Vec::new(),
            history_open_max: limits.history_open,
            long_open_max: limits.history_long_open,
            slowed_until: None,
            violations: 0,
            wake_at: None,
            idle: None,
        }
    }

    /// Queues a request. Cancels are never refused.
    pub(crate) fn submit(&mut self, ticket: Ticket) -> Result<(), QueueFull> {
        let queue_max = self.queue_max;
        let queue = self.queue(ticket.class);
        if queue.len() >= queue_max && ticket.class != Class::Cancel {
            return Err(QueueFull);
        }
        queue.push(ticket);
        self.idle = None;
        Ok(())
    }

    /// Keeps requests back until [`Self::release`]: all of them, or none. They take their places in the queue then.
    pub(crate) fn hold(&mut self, receipt: u64, tickets: Vec<Ticket>) -> Result<(), QueueFull> {
        let class = tickets.first().map_or(Class::Order, |ticket| ticket.class);
        let held = self.held.values().flatten().filter(|other| other.class == class).count();
        if self.queue(class).len() + held + tickets.len() > self.queue_max {
            return Err(QueueFull);
        }
        self.held.insert(receipt, tickets);
        Ok(())
    }

    /// Queues what was held under this receipt, or drops it.
    pub(crate) fn release(&mut self, receipt: u64, may_be_sent: bool) {
        self.idle = None;
        for ticket in self.held.remove(&receipt).filter(|_| may_be_sent).into_iter().flatten() {
            self.queue(ticket.class).push(ticket);
        }
    }

    /// Takes back a request that was not sent yet. False if it has been sent.
    pub(crate) fn withdraw(&mut self, id: i32) -> bool {
        let gone: usize = self.queues.iter_mut().map(|queue| queue.remove(|ticket| ticket.id == Some(id))).sum();
        let held: usize =
            self.held.values_mut().map(|held| held.extract_if(.., |ticket| ticket.id == Some(id)).count()).sum();
        self.idle = None;
        gone + held > 0
    }

    /// Forgets everything that waits for a link that went down, and the history open on it.
    pub(crate) fn on_link_down(&mut self, link: LinkName) {
        self.idle = None;
        for queue in &mut self.queues {
            queue.remove(|ticket| ticket.link == link);
        }
        self.held.values_mut().for_each(|held| held.retain(|ticket| ticket.link != link));
        if link == LinkName::Data {
            self.market_data_type = LIVE_TYPE;
            self.history_open.clear();
        }
    }

    /// A historical request has ended, one way or another.
    pub(crate) fn history_done(&mut self, id: i32) {
        let before = self.history_open.len();
        self.history_open.retain(|(open, _)| *open != id);
        if self.history_open.len() < before {
            self.idle = None;
        }
    }

    /// The gateway reported a pacing violation: hold history back for `wait`.
    pub(crate) fn on_violation(&mut self, now: Instant, wait: Duration) {
        self.violations += 1;
        self.idle = None;
        let until = now + wait;
        self.slowed_until = Some(self.slowed_until.map_or(until, |earlier| earlier.max(until)));
    }

    /// The next request that may be sent at `now`.
    pub(crate) fn next(&mut self, now: Instant, gate: LinkGate) -> Option<Ticket> {
        if self.idle == Some(gate) && self.wake_at.is_none_or(|at| at > now) {
            return None;
        }
        self.wake_at = None;
        self.idle = None;
        let long_open = count(self.history_open.iter().filter(|(_, is_long)| *is_long).count());
        for class in Class::ALL {
            let mut limits = Limits {
                now,
                gate,
                messages: &mut self.messages,
                data_messages: &mut self.data_messages,
                small_history: &mut self.small_history,
                same: &mut self.same,
                market_data_type: self.market_data_type,
                identical: &self.identical,
                long_history: &mut self.long_history,
                open_left: self.history_open_max.saturating_sub(count(self.history_open.len())),
                long_left: self.long_open_max.saturating_sub(long_open),
                slowed_until: self.slowed_until,
                wake_at: &mut self.wake_at,
            };
            let Some(queue) = self.queues.get_mut(class as usize) else { continue };
            if let Some(mut ticket) = queue.pop_if(|ticket| limits.admit(ticket)) {
                queue.sent += 1;
                queue.longest_wait = queue.longest_wait.max(now.saturating_duration_since(ticket.queued_at));
                self.charge(now, &ticket);
                ticket.before = self.switch(&ticket);
                return Some(ticket);
            }
        }
        self.idle = Some(gate);
        None
    }

    /// When [`Self::next`] may have something again, if nothing changes before.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.wake_at
    }

    /// When the last of these units of history could be sent, if `ahead` units go before them and
    /// nothing else does.
    pub(crate) fn history_sent_by(&mut self, now: Instant, small: bool, ahead: u32, units: u32) -> Instant {
        let window = if small { &mut self.small_history } else { &mut self.long_history };
        let sent = window.sent_by(now, ahead.saturating_add(units));
        sent.max(self.slowed_until.unwrap_or(now))
    }

    /// History units that fit into one window, and its length.
    pub(crate) fn history_window(&self, small: bool) -> (u32, Duration) {
        if small { (self.small_history.max(), TEN_MINUTES) } else { (self.long_history.max(), TWO_SECONDS) }
    }

    /// Small units for one contract, exchange and kind in two seconds.
    pub(crate) fn same_window(&self) -> (u32, Duration) {
        (self.same_max, TWO_SECONDS)
    }

    /// Cost of the history requests that wait, by client; a client may come more than once.
    pub(crate) fn history_waiting(&self, small: bool) -> impl Iterator<Item = (Option<&CompactString>, u32)> {
        self.queues.iter().flat_map(move |queue| queue.history_waiting(small))
    }

    /// History is held back until this moment, after a violation; in the past if it is not.
    pub(crate) fn slowed_until(&self) -> Option<Instant> {
        self.slowed_until
    }

    /// The market data type is a setting of the link that counts for the requests after it.
    fn switch(&mut self, ticket: &Ticket) -> Option<Request> {
        let Cost::MarketData { market_data_type } = ticket.cost else { return None };
        let is_change = market_data_type != self.market_data_type;
        self.market_data_type = market_data_type;
        let market_data_type = Some(market_data_type);
        is_change.then_some(Request::MarketDataTypeRequest(MarketDataTypeRequest { market_data_type }))
    }

    fn charge(&mut self, now: Instant, ticket: &Ticket) {
        let messages = messages(ticket, self.market_data_type);
        self.messages.take(now, messages);
        if ticket.link == LinkName::Data {
            self.data_messages.take(now, messages);
        }
        match ticket.cost {
            Cost::Message | Cost::MarketData { .. } => {}
            Cost::RealTimeBars => self.small_history.take(now, 1),
            Cost::History(HistoryCost { weight, small, same, identity }) => {
                if small {
                    self.small_history.take(now, weight);
                    self.same.retain(|_, window| window.used(now) > 0);
                    let window = || Window::new(self.same_max, TWO_SECONDS);
                    self.same.entry(same).or_insert_with(window).take(now, weight);
                    self.identical.retain(|_, at| *at + IDENTICAL > now);
                    self.identical.insert(identity, now);
                } else {
                    self.long_history.take(now, weight);
                }
                self.history_open.extend(ticket.id.map(|id| (id, !small)));
            }
        }
    }

    pub(super) fn queue(&mut self, class: Class) -> &mut ClassQueue {
        // The array has one queue for each class.
        let index = (class as usize).min(Class::ALL.len() - 1);
        #[expect(clippy::indexing_slicing, reason = "the index is bounded by the line above")]
        &mut self.queues[index]
    }

    /// Messages in the last second.
    pub(crate) fn message_usage(&mut self, now: Instant) -> Usage {
        Usage { used: self.messages.used(now), max: self.messages.max() }
    }

    /// Cost of small-bar history in the last ten minutes.
    pub(crate) fn history_usage(&mut self, now: Instant) -> Usage {
        Usage { used: self.small_history.used(now), max: self.small_history.max() }
    }

    /// History requests open now.
    pub(crate) fn open_usage(&self) -> Usage {
        Usage { used: count(self.history_open.len()), max: self.history_open_max }
    }

    /// Pacing violations reported by the gateway.
    pub(crate) fn violations(&self) -> u64 {
        self.violations
    }

    /// The queues, most urgent first.
    pub(crate) fn queue_status(&self) -> Vec<QueueStatus> {
        let status = |(class, queue): (Class, &ClassQueue)| QueueStatus {
            class: class.name().to_owned(),
            waiting: count(queue.len()),
            sent: queue.sent,
            longest_wait_ms: u64::try_from(queue.longest_wait.as_millis()).unwrap_or(u64::MAX),
        };
        Class::ALL.into_iter().zip(&self.queues).map(status).collect()
    }
}

/// How many messages a ticket is while the link is set to this type.
fn messages(ticket: &Ticket, market_data_type: i32) -> u32 {
    match ticket.cost {
        Cost::MarketData { market_data_type: wanted } if wanted != market_data_type => 2,
        _ => 1,
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// The limits at one moment, and when the nearest of those that refuse will yield.
struct Limits<'a> {
    now: Instant,
    gate: LinkGate,
    messages: &'a mut Window,
    data_messages: &'a mut Window,
    small_history: &'a mut Window,
    same: &'a mut FxHashMap<u64, Window>,
    market_data_type: i32,
    identical: &'a FxHashMap<u64, Instant>,
    long_history: &'a mut Window,
    open_left: u32,
    long_left: u32,
    slowed_until: Option<Instant>,
    wake_at: &'a mut Option<Instant>,
}

impl Limits<'_> {
    fn admit(&mut self, ticket: &Ticket) -> bool {
        if !self.gate.is_open(ticket.link) {
            return false;
        }
        let verdict = self.check(ticket);
        if let Err(Some(at)) = verdict {
            *self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
        }
        verdict.is_ok()
    }

    /// `Err(None)` = wait for something to end, `Err(Some(at))` = wait for that moment.
    fn check(&mut self, ticket: &Ticket) -> Result<(), Option<Instant>> {
        let messages = messages(ticket, self.market_data_type);
        self.messages.check(self.now, messages)?;
        if ticket.link == LinkName::Data && ticket.class != Class::Cancel {
            self.data_messages.check(self.now, messages)?;
        }
        match ticket.cost {
            Cost::Message | Cost::MarketData { .. } => Ok(()),
            Cost::RealTimeBars => {
                self.not_slowed()?;
                Ok(self.small_history.check(self.now, 1)?)
            }
            Cost::History(HistoryCost { weight, small, same, identity }) => {
                self.not_slowed()?;
                if self.open_left == 0 {
                    return Err(None);
                }
                if !small {
                    return if self.long_left == 0 {
                        Err(None)
                    } else {
                        Ok(self.long_history.check(self.now, weight)?)
                    };
                }
                self.small_history.check(self.now, weight)?;
                if let Some(window) = self.same.get_mut(&same) {
                    window.check(self.now, weight)?;
                }
                match self.identical.get(&identity) {
                    Some(at) if *at + IDENTICAL > self.now => Err(Some(*at + IDENTICAL)),
                    _ => Ok(()),
                }
            }
        }
    }

    fn not_slowed(&self) -> Result<(), Option<Instant>> {
        match self.slowed_until {
            Some(until) if until > self.now => Err(Some(until)),
            _ => Ok(()),
        }
    }
}
