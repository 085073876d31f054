//! Decides which request is sent next, and when the next one may be.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;

use super::{
    Class, Cleared, Cost, Frames, Refused, Ticket,
    fair::{Client, FairQueue, Serial, Verdict},
    history_budget::HistoryBudget,
    messages::Messages,
    tally::Tally,
    ticket::Pool,
};
use crate::{
    config,
    schema::connection::LinkName,
    session::Now,
    tws::{Request, message::market_data::MarketDataTypeRequest},
};

/// What the gateway sends unless told otherwise: live data.
const LIVE_TYPE: i32 = 1;

/// Which links take messages now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinkGate {
    /// The trading link is logged in and its socket takes bytes.
    pub(crate) trading: bool,
    /// The data link is logged in and its socket takes bytes.
    pub(crate) data: bool,
    /// History may be asked for: neither IB nor the gateway is known to be away.
    pub(crate) history: bool,
}

impl LinkGate {
    fn is_open(self, link: LinkName) -> bool {
        match link {
            LinkName::Trading => self.trading,
            LinkName::Data => self.data,
        }
    }
}

/// The one way to the gateway.
#[derive(Debug)]
pub(crate) struct Scheduler {
    pub(super) queues: Box<[[FairQueue; Pool::COUNT]; Class::COUNT]>,
    /// All that waits in the queues, by the order of arrival.
    pub(super) tickets: FxHashMap<Serial, Ticket>,
    serials: Serial,
    by_id: FxHashMap<i32, Vec<Serial>>,
    expiries: BTreeSet<(Instant, Serial)>,
    pub(super) queue_max: usize,
    pub(super) client_max: usize,
    /// Tickets that wait for their journal entry, by its receipt.
    held: BTreeMap<u64, Vec<Ticket>>,
    held_counts: [usize; Class::COUNT],
    pub(super) messages: Messages,
    pub(super) history: HistoryBudget,
    pub(super) tally: Box<Tally>,
    /// What the data link is set to; 1 after every login.
    market_data_type: i32,
    wake_at: Option<Instant>,
    /// Nothing could be sent with these gates, and nothing has changed since.
    idle: Option<LinkGate>,
}

impl Scheduler {
    pub(crate) fn new(limits: &config::Pacing) -> Self {
        Self {
            queues: Box::default(),
            tickets: FxHashMap::default(),
            serials: 0,
            by_id: FxHashMap::default(),
            expiries: BTreeSet::new(),
            queue_max: limits.queue_max,
            client_max: limits.client_requests,
            held: BTreeMap::new(),
            held_counts: [0; Class::COUNT],
            messages: Messages::new(limits),
            history: HistoryBudget::new(limits),
            tally: Box::default(),
            market_data_type: LIVE_TYPE,
            wake_at: None,
            idle: None,
        }
    }

    /// Takes up other limits. What waits goes on waiting, by the new ones.
    pub(crate) fn set_limits(&mut self, limits: &config::Pacing) {
        (self.queue_max, self.client_max) = (limits.queue_max, limits.client_requests);
        self.messages.set_limits(limits);
        self.history.set_limits(limits);
        self.wake();
    }

    /// Queues a request. Cancels are never refused.
    ///
    /// # Errors
    ///
    /// The class's queue or the client's part of it is full, or the request could not be sent in time.
    pub(crate) fn submit(&mut self, ticket: Ticket) -> Result<(), Refused> {
        if let Err(refused) = self.admit(&ticket, 1) {
            self.tally.refused(ticket.queued_at, ticket.class, &ticket.client);
            return Err(refused);
        }
        self.enqueue(ticket);
        Ok(())
    }

    /// Entries of each table, by name.
    pub(crate) fn measure(&self, sizes: &mut BTreeMap<&'static str, usize>) {
        let held = self.held.values().map(Vec::len).sum::<usize>();
        sizes.extend([
            ("pacing_tickets", self.tickets.len() + self.expiries.len() + self.by_id.len() + held),
            ("pacing_queues", self.queues.iter().flatten().map(FairQueue::entries).sum()),
            ("pacing_windows", self.history.entries()),
        ]);
    }

