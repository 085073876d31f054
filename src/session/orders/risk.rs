//! Orders as the risk gate sees them.

use super::{Orders, book::Record, describe::size};
use crate::{
    schema::{
        ApiError, Instrument,
        order::{OrderKey, OrderType, Side},
        request::order::PlaceOrder,
    },
    session::{
        Command, Listing,
        core::Core,
        risk::{Exposure, Proposal, Traded},
    },
    tws::{
        message::{contract::Contract, order::Order},
        sentinel::unset_double,
    },
};

impl Orders {
    /// The contract of an order, if both are known.
    pub(crate) fn con_id(&self, key: &OrderKey) -> Option<i32> {
        self.book.get(key)?.event.con_id
    }

    /// # Errors
    ///
    /// Which limit a new order would break.
    pub(super) fn check_risk(
        &self,
        core: &mut Core,
        command: &Command,
        ask: &PlaceOrder,
        listing: &Listing,
        account: &str,
    ) -> Result<(), ApiError> {
        let con_id = listing.instrument.con_id;
        let (reference, position) = core.risk.seen(con_id, account);
        let traded = Traded::of(Some(con_id), Some(&listing.contract));
        let attached = ask.attached.as_deref();
        let attached = [
            attached.and_then(|attached| attached.stop_loss.as_ref()),
            attached.and_then(|attached| attached.profit_taker.as_ref()),
        ];
        let proposal = Proposal {
            client: command.client.as_deref(),
            account,
            traded: &traded,
            instrument: &listing.instrument,
            multiplier: multiplier(core, &listing.instrument, &listing.contract),
            attached: attached.map(|order| order.map(|order| order.order_type.as_str())),
            side: ask.side,
            order_type: ask.order_type,
            quantity: ask.quantity.as_ref(),
            cash: ask.cash_quantity,
            limit_price: ask.limit_price,
            stop_price: ask.stop_price,
            is_modification: false,
            reference,
            exposure: Exposure { position, ..self.open_of(account, &traded, ask.side, &ask.key) },
        };
        core.risk.check(core.now, &proposal)?;
        core.risk.plan(&proposal);
        Ok(())
    }

    /// # Errors
    ///
    /// Which limit the order would break if it were changed into this.
    pub(super) fn check_changed(
        &self,
        core: &mut Core,
        command: &Command,
        key: &OrderKey,
        order: &Order,
    ) -> Result<(), ApiError> {
        let Some(Record { event, contract, .. }) = self.book.get(key) else { return Ok(()) };
        let kind = order.order_type.as_deref().and_then(OrderType::of_ib_text);
        let (Some(instrument), Some(side), Some(order_type)) = (&event.instrument, event.side, kind) else {
            return Err(super::not_ready("the gateway has not reported this order yet"));
        };
        let con_id = event.con_id.unwrap_or_default();
        let (reference, position) = core.risk.seen(con_id, &event.account);
        let contract = contract.as_deref();
        let traded = Traded::of(event.con_id, contract);
        let quantity = size(order.total_quantity.as_ref());
        let set = |price: Option<f64>| price.and_then(unset_double).filter(|price| *price != 0.0);
        let proposal = Proposal {
            client: command.client.as_deref(),
            account: &event.account,
            traded: &traded,
            instrument,
            multiplier: contract.map_or(instrument.multiplier, |contract| multiplier(core, instrument, contract)),
            attached: [None; 2],
            side,
            order_type,
            quantity: quantity.as_ref(),
            cash: set(order.cash_qty),
            limit_price: event.limit_price.and(order.lmt_price),
            stop_price: event.stop_price.and(set(order.aux_price)),
            is_modification: true,
            reference,
            exposure: Exposure { position, ..self.open_of(&event.account, &traded, side, key) },
        };
        core.risk.check(core.now, &proposal)
    }

    /// What is open for an account, contract and side, without one order.
    fn open_of(&self, account: &str, traded: &Traded, side: Side, without: &OrderKey) -> Exposure {
        let mut exposure = Exposure::default();
        for Record { event, facts, contract, .. } in self.book.open() {
            let fits = event.account == account && event.side == Some(side) && event.key != *without;
            if fits && Traded::of(event.con_id, contract.as_deref()) == *traded {
                exposure.open_orders += 1;
                let left = facts.remaining().map(|left| left.decimal()).unwrap_or_default();
                exposure.open_quantity = exposure.open_quantity.saturating_add(left);
            }
        }
        exposure
    }
}

/// What a price is multiplied with. A combo's price is that of its legs together: the largest of theirs counts, and
/// `None` if one is not known.
fn multiplier(core: &Core, instrument: &Instrument, contract: &Contract) -> Option<f64> {
    if contract.combo_legs.is_empty() {
        return Some(instrument.multiplier.unwrap_or(1.0));
    }
    let legs = contract.combo_legs.iter().map(|leg| core.multiplier_of(leg.con_id?));
    legs.collect::<Option<Vec<f64>>>().map(|all| all.into_iter().fold(1.0, f64::max))
}
