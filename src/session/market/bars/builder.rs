//! One bar size: the bar being built, and what waits while missing ones are fetched.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use super::{
    gap::{self, Gap},
    group::{Failure, SAME_AFTER},
    marks,
    period::Period,
    sum::Sum,
};
use crate::{
    schema::{
        bar::{Bar, BarEvent, BarSize},
        request::history::Hole,
    },
    session::{Event, Listing, Token, calendar::Calendar, core::Core},
};

/// Bars that may wait for a repair: an hour of the shortest ones.
const HELD_MAX: usize = 720;
/// A tail of this length without bars may be history that lags behind; a longer one is a quiet market.
const LAG_MAX_US: i64 = 120_000_000;

/// A bar of the group's own size, with where it came from.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) bar: Bar,
    pub(super) end_us: i64,
    pub(super) is_backfilled: bool,
}

/// Who and what a builder publishes for.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) listing: &'a Arc<Listing>,
    pub(super) calendar: &'a Calendar,
}

#[derive(Debug)]
struct Open {
    period: Period,
    sum: Sum,
    is_backfilled: bool,
    is_partial: bool,
}

/// Bars are missing before the next one can be published.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// End of what is missing: units from here on are held. Unknown until bars flow.
    pub(super) to_us: Option<i64>,
    /// Up to here history is fetched while the stream says nothing.
    fill_us: Option<i64>,
    /// What history told so far, when it was asked once more for the last bars.
    rows: Vec<Unit>,
    holes: Vec<Hole>,
    asked_once_more: bool,
    /// The request for what is missing.
    pub(super) token: Option<Token>,
    /// Not asked before this.
    pub(super) ask_at: Option<Instant>,
    /// Given up then, whatever comes.
    pub(super) give_up_at: Option<Instant>,
    /// What is missing was never seen, or held bars were dropped: contiguous bars do not end the wait.
    pub(super) must_fetch: bool,
    /// When bars flowed again, our clock.
    pub(super) flow_us: Option<i64>,
    /// What is too old to be fetched, or could not be while the stream said nothing.
    cut: Vec<Hole>,
    held: VecDeque<Unit>,
}

/// One bar size of an instrument.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) size: BarSize,
    /// The bar published last.
    pub(super) last: Option<BarEvent>,
    /// Leases that want it.
    pub(super) holders: u32,
    /// Those of them that outlive the bridge.
    pub(super) lasting: u32,
    /// What starts before this is in. `None` until the first bar says where to begin.
    pub(super) next_us: Option<i64>,
    pub(super) waiting: Option<Waiting>,
    open: Option<Open>,
    /// Data of this time is missing for good.
    lost: Option<(i64, i64)>,
    gap: Option<Gap>,
    after_gap: bool,
    updated_at: Option<Instant>,
    /// A request that this size waits for no more; others may.
    pub(super) dropped: Option<Token>,
}

impl Builder {
    pub(super) fn new(size: BarSize) -> Self {
        Self {
            size,
            last: None,
            holders: 0,
            lasting: 0,
            next_us: None,
            waiting: Some(Waiting { must_fetch: true, ..Waiting::default() }),
            open: None,
            lost: None,
            gap: None,
            after_gap: false,
            updated_at: None,
            dropped: None,
        }
    }

    // Bars.

    /// A unit of the live stream.
    pub(super) fn offer(&mut self, core: &mut Core, desk: Desk<'_>, unit: &Unit) {
        match &mut self.waiting {
            None => self.take(core, desk, unit),
            Some(waiting) if waiting.to_us.is_some_and(|to_us| unit.bar.start_us >= to_us) => {
                waiting.held.push_back(unit.clone());
                if waiting.held.len() > HELD_MAX {
                    let failed = self.hole("too_long", None);
                    self.end_wait(core, desk, failed);
                }
            }
            // History will tell it.
            Some(_) => {}
        }
    }

    fn take(&mut self, core: &mut Core, desk: Desk<'_>, unit: &Unit) {
        let start_us = unit.bar.start_us;
        if self.next_us.is_some_and(|next_us| start_us < next_us) {
            // Its bar is out, or it is a repeat.
            core.counters.late_answers += 1;
            return;
        }
        if self.open.as_ref().is_some_and(|open| start_us >= open.period.end_us) {
            self.close(core, desk);
        }
        let is_unit = unit.end_us - start_us == self.size.seconds().saturating_mul(1_000_000);
        let period = if is_unit {
            Period { start_us, end_us: unit.end_us, date: None }
        } else {
            desk.calendar.period(self.size, start_us)
        };
        if let Some(open) = &mut self.open {
            open.sum.add(&unit.bar);
            open.is_backfilled |= unit.is_backfilled;
        } else {
            let lost = self.lost.filter(|(from_us, to_us)| *from_us < period.end_us && *to_us > period.start_us);
            self.open = Some(Open {
                sum: Sum::of(&unit.bar),
                is_backfilled: unit.is_backfilled,
                is_partial: lost.is_some(),
                period,
            });
        }
        self.next_us = Some(unit.end_us);
        if self.open.as_ref().is_some_and(|open| unit.end_us >= open.period.end_us) {
            self.close(core, desk);
        }
    }

