//! A TWS gateway that is not IB: the server side of the protocol, over real TCP, with its own markets.
//!
//! The world ([`gateway`]) is pure: requests and time go in, answers come out. Only [`server`] reads
//! the clock and only [`connection`] touches a socket. Nothing here knows the bridge's session: the
//! simulator has its own reading of IB's rules, so that one checks the other.

mod bar_size;
mod book;
pub mod broker;
mod calendar;
mod clock;
mod command_port;
mod config;
mod connection;
mod control;
mod depth;
mod derivative;
mod details;
mod expiry;
pub mod faults;
mod feeds;
mod gateway;
mod generic_ticks;
mod greeks;
mod history;
mod holidays;
mod incidents;
mod inquiry;
mod instrument;
mod level1;
mod line;
mod listing;
mod login;
mod market_data;
mod news;
mod offline;
mod open_prices;
mod openings;
mod outbox;
mod past_ticks;
mod path;
mod price;
mod real_time_bars;
mod record;
pub mod recording;
mod referee;
mod reference;
mod scanner;
pub mod scenario;
mod seed;
mod series;
mod server;
mod sessions;
mod settings;
mod station;
mod tape;
mod tick_by_tick;
mod ticks;
mod time_text;
mod universe;
mod volume;

pub use config::SimConfig;
pub use faults::RuleState;
pub use offline::OfflineSim;
pub use record::RequestCount;
pub use referee::{Rule, RuleCount, Violation};
pub use scenario::{Scenario, ScenarioError};
pub use server::{RunningSim, Simulator, StartError, run};
pub use tape::PriceFileError;
