//! IB's rules for history: windows, equal requests, open requests, and each client's part.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::{
    Class, Cost, HistoryCost, Window,
    arrival::{Arrival, INTERVAL},
    fair::{Client, Verdict},
    level::Level,
    sent_small::{Sent, SentSmall, moment},
    ticket::Ticket,
};
use crate::{config, schema::request::market::Usage, session::Now};

/// Length of the window in which small-bar history is counted.
const TEN_MINUTES: Duration = Duration::from_secs(600);
/// What IB lets through in it. Limits configured below it by no more than [`MARGIN_MAX`] leave a margin, out of which
/// is asked again what a lost link cut off; lower ones leave it to others who use the login.
const SMALL_MAX: u32 = 60;
const MARGIN_MAX: u32 = 2;
/// Length of the windows in which small requests for the same contract, exchange and kind are counted,
/// and requests for bars of a minute and more.
const TWO_SECONDS: Duration = Duration::from_secs(2);
/// Nothing spreads requests but their window.
const AT_ONCE: (u32, Duration) = (u32::MAX, Duration::ZERO);
/// A budget that was lowered is given back by so much in this time.
const RESTORE_SMALL: (u32, Duration) = (3, Duration::from_secs(60));
const RESTORE_LONG: (u32, Duration) = (1, Duration::from_secs(60));

#[derive(Debug)]
struct Open {
    is_long: bool,
    /// It is kept up to date: no answer ends it.
    lasts: bool,
    weight: u32,
    since: Instant,
    identity: u64,
}

/// One of the two budgets.
#[derive(Debug)]
struct Part {
    window: Window,
    level: Level,
    length: Duration,
    /// Requests open, and for how long they were on average.
    open: u32,
    /// Of those, requests that are kept up to date.
    lasting: u32,
    open_for: Duration,
}

impl Part {
    fn new(max: u32, length: Duration, restore: (u32, Duration)) -> Self {
        let window = Window::new(max, length);
        Self { window, level: Level::new(max, restore), length, open: 0, lasting: 0, open_for: Duration::ZERO }
    }
}

/// Units of the small-bar window that one client may use; `None` if it may use all.
fn client_max(limits: &config::Pacing) -> Option<u32> {
    let share = limits.history_10_min.saturating_mul(limits.client_history_percent) / 100;
    (limits.client_history_percent < 100).then(|| share.max(2))
}

/// What history may be asked for.
#[derive(Debug)]
pub(super) struct HistoryBudget {
    small: Part,
    long: Part,
    same: FxHashMap<u64, Window>,
    same_max: u32,
    /// How many small requests wait for each contract, exchange and kind.
    same_waiting: FxHashMap<u64, u32>,
    /// Each small request of the last seconds.
    identical: FxHashMap<u64, Arrival>,
    /// What bars an earlier run had kept up to date until it ended is not known: none are asked for before this.
    lasting_not_before: Option<Instant>,
    open: FxHashMap<i32, Open>,
    open_max: u32,
    long_open_max: u32,
    held_until: Option<Instant>,
    /// Units of the margin that may be used, and until when.
    spare: Option<(u32, Instant)>,
    sent: SentSmall,
    /// The small-bar window was taken for full, an earlier run having left no word of what it sent.
    is_assumed: bool,
    is_recalled: bool,
    /// What one client may use of the small-bar window, and what each has used.
    client_max: Option<u32>,
    by_client: FxHashMap<Client, Window>,
}

impl HistoryBudget {
    pub(super) fn new(limits: &config::Pacing) -> Self {
        Self {
            small: Part::new(limits.history_10_min, TEN_MINUTES, RESTORE_SMALL),
            long: Part::new(limits.history_long_2_s, TWO_SECONDS, RESTORE_LONG),
            same: FxHashMap::default(),
            same_max: limits.history_same_2_s,
            same_waiting: FxHashMap::default(),
            identical: FxHashMap::default(),
            lasting_not_before: None,
            open: FxHashMap::default(),
            open_max: limits.history_open,
            long_open_max: limits.history_long_open,
            held_until: None,
            spare: None,
            sent: SentSmall::new(TEN_MINUTES),
            is_assumed: false,
            is_recalled: false,
            client_max: client_max(limits),
            by_client: FxHashMap::default(),
        }
    }

