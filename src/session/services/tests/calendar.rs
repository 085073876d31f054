//! Metadata before events, and one request at a time.

use super::{LinkName, Rig, ServiceAnswer, ServiceAsk};
use crate::{
    schema::{
        ErrorCode,
        request::wsh::{EventsRequest, MetaRequest},
    },
    session::Token,
    tws::{
        Request, Response,
        message::news::{WshEventData, WshMetaData},
    },
};

fn events(rig: &mut Rig, con_id: i32) -> Token {
    let listing = rig.stock(con_id, "A");
    let contract = "STK:A".parse().map(crate::schema::contract::ContractSpec).ok();
    let ask = ServiceAsk::WshEvents(EventsRequest { contract, ..EventsRequest::default() });
    rig.ask_resolved("", ask.into(), &listing)
}

fn meta(req_id: Option<i32>) -> Response {
    Response::WshMetaData(WshMetaData { req_id, data_json: Some("{\"meta_data\":1}".into()) })
}

#[test]
fn events_wait_for_the_metadata_and_for_each_other() {
    let mut rig = Rig::ready();
    let (first, second) = (events(&mut rig, 1), events(&mut rig, 2));
    let Request::WshMetaDataRequest(asked) = rig.one_sent() else { panic!("metadata first") };
    rig.receive_data(meta(asked.req_id));
    for (token, con_id, text) in [(first, 1, "[1]"), (second, 2, "no json")] {
        let Request::WshEventDataRequest(asked) = rig.one_sent() else { panic!("one at a time") };
        assert_eq!(asked.con_id, Some(con_id));
        let data_json = Some(text.to_owned());
        rig.receive_data(Response::WshEventData(WshEventData { req_id: asked.req_id, data_json }));
        let ServiceAnswer::Calendar(answer) = rig.answered(token) else { panic!("other answer") };
        assert_eq!(answer.data.is_string(), con_id == 2, "what is no JSON stays text");
    }
    // Known by now.
    let token = rig.ask_service(ServiceAsk::WshMeta(MetaRequest::default()));
    assert!(matches!(rig.answered(token), ServiceAnswer::Calendar(_)));
    assert!(rig.sent(LinkName::Data).is_empty());
}

#[test]
fn without_a_subscription_everybody_who_waits_is_told() {
    let mut rig = Rig::ready();
    let (first, second) = (events(&mut rig, 1), events(&mut rig, 2));
    let Request::WshMetaDataRequest(asked) = rig.one_sent() else { panic!("metadata first") };
    rig.notice(LinkName::Data, asked.req_id.expect("an id"), 10_276, "News feed is not allowed");
    assert_eq!(rig.refused_with(first).0, ErrorCode::NoPermission);
    assert_eq!(rig.refused_with(second).0, ErrorCode::NoPermission);
    assert!(rig.sent(LinkName::Data).is_empty());
}

#[test]
fn an_unanswered_question_is_cancelled_before_the_next() {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    let token = rig.ask_service(ServiceAsk::WshMeta(MetaRequest::default()));
    rig.one_sent();
    rig.wait_ms(60_000);
    assert_eq!(rig.refused_with(token).0, ErrorCode::Timeout);
    assert!(matches!(rig.one_sent(), Request::CancelWshMetaData(_)));
}

#[test]
fn a_gateway_that_forgot_the_metadata_is_asked_for_them_again() {
    let mut rig = Rig::ready();
    let token = events(&mut rig, 1);
    let Request::WshMetaDataRequest(asked) = rig.one_sent() else { panic!("metadata first") };
    rig.receive_data(meta(asked.req_id));
    let Request::WshEventDataRequest(asked) = rig.one_sent() else { panic!("then events") };
    rig.notice(LinkName::Data, asked.req_id.expect("an id"), 10_282, "Metadata first");
    assert!(matches!(rig.one_sent(), Request::WshMetaDataRequest(_)));
    assert!(rig.reply(token).is_none(), "the caller still waits");
}

#[test]
fn a_request_that_names_neither_company_nor_filter_is_wrong() {
    let mut rig = Rig::ready();
    let token = rig.ask_service(ServiceAsk::WshEvents(EventsRequest::default()));
    assert_eq!(rig.refused_with(token).0, ErrorCode::InvalidRequest);
}
