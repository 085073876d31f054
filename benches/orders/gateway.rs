//! A gateway that notes when each order and cancel arrives, and takes every order.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use bytes::BytesMut;
use ibnats::tws::{
    Request, Response, ServerVersion,
    frame::{Envelope, FRAME_BYTES_MAX, next_frame, open},
    handshake::{put_greeting, take_sign},
    message::{
        history::{HeadTimestamp, HistoricalData, HistoricalDataEnd},
        order::OrderState,
        order_flow::{OpenOrder, OrderStatus},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::flood_gateway::{self, Counts};

/// When what arrived, by the key that orders carry.
#[derive(Clone, Default)]
pub(crate) struct Arrivals(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    keys: HashMap<i32, String>,
    placed: HashMap<String, Instant>,
    cancelled: HashMap<String, Instant>,
    history: u64,
}

impl Arrivals {
    pub(crate) fn placed(&self, key: &str) -> Option<Instant> {
        self.0.lock().expect("no panic").placed.get(key).copied()
    }

    pub(crate) fn cancelled(&self, key: &str) -> Option<Instant> {
        self.0.lock().expect("no panic").cancelled.get(key).copied()
    }

    pub(crate) fn history(&self) -> u64 {
        self.0.lock().expect("no panic").history
    }
}

/// Listens on a port of the system's choice.
pub(crate) async fn start(arrivals: Arrivals) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, arrivals.clone()));
        }
    });
    port
}

async fn serve(mut stream: TcpStream, arrivals: Arrivals) {
    let _ = stream.set_nodelay(true);
    let (mut read, mut write) = (BytesMut::new(), BytesMut::new());
    let (mut signed, mut greeted) = (false, false);
    while matches!(stream.read_buf(&mut read).await, Ok(1..)) {
        let now = Instant::now();
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
                answer(request, now, &arrivals, &mut write);
            }
        }
        if stream.write_all_buf(&mut write).await.is_err() {
            return;
        }
    }
}

fn answer(request: Request, now: Instant, arrivals: &Arrivals, out: &mut BytesMut) {
    let mut noted = arrivals.0.lock().expect("no panic");
    match request {
        Request::PlaceOrderRequest(ask) => {
            let (order_id, mut order) = (ask.order_id.expect("an id"), ask.order.expect("an order"));
            let key = order.order_ref.clone().expect("a key");
            noted.keys.insert(order_id, key.clone());
            noted.placed.insert(key, now);
            order.perm_id = Some(i64::from(order_id) + 1_000_000);
            let state = OrderState { status: Some("Submitted".to_owned()), ..OrderState::default() };
            let told = OpenOrder {
                order_id: Some(order_id),
                contract: ask.contract,
                order: Some(order),
                order_state: Some(state),
            };
            Response::OpenOrder(Box::new(told)).put(out);
        }
        Request::CancelOrderRequest(ask) => {
            let order_id = ask.order_id.expect("an id");
            if let Some(key) = noted.keys.get(&order_id).cloned() {
                noted.cancelled.insert(key, now);
            }
            let status = OrderStatus {
                order_id: Some(order_id),
                status: Some("Cancelled".to_owned()),
                filled: Some("0".to_owned()),
                perm_id: Some(i64::from(order_id) + 1_000_000),
                client_id: Some(1),
                ..OrderStatus::default()
            };
            Response::OrderStatus(Box::new(status)).put(out);
        }
        Request::HistoricalDataRequest(ask) => {
            noted.history += 1;
            Response::HistoricalData(HistoricalData { req_id: ask.req_id, ..HistoricalData::default() }).put(out);
            let end = HistoricalDataEnd { req_id: ask.req_id, ..HistoricalDataEnd::default() };
            Response::HistoricalDataEnd(end).put(out);
        }
        Request::HeadTimestampRequest(ask) => {
            let head_timestamp = Some("20000103-14:30:00".to_owned());
            Response::HeadTimestamp(HeadTimestamp { req_id: ask.req_id, head_timestamp }).put(out);
        }
        other => flood_gateway::answer(&other, &mut Vec::new(), &Counts::default(), out),
    }
}