    /// Windows and requests counted; those that are over stay until the next request.
    pub(super) fn entries(&self) -> usize {
        self.same.len() + self.same_waiting.len() + self.identical.len() + self.by_client.len()
    }

    /// An earlier run may have ended just now.
    pub(super) fn on_earlier_streams(&mut self, now: Instant) {
        self.lasting_not_before = Some(now + INTERVAL);
    }

    /// Takes up other limits; what was sent stays counted.
    pub(super) fn set_limits(&mut self, limits: &config::Pacing) {
        for (part, max) in [(&mut self.small, limits.history_10_min), (&mut self.long, limits.history_long_2_s)] {
            part.level.set_configured(max);
            part.window.set_max(max.min(part.window.max()));
        }
        self.same_max = limits.history_same_2_s;
        for window in self.same.values_mut() {
            window.set_max(limits.history_same_2_s);
        }
        (self.open_max, self.long_open_max) = (limits.history_open, limits.history_long_open);
        self.client_max = client_max(limits);
        match self.client_max {
            Some(max) => self.by_client.values_mut().for_each(|window| window.set_max(max)),
            None => self.by_client.clear(),
        }
    }

    fn part(&mut self, small: bool) -> &mut Part {
        if small { &mut self.small } else { &mut self.long }
    }

    /// Takes up what is given back by now.
    pub(super) fn refresh(&mut self, now: Instant) {
        for part in [&mut self.small, &mut self.long] {
            let max = part.level.max(now);
            part.window.set_max(max);
        }
        self.spare = self.spare.filter(|(_, until)| *until > now);
        if let Some((units, _)) = self.spare
            && self.small.level.restored_at().is_none()
        {
            self.small.window.set_max(self.small.level.configured().saturating_add(units));
        }
    }

    /// Whether anything of this kind may go, whatever it is.
    ///
    /// # Errors
    ///
    /// The earliest moment at which something may; `None` if it waits for a request to end.
    pub(super) fn gate(&mut self, now: Instant, small: bool, is_open_counted: bool) -> Result<(), Option<Instant>> {
        if let Some(until) = self.held_until.filter(|until| *until > now) {
            return Err(Some(until));
        }
        let open = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        if is_open_counted && (open >= self.open_max || !small && self.long.open >= self.long_open_max) {
            return Err(None);
        }
        self.fits(now, small, 1)
    }

    fn fits(&mut self, now: Instant, small: bool, weight: u32) -> Result<(), Option<Instant>> {
        let part = self.part(small);
        let step = part.level.next_step(now);
        part.window.check(now, weight).map_err(|at| Some(step.map_or(at, |step| step.min(at))))
    }

    /// Judges one ticket of the small or long pool; [`Self::gate`] has let the pool pass.
    pub(super) fn judge(&mut self, now: Instant, ticket: &Ticket) -> Result<Verdict, Option<Instant>> {
        let Cost::History(HistoryCost { weight, small, same, identity }) = ticket.cost else {
            self.fits(now, true, 1)?;
            return Ok(Verdict::Go(1));
        };
        self.gate(now, small, true)?;
        self.fits(now, small, weight)?;
        if !small {
            return Ok(Verdict::Go(weight));
        }
        if let Some(at) = self.same.get_mut(&same).and_then(|window| window.check(now, weight).err()) {
            return Ok(Verdict::LineUntil(at));
        }
        if let Some(at) = self.lasting_not_before.filter(|at| ticket.class == Class::Live && *at > now) {
            return Ok(Verdict::TicketUntil(at));
        }
        if let Some(at) = self.identical.get(&identity).map(|mark| mark.over_at(now)).filter(|at| *at > now) {
            return Ok(Verdict::TicketUntil(at));
        }
        if let Some(at) = self.by_client.get_mut(&ticket.client).and_then(|window| window.check(now, weight).err()) {
            return Ok(Verdict::LineUntil(at));
        }
        Ok(Verdict::Go(weight))
    }

    /// A small request waits, or waits no longer.
    pub(super) fn note_waiting(&mut self, ticket: &Ticket, waits: bool) {
        let Cost::History(HistoryCost { small: true, same, .. }) = ticket.cost else { return };
        if waits {
            *self.same_waiting.entry(same).or_default() += 1;
        } else if let Some(count) = self.same_waiting.get_mut(&same) {
            *count -= 1;
            if *count == 0 {
                self.same_waiting.remove(&same);
            }
        }
    }

