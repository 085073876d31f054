//! What the bridge keeps on its own disk: SQLite files in `[state] dir`, which a person can open with `sqlite3`.
//!
//! ```text
//! session ── Output::Journal(entry) ── driver ── Pen::write ── queue ── writer thread ── journal.sqlite
//!    ▲                                    │                        one transaction, one fsync for all that waits
//!    └── on_journaled(receipt) ◀── Pen::news ── Written / NotWritten / Trouble
//!
//! journal.sqlite: events ── Mail::letters ── nats/order_keeper ── JetStream ── ack ── Mail::published ── events.published_us
//! ```
//!
//! * An entry with a receipt (a new order) is answered `Written` after its transaction is on the disk, and only
//!   then does the session hand the order to pacing. While the disk takes nothing, receipts are answered
//!   `NotWritten`; entries without one (evidence, fills, changes) wait in memory and are tried again. Entries that
//!   a claim makes one, such as the orders of a bracket, are written together or none of them is.
//! * An order, its facts and the event that tells of it are written in one transaction, so that a crash leaves all
//!   of them or none. The event has its number (`seq`) and message id from then on, the same at every attempt to
//!   publish it.
//! * [`start`] gives the session's [`crate::session::Memory`] of earlier runs, to be given to `Session::restore`
//!   before anything else happens.
//!
//! Events and requests are kept as JSON: a field that a later release adds to them needs a default, or the rows of
//! this one cannot be read.
//!
//! Tables: [`layout`].

mod archive;
pub mod cache;
pub mod client_ids;
mod compared;
pub mod database;
mod database_error;
#[cfg(test)]
mod database_tests;
pub mod layout;
mod letter;
mod offline;
mod page;
mod pen;
mod prune;
pub mod reader;
mod recall;
mod start;
#[cfg(test)]
mod tests;
mod writer;

pub mod risk_file;

pub use cache::{Cache, CacheWriter};
pub use database::{Database, Durability, Layout};
pub use database_error::DatabaseError;
pub use letter::{Kind, Letter};
pub use offline::OfflineJournal;
pub use pen::{Gauge, Mail, News, Pen};
pub use start::{Journal, Running, start};
