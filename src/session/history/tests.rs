//! Ranges in virtual time, against a scripted gateway.

mod heads;
mod holes;
mod limits;
mod other_kinds;
mod outages;
mod windows;

use std::sync::Arc;

use crate::{
    config::Config,
    schema::{
        ApiError, ErrorCode,
        bar::{Bar, BarSource},
        connection::LinkName,
        contract::ContractSpec,
        request::history::{BarsRequest, HeadRequest, TimePoint},
    },
    session::{
        Answer, Ask, Bars, Listing, Rows, Token,
        rig::{Rig, START_US},
    },
    tws::{
        Request, Response,
        message::history::{
            HeadTimestamp, HistoricalData, HistoricalDataBar, HistoricalDataEnd, HistoricalDataRequest,
        },
    },
};

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;
const VIOLATION: &str = "Historical Market Data Service error message:Historical data request pacing violation";
const NO_DATA: &str = "Historical Market Data Service error message:HMDS query returned no data: X@SMART Trades";

/// A rig whose callers wait this long.
fn patient(seconds: u64) -> (Rig, Arc<Listing>) {
    let mut config = Config::default();
    config.timing.request_ms = seconds * 1_000;
    let mut rig = Rig::ready_with(config);
    rig.is_alive = true;
    let listing = rig.stock(265_598, "AAPL");
    (rig, listing)
}

fn request(size: &str, start_us: i64, end_us: Option<i64>) -> BarsRequest {
    BarsRequest {
        contract: ContractSpec("STK:AAPL".parse().expect("short text")),
        bar_size: size.parse().expect("a bar size"),
        start: Some(TimePoint { us: start_us }),
        end: end_us.map(|us| TimePoint { us }),
        duration: None,
        source: None,
        regular_hours: false,
        timeout_ms: None,
    }
}

fn bars(rig: &mut Rig, listing: &Arc<Listing>, ask: BarsRequest) -> Token {
    rig.ask_resolved("", Ask::Bars(Box::new(ask)), listing)
}

fn asked(rig: &mut Rig) -> Vec<HistoricalDataRequest> {
    let sent = rig.sent(LinkName::Data).into_iter();
    let history = |request| match request {
        Request::HistoricalDataRequest(ask) => Some(*ask),
        _ => None,
    };
    sent.filter_map(history).collect()
}

fn row(date: String) -> HistoricalDataBar {
    let price = Some(100.0);
    HistoricalDataBar {
        date: Some(date),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: Some("5.50".to_owned()),
        wap: Some("100.0".to_owned()),
        bar_count: Some(3),
    }
}

/// Answers with the bars that start at these moments.
fn answer_at(rig: &mut Rig, ask: &HistoricalDataRequest, starts_us: impl IntoIterator<Item = i64>) {
    let rows = starts_us.into_iter().map(|us| row((us / 1_000_000).to_string())).collect();
    answer(rig, ask, rows);
}

fn answer(rig: &mut Rig, ask: &HistoricalDataRequest, historical_data_bars: Vec<HistoricalDataBar>) {
    rig.receive_data(Response::HistoricalData(HistoricalData { req_id: ask.req_id, historical_data_bars }));
    rig.receive_data(Response::HistoricalDataEnd(HistoricalDataEnd { req_id: ask.req_id, ..Default::default() }));
}

/// Where a request ends, microseconds.
fn end_us(rig: &Rig, ask: &HistoricalDataRequest) -> i64 {
    let text = ask.end_date_time.as_deref().expect("an end");
    if text.is_empty() {
        return rig.now().us;
    }
    let end = chrono::NaiveDateTime::parse_from_str(text, "%Y%m%d-%H:%M:%S").expect("UTC text");
    end.and_utc().timestamp_micros()
}

/// Answers as a gateway with a bar each hour would, one hour further back than asked.
fn answer_hourly(rig: &mut Rig, ask: &HistoricalDataRequest, hours: i64) {
    let end_us = end_us(rig, ask);
    let first = end_us - end_us.rem_euclid(HOUR_US) - hours * HOUR_US;
    answer_at(rig, ask, (0..=hours).map(|hour| first + hour * HOUR_US).filter(|us| *us < end_us));
}

