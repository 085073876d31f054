//! When IBC is told what, and what clients and strategies hear of it.

use super::*;
use crate::{
    config::{Config, Ibc},
    schema::{
        connection::LinkName,
        maintenance::MaintenanceState,
        request::gateway::GatewayCommand::{ReconnectData, Restart},
        risk::Decision,
    },
    session::{Ask, Outcome, rig::Rig},
};

const SECOND_MS: u64 = 1_000;

fn ready(ibc: Ibc) -> Rig {
    let mut rig = Rig::ready_with(Config { ibc, ..Config::default() });
    rig.is_alive = true;
    rig
}

fn by_hand() -> Ibc {
    Ibc { address: "127.0.0.1:7462".to_owned(), ..Ibc::default() }
}

fn by_itself() -> Ibc {
    Ibc { restart_after_s: 120, reconnect_data_after_s: 60, again_after_s: 300, tries_max: 2, ..by_hand() }
}

fn ask(rig: &mut Rig, command: GatewayCommand) -> Token {
    rig.ask_as("ops", Ask::Gateway(command, GatewayRequest { reason: Some("stuck".to_owned()) }))
}

fn commands(rig: &mut Rig) -> Vec<GatewayCommand> {
    rig.gateway_commands.iter().map(|(_, command)| *command).collect()
}

fn answer(rig: &mut Rig, outcome: Result<&str, CommandFailure>) {
    let (number, _) = *rig.gateway_commands.last().expect("a command was sent");
    let now = rig.now();
    rig.session.on_gateway_command(now, number, outcome.map(str::to_owned));
    rig.pump();
}

fn told(rig: &mut Rig) -> Vec<String> {
    let of = |event: Event| match event {
        Event::Bridge(event) if event.event.starts_with("gateway_command") => event.message,
        _ => None,
    };
    rig.events().into_iter().filter_map(of).collect()
}

#[track_caller]
fn refused(outcome: Option<Outcome>, code: ErrorCode, part: &str) {
    let error = outcome.expect("a reply").expect_err("refused");
    assert_eq!(error.code, code, "{error}");
    assert!(error.message.contains(part), "{error}");
}

fn orders_wait(rig: &mut Rig) -> bool {
    let fence = rig.session.fence();
    rig.session.orders.check_fence(&rig.session.core, fence).is_err()
}

#[test]
fn without_a_command_port_nothing_is_sent() {
    let mut rig = ready(Ibc::default());
    let token = ask(&mut rig, Restart);
    refused(rig.reply(token), ErrorCode::Unsupported, "ibc.address");
    assert_eq!(commands(&mut rig), []);
}

#[test]
fn a_client_is_answered_in_ibcs_words_and_the_command_is_told_and_audited() {
    let mut rig = ready(by_hand());
    let token = ask(&mut rig, ReconnectData);
    assert_eq!(commands(&mut rig), [ReconnectData]);
    assert!(rig.reply(token).is_none(), "IBC has not answered");
    answer(&mut rig, Ok("OK"));
    let Some(Ok(Answer::Gateway(answered))) = rig.reply(token) else { panic!("no answer") };
    assert_eq!((answered.command, answered.message.as_str(), answered.until_us), (ReconnectData, "OK", None));
    let events = rig.events();
    let audited = events.iter().find_map(|event| match event {
        Event::Audit(event) => Some((event.verb.clone(), event.decision)),
        _ => None,
    });
    assert_eq!(audited, Some(("gateway.reconnect_data".to_owned(), Decision::Accepted)));
    let is_told = |event: &Event| matches!(event, Event::Bridge(event) if event.message.as_ref().is_some_and(|text| text.contains("asked for by ops (stuck)")));
    assert!(events.iter().any(is_told), "{events:?}");
    assert!(!orders_wait(&mut rig), "data are no business of orders");
}

#[test]
fn one_command_at_a_time() {
    let mut rig = ready(by_hand());
    let first = ask(&mut rig, ReconnectData);
    let second = ask(&mut rig, Restart);
    refused(rig.reply(second), ErrorCode::Busy, "gateway.reconnect_data");
    answer(&mut rig, Ok("OK"));
    assert!(rig.reply(first).expect("a reply").is_ok());
    ask(&mut rig, Restart);
    assert_eq!(commands(&mut rig), [ReconnectData, Restart]);
}

