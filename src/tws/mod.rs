//! The TWS wire protocol: frames, handshake, messages and what notices mean.
//!
//! No I/O and no clock. The bridge and the simulator use the same definitions, one in each
//! direction; bytes from outside (`tests/golden.rs`) pin them.

mod catalog;
mod edit;
pub mod frame;
pub mod handshake;
mod latin;
pub mod message;
pub mod notice;
pub mod sentinel;
pub mod tick_type;
mod unknown;
mod version;

pub use catalog::{DecodeError, Request, Response};
pub use edit::{Edit, edit};
pub use unknown::{FieldPath, unknown_fields};
pub use version::ServerVersion;
