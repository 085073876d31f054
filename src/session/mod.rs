//! The brain: what to say to the gateway and what its answers mean. No I/O, no clock, no random.

mod command;
mod event;
mod listing;

pub use command::{Answer, Ask, Bars, Command, Outcome, Token};
pub use event::{Event, Lane};
pub use listing::Listing;
