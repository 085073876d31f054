//! What earlier runs wrote down or had kept is taken up again.

use super::{CacheItem, CacheKind, Memory, Now, Session};

impl Session {
    /// Takes up what earlier runs wrote down. To be called before anything else.
    pub fn restore(&mut self, now: Now, memory: Memory) {
        self.begin(now);
        if !memory.orders.is_empty() {
            self.core.pacing.on_earlier_run(now.at);
        }
        let positions = memory.positions.clone();
        self.core.risk.restore_days(now, &memory.today);
        self.orders.restore(&mut self.core, memory);
        self.account.restore(positions, self.orders.bought());
    }

    /// Something that an earlier run asked to be kept. To be called before anything else.
    pub fn recall(&mut self, now: Now, item: &CacheItem) {
        self.begin(now);
        self.market.on_earlier_run(&mut self.core);
        match item.kind {
            CacheKind::Bars => self.market.recall_bars(item),
            CacheKind::Lease => self.market.recall(&mut self.core, item),
            CacheKind::Scan => self.services.recall(&mut self.core, item),
            CacheKind::Pacing => self.core.pacing.recall(now, item.body.as_deref().unwrap_or_default()),
            CacheKind::Gateway => {
                self.core.pacing.on_gateway_used(now, item.at_us);
                self.contracts.recall(&mut self.core, item);
            }
            _ => self.contracts.recall(&mut self.core, item),
        }
    }
}
