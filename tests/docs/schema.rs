//! How a JSON Schema of the interface reads as Markdown.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::Value;

use crate::markdown::slug;

/// Text as a table cell: one line, bars escaped, and no accidental HTML.
pub(crate) fn cell(text: &str) -> String {
    let (mut cell, mut is_code) = (String::new(), false);
    for c in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        match c {
            '|' => cell.push_str("\\|"),
            '<' if !is_code => cell.push_str("&lt;"),
            c => {
                is_code ^= c == '`';
                cell.push(c);
            }
        }
    }
    cell
}

/// The description, as a table cell.
pub(crate) fn about(schema: &Value) -> String {
    cell(schema["description"].as_str().unwrap_or_default())
}

fn reference(target: &str, types: &str) -> String {
    let name = target.rsplit('/').next().unwrap_or_default();
    format!("[{name}]({types}#{})", slug(name))
}

/// What values a field takes; `types` is the page that describes named types, seen from this one.
pub(crate) fn kind(schema: &Value, types: &str) -> String {
    if let Some(target) = schema["$ref"].as_str() {
        return reference(target, types);
    }
    if let Some(value) = schema.get("const") {
        return format!("`{value}`");
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    }
    for several in ["anyOf", "oneOf"] {
        if let Some(variants) = schema[several].as_array() {
            let variants = variants.iter().filter(|variant| variant["type"] != "null");
            return variants.map(|variant| kind(variant, types)).collect::<Vec<_>>().join(" or ");
        }
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect(),
        _ => Vec::new(),
    };
    let words = names.iter().map(|name| match *name {
        "array" => format!("list of {}", kind(&schema["items"], types)),
        "object" if schema["additionalProperties"].is_object() => {
            format!("map to {}", kind(&schema["additionalProperties"], types))
        }
        "string" => "text".to_owned(),
        other => other.to_owned(),
    });
    let words = words.collect::<Vec<_>>().join(" or ");
    if words.is_empty() { "anything".to_owned() } else { words }
}

/// Fields of an object, one row each. `must` heads the column for those that are always there.
pub(crate) fn fields(schema: &Value, types: &str, must: &str) -> String {
    let Some(properties) = schema["properties"].as_object().filter(|properties| !properties.is_empty()) else {
        return "No fields.\n".to_owned();
    };
    let required: BTreeSet<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut table = format!("| field | type | {must} | what it says |\n|---|---|---|---|\n");
    for (name, field) in properties {
        let mark = if required.contains(name.as_str()) { "yes" } else { "" };
        let _ = writeln!(table, "| `{name}` | {} | {mark} | {} |", kind(field, types), about(field));
    }
    table
}

/// The body of a named type: its words, its fields or what it may be.
pub(crate) fn body(schema: &Value, types: &str) -> String {
    let variants = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
    if let Some(variants) = variants {
        let mut table = "| value | what it means |\n|---|---|\n".to_owned();
        for variant in variants {
            let value = match variant["properties"].as_object() {
                Some(properties) => {
                    let parts = properties.iter().map(|(name, field)| format!("`{name}`: {}", kind(field, types)));
                    parts.collect::<Vec<_>>().join(", ")
                }
                None => kind(variant, types),
            };
            let _ = writeln!(table, "| {value} | {} |", about(variant));
        }
        return table;
    }
    if schema["properties"].is_object() {
        return fields(schema, types, "always");
    }
    let mut said = format!("{}.", kind(schema, types));
    if let Some(pattern) = schema["pattern"].as_str() {
        let _ = write!(said, " Pattern: `{pattern}`.");
    }
    said.push('\n');
    said
}

#[test]
fn a_description_becomes_one_cell() {
    assert_eq!(cell("on `ib.x.<inst>`\nor  <b>`a|b`, c"), "on `ib.x.<inst>` or &lt;b>`a\\|b`, c");
}
