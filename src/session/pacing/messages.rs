//! The budget of messages: shares that only the trading link, and only cancels of orders, may use.

use std::time::{Duration, Instant};

use super::{Window, level::Level};
use crate::{
    config::{self, MessageScope},
    schema::{connection::LinkName, request::market::Usage},
};

/// Length of the window in which messages are counted.
const SECOND: Duration = Duration::from_secs(1);
/// Nothing spreads messages but their window.
const AT_ONCE: (u32, Duration) = (u32::MAX, Duration::ZERO);
/// A rate that was lowered is given back by so many messages in this time.
const RESTORE: (u32, Duration) = (1, Duration::from_secs(30));

/// What one count of messages covers.
#[derive(Debug)]
struct Count {
    all: Window,
    /// All but cancels of orders.
    others: Window,
}

/// Messages of the last second.
#[derive(Debug)]
pub(super) struct Messages {
    level: Level,
    scope: MessageScope,
    trading_share: u32,
    cancel_share: u32,
    /// Of the login, or of the trading link.
    first: Count,
    /// Of the data link, or its part of the login's.
    data: Window,
}

impl Messages {
    pub(super) fn new(limits: &config::Pacing) -> Self {
        let max = limits.messages_per_second;
        let mut messages = Self {
            level: Level::new(max, RESTORE),
            scope: limits.message_scope,
            trading_share: limits.trading_share,
            cancel_share: limits.cancel_share,
            first: Count { all: Window::new(max, SECOND), others: Window::new(max, SECOND) },
            data: Window::new(max, SECOND),
        };
        messages.set(max);
        messages
    }

    /// Takes up other limits. The scope stays: what was counted was counted by it.
    pub(super) fn set_limits(&mut self, limits: &config::Pacing) {
        (self.trading_share, self.cancel_share) = (limits.trading_share, limits.cancel_share);
        self.level.set_configured(limits.messages_per_second);
        // At once, until the next look at what was learnt.
        self.set(limits.messages_per_second.min(self.first.all.max()).max(1));
    }

    fn set(&mut self, max: u32) {
        self.first.all.set_max(max);
        self.first.others.set_max(max.saturating_sub(self.cancel_share).max(1));
        let for_trading = if self.scope == MessageScope::Login { self.trading_share } else { 0 };
        self.data.set_max(max.saturating_sub(for_trading).max(1));
    }

    /// Takes up what is given back by now.
    pub(super) fn refresh(&mut self, now: Instant) {
        let max = self.level.max(now);
        if max != self.first.all.max() {
            self.set(max);
        }
    }

    /// Whether so many messages may go.
    ///
    /// # Errors
    ///
    /// The earliest moment at which they may.
    pub(super) fn check(&mut self, now: Instant, link: LinkName, is_reserved: bool, count: u32) -> Result<(), Instant> {
        if link == LinkName::Data {
            self.data.check(now, count)?;
            if self.scope == MessageScope::Link {
                return Ok(());
            }
        }
        if !is_reserved {
            self.first.others.check(now, count)?;
        }
        self.first.all.check(now, count)
    }

    pub(super) fn take(&mut self, now: Instant, link: LinkName, is_reserved: bool, count: u32) {
        if link == LinkName::Data {
            self.data.take(now, count);
            if self.scope == MessageScope::Link {
                return;
            }
        }
        if !is_reserved {
            self.first.others.take(now, count);
        }
        self.first.all.take(now, count);
    }

    /// An earlier run may have ended a moment ago, after using all that IB allows in a second: none is left but the
    /// share of cancels.
    pub(super) fn on_earlier_run(&mut self, now: Instant) {
        let left = |window: &mut Window| window.max().saturating_sub(window.used(now));
        let (others, data) = (left(&mut self.first.others), left(&mut self.data));
        self.first.others.take(now, others);
        self.first.all.take(now, others);
        self.data.take(now, data);
    }

    /// When the last of so many messages would be sent on this link.
    pub(super) fn sent_by(&mut self, now: Instant, link: LinkName, is_reserved: bool, count: u32) -> Instant {
        let mut at = now;
        if link == LinkName::Data {
            at = at.max(self.data.sent_by(now, count, AT_ONCE));
            if self.scope == MessageScope::Link {
                return at;
            }
        }
        if !is_reserved {
            at = at.max(self.first.others.sent_by(now, count, AT_ONCE));
        }
        at.max(self.first.all.sent_by(now, count, AT_ONCE))
    }

    /// The gateway said that messages came too fast. Returns what is allowed from now on.
    pub(super) fn lower(&mut self, now: Instant) -> u32 {
        let max = self.level.lower(now, u32::MAX, SECOND);
        self.set(max);
        max
    }

    pub(super) fn max(&self) -> u32 {
        self.first.all.max()
    }

    /// True if messages of one link count for the other.
    pub(super) fn is_shared(&self) -> bool {
        self.scope == MessageScope::Login
    }

    pub(super) fn level(&self) -> &Level {
        &self.level
    }

    /// Messages in the last second and allowed: of the login, or of the busier link.
    pub(super) fn usage(&mut self, now: Instant) -> Usage {
        self.refresh(now);
        let mut used = self.first.all.used(now);
        if self.scope == MessageScope::Link {
            used = used.max(self.data.used(now));
        }
        Usage { used, max: self.first.all.max() }
    }

    /// Messages in the last second that this link may share in, and how many those may be.
    pub(super) fn link_usage(&mut self, now: Instant, link: LinkName) -> Usage {
        self.refresh(now);
        let window = if link == LinkName::Data { &mut self.data } else { &mut self.first.others };
        Usage { used: window.used(now), max: window.max() }
    }
}
