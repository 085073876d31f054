//! Risk limits where one request makes several orders, and where IB gives no number to what is traded.

use super::{families::family, *};
use crate::{
    config::{Config, risk::NotionalCurrency},
    schema::{ApiError, ErrorCode, request::order::Oca, risk::Limits},
    session::Listing,
    tws::message::contract::ComboLeg,
};

fn rig(limits: &str) -> Rig {
    let mut config = Config::default();
    config.risk.limits = serde_json::from_str::<Limits>(limits).expect("limits");
    config.risk.notional_currency = NotionalCurrency::Instrument;
    let mut rig = Rig::ready_with(config);
    rig.is_alive = true;
    rig
}

/// A group of this many orders, all of one contract and side.
fn group(count: usize) -> Ask {
    let one = |number| {
        format!(
            r#"{{"key":"o{number}","contract":"CONID:265598","side":"buy","quantity":"100","order_type":"limit","limit_price":180.5}}"#
        )
    };
    let orders: Vec<_> = (0..count).map(one).collect();
    let text = format!(r#"{{"group":"g","orders":[{}]}}"#, orders.join(","));
    Ask::Oca(Box::new(serde_json::from_str::<Oca>(&text).expect("a group")))
}

#[track_caller]
fn refused(rig: &mut Rig, token: Token, limit: &str) -> ApiError {
    let error = rig.reply(token).expect("at once").expect_err("refused");
    assert!(error.message.contains(&format!("risk.limits.{limit}:")), "{error:?}");
    assert!(placed(rig).is_empty(), "nothing is sent");
    error
}

#[test]
fn the_orders_of_a_family_count_before_the_first_of_them_is_taken() {
    for (limits, limit, fits) in [
        (r#"{"orders_per_minute":2}"#, "orders_per_minute", 2),
        (r#"{"open_orders":2}"#, "open_orders", 2),
        (r#"{"efficiency_ratio":3}"#, "efficiency_ratio", 3),
    ] {
        let mut rig = rig(limits);
        let token = family(&mut rig, group(fits + 1));
        let error = refused(&mut rig, token, limit);
        assert!(error.message.starts_with(&format!("o{fits}: ")), "the first that is too many: {error:?}");
        let token = family(&mut rig, group(fits));
        assert!(rig.reply(token).is_none(), "it is on its way");
        assert_eq!(placed(&mut rig).len(), fits, "{limit}: a group that was refused has left no trace");
    }
}

#[test]
fn orders_that_together_would_turn_a_position_do_not_reduce_it() {
    let mut rig = Rig::with({
        let mut config = Config::default();
        config.risk.limits.daily_loss = Some(1_000.0);
        config
    });
    rig.log_in(LinkName::Data);
    rig.log_in(TRADING);
    let id = rig.sent(TRADING).into_iter().find_map(|request| match request {
        Request::PnLRequest(request) => request.req_id,
        _ => None,
    });
    let pnl = crate::tws::message::account::PnL { req_id: id, daily_pnl: Some(-2_000.0), ..Default::default() };
    rig.receive(TRADING, Response::PnL(pnl));
    let position = crate::tws::message::account::Position {
        account: Some(ACCOUNT.to_owned()),
        contract: Some(apple()),
        position: Some("-150".to_owned()),
        avg_cost: Some(1.0),
    };
    rig.receive(TRADING, Response::Position(Box::new(position)));
    let token = family(&mut rig, group(2));
    let error = refused(&mut rig, token, "daily_loss");
    assert!(error.message.starts_with("o1: "), "{error:?}");
}

#[test]
fn attached_orders_meet_the_types_and_the_rate() {
    let attached =
        r#","attached":{"stop_loss":{"key":"s1","order_type":"STP"},"profit_taker":{"key":"p1","order_type":"LMT"}}"#;
    let mut rig = rig(r#"{"order_types":["limit"]}"#);
    let token = place(&mut rig, ask("k1", attached));
    let error = refused(&mut rig, token, "order_types");
    assert!(error.message.contains("STP of an attached order"), "{error:?}");
    let mut rig = self::rig(r#"{"orders_per_minute":2}"#);
    let token = place(&mut rig, ask("k1", attached));
    refused(&mut rig, token, "orders_per_minute");
    let mut rig = self::rig(r#"{"orders_per_minute":3}"#);
    place(&mut rig, ask("k1", attached));
    assert_eq!(placed(&mut rig).len(), 1);
    let token = place(&mut rig, ask("k2", ""));
    refused(&mut rig, token, "orders_per_minute");
}

#[test]
fn an_order_sized_in_money_is_as_large_as_its_price_makes_it() {
    let mut rig = rig(r#"{"order_quantity":10}"#);
    let cash = |key: &str, cash: u32| {
        let mut ask = ask(key, "");
        (ask.quantity, ask.cash_quantity) = (None, Some(f64::from(cash)));
        ask
    };
    let token = place(&mut rig, cash("k1", 1_900));
    let error = refused(&mut rig, token, "order_quantity");
    assert!(error.message.contains("10.5"), "{error:?}");
    place(&mut rig, cash("k2", 1_805));
    assert_eq!(placed(&mut rig).len(), 1);
}

#[test]
fn an_order_whose_quantity_ib_derives_cannot_be_measured() {
    for (limits, limit) in
        [(r#"{"order_quantity":10}"#, "order_quantity"), (r#"{"order_notional":10}"#, "order_notional")]
    {
        let mut rig = rig(limits);
        let mut ask = ask("k1", r#","advisor":{"group":"All","percentage":"50"}"#);
        ask.quantity = None;
        let token = place(&mut rig, ask);
        let error = refused(&mut rig, token, limit);
        assert_eq!(error.code, ErrorCode::RejectedByRisk);
    }
}

fn combo(legs: &[(i32, &str)]) -> std::sync::Arc<Listing> {
    let leg = |(con_id, action): &(i32, &str)| ComboLeg {
        con_id: Some(*con_id),
        ratio: Some(1),
        action: Some((*action).to_owned()),
        exchange: Some("SMART".to_owned()),
        ..ComboLeg::default()
    };
    let contract = Contract {
        con_id: Some(0),
        symbol: Some("AAPL".to_owned()),
        sec_type: Some("BAG".to_owned()),
        exchange: Some("SMART".to_owned()),
        currency: Some("USD".to_owned()),
        combo_legs: legs.iter().map(leg).collect(),
        ..Contract::default()
    };
    let instrument = crate::schema::Instrument::bare(0, "BAG", "AAPL", "SMART", "USD");
    Listing { slot: usize::MAX, instrument, contract }.into()
}

fn place_combo(rig: &mut Rig, key: &str, listing: &std::sync::Arc<Listing>) -> Token {
    let mut ask = ask(key, "");
    (ask.limit_price, ask.quantity) = (Some(2.0), "1".parse().ok());
    rig.ask_resolved("", Ask::PlaceOrder(Box::new(ask)), listing)
}

#[test]
fn open_orders_of_a_combo_are_counted_by_its_legs() {
    let mut rig = rig(r#"{"open_orders":1}"#);
    let (first, other) = (combo(&[(11, "BUY"), (12, "SELL")]), combo(&[(11, "BUY"), (13, "SELL")]));
    place_combo(&mut rig, "k1", &first);
    assert_eq!(placed(&mut rig).len(), 1);
    let token = place_combo(&mut rig, "k2", &first);
    refused(&mut rig, token, "open_orders");
    place_combo(&mut rig, "k3", &other);
    assert_eq!(placed(&mut rig).len(), 1, "another combo");
}

#[test]
fn a_combo_is_worth_what_the_multiplier_of_its_legs_makes_of_its_price() {
    let mut rig = rig(r#"{"order_notional":199}"#);
    let listing = combo(&[(11, "BUY"), (12, "SELL")]);
    let token = place_combo(&mut rig, "k1", &listing);
    let error = refused(&mut rig, token, "order_notional");
    assert!(error.code == ErrorCode::NotReady && error.message.contains("multiplier of a leg"), "{error:?}");
    rig.session.core.learn_multiplier(11, 100.0);
    rig.session.core.learn_multiplier(12, 100.0);
    let token = place_combo(&mut rig, "k1", &listing);
    let error = refused(&mut rig, token, "order_notional");
    assert!(error.message.contains("200.00 USD is above 199"), "{error:?}");
    rig.session.core.learn_multiplier(11, 50.0);
    rig.session.core.learn_multiplier(12, 50.0);
    place_combo(&mut rig, "k1", &listing);
    assert_eq!(placed(&mut rig).len(), 1);
}
