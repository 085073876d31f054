//! What must hold whatever clients and prices do.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use super::rig::*;
use super::*;
use crate::tws::message::order::Order;
use crate::tws::message::order_flow::GlobalCancelRequest;

#[derive(Clone, Debug)]
enum Step {
    Place {
        con_id: i32,
        kind: &'static str,
        tif: &'static str,
        sell: bool,
        quantity: u32,
        ticks: i32,
        group: Option<i32>,
    },
    Cancel(i32),
    CancelAll,
    Prices {
        ticks: i32,
        size: i64,
    },
    Pass(i64),
    Correct(i32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop::sample::select(vec!["MKT", "LMT", "STP", "TRAIL", "MIT", "LOC"]);
    let tif = prop::sample::select(vec!["DAY", "GTC", "IOC", "FOK"]);
    let place = (1..=5_i32, kind, tif, any::<bool>(), 1..400_u32, -40..40_i32, prop::option::of(1..=3_i32)).prop_map(
        |(con_id, kind, tif, sell, quantity, ticks, group)| Step::Place {
            con_id,
            kind,
            tif,
            sell,
            quantity,
            ticks,
            group,
        },
    );
    let step = prop_oneof![
        6 => place,
        2 => (1..40_i32).prop_map(Step::Cancel),
        1 => Just(Step::CancelAll),
        5 => (-40..40_i32, 0..300_i64).prop_map(|(ticks, size)| Step::Prices { ticks, size }),
        3 => (0..5_000_i64).prop_map(Step::Pass),
        1 => (-10..10_i32).prop_map(Step::Correct),
    ];
    prop::collection::vec(step, 1..60)
}

/// What the clients' messages alone say.
#[derive(Default)]
struct Heard {
    /// Latest version of each execution, by the first three segments of its id.
    fills: BTreeMap<String, (i32, Decimal, Decimal)>,
    commissions: BTreeMap<String, Decimal>,
    exec_ids: BTreeSet<String>,
    filled: BTreeSet<i32>,
    roots: Vec<String>,
}

impl Heard {
    fn hear(&mut self, out: &Outgoing) {
        for (_, response) in out {
            match response {
                Response::ExecutionDetails(details) => {
                    let execution = details.execution.clone().expect("an execution");
                    let (root, revision) = execution.exec_id().rsplit_once('.').expect("segments");
                    assert!(self.exec_ids.insert(execution.exec_id().to_owned()), "an execution id came twice");
                    if revision == "01" {
                        assert!(!self.filled.contains(&execution.order_id()), "a fill after Filled");
                        self.roots.push(execution.exec_id().to_owned());
                    }
                    let sign = if execution.side() == "BOT" { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
                    let shares: Decimal = execution.shares().parse().expect("decimal text");
                    let con_id = details.contract.as_ref().expect("a contract").con_id();
                    self.fills.insert(root.to_owned(), (con_id, sign * shares, exact(execution.price())));
                }
                Response::CommissionAndFeesReport(report) => {
                    let (root, _) = report.exec_id().rsplit_once('.').expect("segments");
                    self.commissions.insert(root.to_owned(), exact(report.commission_and_fees()));
                }
                Response::OrderStatus(status) if status.status() == "Filled" => {
                    assert_eq!(status.remaining(), "0");
                    self.filled.insert(status.order_id());
                }
                _ => {}
            }
        }
    }
}

fn act(rig: &mut Rig, step: &Step, next_id: &mut i32, heard: &Heard) -> Outgoing {
    match step {
        Step::Place { con_id, kind, tif, sell, quantity, ticks, group } => {
            let (tick, base) = [(0.01, 100.0), (0.25, 6_000.0), (0.01, 2.5), (0.0001, 1.1), (0.25, 60_000.0)]
                [usize::try_from(con_id - 1).expect("a contract number")];
            let price = exact(base) + Decimal::from(*ticks) * exact(tick);
            let side = if *sell { "SELL" } else { "BUY" };
            let price = if *kind == "TRAIL" { Decimal::ONE } else { price };
            let wish = Order {
                tif: Some((*tif).to_owned()),
                oca_group: group.map(|group| format!("g{group}")),
                oca_type: *group,
                ..order(&format!("{side} {quantity} {kind} {price}"))
            };
            *next_id += 1;
            rig.ask_as(1, &place(*next_id, *con_id, wish))
        }
        Step::Cancel(order_id) => rig.ask_as(1, &cancel(*order_id)),
        Step::CancelAll => rig.ask_as(1, &Request::GlobalCancelRequest(GlobalCancelRequest::default())),
        Step::Prices { ticks, size } => {
            let ticks = f64::from(*ticks);
            rig.market.set(STOCK, 100.0 + ticks / 100.0, 100.02 + ticks / 100.0, *size);
            rig.market.set(FUTURE, 6_000.0 + ticks / 4.0, 6_000.25 + ticks / 4.0, *size);
            rig.broker.on_market(rig.now_ms, &rig.market)
        }
        Step::Pass(ms) => {
            rig.now_ms += ms;
            rig.broker.on_market(rig.now_ms, &rig.market)
        }
        Step::Correct(cents) => match heard.roots.first() {
            Some(exec_id) => {
                let price = 50.0 + f64::from(*cents) / 100.0;
                rig.broker.correct_execution(rig.now_ms, exec_id, price, &rig.market).expect("a known execution")
            }
            None => Vec::new(),
        },
    }
}

fn exact(value: f64) -> Decimal {
    Decimal::from_f64(value).expect("a number")
}

fn check(rig: &Rig, heard: &Heard) {
    let mut positions: BTreeMap<i32, Decimal> = BTreeMap::new();
    for (con_id, quantity, _) in heard.fills.values() {
        *positions.entry(*con_id).or_default() += quantity;
    }
    for con_id in STOCK..=BITCOIN {
        let expected = positions.get(&con_id).copied().unwrap_or_default();
        assert_eq!(rig.broker.position(ACCOUNT, con_id), expected, "position of {con_id}");
    }

    // Futures are paid by their profit: what is still held of them has cost nothing but commission.
    let multiplier = |con_id| {
        Decimal::from(match con_id {
            FUTURE => 50,
            OPTION => 100,
            _ => 1,
        })
    };
    let spent: Decimal =
        heard.fills.values().map(|(con_id, quantity, price)| quantity * price * multiplier(*con_id)).sum();
    let commissions: Decimal = heard.commissions.values().sum();
    let unpaid = rig.broker.accounts[ACCOUNT].now.positions.get(&FUTURE).map(|held| held.paid).unwrap_or_default();
    let difference = rig.cash() - (Decimal::from(250_000) - spent - commissions + unpaid);
    assert!(difference.abs() < Decimal::new(1, 6), "cash is off by {difference}");
    assert_eq!(heard.fills.len(), heard.commissions.len(), "one commission report for each fill");

    for ticket in rig.broker.orders.all() {
        assert_eq!(ticket.filled + ticket.remaining(), ticket.terms.total);
        assert!(ticket.remaining() >= Decimal::ZERO);
        assert_eq!(ticket.state == ticket::State::Filled, ticket.remaining().is_zero(), "{ticket:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn books_and_messages_agree(steps in steps(), delay_ms in 0..300_i64) {
        let mut rig = Rig::new();
        rig.broker.set_behaviour(Behaviour { ack_delay_ms: delay_ms, cancel_delay_ms: delay_ms, ..Behaviour::default() });
        let (mut next_id, mut heard) = (0, Heard::default());
        for step in &steps {
            let out = act(&mut rig, step, &mut next_id, &heard);
            heard.hear(&out);
            check(&rig, &heard);
        }
    }

    #[test]
    fn the_same_seed_and_calls_give_the_same_messages(steps in steps()) {
        let run = || {
            let (mut rig, mut next_id, heard) = (Rig::new(), 0, Heard::default());
            rig.broker.set_behaviour(Behaviour::default());
            steps.iter().flat_map(|step| act(&mut rig, step, &mut next_id, &heard)).collect::<Vec<_>>()
        };
        prop_assert_eq!(run(), run());
    }
}
