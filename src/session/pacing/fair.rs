//! Waiting tickets of one class and pool, shared fairly between clients.
//!
//! Clients are served by virtual start time: each ticket moves its client back by what it costs, and the
//! client furthest in front is next. A step looks at as many clients and lines as it parks or serves, never
//! at all that wait.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use compact_str::CompactString;
use rustc_hash::FxHashMap;

/// A client's name; `None` for the bridge itself and for clients without a name.
pub(crate) type Client = Option<CompactString>;
/// Names a ticket.
pub(super) type Serial = u64;

/// Turns that a client keeps which its own limits held back.
const CREDIT: u64 = 4;

/// What becomes of a ticket that is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is sent, and costs this much.
    Go(u32),
    /// It was taken back.
    Gone,
    /// Its line waits until this moment.
    LineUntil(Instant),
    /// It waits until this moment, and does not hold up its line.
    TicketUntil(Instant),
    /// Nothing of this pool is sent now.
    Stop,
}

#[derive(Debug, Default)]
struct Line {
    tickets: VecDeque<Serial>,
    is_ready: bool,
}

#[derive(Debug, Default)]
struct Backlog {
    /// Virtual start time of its next ticket, and its place among those with the same.
    tag: u64,
    turn: u64,
    is_ordered: bool,
    lines: FxHashMap<u64, Line>,
    ready: VecDeque<u64>,
    waiting: u32,
    units: u32,
}

/// Waiting tickets of one class and pool.
#[derive(Debug, Default)]
pub(super) struct FairQueue {
    clients: FxHashMap<Client, Backlog>,
    /// Clients with a line that is ready, the next first.
    order: BTreeMap<(u64, u64), Client>,
    /// What waits for a moment: a line, or one ticket of it.
    parked: BTreeMap<(Instant, u64), (Client, u64, Option<Serial>)>,
    /// Virtual finish times of clients that have nothing left but are ahead of the others.
    finished: FxHashMap<Client, u64>,
    virtual_now: u64,
    turns: u64,
    waiting: u32,
    units: u32,
    /// Entries of tickets that were taken back.
    gone: u32,
    /// Entries looked at so far, of whatever kind.
    #[cfg(test)]
    pub(super) looked: u64,
}

impl FairQueue {
    /// Clients with something in the queue, and what is parked.
    pub(super) fn entries(&self) -> usize {
        self.clients.len() + self.order.len() + self.parked.len()
    }

    pub(super) fn len(&self) -> u32 {
        self.waiting
    }

    /// Tickets and cost that wait for a client.
    pub(super) fn of(&self, client: &Client) -> (u32, u32) {
        self.clients.get(client).map_or((0, 0), |backlog| (backlog.waiting, backlog.units))
    }

    /// Every client with what waits for it: tickets and cost.
    pub(super) fn clients(&self) -> impl Iterator<Item = (&Client, u32, u32)> {
        self.clients.iter().map(|(client, backlog)| (client, backlog.waiting, backlog.units))
    }

    pub(super) fn push(&mut self, client: &Client, line: u64, serial: Serial, weight: u32) {
        self.waiting += 1;
        self.units = self.units.saturating_add(weight);
        let virtual_now = self.virtual_now;
        let finished = &mut self.finished;
        let backlog = self.clients.entry(client.clone()).or_insert_with(|| {
            let tag = finished.remove(client).unwrap_or_default().max(virtual_now);
            Backlog { tag, ..Backlog::default() }
        });
        backlog.waiting += 1;
        backlog.units = backlog.units.saturating_add(weight);
        let is_new = !backlog.lines.contains_key(&line);
        let place = backlog.lines.entry(line).or_default();
        place.tickets.push_back(serial);
        if is_new {
            place.is_ready = true;
            backlog.ready.push_back(line);
            self.enter(client);
        }
    }

    /// Puts a client with a ready line in order.
    fn enter(&mut self, client: &Client) {
        if let Some(backlog) = self.clients.get_mut(client).filter(|backlog| !backlog.is_ordered) {
            self.turns += 1;
            backlog.turn = self.turns;
            backlog.tag = backlog.tag.max(self.virtual_now.saturating_sub(CREDIT));
            backlog.is_ordered = true;
            self.order.insert((backlog.tag, backlog.turn), client.clone());
        }
    }

    /// When something parked is ready again.
    pub(super) fn next_ready(&self) -> Option<Instant> {
        self.parked.keys().next().map(|(at, _)| *at)
    }

