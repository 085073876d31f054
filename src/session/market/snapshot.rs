//! One-shot pictures: from a running subscription, else from a request of their own.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Market, Route,
    asking::submit_cancel,
    limits::Pool,
    picture::{Picture, data_kind, greeks_of},
    upstream::{Feed, Place},
};
use crate::{
    schema::{
        ApiError, ErrorCode,
        connection::LinkName,
        request::market::{Snapshot, SnapshotAnswer},
    },
    session::{
        Answer, Command, Listing, Token,
        core::{Core, Errand, Owner},
        pacing::Class,
    },
    tws::{
        Request, Response,
        message::market_data::{CancelMarketData, MarketDataRequest},
    },
};

/// The gateway ends a snapshot after 11 s; later than this it will not.
const END_WITHIN: Duration = Duration::from_secs(13);
/// Once bid, ask, last and close are there, the rest of the burst gets this long.
const REST_WITHIN: Duration = Duration::from_millis(300);

/// A snapshot on its way. Callers who ask for the same share it.
#[derive(Debug)]
pub(super) struct OneShot {
    listing: Arc<Listing>,
    req_id: i32,
    callers: Vec<(Instant, Token)>,
    picture: Picture,
    complete_at: Option<Instant>,
}

impl OneShot {
    /// When something is to be done even if nothing more arrives.
    fn due(&self) -> Option<Instant> {
        self.callers.iter().map(|(deadline, _)| *deadline).chain(self.complete_at).min()
    }
}

impl Market {
    pub(crate) fn snapshot(&mut self, core: &mut Core, command: &Command, _ask: &Snapshot, listing: &Arc<Listing>) {
        let running =
            self.by_key.get(&(listing.slot, Feed::Level1)).and_then(|index| self.upstreams.get(*index)?.as_ref());
        if let Some(upstream) = running.filter(|upstream| upstream.flows && upstream.picture.is_complete()) {
            let quote = upstream.picture.quote.clone();
            let answer = SnapshotAnswer { instrument: listing.instrument.clone(), quote, shared: true };
            return core.answer(command.token, Answer::Snapshot(Box::new(answer)));
        }
        if let Some(shot) = self.snapshots.get_mut(&listing.slot) {
            return shot.callers.push((command.deadline, command.token));
        }
        if let Err(error) = self.start_snapshot(core, command, listing) {
            core.refuse(command.token, error);
        }
    }

    fn start_snapshot(&mut self, core: &mut Core, command: &Command, listing: &Arc<Listing>) -> Result<(), ApiError> {
        if !self.is_open() {
            let why = if self.is_link_ready { "the gateway has lost its link to IB" } else { "the data link is down" };
            return Err(ApiError::new(ErrorCode::NotReady, why).retry_after_ms(1_000));
        }
        // A line is counted for each instrument: one that streams costs no other.
        let streams = self.by_key.contains_key(&(listing.slot, Feed::Level1));
        self.check_room(core, Pool::Lines, u32::from(!streams))?;
        let req_id = core.new_req_id();
        let request = MarketDataRequest {
            req_id: Some(req_id),
            contract: Some(listing.contract.clone()),
            snapshot: Some(true),
            ..MarketDataRequest::default()
        };
        let errand = Errand::new(LinkName::Data, Class::Interactive, Request::MarketDataRequest(Box::new(request)))
            .id(req_id)
            .client(command.client.clone())
            .answer_within(END_WITHIN);
        core.submit(Owner::Market, errand)?;
        self.pools.add(Pool::Lines, Place::Asked { req_id, sent: false });
        self.routes.insert(req_id, Route::Snapshot(listing.slot));
        let shot = OneShot {
            listing: Arc::clone(listing),
            req_id,
            callers: vec![(command.deadline, command.token)],
            picture: Picture::new(listing.instrument.con_id),
            complete_at: None,
        };
        self.snapshots.insert(listing.slot, shot);
        Ok(())
    }

