//! Request frames as the official client writes them.

use bytes::{Bytes, BytesMut};
use ibnats::tws::frame::{Envelope, open};
use ibnats::tws::{Request, unknown_fields};

use crate::{orders, requests, rows, text};

#[test]
fn every_request_written_by_hand_is_the_official_clients_frame_byte_for_byte() {
    let rows = rows("frame");
    assert_eq!(rows.len(), 96);
    for row in &rows {
        let call = text(row, "call");
        let request = match call.strip_prefix("placeOrder ") {
            Some(kind) => orders::place_order(kind),
            None => requests::request(call),
        };
        let mut frame = BytesMut::new();
        request.put(&mut frame);
        let (length, body) = frame.split_at(4);
        assert_eq!(hex::encode(body), text(row, "hex"), "{call}");
        assert_eq!(length, u32::try_from(body.len()).expect("a short frame").to_be_bytes(), "{call}");
    }
}

#[test]
fn the_official_clients_frames_decode_to_the_requests_written_by_hand() {
    for row in rows("frame") {
        let call = text(&row, "call");
        let frame = Bytes::from(hex::decode(text(&row, "hex")).expect("hex"));
        let Envelope::Protobuf { id, body } = open(frame) else { panic!("{call} is not protobuf") };
        assert_eq!(u64::from(id) + 200, row["message_id"], "{call}");
        let request = Request::decode(id, body.clone()).expect(call);
        let expected = match call.strip_prefix("placeOrder ") {
            Some(kind) => orders::place_order(kind),
            None => requests::request(call),
        };
        assert_eq!(request, expected, "{call}");
        assert!(request.is_exact(body.len()), "{call}");
        assert_eq!(unknown_fields(&body, request.fields()), Vec::<Vec<u32>>::new(), "{call}");
    }
}
