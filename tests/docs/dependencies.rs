//! `docs/dependencies.md` names every crate that `Cargo.toml` names, with the licence it has.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

use crate::pages::{checkout, text};

/// Crates of a table with their licences.
fn listed(heading: &str) -> BTreeMap<String, String> {
    let page = text("docs/dependencies.md");
    let (_, section) = page.split_once(heading).expect("the heading");
    let rows = section.split("\n## ").next().unwrap_or_default().lines().filter_map(|line| line.strip_prefix("| `"));
    let rows =
        rows.filter_map(|row| row.split_once("` | ")).filter_map(|(name, rest)| Some((name, rest.split(" |").next()?)));
    rows.map(|(name, licence)| (name.to_owned(), licence.to_owned())).collect()
}

/// Direct dependencies with their licences, as cargo resolves them. `tokio` is needed by both.
fn direct(is_wanted: impl Fn(&Value) -> bool) -> BTreeMap<String, String> {
    // Crates of other platforms are not on every machine.
    let host = Command::new("rustc").args(["--print", "host-tuple"]).output().expect("rustc runs");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--manifest-path"])
        .arg(checkout("Cargo.toml"))
        .args(["--filter-platform", String::from_utf8_lossy(&host.stdout).trim()])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let ours = packages.iter().find(|package| package["name"] == "ibnats").expect("this package");
    let mut found = BTreeMap::new();
    for dependency in ours["dependencies"].as_array().expect("dependencies").iter().filter(|one| is_wanted(one)) {
        let package = packages.iter().find(|package| package["name"] == dependency["name"]).expect("resolved");
        // Older crates write a slash for "or".
        let licence = package["license"].as_str().unwrap_or("none").replace('/', " OR ");
        found.insert(dependency["name"].as_str().expect("a name").to_owned(), licence);
    }
    found
}

#[test]
fn every_crate_of_the_program_is_listed_with_its_licence() {
    assert_eq!(listed("## In the program"), direct(|dependency| dependency["kind"].is_null()));
}

#[test]
fn every_crate_of_the_tests_is_listed_with_its_licence() {
    let mut tests = direct(|dependency| dependency["kind"] == "dev");
    tests.remove("tokio");
    assert_eq!(listed("## In tests only"), tests);
}