#[track_caller]
fn served(rig: &mut Rig, token: Token) -> Bars {
    let Bars { rows, manifest } = match rig.reply(token) {
        Some(Ok(Answer::Bars(bars))) => *bars,
        other => panic!("no bars: {other:?}"),
    };
    assert_eq!(rows, [], "a client gets its rows in parts");
    let parts = rig.parts(token).into_iter().map(|part| part.rows);
    let rows: Vec<Bar> = parts.flat_map(|rows| if let Rows::Bars(rows) = rows { rows } else { Vec::new() }).collect();
    assert_eq!(usize::try_from(manifest.rows), Ok(rows.len()));
    Bars { rows, manifest }
}

#[track_caller]
fn refused(rig: &mut Rig, token: Token) -> ApiError {
    rig.reply(token).expect("a reply").expect_err("refused")
}

#[test]
fn a_range_of_one_request_is_asked_once_and_clipped() {
    let (mut rig, listing) = patient(60);
    let end = START_US - DAY_US;
    let token = bars(&mut rig, &listing, request("1h", end - 5 * HOUR_US, Some(end)));
    let sent = asked(&mut rig);
    let [ask] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(ask.end_date_time.as_deref(), Some("20270114-08:00:00"));
    assert_eq!((ask.duration.as_deref(), ask.bar_size_setting.as_deref()), (Some("2 D"), Some("1 hour")));
    assert_eq!((ask.what_to_show.as_deref(), ask.format_date), (Some("TRADES"), Some(2)));
    assert_eq!((ask.use_rth, ask.keep_up_to_date), (Some(false), Some(false)));
    // Further back than asked, unsorted, and one bar twice.
    let starts = [3, 4, 0, -3, -20, 1, 1, 2, 5].map(|hour| end - (5 - hour) * HOUR_US);
    answer_at(&mut rig, ask, starts);
    let Bars { rows, manifest } = served(&mut rig, token);
    let starts: Vec<i64> = rows.iter().map(|bar| (bar.start_us - end) / HOUR_US).collect();
    assert_eq!(starts, [-5, -4, -3, -2, -1]);
    assert_eq!(rows[0].volume.as_ref().map(crate::schema::Size::as_str), Some("5.50"));
    assert_eq!((manifest.pages, manifest.rows, manifest.requests, manifest.holes.len()), (0, 5, 1, 0));
}

#[test]
fn a_range_without_an_end_ends_now_and_one_of_currencies_is_of_mid_points() {
    let (mut rig, _) = patient(60);
    let pair = rig.listing(12_087_792, "CASH", "EUR", "IDEALPRO");
    bars(&mut rig, &pair, BarsRequest { start: None, duration: Some("2h".into()), ..request("1m", 0, None) });
    let sent = asked(&mut rig);
    assert_eq!(sent[0].end_date_time.as_deref(), Some(""));
    assert_eq!((sent[0].what_to_show.as_deref(), sent[0].duration.as_deref()), (Some("MIDPOINT"), Some("7200 S")));
}

#[test]
fn daily_bars_carry_their_date_and_the_first_date_counts_whole() {
    let (mut rig, listing) = patient(60);
    let day = |number: i64| START_US - START_US.rem_euclid(DAY_US) - number * DAY_US;
    let token = bars(&mut rig, &listing, request("1d", day(3) + 5 * HOUR_US, Some(day(0))));
    let sent = asked(&mut rig);
    assert_eq!(sent[0].duration.as_deref(), Some("1 Y"));
    let dates = ["20270110", "20270111", "20270112", "20270113", "20270114", "20270115"];
    answer(&mut rig, &sent[0], dates.map(|date| row(date.to_owned())).to_vec());
    let Bars { rows, .. } = served(&mut rig, token);
    let dates: Vec<_> = rows.iter().filter_map(|bar| bar.date.as_deref()).collect();
    assert_eq!(dates, ["20270112", "20270113", "20270114"]);
    assert_eq!(rows[0].start_us, day(3));
}

