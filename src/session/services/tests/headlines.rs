//! The walk back in time.

use chrono::{DateTime, NaiveDateTime};

use super::{LinkName, Rig, ServiceAnswer, ServiceAsk};
use crate::{
    schema::{
        ErrorCode,
        request::{
            history::TimePoint,
            news::{Headline, HeadlinesManifest, HeadlinesRequest},
        },
    },
    session::{Token, rig::START_US},
    tws::{
        Request, Response,
        message::news::{HistoricalNews, HistoricalNewsEnd, HistoricalNewsRequest},
    },
};

const SECOND_US: i64 = 1_000_000;

fn ask(providers: &[&str], start: Option<i64>, limit: Option<u32>) -> ServiceAsk {
    ServiceAsk::Headlines(HeadlinesRequest {
        contract: "CONID:1".parse().map(crate::schema::contract::ContractSpec).expect("a contract"),
        providers: providers.iter().map(|&code| code.to_owned()).collect(),
        start: start.map(|us| TimePoint { us }),
        end: None,
        limit,
        timeout_ms: None,
    })
}

fn start(rig: &mut Rig, ask: ServiceAsk) -> Token {
    let listing = rig.stock(1, "A");
    rig.ask_resolved("", ask.into(), &listing)
}

#[track_caller]
fn headlines_sent(rig: &mut Rig) -> HistoricalNewsRequest {
    let Request::HistoricalNewsRequest(request) = rig.one_sent() else { panic!("other request") };
    *request
}

fn us(text: Option<&String>) -> i64 {
    let time = NaiveDateTime::parse_from_str(text.expect("a time"), "%Y-%m-%d %H:%M:%S%.f");
    time.expect("IB's form").and_utc().timestamp_micros()
}

fn stamp(us: i64) -> String {
    DateTime::from_timestamp_micros(us).expect("a time").format("%Y-%m-%d %H:%M:%S.0").to_string()
}

/// A gateway with a story at each of these moments (newest first) answers a request as IB does.
fn answer(rig: &mut Rig, request: &HistoricalNewsRequest, stories: &[i64]) {
    let from = request.start_date_time.as_ref().map_or(0, |_| us(request.start_date_time.as_ref()));
    let to = us(request.end_date_time.as_ref());
    let fitting: Vec<(usize, i64)> =
        stories.iter().copied().enumerate().filter(|(_, at)| *at > from && *at <= to).collect();
    let total = usize::try_from(request.total_results.expect("a number")).expect("positive");
    for (number, at) in fitting.iter().take(total) {
        rig.receive_data(Response::HistoricalNews(HistoricalNews {
            req_id: request.req_id,
            time: Some(stamp(*at)),
            provider_code: Some("P".into()),
            article_id: Some(number.to_string()),
            headline: Some("text".into()),
        }));
    }
    let has_more = Some(fitting.len() > total);
    rig.receive_data(Response::HistoricalNewsEnd(HistoricalNewsEnd { req_id: request.req_id, has_more }));
}

#[track_caller]
fn answered(rig: &mut Rig, token: Token) -> (Vec<Headline>, HeadlinesManifest) {
    match rig.answered(token) {
        ServiceAnswer::Headlines { rows, manifest } => (rows, manifest),
        other => panic!("{other:?}"),
    }
}

/// Answers until the caller has his answer; the number of requests it took.
fn serve(rig: &mut Rig, stories: &[i64]) -> usize {
    for served in 0..50 {
        let sent = rig.sent(LinkName::Data);
        match sent.as_slice() {
            [] => return served,
            [Request::HistoricalNewsRequest(request)] => answer(rig, &request.clone(), stories),
            other => panic!("{other:?}"),
        }
    }
    panic!("the walk does not end");
}

#[test]
fn a_range_with_more_than_three_hundred_headlines_is_walked_back_without_loss_or_repeat() {
    let mut rig = Rig::ready();
    let stories: Vec<i64> = (0..1_000).map(|n| START_US - n * 7 * SECOND_US).collect();
    let token = start(&mut rig, ask(&["P"], Some(START_US - 86_400 * SECOND_US), Some(5_000)));
    assert_eq!(serve(&mut rig, &stories), 4);
    let (rows, manifest) = answered(&mut rig, token);
    let times: Vec<i64> = rows.iter().filter_map(|row| row.event_us).collect();
    assert_eq!(times, stories.iter().rev().copied().collect::<Vec<_>>(), "oldest first, each once");
    assert_eq!((manifest.rows, manifest.requests, manifest.more), (1_000, 4, false));
    assert!(manifest.holes.is_empty(), "{manifest:?}");
}

#[test]
fn the_limit_keeps_the_newest_and_says_that_there_are_more() {
    let mut rig = Rig::ready();
    let stories: Vec<i64> = (0..1_000).map(|n| START_US - n * 7 * SECOND_US).collect();
    let token = start(&mut rig, ask(&["P"], None, Some(350)));
    assert_eq!(serve(&mut rig, &stories), 2);
    let (rows, manifest) = answered(&mut rig, token);
    assert_eq!((rows.len(), manifest.more), (350, true));
    assert_eq!(rows.last().and_then(|row| row.event_us), Some(START_US));
    assert_eq!(rows.first().and_then(|row| row.event_us), Some(stories[349]));
}

