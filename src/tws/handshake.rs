//! The handshake before the first message: version range out, chosen version back.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::ServerVersion;
use super::frame::put_frame;

/// The four bytes a client sends before its first frame.
pub const API_SIGN: [u8; 4] = *b"API\0";

/// Longest accepted hello or greeting, in bytes. Real ones are below 100.
pub const HELLO_BYTES_MAX: u32 = 1024;

/// Appends the client's hello: the sign, then a frame with the versions from `oldest` to the newest
/// we know. [`ServerVersion::MIN`] is the oldest we speak; an older one only learns what is there.
pub fn put_hello(buffer: &mut BytesMut, oldest: ServerVersion) {
    buffer.put_slice(&API_SIGN);
    put_frame(buffer, |out| {
        out.put_slice(format!("v{oldest}..{}", ServerVersion::MAX).as_bytes());
    });
}

/// What a client offers in its hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Oldest version the client speaks.
    pub min: ServerVersion,
    /// Newest version the client speaks.
    pub max: ServerVersion,
    /// Connect options after the range, if any.
    pub options: String,
}

/// A first frame that is not what the handshake allows. Close the connection.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum HandshakeError {
    /// The first four bytes are not `API\0`.
    #[error("the first bytes are not a TWS API greeting")]
    NotApi,
    /// The hello holds no `v<min>..<max>`.
    #[error("no version range in {text:?}")]
    NoRange {
        /// What was sent instead, bounded.
        text: String,
    },
    /// The greeting's first field is not a version number.
    #[error("no server version in {text:?}")]
    NoVersion {
        /// What was sent instead, bounded.
        text: String,
    },
    /// The gateway is older than the protocol we speak.
    #[error(
        "the gateway speaks server version {found}, at least {} is needed: install TWS or IB Gateway 10.40 or newer",
        ServerVersion::MIN
    )]
    TooOld {
        /// The gateway's version.
        found: ServerVersion,
    },
    /// The gateway answered with a version that was not offered.
    #[error(
        "the gateway chose server version {found}, only {}..{} were offered",
        ServerVersion::MIN,
        ServerVersion::MAX
    )]
    NotOffered {
        /// The gateway's version.
        found: ServerVersion,
    },
}

/// Takes the `API\0` sign off the front of a buffer. `Ok(false)` means "read more bytes".
pub fn take_sign(buffer: &mut BytesMut) -> Result<bool, HandshakeError> {
    let seen = buffer.len().min(API_SIGN.len());
    if buffer.get(..seen) != API_SIGN.get(..seen) {
        return Err(HandshakeError::NotApi);
    }
    if seen < API_SIGN.len() {
        return Ok(false);
    }
    buffer.advance(seen);
    Ok(true)
}

/// Reads the body of the hello frame, as a gateway does.
pub fn read_hello(body: &[u8]) -> Result<Hello, HandshakeError> {
    let text = bounded_text(body);
    let no_range = || HandshakeError::NoRange { text: text.clone() };
    let (range, options) = text.split_once(' ').unwrap_or((&text, ""));
    let range = range.trim_end_matches('\0').strip_prefix('v').ok_or_else(no_range)?;
    let (min, max) = range.split_once("..").unwrap_or((range, range));
    let version = |digits: &str| digits.parse().map(ServerVersion).map_err(|_| no_range());
    Ok(Hello { min: version(min)?, max: version(max)?, options: options.to_owned() })
}

/// Appends the gateway's answer to a hello: chosen version and the time of connection.
pub fn put_greeting(buffer: &mut BytesMut, version: ServerVersion, connection_time: &str) {
    put_frame(buffer, |out| {
        out.put_slice(format!("{version}\0{connection_time}\0").as_bytes());
    });
}

/// The gateway's answer to a hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The version both sides use from here on.
    pub version: ServerVersion,
    /// The gateway host's local time with its own zone name, as sent; for display only.
    pub connection_time: String,
}

/// Reads the first frame from a gateway. `None` if it is not a greeting (two fields): a gateway may
/// send another frame first, which is to be skipped.
pub fn read_greeting(body: &Bytes) -> Option<Result<Greeting, HandshakeError>> {
    let text = String::from_utf8_lossy(body);
    let fields: Vec<&str> = text.strip_suffix('\0').unwrap_or(&text).split('\0').collect();
    let [version, connection_time] = fields[..] else {
        return None;
    };
    Some(match version.parse() {
        Ok(number) => check_version(ServerVersion(number), connection_time),
        Err(_) => Err(HandshakeError::NoVersion { text: bounded_text(body) }),
    })
}

fn check_version(version: ServerVersion, connection_time: &str) -> Result<Greeting, HandshakeError> {
    if version < ServerVersion::MIN {
        Err(HandshakeError::TooOld { found: version })
    } else if version > ServerVersion::MAX {
        Err(HandshakeError::NotOffered { found: version })
    } else {
        Ok(Greeting { version, connection_time: connection_time.to_owned() })
    }
}

/// Peer bytes made fit for an error message.
fn bounded_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..80).unwrap_or(bytes)).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_peer_is_too_strange(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..120),
                "v?[0-9]{0,12}(\\.\\.)?[0-9]{0,12}[ \\x00]?.{0,90}".prop_map(String::into_bytes),
            ],
        ) {
            let _ = take_sign(&mut BytesMut::from(&bytes[..]));
            let _ = read_hello(&bytes);
            let _ = read_greeting(&Bytes::from(bytes));
        }

        #[test]
        fn a_greeting_is_read_as_it_was_written(version in 213_u32..=226, time in "[ -~]{0,40}") {
            let mut frame = BytesMut::new();
            put_greeting(&mut frame, ServerVersion(version), &time);
            let greeting = read_greeting(&frame.split_off(4).freeze()).expect("two fields");
            let expected = Greeting { version: ServerVersion(version), connection_time: time };
            prop_assert_eq!(greeting, Ok(expected));
        }
    }

    #[test]
    fn the_hello_is_the_sign_and_one_frame() {
        let mut buffer = BytesMut::new();
        put_hello(&mut buffer, ServerVersion::MIN);
        assert_eq!(&buffer[..], b"API\0\x00\x00\x00\x09v213..226");
    }

    #[test]
    fn a_hello_may_carry_options() {
        let hello = read_hello(b"v100..226 +PACEAPI").expect("a hello");
        assert_eq!((hello.min, hello.max), (ServerVersion(100), ServerVersion(226)));
        assert_eq!(hello.options, "+PACEAPI");
    }

    #[test]
    fn a_web_browser_is_told_apart_from_a_client() {
        assert_eq!(take_sign(&mut BytesMut::from(&b"GET "[..])), Err(HandshakeError::NotApi));
        assert_eq!(take_sign(&mut BytesMut::from(&b"AP"[..])), Ok(false));
    }

    #[test]
    fn any_zone_name_is_accepted() {
        let body = Bytes::from_static(b"222\x0020260121 10:15:30 \xd6\xd0\xb9\xfa\0");
        assert_eq!(read_greeting(&body).expect("two fields").expect("a version").version, ServerVersion(222));
    }

    #[test]
    fn an_older_gateway_is_named_with_what_to_install() {
        let body = Bytes::from_static(b"178\x0020260121 10:15:30 EST\0");
        let error = read_greeting(&body).expect("two fields").expect_err("too old").to_string();
        assert!(error.contains("178") && error.contains("10.40"), "{error}");
    }

    #[test]
    fn other_frames_before_the_greeting_are_skipped() {
        assert_eq!(read_greeting(&Bytes::from_static(b"4\x002\x00-1\x00text\0")), None);
    }
}
