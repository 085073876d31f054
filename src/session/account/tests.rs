//! The account picture against a scripted gateway.

mod advisor;
mod dark;

use crate::{
    config::{Config, Pacing},
    schema::{
        ErrorCode, Size,
        account::PositionEvent,
        connection::LinkName,
        request::account::{AccountQuery, Pnl, PnlQuery},
    },
    session::{
        Answer, Ask, Event,
        rig::{ACCOUNT, Rig},
    },
    tws::{
        Request, Response,
        message::{
            account::{
                AccountDataEnd, AccountSummary, AccountSummaryEnd, AccountValue, PnL, PnLSingle, PortfolioValue,
                Position, PositionEnd,
            },
            contract::Contract,
        },
        sentinel::UNSET_DOUBLE,
    },
};

const TRADING: LinkName = LinkName::Trading;

fn apple() -> Contract {
    Contract {
        con_id: Some(265_598),
        symbol: Some("AAPL".to_owned()),
        sec_type: Some("STK".to_owned()),
        currency: Some("USD".to_owned()),
        ..Contract::default()
    }
}

fn position(size: &str, cost: f64) -> Response {
    Response::Position(Box::new(Position {
        account: Some(ACCOUNT.to_owned()),
        contract: Some(apple()),
        position: Some(size.to_owned()),
        avg_cost: Some(cost),
    }))
}

fn value(tag: &str, value: &str) -> Response {
    Response::AccountValue(AccountValue {
        key: Some(tag.to_owned()),
        value: Some(value.to_owned()),
        currency: Some("USD".to_owned()),
        account_name: Some(ACCOUNT.to_owned()),
    })
}

fn positions(rig: &mut Rig) -> Vec<PositionEvent> {
    let published = |event| match event {
        Event::Position(event) => Some(*event),
        _ => None,
    };
    rig.events().into_iter().filter_map(published).collect()
}

fn listed(rig: &mut Rig) -> Vec<PositionEvent> {
    let token = rig.ask(Ask::Positions(AccountQuery::default()));
    match rig.reply(token) {
        Some(Ok(Answer::Positions(answer))) => answer.positions,
        other => panic!("{other:?}"),
    }
}

/// A trading link that is logged in, with nothing of its download answered; and what was asked.
fn syncing() -> (Rig, Vec<Request>) {
    let mut rig = Rig::with(Config::default());
    rig.begin_log_in(TRADING);
    let asked = rig.peek_sent(TRADING);
    (rig, asked)
}

fn summary_id(asked: &[Request]) -> i32 {
    let id = |request: &Request| match request {
        Request::AccountSummaryRequest(ask) => ask.req_id,
        _ => None,
    };
    asked.iter().rev().find_map(id).expect("a summary was asked for")
}

#[test]
fn the_link_is_synced_only_when_every_download_has_ended() {
    let (mut rig, asked) = syncing();
    let summary_id = summary_id(&asked);
    let ends = [
        Response::PositionEnd(PositionEnd {}),
        Response::AccountSummaryEnd(AccountSummaryEnd { req_id: Some(summary_id) }),
        Response::AccountDataEnd(AccountDataEnd { account_name: Some(ACCOUNT.to_owned()) }),
    ];
    for end in ends {
        assert!(!rig.session.account.is_synced());
        let token = rig.ask(Ask::Positions(AccountQuery::default()));
        let refusal = rig.reply(token).expect("a reply").expect_err("not ready");
        assert_eq!(refusal.code, ErrorCode::NotReady);
        rig.receive(TRADING, end);
    }
    assert!(rig.session.account.is_synced());
    rig.cut(TRADING);
    assert!(!rig.session.account.is_synced());
    assert!(listed(&mut rig).is_empty(), "what was known stays known");
}

#[test]
fn a_position_is_published_on_change_and_its_end_once() {
    let mut rig = Rig::ready();
    rig.receive(TRADING, position("100.50", 180.0));
    rig.receive(TRADING, position("100.50", 180.0));
    let published = positions(&mut rig);
    assert_eq!(published.len(), 1);
    assert_eq!(published[0].position.as_str(), "100.50");
    assert_eq!(published[0].instrument.exchange, "SMART");
    assert_eq!(listed(&mut rig).len(), 1);

    rig.receive(TRADING, position("0", 0.0));
    rig.receive(TRADING, position("0", 0.0));
    let published = positions(&mut rig);
    assert_eq!(published.len(), 1);
    assert_eq!(published[0].position, Size::ZERO);
    assert!(listed(&mut rig).is_empty());
}

