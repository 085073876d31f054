//! Account, positions and profit, as a client sees them.

use super::rig::*;
use super::*;
use crate::tws::message::account::*;
use crate::tws::message::order_flow::ExerciseOptionsRequest;

fn values(responses: &[Response]) -> BTreeMap<(String, String), String> {
    responses
        .iter()
        .filter_map(|response| match response {
            Response::AccountValue(value) => {
                Some(((value.key().into(), value.currency().into()), value.value().into()))
            }
            Response::AccountSummary(value) => {
                Some(((value.tag().into(), value.currency().into()), value.value().into()))
            }
            Response::AccountUpdateMulti(value) => {
                Some(((value.key().into(), value.currency().into()), value.value().into()))
            }
            _ => None,
        })
        .collect()
}

fn value(responses: &[Response], key: &str, currency: &str) -> Option<String> {
    values(responses).get(&(key.to_owned(), currency.to_owned())).cloned()
}

fn market(rig: &mut Rig, ms: i64) -> Vec<Response> {
    rig.now_ms += ms;
    rig.broker.on_market(rig.now_ms, &rig.market).into_iter().map(|(_, response)| response).collect()
}

fn updates(subscribe: bool, account: &str) -> Request {
    Request::AccountDataRequest(AccountDataRequest { subscribe: Some(subscribe), acct_code: Some(account.to_owned()) })
}

fn summary(req_id: i32, tags: &str) -> Request {
    Request::AccountSummaryRequest(AccountSummaryRequest {
        req_id: Some(req_id),
        group: Some("All".to_owned()),
        tags: Some(tags.to_owned()),
    })
}

#[test]
fn positions_come_all_then_end_then_changes() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, order("BUY 100 MKT"));
    let list = rig.ask(&Request::PositionsRequest(PositionsRequest {}));
    let [Response::Position(position), Response::PositionEnd(_)] = &list[..] else { panic!("{list:?}") };
    assert_eq!((position.position(), position.avg_cost()), ("100", 100.03));
    let sold = rig.place(2, STOCK, order("SELL 100 MKT"));
    assert_eq!(sold.iter().filter(|line| *line == "Position").count(), 1);
    assert!(!rig.pass(200_000).contains(&"Position".to_owned()), "a closed position is told once");
    let list = rig.ask(&Request::PositionsRequest(PositionsRequest {}));
    assert_eq!(brief(&list), ["PositionEnd"]);
    rig.ask(&Request::CancelPositions(CancelPositions {}));
    assert!(!rig.place(3, STOCK, order("BUY 100 MKT")).contains(&"Position".to_owned()));
}

#[test]
fn positions_multi_ends_with_its_own_request_id() {
    let mut rig = Rig::new();
    let ask = |account: &str| {
        let account = Some(account.to_owned());
        Request::PositionsMultiRequest(PositionsMultiRequest { req_id: Some(5), account, model_code: None })
    };
    assert_eq!(brief(&rig.ask(&ask(ACCOUNT))), ["PositionMultiEnd"]);
    assert!(rig.place(1, STOCK, order("BUY 1 MKT")).contains(&"PositionMulti".to_owned()));
    assert_eq!(brief(&rig.ask(&ask("DU9"))), ["error 5 321"]);
}

#[test]
fn a_fresh_paper_account_holds_250000_dollars() {
    let mut rig = Rig::new();
    let told = rig.ask(&updates(true, ""));
    for (key, currency, expected) in [
        ("NetLiquidation", "USD", "250000.00"),
        ("TotalCashValue", "USD", "250000.00"),
        ("AvailableFunds", "USD", "250000.00"),
        ("BuyingPower", "USD", "1000000.00"),
        ("InitMarginReq", "USD", "0.00"),
        ("AccountReady", "", "true"),
        ("AccountCode", "", ACCOUNT),
        ("UnrealizedPnL", "BASE", "0.00"),
        ("CashBalance", "USD", "250000.00"),
    ] {
        assert_eq!(value(&told, key, currency).as_deref(), Some(expected), "{key}");
    }
    assert_eq!(brief(&told[told.len() - 2..]), ["AccountUpdateTime", "AccountDataEnd"]);
}

