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

        // Until the lists come nobody knows what became of the open ones: a new one could be one too many.
        let token = place(&mut rig, ask("k3", ""));
        assert_eq!(rig.reply(token).expect("at once").expect_err("refused").code, ErrorCode::NotReady);
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

const HUGE: &str = "70000000000000000000000000000";

#[test]
fn quantities_whose_sum_no_number_holds_are_refused_and_end_nothing() {
    let mut rig = Rig::ready();
    let tokens: Vec<Token> = ["k1", "k2", "k3"]
        .map(|key| {
            let mut ask = ask(key, "");
            ask.quantity = Some(HUGE.parse().expect("a size"));
            place(&mut rig, ask)
        })
        .into();
    for token in tokens {
        let error = rig.reply(token).expect("answered").expect_err("refused");
        assert!(error.code == ErrorCode::InvalidRequest && error.message.starts_with("quantity: "), "{error}");
    }
    place(&mut rig, ask("k4", ""));
    rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, "k4"), "Submitted"));
    let mut change = serde_json::json!({ "key": "k4" });
    change["quantity"] = HUGE.into();
    let change = serde_json::from_value(change).expect("a modification");
    let token = rig.ask(Ask::ModifyOrder(Box::new(change)));
    let error = rig.reply(token).expect("answered").expect_err("refused");
    assert!(error.message.starts_with("quantity: "), "{error}");
}

#[test]
fn sizes_that_a_gateway_cannot_mean_are_told_and_counted_and_move_nothing() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, execution(-1, 1, "k1", "0001.01.01.01", "60", "60"));
    rig.forget();
    let huge = |order_id: i32, perm_id: i64, key: &str| {
        let total_quantity = Some(HUGE.to_owned());
        open_order(Order { total_quantity, ..gateway_order(1, order_id, perm_id, key) }, "Submitted")
    };
    for number in 0..3 {
        rig.receive(TRADING, huge(40 + number, PERM + 40 + i64::from(number), &format!("other-{number}")));
    }
    for exec_id in ["0001.01.02.01", "0001.01.03.01", "0001.01.01.02"] {
        rig.receive(TRADING, execution(-1, 1, "k1", exec_id, HUGE, HUGE));
    }
    rig.receive(TRADING, status(1, "Submitted", HUGE));
    let told_of = |event: &Event| matches!(event, Event::Notice(notice) if notice.class == "undecodable");
    assert!(rig.events().iter().any(told_of), "a person learns of it");
    assert!(rig.session.core.counters.undecodable_messages >= 7);
    let key = "k1".parse().expect("a key");
    let record = rig.session.orders.book.get(&key).expect("known");
    assert_eq!(record.event.filled.as_str(), "60");
    // What is asked next is summed up with what is open.
    place(&mut rig, ask("k2", ""));
    assert_eq!(placed(&mut rig).len(), 1);
}

#[test]
fn a_journal_of_an_earlier_release_with_sizes_beyond_all_bounds_ends_nothing() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    for (number, exec_id) in ["0001.01.01.02", "0001.01.02.01", "0001.01.03.01"].into_iter().enumerate() {
        rig.receive(TRADING, execution(-1, 1, "k1", exec_id, "10", &format!("{}", 10 * (number + 1))));
    }
    for entry in &mut rig.entries {
        if let crate::session::durable::Fact::Fill(fill) = &mut entry.fact {
            fill.quantity = HUGE.parse().expect("a size");
        }
    }
    let mut next = rig.restarted();
    next.log_in(LinkName::Data);
    next.log_in(TRADING);
    place(&mut next, ask("k2", ""));
    assert_eq!(placed(&mut next).len(), 1);
}

#[test]
fn a_report_of_our_order_id_under_another_key_is_of_another_order() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, "other"), "Submitted"));
    rig.receive(TRADING, execution(-1, 1, "other", "0001.01.01.01", "100", "100"));
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Sent), "nothing was said of it");
    assert!(state_of(&rig, "other").is_some());
    let (_, fills) = told(&mut rig);
    assert!(fills.iter().all(|fill| fill.key.as_str() == "other"), "{fills:?}");
    rig.receive(TRADING, open_order(gateway_order(1, 1, PERM + 6, "k1"), "Submitted"));
    assert_eq!(state_of(&rig, "k1"), Some(OrderState::Working));
}