    fn unpark(&mut self, now: Instant) {
        while let Some(entry) = self.parked.first_entry().filter(|entry| entry.key().0 <= now) {
            let (client, key, serial) = entry.remove();
            #[cfg(test)]
            {
                self.looked += 1;
            }
            let Some(backlog) = self.clients.get_mut(&client) else { continue };
            let line = backlog.lines.entry(key).or_default();
            if let Some(serial) = serial {
                line.tickets.push_front(serial);
            }
            if !line.is_ready && (serial.is_none() || line.tickets.len() == 1) {
                line.is_ready = true;
                backlog.ready.push_back(key);
                self.enter(&client);
            }
        }
    }

    /// Takes the next ticket that `judge` lets go.
    pub(super) fn pop(&mut self, now: Instant, mut judge: impl FnMut(Serial) -> Verdict) -> Option<Serial> {
        self.unpark(now);
        loop {
            #[cfg(test)]
            {
                self.looked += 1;
            }
            let (&place, client) = self.order.first_key_value()?;
            let client = client.clone();
            let backlog = self.clients.get_mut(&client)?;
            let Some(key) = backlog.ready.front().copied() else {
                self.order.remove(&place);
                backlog.is_ordered = false;
                self.forget_empty(&client);
                continue;
            };
            let line = backlog.lines.entry(key).or_default();
            let Some(serial) = line.tickets.front().copied() else {
                backlog.lines.remove(&key);
                backlog.ready.pop_front();
                continue;
            };
            match judge(serial) {
                Verdict::Stop => return None,
                Verdict::Gone => {
                    line.tickets.pop_front();
                    self.gone = self.gone.saturating_sub(1);
                }
                Verdict::LineUntil(at) => {
                    line.is_ready = false;
                    backlog.ready.pop_front();
                    self.park(at, client, key, None);
                }
                Verdict::TicketUntil(at) => {
                    line.tickets.pop_front();
                    self.park(at, client, key, Some(serial));
                }
                Verdict::Go(weight) => {
                    line.tickets.pop_front();
                    let is_empty = line.tickets.is_empty();
                    backlog.ready.pop_front();
                    if is_empty {
                        backlog.lines.remove(&key);
                    } else {
                        backlog.ready.push_back(key);
                    }
                    self.served(&client, place, weight);
                    return Some(serial);
                }
            }
        }
    }

    fn park(&mut self, at: Instant, client: Client, key: u64, serial: Option<Serial>) {
        self.turns += 1;
        self.parked.insert((at, self.turns), (client, key, serial));
    }

    fn served(&mut self, client: &Client, place: (u64, u64), weight: u32) {
        self.virtual_now = self.virtual_now.max(place.0);
        self.order.remove(&place);
        if let Some(backlog) = self.clients.get_mut(client) {
            backlog.tag = place.0 + u64::from(weight);
            backlog.is_ordered = false;
        }
        self.count_down(client, weight);
        if self.clients.get(client).is_some_and(|backlog| !backlog.ready.is_empty()) {
            self.enter(client);
        } else {
            self.forget_empty(client);
        }
    }

    fn count_down(&mut self, client: &Client, weight: u32) {
        self.waiting = self.waiting.saturating_sub(1);
        self.units = self.units.saturating_sub(weight);
        if let Some(backlog) = self.clients.get_mut(client) {
            backlog.waiting = backlog.waiting.saturating_sub(1);
            backlog.units = backlog.units.saturating_sub(weight);
        }
    }

    fn forget_empty(&mut self, client: &Client) {
        let Some(backlog) = self.clients.get(client).filter(|backlog| backlog.waiting == 0) else { return };
        // Entries of tickets that were taken back go with it.
        let left: usize = backlog.lines.values().map(|line| line.tickets.len()).sum();
        self.gone = self.gone.saturating_sub(u32::try_from(left).unwrap_or(u32::MAX));
        if backlog.is_ordered {
            self.order.remove(&(backlog.tag, backlog.turn));
        }
        if backlog.tag > self.virtual_now {
            if self.finished.len() > 64 + 2 * self.clients.len() {
                let now = self.virtual_now;
                self.finished.retain(|_, tag| *tag > now);
            }
            self.finished.insert(client.clone(), backlog.tag);
        }
        self.clients.remove(client);
        if self.clients.is_empty() {
            self.parked.clear();
            self.gone = 0;
        }
    }

    /// A ticket was taken back: its entry is skipped when its turn comes. `is_live` tells the entries that count.
    pub(super) fn take_back(&mut self, client: &Client, weight: u32, is_live: impl Fn(Serial) -> bool) {
        self.count_down(client, weight);
        self.gone += 1;
        self.forget_empty(client);
        if self.gone > self.waiting + 64 {
            self.gone = 0;
            for line in self.clients.values_mut().flat_map(|backlog| backlog.lines.values_mut()) {
                line.tickets.retain(|serial| is_live(*serial));
            }
            self.parked.retain(|_, (_, _, serial)| serial.is_none_or(&is_live));
        }
    }
}