#[test]
fn the_portfolio_adds_prices_and_what_is_unset_is_absent() {
    let mut rig = Rig::ready();
    rig.receive(TRADING, position("100", 180.0));
    rig.receive(
        TRADING,
        Response::PortfolioValue(Box::new(PortfolioValue {
            contract: Some(apple()),
            position: Some("100".to_owned()),
            market_price: Some(190.0),
            market_value: Some(19_000.0),
            average_cost: Some(180.0),
            unrealized_pnl: Some(1_000.0),
            realized_pnl: Some(UNSET_DOUBLE),
            account_name: Some(ACCOUNT.to_owned()),
        })),
    );
    let published = positions(&mut rig);
    assert_eq!(published.len(), 2);
    assert_eq!((published[1].market_price, published[1].realized_pnl), (Some(190.0), None));
}

#[test]
fn a_position_closed_during_an_outage_is_told_after_the_download() {
    let mut rig = Rig::ready();
    rig.receive(TRADING, position("100", 180.0));
    rig.cut(TRADING);
    rig.forget();
    rig.reconnect(TRADING);
    let published = positions(&mut rig);
    assert_eq!(published.len(), 1);
    assert_eq!(published[0].position, Size::ZERO);
}

#[test]
fn a_value_is_published_when_it_changes_whichever_stream_tells_it() {
    let (mut rig, asked) = syncing();
    let summary_id = summary_id(&asked);
    rig.events();
    rig.receive(TRADING, value("NetLiquidation", "1000.00"));
    rig.receive(TRADING, value("NetLiquidation", "1000.00"));
    rig.receive(
        TRADING,
        Response::AccountSummary(AccountSummary {
            req_id: Some(summary_id),
            account: Some(ACCOUNT.to_owned()),
            tag: Some("NetLiquidation".to_owned()),
            value: Some("1001.00".to_owned()),
            currency: Some("USD".to_owned()),
        }),
    );
    let published: Vec<String> = rig
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::AccountValue(event) => Some(event.value),
            _ => None,
        })
        .collect();
    assert_eq!(published, ["1000.00", "1001.00"]);
}

#[test]
fn profit_that_is_not_computed_is_absent() {
    let (mut rig, asked) = syncing();
    let id = |request: &Request| match request {
        Request::PnLRequest(ask) => ask.req_id,
        _ => None,
    };
    let req_id = asked.iter().find_map(id);
    rig.receive(
        TRADING,
        Response::PnL(PnL { req_id, daily_pnl: Some(-12.5), unrealized_pnl: Some(UNSET_DOUBLE), realized_pnl: None }),
    );
    let pnl = |event| match event {
        Event::Pnl(event) => Some((event.account, event.daily, event.unrealized, event.realized)),
        _ => None,
    };
    let published: Vec<_> = rig.events().into_iter().filter_map(pnl).collect();
    assert_eq!(published, [(ACCOUNT.to_owned(), Some(-12.5), None, None)]);
}

#[test]
fn a_summary_refused_for_want_of_a_slot_is_asked_for_again_later() {
    let (mut rig, asked) = syncing();
    let first = summary_id(&asked);
    rig.notice(TRADING, first, 322, "Maximum number of account summary requests exceeded");
    rig.receive(TRADING, Response::PositionEnd(PositionEnd {}));
    rig.receive(TRADING, Response::AccountDataEnd(AccountDataEnd::default()));
    assert!(rig.session.account.is_synced(), "positions and values still work");
    for _ in 0..13 {
        rig.wait_ms(4_999);
        // Bytes, so that the link is not taken for dead; and the rest of the download.
        rig.receive(TRADING, position("1", 1.0));
        rig.answer_download();
    }
    assert_ne!(summary_id(&rig.sent(TRADING)), first);
}

#[test]
fn accounts_are_told_with_their_kind() {
    let mut rig = Rig::ready();
    let token = rig.ask(Ask::ListAccounts);
    let Some(Ok(Answer::Accounts(answer))) = rig.reply(token) else { panic!("no accounts") };
    assert_eq!(answer.accounts.len(), 1);
    assert!(answer.accounts[0].paper);

    let query = AccountQuery { account: Some("DU9".to_owned()), ..AccountQuery::default() };
    let token = rig.ask(Ask::AccountSummary(query));
    let refusal = rig.reply(token).expect("a reply").expect_err("a foreign account");
    assert_eq!(refusal.code, ErrorCode::InvalidRequest);
}

fn followed(rig: &mut Rig) -> Vec<i32> {
    let id = |request: &Request| match request {
        Request::PnLSingleRequest(ask) => ask.req_id,
        _ => None,
    };
    rig.sent(TRADING).iter().filter_map(id).collect()
}

fn figures(req_id: i32, daily: f64) -> Response {
    Response::PnLSingle(PnLSingle {
        req_id: Some(req_id),
        position: Some("100".to_owned()),
        daily_pnl: Some(daily),
        unrealized_pnl: Some(UNSET_DOUBLE),
        realized_pnl: Some(2.0),
        value: Some(19_000.0),
    })
}

