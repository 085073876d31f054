//! Every order heard of, found by key, by IB's number or by the id of its client.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use super::{
    Waiter,
    facts::Facts,
    modify::{Change, Changing},
};
use crate::{
    schema::{
        order::{OrderEvent, OrderKey},
        request::order::{CancelOrder, PlaceOrder},
    },
    session::core::Core,
    tws::message::{contract::Contract, order::Order},
};

/// Final orders kept; the oldest are forgotten beyond it.
const FINAL_MAX: usize = 100_000;

/// One order.
#[derive(Debug)]
pub(super) struct Record {
    /// Orders are listed in the order they were heard of.
    pub(super) born: u64,
    /// What was asked in this run; `None` for orders learned of from the gateway.
    pub(super) ask: Option<Box<PlaceOrder>>,
    pub(super) client: Option<CompactString>,
    /// The message it was placed or last changed with. These three end with the order.
    pub(super) sent: Option<Box<Order>>,
    /// What the gateway last reported it to be.
    pub(super) reported: Option<Box<Order>>,
    pub(super) contract: Option<Box<Contract>>,
    /// The gateway holds it until it or a relative is transmitted.
    pub(super) is_held: bool,
    /// The order in whose message it was made.
    pub(super) attached_to: Option<OrderKey>,
    /// The modification on its way.
    pub(super) changing: Option<Changing>,
    /// Modifications with an id, oldest first.
    pub(super) changes: VecDeque<Change>,
    pub(super) facts: Facts,
    /// Everything but what follows from the facts, which is filled in when it is published.
    pub(super) event: OrderEvent,
    /// As last published, without its time.
    pub(super) published: Option<OrderEvent>,
    /// The round of lists that was asked for last when it was sent.
    pub(super) sent_in: u64,
    /// The round of lists in which it was named last.
    pub(super) listed_in: u64,
    /// Since when complete lists have left it out.
    pub(super) missed_since: Option<Instant>,
    pub(super) cancel_sent: Option<Instant>,
    /// The cancel that was asked for and not refused; it stays when the order is over.
    pub(super) cancel: Option<Box<CancelOrder>>,
    /// That IB works a second order under its key has been announced.
    pub(super) is_twin_told: bool,
    pub(super) waiters: Vec<Waiter>,
    /// Its entry is on its way to the disk: nothing is known for certain and nobody is answered.
    pub(super) receipt: Option<u64>,
    /// The link was lost since the last event.
    pub(super) after_gap: bool,
}

/// How a report names an order. Absent, 0 and -1 mean "not told".
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Identity<'a> {
    pub(super) client_id: Option<i32>,
    pub(super) order_id: Option<i32>,
    pub(super) perm_id: Option<i64>,
    pub(super) order_ref: Option<&'a str>,
}

impl Identity<'_> {
    fn perm_id(&self) -> Option<i64> {
        self.perm_id.filter(|id| *id > 0)
    }

    /// Client and order id; a report that names no client is about our own orders or none. Orders
    /// typed in by hand and bound by client 0 may have negative ids.
    pub(super) fn client_order(&self, own: i32) -> Option<(i32, i32)> {
        let order_id = self.order_id.filter(|id| !matches!(id, 0 | -1))?;
        Some((self.client_id.unwrap_or(own), order_id))
    }

    /// The key its order was placed with, if it is of our client. What is typed in by hand passes for
    /// an order of client 0, without a number until it is bound, then with a negative one.
    pub(super) fn own_key(&self, own: i32) -> Option<OrderKey> {
        let is_manual = self.client_id == Some(0) && self.order_id.is_some_and(|id| id <= 0);
        let is_own = self.client_id.is_none_or(|client| client == own) && !is_manual;
        self.order_ref.filter(|_| is_own).and_then(|text| text.parse().ok())
    }
}

