//! Leases until unsubscribed, as they lie in the cache.

use serde::{Deserialize, Serialize};

use super::{Market, lease::Held, requests::read};
use crate::{
    schema::{Instrument, request::market::Subscribe},
    session::{CacheItem, CacheKind, Output, core::Core},
    tws::message::contract::Contract,
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

impl Kept {
    /// The contract as requests to the gateway name it.
    fn contract(&self) -> Contract {
        let instrument = &self.instrument;
        Contract {
            con_id: Some(instrument.con_id),
            symbol: Some(instrument.symbol.clone()),
            sec_type: Some(instrument.sec_type.clone()),
            last_trade_date_or_contract_month: instrument.expiry.clone(),
            strike: instrument.strike,
            right: instrument.right.clone(),
            multiplier: instrument.multiplier,
            exchange: Some(instrument.exchange.clone()),
            currency: Some(instrument.currency.clone()),
            local_symbol: Some(instrument.local_symbol.clone()),
            trading_class: instrument.trading_class.clone(),
            ..Contract::default()
        }
    }
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
    /// Takes up a lease of an earlier run, before the first login. It waits for lines like all others.
    pub(crate) fn recall(&mut self, core: &mut Core, item: &CacheItem) {
        let Some(body) = &item.body else { return };
        // One of a release that wrote otherwise, or allowed what this one does not, is no reason not to start.
        let Ok(kept) = serde_json::from_slice::<Kept>(body) else { return forget(core, &item.key) };
        let Ok(listing) = core.listing(kept.instrument.clone(), kept.contract()) else { return };
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
