//! Leases on scanners, places, and what survives.

use super::{LinkName, Rig, ServiceAnswer, ServiceAsk};
use crate::{
    schema::{
        ErrorCode,
        request::scan::{
            ListScans, OnLimit, ParameterPart, ParametersRequest, RenewScan, RunScan, Scan, ScanLease, ScanState,
            SubscribeScan, UnsubscribeScan,
        },
        scan::ScanEvent,
    },
    session::{CacheItem, CacheKind, Event, Token},
    tws::{
        Request, Response,
        message::{
            contract::Contract,
            scanner::{ScannerData, ScannerDataElement, ScannerParameters},
        },
    },
};

fn scan(code: &str) -> Scan {
    let scan = serde_json::json!({"instrument": "STK", "location": "STK.US.MAJOR", "scan_code": code});
    serde_json::from_value(scan).expect("a scan")
}

fn subscribe(code: &str, on_limit: OnLimit) -> ServiceAsk {
    ServiceAsk::SubscribeScan(SubscribeScan { scan: scan(code), ttl_s: 60, on_limit, timeout_ms: None })
}

fn run(code: &str) -> ServiceAsk {
    ServiceAsk::RunScan(RunScan { scan: scan(code), on_limit: OnLimit::Queue, timeout_ms: None })
}

#[track_caller]
fn asked(rig: &mut Rig) -> i32 {
    let Request::ScannerSubscriptionRequest(request) = rig.one_sent() else { panic!("other request") };
    request.req_id.expect("an id")
}

fn result(req_id: i32, con_id: i32) -> Response {
    let contract = Contract { con_id: Some(con_id), sec_type: Some("STK".into()), ..Contract::default() };
    let row = ScannerDataElement { rank: Some(0), contract: Some(contract), ..ScannerDataElement::default() };
    Response::ScannerData(ScannerData { req_id: Some(req_id), scanner_data_element: vec![row] })
}

#[track_caller]
fn lease(rig: &mut Rig, token: Token) -> ScanLease {
    match rig.answered(token) {
        ServiceAnswer::ScanLease(lease) => *lease,
        other => panic!("{other:?}"),
    }
}

fn scans(rig: &mut Rig) -> Vec<ScanEvent> {
    let scan = |event| if let Event::Scan(scan) = event { Some(*scan) } else { None };
    rig.events().into_iter().filter_map(scan).collect()
}

#[test]
fn two_clients_with_the_same_question_share_one_scanner_until_the_last_leaves() {
    let mut rig = Rig::ready();
    let first = rig.ask_service(subscribe("GAIN", OnLimit::Queue));
    let second = rig.ask_service(subscribe("GAIN", OnLimit::Queue));
    let req_id = asked(&mut rig);
    rig.receive_data(result(req_id, 5));
    let (first, second) = (lease(&mut rig, first), lease(&mut rig, second));
    assert_eq!((first.id.as_str(), first.state, second.holders), (second.id.as_str(), ScanState::Running, 2));
    let told = scans(&mut rig);
    assert_eq!((told.len(), told[0].id == first.id, told[0].rows[0].con_id), (1, true, 5));
    // One more joins and is told at once.
    let third = rig.ask_service(run("GAIN"));
    assert!(matches!(rig.answered(third), ServiceAnswer::ScanResult(event) if event.rows.len() == 1));

    for (lease, is_last) in [(first, false), (second, true)] {
        rig.ask_service(ServiceAsk::UnsubscribeScan(UnsubscribeScan { lease: lease.lease }));
        let sent = rig.sent(LinkName::Data);
        assert_eq!(matches!(sent.as_slice(), [Request::CancelScannerSubscription(_)]), is_last, "{sent:?}");
    }
}

#[test]
fn a_run_ends_its_scanner_and_an_empty_result_is_a_result() {
    let mut rig = Rig::ready();
    let token = rig.ask_service(run("GAIN"));
    let req_id = asked(&mut rig);
    rig.notice(LinkName::Data, req_id, 165, "Historical Market Data Service query message:no items retrieved");
    rig.receive_data(Response::ScannerData(ScannerData { req_id: Some(req_id), scanner_data_element: Vec::new() }));
    assert!(matches!(rig.answered(token), ServiceAnswer::ScanResult(event) if event.rows.is_empty()));
    assert!(matches!(rig.one_sent(), Request::CancelScannerSubscription(_)));
    assert!(scans(&mut rig).is_empty(), "nobody leased it");
}

