//! Reports that mean less than they seem to, and what must be asked for.

use super::*;
use crate::schema::ErrorCode;

#[test]
fn a_rate_that_was_broken_does_not_pass_for_a_refusal_of_the_order() {
    let mut rig = Rig::ready();
    let token = place(&mut rig, ask("k1", ""));
    rig.notice(TRADING, 1, 100, "Max rate of messages per second has been exceeded");
    assert!(rig.reply(token).is_none(), "nobody knows yet");
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Sent));
    rig.receive(TRADING, status(1, "Submitted", "0"));
    assert_eq!(answered(rig.reply(token)).state, OrderState::Working);
}

#[test]
fn fills_and_ends_that_nobody_told_while_ib_was_away_are_asked_for_when_it_is_back() {
    for code in [1101, 1102] {
        let mut rig = Rig::ready();
        place(&mut rig, ask("k1", ""));
        place(&mut rig, ask("k2", ""));
        rig.receive(TRADING, status(1, "Submitted", "0"));
        rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
        rig.forget();
        rig.notice_all(code, "Connectivity between IB and TWS has been restored");
        let asked = rig.peek_sent(TRADING);
        let executions: Vec<i32> = asked
            .iter()
            .filter_map(|request| match request {
                Request::ExecutionRequest(ask) => ask.req_id,
                _ => None,
            })
            .collect();
        let [req_id] = executions[..] else { panic!("{asked:?}") };
        let count = |wanted: fn(&Request) -> bool| asked.iter().filter(|request| wanted(request)).count();
        assert_eq!(count(|request| matches!(request, Request::AllOpenOrdersRequest(_))), 2, "not once per link");
        assert_eq!(count(|request| matches!(request, Request::CompletedOrdersRequest(_))), 1);

        // Until the lists come, and if they never do, orders are taken as before.
        place(&mut rig, ask("k3", ""));
        assert_eq!(placed(&mut rig).len(), 1);
        rig.receive(TRADING, execution(req_id, 1, "k1", "00a.01.01", "100", "100"));
        let (_, fills) = told(&mut rig);
        assert_eq!((fills.len(), fills[0].recovered), (1, Some(true)));
        assert_eq!(state_of(&rig, "k1"), Some(OrderState::Filled));
        rig.answer_download();
        assert_eq!(
            state_of(&rig, "k2"),
            Some(OrderState::Sent),
            "not listed once proves nothing while the link stands"
        );
    }
}

#[test]
fn a_key_of_an_earlier_run_takes_no_other_order() {
    let mut rig = Rig::ready();
    rig.receive(TRADING, open_order(gateway_order(1, 40, 503, "earlier"), "Submitted"));
    for (more, field) in [(r#","side":"sell""#, "side"), (r#","quantity":"7""#, "quantity")] {
        let json = serde_json::to_value(ask("earlier", "")).expect("JSON");
        let change: serde_json::Value = serde_json::from_str(&format!("{{{}}}", &more[1..])).expect("JSON");
        let mut whole = json.as_object().expect("an object").clone();
        whole.extend(change.as_object().expect("an object").clone());
        let other = serde_json::from_value(whole.into()).expect("a request");
        let token = place(&mut rig, other);
        let refusal = rig.reply(token).expect("a reply").expect_err("a refusal");
        assert_eq!(refusal.code, ErrorCode::InvalidRequest);
        assert!(refusal.message.contains(field), "{}", refusal.message);
    }
    let token = place(&mut rig, ask("earlier", ""));
    assert!(answered(rig.reply(token)).repeated);
    assert!(placed(&mut rig).is_empty());
}

#[test]
fn executions_without_a_version_are_two_fills() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.events();
    for exec_id in ["a1b2.x", "a1b2.y", "a1b2", "a1b2."] {
        rig.receive(TRADING, execution(-1, 1, "k1", exec_id, "10", "10"));
        rig.receive(TRADING, execution(-1, 1, "k1", exec_id, "10", "10"));
    }
    assert_eq!(told(&mut rig).1.len(), 4);
}

#[test]
fn a_commission_report_that_leaves_something_out_takes_nothing_back() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, execution(-1, 1, "k1", "00a.01.01", "40", "40"));
    rig.receive(TRADING, commission("00a.01.01", 1.0));
    rig.events();
    rig.receive(TRADING, commission("00a.01.01", f64::MAX));
    assert!(told(&mut rig).1.is_empty());
    rig.receive(TRADING, commission("00a.01.01", 1.5));
    assert_eq!(told(&mut rig).1[0].commission, Some(1.5));
}
