//! JSON and MessagePack of the same types.

use std::io::Write;

use async_nats::HeaderMap;
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::schema::ApiError;

/// How a payload is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JSON text.
    Json,
    /// MessagePack maps with field names.
    MessagePack,
}

/// A payload of ours that has no encoding. Only a fault in this program causes it.
#[derive(Debug, Error)]
#[error("payload cannot be encoded: {0}")]
pub struct EncodeError(String);

impl Encoding {
    /// The encoding of a request: its `Content-Type` if it has one, else told by the first byte.
    ///
    /// # Errors
    ///
    /// `invalid_request` for a `Content-Type` that is neither.
    pub fn of_request(headers: Option<&HeaderMap>, payload: &[u8]) -> Result<Self, ApiError> {
        let named = headers.and_then(|headers| headers.get("Content-Type")).map(|value| value.as_str().to_owned());
        match named.as_deref().map(|name| name.split(';').next().unwrap_or_default().trim()) {
            Some("application/json") => Ok(Self::Json),
            Some("application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack") => Ok(Self::MessagePack),
            Some(other) => Err(ApiError::invalid(format!(
                "Content-Type {:?} is not supported; use application/json or application/msgpack",
                other.chars().take(60).collect::<String>()
            ))),
            None => Ok(Self::of_first_byte(payload)),
        }
    }

    /// A request is a map: in MessagePack its first byte is one that JSON text cannot begin with.
    fn of_first_byte(payload: &[u8]) -> Self {
        match payload.first() {
            Some(0x80..=0x8f | 0xde | 0xdf) => Self::MessagePack,
            _ => Self::Json,
        }
    }

    fn is_map(self, payload: &[u8]) -> bool {
        match self {
            Self::Json => payload.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{'),
            Self::MessagePack => Self::of_first_byte(payload) == Self::MessagePack,
        }
    }

    /// Value of the `Content-Type` header.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::MessagePack => "application/msgpack",
        }
    }

    /// Writes `value`.
    pub fn write<T: Serialize + ?Sized>(self, value: &T, mut out: impl Write) -> Result<(), EncodeError> {
        match self {
            Self::Json => serde_json::to_writer(out, value).map_err(|error| EncodeError(error.to_string())),
            Self::MessagePack => {
                rmp_serde::encode::write_named(&mut out, value).map_err(|error| EncodeError(error.to_string()))
            }
        }
    }

    /// The bytes of `value`.
    pub fn bytes<T: Serialize + ?Sized>(self, value: &T) -> Result<bytes::Bytes, EncodeError> {
        let mut bytes = Vec::with_capacity(512);
        self.write(value, &mut bytes)?;
        Ok(bytes.into())
    }

    /// Reads a request. Nothing at all stands for a request without fields.
    ///
    /// # Errors
    ///
    /// `invalid_request` with one line that names the field.
    pub fn read<T: DeserializeOwned>(self, payload: &[u8]) -> Result<T, ApiError> {
        let payload = if payload.is_empty() && self == Self::Json { b"{}" } else { payload };
        // Serde would also read the fields in order from a list.
        if !self.is_map(payload) {
            return Err(ApiError::invalid("a request is a map of fields, such as {\"contract\":\"STK:AAPL\"}"));
        }
        match self {
            Self::Json => {
                let mut reader = serde_json::Deserializer::from_slice(payload);
                let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| invalid(&error))?;
                reader.end().map_err(|error| ApiError::invalid(one_line(&error.to_string())))?;
                Ok(value)
            }
            Self::MessagePack => {
                let mut rest = payload;
                let mut reader = rmp_serde::Deserializer::new(&mut rest);
                let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| invalid(&error))?;
                if !rest.is_empty() {
                    return Err(ApiError::invalid(format!("{} bytes follow the request", rest.len())));
                }
                Ok(value)
            }
        }
    }
}