    fn enqueue(&mut self, ticket: Ticket) {
        self.idle = None;
        self.serials += 1;
        let serial = self.serials;
        if let Some(id) = ticket.id {
            self.by_id.entry(id).or_default().push(serial);
        }
        if let Some(deadline) = ticket.deadline {
            self.expiries.insert((deadline, serial));
        }
        self.history.note_waiting(&ticket, true);
        let (class, pool) = (ticket.class, ticket.pool());
        queue(&mut self.queues, class, pool).push(&ticket.client, ticket.line(), serial, ticket.weight());
        self.tickets.insert(serial, ticket);
    }

    /// Requests of this class that wait, for their turn or for the disk.
    pub(super) fn waiting(&self, class: Class) -> usize {
        let queued: u32 = self.queues.get(class as usize).into_iter().flatten().map(FairQueue::len).sum();
        self.held_counts.get(class as usize).copied().unwrap_or_default()
            + usize::try_from(queued).unwrap_or(usize::MAX)
    }

    /// Keeps requests back until [`Self::release`]: all of them, or none. They take their places in the queue then.
    ///
    /// # Errors
    ///
    /// As [`Self::submit`].
    pub(crate) fn hold(&mut self, receipt: u64, tickets: Vec<Ticket>) -> Result<(), Refused> {
        if let Some(first) = tickets.first() {
            if let Err(refused) = self.admit(first, tickets.len()) {
                self.tally.refused(first.queued_at, first.class, &first.client);
                return Err(refused);
            }
            if let Some(count) = self.held_counts.get_mut(first.class as usize) {
                *count += tickets.len();
            }
        }
        self.held.insert(receipt, tickets);
        Ok(())
    }

    /// Queues what was held under this receipt, or drops it.
    pub(crate) fn release(&mut self, receipt: u64, may_be_sent: bool) {
        self.idle = None;
        for ticket in self.held.remove(&receipt).into_iter().flatten() {
            self.unhold(ticket.class, 1);
            if may_be_sent {
                self.enqueue(ticket);
            }
        }
    }

    fn unhold(&mut self, class: Class, count: usize) {
        if let Some(held) = self.held_counts.get_mut(class as usize) {
            *held = held.saturating_sub(count);
        }
    }

    /// Takes back a request that was not sent yet. False if it has been sent.
    pub(crate) fn withdraw(&mut self, id: i32) -> bool {
        self.idle = None;
        let queued = self.by_id.remove(&id).unwrap_or_default();
        let mut found = false;
        for serial in queued {
            found |= self.take_back(serial).is_some();
        }
        let mut unheld = Vec::new();
        for held in self.held.values_mut() {
            unheld.extend(held.extract_if(.., |ticket| ticket.id == Some(id)).map(|ticket| ticket.class));
        }
        for class in &unheld {
            self.unhold(*class, 1);
        }
        found || !unheld.is_empty()
    }

    /// Removes a ticket from everything but its place in its line, which is skipped later.
    fn take_back(&mut self, serial: Serial) -> Option<Ticket> {
        let ticket = self.forget(serial)?;
        let tickets = &self.tickets;
        let queue = queue(&mut self.queues, ticket.class, ticket.pool());
        queue.take_back(&ticket.client, ticket.weight(), |serial| tickets.contains_key(&serial));
        Some(ticket)
    }

    fn forget(&mut self, serial: Serial) -> Option<Ticket> {
        let ticket = self.tickets.remove(&serial)?;
        self.history.note_waiting(&ticket, false);
        if let Some(deadline) = ticket.deadline {
            self.expiries.remove(&(deadline, serial));
        }
        if let Some(id) = ticket.id
            && let Some(serials) = self.by_id.get_mut(&id)
        {
            serials.retain(|other| *other != serial);
            if serials.is_empty() {
                self.by_id.remove(&id);
            }
        }
        Some(ticket)
    }

    /// Somebody else waits for a request that is queued: it may be sent until then.
    pub(crate) fn extend(&mut self, id: i32, deadline: Instant) {
        for serial in self.by_id.get(&id).into_iter().flatten() {
            if let Some(ticket) = self.tickets.get_mut(serial)
                && let Some(before) = ticket.deadline.filter(|before| *before < deadline)
            {
                ticket.deadline = Some(deadline);
                self.expiries.remove(&(before, *serial));
                self.expiries.insert((deadline, *serial));
            }
        }
    }

