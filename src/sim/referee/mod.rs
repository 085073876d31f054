//! Watches what clients send and counts every breach of IB's limits.
//!
//! Written from `ib-limits` alone: it shares no code with the bridge, so that two readings of one rule are
//! checked against each other. It sees each request before it is served and each message that goes out.

mod history;
mod rate;
mod ruling;
mod slots;

use std::collections::{BTreeMap, VecDeque};

pub(super) use ruling::Ruling;
pub use ruling::{Rule, RuleCount, Violation};

use self::{history::HistoryBook, rate::RateBook, slots::SlotBook};
use super::SimConfig;
use super::login::Client;
use super::outbox::{ConnectionId, Effect};
use crate::tws::{Request, Response};

/// Breaches kept word for word; older ones are only counted.
const KEPT: usize = 256;

/// The account of one login's breaches.
#[derive(Debug)]
pub(super) struct Referee {
    /// Breaches are answered as a gateway does; else they are only counted.
    enforced: bool,
    history: HistoryBook,
    rate: RateBook,
    slots: SlotBook,
    counts: BTreeMap<Rule, u64>,
    recent: VecDeque<Violation>,
}

impl Referee {
    pub(super) fn new(config: &SimConfig) -> Self {
        Self {
            enforced: config.pacing,
            history: HistoryBook::default(),
            rate: RateBook::new(config.market_data_lines / 2, config.rejects_fast_clients),
            slots: SlotBook::new(config.market_data_lines),
            counts: BTreeMap::new(),
            recent: VecDeque::new(),
        }
    }

    /// Judges one request. `con_id` is the instrument it is about, if there is one.
    pub(super) fn judge(&mut self, now_ms: i64, client: &Client, con_id: Option<i32>, request: &Request) -> Ruling {
        let mut broken = Vec::new();
        let rate = self.rate.judge(now_ms, client.connection, con_id, request, &mut broken);
        let history = self.history.judge(now_ms, client.connection, con_id, request, self.enforced, &mut broken);
        self.slots.judge(client.connection, request, &mut broken);
        for rule in broken {
            self.note(Violation { rule, at_ms: now_ms, client_id: client.client_id, request: request.name() });
        }
        match rate {
            Ruling::Allow if self.enforced => history,
            Ruling::Allow => Ruling::Allow,
            refused => refused,
        }
    }

    /// Sees what goes out: answers that end a request, and refusals for slots that are all taken.
    pub(super) fn watch(&mut self, now_ms: i64, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Send(connection, Response::ErrorMessage(message)) => {
                    let code = message.error_code.unwrap_or_default();
                    let text = message.error_msg.as_deref().unwrap_or_default();
                    let is_counted = self.slots.on_error(*connection, message.id.unwrap_or_default(), code);
                    if let Some(rule) = ruling::taken_slots(code, text).filter(|_| !is_counted) {
                        self.note(Violation { rule, at_ms: now_ms, client_id: None, request: "answer" });
                    }
                    self.history.on_error(*connection, message.id.unwrap_or_default(), code);
                }
                Effect::Send(connection, response) => {
                    self.history.on_answer(*connection, response);
                    self.slots.on_answer(*connection, response);
                }
                Effect::Close(_) | Effect::Raw(..) | Effect::Line(..) => {}
            }
        }
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.history.closed(connection);
        self.rate.closed(connection);
        self.slots.closed(connection);
    }

    fn note(&mut self, violation: Violation) {
        *self.counts.entry(violation.rule).or_default() += 1;
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(violation);
    }

    /// Breaches so far, by rule.
    pub(super) fn counts(&self) -> Vec<RuleCount> {
        self.counts.iter().map(|(&rule, &count)| RuleCount { rule, count }).collect()
    }

    /// The newest breaches, oldest first; bounded.
    pub(super) fn recent(&self) -> Vec<Violation> {
        self.recent.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests;
