//! Metrics: one list of figures, for Prometheus and for `pool.metrics`.

pub mod catalogue;
mod collect;
mod sheet;
mod text;

pub(super) use collect::{Readings, collect};
pub(super) use text::{CONTENT_TYPE, text};
