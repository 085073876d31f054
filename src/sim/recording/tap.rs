//! Reads the frames out of one direction of a connection that passes by.

use bytes::BytesMut;

use super::entry::What;
use crate::tws::frame::{FRAME_BYTES_MAX, next_frame};
use crate::tws::handshake;

/// Which direction, and how far its handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Sign,
    Hello,
    Greeting,
    Requests,
    Answers,
    /// The bytes cannot be told into frames any more.
    Unreadable,
}

/// One direction of one connection.
#[derive(Debug)]
pub(super) struct Tap {
    stage: Stage,
    buffer: BytesMut,
}

impl Tap {
    pub(super) fn of_client() -> Self {
        Self { stage: Stage::Sign, buffer: BytesMut::new() }
    }

    pub(super) fn of_gateway() -> Self {
        Self { stage: Stage::Greeting, buffer: BytesMut::new() }
    }

    /// The frames that are complete with these bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<What> {
        if self.stage == Stage::Unreadable {
            return Vec::new();
        }
        self.buffer.extend_from_slice(bytes);
        let mut found = Vec::new();
        loop {
            if self.stage == Stage::Sign {
                match handshake::take_sign(&mut self.buffer) {
                    Ok(true) => self.stage = Stage::Hello,
                    Ok(false) => break,
                    Err(_) => return self.give_up(found),
                }
            }
            let frame = match next_frame(&mut self.buffer, FRAME_BYTES_MAX) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(_) => return self.give_up(found),
            };
            found.push(match self.stage {
                Stage::Hello => {
                    self.stage = Stage::Requests;
                    What::Hello(frame)
                }
                Stage::Greeting => {
                    self.stage = Stage::Answers;
                    What::Greeting(frame)
                }
                Stage::Requests => What::Request(frame),
                Stage::Answers | Stage::Sign | Stage::Unreadable => What::Answer(frame),
            });
        }
        found
    }

    fn give_up(&mut self, mut found: Vec<What>) -> Vec<What> {
        self.stage = Stage::Unreadable;
        self.buffer = BytesMut::new();
        found.push(What::Lost(1));
        found
    }
}

#[cfg(test)]
mod tests {
    use bytes::BufMut;

    use super::*;
    use crate::tws::frame::put_frame;

    #[test]
    fn frames_do_not_depend_on_how_the_bytes_arrive() {
        let mut bytes = BytesMut::from(&b"API\0"[..]);
        for body in [&b"v213..226"[..], b"\0\0\0\x47x", b"\0\0\0\x48"] {
            put_frame(&mut bytes, |out| out.put_slice(body));
        }
        let whole = Tap::of_client().take(&bytes);
        assert!(matches!(whole[..], [What::Hello(_), What::Request(_), What::Request(_)]), "{whole:?}");
        let mut tap = Tap::of_client();
        let pieces: Vec<What> = bytes.iter().flat_map(|byte| tap.take(&[*byte])).collect();
        assert_eq!(pieces, whole);
    }

    #[test]
    fn a_direction_that_makes_no_sense_is_told_as_lost_once() {
        let mut tap = Tap::of_gateway();
        assert_eq!(tap.take(&[0xFF; 8]), [What::Lost(1)]);
        assert!(tap.take(&[0; 8]).is_empty());
    }
}
