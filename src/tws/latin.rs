//! Saves messages whose texts are not UTF-8: gateways on Windows may write the host's own character set.

use prost::encoding::{WireType, encode_key, encode_varint};

use super::message::{Field, Kind};
use super::unknown::next_field;

/// The two fields of a text map's entry.
const MAP_ENTRY: &[Field] = &[
    Field { number: 1, name: "key", kind: Kind::Text, repeated: false },
    Field { number: 2, name: "value", kind: Kind::Text, repeated: false },
];

/// The body with every text that is not UTF-8 read as Latin-1, so that each byte becomes one character.
///
/// `None` if there is no such text, or if the body is malformed in another way.
pub(super) fn read_as_latin_1(mut body: &[u8], fields: &'static [Field]) -> Option<Vec<u8>> {
    let mut repaired = Vec::with_capacity(body.len() + 16);
    let mut is_repaired = false;
    while !body.is_empty() {
        let (number, content, rest) = next_field(body)?;
        let field = body.get(..body.len() - rest.len())?;
        body = rest;
        let better = match fields.iter().find(|field| field.number == number).map(|field| field.kind) {
            Some(Kind::Text) => latin_1(content),
            Some(Kind::TextMap) => read_as_latin_1(content, MAP_ENTRY),
            Some(Kind::Message(inner)) => read_as_latin_1(content, inner),
            _ => None,
        };
        let Some(better) = better else {
            repaired.extend_from_slice(field);
            continue;
        };
        encode_key(number, WireType::LengthDelimited, &mut repaired);
        encode_varint(better.len() as u64, &mut repaired);
        repaired.extend_from_slice(&better);
        is_repaired = true;
    }
    is_repaired.then_some(repaired)
}

fn latin_1(text: &[u8]) -> Option<Vec<u8>> {
    if std::str::from_utf8(text).is_ok() {
        return None;
    }
    Some(text.iter().map(|&byte| char::from(byte)).collect::<String>().into_bytes())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::tws::{DecodeError, Response};

    fn decode(id: u32, body: &'static [u8]) -> Result<Response, DecodeError> {
        Response::decode(id, Bytes::from_static(body))
    }

    #[test]
    fn a_text_in_latin_1_does_not_cost_the_message() {
        let Ok(Response::ErrorMessage(error)) = decode(4, b"\x08\x07\x18\xc9\x01\x22\x05Stra\xdf") else {
            panic!("a readable error message")
        };
        assert_eq!((error.id, error.error_code), (Some(7), Some(201)));
        assert_eq!(error.error_msg.as_deref(), Some("Straß"));
    }

    #[test]
    fn a_part_and_a_map_entry_are_saved_too() {
        let Ok(Response::ContractData(contract)) =
            decode(10, b"\x08\x01\x1a\x0b\x3a\x01\xe9\x8a\x01\x05\x0a\x01k\x12\x00")
        else {
            panic!("readable contract data")
        };
        assert_eq!(contract.contract_details.and_then(|details| details.long_name).as_deref(), Some("é"));
        let Ok(Response::ContractData(contract)) = decode(10, b"\x1a\x09\x8a\x01\x06\x0a\x01k\x12\x01\xe9") else {
            panic!("readable contract data")
        };
        let details = contract.contract_details.expect("details");
        assert_eq!(details.sec_id_list.get("k").map(String::as_str), Some("é"));
    }

    #[test]
    fn a_body_that_is_cut_short_stays_an_error() {
        assert!(matches!(decode(4, b"\x22\x05Str\xdf"), Err(DecodeError::Body { message: "ErrorMessage", .. })));
    }
}
