//! What IB's limits make of requests for history.

use super::*;

#[test]
fn equal_requests_are_one_and_repeats_within_fifteen_seconds_are_served_from_it() {
    let (mut rig, listing) = patient(60);
    let ask = || request("5s", START_US - HOUR_US, Some(START_US - HOUR_US / 2));
    let tokens = [bars(&mut rig, &listing, ask()), bars(&mut rig, &listing, ask())];
    let sent = asked(&mut rig);
    assert_eq!(sent.len(), 1);
    answer_at(&mut rig, &sent[0], [START_US - HOUR_US]);
    let requests = tokens.map(|token| served(&mut rig, token).manifest.requests);
    assert_eq!(requests, [1, 0]);

    rig.wait_ms(14_999);
    let token = bars(&mut rig, &listing, ask());
    assert_eq!(asked(&mut rig), []);
    assert_eq!(served(&mut rig, token).rows.len(), 1);
    // The answer is forgotten after 15 s, and the question put again a second later.
    rig.wait_ms(1_001);
    bars(&mut rig, &listing, ask());
    assert_eq!(asked(&mut rig).len(), 1);
}

#[test]
fn the_same_request_but_for_regular_hours_is_identical_to_ib_and_waits() {
    let (mut rig, listing) = patient(60);
    let ask = |regular_hours| BarsRequest {
        regular_hours,
        ..request("5s", START_US - HOUR_US, Some(START_US - HOUR_US / 2))
    };
    bars(&mut rig, &listing, ask(false));
    bars(&mut rig, &listing, ask(true));
    assert_eq!(asked(&mut rig).len(), 1);
    rig.wait_ms(16_000);
    assert_eq!(asked(&mut rig).len(), 1);
}

#[test]
fn bid_and_ask_bars_count_twice() {
    let (mut rig, listing) = patient(60);
    let ask = BarsRequest { source: Some(BarSource::BidAsk), ..request("1s", START_US - 2 * HOUR_US, None) };
    bars(&mut rig, &listing, ask);
    // Five a two seconds for one contract and kind: two of weight two, then a wait.
    assert_eq!(asked(&mut rig).len(), 2);
    assert_eq!(rig.session.core.pacing.history_usage(rig.now().at).used, 4);
    rig.wait_ms(1_999);
    assert_eq!(asked(&mut rig).len(), 0);
    rig.wait_ms(1);
    assert_eq!(asked(&mut rig).len(), 2);
}

#[test]
fn what_the_window_cannot_let_through_in_time_is_refused_at_once() {
    let (mut rig, listing) = patient(60);
    let range = |chunks: i64| request("1s", START_US - chunks * 2_000_000_000, None);
    // 59 requests; 58 fit into ten minutes.
    let token = bars(&mut rig, &listing, range(59));
    let error = refused(&mut rig, token);
    assert_eq!((error.code, error.retry_after_ms), (ErrorCode::PacingLimited, None), "never within a minute");
    assert!(error.message.contains("600000 ms"), "{error}");
    assert_eq!(asked(&mut rig), []);
    bars(&mut rig, &listing, range(58));
    assert_eq!(asked(&mut rig).len(), 5);
    // What waits counts: 53 of those are still to be sent.
    let token = bars(&mut rig, &listing, request("5s", START_US - HOUR_US, Some(START_US - HOUR_US / 2)));
    let error = refused(&mut rig, token);
    assert_eq!((error.code, error.retry_after_ms), (ErrorCode::PacingLimited, Some(540_001)), "{error}");
    // Longer bars wait for no window.
    bars(&mut rig, &listing, request("1m", START_US - 59 * HOUR_US, None));
    assert_ne!(asked(&mut rig), []);
}

#[test]
fn a_request_is_taken_once_the_time_told_has_passed_and_not_before() {
    let (mut rig, listing) = patient(60);
    let ask = |number: i64| request("5s", START_US - number * HOUR_US, Some(START_US - number * HOUR_US + HOUR_US / 2));
    // With the head timestamp that the first of them brings about, all that fit into ten minutes.
    for number in 0..57 {
        let token = bars(&mut rig, &listing, ask(number + 2));
        rig.wait_ms(500);
        for sent in asked(&mut rig) {
            answer_at(&mut rig, &sent, []);
        }
        let _ = rig.reply(token);
    }
    let token = bars(&mut rig, &listing, ask(100));
    let wait = refused(&mut rig, token).retry_after_ms.expect("a time");
    rig.wait_ms(wait - 1);
    let token = bars(&mut rig, &listing, ask(100));
    assert_eq!(refused(&mut rig, token).retry_after_ms, Some(1));
    rig.wait_ms(1);
    let token = bars(&mut rig, &listing, ask(100));
    rig.wait_ms(59_998);
    assert_eq!((rig.reply(token), asked(&mut rig).len()), (None, 0), "taken");
    rig.wait_ms(1);
    assert_eq!(asked(&mut rig).len(), 1);
}

#[test]
fn small_bars_that_wait_for_their_window_do_not_hold_up_longer_bars() {
    let mut config = Config::default();
    config.pacing.history_10_min = 1;
    config.timing.request_ms = 700_000;
    let mut rig = Rig::ready_with(config);
    let listing = rig.stock(265_598, "AAPL");
    bars(&mut rig, &listing, request("5s", START_US - HOUR_US, None));
    bars(&mut rig, &listing, request("10s", START_US - HOUR_US, None));
    bars(&mut rig, &listing, request("1h", START_US - HOUR_US, None));
    let sizes: Vec<_> = asked(&mut rig).into_iter().filter_map(|ask| ask.bar_size_setting).collect();
    assert_eq!(sizes, ["5 secs", "1 hour"]);
}

#[test]
fn a_pacing_violation_waits_and_asks_again() {
    let (mut rig, listing) = patient(600);
    let token = bars(&mut rig, &listing, request("1h", START_US - DAY_US, None));
    let sent = asked(&mut rig);
    rig.notice(LinkName::Data, sent[0].req_id.unwrap(), 162, VIOLATION);
    rig.wait_ms(59_999);
    assert_eq!(asked(&mut rig), []);
    rig.wait_ms(1);
    let again = asked(&mut rig);
    assert_eq!(again.len(), 1);
    answer_hourly(&mut rig, &again[0], 48);
    assert_eq!(served(&mut rig, token).manifest.requests, 2);

    let (mut rig, listing) = patient(30);
    let token = bars(&mut rig, &listing, request("1h", START_US - DAY_US, None));
    let sent = asked(&mut rig);
    rig.notice(LinkName::Data, sent[0].req_id.unwrap(), 162, VIOLATION);
    assert_eq!(refused(&mut rig, token).code, ErrorCode::PacingLimited);
    let token = bars(&mut rig, &listing, request("1h", START_US - DAY_US, None));
    assert_eq!(refused(&mut rig, token).retry_after_ms, Some(30_001), "held back for a minute");
}
