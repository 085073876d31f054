//! Field tables and full instances of every message.

use std::collections::{BTreeMap, BTreeSet};

use ibnats::tws::message::{Field, Kind};
use ibnats::tws::unknown_fields;
use serde_json::{Map, Value};

use crate::dispatch::{KNOWN, known};
use crate::{plain, rows, text};

/// Our name of a field whose IB name is a Rust keyword.
fn ib_name(name: &str) -> String {
    match plain(name).as_str() {
        "kind" => "type".to_owned(),
        "overrideflag" => "override".to_owned(),
        plain => plain.to_owned(),
    }
}

/// A dump with names made comparable, and 64-bit integers as the text that protobuf's JSON form uses.
fn comparable(dump: &Value) -> Value {
    match dump {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (ib_name(name), comparable(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(values) => values.iter().map(comparable).collect(),
        Value::Number(number) => match number.as_i64() {
            Some(large) if i32::try_from(large).is_err() => Value::from(large.to_string()),
            _ => Value::from(number.as_f64()),
        },
        other => other.clone(),
    }
}

#[test]
fn every_message_decodes_to_the_listed_values_and_encodes_to_the_same_bytes() {
    let rows = rows("message");
    assert!(rows.len() >= 200, "only {} golden messages", rows.len());
    for row in &rows {
        let name = text(row, "message");
        let body = hex::decode(text(row, "hex")).expect("hex");
        let (dump, again) = (known(name).round_trip)(&body);
        assert_eq!(comparable(&dump), comparable(&row["fields"]), "{name}");
        assert_eq!(hex::encode(again), text(row, "hex"), "{name}");
        assert_eq!(unknown_fields(&body, known(name).fields), Vec::<Vec<u32>>::new(), "{name}");
    }
}

#[test]
fn every_message_type_has_a_golden_instance_with_all_its_fields() {
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows("message") {
        let fields = row["fields"].as_object().expect("fields");
        seen.entry(text(&row, "message").to_owned()).or_default().extend(fields.keys().map(|name| plain(name)));
    }
    // The three forms of a tick exclude one another, so no instance holds them all.
    for known in KNOWN.iter().filter(|known| known.name != "TickByTickData") {
        let fields = known.fields.iter().map(|field| ib_name(field.name)).collect();
        assert_eq!(seen.get(known.name), Some(&fields), "{}", known.name);
    }
}

#[test]
fn the_field_tables_are_ibs() {
    let mut listed = BTreeSet::new();
    for line in include_str!("tws/fields.md").lines() {
        let (name, fields) = line.trim_start_matches("* **").split_once("**:").expect("a message line");
        let ibs = fields.split(", ").map(|field| plain(field.trim())).filter(|field| !field.is_empty());
        let ours = known(name)
            .fields
            .iter()
            .map(|field| format!("{} {} {}", field.number, ib_name(field.name), ib_type(field).to_lowercase()));
        assert_eq!(ours.collect::<Vec<_>>(), ibs.collect::<Vec<_>>(), "{name}");
        listed.insert(name);
    }
    let ours: BTreeSet<_> = KNOWN.iter().map(|known| known.name).collect();
    assert_eq!(ours, listed, "messages of ours and of IB");
}

/// The type of a field as the table spells it.
fn ib_type(field: &Field) -> String {
    let single = match field.kind {
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Bool => "bool",
        Kind::Double => "double",
        Kind::Text => "string",
        Kind::TextMap => "map<string,string>",
        Kind::Message(fields) => part(fields),
    };
    if field.repeated { format!("{single}[]") } else { single.to_owned() }
}

/// The name of the message type with this field table.
fn part(fields: &[Field]) -> &'static str {
    let alike = |known: &Field, field: &Field| known.number == field.number && known.name == field.name;
    let mut found = KNOWN.iter().filter(|known| {
        known.fields.len() == fields.len() && known.fields.iter().zip(fields).all(|(known, field)| alike(known, field))
    });
    found.next().expect("a part is a message").name
}
