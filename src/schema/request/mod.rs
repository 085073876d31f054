//! What can be asked for, and what is answered. Requests refuse fields they do not know.

pub mod account;
pub mod chain;
pub mod contract;
pub mod doctor;
pub mod gateway;
pub mod history;
mod history_answer;
pub mod market;
pub mod news;
pub mod option;
pub mod order;
pub mod pace;
pub mod process;
pub mod reference;
pub mod reload;
pub mod risk;
pub mod scan;

pub mod status;
pub mod stream;
pub mod wsh;
