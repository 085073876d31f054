//! Times at which the gateway or IB is known to be away: announced, and taken for what they are.

mod plan;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use super::{Event, core::Core};
use crate::schema::{
    bridge::BridgeEvent,
    maintenance::{Maintenance as Told, MaintenanceKind, MaintenanceState},
};
use plan::{Window, windows};

/// Plans are made anew this often, for clocks that are set and for the days to come.
const PLAN_EVERY: Duration = Duration::from_secs(3_600);

/// A link that is lost so long before a restart is due is lost by the restart: clocks differ.
const EARLY_S: u64 = 10;

/// A gateway that is told to restart does so at the next full minute.
const TOLD_AHEAD_S: u64 = 60;

/// Windows that are announced at once and not over.
#[derive(Debug, Default)]
pub(crate) struct Maintenance {
    planned: Vec<Window>,
    plan_again: Option<Instant>,
    /// What was announced, and how far it has come.
    told: Vec<Told>,
    /// The trading link was lost since new orders were last fenced off: the gateway has restarted.
    has_restarted: bool,
    /// IB's tokens have ended: the gateway's login goes on, but the first one after its next restart needs a person.
    are_tokens_ended: bool,
    /// The gateway has restarted since, and the trading link has not logged in.
    awaits_person: bool,
}

impl Maintenance {
    /// Plans, announces, begins and ends what is due.
    pub(crate) fn on_timer(&mut self, core: &mut Core) {
        if self.plan_again.is_none_or(|at| at <= core.now.at) {
            self.planned = windows(&core.config.calendar, core.now.us);
            self.plan_again = Some(core.now.at + PLAN_EVERY);
        }
        let (now_us, announce_us) = (core.now.us, seconds(core.config.calendar.announce_s));
        for told in &mut self.told {
            let state = match told.state {
                MaintenanceState::Announced if told.start_us <= now_us => MaintenanceState::Started,
                MaintenanceState::Started if told.end_us <= now_us => MaintenanceState::Over,
                _ => continue,
            };
            told.state = state;
            self.are_tokens_ended |= told.kind == MaintenanceKind::WeeklyLogin && state == MaintenanceState::Started;
            tell(core, *told);
        }
        // One that was slept through was announced and is over: both are told, one with each look.
        self.told.retain(|told| told.state != MaintenanceState::Over);
        let is_due = |window: &&Window| window.start_us.saturating_sub(announce_us) <= now_us && window.end_us > now_us;
        for window in self.planned.iter().filter(is_due) {
            let is_told = |told: &Told| told.kind == window.kind && told.start_us == window.start_us;
            if self.told.iter().any(is_told) {
                continue;
            }
            let state = if window.start_us <= now_us { MaintenanceState::Started } else { MaintenanceState::Announced };
            let told = Told { start_us: window.start_us, end_us: window.end_us, kind: window.kind, state };
            self.told.push(told);
            self.has_restarted &= told.kind != MaintenanceKind::GatewayRestart;
            self.are_tokens_ended |= told.kind == MaintenanceKind::WeeklyLogin && state == MaintenanceState::Started;
            tell(core, told);
        }
    }

    /// When something is due next.
    pub(crate) fn wake_at(&self, core: &Core) -> Option<Instant> {
        let announce_us = seconds(core.config.calendar.announce_s);
        let told = self.told.iter().map(|told| match told.state {
            MaintenanceState::Announced => told.start_us,
            _ => told.end_us,
        });
        let planned = self.planned.iter().map(|window| window.start_us.saturating_sub(announce_us));
        let fence_us = seconds(core.config.calendar.fence_orders_s);
        let restarts = self.told.iter().filter(|told| told.kind == MaintenanceKind::GatewayRestart);
        let fences = restarts.map(|told| told.start_us.saturating_sub(fence_us));
        let next_us = told.chain(planned).chain(fences).filter(|at_us| *at_us > core.now.us).min();
        let next = next_us.and_then(|at_us| u64::try_from(at_us - core.now.us).ok()).map(Duration::from_micros);
        next.map(|later| core.now.at + later).into_iter().chain(self.plan_again).min()
    }

