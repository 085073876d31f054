//! What links, farms and notices do to streams.

use super::{
    Market, Route,
    asking::submit_cancel,
    feed::{Feed, Part},
    limits::Pool,
    upstream::Place,
};
use crate::{
    schema::{ApiError, ErrorCode, bridge::BridgeEvent, market::DataKind},
    session::{Event, core::Core, notice::Notice, truth::IbChange},
    tws::{
        Request,
        message::market_data::CancelMarketData,
        notice::{Category, Retry},
    },
};
use std::time::Duration;

/// The login may not have headlines of a provider.
const NEWS_NOT_ALLOWED: i32 = 10_276;
/// Wait before a request is repeated that the gateway ended without any data.
const REPEAT_WAIT: Duration = Duration::from_secs(5);
/// Wait before a request is repeated that is worth repeating after an unknown time.
const RETRY_WAIT: Duration = Duration::from_secs(60);

impl Market {
    /// The data link is logged in. `is_ib_lost`: the gateway has no link to IB.
    pub(crate) fn on_link_ready(&mut self, core: &mut Core, is_ib_lost: bool) {
        self.is_link_ready = true;
        self.is_ib_lost = is_ib_lost;
        self.pools.unlearn();
        self.ask_all(core);
    }

    /// The data link is down: every request on it is void.
    pub(crate) fn on_link_down(&mut self, core: &mut Core, reason: &str) {
        self.is_link_ready = false;
        self.routes.clear();
        self.starved.clear();
        self.due.clear();
        self.doubts.clear();
        self.tick_by_tick.on_link_down(core.now.at);
        self.ladder.step_down();
        for index in 0..self.upstreams.len() {
            self.put(index, Place::Waiting);
            if let Some(Some(upstream)) = self.upstreams.get_mut(index) {
                upstream.old = None;
                upstream.fresh = true;
                upstream.attempts = 0;
                upstream.asked_once_more = false;
                upstream.asked_again_us = None;
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
                self.tick_by_tick.on_ib_away(core.now.at);
                self.interrupt_all(core, "the gateway has lost its link to IB");
                self.call_back(core);
            }
            IbChange::RestoredEmpty => {
                self.is_ib_lost = false;
                self.tick_by_tick.on_ib_back(core.now.at, core.market_farms_down);
                let reason = "the gateway's link to IB came back without its subscriptions (1101)";
                self.interrupt_all(core, reason);
                self.void(core, |_| true);
                let error = ApiError::new(ErrorCode::NotReady, reason).retry_after_ms(1_000);
                self.drop_snapshots(core, &error);
                self.ask_all(core);
            }
            IbChange::RestoredKept => {
                self.is_ib_lost = false;
                self.tick_by_tick.on_ib_back(core.now.at, core.market_farms_down);
                // Also if no loss was told: there was one. IB keeps reqMktData. Bars and tick-by-tick often stay dead, a kept book may have holes.
                let reason = "the gateway's link to IB came back (1102)";
                for index in 0..self.upstreams.len() {
                    let slot = self.upstreams.get_mut(index).and_then(Option::as_mut);
                    let Some(upstream) = slot else { continue };
                    if upstream.feed == Feed::Level1 {
                        upstream.interrupt(core, reason);
                        // Generic ticks may have been wished for meanwhile.
                        self.widen(core, index);
                    } else if matches!(upstream.place, Place::Asked { .. }) {
                        // Tick-by-tick may have to wait before it is asked for again: nothing flows until then.
                        upstream.end(core, reason);
                        self.cancel_all(core, index);
                    }
                }
                self.ask_all(core);
            }
        }
    }

    /// The trading link was told that IB is in reach. What has become of the streams is told on their own link.
    pub(crate) fn on_ib_reached(&mut self, core: &mut Core) {
        if std::mem::take(&mut self.is_ib_lost) {
            for index in 0..self.upstreams.len() {
                self.widen(core, index);
            }
            self.ask_all(core);
        }
    }

    /// The bridge ends: last values that outlive it must not pass for live ones.
    pub(crate) fn on_shutdown(&mut self, core: &mut Core) {
        for upstream in self.upstreams.iter_mut().flatten() {
            upstream.tell_stale(core);
        }
    }

    fn interrupt_all(&mut self, core: &mut Core, reason: &str) {
        for upstream in self.upstreams.iter_mut().flatten() {
            upstream.interrupt(core, reason);
        }
    }

    /// Takes requests back that wait for their turn: a gateway without IB may answer them falsely or never.
    fn call_back(&mut self, core: &mut Core) {
        for index in 0..self.upstreams.len() {
            let slot = self.upstreams.get_mut(index).and_then(Option::as_mut);
            let Some(Place::Asked { req_id, sent: false }) = slot.map(|upstream| upstream.place) else { continue };
            if !core.pacing.withdraw(req_id) {
                continue;
            }
            self.routes.remove(&req_id);
            let Some(Some(upstream)) = self.upstreams.get_mut(index) else { continue };
            let place = match upstream.old.take() {
                // The wider request is made again when IB is back.
                Some((old, before)) => {
                    (upstream.asked, upstream.begun) = (before, true);
                    Place::Asked { req_id: old, sent: true }
                }
                None => Place::Waiting,
            };
            self.put(index, place);
        }
    }