#[test]
fn what_became_of_a_command_is_said_as_it_is_known() {
    let mut rig = ready(by_hand());
    let text = || "closed".to_owned();
    for (failure, code) in [
        (CommandFailure::NotSent(text()), ErrorCode::NotReady),
        (CommandFailure::Refused(text()), ErrorCode::RejectedByGateway),
        (CommandFailure::Unanswered(text()), ErrorCode::OutcomeUnknown),
    ] {
        let token = ask(&mut rig, ReconnectData);
        answer(&mut rig, Err(failure));
        refused(rig.reply(token), code, "closed");
        assert!(told(&mut rig)[0].contains("closed"));
    }
}

#[test]
fn orders_wait_from_the_question_for_a_restart_until_the_gateway_is_back() {
    let mut rig = ready(by_hand());
    let token = ask(&mut rig, Restart);
    assert!(orders_wait(&mut rig), "it may happen at any moment");
    answer(&mut rig, Ok("RESTART in progress"));
    let Some(Ok(Answer::Gateway(answered))) = rig.reply(token) else { panic!("no answer") };
    let until_us = answered.until_us.expect("a time");
    assert_eq!(until_us, rig.now().us + 360_000_000, "a minute, and what a restart may last");
    assert!(orders_wait(&mut rig));
    assert_eq!(rig.session.health().maintenance[0].state, MaintenanceState::Started);
    rig.cut(LinkName::Trading);
    rig.cut(LinkName::Data);
    rig.reconnect(LinkName::Trading);
    assert!(!orders_wait(&mut rig));
}

#[test]
fn a_restart_that_was_refused_fences_nothing_and_one_that_may_have_been_heard_does() {
    let mut rig = ready(by_hand());
    ask(&mut rig, Restart);
    answer(&mut rig, Err(CommandFailure::Refused("RESTART already in progress".to_owned())));
    assert!(!orders_wait(&mut rig));
    ask(&mut rig, Restart);
    answer(&mut rig, Err(CommandFailure::Unanswered("nothing in time".to_owned())));
    assert!(orders_wait(&mut rig));
    rig.wait_ms(361 * SECOND_MS);
    assert!(!orders_wait(&mut rig), "it did not happen");
}

#[test]
fn a_farm_that_stays_away_is_connected_anew_and_orders_are_left_alone() {
    let mut rig = ready(by_itself());
    rig.notice_all(2103, "Market data farm connection is broken:usfarm");
    rig.wait_ms(59 * SECOND_MS);
    assert_eq!(commands(&mut rig), []);
    rig.wait_ms(SECOND_MS);
    assert_eq!(commands(&mut rig), [ReconnectData]);
    answer(&mut rig, Ok("OK"));
    assert!(!orders_wait(&mut rig));
    rig.notice_all(2104, "Market data farm connection is OK:usfarm");
    rig.wait_ms(3_600 * SECOND_MS);
    assert_eq!(commands(&mut rig), [ReconnectData], "once");
}

#[test]
fn a_gateway_that_cannot_be_used_is_restarted_seldom_and_not_for_ever() {
    let mut rig = ready(by_itself());
    rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    rig.wait_ms(119 * SECOND_MS);
    assert_eq!(commands(&mut rig), []);
    rig.wait_ms(SECOND_MS);
    assert_eq!(commands(&mut rig), [Restart]);
    answer(&mut rig, Err(CommandFailure::NotSent("refused".to_owned())));
    rig.wait_ms(299 * SECOND_MS);
    assert_eq!(commands(&mut rig), [Restart]);
    rig.wait_ms(SECOND_MS);
    assert_eq!(commands(&mut rig), [Restart, Restart]);
    answer(&mut rig, Err(CommandFailure::NotSent("refused".to_owned())));
    rig.wait_ms(86_400 * SECOND_MS);
    assert_eq!(commands(&mut rig), [Restart, Restart], "a person must look");
    rig.notice_all(1102, "Connectivity between IB and TWS has been restored - data maintained.");
    rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    rig.wait_ms(120 * SECOND_MS);
    assert_eq!(commands(&mut rig).len(), 3, "a new trouble is counted anew");
}

#[test]
fn what_is_planned_is_no_trouble() {
    let calendar = crate::config::Calendar { gateway_restart: "03:00".to_owned(), ..Default::default() };
    let mut rig = Rig::ready_with(Config { ibc: by_itself(), calendar, ..Config::default() });
    rig.is_alive = true;
    // The rig's clock starts with the restart.
    rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    rig.wait_ms(299 * SECOND_MS);
    assert_eq!(commands(&mut rig), []);
    rig.wait_ms(122 * SECOND_MS);
    assert_eq!(commands(&mut rig), [Restart], "from its end on it is one");
}
