//! The gate against a scripted gateway: limits, the kill switch, the dead-man switch, the audit trail.

use std::sync::Arc;

use crate::{
    config::{
        Config,
        risk::{NotionalCurrency, Unmeasured},
    },
    schema::{
        ErrorCode,
        connection::LinkName,
        order::OrderKey,
        request::{
            order::{CancelOrder, PlaceOrder},
            risk::{Halt, HaltAnswer, Heartbeat, RiskState, SetLimits},
        },
        risk::{AuditEvent, Decision, Limits, Sweep},
    },
    session::{
        Answer, Ask, Event, Listing, Token,
        rig::{ACCOUNT, Rig},
    },
    tws::{
        Request, Response,
        message::{
            account::{PnL, Position},
            contract::Contract,
            market_data::TickPrice,
            order::{Order, OrderState},
            order_flow::OpenOrder,
        },
    },
};

const TRADING: LinkName = LinkName::Trading;

fn with(limits: Limits) -> Config {
    let mut config = Config::default();
    config.risk.limits = limits;
    config.risk.notional_currency = NotionalCurrency::Instrument;
    config
}

fn rig(limits: Limits) -> (Rig, Arc<Listing>) {
    let mut rig = Rig::ready_with(with(limits));
    rig.is_alive = true;
    let listing = rig.stock(265_598, "AAPL");
    (rig, listing)
}

pub(super) fn order(key: &str, more: &str) -> Box<PlaceOrder> {
    let json = format!(
        r#"{{"key":"{key}","contract":"CONID:265598","side":"buy","quantity":"100","order_type":"limit","limit_price":180.5,"wait_for":"sent"{more}}}"#
    );
    let fields: serde_json::Value = serde_json::from_str(&json).expect("a request");
    serde_json::from_value(fields).map(Box::new).expect("a request")
}

/// Why it was refused; `None` if its bytes were written.
#[track_caller]
pub(super) fn verdict(
    rig: &mut Rig,
    client: &str,
    listing: &Arc<Listing>,
    order: Box<PlaceOrder>,
) -> Option<(ErrorCode, String)> {
    let token = rig.ask_resolved(client, Ask::PlaceOrder(order), listing);
    match rig.reply(token).expect("an answer") {
        Ok(_) => None,
        Err(error) => Some((error.code, error.message)),
    }
}

