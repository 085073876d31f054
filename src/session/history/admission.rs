//! Refuses at once what IB's limits cannot let through before the caller gives up, and later what no longer can.

use std::{
    hash::{Hash, Hasher},
    time::{Duration, Instant},
};

use rustc_hash::{FxHashMap, FxHasher};

use super::{History, question::Question, work::Work};
use crate::{
    schema::{ApiError, ErrorCode},
    session::{
        Command,
        core::Core,
        pacing::{Class, Client, Cost, HistoryCost, millis},
    },
};

/// Requests served at the same time, of all clients.
const JOBS_MAX: usize = 1_024;
/// Accepted requests are looked at this often: others may have come before them meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Later than any promise.
const FAR: Duration = Duration::from_secs(30 * 86_400);
/// Accepted requests are given up if they would be sent so much too late, or by a tenth of the time that is left.
const SLACK: Duration = Duration::from_secs(2);
/// Steps towards the moment at which a refused request finds its place; after them the worst case is taken.
const STEPS_MAX: usize = 64;

/// What a caller wants to ask, in units of IB's count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    pub(super) small: bool,
    /// All of it.
    pub(super) units: u32,
    /// Equal for equal requests.
    pub(super) key: u64,
}

impl Demand {
    /// What these questions about one contract cost together.
    pub(super) fn of<'a>(listing: &crate::session::Listing, questions: impl Iterator<Item = &'a Question>) -> Self {
        let mut demand = Self { small: false, units: 0, key: 0 };
        let mut hasher = FxHasher::default();
        for question in questions {
            if let Cost::History(HistoryCost { weight, small, identity, .. }) = question.cost(listing) {
                identity.hash(&mut hasher);
                demand = Self { small, units: demand.units.saturating_add(weight), key: 0 };
            }
        }
        Self { key: hasher.finish(), ..demand }
    }
}

/// Units that wait for each client under one budget.
type Waiting = FxHashMap<Client, u32>;

/// When something would be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forecast {
    /// The last of it.
    pub(super) sent: Instant,
    /// Units that go before it.
    ahead: u32,
}

/// What a forecast takes to go before a request.
#[derive(Clone, Copy, Debug)]
enum View {
    /// What waits now, of the client's own promises those due by `own_by`, which are its own to keep, and of the others'
    /// those due by `others_by`: who was told to come now finds what was kept for it. What others were promised for later
    /// keeps nobody out of a queue with room.
    Queue { own_by: Instant, others_by: Option<Instant> },
    /// What waits and what was promised to everybody up to then, or at all; and one turn more for every other client,
    /// as rounds need not end as they begin.
    Promises { by: Option<Instant> },
}

impl History {
    /// What waits: in the queue, and in requests that have not asked all of theirs.
    fn waiting(&self, core: &Core, small: bool) -> Waiting {
        let mut waiting = Waiting::default();
        for (client, units) in core.pacing.history_waiting(small) {
            let sum = waiting.entry(client.clone()).or_default();
            *sum = sum.saturating_add(units);
        }
        for work in &self.jobs {
            let Work::Bars(job) = work else { continue };
            if job.is_small() == small && job.unasked() > 0 {
                let sum = waiting.entry(job.seat.client.clone()).or_default();
                *sum = sum.saturating_add(job.unasked_units());
            }
        }
        waiting
    }

