//! Lookups in virtual time, against a scripted gateway.

mod cache;
mod chain;
mod hours;
mod rules;

use crate::{
    schema::{
        ApiError, ErrorCode,
        connection::LinkName,
        contract::ContractSpec,
        request::{
            contract::{DetailsRequest, SearchRequest, ValidateRequest},
            history::HeadRequest,
        },
    },
    session::{Answer, Ask, Outcome, Token, rig::Rig},
    tws::{
        Request, Response,
        message::contract::{
            Contract, ContractData, ContractDataEnd, ContractDescription, ContractDetails, SymbolSamples,
        },
    },
};

fn spec(text: &str) -> ContractSpec {
    ContractSpec(text.parse().expect("short text"))
}

fn details(text: &str) -> Ask {
    Ask::Details(Box::new(DetailsRequest { contract: spec(text), refresh: false, timeout_ms: None }))
}

/// A request that needs its contract looked up first.
fn head(text: &str) -> Ask {
    let ask = HeadRequest { contract: spec(text), source: None, regular_hours: false, timeout_ms: None };
    Ask::Head(Box::new(ask))
}

fn validate(texts: &[&str]) -> Ask {
    let contracts = texts.iter().copied().map(spec).collect();
    Ask::Validate(ValidateRequest { contracts, timeout_ms: None })
}

fn search(pattern: &str) -> Ask {
    Ask::Search(SearchRequest { pattern: pattern.to_owned(), timeout_ms: None })
}

fn lookups(rig: &mut Rig) -> Vec<(i32, Contract)> {
    let sent = rig.sent(LinkName::Data).into_iter();
    let lookup = |request| match request {
        Request::ContractDataRequest(ask) => Some((ask.req_id?, ask.contract?)),
        _ => None,
    };
    sent.filter_map(lookup).collect()
}