#[test]
fn a_job_has_a_dozen_chunks_open_and_its_rows_are_sent_in_order_as_they_arrive() {
    let (mut rig, listing) = patient(600);
    let start = START_US - 90 * DAY_US;
    let token = bars(&mut rig, &listing, request("1m", start, Some(START_US)));
    let (mut requests, mut rows, mut open) = (0, Vec::new(), Vec::new());
    for _ in 0..60 {
        open.extend(asked(&mut rig));
        assert!(open.len() <= 10);
        // The newest first: order of answers is not order of time.
        if let Some(ask) = open.pop() {
            requests += 1;
            answer_hourly(&mut rig, &ask, 4 * 24);
        }
        for part in rig.parts(token) {
            let Rows::Bars(part_rows) = part.rows else { panic!("ticks") };
            rows.extend(part_rows.iter().map(|bar| bar.start_us));
            assert_eq!(usize::try_from(part.progress.rows), Ok(rows.len()));
            assert_eq!(part.progress.total, Some(31));
        }
        rig.wait_ms(400);
    }
    assert_eq!(rows.len(), 90 * 24);
    assert!(rows.windows(2).all(|pair| pair[1] - pair[0] == HOUR_US));
    let Some(Ok(Answer::Bars(bars))) = rig.reply(token) else { panic!("no bars") };
    assert_eq!((bars.manifest.requests, bars.manifest.rows, bars.manifest.holes.len()), (requests, 90 * 24, 0));
    assert_eq!(requests, 31);
}

#[test]
fn a_caller_who_takes_nothing_is_asked_for_no_more() {
    let (mut rig, listing) = patient(600);
    rig.takes_parts = false;
    let token = bars(&mut rig, &listing, request("1m", START_US - 300 * DAY_US, Some(START_US)));
    let mut requests = 0;
    for _ in 0..60 {
        let sent = asked(&mut rig);
        requests += sent.len();
        for ask in sent {
            answer_hourly(&mut rig, &ask, 4 * 24);
        }
        rig.wait_ms(1_000);
    }
    assert!((8..=20).contains(&requests), "{requests}");
    rig.takes_parts = true;
    for _ in 0..300 {
        rig.take_parts(token);
        for ask in asked(&mut rig) {
            answer_hourly(&mut rig, &ask, 4 * 24);
        }
        rig.wait_ms(500);
    }
    assert_eq!(served(&mut rig, token).rows.len(), 300 * 24);
}

#[test]
fn a_caller_who_waits_is_told_the_progress() {
    let (mut rig, listing) = patient(600);
    let token = bars(&mut rig, &listing, request("1m", START_US - 9 * DAY_US, Some(START_US)));
    let sent = asked(&mut rig);
    answer_hourly(&mut rig, &sent[0], 4 * 24);
    assert_eq!(rig.parts(token).len(), 1);
    rig.wait_ms(10_000);
    let parts = rig.parts(token);
    let [part] = parts.as_slice() else { panic!("{parts:?}") };
    assert!(part.rows.is_empty());
    assert_eq!((part.progress.done, part.progress.total), (1, Some(4)));
}

#[test]
fn a_range_survives_three_disconnects_and_asks_only_again_what_was_cut_off() {
    let (mut rig, listing) = patient(600);
    let token = bars(&mut rig, &listing, request("1m", START_US - 90 * DAY_US, Some(START_US)));
    let mut cut_off = 0;
    for _ in 0..3 {
        rig.wait_ms(2_000);
        let sent = asked(&mut rig);
        assert!(sent.len() >= 2, "{}", sent.len());
        answer_hourly(&mut rig, &sent[0], 4 * 24);
        cut_off += sent.len() - 1;
        // Half an answer is void.
        let half = HistoricalData { req_id: sent[1].req_id, historical_data_bars: vec![row("1800000000".to_owned())] };
        rig.receive_data(Response::HistoricalData(half));
        cut_off += asked(&mut rig).len();
        rig.cut(LinkName::Data);
        rig.drop_sent(|_| true);
        rig.reconnect(LinkName::Data);
    }
    for _ in 0..30 {
        rig.wait_ms(2_000);
        for ask in asked(&mut rig) {
            answer_hourly(&mut rig, &ask, 4 * 24);
        }
    }
    let Bars { rows, manifest } = served(&mut rig, token);
    assert_eq!((rows.len(), manifest.holes.len()), (90 * 24, 0));
    assert_eq!(usize::try_from(manifest.requests), Ok(31 + cut_off));
    assert!(rows.windows(2).all(|pair| pair[1].start_us - pair[0].start_us == HOUR_US));
}

