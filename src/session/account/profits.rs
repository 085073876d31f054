//! Profit and loss of accounts and of single positions, published on change.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::{portfolio::Portfolio, submit};
use crate::{
    schema::{
        Size,
        account::{PnlEvent, PositionPnlEvent},
        request::account::{MissingPnl, Pnl, PnlQuery},
    },
    session::{Event, core::Core, notice::Notice},
    tws::{
        Request,
        message::account::{CancelPnL, CancelPnLSingle, PnL, PnLRequest, PnLSingle, PnLSingleRequest},
        sentinel::{unset_decimal, unset_double},
    },
};

/// Account and contract id.
type Place = (String, i32);

/// The streams of profit and loss, and what each said last.
#[derive(Debug, Default)]
pub(super) struct Profits {
    accounts: FxHashMap<i32, Portfolio>,
    positions: FxHashMap<i32, Place>,
    /// Positions with a stream, each with its request.
    followed: BTreeMap<Place, i32>,
    /// Why the gateway tells nothing of a position; not asked again on this connection.
    refused: BTreeMap<Place, String>,
    /// Why the gateway tells nothing of an account or a model; not asked again on this connection.
    refused_accounts: BTreeMap<Portfolio, String>,
    known_accounts: BTreeMap<Portfolio, PnlEvent>,
    known_positions: BTreeMap<Place, PositionPnlEvent>,
}

impl Profits {
    /// Profits that are streamed.
    pub(super) fn streams(&self) -> usize {
        self.accounts.len() + self.positions.len() + self.followed.len()
    }

    pub(super) fn subscribe(&mut self, core: &mut Core, of: &Portfolio) {
        let req_id = core.new_req_id();
        let (account, model_code) = (Some(of.account.clone()), of.model.clone());
        let request = PnLRequest { req_id: Some(req_id), account, model_code };
        if submit(core, Some(req_id), Request::PnLRequest(request)) {
            self.accounts.insert(req_id, of.clone());
        }
    }

    /// The gateway lost what it streamed (1101): everything is asked for again. What is held is followed anew by
    /// [`Self::follow`].
    pub(super) fn ask_again(&mut self, core: &mut Core) {
        for (req_id, of) in std::mem::take(&mut self.accounts) {
            submit(core, None, Request::CancelPnL(CancelPnL { req_id: Some(req_id) }));
            core.cancelled(req_id);
            core.done(req_id);
            self.subscribe(core, &of);
        }
        for req_id in std::mem::take(&mut self.positions).into_keys() {
            submit(core, None, Request::CancelPnLSingle(CancelPnLSingle { req_id: Some(req_id) }));
            core.cancelled(req_id);
            core.done(req_id);
        }
        self.followed.clear();
        self.refused.clear();
    }

    /// What was told last of an account or a model.
    pub(super) fn known(&self, of: &Portfolio) -> Option<&PnlEvent> {
        self.known_accounts.get(of)
    }

    /// Streams what is held, as far as the limit goes, and ends the streams of what is not.
    pub(super) fn follow(&mut self, core: &mut Core, held: &BTreeSet<Place>) {
        let known = self.followed.keys().chain(self.known_positions.keys());
        let closed: BTreeSet<Place> = known.filter(|place| !held.contains(*place)).cloned().collect();
        for place in closed {
            self.end(core, &place);
        }
        self.refused.retain(|place, _| held.contains(place));
        let max = usize::try_from(core.config.pacing.position_pnl).unwrap_or(usize::MAX);
        for place in held {
            if self.followed.len() >= max {
                return;
            }
            if self.followed.contains_key(place) || self.refused.contains_key(place) {
                continue;
            }
            let req_id = core.new_req_id();
            let request = PnLSingleRequest {
                req_id: Some(req_id),
                account: Some(place.0.clone()),
                con_id: Some(place.1),
                ..PnLSingleRequest::default()
            };
            if !submit(core, Some(req_id), Request::PnLSingleRequest(request)) {
                return;
            }
            self.positions.insert(req_id, place.clone());
            self.followed.insert(place.clone(), req_id);
        }
    }

    /// The position was closed: its last figures go out with position zero.
    fn end(&mut self, core: &mut Core, place: &Place) {
        if let Some(req_id) = self.followed.get(place).copied() {
            // In the class of its request, so that it cannot overtake it; it is tried again at the next change.
            let cancel = Request::CancelPnLSingle(CancelPnLSingle { req_id: Some(req_id) });
            if !submit(core, None, cancel) {
                return;
            }
            self.followed.remove(place);
            self.positions.remove(&req_id);
            core.cancelled(req_id);
            core.done(req_id);
        }
        if let Some(last) = self.known_positions.remove(place) {
            let over = PositionPnlEvent {
                position: Some(Size::ZERO),
                unrealized: None,
                value: None,
                recv_us: core.now.us,
                ..last
            };
            core.emit(Event::PositionPnl(Box::new(over)));
        }
    }

