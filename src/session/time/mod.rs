//! Times as the gateway writes them, as microseconds since the epoch, UTC.
//!
//! A time is read in the zone that is written beside it. A zone nobody knows, or a name that stands
//! for several of them, leaves the time out: a guess would be wrong by hours.

mod hours;
mod moment;
#[cfg(test)]
mod tests;
mod trading_hours;
mod unknown;
mod zone;

pub(crate) use hours::{Hours, Span, Trading};
#[allow(unused_imports, reason = "`moment_in` is for schedules, whose zone stands beside the times")]
pub(crate) use moment::{moment, moment_in, zone_name};
pub(crate) use trading_hours::TradingHours;
pub(crate) use unknown::UnknownZones;
pub(crate) use zone::Zone;