    /// What is announced or under way, for `bridge.health`.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.told.clone()
    }

    fn under_way(&self) -> impl Iterator<Item = &Told> {
        self.told.iter().filter(|told| told.state == MaintenanceState::Started)
    }

    /// True while links that come and go are no failures.
    pub(crate) fn is_away(&self) -> bool {
        self.under_way().any(|told| told.kind != MaintenanceKind::WeeklyLogin)
    }

    /// The kind of window that is under way, for people.
    pub(crate) fn reason(&self) -> Option<&'static str> {
        self.under_way().map(|told| name(told.kind)).next()
    }

    /// False while history waits.
    pub(crate) fn lets_history_pass(&self, core: &Core) -> bool {
        !core.config.calendar.hold_history || !self.is_away()
    }

    /// Until when new orders are refused: shortly before the gateway restarts, until it has.
    pub(crate) fn orders_fenced_until_us(&self, core: &Core) -> Option<i64> {
        let fence_us = seconds(core.config.calendar.fence_orders_s);
        let is_near = |told: &&Told| {
            told.kind == MaintenanceKind::GatewayRestart && told.start_us.saturating_sub(fence_us) <= core.now.us
        };
        self.told.iter().filter(|_| !self.has_restarted).filter(is_near).map(|told| told.end_us).max()
    }

    /// The gateway was told to restart: as on schedule, but now. When it should be over, microseconds UTC, our clock.
    pub(crate) fn begin_restart(&mut self, core: &mut Core) -> i64 {
        let (start_us, lasts_us) = (core.now.us, seconds(core.config.calendar.restart_lasts_s));
        let end_us = start_us.saturating_add(seconds(TOLD_AHEAD_S)).saturating_add(lasts_us);
        let told = Told { start_us, end_us, kind: MaintenanceKind::GatewayRestart, state: MaintenanceState::Started };
        self.told.push(told);
        self.has_restarted = false;
        tell(core, told);
        self.tell_core(core);
        end_us
    }

    /// What every part of the session is to know.
    pub(crate) fn tell_core(&self, core: &mut Core) {
        core.is_maintained = self.is_away();
        let has_just_ended = self.under_way().any(|told| told.kind == MaintenanceKind::WeeklyLogin);
        core.are_tokens_ended = has_just_ended || self.awaits_person;
        let away = self.under_way().filter(|told| told.kind != MaintenanceKind::WeeklyLogin);
        let last = away.filter(|_| core.config.calendar.hold_history).max_by_key(|told| told.end_us);
        core.history_hold = last.map(|told| {
            let left_us = u64::try_from(told.end_us.saturating_sub(core.now.us)).unwrap_or(0);
            (core.now.at + Duration::from_micros(left_us), name(told.kind))
        });
    }

    /// The trading link was lost.
    pub(crate) fn on_trading_lost(&mut self, core: &Core) {
        let is_restart = |told: &Told| {
            told.kind == MaintenanceKind::GatewayRestart
                && told.start_us.saturating_sub(seconds(EARLY_S)) <= core.now.us
        };
        let is_restarting = self.told.iter().any(is_restart);
        self.has_restarted |= is_restarting;
        self.awaits_person |= is_restarting && self.are_tokens_ended;
    }

    /// The trading link logged in. After a restart it did so with fresh tokens.
    pub(crate) fn on_trading_login(&mut self) {
        if std::mem::take(&mut self.awaits_person) {
            self.are_tokens_ended = false;
        }
    }
}

fn tell(core: &mut Core, told: Told) {
    let mut event = BridgeEvent::new("maintenance", core.now.us);
    let what = name(told.kind);
    event.message = Some(match told.state {
        MaintenanceState::Announced => format!("{what} begins soon"),
        MaintenanceState::Started => format!("{what} has begun"),
        MaintenanceState::Over => format!("{what} should be over"),
    });
    event.maintenance = Some(told);
    core.emit(Event::Bridge(Box::new(event)));
}

fn name(kind: MaintenanceKind) -> &'static str {
    match kind {
        MaintenanceKind::NightlyReset => "IB's nightly reset",
        MaintenanceKind::WeekendReset => "IB's weekend reset",
        MaintenanceKind::GatewayRestart => "the restart of the gateway",
        MaintenanceKind::WeeklyLogin => "the weekly end of IB's tokens, after which the gateway needs a full login,",
    }
}

fn seconds(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}
