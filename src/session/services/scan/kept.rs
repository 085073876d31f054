//! Leases on scanners until unsubscribed, as they lie in the cache.

use serde::{Deserialize, Serialize};

use super::{Scans, lease::Held};
use crate::{
    schema::request::scan::{OnLimit, Scan},
    session::{CacheItem, CacheKind, Output, core::Core},
};

/// A lease with `ttl_s` 0, as kept under its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// Client that holds it.
    client: Option<String>,
    /// The question.
    scan: Scan,
}

/// Has a lease kept.
pub(super) fn keep(core: &mut Core, held: &Held, scan: &Scan) {
    let kept = Kept { client: held.client.as_ref().map(ToString::to_string), scan: scan.clone() };
    // A request that was read can be written.
    let Ok(body) = serde_json::to_vec(&kept) else { return };
    let (key, at_us) = (held.name.clone(), core.now.us);
    core.output(Output::Cache(CacheItem { kind: CacheKind::Scan, key, at_us, body: Some(body.into()) }));
}

/// Has a lease forgotten.
pub(super) fn forget(core: &mut Core, name: &str) {
    let at_us = core.now.us;
    core.output(Output::Cache(CacheItem { kind: CacheKind::Scan, key: name.to_owned(), at_us, body: None }));
}

impl Scans {
    /// Takes up a lease of an earlier run, before the first login. It waits for a place like all others.
    pub(in crate::session::services) fn recall(&mut self, core: &mut Core, item: &CacheItem) {
        let Some(body) = &item.body else { return };
        // One of a release that wrote otherwise, or allowed what this one does not, is no reason not to start.
        let Ok(kept) = serde_json::from_slice::<Kept>(body) else { return forget(core, &item.key) };
        if self.leases.check().is_err() {
            return;
        }
        let Ok(id) = self.want(core, &kept.scan, OnLimit::Queue) else { return };
        let client = kept.client.map(Into::into);
        let held = Held { name: item.key.clone(), client, id, ttl_s: 0, expires: None, caller: None, is_kept: true };
        self.leases.add(core.now, held);
    }
}
