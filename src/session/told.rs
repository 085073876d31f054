//! What the rest of the bridge tells the session of itself: troubles, losses, what could not be kept.

use super::{Event, Session, Troubles};
use crate::schema::{bridge::BridgeEvent, request::status::JournalStatus};

impl Session {
    /// What keeps orders from being written down or told of has come or gone.
    pub fn on_troubles(&mut self, troubles: Troubles) {
        self.core.troubles = troubles;
    }

    /// How the journal is doing, for `bridge.health`.
    pub fn on_journal_status(&mut self, status: JournalStatus) {
        self.core.journal = status;
    }

    /// Events lost on their way to NATS so far, for `bridge.health`.
    pub fn on_losses(&mut self, shed_events: u64, shed_kept_events: u64, dropped_offline: u64) {
        self.core.counters.shed_events = shed_events;
        self.core.counters.shed_kept_events = shed_kept_events;
        self.core.counters.dropped_offline = dropped_offline;
    }

    /// So many changes could not be kept on disk so far.
    pub fn on_unkept(&mut self, failures: u64) {
        if failures > self.core.counters.unkept {
            self.core.counters.unkept = failures;
            let mut event = BridgeEvent::new("not_kept", self.core.now.us);
            event.message = Some("leases until unsubscribed could not be written to disk; see the log".to_owned());
            event.figures.insert("changes".to_owned(), i64::try_from(failures).unwrap_or(i64::MAX));
            self.core.emit(Event::Bridge(Box::new(event)));
        }
    }
}
