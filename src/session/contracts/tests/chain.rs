//! Option chains.

use super::*;
use crate::{
    schema::request::chain::ChainRequest,
    session::{CacheKind, Chain},
    tws::message::contract::{SecDefOptParameter, SecDefOptParameterEnd},
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
fn tell_parameters(rig: &mut Rig, expirations: &[&str], strikes: &[f64]) {
    let sent = rig.sent(LinkName::Data);
    let [Request::SecDefOptParamsRequest(asked)] = &sent[..] else { panic!("{sent:?}") };
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
    let (req_id, asked) = one_lookup(&mut rig);
    assert_eq!(asked.last_trade_date_or_contract_month.as_deref(), Some("20261224"));
    answer(&mut rig, req_id, Vec::new());

    let chain = told(&mut rig, token);
    let rows: Vec<_> = chain.rows.iter().map(|row| (row.con_id, row.strike, row.right.as_str())).collect();
    assert_eq!(rows, [(1, 250.0, "C"), (2, 250.0, "P"), (3, 255.0, "P")]);
    assert_eq!((chain.rows[0].instrument.as_str(), chain.rows[0].multiplier), ("CONID:1@SMART", Some(100.0)));
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
