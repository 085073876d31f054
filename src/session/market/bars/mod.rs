//! Bars of every size, built from the gateway's bars of five seconds.
//!
//! All sizes of an instrument share one stream. Sizes below a minute are built from its bars; the
//! others from minutes, so that an interruption is mended with history of the same unit: five-second
//! bars for the short sizes, one-minute bars, which cost nothing of IB's small-bar limit, for the others. While
//! a size lacks bars its newer ones are held; what is fetched is published first.

mod builder;
mod gap;
mod group;
pub(super) mod kept;
mod marks;
mod period;
mod sum;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub(super) use self::marks::mark_of;
use self::{
    builder::Desk,
    group::{Failure, Group, SAME_AFTER, Wish},
    kept::Kept,
};
use crate::{
    config::ms,
    schema::{
        ErrorCode,
        bar::{Bar, BarEvent, BarSize, BarSource},
        contract::{ContractQuery, ContractSpec},
        request::history::{BarsRequest, TimePoint},
    },
    session::{Answer, Ask, Listing, Outcome, Token, core::Core},
};

const SECOND_US: i64 = 1_000_000;
const BAR_US: i64 = 5 * SECOND_US;
/// History may lag behind the stream by this much.
const SETTLE_US: i64 = 2 * SECOND_US;
/// Silence after a request for the stream that is taken for a market that does not trade.
const QUIET: Duration = Duration::from_secs(15);
/// Without bars the gateway's time is known only roughly: what is younger is left for later.
const QUIET_MARGIN_US: i64 = 60 * SECOND_US;
/// Times that what is missing is looked for in a silent stream: the market may have closed meanwhile.
const QUIET_TRIES: u8 = 3;
const QUIET_AGAIN: Duration = Duration::from_secs(120);

/// What a lease wants of a size.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Claim {
    /// It outlives the bridge: how far its bars were published is kept.
    pub(super) lasts: bool,
    /// End of the last whole bar that an earlier run published.
    pub(super) end_us: Option<i64>,
}

/// The live bars of one instrument.
#[derive(Debug)]
pub(super) struct BarFeed {
    short: Group,
    long: Group,
    /// End of the newest bar of five seconds.
    last_end_us: Option<i64>,
    /// Our clock less the gateway's, with what a bar takes to arrive.
    lag_us: i64,
    is_flowing: bool,
    /// When silence is taken for a closed market, and how often it still may be.
    quiet: Option<(Instant, u8)>,
    /// The bar that grows, if bars come from a request that is kept up to date.
    kept: Option<Kept>,
    /// When this feed is to be woken, as noted by whoever wakes it.
    pub(super) scheduled: Option<Instant>,
}

impl Default for BarFeed {
    fn default() -> Self {
        Self {
            short: Group::new(BarSize::FIVE_SECONDS),
            long: Group::new(BarSize::MINUTE),
            last_end_us: None,
            lag_us: 0,
            is_flowing: false,
            quiet: None,
            kept: None,
            scheduled: None,
        }
    }
}

impl BarFeed {
    /// True if a live stream of this size is offered.
    pub(super) fn offers(size: BarSize) -> bool {
        (BarSize::FIVE_SECONDS..=BarSize::DAY).contains(&size)
    }

    fn groups(&mut self) -> [&mut Group; 2] {
        [&mut self.short, &mut self.long]
    }

    fn group(&mut self, size: BarSize) -> &mut Group {
        if size < BarSize::MINUTE { &mut self.short } else { &mut self.long }
    }

    /// One more lease on a size.
    pub(super) fn hold(&mut self, core: &mut Core, listing: &Arc<Listing>, size: BarSize, claim: Claim) {
        if core.config.bars.feed == crate::config::BarFeed::KeepUpToDate {
            self.kept.get_or_insert_default();
        }
        let calendar = core.calendar(listing.instrument.con_id);
        let is_flowing = self.is_flowing;
        self.group(size).hold(core, Desk { listing, calendar: &calendar }, size, claim, is_flowing);
    }

    /// One lease on a size less; `lasts` as in its [`Claim`].
    pub(super) fn release(&mut self, core: &mut Core, listing: &Arc<Listing>, size: BarSize, lasts: bool) {
        self.group(size).release(core, listing, size, lasts);
    }

