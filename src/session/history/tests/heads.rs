//! When data begins.

use super::*;

fn head(rig: &mut Rig, listing: &Arc<Listing>) -> Token {
    let contract = ContractSpec("STK:AAPL".parse().expect("short text"));
    let ask = HeadRequest { contract, source: None, regular_hours: false, timeout_ms: None };
    rig.ask_resolved("", Ask::Head(Box::new(ask)), listing)
}

#[test]
fn a_head_timestamp_is_cancelled_after_its_answer_and_kept() {
    let (mut rig, listing) = patient(60);
    let tokens = [head(&mut rig, &listing), head(&mut rig, &listing)];
    let sent = rig.sent(LinkName::Data);
    let [Request::HeadTimestampRequest(ask)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((ask.format_date, ask.what_to_show.as_deref()), (Some(2), Some("TRADES")));
    assert_eq!(rig.session.core.pacing.history_usage(rig.now().at).used, 1);
    let head_timestamp = Some("345479400".to_owned());
    rig.receive_data(Response::HeadTimestamp(HeadTimestamp { req_id: ask.req_id, head_timestamp }));
    let sent = rig.sent(LinkName::Data);
    let [Request::CancelHeadTimestamp(cancel)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(cancel.req_id, ask.req_id);
    assert_eq!(rig.session.core.pacing.open_usage().used, 0);
    for token in tokens.into_iter().chain([head(&mut rig, &listing)]) {
        let Some(Ok(Answer::Head(head))) = rig.reply(token) else { panic!("no head") };
        assert_eq!(head.head_us, 345_479_400_000_000);
    }
    assert_eq!(rig.sent(LinkName::Data), []);
}

#[test]
fn an_instrument_without_history_has_no_head() {
    let (mut rig, listing) = patient(60);
    let token = head(&mut rig, &listing);
    let sent = rig.sent(LinkName::Data);
    let [Request::HeadTimestampRequest(ask)] = sent.as_slice() else { panic!("{sent:?}") };
    let text = "Historical Market Data Service error message:No head time stamp: no head timestamp";
    rig.notice(LinkName::Data, ask.req_id.unwrap(), 162, text);
    assert_eq!(refused(&mut rig, token).code, ErrorCode::NoData);
}

#[test]
fn a_head_cut_off_is_asked_again() {
    let (mut rig, listing) = patient(60);
    let token = head(&mut rig, &listing);
    rig.cut(LinkName::Data);
    rig.forget();
    rig.reconnect(LinkName::Data);
    // An identical request within 15 s would be a violation, cut off or not.
    assert_eq!(rig.sent(LinkName::Data), []);
    rig.wait_ms(16_000);
    let sent = rig.sent(LinkName::Data);
    let Some(Request::HeadTimestampRequest(ask)) = sent.last() else { panic!("{sent:?}") };
    let head_timestamp = Some("20040123-14:30:00".to_owned());
    rig.receive_data(Response::HeadTimestamp(HeadTimestamp { req_id: ask.req_id, head_timestamp }));
    assert!(matches!(rig.reply(token), Some(Ok(Answer::Head(_)))));
}
