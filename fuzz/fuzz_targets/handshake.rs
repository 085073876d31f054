//! Any first bytes of either side may be refused, never panic.
#![no_main]

use bytes::{Bytes, BytesMut};
use ibnats::tws::handshake::{put_greeting, read_greeting, read_hello, take_sign};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = take_sign(&mut BytesMut::from(bytes));
    let _ = read_hello(bytes);
    if let Some(Ok(greeting)) = read_greeting(&Bytes::copy_from_slice(bytes)) {
        let mut frame = BytesMut::new();
        put_greeting(&mut frame, greeting.version, &greeting.connection_time);
        assert_eq!(read_greeting(&frame.split_off(4).freeze()), Some(Ok(greeting)));
    }
});
