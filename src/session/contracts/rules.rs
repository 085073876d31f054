//! Market rules: the price steps of a contract at each of its exchanges.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;
use rustc_hash::FxHashMap;

use super::lookup::DataLink;
use crate::{
    config::ms,
    schema::{
        ApiError, ErrorCode, Instrument,
        connection::LinkName,
        request::contract::{PriceStep, Rule, RulesAnswer},
    },
    session::{
        Answer, CacheItem, CacheKind, Output, Token,
        core::{Core, Errand, Owner},
        pacing::Class,
    },
    tws::{
        Request,
        message::contract::{MarketRule, MarketRuleRequest},
        sentinel::unset_double,
    },
};

/// Rules remembered. IB has a few thousand.
const RULES_MAX: usize = 10_000;
/// Steps of one rule.
const STEPS_MAX: usize = 1_000;

/// Rules known, and those asked for.
#[derive(Debug, Default)]
pub(super) struct Rules {
    known: FxHashMap<i32, Known>,
    /// Request id of a rule on its way. The gateway's answer names the rule only.
    asked: FxHashMap<i32, i32>,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Known {
    learned_us: i64,
    is_doubtful: bool,
    steps: Vec<PriceStep>,
}

/// A caller who waits for the rules of a contract.
#[derive(Debug)]
struct Waiting {
    token: Token,
    instrument: Instrument,
    /// Exchanges of each rule.
    rules: BTreeMap<i32, Vec<String>>,
}

impl Rules {
    /// Questions on their way, and who waits for them.
    pub(super) fn entries(&self) -> usize {
        self.asked.len() + self.waiting.len()
    }

    /// Answers with the rules of a contract as soon as all are known. `rules` stand for `exchanges` in the same order.
    pub(super) fn ask(
        &mut self,
        core: &mut Core,
        link: &DataLink,
        token: Token,
        instrument: Instrument,
        (rules, exchanges): (&[i32], Vec<String>),
    ) {
        let mut by_rule: BTreeMap<i32, Vec<String>> = BTreeMap::new();
        for (rule, exchange) in rules.iter().zip(exchanges) {
            by_rule.entry(*rule).or_default().push(exchange);
        }
        if by_rule.is_empty() {
            let text = format!("the gateway names no market rules for {}", instrument.short());
            return core.refuse(token, ApiError::new(ErrorCode::NoData, text));
        }
        for rule in by_rule.keys() {
            if self.is_sure(core, *rule) || self.asked.contains_key(rule) {
                continue;
            }
            let asked = link.check().and_then(|()| self.request(core, *rule));
            if let Err(error) = asked
                && !self.is_usable(core, *rule)
            {
                return core.refuse(token, error);
            }
        }
        self.waiting.push(Waiting { token, instrument, rules: by_rule });
        self.tell(core);
    }

    fn request(&mut self, core: &mut Core, rule: i32) -> Result<(), ApiError> {
        let req_id = core.new_req_id();
        let request = Request::MarketRuleRequest(MarketRuleRequest { market_rule_id: Some(rule) });
        let errand = Errand::new(LinkName::Data, Class::Interactive, request)
            .id(req_id)
            .answer_within(ms(core.config.timing.request_ms));
        core.submit(Owner::Contracts, errand)?;
        self.asked.insert(rule, req_id);
        Ok(())
    }

    fn is_usable(&self, core: &Core, rule: i32) -> bool {
        self.known.get(&rule).is_some_and(|known| core.now.us - known.learned_us < core.config.contracts.keep_us())
    }

    fn is_sure(&self, core: &Core, rule: i32) -> bool {
        self.is_usable(core, rule) && self.known.get(&rule).is_some_and(|known| !known.is_doubtful)
    }