fn invalid<E: std::error::Error>(error: &serde_path_to_error::Error<E>) -> ApiError {
    let (path, reason) = (error.path().to_string(), error.inner().to_string());
    let text = if path == "." || path == "?" { reason } else { format!("{path}: {reason}") };
    ApiError::invalid(one_line(&text))
}

/// The text without control characters, short enough for a header.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(1_000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{
        bar::{Bar, BarEvent, BarSize},
        request::{market::Subscribe, order::PlaceOrder, status::NoFields},
    };

    #[track_caller]
    fn refused<T: DeserializeOwned + std::fmt::Debug>(payload: &str, parts: &[&str]) {
        let message = Encoding::Json.read::<T>(payload.as_bytes()).expect_err("refused").message;
        for part in parts {
            assert!(message.contains(part), "{part:?} is missing in {message:?}");
        }
        assert!(!message.contains(['\r', '\n']), "{message:?}");
    }

    #[test]
    fn an_unknown_field_is_named_with_the_known_ones() {
        refused::<Subscribe>(r#"{"contract":"STK:AAPL","stream":["quote"]}"#, &["stream", "`streams`", "`ttl_s`"]);
        refused::<Subscribe>(r#"{"contract":{"symbl":"AAPL"}}"#, &["symbl", "`symbol`"]);
    }

    #[test]
    fn a_wrong_type_names_its_field() {
        refused::<Subscribe>(r#"{"contract":"STK:AAPL","ttl_s":"long"}"#, &["ttl_s", "long"]);
        refused::<Subscribe>(r#"{"contract":"STK:AAPL","streams":["quote","trades"]}"#, &["streams[1]", "trades"]);
        refused::<PlaceOrder>(r#"{"contract":"STK:AAPL"}"#, &["key"]);
    }

    #[test]
    fn broken_text_and_trailing_bytes_are_refused() {
        refused::<NoFields>("{", &["EOF"]);
        refused::<NoFields>("{}\n{}", &["trailing"]);
        refused::<NoFields>("[1]", &["a request is a map of fields"]);
        assert!(Encoding::MessagePack.read::<NoFields>(&[0x80, 0x80]).is_err());
        assert!(Encoding::MessagePack.read::<NoFields>(&[]).is_err());
    }

    #[test]
    fn a_request_without_fields_may_be_empty() {
        assert_eq!(Encoding::Json.read::<NoFields>(b""), Ok(NoFields {}));
    }

    #[test]
    fn both_encodings_carry_the_same_request() {
        let json = br#"{"contract":{"symbol":"AAPL"},"streams":["bar.5s"],"ttl_s":0}"#;
        let request: Subscribe = Encoding::Json.read(json).expect("json");
        let packed = Encoding::MessagePack.bytes(&request).expect("encodes");
        assert_eq!(Encoding::of_request(None, &packed), Ok(Encoding::MessagePack));
        assert_eq!(Encoding::of_request(None, json), Ok(Encoding::Json));
        assert_eq!(Encoding::MessagePack.read(&packed), Ok(request));
    }

    #[test]
    fn a_flattened_event_is_a_map_in_message_pack_too() {
        let bar = Bar {
            start_us: 1,
            date: None,
            open: 1.0,
            high: 2.0,
            low: 0.5,
            close: 1.5,
            volume: None,
            wap: None,
            count: None,
        };
        let event = BarEvent {
            con_id: 7,
            seq: 1,
            recv_us: 2,
            size: BarSize::FIVE_SECONDS,
            bar,
            complete: true,
            backfilled: None,
            partial: None,
            after_gap: None,
        };
        let packed = Encoding::MessagePack.bytes(&event).expect("encodes");
        assert_eq!(Encoding::MessagePack.read(&packed), Ok(event));
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(payload: Vec<u8>) {
            let _ = Encoding::MessagePack.read::<Subscribe>(&payload);
            let _ = Encoding::Json.read::<PlaceOrder>(&payload);
        }
    }
}
