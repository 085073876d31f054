//! How the session is doing, for people and for health checks.

use super::{Answer, Session, Token, link::Link};
use crate::schema::{
    connection::{ConnectionEvent, IbLink, LinkPhase},
    request::status::{BridgeInfo, PoolStatus},
};

/// The facts whose change is worth an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    trading: (LinkPhase, u64, i32),
    data: (LinkPhase, u64, i32),
    ib_link: IbLink,
    needs_person: bool,
}

impl Session {
    pub(super) fn shape(&self) -> Shape {
        let facts = |link: &Link| (link.phase(), link.generation(), link.client_id());
        Shape {
            trading: facts(&self.trading),
            data: facts(&self.data),
            ib_link: self.truth.ib_link,
            needs_person: self.needs_person().is_some(),
        }
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
            maintenance: self.maintenance.is_away(),
            needs_person: self.needs_person().map(str::to_owned),
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

    pub(super) fn tell_pool(&mut self, token: Token) {
        let status = self.pool_status();
        self.core.answer(token, Answer::PoolStatus(Box::new(status)));
    }

    pub(super) fn pool_status(&self) -> PoolStatus {
        PoolStatus {
            connection: self.connection(),
            farms: self.truth.farms(),
            breakers: self.core.breakers.told(self.core.now.at),
            in_flight: u32::try_from(self.core.in_flight()).unwrap_or(u32::MAX),
        }
    }
}
