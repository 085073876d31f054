//! How much the session holds: what must come back to where it began when nobody wants anything any more.

use std::collections::BTreeMap;

use super::Session;

impl Session {
    /// Entries of each table that grows with what is asked, by name. Orders, fills, contracts and other answers that
    /// are known are left out: they are kept on purpose, up to a limit.
    pub fn sizes(&self) -> BTreeMap<&'static str, usize> {
        let mut sizes = BTreeMap::new();
        self.core.measure(&mut sizes);
        self.market.measure(&mut sizes);
        self.history.measure(&mut sizes);
        self.contracts.measure(&mut sizes);
        self.orders.measure(&mut sizes);
        self.account.measure(&mut sizes);
        self.services.measure(&mut sizes);
        sizes.insert("maintenance_told", self.maintenance.told().len());
        sizes
    }
}