    /// The next request that was not sent before its deadline, and will not be.
    pub(crate) fn next_expired(&mut self, now: Instant) -> Option<Ticket> {
        let &(_, serial) = self.expiries.first().filter(|(at, _)| *at <= now)?;
        let ticket = self.take_back(serial)?;
        self.tally.dropped(now, ticket.class, &ticket.client);
        self.idle = None;
        Some(ticket)
    }

    /// Forgets everything that waits for a link that went down, and the history open on it.
    pub(crate) fn on_link_down(&mut self, now: Instant, link: LinkName) {
        self.idle = None;
        let of_link = |(serial, ticket): (&Serial, &Ticket)| (ticket.link == link).then_some(*serial);
        let gone: Vec<Serial> = self.tickets.iter().filter_map(of_link).collect();
        for serial in gone {
            self.take_back(serial);
        }
        let mut unheld = Vec::new();
        for held in self.held.values_mut() {
            unheld.extend(held.extract_if(.., |ticket| ticket.link == link).map(|ticket| ticket.class));
        }
        for class in unheld {
            self.unhold(class, 1);
        }
        if link == LinkName::Data {
            self.market_data_type = LIVE_TYPE;
            self.history.on_link_down(now);
        }
    }

    /// The gateway has read what was written to the data link until `asked_at`. True if history is still on its way.
    pub(crate) fn history_reached(&mut self, now: Instant, asked_at: Instant) -> bool {
        self.history.on_reached(now, asked_at)
    }

    /// A historical request is answered.
    pub(crate) fn history_answered(&mut self, now: Instant, id: i32) {
        self.history.on_answer(now, id);
    }

    /// A historical request has ended, one way or another.
    pub(crate) fn history_done(&mut self, now: Instant, id: i32) {
        if self.history.done(now, id) {
            self.idle = None;
        }
    }

    /// The limits have changed: what was idle may go.
    pub(super) fn wake(&mut self) {
        self.idle = None;
    }

    /// The next request that may be sent at `now`.
    pub(crate) fn next(&mut self, now: Instant, gate: LinkGate) -> Option<Cleared> {
        if self.idle == Some(gate) && self.wake_at.is_none_or(|at| at > now) {
            return None;
        }
        self.wake_at = None;
        self.idle = None;
        self.messages.refresh(now);
        self.history.refresh(now);
        for class in Class::ALL {
            for pool in Pool::ALL {
                let cleared = self.next_of(now, gate, class, pool);
                if cleared.is_some() {
                    return cleared;
                }
            }
        }
        self.idle = Some(gate);
        None
    }

    fn next_of(&mut self, now: Instant, gate: LinkGate, class: Class, pool: Pool) -> Option<Cleared> {
        let waiting = queue(&mut self.queues, class, pool);
        if waiting.len() == 0 || !gate.is_open(pool.link()) {
            return None;
        }
        let is_history = matches!(pool, Pool::Small | Pool::Long) && class != Class::Live;
        if is_history && !gate.history {
            return None;
        }
        let is_reserved = class == Class::Cancel && pool == Pool::Trading;
        let (messages, history, tickets) = (&mut self.messages, &mut self.history, &self.tickets);
        let market_data_type = self.market_data_type;
        // What refuses every ticket of the pool is asked once, not for each client.
        let mut wait = messages.check(now, pool.link(), is_reserved, 1).map_err(Some);
        if wait.is_ok() && matches!(pool, Pool::Small | Pool::Long) {
            // Real-time bars share the window of small bars, but do not count as open.
            wait = history.gate(now, pool == Pool::Small, class != Class::Live);
        }
        let mut found = None;
        if wait.is_ok() {
            found = waiting.pop(now, |serial| {
                let Some(ticket) = tickets.get(&serial) else { return Verdict::Gone };
                let count = message_count(ticket, market_data_type);
                let verdict = messages.check(now, pool.link(), is_reserved, count).map_err(Some).and_then(|()| {
                    if matches!(pool, Pool::Small | Pool::Long) {
                        history.judge(now, ticket)
                    } else {
                        Ok(Verdict::Go(1))
                    }
                });
                verdict.unwrap_or_else(|at| {
                    wait = Err(at);
                    Verdict::Stop
                })
            });
        }
        let until = wait.err().flatten().into_iter().chain(wait.is_ok().then(|| waiting.next_ready()).flatten());
        if let (Some(at), None) = (until.min(), found) {
            self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
        }
        let mut ticket = self.forget(found?)?;
        self.charge(now, &ticket);
        self.tally.sent(now, class, &ticket.client, now.saturating_duration_since(ticket.queued_at));
        ticket.before = self.switch(&ticket);
        let frames = Frames::of(&ticket);
        Some(Cleared { ticket, frames })
    }