    /// Publishes the open bar as final.
    fn close(&mut self, core: &mut Core, desk: Desk<'_>) {
        let Some(open) = self.open.take() else { return };
        // What else comes of this time must not make a second bar of it.
        self.next_us = self.next_us.max(Some(open.period.end_us));
        self.updated_at = None;
        if self.lasting > 0 {
            marks::keep(core, desk.listing, self.size, open.period.end_us);
        }
        let bar = open.sum.bar(open.period.shown_us(), date_text(open.period));
        let event = BarEvent {
            complete: true,
            backfilled: open.is_backfilled.then_some(true),
            partial: open.is_partial.then_some(true),
            ..self.event(core, desk, bar)
        };
        self.tell(core, desk, event);
    }

    /// Publishes a bar, and keeps it for late joiners.
    fn tell(&mut self, core: &mut Core, desk: Desk<'_>, event: BarEvent) {
        self.last = Some(event.clone());
        core.emit(Event::Bar(Arc::clone(desk.listing), Box::new(event)));
    }

    fn event(&mut self, core: &Core, desk: Desk<'_>, bar: Bar) -> BarEvent {
        BarEvent {
            con_id: desk.listing.instrument.con_id,
            seq: 0,
            recv_us: core.now.us,
            size: self.size,
            bar,
            complete: false,
            backfilled: None,
            partial: None,
            after_gap: std::mem::take(&mut self.after_gap).then_some(true),
        }
    }

    /// Publishes the bar so far; `current` is the unit that is not whole yet, with its start.
    pub(super) fn update(&mut self, core: &mut Core, desk: Desk<'_>, current: Option<(i64, &Sum)>) {
        let every = crate::config::ms(core.config.bars.update_ms);
        let is_early = self.updated_at.is_some_and(|at| core.now.at < at + every);
        if self.waiting.is_some() || every.is_zero() || is_early {
            return;
        }
        let (period, sum, is_backfilled, is_partial) = match (&self.open, current) {
            (Some(open), current) => {
                let mut sum = open.sum.clone();
                if let Some((_, current)) = current {
                    sum.append(current);
                }
                (open.period, sum, open.is_backfilled, open.is_partial)
            }
            (None, Some((start_us, sum))) => (desk.calendar.period(self.size, start_us), sum.clone(), false, false),
            (None, None) => return,
        };
        self.updated_at = Some(core.now.at);
        let bar = sum.bar(period.shown_us(), date_text(period));
        let event = BarEvent {
            backfilled: is_backfilled.then_some(true),
            partial: is_partial.then_some(true),
            ..self.event(core, desk, bar)
        };
        self.tell(core, desk, event);
    }

    /// End of the open bar, if only time is needed to close it.
    pub(super) fn closes_us(&self) -> Option<i64> {
        let open = self.open.as_ref().filter(|_| self.waiting.is_none())?;
        Some(open.period.end_us)
    }

    /// Closes the open bar if everything up to `until_us` has been taken in.
    pub(super) fn close_until(&mut self, core: &mut Core, desk: Desk<'_>, until_us: i64) {
        if self.open.as_ref().is_some_and(|open| open.period.end_us <= until_us) {
            self.close(core, desk);
        }
    }

    // What is missing.

    /// The first bar covers `start_us` and what follows.
    pub(super) fn begin(&mut self, start_us: i64) {
        self.next_us = Some(start_us);
    }

    /// An earlier run of the bridge published everything up to `end_us`.
    pub(super) fn go_on_from(&mut self, core: &mut Core, desk: Desk<'_>, end_us: i64) {
        (self.next_us, self.after_gap) = (Some(end_us), true);
        let gap = Gap { from_us: end_us, reason: "the bridge was restarted".to_owned() };
        gap::tell(core, desk, self.size, &gap, None, &[], &[]);
        self.gap = Some(gap);
    }

    /// The first bar began at `start_us` and is known from `edge_us` on.
    pub(super) fn begin_partial(&mut self, start_us: i64, edge_us: i64) {
        self.next_us = Some(edge_us);
        self.lost = Some((start_us, edge_us));
    }

