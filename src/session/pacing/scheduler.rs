//! Decides which request is sent next, and when the next one may be.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;

use super::{Class, Cost, Ticket, queue::ClassQueue, window::Window};
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
/// Length of the window in which requests for the same contract, exchange and kind are counted.
const SAME_WINDOW: Duration = Duration::from_secs(2);

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
    history_open: Vec<i32>,
    history_open_max: u32,
    slowed_until: Option<Instant>,
    violations: u64,
    wake_at: Option<Instant>,
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
            history_open: Vec::new(),
            history_open_max: limits.history_open,
            slowed_until: None,
            violations: 0,
            wake_at: None,
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
        for ticket in self.held.remove(&receipt).filter(|_| may_be_sent).into_iter().flatten() {
            self.queue(ticket.class).push(ticket);
        }
    }

    /// Takes back a request that was not sent yet. False if it has been sent.
    pub(crate) fn withdraw(&mut self, id: i32) -> bool {
        let gone: usize = self.queues.iter_mut().map(|queue| queue.remove(|ticket| ticket.id == Some(id))).sum();
        let held: usize =
            self.held.values_mut().map(|held| held.extract_if(.., |ticket| ticket.id == Some(id)).count()).sum();
        gone + held > 0
    }

    /// Forgets everything that waits for a link that went down, and the history open on it.
    pub(crate) fn on_link_down(&mut self, link: LinkName) {
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
        self.history_open.retain(|open| *open != id);
    }

    /// The gateway reported a pacing violation: hold history back for `wait`.
    pub(crate) fn on_violation(&mut self, now: Instant, wait: Duration) {
        self.violations += 1;
        let until = now + wait;
        self.slowed_until = Some(self.slowed_until.map_or(until, |earlier| earlier.max(until)));
    }

    /// The next request that may be sent at `now`.
    pub(crate) fn next(&mut self, now: Instant, gate: LinkGate) -> Option<Ticket> {
        self.wake_at = None;
        for class in Class::ALL {
            let mut limits = Limits {
                now,
                gate,
                messages: &mut self.messages,
                data_messages: &mut self.data_messages,
                small_history: &mut self.small_history,
                same: &mut self.same,
                market_data_type: self.market_data_type,
                open_left: self.history_open_max.saturating_sub(count(self.history_open.len())),
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
        None
    }

    /// When [`Self::next`] may have something again, if nothing changes before.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.wake_at
    }

    /// Earliest moment at which a history request of this cost could be sent, ignoring the queue.
    pub(crate) fn earliest_history(&mut self, now: Instant, weight: u32) -> Instant {
        let slowed = self.slowed_until.unwrap_or(now).max(now);
        self.small_history.check(slowed, weight).err().unwrap_or(slowed)
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
            Cost::History { weight, small, same } => {
                if small {
                    self.small_history.take(now, weight);
                }
                self.same.retain(|_, window| window.used(now) > 0);
                self.same.entry(same).or_insert_with(|| Window::new(self.same_max, SAME_WINDOW)).take(now, weight);
                self.history_open.extend(ticket.id);
            }
        }
    }

    fn queue(&mut self, class: Class) -> &mut ClassQueue {
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
    open_left: u32,
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
            Cost::History { weight, small, same } => {
                self.not_slowed()?;
                if self.open_left == 0 {
                    return Err(None);
                }
                if small {
                    self.small_history.check(self.now, weight)?;
                }
                if let Some(window) = self.same.get_mut(&same) {
                    window.check(self.now, weight)?;
                }
                Ok(())
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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
mod tests {
    use super::*;
    use crate::{
        session::core::Owner,
        tws::{Request, message::login::CurrentTimeRequest},
    };

    struct Rig {
        start: Instant,
        scheduler: Scheduler,
        next_id: i32,
    }

    const OPEN: LinkGate = LinkGate { trading: true, data: true };

    impl Rig {
        fn new(limits: &config::Pacing) -> Self {
            Self { start: Instant::now(), scheduler: Scheduler::new(limits), next_id: 0 }
        }

        fn at(&self, ms: u64) -> Instant {
            self.start + Duration::from_millis(ms)
        }

        fn submit(&mut self, class: Class, client: &str, cost: Cost) -> i32 {
            self.next_id += 1;
            let link = if class <= Class::Account { LinkName::Trading } else { LinkName::Data };
            let ticket = Ticket {
                link,
                class,
                client: (!client.is_empty()).then(|| client.into()),
                id: Some(self.next_id),
                owner: Owner::History,
                cost,
                request: Request::CurrentTimeRequest(CurrentTimeRequest {}),
                before: None,
                answer_within: None,
                queued_at: self.start,
            };
            self.scheduler.submit(ticket).expect("room");
            self.next_id
        }

        /// Ids sent at this moment, in order.
        fn sent(&mut self, ms: u64) -> Vec<i32> {
            let now = self.at(ms);
            std::iter::from_fn(|| self.scheduler.next(now, OPEN)).filter_map(|ticket| ticket.id).collect()
        }
    }

    fn history(same: u64, weight: u32) -> Cost {
        Cost::History { weight, small: true, same }
    }

    #[test]
    fn urgent_classes_go_first() {
        let mut rig = Rig::new(&config::Pacing::default());
        let bulk = rig.submit(Class::Bulk, "", Cost::Message);
        let order = rig.submit(Class::Order, "", Cost::Message);
        let cancel = rig.submit(Class::Cancel, "", Cost::Message);
        assert_eq!(rig.sent(0), [cancel, order, bulk]);
    }

    #[test]
    fn clients_of_one_class_take_turns() {
        let mut rig = Rig::new(&config::Pacing::default());
        let greedy: Vec<i32> = (0..3).map(|_| rig.submit(Class::Interactive, "greedy", Cost::Message)).collect();
        let modest = rig.submit(Class::Interactive, "modest", Cost::Message);
        assert_eq!(rig.sent(0), [greedy[0], modest, greedy[1], greedy[2]]);
    }

    #[test]
    fn data_requests_leave_the_trading_share_free() {
        let limits = config::Pacing { messages_per_second: 5, trading_share: 2, ..config::Pacing::default() };
        let mut rig = Rig::new(&limits);
        for _ in 0..5 {
            rig.submit(Class::Live, "", Cost::Message);
        }
        assert_eq!(rig.sent(0).len(), 3);
        for _ in 0..3 {
            rig.submit(Class::Order, "", Cost::Message);
        }
        assert_eq!(rig.sent(1).len(), 2);
        assert_eq!(rig.scheduler.wake_at(), Some(rig.at(1_000)));
        assert_eq!(rig.sent(1_000).len(), 3);
    }

    #[test]
    fn bid_ask_counts_twice_and_the_ten_minutes_slide() {
        let limits = config::Pacing { history_10_min: 4, ..config::Pacing::default() };
        let mut rig = Rig::new(&limits);
        for same in 0..3 {
            rig.submit(Class::History, "", history(same, 2));
        }
        assert_eq!(rig.sent(0).len(), 2);
        assert_eq!(rig.scheduler.wake_at(), Some(rig.at(600_000)));
        assert_eq!(rig.sent(599_999).len(), 0);
        assert_eq!(rig.sent(600_000).len(), 1);
    }

    #[test]
    fn the_same_contract_and_kind_waits_two_seconds_while_others_pass() {
        let limits = config::Pacing { history_same_2_s: 2, ..config::Pacing::default() };
        let mut rig = Rig::new(&limits);
        let first: Vec<i32> = (0..3).map(|_| rig.submit(Class::History, "a", history(7, 1))).collect();
        let other = rig.submit(Class::History, "b", history(8, 1));
        assert_eq!(rig.sent(0), [first[0], other, first[1]]);
        assert_eq!(rig.sent(1_999).len(), 0);
        assert_eq!(rig.sent(2_000), [first[2]]);
    }

    #[test]
    fn open_history_is_bounded_until_it_ends() {
        let limits = config::Pacing { history_open: 1, ..config::Pacing::default() };
        let mut rig = Rig::new(&limits);
        let first = rig.submit(Class::History, "", history(1, 1));
        let second = rig.submit(Class::History, "", history(2, 1));
        assert_eq!(rig.sent(0), [first]);
        rig.scheduler.history_done(first);
        assert_eq!(rig.sent(1), [second]);
    }

    #[test]
    fn a_violation_slows_history_and_nothing_else() {
        let mut rig = Rig::new(&config::Pacing::default());
        let now = rig.at(0);
        rig.scheduler.on_violation(now, Duration::from_secs(60));
        let history = rig.submit(Class::History, "", history(1, 1));
        let live = rig.submit(Class::Live, "", Cost::Message);
        assert_eq!(rig.sent(0), [live]);
        assert_eq!(rig.sent(60_000), [history]);
    }

    #[test]
    fn a_full_class_refuses_but_never_a_cancel() {
        let limits = config::Pacing { queue_max: 1, ..config::Pacing::default() };
        let mut rig = Rig::new(&limits);
        rig.submit(Class::Cancel, "", Cost::Message);
        rig.submit(Class::Cancel, "", Cost::Message);
        let id = rig.submit(Class::Live, "", Cost::Message);
        let mut again = rig.scheduler.queue(Class::Live).pop_if(|_| true).expect("queued");
        rig.scheduler.submit(again.clone()).expect("room");
        again.id = Some(id + 1);
        assert_eq!(rig.scheduler.submit(again), Err(QueueFull));
        assert!(rig.scheduler.withdraw(id));
        assert!(!rig.scheduler.withdraw(id));
    }
}
