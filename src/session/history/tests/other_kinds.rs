//! Batches, ticks, sessions and histograms.

use super::*;
use crate::{
    schema::request::history::{
        BatchManifest, BatchRequest, HistogramRequest, Manifest, PastTick, PastTickKind, ScheduleRequest, TicksRequest,
    },
    tws::message::{
        contract::{Contract, ContractData, ContractDataEnd, ContractDetails},
        history::{HistogramData, HistogramDataEntry, HistoricalSchedule, HistoricalSession},
        tick_by_tick::{HistoricalTickLast, HistoricalTicksLast, HistoricalTicksRequest},
    },
};

pub(super) fn batch(rig: &mut Rig, contracts: &[&str]) -> Token {
    let contracts = contracts.iter().map(|text| ContractSpec(text.parse().expect("short text"))).collect();
    rig.ask(Ask::Batch(Box::new(BatchRequest {
        contracts,
        bar_size: "1h".parse().expect("a bar size"),
        start: Some(TimePoint { us: START_US - DAY_US }),
        end: Some(TimePoint { us: START_US }),
        duration: None,
        source: None,
        regular_hours: false,
        timeout_ms: None,
    })))
}

/// Answers lookups of symbols: `A` and those after it have contract ids, `NONE` does not exist.
pub(super) fn answer_lookups(rig: &mut Rig) -> Vec<HistoricalDataRequest> {
    let mut history = Vec::new();
    for request in rig.sent(LinkName::Data) {
        match request {
            Request::ContractDataRequest(ask) => {
                let req_id = ask.req_id;
                let symbol = ask.contract.and_then(|contract| contract.symbol).unwrap_or_default();
                if symbol == "NONE" {
                    rig.notice(
                        LinkName::Data,
                        req_id.unwrap_or_default(),
                        200,
                        "No security definition has been found",
                    );
                    continue;
                }
                let contract = Contract {
                    con_id: Some(i32::from(symbol.as_bytes()[0])),
                    symbol: Some(symbol),
                    sec_type: Some("STK".to_owned()),
                    exchange: Some("SMART".to_owned()),
                    currency: Some("USD".to_owned()),
                    ..Contract::default()
                };
                let contract_details = Some(ContractDetails::default());
                let data = ContractData { req_id, contract: Some(contract), contract_details };
                rig.receive_data(Response::ContractData(Box::new(data)));
                rig.receive_data(Response::ContractDataEnd(ContractDataEnd { req_id }));
            }
            Request::HistoricalDataRequest(ask) => history.push(*ask),
            other => panic!("{other:?}"),
        }
    }
    history
}

#[track_caller]
pub(super) fn batch_manifest(rig: &mut Rig, token: Token) -> BatchManifest {
    match rig.reply(token) {
        Some(Ok(Answer::Batch(manifest))) => *manifest,
        other => panic!("no manifest: {other:?}"),
    }
}

#[test]
fn a_batch_tells_each_contract_apart_and_ends_with_one_manifest() {
    let (mut rig, _) = patient(60);
    let token = batch(&mut rig, &["STK:A", "STK:NONE", "STK:C"]);
    let mut history = Vec::new();
    for _ in 0..5 {
        history.extend(answer_lookups(&mut rig));
        rig.wait_ms(100);
    }
    assert_eq!(history.len(), 2);
    assert_eq!(rig.reply(token), None);
    // The last first.
    for ask in history.iter().rev() {
        answer_hourly(&mut rig, ask, 24);
    }
    let entries: Vec<_> = rig.parts(token).into_iter().map(|part| part.entry).collect();
    assert_eq!(entries, [Some(2), Some(0)]);
    let manifest = batch_manifest(&mut rig, token);
    assert_eq!((manifest.rows, manifest.requests, manifest.served), (48, 2, 2));
    let symbols: Vec<_> =
        manifest.contracts.iter().map(|entry| entry.instrument.as_ref().map(|it| it.symbol.as_str())).collect();
    assert_eq!(symbols, [Some("A"), None, Some("C")]);
    let error = manifest.contracts[1].error.as_ref().expect("an error");
    assert_eq!(error.code, ErrorCode::UnknownContract);
}

