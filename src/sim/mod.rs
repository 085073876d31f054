//! A TWS gateway that is not IB: for tests, demonstrations and benches.

pub mod broker;
