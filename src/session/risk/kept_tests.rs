//! What is told once it is on the disk, and what outlives a restart.

use super::tests::{order, verdict};
use crate::{
    config::Config,
    schema::{
        connection::LinkName,
        request::risk::{Halt, HaltAnswer, Heartbeat, SetLimits},
        risk::{Limits, Sweep},
    },
    session::{Answer, Ask, Troubles, rig::Rig},
};

const TRADING: LinkName = LinkName::Trading;

fn rig() -> Rig {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    rig
}

#[test]
fn a_halt_is_in_force_at_once_and_acknowledged_when_it_is_on_the_disk() {
    let mut rig = rig();
    let listing = rig.stock(265_598, "AAPL");
    rig.is_risk_file_stuck = true;
    let token = rig.ask_as("risk", Ask::Halt(Halt { cancel: Sweep::Bridge, reason: None }));
    assert!(verdict(&mut rig, "", &listing, order("k", "")).is_some(), "in force");
    assert!(rig.reply(token).is_none(), "not on the disk");
    rig.session.on_risk_kept(rig.now(), 1);
    rig.pump();
    assert!(matches!(rig.reply(token), Some(Ok(Answer::Halted(answer))) if answer.kept));
}

#[test]
fn a_halt_that_cannot_be_kept_says_so_after_a_while() {
    let mut rig = rig();
    rig.is_risk_file_stuck = true;
    let token = rig.ask_as("risk", Ask::Halt(Halt { cancel: Sweep::Bridge, reason: None }));
    let limits = Some(Limits { order_quantity: Some(1.0), ..Limits::default() });
    let limited = rig.ask_as("risk", Ask::SetLimits(Box::new(SetLimits { name: None, limits })));
    rig.wait_ms(2_000);
    let Some(Ok(Answer::Halted(answer))) = rig.reply(token) else { panic!("no answer") };
    let HaltAnswer { kept, .. } = *answer;
    assert!(!kept);
    let error = rig.reply(limited).expect("an answer").expect_err("a restart would undo them");
    assert!(error.message.contains("in force"), "{error:?}");
}

#[test]
fn orders_are_refused_while_the_kill_switch_could_not_be_kept() {
    let mut rig = rig();
    let listing = rig.stock(265_598, "AAPL");
    rig.session.on_troubles(Troubles { risk: Some("the disk is full".to_owned()), ..Troubles::default() });
    let (_, message) = verdict(&mut rig, "", &listing, order("k", "")).expect("refused");
    assert!(message.contains("kill switch") && message.contains("the disk is full"), "{message}");
    let token = rig.ask(Ask::BridgeHealth);
    let Some(Ok(Answer::Health(health))) = rig.reply(token) else { panic!("no health") };
    assert!(health.reasons.iter().any(|reason| reason.contains("the disk is full")), "{health:?}");
    rig.session.on_troubles(Troubles::default());
    assert_eq!(verdict(&mut rig, "", &listing, order("k", "")), None);
}

#[test]
fn who_was_silent_before_a_restart_is_still_to_be_heard_of() {
    let mut rig = rig();
    for (client, ttl_s) in [("alpha", 5), ("beta", 600)] {
        rig.ask_as(client, Ask::Heartbeat(Heartbeat { ttl_s }));
    }
    rig.wait_ms(5_000);
    let memory = rig.kept_risk.clone().expect("kept");
    let mut next = Rig::with(Config::default());
    next.is_alive = true;
    next.session.restore_risk(memory);
    next.log_in(LinkName::Data);
    next.log_in(TRADING);
    let listing = next.stock(265_598, "AAPL");
    let (_, message) = verdict(&mut next, "alpha", &listing, order("a", "")).expect("refused");
    assert!(message.contains("was silent"), "{message}");
    assert_eq!(verdict(&mut next, "beta", &listing, order("b", "")), None);
    next.ask_as("alpha", Ask::Heartbeat(Heartbeat { ttl_s: 5 }));
    assert_eq!(verdict(&mut next, "alpha", &listing, order("a", "")), None);
    assert!(next.kept_risk.is_some_and(|memory| memory.silent.is_empty()), "and that is kept, too");
}
