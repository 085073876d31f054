//! How much market data holds.

use std::collections::BTreeMap;

use super::Market;

impl Market {
    pub(crate) fn measure(&self, sizes: &mut BTreeMap<&'static str, usize>) {
        sizes.extend([
            ("leases", self.leases.entries()),
            ("streams", self.by_key.len()),
            ("streams_held", self.upstreams.iter().flatten().count()),
            ("streams_due", self.due.len() + self.doubts.len() + self.bars_due.len()),
            ("stream_clients", self.pools.entries()),
            ("tick_by_tick_paced", self.tick_by_tick.entries()),
            ("stream_routes", self.routes.len()),
            ("streams_without_line", self.starved.len()),
            ("snapshots", self.snapshots.len()),
        ]);
    }
}
