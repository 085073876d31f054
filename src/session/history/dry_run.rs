//! What a request for history would cost and when it would be sent, for `pace.check`.

use std::time::Instant;

use super::{History, admission::Demand, any_instrument, plan, range::Range};
use crate::{
    schema::{
        ApiError,
        bar::{BarSize, BarSource},
        contract::ContractSpec,
        request::{
            history::BarsRequest,
            pace::{PaceCheck, PaceKind},
        },
    },
    session::{core::Core, pacing::Client},
};

/// A question about history that is not asked.
#[derive(Debug)]
pub(crate) struct HistoryAsk<'a> {
    pub(crate) ask: &'a PaceCheck,
    pub(crate) count: u32,
    pub(crate) client: &'a Client,
    pub(crate) deadline: Instant,
}

impl History {
    /// Units by IB's count, when the first and the last of them would be sent, and the error of the session's state.
    ///
    /// # Errors
    ///
    /// `invalid_request` if the request itself makes no sense.
    pub(crate) fn dry_run(
        &mut self,
        core: &mut Core,
        question: &HistoryAsk<'_>,
    ) -> Result<(u32, Instant, Instant, Option<ApiError>), ApiError> {
        let HistoryAsk { ask, count, client, deadline } = *question;
        let weight = if ask.source == Some(BarSource::BidAsk) { 2 } else { 1 };
        let (small, requests) = match (ask.kind, ask.bar_size) {
            (PaceKind::Bars, None) => return Err(ApiError::invalid("bar_size is needed for bars")),
            (PaceKind::Bars, Some(size)) => (plan::is_small(size), chunks(core, ask, size)?),
            _ => (true, 1),
        };
        let weight = if ask.kind == PaceKind::RealTimeBars { 1 } else { weight };
        let units = requests.saturating_mul(count).saturating_mul(weight);
        let each = Demand { small, units: weight, key: 0 };
        let first = self.foretell(core, client, each, deadline).sent;
        // Of several contracts, so that the rule for one contract says nothing of the last.
        let last = self.foretell(core, client, Demand { units, ..each }, deadline).sent;
        Ok((units, first, last.max(first), self.check_up(core).err()))
    }
}

/// How many requests a range takes.
fn chunks(core: &Core, ask: &PaceCheck, bar_size: BarSize) -> Result<u32, ApiError> {
    if ask.start.is_none() && ask.end.is_none() && ask.duration.is_none() {
        return Ok(1);
    }
    let contract = ContractSpec("CONID:1".parse().map_err(|_| ApiError::invalid("no contract"))?);
    let one = BarsRequest {
        contract,
        bar_size,
        start: ask.start,
        end: ask.end,
        duration: ask.duration.clone(),
        source: ask.source,
        regular_hours: false,
        timeout_ms: None,
    };
    let range = Range::read(&one, &any_instrument(ask.source), core.now.us, core.config.pacing.history_rows)?;
    Ok(u32::try_from(range.chunks.len()).unwrap_or(u32::MAX))
}