    /// A ticket was sent.
    pub(super) fn charge(&mut self, now: Instant, ticket: &Ticket) {
        let Cost::History(HistoryCost { weight, small, same, identity }) = ticket.cost else {
            self.small.window.take(now, 1);
            return self.sent.note(Sent { at: now, weight: 1, kind: None });
        };
        self.part(small).window.take(now, weight);
        if small {
            self.sent.note(Sent { at: now, weight, kind: Some((same, identity)) });
            self.same.retain(|_, window| window.used(now) > 0);
            let window = || Window::new(self.same_max, TWO_SECONDS);
            self.same.entry(same).or_insert_with(window).take(now, weight);
            self.identical.retain(|_, mark| mark.matters(now));
            self.identical.insert(identity, Arrival::written(now, false));
            if let Some(max) = self.client_max {
                self.by_client.retain(|_, window| window.used(now) > 0);
                let window = || Window::new(max, TEN_MINUTES);
                self.by_client.entry(ticket.client.clone()).or_insert_with(window).take(now, weight);
            }
        }
        if let Some(id) = ticket.id {
            let lasts = ticket.class == Class::Live;
            let part = self.part(small);
            part.open += 1;
            part.lasting += u32::from(lasts);
            self.open.insert(id, Open { is_long: !small, lasts, weight, since: now, identity });
        }
    }

    /// The answer to a request, or a part of it.
    pub(super) fn on_answer(&mut self, now: Instant, id: i32) {
        if let Some(mark) = self.open.get(&id).and_then(|open| self.identical.get_mut(&open.identity)) {
            mark.on_answer(now);
        }
    }

    /// The gateway has read what was written until `asked_at`. True if something is still on its way.
    pub(super) fn on_reached(&mut self, now: Instant, asked_at: Instant) -> bool {
        Arrival::any_on_its_way(self.identical.values_mut(), now, asked_at)
    }

    /// A request has ended, one way or another. False if it was not open.
    pub(super) fn done(&mut self, now: Instant, id: i32) -> bool {
        let Some(open) = self.open.remove(&id) else { return false };
        let part = self.part(!open.is_long);
        part.open = part.open.saturating_sub(1);
        if open.lasts {
            part.lasting = part.lasting.saturating_sub(1);
            return true;
        }
        let took = now.saturating_duration_since(open.since);
        part.open_for = if part.open_for.is_zero() { took } else { (part.open_for * 7 + took) / 8 };
        true
    }

    /// Nothing is open on a new link. What was cut off counts, and will be asked once more.
    pub(super) fn on_link_down(&mut self, now: Instant) {
        self.identical.values_mut().for_each(|mark| mark.on_link_down(now));
        let cut = self.open.drain().filter(|(_, open)| !open.is_long && !open.lasts).map(|(_, open)| open.weight);
        let cut = cut.fold(0, u32::saturating_add);
        let margin = SMALL_MAX.saturating_sub(self.small.level.configured());
        if margin <= MARGIN_MAX && cut > 0 {
            let earlier = self.spare.map_or(0, |(units, _)| units);
            self.spare = Some((cut.min(margin).max(earlier), now + TEN_MINUTES));
        }
        for part in [&mut self.small, &mut self.long] {
            (part.open, part.lasting) = (0, 0);
        }
    }

    /// What was sent of small-bar history, to be kept over a restart; `None` if what was given last is still true.
    pub(super) fn take_unwritten(&mut self, now: Now) -> Option<bytes::Bytes> {
        self.sent.take_unwritten(now)
    }

    /// An earlier run sent this: IB goes on counting it.
    pub(super) fn recall(&mut self, now: Now, body: &[u8]) {
        let Some(sent) = self.sent.read(now, body) else { return };
        self.is_recalled = true;
        if std::mem::take(&mut self.is_assumed) {
            self.small.window = Window::new(self.small.window.max(), TEN_MINUTES);
        }
        for one in sent {
            self.small.window.take(one.at, one.weight);
            if let Some((same, identity)) = one.kind {
                let window = || Window::new(self.same_max, TWO_SECONDS);
                self.same.entry(same).or_insert_with(window).take(one.at, one.weight);
                self.identical.insert(identity, Arrival::seen(one.at));
            }
            self.sent.note(one);
        }
    }

