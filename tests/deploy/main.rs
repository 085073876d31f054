//! The files of `deploy/` are what they claim: parsed, cross-checked and, where possible, run.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod compose;
mod debian;
mod image;
mod kubernetes;
mod monitoring;
#[path = "../rig/nats_server.rs"]
mod nats_server;
mod permission_table;
mod permissions;
mod service;

use std::path::{Path, PathBuf};

/// A path inside the checkout.
fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A program that need not be there: the one named by `variable`, else the one in `.tools/bin`, else the one on PATH.
fn tool(variable: &str, name: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(name)).collect::<Vec<_>>();
    named.into_iter().chain([checkout(".tools/bin").join(name)]).chain(on_path).find(|path| path.is_file())
}

/// The text of a file of the checkout.
fn text(path: &str) -> String {
    std::fs::read_to_string(checkout(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
