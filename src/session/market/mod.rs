//! Streams and their leases.

use std::{sync::Arc, time::Instant};

use super::{Command, Listing, core::Core, notice::Notice, truth::IbChange};
use crate::{
    schema::request::market::{Renew, Snapshot, Subscribe, Unsubscribe, Usage},
    tws::Response,
};

/// Leases, upstream subscriptions and the pictures assembled from their ticks.
#[derive(Debug, Default)]
pub(crate) struct Market {}

impl Market {
    pub(crate) fn subscribe(
        &mut self,
        _core: &mut Core,
        _command: &Command,
        _ask: &Subscribe,
        _listing: &Arc<Listing>,
    ) {
    }
    pub(crate) fn renew(&mut self, _core: &mut Core, _command: &Command, _ask: &Renew) {}
    pub(crate) fn unsubscribe(&mut self, _core: &mut Core, _command: &Command, _ask: &Unsubscribe) {}
    pub(crate) fn list(&mut self, _core: &mut Core, _command: &Command) {}
    pub(crate) fn snapshot(&mut self, _core: &mut Core, _command: &Command, _ask: &Snapshot, _listing: &Arc<Listing>) {}

    /// Ticks, bars, depth and what else belongs to a stream.
    pub(crate) fn on_response(&mut self, _core: &mut Core, _response: Response) {}
    pub(crate) fn on_notice(&mut self, _core: &mut Core, _req_id: i32, _notice: &Notice) {}
    pub(crate) fn on_timeout(&mut self, _core: &mut Core, _req_id: i32) {}
    pub(crate) fn on_link_ready(&mut self, _core: &mut Core) {}
    pub(crate) fn on_link_down(&mut self, _core: &mut Core, _reason: &str) {}
    pub(crate) fn on_ib_change(&mut self, _core: &mut Core, _change: IbChange) {}
    pub(crate) fn on_timer(&mut self, _core: &mut Core) {}
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        None
    }

    /// Market data lines, tick-by-tick and depth subscriptions in use.
    pub(crate) fn usage(&self, _core: &Core) -> [Usage; 3] {
        [Usage::default(); 3]
    }
}
