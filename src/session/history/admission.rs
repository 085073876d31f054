//! Refuses at once what IB's limits cannot let through before the caller gives up.

use std::time::{Duration, Instant};

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use super::{question::Question, work::Work};
use crate::{
    schema::{ApiError, ErrorCode},
    session::{
        core::Core,
        pacing::{Cost, HistoryCost},
    },
};

/// What a caller wants to ask, in units of IB's count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    pub(super) small: bool,
    /// All of it.
    pub(super) units: u32,
}

impl Demand {
    /// What these questions about one contract cost together.
    pub(super) fn of<'a>(listing: &crate::session::Listing, questions: impl Iterator<Item = &'a Question>) -> Self {
        let mut demand = Self { small: false, units: 0 };
        for question in questions {
            if let Cost::History(HistoryCost { weight, small, .. }) = question.cost(listing) {
                demand = Self { small, units: demand.units.saturating_add(weight) };
            }
        }
        demand
    }
}

/// Units that go before a new request of this client: all its own, and of every other client as many
/// as its turns come up meanwhile.
fn ahead(core: &Core, jobs: &[Work], client: Option<&CompactString>, demand: Demand) -> u32 {
    let mut by_client: FxHashMap<Option<&CompactString>, u32> = FxHashMap::default();
    for (owner, units) in core.pacing.history_waiting(demand.small) {
        let sum = by_client.entry(owner).or_default();
        *sum = sum.saturating_add(units);
    }
    for work in jobs {
        let Work::Bars(job) = work else { continue };
        if job.is_small() == demand.small {
            let weight = if job.source() == crate::schema::bar::BarSource::BidAsk { 2 } else { 1 };
            let units = u32::try_from(job.unasked()).unwrap_or(u32::MAX).saturating_mul(weight);
            let sum = by_client.entry(job.seat.client.as_ref()).or_default();
            *sum = sum.saturating_add(units);
        }
    }
    let turns = |(owner, units): (Option<&CompactString>, u32)| {
        if owner == client { units } else { units.min(demand.units) }
    };
    by_client.into_iter().map(turns).fold(0, u32::saturating_add)
}

/// Refuses what cannot be sent before `deadline`.
///
/// # Errors
///
/// `pacing_limited`. `retry_after_ms` says after which time the same request would be taken if nothing
/// else is asked meanwhile; it is absent if a request of this size never makes such a deadline.
pub(super) fn check(
    core: &mut Core,
    jobs: &[Work],
    client: Option<&CompactString>,
    deadline: Instant,
    demand: Demand,
) -> Result<(), ApiError> {
    if demand.units == 0 {
        return Ok(());
    }
    let now = core.now.at;
    let ahead = ahead(core, jobs, client, demand);
    let burst = burst_time(core, demand);
    let sent = core.pacing.history_sent_by(now, demand.small, ahead, demand.units).max(now + burst);
    // Sent at the deadline itself is too late.
    if sent < deadline {
        return Ok(());
    }
    let (max, length) = core.pacing.history_window(demand.small);
    let alone = (length * (demand.units.saturating_sub(1) / max.max(1))).max(burst);
    let needed_ms = millis(sent.saturating_duration_since(now));
    let held_back = core.pacing.slowed_until().is_some_and(|until| until >= sent);
    let message = if held_back {
        format!("history is held back for {needed_ms} ms after a pacing violation")
    } else {
        let kind = if demand.small { "small-bar requests" } else { "requests for longer bars" };
        let (units, seconds) = (demand.units, length.as_secs());
        format!(
            "this takes {units} {kind}, {max} may be sent in {seconds} s, {ahead} wait before it, and the last one would be sent in {needed_ms} ms; allow a longer timeout_ms or ask for less"
        )
    };
    let error = ApiError::new(ErrorCode::PacingLimited, message);
    let patience = deadline.saturating_duration_since(now);
    Err(if alone < patience {
        error.retry_after_ms(millis(sent.saturating_duration_since(deadline)) + 1)
    } else {
        error
    })
}

/// Time from the first to the last of these units under the rule for one contract and kind.
fn burst_time(core: &Core, demand: Demand) -> Duration {
    if !demand.small {
        return Duration::ZERO;
    }
    let (max, length) = core.pacing.same_window();
    length * (demand.units.saturating_sub(1) / max.max(1))
}

/// Rounded up, so that a caller who waits this long is not early.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
