//! Leases until unsubscribed, as they lie in the cache.

use serde::{Deserialize, Serialize};

use super::{Market, lease::Held, requests::read};
use crate::{
    schema::{Instrument, bridge::BridgeEvent, request::market::Subscribe},
    session::{
        CacheItem, CacheKind, Event, Output,
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

/// A lease that no run of this release can take up is forgotten, which its holder is told.
fn drop_lease(core: &mut Core, name: &str, reason: &str) {
    forget(core, name);
    tell_dropped(core, name, reason);
}

/// Whoever holds a lease that was not taken up again would wait for its data for good.
fn tell_dropped(core: &mut Core, name: &str, reason: &str) {
    let mut event = BridgeEvent::new("lease_dropped", core.now.us);
    event.message = Some(format!("lease {name} of an earlier run is not taken up: {reason}; subscribe again"));
    core.emit(Event::Bridge(Box::new(event)));
}

impl Market {
    /// There was an earlier run: the gateway may still count what it asked for until it ended.
    pub(crate) fn on_earlier_run(&mut self, core: &mut Core) {
        core.pacing.on_earlier_streams(core.now.at);
        self.tick_by_tick.on_earlier_run(core.now.at);
    }

    /// How far an earlier run published bars of a size.
    pub(crate) fn recall_bars(&mut self, item: &CacheItem) {
        self.bar_ends.insert(item.key.clone(), item.at_us);
    }

    /// Takes up a lease of an earlier run, before the first login. It waits for lines like all others.
    pub(crate) fn recall(&mut self, core: &mut Core, item: &CacheItem) {
        let Some(body) = &item.body else { return };
        // One of a release that wrote otherwise, or allowed what this one does not, is no reason not to start.
        let kept = match serde_json::from_slice::<Kept>(body) {
            Ok(kept) => kept,
            Err(error) => return drop_lease(core, &item.key, &error.to_string()),
        };
        let query = &kept.ask.contract.0;
        let listing = if is_combo(query) {
            combo_stream(core, query)
        } else {
            core.listing(kept.instrument.clone(), contract_of(&kept.instrument))
        };
        let listing = match listing {
            Ok(listing) => listing,
            Err(error) => return tell_dropped(core, &item.key, &error.message),
        };
        let mut held = match read(core, &kept.ask, &listing) {
            Ok(held) => held,
            Err(error) => return drop_lease(core, &item.key, &error.message),
        };
        held.name = item.key.as_str().into();
        held.client = kept.client.map(Into::into);
        held.is_kept = true;
        let refused = if self.leases.len() >= core.config.pacing.leases_max {
            Some(format!("{} leases are held", self.leases.len()))
        } else {
            self.check_kinds(&held).err().map(|error| error.message)
        };
        if let Some(reason) = refused {
            return tell_dropped(core, &item.key, &reason);
        }
        if kept.instrument.con_id != 0 {
            // No lookup comes before it, and what the cache knows of the contract may be too old to be recalled.
            core.trading_hours.want(kept.instrument.con_id);
        }
        let number = self.leases.add(core.now, held);
        self.hold(core, number);
    }
}