    /// The last bar of each size.
    pub(super) fn last_bars(&self) -> Vec<BarEvent> {
        let all = self.short.builders.iter().chain(&self.long.builders);
        all.filter_map(|builder| builder.last.clone()).collect()
    }

    /// True if bars come from a request that is kept up to date.
    pub(super) fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// The bar that grows, as far as it has.
    pub(super) fn on_update(&mut self, core: &mut Core, listing: &Arc<Listing>, bar: Bar) {
        let is_old = self.last_end_us.is_some_and(|last_us| bar.start_us < last_us);
        if let Some(bar) = self.kept.as_mut().filter(|_| !is_old).and_then(|kept| kept.update(bar)) {
            self.on_bar(core, listing, &bar);
        }
    }

    /// A five-second bar of the stream.
    pub(super) fn on_bar(&mut self, core: &mut Core, listing: &Arc<Listing>, bar: &Bar) {
        let end_us = bar.start_us.saturating_add(BAR_US);
        if self.last_end_us.is_some_and(|last_us| bar.start_us < last_us) {
            // A repeat: bars never go back.
            core.counters.late_answers += 1;
            return;
        }
        let calendar = core.calendar(listing.instrument.con_id);
        let desk = Desk { listing, calendar: &calendar };
        self.lag_us = core.now.us - end_us;
        if !self.is_flowing {
            self.is_flowing = true;
            self.quiet = None;
            let is_contiguous = self.last_end_us == Some(bar.start_us);
            for group in self.groups() {
                group.resume(core, desk, bar.start_us, is_contiguous);
            }
        }
        self.last_end_us = Some(end_us);
        for group in self.groups() {
            group.on_bar(core, desk, bar, end_us);
        }
        self.fetch(core, desk);
    }

    /// The stream was asked for: bars are expected.
    pub(super) fn on_sent(&mut self, core: &Core) {
        if !self.is_flowing {
            self.quiet = Some((core.now.at + QUIET, QUIET_TRIES));
        }
    }

    /// Bars may be missing from `from_us` on, our clock.
    pub(super) fn interrupt(&mut self, core: &mut Core, listing: &Arc<Listing>, from_us: i64, reason: &str) {
        let calendar = core.calendar(listing.instrument.con_id);
        self.is_flowing = false;
        self.quiet = None;
        if let Some(kept) = &mut self.kept {
            // How it ended is told by history.
            kept.current = None;
        }
        for group in self.groups() {
            group.interrupt(core, Desk { listing, calendar: &calendar }, from_us, reason);
        }
    }

    // Time.

    /// The gateway's time, as far as its bars told.
    fn gateway_us(&self, core: &Core) -> i64 {
        core.now.us.saturating_sub(self.lag_us)
    }

    /// When the gateway's clock shows this.
    fn instant(&self, core: &Core, gateway_us: i64) -> Instant {
        let wait_us = gateway_us.saturating_sub(self.gateway_us(core)).max(0);
        core.now.at + Duration::from_micros(wait_us.unsigned_abs())
    }

    fn grace_us(core: &Core) -> i64 {
        i64::try_from(core.config.bars.close_after_ms).unwrap_or(i64::MAX).saturating_mul(1_000)
    }

    pub(super) fn on_timer(&mut self, core: &mut Core, listing: &Arc<Listing>) {
        let calendar = core.calendar(listing.instrument.con_id);
        let desk = Desk { listing, calendar: &calendar };
        let gateway_us = self.gateway_us(core);
        let over_us = gateway_us.saturating_sub(Self::grace_us(core));
        let ended = self.kept.as_mut().and_then(|kept| kept.current.take_if(|bar| bar.start_us + BAR_US <= over_us));
        if let Some(bar) = ended {
            // No other bar followed it.
            self.on_bar(core, listing, &bar);
        }
        let is_flowing = self.is_flowing;
        for group in self.groups() {
            group.on_timer(core, desk);
            if is_flowing {
                group.close_until(core, desk, over_us);
            }
        }
        if let Some((at, left)) = self.quiet.filter(|(at, _)| *at <= core.now.at) {
            let edge_us = gateway_us.saturating_sub(QUIET_MARGIN_US);
            let is_missing = self.groups().map(|group| group.fill(core, edge_us)).contains(&true);
            self.quiet = (is_missing && left > 1).then_some((at.max(core.now.at) + QUIET_AGAIN, left - 1));
        }
        self.fetch(core, desk);
    }

