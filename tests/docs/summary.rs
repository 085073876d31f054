//! `docs/SUMMARY.md`, the contents of the book: every page is in it once, and nothing else.

use std::collections::BTreeSet;

use crate::{
    markdown,
    pages::{self, text},
};

/// Pages of the book, by their path in the checkout.
fn in_order() -> Vec<String> {
    let links = markdown::read(&text("docs/SUMMARY.md")).links;
    links.iter().map(|link| link.strip_prefix("../").map_or_else(|| format!("docs/{link}"), str::to_owned)).collect()
}

/// The same as a set.
pub(crate) fn listed() -> BTreeSet<String> {
    in_order().into_iter().collect()
}

#[test]
fn the_summary_lists_every_page_once() {
    let listed = in_order();
    let found: BTreeSet<String> = pages::all().into_keys().filter(|path| path != "docs/SUMMARY.md").collect();
    assert_eq!(listed.len(), self::listed().len(), "a page is listed twice");
    assert_eq!(self::listed(), found);
}

#[test]
fn every_page_begins_with_a_heading_of_its_own() {
    for (path, text) in pages::all().into_iter().filter(|(path, _)| path != "docs/SUMMARY.md") {
        assert!(text.starts_with("# "), "{path}");
        let tops = text.split("\n```").step_by(2).flat_map(str::lines).filter(|line| line.starts_with("# ")).count();
        assert_eq!(tops, 1, "{path}");
    }
}
