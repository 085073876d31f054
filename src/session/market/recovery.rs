//! What links, farms and notices do to streams.

use super::{
    Market, Route,
    asking::submit_cancel,
    upstream::{Feed, Place},
};
use crate::{
    config::MarketDataPreference,
    schema::{ApiError, ErrorCode, connection::LinkName, market::DataKind},
    session::{
        core::{Core, Errand, Owner},
        notice::Notice,
        pacing::Class,
        truth::IbChange,
    },
    tws::{
        Request,
        message::market_data::{CancelMarketData, MarketDataTypeRequest},
        notice::{Category, Retry},
    },
};
use std::time::Duration;

/// Wait before a request is repeated that the gateway ended without any data.
const REPEAT_WAIT: Duration = Duration::from_secs(5);
/// Wait before a request is repeated that is worth repeating after an unknown time.
const RETRY_WAIT: Duration = Duration::from_secs(60);

impl Market {
    /// The data link is logged in. `is_ib_lost`: the gateway has no link to IB.
    pub(crate) fn on_link_ready(&mut self, core: &mut Core, is_ib_lost: bool) {
        self.is_link_ready = true;
        self.is_ib_lost = is_ib_lost;
        let market_data_type = match core.config.gateway.market_data {
            MarketDataPreference::Live => None,
            MarketDataPreference::Frozen => Some(2),
            MarketDataPreference::Delayed => Some(3),
            MarketDataPreference::DelayedFrozen => Some(4),
        };
        if market_data_type.is_some() {
            let request = Request::MarketDataTypeRequest(MarketDataTypeRequest { market_data_type });
            // First in the queue of a new link: it cannot be full.
            let _ = core.submit(Owner::Market, Errand::new(LinkName::Data, Class::Live, request));
        }
        self.ask_all(core);
    }

    /// The data link is down: every request on it is void.
    pub(crate) fn on_link_down(&mut self, core: &mut Core, reason: &str) {
        self.is_link_ready = false;
        self.routes.clear();
        self.starved.clear();
        self.due.clear();
        for index in 0..self.upstreams.len() {
            self.put(index, Place::Waiting);
            if let Some(Some(upstream)) = self.upstreams.get_mut(index) {
                upstream.old = None;
                upstream.fresh = true;
                upstream.attempts = 0;
                upstream.interrupt(core, reason);
            }
        }
        let error = ApiError::new(ErrorCode::NotReady, reason).retry_after_ms(1_000);
        self.drop_snapshots(core, &error);
    }

    pub(crate) fn on_ib_change(&mut self, core: &mut Core, change: IbChange) {
        match change {
            IbChange::Lost => {
                self.is_ib_lost = true;
                self.interrupt_all(core, "the gateway has lost its link to IB");
            }
            IbChange::RestoredEmpty => {
                self.is_ib_lost = false;
                let reason = "the gateway's link to IB came back without its subscriptions (1101)";
                self.interrupt_all(core, reason);
                self.void(core, |_| true);
                let error = ApiError::new(ErrorCode::NotReady, reason).retry_after_ms(1_000);
                self.drop_snapshots(core, &error);
                self.ask_all(core);
            }
            IbChange::RestoredKept if self.is_ib_lost => {
                self.is_ib_lost = false;
                // IB keeps reqMktData. Bars and tick-by-tick often stay dead, a kept book may have holes.
                for index in 0..self.upstreams.len() {
                    let slot = self.upstreams.get_mut(index).and_then(Option::as_mut);
                    let Some(upstream) = slot else { continue };
                    if upstream.feed == Feed::Level1 {
                        // Generic ticks may have been wished for meanwhile.
                        self.widen(core, index);
                    } else {
                        upstream.fresh = true;
                        self.cancel_all(core, index);
                    }
                }
                self.ask_all(core);
            }
            IbChange::RestoredKept => {}
        }
    }

    /// The bridge ends: last values that outlive it must not pass for live ones.
    pub(crate) fn on_shutdown(&mut self, core: &mut Core) {
        for upstream in self.upstreams.iter_mut().flatten() {
            upstream.tell_stale(core);
        }
    }

    /// A market data farm broke. Which instruments it serves is unknown; those of other farms are
    /// cleared by their next tick. The gateway restores the subscriptions itself.
    pub(crate) fn on_farm_down(&mut self, core: &mut Core, notice: &str) {
        self.interrupt_all(core, notice);
    }

    fn interrupt_all(&mut self, core: &mut Core, reason: &str) {
        for upstream in self.upstreams.iter_mut().flatten() {
            upstream.interrupt(core, reason);
        }
    }