#[test]
fn more_than_three_hundred_in_one_second_leave_a_hole_that_is_named() {
    let mut rig = Rig::ready();
    let at = START_US - 60 * SECOND_US;
    let mut stories = vec![at; 400];
    stories.push(at - 10 * SECOND_US);
    let token = start(&mut rig, ask(&["P"], Some(START_US - 3_600 * SECOND_US), Some(1_000)));
    serve(&mut rig, &stories);
    let (rows, manifest) = answered(&mut rig, token);
    assert_eq!(rows.len(), 301);
    assert_eq!(manifest.holes.iter().map(|hole| hole.reason.as_str()).collect::<Vec<_>>(), ["too_many_in_a_second"]);
}

#[test]
fn a_gateway_that_ignores_the_range_is_found_out() {
    let mut rig = Rig::ready();
    let token = start(&mut rig, ask(&["P"], Some(START_US - 3_600 * SECOND_US), Some(1_000)));
    let stories: Vec<i64> = (0..300).map(|n| START_US - n * SECOND_US).collect();
    for _ in 0..2 {
        let mut request = headlines_sent(&mut rig);
        request.end_date_time = Some(stamp(START_US));
        answer(&mut rig, &request, &stories);
    }
    let (rows, manifest) = answered(&mut rig, token);
    assert_eq!(rows.len(), 300, "what it told is kept once");
    assert_eq!(manifest.holes.iter().map(|hole| hole.reason.as_str()).collect::<Vec<_>>(), ["range_ignored"]);
}

#[test]
fn without_sources_named_all_of_the_login_are_asked() {
    use crate::tws::message::news::{NewsProvider, NewsProviders};
    let mut rig = Rig::ready();
    let token = start(&mut rig, ask(&[], None, None));
    assert!(matches!(rig.one_sent(), Request::NewsProvidersRequest(_)));
    let row = |code: &str| NewsProvider { provider_code: Some(code.into()), provider_name: None };
    rig.receive_data(Response::NewsProviders(NewsProviders { news_providers: vec![row("A"), row("B")] }));
    let request = headlines_sent(&mut rig);
    assert_eq!(request.provider_codes.as_deref(), Some("A+B"));
    assert_eq!((request.start_date_time.clone(), request.total_results), (None, Some(300)));
    answer(&mut rig, &request, &[]);
    assert_eq!(answered(&mut rig, token).0, Vec::new());
}

#[test]
fn an_error_in_the_middle_keeps_what_came_and_one_at_the_start_is_told() {
    let mut rig = Rig::ready();
    let token = start(&mut rig, ask(&["P"], None, Some(1_000)));
    let request = headlines_sent(&mut rig);
    rig.notice(LinkName::Data, request.req_id.expect("an id"), 10_276, "News feed is not allowed");
    assert_eq!(rig.refused_with(token).0, ErrorCode::NoPermission);

    let token = start(&mut rig, ask(&["P"], None, Some(1_000)));
    let request = headlines_sent(&mut rig);
    let stories: Vec<i64> = (0..1_000).map(|n| START_US - n * SECOND_US).collect();
    answer(&mut rig, &request, &stories);
    let request = headlines_sent(&mut rig);
    rig.notice(LinkName::Data, request.req_id.expect("an id"), 321, "cause - something else");
    let (rows, manifest) = answered(&mut rig, token);
    assert_eq!((rows.len(), manifest.holes.len()), (300, 1));
    assert_eq!(manifest.holes[0].ib_code, Some(321));
}

#[test]
fn a_lost_link_in_the_middle_of_the_walk_costs_no_headline_and_no_repeat() {
    let mut rig = Rig::ready();
    let stories: Vec<i64> = (0..1_000).map(|n| START_US - n * SECOND_US).collect();
    let token = start(&mut rig, ask(&["P"], Some(START_US - 86_400 * SECOND_US), Some(5_000)));
    let first = headlines_sent(&mut rig);
    answer(&mut rig, &first, &stories);
    // The second answer is cut off in the middle.
    let second = headlines_sent(&mut rig);
    for (number, at) in stories.iter().enumerate().skip(299).take(100) {
        rig.receive_data(Response::HistoricalNews(HistoricalNews {
            req_id: second.req_id,
            time: Some(stamp(*at)),
            provider_code: Some("P".into()),
            article_id: Some((number - 299).to_string()),
            headline: Some("text".into()),
        }));
    }
    rig.cut(LinkName::Data);
    assert_eq!(rig.reply(token), None);
    rig.reconnect(LinkName::Data);
    let again = headlines_sent(&mut rig);
    assert_eq!(again.end_date_time, second.end_date_time, "the walk goes on where it was");
    assert_ne!(again.req_id, second.req_id);
    answer(&mut rig, &again, &stories);
    serve(&mut rig, &stories);
    let (rows, manifest) = answered(&mut rig, token);
    let mut times: Vec<i64> = rows.iter().filter_map(|row| row.event_us).collect();
    times.dedup();
    assert_eq!(times, stories.iter().rev().copied().collect::<Vec<_>>(), "oldest first, each once");
    assert!(manifest.holes.is_empty() && !manifest.more, "{manifest:?}");
}

#[test]
fn a_walk_that_waits_for_the_link_ends_at_the_callers_deadline() {
    let mut rig = Rig::ready();
    let token = start(&mut rig, ask(&["P"], None, None));
    headlines_sent(&mut rig);
    rig.cut(LinkName::Data);
    rig.wait_ms(130_000);
    assert_eq!(rig.refused_with(token).0, ErrorCode::Timeout);
}
