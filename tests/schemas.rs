//! The schemas in `schemas/` are the ones the Rust types give.

use std::{collections::BTreeSet, fs, path::PathBuf};

use ibnats::{nats::asyncapi, schema::registry};

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
    let mut known: BTreeSet<String> = registry::all().iter().map(|entry| format!("{}.json", entry.name)).collect();
    known.extend(["asyncapi.json".to_owned(), "config.json".to_owned()]);
    let found: BTreeSet<String> = fs::read_dir(folder())
        .expect("schemas/")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(found.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn the_asyncapi_document_is_what_the_types_say() {
    let written = fs::read_to_string(folder().join("asyncapi.json")).unwrap_or_default();
    let expected = serde_json::to_string_pretty(&asyncapi::document()).expect("a document is JSON") + "\n";
    assert!(written == expected, "asyncapi.json is stale; run `cargo run -- schema --out schemas`");
}

#[test]
fn the_schema_of_the_configuration_is_what_the_types_say() {
    let written = fs::read_to_string(folder().join("config.json")).unwrap_or_default();
    let expected = serde_json::to_string_pretty(&ibnats::config::schema()).expect("a schema is JSON") + "\n";
    assert!(written == expected, "config.json is stale; run `cargo run -- schema --out schemas`");
}

#[test]
fn the_schema_of_the_configuration_takes_the_sample_and_refuses_what_the_bridge_refuses() {
    let schema = ibnats::config::schema().to_value();
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let sample = fs::read_to_string(folder().join("../deploy/ibnats.toml")).expect("the sample");
    assert!(sample.contains("#:schema ../schemas/config.json"), "editors find the schema by it");
    let as_json = |text: &str| -> serde_json::Value {
        serde_json::to_value(toml::from_str::<toml::Table>(text).expect("TOML")).expect("JSON")
    };
    let faults: Vec<String> = validator.iter_errors(&as_json(&sample)).map(|error| error.to_string()).collect();
    assert_eq!(faults, Vec::<String>::new());
    for wrong in ["[gateway]\nprot = 1\n", "[gateway]\nport = \"high\"\n", "[log]\nformat = \"xml\"\n", "[x]\n"] {
        assert!(!validator.is_valid(&as_json(wrong)), "{wrong}");
        assert!(ibnats::config::load_text(wrong).is_err(), "{wrong}");
    }
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
