//! Decides which request is sent next, and when the next one may be.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::{Class, Cost, Ticket, queue::ClassQueue, window::Window};
use crate::{
    config,
    schema::{
        connection::LinkName,
        request::{market::Usage, status::QueueStatus},
    },
};

/// Length of the window in which messages are counted.
const SECOND: Duration = Duration::from_secs(1);
/// Length of the window in which small-bar history is counted.
const TEN_MINUTES: Duration = Duration::from_secs(600);
/// Length of the window in which requests for the same contract, exchange and kind are counted.
const SAME_WINDOW: Duration = Duration::from_secs(2);

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
    /// All messages of the login.
    messages: Window,
    /// Messages of the data link: what the trading link's share leaves.
    data_messages: Window,
    small_history: Window,
    same: FxHashMap<u64, Window>,
    same_max: u32,
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
            messages: Window::new(limits.messages_per_second, SECOND),
            data_messages: Window::new(limits.messages_per_second - limits.trading_share, SECOND),
            small_history: Window::new(limits.history_10_min, TEN_MINUTES),
            same: FxHashMap::default(),
            same_max: limits.history_same_2_s,
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

    /// Takes back a request that was not sent yet. False if it has been sent.
    pub(crate) fn withdraw(&mut self, id: i32) -> bool {
        let gone: usize = self.queues.iter_mut().map(|queue| queue.remove(|ticket| ticket.id == Some(id))).sum();
        gone > 0
    }

    /// Forgets everything that waits for a link that went down, and the history open on it.
    pub(crate) fn on_link_down(&mut self, link: LinkName) {
        for queue in &mut self.queues {
            queue.remove(|ticket| ticket.link == link);
        }
        if link == LinkName::Data {
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
                open_left: self.history_open_max.saturating_sub(count(self.history_open.len())),
                slowed_until: self.slowed_until,
                wake_at: &mut self.wake_at,
            };
            let Some(queue) = self.queues.get_mut(class as usize) else { continue };
            if let Some(ticket) = queue.pop_if(|ticket| limits.admit(ticket)) {
                queue.sent += 1;
                queue.longest_wait = queue.longest_wait.max(now.saturating_duration_since(ticket.queued_at));
                self.charge(now, &ticket);
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

    fn charge(&mut self, now: Instant, ticket: &Ticket) {
        self.messages.take(now, 1);
        if ticket.link == LinkName::Data {
            self.data_messages.take(now, 1);
        }
        match ticket.cost {
            Cost::Message => {}
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
        self.messages.check(self.now, 1)?;
        if ticket.link == LinkName::Data && ticket.class != Class::Cancel {
            self.data_messages.check(self.now, 1)?;
        }
        match ticket.cost {
            Cost::Message => Ok(()),
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
