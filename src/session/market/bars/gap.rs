//! An interruption of one bar size, as clients are told of it.

use std::sync::Arc;

use super::builder::{Desk, Unit};
use crate::{
    schema::{
        bar::BarSize,
        connection::{GapEvent, GapState, RepairedBars},
        request::history::Hole,
    },
    session::{Event, core::Core},
};

/// Holes one gap event names.
const HOLES_MAX: usize = 32;

/// An interruption that is not over.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub(super) from_us: i64,
    pub(super) reason: String,
}

/// Publishes that it began, or with `to_us` that it is over, what was fetched and what is missing for good.
pub(super) fn tell(
    core: &mut Core,
    desk: Desk<'_>,
    size: BarSize,
    gap: &Gap,
    to_us: Option<i64>,
    rows: &[Unit],
    holes: &[Hole],
) {
    let repaired = rows.first().zip(rows.last()).map(|(first, last)| RepairedBars {
        from_us: first.bar.start_us,
        to_us: last.end_us,
        fetched: u64::try_from(rows.len()).unwrap_or(u64::MAX),
    });
    let missing: Vec<Hole> = holes.iter().take(HOLES_MAX).cloned().collect();
    let event = GapEvent {
        con_id: desk.listing.instrument.con_id,
        seq: 0,
        recv_us: core.now.us,
        stream: format!("bar.{size}"),
        state: if to_us.is_some() { GapState::Closed } else { GapState::Opened },
        from_us: gap.from_us,
        to_us,
        reason: gap.reason.clone(),
        repaired,
        missing: (!missing.is_empty()).then_some(missing),
    };
    core.emit(Event::Gap(Arc::clone(desk.listing), Box::new(event)));
}
