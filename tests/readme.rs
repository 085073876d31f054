//! What README.md promises exists: its tables name the subjects and requests of the published schemas.
#![expect(clippy::expect_used, reason = "a broken tree may end the test")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use ibnats::schema::registry;

fn readme() -> String {
    fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md")
}

/// First cells, without their backticks, of the table below this heading.
fn first_cells(heading: &str) -> BTreeSet<String> {
    let text = readme();
    let (_, section) = text.split_once(heading).expect("the heading");
    let section = section.split("\n## ").next().unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells.map(str::to_owned).collect()
}

#[test]
fn the_subjects_table_is_the_published_one() {
    let published: BTreeSet<String> = registry::all()
        .iter()
        .filter(|entry| entry.name.starts_with("event."))
        .map(|entry| format!("ib.{}", entry.subject))
        .collect();
    assert_eq!(first_cells("## Subjects"), published);
}

#[test]
fn the_requests_table_is_the_published_one() {
    let published: BTreeSet<String> =
        registry::all().iter().filter_map(|entry| entry.name.strip_prefix("request.")).map(str::to_owned).collect();
    assert_eq!(first_cells("## Requests"), published);
}

#[test]
fn every_file_the_readme_points_to_exists() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let text = readme();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let missing: Vec<&str> = targets
        .filter(|target| !target.starts_with('#') && !target.starts_with("http"))
        .filter(|target| !root.join(target).exists())
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}
