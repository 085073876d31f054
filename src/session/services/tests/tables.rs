//! Option calculators, tables, the gateway's clock, and what is not offered.

use super::{LinkName, Rig, ServiceAnswer, ServiceAsk};
use crate::{
    schema::{
        ErrorCode,
        contract::ContractSpec,
        request::{
            option::{PriceRequest, VolatilityRequest},
            reference::{AdvisorPart, AdvisorRequest, FundamentalsRequest, ReferenceRequest},
        },
    },
    session::{Token, rig::START_US},
    tws::{
        Request, Response,
        message::{
            account::{FamilyCode, FamilyCodes},
            login::CurrentTimeInMillis,
            market_data::TickOptionComputation,
        },
    },
};

fn contract() -> ContractSpec {
    "OPT:AAPL:20261218:C:250".parse().map(ContractSpec).expect("an option")
}

fn price(rig: &mut Rig, sec_type: &str, volatility: f64) -> Token {
    let listing = rig.listing(9, sec_type, "AAPL  261218C00250000", "SMART");
    let ask = PriceRequest { contract: contract(), volatility, under_price: 250.0, timeout_ms: None };
    rig.ask_resolved("", ServiceAsk::OptionPrice(ask).into(), &listing)
}

#[test]
fn a_price_is_calculated_and_the_calculation_ended() {
    let mut rig = Rig::ready();
    let token = price(&mut rig, "OPT", 0.25);
    let Request::CalculateOptionPriceRequest(sent) = rig.one_sent() else { panic!("other request") };
    assert_eq!((sent.volatility, sent.under_price), (Some(0.25), Some(250.0)));
    let computation = TickOptionComputation {
        req_id: sent.req_id,
        tick_type: Some(53),
        implied_vol: Some(0.25),
        delta: Some(0.5),
        opt_price: Some(12.5),
        pv_dividend: Some(-1.0),
        gamma: Some(-2.0),
        ..TickOptionComputation::default()
    };
    rig.receive_data(Response::TickOptionComputation(Box::new(computation)));
    let ServiceAnswer::Computation(answer) = rig.answered(token) else { panic!("other answer") };
    assert_eq!((answer.price, answer.delta), (Some(12.5), Some(0.5)));
    assert_eq!((answer.pv_dividend, answer.gamma, answer.theta), (None, None, None), "not computed");
    assert!(matches!(rig.one_sent(), Request::CancelCalculateOptionPrice(_)));
    let token = price(&mut rig, "OPT", 0.25);
    assert!(rig.reply(token).is_some(), "a repeat is served from the answer kept");
}

#[test]
fn a_calculation_that_makes_no_sense_is_not_sent() {
    let mut rig = Rig::ready();
    for (sec_type, volatility) in [("STK", 0.25), ("OPT", 0.0), ("OPT", -1.0), ("OPT", f64::NAN), ("OPT", 11.0)] {
        let token = price(&mut rig, sec_type, volatility);
        assert_eq!(rig.refused_with(token).0, ErrorCode::InvalidRequest, "{sec_type} {volatility}");
    }
    assert!(rig.sent(LinkName::Data).is_empty());
}

#[test]
fn an_unanswered_calculation_is_cancelled() {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    let listing = rig.listing(9, "OPT", "X", "SMART");
    let ask = VolatilityRequest { contract: contract(), price: 3.0, under_price: 250.0, timeout_ms: None };
    let token = rig.ask_resolved("", ServiceAsk::OptionVolatility(ask).into(), &listing);
    assert!(matches!(rig.one_sent(), Request::CalculateImpliedVolatilityRequest(_)));
    rig.wait_ms(60_000);
    assert_eq!(rig.refused_with(token).0, ErrorCode::Timeout);
    assert!(matches!(rig.one_sent(), Request::CancelCalculateImpliedVolatility(_)));
}