    /// When a request would be sent: after all of the same client, and of every other client as much as its turns
    /// come up meanwhile.
    fn forecast(
        &self,
        core: &mut Core,
        (waiting, client, demand): (&Waiting, &Client, Demand),
        view: View,
    ) -> Forecast {
        let now = core.now.at;
        let promises = if demand.small { &self.promises_small } else { &self.promises_long };
        let waits = |client: &Client| waiting.get(client).copied().unwrap_or_default();
        let far = now + FAR;
        let (own, others_by, turns_more) = match view {
            View::Queue { own_by, others_by } => (promises.units(client, own_by), others_by, 0),
            View::Promises { by } => {
                let by = by.unwrap_or(far);
                (promises.units(client, by), Some(by), 1)
            }
        };
        let own = own.saturating_add(waits(client));
        let of = |other: &Client| {
            let promised = others_by.map_or(0, |by| promises.units(other, by));
            waits(other).saturating_add(promised)
        };
        let turns = own.saturating_add(demand.units).saturating_add(turns_more);
        let only_promised = promises.clients().filter(|other| others_by.is_some() && !waiting.contains_key(*other));
        let others = waiting.keys().chain(only_promised).filter(|other| *other != client);
        let ahead = others.map(|other| of(other).min(turns)).fold(own, u32::saturating_add);
        let sent = core.pacing.history_sent_by(now, demand.small, ahead, demand.units);
        let mut sent = sent.max(now + burst_time(core, demand)).max(hold_ends(core));
        if demand.small {
            let part = core.pacing.client_history_sent_by(now, client, own.saturating_add(demand.units));
            sent = sent.max(part);
        }
        Forecast { sent, ahead }
    }

    /// When a request of this client would be sent if it were made now.
    pub(super) fn foretell(&mut self, core: &mut Core, client: &Client, demand: Demand, deadline: Instant) -> Forecast {
        let waiting = self.waiting(core, demand.small);
        let view = View::Queue { own_by: deadline, others_by: Some(core.now.at) };
        self.forecast(core, (&waiting, client, demand), view)
    }

    /// Refuses what cannot be sent before `deadline`.
    ///
    /// # Errors
    ///
    /// `pacing_limited`. `retry_after_ms` says after which time the same request finds a place: it is kept for a
    /// few seconds from then on. It is absent if a request of this size never makes such a deadline.
    pub(super) fn check(
        &mut self,
        core: &mut Core,
        client: &Client,
        deadline: Instant,
        demand: Demand,
    ) -> Result<(), ApiError> {
        let now = core.now.at;
        self.promises(demand.small).expire(now);
        let promised = self.promises(demand.small).take(client, demand.key);
        if demand.units == 0 {
            return Ok(());
        }
        self.check_places(core, client, demand, promised)?;
        let waiting = self.waiting(core, demand.small);
        let question = (&waiting, client, demand);
        let is_due = promised.filter(|due| *due <= now);
        let view = match is_due {
            Some(due) => View::Queue { own_by: due, others_by: None },
            None => View::Queue { own_by: deadline, others_by: Some(now) },
        };
        let forecast = self.forecast(core, question, view);
        // Sent at the deadline itself is too late.
        if forecast.sent < deadline {
            return Ok(());
        }
        let patience = deadline.saturating_duration_since(now);
        let error = too_late(core, demand, forecast);
        if alone(core, demand) >= patience {
            return Err(error);
        }
        let sent = match is_due {
            // It had a place and did not get it: it stays before the others of its client.
            Some(_) => self.place(core, question, forecast.sent),
            None => self.place_behind(core, question, forecast.sent, patience),
        };
        let due = now + (sent.saturating_duration_since(deadline) + Duration::from_millis(1));
        // What was told before stays true.
        let due = promised.filter(|promised| *promised > now).map_or(due, |promised| promised.min(due));
        self.promises(demand.small).make(client, demand.key, due, demand.units);
        Err(error.retry_after_ms(millis(due.saturating_duration_since(now))))
    }

    /// When a request that is promised a place would be sent, behind the last place of the same client, for a caller who then
    /// waits so long.
    fn place_behind(
        &self,
        core: &mut Core,
        question: (&Waiting, &Client, Demand),
        from: Instant,
        patience: Duration,
    ) -> Instant {
        let promises = if question.2.small { &self.promises_small } else { &self.promises_long };
        let own = promises.last_due(question.1).map_or(from, |due| due + patience);
        self.place(core, question, from.max(own))
    }

