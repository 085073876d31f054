//! A login that only a person can finish: noticed, told, and not hammered.

use std::time::Instant;

use super::{Event, Session, core::Core};
use crate::{config::ms, schema::bridge::BridgeEvent};

/// Fewer unfinished logins may be an accident.
const UNFINISHED_MIN: u32 = 3;
/// After IB's tokens have ended, so many failures of any kind are enough.
const TOKENLESS_MIN: u32 = 2;

/// How an attempt or a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// No TCP connection.
    Unreached,
    /// The connection was taken, and no login came of it.
    Unfinished,
    /// The client id is in use: that passes, or another program holds it.
    InUse,
    /// What was found will be found again until somebody changes it.
    Refused,
    /// It was logged in.
    Lost,
}

/// Attempts of one link that came to nothing since its last login.
#[derive(Debug, Default)]
pub(super) struct Knocks {
    count: u32,
    /// Dials in a row without a TCP connection.
    unreached: u32,
    since: Option<Instant>,
    /// Why a person is needed, once one is.
    reason: Option<String>,
}

impl Knocks {
    /// Why a person is needed; `None` if nobody is.
    pub(super) fn needs_person(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Dials in a row without a TCP connection.
    pub(super) fn unreached(&self) -> u32 {
        self.unreached
    }

    /// The login was finished.
    pub(super) fn on_login(&mut self) {
        *self = Self::default();
    }

    /// An attempt ended.
    pub(super) fn on_end(&mut self, core: &Core, end: End, why: &str) {
        self.unreached = if end == End::Unreached { self.unreached.saturating_add(1) } else { 0 };
        match end {
            End::Refused => self.reason = Some(format!("a person is needed: {why}")),
            End::Unfinished => self.count(core, why),
            End::Unreached if core.are_tokens_ended => self.count(core, why),
            // A gateway that starts anew gets its time anew.
            End::Unreached | End::Lost => (self.count, self.since) = (0, None),
            End::InUse => {}
        }
    }

    fn count(&mut self, core: &Core, why: &str) {
        if core.is_maintained && !core.are_tokens_ended {
            // Around a reset or restart, ports that take connections and do not answer are usual.
            (self.count, self.since) = (0, None);
            return;
        }
        self.count = self.count.saturating_add(1);
        let since = *self.since.get_or_insert(core.now.at);
        let lasted = core.now.at.saturating_duration_since(since);
        if core.are_tokens_ended && self.count >= TOKENLESS_MIN {
            let text = "a person is needed at the gateway: IB's tokens ended on Sunday at 01:00 in New York, so it needs a full login";
            self.reason = Some(format!("{text} ({why})"));
        } else if self.count >= UNFINISHED_MIN && lasted >= ms(core.config.timing.person_after_ms) {
            let seconds = lasted.as_secs();
            self.reason = Some(format!(
                "a person is needed at the gateway: for {seconds} s it has taken connections and finished no login ({why}); \
                 it may wait for a password or a second factor"
            ));
        }
    }
}

impl Session {
    /// Why a person is needed at the gateway; `None` if nobody is.
    pub(super) fn needs_person(&self) -> Option<&str> {
        self.trading.needs_person().or(self.data.needs_person())
    }

    /// Tells when a person is needed, and when no longer.
    pub(super) fn tell_person(&mut self) {
        let reason = self.needs_person().map(str::to_owned);
        if reason.is_some() == self.is_person_told {
            return;
        }
        self.is_person_told = reason.is_some();
        let name = if reason.is_some() { "needs_person" } else { "needs_person_over" };
        let mut event = BridgeEvent::new(name, self.core.now.us);
        event.message = Some(reason.unwrap_or_else(|| "the gateway has finished the login".to_owned()));
        self.core.emit(Event::Bridge(Box::new(event)));
    }

    /// A login with live accounts is left alone unless the configuration says otherwise. IB numbers
    /// paper accounts with a leading `D`.
    pub(super) fn refuse_accounts(&self, accounts: &[String]) -> Option<String> {
        let live = accounts.iter().find(|account| !account.starts_with('D'))?;
        (!self.core.config.gateway.allow_live).then(|| {
            format!("account {live} is a live account; set gateway.allow_live = true to trade it, or connect to the paper port")
        })
    }
}
