//! Logins with several accounts, groups and models.

use super::*;
use crate::tws::message::{
    account::{AccountUpdateMulti, AccountUpdateMultiEnd, AccountUpdatesMultiRequest, PositionMulti, PositionMultiEnd},
    login::ManagedAccounts,
};

/// A trading link logged in to these accounts, with nothing of its download answered.
fn logged_in(accounts: &str, config: Config) -> Rig {
    let mut rig = Rig::with(config);
    rig.begin_log_in_as(TRADING, accounts);
    rig
}

/// As [`logged_in`], with an empty download.
fn ready(accounts: &str) -> Rig {
    let mut rig = logged_in(accounts, Config::default());
    rig.answer_download();
    rig.events();
    rig
}

fn values_asked(sent: &[Request]) -> Vec<AccountUpdatesMultiRequest> {
    let values = |request: &Request| match request {
        Request::AccountUpdatesMultiRequest(ask) => Some(ask.clone()),
        _ => None,
    };
    sent.iter().filter_map(values).collect()
}

fn turns(sent: &[Request]) -> Vec<(bool, String)> {
    let turn = |request: &Request| match request {
        Request::AccountDataRequest(ask) => Some((ask.subscribe(), ask.acct_code().to_owned())),
        _ => None,
    };
    sent.iter().filter_map(turn).collect()
}

fn told(req_id: Option<i32>, account: &str, (tag, value, currency): (&str, &str, &str)) -> Response {
    Response::AccountUpdateMulti(Box::new(AccountUpdateMulti {
        req_id,
        account: Some(account.to_owned()),
        model_code: None,
        key: Some(tag.to_owned()),
        value: Some(value.to_owned()),
        currency: Some(currency.to_owned()),
    }))
}

fn published(rig: &mut Rig) -> Vec<(String, String, String)> {
    let value = |event| match event {
        Event::AccountValue(event) => Some((event.account, event.tag, event.value)),
        _ => None,
    };
    rig.events().into_iter().filter_map(value).collect()
}

