//! Tasks that own the gateway's sockets, and the two ends by which the rest of the bridge reaches them.

pub mod clock;
mod data_id;
mod driver;
mod handle;
mod ibc;
mod lane;
mod losses;
mod outbox;
mod overflow;
mod socket;
pub mod tap;
mod traffic;

pub use data_id::{DataIdDesk, DataIds, data_ids};
pub use driver::{Disk, drive};
pub use handle::{Answering, Call, Caller, GatewayHandle, Inbox, Question, StageLog, gateway_handle};
pub use lane::Lane;
pub use losses::LossCounters;
pub use outbox::{Depth, MarketReader, Outbox, OutboxGauge, OutboxReader, outbox};
pub use traffic::Traffic;
