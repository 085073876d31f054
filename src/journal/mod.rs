//! What the bridge keeps on its own disk: SQLite files in `[state] dir`, which a person can open with `sqlite3`.

pub mod database;
mod database_error;
#[cfg(test)]
mod database_tests;

pub use database::{Database, Durability, Layout};
pub use database_error::DatabaseError;
