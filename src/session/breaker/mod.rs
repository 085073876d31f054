//! Stops asking what the gateway does not answer: one breaker for each kind of request.
//!
//! Only questions count that somebody waits for (contracts, history, tables): orders, cancels and what keeps
//! the account known are never held back, and a quiet stream is no failure.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    config,
    schema::{
        ApiError, ErrorCode,
        breaker::{Breaker as Told, BreakerState},
    },
    session::pacing::Class,
};

/// Where one breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    /// Refuses until then.
    Open {
        until: Instant,
    },
    /// A trial was let through; another may follow at this time if nothing is heard of it.
    HalfOpen {
        next_trial: Instant,
    },
}

#[derive(Debug)]
struct Breaker {
    state: State,
    failures: u32,
    /// How long it stays open next.
    open: Duration,
}

/// The breakers of all kinds that have failed since they last succeeded.
#[derive(Debug)]
pub(crate) struct Breakers {
    limits: config::Breaker,
    by_kind: BTreeMap<&'static str, Breaker>,
}

impl Breakers {
    pub(crate) fn new(limits: config::Breaker) -> Self {
        Self { limits, by_kind: BTreeMap::new() }
    }

    /// Kinds that have failed since they last succeeded.
    pub(crate) fn len(&self) -> usize {
        self.by_kind.len()
    }

    /// True for classes whose requests are expected to be answered.
    pub(crate) fn watches(class: Class) -> bool {
        matches!(class, Class::Interactive | Class::History | Class::Bulk)
    }

    /// Whether a request of this kind may pass.
    ///
    /// # Errors
    ///
    /// `busy` with `retry_after_ms` while the kind is not answered.
    pub(crate) fn check(&self, now: Instant, kind: &'static str) -> Result<(), ApiError> {
        let Some((breaker, until)) = self.by_kind.get(kind).and_then(|breaker| Some((breaker, breaker.until()?)))
        else {
            return Ok(());
        };
        if until <= now {
            return Ok(());
        }
        let wait_ms = u64::try_from((until - now).as_millis()).unwrap_or(u64::MAX).max(1);
        let message = format!(
            "the gateway has left {} requests of this kind ({kind}) unanswered; it is asked again later",
            breaker.failures
        );
        Err(ApiError::new(ErrorCode::Busy, message).retry_after_ms(wait_ms))
    }

    /// A request of this kind, which may pass, was queued: it is the trial if one is due. Tells what has changed.
    pub(crate) fn begin_trial(&mut self, now: Instant, kind: &'static str) -> Option<Told> {
        let breaker = self.by_kind.get_mut(kind)?;
        breaker.until()?;
        let is_first = matches!(breaker.state, State::Open { .. });
        breaker.state = State::HalfOpen { next_trial: now + breaker.open };
        is_first.then(|| breaker.told(kind, now))
    }

    /// A request of this kind was given up before it was sent. It may have been the trial: the next one may pass.
    pub(crate) fn on_unsent(&mut self, now: Instant, kind: &'static str) {
        if let Some(Breaker { state: State::HalfOpen { next_trial }, .. }) = self.by_kind.get_mut(kind) {
            *next_trial = now;
        }
    }

    /// The link is gone, and with it all trials.
    pub(crate) fn on_link_down(&mut self, now: Instant) {
        for breaker in self.by_kind.values_mut() {
            if let State::HalfOpen { next_trial } = &mut breaker.state {
                *next_trial = now;
            }
        }
    }

    /// A request of this kind was answered, in whatever way.
    pub(crate) fn on_answer(&mut self, now: Instant, kind: &'static str) -> Option<Told> {
        let mut breaker = self.by_kind.remove(kind)?;
        let was_closed = breaker.state == State::Closed;
        (breaker.state, breaker.failures) = (State::Closed, 0);
        (!was_closed).then(|| breaker.told(kind, now))
    }

    /// A request of this kind stayed unanswered.
    pub(crate) fn on_silence(&mut self, now: Instant, kind: &'static str) -> Option<Told> {
        if self.limits.failures == 0 {
            return None;
        }
        let open = config::ms(self.limits.open_ms);
        let fresh = || Breaker { state: State::Closed, failures: 0, open };
        let breaker = self.by_kind.entry(kind).or_insert_with(fresh);
        breaker.failures = breaker.failures.saturating_add(1);
        match breaker.state {
            State::Closed if breaker.failures < self.limits.failures => return None,
            // What was sent before it opened says nothing new.
            State::Open { .. } => return None,
            State::Closed => {}
            State::HalfOpen { .. } => {
                breaker.open = breaker.open.saturating_mul(2).min(config::ms(self.limits.open_max_ms)).max(open);
            }
        }
        breaker.state = State::Open { until: now + breaker.open };
        Some(breaker.told(kind, now))
    }

    /// The breakers that are not closed.
    pub(crate) fn told(&self, now: Instant) -> Vec<Told> {
        let open = self.by_kind.iter().filter(|(_, breaker)| breaker.state != State::Closed);
        open.map(|(kind, breaker)| breaker.told(kind, now)).collect()
    }
}

impl Breaker {
    /// Until when it lets nothing pass; `None` if it is closed.
    fn until(&self) -> Option<Instant> {
        match self.state {
            State::Closed => None,
            State::Open { until } | State::HalfOpen { next_trial: until } => Some(until),
        }
    }

    fn told(&self, kind: &str, now: Instant) -> Told {
        let (state, until) = match self.state {
            State::Closed => (BreakerState::Closed, now),
            State::Open { until } => (BreakerState::Open, until),
            State::HalfOpen { next_trial } => (BreakerState::HalfOpen, next_trial),
        };
        let wait = until.saturating_duration_since(now);
        Told {
            kind: kind.to_owned(),
            state,
            failures: self.failures,
            retry_after_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
