//! Streams of the configuration: leased at the first login, asked for again until they are held.

use std::time::{Duration, Instant};

use super::{Ask, Command, Event, Outcome, Token, core::Core};
use crate::{
    config::ms,
    schema::{ErrorCode, bridge::BridgeEvent, request::market::Subscribe},
};

/// Tokens from here on are the session's own: their replies come back to it.
pub(crate) const OWN_TOKENS: u64 = 1 << 63;

/// Own tokens from here on belong to the contracts of `hist.batch` requests.
pub(crate) const BATCH_TOKENS: u64 = OWN_TOKENS + (1 << 61);

/// Wait before a stream that could not be had is asked for again.
const RETRY: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be asked for at the next login, or at this moment if it comes first.
    Wanted { at: Option<Instant> },
    /// Asked for; the reply will come.
    Asked,
    /// Leased: the lease survives link losses by itself.
    Held,
    /// The configuration is wrong; a person must mend it.
    Refused,
}

/// The streams of the configuration.
#[derive(Debug)]
pub(crate) struct Standing {
    streams: Vec<(Subscribe, State)>,
}

impl Standing {
    pub(crate) fn new(streams: Vec<Subscribe>) -> Self {
        Self { streams: streams.into_iter().map(|ask| (ask, State::Wanted { at: None })).collect() }
    }

    /// The data link is ready: ask for everything that is not held.
    pub(crate) fn on_link_ready(&mut self, core: &mut Core) -> Vec<Command> {
        self.ask_where(core, |state| matches!(state, State::Wanted { .. }))
    }

    pub(crate) fn on_timer(&mut self, core: &mut Core) -> Vec<Command> {
        let now = core.now.at;
        self.ask_where(core, |state| matches!(state, State::Wanted { at: Some(at) } if at <= now))
    }

    fn ask_where(&mut self, core: &mut Core, due: impl Fn(State) -> bool) -> Vec<Command> {
        let deadline = core.now.at + ms(core.config.timing.request_ms);
        let mut commands = Vec::new();
        for (index, (ask, state)) in self.streams.iter_mut().enumerate().filter(|(_, (_, state))| due(*state)) {
            *state = State::Asked;
            let token = Token(OWN_TOKENS + index as u64);
            core.admit_caller(token, deadline);
            commands.push(Command { token, client: None, deadline, ask: Ask::Subscribe(Box::new(ask.clone())) });
        }
        commands
    }

    /// The reply to one of our own requests.
    pub(crate) fn on_reply(&mut self, core: &mut Core, token: Token, outcome: Outcome) {
        let index = usize::try_from(token.0 - OWN_TOKENS).unwrap_or(usize::MAX);
        let Some((ask, state)) = self.streams.get_mut(index) else { return };
        let Err(error) = outcome else {
            *state = State::Held;
            return;
        };
        let is_final = matches!(
            error.code,
            ErrorCode::InvalidRequest
                | ErrorCode::AmbiguousContract
                | ErrorCode::UnknownContract
                | ErrorCode::Unsupported
        );
        *state = if is_final { State::Refused } else { State::Wanted { at: Some(core.now.at + RETRY) } };
        let mut event = BridgeEvent::new("subscription_failed", core.now.us);
        let what = serde_json::to_string(&ask.contract).unwrap_or_default();
        event.message = Some(format!("configured subscription {what}: {error}"));
        core.emit(Event::Bridge(Box::new(event)));
    }

    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let due = |(_, state): &(Subscribe, State)| match state {
            State::Wanted { at } => *at,
            _ => None,
        };
        self.streams.iter().filter_map(due).min()
    }
}
