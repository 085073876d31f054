//! Option chains.

use super::*;
use crate::{
    schema::request::chain::{ChainRequest, ChainRow},
    session::{CacheKind, Chain, Rows},
    tws::message::contract::{SecDefOptParameter, SecDefOptParameterEnd, SecDefOptParamsRequest},
};

fn all() -> ChainRequest {
    serde_json::from_str(r#"{"contract":"STK:AAPL"}"#).expect("a request")
}

fn december() -> ChainRequest {
    ChainRequest { expiries: Some(vec!["202612".to_owned()]), ..all() }
}

fn chain(request: ChainRequest) -> Ask {
    Ask::Chain(Box::new(request))
}

/// Asks for a chain and tells what the underlying is.
fn ask(rig: &mut Rig, request: ChainRequest) -> Token {
    let token = rig.ask(chain(request));
    let (req_id, _) = one_lookup(rig);
    answer(rig, req_id, vec![row(265_598, "AAPL", "SMART", "NASDAQ")]);
    token
}

#[track_caller]
fn one_question(rig: &mut Rig) -> SecDefOptParamsRequest {
    let sent = rig.sent(LinkName::Data);
    let [Request::SecDefOptParamsRequest(asked)] = &sent[..] else { panic!("{sent:?}") };
    asked.clone()
}

#[track_caller]
fn tell_parameters(rig: &mut Rig, expirations: &[&str], strikes: &[f64]) {
    let asked = one_question(rig);
    assert_eq!((asked.underlying_con_id, asked.underlying_sec_type.as_deref()), (Some(265_598), Some("STK")));
    assert_eq!(asked.fut_fop_exchange.as_deref().unwrap_or_default(), "");
    for exchange in ["CBOE", "SMART"] {
        let message = SecDefOptParameter {
            req_id: asked.req_id,
            exchange: Some(exchange.to_owned()),
            underlying_con_id: Some(265_598),
            trading_class: Some("AAPL".to_owned()),
            multiplier: Some("100".to_owned()),
            expirations: expirations.iter().map(|text| (*text).to_owned()).collect(),
            strikes: strikes.to_vec(),
        };
        rig.receive_data(Response::SecDefOptParameter(Box::new(message)));
    }
    rig.receive_data(Response::SecDefOptParameterEnd(SecDefOptParameterEnd { req_id: asked.req_id }));
}

fn option(con_id: i32, expiry: &str, strike: f64, right: &str) -> Contract {
    Contract {
        sec_type: Some("OPT".to_owned()),
        last_trade_date_or_contract_month: Some(expiry.to_owned()),
        strike: Some(strike),
        right: Some(right.to_owned()),
        multiplier: Some(100.0),
        trading_class: Some("AAPL".to_owned()),
        ..row(con_id, "AAPL", "SMART", "")
    }
}

#[track_caller]
fn told(rig: &mut Rig, token: Token) -> Chain {
    match rig.reply(token) {
        Some(Ok(Answer::Chain(chain))) => *chain,
        other => panic!("no chain: {other:?}"),
    }
}

/// The rows told since the last call, and how many lookups are settled of how many.
fn parts(rig: &mut Rig, token: Token) -> Vec<(Vec<ChainRow>, u32, Option<u32>)> {
    let rows = |rows| if let Rows::Chain(rows) = rows { rows } else { panic!("other rows") };
    rig.parts(token).into_iter().map(|part| (rows(part.rows), part.progress.done, part.progress.total)).collect()
}

#[test]
fn expiries_are_looked_up_one_after_the_other_and_what_is_missing_is_told() {
    let mut rig = Rig::ready();
    let token = ask(&mut rig, ChainRequest { around: Some(252.0), strike_count: Some(2), ..december() });
    tell_parameters(&mut rig, &["20261218", "20261224", "20270115"], &[240.0, 250.0, 255.0, 260.0]);
    let (req_id, asked) = one_lookup(&mut rig);
    assert_eq!(asked.last_trade_date_or_contract_month.as_deref(), Some("20261218"));
    assert_eq!(
        (asked.sec_type.as_deref(), asked.strike, asked.exchange.as_deref()),
        (Some("OPT"), None, Some("SMART"))
    );
    let rows = [(4, 260.0, "C"), (3, 255.0, "P"), (2, 250.0, "P"), (1, 250.0, "C"), (5, 240.0, "C")];
    answer(&mut rig, req_id, rows.map(|(id, strike, right)| option(id, "20261218", strike, right)).to_vec());
    assert_eq!(rig.reply(token), None);
    let [(told_first, 1, Some(2))] = &parts(&mut rig, token)[..] else { panic!("the first expiry is told at once") };
    let rows: Vec<_> = told_first.iter().map(|row| (row.con_id, row.strike, row.right.as_str())).collect();
    assert_eq!(rows, [(1, 250.0, "C"), (2, 250.0, "P"), (3, 255.0, "P")]);
    assert_eq!((told_first[0].instrument.as_str(), told_first[0].multiplier), ("CONID:1@SMART", Some(100.0)));
    let (req_id, asked) = one_lookup(&mut rig);
    assert_eq!(asked.last_trade_date_or_contract_month.as_deref(), Some("20261224"));
    answer(&mut rig, req_id, Vec::new());

    assert_eq!(parts(&mut rig, token), [(Vec::new(), 2, Some(2))]);
    let chain = told(&mut rig, token);
    assert_eq!((chain.manifest.rows, chain.manifest.requests), (3, 3));
    let holes: Vec<_> = chain.manifest.holes.iter().map(|hole| (hole.expiry.as_str(), hole.reason.as_str())).collect();
    assert_eq!(holes, [("20261224", "no_data")]);
}

#[test]
fn an_unbounded_chain_is_refused_with_its_size() {
    let mut rig = Rig::ready();
    let token = ask(&mut rig, all());
    let strikes: Vec<f64> = (1..=1_001).map(f64::from).collect();
    tell_parameters(&mut rig, &["20261218", "20270115"], &strikes);
    let error = refused(&mut rig, token);
    assert_eq!(error.code, ErrorCode::TooLarge);
    assert!(error.message.contains("4004 contracts") && error.message.contains("expiry_from"), "{error}");

    let token = rig.ask(chain(december()));
    let error = refused(&mut rig, token);
    assert_eq!(error.code, ErrorCode::TooLarge);
    assert!(error.message.contains("2002 contracts") && error.message.contains("strike_from"), "{error}");
    let token = rig.ask(chain(ChainRequest { strikes: Some(vec![0.5]), ..december() }));
    assert_eq!(refused(&mut rig, token).code, ErrorCode::NoData);
    let token = rig.ask(chain(ChainRequest { around: Some(1.0), ..december() }));
    assert_eq!(refused(&mut rig, token).code, ErrorCode::InvalidRequest);
    assert_eq!(rig.sent(LinkName::Data), [], "parameters are known");

    rig.ask(chain(ChainRequest { right: Some("C".to_owned()), ..december() }));
    assert_eq!(one_lookup(&mut rig).1.right.as_deref(), Some("C"));
}

#[test]
fn parameters_alone_are_kept_for_the_next_run() {
    let mut rig = Rig::ready();
    let only = ChainRequest { parameters_only: true, exchange: Some("cboe".to_owned()), ..all() };
    let token = ask(&mut rig, only.clone());
    tell_parameters(&mut rig, &["20270115", "20261218"], &[250.0, 240.0]);
    let first = told(&mut rig, token);
    let parameters = first.parameters.clone().expect("parameters");
    assert_eq!(parameters.len(), 1);
    assert_eq!((parameters[0].exchange.as_str(), &parameters[0].expiries[0][..]), ("CBOE", "20261218"));
    assert_eq!((&parameters[0].strikes[..], first.manifest.requests), (&[240.0, 250.0][..], 1));

    let kept = std::mem::take(&mut rig.cached);
    assert!(kept.iter().any(|item| item.kind == CacheKind::Chain));
    let mut rig = Rig::new();
    let now = rig.now();
    for item in &kept {
        rig.session.recall(now, item);
    }
    rig.wait_ms(0);
    let token = rig.ask(chain(only));
    let again = told(&mut rig, token);
    assert_eq!((again.parameters, again.manifest.requests), (Some(parameters), 0));
}

#[test]
fn a_lookup_that_fails_alone_is_the_answer() {
    let mut rig = Rig::ready();
    let token = ask(&mut rig, ChainRequest { timeout_ms: Some(120_000), ..december() });
    tell_parameters(&mut rig, &["20261218"], &[250.0]);
    let (req_id, _) = one_lookup(&mut rig);
    rig.notice(LinkName::Data, req_id, 200, "No security definition has been found for the request");
    assert_eq!(refused(&mut rig, token).code, ErrorCode::UnknownContract);
}

#[test]
fn two_thousand_contracts_and_fifty_lookups_are_taken_and_one_more_is_not() {
    let mut rig = Rig::ready();
    let days: Vec<String> = (1..=51).map(|day| format!("2027{:02}{:02}", 1 + day / 28, 1 + day % 28)).collect();
    let days: Vec<&str> = days.iter().map(String::as_str).collect();
    let strikes: Vec<f64> = (1..=21).map(f64::from).collect();
    let from = |day: &str| ChainRequest { expiry_from: Some(day.to_owned()), ..all() };
    let token = ask(&mut rig, ChainRequest { strike_to: Some(1.0), ..from(days[0]) });
    tell_parameters(&mut rig, &days, &strikes);
    let error = refused(&mut rig, token);
    assert_eq!(error.code, ErrorCode::TooLarge);
    assert!(error.message.contains("102 contracts in 51 lookups") && error.message.contains("narrow"), "{error}");

    let token = rig.ask(chain(from(days[1])));
    assert!(refused(&mut rig, token).message.contains("2100 contracts in 50 lookups"));
    rig.ask(chain(ChainRequest { strike_to: Some(20.0), ..from(days[1]) }));
    assert_eq!(one_lookup(&mut rig).1.last_trade_date_or_contract_month.as_deref(), Some(days[1]));
}

#[test]
fn a_lost_link_in_the_middle_of_a_chain_repeats_what_was_open_and_nothing_else() {
    let mut rig = Rig::ready();
    let token = ask(&mut rig, ChainRequest { timeout_ms: Some(120_000), ..december() });
    one_question(&mut rig);
    rig.cut(LinkName::Data);
    rig.reconnect(LinkName::Data);
    tell_parameters(&mut rig, &["20261218", "20261224"], &[250.0]);
    let (req_id, _) = one_lookup(&mut rig);
    answer(&mut rig, req_id, vec![option(1, "20261218", 250.0, "C")]);
    one_lookup(&mut rig);
    rig.cut(LinkName::Data);
    assert_eq!(rig.reply(token), None);
    rig.reconnect(LinkName::Data);
    let (req_id, asked) = one_lookup(&mut rig);
    assert_eq!(asked.last_trade_date_or_contract_month.as_deref(), Some("20261224"));
    answer(&mut rig, req_id, vec![option(2, "20261224", 250.0, "P")]);
    let rows: Vec<_> = parts(&mut rig, token).into_iter().flat_map(|(rows, ..)| rows).map(|row| row.con_id).collect();
    assert_eq!(rows, [1, 2], "each once");
    let chain = told(&mut rig, token);
    assert_eq!((chain.manifest.rows, chain.manifest.holes), (2, Vec::new()));
}

#[test]
fn what_a_deadline_cuts_off_is_a_hole_of_the_manifest_and_not_the_loss_of_all() {
    let mut rig = Rig::ready();
    let token = ask(&mut rig, december());
    tell_parameters(&mut rig, &["20261218", "20261224", "20261231"], &[250.0]);
    let (req_id, _) = one_lookup(&mut rig);
    answer(&mut rig, req_id, vec![option(1, "20261218", 250.0, "C")]);
    rig.cut(LinkName::Data);
    rig.wait_ms(130_000);
    let chain = told(&mut rig, token);
    assert_eq!(chain.manifest.rows, 1);
    let holes: Vec<_> = chain.manifest.holes.iter().map(|hole| (hole.expiry.as_str(), hole.reason.as_str())).collect();
    assert_eq!(holes, [("20261224", "timeout"), ("20261231", "timeout")]);
}

#[test]
fn futures_options_are_found_by_the_exchange_of_the_future_and_told_apart_by_multiplier() {
    let mut rig = Rig::ready();
    let ask: ChainRequest =
        serde_json::from_str(r#"{"contract":"FUT:ES:202612@CME","expiries":["20261218"]}"#).expect("a request");
    let token = rig.ask(chain(ask.clone()));
    let (req_id, _) = one_lookup(&mut rig);
    let future = Contract {
        sec_type: Some("FUT".to_owned()),
        last_trade_date_or_contract_month: Some("20261218".to_owned()),
        multiplier: Some(50.0),
        local_symbol: Some("ESZ6".to_owned()),
        ..row(7, "ES", "CME", "")
    };
    answer(&mut rig, req_id, vec![future]);
    let asked = one_question(&mut rig);
    assert_eq!((asked.underlying_con_id, asked.underlying_sec_type.as_deref()), (Some(7), Some("FUT")));
    assert_eq!(asked.fut_fop_exchange.as_deref(), Some("CME"));
    for multiplier in ["50", "5"] {
        let message = SecDefOptParameter {
            req_id: asked.req_id,
            exchange: Some("CME".to_owned()),
            underlying_con_id: Some(7),
            trading_class: Some("ES".to_owned()),
            multiplier: Some(multiplier.to_owned()),
            expirations: vec!["20261218".to_owned()],
            strikes: vec![6_700.0],
        };
        rig.receive_data(Response::SecDefOptParameter(Box::new(message)));
    }
    rig.receive_data(Response::SecDefOptParameterEnd(SecDefOptParameterEnd { req_id: asked.req_id }));
    for multiplier in [5.0, 50.0] {
        let (req_id, asked) = one_lookup(&mut rig);
        assert_eq!((asked.sec_type.as_deref(), asked.exchange.as_deref()), (Some("FOP"), Some("CME")));
        assert_eq!((asked.trading_class.as_deref(), asked.multiplier), (Some("ES"), Some(multiplier)));
        answer(&mut rig, req_id, Vec::new());
    }
    let holes = told(&mut rig, token).manifest.holes;
    assert_eq!(holes.iter().map(|hole| hole.multiplier).collect::<Vec<_>>(), [Some(5.0), Some(50.0)]);

    rig.ask(chain(ChainRequest { multiplier: Some(50.0), ..ask }));
    assert_eq!(one_lookup(&mut rig).1.multiplier, Some(50.0));
}

#[test]
fn options_on_an_index_trade_where_the_index_does_unless_they_are_routed() {
    let mut rig = Rig::ready();
    let ask: ChainRequest =
        serde_json::from_str(r#"{"contract":"IND:SPX@CBOE","expiries":["202612"]}"#).expect("a request");
    rig.ask(chain(ask));
    let (req_id, _) = one_lookup(&mut rig);
    answer(&mut rig, req_id, vec![Contract { sec_type: Some("IND".to_owned()), ..row(416_904, "SPX", "CBOE", "") }]);
    let asked = one_question(&mut rig);
    assert_eq!((asked.underlying_sec_type.as_deref(), asked.fut_fop_exchange.as_deref()), (Some("IND"), Some("")));
    for (exchange, class) in [("BOX", "SPX"), ("CBOE", "SPX"), ("CBOE", "SPXW")] {
        let message = SecDefOptParameter {
            req_id: asked.req_id,
            exchange: Some(exchange.to_owned()),
            underlying_con_id: Some(416_904),
            trading_class: Some(class.to_owned()),
            multiplier: Some("100".to_owned()),
            expirations: vec!["20261217".to_owned()],
            strikes: vec![6_700.0],
        };
        rig.receive_data(Response::SecDefOptParameter(Box::new(message)));
    }
    rig.receive_data(Response::SecDefOptParameterEnd(SecDefOptParameterEnd { req_id: asked.req_id }));
    for class in ["SPX", "SPXW"] {
        let (req_id, asked) = one_lookup(&mut rig);
        assert_eq!((asked.sec_type.as_deref(), asked.exchange.as_deref()), (Some("OPT"), Some("CBOE")));
        assert_eq!(asked.trading_class.as_deref(), Some(class));
        answer(&mut rig, req_id, Vec::new());
    }
}