#[test]
fn a_batch_given_up_leaves_nothing_behind() {
    let (mut rig, _) = patient(5);
    let token = batch(&mut rig, &["STK:A", "STK:B"]);
    let asked: usize = (0..3).map(|_| answer_lookups(&mut rig).len()).sum();
    assert_eq!(asked, 2);
    rig.wait_ms(5_000);
    assert_eq!(refused(&mut rig, token).code, ErrorCode::Timeout);
    let sent = rig.sent(LinkName::Data);
    assert_eq!(sent.iter().filter(|request| matches!(request, Request::CancelHistoricalData(_))).count(), 2);
    rig.wait_ms(100_000);
    assert_eq!(rig.session.core.pacing.open_usage().used, 0);
    assert_eq!(rig.session.wake_at().filter(|at| *at <= rig.now().at), None);
}

#[test]
fn a_batch_that_makes_no_sense_is_refused_as_a_whole() {
    let (mut rig, _) = patient(5);
    let token = batch(&mut rig, &[]);
    assert_eq!(refused(&mut rig, token).code, ErrorCode::InvalidRequest);
    let token = batch(&mut rig, &["STK:A"; 1_001]);
    assert_eq!(refused(&mut rig, token).code, ErrorCode::InvalidRequest);
    assert_eq!(rig.sent(LinkName::Data), []);
}

pub(super) fn ticks(rig: &mut Rig, listing: &Arc<Listing>, from_us: i64, to_us: i64) -> Token {
    let ask = TicksRequest {
        contract: ContractSpec("STK:AAPL".parse().expect("short text")),
        kind: PastTickKind::Last,
        start: TimePoint { us: from_us },
        end: Some(TimePoint { us: to_us }),
        regular_hours: false,
        ignore_size: false,
        timeout_ms: None,
    };
    rig.ask_resolved("", Ask::Ticks(Box::new(ask)), listing)
}

pub(super) fn tick_questions(rig: &mut Rig) -> Vec<HistoricalTicksRequest> {
    let sent = rig.sent(LinkName::Data).into_iter();
    sent.filter_map(|request| if let Request::HistoricalTicksRequest(ask) = request { Some(*ask) } else { None })
        .collect()
}

pub(super) fn answer_ticks(rig: &mut Rig, ask: &HistoricalTicksRequest, seconds: impl Iterator<Item = i64>) {
    let tick = |time| HistoricalTickLast {
        time: Some(time),
        price: Some(1.5),
        size: Some("2.50".to_owned()),
        exchange: Some("NYSE".to_owned()),
        ..HistoricalTickLast::default()
    };
    let historical_ticks_last = seconds.map(tick).collect();
    let message = HistoricalTicksLast { req_id: ask.req_id, historical_ticks_last, is_done: Some(true) };
    rig.receive_data(Response::HistoricalTicksLast(message));
}

#[track_caller]
pub(super) fn walked(rig: &mut Rig, token: Token) -> (Vec<PastTick>, Manifest) {
    let Some(Ok(Answer::Ticks(manifest))) = rig.reply(token) else { panic!("no ticks") };
    let parts = rig.parts(token).into_iter().map(|part| part.rows);
    (parts.flat_map(|rows| if let Rows::Ticks(rows) = rows { rows } else { Vec::new() }).collect(), *manifest)
}

