//! How the session is doing, for people and for health checks.

use super::{Answer, Session, Token, link::Link};
use crate::schema::{
    connection::{ConnectionEvent, FarmKind, IbLink, LinkPhase},
    request::status::{BridgeInfo, Health, PaceStatus, PoolStatus},
};

/// The facts whose change is worth an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    trading: (LinkPhase, u64, i32),
    data: (LinkPhase, u64, i32),
    ib_link: IbLink,
}

impl Session {
    pub(super) fn shape(&self) -> Shape {
        let facts = |link: &Link| (link.phase(), link.generation(), link.client_id());
        Shape { trading: facts(&self.trading), data: facts(&self.data), ib_link: self.truth.ib_link }
    }

    pub(super) fn connection(&self) -> ConnectionEvent {
        ConnectionEvent {
            seq: 0,
            recv_us: self.core.now.us,
            trading: self.trading.status(&self.core),
            data: self.data.status(&self.core),
            ib_link: self.truth.ib_link,
            ib_link_since_us: self.truth.ib_link_since_us,
            ib_code: self.truth.ib_code,
            ready: self.trading.is_ready() && self.data.is_ready() && self.truth.ib_link != IbLink::Lost,
        }
    }

    pub(super) fn tell_info(&mut self, token: Token) {
        let info = BridgeInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_us: self.started_us,
            prefix: self.core.config.nats.prefix.clone(),
            gateway: format!("{}:{}", self.core.config.gateway.host, self.core.config.gateway.port),
            server_version: self.data.status(&self.core).server_version,
            accounts: self.account.accounts().to_vec(),
            allow_live: self.core.config.gateway.allow_live,
        };
        self.core.answer(token, Answer::BridgeInfo(Box::new(info)));
    }

    pub(super) fn tell_health(&mut self, token: Token) {
        let health = self.health();
        self.core.answer(token, Answer::Health(Box::new(health)));
    }

    fn health(&self) -> Health {
        let mut reasons = Vec::new();
        let mut need = |ok: bool, reason: String| {
            if !ok {
                reasons.push(reason);
            }
            ok
        };
        let link = |name: &str, status: crate::schema::connection::LinkStatus| {
            let why = status.last_error.map(|error| format!(" ({error})")).unwrap_or_default();
            format!("the {name} link is {:?}{why}", status.phase).to_lowercase()
        };
        let trading = need(self.trading.is_ready(), link("trading", self.trading.status(&self.core)));
        let data = need(self.data.is_ready(), link("data", self.data.status(&self.core)));
        let ib = need(self.truth.ib_link != IbLink::Lost, "the gateway has lost its link to IB".to_owned());
        let market_farms = need(!self.truth.is_down(FarmKind::MarketData), "a market data farm is down".to_owned());
        let history_farms = need(!self.truth.is_down(FarmKind::Historical), "a history farm is down".to_owned());
        let troubles = &self.core.troubles;
        let journal = troubles.journal.as_ref().map(|why| format!("the order journal cannot be written: {why}"));
        let written = need(journal.is_none(), journal.unwrap_or_default());
        let stream =
            troubles.stream.as_ref().map(|why| format!("events of orders cannot be stored in JetStream: {why}"));
        let stored = need(stream.is_none(), stream.unwrap_or_default());
        let flowing = need(!self.core.congested, "events of orders and fills are waiting for NATS".to_owned());
        Health {
            ok: reasons.is_empty(),
            data: data && ib && market_farms,
            history: data && ib && history_farms,
            orders: trading && ib && flowing && written && stored,
            reasons,
            counters: self.core.counters,
            journal: self.core.journal,
        }
    }

    pub(super) fn tell_pace(&mut self, token: Token) {
        let now = self.core.now.at;
        let [market_data_lines, tick_by_tick, depth] = self.market.usage(&self.core);
        let pacing = &mut self.core.pacing;
        let status = PaceStatus {
            messages_per_second: pacing.message_usage(now),
            history_10_min: pacing.history_usage(now),
            history_open: pacing.open_usage(),
            market_data_lines,
            tick_by_tick,
            depth,
            queues: pacing.queue_status(),
            violations: pacing.violations(),
        };
        self.core.answer(token, Answer::PaceStatus(Box::new(status)));
    }

    pub(super) fn tell_pool(&mut self, token: Token) {
        let status = PoolStatus {
            connection: self.connection(),
            farms: self.truth.farms(),
            in_flight: u32::try_from(self.core.in_flight()).unwrap_or(u32::MAX),
        };
        self.core.answer(token, Answer::PoolStatus(Box::new(status)));
    }
}
