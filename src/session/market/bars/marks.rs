//! How far bars were published, as it lies in the cache: the next run of the bridge goes on from there.

use bytes::Bytes;

use crate::{
    schema::bar::BarSize,
    session::{CacheItem, CacheKind, Listing, Output, core::Core},
};

/// Clocks may differ by so much; what is marked later than that comes of a wrong one.
const AHEAD_MAX_US: i64 = 60_000_000;

/// The name of a size of an instrument.
pub(in crate::session::market) fn mark_of(listing: &Listing, size: BarSize) -> String {
    let instrument = &listing.instrument;
    format!("{} {} {} {size}", instrument.con_id, instrument.exchange, instrument.currency)
}

/// Has the end of the last whole bar kept.
pub(super) fn keep(core: &mut Core, listing: &Listing, size: BarSize, end_us: i64) {
    let (key, body) = (mark_of(listing, size), Some(Bytes::new()));
    core.output(Output::Cache(CacheItem { kind: CacheKind::Bars, key, at_us: end_us, body }));
}

/// Nobody will go on from there.
pub(super) fn forget(core: &mut Core, listing: &Listing, size: BarSize) {
    let (key, at_us) = (mark_of(listing, size), core.now.us);
    core.output(Output::Cache(CacheItem { kind: CacheKind::Bars, key, at_us, body: None }));
}

/// False for a mark that would keep every bar back until its time has come.
pub(super) fn is_sound(core: &Core, end_us: i64) -> bool {
    end_us <= core.now.us.saturating_add(AHEAD_MAX_US)
}