#[test]
fn ticks_are_walked_a_thousand_at_a_time_and_over_closed_hours() {
    let (mut rig, listing) = patient(60);
    let start_s = (START_US - 3 * DAY_US) / 1_000_000;
    let next_day_s = start_s + 86_400;
    let token = ticks(&mut rig, &listing, start_s * 1_000_000, (next_day_s + 3_600) * 1_000_000);
    let asks = tick_questions(&mut rig);
    assert_eq!((asks[0].number_of_ticks, asks[0].what_to_show.as_deref()), (Some(1_000), Some("TRADES")));
    // Three ticks a second: the last second of a full answer is asked again.
    answer_ticks(&mut rig, &asks[0], (0..1_000).map(|number| start_s + number / 3));
    let asks = tick_questions(&mut rig);
    assert_eq!(asks[0].start_date_time.as_deref().map(str::len), Some(17));
    answer_ticks(&mut rig, &asks[0], (999..1_200).map(|number| start_s + number / 3));
    // The session is over: the schedule tells the next.
    let asks = tick_questions(&mut rig);
    answer_ticks(&mut rig, &asks[0], std::iter::empty());
    let sent = asked(&mut rig);
    assert_eq!(sent[0].what_to_show.as_deref(), Some("SCHEDULE"));
    let text = |second: i64| Some(super::super::utc_text(second * 1_000_000));
    let session = |from: i64, to: i64| HistoricalSession {
        start_date_time: text(from),
        end_date_time: text(to),
        ref_date: Some("20270113".to_owned()),
    };
    rig.receive_data(Response::HistoricalSchedule(HistoricalSchedule {
        req_id: sent[0].req_id,
        time_zone: Some("UTC".to_owned()),
        historical_sessions: vec![session(start_s - 100, start_s + 1_000), session(next_day_s, next_day_s + 9_000)],
        ..HistoricalSchedule::default()
    }));
    let asks = tick_questions(&mut rig);
    assert_eq!(asks[0].start_date_time, text(next_day_s));
    // Beyond the end of the range.
    answer_ticks(&mut rig, &asks[0], (0..500).map(|number| next_day_s + number * 10));
    let (rows, manifest) = walked(&mut rig, token);
    assert_eq!((rows.len(), manifest.rows, manifest.requests), (1_200 + 360, 1_560, 5));
    assert!(rows.windows(2).all(|pair| pair[0].event_us <= pair[1].event_us));
    assert_eq!(rows[0].size.as_ref().map(crate::schema::Size::as_str), Some("2.50"));
    assert_eq!(rig.session.core.pacing.history_usage(rig.now().at).used, 4, "the schedule is no small bar");
}

#[test]
fn sessions_and_histograms_are_read() {
    let (mut rig, listing) = patient(60);
    let contract = || ContractSpec("STK:AAPL".parse().expect("short text"));
    let ask = ScheduleRequest {
        contract: contract(),
        start: None,
        end: None,
        duration: Some("2d".to_owned()),
        regular_hours: true,
        timeout_ms: None,
    };
    let token = rig.ask_resolved("", Ask::Schedule(Box::new(ask)), &listing);
    let sent = asked(&mut rig);
    assert_eq!((sent[0].bar_size_setting.as_deref(), sent[0].duration.as_deref()), (Some("1 day"), Some("4 D")));
    let session = |date: &str| HistoricalSession {
        start_date_time: Some(format!("{date}-09:30:00")),
        end_date_time: Some(format!("{date}-16:00:00")),
        ref_date: Some(date.to_owned()),
    };
    rig.receive_data(Response::HistoricalSchedule(HistoricalSchedule {
        req_id: sent[0].req_id,
        time_zone: Some("US/Eastern".to_owned()),
        historical_sessions: ["20270111", "20270113", "20270114"].map(session).to_vec(),
        ..HistoricalSchedule::default()
    }));
    let Some(Ok(Answer::Schedule(schedule))) = rig.reply(token) else { panic!("no schedule") };
    let dates: Vec<_> = schedule.sessions.iter().map(|session| session.date.as_str()).collect();
    assert_eq!((dates, schedule.time_zone.as_str()), (vec!["20270113", "20270114"], "US/Eastern"));

    let ask = HistogramRequest { contract: contract(), period: "3d".to_owned(), regular_hours: true, timeout_ms: None };
    let token = rig.ask_resolved("", Ask::Histogram(Box::new(ask)), &listing);
    let sent = rig.sent(LinkName::Data);
    let [Request::HistogramDataRequest(ask)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(ask.time_period.as_deref(), Some("3 days"));
    let entry = |price: f64| HistogramDataEntry { price: Some(price), size: Some("100".to_owned()) };
    let histogram_data_entries = vec![entry(2.5), entry(1.5)];
    rig.receive_data(Response::HistogramData(HistogramData { req_id: ask.req_id, histogram_data_entries }));
    let Some(Ok(Answer::Histogram(histogram))) = rig.reply(token) else { panic!("no histogram") };
    let prices: Vec<f64> = histogram.rows.iter().map(|row| row.price).collect();
    assert!((prices[0] - 1.5).abs() < 1e-9 && prices.len() == 2);
}
