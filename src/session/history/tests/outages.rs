//! What becomes of accepted requests while IB is lost, the gateway answers nothing, or the deadline comes.

use super::{
    other_kinds::{answer_lookups, answer_ticks, batch, batch_manifest, tick_questions, ticks, walked},
    *,
};
use crate::tws::message::history::HistoricalSchedule;

fn lose_ib(rig: &mut Rig) {
    rig.notice_all(1100, "Connectivity between IBKR and Trader Workstation has been lost.");
}

fn find_ib(rig: &mut Rig) {
    rig.notice_all(1102, "Connectivity between IBKR and Trader Workstation has been restored - data maintained.");
}

/// Symbols of one letter each, so that lookups are answered with different contracts.
fn alphabet() -> Vec<String> {
    ('A'..='Z').map(|letter| format!("STK:{letter}")).collect()
}

fn whole_batch(rig: &mut Rig) -> Token {
    let names = alphabet();
    batch(rig, &names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Answers all that is asked until the caller has its reply.
fn answer_all(rig: &mut Rig, hours: i64) {
    for _ in 0..60 {
        for ask in answer_lookups(rig) {
            answer_hourly(rig, &ask, hours);
        }
        rig.wait_ms(500);
    }
}

#[test]
fn a_batch_goes_on_where_it_was_once_ib_is_back() {
    let (mut rig, _) = patient(120);
    let token = whole_batch(&mut rig);
    let mut history = answer_lookups(&mut rig);
    rig.wait_ms(100);
    history.extend(answer_lookups(&mut rig));
    assert!(history.len() >= 6, "{}", history.len());
    lose_ib(&mut rig);
    // The end of one contract begins no other: it would be refused at once, and the next after it.
    for ask in &history {
        answer_hourly(&mut rig, ask, 24);
    }
    rig.wait_ms(2_000);
    assert_eq!(rig.reply(token), None);
    find_ib(&mut rig);
    answer_all(&mut rig, 24);
    let manifest = batch_manifest(&mut rig, token);
    assert_eq!((manifest.served, manifest.contracts.len(), manifest.rows), (26, 26, 26 * 24), "{manifest:?}");
}

#[test]
fn contracts_of_a_batch_that_are_looked_up_when_ib_is_lost_are_looked_up_again() {
    let (mut rig, _) = patient(120);
    let token = whole_batch(&mut rig);
    lose_ib(&mut rig);
    for request in rig.sent(LinkName::Data) {
        let Request::ContractDataRequest(ask) = request else { panic!("{request:?}") };
        rig.notice(LinkName::Data, ask.req_id.unwrap(), 200, "No security definition has been found for the request");
    }
    rig.wait_ms(2_000);
    assert_eq!(rig.reply(token), None);
    find_ib(&mut rig);
    answer_all(&mut rig, 24);
    let manifest = batch_manifest(&mut rig, token);
    assert_eq!((manifest.served, manifest.contracts.len()), (26, 26), "{manifest:?}");
}

#[test]
fn a_minute_of_silence_makes_no_hole_in_a_range() {
    let (mut rig, listing) = patient(1_200);
    let token = bars(&mut rig, &listing, request("1m", START_US - 90 * DAY_US, Some(START_US)));
    // Chunks time out together and open the breaker.
    for _ in 0..62 {
        rig.wait_ms(1_000);
        rig.drop_sent(|_| true);
    }
    let is_open = |rig: &Rig| !rig.session.core.breakers.told(rig.now().at).is_empty();
    assert!(is_open(&rig));
    for _ in 0..400 {
        for ask in asked(&mut rig) {
            answer_hourly(&mut rig, &ask, 4 * 24);
        }
        rig.wait_ms(1_000);
    }
    assert!(!is_open(&rig));
    let Bars { rows, manifest } = served(&mut rig, token);
    assert_eq!((rows.len(), manifest.holes), (90 * 24, Vec::new()));
}

#[test]
fn a_full_queue_after_a_reconnect_makes_no_hole_in_a_range() {
    let mut config = Config::default();
    config.timing.request_ms = 1_200_000;
    config.pacing.queue_max = 10;
    let mut rig = Rig::ready_with(config);
    rig.is_alive = true;
    let listing = rig.stock(265_598, "AAPL");
    let start = START_US - DAY_US;
    let token = bars(&mut rig, &listing, request("1s", start, Some(start + 20 * 2_000_000_000)));
    // Five are open and ten wait: more than the queue takes at once.
    rig.wait_ms(1_000);
    rig.cut(LinkName::Data);
    rig.drop_sent(|_| true);
    rig.reconnect(LinkName::Data);
    for _ in 0..120 {
        for ask in asked(&mut rig) {
            let end = end_us(&rig, &ask);
            answer_at(&mut rig, &ask, (1..=2_000).map(|second| end - second * 1_000_000));
        }
        rig.wait_ms(500);
    }
    let Bars { rows, manifest } = served(&mut rig, token);
    assert_eq!((rows.len(), manifest.holes), (40_000, Vec::new()));
}

#[test]
fn at_its_deadline_a_range_tells_what_it_has_and_what_is_missing() {
    let (mut rig, listing) = patient(30);
    let start = START_US - 9 * DAY_US;
    let token = bars(&mut rig, &listing, request("1m", start, Some(START_US)));
    let sent = asked(&mut rig);
    assert_eq!(sent.len(), 4);
    // The last waits behind the third, which stays unanswered.
    answer_hourly(&mut rig, &sent[0], 4 * 24);
    answer_hourly(&mut rig, &sent[1], 4 * 24);
    answer_hourly(&mut rig, &sent[3], 4 * 24);
    rig.wait_ms(30_000);
    let Bars { rows, manifest } = served(&mut rig, token);
    let [hole] = manifest.holes.as_slice() else { panic!("{manifest:?}") };
    assert_eq!((hole.reason.as_str(), hole.to_us), ("timeout", START_US));
    // Who asks again goes on where the rows end.
    assert!(rows.len() > 4 * 24);
    let starts: Vec<i64> = rows.iter().map(|bar| bar.start_us).collect();
    let whole: Vec<i64> = (0..9 * 24).map(|hour| start + hour * HOUR_US).take_while(|us| *us < hole.from_us).collect();
    assert_eq!(starts, whole);
    // Nothing goes on behind it.
    rig.drop_sent(|request| matches!(request, Request::CancelHistoricalData(_)));
    rig.wait_ms(100_000);
    assert_eq!(rig.sent(LinkName::Data), []);
    assert_eq!(rig.session.core.pacing.open_usage().used, 0);
}

#[test]
fn at_its_deadline_a_batch_tells_what_it_has_and_what_is_missing() {
    let (mut rig, _) = patient(20);
    let token = batch(&mut rig, &["STK:A", "STK:B", "STK:C"]);
    answer_lookups(&mut rig);
    let history = answer_lookups(&mut rig);
    assert_eq!(history.len(), 3);
    answer_hourly(&mut rig, &history[0], 24);
    answer_hourly(&mut rig, &history[2], 24);
    rig.wait_ms(20_000);
    let manifest = batch_manifest(&mut rig, token);
    assert_eq!((manifest.served, manifest.rows), (2, 48), "{manifest:?}");
    let errors: Vec<_> = manifest.contracts.iter().map(|entry| entry.error.as_ref().map(|error| error.code)).collect();
    assert_eq!(errors, [None, Some(ErrorCode::Timeout), None]);
    rig.wait_ms(100_000);
    assert_eq!(rig.session.core.pacing.open_usage().used, 0);
}

#[test]
fn at_its_deadline_a_batch_that_waits_for_ib_tells_what_it_has() {
    let (mut rig, _) = patient(20);
    let token = whole_batch(&mut rig);
    answer_lookups(&mut rig);
    let history = answer_lookups(&mut rig);
    lose_ib(&mut rig);
    for ask in &history {
        answer_hourly(&mut rig, ask, 24);
    }
    rig.wait_ms(20_000);
    let manifest = batch_manifest(&mut rig, token);
    assert_eq!(manifest.contracts.len(), 26);
    assert_eq!(manifest.rows, u64::from(manifest.served) * 24);
    assert!(manifest.served >= 1);
    let late = manifest.contracts.iter().filter_map(|entry| entry.error.as_ref());
    assert!(late.map(|error| error.code).all(|code| code == ErrorCode::Timeout), "{manifest:?}");
}

#[test]
fn at_its_deadline_a_walk_through_ticks_tells_where_it_stopped() {
    let (mut rig, listing) = patient(20);
    let start_s = (START_US - 3 * DAY_US) / 1_000_000;
    let end_us = (start_s + 3_600) * 1_000_000;
    let token = ticks(&mut rig, &listing, start_s * 1_000_000, end_us);
    let asks = tick_questions(&mut rig);
    answer_ticks(&mut rig, &asks[0], (0..1_000).map(|number| start_s + number));
    rig.wait_ms(20_000);
    let (rows, manifest) = walked(&mut rig, token);
    assert_eq!((rows.len(), manifest.rows), (1_000, 1_000));
    let [hole] = manifest.holes.as_slice() else { panic!("{manifest:?}") };
    assert_eq!((hole.from_us, hole.to_us, hole.reason.as_str()), ((start_s + 1_000) * 1_000_000, end_us, "timeout"));
}

#[test]
fn a_walk_through_ticks_that_learns_no_sessions_tells_the_rest_as_a_hole() {
    for (is_refused, reason) in [(true, "invalid_request"), (false, "no_schedule")] {
        let (mut rig, listing) = patient(60);
        let start_s = (START_US - 3 * DAY_US) / 1_000_000;
        let end_us = (start_s + 200_000) * 1_000_000;
        let token = ticks(&mut rig, &listing, start_s * 1_000_000, end_us);
        let asks = tick_questions(&mut rig);
        answer_ticks(&mut rig, &asks[0], (0..500).map(|number| start_s + number));
        let asks = tick_questions(&mut rig);
        answer_ticks(&mut rig, &asks[0], std::iter::empty());
        let schedule = asked(&mut rig).remove(0);
        if is_refused {
            let text = "Error validating request.-'bN' : cause - wrong";
            rig.notice(LinkName::Data, schedule.req_id.unwrap(), 321, text);
        } else {
            let message = HistoricalSchedule { req_id: schedule.req_id, ..HistoricalSchedule::default() };
            rig.receive_data(Response::HistoricalSchedule(message));
        }
        let (rows, manifest) = walked(&mut rig, token);
        assert_eq!(rows.len(), 500);
        let [hole] = manifest.holes.as_slice() else { panic!("{manifest:?}") };
        assert_eq!((hole.from_us, hole.to_us, hole.reason.as_str()), ((start_s + 500) * 1_000_000, end_us, reason));
    }
}
