//! The documentation: pages written from the code are up to date, every link leads somewhere, every name exists.
//!
//! `IBNATS_WRITE_DOCS=1 cargo test --test docs` writes the pages anew.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a broken tree may end the test")]

mod commands;
mod configuration;
mod dependencies;
mod happenings;
mod links;
mod markdown;
mod names;
mod pages;
mod payloads;
mod schema;
mod subjects;
mod summary;
