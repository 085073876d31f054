//! What the gateway's complaints teach: the budget that was broken is lowered and given back gradually.

use std::time::{Duration, Instant};

use super::{Class, Scheduler, forecast::millis, tally::Waits};
use crate::schema::{
    connection::LinkName,
    request::{
        market::Usage,
        pace::{ClassStats, ClientPace, PaceStretch, QueueStatus, SlowedLimit},
    },
};

/// Clients named in `pace.status`.
const CLIENTS_SHOWN: usize = 50;

/// What the gateway complained about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Messages came too fast.
    Messages,
    /// The request with this id broke a rule for history.
    History(Option<i32>),
}

/// What follows from a complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slowdown {
    /// Key of `[pacing]`.
    pub(crate) limit: &'static str,
    pub(crate) configured: u32,
    /// What is allowed from now on, more and more of it again.
    pub(crate) allowed: u32,
    /// Nothing of it is sent meanwhile.
    pub(crate) held_for: Duration,
}

const LIMITS: [&str; 3] = ["messages_per_second", "history_10_min", "history_long_2_s"];

impl Scheduler {
    /// The gateway reported a pacing violation.
    pub(crate) fn on_violation(&mut self, now: Instant, fault: Fault, wait: Duration) -> Slowdown {
        self.tally.violated(now);
        self.wake();
        let [messages, small, long] = LIMITS;
        match fault {
            Fault::Messages => {
                let allowed = self.messages.lower(now);
                let configured = self.messages.level().configured();
                Slowdown { limit: messages, configured, allowed, held_for: Duration::ZERO }
            }
            Fault::History(id) => {
                // The rules that are written down are those for small bars.
                let is_small = id.and_then(|id| self.history.is_small(id)).unwrap_or(true);
                let allowed = self.history.lower(now, is_small, wait);
                let configured = self.history.level(is_small).configured();
                Slowdown { limit: if is_small { small } else { long }, configured, allowed, held_for: wait }
            }
        }
    }

    /// Limits that are lower than configured.
    pub(crate) fn slowed(&mut self, now: Instant) -> Vec<SlowedLimit> {
        self.messages.refresh(now);
        self.history.refresh(now);
        let held_ms = self.slowed_until().map_or(0, |until| millis(until.saturating_duration_since(now)));
        let [messages, small, long] = LIMITS;
        let rows = [
            (messages, self.messages.level(), self.messages.max(), 0),
            (small, self.history.level(true), self.history.window(true).0, held_ms),
            (long, self.history.level(false), self.history.window(false).0, held_ms),
        ];
        let is_slowed = |allowed: u32, configured: u32, held_ms: u64| allowed < configured || held_ms > 0;
        let row = |(limit, level, allowed, held_ms): (&str, &super::level::Level, u32, u64)| {
            is_slowed(allowed, level.configured(), held_ms).then(|| SlowedLimit {
                limit: limit.to_owned(),
                configured: level.configured(),
                allowed,
                held_ms,
                restored_ms: level.restored_at().map_or(0, |at| millis(at.saturating_duration_since(now))),
            })
        };
        rows.into_iter().filter_map(row).collect()
    }

    /// Messages in the last second.
    pub(crate) fn message_usage(&mut self, now: Instant) -> Usage {
        self.messages.usage(now)
    }

    /// Messages in the last second that count for this link.
    pub(crate) fn link_usage(&mut self, now: Instant, link: LinkName) -> Usage {
        self.messages.link_usage(now, link)
    }

    /// Cost of small-bar history in the last ten minutes.
    pub(crate) fn history_usage(&mut self, now: Instant) -> Usage {
        self.history.usage(now, true)
    }

    /// Cost of requests for longer bars in the last two seconds.
    pub(crate) fn long_usage(&mut self, now: Instant) -> Usage {
        self.history.usage(now, false)
    }

    /// History requests open now.
    pub(crate) fn open_usage(&self) -> Usage {
        self.history.open_usage()
    }

    /// Requests for longer bars open now.
    pub(crate) fn long_open_usage(&self) -> Usage {
        self.history.long_open_usage()
    }

    /// Pacing violations reported by the gateway.
    pub(crate) fn violations(&self) -> u64 {
        self.tally.total.violations
    }

    /// The queues, most urgent first.
    pub(crate) fn queue_status(&self, now: Instant) -> Vec<QueueStatus> {
        let oldest = self.oldest();
        let rows = Class::ALL.into_iter().zip(&self.tally.total.classes).zip(oldest).zip(self.tally.longest);
        let row = |(((class, row), oldest), longest): (((Class, &super::tally::Row), Option<Instant>), Duration)| {
            QueueStatus {
                class: class.name().to_owned(),
                waiting: u32::try_from(self.waiting(class)).unwrap_or(u32::MAX),
                sent: row.sent,
                longest_wait_ms: millis(longest),
                oldest_ms: oldest.map_or(0, |at| millis(now.saturating_duration_since(at))),
            }
        };
        rows.map(row).collect()
    }

    /// The clients with the most requests, those that wait first.
    pub(crate) fn client_status(&self) -> Vec<ClientPace> {
        let mut rows: Vec<ClientPace> = Vec::new();
        for (client, row) in &self.tally.clients {
            let waiting: usize = Class::ALL.iter().map(|class| self.of_client(*class, client)).sum();
            rows.push(ClientPace {
                client: client.as_ref().map(ToString::to_string),
                waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
                sent: row.sent,
                history_sent: row.history_sent,
                refused: row.refused,
                dropped: row.dropped,
                longest_wait_ms: millis(row.longest_wait),
            });
        }
        rows.sort_by(|a, b| (b.waiting, b.sent, &a.client).cmp(&(a.waiting, a.sent, &b.client)));
        rows.truncate(CLIENTS_SHOWN);
        rows
    }

    /// What became of requests in the last `minutes`, and since the start if that is `None`.
    pub(crate) fn stretch(&self, now: Instant, minutes: Option<u32>) -> PaceStretch {
        let last = minutes.map(|minutes| self.tally.last(now, Duration::from_secs(60) * minutes));
        let stretch = last.as_ref().unwrap_or(&self.tally.total);
        let wait = |waits: &Waits, percent| waits.percentile_ms(percent);
        let rows = Class::ALL.into_iter().zip(&stretch.classes).map(|(class, row)| ClassStats {
            class: class.name().to_owned(),
            sent: row.sent,
            refused: row.refused,
            dropped: row.dropped,
            wait_p50_ms: wait(&row.waits, 50),
            wait_p95_ms: wait(&row.waits, 95),
            wait_p99_ms: wait(&row.waits, 99),
        });
        PaceStretch { minutes, classes: rows.collect(), violations: stretch.violations }
    }

    /// A request was refused before it became one of ours.
    pub(crate) fn note_refused(&mut self, now: Instant, class: Class, client: &super::Client) {
        self.tally.refused(now, class, client);
    }

    /// A request was given up before it was sent.
    pub(crate) fn note_dropped(&mut self, now: Instant, class: Class, client: &super::Client) {
        self.tally.dropped(now, class, client);
    }
}
