//! The files of `deploy/` are what they claim: parsed, cross-checked and, where possible, run.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod compose;
mod image;
#[path = "../rig/nats_server.rs"]
mod nats_server;
mod permissions;
mod service;

use std::path::{Path, PathBuf};

/// A path inside the checkout.
fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The text of a file of the checkout.
fn text(path: &str) -> String {
    std::fs::read_to_string(checkout(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
