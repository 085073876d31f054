//! Interactive Brokers on NATS: market data, orders and account events of one gateway login.
#![recursion_limit = "512"]

pub mod cli;
pub mod config;
pub mod gateway;
pub mod journal;
pub mod measure;
pub mod nats;
pub mod ops;
pub mod schema;
pub mod session;
pub mod sim;
pub mod tws;
