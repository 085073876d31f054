//! Random outages: whatever happens, each bar comes once, in order, and is right unless it says that it is not.

use proptest::prelude::*;

use super::exchange::{Archive, Exchange};
use crate::session::rig::START_US;

#[derive(Clone, Debug)]
enum Step {
    Run(i64),
    Cut,
    Reconnect,
    Global(i32),
    Bust,
    Silent(bool),
    Archive(usize),
    Lease(usize),
}

const SIZES: [&str; 5] = ["bar.5s", "bar.15s", "bar.1m", "bar.5m", "bar.1h"];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_i64..200).prop_map(Step::Run),
        1 => Just(Step::Cut),
        2 => Just(Step::Reconnect),
        2 => prop::sample::select(vec![1100, 1101, 1102, 2103]).prop_map(Step::Global),
        1 => Just(Step::Bust),
        1 => any::<bool>().prop_map(Step::Silent),
        1 => (0_usize..3).prop_map(Step::Archive),
        1 => (0_usize..5).prop_map(Step::Lease),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_bar_comes_once_in_order_and_right(steps in prop::collection::vec(step(), 1..25)) {
        let mut exchange = Exchange::new();
        let mut at = 7;
        let mut is_up = true;
        let is_honest = !steps.iter().any(|step| matches!(step, Step::Silent(true) | Step::Archive(2)));
        exchange.run_to(at);
        exchange.lease(&["bar.5s", "bar.1m", "bar.5m"]);
        for step in steps {
            match step {
                Step::Run(seconds) => at += seconds,
                Step::Cut => {
                    if is_up {
                        exchange.cut();
                        is_up = false;
                    }
                }
                Step::Reconnect => {
                    if !is_up {
                        exchange.back();
                        is_up = true;
                    }
                }
                Step::Global(code) => {
                    if is_up {
                        exchange.desk.rig.notice_all(code, "a notice of the test:usfarm");
                    }
                }
                Step::Bust => {
                    if let Some(id) = exchange.stream {
                        exchange.desk.notice(id, 10_225, "Bust event occurred, current subscription is deactivated.");
                    }
                }
                Step::Silent(is_silent) => exchange.is_silent = is_silent,
                Step::Archive(number) => {
                    exchange.archive = [Archive::Answers, Archive::Mute, Archive::NoData][number];
                }
                Step::Lease(size) => {
                    exchange.desk.lease("beta", &[SIZES[size]]);
                }
            }
            exchange.serve();
            at = at.max((exchange.desk.rig.now().us - START_US) / 1_000_000);
            exchange.run_to(at);
        }
        exchange.check_order();
        // What was lost without a word, or answered with "nothing", is missing from bars that cannot know it.
        if is_honest {
            exchange.check_content();
        }
    }
}
