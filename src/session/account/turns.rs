//! Which account the gateway values: one at a time, so several take turns.

use std::time::{Duration, Instant};

use super::{Download, submit};
use crate::{
    session::core::Core,
    tws::{Request, message::account::AccountDataRequest},
};

/// The one subscription of values and portfolio.
#[derive(Debug, Default)]
pub(super) struct Turns {
    accounts: Vec<String>,
    /// The account subscribed, as a place in `accounts`; nothing is while there are none.
    place: usize,
    next_at: Option<Instant>,
}

impl Turns {
    /// Logged in: begins with the first account.
    pub(super) fn start(&mut self, core: &mut Core, accounts: &[String]) -> Download {
        self.accounts = accounts.to_vec();
        self.place = 0;
        self.subscribe(core);
        if self.accounts.is_empty() { Download::Ended } else { Download::Asked }
    }

    /// The subscription is no longer to be had; gives the account that had it.
    pub(super) fn stop(&mut self) -> Option<String> {
        self.next_at = None;
        let account = self.accounts.get(self.place).cloned();
        self.accounts.clear();
        account
    }

    /// Has the account told from the start, if it is its turn.
    pub(super) fn ask_again(&mut self, core: &mut Core, account: &str) {
        if self.accounts.get(self.place).is_some_and(|present| present == account) {
            self.unsubscribe(core);
            self.subscribe(core);
        }
    }

    pub(super) fn on_timer(&mut self, core: &mut Core) {
        if self.next_at.is_some_and(|at| at <= core.now.at) {
            self.unsubscribe(core);
            self.place = (self.place + 1) % self.accounts.len().max(1);
            self.subscribe(core);
        }
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.next_at
    }

    /// Another subscription would replace this one by itself, but not without a warning.
    fn unsubscribe(&self, core: &mut Core) {
        self.submit(core, false);
    }

    fn subscribe(&mut self, core: &mut Core) {
        self.submit(core, true);
        let turn_s = core.config.account.portfolio_turn_s;
        let takes_turns = self.accounts.len() > 1 && turn_s > 0;
        self.next_at = takes_turns.then(|| core.now.at + Duration::from_secs(turn_s));
    }

    fn submit(&self, core: &mut Core, subscribe: bool) {
        if let Some(account) = self.accounts.get(self.place) {
            let request = AccountDataRequest { subscribe: Some(subscribe), acct_code: Some(account.clone()) };
            submit(core, None, Request::AccountDataRequest(request));
        }
    }
}