#[test]
fn an_eleventh_scanner_waits_or_is_refused_with_the_holders_named() {
    let mut rig = Rig::ready();
    let mut ids = Vec::new();
    for number in 0..10 {
        let token = rig.ask_as("alpha", subscribe(&format!("S{number}"), OnLimit::Queue).into());
        let req_id = asked(&mut rig);
        rig.receive_data(result(req_id, 1));
        ids.push((lease(&mut rig, token).lease, req_id));
    }
    let token = rig.ask_service(subscribe("S10", OnLimit::Refuse));
    let (code, text) = rig.refused_with(token);
    assert_eq!(code, ErrorCode::PacingLimited);
    assert!(text.contains("s0-") && text.contains("(alpha)"), "{text}");
    let token = rig.ask_service(subscribe("S10", OnLimit::Queue));
    assert_eq!(lease(&mut rig, token).state, ScanState::Waiting);
    assert!(rig.sent(LinkName::Data).is_empty());
    rig.ask_as("alpha", ServiceAsk::UnsubscribeScan(UnsubscribeScan { lease: ids[3].0.clone() }).into());
    let sent = rig.sent(LinkName::Data);
    let [Request::CancelScannerSubscription(cancel), Request::ScannerSubscriptionRequest(next)] = sent.as_slice()
    else {
        panic!("{sent:?}")
    };
    assert_eq!(cancel.req_id, Some(ids[3].1));
    assert_eq!(next.scanner_subscription.as_ref().and_then(|scan| scan.scan_code.as_deref()), Some("S10"));
}

#[test]
fn a_refused_question_leaves_no_lease_and_an_expired_lease_no_scanner() {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    let token = rig.ask_service(subscribe("NOSUCH", OnLimit::Queue));
    let req_id = asked(&mut rig);
    rig.notice(LinkName::Data, req_id, 162, "Historical Market Data Service error message:Scanner type is unknown");
    assert_eq!(rig.refused_with(token).0, ErrorCode::RejectedByGateway);

    let token = rig.ask_service(subscribe("GAIN", OnLimit::Queue));
    let req_id = asked(&mut rig);
    rig.receive_data(result(req_id, 1));
    let held = lease(&mut rig, token);
    rig.wait_ms(50_000);
    rig.ask_service(ServiceAsk::RenewScan(RenewScan { lease: held.lease.clone() }));
    rig.wait_ms(59_000);
    assert!(rig.sent(LinkName::Data).is_empty(), "renewed");
    rig.wait_ms(1_000);
    assert!(matches!(rig.one_sent(), Request::CancelScannerSubscription(_)));
    let token = rig.ask_service(ServiceAsk::RenewScan(RenewScan { lease: held.lease }));
    assert_eq!(rig.refused_with(token).0, ErrorCode::InvalidRequest);
}

#[test]
fn scanners_come_back_after_a_cut_and_their_first_result_says_so() {
    let mut rig = Rig::ready();
    let token = rig.ask_service(subscribe("GAIN", OnLimit::Queue));
    let req_id = asked(&mut rig);
    rig.receive_data(result(req_id, 1));
    lease(&mut rig, token);
    scans(&mut rig);
    rig.cut(LinkName::Data);
    rig.reconnect(LinkName::Data);
    let sent = rig.sent(LinkName::Data);
    let again = sent.iter().find_map(|request| match request {
        Request::ScannerSubscriptionRequest(request) => request.req_id,
        _ => None,
    });
    let again = again.expect("asked for again");
    assert_ne!(again, req_id);
    rig.receive_data(result(again, 1));
    rig.receive_data(result(again, 2));
    let told: Vec<Option<bool>> = scans(&mut rig).into_iter().map(|scan| scan.after_gap).collect();
    assert_eq!(told, [Some(true), None]);
}

#[test]
fn a_caller_who_gives_up_leaves_nothing_behind() {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    let token = rig.ask_service(subscribe("GAIN", OnLimit::Queue));
    asked(&mut rig);
    rig.wait_ms(120_000);
    assert_eq!(rig.refused_with(token).0, ErrorCode::Timeout);
    assert!(matches!(rig.sent(LinkName::Data).first(), Some(Request::CancelScannerSubscription(_))));
    let token = rig.ask_service(ServiceAsk::ListScans(crate::schema::request::scan::ListScans {}));
    let ServiceAnswer::Scans(list) = rig.answered(token) else { panic!("other answer") };
    assert_eq!((list.leases.len(), list.scanners.used), (0, 0));
}

#[test]
fn the_document_is_asked_for_once_and_given_out_in_parts() {
    let mut rig = Rig::ready();
    let ask = |part, page| ServiceAsk::ScanParameters(ParametersRequest { part, page, ..ParametersRequest::default() });
    let (raw, codes) = (rig.ask_service(ask(ParameterPart::Raw, 1)), rig.ask_service(ask(ParameterPart::ScanCodes, 0)));
    assert!(matches!(rig.one_sent(), Request::ScannerParametersRequest(_)));
    let kind = |n| format!("<ScanType><displayName>Number {n}</displayName><scanCode>C{n}</scanCode></ScanType>");
    let kinds: Vec<String> = (0..5_000).map(kind).collect();
    let kinds = kinds.concat();
    let xml = format!("<ScanParameterResponse><ScanTypeList>{kinds}</ScanTypeList></ScanParameterResponse>");
    rig.receive_data(Response::ScannerParameters(ScannerParameters { xml: Some(xml.clone()) }));
    let ServiceAnswer::Parameters(answer) = rig.answered(codes) else { panic!("other answer") };
    assert_eq!((answer.pages, answer.scan_codes.map(|codes| codes.len())), (10, Some(500)));
    let ServiceAnswer::Parameters(second) = rig.answered(raw) else { panic!("other answer") };
    let mut whole = String::new();
    for page in 0..second.pages {
        let token = rig.ask_service(ask(ParameterPart::Raw, page));
        let ServiceAnswer::Parameters(answer) = rig.answered(token) else { panic!("other answer") };
        whole += &answer.raw.expect("a piece");
    }
    assert_eq!(whole, xml);
    let token = rig.ask_service(ask(ParameterPart::Raw, second.pages));
    assert_eq!(rig.refused_with(token).0, ErrorCode::InvalidRequest);
    assert!(rig.sent(LinkName::Data).is_empty());
}

