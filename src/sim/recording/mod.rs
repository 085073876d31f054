//! Recordings of a gateway: saved by a proxy between a client and it, and played back instead of it.

mod attribution;
mod entry;
mod mask;
mod player;
mod proxy;
mod replay;
mod saver;
mod script;
mod tap;

pub use entry::{ReadError, Recording};
pub use proxy::{RecordConfig, RecordError, Recorded, RunningRecorder};
pub use replay::{Replay, RunningReplay};
