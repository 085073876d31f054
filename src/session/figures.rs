//! Every figure of the session at one moment, for whoever measures it.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{Answer, Now, Session, Token};
use crate::{
    config::ms,
    schema::{
        bridge::BridgeEvent,
        order::OrderState,
        request::{
            pace::PaceStatus,
            status::{Health, PoolStatus},
        },
    },
};

/// What the session counts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// What can be used now, counters and the journal.
    pub health: Health,
    /// Headroom and queues.
    pub pace: PaceStatus,
    /// Sockets and farms.
    pub pool: PoolStatus,
    /// When the bridge started, microseconds UTC, our clock.
    pub started_us: i64,
    /// Orders that may still change, by state.
    pub open_orders: BTreeMap<OrderState, u64>,
    /// Fills known.
    pub fills: u64,
    /// True while the kill switch is thrown.
    pub is_halted: bool,
    /// Leases held.
    pub leases: u64,
    /// Streams that should flow and do not.
    pub stale_streams: u64,
    /// Streams that wait for a line or slot.
    pub queued_streams: u64,
}

impl Session {
    /// A sign of life, with the figures that matter most.
    pub fn sign_of_life(&mut self, now: Now) -> BridgeEvent {
        self.begin(now);
        let health = self.health();
        let [leases, stale, _] = self.market.figures();
        let figure = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let mut event = BridgeEvent::new("heartbeat", now.us);
        event.figures = [
            ("uptime_s", (now.us - self.started_us) / 1_000_000),
            ("data", i64::from(health.data)),
            ("history", i64::from(health.history)),
            ("orders", i64::from(health.orders)),
            ("leases", figure(leases)),
            ("stale_streams", figure(stale)),
            ("open_orders", figure(self.orders.open_by_state().values().sum())),
            ("shed_events", figure(health.counters.shed_events)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        event
    }

    /// How often [`Self::sign_of_life`] is to be told; `None` means never.
    pub fn heartbeat_every(&self) -> Option<Duration> {
        Some(ms(self.core.config.timing.heartbeat_ms)).filter(|every| !every.is_zero())
    }

    pub(super) fn tell_figures(&mut self, token: Token) {
        let [leases, stale_streams, queued_streams] = self.market.figures();
        let figures = Figures {
            health: self.health(),
            pace: self.pace_status(),
            pool: self.pool_status(),
            started_us: self.started_us,
            open_orders: self.orders.open_by_state(),
            fills: self.orders.fill_count(),
            is_halted: self.core.risk.halted().is_some(),
            leases,
            stale_streams,
            queued_streams,
        };
        self.core.answer(token, Answer::Figures(Box::new(figures)));
    }
}
