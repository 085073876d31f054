//! The names of `ib.bridge.<event>`: those that the program tells are documented, and the reverse.

use std::{collections::BTreeSet, fs, path::Path};

use ibnats::schema::registry;
use regex::Regex;

use crate::pages::checkout;

/// The program's own source, without its tests and without what documents it.
fn sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_name().expect("a name").to_string_lossy().into_owned();
        if entry.is_dir() {
            if !["tests", "schema", "sim"].contains(&name.as_str()) {
                sources(&entry, into);
            }
        } else if entry.extension().is_some_and(|ending| ending == "rs") && !name.ends_with("tests.rs") {
            let text = fs::read_to_string(&entry).expect("text");
            into.push_str(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default());
        }
    }
}

fn words(pattern: &str, text: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).expect("a pattern");
    pattern.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

#[test]
fn the_bridges_events_are_those_that_are_documented() {
    let entry = registry::all().into_iter().find(|entry| entry.name == "event.bridge").expect("the event");
    let description = entry.schema.to_value()["properties"]["event"]["description"].as_str().expect("text").to_owned();
    let documented = words("`([a-z_]+)`", &description);
    let mut text = String::new();
    sources(&checkout("src"), &mut text);
    let told = words(r#"(?:BridgeEvent::new|tell_risk)\(\s*"([a-z_]+)""#, &text);
    assert!(told.len() > 15, "the pattern finds them: {told:?}");
    assert_eq!(told.difference(&documented).collect::<Vec<_>>(), Vec::<&String>::new(), "told and not documented");
    let literals = words(r#""([a-z_]+)""#, &text);
    assert_eq!(
        documented.difference(&literals).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "documented and never told"
    );
}