/// What a cache would hold after these changes.
fn kept(changes: &[CacheItem]) -> Vec<CacheItem> {
    let mut kept: Vec<CacheItem> = Vec::new();
    for change in changes.iter().filter(|change| change.kind == CacheKind::Scan) {
        kept.retain(|item| item.key != change.key);
        kept.extend(change.body.is_some().then(|| change.clone()));
    }
    kept
}

fn held(rig: &mut Rig) -> Vec<ScanLease> {
    let token = rig.ask_service(ServiceAsk::ListScans(ListScans {}));
    match rig.answered(token) {
        ServiceAnswer::Scans(scans) => scans.leases,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lease_until_unsubscribed_outlives_the_bridge_under_its_name() {
    let mut rig = Rig::ready();
    let lasting = |code| {
        let scan = scan(code);
        ServiceAsk::SubscribeScan(SubscribeScan { scan, ttl_s: 0, on_limit: OnLimit::Queue, timeout_ms: None })
    };
    let token = rig.ask_service(lasting("GAIN"));
    assert_eq!(kept(&rig.cached), [], "the gateway has not taken it yet");
    let req_id = asked(&mut rig);
    rig.receive_data(result(req_id, 5));
    let first = lease(&mut rig, token);
    let token = rig.ask_service(lasting("BAD"));
    let req_id = asked(&mut rig);
    rig.notice(LinkName::Data, req_id, 162, "Historical Market Data Service error message:unknown scan");
    rig.refused_with(token);
    rig.ask_service(subscribe("LOSE", OnLimit::Queue));
    let req_id = asked(&mut rig);
    rig.receive_data(result(req_id, 6));
    let mut items = kept(&rig.cached);
    assert_eq!(items.len(), 1, "{items:?}");
    items.push(CacheItem { key: "broken".to_owned(), body: Some(b"{".to_vec().into()), ..items[0].clone() });

    let mut rig = Rig::ready();
    for item in &items {
        let now = rig.now();
        rig.session.recall(now, item);
    }
    rig.cut(LinkName::Data);
    rig.reconnect(LinkName::Data);
    let req_id = asked(&mut rig);
    rig.receive_data(result(req_id, 7));
    assert_eq!(scans(&mut rig).len(), 1);
    let again = held(&mut rig);
    assert_eq!((again.len(), &again[0].lease, &again[0].id), (1, &first.lease, &first.id));
    assert_eq!((again[0].ttl_s, again[0].expires_us, again[0].state), (0, None, ScanState::Running));
    rig.ask_service(ServiceAsk::UnsubscribeScan(UnsubscribeScan { lease: first.lease }));
    items.extend(rig.cached.clone());
    assert_eq!(kept(&items), []);
}

#[test]
fn a_scanner_is_not_asked_for_without_ib_and_all_are_asked_for_again_when_ib_is_back() {
    let (lost, back) = ("Connectivity between IB and TWS has been lost.", "restored- data maintained.");
    let mut rig = Rig::ready();
    rig.is_alive = true;
    let token = rig.ask_service(subscribe("GAIN", OnLimit::Queue));
    let first = asked(&mut rig);
    rig.receive_data(result(first, 5));
    lease(&mut rig, token);
    rig.notice_all(1100, lost);
    rig.notice(LinkName::Data, first, 162, "Historical Market Data Service error message:the query was ended");
    rig.wait_ms(40_000);
    let scanner = |request: &Request| matches!(request, Request::ScannerSubscriptionRequest(_));
    assert!(!rig.sent(LinkName::Data).iter().any(scanner), "a gateway without IB answers falsely");
    rig.notice_all(1102, back);
    assert_eq!(rig.sent(LinkName::Data).iter().filter(|request| scanner(request)).count(), 1);
}

#[test]
fn a_scanner_without_answer_is_asked_for_again_when_the_farm_is_back_and_one_that_runs_is_left_alone() {
    let mut rig = Rig::ready();
    let token = rig.ask_service(subscribe("GAIN", OnLimit::Queue));
    let running = asked(&mut rig);
    rig.receive_data(result(running, 5));
    lease(&mut rig, token);
    rig.notice_all(2105, "HMDS data farm connection is broken:ushmds");
    rig.ask_service(subscribe("LOSE", OnLimit::Queue));
    let lost = asked(&mut rig);
    rig.notice_all(2106, "HMDS data farm connection is OK:ushmds");
    let sent = rig.sent(LinkName::Data);
    let [Request::CancelScannerSubscription(cancel), Request::ScannerSubscriptionRequest(_)] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    assert_eq!(cancel.req_id, Some(lost));
}
