//! What it means that the gateway's lists leave an order out.
//!
//! An order is judged only by lists asked for after it was sent. Left out of the open ones it is in
//! doubt: at once if it was sent on an earlier connection, the second time if on this one. Left out of
//! all three for `timing.settle_ms` while IB was in reach, an order that IB never acknowledged does not
//! exist: a gateway takes a client id once, so bytes of an earlier socket can no longer arrive, and what
//! it keeps for IB it lists as open. Of an order that worked the lists prove only that it is over; how
//! it ended stays unknown.

use std::time::Duration;

use super::{Orders, book::Record};
use crate::{config::ms, schema::order::OrderState, session::core::Core};

const LOOK_AGAIN_MIN: Duration = Duration::from_secs(1);

impl Orders {
    /// The round of lists is over.
    pub(super) fn judge_unlisted(&mut self, core: &mut Core) {
        let settle_after = ms(core.config.timing.settle_ms);
        let look_again_after = (settle_after / 2).max(LOOK_AGAIN_MIN);
        let (round, login_round) = (self.sync.round, self.sync.login_round);
        let (lists_open, lists_all) = (self.sync.lists_open(), self.sync.lists_all());
        let now = core.now.at;
        for key in self.book.open_keys() {
            let Some(record) = self.book.get_mut(&key).filter(|record| record.is_unlisted(round)) else { continue };
            let is_settled = record.facts.was_live() && record.facts.state() == OrderState::OutcomeUnknown;
            if !is_settled {
                self.sync.look_again_after(now, look_again_after);
            }
            if !lists_open {
                continue;
            }
            let missed_for = now.saturating_duration_since(*record.missed_since.get_or_insert(now));
            let patience = if record.sent_in < login_round { Duration::ZERO } else { look_again_after };
            if missed_for < patience {
                continue;
            }
            self.change(core, &key, |record| {
                if lists_all && missed_for >= settle_after && !record.facts.was_live() {
                    record.facts.is_absent = true;
                    return record
                        .explain(None, "IB has never had this order: it is neither open, nor completed, nor executed");
                }
                let reason = if record.facts.is_heard_of() {
                    "IB no longer lists this order as open and does not say how it ended"
                } else {
                    "IB mentions this order neither as open, nor as completed, nor in an execution"
                };
                record.facts.in_doubt = true;
                record.explain(None, reason);
            });
        }
    }
}

impl Record {
    /// The lists of this round should have named it and did not.
    fn is_unlisted(&self, round: u64) -> bool {
        self.facts.is_sent
            && self.sent_in < round
            && self.listed_in != round
            && self.event.state != OrderState::Inactive
    }

    /// The gateway has named it: how long it was missed no longer counts.
    pub(super) fn on_listed(&mut self, round: u64) {
        self.listed_in = round;
        self.missed_since = None;
    }
}
