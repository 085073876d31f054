//! The reference of the configuration: every key with its default, out of the schema of the file.

use std::fmt::Write as _;

use ibnats::config::{self, Config};
use serde_json::{Map, Value};

use crate::{
    names::settings,
    pages::keep,
    schema::{about, kind},
};

/// The schema behind references and beside `null`.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|target| target.strip_prefix("#/$defs/")) {
        return resolved(root, &root["$defs"][name]);
    }
    let variants =
        schema["anyOf"].as_array().map(|all| all.iter().filter(|one| one["type"] != "null").collect::<Vec<_>>());
    match variants.as_deref() {
        Some([only]) => resolved(root, only),
        _ => schema,
    }
}

/// A key that holds keys of its own, with the heading they stand under.
fn below<'a>(root: &'a Value, path: &str, schema: &'a Value) -> Option<(String, &'a Value)> {
    let schema = resolved(root, schema);
    let (items, named) = (resolved(root, &schema["items"]), resolved(root, &schema["additionalProperties"]));
    if schema["properties"].is_object() {
        Some((path.to_owned(), schema))
    } else if items["properties"].is_object() {
        Some((format!("[{path}]"), items))
    } else if named["properties"].is_object() {
        Some((format!("{path}.<name>"), named))
    } else {
        None
    }
}

fn describe(root: &Value, heading: &str, schema: &Value, defaults: &Value, page: &mut String) {
    let empty = Map::new();
    let path = heading.trim_matches(['[', ']']);
    let mut inner = Vec::new();
    let mut rows = String::new();
    for (key, field) in schema["properties"].as_object().unwrap_or(&empty) {
        let whole = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if let Some((heading, schema)) = below(root, &whole, field) {
            inner.push((heading, schema, defaults[key].clone(), about(field)));
            continue;
        }
        let default = match &defaults[key] {
            Value::Null => String::new(),
            value => format!("`{value}`"),
        };
        let _ =
            writeln!(rows, "| `{key}` | {} | {default} | {} |", kind(resolved(root, field), "types.md"), about(field));
    }
    if !rows.is_empty() {
        let _ = write!(page, "\n| key | type | default | what it says |\n|---|---|---|---|\n{rows}");
    }
    for (heading, schema, defaults, said) in inner {
        let _ = writeln!(page, "\n## `[{heading}]`\n\n{said}");
        describe(root, &heading, schema, &defaults, page);
    }
}

#[test]
fn the_page_of_the_configuration_is_what_the_file_may_hold() {
    let root = serde_json::to_value(config::schema()).expect("JSON");
    let defaults = serde_json::to_value(Config::default()).expect("JSON");
    let mut page = "# Configuration\n\nThis page is written from the code (`IBNATS_WRITE_DOCS=1 cargo test --test docs`); a test keeps it so. One TOML file, environment \
        variables `IBNATS_<SECTION>__<KEY>` over it, flags over both. Every key has a default, so an empty file is legal; unknown keys are refused with the \
        nearest right one. [`deploy/ibnats.toml`](../../deploy/ibnats.toml) is a file to begin with, [`schemas/config.json`](../../schemas/config.json) a schema \
        for editors. Milliseconds end in `_ms`, seconds in `_s`.\n"
        .to_owned();
    describe(&root, "", &root, &defaults, &mut page);
    assert_every_setting_is_on(&page);
    keep("docs/reference/configuration.md", &page);
}

#[track_caller]
fn assert_every_setting_is_on(page: &str) {
    let missing: Vec<String> = settings()
        .into_iter()
        .filter(|setting| {
            let (section, key) = setting.rsplit_once('.').unwrap_or(("", setting));
            let is_section =
                page.contains(&format!("\n## `[{setting}]`\n")) || page.contains(&format!("\n## `[[{setting}]]`\n"));
            let of_section =
                page.split(&format!("\n## `[{section}]`\n")).nth(1).and_then(|rest| rest.split("\n## ").next());
            let is_map = page.contains(&format!("\n## `[{setting}.<name>]`\n"));
            !is_section && !is_map && !of_section.is_some_and(|rows| rows.contains(&format!("\n| `{key}` |")))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