#[test]
fn an_answer_without_an_id_finds_its_question() {
    let mut rig = Rig::ready();
    let token = rig.ask_service(ServiceAsk::Families(ReferenceRequest::default()));
    assert!(matches!(rig.one_sent(), Request::FamilyCodesRequest(_)));
    let row = FamilyCode { account_id: Some("DU1".into()), family_code: Some(String::new()) };
    rig.receive_data(Response::FamilyCodes(FamilyCodes { family_codes: vec![row] }));
    let ServiceAnswer::Families(answer) = rig.answered(token) else { panic!("other answer") };
    assert_eq!((answer.families[0].account.as_str(), &answer.families[0].family), ("DU1", &None));
}

#[test]
fn a_refusal_that_names_nothing_belongs_to_the_only_question_it_can_mean() {
    let mut rig = Rig::ready();
    let ask = AdvisorRequest { part: AdvisorPart::Groups, timeout_ms: None };
    let token = rig.ask_service(ServiceAsk::Advisor(ask));
    let Request::FARequest(sent) = rig.one_sent() else { panic!("other request") };
    assert_eq!(sent.fa_data_type, Some(1));
    rig.notice(LinkName::Data, -1, 321, "Error validating request.-'bN' : cause - FA data operations ignored");
    let (code, text) = rig.refused_with(token);
    assert_eq!(code, ErrorCode::InvalidRequest);
    assert!(text.contains("FA data operations"), "{text}");
}

#[test]
fn the_gateways_clock_is_told_beside_ours_even_without_ib() {
    let mut rig = Rig::ready();
    rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    let token = rig.ask_service(ServiceAsk::Families(ReferenceRequest::default()));
    assert_eq!(rig.refused_with(token).0, ErrorCode::NotReady);
    let token = rig.ask_service(ServiceAsk::Time(ReferenceRequest::default()));
    assert!(matches!(rig.one_sent(), Request::CurrentTimeInMillisRequest(_)));
    let time = CurrentTimeInMillis { current_time_in_millis: Some(START_US / 1_000 + 5) };
    rig.receive_data(Response::CurrentTimeInMillis(time));
    let ServiceAnswer::Time(answer) = rig.answered(token) else { panic!("other answer") };
    assert_eq!((answer.gateway_us - answer.recv_us, answer.recv_us), (5_000, START_US));
}

#[test]
fn fundamentals_are_unsupported_with_the_reason() {
    let mut rig = Rig::ready();
    let token = rig.ask_service(ServiceAsk::Fundamentals(FundamentalsRequest { contract: None, report: None }));
    let (code, text) = rig.refused_with(token);
    assert_eq!(code, ErrorCode::Unsupported);
    assert!(text.contains("removed"), "{text}");
}

#[test]
fn an_instruments_group_of_exchanges_is_looked_up_first() {
    use crate::{
        schema::request::reference::ComponentsRequest,
        tws::message::{
            contract::{SmartComponent, SmartComponents},
            market_data::TickReqParams,
        },
    };
    let mut rig = Rig::ready();
    let listing = rig.stock(1, "A");
    let ask =
        ComponentsRequest { contract: "STK:A".parse().map(ContractSpec).ok(), bbo_exchange: None, timeout_ms: None };
    let token = rig.ask_resolved("", ServiceAsk::Components(ask).into(), &listing);
    let Request::MarketDataRequest(asked) = rig.one_sent() else { panic!("other request") };
    assert_eq!(asked.snapshot, Some(true));
    let bbo_exchange = Some("9c0001".to_owned());
    let params = TickReqParams { req_id: asked.req_id, bbo_exchange, ..TickReqParams::default() };
    rig.receive_data(Response::TickReqParams(params));
    let sent = rig.sent(LinkName::Data);
    let [Request::CancelMarketData(cancel), Request::SmartComponentsRequest(next)] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    assert_eq!((cancel.req_id, next.bbo_exchange.as_deref()), (asked.req_id, Some("9c0001")));
    let row =
        SmartComponent { bit_number: Some(0), exchange: Some("NASDAQ".into()), exchange_letter: Some("Q".into()) };
    let components = SmartComponents { req_id: next.req_id, smart_components: vec![row] };
    rig.receive_data(Response::SmartComponents(components));
    let ServiceAnswer::Components(answer) = rig.answered(token) else { panic!("other answer") };
    assert_eq!((answer.bbo_exchange.as_str(), answer.components[0].letter.as_str()), ("9c0001", "Q"));
}
