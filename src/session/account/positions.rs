//! What is held, as told by positions and by the portfolio of the subscribed account.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::{
    schema::{Instrument, Size, account::PositionEvent, request::account::Positions},
    session::{Event, core::Core, traded},
    tws::{
        message::{
            account::{PortfolioValue, Position, PositionMulti},
            contract::Contract,
        },
        sentinel::{is_zero_size, unset_decimal, unset_double},
    },
};

/// Account and contract id.
type Place = (String, i32);

/// Open positions, each as it was last published.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The model they belong to; `None` for whole accounts.
    model: Option<String>,
    open: BTreeMap<Place, PositionEvent>,
    /// Positions that the running download has not named yet.
    unconfirmed: BTreeSet<Place>,
    /// A position was opened or closed since this was asked last.
    has_changed: bool,
}

impl Held {
    /// Positions of a model.
    pub(super) fn of_model(model: Option<String>) -> Self {
        Self { model, ..Self::default() }
    }

    pub(super) fn positions(&self, is_wanted: impl Fn(&str) -> bool) -> Positions {
        let wanted = |event: &&PositionEvent| is_wanted(&event.account);
        Positions { positions: self.open.values().filter(wanted).cloned().collect() }
    }

    /// What is held, by account and contract.
    pub(super) fn sizes(&self) -> BTreeMap<Place, Decimal> {
        self.open.iter().map(|(place, event)| (place.clone(), event.position.decimal())).collect()
    }

    /// What is held.
    pub(super) fn places(&self) -> BTreeSet<Place> {
        self.open.keys().cloned().collect()
    }

    /// All streams of positions are to be begun anew.
    pub(super) fn set_changed(&mut self) {
        self.has_changed = true;
    }

    /// True once after positions were opened or closed.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }

    /// Quantity held of a contract, by account.
    pub(super) fn of(&self, con_id: i32) -> Vec<(String, Decimal)> {
        let held = self.open.iter().filter(|((_, contract), _)| *contract == con_id);
        held.map(|((account, _), event)| (account.clone(), event.position.decimal())).collect()
    }

    /// A full list follows: what it does not name has been closed meanwhile.
    pub(super) fn start_download(&mut self) {
        self.unconfirmed = self.open.keys().cloned().collect();
    }

    /// The list is complete, of all accounts or of this one.
    pub(super) fn end_download(&mut self, core: &mut Core, account: Option<&str>) {
        let is_listed = |place: &Place| account.is_none_or(|account| place.0 == account);
        let (gone, waiting) = std::mem::take(&mut self.unconfirmed).into_iter().partition(is_listed);
        self.unconfirmed = waiting;
        for place in BTreeSet::<Place>::into_iter(gone) {
            self.close(core, &place, |_| {});
        }
    }

    pub(super) fn on_multi(&mut self, core: &mut Core, message: PositionMulti) {
        let average_cost = message.avg_cost.and_then(unset_double);
        let report = |event: &mut PositionEvent| event.average_cost = average_cost.or(event.average_cost);
        self.on_report(core, message.account, message.contract.as_ref(), message.position.as_deref(), report);
    }

    pub(super) fn on_position(&mut self, core: &mut Core, message: Position) {
        let average_cost = message.avg_cost.and_then(unset_double);
        let report = |event: &mut PositionEvent| event.average_cost = average_cost.or(event.average_cost);
        self.on_report(core, message.account, message.contract.as_ref(), message.position.as_deref(), report);
    }

    pub(super) fn on_portfolio(&mut self, core: &mut Core, message: PortfolioValue) {
        let (price, value) = (message.market_price, message.market_value);
        let (unrealized, realized, cost) = (message.unrealized_pnl, message.realized_pnl, message.average_cost);
        let report = |event: &mut PositionEvent| {
            event.market_price = price.and_then(unset_double);
            event.market_value = value.and_then(unset_double);
            event.unrealized_pnl = unrealized.and_then(unset_double);
            event.realized_pnl = realized.and_then(unset_double);
            event.average_cost = cost.and_then(unset_double).or(event.average_cost);
        };
        self.on_report(core, message.account_name, message.contract.as_ref(), message.position.as_deref(), report);
    }

    fn on_report(
        &mut self,
        core: &mut Core,
        account: Option<String>,
        contract: Option<&Contract>,
        position: Option<&str>,
        report: impl FnOnce(&mut PositionEvent),
    ) {
        let named = contract.and_then(traded::instrument).filter(|named| named.con_id > 0);
        let (Some(account), Some(instrument)) = (account.filter(|account| !account.is_empty()), named) else {
            core.counters.undecodable_messages += 1;
            return;
        };
        let position = position.and_then(unset_decimal).and_then(Size::from_gateway).unwrap_or(Size::ZERO);
        let place = (account, instrument.con_id);
        self.unconfirmed.remove(&place);
        if !position.is_quantity() {
            // Nobody can tell what this is: what was held stands.
            return;
        }
        if is_zero_size(position.as_str()) {
            return self.close(core, &place, report);
        }
        let known = self.open.get(&place);
        let mut event = known.cloned().unwrap_or_else(|| blank(&place, self.model.clone(), instrument.clone()));
        event.position = position;
        if event.instrument.local_symbol.is_empty() {
            event.instrument = instrument;
        }
        report(&mut event);
        self.has_changed |= known.is_none();
        if known != Some(&event) {
            event.recv_us = core.now.us;
            self.open.insert(place, event.clone());
            core.emit(Event::Position(Box::new(event)));
        }
    }

    /// Publishes size 0 once.
    fn close(&mut self, core: &mut Core, place: &Place, report: impl FnOnce(&mut PositionEvent)) {
        let Some(mut event) = self.open.remove(place) else { return };
        self.has_changed = true;
        event.position = Size::ZERO;
        event.market_value = None;
        event.unrealized_pnl = None;
        event.average_cost = None;
        report(&mut event);
        event.recv_us = core.now.us;
        core.emit(Event::Position(Box::new(event)));
    }
}

/// A position that nothing has been told of yet.
fn blank(place: &Place, model: Option<String>, instrument: Instrument) -> PositionEvent {
    PositionEvent {
        account: place.0.clone(),
        con_id: place.1,
        model,
        seq: 0,
        recv_us: 0,
        position: Size::ZERO,
        average_cost: None,
        market_price: None,
        market_value: None,
        unrealized_pnl: None,
        realized_pnl: None,
        instrument,
    }
}
