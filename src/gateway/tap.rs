//! A copy of what the console shows, taken where events leave the session. Filling it never waits.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::mpsc;

use crate::{
    measure::Count,
    session::{Event, Lane},
};

/// The end that the outbox fills.
#[derive(Debug)]
pub struct Tap {
    events: mpsc::Sender<Event>,
    watchers: Arc<Watchers>,
}

/// Who looks, and what they missed.
#[derive(Debug, Default)]
pub struct Watchers {
    open: AtomicUsize,
    missed: Count,
}

impl Watchers {
    /// One more looks. Market events are copied only while somebody does.
    pub fn enter(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// One less looks.
    pub fn leave(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many look now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Events that found the tap full.
    pub fn missed(&self) -> u64 {
        self.missed.get()
    }
}

/// A tap that holds at most `events_max` events.
pub fn tap(events_max: usize) -> (Tap, mpsc::Receiver<Event>, Arc<Watchers>) {
    let (events, reader) = mpsc::channel(events_max);
    let watchers = Arc::new(Watchers::default());
    (Tap { events, watchers: Arc::clone(&watchers) }, reader, watchers)
}

impl Tap {
    /// Copies an event if it is shown. Ticks are not: the quote says what they say.
    pub fn offer(&self, event: &Event) {
        let is_shown = match event.lane() {
            Lane::Market => matches!(event, Event::Quote(..) | Event::Bar(..)) && self.watchers.open() > 0,
            Lane::Kept => !matches!(event, Event::Audit(_)),
        };
        if is_shown && self.events.try_send(event.clone()).is_err() {
            self.watchers.missed.add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::bridge::BridgeEvent;

    #[test]
    fn a_full_tap_counts_what_it_leaves_out() {
        let (tap, mut reader, watchers) = tap(2);
        for number in 0..5 {
            tap.offer(&Event::Bridge(Box::new(BridgeEvent::new("heartbeat", number))));
        }
        assert_eq!(watchers.missed(), 3);
        assert!(matches!(reader.try_recv(), Ok(Event::Bridge(event)) if event.recv_us == 0));
    }
}
