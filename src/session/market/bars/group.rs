//! Sizes that are built from the same units: five seconds for the short ones, a minute for the others.

use std::time::{Duration, Instant};

use super::{
    Claim,
    builder::{Builder, Desk, Unit},
    marks,
    sum::Sum,
};
use crate::{
    config::ms,
    schema::{
        bar::{Bar, BarSize},
        request::history::Hole,
    },
    session::{Listing, Token, core::Core},
};

const SECOND_US: i64 = 1_000_000;

/// What is to be fetched of history for some of the builders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) unit: BarSize,
    pub(super) from_us: i64,
    pub(super) to_us: i64,
}

/// All sizes of one unit.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) unit: BarSize,
    /// Shortest first.
    pub(super) builders: Vec<Builder>,
    /// Units that start here or later are delivered whole. Unknown until bars flow.
    edge_us: Option<i64>,
    /// Start and content of the unit that is not over.
    current: Option<(i64, Sum)>,
}

impl Group {
    pub(super) fn new(unit: BarSize) -> Self {
        Self { unit, builders: Vec::new(), edge_us: None, current: None }
    }

    fn unit_us(&self) -> i64 {
        self.unit.seconds().saturating_mul(SECOND_US)
    }

    /// First bars of short sizes are not worth a request out of the few that IB allows for such bars.
    fn completes_first_bars(&self) -> bool {
        self.unit != BarSize::FIVE_SECONDS
    }

    /// One holder more; `is_flowing` says whether the next bar follows the last one.
    pub(super) fn hold(&mut self, core: &mut Core, desk: Desk<'_>, size: BarSize, claim: Claim, is_flowing: bool) {
        if let Some(builder) = self.builders.iter_mut().find(|builder| builder.size == size) {
            builder.holders += 1;
            builder.lasting += u32::from(claim.lasts);
            return builder.join(core, desk);
        }
        let mut builder = Builder::new(size);
        (builder.holders, builder.lasting) = (1, u32::from(claim.lasts));
        if let Some(end_us) = claim.end_us.filter(|end_us| marks::is_sound(core, *end_us)) {
            builder.go_on_from(core, desk, end_us - end_us.rem_euclid(self.unit_us()));
        }
        if let Some(edge_us) = self.edge_us.filter(|_| is_flowing) {
            if builder.next_us.is_none() {
                self.begin(core, desk, &mut builder, edge_us, edge_us);
            } else {
                if let Some(waiting) = &mut builder.waiting {
                    waiting.flow_us = Some(core.now.us);
                }
                self.plan(core, &mut builder, edge_us);
            }
            if builder.is_whole() {
                builder.go_on(core, desk);
            }
        }
        let place = self.builders.partition_point(|other| other.size < size);
        self.builders.insert(place, builder);
    }

    /// Gives one holder's interest back.
    pub(super) fn release(&mut self, core: &mut Core, listing: &Listing, size: BarSize, lasts: bool) {
        let mut dropped = None;
        self.builders.retain_mut(|builder| {
            if builder.size == size {
                builder.holders = builder.holders.saturating_sub(1);
                builder.lasting = builder.lasting.saturating_sub(u32::from(lasts));
                if lasts && builder.lasting == 0 {
                    marks::forget(core, listing, size);
                }
            }
            if builder.holders == 0 {
                dropped = builder.waiting.as_ref().and_then(|waiting| waiting.token);
            }
            builder.holders > 0
        });
        self.abandon(core, dropped);
    }

    /// Gives up requests that no size waits for any more; several may share one.
    fn abandon_dropped(&mut self, core: &mut Core) {
        let dropped: Vec<Token> = self.builders.iter_mut().filter_map(|builder| builder.dropped.take()).collect();
        for token in dropped {
            self.abandon(core, Some(token));
        }
    }

    fn abandon(&self, core: &mut Core, dropped: Option<Token>) {
        let waits = |token| {
            self.builders.iter().filter_map(|builder| builder.waiting.as_ref()?.token).any(|other| other == token)
        };
        if let Some(token) = dropped.filter(|token| !waits(*token)) {
            core.abandon(token);
        }
    }

    /// The first bar this builder sees begins at `at_us`; units are whole from `edge_us` on.
    fn begin(&self, core: &Core, desk: Desk<'_>, builder: &mut Builder, at_us: i64, edge_us: i64) {
        let start_us = desk.calendar.period(builder.size, at_us).start_us.min(edge_us);
        if self.completes_first_bars() || start_us == edge_us {
            builder.begin(start_us);
            self.plan(core, builder, edge_us);
        } else {
            builder.begin_partial(start_us, edge_us);
        }
    }