#[track_caller]
fn refused(limits: Limits, more: &str, limit: &str) {
    let (mut rig, listing) = rig(limits);
    let (code, message) = verdict(&mut rig, "", &listing, order("k", more)).expect("refused");
    assert_eq!(code, ErrorCode::RejectedByRisk, "{message}");
    assert!(message.starts_with(&format!("risk.limits.{limit}:")), "{message}");
    assert!(rig.sent(TRADING).is_empty(), "something was sent");
    // The key was not used up: another order may have it.
    rig.session.core.risk.set_limits(None, Some(Limits::default())).expect("no limits");
    assert_eq!(verdict(&mut rig, "", &listing, order("k", r#","tif":"gtc""#)), None);
}

fn none() -> Limits {
    Limits::default()
}

#[test]
fn each_limit_refuses_by_its_name_and_leaves_the_key_free() {
    let rule = |text: &str| vec![text.parse().expect("a rule")];
    let of = |json: &str| serde_json::from_str::<Limits>(json).expect("limits");
    refused(Limits { read_only: Some(true), ..none() }, "", "read_only");
    refused(Limits { accounts: Some(vec!["DU9".into()]), ..none() }, "", "accounts");
    refused(Limits { instruments: Some(rule("FUT")), ..none() }, "", "instruments");
    refused(Limits { instruments: Some(rule("STK:MSFT")), ..none() }, "", "instruments");
    refused(Limits { blocked_instruments: Some(rule("CONID:265598")), ..none() }, "", "blocked_instruments");
    refused(of(r#"{"order_types":["market"]}"#), "", "order_types");
    refused(Limits { order_quantity: Some(99.5), ..none() }, "", "order_quantity");
    refused(Limits { order_notional: Some(18_049.0), ..none() }, "", "order_notional");
}

#[test]
fn an_order_within_every_limit_is_sent() {
    let limits = r#"{"read_only":false,"accounts":["DU1234567"],"instruments":["STK:AAPL"],"blocked_instruments":["FUT"],
        "order_types":["limit"],"order_quantity":100,"order_notional":18050,"open_orders":1,"orders_per_minute":1}"#;
    let mut limits: Limits = serde_json::from_str(limits).expect("limits");
    limits.accounts = Some(vec![ACCOUNT.to_owned()]);
    let (mut rig, listing) = rig(limits);
    assert_eq!(verdict(&mut rig, "", &listing, order("k", "")), None);
    assert_eq!(rig.sent(TRADING).len(), 1);
}

/// A lease on the quote, with these prices in it.
pub(super) fn quote(rig: &mut Rig, listing: &Arc<Listing>, prices: &[(i32, f64)]) {
    let ask = serde_json::from_str(r#"{"contract":"CONID:265598","streams":["quote"]}"#).expect("a request");
    rig.ask_resolved("", Ask::Subscribe(Box::new(ask)), listing);
    let asked = rig.sent(LinkName::Data).into_iter().find_map(|request| match request {
        Request::MarketDataRequest(request) => request.req_id,
        _ => None,
    });
    for (tick_type, price) in prices {
        rig.receive_data(Response::TickPrice(TickPrice {
            req_id: asked,
            tick_type: Some(*tick_type),
            price: Some(*price),
            size: Some("100".to_owned()),
            ..TickPrice::default()
        }));
    }
}

#[test]
fn a_collar_measures_on_the_side_that_costs_money() {
    let (mut rig, listing) = rig(Limits { price_collar_percent: Some(1.0), ..none() });
    let (code, message) = verdict(&mut rig, "", &listing, order("k0", "")).expect("refused");
    assert_eq!(code, ErrorCode::NotReady);
    assert!(message.contains("subscribe to its quote"), "{message}");

    quote(&mut rig, &listing, &[(1, 99.0), (2, 100.0)]);
    let mut at = |key: &str, side: &str, price: f64| {
        let mut order = order(key, "");
        order.limit_price = Some(price);
        order.side = serde_json::from_str(&format!("{side:?}")).expect("a side");
        verdict(&mut rig, "", &listing, order).map(|(code, _)| code)
    };
    assert_eq!(at("k1", "buy", 101.0), None, "exactly at the collar");
    assert_eq!(at("k2", "buy", 101.01), Some(ErrorCode::RejectedByRisk));
    assert_eq!(at("k3", "buy", 1.0), None, "far below the market costs nothing");
    assert_eq!(at("k4", "sell", 98.0), Some(ErrorCode::RejectedByRisk));
    assert_eq!(at("k5", "sell", 98.02), None);
}

#[test]
fn a_market_order_is_worth_what_it_would_meet() {
    let (mut rig, listing) = rig(Limits { order_notional: Some(10_000.0), ..none() });
    let market = |key: &str| {
        let mut order = order(key, "");
        order.order_type = serde_json::from_str(r#""market""#).expect("a type");
        order.limit_price = None;
        order
    };
    assert_eq!(verdict(&mut rig, "", &listing, market("k0")).map(|(code, _)| code), Some(ErrorCode::NotReady));
    quote(&mut rig, &listing, &[(1, 99.0), (2, 100.0)]);
    assert_eq!(verdict(&mut rig, "", &listing, market("k1")), None);
    quote(&mut rig, &listing, &[(2, 100.01)]);
    rig.session.core.risk.set_limits(None, None).expect("back");
    assert_eq!(verdict(&mut rig, "", &listing, market("k2")), None, "unless the ask has moved");
}

#[test]
fn a_client_keeps_its_own_limits_beside_the_global_ones() {
    let mut config = with(none());
    config.risk.clients.insert("alpha".into(), Limits { orders_per_minute: Some(2), ..none() });
    let mut rig = Rig::ready_with(config);
    rig.is_alive = true;
    let listing = rig.stock(265_598, "AAPL");
    for key in ["a1", "a2"] {
        assert_eq!(verdict(&mut rig, "alpha", &listing, order(key, "")), None);
    }
    let (_, message) = verdict(&mut rig, "alpha", &listing, order("a3", "")).expect("refused");
    assert!(message.starts_with("risk.clients.alpha.orders_per_minute:"), "{message}");
    assert_eq!(verdict(&mut rig, "beta", &listing, order("b1", "")), None);
    rig.wait_ms(60_001);
    assert_eq!(verdict(&mut rig, "alpha", &listing, order("a3", "")), None);
}

#[test]
fn open_orders_are_counted_for_one_contract_and_side() {
    let (mut rig, listing) = rig(Limits { open_orders: Some(2), ..none() });
    for key in ["k1", "k2"] {
        assert_eq!(verdict(&mut rig, "", &listing, order(key, "")), None);
    }
    let (_, message) = verdict(&mut rig, "", &listing, order("k3", "")).expect("refused");
    assert!(message.starts_with("risk.limits.open_orders:"), "{message}");
    let other = rig.stock(272_093, "MSFT");
    assert_eq!(verdict(&mut rig, "", &other, order("k4", "")), None);
    let mut sale = order("k5", "");
    sale.side = crate::schema::order::Side::Sell;
    assert_eq!(verdict(&mut rig, "", &listing, sale), None);
}

#[test]
fn too_many_messages_for_what_is_executed_end_the_taking_of_orders() {
    let (mut rig, listing) = rig(Limits { efficiency_ratio: Some(3.0), ..none() });
    for key in ["k1", "k2", "k3"] {
        assert_eq!(verdict(&mut rig, "", &listing, order(key, "")), None);
    }
    let (_, message) = verdict(&mut rig, "", &listing, order("k4", "")).expect("refused");
    assert!(message.starts_with("risk.limits.efficiency_ratio: it would be 4.0"), "{message}");
    rig.wait_ms(86_400_000);
    assert_eq!(verdict(&mut rig, "", &listing, order("k4", "")), None, "the next day counts anew");
}

fn pnl(rig: &mut Rig, id: Option<i32>, daily: f64) {
    rig.receive(TRADING, Response::PnL(PnL { req_id: id, daily_pnl: Some(daily), ..PnL::default() }));
}

#[test]
fn after_the_daily_loss_only_what_reduces_a_position_is_taken() {
    let mut rig = Rig::with(with(Limits { daily_loss: Some(1_000.0), ..none() }));
    rig.log_in(LinkName::Data);
    rig.log_in(TRADING);
    let id = rig.sent(TRADING).into_iter().find_map(|request| match request {
        Request::PnLRequest(request) => request.req_id,
        _ => None,
    });
    let listing = rig.stock(265_598, "AAPL");
    let sale = |key: &str, quantity: &str| {
        let mut order = order(key, "");
        order.side = crate::schema::order::Side::Sell;
        order.quantity = Some(quantity.parse().expect("a size"));
        order
    };
    let (code, message) = verdict(&mut rig, "", &listing, order("k1", "")).expect("refused");
    assert_eq!(code, ErrorCode::NotReady, "{message}");
    pnl(&mut rig, id, -999.0);
    assert_eq!(verdict(&mut rig, "", &listing, order("k1", "")), None);
    pnl(&mut rig, id, -1_000.0);
    let (code, message) = verdict(&mut rig, "", &listing, order("k2", "")).expect("refused");
    assert!(code == ErrorCode::RejectedByRisk && message.contains("daily_loss"), "{message}");
    assert!(verdict(&mut rig, "", &listing, sale("k3", "10")).is_some(), "nothing is held");
    let contract = Contract { con_id: Some(265_598), symbol: Some("AAPL".into()), ..Contract::default() };
    rig.receive(
        TRADING,
        Response::Position(Box::new(Position {
            account: Some(ACCOUNT.into()),
            contract: Some(contract),
            position: Some("50".into()),
            avg_cost: Some(1.0),
        })),
    );
    assert_eq!(verdict(&mut rig, "", &listing, sale("k4", "30")), None);
    assert!(verdict(&mut rig, "", &listing, sale("k5", "21")).is_some(), "together with k4 it would turn the position");
    assert_eq!(verdict(&mut rig, "", &listing, sale("k6", "20")), None);
}

#[test]
fn what_cannot_be_measured_may_be_allowed() {
    let mut config = with(Limits { daily_loss: Some(1.0), price_collar_percent: Some(1.0), ..none() });
    config.risk.without_quote = Unmeasured::Allow;
    config.risk.without_daily_pnl = Unmeasured::Allow;
    let mut rig = Rig::ready_with(config);
    rig.is_alive = true;
    let listing = rig.stock(265_598, "AAPL");
    assert_eq!(verdict(&mut rig, "", &listing, order("k", "")), None);
}

/// Places orders and lets the gateway report each as working.
fn working(rig: &mut Rig, listing: &Arc<Listing>, client: &str, keys: impl Iterator<Item = String>) -> Vec<i32> {
    for key in keys {
        rig.ask_resolved(client, Ask::PlaceOrder(order(&key, r#","wait_for":"working""#)), listing);
    }
    rig.wait_ms(20_000);
    let sent = rig.sent(TRADING).into_iter().filter_map(|request| match request {
        Request::PlaceOrderRequest(request) => Some(request),
        _ => None,
    });
    let mut ids = Vec::new();
    for request in sent {
        ids.extend(request.order_id);
        let order = Order {
            perm_id: Some(9_000 + i64::from(request.order_id.expect("an id"))),
            ..request.order.expect("an order")
        };
        rig.receive(
            TRADING,
            Response::OpenOrder(Box::new(OpenOrder {
                order_id: request.order_id,
                contract: request.contract,
                order: Some(order),
                order_state: Some(OrderState { status: Some("Submitted".into()), ..OrderState::default() }),
            })),
        );
    }
    ids
}

fn cancelled_ids(rig: &mut Rig) -> Vec<i32> {
    let cancels = rig.sent(TRADING).into_iter().filter_map(|request| match request {
        Request::CancelOrderRequest(request) => request.order_id,
        _ => None,
    });
    cancels.collect()
}

#[track_caller]
fn halt(rig: &mut Rig, cancel: Sweep) -> HaltAnswer {
    let token = rig.ask_as("risk", Ask::Halt(Halt { cancel, reason: Some("drill".into()) }));
    match rig.reply(token) {
        Some(Ok(Answer::Halted(answer))) => *answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_kill_switch_cancels_a_hundred_orders_oldest_first_inside_the_pacing() {
    let (mut rig, listing) = rig(none());
    let ids = working(&mut rig, &listing, "", (0..100).map(|n| format!("k{n}")));
    assert_eq!(ids.len(), 100);
    let began = rig.now();
    assert_eq!(halt(&mut rig, Sweep::Bridge).cancels, 100);
    let (_, message) = verdict(&mut rig, "", &listing, order("late", "")).expect("refused from the first instant");
    assert!(message.contains("halted by risk (drill)"), "{message}");
    let mut cancelled = cancelled_ids(&mut rig);
    let per_second = Config::default().pacing.messages_per_second as usize;
    assert!(cancelled.len() <= per_second);
    while cancelled.len() < 100 {
        rig.wait_ms(10);
        cancelled.extend(cancelled_ids(&mut rig));
        let took = rig.now().at - began.at;
        assert!(took.as_secs() < 3, "{} of 100 cancels after {took:?}", cancelled.len());
    }
    assert_eq!(cancelled, ids, "oldest first, each once");
    rig.wait_ms(5_000);
    assert_eq!(cancelled_ids(&mut rig), Vec::<i32>::new(), "each once");
}

#[test]
fn a_halt_withdraws_what_has_not_been_sent() {
    let (mut rig, listing) = rig(none());
    for n in 0..100 {
        rig.ask_resolved("", Ask::PlaceOrder(order(&format!("k{n}"), "")), &listing);
    }
    let sent = rig.sent(TRADING).len();
    let answer = halt(&mut rig, Sweep::Bridge);
    assert_eq!((answer.withdrawn as usize, answer.cancels as usize), (100 - sent, sent));
    rig.wait_ms(10_000);
    let places = |request: &Request| matches!(request, Request::PlaceOrderRequest(_));
    assert_eq!(rig.sent(TRADING).iter().filter(|request| places(request)).count(), 0, "nothing goes out after a halt");
}

#[test]
fn a_halt_without_a_link_cancels_when_the_link_is_back() {
    let (mut rig, listing) = rig(none());
    let ids = working(&mut rig, &listing, "", (0..3).map(|n| format!("k{n}")));
    rig.cut(TRADING);
    let answer = halt(&mut rig, Sweep::Bridge);
    assert_eq!((answer.cancels, answer.waits_for_link), (0, true));
    rig.forget();
    rig.reconnect(TRADING);
    rig.wait_ms(2_000);
    assert_eq!(cancelled_ids(&mut rig), ids);
}

#[test]
fn a_halt_without_cancels_leaves_orders_alone() {
    let (mut rig, listing) = rig(none());
    working(&mut rig, &listing, "", (0..3).map(|n| format!("k{n}")));
    assert_eq!(halt(&mut rig, Sweep::None).cancels, 0);
    rig.wait_ms(10_000);
    assert_eq!(cancelled_ids(&mut rig), Vec::<i32>::new());
    // One by one still works.
    let key: OrderKey = "k1".parse().expect("a key");
    rig.ask(Ask::CancelOrder(CancelOrder { key: Some(key), ..CancelOrder::default() }));
    assert_eq!(cancelled_ids(&mut rig).len(), 1);
}

#[test]
fn a_halt_outlives_a_restart_and_a_resume_ends_it() {
    let (mut rig, _) = rig(none());
    halt(&mut rig, Sweep::Bridge);
    let memory = rig.kept_risk.clone().expect("kept");
    let mut next = Rig::with(with(none()));
    next.session.restore_risk(memory);
    next.log_in(LinkName::Data);
    next.log_in(TRADING);
    let listing = next.stock(265_598, "AAPL");
    assert!(verdict(&mut next, "", &listing, order("k", "")).is_some());
    next.ask_as("risk", Ask::Resume);
    assert_eq!(verdict(&mut next, "", &listing, order("k", "")), None);
    assert_eq!(next.kept_risk.and_then(|memory| memory.halted), None);
}

#[test]
fn nobody_resumes_while_the_halt_file_exists() {
    let (mut rig, listing) = rig(none());
    let cancel = Sweep::None;
    rig.ask_as("@file", Ask::HaltFile { is_there: true, cancel });
    let token = rig.ask_as("risk", Ask::Resume);
    assert!(rig.reply(token).is_some_and(|outcome| outcome.is_err_and(|error| error.message.contains("remove it"))));
    assert!(verdict(&mut rig, "", &listing, order("k", "")).is_some());
    rig.ask_as("@file", Ask::HaltFile { is_there: false, cancel });
    assert!(verdict(&mut rig, "", &listing, order("k", "")).is_some(), "removing the file does not resume");
    rig.ask_as("risk", Ask::Resume);
    assert_eq!(verdict(&mut rig, "", &listing, order("k", "")), None);
}

fn beat(rig: &mut Rig, client: &str, ttl_s: u32) -> Token {
    rig.ask_as(client, Ask::Heartbeat(Heartbeat { ttl_s }))
}

#[test]
fn a_client_that_falls_silent_loses_its_orders_and_nobody_elses() {
    let (mut rig, listing) = rig(none());
    let alphas = working(&mut rig, &listing, "alpha", (0..3).map(|n| format!("a{n}")));
    working(&mut rig, &listing, "beta", (0..3).map(|n| format!("b{n}")));
    beat(&mut rig, "alpha", 5);
    rig.wait_ms(4_000);
    beat(&mut rig, "alpha", 5);
    rig.wait_ms(4_999);
    assert_eq!(cancelled_ids(&mut rig), Vec::<i32>::new());
    rig.wait_ms(1);
    assert_eq!(cancelled_ids(&mut rig), alphas);
    let (_, message) = verdict(&mut rig, "alpha", &listing, order("a9", "")).expect("refused");
    assert!(message.contains("was silent"), "{message}");
    assert_eq!(verdict(&mut rig, "beta", &listing, order("b9", "")), None);
    let token = beat(&mut rig, "alpha", 0);
    assert!(matches!(rig.reply(token), Some(Ok(Answer::Heartbeat(answer))) if answer.was_silent));
    assert_eq!(verdict(&mut rig, "alpha", &listing, order("a9", "")), None);
}

#[test]
fn a_heartbeat_needs_a_name_and_a_day_at_most() {
    let (mut rig, _) = rig(none());
    for (client, ttl_s) in [("", 5), ("alpha", 86_401)] {
        let token = beat(&mut rig, client, ttl_s);
        assert!(rig.reply(token).is_some_and(|outcome| outcome.is_err()), "{client:?} {ttl_s}");
    }
}

fn audits(rig: &mut Rig) -> Vec<AuditEvent> {
    let audit = |event| match event {
        Event::Audit(event) => Some(*event),
        _ => None,
    };
    rig.events().into_iter().filter_map(audit).collect()
}

#[test]
fn every_order_request_is_audited_once() {
    let (mut rig, listing) = rig(Limits { order_quantity: Some(100.0), ..none() });
    rig.events();
    verdict(&mut rig, "alpha", &listing, order("k1", ""));
    verdict(&mut rig, "alpha", &listing, order("k1", ""));
    let mut large = order("k2", "");
    large.quantity = "101".parse().ok();
    verdict(&mut rig, "", &listing, large);
    rig.ask(Ask::CancelOrder(CancelOrder { key: "k1".parse().ok(), ..CancelOrder::default() }));
    rig.wait_ms(60_000);
    let told: Vec<_> = audits(&mut rig)
        .into_iter()
        .map(|event| (event.client, event.verb, event.key.map(|key| key.to_string()), event.decision, event.code))
        .collect();
    let key = |key: &str| Some(key.to_owned());
    let alpha = || Some("alpha".to_owned());
    assert_eq!(
        told,
        [
            (alpha(), "order.place".to_owned(), key("k1"), Decision::Accepted, None),
            (alpha(), "order.place".to_owned(), key("k1"), Decision::Repeated, None),
            (None, "order.place".to_owned(), key("k2"), Decision::Refused, Some(ErrorCode::RejectedByRisk)),
            (None, "order.cancel".to_owned(), key("k1"), Decision::Accepted, None),
        ]
    );
}

#[test]
fn limits_set_by_request_apply_at_once_and_are_kept() {
    let (mut rig, listing) = rig(none());
    let limits = Limits { order_quantity: Some(50.0), ..none() };
    rig.ask_as("risk", Ask::SetLimits(Box::new(SetLimits { name: None, limits: Some(limits.clone()) })));
    assert!(verdict(&mut rig, "", &listing, order("k", "")).is_some());
    assert_eq!(rig.kept_risk.as_ref().and_then(|memory| memory.global.clone()), Some(limits));
    let token = rig.ask_as("risk", Ask::SetLimits(Box::new(SetLimits { name: None, limits: None })));
    let state: RiskState = match rig.reply(token) {
        Some(Ok(Answer::Risk(state))) => *state,
        other => panic!("{other:?}"),
    };
    assert_eq!(state.global.limits, none());
    assert_eq!(verdict(&mut rig, "", &listing, order("k", "")), None);
    let wrong = Limits { daily_loss: Some(-5.0), ..none() };
    let token = rig.ask_as("risk", Ask::SetLimits(Box::new(SetLimits { name: None, limits: Some(wrong) })));
    assert!(rig.reply(token).is_some_and(|outcome| outcome.is_err_and(|error| error.message.contains("daily_loss"))));
}
