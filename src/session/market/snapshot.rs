//! One-shot pictures: from a running subscription, else from a request of their own.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use compact_str::CompactString;

use super::{
    Market, Route,
    asking::submit_cancel,
    feed::{Feed, market_data_type, policy_of},
    limits::Pool,
    picture::{Picture, data_kind, greeks_of},
    upstream::{Place, Upstream},
};
use crate::{
    schema::{
        ApiError, ErrorCode,
        connection::LinkName,
        market::QuoteEvent,
        request::market::{Snapshot, SnapshotAnswer},
    },
    session::{
        Answer, Command, Listing, Token,
        core::{Core, Errand, Owner},
        pacing::{Class, Cost},
    },
    tws::{
        Request, Response,
        message::{
            contract::Contract,
            market_data::{CancelMarketData, MarketDataRequest},
        },
    },
};

/// The gateway ends a snapshot after 11 s; later than this it will not.
const END_WITHIN: Duration = Duration::from_secs(13);
/// Once bid, ask, last and close are there, the rest of the burst gets this long.
const REST_WITHIN: Duration = Duration::from_millis(300);

/// IB takes one regulatory snapshot in this time.
const REGULATORY_EVERY: Duration = Duration::from_secs(1);
/// A stream that has flowed this long has shown what there is to show.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// Slot of the listing, and whether it is a regulatory snapshot: those are never shared with others.
pub(super) type Key = (usize, bool);

/// A snapshot on its way. Callers who ask for the same share it.
#[derive(Debug)]
pub(super) struct OneShot {
    listing: Arc<Listing>,
    req_id: i32,
    /// Who asked first.
    client: Option<CompactString>,
    /// The gateway named another contract to ask for.
    is_rerouted: bool,
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
    pub(crate) fn snapshot(&mut self, core: &mut Core, command: &Command, ask: &Snapshot, listing: &Arc<Listing>) {
        if !ask.regulatory
            && let Some(upstream) = self.streamed(listing.slot, Feed::Level1)
            && upstream.picture.is_known
        {
            let is_settled = upstream.flowing_since.is_some_and(|since| since + SETTLED_AFTER <= core.now.at);
            if is_settled || upstream.picture.is_complete() {
                let answer = self.picture_answer(listing, upstream.picture.quote.clone(), true, false);
                return core.answer(command.token, Answer::Snapshot(Box::new(answer)));
            }
        }
        if let Some(shot) = self.snapshots.get_mut(&(listing.slot, ask.regulatory)) {
            core.join(shot.req_id, command.token);
            return shot.callers.push((command.deadline, command.token));
        }
        if let Err(error) = self.start_snapshot(core, command, ask, listing) {
            core.refuse(command.token, error);
        }
    }

    /// An upstream whose data flows.
    fn streamed(&self, slot: usize, feed: Feed) -> Option<&Upstream> {
        let index = self.by_key.get(&(slot, feed))?;
        self.upstreams.get(*index)?.as_ref().filter(|upstream| upstream.flows)
    }

    /// The answer, with what streams of the same instrument know beside the quote.
    fn picture_answer(&self, listing: &Listing, quote: QuoteEvent, shared: bool, regulatory: bool) -> SnapshotAnswer {
        SnapshotAnswer {
            instrument: listing.instrument.clone(),
            quote,
            shared,
            regulatory,
            book: self.streamed(listing.slot, Feed::Depth).and_then(Upstream::book),
            bars: self.streamed(listing.slot, Feed::Bars).map(|bars| bars.bars.last_bars()).unwrap_or_default(),
        }
    }

    /// Each regulatory snapshot costs money: only if the configuration allows what the request asks for.
    fn check_regulatory(&mut self, core: &Core) -> Result<(), ApiError> {
        if !core.config.gateway.regulatory_snapshots {
            let text = "regulatory snapshots cost money and are off; set gateway.regulatory_snapshots = true";
            return Err(ApiError::new(ErrorCode::NoPermission, text));
        }
        if let Some(at) = self.regulatory_at.map(|at| at + REGULATORY_EVERY).filter(|at| *at > core.now.at) {
            let wait = at.saturating_duration_since(core.now.at).as_millis();
            let error = ApiError::new(ErrorCode::PacingLimited, "IB takes one regulatory snapshot a second");
            return Err(error.retry_after_ms(u64::try_from(wait).unwrap_or(u64::MAX).max(1)));
        }
        self.regulatory_at = Some(core.now.at);
        Ok(())
    }

