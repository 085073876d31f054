//! Leases until unsubscribed, as they lie in the cache.

use serde::{Deserialize, Serialize};

use super::{Market, lease::Held, requests::read};
use crate::{
    schema::{Instrument, request::market::Subscribe},
    session::{
        CacheItem, CacheKind, Output,
        combo::{combo_stream, is_combo},
        core::Core,
        listing::contract_of,
    },
};

/// A lease with `ttl_s` 0, as kept under its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// Client that holds it.
    client: Option<String>,
    /// The instrument it was resolved to.
    instrument: Instrument,
    /// The request.
    ask: Subscribe,
}

/// Has a lease kept.
pub(super) fn keep(core: &mut Core, held: &Held, ask: &Subscribe) {
    let kept = Kept {
        client: held.client.as_ref().map(ToString::to_string),
        instrument: held.listing.instrument.clone(),
        ask: ask.clone(),
    };
    // A request that was read can be written.
    let Ok(body) = serde_json::to_vec(&kept) else { return };
    let (key, at_us) = (held.name.to_string(), core.now.us);
    core.output(Output::Cache(CacheItem { kind: CacheKind::Lease, key, at_us, body: Some(body.into()) }));
}

/// Has a lease forgotten.
pub(super) fn forget(core: &mut Core, name: &str) {
    let at_us = core.now.us;
    core.output(Output::Cache(CacheItem { kind: CacheKind::Lease, key: name.to_owned(), at_us, body: None }));
}

impl Market {
    /// There was an earlier run: the gateway may still count what it asked for until it ended.
    pub(crate) fn on_earlier_run(&mut self, core: &Core) {
        self.tick_by_tick.on_earlier_run(core.now.at);
    }

    /// Takes up a lease of an earlier run, before the first login. It waits for lines like all others.
    pub(crate) fn recall(&mut self, core: &mut Core, item: &CacheItem) {
        let Some(body) = &item.body else { return };
        // One of a release that wrote otherwise, or allowed what this one does not, is no reason not to start.
        let Ok(kept) = serde_json::from_slice::<Kept>(body) else { return forget(core, &item.key) };
        let query = &kept.ask.contract.0;
        let listing = if is_combo(query) {
            combo_stream(core, query)
        } else {
            core.listing(kept.instrument.clone(), contract_of(&kept.instrument))
        };
        let Ok(listing) = listing else { return };
        let Ok(mut held) = read(core, &kept.ask, &listing) else { return forget(core, &item.key) };
        held.name = item.key.as_str().into();
        held.client = kept.client.map(Into::into);
        held.is_kept = true;
        if self.leases.len() < core.config.pacing.leases_max && self.check_kinds(&held).is_ok() {
            let number = self.leases.add(core.now, held);
            self.hold(core, number);
        }
    }
}
