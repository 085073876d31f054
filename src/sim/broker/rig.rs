//! A broker on a small fixed market, for the tests of this room.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::*;
use crate::tws::message::contract::Contract;
use crate::tws::message::order::Order;
use crate::tws::message::order_flow::{CancelOrderRequest, PlaceOrderRequest};

/// 2024-11-15 10:00 in New York, a Friday.
pub(super) const NOW_MS: i64 = 1_731_682_800_000;
pub(super) const ACCOUNT: &str = "DU1234567";
pub(super) const STOCK: i32 = 1;
pub(super) const FUTURE: i32 = 2;
pub(super) const OPTION: i32 = 3;
pub(super) const EURO: i32 = 4;
pub(super) const BITCOIN: i32 = 5;

/// Contracts by number, and prices that a test sets.
#[derive(Default)]
pub(super) struct Market {
    quotes: BTreeMap<i32, BookQuote>,
}

fn contract(con_id: i32) -> Option<(Contract, f64, f64)> {
    let (symbol, sec_type, exchange, min_tick, multiplier) = match con_id {
        STOCK => ("AAPL", "STK", "SMART", 0.01, 1.0),
        FUTURE => ("ES", "FUT", "CME", 0.25, 50.0),
        OPTION => ("AAPL", "OPT", "SMART", 0.01, 100.0),
        EURO => ("EUR", "CASH", "IDEALPRO", 0.00005, 1.0),
        BITCOIN => ("BTC", "CRYPTO", "PAXOS", 0.25, 1.0),
        _ => return None,
    };
    let text = |text: &str| Some(text.to_owned());
    let contract = Contract {
        con_id: Some(con_id),
        symbol: text(symbol),
        sec_type: text(sec_type),
        exchange: text(exchange),
        currency: text("USD"),
        ..Contract::default()
    };
    Some((contract, min_tick, multiplier))
}

impl Book for Market {
    fn resolve(&self, wanted: &Contract) -> Result<Resolved, (i32, String)> {
        (STOCK..=BITCOIN)
            .filter_map(contract)
            .find(|(found, ..)| {
                found.con_id == wanted.con_id
                    || (wanted.con_id() == 0
                        && (found.symbol(), found.sec_type()) == (wanted.symbol(), wanted.sec_type()))
            })
            .map(|(contract, min_tick, multiplier)| Resolved { contract, min_tick, multiplier })
            .ok_or_else(|| (200, "No security definition has been found for the request".to_owned()))
    }

    fn quote(&self, con_id: i32) -> Option<BookQuote> {
        self.quotes.get(&con_id).cloned()
    }
}

pub(super) struct Rig {
    pub broker: Broker,
    pub market: Market,
    pub now_ms: i64,
}

impl Rig {
    pub(super) fn new() -> Self {
        let mut broker = Broker::new(vec![ACCOUNT.to_owned()], 7);
        broker.set_behaviour(Behaviour { duplicate_statuses: false, ..Behaviour::default() });
        let mut rig = Self { broker, market: Market::default(), now_ms: NOW_MS };
        rig.market.set(STOCK, 100.0, 100.02, 1_000);
        rig.market.set(FUTURE, 6_000.0, 6_000.25, 50);
        rig.market.set(OPTION, 2.5, 2.55, 30);
        rig.market.set(EURO, 1.1, 1.1001, 1_000_000);
        rig.market.set(BITCOIN, 60_000.0, 60_010.0, 2);
        rig
    }

    /// Client 1 asks.
    pub(super) fn ask(&mut self, request: &Request) -> Vec<Response> {
        self.ask_as(1, request)
            .into_iter()
            .filter_map(|(to, response)| (to == To::Client(1)).then_some(response))
            .collect()
    }

    pub(super) fn ask_as(&mut self, client_id: i32, request: &Request) -> Outgoing {
        self.broker.handle(self.now_ms, client_id, request, &self.market).expect("a broker request")
    }

