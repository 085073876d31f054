//! Random histories: late, doubled and shuffled evidence; cuts, repeats and timeouts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Evidence about an order for 100 that fills twice, is reported twice, and in doubt whether cancelled.
fn evidence() -> Vec<Response> {
    vec![
        open_order(gateway_order(1, 1, PERM, "k1"), "PreSubmitted"),
        open_order(gateway_order(1, 1, PERM, "k1"), "Submitted"),
        status(1, "Submitted", "0"),
        status(1, "Submitted", "40"),
        status(1, "PendingCancel", "40"),
        status(1, "Filled", "100"),
        status(1, "Filled", "100"),
        execution(-1, 1, "k1", "00a.01.01", "40", "40"),
        execution(-1, 1, "k1", "00b.01.01", "60", "100"),
        execution(-1, 1, "k1", "00b.01.01", "60", "100"),
        commission("00a.01.01", 1.0),
        commission("00b.01.01", 1.5),
        commission("00b.01.01", 1.5),
        completed("k1", "Filled", "100"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However late, doubled or out of order the evidence comes, the end is the same and each fill
    /// is told once without and once with its commission at most.
    #[test]
    fn any_order_of_evidence_ends_the_same(order in Just((0..14_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let mut rig = Rig::ready();
        let token = place(&mut rig, ask("k1", r#","wait_for":"final""#));
        rig.events();
        let evidence = evidence();
        for index in order {
            rig.receive(TRADING, evidence[index].clone());
        }
        let (orders, fills) = told(&mut rig);
        let last = orders.last().expect("an event");
        prop_assert_eq!(last.state, OrderState::Filled);
        prop_assert_eq!(last.filled.as_str(), "100");
        prop_assert_eq!(last.remaining.as_ref().map(crate::schema::Size::as_str), Some("0"));
        prop_assert_eq!(answered(rig.reply(token)).state, OrderState::Filled);
        let mut versions: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
        for fill in fills {
            versions.entry(fill.exec_id).or_default().push(fill.commission);
        }
        prop_assert_eq!(versions.len(), 2);
        for (exec_id, told) in versions {
            let commission = if exec_id.starts_with("00a") { Some(1.0) } else { Some(1.5) };
            prop_assert!(told == [commission] || told == [None, commission], "{} {:?}", exec_id, told);
        }
        let end = orders.iter().skip_while(|event| event.state != OrderState::Filled);
        prop_assert!(end.clone().all(|event| event.state == OrderState::Filled), "an end is the end");
        let unalike = |pair: &[OrderEvent]| pair[0] != pair[1];
        prop_assert!(orders.windows(2).all(unalike), "nothing is told twice");
    }

    /// Reject and cancel reports in any order and number.
    #[test]
    fn a_reject_wins_over_the_words_around_it(order in Just(vec![0, 0, 1, 1, 2, 3]).prop_shuffle()) {
        let mut rig = Rig::ready();
        place(&mut rig, ask("k1", ""));
        for step in order {
            match step {
                0 => rig.notice(TRADING, 1, 201, "Order rejected - reason:no funds"),
                1 => rig.receive(TRADING, status(1, "Inactive", "0")),
                2 => rig.receive(TRADING, status(1, "Cancelled", "0")),
                _ => rig.receive(TRADING, status(1, "PreSubmitted", "0")),
            }
        }
        prop_assert_eq!(state_of(&rig, "k1"), Some(OrderState::Rejected));
    }

    /// Whatever happens, at most one order message is written for each key.
    #[test]
    fn no_key_is_ever_written_twice(steps in prop::collection::vec((0_u8..9, 0_usize..3), 1..60)) {
        const KEYS: [&str; 3] = ["k1", "k2", "k3"];
        let mut rig = Rig::ready();
        let mut written: BTreeMap<String, u32> = BTreeMap::new();
        let mut has_room = true;
        for (step, which) in steps {
            let key = KEYS[which];
            let order_id = i32::try_from(which).expect("small") + 1;
            match step {
                0..=2 => { place_as(&mut rig, ["", "a"][which % 2], ask(key, "")); }
                3 => rig.receive(TRADING, status(order_id, "Submitted", "0")),
                4 => rig.wait_ms(3_000),
                5 => rig.notice(TRADING, order_id, 110, "price"),
                6 => {
                    has_room = !has_room;
                    rig.session.on_write_room(rig.now(), TRADING, has_room);
                    rig.wait_ms(1);
                }
                7 => {
                    let key = Some(key.parse().expect("a key"));
                    rig.ask(Ask::CancelOrder(crate::schema::request::order::CancelOrder { key, ..Default::default() }));
                }
                _ => {
                    rig.cut(TRADING);
                    for (_, key) in placed(&mut rig) {
                        *written.entry(key).or_default() += 1;
                    }
                    rig.reconnect(TRADING);
                    has_room = true;
                }
            }
            for (_, key) in placed(&mut rig) {
                *written.entry(key).or_default() += 1;
            }
        }
        prop_assert!(written.values().all(|count| *count == 1), "{written:?}");
    }
}
