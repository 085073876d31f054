//! How much market data holds.

use std::collections::BTreeMap;

use super::Market;

impl Market {
    pub(crate) fn measure(&self, sizes: &mut BTreeMap<&'static str, usize>) {
        sizes.extend([
            ("streams", self.by_key.len()),
            ("stream_routes", self.routes.len()),
            ("streams_without_line", self.starved.len()),
            ("snapshots", self.snapshots.len()),
        ]);
    }
}
