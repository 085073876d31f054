//! Takes client ids from the shared register and keeps them while the bridge runs.

use std::{io, ops::Range, time::Duration};

use tokio::{sync::oneshot, task::JoinHandle, time::MissedTickBehavior};
use tracing::warn;

use crate::{
    config::Config,
    gateway::{DataIdDesk, GatewayHandle, clock},
    journal::client_ids::{ClientIds, Owner, Purpose},
    schema::connection::{LinkPhase, LinkStatus},
    session::{Answer, Ask, Session},
};

/// Entries are renewed this often, far below the time after which they are stale.
const RENEW_EVERY: Duration = Duration::from_secs(15);

/// This bridge's entries.
#[derive(Clone)]
pub(super) struct Claims {
    ids: ClientIds,
    owner: Owner,
    gateway: String,
    /// Ids that the data link may use.
    data: Range<i32>,
}

/// Claims the ids of both links. A register that cannot be used is told and done without: the gateway itself
/// refuses an id that is in use (326).
pub(super) fn claim(config: &Config, session: &mut Session) -> Claims {
    let gateway = &config.gateway;
    let folder = gateway.client_id_folder.as_ref().unwrap_or(&config.state.dir);
    let data = gateway.data_client_id..gateway.data_client_id.saturating_add(i32::from(gateway.data_client_ids));
    let claims = Claims {
        ids: ClientIds::in_folder(folder),
        owner: Owner::this(),
        gateway: format!("{}:{}", gateway.host, gateway.port),
        data: data.clone(),
    };
    let trading = gateway.trading_client_id..gateway.trading_client_id.saturating_add(1);
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

/// The task that renews the entries.
pub(super) struct Keeping {
    /// Ends it when dropped.
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Keeping {
    /// Ends once the ids are given back. The shared disk may hang: wait no longer than you must.
    pub(super) async fn end(self) {
        drop(self.stop);
        let _ = self.task.await;
    }
}

/// Renews the entries with the ids that are really in use and claims others for the data link, until its end; then gives
/// them back.
pub(super) fn keep(claims: Claims, handle: GatewayHandle, mut desk: DataIdDesk) -> Keeping {
    let (stop, mut stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let mut renewal = tokio::time::interval(RENEW_EVERY);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                _ = renewal.tick() => claims.renew(&handle).await,
                Some(in_use) = desk.in_use.recv() => {
                    if let Some(id) = claims.claim_next(in_use).await {
                        // The driver may have ended, or not taken the last one yet.
                        let _ = desk.free.try_send(id);
                    }
                }
            }
        }
        let Claims { ids, owner, .. } = claims;
        if let Err(error) = at_the_register(move || ids.release(&owner)).await {
            warn!(%error, "the client ids could not be given back; they are free in a minute");
        }
    });
    Keeping { stop, task }
}

impl Claims {
    /// Only a login proves that an id is ours: a link that is refused with 326 is known by the id of somebody else.
    async fn renew(&self, handle: &GatewayHandle) {
        let now = clock::now();
        let Ok(Answer::PoolStatus(status)) = handle.ask(None, now.at + RENEW_EVERY, Ask::PoolStatus).await else {
            return;
        };
        let links = status.connection;
        let links = [(Purpose::Trading, links.trading), (Purpose::Data, links.data)];
        let is_in = |link: &LinkStatus| matches!(link.phase, LinkPhase::Syncing | LinkPhase::Ready);
        let logged_in: Vec<_> =
            links.iter().filter(|(_, link)| is_in(link)).map(|(purpose, link)| (*purpose, link.client_id)).collect();
        let Self { ids, gateway, owner, .. } = self.clone();
        if let Err(error) = at_the_register(move || ids.renew(&gateway, &logged_in, &owner, now.us)).await {
            warn!(%error, "the register of client ids cannot be renewed");
        }
    }

    async fn claim_next(&self, in_use: i32) -> Option<i32> {
        let Self { ids, gateway, owner, data } = self.clone();
        let now_us = clock::now().us;
        let claimed =
            at_the_register(move || ids.claim_next(&gateway, Purpose::Data, data, &owner, now_us, in_use)).await;
        claimed.inspect_err(|error| warn!(%error, "the register of client ids cannot be used")).ok().flatten()
    }
}

/// Waiting for the lock and the disk, on a thread that may wait.
async fn at_the_register<T: Send + 'static>(act: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(act).await.map_err(io::Error::other).flatten()
}
