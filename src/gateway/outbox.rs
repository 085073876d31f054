//! The bounded queue between the session and NATS: filling it never waits.

use std::{
    future::{pending, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crossbeam_queue::ArrayQueue;
use tokio::sync::{Notify, mpsc};

use super::{losses::LossCounters, overflow::Overflow, tap::Tap};
use crate::session::{Entry, Event, Lane};

/// How many events wait on each lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Market events.
    pub market: usize,
    /// Kept events, those that wait for room included.
    pub kept: usize,
}

/// Looks at an outbox from outside.
#[derive(Clone)]
pub struct OutboxGauge {
    shared: Arc<Shared>,
    kept: mpsc::WeakSender<Event>,
}

impl OutboxGauge {
    /// Events that wait now.
    pub fn depth(&self) -> Depth {
        let kept = self.kept.upgrade().map_or(0, |kept| kept.max_capacity() - kept.capacity());
        let overflowing = usize::try_from(self.shared.losses.overflowing.get()).unwrap_or(usize::MAX);
        Depth { market: self.shared.market.len(), kept: kept.saturating_add(overflowing) }
    }

    /// What was lost, and what was published.
    pub fn losses(&self) -> &LossCounters {
        &self.shared.losses
    }
}

struct Shared {
    market: ArrayQueue<Event>,
    arrived: Notify,
    closed: AtomicBool,
    losses: Arc<LossCounters>,
}

/// The sending half. Dropping it ends the readers once they have read what is left.
pub struct Outbox {
    shared: Arc<Shared>,
    kept: mpsc::Sender<Event>,
    overflow: Overflow,
    tap: Option<Tap>,
}

/// The receiving half, one reader for each lane. Order inside a lane is kept.
pub struct OutboxReader {
    /// Market events: the oldest are missing if NATS was too slow.
    pub market: MarketReader,
    /// Kept events. Account figures may have been replaced while they waited for room.
    pub kept: mpsc::Receiver<Event>,
}

/// Reads the market lane.
pub struct MarketReader {
    shared: Arc<Shared>,
}

/// An outbox for `market_max` market events and `kept_max` kept events.
///
/// A kept event that finds its lane full waits inside the [`Outbox`]; see [`Outbox::is_congested`].
/// As many again may wait there before the oldest is shed.
///
/// # Panics
///
/// If a capacity is zero; the configuration refuses that.
pub fn outbox(market_max: usize, kept_max: usize) -> (Outbox, OutboxReader) {
    let (kept_sender, kept) = mpsc::channel(kept_max);
    let shared = Arc::new(Shared {
        market: ArrayQueue::new(market_max),
        arrived: Notify::new(),
        closed: AtomicBool::new(false),
        losses: Arc::default(),
    });
    let outbox =
        Outbox { shared: Arc::clone(&shared), kept: kept_sender, overflow: Overflow::new(kept_max), tap: None };
    (outbox, OutboxReader { market: MarketReader { shared }, kept })
}

impl Outbox {
    /// Copies what passes from now on.
    pub fn set_tap(&mut self, tap: Tap) {
        self.tap = Some(tap);
    }

    /// Shows the tap an event that reaches NATS by way of the journal.
    pub fn show(&self, entry: &Entry) {
        if let Some(tap) = &self.tap
            && let Some(event) = entry.event()
        {
            tap.offer(&event);
        }
    }

    /// Takes an event. Never waits; the oldest market event makes room for the newest.
    pub fn offer(&mut self, event: Event) {
        if let Some(tap) = &self.tap {
            tap.offer(&event);
        }
        match event.lane() {
            Lane::Market => {
                if let Some(oldest) = self.shared.market.force_push(event) {
                    self.shared.losses.add_shed(oldest);
                }
                self.shared.arrived.notify_one();
            }
            Lane::Kept => {
                // What fits must not displace anything.
                self.flush();
                let event = if self.overflow.is_empty() { self.try_keep(event) } else { Some(event) };
                if let Some(shed) = event.and_then(|event| self.overflow.push(event)) {
                    self.shared.losses.add_shed_kept();
                    self.shared.losses.traffic.add_shed(shed.kind());
                }
                self.show_overflow();
            }
        }
    }

    /// Moves what waited for room as far as there is room. [`Outbox::offer`] does it too.
    pub fn flush(&mut self) {
        while let Ok(permit) = self.kept.try_reserve() {
            let Some(event) = self.overflow.pop() else { return };
            permit.send(event);
        }
    }

    /// The event again if its lane has no room for it.
    fn try_keep(&self, event: Event) -> Option<Event> {
        match self.kept.try_send(event) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(event) | mpsc::error::TrySendError::Closed(event)) => Some(event),
        }
    }

    /// Waits until an event that waited for room has found it; for ever if none waits.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn make_room(&mut self) {
        if self.overflow.is_empty() {
            return pending().await;
        }
        match self.kept.reserve().await {
            Ok(permit) => {
                if let Some(event) = self.overflow.pop() {
                    permit.send(event);
                }
                self.show_overflow();
            }
            Err(_) => pending().await,
        }
    }

    /// True while kept events wait for room: no new order may be accepted, since its events might
    /// have nowhere to go.
    pub fn is_congested(&self) -> bool {
        !self.overflow.is_empty()
    }

    fn show_overflow(&self) {
        self.shared.losses.overflowing.set(u64::try_from(self.overflow.len()).unwrap_or(u64::MAX));
    }

    /// For whoever wants to know how many events wait.
    pub fn gauge(&self) -> OutboxGauge {
        OutboxGauge { shared: Arc::clone(&self.shared), kept: self.kept.downgrade() }
    }

    /// What was lost on the market lane.
    pub fn losses(&self) -> Arc<LossCounters> {
        Arc::clone(&self.shared.losses)
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        if !self.overflow.is_empty() {
            tracing::error!(
                events = self.overflow.len(),
                "account, connection or bridge events could not be handed to NATS"
            );
        }
        self.shared.closed.store(true, Ordering::Release);
        self.shared.arrived.notify_one();
    }
}

