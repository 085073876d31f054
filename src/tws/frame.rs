//! Frames: a 4-byte big-endian length, then that many bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

/// Longest frame body either side accepts, in bytes (16 MiB - 1, the official client's bound).
pub const FRAME_BYTES_MAX: u32 = 0x00FF_FFFF;

/// Added to a message id on the wire when the body is protobuf.
pub const PROTOBUF_ID_OFFSET: u32 = 200;

/// A length prefix that cannot be true. The stream cannot be resynchronised: close the connection.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("frame of {len} bytes announced, at most {len_max} are accepted")]
pub struct FrameTooLong {
    /// Announced body length in bytes.
    pub len: u32,
    /// Accepted body length in bytes.
    pub len_max: u32,
}

/// Cuts the next frame's body out of a read buffer. `Ok(None)` means "read more bytes".
///
/// # Errors
///
/// [`FrameTooLong`] if the announced length is above `len_max` bytes.
pub fn next_frame(buffer: &mut BytesMut, len_max: u32) -> Result<Option<Bytes>, FrameTooLong> {
    let Some(prefix) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let len = u32::from_be_bytes(*prefix);
    if len > len_max {
        return Err(FrameTooLong { len, len_max });
    }
    let end = 4 + len as usize;
    if buffer.len() < end {
        // A hostile length must not make us reserve 16 MiB up front.
        buffer.reserve((end - buffer.len()).min(64 * 1024));
        return Ok(None);
    }
    buffer.advance(4);
    Ok(Some(buffer.split_to(len as usize).freeze()))
}

/// Appends a frame whose body is written by `body`; the length is filled in afterwards.
pub fn put_frame(buffer: &mut BytesMut, body: impl FnOnce(&mut BytesMut)) {
    let start = buffer.len();
    buffer.put_u32(0);
    body(buffer);
    let len = u32::try_from(buffer.len() - start - 4).unwrap_or(u32::MAX);
    if let Some(prefix) = buffer.get_mut(start..start + 4) {
        prefix.copy_from_slice(&len.to_be_bytes());
    }
}

/// How a frame after the handshake is marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// A protobuf message of this id.
    Protobuf {
        /// Message id as in IB's tables, without the wire offset.
        id: u32,
        /// The serialized message.
        body: Bytes,
    },
    /// A NUL-separated text message. None of the usual traffic uses it from server version 213 on.
    Text {
        /// Message id as in IB's tables.
        id: u32,
        /// NUL-terminated fields.
        body: Bytes,
    },
    /// Too short to carry an id.
    Runt(Bytes),
}

/// Reads the message id of a frame body.
pub fn open(mut frame: Bytes) -> Envelope {
    if frame.len() < 4 {
        return Envelope::Runt(frame);
    }
    let id = frame.get_u32();
    match id.checked_sub(PROTOBUF_ID_OFFSET) {
        Some(id) if id > 0 => Envelope::Protobuf { id, body: frame },
        _ => Envelope::Text { id, body: frame },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any split of the byte stream yields the same frames.
        #[test]
        fn frames_do_not_depend_on_read_boundaries(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..8),
            chunk in 1_usize..32,
        ) {
            let mut stream = BytesMut::new();
            for body in &bodies {
                put_frame(&mut stream, |out| out.put_slice(body));
            }
            let mut buffer = BytesMut::new();
            let mut seen = Vec::new();
            for piece in stream.chunks(chunk) {
                buffer.put_slice(piece);
                while let Some(frame) = next_frame(&mut buffer, FRAME_BYTES_MAX).expect("bounded lengths") {
                    seen.push(frame.to_vec());
                }
            }
            prop_assert_eq!(seen, bodies);
            prop_assert!(buffer.is_empty());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>, len_max in 0_u32..64) {
            let _ = open(Bytes::from(bytes.clone()));
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(frame)) = next_frame(&mut buffer, len_max) {
                prop_assert!(frame.len() <= len_max as usize);
            }
        }
    }

    #[test]
    fn an_absurd_length_is_refused_before_its_body_arrives() {
        let mut buffer = BytesMut::from(&[0x01, 0, 0, 0][..]);
        assert_eq!(
            next_frame(&mut buffer, FRAME_BYTES_MAX),
            Err(FrameTooLong { len: 0x0100_0000, len_max: FRAME_BYTES_MAX })
        );
    }

    #[test]
    fn the_id_tells_protobuf_from_text() {
        assert_eq!(
            open(Bytes::from_static(&[0, 0, 0, 201, 8])),
            Envelope::Protobuf { id: 1, body: Bytes::from_static(&[8]) }
        );
        assert_eq!(
            open(Bytes::from_static(&[0, 0, 0, 4, 0x34])),
            Envelope::Text { id: 4, body: Bytes::from_static(b"4") }
        );
        assert_eq!(open(Bytes::from_static(&[0, 0, 0])), Envelope::Runt(Bytes::from_static(&[0, 0, 0])));
    }
}