    /// Bars flow: what was asked for while the stream said nothing ends before them, and cannot fill the gap.
    pub(super) fn drop_fill(&mut self) {
        if let Some(waiting) = &mut self.waiting
            && waiting.fill_us.take().is_some()
        {
            self.dropped = waiting.token.take().or(self.dropped);
        }
    }

    /// Everything up to `edge_us` is to be fetched, but nothing before `oldest_us`; nothing if all is there.
    pub(super) fn plan(&mut self, edge_us: i64, oldest_us: i64, give_up_at: Instant) {
        let Some(next_us) = self.next_us else { return };
        if next_us >= edge_us {
            if let Some(waiting) = &mut self.waiting {
                waiting.to_us = None;
            }
            return;
        }
        self.cut(oldest_us);
        let waiting = self.waiting.get_or_insert_default();
        waiting.to_us = Some(edge_us);
        waiting.give_up_at = Some(give_up_at);
    }

    /// The stream says nothing: has everything up to `edge_us` fetched. False if nothing is missing.
    pub(super) fn plan_fill(&mut self, edge_us: i64, oldest_us: i64) -> bool {
        let is_missing = self.next_us.is_some_and(|next_us| next_us < edge_us);
        match &mut self.waiting {
            Some(waiting) if waiting.to_us.is_none() && waiting.token.is_none() && is_missing => {
                waiting.fill_us = Some(edge_us);
                self.cut(oldest_us);
                true
            }
            _ => false,
        }
    }

    /// Gives up what is missing before `oldest_us`.
    fn cut(&mut self, oldest_us: i64) {
        let Some(next_us) = self.next_us.filter(|next_us| *next_us < oldest_us) else { return };
        let hole = Hole { from_us: next_us, to_us: oldest_us, reason: "too_long".to_owned(), ib_code: None };
        self.lose_all(std::slice::from_ref(&hole));
        self.waiting.get_or_insert_default().cut.push(hole);
        self.next_us = Some(oldest_us);
    }

    /// Data of these times is missing for good. "Nothing there" is an answer, and leaves a bar whole.
    fn lose_all(&mut self, holes: &[Hole]) {
        let lost = holes.iter().filter(|hole| hole.reason != "no_data");
        let lost = lost.map(|hole| (hole.from_us, hole.to_us));
        let Some((from_us, to_us)) = lost.reduce(|all, next| (all.0.min(next.0), all.1.max(next.1))) else { return };
        self.lost = Some((from_us, to_us));
        if let Some(open) = &mut self.open {
            open.is_partial |= from_us < open.period.end_us && to_us > open.period.start_us;
        }
    }