    /// When [`Self::on_timer`] has something to do.
    pub(super) fn wake_at(&self, core: &Core) -> Option<Instant> {
        let grows_us = self.kept.as_ref().and_then(|kept| kept.current.as_ref()).map(|bar| bar.start_us + BAR_US);
        let grows = grows_us.map(|us| self.instant(core, us.saturating_add(Self::grace_us(core))));
        let quiet = self.quiet.map(|(at, _)| at);
        let mut due = [self.short.wake_at(), self.long.wake_at(), quiet, None, None, None, None, grows];
        if self.is_flowing {
            for (group, slot) in [&self.short, &self.long].into_iter().zip(due.iter_mut().skip(3)) {
                let closes_us = group.closes_us().map(|us| us.saturating_add(Self::grace_us(core)));
                *slot = closes_us.map(|us| self.instant(core, us));
            }
        }
        for (group, slot) in [&self.short, &self.long].into_iter().zip(due.iter_mut().skip(5)) {
            let wish = group.wish(i64::MAX).map(|wish| wish.to_us.saturating_add(SETTLE_US));
            *slot = wish.map(|us| self.instant(core, us));
        }
        due.into_iter().flatten().min()
    }

    // Repairs.

    /// Asks for what is missing and can be had by now.
    fn fetch(&mut self, core: &mut Core, desk: Desk<'_>) {
        let known_us = self.gateway_us(core).saturating_sub(SETTLE_US);
        let give_up_at = core.now.at + ms(core.config.bars.repair_ms);
        for group in self.groups() {
            if let Some(wish) = group.wish(known_us) {
                let ask = Ask::Bars(Box::new(request(desk.listing, wish)));
                let token = core.ask_own(ask, desk.listing, give_up_at);
                group.on_asked(known_us, token);
            }
        }
    }

    /// The reply to a request of ours; nothing happens if it was another feed's.
    pub(super) fn on_reply(&mut self, core: &mut Core, listing: &Arc<Listing>, token: Token, outcome: &Outcome) {
        let calendar = core.calendar(listing.instrument.con_id);
        let desk = Desk { listing, calendar: &calendar };
        let now = core.now.at;
        let told = match outcome {
            Ok(Answer::Bars(bars)) => Ok((bars.rows.as_slice(), bars.manifest.holes.as_slice())),
            Ok(_) => Ok((&[][..], &[][..])),
            Err(error) => {
                let may_pass = matches!(
                    error.code,
                    ErrorCode::NotReady | ErrorCode::Busy | ErrorCode::PacingLimited | ErrorCode::Timeout
                );
                let wait = ms(error.retry_after_ms.unwrap_or(0)).max(SAME_AFTER);
                let again_at = may_pass.then_some(now + wait);
                Err(Failure { reason: error.code.as_str().to_owned(), ib_code: error.ib_code, again_at })
            }
        };
        for group in self.groups() {
            group.on_reply(core, desk, token, &told);
        }
    }
}

/// A currency pair has no trades.
pub(super) fn source(listing: &Listing) -> BarSource {
    if listing.instrument.sec_type == "CASH" { BarSource::Midpoint } else { BarSource::Trades }
}

fn request(listing: &Listing, wish: Wish) -> BarsRequest {
    let Listing { instrument, .. } = listing;
    let exchange = Some(instrument.exchange.clone());
    let query = ContractQuery { con_id: Some(instrument.con_id), exchange, ..ContractQuery::default() };
    BarsRequest {
        contract: ContractSpec(query),
        bar_size: wish.unit,
        start: Some(TimePoint { us: wish.from_us }),
        end: Some(TimePoint { us: wish.to_us }),
        duration: None,
        source: Some(source(listing)),
        regular_hours: false,
        timeout_ms: None,
    }
}
