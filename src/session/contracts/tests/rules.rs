//! Market rules.

use super::*;
use crate::{
    schema::request::contract::{PriceStep, RulesAnswer, RulesRequest},
    tws::message::contract::{MarketRule, PriceIncrement},
};

fn rules(text: &str) -> Ask {
    Ask::Rules(Box::new(RulesRequest { contract: spec(text), timeout_ms: None }))
}

fn asked_rules(rig: &mut Rig) -> Vec<i32> {
    let sent = rig.sent(LinkName::Data).into_iter();
    let rule = |request| match request {
        Request::MarketRuleRequest(ask) => ask.market_rule_id,
        _ => None,
    };
    sent.filter_map(rule).collect()
}

fn tell_rule(rig: &mut Rig, rule: i32, steps: &[(f64, f64)]) {
    let increment = |(from, step): &(f64, f64)| PriceIncrement { low_edge: Some(*from), increment: Some(*step) };
    let price_increments = steps.iter().map(increment).collect();
    rig.receive_data(Response::MarketRule(MarketRule { market_rule_id: Some(rule), price_increments }));
}

#[track_caller]
fn told(rig: &mut Rig, token: Token) -> RulesAnswer {
    let Some(Ok(Answer::Rules(answer))) = rig.reply(token) else { panic!("no rules") };
    *answer
}

#[test]
fn the_steps_at_each_exchange_are_told_and_remembered() {
    let mut rig = Rig::ready();
    let token = rig.ask(rules("STK:AAPL"));
    let (req_id, _) = one_lookup(&mut rig);
    answer(&mut rig, req_id, vec![row(265_598, "AAPL", "SMART", "NASDAQ")]);
    assert_eq!(asked_rules(&mut rig), [26, 27, 28]);
    tell_rule(&mut rig, 28, &[(1.0, 0.01), (0.0, 0.0001)]);
    tell_rule(&mut rig, 26, &[(0.0, 0.01)]);
    assert_eq!(rig.reply(token), None);
    tell_rule(&mut rig, 27, &[(0.0, 0.01)]);
    let answer = told(&mut rig, token);
    let exchanges: Vec<&str> = answer.rules.iter().map(|rule| rule.exchanges[0].as_str()).collect();
    assert_eq!(exchanges, ["SMART", "NASDAQ", "NYSE"]);
    assert_eq!(answer.rules[2].steps, [PriceStep { from: 0.0, step: 0.0001 }, PriceStep { from: 1.0, step: 0.01 }]);

    let token = rig.ask(rules("STK:AAPL"));
    assert_eq!(told(&mut rig, token), answer);
    assert_eq!(rig.sent(LinkName::Data), []);
}

#[test]
fn a_rule_that_never_comes_is_a_timeout_and_a_strange_one_no_data() {
    let mut rig = Rig::ready();
    let token = rig.ask(rules("STK:AAPL"));
    let (req_id, _) = one_lookup(&mut rig);
    rig.wait_ms(5_000);
    answer(&mut rig, req_id, vec![row(265_598, "AAPL", "SMART", "NASDAQ")]);
    tell_rule(&mut rig, 26, &[(0.0, -1.0)]);
    assert_eq!(refused(&mut rig, token).code, ErrorCode::NoData);

    let token = rig.ask(rules("STK:AAPL"));
    rig.wait_ms(10_000);
    assert_eq!(refused(&mut rig, token).code, ErrorCode::Timeout);
}