    /// An earlier run used the gateway until then. Unless it left word of what it sent, it may have sent all it could.
    pub(super) fn on_earlier_run(&mut self, now: Now, until_us: i64) {
        let at = moment(now, until_us);
        if !self.is_recalled && !self.is_assumed && at + TEN_MINUTES > now.at {
            self.is_assumed = true;
            let max = self.small.window.max();
            self.small.window.take(at, max);
        }
    }

    /// Whether an open request is under the small-bar rules.
    pub(super) fn is_small(&self, id: i32) -> Option<bool> {
        self.open.get(&id).map(|open| !open.is_long)
    }

    /// The gateway reported a violation: nothing is sent for `wait`, and less afterwards. Returns what is
    /// allowed then.
    pub(super) fn lower(&mut self, now: Instant, small: bool, wait: Duration) -> u32 {
        let until = now + wait;
        self.held_until = Some(self.held_until.map_or(until, |earlier| earlier.max(until)));
        let part = self.part(small);
        let used = part.window.used(now);
        // Somebody else uses the login's history too if the gateway complains at less than is allowed; a single
        // complaint with next to nothing used says no more than that.
        let max = part.level.lower(now, if small { used.saturating_sub(1) } else { u32::MAX }, wait);
        part.window.set_max(max);
        max
    }

    pub(super) fn held_until(&self) -> Option<Instant> {
        self.held_until
    }

    /// When the last of these units could be sent, if `ahead` units go before them and nothing else does.
    pub(super) fn sent_by(&mut self, now: Instant, small: bool, ahead: u32, units: u32) -> Instant {
        self.refresh(now);
        let total = ahead.saturating_add(units);
        let open_max = if small { self.open_max } else { self.long_open_max.min(self.open_max) };
        let held_until = self.held_until;
        // As many in two seconds as the rule for one contract and kind allows those that wait.
        let kinds = u32::try_from(self.same_waiting.len()).unwrap_or(u32::MAX);
        let burst = if small && kinds > 0 { (self.same_max.saturating_mul(kinds), TWO_SECONDS) } else { AT_ONCE };
        let part = self.part(small);
        let window = part.window.sent_by(now, total, burst);
        // As many at a time as may be open, each as long as they took of late.
        let places = open_max.saturating_sub(part.lasting).max(1);
        let rounds = total.saturating_add(part.open.saturating_sub(part.lasting)).saturating_sub(1) / places;
        let slots = now + part.open_for * rounds;
        window.max(slots).max(held_until.unwrap_or(now))
    }

    /// When a client's own part of the window lets the last of so many units through.
    pub(super) fn client_sent_by(&mut self, now: Instant, client: &Client, units: u32) -> Instant {
        let Some(max) = self.client_max else { return now };
        match self.by_client.get_mut(client) {
            Some(window) => window.sent_by(now, units, AT_ONCE),
            None => Window::new(max, TEN_MINUTES).sent_by(now, units, AT_ONCE),
        }
    }

    /// Units that fit into one window, and its length.
    pub(super) fn window(&self, small: bool) -> (u32, Duration) {
        let part = if small { &self.small } else { &self.long };
        (part.window.max(), part.length)
    }

    /// Small units for one contract, exchange and kind in two seconds.
    pub(super) fn same_window(&self) -> (u32, Duration) {
        (self.same_max, TWO_SECONDS)
    }

    pub(super) fn level(&self, small: bool) -> &Level {
        if small { &self.small.level } else { &self.long.level }
    }

    pub(super) fn usage(&mut self, now: Instant, small: bool) -> Usage {
        self.refresh(now);
        let window = &mut self.part(small).window;
        Usage { used: window.used(now), max: window.max() }
    }

    pub(super) fn open_usage(&self) -> Usage {
        Usage { used: u32::try_from(self.open.len()).unwrap_or(u32::MAX), max: self.open_max }
    }

    pub(super) fn long_open_usage(&self) -> Usage {
        Usage { used: self.long.open, max: self.long_open_max }
    }
}