    /// Bars flow again from `start_us` on; `is_contiguous` if they follow the last one seen.
    pub(super) fn resume(&mut self, core: &mut Core, desk: Desk<'_>, start_us: i64, is_contiguous: bool) {
        let unit_us = self.unit_us();
        let is_contiguous = is_contiguous && self.edge_us.is_some();
        if !is_contiguous {
            self.current = None;
            self.edge_us = Some(start_us + (unit_us - start_us.rem_euclid(unit_us)) % unit_us);
        }
        let Some(edge_us) = self.edge_us else { return };
        let mut builders = std::mem::take(&mut self.builders);
        for builder in &mut builders {
            let Some(waiting) = &mut builder.waiting else { continue };
            waiting.flow_us = Some(core.now.us);
            let must_fetch = waiting.must_fetch;
            builder.drop_fill();
            match builder.next_us {
                None => self.begin(core, desk, builder, start_us, edge_us),
                Some(_) if is_contiguous && !must_fetch => {}
                Some(_) => self.plan(core, builder, edge_us),
            }
            if builder.is_whole() {
                builder.go_on(core, desk);
            }
        }
        self.builders = builders;
        self.abandon_dropped(core);
    }

    /// Has what is missing before `edge_us` fetched, if anything is.
    fn plan(&self, core: &Core, builder: &mut Builder, edge_us: i64) {
        let give_up_at = core.now.at + ms(core.config.bars.repair_ms);
        builder.plan(edge_us, self.oldest_us(core, edge_us), give_up_at);
    }

    /// What lies before this is not fetched.
    fn oldest_us(&self, core: &Core, edge_us: i64) -> i64 {
        let bars = &core.config.bars;
        let reach_s = if self.completes_first_bars() { bars.repair_max_s } else { bars.repair_small_max_s };
        let reach_us = i64::try_from(reach_s).unwrap_or(i64::MAX).saturating_mul(SECOND_US);
        let oldest_us = edge_us.saturating_sub(reach_us);
        oldest_us - oldest_us.rem_euclid(self.unit_us())
    }

    /// A five-second bar of the live stream.
    pub(super) fn on_bar(&mut self, core: &mut Core, desk: Desk<'_>, bar: &Bar, end_us: i64) {
        let unit_us = self.unit_us();
        let start_us = bar.start_us - bar.start_us.rem_euclid(unit_us);
        if self.current.as_ref().is_some_and(|(current_us, _)| *current_us != start_us) {
            self.close_current(core, desk);
        }
        match &mut self.current {
            Some((_, sum)) => sum.add(bar),
            None => self.current = Some((start_us, Sum::of(bar))),
        }
        if end_us >= start_us + unit_us {
            self.close_current(core, desk);
        }
        let whole = self.edge_us.and_then(|edge_us| self.current.as_ref().filter(|(start_us, _)| *start_us >= edge_us));
        for builder in self.builders.iter_mut().filter(|builder| builder.size != BarSize::FIVE_SECONDS) {
            // Just closed: there is nothing new to tell.
            if whole.is_some() || builder.closes_us().is_some_and(|closes_us| closes_us > end_us) {
                builder.update(core, desk, whole.map(|(start_us, sum)| (*start_us, sum)));
            }
        }
    }

    fn close_current(&mut self, core: &mut Core, desk: Desk<'_>) {
        let Some((start_us, sum)) = self.current.take() else { return };
        if self.edge_us.is_none_or(|edge_us| start_us < edge_us) {
            // It began before bars flowed: history tells it.
            return;
        }
        let end_us = start_us + self.unit_us();
        self.edge_us = Some(end_us);
        let unit = Unit { bar: sum.bar(start_us, None), end_us, is_backfilled: false };
        for builder in &mut self.builders {
            builder.offer(core, desk, &unit);
        }
        self.abandon_dropped(core);
    }

    /// Everything up to `until_us` has come that will come.
    pub(super) fn close_until(&mut self, core: &mut Core, desk: Desk<'_>, until_us: i64) {
        let unit_us = self.unit_us();
        if self.current.as_ref().is_some_and(|(start_us, _)| start_us + unit_us <= until_us) {
            self.close_current(core, desk);
        }
        for builder in self.builders.iter_mut().filter(|builder| builder.waiting.is_none()) {
            builder.close_until(core, desk, until_us);
        }
    }

