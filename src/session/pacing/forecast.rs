//! When a request would be sent: to refuse at once what would be too late, and to say when to ask again.

use std::time::{Duration, Instant};

use super::{Class, Scheduler, Ticket, fair::Client, ticket::Pool};
use crate::schema::{ApiError, ErrorCode, connection::LinkName};

/// Why a request is not queued, and after what time it would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// So many requests of the class wait already.
    Full {
        /// How many.
        waiting: usize,
        /// When one less waits.
        after: Duration,
    },
    /// So many requests of this client wait already.
    ClientFull {
        /// How many.
        waiting: usize,
        /// When one less waits.
        after: Duration,
    },
    /// It could not be sent before its deadline.
    Late {
        /// When it would be sent.
        sent_after: Duration,
        /// By how much that is too late.
        after: Duration,
    },
    /// Its deadline has passed.
    Past,
}

impl Refused {
    /// What the caller is told.
    pub(crate) fn to_error(self, class: Class) -> ApiError {
        let class = class.name();
        let (code, message, after) = match self {
            Self::Full { waiting, after } => {
                (ErrorCode::Busy, format!("{waiting} {class} requests are waiting"), after)
            }
            Self::ClientFull { waiting, after } => {
                let message = format!("{waiting} {class} requests of this client are waiting, its share of the queue");
                (ErrorCode::Busy, message, after)
            }
            Self::Late { sent_after, after } => {
                let ms = millis(sent_after);
                let message = format!(
                    "the requests before it leave room for this {class} request in {ms} ms, after its deadline"
                );
                (ErrorCode::PacingLimited, message, after)
            }
            Self::Past => return ApiError::new(ErrorCode::Timeout, "no answer within the deadline; ask again"),
        };
        ApiError::new(code, message).retry_after_ms(millis(after).max(1))
    }
}

/// Rounded up, so that a caller who waits this long is not early.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

impl Scheduler {
    /// Whether so many tickets like this one may be queued.
    pub(super) fn admit(&mut self, ticket: &Ticket, count: usize) -> Result<(), Refused> {
        if ticket.class == Class::Cancel {
            return Ok(());
        }
        let waiting = self.waiting(ticket.class);
        if waiting + count > self.queue_max {
            let surplus = waiting + count - self.queue_max;
            let after = self.leaves_after(ticket, surplus);
            return Err(Refused::Full { waiting, after });
        }
        // A client may hold as much as is left to the others. What has no client's name is the bridge's own.
        if ticket.client.is_some() && ticket.class != Class::History {
            let own = self.of_client(ticket.class, &ticket.client);
            let share = self.client_max.min(self.queue_max - waiting);
            if own > 0 && own + count > share {
                let after = self.leaves_after(ticket, own + count - share);
                return Err(Refused::ClientFull { waiting: own, after });
            }
        }
        if let Some(deadline) = ticket.deadline.filter(|_| matches!(ticket.pool(), Pool::Trading | Pool::Data)) {
            let now = ticket.queued_at;
            if deadline <= now {
                return Err(Refused::Past);
            }
            let at = self.message_sent_by(now, ticket.class, ticket.link, &ticket.client, 1);
            if at >= deadline {
                let after = at.saturating_duration_since(deadline) + Duration::from_millis(1);
                return Err(Refused::Late { sent_after: at.saturating_duration_since(now), after });
            }
        }
        Ok(())
    }

    /// When so many tickets of the class will have left.
    fn leaves_after(&mut self, ticket: &Ticket, count: usize) -> Duration {
        let (now, count) = (ticket.queued_at, u32::try_from(count).unwrap_or(u32::MAX));
        let at = match ticket.pool() {
            Pool::Small => self.history.sent_by(now, true, 0, count),
            Pool::Long => self.history.sent_by(now, false, 0, count),
            _ => {
                let ahead = self.more_urgent(ticket.class, ticket.link);
                self.messages.sent_by(now, ticket.link, false, ahead.saturating_add(count))
            }
        };
        at.saturating_duration_since(now) + Duration::from_millis(1)
    }

    /// Messages that go before a class on this link.
    fn more_urgent(&self, class: Class, link: LinkName) -> u32 {
        let earlier = self.queues.iter().take(class as usize);
        let pools = earlier.flat_map(|pools| pools.iter().zip(Pool::ALL));
        let counts = pools.filter(|(_, pool)| match pool {
            Pool::Release | Pool::Data => true,
            // Messages of the trading link count too where the links share them.
            Pool::Trading => link == LinkName::Trading || self.messages.is_shared(),
            Pool::Small | Pool::Long => false,
        });
        counts.map(|(queue, _)| queue.len()).fold(0, u32::saturating_add)
    }

    /// When the last of so many new messages of a class would be sent, if nothing else is asked meanwhile.
    pub(crate) fn message_sent_by(
        &mut self,
        now: Instant,
        class: Class,
        link: LinkName,
        client: &Client,
        count: u32,
    ) -> Instant {
        self.messages.refresh(now);
        let mut ahead = self.more_urgent(class, link);
        for (queue, pool) in self.queues.get(class as usize).into_iter().flatten().zip(Pool::ALL) {
            match pool {
                Pool::Release if link == LinkName::Data => ahead = ahead.saturating_add(queue.len()),
                Pool::Trading | Pool::Data if pool.link() == link => {
                    // All of the same client, and of every other as many as its turns come up meanwhile.
                    let (own, _) = queue.of(client);
                    let others = queue.clients().filter(|(other, ..)| *other != client);
                    let turns = others.map(|(_, waiting, _)| waiting.min(own.saturating_add(count)));
                    ahead = turns.fold(ahead.saturating_add(own), u32::saturating_add);
                }
                _ => {}
            }
        }
        let is_reserved = class == Class::Cancel && link == LinkName::Trading;
        self.messages.sent_by(now, link, is_reserved, ahead.saturating_add(count))
    }

    /// When the last of these units of history could be sent, if `ahead` units go before them and
    /// nothing else does.
    pub(crate) fn history_sent_by(&mut self, now: Instant, small: bool, ahead: u32, units: u32) -> Instant {
        self.history.sent_by(now, small, ahead, units)
    }

    /// When a client's own part of the small-bar window lets the last of so many units through.
    pub(crate) fn client_history_sent_by(&mut self, now: Instant, client: &Client, units: u32) -> Instant {
        self.history.client_sent_by(now, client, units)
    }

    /// Cost of the history requests that wait, by client; a client may come more than once.
    pub(crate) fn history_waiting(&self, small: bool) -> impl Iterator<Item = (&Client, u32)> {
        let pool = if small { Pool::Small } else { Pool::Long };
        let queues = self.queues.iter().filter_map(move |pools| pools.get(pool as usize));
        queues.flat_map(|queue| queue.clients().map(|(client, _, units)| (client, units)))
    }
}
