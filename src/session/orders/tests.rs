//! Orders against a scripted gateway: what it is made to say, and what was written to it.

mod broker_days;
mod codes;
mod edges;
mod families;
mod fences;
mod histories;
mod incidents;
mod journal;
mod late_cancels;
mod limits;
mod modifications;
mod restart_fence;
mod settling;

use crate::{
    schema::{
        connection::LinkName,
        order::{FillEvent, OrderEvent, OrderState},
        request::order::{OrderAnswer, PlaceOrder},
    },
    session::{
        Answer, Ask, Event, Outcome, Token,
        rig::{ACCOUNT, Rig},
    },
    tws::{
        Request, Response,
        message::{
            contract::Contract,
            order::{Order, OrderState as GatewayState},
            order_flow::{
                CommissionAndFeesReport, CompletedOrder, Execution, ExecutionDetails, OpenOrder, OrderStatus,
            },
        },
    },
};

const TRADING: LinkName = LinkName::Trading;
const PERM: i64 = 77_001;

/// A limit order for 100 shares, changed by `more`, JSON members with a leading comma.
fn ask(key: &str, more: &str) -> PlaceOrder {
    let json = format!(
        r#"{{"key":"{key}","contract":"CONID:265598","side":"buy","quantity":"100.0","order_type":"limit","limit_price":180.5{more}}}"#
    );
    serde_json::from_str(&json).expect("a request")
}

fn place(rig: &mut Rig, ask: PlaceOrder) -> Token {
    place_as(rig, "", ask)
}

fn place_as(rig: &mut Rig, client: &str, ask: PlaceOrder) -> Token {
    let listing = rig.stock(265_598, "AAPL");
    rig.ask_resolved(client, Ask::PlaceOrder(Box::new(ask)), &listing)
}

/// Orders written to the trading link since last taken: order id and key.
fn placed(rig: &mut Rig) -> Vec<(i32, String)> {
    let order = |request| match request {
        Request::PlaceOrderRequest(request) => {
            Some((request.order_id.expect("an id"), request.order.expect("an order").order_ref.expect("a key")))
        }
        _ => None,
    };
    rig.sent(TRADING).into_iter().filter_map(order).collect()
}

fn cancels(rig: &mut Rig) -> Vec<i32> {
    let order = |request| match request {
        Request::CancelOrderRequest(request) => request.order_id,
        _ => None,
    };
    rig.sent(TRADING).into_iter().filter_map(order).collect()
}

#[track_caller]
fn answered(outcome: Option<Outcome>) -> OrderAnswer {
    match outcome {
        Some(Ok(Answer::Order(answer))) => *answer,
        other => panic!("{other:?}"),
    }
}

fn gateway_order(client_id: i32, order_id: i32, perm_id: i64, order_ref: &str) -> Order {
    Order {
        client_id: Some(client_id),
        order_id: Some(order_id),
        perm_id: Some(perm_id),
        action: Some("BUY".to_owned()),
        total_quantity: Some("100".to_owned()),
        order_type: Some("LMT".to_owned()),
        lmt_price: Some(180.5),
        aux_price: Some(0.0),
        tif: Some("DAY".to_owned()),
        account: Some(ACCOUNT.to_owned()),
        order_ref: (!order_ref.is_empty()).then(|| order_ref.to_owned()),
        ..Order::default()
    }
}

fn apple() -> Contract {
    Contract {
        con_id: Some(265_598),
        symbol: Some("AAPL".to_owned()),
        sec_type: Some("STK".to_owned()),
        exchange: Some("SMART".to_owned()),
        currency: Some("USD".to_owned()),
        ..Contract::default()
    }
}

fn with_status(status: &str) -> GatewayState {
    GatewayState { status: Some(status.to_owned()), ..GatewayState::default() }
}

fn open_order(order: Order, status: &str) -> Response {
    Response::OpenOrder(Box::new(OpenOrder {
        order_id: order.order_id,
        contract: Some(apple()),
        order: Some(order),
        order_state: Some(with_status(status)),
    }))
}

/// A completed order, which comes without client and order id.
fn completed(key: &str, status: &str, filled: &str) -> Response {
    let order = Order {
        client_id: None,
        order_id: None,
        filled_quantity: Some(filled.to_owned()),
        ..gateway_order(0, 0, PERM, key)
    };
    Response::CompletedOrder(Box::new(CompletedOrder {
        contract: Some(apple()),
        order: Some(order),
        order_state: Some(with_status(status)),
    }))
}

fn status(order_id: i32, word: &str, filled: &str) -> Response {
    Response::OrderStatus(Box::new(OrderStatus {
        order_id: Some(order_id),
        status: Some(word.to_owned()),
        filled: Some(filled.to_owned()),
        avg_fill_price: Some(180.25),
        perm_id: Some(PERM),
        client_id: Some(1),
        ..OrderStatus::default()
    }))
}

fn execution(req_id: i32, order_id: i32, key: &str, exec_id: &str, shares: &str, cumulative: &str) -> Response {
    Response::ExecutionDetails(Box::new(ExecutionDetails {
        req_id: Some(req_id),
        contract: Some(apple()),
        execution: Some(Execution {
            order_id: Some(order_id),
            exec_id: Some(exec_id.to_owned()),
            time: Some("20270115 08:00:01 UTC".to_owned()),
            acct_number: Some(ACCOUNT.to_owned()),
            exchange: Some("NASDAQ".to_owned()),
            side: Some("BOT".to_owned()),
            shares: Some(shares.to_owned()),
            price: Some(180.25),
            perm_id: Some(PERM),
            client_id: Some(1),
            cum_qty: Some(cumulative.to_owned()),
            avg_price: Some(180.25),
            order_ref: Some(key.to_owned()),
            last_liquidity: Some(2),
            ..Execution::default()
        }),
    }))
}

fn commission(exec_id: &str, amount: f64) -> Response {
    Response::CommissionAndFeesReport(Box::new(CommissionAndFeesReport {
        exec_id: Some(exec_id.to_owned()),
        commission_and_fees: Some(amount),
        currency: Some("USD".to_owned()),
        realized_pnl: Some(f64::MAX),
        ..CommissionAndFeesReport::default()
    }))
}

fn told(rig: &mut Rig) -> (Vec<OrderEvent>, Vec<FillEvent>) {
    let (mut orders, mut fills) = (Vec::new(), Vec::new());
    for event in rig.events() {
        match event {
            Event::Order(event) => orders.push(*event),
            Event::Fill(event) => fills.push(*event),
            _ => {}
        }
    }
    (orders, fills)
}

fn states(rig: &mut Rig) -> Vec<OrderState> {
    told(rig).0.into_iter().map(|event| event.state).collect()
}

fn state_of(rig: &Rig, key: &str) -> Option<OrderState> {
    let key = key.parse().expect("a key");
    rig.session.orders.book.get(&key).map(|record| record.event.state)
}
