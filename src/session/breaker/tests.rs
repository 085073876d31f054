//! Kinds of requests that go unanswered, and that come back.

use super::*;
use crate::{
    config::Config,
    schema::connection::LinkName,
    session::{Ask, Event, rig::Rig},
    tws::Request,
};

const KIND: &str = "ContractDataRequest";

#[expect(clippy::disallowed_methods, reason = "any instant will do as a start; time then moves by hand")]
fn start() -> Instant {
    Instant::now()
}

fn breakers() -> Breakers {
    Breakers::new(config::Breaker { failures: 3, open_ms: 1_000, open_max_ms: 3_000 })
}

fn refused_for(breakers: &mut Breakers, now: Instant) -> Option<u64> {
    breakers.check(now, KIND).err().and_then(|error| error.retry_after_ms)
}

/// A request that finds room in its queue.
fn admit(breakers: &mut Breakers, now: Instant, kind: &'static str) -> Result<Option<Told>, ApiError> {
    breakers.check(now, kind)?;
    Ok(breakers.begin_trial(now, kind))
}

fn at(start: Instant, ms: u64) -> Instant {
    start + Duration::from_millis(ms)
}

#[test]
fn it_opens_after_failures_in_a_row_and_says_when_to_come_again() {
    let (mut breakers, start) = (breakers(), start());
    for _ in 0..2 {
        assert_eq!(breakers.on_silence(start, KIND), None);
    }
    let told = breakers.on_silence(start, KIND).expect("news");
    assert_eq!((told.state, told.failures, told.retry_after_ms), (BreakerState::Open, 3, 1_000));
    assert_eq!(refused_for(&mut breakers, at(start, 1)), Some(999));
    assert_eq!(admit(&mut breakers, start, "HeadTimestampRequest"), Ok(None), "other kinds pass");
}

#[test]
fn an_answer_in_between_begins_the_count_anew() {
    let (mut breakers, start) = (breakers(), start());
    for _ in 0..10 {
        breakers.on_silence(start, KIND);
        breakers.on_silence(start, KIND);
        assert_eq!(breakers.on_answer(start, KIND), None);
    }
    assert_eq!(refused_for(&mut breakers, start), None);
}

fn opened(start: Instant) -> Breakers {
    let mut breakers = breakers();
    for _ in 0..3 {
        breakers.on_silence(start, KIND);
    }
    breakers
}

#[test]
fn one_trial_passes_and_its_answer_closes() {
    let start = start();
    let mut breakers = opened(start);
    assert_eq!(refused_for(&mut breakers, at(start, 999)), Some(1));
    let told = admit(&mut breakers, at(start, 1_000), KIND).expect("the trial").expect("news");
    assert_eq!(told.state, BreakerState::HalfOpen);
    assert_eq!(refused_for(&mut breakers, at(start, 1_000)), Some(1_000), "one trial at a time");
    let told = breakers.on_answer(at(start, 1_100), KIND).expect("news");
    assert_eq!((told.state, told.failures), (BreakerState::Closed, 0));
    assert!(breakers.told(start).is_empty());
    assert_eq!(refused_for(&mut breakers, at(start, 1_100)), None);
}

#[test]
fn each_failed_trial_doubles_the_time_up_to_the_limit() {
    let start = start();
    let (mut breakers, mut now) = (opened(start), start);
    for expected_ms in [2_000, 3_000, 3_000] {
        now += Duration::from_secs(3);
        admit(&mut breakers, now, KIND).expect("the trial");
        assert_eq!(breakers.on_silence(now, KIND).expect("news").retry_after_ms, expected_ms);
    }
}

#[test]
fn a_trial_that_is_never_heard_of_again_is_followed_by_another() {
    let start = start();
    let mut breakers = opened(start);
    admit(&mut breakers, at(start, 1_000), KIND).expect("the trial");
    assert_eq!(admit(&mut breakers, at(start, 2_000), KIND), Ok(None), "half open already");
    assert_eq!(refused_for(&mut breakers, at(start, 2_000)), Some(1_000));
}

#[test]
fn requests_that_were_on_their_way_do_not_prolong_it() {
    let start = start();
    let mut breakers = opened(start);
    for ms in 0..900 {
        assert_eq!(breakers.on_silence(at(start, ms), KIND), None);
    }
    assert_eq!(refused_for(&mut breakers, at(start, 900)), Some(100));
}

