//! Any body may be refused, never panic; what is accepted survives its own encoding.
#![no_main]

use bytes::{Bytes, BytesMut};
use ibnats::tws::frame::{Envelope, FRAME_BYTES_MAX, next_frame, open};
use ibnats::tws::{Response, unknown_fields};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (id, body) = input;
    let Ok(message) = Response::decode(u32::from(id), Bytes::copy_from_slice(body)) else { return };
    let _ = (message.is_exact(body.len()), unknown_fields(body, message.fields()));

    let mut buffer = BytesMut::new();
    message.put(&mut buffer);
    let frame = next_frame(&mut buffer, FRAME_BYTES_MAX).expect("a short frame").expect("a whole frame");
    let Envelope::Protobuf { id, body } = open(frame) else { panic!("not protobuf") };
    assert!(message.is_exact(body.len()));
    assert!(unknown_fields(&body, message.fields()).is_empty());
    let again = Response::decode(id, body).expect("our own encoding");
    // By their dumps: NaN is not equal to itself.
    assert_eq!(again.to_json(), message.to_json());
});
