//! What `pace.*` tells, and what the gateway's complaints change.

use std::sync::Arc;

use super::{Answer, Ask, Event, Listing, rig::Rig};
use crate::{
    config::Config,
    schema::{
        ApiError, ErrorCode,
        bridge::BridgeEvent,
        connection::LinkName,
        contract::ContractSpec,
        request::{
            history::{BarsRequest, TimePoint},
            pace::{PaceCheck, PaceChecked, PaceKind, PaceStatus},
        },
    },
    session::rig::START_US,
    tws::Request,
};

const VIOLATION: &str = "Historical Market Data Service error message:Historical data request pacing violation";

fn rig(change: impl Fn(&mut Config)) -> (Rig, Arc<Listing>) {
    let mut config = Config::default();
    config.timing.request_ms = 60_000;
    // No message but those of the test.
    config.timing.probe_after_ms = 100_000_000;
    change(&mut config);
    let mut rig = Rig::ready_with(config);
    rig.is_alive = true;
    let listing = rig.stock(265_598, "AAPL");
    (rig, listing)
}

fn bars(size: &str, number: i64) -> Ask {
    let end_us = START_US - number * 3_600_000_000;
    Ask::Bars(Box::new(BarsRequest {
        contract: ContractSpec("STK:AAPL".parse().expect("short text")),
        bar_size: size.parse().expect("a bar size"),
        start: Some(TimePoint { us: end_us - 1_800_000_000 }),
        end: Some(TimePoint { us: end_us }),
        duration: None,
        source: None,
        regular_hours: false,
        timeout_ms: None,
    }))
}

fn status(rig: &mut Rig) -> PaceStatus {
    let token = rig.ask(Ask::PaceStatus);
    match rig.reply(token) {
        Some(Ok(Answer::PaceStatus(status))) => *status,
        other => panic!("{other:?}"),
    }
}

fn check(rig: &mut Rig, client: &str, json: &str) -> PaceChecked {
    let ask: PaceCheck = serde_json::from_str(json).expect("a request");
    let token = rig.ask_as(client, Ask::PaceCheck(Box::new(ask)));
    match rig.reply(token) {
        Some(Ok(Answer::PaceChecked(checked))) => *checked,
        other => panic!("{other:?}"),
    }
}

fn violations(rig: &mut Rig) -> Vec<BridgeEvent> {
    let of = |event| match event {
        Event::Bridge(event) if event.event == "violation" => Some(*event),
        _ => None,
    };
    rig.events().into_iter().filter_map(of).collect()
}

fn history_ids(rig: &mut Rig) -> Vec<i32> {
    let id = |request| match request {
        Request::HistoricalDataRequest(ask) => ask.req_id,
        _ => None,
    };
    rig.sent(LinkName::Data).into_iter().filter_map(id).collect()
}