/// Every order heard of.
#[derive(Debug, Default)]
pub(super) struct Book {
    records: FxHashMap<OrderKey, Record>,
    by_perm: FxHashMap<i64, OrderKey>,
    by_id: FxHashMap<(i32, i32), OrderKey>,
    /// Orders that may still change, oldest first.
    open: BTreeMap<u64, OrderKey>,
    /// Other orders that IB shows under a key, by that key.
    twins: FxHashMap<OrderKey, Vec<OrderKey>>,
    finals: VecDeque<OrderKey>,
    /// Orders that were asked for as children, by their parent, oldest first.
    children: FxHashMap<OrderKey, Vec<OrderKey>>,
    births: u64,
}

impl Book {
    pub(super) fn get(&self, key: &OrderKey) -> Option<&Record> {
        self.records.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &OrderKey) -> Option<&mut Record> {
        self.records.get_mut(key)
    }

    pub(super) fn contains(&self, key: &OrderKey) -> bool {
        self.records.contains_key(key)
    }

    /// Oldest first.
    pub(super) fn oldest_first(&self) -> Vec<&Record> {
        let mut all: Vec<_> = self.records.values().collect();
        all.sort_unstable_by_key(|record| record.born);
        all
    }

    /// Orders that may still change, oldest first.
    pub(super) fn open(&self) -> impl Iterator<Item = &Record> {
        self.open.values().filter_map(|key| self.records.get(key))
    }

    /// Keys of orders that may still change, oldest first.
    pub(super) fn open_keys(&self) -> Vec<OrderKey> {
        self.open.values().cloned().collect()
    }

    /// Other orders that IB shows under this key, oldest first.
    pub(super) fn twins(&self, first: &OrderKey) -> &[OrderKey] {
        self.twins.get(first).map_or(&[], Vec::as_slice)
    }

    /// Orders made in the message of this one.
    pub(super) fn attached_to(&self, key: &OrderKey) -> Vec<OrderKey> {
        let Some(attached) = self.records.get(key).and_then(|record| record.ask.as_ref()?.attached.as_ref()) else {
            return Vec::new();
        };
        let keys = [&attached.stop_loss, &attached.profit_taker].into_iter().flatten().map(|order| order.key.clone());
        keys.filter(|child| self.records.get(child).is_some_and(|child| child.attached_to.as_ref() == Some(key)))
            .collect()
    }

    /// Open orders whose parent is this order, in the order they were asked for.
    pub(super) fn children_of(&self, key: &OrderKey) -> Vec<OrderKey> {
        let is_open = |child: &&OrderKey| self.records.get(*child).is_some_and(|one| !one.facts.state().is_final());
        self.children.get(key).into_iter().flatten().filter(is_open).cloned().collect()
    }

    pub(super) fn by_order_id(&self, client_id: i32, order_id: i32) -> Option<OrderKey> {
        self.by_id.get(&(client_id, order_id)).cloned()
    }

    pub(super) fn by_perm_id(&self, perm_id: i64) -> Option<OrderKey> {
        self.by_perm.get(&perm_id).cloned()
    }

    /// The order a report is about. A number of IB that contradicts what is known of a candidate
    /// makes it another order, and so does the key of another one.
    pub(super) fn find(&self, identity: &Identity<'_>, own: i32) -> Option<OrderKey> {
        if let Some(key) = identity.perm_id().and_then(|perm_id| self.by_perm.get(&perm_id)) {
            return Some(key.clone());
        }
        let own_key = identity.own_key(own);
        let fits = |key: &OrderKey| {
            let record = self.records.get(key)?;
            // Orders made in the message of another one come under the key of that.
            if record.ask.is_some() && own_key.as_ref().is_some_and(|own_key| own_key != key) {
                return None;
            }
            let known = &record.event;
            let differs = |a: Option<i64>, b: Option<i64>| a.is_some() && b.is_some() && a != b;
            let order_id = identity.order_id.filter(|id| !matches!(id, 0 | -1)).map(i64::from);
            let contradicts =
                differs(known.perm_id, identity.perm_id()) || differs(known.order_id.map(i64::from), order_id);
            (!contradicts).then(|| key.clone())
        };
        let by_id = identity.client_order(own).and_then(|id| self.by_id.get(&id));
        by_id.and_then(fits).or_else(|| own_key.as_ref().and_then(fits))
    }

