//! Nothing of an order is sent before it is written down, and a restart knows what was.

use super::*;
use crate::{
    schema::{ErrorCode, request::order::CancelOrder},
    session::{
        Troubles,
        durable::{Fact, OrderMemory},
    },
};

fn states(rig: &mut Rig) -> Vec<OrderState> {
    let state = |event| match event {
        Event::Order(order) => Some(order.state),
        _ => None,
    };
    rig.events().into_iter().filter_map(state).collect()
}

#[test]
fn an_order_is_sent_when_it_is_on_the_disk_and_not_before() {
    let mut rig = Rig::ready();
    rig.is_disk_slow = true;
    let first = place(&mut rig, ask("k1", r#","wait_for":"sent""#));
    let second = place(&mut rig, ask("k1", r#","wait_for":"sent""#));
    rig.wait_ms(500);
    assert!(placed(&mut rig).is_empty() && states(&mut rig).is_empty());
    assert!(rig.reply(first).is_none() && rig.reply(second).is_none());
    rig.sync_disk();
    assert_eq!(placed(&mut rig).len(), 1);
    assert_eq!(states(&mut rig), [OrderState::Journaled, OrderState::Sent]);
    assert!(!answered(rig.reply(first)).repeated);
    assert!(answered(rig.reply(second)).repeated);
}

#[test]
fn an_order_that_cannot_be_written_is_refused_to_everybody_and_its_key_is_free() {
    let mut rig = Rig::ready();
    rig.is_disk_slow = true;
    let tokens = [place(&mut rig, ask("k1", "")), place(&mut rig, ask("k1", ""))];
    rig.fail_disk("the disk is full");
    for token in tokens {
        let error = rig.reply(token).expect("answered").expect_err("refused");
        assert_eq!(error.code, ErrorCode::NotReady);
        assert!(error.message.contains("the disk is full") && error.message.contains("nothing was sent"), "{error}");
    }
    rig.wait_ms(1_000);
    assert!(placed(&mut rig).is_empty() && states(&mut rig).is_empty());
    rig.is_disk_slow = false;
    let again = place(&mut rig, ask("k1", r#","wait_for":"sent""#));
    assert!(!answered(rig.reply(again)).repeated);
    assert_eq!(placed(&mut rig), [(2, "k1".to_owned())], "the id of the order that was refused is not used again");
}

/// The journal has orders from long ago under the keys of those that wait for it.
fn remember(rig: &mut Rig, keys: &[&str]) {
    let receipt = rig.receipts.remove(0);
    let memory = |key: &&str| {
        let event = serde_json::json!({
            "key": key, "account": ACCOUNT, "seq": 0, "recv_us": 1, "state": "filled", "origin": "bridge", "filled": "100",
            "quantity": "100", "order_id": 1, "client_id": 1, "side": "buy", "order_type": "LMT", "limit_price": 180.5,
        });
        OrderMemory {
            event: serde_json::from_value(event).expect("an event"),
            ask: Some(Box::new(ask(key, ""))),
            client: None,
            facts: String::new(),
        }
    };
    let known = keys.iter().map(memory).collect();
    rig.session.on_known(rig.now(), receipt, known);
    rig.pump();
}

#[test]
fn a_key_that_only_the_archive_knows_is_answered_with_the_first_outcome_and_sent_nothing() {
    let mut rig = Rig::ready();
    rig.is_disk_slow = true;
    let same = [place(&mut rig, ask("k1", "")), place(&mut rig, ask("k1", ""))];
    remember(&mut rig, &["k1"]);
    for token in same {
        let answer = answered(rig.reply(token));
        assert_eq!((answer.state, answer.repeated), (OrderState::Filled, true));
    }
    rig.wait_ms(1_000);
    assert!(placed(&mut rig).is_empty());
    let again = place(&mut rig, ask("k1", ""));
    assert!(answered(rig.reply(again)).repeated, "it is known from here on");
}

#[test]
fn another_order_under_a_key_that_only_the_archive_knows_is_refused() {
    let mut rig = Rig::ready();
    rig.is_disk_slow = true;
    let other = place(&mut rig, ask("k1", r#","outside_regular_hours":true"#));
    remember(&mut rig, &["k1"]);
    let error = rig.reply(other).expect("answered").expect_err("refused");
    assert!(error.message.contains("k1 was used"), "{error}");
    rig.wait_ms(1_000);
    assert!(placed(&mut rig).is_empty());
}

#[test]
fn an_order_that_is_not_on_the_disk_by_its_deadline_is_not_sent_any_more() {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    rig.is_disk_slow = true;
    let token = place(&mut rig, ask("k1", ""));
    rig.wait_ms(60_000);
    let error = rig.reply(token).expect("answered").expect_err("not sent");
    assert_eq!(error.code, ErrorCode::Timeout);
    rig.sync_disk();
    rig.wait_ms(1_000);
    assert!(placed(&mut rig).is_empty());
    let again = place(&mut rig, ask("k1", ""));
    assert_eq!(answered(rig.reply(again)).state, OrderState::Cancelled);
}

#[test]
fn a_link_that_falls_before_the_disk_is_done_means_certainly_not_sent() {
    let mut rig = Rig::ready();
    rig.is_disk_slow = true;
    let token = place(&mut rig, ask("k1", ""));
    rig.cut(TRADING);
    rig.sync_disk();
    assert_eq!(answered(rig.reply(token)).state, OrderState::Rejected);
    rig.reconnect(TRADING);
    rig.wait_ms(1_000);
    assert!(placed(&mut rig).is_empty());
    assert_eq!(rig.restarted().session.orders.book.open_keys(), []);
}

#[test]
fn a_cancel_does_not_wait_for_the_disk() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("sent", ""));
    rig.is_disk_slow = true;
    place(&mut rig, ask("held", ""));
    assert_eq!(placed(&mut rig).len(), 1);
    for key in ["held", "sent"] {
        let cancel = CancelOrder { key: Some(key.parse().expect("a key")), ..CancelOrder::default() };
        rig.ask(Ask::CancelOrder(cancel));
    }
    assert_eq!(cancels(&mut rig), [1], "the other one has not left");
    rig.sync_disk();
    assert!(placed(&mut rig).is_empty(), "it was taken back");
    let asked = rig.entries.iter().filter(|entry| matches!(entry.fact, Fact::Request(_))).count();
    assert_eq!(asked, 2, "both are written down");
}

#[test]
fn new_orders_are_refused_while_nothing_can_be_written_or_told() {
    let mut rig = Rig::ready();
    let journal = Troubles { journal: Some("the disk is full".to_owned()), ..Troubles::default() };
    let stream = Troubles { stream: Some("no stream".to_owned()), ..Troubles::default() };
    for (troubles, why) in [(journal, "the disk is full"), (stream, "no stream")] {
        rig.session.on_troubles(troubles);
        let token = place(&mut rig, ask("k1", ""));
        let error = rig.reply(token).expect("answered").expect_err("refused");
        assert_eq!(error.code, ErrorCode::NotReady);
        assert!(error.message.contains(why), "{error}");
    }
    rig.session.on_troubles(Troubles::default());
    place(&mut rig, ask("k1", ""));
    assert_eq!(placed(&mut rig).len(), 1);
}

#[test]
fn the_next_run_gives_the_first_outcome_and_sends_nothing() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("filled", ""));
    rig.receive(TRADING, execution(-1, 1, "filled", "0001.01.01.01", "100", "100"));
    place(&mut rig, ask("unheard", ""));
    let mut next = rig.restarted();
    assert_eq!(states(&mut next), [OrderState::OutcomeUnknown], "of the one that nothing was heard of");
    next.log_in(LinkName::Data);
    next.log_in(TRADING);
    next.forget();
    let filled = place(&mut next, ask("filled", ""));
    let answer = answered(next.reply(filled));
    assert_eq!((answer.state, answer.repeated), (OrderState::Filled, true));
    let other = place(&mut next, ask("filled", r#","tif":"gtc""#));
    let error = next.reply(other).expect("answered").expect_err("another order");
    assert!(error.message.contains("another tif"), "{error}");
    let unheard = place(&mut next, ask("unheard", ""));
    assert_eq!(answered(next.reply(unheard)).state, OrderState::OutcomeUnknown);
    assert!(placed(&mut next).is_empty());
}

#[test]
fn what_has_not_left_when_the_bridge_stops_is_known_not_to_have_been_sent() {
    let mut rig = Rig::ready();
    rig.is_disk_slow = true;
    place(&mut rig, ask("k1", ""));
    rig.session.on_shutdown(rig.now());
    rig.pump();
    rig.sync_disk();
    assert!(placed(&mut rig).is_empty());
    let mut next = rig.restarted();
    next.log_in(LinkName::Data);
    next.log_in(TRADING);
    let again = place(&mut next, ask("k1", ""));
    assert_eq!(answered(next.reply(again)).state, OrderState::Cancelled);
}

#[test]
fn order_ids_do_not_go_back_with_the_gateways() {
    let mut rig = Rig::ready();
    for key in ["a", "b", "c"] {
        place(&mut rig, ask(key, ""));
    }
    let mut next = rig.restarted();
    next.log_in(LinkName::Data);
    // The gateway says 1.
    next.log_in(TRADING);
    place(&mut next, ask("d", ""));
    assert_eq!(placed(&mut next), [(4, "d".to_owned())]);
}

#[test]
fn a_fill_told_in_an_earlier_run_is_not_told_again() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    rig.receive(TRADING, execution(-1, 1, "k1", "0001.01.01.01", "60", "60"));
    let mut next = rig.restarted();
    next.log_in(LinkName::Data);
    next.log_in(TRADING);
    next.forget();
    next.receive(TRADING, execution(-1, 1, "k1", "0001.01.01.01", "60", "60"));
    assert!(next.events().iter().all(|event| !matches!(event, Event::Fill(_))));
    next.receive(TRADING, execution(-1, 1, "k1", "0001.01.02.01", "40", "100"));
    let fills = next.events().into_iter().filter(|event| matches!(event, Event::Fill(_))).count();
    assert_eq!(fills, 1);
}

#[test]
fn evidence_is_written_down_once_with_the_order_it_is_about() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    for _ in 0..3 {
        rig.receive(TRADING, open_order(gateway_order(1, 1, PERM, "k1"), "Submitted"));
    }
    rig.notice(TRADING, 1, 399, "held until the open");
    let told: Vec<_> = rig
        .entries
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::Evidence(evidence) => Some((evidence.kind, evidence.key.clone())),
            _ => None,
        })
        .collect();
    let key = Some("k1".parse().expect("a key"));
    assert_eq!(told, [("open_order", key.clone()), ("notice", key)]);
}

#[test]
fn an_order_tells_when_it_was_placed_and_changed_whoever_asks_and_after_a_restart() {
    let mut rig = Rig::ready();
    place(&mut rig, ask("k1", ""));
    let placed_us = rig.now().us;
    rig.wait_ms(2_000);
    rig.receive(TRADING, status(1, "Submitted", "0"));
    let changed_us = rig.now().us;
    rig.wait_ms(2_000);
    // A repeat changes nothing.
    rig.receive(TRADING, status(1, "Submitted", "0"));
    let times = |order: &OrderEvent| (order.placed_us, order.changed_us);
    let again = place(&mut rig, ask("k1", ""));
    let answer = answered(rig.reply(again)).order;
    assert_eq!(times(&answer), (Some(placed_us), Some(changed_us)));
    assert_eq!(answer.recv_us, rig.now().us);
    assert!(told(&mut rig).0.iter().all(|order| order.changed_us == Some(order.recv_us)));

    let mut next = rig.restarted();
    next.log_in(LinkName::Data);
    next.begin_log_in(TRADING);
    next.wait_ms(2_000);
    next.receive(TRADING, open_order(gateway_order(1, 1, PERM, "k1"), "Submitted"));
    next.answer_download();
    let again = place(&mut next, ask("k1", ""));
    assert_eq!(answered(next.reply(again)).order.placed_us, Some(placed_us));
}