    /// The gateway refused a stream.
    pub(super) fn refused(&mut self, req_id: i32, notice: &Notice) -> Option<Portfolio> {
        let reason = format!("IB refused it: {} ({})", notice.text, notice.code);
        if let Some(place) = self.positions.remove(&req_id) {
            self.followed.remove(&place);
            self.refused.insert(place, reason.clone());
        }
        let of = self.accounts.remove(&req_id)?;
        self.refused_accounts.insert(of.clone(), reason);
        Some(of)
    }

    /// The streams are gone. What they said last stays known.
    pub(super) fn clear(&mut self) {
        self.accounts.clear();
        self.positions.clear();
        self.followed.clear();
        self.refused.clear();
        self.refused_accounts.clear();
    }

    pub(super) fn on_pnl(&mut self, core: &mut Core, message: &PnL) {
        let req_id = message.req_id.unwrap_or_default();
        let Some(of) = self.accounts.get(&req_id) else { return core.late_answer(req_id) };
        let [daily, unrealized, realized] =
            [message.daily_pnl, message.unrealized_pnl, message.realized_pnl].map(|one| one.and_then(unset_double));
        let known = self.known_accounts.get(of);
        let is_news =
            known.is_none_or(|known| (known.daily, known.unrealized, known.realized) != (daily, unrealized, realized));
        // Risk keeps it by day: on a new day it must hear an equal one too.
        if of.model.is_none() {
            core.risk.on_daily_pnl(core.now, &of.account, daily);
        }
        if is_news {
            let event = PnlEvent {
                account: of.account.clone(),
                seq: 0,
                recv_us: core.now.us,
                model: of.model.clone(),
                daily,
                unrealized,
                realized,
            };
            self.known_accounts.insert(of.clone(), event.clone());
            core.emit(Event::Pnl(Box::new(event)));
        }
    }

    pub(super) fn on_position(&mut self, core: &mut Core, message: &PnLSingle) {
        let req_id = message.req_id.unwrap_or_default();
        let Some(place) = self.positions.get(&req_id) else { return core.late_answer(req_id) };
        let figure = |value: Option<f64>| value.and_then(unset_double);
        let mut event = PositionPnlEvent {
            account: place.0.clone(),
            con_id: place.1,
            seq: 0,
            recv_us: core.now.us,
            position: message.position.as_deref().and_then(unset_decimal).and_then(Size::from_gateway),
            daily: figure(message.daily_pnl),
            unrealized: figure(message.unrealized_pnl),
            realized: figure(message.realized_pnl),
            value: figure(message.value),
        };
        if let Some(known) = self.known_positions.get(place) {
            let now_us = std::mem::replace(&mut event.recv_us, known.recv_us);
            if *known == event {
                return;
            }
            event.recv_us = now_us;
        }
        self.known_positions.insert(place.clone(), event.clone());
        core.emit(Event::PositionPnl(Box::new(event)));
    }

    /// What is known of these accounts, and what is not.
    pub(super) fn answer(&self, accounts: &[&String], ask: &PnlQuery, held: &BTreeSet<Place>) -> Pnl {
        let mut answer = Pnl { accounts: Vec::new(), positions: Vec::new(), missing: Vec::new() };
        let missing = |account: &str, con_id: Option<i32>, reason: &str| MissingPnl {
            account: account.to_owned(),
            con_id,
            reason: reason.to_owned(),
        };
        for account in accounts {
            let whole = Portfolio::whole(account);
            let refusal = self.refused_accounts.get(&whole).map(String::as_str);
            match self.known(&whole) {
                Some(known) => answer.accounts.push(known.clone()),
                None => answer.missing.push(missing(account, None, refusal.unwrap_or("IB has not told it yet"))),
            }
        }
        let is_wanted = |place: &&Place| {
            accounts.contains(&&place.0) && (ask.positions || ask.con_id.is_some_and(|con_id| con_id == place.1))
        };
        for place in held.iter().filter(is_wanted) {
            match self.known_positions.get(place) {
                Some(known) => answer.positions.push(known.clone()),
                None => answer.missing.push(missing(&place.0, Some(place.1), self.reason(place))),
            }
        }
        if let Some(con_id) = ask.con_id {
            for account in accounts.iter().filter(|account| !held.contains(&((**account).clone(), con_id))) {
                answer.missing.push(missing(account, Some(con_id), "no open position in this contract"));
            }
        }
        answer
    }

    fn reason(&self, place: &Place) -> &str {
        match self.refused.get(place) {
            Some(refusal) => refusal,
            None if self.followed.contains_key(place) => "IB has not told it yet",
            None => "not streamed: more positions are open than pacing.position_pnl allows, or no link",
        }
    }
}