#[test]
fn silence_is_cancelled_and_asked_again_until_it_is_a_timeout() {
    let (mut rig, listing) = patient(600);
    let token = bars(&mut rig, &listing, request("1h", START_US - DAY_US, None));
    let first = asked(&mut rig).remove(0).req_id;
    for _ in 0..2 {
        rig.wait_ms(60_000);
        let sent = rig.sent(LinkName::Data);
        assert!(matches!(sent.as_slice(), [Request::CancelHistoricalData(_), Request::HistoricalDataRequest(_)]));
    }
    rig.wait_ms(60_000);
    rig.sent(LinkName::Data);
    // The head stays unanswered, too.
    rig.wait_ms(120_000);
    assert_eq!(refused(&mut rig, token).code, ErrorCode::Timeout);

    let late = rig.session.core.counters.late_answers;
    rig.receive_data(Response::HistoricalDataEnd(HistoricalDataEnd { req_id: first, ..Default::default() }));
    assert_eq!(rig.session.core.counters.late_answers, late + 1);
}

#[test]
fn a_caller_who_gives_up_costs_no_more_requests() {
    let (mut rig, listing) = patient(20);
    let token = bars(&mut rig, &listing, request("1m", START_US - 30 * DAY_US, None));
    rig.wait_ms(19_999);
    assert_eq!(asked(&mut rig).len(), 10);
    rig.wait_ms(1);
    assert_eq!(refused(&mut rig, token).code, ErrorCode::Timeout);
    let sent = rig.sent(LinkName::Data);
    assert_eq!(sent.len(), 10, "{sent:?}");
    assert!(sent.iter().all(|request| matches!(request, Request::CancelHistoricalData(_))));
    assert_eq!(rig.session.core.pacing.open_usage().used, 0);
    rig.wait_ms(100_000);
    assert_eq!(rig.sent(LinkName::Data), []);
}

#[test]
fn a_range_that_makes_no_sense_is_refused_with_the_reason() {
    let (mut rig, listing) = patient(60);
    let pair = rig.listing(12_087_792, "CASH", "EUR", "IDEALPRO");
    let hour_ago = START_US - HOUR_US;
    let sourced = |source| BarsRequest { source: Some(source), ..request("1h", hour_ago, None) };
    let lasting =
        |duration: &str| BarsRequest { start: None, duration: Some(duration.into()), ..sourced(BarSource::Bid) };
    let (invalid, large) = (ErrorCode::InvalidRequest, ErrorCode::TooLarge);
    for (ask, on, code, word) in [
        (request("1h", hour_ago, Some(hour_ago)), &listing, invalid, "not before"),
        (request("1h", hour_ago, Some(START_US + HOUR_US)), &listing, invalid, "future"),
        (BarsRequest { start: None, ..sourced(BarSource::Bid) }, &listing, invalid, "start or duration"),
        (BarsRequest { duration: Some("1d".into()), ..sourced(BarSource::Bid) }, &listing, invalid, "not both"),
        (lasting("1 day"), &listing, invalid, "3600s"),
        (sourced(BarSource::Trades), &pair, invalid, "midpoint"),
        (sourced(BarSource::AggTrades), &listing, invalid, "CRYPTO"),
        (
            BarsRequest { end: Some(TimePoint { us: START_US }), ..sourced(BarSource::AdjustedLast) },
            &listing,
            invalid,
            "up to now",
        ),
        (
            BarsRequest { source: Some(BarSource::AdjustedLast), ..request("1m", START_US - 90 * DAY_US, None) },
            &listing,
            large,
            "33 days",
        ),
    ] {
        let token = bars(&mut rig, on, ask.clone());
        let error = refused(&mut rig, token);
        assert!(error.code == code && error.message.contains(word), "{ask:?}: {error}");
    }
    assert_eq!(asked(&mut rig), []);
    rig.cut(LinkName::Data);
    let token = bars(&mut rig, &listing, request("1h", hour_ago, None));
    assert_eq!(refused(&mut rig, token).code, ErrorCode::NotReady);
}
