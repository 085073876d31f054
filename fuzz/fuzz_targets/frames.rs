//! Any byte stream, cut anywhere, yields the same frames and never panics.
#![no_main]

use bytes::{BufMut, BytesMut};
use ibnats::tws::frame::{FRAME_BYTES_MAX, FrameTooLong, next_frame, open, put_frame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (chunk, stream) = input;
    let whole = read(stream, stream.len().max(1));
    assert_eq!(whole, read(stream, usize::from(chunk).max(1)));

    let mut again = BytesMut::new();
    for frame in &whole.0 {
        let _ = open(frame.clone().freeze());
        put_frame(&mut again, |out| out.put_slice(frame));
    }
    assert!(stream.starts_with(&again));
});

/// The frames of a stream that arrives `chunk` bytes at a time, and the error that ended it.
fn read(stream: &[u8], chunk: usize) -> (Vec<BytesMut>, Option<FrameTooLong>) {
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    for piece in stream.chunks(chunk) {
        buffer.put_slice(piece);
        loop {
            match next_frame(&mut buffer, FRAME_BYTES_MAX) {
                Ok(Some(frame)) => frames.push(BytesMut::from(frame)),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}
