//! Payloads only grow: whoever reads or asks as an earlier release did goes on doing so.
//!
//! `tests/fixtures/schemas/` keeps the shape of every release. `IBNATS_WRITE_SHAPE=<version> cargo test --test schema_growth`
//! adds that of this one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use ibnats::schema::registry;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a reader or an asker relies on, by payload and by the types in it.
type Shapes = BTreeMap<String, BTreeMap<String, Shape>>;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Shape {
    /// Fields with what they hold.
    fields: BTreeMap<String, String>,
    /// Fields that are always there, or must be.
    required: BTreeSet<String>,
    /// Words that a field of this type may be.
    words: BTreeSet<String>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schemas")
}

/// Types of a value, without `null`: that a field may be left out is told by `required`.
fn kind(schema: &Value) -> String {
    let mut kinds: BTreeSet<String> = BTreeSet::new();
    let types = schema.get("type").into_iter().flat_map(|found| match found {
        Value::Array(several) => several.clone(),
        one => vec![one.clone()],
    });
    kinds.extend(types.filter_map(|found| found.as_str().map(str::to_owned)));
    kinds
        .extend(schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()).map(str::to_owned));
    for part in ["anyOf", "oneOf"].iter().filter_map(|name| schema.get(*name)?.as_array()).flatten() {
        kinds.extend(kind(part).split('|').map(str::to_owned));
    }
    kinds.remove("null");
    kinds.remove("");
    kinds.into_iter().collect::<Vec<_>>().join("|")
}

fn shape(schema: &Value) -> Shape {
    let texts = |value: Option<&Value>| -> BTreeSet<String> {
        value
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|text| text.as_str().map(str::to_owned))
            .collect()
    };
    let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let mut words = texts(schema.get("enum"));
    let variants = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    words.extend(variants.filter_map(|variant| variant.get("const")?.as_str().map(str::to_owned)));
    Shape {
        fields: fields.map(|(name, field)| (name.clone(), kind(field))).collect(),
        required: texts(schema.get("required")),
        words,
    }
}

fn shapes() -> Shapes {
    let entries = registry::all().into_iter().map(|entry| {
        let schema = entry.schema.to_value();
        let inner = schema.get("$defs").and_then(Value::as_object).into_iter().flatten();
        let mut types: BTreeMap<String, Shape> = inner.map(|(name, inner)| (name.clone(), shape(inner))).collect();
        types.insert(String::new(), shape(&schema));
        (entry.name.to_owned(), types)
    });
    entries.collect()
}

/// What somebody who knows the earlier shape would stumble over.
fn broken(name: &str, earlier: &Shape, now: &Shape) -> Vec<String> {
    let mut found = Vec::new();
    for (field, kind) in &earlier.fields {
        match now.fields.get(field) {
            None => found.push(format!("{field} is gone")),
            Some(other) if kind.split('|').any(|kind| !other.split('|').any(|other| other == kind)) => {
                found.push(format!("{field} was {kind} and is {other}"));
            }
            Some(_) => {}
        }
    }
    if name.starts_with("request.") {
        let wanted = now.required.difference(&earlier.required);
        found.extend(wanted.map(|field| format!("{field} has to be given now")));
    } else {
        let lost = earlier.required.difference(&now.required);
        found.extend(lost.map(|field| format!("{field} may be missing now")));
    }
    found.extend(earlier.words.difference(&now.words).map(|word| format!("{word:?} is no word any more")));
    found
}

#[test]
fn what_an_earlier_release_said_and_took_is_still_said_and_taken() {
    let now = shapes();
    if let Some(version) = std::env::var_os("IBNATS_WRITE_SHAPE") {
        let file = folder().join(version).with_extension("json");
        fs::write(file, serde_json::to_string(&now).expect("JSON") + "\n").expect("written");
    }
    let mut faults = Vec::new();
    let mut releases = 0;
    for file in fs::read_dir(folder()).expect("the folder").map(|entry| entry.expect("an entry").path()) {
        let earlier: Shapes = serde_json::from_str(&fs::read_to_string(&file).expect("text")).expect("shapes");
        releases += 1;
        for (name, types) in &earlier {
            let Some(known) = now.get(name) else {
                faults.push(format!("{name} is gone"));
                continue;
            };
            for (inner, shape) in types {
                // A type may be called otherwise as long as the fields that hold it say the same.
                let Some(other) = known.get(inner) else { continue };
                faults.extend(broken(name, shape, other).into_iter().map(|fault| format!("{name} {inner}: {fault}")));
            }
        }
    }
    assert!(releases > 0, "nothing to compare with");
    assert!(faults.is_empty(), "since an earlier release:\n{}", faults.join("\n"));
}

#[test]
fn a_field_that_goes_or_changes_is_noticed() {
    let read = |text: &str| shape(&serde_json::from_str(text).expect("JSON"));
    let earlier = read(r#"{"properties":{"a":{"type":"string"},"b":{"type":["integer","null"]}},"required":["a"]}"#);
    assert!(broken("event.x", &earlier, &earlier).is_empty());
    let less = read(r#"{"properties":{"b":{"type":"string"}},"required":["b"]}"#);
    assert_eq!(broken("event.x", &earlier, &less).len(), 3);
    assert_eq!(broken("request.x", &earlier, &less).last().expect("a fault"), "b has to be given now");
}
