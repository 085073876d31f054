//! Takes client ids from the shared register and keeps them while the bridge runs.

use std::time::Duration;

use tokio::task::JoinHandle;
use tracing::warn;

use crate::{
    config::Config,
    gateway::{GatewayHandle, clock},
    journal::client_ids::{ClientIds, Owner, Purpose},
    session::{Answer, Ask, Session},
};

/// Entries are renewed this often, far below the time after which they are stale.
const RENEW_EVERY: Duration = Duration::from_secs(15);

/// This bridge's entries.
pub(super) struct Claims {
    ids: ClientIds,
    owner: Owner,
    gateway: String,
}

/// Claims the ids of both links. A register that cannot be used is told and done without: the gateway itself
/// refuses an id that is in use (326).
pub(super) fn claim(config: &Config, session: &mut Session) -> Claims {
    let gateway = &config.gateway;
    let folder = gateway.client_id_folder.as_ref().unwrap_or(&config.state.dir);
    let claims = Claims {
        ids: ClientIds::in_folder(folder),
        owner: Owner::this(),
        gateway: format!("{}:{}", gateway.host, gateway.port),
    };
    let trading = gateway.trading_client_id..gateway.trading_client_id.saturating_add(1);
    let data = gateway.data_client_id..gateway.data_client_id.saturating_add(i32::from(gateway.data_client_ids));
    let now_us = clock::now().us;
    let claim = |purpose, range| claims.ids.claim(&claims.gateway, purpose, range, &claims.owner, now_us);
    match claim(Purpose::Trading, trading) {
        Ok(Some(_)) => {}
        Ok(None) => warn!(
            id = gateway.trading_client_id,
            "another bridge uses this trading client id on the same gateway: one of them has to wait until the other ends"
        ),
        Err(error) => warn!(%error, "the register of client ids cannot be used"),
    }
    match claim(Purpose::Data, data) {
        Ok(Some(id)) => session.begin_data_at(id),
        Ok(None) => warn!("all data client ids are in use on this gateway; raise gateway.data_client_ids"),
        Err(error) => warn!(%error, "the register of client ids cannot be used"),
    }
    claims
}

/// Renews the entries with the ids that are really in use, until it is aborted.
pub(super) fn keep(claims: Claims, handle: GatewayHandle) -> JoinHandle<()> {
    tokio::spawn(async move {
        // Dropped with the task, at an orderly end or an abort.
        let claims = Held(claims);
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            let now = clock::now();
            let Ok(Answer::PoolStatus(status)) = handle.ask(None, now.at + RENEW_EVERY, Ask::PoolStatus).await else {
                continue;
            };
            let links = status.connection;
            let ids = [(Purpose::Trading, links.trading.client_id), (Purpose::Data, links.data.client_id)];
            let Held(held) = &claims;
            if let Err(error) = held.ids.renew(&held.gateway, &ids, &held.owner, now.us) {
                warn!(%error, "the register of client ids cannot be renewed");
            }
        }
    })
}

/// Gives the ids back at the end.
struct Held(Claims);

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = self.0.ids.release(&self.0.owner) {
            warn!(%error, "the client ids could not be given back; they are free in a minute");
        }
    }
}