    /// The earliest end of a bar that time alone may have to close.
    pub(super) fn closes_us(&self) -> Option<i64> {
        let current = self.current.as_ref().map(|(start_us, _)| start_us + self.unit_us());
        self.builders.iter().filter_map(Builder::closes_us).chain(current).min()
    }

    // Repairs.

    /// What can be asked for now: one request for all builders that lack something up to the same moment.
    pub(super) fn wish(&self, known_us: i64) -> Option<Wish> {
        let ready = self.builders.iter().filter_map(|builder| builder.missing(known_us));
        let (from_us, to_us) = ready.reduce(|all, next| (all.0.min(next.0), all.1.max(next.1)))?;
        Some(Wish { unit: self.unit, from_us, to_us })
    }

    /// The wish was asked for under this token.
    pub(super) fn on_asked(&mut self, known_us: i64, token: Token) {
        for builder in &mut self.builders {
            if builder.missing(known_us).is_some()
                && let Some(waiting) = &mut builder.waiting
            {
                waiting.token = Some(token);
            }
        }
    }

    /// What was asked for came, or will not.
    pub(super) fn on_reply(
        &mut self,
        core: &mut Core,
        desk: Desk<'_>,
        token: Token,
        outcome: &Result<(&[Bar], &[Hole]), Failure>,
    ) {
        let unit_us = self.unit_us();
        for builder in &mut self.builders {
            let Some(waiting) = builder.waiting.as_mut().filter(|waiting| waiting.token == Some(token)) else {
                continue;
            };
            waiting.token = None;
            let Some((from_us, to_us)) = builder.span() else { continue };
            match outcome {
                Ok((rows, holes)) => {
                    let mine = rows.iter().filter(|bar| bar.start_us >= from_us && bar.start_us < to_us);
                    let unit =
                        |bar: &Bar| Unit { bar: bar.clone(), end_us: bar.start_us + unit_us, is_backfilled: true };
                    let units: Vec<Unit> = mine.map(unit).collect();
                    let touches = |hole: &&Hole| hole.from_us < to_us && hole.to_us > from_us;
                    builder.repaired(core, desk, &units, holes.iter().filter(touches).cloned().collect());
                }
                Err(failure) => builder.failed(core, desk, failure),
            }
        }
    }

    /// Ends waits that have lasted too long.
    pub(super) fn on_timer(&mut self, core: &mut Core, desk: Desk<'_>) {
        let now = core.now.at;
        for builder in &mut self.builders {
            if builder.waiting.as_ref().is_some_and(|waiting| waiting.give_up_at.is_some_and(|at| at <= now)) {
                let failure = Failure { reason: "timeout".to_owned(), ib_code: None, again_at: None };
                builder.failed(core, desk, &failure);
            }
            if let Some(waiting) = &mut builder.waiting {
                waiting.ask_at.take_if(|at| *at <= now);
            }
        }
        self.abandon_dropped(core);
    }

    /// Without any bar: has fetched what may be missing before `edge_us`. True if something may be.
    pub(super) fn fill(&mut self, core: &Core, edge_us: i64) -> bool {
        let edge_us = edge_us - edge_us.rem_euclid(self.unit_us());
        let oldest_us = self.oldest_us(core, edge_us);
        let planned: Vec<bool> =
            self.builders.iter_mut().map(|builder| builder.plan_fill(edge_us, oldest_us)).collect();
        planned.contains(&true)
    }

    pub(super) fn interrupt(&mut self, core: &mut Core, desk: Desk<'_>, from_us: i64, reason: &str) {
        for builder in &mut self.builders {
            builder.interrupt(core, desk, from_us, reason);
        }
        self.abandon_dropped(core);
    }

    /// When a wait ends or a request may be repeated.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let waits = self.builders.iter().filter_map(|builder| builder.waiting.as_ref());
        waits.flat_map(|waiting| [waiting.give_up_at, waiting.ask_at]).flatten().min()
    }
}

/// Why bars could not be fetched.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) ib_code: Option<i32>,
    /// When asking again may help.
    pub(super) again_at: Option<Instant>,
}

/// Least wait before the same is asked for again: IB's rule for equal requests.
pub(super) const SAME_AFTER: Duration = Duration::from_secs(15);