    pub(super) fn on_snapshot(&mut self, core: &mut Core, slot: usize, response: Response) {
        let Some(shot) = self.snapshots.get_mut(&slot) else { return };
        let picture = &mut shot.picture;
        picture.quote.recv_us = core.now.us;
        match response {
            Response::TickPrice(tick) => {
                let size = tick.size.as_deref().unwrap_or_default();
                picture.price(tick.tick_type.unwrap_or(-1), tick.price.unwrap_or(f64::NAN), size);
            }
            Response::TickSize(tick) => {
                picture.size(tick.tick_type.unwrap_or(-1), tick.size.as_deref().unwrap_or_default());
            }
            Response::TickGeneric(tick) => {
                picture.generic(tick.tick_type.unwrap_or(-1), tick.value.unwrap_or(f64::NAN));
            }
            Response::TickString(tick) => {
                picture.text(tick.tick_type.unwrap_or(-1), tick.value.as_deref().unwrap_or_default());
            }
            Response::TickOptionComputation(tick) => {
                picture.option(tick.tick_type.unwrap_or(-1), &greeks_of(&tick));
            }
            Response::MarketDataType(told) => {
                if let Some(kind) = data_kind(told.market_data_type.unwrap_or_default()) {
                    picture.kind(kind);
                }
            }
            Response::TickSnapshotEnd(_) => return self.end_snapshot(core, slot),
            _ => {}
        }
        if shot.complete_at.is_none() && shot.picture.is_complete() {
            shot.complete_at = Some(core.now.at + REST_WITHIN);
        }
    }

    /// No more will come: everybody is told what there is.
    pub(super) fn end_snapshot(&mut self, core: &mut Core, slot: usize) {
        let Some(shot) = self.close_snapshot(core, slot) else { return };
        for (_, token) in &shot.callers {
            tell(core, *token, &shot);
        }
        self.ask_starved(core);
    }

    pub(super) fn fail_snapshot(&mut self, core: &mut Core, slot: usize, error: &ApiError) {
        let Some(shot) = self.close_snapshot(core, slot) else { return };
        for (_, token) in shot.callers {
            core.refuse(token, error.clone());
        }
        self.ask_starved(core);
    }

    pub(super) fn drop_snapshots(&mut self, core: &mut Core, error: &ApiError) {
        let slots: Vec<usize> = self.snapshots.keys().copied().collect();
        for slot in slots {
            let Some(shot) = self.close_snapshot(core, slot) else { continue };
            core.pacing.withdraw(shot.req_id);
            for (_, token) in shot.callers {
                core.refuse(token, error.clone());
            }
        }
    }

    fn close_snapshot(&mut self, core: &mut Core, slot: usize) -> Option<OneShot> {
        let shot = self.snapshots.remove(&slot)?;
        self.routes.remove(&shot.req_id);
        self.pools.remove(Pool::Lines, Place::Asked { req_id: shot.req_id, sent: true });
        core.done(shot.req_id);
        Some(shot)
    }

    /// Callers whose time is over get what there is; a request that nobody waits for is cancelled.
    pub(super) fn on_snapshot_timer(&mut self, core: &mut Core) {
        let now = core.now.at;
        let due = |(slot, shot): (&usize, &OneShot)| shot.due().is_some_and(|at| at <= now).then_some(*slot);
        let slots: Vec<usize> = self.snapshots.iter().filter_map(due).collect();
        for slot in slots {
            let Some(shot) = self.snapshots.get_mut(&slot) else { continue };
            let is_complete = shot.complete_at.is_some_and(|at| at <= now);
            let (over, waiting) = shot.callers.iter().partition(|(at, _)| is_complete || *at <= now);
            shot.callers = waiting;
            let over: Vec<(Instant, Token)> = over;
            for (_, token) in over {
                tell(core, token, shot);
            }
            if shot.callers.is_empty() {
                let req_id = shot.req_id;
                if !core.pacing.withdraw(req_id) {
                    core.cancelled(req_id);
                    submit_cancel(core, Request::CancelMarketData(CancelMarketData { req_id: Some(req_id) }));
                }
                self.close_snapshot(core, slot);
                self.ask_starved(core);
            }
        }
    }

    pub(super) fn next_snapshot_due(&self) -> Option<Instant> {
        self.snapshots.values().filter_map(OneShot::due).min()
    }
}

fn tell(core: &mut Core, token: Token, shot: &OneShot) {
    if !shot.picture.is_known {
        let text = "the gateway sent no value within the time given";
        return core.refuse(token, ApiError::new(ErrorCode::NoData, text));
    }
    let quote = shot.picture.quote.clone();
    let answer = SnapshotAnswer { instrument: shot.listing.instrument.clone(), quote, shared: false };
    core.answer(token, Answer::Snapshot(Box::new(answer)));
}