fn profits(rig: &mut Rig) -> Vec<(String, Option<f64>, Option<f64>)> {
    let published = |event| match event {
        Event::PositionPnl(event) => {
            Some((event.position.map(|size| size.as_str().to_owned()).unwrap_or_default(), event.daily, event.value))
        }
        _ => None,
    };
    rig.events().into_iter().filter_map(published).collect()
}

fn asked_pnl(rig: &mut Rig, ask: PnlQuery) -> Pnl {
    let token = rig.ask(Ask::Pnl(ask));
    match rig.reply(token) {
        Some(Ok(Answer::Pnl(answer))) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_profit_of_a_position_is_streamed_until_it_is_closed() {
    let mut rig = Rig::ready();
    followed(&mut rig);
    rig.receive(TRADING, position("100", 180.0));
    rig.receive(TRADING, position("90", 180.0));
    let ids = followed(&mut rig);
    let [req_id] = ids[..] else { panic!("{ids:?}") };
    rig.events();
    rig.receive(TRADING, figures(req_id, 5.0));
    rig.receive(TRADING, figures(req_id, 5.0));
    assert_eq!(profits(&mut rig), [("100".to_owned(), Some(5.0), Some(19_000.0))]);

    rig.receive(TRADING, position("0", 0.0));
    assert_eq!(profits(&mut rig), [("0".to_owned(), Some(5.0), None)]);
    let is_cancel = |request: &Request| matches!(request, Request::CancelPnLSingle(ask) if ask.req_id == Some(req_id));
    assert_eq!(rig.sent(TRADING).iter().filter(|request| is_cancel(request)).count(), 1);
    rig.receive(TRADING, figures(req_id, 6.0));
    assert!(profits(&mut rig).is_empty(), "what was on its way when it was cancelled");
}

#[test]
fn profits_of_positions_are_asked_for_again_after_an_outage() {
    let mut rig = Rig::ready();
    rig.receive(TRADING, position("100", 180.0));
    let first = followed(&mut rig);
    rig.cut(TRADING);
    rig.begin_reconnect(TRADING);
    rig.receive(TRADING, position("100", 180.0));
    assert!(followed(&mut rig).is_empty(), "not before the list is complete");
    rig.receive(TRADING, Response::PositionEnd(PositionEnd {}));
    let second = followed(&mut rig);
    assert_eq!(second.len(), 1);
    assert_ne!(first, second);
}

#[test]
fn a_question_for_profit_is_answered_with_what_is_known_and_what_is_not() {
    let pacing = Pacing { position_pnl: 1, ..Pacing::default() };
    let mut rig = Rig::ready_with(Config { pacing, ..Config::default() });
    let answer = asked_pnl(&mut rig, PnlQuery { con_id: Some(9), ..PnlQuery::default() });
    let reasons: Vec<_> = answer.missing.iter().map(|one| (one.con_id, one.reason.as_str())).collect();
    assert_eq!(reasons, [(None, "IB has not told it yet"), (Some(9), "no open position in this contract")]);

    followed(&mut rig);
    rig.receive(TRADING, position("100", 180.0));
    let ids = followed(&mut rig);
    let all = PnlQuery { positions: true, ..PnlQuery::default() };
    let answer = asked_pnl(&mut rig, all.clone());
    assert!(answer.missing.iter().any(|one| one.con_id == Some(265_598) && one.reason.contains("yet")), "{answer:?}");

    let other = Contract { con_id: Some(300_000), ..apple() };
    rig.receive(
        TRADING,
        Response::Position(Box::new(Position {
            account: Some(ACCOUNT.to_owned()),
            contract: Some(other),
            position: Some("1".to_owned()),
            avg_cost: Some(1.0),
        })),
    );
    assert!(followed(&mut rig).is_empty(), "one is the limit");
    rig.receive(TRADING, figures(ids[0], 5.0));
    let answer = asked_pnl(&mut rig, all.clone());
    assert_eq!(answer.positions.len(), 1);
    assert!(answer.missing.iter().any(|one| one.con_id == Some(300_000) && one.reason.contains("position_pnl")));

    rig.receive(TRADING, position("0", 0.0));
    assert_eq!(followed(&mut rig).len(), 1, "its place is taken by the next");
}

#[test]
fn a_refused_profit_of_a_position_is_told_and_not_asked_for_again() {
    let mut rig = Rig::ready();
    followed(&mut rig);
    rig.receive(TRADING, position("100", 180.0));
    let ids = followed(&mut rig);
    rig.notice(TRADING, ids[0], 321, "Error validating request");
    let answer = asked_pnl(&mut rig, PnlQuery { con_id: Some(265_598), ..PnlQuery::default() });
    assert!(answer.missing.iter().any(|one| one.reason.contains("321")), "{answer:?}");
    assert!(followed(&mut rig).is_empty());
}
