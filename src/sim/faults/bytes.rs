//! Frames and messages that no client wants to see.

use bytes::{BufMut, Bytes, BytesMut};

use super::action::Garbage;
use crate::tws::Response;
use crate::tws::frame::{FRAME_BYTES_MAX, PROTOBUF_ID_OFFSET, put_frame};
use crate::tws::message::contract::Contract;
use crate::tws::message::order::{Order, OrderState};
use crate::tws::message::order_flow::{OpenOrder, OrderStatus};

/// A message id that nobody has given away.
const UNKNOWN_ID: u32 = 9_999;
/// Message id of a tick with a price.
const TICK_PRICE_ID: u32 = 1;

/// The bytes of a kind of garbage. `number` makes noise differ.
pub(in super::super) fn garbage(kind: Garbage, number: u64) -> Bytes {
    let mut out = BytesMut::new();
    match kind {
        Garbage::UnknownId => put_frame(&mut out, |out| {
            out.put_u32(UNKNOWN_ID + PROTOBUF_ID_OFFSET);
            out.put_slice(&[8, 1]);
        }),
        Garbage::Undecodable => put_frame(&mut out, |out| {
            out.put_u32(TICK_PRICE_ID + PROTOBUF_ID_OFFSET);
            // A length-delimited field that promises more than there is.
            out.put_slice(&[0x22, 0x7F, 0x01]);
        }),
        Garbage::Text => put_frame(&mut out, |out| out.put_slice(b"\0\0\0\x042\0-1\x002104\0garbage\0")),
        Garbage::Runt => put_frame(&mut out, |out| out.put_slice(&[0, 1])),
        Garbage::Oversize => out.put_u32(FRAME_BYTES_MAX.saturating_add(1)),
        Garbage::Noise => {
            // The first byte announces a length that cannot be true, so that the end comes at once.
            out.put_u8(0xFF);
            let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            for _ in 0..63 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                out.put_u8(state.to_be_bytes()[0]);
            }
        }
    }
    out.freeze()
}

/// A message whose body was damaged on its way: the frame is whole.
pub(super) fn damaged(response: &Response) -> Bytes {
    let mut out = BytesMut::new();
    put_frame(&mut out, |out| {
        out.put_u32(response.id() + PROTOBUF_ID_OFFSET);
        out.put_slice(&[0x0A, 0x7F, 0xFF]);
    });
    out.freeze()
}

/// Messages of other sessions about orders that ended, as a gateway may send in masses at a login.
pub(in super::super) fn order_flood(count: u32) -> impl Iterator<Item = Response> {
    (0..count).map(|number| if number % 2 == 0 { ended_order(number) } else { ended_status(number) })
}

/// IB's number of an order nobody else has.
fn perm_id(number: u32) -> i64 {
    900_000_000 + i64::from(number / 2)
}

fn ended_order(number: u32) -> Response {
    let text = |text: &str| Some(text.to_owned());
    let contract = Contract {
        con_id: Some(265_598),
        symbol: text("AAPL"),
        sec_type: text("STK"),
        exchange: text("SMART"),
        currency: text("USD"),
        ..Contract::default()
    };
    let order = Order {
        action: text("BUY"),
        total_quantity: text("1"),
        order_type: text("LMT"),
        lmt_price: Some(1.0),
        perm_id: Some(perm_id(number)),
        client_id: Some(999),
        order_id: Some(0),
        ..Order::default()
    };
    let order_state = OrderState { status: text("Cancelled"), ..OrderState::default() };
    Response::OpenOrder(Box::new(OpenOrder {
        order_id: Some(0),
        contract: Some(contract),
        order: Some(order),
        order_state: Some(order_state),
    }))
}

fn ended_status(number: u32) -> Response {
    let text = |text: &str| Some(text.to_owned());
    Response::OrderStatus(Box::new(OrderStatus {
        order_id: Some(0),
        status: text("Cancelled"),
        filled: text("0"),
        remaining: text("0"),
        avg_fill_price: Some(0.0),
        perm_id: Some(perm_id(number)),
        parent_id: Some(0),
        last_fill_price: Some(0.0),
        client_id: Some(999),
        why_held: text(""),
        mkt_cap_price: Some(0.0),
    }))
}
