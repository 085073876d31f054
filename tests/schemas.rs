//! The schemas in `schemas/` are the ones the Rust types give.

use std::{collections::BTreeSet, fs, path::PathBuf};

use ibnats::schema::registry;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

#[test]
fn every_schema_file_is_what_the_types_say() {
    let mut stale = Vec::new();
    for entry in registry::all() {
        let path = folder().join(format!("{}.json", entry.name));
        let expected = serde_json::to_string_pretty(&entry.schema).expect("a schema is JSON") + "\n";
        if fs::read_to_string(&path).unwrap_or_default() != expected {
            stale.push(entry.name);
        }
    }
    assert!(stale.is_empty(), "stale or missing: {stale:?}; run `cargo run -- schema --out schemas`");
}

#[test]
fn no_schema_file_is_left_over() {
    let known: BTreeSet<String> = registry::all().iter().map(|entry| format!("{}.json", entry.name)).collect();
    let found: BTreeSet<String> = fs::read_dir(folder())
        .expect("schemas/")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(found.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn every_schema_is_a_valid_schema() {
    for entry in registry::all() {
        let schema = entry.schema.to_value();
        assert!(jsonschema::meta::is_valid(&schema), "{} is no valid JSON Schema", entry.name);
        jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
    }
}

#[test]
fn requests_refuse_unknown_fields_and_events_do_not() {
    for entry in registry::all() {
        let closed = entry.schema.get("additionalProperties") == Some(&serde_json::Value::Bool(false));
        assert_eq!(closed, entry.name.starts_with("request."), "{}", entry.name);
    }
}
