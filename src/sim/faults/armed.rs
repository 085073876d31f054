//! One rule with what it has seen so far: decides whether this occasion is the one.

use super::super::outbox::ConnectionId;
use super::super::seed::Seed;
use super::rule::{Occasion, Rule, When};

/// Logins whose time has not come, per rule.
const LOGINS_MAX: usize = 256;

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Seen<'a> {
    /// IB's name of the message.
    pub(in super::super) kind: &'a str,
    /// Absent before the login.
    pub(in super::super) client_id: Option<i32>,
    /// The instrument it is about, if that is known.
    pub(in super::super) symbol: Option<&'a str>,
}

/// Whom a rule that was set off is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Target {
    /// Every connection, or those of one client id.
    All(Option<i32>),
    /// One connection.
    One(ConnectionId),
}

/// A rule that is in force.
#[derive(Debug)]
pub(super) struct Armed {
    /// Its number for operators.
    pub(super) number: u64,
    pub(super) rule: Rule,
    started_ms: i64,
    /// Occasions that fit, taken or not.
    pub(super) matched: u64,
    /// Occasions taken.
    pub(super) fired: u64,
    next_ms: Option<i64>,
    logins: Vec<(i64, ConnectionId)>,
    seed: Seed,
}

impl Armed {
    pub(super) fn new(number: u64, rule: Rule, now_ms: i64, seed: u64) -> Self {
        let next_ms = match rule.when {
            When::Start { at_ms, .. } => Some(now_ms.saturating_add(at_ms)),
            _ => None,
        };
        let instrument = i32::try_from(number).unwrap_or(i32::MAX);
        let seed = Seed::of(seed, instrument, 0x000F_A017);
        Self { number, rule, started_ms: now_ms, matched: 0, fired: 0, next_ms, logins: Vec::new(), seed }
    }

    /// It has happened as often as it may.
    pub(super) fn is_spent(&self) -> bool {
        self.rule.times.is_some_and(|times| self.fired >= u64::from(times))
    }

    /// A client has logged in.
    pub(super) fn on_login(&mut self, now_ms: i64, connection: ConnectionId, client_id: i32) {
        let When::Login { at_ms, nth } = self.rule.when else { return };
        if self.is_spent() || !self.is_about(Some(client_id)) {
            return;
        }
        self.matched += 1;
        if nth.is_none_or(|nth| nth == self.matched) && self.logins.len() < LOGINS_MAX && self.takes() {
            self.logins.push((now_ms.saturating_add(at_ms), connection));
        }
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.logins.retain(|(_, of)| *of != connection);
    }

    /// Whom it is about now that this time has come; empty if it has not.
    pub(super) fn due(&mut self, now_ms: i64) -> Vec<Target> {
        let mut targets = Vec::new();
        if let Some(at_ms) = self.next_ms.filter(|at| *at <= now_ms && !self.is_spent()) {
            self.next_ms = match self.rule.when {
                // Occasions that were missed because time jumped happen once.
                When::Start { every_ms: Some(every), .. } => {
                    let every = every.max(1);
                    Some(at_ms.saturating_add((now_ms.saturating_sub(at_ms) / every + 1).saturating_mul(every)))
                }
                _ => None,
            };
            self.matched += 1;
            if self.takes() {
                self.fired += 1;
                targets.push(Target::All(self.rule.client_id));
            }
        }
        let (ready, later) = std::mem::take(&mut self.logins).into_iter().partition(|(at, _)| *at <= now_ms);
        self.logins = later;
        let ready: Vec<(i64, ConnectionId)> = ready;
        for (_, connection) in ready {
            if !self.is_spent() {
                self.fired += 1;
                targets.push(Target::One(connection));
            }
        }
        targets
    }

    pub(super) fn wake_at(&self) -> Option<i64> {
        self.logins.iter().map(|(at, _)| *at).chain(self.next_ms.filter(|_| !self.is_spent())).min()
    }

    /// True if this request sets it off.
    pub(super) fn on_request(&mut self, now_ms: i64, seen: Seen<'_>) -> bool {
        match &self.rule.when {
            When::Request(occasion) if self.fits(occasion, now_ms, seen) => self.count(),
            _ => false,
        }
    }

    /// True if this message sets it off.
    pub(super) fn on_message(&mut self, now_ms: i64, seen: Seen<'_>) -> bool {
        match &self.rule.when {
            When::Message(occasion) if self.fits(occasion, now_ms, seen) => self.count(),
            _ => false,
        }
    }

    fn fits(&self, occasion: &Occasion, now_ms: i64, seen: Seen<'_>) -> bool {
        !self.is_spent()
            && occasion.names(seen.kind)
            && occasion.is_open(now_ms - self.started_ms)
            && self.is_about(seen.client_id)
            && self.rule.symbol.as_deref().is_none_or(|symbol| seen.symbol == Some(symbol))
    }

    /// One more occasion: is it taken?
    fn count(&mut self) -> bool {
        self.matched += 1;
        let nth = match &self.rule.when {
            When::Request(occasion) | When::Message(occasion) => occasion.nth,
            When::Start { .. } | When::Login { .. } => None,
        };
        let is_taken = nth.is_none_or(|nth| nth == self.matched) && self.takes();
        self.fired += u64::from(is_taken);
        is_taken
    }

    fn is_about(&self, client_id: Option<i32>) -> bool {
        self.rule.client_id.is_none_or(|wanted| client_id == Some(wanted))
    }

    /// The seed's word for this occasion; the same for the same history.
    fn takes(&self) -> bool {
        let index = i64::try_from(self.matched).unwrap_or_default();
        self.seed.below(0, index, 1_000_000) < i64::from(self.rule.chance_ppm)
    }

    /// A number in `0..=most` that belongs to the present occasion.
    pub(super) fn drawn(&self, most: i64) -> i64 {
        let index = i64::try_from(self.matched).unwrap_or_default();
        self.seed.below(1, index, u64::try_from(most).unwrap_or_default().saturating_add(1))
    }
}
