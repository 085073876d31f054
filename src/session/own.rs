//! Requests that the session makes of itself for a part of it, and has answered like a client's.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use super::{
    Ask, Command, Listing, Session, Token,
    core::Core,
    standing::{BATCH_TOKENS, OWN_TOKENS},
};
use crate::schema::{ApiError, ErrorCode};

/// Tokens from here on are of requests for market data's own use.
const MARKET_TOKENS: u64 = OWN_TOKENS | (1 << 62);

/// Requests that were not run yet.
#[derive(Debug, Default)]
pub(crate) struct OwnAsks {
    asked: u64,
    waiting: VecDeque<(Command, Arc<Listing>)>,
}

impl OwnAsks {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}

impl Core {
    /// Makes a request about an instrument; the reply comes back to `Market` under the token.
    pub(crate) fn ask_own(&mut self, ask: Ask, listing: &Arc<Listing>, deadline: Instant) -> Token {
        let token = Token(MARKET_TOKENS + self.own_asks.asked);
        self.own_asks.asked += 1;
        self.admit_caller(token, deadline);
        let command = Command { token, client: None, deadline, ask };
        self.own_asks.waiting.push_back((command, Arc::clone(listing)));
        token
    }

    /// The reply is no longer wanted.
    pub(crate) fn abandon(&mut self, token: Token) {
        self.own_asks.waiting.retain(|(command, _)| command.token != token);
        self.refuse(token, ApiError::new(ErrorCode::Timeout, "no longer wanted"));
    }

    /// The next request to run.
    pub(crate) fn next_own_ask(&mut self) -> Option<(Command, Arc<Listing>)> {
        self.own_asks.waiting.pop_front()
    }
}

impl Session {
    /// Runs the session's requests of itself and takes their replies.
    pub(super) fn settle_own(&mut self) {
        loop {
            if let Some((command, listing)) = self.core.next_own_ask() {
                self.run_resolved(&command, Ok(listing));
            } else if let Some((token, outcome)) = self.core.next_own_reply() {
                if token.0 >= MARKET_TOKENS {
                    self.market.on_own_reply(&mut self.core, token, &outcome);
                } else if token.0 >= BATCH_TOKENS {
                    self.history.on_own_reply(&mut self.core, token, outcome);
                } else if let Some(command) = self.standing.on_reply(&mut self.core, token, outcome) {
                    self.take(command);
                }
            } else {
                return;
            }
        }
    }
}