    /// When a request that is promised a place would be sent. The later, the more of what was promised to others comes before
    /// it.
    fn place(&self, core: &mut Core, question: (&Waiting, &Client, Demand), from: Instant) -> Instant {
        let mut sent = from;
        for step in 0..=STEPS_MAX {
            let by = (step < STEPS_MAX).then_some(sent);
            let next = self.forecast(core, question, View::Promises { by }).sent;
            if next <= sent {
                break;
            }
            sent = next;
        }
        sent
    }

    fn promises(&mut self, small: bool) -> &mut super::promise::Promises {
        if small { &mut self.promises_small } else { &mut self.promises_long }
    }

    /// A client may be served as many requests at a time as are left to the others; who was promised a place has it.
    fn check_places(
        &mut self,
        core: &mut Core,
        client: &Client,
        demand: Demand,
        promised: Option<Instant>,
    ) -> Result<(), ApiError> {
        let now = core.now.at;
        let served = self.jobs.iter().filter(|work| !work.token().is_own());
        let (all, own) =
            served.fold((0, 0), |(all, own), work| (all + 1, own + usize::from(work.seat().client == *client)));
        let part = core.config.pacing.client_requests.min(JOBS_MAX.saturating_sub(all));
        let is_due = promised.is_some_and(|due| due <= now);
        if own < part.max(1) && all < JOBS_MAX || is_due && all < 2 * JOBS_MAX {
            return Ok(());
        }
        let text = if own < core.config.pacing.client_requests && all >= JOBS_MAX {
            format!("{all} history requests are being served")
        } else {
            format!("{own} history requests of this client are being served, its share")
        };
        // The first of this client's, and as many of each other client's, have ended by then.
        let waiting = self.waiting(core, demand.small);
        let rounds = u32::try_from(waiting.len()).unwrap_or(u32::MAX).max(1);
        let due = core.pacing.history_sent_by(now, demand.small, 0, rounds) + Duration::from_secs(1);
        let due = promised.filter(|promised| *promised > now).unwrap_or(due);
        self.promises(demand.small).make(client, demand.key, due, demand.units);
        let after = millis(due.saturating_duration_since(now)).max(1);
        Err(ApiError::new(ErrorCode::Busy, text).retry_after_ms(after))
    }

    /// When accepted requests are to be looked at again.
    pub(super) fn look_at(&self) -> Option<Instant> {
        self.looked_at.filter(|_| self.has_unsent()).map(|at| at + LOOK_EVERY)
    }

    fn has_unsent(&self) -> bool {
        self.jobs.iter().any(|work| matches!(work, Work::Bars(_) | Work::Once(_))) && self.fetches.has_unsent()
    }

