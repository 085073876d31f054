//! Streams of the configuration: leased at the first login, asked for again until they are held.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{Answer, Ask, Command, Event, Outcome, Token, core::Core};
use crate::{
    config::{Config, MarketDataPreference, ms},
    schema::{
        ErrorCode,
        bridge::BridgeEvent,
        contract::ContractSpec,
        request::market::{MarketDataPolicy, Stream, Subscribe, Unsubscribe, WhenFull},
    },
};

/// Tokens from here on are the session's own: their replies come back to it.
pub(crate) const OWN_TOKENS: u64 = 1 << 63;

/// Own tokens from here on belong to the contracts of `hist.batch` requests.
pub(crate) const BATCH_TOKENS: u64 = OWN_TOKENS + (1 << 61);

/// Wait before a stream that could not be had is asked for again.
const RETRY: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// To be asked for at the next login, or at this moment if it comes first.
    Wanted { at: Option<Instant> },
    /// Asked for; the reply will come.
    Asked,
    /// Leased under this name: the lease survives link losses by itself.
    Held { lease: String },
    /// The configuration is wrong; a person must mend it.
    Refused,
    /// Not wanted any more, but asked for: to be given back once the reply has come.
    Leaving,
}

/// The streams of the configuration, by the number of their token.
#[derive(Debug)]
pub(crate) struct Standing {
    streams: BTreeMap<u64, (Subscribe, State)>,
    next: u64,
}

impl Standing {
    pub(crate) fn new(streams: Vec<Subscribe>) -> Self {
        let mut standing = Self { streams: BTreeMap::new(), next: 0 };
        for ask in streams {
            standing.add(ask);
        }
        standing
    }

    fn add(&mut self, ask: Subscribe) {
        self.streams.insert(self.next, (ask, State::Wanted { at: None }));
        self.next += 1;
    }

    /// Other streams from now on. Those that stay are left alone.
    pub(crate) fn replace(&mut self, core: &mut Core, streams: Vec<Subscribe>, is_ready: bool) -> Vec<Command> {
        let mut wanted = streams;
        let mut ended = Vec::new();
        let deadline = core.now.at + ms(core.config.timing.request_ms);
        self.streams.retain(|_, (ask, state)| {
            if *state != State::Leaving
                && let Some(place) = wanted.iter().position(|other| other == ask)
            {
                wanted.remove(place);
                return true;
            }
            match state {
                State::Asked | State::Leaving => *state = State::Leaving,
                State::Held { lease } => ended.push(std::mem::take(lease)),
                State::Wanted { .. } | State::Refused => {}
            }
            *state == State::Leaving
        });
        for ask in wanted {
            self.add(ask);
        }
        let mut commands: Vec<Command> = ended.into_iter().map(|lease| self.give_back(core, lease, deadline)).collect();
        if is_ready {
            commands.extend(self.on_link_ready(core));
        }
        commands
    }

    /// Ends a lease. Nobody waits for the reply, so its token is of no stream.
    fn give_back(&mut self, core: &mut Core, lease: String, deadline: Instant) -> Command {
        let token = Token(OWN_TOKENS + self.next);
        self.next += 1;
        core.admit_caller(token, deadline);
        Command { token, client: None, deadline, ask: Ask::Unsubscribe(Unsubscribe { lease }) }
    }

    /// The data link is ready: ask for everything that is not held.
    pub(crate) fn on_link_ready(&mut self, core: &mut Core) -> Vec<Command> {
        self.ask_where(core, |state| matches!(state, State::Wanted { .. }))
    }

    pub(crate) fn on_timer(&mut self, core: &mut Core) -> Vec<Command> {
        let now = core.now.at;
        self.ask_where(core, |state| matches!(state, State::Wanted { at: Some(at) } if *at <= now))
    }

    fn ask_where(&mut self, core: &mut Core, due: impl Fn(&State) -> bool) -> Vec<Command> {
        let deadline = core.now.at + ms(core.config.timing.request_ms);
        let mut commands = Vec::new();
        for (number, (ask, state)) in self.streams.iter_mut().filter(|(_, (_, state))| due(state)) {
            *state = State::Asked;
            let token = Token(OWN_TOKENS + number);
            core.admit_caller(token, deadline);
            commands.push(Command { token, client: None, deadline, ask: Ask::Subscribe(Box::new(ask.clone())) });
        }
        commands
    }

    /// The reply to one of our own requests. What it leads to is to be run.
    pub(crate) fn on_reply(&mut self, core: &mut Core, token: Token, outcome: Outcome) -> Option<Command> {
        let number = token.0 - OWN_TOKENS;
        let (ask, state) = self.streams.get_mut(&number)?;
        if *state == State::Leaving {
            self.streams.remove(&number);
            let Ok(Answer::Lease(lease)) = outcome else { return None };
            let deadline = core.now.at + ms(core.config.timing.request_ms);
            return Some(self.give_back(core, lease.lease, deadline));
        }
        let error = match outcome {
            Ok(Answer::Lease(lease)) => {
                *state = State::Held { lease: lease.lease };
                return None;
            }
            Ok(_) => return None,
            Err(error) => error,
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
        None
    }

    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let due = |(_, state): &(Subscribe, State)| match state {
            State::Wanted { at } => *at,
            _ => None,
        };
        self.streams.values().filter_map(due).min()
    }
}

/// The streams of a configuration as leases that never end.
///
/// # Errors
///
/// What is wrong with them, for a person.
pub fn configured(config: &Config) -> Result<Vec<Subscribe>, String> {
    let mut asks = Vec::new();
    for subscription in &config.subscriptions {
        let contract = subscription.contract.parse().map_err(|error| format!("subscriptions: {error}"))?;
        let streams: Result<Vec<Stream>, _> = subscription.streams.iter().map(|stream| stream.parse()).collect();
        let streams = streams.map_err(|error| format!("subscriptions: {}: {error}", subscription.contract))?;
        asks.push(Subscribe {
            generic_ticks: subscription.generic_ticks.clone(),
            depth_rows: subscription.depth_rows,
            smart_depth: subscription.smart_depth,
            news_providers: subscription.news_providers.clone(),
            market_data: subscription.market_data.map(policy),
            // A configured stream waits for its line: nobody is there to try again.
            when_full: WhenFull::Queue,
            ..Subscribe::new(ContractSpec(contract), streams)
        });
    }
    Ok(asks)
}

fn policy(preference: MarketDataPreference) -> MarketDataPolicy {
    match preference {
        MarketDataPreference::LiveOnly => MarketDataPolicy::LiveOnly,
        MarketDataPreference::LiveElseFrozen => MarketDataPolicy::LiveElseFrozen,
        MarketDataPreference::LiveElseDelayed => MarketDataPolicy::LiveElseDelayed,
        MarketDataPreference::Any => MarketDataPolicy::Any,
    }
}