#[test]
fn account_updates_follow_fills_and_the_clock() {
    let mut rig = Rig::new();
    rig.ask(&updates(true, ACCOUNT));
    let told = rig.ask(&place(1, STOCK, order("BUY 100 MKT")));
    assert_eq!(value(&told, "TotalCashValue", "USD").as_deref(), Some("239997.00"));
    let portfolio = told.iter().find_map(|response| match response {
        Response::PortfolioValue(value) => Some(value),
        _ => None,
    });
    let portfolio = portfolio.expect("a portfolio value");
    assert_eq!((portfolio.position(), portfolio.market_value(), portfolio.average_cost()), ("100", 10_000.0, 100.03));
    assert_eq!(portfolio.unrealized_pnl, Some(-3.0));

    rig.market.set(STOCK, 110.0, 110.02, 1_000);
    assert!(market(&mut rig, 179_999).is_empty(), "prices alone wait for the three minutes");
    let told = market(&mut rig, 1);
    assert_eq!(value(&told, "UnrealizedPnL", "USD").as_deref(), Some("997.00"));
    assert_eq!(value(&told, "TotalCashValue", "USD"), None, "what has not changed is not repeated");
    rig.ask(&updates(false, ""));
    assert!(market(&mut rig, 400_000).is_empty());
}

#[test]
fn account_updates_serve_one_account_at_a_time() {
    let accounts = vec!["DU1".to_owned(), "DU2".to_owned()];
    let mut rig = Rig { broker: Broker::new(accounts, 1), ..Rig::new() };
    rig.ask(&updates(true, "DU1"));
    assert_eq!(brief(&rig.ask(&updates(true, "DU2")))[0], "error -1 2100");
    let refused: Vec<_> = rig.ask_as(2, &updates(true, "DU1")).into_iter().map(|(_, response)| response).collect();
    assert_eq!(brief(&refused), ["error -1 2101"]);
    assert_eq!(brief(&rig.ask(&updates(true, "DU3"))), ["error -1 321"]);
    assert_eq!(rig.place(1, STOCK, order("BUY 1 MKT")), ["error 1 435"]);
}

#[test]
fn a_summary_has_the_tags_that_were_asked_for() {
    let mut rig = Rig::new();
    let told = rig.ask(&summary(1, "NetLiquidation,AccountType, Nonsense"));
    assert_eq!(values(&told).len(), 2);
    assert_eq!(value(&told, "NetLiquidation", "USD").as_deref(), Some("250000.00"));
    assert_eq!(brief(&told).last().map(String::as_str), Some("AccountSummaryEnd"));
    let all = values(&rig.ask(&summary(2, "$LEDGER:ALL"))).len();
    assert_eq!(brief(&rig.ask(&summary(3, "NetLiquidation"))), ["error 3 322"], "two at a time");
    rig.ask(&Request::CancelAccountSummary(CancelAccountSummary { req_id: Some(2) }));
    let base = values(&rig.ask(&summary(3, "$LEDGER"))).len();
    assert_eq!(all, 2 * base);
    rig.broker.on_disconnect(1);
    assert_eq!(values(&rig.ask(&summary(4, "$LEDGER:USD"))).len(), base);
}

#[test]
fn updates_multi_can_be_kept_to_the_ledger() {
    let mut rig = Rig::new();
    let ask = |ledger_and_nlv| {
        Request::AccountUpdatesMultiRequest(AccountUpdatesMultiRequest {
            req_id: Some(4),
            account: Some(ACCOUNT.to_owned()),
            model_code: None,
            ledger_and_nlv: Some(ledger_and_nlv),
        })
    };
    let whole = rig.ask(&ask(false));
    let brief_one = rig.ask(&ask(true));
    assert!(value(&whole, "BuyingPower", "USD").is_some() && value(&brief_one, "BuyingPower", "USD").is_none());
    assert!(value(&brief_one, "NetLiquidation", "USD").is_some());
    assert_eq!(brief(&brief_one).last().map(String::as_str), Some("AccountUpdateMultiEnd"));
}

