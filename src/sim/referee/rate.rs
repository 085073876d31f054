//! How often and how soon after each other clients ask.

use std::collections::{BTreeMap, VecDeque};

use super::ruling::{Rule, Ruling};
use crate::sim::outbox::{ConnectionId, NO_ID};
use crate::sim::universe::Refusal;
use crate::tws::Request;

const SECOND_MS: i64 = 1_000;
const TICK_BY_TICK_MS: i64 = 15_000;
/// Breaches of the message rate after which a session is ended.
const BREACHES_MAX: u32 = 3;

/// Times of requests.
#[derive(Debug)]
pub(super) struct RateBook {
    messages_max: usize,
    /// The gateway setting "reject messages above maximum allowed message rate"; off, a gateway reads
    /// more slowly and says nothing.
    rejects: bool,
    messages: BTreeMap<ConnectionId, VecDeque<i64>>,
    /// Of all connections together.
    login: VecDeque<i64>,
    breaches: BTreeMap<ConnectionId, u32>,
    /// Last tick-by-tick request by instrument.
    tick_by_tick: BTreeMap<i32, i64>,
    regulatory: Option<i64>,
    searched: Option<i64>,
}

impl RateBook {
    pub(super) fn new(messages_max: usize, rejects: bool) -> Self {
        Self {
            messages_max: messages_max.max(50),
            rejects,
            messages: BTreeMap::new(),
            login: VecDeque::new(),
            breaches: BTreeMap::new(),
            tick_by_tick: BTreeMap::new(),
            regulatory: None,
            searched: None,
        }
    }

    pub(super) fn judge(
        &mut self,
        now_ms: i64,
        connection: ConnectionId,
        con_id: Option<i32>,
        request: &Request,
        broken: &mut Vec<Rule>,
    ) -> Ruling {
        let (last, window_ms, rule) = match request {
            Request::TickByTickRequest(_) => {
                let last = con_id.and_then(|con_id| self.tick_by_tick.insert(con_id, now_ms));
                (last, TICK_BY_TICK_MS, Rule::TickByTickAgain)
            }
            Request::MarketDataRequest(ask) if ask.regulatory_snapshot.unwrap_or(false) => {
                (self.regulatory.replace(now_ms), SECOND_MS, Rule::RegulatorySnapshots)
            }
            Request::MatchingSymbolsRequest(_) => (self.searched.replace(now_ms), SECOND_MS, Rule::SymbolSearch),
            _ => (None, 0, Rule::Messages),
        };
        if last.is_some_and(|at| at + window_ms > now_ms) {
            broken.push(rule);
        }
        self.count_message(now_ms, connection, broken)
    }

    fn count_message(&mut self, now_ms: i64, connection: ConnectionId, broken: &mut Vec<Rule>) -> Ruling {
        while self.login.front().is_some_and(|at| at + SECOND_MS <= now_ms) {
            self.login.pop_front();
        }
        self.login.push_back(now_ms);
        // A single connection that is too fast breaks its own rule.
        if self.login.len() > self.messages_max && self.messages.len() > 1 {
            broken.push(Rule::LoginMessages);
        }
        let times = self.messages.entry(connection).or_default();
        while times.front().is_some_and(|at| at + SECOND_MS <= now_ms) {
            times.pop_front();
        }
        times.push_back(now_ms);
        if times.len() <= self.messages_max {
            return Ruling::Allow;
        }
        broken.push(Rule::Messages);
        if !self.rejects {
            return Ruling::Allow;
        }
        let breaches = self.breaches.entry(connection).or_default();
        *breaches += 1;
        let text =
            format!("Max rate of messages per second has been exceeded:max={} rec={}", self.messages_max, times.len());
        let refusal = Refusal::new(100, text);
        if *breaches >= BREACHES_MAX { Ruling::Close(refusal) } else { Ruling::Refuse(NO_ID, refusal) }
    }

    pub(super) fn closed(&mut self, connection: ConnectionId) {
        self.messages.remove(&connection);
        self.breaches.remove(&connection);
    }
}
