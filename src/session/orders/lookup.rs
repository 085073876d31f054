//! Lists of orders, and all about one of them.

use std::collections::BTreeMap;

use super::{Orders, book::Record, not_ready, wire};
use crate::{
    schema::{
        ApiError,
        contract::{ContractQuery, ContractSpec},
        order::{OrderKey, OrderState},
        request::order::{GetOrder, ListOrders, OrderDetails, OrderFilter, Orders as OrderList},
    },
    session::{Answer, Command, core::Core},
};

impl Orders {
    /// Orders that may still change, by state.
    pub(crate) fn open_by_state(&self) -> BTreeMap<OrderState, u64> {
        let mut counts = BTreeMap::new();
        for record in self.book.open() {
            *counts.entry(record.event.state).or_default() += 1;
        }
        counts
    }

    /// Fills known.
    pub(crate) fn fill_count(&self) -> u64 {
        u64::try_from(self.fills.len()).unwrap_or(u64::MAX)
    }

    pub(crate) fn list(&mut self, core: &mut Core, command: &Command, ask: &ListOrders) {
        if !self.sync.was_done() {
            return core.refuse(command.token, not_ready("the first download of orders has not ended"));
        }
        let wanted = |state: OrderState| match ask.filter {
            OrderFilter::Open => !state.is_final(),
            OrderFilter::Final => state.is_final(),
            OrderFilter::All => true,
        };
        let fits = |record: &&Record| {
            wanted(record.event.state)
                && ask.account.as_ref().is_none_or(|account| *account == record.event.account)
                && ask.client.as_ref().is_none_or(|client| record.client.as_deref() == Some(client))
                && ask.con_id.is_none_or(|con_id| record.event.con_id == Some(con_id))
        };
        let records = self.book.oldest_first().into_iter().filter(fits);
        let orders = records.map(|record| record.answer(core, false).order).collect();
        core.answer(command.token, Answer::Orders(OrderList { orders }));
    }

    pub(crate) fn get(&mut self, core: &mut Core, command: &Command, ask: &GetOrder) {
        let found = self.key_of(ask.key.as_ref(), ask.order_id, ask.perm_id).and_then(|key| {
            let unknown = || ApiError::invalid(format!("no order {key} is known"));
            self.book.get(&key).ok_or_else(unknown)
        });
        match found {
            Ok(record) => core.answer(command.token, Answer::OrderDetails(Box::new(self.details(core, record)))),
            Err(error) => core.refuse(command.token, error),
        }
    }

    fn details(&self, core: &Core, record: &Record) -> OrderDetails {
        let reported = record.reported.as_deref();
        let contract = record.ask.as_ref().map_or_else(|| named(record), |ask| ask.contract.clone());
        let terms =
            reported.and_then(|order| wire::request(record.event.key.clone(), order, contract)).map(|mut terms| {
                let parent = record.event.parent_id.and_then(|id| self.book.by_order_id(self.client_id, id));
                terms.parent_key = parent;
                Box::new(terms)
            });
        OrderDetails {
            order: record.answer(core, false).order,
            client: record.client.as_deref().map(str::to_owned),
            asked: record.ask.clone(),
            terms,
            reported: reported.map(wire::dump).unwrap_or_default(),
        }
    }

    /// The key of the order that is named in one of three ways.
    pub(super) fn key_of(
        &self,
        key: Option<&OrderKey>,
        order_id: Option<i32>,
        perm_id: Option<i64>,
    ) -> Result<OrderKey, ApiError> {
        match (key, order_id, perm_id) {
            (Some(key), None, None) => Ok(key.clone()),
            (None, Some(order_id), None) => {
                let unknown = || ApiError::invalid(format!("order_id: no order {order_id} of this bridge is known"));
                self.book.by_order_id(self.client_id, order_id).ok_or_else(unknown)
            }
            (None, None, Some(perm_id)) => {
                let unknown = || ApiError::invalid(format!("perm_id: no order {perm_id} is known"));
                self.book.by_perm_id(perm_id).ok_or_else(unknown)
            }
            _ => Err(ApiError::invalid("give exactly one of key, order_id and perm_id")),
        }
    }
}

/// The contract of an order that was placed elsewhere.
fn named(record: &Record) -> ContractSpec {
    let exchange = record.event.instrument.as_ref().map(|instrument| instrument.exchange.clone());
    ContractSpec(ContractQuery { con_id: record.event.con_id, exchange, ..ContractQuery::default() })
}
