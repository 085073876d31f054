//! A gateway that answers just enough to be logged in to, and then floods ticks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::BytesMut;
use ibnats::tws::{
    Request, Response, ServerVersion,
    frame::{Envelope, FRAME_BYTES_MAX, next_frame, open},
    handshake::{put_greeting, take_sign},
    message::{
        account::{AccountDataEnd, AccountSummaryEnd, PositionEnd},
        contract::{Contract, ContractData, ContractDataEnd, ContractDetails},
        login::{CurrentTime, ManagedAccounts, NextValidId},
        market_data::TickPrice,
        order_flow::{CompletedOrdersEnd, ExecutionDetailsEnd, OpenOrdersEnd},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What the gateway is to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// Number of the round; a change starts it.
    pub(crate) round: u64,
    /// Ticks to send.
    pub(crate) ticks: u64,
    /// Ticks a second; 0 = as fast as the socket takes them.
    pub(crate) pace: u64,
}

/// Counts shared with the rounds.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) subscribed: AtomicU64,
    pub(crate) sent: AtomicU64,
}

/// Listens on a port of the system's choice.
pub(crate) async fn start(orders: watch::Receiver<Order>, counts: Arc<Counts>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, orders.clone(), Arc::clone(&counts)));
        }
    });
    port
}

async fn serve(mut stream: TcpStream, mut orders: watch::Receiver<Order>, counts: Arc<Counts>) {
    let (mut read, mut write) = (BytesMut::new(), BytesMut::new());
    let (mut signed, mut greeted) = (false, false);
    let mut lines: Vec<i32> = Vec::new();
    let mut round = orders.borrow().round;
    loop {
        tokio::select! {
            count = stream.read_buf(&mut read) => {
                if !matches!(count, Ok(1..)) {
                    return;
                }
                if !signed {
                    signed = take_sign(&mut read).expect("a client");
                }
                if !signed {
                    continue;
                }
                while let Some(frame) = next_frame(&mut read, FRAME_BYTES_MAX).expect("whole frames") {
                    if !greeted {
                        put_greeting(&mut write, ServerVersion::MAX, "20261121 09:00:00 UTC");
                        greeted = true;
                    } else if let Envelope::Protobuf { id, body } = open(frame) {
                        let request = Request::decode(id, body).expect("a request");
                        answer(&request, &mut lines, &counts, &mut write);
                    }
                }
                if stream.write_all_buf(&mut write).await.is_err() {
                    return;
                }
            }
            _ = orders.changed() => {
                let order = *orders.borrow_and_update();
                if order.round != round && !lines.is_empty() {
                    round = order.round;
                    flood(&mut stream, &lines, order, &counts).await;
                }
            }
        }
    }
}

/// Answers what a login and a first download ask for.
pub(crate) fn answer(request: &Request, lines: &mut Vec<i32>, counts: &Counts, out: &mut BytesMut) {
    let mut put = |response: Response| response.put(out);
    match request {
        Request::StartApiRequest(_) => {
            put(Response::ManagedAccounts(ManagedAccounts { accounts_list: Some("DU1".to_owned()) }));
            put(Response::NextValidId(NextValidId { order_id: Some(1) }));
        }
        Request::CurrentTimeRequest(_) => put(Response::CurrentTime(CurrentTime { current_time: Some(0) })),
        Request::AllOpenOrdersRequest(_) => put(Response::OpenOrdersEnd(OpenOrdersEnd {})),
        Request::CompletedOrdersRequest(_) => put(Response::CompletedOrdersEnd(CompletedOrdersEnd {})),
        Request::ExecutionRequest(ask) => {
            put(Response::ExecutionDetailsEnd(ExecutionDetailsEnd { req_id: ask.req_id }));
        }
        Request::PositionsRequest(_) => put(Response::PositionEnd(PositionEnd {})),
        Request::AccountDataRequest(ask) => {
            put(Response::AccountDataEnd(AccountDataEnd { account_name: ask.acct_code.clone() }));
        }
        Request::AccountSummaryRequest(ask) => {
            put(Response::AccountSummaryEnd(AccountSummaryEnd { req_id: ask.req_id }));
        }
        Request::ContractDataRequest(ask) => {
            let asked = ask.contract.clone().unwrap_or_default();
            // Symbols are S1, S2, ...: the number is the contract id.
            let con_id = asked.symbol.as_deref().and_then(|symbol| symbol[1..].parse().ok());
            let contract = Contract { con_id, local_symbol: asked.symbol.clone(), ..asked };
            let details = ContractDetails { min_tick: Some("0.01".to_owned()), ..ContractDetails::default() };
            let data = ContractData { req_id: ask.req_id, contract: Some(contract), contract_details: Some(details) };
            put(Response::ContractData(Box::new(data)));
            put(Response::ContractDataEnd(ContractDataEnd { req_id: ask.req_id }));
        }
        Request::MarketDataRequest(ask) => {
            lines.extend(ask.req_id);
            counts.subscribed.fetch_add(1, Ordering::Relaxed);
        }
        _ => {}
    }
}

/// Bid and ask in turn for every instrument, each with a price of its own.
async fn flood(stream: &mut TcpStream, lines: &[i32], order: Order, counts: &Counts) {
    let started = Instant::now();
    let mut out = BytesMut::with_capacity(64 * 1024);
    for number in 0..order.ticks {
        let step = usize::try_from(number).unwrap_or_default();
        let cents = 10_000 + (number * 7) % 5_000;
        let tick = TickPrice {
            req_id: Some(lines[step % lines.len()]),
            tick_type: Some(1 + i32::from((step / lines.len()) % 2 == 1)),
            #[expect(clippy::cast_precision_loss, reason = "a few thousand cents")]
            price: Some(cents as f64 / 100.0),
            // A price with its size would be two events; one tick is to be one message.
            size: None,
            attr_mask: Some(1),
        };
        Response::TickPrice(tick).put(&mut out);
        if out.len() > 32 * 1024 || (order.pace > 0 && number % 100 == 99) {
            if stream.write_all_buf(&mut out).await.is_err() {
                return;
            }
            counts.sent.store(number + 1, Ordering::Relaxed);
            if let Some(due) = ((number + 1) * 1_000_000).checked_div(order.pace) {
                let due = started + Duration::from_micros(due);
                tokio::time::sleep_until(due.into()).await;
            }
        }
    }
    let _ = stream.write_all_buf(&mut out).await;
    counts.sent.store(order.ticks, Ordering::Relaxed);
}
