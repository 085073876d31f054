//! Tasks that own the gateway's sockets, and the two ends by which the rest of the bridge reaches them.

pub mod clock;
mod driver;
mod handle;
mod outbox;
mod overflow;
mod socket;

pub use driver::{Disk, drive};
pub use handle::{Answering, Call, Caller, GatewayHandle, Inbox, gateway_handle};
pub use outbox::{LossCounters, MarketReader, Outbox, OutboxReader, outbox};