fn ask_summary(rig: &mut Rig, query: AccountQuery) -> crate::schema::request::account::Summary {
    let token = rig.ask(Ask::AccountSummary(query));
    match rig.reply(token) {
        Some(Ok(Answer::Summary(summary))) => summary,
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_values_of_every_account_are_streamed() {
    let mut rig = ready("DU1,DU2,DU3");
    let sent = rig.sent(TRADING);
    let asked = values_asked(&sent);
    let accounts: Vec<&str> = asked.iter().map(AccountUpdatesMultiRequest::account).collect();
    assert_eq!(accounts, ["DU1", "DU2", "DU3"]);
    let profits = sent.iter().filter(|request| matches!(request, Request::PnLRequest(_))).count();
    assert_eq!(profits, 3);
    rig.receive(TRADING, told(asked[2].req_id, "DU3", ("NetLiquidation", "7.00", "EUR")));
    rig.receive(TRADING, told(asked[2].req_id, "DU3", ("NetLiquidation", "7.00", "EUR")));
    assert_eq!(published(&mut rig), [("DU3".to_owned(), "NetLiquidation".to_owned(), "7.00".to_owned())]);
    assert!(ask_summary(&mut rig, AccountQuery::default()).unsettled.is_empty());
}

#[test]
fn a_login_with_one_account_needs_no_streams_by_account() {
    let rig = Rig::ready();
    assert!(values_asked(&rig.peek_sent(TRADING)).is_empty());
}

#[test]
fn the_gateway_values_the_accounts_in_turns() {
    let mut rig = ready("DU1,DU2");
    assert_eq!(turns(&rig.sent(TRADING)), [(true, "DU1".to_owned())]);
    rig.is_alive = true;
    rig.wait_ms(9_999);
    assert_eq!(turns(&rig.sent(TRADING)), []);
    rig.wait_ms(1);
    assert_eq!(turns(&rig.sent(TRADING)), [(false, "DU1".to_owned()), (true, "DU2".to_owned())]);
    rig.wait_ms(10_000);
    assert_eq!(turns(&rig.sent(TRADING)), [(false, "DU2".to_owned()), (true, "DU1".to_owned())]);
    rig.cut(TRADING);
    rig.wait_ms(60_000);
    assert_eq!(turns(&rig.sent(TRADING)), []);
}

#[test]
fn updates_that_another_client_holds_do_not_hold_up_the_login() {
    let mut rig = logged_in(ACCOUNT, Config::default());
    let sent = rig.peek_sent(TRADING);
    rig.receive(TRADING, Response::PositionEnd(PositionEnd {}));
    rig.receive(TRADING, Response::AccountSummaryEnd(AccountSummaryEnd { req_id: Some(summary_id(&sent)) }));
    assert!(!rig.session.account.is_synced());
    rig.notice(TRADING, -1, 2101, "Unable to subscribe to account");
    assert!(rig.session.account.is_synced());
    let asked = values_asked(&rig.sent(TRADING));
    assert_eq!(asked.len(), 1, "its values come by a stream of their own");
}

#[test]
fn above_fifty_accounts_each_is_asked_for_by_its_name() {
    let names: Vec<String> = (1..=51).map(|number| format!("DU{number:03}")).collect();
    let mut rig = logged_in(&names.join(","), Config::default());
    rig.wait_ms(8_000);
    let sent = rig.peek_sent(TRADING);
    assert!(
        !sent.iter().any(|request| matches!(request, Request::PositionsRequest(_) | Request::AccountSummaryRequest(_)))
    );
    let asks: Vec<_> = sent
        .iter()
        .filter_map(|request| match request {
            Request::PositionsMultiRequest(ask) => Some(ask.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(asks.len(), 51);
    assert_eq!(values_asked(&sent).len(), 51);
    rig.receive(
        TRADING,
        Response::PositionMulti(Box::new(PositionMulti {
            req_id: asks[50].req_id,
            account: Some("DU051".to_owned()),
            contract: Some(apple()),
            position: Some("5".to_owned()),
            avg_cost: Some(1.0),
            model_code: None,
        })),
    );
    rig.receive(TRADING, Response::AccountDataEnd(AccountDataEnd { account_name: Some("DU001".to_owned()) }));
    for ask in &asks {
        assert!(!rig.session.account.is_synced());
        rig.receive(TRADING, Response::PositionMultiEnd(PositionMultiEnd { req_id: ask.req_id }));
    }
    assert!(rig.session.account.is_synced());
    assert_eq!(listed(&mut rig).len(), 1);
}

#[test]
fn accounts_beyond_the_limit_are_listed_and_said_not_to_be_followed() {
    let account = crate::config::Account { followed_max: 1, ..crate::config::Account::default() };
    let mut rig = logged_in("DU1,DU2", Config { account, ..Config::default() });
    rig.answer_download();
    assert!(values_asked(&rig.peek_sent(TRADING)).is_empty());
    let token = rig.ask(Ask::ListAccounts);
    let Some(Ok(Answer::Accounts(answer))) = rig.reply(token) else { panic!("no accounts") };
    let followed: Vec<bool> = answer.accounts.iter().map(|account| account.followed).collect();
    assert_eq!(followed, [true, false]);
    let summary = ask_summary(&mut rig, AccountQuery::default());
    assert_eq!(summary.unsettled[0].account, "DU2");
    let is_told = |event: &Event| matches!(event, Event::Bridge(event) if event.event == "accounts_not_followed");
    assert!(rig.events().iter().any(is_told));
}

#[test]
fn figures_of_a_reset_are_not_believed_and_asked_for_again_after_it() {
    let mut rig = ready("DU1,DU2");
    let id = values_asked(&rig.sent(TRADING))[1].req_id;
    rig.receive(TRADING, told(id, "DU2", ("NetLiquidation", "100.00", "USD")));
    rig.receive(TRADING, told(id, "DU2", ("AccountReady", "false", "")));
    rig.receive(TRADING, told(id, "DU2", ("NetLiquidation", "0.00", "USD")));
    rig.receive(TRADING, told(id, "DU1", ("NetLiquidation", "5.00", "USD")));
    let expected =
        [("DU2", "NetLiquidation", "100.00"), ("DU2", "AccountReady", "false"), ("DU1", "NetLiquidation", "5.00")];
    let expected: Vec<_> =
        expected.map(|(account, tag, value)| (account.to_owned(), tag.to_owned(), value.to_owned())).into();
    assert_eq!(published(&mut rig), expected);
    let query = AccountQuery { account: Some("DU2".to_owned()), ..AccountQuery::default() };
    let summary = ask_summary(&mut rig, query.clone());
    assert!(summary.unsettled[0].reason.contains("AccountReady"));
    assert!(summary.values.iter().any(|value| value.tag == "NetLiquidation" && value.value == "100.00"));

    rig.receive(TRADING, told(id, "DU2", ("AccountReady", "true", "")));
    let again = values_asked(&rig.sent(TRADING));
    assert_eq!((again.len(), again[0].account()), (1, "DU2"));
    rig.receive(TRADING, told(id, "DU2", ("NetLiquidation", "0.00", "USD")));
    rig.receive(TRADING, told(again[0].req_id, "DU2", ("NetLiquidation", "101.00", "USD")));
    rig.receive(TRADING, Response::AccountUpdateMultiEnd(AccountUpdateMultiEnd { req_id: again[0].req_id }));
    let summary = ask_summary(&mut rig, query);
    assert!(summary.unsettled.is_empty());
    assert!(summary.values.iter().any(|value| value.tag == "NetLiquidation" && value.value == "101.00"));
}

#[test]
fn an_only_account_is_asked_for_again_after_its_reset_too() {
    let mut rig = Rig::ready();
    rig.receive(TRADING, value("AccountReady", "false"));
    rig.receive(TRADING, value("AccountReady", "true"));
    assert_eq!(turns(&rig.sent(TRADING)), [(false, ACCOUNT.to_owned()), (true, ACCOUNT.to_owned())]);
}

#[test]
fn base_currency_and_exchange_rates_are_told_with_the_account() {
    let mut rig = ready("DU1,DU2");
    let id = values_asked(&rig.sent(TRADING))[0].req_id;
    for (tag, value, currency) in
        [("ExchangeRate", "1.00", "BASE"), ("ExchangeRate", "1.0000000", "CHF"), ("ExchangeRate", "0.8870", "USD")]
    {
        rig.receive(TRADING, told(id, "DU1", (tag, value, currency)));
    }
    let token = rig.ask(Ask::ListAccounts);
    let Some(Ok(Answer::Accounts(answer))) = rig.reply(token) else { panic!("no accounts") };
    assert_eq!(answer.accounts[0].base_currency.as_deref(), Some("CHF"));
    assert_eq!(answer.accounts[0].exchange_rates.get("USD").map(String::as_str), Some("0.8870"));
    assert_eq!(answer.accounts[1].base_currency, None);
}

fn group_asked(rig: &mut Rig) -> i32 {
    let id = |request: &Request| match request {
        Request::AccountSummaryRequest(ask) if ask.group() == "Growth" => ask.req_id,
        _ => None,
    };
    rig.sent(TRADING).iter().find_map(id).expect("the group was asked for")
}

fn member(req_id: i32, account: &str) -> Response {
    Response::AccountSummary(AccountSummary {
        req_id: Some(req_id),
        account: Some(account.to_owned()),
        tag: Some("AccountType".to_owned()),
        value: Some("INDIVIDUAL".to_owned()),
        currency: None,
    })
}

fn in_growth() -> AccountQuery {
    AccountQuery { group: Some("Growth".to_owned()), ..AccountQuery::default() }
}

#[test]
fn a_group_is_asked_for_once_and_stands_for_its_accounts() {
    let mut rig = ready("DU1,DU2,DU3");
    let id = values_asked(&rig.sent(TRADING))[1].req_id;
    rig.receive(TRADING, told(id, "DU2", ("NetLiquidation", "2.00", "USD")));
    rig.receive(TRADING, told(id, "DU1", ("NetLiquidation", "1.00", "USD")));
    let first = rig.ask(Ask::AccountSummary(in_growth()));
    let second = rig.ask(Ask::Positions(in_growth()));
    let third = rig.ask(Ask::Executions(crate::schema::request::account::ExecutionsRequest {
        group: Some("Growth".to_owned()),
        ..Default::default()
    }));
    let req_id = group_asked(&mut rig);
    rig.receive(TRADING, member(req_id, "DU2"));
    assert!(rig.reply(first).is_none());
    rig.receive(TRADING, Response::AccountSummaryEnd(AccountSummaryEnd { req_id: Some(req_id) }));
    let Some(Ok(Answer::Summary(summary))) = rig.reply(first) else { panic!("no summary") };
    let accounts: Vec<&str> = summary.values.iter().map(|value| value.account.as_str()).collect();
    assert_eq!(accounts, ["DU2"]);
    assert!(matches!(rig.reply(second), Some(Ok(Answer::Positions(_)))));
    assert!(matches!(rig.reply(third), Some(Ok(Answer::Executions(_)))));
    let sent = rig.sent(TRADING);
    assert!(matches!(sent[..], [Request::CancelAccountSummary(_)]), "{sent:?}: the slot is given back");
}

#[test]
fn a_group_that_does_not_exist_or_is_never_told_is_an_error() {
    let mut rig = ready("DU1,DU2");
    rig.is_alive = true;
    let token = rig.ask(Ask::AccountSummary(in_growth()));
    let req_id = group_asked(&mut rig);
    rig.notice(TRADING, req_id, 321, "Error validating request.-'bW' : cause - Invalid account group");
    let error = rig.reply(token).expect("a reply").expect_err("no such group");
    assert!(error.message.contains("Growth"), "{error}");

    let token = rig.ask(Ask::Positions(in_growth()));
    group_asked(&mut rig);
    rig.wait_ms(10_000);
    assert_eq!(rig.reply(token).expect("a reply").expect_err("silence").code, ErrorCode::Timeout);
    let query = AccountQuery { account: Some("DU1".to_owned()), ..in_growth() };
    let token = rig.ask(Ask::AccountSummary(query));
    assert_eq!(rig.reply(token).expect("a reply").expect_err("both").code, ErrorCode::InvalidRequest);
}

#[test]
fn a_model_is_followed_once_somebody_asks_and_kept_apart() {
    let mut rig = ready("DU1,DU2");
    rig.sent(TRADING);
    let query =
        AccountQuery { account: Some("DU1".to_owned()), model: Some("Tech".to_owned()), ..AccountQuery::default() };
    let token = rig.ask(Ask::Positions(query.clone()));
    let sent = rig.sent(TRADING);
    let [
        Request::PositionsMultiRequest(positions),
        Request::AccountUpdatesMultiRequest(values),
        Request::PnLRequest(profit),
    ] = &sent[..]
    else {
        panic!("{sent:?}")
    };
    assert_eq!((positions.model_code(), values.model_code(), profit.model_code()), ("Tech", "Tech", "Tech"));
    rig.receive(
        TRADING,
        Response::PositionMulti(Box::new(PositionMulti {
            req_id: positions.req_id,
            account: Some("DU1".to_owned()),
            contract: Some(apple()),
            position: Some("3".to_owned()),
            avg_cost: Some(1.0),
            model_code: Some("Tech".to_owned()),
        })),
    );
    assert!(rig.reply(token).is_none());
    rig.receive(TRADING, Response::PositionMultiEnd(PositionMultiEnd { req_id: positions.req_id }));
    let Some(Ok(Answer::Positions(answer))) = rig.reply(token) else { panic!("no positions") };
    assert_eq!(answer.positions[0].model.as_deref(), Some("Tech"));
    assert!(listed(&mut rig).is_empty(), "the account's own list does not hold them twice");
    rig.receive(TRADING, told(values.req_id, "DU1", ("NetLiquidation", "9.00", "USD")));
    let models: Vec<_> = rig
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::AccountValue(event) => Some(event.model),
            _ => None,
        })
        .collect();
    assert_eq!(models, [Some("Tech".to_owned())]);

    rig.receive(
        TRADING,
        Response::PnL(PnL { req_id: profit.req_id, daily_pnl: Some(4.0), unrealized_pnl: None, realized_pnl: None }),
    );
    let query = PnlQuery { account: query.account, model: query.model, ..PnlQuery::default() };
    let answer = asked_pnl(&mut rig, query);
    assert_eq!((answer.accounts.len(), answer.accounts[0].daily), (1, Some(4.0)));

    rig.cut(TRADING);
    rig.begin_reconnect_as(TRADING, "DU1,DU2");
    let again = values_asked(&rig.sent(TRADING));
    assert!(again.iter().any(|ask| ask.model_code() == "Tech"), "followed again after an outage");
}

#[test]
fn a_model_that_does_not_exist_is_an_error_and_takes_no_place() {
    let mut rig = ready("DU1,DU2");
    rig.sent(TRADING);
    let query =
        AccountQuery { account: Some("DU1".to_owned()), model: Some("None".to_owned()), ..AccountQuery::default() };
    rig.is_alive = true;
    for _ in 0..30 {
        rig.wait_ms(1_000);
        let token = rig.ask(Ask::Positions(query.clone()));
        let sent = rig.sent(TRADING);
        let ids = sent.iter().filter_map(|request| match request {
            Request::PositionsMultiRequest(ask) => ask.req_id,
            Request::AccountUpdatesMultiRequest(ask) => ask.req_id,
            Request::PnLRequest(ask) => ask.req_id,
            _ => None,
        });
        for id in ids {
            rig.notice(TRADING, id, 321, "Error validating request.-'bW' : cause - Invalid model code");
        }
        let error = rig.reply(token).expect("a reply").expect_err("no such model");
        assert!(error.message.contains("model None of DU1"), "{error}");
    }
}

#[test]
fn a_refusal_without_a_name_makes_positions_be_asked_for_by_account() {
    let mut rig = logged_in("DU1,DU2", Config::default());
    rig.notice(TRADING, -1, 321, "Error validating request");
    let sent = rig.sent(TRADING);
    let asks: Vec<_> = sent
        .iter()
        .filter_map(|request| match request {
            Request::PositionsMultiRequest(ask) => ask.req_id,
            _ => None,
        })
        .collect();
    assert_eq!(asks.len(), 2);
    rig.receive(TRADING, Response::AccountSummaryEnd(AccountSummaryEnd { req_id: Some(summary_id(&sent)) }));
    rig.receive(TRADING, Response::PositionMultiEnd(PositionMultiEnd { req_id: Some(asks[0]) }));
    assert!(!rig.session.account.is_synced());
    rig.notice(TRADING, asks[1], 321, "Error validating request");
    assert!(rig.session.account.is_synced());
}

#[test]
fn other_accounts_of_a_login_are_logged_in_with_it() {
    let list = ManagedAccounts { accounts_list: Some("DU1,DU2,".to_owned()) };
    let mut rig = ready(list.accounts_list());
    let token = rig.ask(Ask::ListAccounts);
    let Some(Ok(Answer::Accounts(answer))) = rig.reply(token) else { panic!("no accounts") };
    assert_eq!(answer.accounts.len(), 2, "an empty name is no account");
}

/// The account requests among what was sent, sorted.
fn asked_for(rig: &mut Rig) -> Vec<&'static str> {
    let sent = rig.sent(TRADING);
    names(&sent)
}

fn names(sent: &[Request]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = sent.iter().map(Request::name).collect();
    names.retain(|name| name.contains("PnL") || name.contains("Account") || name.contains("Position"));
    names.sort_unstable();
    names
}

#[test]
fn after_1101_values_and_profit_are_asked_for_again_and_after_1102_they_are_not() {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    rig.receive(TRADING, position("100", 180.0));
    asked_for(&mut rig);
    for (code, expected) in [
        (1_102, &["PositionsRequest"][..]),
        (
            1_101,
            &[
                "AccountDataRequest",
                "AccountDataRequest",
                "AccountSummaryRequest",
                "CancelAccountSummary",
                "CancelPnL",
                "CancelPnLSingle",
                "PnLRequest",
                "PnLSingleRequest",
                "PositionsRequest",
            ],
        ),
    ] {
        rig.notice_all(1_100, "Connectivity between IB and Trader Workstation has been lost.");
        rig.wait_ms(1_000);
        asked_for(&mut rig);
        rig.notice_all(code, "Connectivity between IB and Trader Workstation has been restored");
        rig.wait_ms(1_000);
        assert_eq!(names(&rig.peek_sent(TRADING)), expected, "{code}");
        // The comparison ends, so that the next outage begins another.
        rig.receive(TRADING, position("100", 180.0));
        for _ in 0..2 {
            rig.answer_download();
        }
        asked_for(&mut rig);
    }
}

#[test]
fn farms_and_lost_streams_concern_no_account_request() {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    for (code, text) in [
        (2_103, "Market data farm connection is broken:usfarm"),
        (2_105, "HMDS data farm connection is broken:ushmds"),
        (2_104, "Market data farm connection is OK:usfarm"),
        (2_106, "HMDS data farm connection is OK:ushmds"),
        (10_197, "No market data during competing live session"),
        (10_182, "Failed to request live updates (disconnected)."),
        (10_225, "bust event occurred"),
        (317, "Market depth data has been RESET"),
    ] {
        rig.notice_all(code, text);
    }
    rig.wait_ms(1_000);
    assert!(asked_for(&mut rig).is_empty());
}

#[test]
fn after_a_lost_socket_the_whole_account_is_asked_for_again() {
    let mut rig = ready("DU1,DU2");
    rig.sent(TRADING);
    rig.cut(TRADING);
    rig.begin_reconnect_as(TRADING, "DU1,DU2");
    let expected = [
        "AccountDataRequest",
        "AccountSummaryRequest",
        "AccountUpdatesMultiRequest",
        "AccountUpdatesMultiRequest",
        "PnLRequest",
        "PnLRequest",
        "PositionsRequest",
    ];
    assert_eq!(asked_for(&mut rig), expected);
}
