//! One socket to the gateway: phases with deadlines, reconnecting, liveness.

mod watch;

use std::time::Instant;

use bytes::Bytes;

use super::{
    backoff,
    core::{Core, Output},
    pacing::Frames,
    person::{End, Knocks},
    time::{Zone, zone_name},
};
use crate::{
    config::ms,
    schema::connection::{LastNotice, LinkName, LinkPhase, LinkStatus},
    tws::{
        ServerVersion,
        handshake::{self, HandshakeError},
    },
};

/// Where a link stands.
///
/// ```text
///          dial            opened            greeting             id and accounts
///  Down ─────────▶ Dialing ──────▶ Greeting ─────────▶ Starting ─────────────────▶ Syncing ──▶ Ready
///   ▲                 │               │                    │   (data link: straight to Ready)     │
///   └─────────────────┴───────────────┴────────────────────┴── closed, deadline, two probes missed┘
/// ```
#[derive(Clone, Debug, PartialEq)]
enum State {
    /// No socket. Dial again at the given time.
    Down { retry_at: Instant },
    /// Waiting for the TCP connection.
    Dialing { deadline: Instant },
    /// Version range sent; waiting for the gateway's version.
    Greeting { deadline: Instant },
    /// Start-API sent; waiting for the first order id and the accounts.
    Starting { deadline: Instant, next_order_id: Option<i32>, accounts: Option<Vec<String>> },
    /// Logged in; the first download is running.
    Syncing { deadline: Instant },
    /// Requests may be sent.
    Ready,
    /// Shutting down: no more dialling.
    Draining,
}

/// What a link's input led to, for the session to act on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Nothing the session must act on.
    None,
    /// Logged in.
    LoggedIn { next_order_id: i32, accounts: Vec<String> },
    /// The link went down; everything asked on it is void.
    Lost,
}

/// One socket to the gateway.
#[derive(Debug)]
pub(crate) struct Link {
    name: LinkName,
    state: State,
    since_us: i64,
    client_id: i32,
    generation: u64,
    attempts: u32,
    server_version: Option<u32>,
    /// The gateway's zone and clock as it greeted.
    gateway_zone: Option<Zone>,
    greeted_us: Option<i64>,
    last_receive: Option<(Instant, i64)>,
    probe: Option<Probe>,
    misses: u32,
    last_probe: Option<(i64, i64)>,
    last_error: Option<String>,
    last_notice: Option<LastNotice>,
    jitter: u64,
    has_room: bool,
    /// The gateway closed at our version range: ask with a wider one, to learn and tell how old it is.
    asks_age: bool,
    knocks: Knocks,
    sessions: backoff::Sessions,
}

/// A liveness question on its way.
#[derive(Clone, Copy, Debug)]
struct Probe {
    asked_at: Instant,
    deadline: Instant,
}

impl Link {
    pub(crate) fn new(name: LinkName, client_id: i32, seed: u64, core: &Core) -> Self {
        Self {
            name,
            state: State::Down { retry_at: core.now.at },
            since_us: core.now.us,
            client_id,
            generation: 0,
            attempts: 0,
            server_version: None,
            gateway_zone: None,
            greeted_us: None,
            last_receive: None,
            probe: None,
            misses: 0,
            last_probe: None,
            last_error: None,
            last_notice: None,
            jitter: seed,
            has_room: true,
            asks_age: false,
            knocks: Knocks::default(),
            sessions: backoff::Sessions::default(),
        }
    }

    /// Why only a person can finish the login; `None` if that is not so, as far as is known.
    pub(super) fn needs_person(&self) -> Option<&str> {
        self.knocks.needs_person()
    }

    /// Dials in a row without a TCP connection.
    pub(super) fn unreached(&self) -> u32 {
        self.knocks.unreached()
    }

    /// The version agreed on in the greeting, while logged in or on the way.
    pub(super) fn server_version(&self) -> Option<u32> {
        self.server_version
    }

    /// True if data and order requests may be written.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Syncing { .. } | State::Ready) && self.has_room
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// True while its silence is watched.
    pub(crate) fn is_watched(&self) -> bool {
        matches!(self.state, State::Syncing { .. } | State::Ready)
    }

    /// The first download should have ended by now.
    pub(crate) fn is_sync_overdue(&self, core: &Core) -> bool {
        matches!(self.state, State::Syncing { deadline } if deadline <= core.now.at)
    }

    pub(crate) fn is_greeting(&self) -> bool {
        matches!(self.state, State::Greeting { .. })
    }

