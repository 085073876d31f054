//! Every relative link and anchor of every page leads to something that is there, in the checkout and in the book.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

use crate::{
    markdown::{self, Page},
    pages::{self, checkout},
    summary,
};

/// Where a link from a page leads, as a path in the checkout; `None` if it leaves the checkout.
fn resolve(page: &str, target: &str) -> Option<String> {
    let mut path = PathBuf::from(page);
    path.pop();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir if path.pop() => {}
            Component::ParentDir => return None,
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    Some(path.to_string_lossy().into_owned())
}

fn wrong(from: &str, target: &str, pages: &BTreeMap<String, Page>, listed: &BTreeSet<String>) -> Option<String> {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let Some(mut path) = (if file.is_empty() { Some(from.to_owned()) } else { resolve(from, file) }) else {
        return Some(format!("{from}: {target} leaves the checkout"));
    };
    if checkout(&path).is_dir() {
        // The book has no listings of folders.
        path.push_str("/README.md");
    }
    if !checkout(&path).is_file() {
        return Some(format!("{from}: {target}: there is no {path}"));
    }
    let is_page = Path::new(&path).extension().is_some_and(|extension| extension == "md");
    if listed.contains(from) && is_page && !listed.contains(&path) {
        return Some(format!("{from}: {target}: {path} is not in docs/SUMMARY.md"));
    }
    let found = anchor.is_empty() || pages.get(&path).is_some_and(|page| page.anchors.contains(anchor));
    (!found).then(|| format!("{from}: {target}: {path} has no heading of that name"))
}

#[test]
fn every_link_and_anchor_leads_somewhere() {
    let pages: BTreeMap<String, Page> =
        pages::all().into_iter().map(|(path, text)| (path, markdown::read(&text))).collect();
    let listed = summary::listed();
    let mut faults = Vec::new();
    for (from, page) in &pages {
        for target in page.links.iter().filter(|target| !target.contains("://") && !target.starts_with("mailto:")) {
            faults.extend(wrong(from, target, &pages, &listed));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_test_and_scenario_that_shows_reliability_exists() {
    let page = markdown::read(&pages::text("docs/reliability.md"));
    let files = page.code.iter().filter(|word| [".rs", ".toml"].iter().any(|end| word.ends_with(end)));
    let mut count = 0;
    for file in files {
        let path = if file.starts_with("tests/") { file.clone() } else { format!("tests/scenarios/{file}") };
        assert!(checkout(&path).is_file(), "{path}");
        count += 1;
    }
    assert!(count > 10);
}

#[test]
fn no_page_leads_to_an_address_without_encryption() {
    let own = ["http://127.0.0.1", "http://localhost"];
    for (path, text) in pages::all() {
        for target in markdown::read(&text).links.iter().filter(|target| target.starts_with("http://")) {
            assert!(own.iter().any(|host| target.starts_with(host)), "{path}: {target}");
        }
    }
}
