//! How much of the market data lines one client may share in, and whether more could be had.

use super::{Market, feed::Feed, limits::Pool};
use crate::{
    schema::{ApiError, ErrorCode, request::pace::PaceKind},
    session::{Command, core::Core},
};

impl Market {
    /// Refuses a client more lines than its quota.
    ///
    /// # Errors
    ///
    /// `busy`. There is no time after which it would succeed: the client itself must give some back.
    pub(super) fn check_quota(
        &self,
        core: &Core,
        command: &Command,
        slot: usize,
        feeds: &[Feed],
    ) -> Result<(), ApiError> {
        let max = core.config.pacing.client_lines;
        if max == 0 || command.token.is_own() {
            return Ok(());
        }
        let shares = |feed: &Feed| {
            let upstream = self.by_key.get(&(slot, *feed)).and_then(|index| self.upstreams.get(*index)?.as_ref());
            upstream.is_some_and(|upstream| upstream.clients.contains_key(&command.client))
        };
        let more = feeds.iter().filter(|feed| self.pools.of(**feed) == Pool::Lines && !shares(feed)).count();
        let held = self.pools.held_by(Pool::Lines, command.client.as_ref());
        if more == 0 || u64::from(held) + more as u64 <= u64::from(max) {
            return Ok(());
        }
        let text = format!(
            "this client shares in {held} of the {max} market data lines it may have (pacing.client_lines), {more} more needed; unsubscribe some"
        );
        Err(ApiError::new(ErrorCode::Busy, text))
    }

    /// Refuses so many more streams as a subscription would.
    pub(crate) fn check_more(&self, core: &Core, kind: PaceKind, count: u32) -> Result<(), ApiError> {
        let pool = match kind {
            PaceKind::Quotes | PaceKind::RealTimeBars => Pool::Lines,
            PaceKind::TickByTick => Pool::TickByTick,
            PaceKind::Depth => Pool::Depth,
            _ => return Ok(()),
        };
        self.check_room(core, pool, count)
    }
}