#[test]
fn an_order_known_from_ib_alone_is_compared_in_all_that_ib_tells_of_it() {
    let contract = |con_id: i32| {
        let mut ask = ask("k1", "");
        ask.contract = serde_json::from_value(format!("CONID:{con_id}").into()).expect("a contract");
        ask
    };
    let named = |text: &str| {
        let mut ask = ask("k1", "");
        ask.contract = serde_json::from_value(text.into()).expect("a contract");
        ask
    };
    for (ask, field) in [
        (ask("k1", ""), None),
        (ask("k1", r#","tif":"gtc""#), Some("tif")),
        (PlaceOrder { limit_price: Some(181.0), ..ask("k1", "") }, Some("limit_price")),
        (PlaceOrder { order_type: crate::schema::order::OrderType::Market, ..ask("k1", "") }, Some("order_type")),
        (contract(1), Some("contract")),
        (named("STK:AAPL"), None),
        (named("STK:MSFT"), Some("contract")),
    ] {
        let mut rig = Rig::ready();
        rig.receive(TRADING, open_order(gateway_order(1, 40, PERM, "k1"), "Submitted"));
        let token = place(&mut rig, ask);
        match (rig.reply(token).expect("answered"), field) {
            (Ok(Answer::Order(answer)), None) => assert!(answer.repeated),
            (Err(error), Some(field)) => assert!(error.message.contains(&format!("another {field};")), "{error}"),
            (outcome, field) => panic!("{field:?}: {outcome:?}"),
        }
        assert!(placed(&mut rig).is_empty());
    }
    // A price that was changed since is not held against the first request.
    let mut rig = Rig::ready();
    rig.receive(TRADING, open_order(gateway_order(1, 40, PERM, "k1"), "Submitted"));
    let changed = Order { lmt_price: Some(181.0), ..gateway_order(1, 40, PERM, "k1") };
    rig.receive(TRADING, open_order(changed, "Submitted"));
    let token = place(&mut rig, ask("k1", ""));
    assert!(answered(rig.reply(token)).repeated);
}

#[test]
fn a_fill_that_was_forgotten_is_not_told_nor_counted_again() {
    let mut rig = Rig::ready();
    place(&mut rig, PlaceOrder { quantity: Some("1000000".parse().expect("a size")), ..ask("k1", "") });
    let fill = |rig: &mut Rig, number: usize, version: u32| {
        let exec_id = format!("0001.{number}.{version:02}");
        rig.receive(TRADING, execution(-1, 1, "k1", &exec_id, "10", &format!("{}", 10 * number)));
    };
    for number in 1..=1_500 {
        fill(&mut rig, number, 1);
    }
    let held = rig.session.orders.bought().clone();
    assert_eq!(held.values().copied().collect::<Vec<_>>(), [15_000.into()]);
    assert_eq!(told(&mut rig).1.len(), 1_500);
    for number in 1..=1_500 {
        fill(&mut rig, number, 1);
    }
    assert!(told(&mut rig).1.is_empty());
    assert_eq!(rig.session.orders.bought(), &held);
    // A correction takes back what the first version made.
    fill(&mut rig, 1, 2);
    assert_eq!(told(&mut rig).1.iter().map(|fill| fill.correction).collect::<Vec<_>>(), [Some(true)]);
    assert_eq!(rig.session.orders.bought(), &held);
    rig.session.orders.recount(&mut rig.session.core);
    let key = "k1".parse().expect("a key");
    let filled = rig.session.orders.book.get(&key).map(|record| record.event.filled.clone());
    assert_eq!(filled, "15000".parse().ok(), "what was forgotten was filled all the same");
}

#[test]
fn a_fill_of_which_nothing_says_what_was_traded_is_told_once_for_a_person() {
    let mut rig = Rig::ready();
    let bare = || {
        let Response::ExecutionDetails(mut report) = execution(-1, 9, "elsewhere", "0001.02.03.01", "5", "5") else {
            panic!("another message")
        };
        report.contract = None;
        Response::ExecutionDetails(report)
    };
    rig.receive(TRADING, bare());
    rig.receive(TRADING, bare());
    let notices: Vec<_> = rig
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Notice(notice) => Some(*notice),
            _ => None,
        })
        .collect();
    let [notice] = notices.as_slice() else { panic!("{notices:?}") };
    assert_eq!(notice.class, "unreadable_fill");
    for part in ["0001.02.03.01", "BOT", "5", "elsewhere", ACCOUNT] {
        assert!(notice.message.contains(part), "{part}: {}", notice.message);
    }
}
