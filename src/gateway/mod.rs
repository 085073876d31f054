//! Tasks that own the gateway's sockets, and the two ends by which the rest of the bridge reaches them.

pub mod clock;
mod handle;
mod outbox;

pub use handle::{GatewayHandle, Inbox, gateway_handle};
pub use outbox::{LossCounters, MarketReader, Outbox, OutboxReader, outbox};