impl MarketReader {
    /// The next event, or `None` when the outbox is gone and everything was read.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            // Registered before the queue is looked at, so an event offered in between wakes us.
            let mut arrived = pin!(self.shared.arrived.notified());
            arrived.as_mut().enable();
            let closed = self.shared.closed.load(Ordering::Acquire);
            if let Some(event) = self.shared.market.pop() {
                return Some(event);
            }
            if closed {
                return None;
            }
            poll_fn(|context| arrived.as_mut().poll(context)).await;
        }
    }

    /// The next event if one is there.
    pub fn try_next(&mut self) -> Option<Event> {
        self.shared.market.pop()
    }

    /// What was lost on this lane.
    pub fn losses(&self) -> &Arc<LossCounters> {
        &self.shared.losses
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::account::PnlEvent;
    use crate::schema::bridge::BridgeEvent;
    use crate::schema::{Instrument, market::QuoteEvent};
    use crate::session::Listing;

    #[expect(clippy::default_trait_access, reason = "this room may not name the type")]
    fn quote(number: i64) -> Event {
        let listing = Listing {
            slot: 0,
            instrument: Instrument::bare(1, "STK", "A", "SMART", "USD"),
            contract: Default::default(),
        };
        Event::Quote(Arc::new(listing), QuoteEvent { recv_us: number, ..QuoteEvent::default() })
    }

    fn kept(number: i64) -> Event {
        Event::Bridge(Box::new(BridgeEvent::new("heartbeat", number)))
    }

    fn number(event: &Event) -> i64 {
        match event {
            Event::Quote(_, quote) => quote.recv_us,
            Event::Bridge(event) => event.recv_us,
            _ => panic!("no other event is offered here"),
        }
    }

    #[tokio::test]
    async fn the_oldest_market_events_are_shed_and_counted() {
        let (mut outbox, mut reader) = outbox(3, 1);
        for n in 0..5 {
            outbox.offer(quote(n));
        }
        assert_eq!(outbox.losses().shed_events(), 2);
        let of_stream: Vec<u64> = outbox.losses().take_shed().into_iter().map(|(_, count)| count).collect();
        assert_eq!((of_stream, outbox.losses().take_shed().len()), (vec![2], 0), "each is told once");
        drop(outbox);
        let mut left = Vec::new();
        while let Some(event) = reader.market.next().await {
            left.push(number(&event));
        }
        assert_eq!(left, [2, 3, 4]);
    }

    #[tokio::test]
    async fn kept_events_wait_for_room_in_order_and_none_is_lost() {
        let (mut outbox, mut reader) = outbox(1, 3);
        for n in 0..6 {
            outbox.offer(kept(n));
        }
        assert!(outbox.is_congested());
        let mut seen = Vec::new();
        while outbox.is_congested() {
            seen.push(number(&reader.kept.recv().await.expect("an event")));
            outbox.make_room().await;
        }
        drop(outbox);
        while let Some(event) = reader.kept.recv().await {
            seen.push(number(&event));
        }
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
    }

    #[tokio::test]
    async fn account_figures_do_not_pile_up_while_nats_is_away() {
        let (mut outbox, mut reader) = outbox(1, 8);
        for n in 0..10_000 {
            for account in ["DU1", "DU2"] {
                let (daily, unrealized, realized) = (Some(f64::from(n)), None, None);
                let recv_us = i64::from(n);
                let event =
                    PnlEvent { account: account.to_owned(), seq: 0, recv_us, model: None, daily, unrealized, realized };
                outbox.offer(Event::Pnl(Box::new(event)));
            }
            if n % 2_500 == 0 {
                outbox.offer(kept(i64::from(n)));
            }
        }
        assert!(outbox.overflow.len() <= 6, "{} events wait", outbox.overflow.len());
        let (mut last, mut beats) = (Vec::new(), 0);
        while let Ok(event) = reader.kept.try_recv() {
            match event {
                Event::Pnl(event) => last.push((event.account, event.recv_us)),
                _ => beats += 1,
            }
            outbox.flush();
        }
        assert_eq!(beats, 4, "none of the others is lost");
        for account in ["DU1", "DU2"] {
            assert!(last.contains(&(account.to_owned(), 9_999)), "{last:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wakeup_is_lost_between_two_threads() {
        let (mut outbox, mut reader) = outbox(1 << 16, 1);
        let writer = tokio::spawn(async move {
            for n in 0..20_000 {
                outbox.offer(quote(n));
                if n % 64 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        });
        let mut expected = 0;
        while let Some(event) = reader.market.next().await {
            assert_eq!(number(&event), expected);
            expected += 1;
        }
        assert_eq!(expected, 20_000);
        writer.await.expect("writer");
    }
}