// The session.

fn details(rig: &mut Rig, symbol: &str) -> crate::session::Token {
    let ask = serde_json::from_str(&format!(r#"{{"contract":"STK:{symbol}"}}"#)).expect("a request");
    rig.ask(Ask::Details(Box::new(ask)))
}

fn asked(rig: &mut Rig) -> usize {
    let sent = rig.sent(LinkName::Data);
    sent.iter().filter(|request| matches!(request, Request::ContractDataRequest(_))).count()
}

#[test]
fn a_kind_that_is_never_answered_is_refused_at_once_and_published() {
    let mut rig = Rig::ready_with(Config::default());
    rig.is_alive = true;
    for number in 0..5 {
        details(&mut rig, &format!("S{number}"));
    }
    assert_eq!(asked(&mut rig), 5);
    rig.wait_ms(30_000);
    let states: Vec<BreakerState> = rig
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Bridge(event) => event.breaker.map(|breaker| breaker.state),
            _ => None,
        })
        .collect();
    assert_eq!(states, [BreakerState::Open]);
    asked(&mut rig);
    let token = details(&mut rig, "T");
    let error = rig.reply(token).expect("at once").expect_err("refused");
    assert!(error.code == ErrorCode::Busy && error.retry_after_ms.is_some_and(|ms| ms <= 30_000), "{error:?}");
    assert_eq!(asked(&mut rig), 0);
    rig.wait_ms(30_000);
    asked(&mut rig);
    details(&mut rig, "U");
    assert_eq!(asked(&mut rig), 1, "the trial");
}

#[test]
fn silence_while_the_gateway_is_known_to_be_away_opens_nothing() {
    // The rig's clock starts at 03:00 in New York.
    let calendar = crate::config::Calendar { gateway_restart: "03:00".to_owned(), ..Default::default() };
    let mut rig = Rig::ready_with(Config { calendar, ..Config::default() });
    rig.is_alive = true;
    for number in 0..10 {
        details(&mut rig, &format!("S{number}"));
    }
    rig.wait_ms(60_000);
    let is_breaker = |event: &Event| matches!(event, Event::Bridge(event) if event.breaker.is_some());
    assert!(!rig.events().iter().any(is_breaker));
    asked(&mut rig);
    details(&mut rig, "T");
    assert_eq!(asked(&mut rig), 1);
}

/// The gateway has left questions about contracts unanswered, and the next one would be the trial.
fn due(config: Config) -> Rig {
    let mut rig = Rig::ready_with(config);
    rig.is_alive = true;
    for number in 0..5 {
        details(&mut rig, &format!("S{number}"));
        rig.wait_ms(100);
    }
    rig.wait_ms(41_000);
    asked(&mut rig);
    rig
}

#[test]
fn a_trial_that_finds_no_room_is_not_spent() {
    let mut config = Config::default();
    config.pacing.queue_max = 1;
    let mut rig = due(config);
    let now = rig.now();
    rig.session.on_write_room(now, LinkName::Data, false);
    rig.ask(crate::session::services::ServiceAsk::NewsProviders(serde_json::from_str("{}").expect("a request")).into());
    let token = details(&mut rig, "T");
    let error = rig.reply(token).expect("at once").expect_err("the queue is full");
    assert!(error.code == ErrorCode::Busy && !error.message.contains("unanswered"), "{error}");
    let now = rig.now();
    rig.session.on_write_room(now, LinkName::Data, true);
    rig.pump();
    details(&mut rig, "U");
    assert_eq!(asked(&mut rig), 1);
}

#[test]
fn a_trial_that_is_never_sent_is_followed_by_another_at_once() {
    for is_cut in [false, true] {
        let mut rig = due(Config::default());
        let now = rig.now();
        rig.session.on_write_room(now, LinkName::Data, false);
        details(&mut rig, "T");
        if is_cut {
            rig.cut(LinkName::Data);
            rig.reconnect(LinkName::Data);
        } else {
            rig.wait_ms(10_000);
            let now = rig.now();
            rig.session.on_write_room(now, LinkName::Data, true);
            rig.pump();
        }
        // A link that is back asks for what still waits: that is the trial then.
        details(&mut rig, "U");
        assert_eq!(asked(&mut rig), 1, "{is_cut}");
    }
}