    /// Nothing is missing any more, though the wait is not over.
    pub(super) fn is_whole(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.to_us.is_none())
    }

    /// What is waited for.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        let waiting = self.waiting.as_ref()?;
        let from_us = self.next_us?.max(waiting.rows.last().map_or(i64::MIN, |row| row.end_us));
        let to_us = waiting.to_us.or(waiting.fill_us)?;
        (from_us < to_us).then_some((from_us, to_us))
    }

    /// What can be asked for, when history is complete up to `known_us`.
    pub(super) fn missing(&self, known_us: i64) -> Option<(i64, i64)> {
        let waiting = self.waiting.as_ref().filter(|waiting| waiting.token.is_none() && waiting.ask_at.is_none())?;
        let (from_us, to_us) = self.span()?;
        (waiting.to_us.is_none() || to_us <= known_us).then_some((from_us, to_us))
    }

    /// History answered.
    pub(super) fn repaired(&mut self, core: &mut Core, desk: Desk<'_>, units: &[Unit], holes: Vec<Hole>) {
        let Some((from_us, to_us)) = self.span() else { return };
        let Some(waiting) = &mut self.waiting else { return };
        if let Some(to_us) = waiting.fill_us.take_if(|_| waiting.to_us.is_none()) {
            waiting.must_fetch = true;
            // Told when bars flow.
            waiting.cut.extend_from_slice(&holes);
            self.lose_all(&holes);
            for unit in units {
                self.take(core, desk, unit);
            }
            self.next_us = self.next_us.max(Some(to_us));
            return self.close_until(core, desk, to_us);
        }
        let told_us = units.last().map_or(from_us, |unit| unit.end_us).max(from_us);
        let is_final = |hole: &Hole| hole.to_us >= to_us && hole.reason != "no_data";
        let is_told = told_us >= to_us || holes.iter().any(is_final);
        waiting.rows.extend_from_slice(units);
        waiting.holes.extend(holes);
        if !is_told && to_us - told_us <= LAG_MAX_US && !waiting.asked_once_more {
            // Bars flow after the edge and none came right before it: history may only be late.
            waiting.asked_once_more = true;
            let again_at = core.now.at + SAME_AFTER;
            if waiting.give_up_at.is_none_or(|give_up_at| again_at < give_up_at) {
                waiting.holes.retain(|hole| hole.to_us < to_us);
                waiting.ask_at = Some(again_at);
                return;
            }
        }
        self.end_wait(core, desk, None);
    }

    /// Publishes what history told, with what is missing for good.
    fn end_wait(&mut self, core: &mut Core, desk: Desk<'_>, failed: Option<Hole>) {
        let Some(waiting) = &mut self.waiting else { return };
        let rows = std::mem::take(&mut waiting.rows);
        let mut holes = std::mem::take(&mut waiting.holes);
        holes.append(&mut waiting.cut);
        holes.extend(failed);
        holes.sort_unstable_by_key(|hole| hole.from_us);
        self.resume(core, desk, &rows, &holes);
    }

    /// History did not answer.
    pub(super) fn failed(&mut self, core: &mut Core, desk: Desk<'_>, failure: &Failure) {
        let Some(waiting) = &mut self.waiting else { return };
        if waiting.to_us.is_none() {
            // The stream still says nothing: what is missing is asked for when it does.
            waiting.fill_us = None;
            return;
        }
        let in_time = |at: &Instant| waiting.give_up_at.is_none_or(|give_up_at| *at < give_up_at);
        if let Some(at) = failure.again_at.filter(in_time) {
            waiting.ask_at = Some(at);
            return;
        }
        let failed = self.hole(&failure.reason, failure.ib_code);
        self.end_wait(core, desk, failed);
    }

    /// Bars may be missing from now on.
    pub(super) fn interrupt(&mut self, core: &mut Core, desk: Desk<'_>, from_us: i64, reason: &str) {
        let before = self.waiting.take();
        self.dropped = before.as_ref().and_then(|before| before.token).or(self.dropped);
        // What was held is fetched again, with what is missing before and after it.
        let must_fetch = before.as_ref().is_some_and(|before| before.must_fetch || before.to_us.is_some());
        let cut = before.map(|before| before.cut).unwrap_or_default();
        self.waiting = Some(Waiting { must_fetch, cut, ..Waiting::default() });
        if self.gap.is_none() {
            let gap = Gap { from_us, reason: reason.to_owned() };
            gap::tell(core, desk, self.size, &gap, None, &[], &[]);
            self.gap = Some(gap);
        }
        self.after_gap = self.next_us.is_some();
    }

    /// The stream goes on, with nothing left to be fetched.
    pub(super) fn go_on(&mut self, core: &mut Core, desk: Desk<'_>) {
        self.end_wait(core, desk, None);
    }

    /// Ends the wait: `rows` are published, then what was held.
    fn resume(&mut self, core: &mut Core, desk: Desk<'_>, rows: &[Unit], holes: &[Hole]) {
        let Some(waiting) = self.waiting.take() else { return };
        self.dropped = waiting.token.or(self.dropped);
        self.lose_all(holes);
        for row in rows {
            self.take(core, desk, row);
        }
        if let Some(to_us) = waiting.to_us {
            self.next_us = self.next_us.max(Some(to_us));
            self.close_until(core, desk, to_us);
        }
        if let Some(gap) = self.gap.take_if(|_| waiting.flow_us.is_some()) {
            gap::tell(core, desk, self.size, &gap, waiting.flow_us, rows, holes);
        } else if !holes.is_empty() && self.gap.is_none() {
            // Nothing was interrupted, but the first bar could not be completed.
            let from_us = holes.first().map_or(core.now.us, |hole| hole.from_us);
            let gap = Gap { from_us, reason: "the stream began inside a bar".to_owned() };
            gap::tell(core, desk, self.size, &gap, Some(core.now.us), rows, holes);
        }
        for unit in &waiting.held {
            self.take(core, desk, unit);
        }
    }

    /// What is missing, as a hole with this reason.
    fn hole(&self, reason: &str, ib_code: Option<i32>) -> Option<Hole> {
        let (from_us, to_us) = self.span()?;
        (from_us < to_us).then(|| Hole { from_us, to_us, reason: reason.to_owned(), ib_code })
    }

    /// Somebody holds this size from now on: an open gap is theirs too.
    pub(super) fn join(&self, core: &mut Core, desk: Desk<'_>) {
        if let Some(gap) = &self.gap {
            gap::tell(core, desk, self.size, gap, None, &[], &[]);
        }
    }
}

fn date_text(period: Period) -> Option<String> {
    period.date.map(|date| date.format("%Y%m%d").to_string())
}
