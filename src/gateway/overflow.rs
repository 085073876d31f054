//! Kept events that found their lane full, in order.
//!
//! Orders and fills wait however long it takes; new orders are refused meanwhile, so they are few.
//! Of everything else there is a limit: a state replaces its earlier value, then the oldest goes.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;

use crate::session::Event;

/// Events that wait for room.
#[derive(Debug)]
pub(super) struct Overflow {
    /// Order and fill events with their place in the order of all.
    orders: VecDeque<(u64, Event)>,
    others: BTreeMap<u64, Event>,
    /// Where in `others` the newest value of a state waits.
    states: FxHashMap<State, u64>,
    next: u64,
    others_max: usize,
}

/// What an event replaces the value of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    Position(String, i32),
    Value(String, String, Option<String>),
    Pnl(String),
    PositionPnl(String, i32),
}

impl State {
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Position(event) => Some(Self::Position(event.account.clone(), event.con_id)),
            Event::AccountValue(event) => {
                Some(Self::Value(event.account.clone(), event.tag.clone(), event.currency.clone()))
            }
            Event::Pnl(event) => Some(Self::Pnl(event.account.clone())),
            Event::PositionPnl(event) => Some(Self::PositionPnl(event.account.clone(), event.con_id)),
            _ => None,
        }
    }
}

impl Overflow {
    /// Room for `others_max` events that are neither orders nor fills.
    pub(super) fn new(others_max: usize) -> Self {
        Self { orders: VecDeque::new(), others: BTreeMap::new(), states: FxHashMap::default(), next: 0, others_max }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.orders.is_empty() && self.others.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.orders.len() + self.others.len()
    }

    /// Takes an event. True if one was shed for it; a value that is replaced is not.
    pub(super) fn push(&mut self, event: Event) -> bool {
        self.next += 1;
        if matches!(event, Event::Order(_) | Event::Fill(_)) {
            self.orders.push_back((self.next, event));
            return false;
        }
        if let Some(state) = State::of(&event)
            && let Some(earlier) = self.states.insert(state, self.next)
        {
            self.others.remove(&earlier);
        }
        self.others.insert(self.next, event);
        self.others.len() > self.others_max && self.pop_other().is_some()
    }

    /// The oldest event.
    pub(super) fn pop(&mut self) -> Option<Event> {
        let first_other = self.others.first_key_value().map(|(place, _)| *place);
        match (self.orders.front(), first_other) {
            (Some((order, _)), other) if other.is_none_or(|other| *order < other) => {
                self.orders.pop_front().map(|(_, event)| event)
            }
            _ => self.pop_other(),
        }
    }

    fn pop_other(&mut self) -> Option<Event> {
        let (place, event) = self.others.pop_first()?;
        if let Some(state) = State::of(&event)
            && self.states.get(&state) == Some(&place)
        {
            self.states.remove(&state);
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{account::PnlEvent, bridge::BridgeEvent, order::OrderEvent};

    fn order(number: i64) -> Event {
        let order: OrderEvent = serde_json::from_value(serde_json::json!({
            "key": "k1", "account": "DU1", "seq": 0, "recv_us": number, "state": "working", "origin": "bridge", "filled": 0
        }))
        .expect("an order event");
        Event::Order(Box::new(order))
    }

    fn notice(number: i64) -> Event {
        Event::Bridge(Box::new(BridgeEvent::new("heartbeat", number)))
    }

    fn pnl(account: &str, number: i64) -> Event {
        let (account, seq, recv_us) = (account.to_owned(), 0, number);
        Event::Pnl(Box::new(PnlEvent { account, seq, recv_us, daily: None, unrealized: None, realized: None }))
    }

    fn drain(overflow: &mut Overflow) -> Vec<i64> {
        let number = |event| match event {
            Event::Order(event) => event.recv_us,
            Event::Bridge(event) => event.recv_us,
            Event::Pnl(event) => event.recv_us,
            other => panic!("{other:?} was not pushed"),
        };
        std::iter::from_fn(|| overflow.pop()).map(number).collect()
    }

    #[test]
    fn orders_are_never_shed_and_others_are_oldest_first() {
        let mut overflow = Overflow::new(2);
        let shed: usize =
            (0..30).map(|n| usize::from(overflow.push(if n % 3 == 0 { notice(n) } else { order(n) }))).sum();
        assert_eq!((shed, overflow.len()), (8, 22));
        let expected: Vec<i64> = (0..30).filter(|n| n % 3 != 0 || *n >= 24).collect();
        assert_eq!(drain(&mut overflow), expected);
        assert!(overflow.is_empty());
    }

    #[test]
    fn a_state_replaces_its_earlier_value_and_takes_its_own_place() {
        let mut overflow = Overflow::new(3);
        for n in 0..1_000 {
            assert!(!overflow.push(pnl("DU1", n)), "a replaced value is not a loss");
        }
        overflow.push(pnl("DU2", 1_000));
        overflow.push(order(1_001));
        overflow.push(pnl("DU1", 1_002));
        assert_eq!(drain(&mut overflow), [1_000, 1_001, 1_002]);
        assert!(overflow.states.is_empty());
        overflow.push(pnl("DU1", 1_003));
        assert_eq!(drain(&mut overflow), [1_003]);
    }
}