#[track_caller]
fn one_lookup(rig: &mut Rig) -> (i32, Contract) {
    let mut found = lookups(rig);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn row(con_id: i32, symbol: &str, exchange: &str, primary: &str) -> Contract {
    Contract {
        con_id: Some(con_id),
        symbol: Some(symbol.to_owned()),
        sec_type: Some("STK".to_owned()),
        exchange: Some(exchange.to_owned()),
        primary_exch: Some(primary.to_owned()),
        currency: Some("USD".to_owned()),
        local_symbol: Some(symbol.to_owned()),
        ..Contract::default()
    }
}

fn answer(rig: &mut Rig, req_id: i32, rows: Vec<Contract>) {
    for contract in rows {
        let details = ContractDetails {
            min_tick: Some("0.01".to_owned()),
            valid_exchanges: Some("SMART,NASDAQ,NYSE".to_owned()),
            market_rule_ids: Some("26,27,28".to_owned()),
            ..ContractDetails::default()
        };
        let message = ContractData { req_id: Some(req_id), contract: Some(contract), contract_details: Some(details) };
        rig.receive_data(Response::ContractData(Box::new(message)));
    }
    rig.receive_data(Response::ContractDataEnd(ContractDataEnd { req_id: Some(req_id) }));
}

#[track_caller]
fn refused(rig: &mut Rig, token: Token) -> ApiError {
    rig.reply(token).expect("a reply").expect_err("refused")
}

#[track_caller]
fn results(outcome: Option<Outcome>) -> Vec<Result<i32, ErrorCode>> {
    let Some(Ok(Answer::Validated(validated))) = outcome else { panic!("no validation: {outcome:?}") };
    let result = |one: crate::schema::request::contract::Validation| match (one.instrument, one.error) {
        (Some(instrument), None) if one.ok => Ok(instrument.con_id),
        (None, Some(error)) if !one.ok => Err(error.code),
        other => panic!("neither valid nor not: {other:?}"),
    };
    validated.results.into_iter().map(result).collect()
}

#[test]
fn several_contracts_that_fit_are_listed_as_text_that_names_each() {
    let mut rig = Rig::ready();
    let token = rig.ask(head("STK:IBM"));
    let (req_id, asked) = one_lookup(&mut rig);
    assert_eq!((asked.exchange.as_deref(), asked.currency.as_deref()), (Some("SMART"), Some("USD")));
    answer(&mut rig, req_id, vec![row(8314, "IBM", "SMART", "NYSE"), row(1_411_277, "IBM", "SMART", "IBIS")]);
    let error = refused(&mut rig, token);
    assert_eq!(error.code, ErrorCode::AmbiguousContract);
    let candidates = error.candidates.expect("candidates");
    assert_eq!(candidates, ["CONID:8314@SMART (STK IBM NYSE USD)", "CONID:1411277@SMART (STK IBM IBIS USD)"]);
}

#[test]
fn no_more_than_fifty_candidates_are_listed() {
    let mut rig = Rig::ready();
    let token = rig.ask(head("STK:X"));
    let (req_id, _) = one_lookup(&mut rig);
    answer(&mut rig, req_id, (1..=60).map(|con_id| row(con_id, "X", "SMART", "NYSE")).collect());
    let error = refused(&mut rig, token);
    assert_eq!(error.candidates.as_ref().map(Vec::len), Some(50));
    assert!(error.message.contains("60 contracts"), "{error}");
}

#[test]
fn a_contract_nobody_knows_is_named_in_the_error() {
    let mut rig = Rig::ready();
    let token = rig.ask(head("STK:NOPE"));
    let (req_id, _) = one_lookup(&mut rig);
    rig.notice(LinkName::Data, req_id, 200, "No security definition has been found for the request");
    let error = refused(&mut rig, token);
    assert_eq!((error.code, error.ib_code), (ErrorCode::UnknownContract, Some(200)));
    assert!(error.message.contains("STK:NOPE@SMART/USD") && error.message.contains("contract.search"), "{error}");

    let token = rig.ask(head("STK:NOPE"));
    let (req_id, _) = one_lookup(&mut rig);
    answer(&mut rig, req_id, Vec::new());
    assert_eq!(refused(&mut rig, token).code, ErrorCode::UnknownContract);
}

#[test]
fn another_notice_ends_a_lookup_and_a_warning_does_not() {
    let mut rig = Rig::ready();
    let token = rig.ask(details("STK:AAPL"));
    let (req_id, _) = one_lookup(&mut rig);
    rig.notice(LinkName::Data, req_id, 2176, "a warning");
    assert_eq!(rig.reply(token), None);
    rig.notice(
        LinkName::Data,
        req_id,
        321,
        "Error validating request.-'bN' : cause - Please enter a valid security type",
    );
    assert_eq!(refused(&mut rig, token).code, ErrorCode::InvalidRequest);
}

#[test]
fn equal_descriptions_share_a_lookup_and_are_remembered() {
    let mut rig = Rig::ready();
    let first = rig.ask(validate(&["STK:AAPL", "STK:aapl@smart/usd", "stk:AAPL@SMART"]));
    let second = rig.ask(details("STK:AAPL"));
    let asked = lookups(&mut rig);
    assert_eq!(asked.len(), 2, "AAPL and aapl: {asked:?}");
    answer(&mut rig, asked[0].0, vec![row(265_598, "AAPL", "SMART", "NASDAQ")]);
    let Some(Ok(Answer::Details(found))) = rig.reply(second) else { panic!("no details") };
    assert_eq!(found.contracts[0].short, "CONID:265598@SMART");
    assert_eq!(found.contracts[0].market_rules, [26, 27, 28]);
    assert_eq!(found.contracts[0].instrument.min_tick, Some(0.01));
    answer(&mut rig, asked[1].0, vec![row(265_598, "AAPL", "SMART", "NASDAQ")]);
    assert_eq!(results(rig.reply(first)), [Ok(265_598); 3]);

    let again = rig.ask(validate(&["STK:AAPL", "CONID:265598@SMART"]));
    assert_eq!(lookups(&mut rig), []);
    assert_eq!(results(rig.reply(again)), [Ok(265_598); 2]);
}

#[test]
fn a_contract_id_alone_is_asked_alone_and_its_rows_are_one_contract() {
    let mut rig = Rig::ready();
    let token = rig.ask(details("CONID:265598"));
    let (req_id, asked) = one_lookup(&mut rig);
    assert_eq!(asked, Contract { con_id: Some(265_598), ..Contract::default() });
    let rows = ["NYSE", "NASDAQ", "SMART"].map(|exchange| row(265_598, "AAPL", exchange, "NASDAQ"));
    answer(&mut rig, req_id, rows.to_vec());
    let Some(Ok(Answer::Details(found))) = rig.reply(token) else { panic!("no details") };
    assert_eq!(found.contracts.len(), 1);
    assert_eq!(found.contracts[0].instrument.exchange, "SMART");
}

#[test]
fn a_future_is_routed_to_the_exchange_that_lists_it() {
    let mut rig = Rig::ready();
    let token = rig.ask(details("FUT:ES:202612"));
    let (req_id, asked) = one_lookup(&mut rig);
    assert_eq!((asked.exchange, asked.last_trade_date_or_contract_month.as_deref()), (None, Some("202612")));
    let future = Contract {
        sec_type: Some("FUT".to_owned()),
        local_symbol: Some("ESZ6".to_owned()),
        last_trade_date_or_contract_month: Some("20261218 08:30 US/Central".to_owned()),
        multiplier: Some(50.0),
        strike: Some(0.0),
        right: Some("?".to_owned()),
        ..row(495_512_563, "ES", "CME", "")
    };
    let message = ContractData { req_id: Some(req_id), contract: Some(future), contract_details: None };
    rig.receive_data(Response::ContractData(Box::new(message)));
    rig.receive_data(Response::ContractDataEnd(ContractDataEnd { req_id: Some(req_id) }));
    let Some(Ok(Answer::Details(found))) = rig.reply(token) else { panic!("no details") };
    let future = &found.contracts[0].instrument;
    assert_eq!((future.exchange.as_str(), future.local_symbol.as_str()), ("CME", "ESZ6"));
    assert_eq!((future.expiry.as_deref(), future.strike, &future.right), (Some("20261218"), None, &None));
}

#[test]
fn a_validation_answers_each_description_in_order() {
    let mut rig = Rig::ready();
    let token = rig.ask(validate(&["STK:A", "STK:B", "STK:C"]));
    let asked = lookups(&mut rig);
    answer(&mut rig, asked[2].0, vec![row(3, "C", "SMART", "NYSE")]);
    rig.notice(LinkName::Data, asked[1].0, 200, "No security definition has been found for the request");
    assert_eq!(rig.reply(token), None);
    answer(&mut rig, asked[0].0, vec![row(1, "A", "SMART", "NYSE")]);
    assert_eq!(results(rig.reply(token)), [Ok(1), Err(ErrorCode::UnknownContract), Ok(3)]);

    for count in [0, 101] {
        let token = rig.ask(validate(&vec!["STK:A"; count]));
        assert_eq!(refused(&mut rig, token).code, ErrorCode::InvalidRequest);
    }
}

#[test]
fn without_a_data_link_only_what_is_known_is_answered() {
    let mut rig = Rig::new();
    let token = rig.ask(details("STK:AAPL"));
    let error = refused(&mut rig, token);
    assert_eq!((error.code, error.retry_after_ms), (ErrorCode::NotReady, Some(1_000)));

    let mut rig = Rig::ready();
    let token = rig.ask(validate(&["STK:AAPL"]));
    let (req_id, _) = one_lookup(&mut rig);
    answer(&mut rig, req_id, vec![row(265_598, "AAPL", "SMART", "NASDAQ")]);
    assert_eq!(results(rig.reply(token)), [Ok(265_598)]);
    rig.cut(LinkName::Data);
    let token = rig.ask(validate(&["STK:AAPL", "STK:MSFT"]));
    assert_eq!(results(rig.reply(token)), [Ok(265_598), Err(ErrorCode::NotReady)]);
    let token = rig.ask(details("STK:MSFT"));
    assert!(refused(&mut rig, token).message.contains("cut by the test"));
}

#[test]
fn a_lookup_cut_off_is_asked_again_for_those_who_still_wait() {
    let mut rig = Rig::ready();
    let token = rig.ask(validate(&["STK:AAPL"]));
    let (req_id, _) = one_lookup(&mut rig);
    rig.cut(LinkName::Data);
    rig.reconnect(LinkName::Data);
    let (again, _) = one_lookup(&mut rig);
    assert_ne!(again, req_id);
    answer(&mut rig, again, vec![row(265_598, "AAPL", "SMART", "NASDAQ")]);
    assert_eq!(results(rig.reply(token)), [Ok(265_598)]);

    rig.ask(validate(&["STK:MSFT"]));
    rig.cut(LinkName::Data);
    rig.wait_ms(11_000);
    rig.forget();
    rig.log_in(LinkName::Data);
    assert_eq!(lookups(&mut rig), []);
}

#[test]
fn an_answer_after_the_caller_gave_up_is_counted_late() {
    let mut rig = Rig::ready();
    let token = rig.ask(details("STK:AAPL"));
    let (req_id, _) = one_lookup(&mut rig);
    rig.wait_ms(10_000);
    assert_eq!(refused(&mut rig, token).code, ErrorCode::Timeout);
    let before = rig.session.core.counters.late_answers;
    answer(&mut rig, req_id, vec![row(265_598, "AAPL", "SMART", "NASDAQ")]);
    assert_eq!(rig.session.core.counters.late_answers, before + 2);
}

#[test]
fn a_combo_is_refused_as_unsupported() {
    let mut rig = Rig::ready();
    let query = crate::schema::contract::ContractQuery {
        sec_type: Some("BAG".to_owned()),
        symbol: Some("SPY".to_owned()),
        ..Default::default()
    };
    let ask = DetailsRequest { contract: ContractSpec(query), refresh: false, timeout_ms: None };
    let token = rig.ask(Ask::Details(Box::new(ask)));
    assert_eq!(refused(&mut rig, token).code, ErrorCode::Unsupported);
}

#[test]
fn searches_are_a_second_apart_and_equal_ones_are_shared() {
    let mut rig = Rig::ready();
    let tokens = [rig.ask(search("app")), rig.ask(search("app ")), rig.ask(search("micro"))];
    let sent = rig.sent(LinkName::Data);
    let [Request::MatchingSymbolsRequest(ask)] = sent.as_slice() else { panic!("{sent:?}") };
    rig.wait_ms(300);
    let found = ContractDescription {
        contract: Some(row(265_598, "AAPL", "", "NASDAQ")),
        derivative_sec_types: vec!["OPT".to_owned()],
    };
    rig.receive_data(Response::SymbolSamples(SymbolSamples { req_id: ask.req_id, contract_descriptions: vec![found] }));
    for token in &tokens[..2] {
        let Some(Ok(Answer::Search(answer))) = rig.reply(*token) else { panic!("no answer") };
        assert_eq!((answer.matches[0].con_id, answer.matches[0].derivatives.len()), (265_598, 1));
    }
    rig.wait_ms(999);
    assert_eq!(rig.sent(LinkName::Data), []);
    rig.wait_ms(1);
    assert_eq!(rig.sent(LinkName::Data).len(), 1);

    for number in 0..20 {
        rig.ask(search(&format!("pattern {number}")));
    }
    let token = rig.ask(search("one too many"));
    let error = refused(&mut rig, token);
    assert_eq!((error.code, error.retry_after_ms), (ErrorCode::PacingLimited, Some(20_000)));
}

#[test]
fn no_contract_is_called_unknown_while_the_gateway_has_no_link_to_ib() {
    let lost = "Connectivity between IB and TWS has been lost.";
    let code = |rig: &mut Rig, token| rig.reply(token).expect("a reply").expect_err("refused").code;
    let mut rig = Rig::ready();
    let (refused, empty) = (rig.ask(details("STK:AAPL")), rig.ask(details("STK:MSFT")));
    let asked = lookups(&mut rig);
    rig.notice_all(1100, lost);
    rig.notice(LinkName::Data, asked[0].0, 200, "No security definition has been found for the request");
    assert_eq!(code(&mut rig, refused), ErrorCode::NotReady);
    answer(&mut rig, asked[1].0, vec![]);
    assert_eq!(code(&mut rig, empty), ErrorCode::NotReady);
    for ask in [details("STK:IBM"), head("STK:IBM"), search("IBM")] {
        let token = rig.ask(ask);
        assert_eq!(code(&mut rig, token), ErrorCode::NotReady);
    }
    assert_eq!(lookups(&mut rig), []);
    rig.notice_all(1102, "Connectivity between IB and TWS has been restored- data maintained.");
    rig.ask(details("STK:IBM"));
    one_lookup(&mut rig);
}
