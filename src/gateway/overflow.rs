//! Kept events that found their lane full, in order.
//!
//! There is a limit: a state replaces its earlier value, then the oldest goes. Orders and fills do not come this way:
//! they wait in the journal.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::session::Event;

/// Events that wait for room.
#[derive(Debug)]
pub(super) struct Overflow {
    /// By their place in the order of all.
    events: BTreeMap<u64, Event>,
    /// Where in `events` the newest value of a state waits.
    states: FxHashMap<State, u64>,
    next: u64,
    events_max: usize,
}

/// What an event replaces the value of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    Position(String, Option<String>, i32),
    Value(String, Option<String>, String, Option<String>),
    Pnl(String, Option<String>),
    PositionPnl(String, i32),
}

impl State {
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Position(event) => Some(Self::Position(event.account.clone(), event.model.clone(), event.con_id)),
            Event::AccountValue(event) => {
                Some(Self::Value(event.account.clone(), event.model.clone(), event.tag.clone(), event.currency.clone()))
            }
            Event::Pnl(event) => Some(Self::Pnl(event.account.clone(), event.model.clone())),
            Event::PositionPnl(event) => Some(Self::PositionPnl(event.account.clone(), event.con_id)),
            _ => None,
        }
    }
}

impl Overflow {
    /// Room for so many events.
    pub(super) fn new(events_max: usize) -> Self {
        Self { events: BTreeMap::new(), states: FxHashMap::default(), next: 0, events_max }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Takes an event. Gives the one that was shed for it; a value that is replaced is not.
    pub(super) fn push(&mut self, event: Event) -> Option<Event> {
        self.next += 1;
        if let Some(state) = State::of(&event)
            && let Some(earlier) = self.states.insert(state, self.next)
        {
            self.events.remove(&earlier);
        }
        self.events.insert(self.next, event);
        if self.events.len() > self.events_max { self.pop() } else { None }
    }

    /// The oldest event.
    pub(super) fn pop(&mut self) -> Option<Event> {
        let (place, event) = self.events.pop_first()?;
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
    use crate::schema::{account::PnlEvent, bridge::BridgeEvent};

    fn notice(number: i64) -> Event {
        Event::Bridge(Box::new(BridgeEvent::new("heartbeat", number)))
    }

    fn pnl(account: &str, number: i64) -> Event {
        let (account, seq, recv_us) = (account.to_owned(), 0, number);
        let figures = PnlEvent { account, seq, recv_us, model: None, daily: None, unrealized: None, realized: None };
        Event::Pnl(Box::new(figures))
    }

    fn drain(overflow: &mut Overflow) -> Vec<i64> {
        let number = |event| match event {
            Event::Bridge(event) => event.recv_us,
            Event::Pnl(event) => event.recv_us,
            other => panic!("{other:?} was not pushed"),
        };
        std::iter::from_fn(|| overflow.pop()).map(number).collect()
    }

    #[test]
    fn the_oldest_is_shed_when_there_are_too_many() {
        let mut overflow = Overflow::new(2);
        let shed: usize = (0..10).map(|n| usize::from(overflow.push(notice(n)).is_some())).sum();
        assert_eq!((shed, overflow.len()), (8, 2));
        assert_eq!(drain(&mut overflow), [8, 9]);
        assert!(overflow.is_empty());
    }

    #[test]
    fn a_state_replaces_its_earlier_value_and_takes_its_own_place() {
        let mut overflow = Overflow::new(3);
        for n in 0..1_000 {
            assert!(overflow.push(pnl("DU1", n)).is_none(), "a replaced value is not a loss");
        }
        overflow.push(pnl("DU2", 1_000));
        overflow.push(notice(1_001));
        overflow.push(pnl("DU1", 1_002));
        assert_eq!(drain(&mut overflow), [1_000, 1_001, 1_002]);
        assert!(overflow.states.is_empty());
        overflow.push(pnl("DU1", 1_003));
        assert_eq!(drain(&mut overflow), [1_003]);
    }
}