    /// Client 1 places an order; the answers in short.
    pub(super) fn place(&mut self, order_id: i32, con_id: i32, order: Order) -> Vec<String> {
        let request = place(order_id, con_id, order);
        brief(&self.ask(&request))
    }

    pub(super) fn cancel(&mut self, order_id: i32) -> Vec<String> {
        brief(&self.ask(&cancel(order_id)))
    }

    /// Prices of the stock move and 100 ms pass.
    pub(super) fn stock_at(&mut self, bid: f64, ask: f64) -> Vec<String> {
        self.market.set(STOCK, bid, ask, 1_000);
        self.pass(100)
    }

    pub(super) fn pass(&mut self, ms: i64) -> Vec<String> {
        self.now_ms += ms;
        let out = self.broker.on_market(self.now_ms, &self.market);
        brief(&out.into_iter().map(|(_, response)| response).collect::<Vec<_>>())
    }

    pub(super) fn cash(&self) -> Decimal {
        self.broker.cash(ACCOUNT, "USD").expect("the account of the rig")
    }
}

impl Market {
    /// The last trade is at the bid.
    pub(super) fn set(&mut self, con_id: i32, bid: f64, ask: f64, size: i64) {
        let size = Decimal::from(size);
        let quote = BookQuote { bid: Some(bid), ask: Some(ask), last: Some(bid), bid_size: size, ask_size: size };
        self.quotes.insert(con_id, quote);
    }
}

/// `BUY 100 LMT 99.5` and the like: side, quantity, type, then limit or stop price.
pub(super) fn order(terms: &str) -> Order {
    let mut words = terms.split(' ');
    let (action, quantity, kind) = (words.next(), words.next(), words.next());
    let price = words.next().map(|price| price.parse().expect("a price in the test"));
    let is_limit = kind.is_some_and(|kind| kind == "LMT" || kind == "LOC");
    Order {
        action: action.map(str::to_owned),
        total_quantity: quantity.map(str::to_owned),
        order_type: kind.map(|kind| kind.replace('_', " ")),
        lmt_price: price.filter(|_| is_limit),
        aux_price: price.filter(|_| !is_limit),
        transmit: Some(true),
        ..Order::default()
    }
}

pub(super) fn place(order_id: i32, con_id: i32, order: Order) -> Request {
    Request::PlaceOrderRequest(Box::new(PlaceOrderRequest {
        order_id: Some(order_id),
        contract: Some(Contract { con_id: Some(con_id), ..Contract::default() }),
        order: Some(order),
        attached_orders: None,
    }))
}

pub(super) fn cancel(order_id: i32) -> Request {
    Request::CancelOrderRequest(CancelOrderRequest { order_id: Some(order_id), order_cancel: None })
}

/// Messages in one short line each.
pub(super) fn brief(responses: &[Response]) -> Vec<String> {
    responses.iter().map(line).collect()
}

fn line(response: &Response) -> String {
    match response {
        Response::OpenOrder(open) => {
            let state = open.order_state.as_ref().map(|state| state.status().to_owned()).unwrap_or_default();
            format!("open {} {state}", open.order_id())
        }
        Response::OrderStatus(status) => {
            format!("status {} {} {}/{}", status.order_id(), status.status(), status.filled(), status.remaining())
        }
        Response::ExecutionDetails(details) => {
            let execution = details.execution.clone().unwrap_or_default();
            let (side, shares, price) = (execution.side(), execution.shares(), execution.price());
            format!("exec {} {} {side} {shares} @ {price}", details.req_id(), execution.order_id())
        }
        Response::CommissionAndFeesReport(report) => format!("commission {}", report.commission_and_fees()),
        Response::ErrorMessage(error) => format!("error {} {}", error.id(), error.error_code()),
        other => other.name().to_owned(),
    }
}

pub(super) fn has(lines: &[String], wanted: &str) -> bool {
    lines.iter().any(|line| line == wanted)
}