    fn start_snapshot(
        &mut self,
        core: &mut Core,
        command: &Command,
        ask: &Snapshot,
        listing: &Arc<Listing>,
    ) -> Result<(), ApiError> {
        if !self.is_open() {
            let why = if self.is_link_ready { "the gateway has lost its link to IB" } else { "the data link is down" };
            return Err(ApiError::new(ErrorCode::NotReady, why).retry_after_ms(1_000));
        }
        // A line is counted for each instrument: one that streams costs no other.
        let streams = self.by_key.contains_key(&(listing.slot, Feed::Level1));
        self.check_room(core, Pool::Lines, u32::from(!streams))?;
        if ask.regulatory && listing.instrument.sec_type == "BAG" {
            let text = "regulatory snapshots are of one instrument each: ask for the legs of a combo";
            return Err(ApiError::new(ErrorCode::Unsupported, text));
        }
        if ask.regulatory {
            self.check_regulatory(core)?;
        }
        let upstream =
            self.by_key.get(&(listing.slot, Feed::Level1)).and_then(|index| self.upstreams.get(*index)?.as_ref());
        let rerouted = upstream.and_then(|upstream| upstream.rerouted.clone()).filter(|_| !ask.regulatory);
        let is_rerouted = rerouted.is_some();
        let contract = rerouted.unwrap_or_else(|| listing.contract.clone());
        let req_id = submit(core, contract, ask.regulatory, (command.client.clone(), Some(command.deadline)))?;
        self.pools.add(Pool::Lines, Place::Asked { req_id, sent: false });
        let key = (listing.slot, ask.regulatory);
        self.routes.insert(req_id, Route::Snapshot(key));
        let shot = OneShot {
            listing: Arc::clone(listing),
            req_id,
            client: command.client.clone(),
            is_rerouted,
            callers: vec![(command.deadline, command.token)],
            picture: Picture::new(listing.instrument.con_id),
            complete_at: None,
        };
        self.snapshots.insert(key, shot);
        Ok(())
    }