    /// Gives up what can no longer be sent before its caller's deadline, because others got their turns or the limits
    /// were lowered: the places go to those who can still be served.
    pub(crate) fn shed(&mut self, core: &mut Core, is_forced: bool) {
        let now = core.now.at;
        if !is_forced && self.looked_at.is_some_and(|at| at + LOOK_EVERY > now) {
            return;
        }
        self.looked_at = Some(now);
        if !self.has_unsent() {
            return;
        }
        let unsent = self.fetches.unsent();
        let waiting = [self.waiting(core, false), self.waiting(core, true)];
        // In the order of arrival: what is given up makes room for what comes after it.
        let mut sums: FxHashMap<(Client, bool), u32> = FxHashMap::default();
        let mut late = Vec::new();
        for work in &self.jobs {
            let (small, unasked) = match work {
                Work::Bars(job) => (job.is_small(), job.unasked_units()),
                Work::Once(_) => (false, 0),
                Work::Ticks(_) => continue,
            };
            let units = unasked.saturating_add(unsent.get(&work.token()).copied().unwrap_or_default());
            if units == 0 {
                continue;
            }
            let client = &work.seat().client;
            let sum = sums.entry((client.clone(), small)).or_default();
            let need = sum.saturating_add(units);
            let others = waiting.get(usize::from(small)).into_iter().flatten().filter(|(other, _)| *other != client);
            // At best it is the first of its round: only what is late even then is given up.
            let turns = need.saturating_sub(1);
            let ahead = others.map(|(_, waiting)| (*waiting).min(turns)).fold(*sum, u32::saturating_add);
            let sent = core.pacing.history_sent_by(now, small, ahead, units).max(hold_ends(core));
            let deadline = work.seat().deadline;
            // What is missed by little is tried: windows and answers may turn out better than foretold.
            let slack = SLACK.max(deadline.saturating_duration_since(now) / 10);
            let is_unsent = !self.fetches.has_asked(work.token());
            if sent > deadline + slack || deadline <= now && is_unsent {
                late.push((work.token(), client.clone(), small, units));
            } else {
                *sum = need;
            }
        }
        for (token, client, small, units) in late {
            core.pacing.note_dropped(now, Class::History, &client);
            let Some(work) = self.jobs.iter().find(|work| work.token() == token) else { continue };
            let (key, patience) = (work.seat().key, work.seat().patience);
            let demand = Demand { small, units, key };
            let waiting = self.waiting(core, small);
            let sent = self.place_behind(core, (&waiting, &client, demand), now, patience);
            let due = now + (sent.saturating_duration_since(now + patience) + Duration::from_millis(1));
            self.promises(small).make(&client, key, due, units);
            let after = due.saturating_duration_since(now);
            let text = if core.history_hold.is_some() {
                "IB or the gateway is away for a while, and this can no longer be sent before its deadline"
            } else {
                "other clients got their turns or the limits were lowered since this was accepted, and it can no longer be sent before its deadline"
            };
            let error = ApiError::new(ErrorCode::PacingLimited, text).retry_after_ms(millis(after));
            if let Some(work) = self.jobs.iter_mut().find(|work| work.token() == token) {
                work.give_up(error);
            }
        }
        self.pump(core);
        self.fetches.drop_unwanted(core);
    }
}

/// What a caller is told who would be too late.
fn too_late(core: &Core, demand: Demand, forecast: Forecast) -> ApiError {
    let Forecast { sent, ahead } = forecast;
    let needed_ms = millis(sent.saturating_duration_since(core.now.at));
    let hold = core.history_hold.filter(|(until, _)| *until >= sent);
    let message = if let Some((_, what)) = hold {
        format!("history is held until {what} is over, in {needed_ms} ms")
    } else if core.pacing.slowed_until().is_some_and(|until| until >= sent) {
        format!("history is held back for {needed_ms} ms after a pacing violation")
    } else {
        let (max, length) = core.pacing.history_window(demand.small);
        let kind = if demand.small { "small-bar requests" } else { "requests for longer bars" };
        let (units, seconds) = (demand.units, length.as_secs());
        format!(
            "this takes {units} {kind}, {max} may be sent in {seconds} s, {ahead} wait before it, and the last one would be sent in {needed_ms} ms; allow a longer timeout_ms or ask for less"
        )
    };
    ApiError::new(ErrorCode::PacingLimited, message)
}

/// When what is held because IB or the gateway is away may be sent; now if nothing is held.
fn hold_ends(core: &Core) -> Instant {
    core.history_hold.map_or(core.now.at, |(until, _)| until)
}

/// Time that a request needs if nothing else is asked.
fn alone(core: &Core, demand: Demand) -> Duration {
    let (max, length) = core.pacing.history_window(demand.small);
    (length * (demand.units.saturating_sub(1) / max.max(1))).max(burst_time(core, demand))
}

/// Time from the first to the last of these units under the rule for one contract and kind.
fn burst_time(core: &Core, demand: Demand) -> Duration {
    if !demand.small {
        return Duration::ZERO;
    }
    let (max, length) = core.pacing.same_window();
    length * (demand.units.saturating_sub(1) / max.max(1))
}

/// The key of a request that its words tell from others.
pub(super) fn key_of(command: &Command) -> u64 {
    let mut hasher = FxHasher::default();
    format!("{:?}", command.ask).hash(&mut hasher);
    hasher.finish()
}
