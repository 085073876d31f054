//! Finds fields that a newer gateway sends and this build does not know.

use super::message::{Field, Kind};

/// Field numbers, outermost first, of one unknown field: `[3, 146]` is field 146 inside field 3.
pub type FieldPath = Vec<u32>;

/// At most this many paths are reported for one message.
const PATHS_MAX: usize = 16;

/// Lists the fields of `body` that `fields` does not name, at any depth.
///
/// The body has already been decoded, so malformed input cannot be told from a surprise here: the
/// walk ends quietly where the bytes stop making sense.
pub fn unknown_fields(body: &[u8], fields: &'static [Field]) -> Vec<FieldPath> {
    let mut found = Vec::new();
    walk(body, fields, &mut Vec::new(), &mut found);
    found
}

fn walk(mut body: &[u8], fields: &'static [Field], path: &mut FieldPath, found: &mut Vec<FieldPath>) {
    while let Some((number, content, rest)) = next_field(body) {
        body = rest;
        let known = fields.iter().find(|field| field.number == number);
        path.push(number);
        match known.map(|field| field.kind) {
            None if found.len() < PATHS_MAX && !found.contains(path) => found.push(path.clone()),
            Some(Kind::Message(inner)) => walk(content, inner, path, found),
            _ => {}
        }
        path.pop();
    }
}

/// Splits off one field: its number, its content if length-delimited, and what follows.
pub(super) fn next_field(body: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (key, rest) = varint(body)?;
    let number = u32::try_from(key >> 3).ok()?;
    match key & 7 {
        0 => varint(rest).map(|(_, rest)| (number, &[][..], rest)),
        1 => rest.split_at_checked(8).map(|(_, rest)| (number, &[][..], rest)),
        2 => {
            let (len, rest) = varint(rest)?;
            let (content, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
            Some((number, content, rest))
        }
        5 => rest.split_at_checked(4).map(|(_, rest)| (number, &[][..], rest)),
        _ => None,
    }
}

pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::tws::message::{Layout, contract::ContractDataRequest, market_data::TickPrice};

    #[track_caller]
    fn check<M: Layout>(hex: &str, expected: &[&[u32]]) {
        let body = hex::decode(hex).expect("hex in the test table");
        assert_eq!(unknown_fields(&body, M::FIELDS), expected);
    }

    #[test]
    fn a_known_message_has_none() {
        check::<TickPrice>("08e907100119000000000000f03f", &[]);
    }

    #[test]
    fn a_new_number_is_named() {
        check::<TickPrice>("08e907300132026869", &[&[6]]);
    }

    #[test]
    fn a_new_number_inside_a_part_is_named_with_its_path() {
        check::<ContractDataRequest>("08e9071206080122024242", &[]);
        check::<ContractDataRequest>("08e90712050801b00101", &[&[2, 22]]);
    }

    #[test]
    fn decoding_does_not_mind_an_unknown_field() {
        let body = hex::decode("08e9073001").expect("hex in the test");
        let tick = TickPrice::decode(&body[..]).expect("unknown fields are skipped");
        assert_eq!(tick.req_id, Some(1001));
    }
}