    /// Forgets requests that the gateway no longer has. No cancels: it would answer 300 to each.
    fn void(&mut self, core: &mut Core, is_void: impl Fn(Feed) -> bool) {
        for index in 0..self.upstreams.len() {
            let slot = self.upstreams.get_mut(index).and_then(Option::as_mut);
            let Some(upstream) = slot.filter(|upstream| is_void(upstream.feed)) else { continue };
            upstream.fresh = true;
            let old = upstream.old.take().map(|(req_id, _)| req_id);
            let current = match upstream.place {
                Place::Asked { req_id, .. } => Some(req_id),
                _ => None,
            };
            for req_id in old.into_iter().chain(current) {
                self.routes.remove(&req_id);
                core.pacing.withdraw(req_id);
                core.done(req_id);
            }
            self.put(index, Place::Waiting);
        }
    }

    /// A notice that names one of our requests.
    pub(crate) fn on_notice(&mut self, core: &mut Core, req_id: i32, notice: &Notice) {
        let index = match self.routes.get(&req_id) {
            Some(Route::Upstream(index)) => *index,
            Some(Route::Snapshot(slot)) => {
                let slot = *slot;
                if notice.meaning.ends_request() {
                    self.fail_snapshot(core, slot, &notice.to_error());
                }
                return;
            }
            None => return,
        };
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        match notice.code {
            // "No such subscription", for a cancel of ours.
            300 | 310 => {}
            317 => upstream.reset_book(core),
            10_167 => upstream.set_kind(core, DataKind::Delayed),
            10_197 => upstream.interrupt(core, &reason(notice)),
            _ if notice.meaning.retry == Retry::Resubscribe => self.ask_again(core, index, &reason(notice)),
            _ if notice.meaning.ends_request() => self.on_end(core, index, req_id, notice),
            _ => {}
        }
    }

    /// The gateway ended a stream that may be had again at once.
    pub(super) fn ask_again(&mut self, core: &mut Core, index: usize, reason: &str) {
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        let was_flowing = upstream.flows;
        upstream.end(core, reason);
        self.cancel_all(core, index);
        if was_flowing {
            self.ask(core, index);
        } else {
            self.put(index, Place::Delayed { at: core.now.at + REPEAT_WAIT });
        }
    }

    fn on_end(&mut self, core: &mut Core, index: usize, req_id: i32, notice: &Notice) {
        self.routes.remove(&req_id);
        core.done(req_id);
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        let is_invalid = notice.meaning.category == Category::RequestInvalid;
        if let Some((old, generic)) = upstream.old.take() {
            if old == req_id {
                return;
            }
            // The wider request was refused: stay with the narrower one that runs.
            if is_invalid {
                let refused: Vec<u16> = upstream.generic_asked.difference(&generic).copied().collect();
                upstream.generic_barred.extend(refused);
            }
            upstream.generic_asked = generic;
            upstream.flows = true;
            return self.put(index, Place::Asked { req_id: old, sent: true });
        }
        if is_invalid && !upstream.generic_asked.is_empty() {
            // One client's generic ticks must not cost the others their quotes.
            let refused = std::mem::take(&mut upstream.generic_asked);
            upstream.generic_barred.extend(refused);
            self.put(index, Place::Waiting);
            return self.ask(core, index);
        }
        upstream.end(core, &reason(notice));
        match notice.meaning.retry {
            Retry::AfterWait => {
                let wait = notice.meaning.wait.unwrap_or(RETRY_WAIT);
                self.put(index, Place::Delayed { at: core.now.at + wait });
            }
            _ => self.put(index, Place::Refused { at: core.now.at }),
        }
        if notice.meaning.category == Category::SubscriptionLimit {
            self.starved.insert(index);
        }
    }

    /// A request stayed without any answer.
    pub(crate) fn on_timeout(&mut self, core: &mut Core, req_id: i32) {
        match self.routes.get(&req_id) {
            Some(Route::Upstream(index)) => {
                let index = *index;
                let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
                if let Some((old, generic)) = upstream.old.take().filter(|(old, _)| *old != req_id) {
                    upstream.generic_asked = generic;
                    upstream.flows = true;
                    self.put(index, Place::Asked { req_id: old, sent: true });
                    return self.cancel(core, index, req_id);
                }
                upstream.attempts += 1;
                upstream.end(core, "the gateway does not answer the request");
                self.cancel_all(core, index);
                self.ask(core, index);
            }
            Some(Route::Snapshot(slot)) => {
                let slot = *slot;
                core.cancelled(req_id);
                submit_cancel(core, Request::CancelMarketData(CancelMarketData { req_id: Some(req_id) }));
                self.end_snapshot(core, slot);
            }
            None => {}
        }
    }
}

fn reason(notice: &Notice) -> String {
    format!("{} (IB code {})", notice.text, notice.code)
}