    /// True if frames of the gateway are to be read as messages.
    pub(crate) fn is_logged_on(&self) -> bool {
        matches!(self.state, State::Starting { .. } | State::Syncing { .. } | State::Ready)
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Logs in with this client id from now on.
    pub(crate) fn set_client_id(&mut self, client_id: i32) {
        if !self.is_logged_on() {
            self.client_id = client_id;
        }
    }

    pub(crate) fn client_id(&self) -> i32 {
        self.client_id
    }

    /// Why the last attempt or connection ended.
    pub(crate) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// The socket's write buffer filled up or emptied.
    pub(crate) fn set_room(&mut self, has_room: bool) {
        self.has_room = has_room;
    }

    pub(crate) fn phase(&self) -> LinkPhase {
        match self.state {
            State::Down { .. } => LinkPhase::Down,
            State::Dialing { .. } => LinkPhase::Dialing,
            State::Greeting { .. } => LinkPhase::Greeting,
            State::Starting { .. } => LinkPhase::Starting,
            State::Syncing { .. } => LinkPhase::Syncing,
            State::Ready => LinkPhase::Ready,
            State::Draining => LinkPhase::Draining,
        }
    }

    pub(crate) fn status(&self, core: &Core) -> LinkStatus {
        LinkStatus {
            phase: self.phase(),
            since_us: self.since_us,
            client_id: self.client_id,
            generation: self.generation,
            server_version: self.server_version,
            gateway_zone: self.gateway_zone.map(|zone| zone.name().to_owned()),
            greeted_us: self.greeted_us,
            last_receive_us: self.last_receive.map(|(_, us)| us),
            last_probe_us: self.last_probe.map(|(at_us, _)| at_us),
            round_trip_us: self.last_probe.map(|(_, trip_us)| trip_us),
            last_notice: self.last_notice.clone(),
            attempts: self.attempts,
            retry_us: match self.state {
                State::Down { retry_at } => Some(core.now.us_at(retry_at)),
                _ => None,
            },
            last_error: self.last_error.clone(),
        }
    }

    fn enter(&mut self, state: State, core: &Core) {
        self.state = state;
        self.since_us = core.now.us;
    }

    // Causes.

    pub(crate) fn on_opened(&mut self, core: &mut Core, generation: u64) {
        if generation != self.generation || !matches!(self.state, State::Dialing { .. }) {
            return;
        }
        let oldest = if self.asks_age { ServerVersion::OLDEST } else { ServerVersion::MIN };
        core.output(Output::Send { link: self.name, frames: Frames::hello(oldest) });
        self.has_room = true;
        self.enter(State::Greeting { deadline: core.now.at + ms(core.config.timing.greeting_ms) }, core);
    }

    pub(crate) fn on_closed(&mut self, core: &mut Core, generation: u64, reason: &str) -> Step {
        if generation != self.generation || matches!(self.state, State::Down { .. } | State::Draining) {
            return Step::None;
        }
        if self.is_greeting() {
            // An older gateway closes without a word, and so does one that does not trust our address.
            self.asks_age = !self.asks_age;
            let reason = format!(
                "{reason} at the greeting: it does not trust this address, or it is older than server version {}",
                ServerVersion::MIN
            );
            return self.fall(core, End::Unfinished, &reason);
        }
        self.fall(core, self.end(), reason)
    }

    /// Bytes arrived: the peer is alive.
    pub(crate) fn on_bytes(&mut self, core: &Core) {
        self.last_receive = Some((core.now.at, core.now.us));
        self.misses = 0;
        // Any byte answers the question a probe asks; the round trip is measured by its own answer.
        if let Some(probe) = &mut self.probe {
            probe.deadline = core.now.at + ms(core.config.timing.probe_timeout_ms);
        }
    }

    /// The frame that answers the hello.
    pub(crate) fn on_greeting(&mut self, core: &mut Core, frame: &Bytes) -> Step {
        match handshake::read_greeting(frame) {
            // Another frame may come first; the deadline still runs.
            None => Step::None,
            // Another version is found only once somebody installs it.
            Some(Err(error @ HandshakeError::TooOld { .. })) => self.refuse(core, &error.to_string()),
            Some(Err(error)) => self.hang_up(core, &error.to_string()),
            Some(Ok(greeting)) => {
                self.server_version = Some(greeting.version.0);
                let time = &greeting.connection_time;
                self.greeted_us = core.moment(self.name, time, "its clock is not compared with ours");
                self.gateway_zone = Zone::named(zone_name(time));
                self.asks_age = false;
                let frames = Frames::start_api(self.client_id);
                core.output(Output::Send { link: self.name, frames });
                let deadline = core.now.at + ms(core.config.timing.login_ms);
                self.enter(State::Starting { deadline, next_order_id: None, accounts: None }, core);
                Step::None
            }
        }
    }

    pub(crate) fn on_next_order_id(&mut self, core: &Core, order_id: i32) -> Step {
        if let State::Starting { next_order_id, .. } = &mut self.state {
            *next_order_id = Some(order_id);
        }
        self.log_in_if_complete(core)
    }

    pub(crate) fn on_accounts(&mut self, core: &Core, list: &str) -> Step {
        if let State::Starting { accounts, .. } = &mut self.state {
            let names = list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
            // A login has at least one account: an empty list comes from a gateway that does not know them yet.
            *accounts = Some(names.collect()).filter(|names: &Vec<String>| !names.is_empty());
        }
        self.log_in_if_complete(core)
    }

    fn log_in_if_complete(&mut self, core: &Core) -> Step {
        let State::Starting { next_order_id: Some(next_order_id), accounts: Some(accounts), .. } = &self.state else {
            return Step::None;
        };
        let step = Step::LoggedIn { next_order_id: *next_order_id, accounts: accounts.clone() };
        self.knocks.on_login();
        match self.name {
            LinkName::Trading => {
                self.enter(State::Syncing { deadline: core.now.at + ms(core.config.timing.sync_ms) }, core);
            }
            LinkName::Data => self.become_ready(core),
        }
        step
    }

    /// The first download is complete.
    pub(crate) fn on_synced(&mut self, core: &Core) {
        if matches!(self.state, State::Syncing { .. }) {
            self.become_ready(core);
        }
    }

    fn become_ready(&mut self, core: &Core) {
        self.attempts = 0;
        self.sessions.begin(core.now.at);
        self.enter(State::Ready, core);
    }

    /// Error 326. The trading link waits the half-open session out, since its id owns the open
    /// orders; the data link takes the next id of its range.
    pub(crate) fn on_client_id_in_use(&mut self, core: &mut Core) -> Step {
        if !matches!(self.state, State::Starting { .. }) {
            return Step::None;
        }
        let used = self.client_id;
        if self.name == LinkName::Data {
            let first = core.config.gateway.data_client_id;
            let count = i32::from(core.config.gateway.data_client_ids).max(1);
            self.client_id = first + (self.client_id - first + 1).rem_euclid(count);
            core.output(Output::DataIdInUse(used));
        }
        core.output(Output::Close { link: self.name });
        self.fall(core, End::InUse, &format!("client id {used} is in use (326)"))
    }

    /// A notice about everything came: evidence for what the link's state is.
    pub(crate) fn on_notice(&mut self, core: &Core, code: i32, text: &str) {
        self.last_notice = Some(LastNotice { ib_code: code, message: text.to_owned(), recv_us: core.now.us });
    }

    pub(crate) fn on_timer(&mut self, core: &mut Core) -> Step {
        let now = core.now.at;
        match &self.state {
            State::Down { retry_at } if *retry_at <= now => {
                self.dial(core);
                Step::None
            }
            State::Dialing { deadline } if *deadline <= now => {
                self.hang_up(core, "no TCP connection within the deadline")
            }
            State::Greeting { deadline } if *deadline <= now => {
                self.hang_up(core, "the gateway did not answer the greeting; is the API enabled for this address?")
            }
            State::Starting { deadline, .. } if *deadline <= now => {
                self.hang_up(core, "the gateway did not finish the login; is it logged in to IB?")
            }
            State::Syncing { deadline } if *deadline <= now => {
                self.hang_up(core, "the gateway did not finish the first download of orders and positions")
            }
            State::Syncing { .. } | State::Ready => self.watch(core),
            _ => Step::None,
        }
    }

    fn dial(&mut self, core: &mut Core) {
        self.generation += 1;
        self.attempts = self.attempts.saturating_add(1);
        self.enter(State::Dialing { deadline: core.now.at + ms(core.config.timing.dial_ms) }, core);
        core.output(Output::Dial { link: self.name, generation: self.generation });
    }

    /// Closes the socket from our side.
    pub(crate) fn hang_up(&mut self, core: &mut Core, reason: &str) -> Step {
        core.output(Output::Close { link: self.name });
        self.fall(core, self.end(), reason)
    }

    /// As [`Self::hang_up`], for a reason that only a person can mend.
    pub(crate) fn refuse(&mut self, core: &mut Core, reason: &str) -> Step {
        core.output(Output::Close { link: self.name });
        self.fall(core, End::Refused, reason)
    }

    /// What the end of the socket means now.
    fn end(&self) -> End {
        match self.state {
            State::Down { .. } | State::Dialing { .. } => End::Unreached,
            State::Greeting { .. } | State::Starting { .. } => End::Unfinished,
            State::Syncing { .. } | State::Ready | State::Draining => End::Lost,
        }
    }

    fn fall(&mut self, core: &mut Core, end: End, reason: &str) -> Step {
        self.knocks.on_end(core, end, reason);
        if end == End::Lost {
            // A session that lasted is worth an immediate attempt.
            self.attempts = self.sessions.end(core.now.at, &core.config.timing);
        }
        let wait = backoff::wait(&core.config.timing, self.attempts, self.needs_person().is_some(), &mut self.jitter);
        let retry_at = core.now.at + wait;
        self.last_error = Some(reason.to_owned());
        self.probe = None;
        self.misses = 0;
        self.last_receive = None;
        self.enter(State::Down { retry_at }, core);
        Step::Lost
    }

    /// Stops for good. The socket is closed.
    pub(crate) fn drain(&mut self, core: &mut Core) {
        if !matches!(self.state, State::Down { .. }) {
            core.output(Output::Close { link: self.name });
        }
        self.enter(State::Draining, core);
    }

    pub(crate) fn wake_at(&self, core: &Core) -> Option<Instant> {
        match &self.state {
            State::Down { retry_at } => Some(*retry_at),
            State::Dialing { deadline } | State::Greeting { deadline } | State::Starting { deadline, .. } => {
                Some(*deadline)
            }
            State::Syncing { deadline } => Some(self.watch_at(core).map_or(*deadline, |at| at.min(*deadline))),
            State::Ready => self.watch_at(core),
            State::Draining => None,
        }
    }
}