    /// Forgets requests that the gateway no longer has. No cancels: it would answer 300 to each.
    fn void(&mut self, core: &mut Core, is_void: impl Fn(Feed) -> bool) {
        for index in 0..self.upstreams.len() {
            let slot = self.upstreams.get_mut(index).and_then(Option::as_mut);
            let Some(upstream) = slot.filter(|upstream| is_void(upstream.feed)) else { continue };
            (upstream.fresh, upstream.asked_once_more) = (true, false);
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
            10_197 => {
                let until = core.now.at + notice.meaning.wait.unwrap_or(RETRY_WAIT);
                upstream.withhold(core, req_id, until, &reason(notice));
            }
            _ if notice.meaning.retry == Retry::Resubscribe => self.ask_again(core, index, &reason(notice), false),
            _ if notice.meaning.ends_request() => self.on_end(core, index, req_id, notice),
            _ => {}
        }
    }

    /// A stream that has ended may be had again at once. If it brought nothing since it was asked for, it waits a moment,
    /// unless `at_once`.
    pub(super) fn ask_again(&mut self, core: &mut Core, index: usize, reason: &str, at_once: bool) {
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        let was_flowing = upstream.flows;
        upstream.end(core, reason);
        self.cancel_all(core, index);
        if was_flowing || at_once {
            self.ask(core, index);
        } else {
            self.put(index, Place::Delayed { at: core.now.at + REPEAT_WAIT });
        }
    }

    fn on_end(&mut self, core: &mut Core, index: usize, req_id: i32, notice: &Notice) {
        self.routes.remove(&req_id);
        core.done(req_id);
        let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
        let is_invalid = notice.meaning.category == Category::RequestInvalid || notice.code == NEWS_NOT_ALLOWED;
        let is_full = notice.meaning.category == Category::SubscriptionLimit;
        // One client's wishes must not cost the others their quotes.
        let mut suspects: Vec<Part> = match &upstream.old {
            Some((_, before)) => upstream.asked.parts.difference(&before.parts).cloned().collect(),
            None => upstream.asked.parts.iter().filter(|part| **part != Part::Quotes).cloned().collect(),
        };
        if notice.code == NEWS_NOT_ALLOWED {
            suspects.retain(Part::is_news);
        }
        if let Some((old, before)) = upstream.old.take() {
            if old == req_id {
                return;
            }
            if is_full {
                // The gateway counts both: the narrower one makes room for the wider.
                upstream.end(core, "asked again for more ticks; the gateway had no line for both requests at once");
                self.cancel(core, index, old);
                self.put(index, Place::Waiting);
                return self.ask(core, index);
            }
            // The wider request was refused: stay with the narrower one that runs.
            if is_invalid {
                upstream.bar(suspects, &reason(notice));
            }
            upstream.asked = before;
            (upstream.flows, upstream.begun) = (true, true);
            return self.put(index, Place::Asked { req_id: old, sent: true });
        }
        if is_invalid && !suspects.is_empty() && upstream.asked.parts.contains(&Part::Quotes) {
            upstream.bar(suspects, &reason(notice));
            self.put(index, Place::Waiting);
            return self.ask(core, index);
        }
        upstream.end(core, &reason(notice));
        if is_full {
            return self.on_full(core, index, notice);
        }
        match notice.meaning.retry {
            Retry::AfterWait => {
                let wait = notice.meaning.wait.unwrap_or(RETRY_WAIT);
                self.put(index, Place::Delayed { at: core.now.at + wait });
            }
            _ => self.put(index, Place::Refused { at: core.now.at }),
        }
        // Its line or slot serves who waits for one.
        self.ask_starved(core);
    }

    /// The gateway has no line or slot for a stream that ours should have had: others of the user hold some.
    /// What it takes is learned, and the stream waits for one to be freed.
    fn on_full(&mut self, core: &mut Core, index: usize, notice: &Notice) {
        let Some(Some(upstream)) = self.upstreams.get(index) else { return };
        let pool = self.pools.of(upstream.feed);
        if pool == Pool::TickByTick
            && let Some(at) = self.tick_by_tick.lingers_until(core.now.at)
        {
            // It still counts one that we cancelled.
            return self.put(index, Place::Delayed { at });
        }
        self.put(index, Place::Waiting);
        // Those still on their way would only be refused too.
        let unsent = |slot: &Option<super::upstream::Upstream>| {
            let upstream = slot.as_ref().filter(|other| self.pools.of(other.feed) == pool && other.old.is_none())?;
            match upstream.place {
                Place::Asked { req_id, sent: false } => Some(req_id),
                _ => None,
            }
        };
        let unsent: Vec<(usize, i32)> =
            self.upstreams.iter().enumerate().filter_map(|(index, slot)| Some((index, unsent(slot)?))).collect();
        self.queue(index);
        for (index, req_id) in unsent {
            if core.pacing.withdraw(req_id) {
                self.routes.remove(&req_id);
                self.queue(index);
            }
        }
        let learned = self.pools.asked(pool);
        if learned >= self.pools.max(core, pool) {
            return;
        }
        self.pools.learn(core, pool, learned);
        let mut event = BridgeEvent::new("limit_learned", core.now.us);
        event.message = Some(format!(
            "the gateway takes no more than {learned} {} from this bridge now, {} streams wait: {}",
            pool.words(),
            self.starved.len(),
            reason(notice)
        ));
        core.emit(Event::Bridge(Box::new(event)));
    }

    /// A request stayed without any answer.
    pub(crate) fn on_timeout(&mut self, core: &mut Core, req_id: i32) {
        match self.routes.get(&req_id) {
            Some(Route::Upstream(index)) => {
                let index = *index;
                let Some(Some(upstream)) = self.upstreams.get_mut(index) else { return };
                if let Some((old, before)) = upstream.old.take().filter(|(old, _)| *old != req_id) {
                    upstream.asked = before;
                    (upstream.flows, upstream.begun) = (true, true);
                    self.put(index, Place::Asked { req_id: old, sent: true });
                    return self.cancel(core, index, req_id);
                }
                upstream.attempts += 1;
                self.climb(core, index, "the gateway does not answer the request", true);
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