fn error(rig: &mut Rig, token: super::Token) -> ApiError {
    match rig.reply(token) {
        Some(Err(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_violation_is_published_slows_its_class_and_is_forgiven_by_and_by() {
    let (mut rig, listing) = rig(|_| {});
    rig.ask_resolved("a", bars("5s", 2), &listing);
    let sent = history_ids(&mut rig);
    rig.notice(LinkName::Data, sent[0], 162, VIOLATION);
    let told = violations(&mut rig);
    assert_eq!((told.len(), told[0].figures["ib_code"], told[0].figures["allowed"]), (1, 162, 14));
    let now = status(&mut rig);
    assert_eq!(now.violations, 1);
    let slowed = &now.slowed[0];
    assert_eq!((slowed.limit.as_str(), slowed.configured, slowed.allowed), ("history_10_min", 58, 14));
    assert_eq!((slowed.held_ms, now.history_10_min.max), (60_000, 14));
    // Three a minute come back.
    rig.wait_ms(14 * 60_000);
    assert_eq!(status(&mut rig).history_10_min.max, 56);
    rig.wait_ms(60_000);
    let now = status(&mut rig);
    assert_eq!((now.history_10_min.max, now.slowed.len(), now.violations), (58, 0, 1));
}

#[test]
fn messages_that_are_called_too_fast_are_sent_more_slowly() {
    let (mut rig, _) = rig(|_| {});
    rig.notice(LinkName::Trading, -1, 100, "Max rate of messages per second has been exceeded");
    let told = violations(&mut rig);
    assert_eq!((told[0].figures["allowed"], told[0].figures["configured"]), (36, 45));
    let now = status(&mut rig);
    assert_eq!((now.messages_per_second.max, now.trading_messages.max, now.data_messages.max), (36, 31, 26));
    let token = rig.ask(Ask::PaceStats);
    let Some(Ok(Answer::PaceStats(stats))) = rig.reply(token) else { panic!("no stats") };
    let violations: Vec<u64> = stats.stretches.iter().map(|stretch| stretch.violations).collect();
    assert_eq!(violations, [1, 1, 1, 1]);
}

#[test]
fn a_dry_run_sends_nothing_and_says_what_the_request_would_meet() {
    let (mut rig, listing) = rig(|config| config.pacing.history_10_min = 4);
    let small = r#"{"kind":"bars","bar_size":"5s","source":"bid_ask"}"#;
    let checked = check(&mut rig, "a", small);
    assert_eq!((checked.accepted, checked.units, checked.last_ms), (true, 2, 0));
    for number in 2..6 {
        rig.ask_resolved("a", bars("5s", number), &listing);
    }
    assert_eq!(history_ids(&mut rig).len(), 4);
    rig.wait_ms(100_000);
    history_ids(&mut rig);
    let checked = check(&mut rig, "a", small);
    assert_eq!((checked.accepted, checked.first_ms, checked.last_ms), (false, 500_000, 500_000));
    let error = checked.error.expect("an error");
    assert_eq!((error.code, error.retry_after_ms), (ErrorCode::PacingLimited, Some(440_001)));
    let patient = r#"{"kind":"bars","bar_size":"5s","timeout_ms":500001}"#;
    assert!(check(&mut rig, "a", patient).accepted);

    // A year of minutes: 122 requests, six in two seconds.
    let year = check(&mut rig, "a", r#"{"kind":"bars","bar_size":"1m","duration":"1y","timeout_ms":100000}"#);
    assert!(year.accepted && year.units > 100 && year.last_ms >= 2_000 * u64::from((year.units - 1) / 6), "{year:?}");
    let order = check(&mut rig, "a", r#"{"kind":"order","count":41}"#);
    assert_eq!((order.class.as_str(), order.first_ms, order.last_ms), ("order", 0, 1_000));
    let cancel = check(&mut rig, "a", r#"{"kind":"cancel","count":45}"#);
    assert_eq!((cancel.accepted, cancel.last_ms), (true, 0));
    let depth = check(&mut rig, "a", r#"{"kind":"depth","count":4}"#);
    assert_eq!(depth.error.map(|error| error.code), Some(ErrorCode::PacingLimited));
    assert_eq!(history_ids(&mut rig), Vec::<i32>::new());
    let token = rig.ask(Ask::PaceCheck(Box::new(PaceCheck {
        kind: PaceKind::Bars,
        count: None,
        bar_size: None,
        source: None,
        start: None,
        end: None,
        duration: None,
        timeout_ms: None,
    })));
    assert_eq!(self::error(&mut rig, token).code, ErrorCode::InvalidRequest);
}

#[test]
fn what_can_no_longer_be_sent_in_time_is_given_up_with_a_time_to_ask_again() {
    let (mut rig, listing) = rig(|config| config.pacing.history_long_2_s = 1);
    // Alone it would have its 25 turns in 50 s.
    let tokens: Vec<_> = (2..27).map(|number| rig.ask_resolved("early", bars("1m", number), &listing)).collect();
    for number in 100..114 {
        rig.ask_resolved("late", bars("1m", number), &listing);
    }
    rig.wait_ms(2_000);
    let mut given_up: Vec<ApiError> = Vec::new();
    for token in tokens.iter().rev() {
        if let Some(Err(error)) = rig.reply(*token) {
            given_up.push(error);
        }
    }
    // Every other turn is the other's now, as long as it waits.
    assert!((4..=7).contains(&given_up.len()), "{given_up:?}");
    assert!(given_up.iter().all(|error| error.code == ErrorCode::PacingLimited && error.retry_after_ms.is_some()));
    let stats = rig.session.core.pacing.stretch(rig.now().at, None);
    assert_eq!(stats.classes[5].dropped, given_up.len() as u64);
    let row = status(&mut rig).clients.into_iter().find(|row| row.client.as_deref() == Some("early")).expect("a row");
    assert_eq!(row.dropped, given_up.len() as u64);
}

#[test]
fn one_client_is_served_so_many_requests_at_a_time_and_is_told_when_to_come_back() {
    let (mut rig, listing) = rig(|config| config.pacing.client_requests = 3);
    let taken: Vec<_> = (2..5).map(|number| rig.ask_resolved("a", bars("1m", number), &listing)).collect();
    let token = rig.ask_resolved("a", bars("1m", 5), &listing);
    let busy = error(&mut rig, token);
    assert_eq!(busy.code, ErrorCode::Busy);
    assert!(busy.message.contains("of this client"), "{busy}");
    let other = rig.ask_resolved("b", bars("1m", 6), &listing);
    assert_eq!((rig.reply(other), history_ids(&mut rig).len()), (None, 4));
    // It finds a place when it was told to come, whatever has become of the others.
    rig.wait_ms(busy.retry_after_ms.expect("a time"));
    let token = rig.ask_resolved("a", bars("1m", 5), &listing);
    assert_eq!((rig.reply(token), rig.reply(taken[0])), (None, None));
}

#[test]
fn a_question_that_could_not_be_sent_in_time_is_refused_and_one_that_was_not_is_never_sent() {
    let (mut rig, _) = rig(|config| {
        config.timing.request_ms = 10_000;
        config.pacing.messages_per_second = 2;
        config.pacing.trading_share = 1;
        config.pacing.cancel_share = 0;
    });
    rig.wait_ms(20_000);
    rig.forget();
    let ask = |rig: &mut Rig, number: usize| {
        let json = format!(r#"{{"contract":"STK:S{number}"}}"#);
        rig.ask_as("a", Ask::Details(serde_json::from_str(&json).expect("a request")))
    };
    let tokens: Vec<_> = (0..12).map(|number| ask(&mut rig, number)).collect();
    let refused: Vec<Option<u64>> = tokens
        .iter()
        .filter_map(|token| match rig.reply(*token) {
            Some(Err(error)) => Some(error.retry_after_ms),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [Some(1), Some(1)], "one a second, and one at once");
    rig.session.on_write_room(rig.now(), LinkName::Data, false);
    rig.wait_ms(10_000);
    rig.session.on_write_room(rig.now(), LinkName::Data, true);
    rig.pump();
    rig.wait_ms(10_000);
    let lookups = |request: &Request| matches!(request, Request::ContractDataRequest(_));
    let sent = rig.sent(LinkName::Data).iter().filter(|request| lookups(request)).count();
    assert_eq!(sent, 1, "the first went at once, the rest would have been late");
}