    /// The key for an order that [`Self::find`] does not know; `None` until it can have one.
    pub(super) fn name(&self, identity: &Identity<'_>, own: i32) -> Option<OrderKey> {
        // Reports of orders that are over name neither client nor order id; others name both.
        let may_be_own = identity.client_id.is_some() || identity.order_id.is_none();
        let placed_as = identity.own_key(own).filter(|key| may_be_own && !self.contains(key));
        placed_as.or_else(|| identity.perm_id().map(OrderKey::of_perm_id)).filter(|key| !self.contains(key))
    }

    pub(super) fn insert(&mut self, mut record: Record) {
        self.births += 1;
        record.born = self.births;
        let key = record.event.key.clone();
        if let Some(first) = record.event.duplicate_of.clone() {
            self.twins.entry(first).or_default().push(key.clone());
        }
        if let Some(parent) = record.ask.as_ref().and_then(|ask| ask.parent_key.clone()) {
            self.children.entry(parent).or_default().push(key.clone());
        }
        self.records.insert(key.clone(), record);
        self.index(&key);
    }

    /// Forgets an order that was never written down nor sent.
    pub(super) fn remove(&mut self, key: &OrderKey) {
        self.take(key);
    }

    /// As [`Self::remove`]; gives what it was.
    pub(super) fn take(&mut self, key: &OrderKey) -> Option<Record> {
        let record = self.records.remove(key)?;
        self.open.remove(&record.born);
        self.forget_names(&record);
        Some(record)
    }

    /// An order that is gone is not to be found any more.
    fn forget_names(&mut self, record: &Record) {
        let event = &record.event;
        if let (Some(client_id), Some(order_id)) = (event.client_id, event.order_id)
            && self.by_id.get(&(client_id, order_id)) == Some(&event.key)
        {
            self.by_id.remove(&(client_id, order_id));
        }
        if let Some(parent) = record.ask.as_ref().and_then(|ask| ask.parent_key.as_ref())
            && let Some(children) = self.children.get_mut(parent)
        {
            children.retain(|child| *child != event.key);
            if children.is_empty() {
                self.children.remove(parent);
            }
        }
    }

    /// Makes the record findable by what is known of it.
    pub(super) fn index(&mut self, key: &OrderKey) {
        let Some(record) = self.records.get(key) else { return };
        if record.facts.state().is_final() {
            self.open.remove(&record.born);
        } else {
            self.open.entry(record.born).or_insert_with(|| key.clone());
        }
        let event = &record.event;
        if let Some(perm_id) = event.perm_id {
            self.by_perm.insert(perm_id, key.clone());
        }
        if let (Some(client_id), Some(order_id)) = (event.client_id, event.order_id) {
            let holder = self.by_id.get(&(client_id, order_id)).filter(|holder| *holder != key);
            // What is told of the number of an open order is told of that one.
            let is_held = holder
                .and_then(|holder| self.records.get(holder))
                .is_some_and(|holder| !holder.facts.state().is_final() && holder.ask.is_some());
            if !is_held {
                self.by_id.insert((client_id, order_id), key.clone());
            }
        }
    }

    /// Notes that the order has become final, and forgets the oldest beyond the limit, counted.
    pub(super) fn note_final(&mut self, core: &mut Core, key: &OrderKey) {
        self.finals.push_back(key.clone());
        if self.finals.len() <= FINAL_MAX {
            return;
        }
        let Some(oldest) = self.finals.pop_front() else { return };
        // A refusal may have been undone since: then the order lives, and is noted again when it ends.
        if self.records.get(&oldest).is_some_and(|record| !record.facts.state().is_final()) {
            return;
        }
        let Some(record) = self.records.remove(&oldest) else { return };
        core.counters.forgotten += 1;
        let event = &record.event;
        self.twins.remove(&oldest);
        if let Some(twins) = event.duplicate_of.as_ref().and_then(|first| self.twins.get_mut(first)) {
            twins.retain(|twin| *twin != oldest);
        }
        if let Some(perm_id) = event.perm_id {
            self.by_perm.remove(&perm_id);
        }
        self.forget_names(&record);
    }
}