    pub(super) fn on_rule(&mut self, core: &mut Core, message: &MarketRule) {
        let rule = message.market_rule_id.unwrap_or_default();
        let Some(req_id) = self.asked.remove(&rule) else {
            core.counters.late_answers += 1;
            return;
        };
        core.done(req_id);
        if let Some(steps) = read(message) {
            let (learned_us, body) = (core.now.us, Some(Bytes::from(message.encode_to_vec())));
            core.output(Output::Cache(CacheItem {
                kind: CacheKind::Rule,
                key: rule.to_string(),
                at_us: learned_us,
                body,
            }));
            self.learn(rule, Known { learned_us, is_doubtful: false, steps });
        } else {
            core.counters.undecodable_messages += 1;
            let text = format!("the gateway's answer about market rule {rule} cannot be read");
            self.fail(core, rule, &ApiError::new(ErrorCode::NoData, text));
        }
        self.tell(core);
    }

    fn learn(&mut self, rule: i32, known: Known) {
        if self.known.len() < RULES_MAX || self.known.contains_key(&rule) {
            self.known.insert(rule, known);
        }
    }

    /// A rule that an earlier run learned.
    pub(super) fn recall(&mut self, item: &CacheItem) {
        let message = item.body.clone().and_then(|body| MarketRule::decode(body).ok());
        if let (Ok(rule), Some(steps)) = (item.key.parse(), message.as_ref().and_then(read)) {
            self.learn(rule, Known { learned_us: item.at_us, is_doubtful: false, steps });
        }
    }

    /// The gateway may have restarted.
    pub(super) fn doubt(&mut self) {
        self.known.values_mut().for_each(|known| known.is_doubtful = true);
    }

    /// True if the request was for a rule.
    pub(super) fn on_timeout(&mut self, core: &mut Core, req_id: i32) -> bool {
        let Some(rule) = self.asked.iter().find(|(_, asked)| **asked == req_id).map(|(rule, _)| *rule) else {
            return false;
        };
        self.asked.remove(&rule);
        if !self.is_usable(core, rule) {
            let text = format!("the gateway did not answer what market rule {rule} is");
            self.fail(core, rule, &ApiError::new(ErrorCode::Timeout, text));
        }
        self.tell(core);
        true
    }

    pub(super) fn on_link_down(&mut self, core: &mut Core, error: Option<&ApiError>) {
        for rule in std::mem::take(&mut self.asked).into_keys() {
            if let Some(error) = error.filter(|_| !self.is_usable(core, rule)) {
                self.fail(core, rule, error);
            }
        }
        self.tell(core);
    }

    fn fail(&mut self, core: &mut Core, rule: i32, error: &ApiError) {
        self.waiting.retain(|waiting| {
            let concerns = waiting.rules.contains_key(&rule);
            if concerns {
                core.refuse(waiting.token, error.clone());
            }
            !concerns
        });
    }

    /// Answers everybody for whom nothing is on its way any more.
    fn tell(&mut self, core: &mut Core) {
        let (known, asked) = (&self.known, &self.asked);
        self.waiting.retain(|waiting| {
            if !core.is_waiting(waiting.token) {
                return false;
            }
            if waiting.rules.keys().any(|rule| asked.contains_key(rule)) {
                return true;
            }
            let rule = |(rule, exchanges): (&i32, &Vec<String>)| Rule {
                rule: *rule,
                exchanges: exchanges.clone(),
                steps: known.get(rule).map(|known| known.steps.clone()).unwrap_or_default(),
            };
            let rules = waiting.rules.iter().map(rule).collect();
            let answer = RulesAnswer { instrument: waiting.instrument.clone(), rules };
            core.answer(waiting.token, Answer::Rules(Box::new(answer)));
            false
        });
    }
}

/// Steps by price, lowest first. `None` if one of them is no step.
fn read(message: &MarketRule) -> Option<Vec<PriceStep>> {
    if message.price_increments.is_empty() || message.price_increments.len() > STEPS_MAX {
        return None;
    }
    let mut steps = Vec::with_capacity(message.price_increments.len());
    for row in &message.price_increments {
        // Zero is left out on the wire.
        let from = unset_double(row.low_edge.unwrap_or_default())?;
        let step = row.increment.and_then(unset_double).filter(|step| *step > 0.0)?;
        steps.push(PriceStep { from, step });
    }
    steps.sort_by(|a, b| a.from.total_cmp(&b.from));
    Some(steps)
}