    pub(super) fn on_snapshot(&mut self, core: &mut Core, key: Key, response: Response) {
        let Some(shot) = self.snapshots.get_mut(&key) else { return };
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
            Response::TickSnapshotEnd(_) => return self.end_snapshot(core, key),
            Response::RerouteMarketDataRequest(to) => {
                let contract = Contract { con_id: to.con_id, exchange: to.exchange, ..Contract::default() };
                return self.reroute_snapshot(core, key, contract);
            }
            _ => {}
        }
        if shot.complete_at.is_none() && shot.picture.is_complete() {
            shot.complete_at = Some(core.now.at + REST_WITHIN);
        }
    }

    /// The gateway names another contract to ask for. Nothing that costs money is asked for twice.
    fn reroute_snapshot(&mut self, core: &mut Core, key: Key, contract: Contract) {
        let Some(shot) = self.snapshots.get_mut(&key) else { return };
        if key.1 || std::mem::replace(&mut shot.is_rerouted, true) {
            let text = "the gateway names another contract for the data of this one, and is asked for it once, and never for money";
            return self.fail_snapshot(core, key, &ApiError::new(ErrorCode::Unsupported, text));
        }
        let deadline = shot.callers.iter().map(|(deadline, _)| *deadline).max();
        match submit(core, contract, false, (shot.client.clone(), deadline)) {
            Ok(req_id) => {
                let first = std::mem::replace(&mut shot.req_id, req_id);
                self.routes.remove(&first);
                self.routes.insert(req_id, Route::Snapshot(key));
                core.done(first);
                core.cancelled(first);
                submit_cancel(core, Request::CancelMarketData(CancelMarketData { req_id: Some(first) }));
            }
            Err(error) => self.fail_snapshot(core, key, &error),
        }
    }

    /// No more will come: everybody is told what there is.
    pub(super) fn end_snapshot(&mut self, core: &mut Core, key: Key) {
        let Some(shot) = self.close_snapshot(core, key) else { return };
        for (_, token) in &shot.callers {
            self.tell(core, *token, key, &shot);
        }
        self.ask_starved(core);
    }

    pub(super) fn fail_snapshot(&mut self, core: &mut Core, key: Key, error: &ApiError) {
        let Some(shot) = self.close_snapshot(core, key) else { return };
        for (_, token) in shot.callers {
            core.refuse(token, error.clone());
        }
        self.ask_starved(core);
    }

    pub(super) fn drop_snapshots(&mut self, core: &mut Core, error: &ApiError) {
        let keys: Vec<Key> = self.snapshots.keys().copied().collect();
        for key in keys {
            let Some(shot) = self.close_snapshot(core, key) else { continue };
            core.pacing.withdraw(shot.req_id);
            for (_, token) in shot.callers {
                core.refuse(token, error.clone());
            }
        }
    }

    fn close_snapshot(&mut self, core: &mut Core, key: Key) -> Option<OneShot> {
        let shot = self.snapshots.remove(&key)?;
        self.routes.remove(&shot.req_id);
        self.pools.remove(Pool::Lines, Place::Asked { req_id: shot.req_id, sent: true });
        core.done(shot.req_id);
        Some(shot)
    }

    /// Callers whose time is over get what there is; a request that nobody waits for is cancelled.
    pub(super) fn on_snapshot_timer(&mut self, core: &mut Core) {
        let now = core.now.at;
        let due = |(key, shot): (&Key, &OneShot)| shot.due().is_some_and(|at| at <= now).then_some(*key);
        let keys: Vec<Key> = self.snapshots.iter().filter_map(due).collect();
        for key in keys {
            let Some(shot) = self.snapshots.get_mut(&key) else { continue };
            let is_complete = shot.complete_at.is_some_and(|at| at <= now);
            let (over, waiting) = shot.callers.iter().partition(|(at, _)| is_complete || *at <= now);
            shot.callers = waiting;
            let over: Vec<(Instant, Token)> = over;
            let (req_id, is_over) = (shot.req_id, shot.callers.is_empty());
            for (_, token) in over {
                if let Some(shot) = self.snapshots.get(&key) {
                    self.tell(core, token, key, shot);
                }
            }
            if is_over {
                if !core.pacing.withdraw(req_id) {
                    core.cancelled(req_id);
                    submit_cancel(core, Request::CancelMarketData(CancelMarketData { req_id: Some(req_id) }));
                }
                self.close_snapshot(core, key);
                self.ask_starved(core);
            }
        }
    }

    pub(super) fn next_snapshot_due(&self) -> Option<Instant> {
        self.snapshots.values().filter_map(OneShot::due).min()
    }

    fn tell(&self, core: &mut Core, token: Token, (_, regulatory): Key, shot: &OneShot) {
        if !shot.picture.is_known {
            let text = "the gateway sent no value within the time given";
            return core.refuse(token, ApiError::new(ErrorCode::NoData, text));
        }
        let answer = self.picture_answer(&shot.listing, shot.picture.quote.clone(), false, regulatory);
        core.answer(token, Answer::Snapshot(Box::new(answer)));
    }
}

/// Queues a request for a snapshot, and gives its id. No other place in the session writes a regulatory one.
fn submit(
    core: &mut Core,
    contract: Contract,
    regulatory: bool,
    (client, deadline): (Option<CompactString>, Option<Instant>),
) -> Result<i32, ApiError> {
    let req_id = core.new_req_id();
    let request = MarketDataRequest {
        req_id: Some(req_id),
        contract: Some(contract),
        snapshot: Some(!regulatory),
        regulatory_snapshot: regulatory.then_some(true),
        ..MarketDataRequest::default()
    };
    let market_data_type = market_data_type(policy_of(core.config.gateway.market_data));
    let errand = Errand::new(LinkName::Data, Class::Interactive, Request::MarketDataRequest(Box::new(request)))
        .id(req_id)
        .cost(Cost::MarketData { market_data_type })
        .client(client)
        .deadline(deadline)
        .answer_within(END_WITHIN);
    core.submit(Owner::Market, errand)?;
    Ok(req_id)
}
