//! Changes texts and numbers inside a serialized message without knowing the message's type.

use prost::encoding::{WireType, encode_key, encode_varint};

use super::message::{Field, Kind};
use super::unknown::{next_field, varint};

/// The two fields of a text map's entry.
const MAP_ENTRY: &[Field] = &[
    Field { number: 1, name: "key", kind: Kind::Text, repeated: false },
    Field { number: 2, name: "value", kind: Kind::Text, repeated: false },
];

/// What to change.
pub trait Edit {
    /// The new text of a field, or `None` to leave it. The bytes need not be UTF-8. Fields without a name here
    /// are offered as texts too.
    fn text(&mut self, text: &[u8]) -> Option<Vec<u8>>;

    /// The new value of a whole number in a field of this name, or `None` to leave it.
    fn number(&mut self, name: &'static str, value: i64) -> Option<i64>;
}

/// The body with the changes made, at any depth. What cannot be read is left as it is.
pub fn edit(mut body: &[u8], fields: &'static [Field], by: &mut impl Edit) -> Vec<u8> {
    let mut edited = Vec::with_capacity(body.len() + 8);
    while let Some((number, content, rest)) = next_field(body) {
        let Some(field) = body.get(..body.len() - rest.len()) else { break };
        body = rest;
        let known = fields.iter().find(|field| field.number == number);
        let is_delimited = field.first().is_some_and(|key| key & 7 == 2);
        let new = match known.map(|field| (field.name, field.kind)) {
            Some((name, Kind::Int32 | Kind::Int64)) => {
                if let Some(value) = number_in(field).and_then(|value| by.number(name, value)) {
                    encode_key(number, WireType::Varint, &mut edited);
                    encode_varint(value.cast_unsigned(), &mut edited);
                    continue;
                }
                None
            }
            Some((_, Kind::Message(inner))) if is_delimited => Some(edit(content, inner, by)),
            Some((_, Kind::TextMap)) if is_delimited => Some(edit(content, MAP_ENTRY, by)),
            Some((_, Kind::Text)) | None if is_delimited => by.text(content),
            _ => None,
        };
        match new {
            Some(new) => {
                encode_key(number, WireType::LengthDelimited, &mut edited);
                encode_varint(new.len() as u64, &mut edited);
                edited.extend_from_slice(&new);
            }
            None => edited.extend_from_slice(field),
        }
    }
    edited.extend_from_slice(body);
    edited
}

/// The number in a field, its key included.
fn number_in(field: &[u8]) -> Option<i64> {
    let (key, rest) = varint(field)?;
    let is_varint = key.trailing_zeros() >= 3;
    is_varint.then(|| varint(rest).map(|(value, _)| value.cast_signed()))?
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::tws::frame::{Envelope, FRAME_BYTES_MAX, next_frame, open};
    use crate::tws::message::{contract::Contract, market_data::MarketDataRequest};
    use crate::tws::{Request, Response};

    struct Swap;

    impl Edit for Swap {
        fn text(&mut self, text: &[u8]) -> Option<Vec<u8>> {
            (text == b"AAPL").then(|| b"MSFT2".to_vec())
        }

        fn number(&mut self, name: &'static str, value: i64) -> Option<i64> {
            (name == "req_id" && value == 7).then_some(-1)
        }
    }

    #[test]
    fn names_and_texts_change_at_any_depth_and_nothing_else() {
        let contract = |symbol: &str| Contract {
            con_id: Some(7),
            symbol: Some(symbol.to_owned()),
            strike: Some(1.5),
            ..Contract::default()
        };
        let ask = |req_id, symbol| {
            Request::MarketDataRequest(Box::new(MarketDataRequest {
                req_id: Some(req_id),
                contract: Some(contract(symbol)),
                snapshot: Some(true),
                ..MarketDataRequest::default()
            }))
        };
        let mut frame = BytesMut::new();
        ask(7, "AAPL").put(&mut frame);
        let frame = next_frame(&mut frame, FRAME_BYTES_MAX).expect("a frame").expect("whole");
        let Envelope::Protobuf { id, body } = open(frame) else { panic!("not protobuf") };
        let edited = edit(&body, ask(0, "").fields(), &mut Swap);
        assert_eq!(Request::decode(id, edited.into()).expect("a message"), ask(-1, "MSFT2"));
    }

    proptest::proptest! {
        #[test]
        fn no_body_is_too_strange(body: Vec<u8>, id in 1_u32..112) {
            if let Ok(response) = Response::decode(id, bytes::Bytes::new()) {
                edit(&body, response.fields(), &mut Swap);
            }
        }
    }
}