#[test]
fn foreign_cash_is_valued_at_its_rate() {
    let mut rig = Rig::new();
    rig.place(1, EURO, order("BUY 10000 MKT"));
    let told = rig.ask(&summary(1, "$LEDGER:ALL,NetLiquidation"));
    assert_eq!(value(&told, "CashBalance", "EUR").as_deref(), Some("10000.00"));
    assert_eq!(value(&told, "ExchangeRate", "EUR").as_deref(), Some("1.1000000"));
    assert_eq!(value(&told, "NetLiquidation", "USD").as_deref(), Some("249997.00"));
}

fn pnl_single(con_id: i32) -> Request {
    Request::PnLSingleRequest(PnLSingleRequest {
        req_id: Some(6),
        account: Some(ACCOUNT.to_owned()),
        model_code: None,
        con_id: Some(con_id),
    })
}

#[test]
fn profit_is_told_at_most_once_a_second() {
    let mut rig = Rig::new();
    let ask = PnLRequest { req_id: Some(5), account: Some(ACCOUNT.to_owned()), model_code: None };
    let zero = PnL { req_id: Some(5), daily_pnl: Some(0.0), unrealized_pnl: Some(0.0), realized_pnl: Some(0.0) };
    assert_eq!(rig.ask(&Request::PnLRequest(ask)), [Response::PnL(zero)]);
    rig.place(1, STOCK, order("BUY 100 MKT"));
    assert!(market(&mut rig, 999).is_empty());
    let told = market(&mut rig, 1);
    let [Response::PnL(pnl)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((pnl.daily_pnl(), pnl.unrealized_pnl(), pnl.realized_pnl()), (-3.0, -3.0, 0.0));
}

#[test]
fn profit_of_one_contract_is_unset_without_position_and_silent_without_contract() {
    let mut rig = Rig::new();
    assert!(rig.ask(&pnl_single(99)).is_empty());
    let told = rig.ask(&pnl_single(STOCK));
    let [Response::PnLSingle(pnl)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((pnl.position(), pnl.value()), ("0", f64::MAX));
    rig.place(1, STOCK, order("BUY 100 MKT"));
    rig.place(2, STOCK, order("SELL 50 MKT"));
    let told = market(&mut rig, 1000);
    let [Response::PnLSingle(pnl)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((pnl.position(), pnl.value(), pnl.realized_pnl(), pnl.unrealized_pnl()), ("50", 5_000.0, -2.5, -1.5));
}

#[test]
fn a_new_day_begins_with_no_profit() {
    let mut rig = Rig::new();
    rig.place(1, STOCK, order("BUY 100 MKT"));
    rig.place(2, STOCK, order("SELL 50 MKT"));
    market(&mut rig, 24 * 60 * 60 * 1000);
    rig.market.set(STOCK, 101.0, 101.02, 1_000);
    let told = rig.ask(&pnl_single(STOCK));
    let [Response::PnLSingle(pnl)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((pnl.daily_pnl(), pnl.realized_pnl(), pnl.unrealized_pnl()), (50.0, 0.0, 48.5));
}

#[test]
fn a_plain_account_has_no_advisor_data() {
    let mut rig = Rig::new();
    assert_eq!(brief(&rig.ask(&Request::FARequest(FARequest { fa_data_type: Some(1) }))), ["error -1 344"]);
    let replace = FAReplace { req_id: Some(3), ..FAReplace::default() };
    assert_eq!(brief(&rig.ask(&Request::FAReplace(replace))), ["error 3 344"]);
    assert_eq!(brief(&rig.ask(&Request::FamilyCodesRequest(FamilyCodesRequest {}))), ["FamilyCodes"]);
    let exercise = ExerciseOptionsRequest { order_id: Some(8), ..ExerciseOptionsRequest::default() };
    assert_eq!(brief(&rig.ask(&Request::ExerciseOptionsRequest(Box::new(exercise)))), ["error 8 200"]);
}

const OTHER: &str = "DU7654321";

fn advisor() -> Rig {
    let mut broker = Broker::new(vec![ACCOUNT.to_owned(), OTHER.to_owned()], 1);
    broker.set_advisor(vec![("Growth".to_owned(), vec![OTHER.to_owned()])], &[format!("{ACCOUNT}/Tech")]);
    Rig { broker, ..Rig::new() }
}

#[test]
fn a_group_names_its_accounts() {
    let mut rig = advisor();
    let ask = AccountSummaryRequest {
        req_id: Some(4),
        group: Some("Growth".to_owned()),
        tags: Some("NetLiquidation".to_owned()),
    };
    let told = rig.ask(&Request::AccountSummaryRequest(ask.clone()));
    let [Response::AccountSummary(row), Response::AccountSummaryEnd(_)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(row.account(), OTHER);
    let unknown = AccountSummaryRequest { group: Some("Value".to_owned()), ..ask };
    assert_eq!(brief(&rig.ask(&Request::AccountSummaryRequest(unknown))), ["error 4 321"]);
    assert_eq!(brief(&rig.ask(&Request::FARequest(FARequest { fa_data_type: Some(1) }))), ["ReceiveFA"]);
}

#[test]
fn a_model_holds_its_own_part_of_the_account() {
    let mut rig = advisor();
    let mut of_model = order("BUY 100 MKT");
    of_model.model_code = Some("Tech".to_owned());
    of_model.account = Some(ACCOUNT.to_owned());
    rig.place(1, STOCK, of_model);
    let mut whole = order("BUY 5 MKT");
    whole.account = Some(ACCOUNT.to_owned());
    rig.place(2, STOCK, whole);
    let mut ask = |model: &str| {
        let (account, model_code) = (Some(ACCOUNT.to_owned()), Some(model.to_owned()));
        rig.ask(&Request::PositionsMultiRequest(PositionsMultiRequest { req_id: Some(5), account, model_code }))
    };
    let told = ask("Tech");
    let Response::PositionMulti(position) = &told[0] else { panic!("{told:?}") };
    assert_eq!((position.position(), position.model_code()), ("100", "Tech"));
    let told = ask("");
    let Response::PositionMulti(position) = &told[0] else { panic!("{told:?}") };
    assert_eq!((position.position(), position.model_code.as_deref()), ("105", None));
    assert_eq!(brief(&ask("Value")), ["error 5 321"]);
}

#[test]
fn figures_of_an_account_that_is_reset_are_wrong_until_it_is_ready() {
    let mut rig = Rig::new();
    rig.ask(&updates(true, ACCOUNT));
    rig.broker.reset_account(ACCOUNT, true);
    let told = market(&mut rig, 1_000);
    assert_eq!(value(&told, "AccountReady", "").as_deref(), Some("false"));
    assert_eq!(value(&told, "NetLiquidation", "USD").as_deref(), Some("0.00"));
    rig.broker.reset_account(ACCOUNT, false);
    let told = market(&mut rig, 1_000);
    assert_eq!(value(&told, "NetLiquidation", "USD").as_deref(), Some("250000.00"));
}

#[test]
fn fifty_one_accounts_are_too_many_for_one_request() {
    let accounts = (0..51).map(|number| format!("DU{number}")).collect();
    let mut rig = Rig { broker: Broker::new(accounts, 1), ..Rig::new() };
    assert_eq!(brief(&rig.ask(&Request::PositionsRequest(PositionsRequest {}))), ["error -1 10322"]);
    assert_eq!(brief(&rig.ask(&summary(3, "NetLiquidation"))), ["error 3 10322"]);
}
