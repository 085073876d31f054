//! Bars of every size as clients see them, on a session with virtual time.

mod building;
mod exchange;
mod histories;
mod kept;
mod repairing;
