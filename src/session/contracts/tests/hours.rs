//! Trading hours: what becomes of what a gateway writes.

use super::*;
use crate::{
    schema::request::contract::{HoursAnswer, HoursRequest, Session},
    session::{Event, rig::START_US},
};

/// 2027-01-15 is the day on which every rig starts, at 08:00 UTC.
const REGULAR: &str = "20270115:0930-20270115:1600;20270116:CLOSED;20270118:0930-20270118:1600";
const WHOLE: &str = "20270114:2000-20270115:0200;20270115:0400-20270115:2000;20270116:CLOSED";
const MINUTE_US: i64 = 60_000_000;

fn hours(text: &str) -> Ask {
    Ask::Hours(Box::new(HoursRequest { contract: spec(text), timeout_ms: None }))
}

/// Answers a lookup with one stock that has these hours.
fn answer_hours(rig: &mut Rig, zone: &str, trading: &str, liquid: &str) {
    let (req_id, _) = one_lookup(rig);
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let details = ContractDetails {
        time_zone_id: text(zone),
        trading_hours: text(trading),
        liquid_hours: text(liquid),
        ..ContractDetails::default()
    };
    let contract = Some(row(265_598, "AAPL", "SMART", "NASDAQ"));
    let message = ContractData { req_id: Some(req_id), contract, contract_details: Some(details) };
    rig.receive_data(Response::ContractData(Box::new(message)));
    rig.receive_data(Response::ContractDataEnd(ContractDataEnd { req_id: Some(req_id) }));
}

#[track_caller]
fn told(rig: &mut Rig, token: Token) -> HoursAnswer {
    let Some(Ok(Answer::Hours(answer))) = rig.reply(token) else { panic!("no hours") };
    *answer
}

fn notices(rig: &mut Rig) -> Vec<String> {
    let class = |event| match event {
        Event::Notice(notice) => Some(notice.class),
        _ => None,
    };
    rig.events().into_iter().filter_map(class).collect()
}

#[test]
fn hours_are_told_as_moments_in_every_kind_of_zone() {
    for zone in ["US/Eastern", "America/New_York", "EST5EDT", "EST (Eastern Standard Time)", "Eastern Standard Time"] {
        let mut rig = Rig::ready();
        let token = rig.ask(hours("STK:AAPL"));
        answer_hours(&mut rig, zone, WHOLE, REGULAR);
        let told = told(&mut rig, token);
        let session = |start_min: i64, end_min: i64| Session {
            start_us: START_US + start_min * MINUTE_US,
            end_us: START_US + end_min * MINUTE_US,
        };
        assert_eq!(told.trading.expect("told"), [session(-7 * 60, -60), session(60, 17 * 60)], "{zone}");
        assert_eq!(told.liquid.expect("told")[0], session(390, 780), "{zone}");
        assert_eq!((told.is_open, told.is_liquid), (Some(false), Some(false)), "08:00 UTC lies between two sessions");
        assert_eq!((told.opens_us, told.closes_us), (Some(START_US + 60 * MINUTE_US), None));
        assert_eq!(notices(&mut rig), Vec::<String>::new());
    }
}

#[test]
fn a_market_opens_and_closes_as_time_goes_on_without_asking_again() {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    rig.ask(hours("STK:AAPL"));
    answer_hours(&mut rig, "US/Eastern", WHOLE, REGULAR);
    for (minutes, expected) in [(59, (false, false)), (1, (true, false)), (330, (true, true)), (630, (false, false))] {
        rig.wait_ms(minutes * 60_000);
        let token = rig.ask(hours("STK:AAPL"));
        let told = told(&mut rig, token);
        assert_eq!((told.is_open, told.is_liquid), (Some(expected.0), Some(expected.1)), "after {minutes} minutes");
    }
    assert_eq!(lookups(&mut rig), []);
}

#[test]
fn an_unknown_zone_or_strange_hours_are_told_once_and_give_no_times() {
    let mut rig = Rig::ready();
    for symbol in ["STK:A", "STK:B"] {
        let token = rig.ask(hours(symbol));
        answer_hours(&mut rig, "\u{fffd}\u{fffd}", WHOLE, REGULAR);
        let told = told(&mut rig, token);
        assert_eq!((told.time_zone, told.trading, told.liquid, told.is_open), (None, None, None, None));
    }
    assert_eq!(notices(&mut rig), ["unknown_zone"]);

    let token = rig.ask(hours("STK:C"));
    answer_hours(&mut rig, "US/Eastern", "20270115:0930-20270115:1600;20270116:sometimes", "");
    let strange = told(&mut rig, token);
    assert_eq!(strange.trading.map(|sessions| sessions.len()), Some(1));
    assert_eq!((strange.is_open, strange.liquid), (None, None), "a session may have been lost");
    assert_eq!(notices(&mut rig), ["unreadable_hours"]);

    let token = rig.ask(hours("STK:D"));
    answer_hours(&mut rig, "", "", "");
    assert_eq!(told(&mut rig, token).trading, None);
    assert_eq!(notices(&mut rig), Vec::<String>::new());
}