    /// When [`Self::next`] or [`Self::next_expired`] may have something again, if nothing changes before.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let expiry = self.expiries.first().map(|(at, _)| *at);
        self.wake_at.into_iter().chain(expiry).min()
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
        let count = message_count(ticket, self.market_data_type);
        self.messages.take(now, ticket.link, ticket.is_reserved(), count);
        if matches!(ticket.pool(), Pool::Small | Pool::Long) {
            self.history.charge(now, ticket);
        }
    }

    /// When the longest waiting request of a class was queued.
    pub(super) fn oldest(&self) -> [Option<Instant>; Class::COUNT] {
        let mut oldest = [None; Class::COUNT];
        for ticket in self.tickets.values() {
            if let Some(at) = oldest.get_mut(ticket.class as usize) {
                *at = Some(at.map_or(ticket.queued_at, |earlier: Instant| earlier.min(ticket.queued_at)));
            }
        }
        oldest
    }

    /// What waits for each client in one class, over all pools.
    pub(super) fn of_client(&self, class: Class, client: &Client) -> usize {
        let pools = self.queues.get(class as usize).into_iter().flatten();
        pools.map(|queue| usize::try_from(queue.of(client).0).unwrap_or(usize::MAX)).sum()
    }

    /// IB goes on counting where an earlier run of the bridge ended.
    pub(crate) fn on_earlier_run(&mut self, now: Instant) {
        self.idle = None;
        self.messages.on_earlier_run(now);
    }

    /// What was sent of small-bar history, to be kept over a restart; `None` if what was given last is still true.
    pub(crate) fn take_unwritten(&mut self, now: Now) -> Option<bytes::Bytes> {
        self.history.take_unwritten(now)
    }

    /// An earlier run had this kept.
    pub(crate) fn recall(&mut self, now: Now, body: &[u8]) {
        self.idle = None;
        self.history.recall(now, body);
    }

    /// An earlier run used the gateway until then.
    pub(crate) fn on_gateway_used(&mut self, now: Now, until_us: i64) {
        self.idle = None;
        self.history.on_earlier_run(now, until_us);
    }

    /// Streams of an earlier run are wanted again: IB goes on counting what it asked for, too.
    pub(crate) fn on_earlier_streams(&mut self, now: Instant) {
        self.idle = None;
        self.history.on_earlier_streams(now);
    }

    /// History is held back until this moment, after a violation; in the past if it is not.
    pub(crate) fn slowed_until(&self) -> Option<Instant> {
        self.history.held_until()
    }

    /// History units that fit into one window, and its length.
    pub(crate) fn history_window(&self, small: bool) -> (u32, Duration) {
        self.history.window(small)
    }

    /// Small units for one contract, exchange and kind in two seconds.
    pub(crate) fn same_window(&self) -> (u32, Duration) {
        self.history.same_window()
    }
}

/// The queue of a class and pool. The arrays have one for each.
pub(super) fn queue(queues: &mut [[FairQueue; Pool::COUNT]; Class::COUNT], class: Class, pool: Pool) -> &mut FairQueue {
    let (class, pool) = ((class as usize).min(Class::COUNT - 1), (pool as usize).min(Pool::COUNT - 1));
    #[expect(clippy::indexing_slicing, reason = "the indices are bounded by the line above")]
    &mut queues[class][pool]
}

/// How many messages a ticket is while the link is set to this type.
fn message_count(ticket: &Ticket, market_data_type: i32) -> u32 {
    match ticket.cost {
        Cost::MarketData { market_data_type: wanted } if wanted != market_data_type => 2,
        _ => 1,
    }
}
