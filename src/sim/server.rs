//! The running simulator: the listener, the one task that owns the world, and the clock.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, sleep_until};

use super::SimConfig;
use super::broker::{Book, Broker, Outgoing};
use super::clock::SimClock;
use super::command_port;
use super::connection::{self, Event, Wire};
use super::control;
use super::faults::{Door, Rule, RuleState};
use super::gateway::Gateway;
use super::outbox::{ConnectionId, Effect};
use super::record::RequestCount;
use super::referee::{RuleCount, Violation};
use super::station::{Output, Station};
use super::tape::{PriceFile, PriceFileError};
use crate::tws::Request;

/// Events of all connections waiting for the world.
const EVENTS_MAX: usize = 4096;
const CONTROLS_MAX: usize = 64;
/// The world is looked after at least and at most this often, in host time.
const ADVANCE_MIN: Duration = Duration::from_millis(1);
const ADVANCE_MAX: Duration = Duration::from_millis(100);

/// The simulator could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The price file cannot be opened.
    #[error("cannot read the price file {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The price file holds something else.
    #[error("cannot use the price file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The line that is wrong.
        source: PriceFileError,
    },
}

/// Simulated time, read from the host's clock. Copies agree with each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    simulated: SimClock,
    started: Instant,
}

impl Clock {
    fn start(config: &SimConfig) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the server is the part of the simulator that has a clock")]
        let host_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let start_ms = match config.clock {
            Some(clock) => clock.timestamp_millis(),
            None => i64::try_from(host_ms).unwrap_or_default(),
        };
        Self { simulated: SimClock::new(start_ms, config.speed), started: Instant::now() }
    }

    /// Simulated epoch milliseconds.
    pub(super) fn now_ms(&self) -> i64 {
        self.simulated.at(self.started.elapsed())
    }

    /// The host's time when the simulated clock shows `at_ms`.
    fn host_instant(&self, at_ms: i64) -> Instant {
        let wait_ms = u32::try_from(at_ms.saturating_sub(self.now_ms()).max(0)).unwrap_or(u32::MAX);
        Instant::now() + self.simulated.host_time(wait_ms)
    }

    /// The time a gateway names in its greeting.
    pub(super) fn connection_time(&self) -> String {
        let now = chrono::DateTime::from_timestamp_millis(self.now_ms()).unwrap_or_default();
        now.with_timezone(&chrono_tz::Tz::US__Eastern).format("%Y%m%d %H:%M:%S %Z").to_string()
    }
}

pub(super) type Inspect = Box<dyn FnOnce(&mut Gateway, i64) -> Vec<Effect> + Send>;

/// Starts simulators.
pub struct Simulator;

impl Simulator {
    /// Starts a simulated gateway on its own task.
    ///
    /// # Errors
    ///
    /// [`StartError`] if the address cannot be listened on or the price file not be used.
    pub async fn start(config: SimConfig) -> Result<RunningSim, StartError> {
        let (listener, addr) = listen(config.listen).await?;
        let clock = Clock::start(&config);
        let replay = read_prices(&config, clock.now_ms()).await?;
        let (controls, inbox) = mpsc::channel(CONTROLS_MAX);
        let mut beside = Vec::new();
        let (mut control_addr, mut command_addr) = (None, None);
        if let Some(addr) = config.control {
            let (listener, addr) = listen(addr).await?;
            control_addr = Some(addr);
            beside.push(tokio::spawn(control::serve(listener, controls.downgrade())));
        }
        if let Some(addr) = config.command_port {
            let (listener, addr) = listen(addr).await?;
            command_addr = Some(addr);
            beside.push(tokio::spawn(command_port::serve(listener, controls.downgrade())));
        }
        let task = tokio::spawn(Driver::new(config, replay, listener, addr, clock).run(inbox));
        Ok(RunningSim { addr, control_addr, command_addr, clock, controls, task, beside })
    }
}

async fn listen(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    Ok((listener, addr))
}

async fn read_prices(config: &SimConfig, start_ms: i64) -> Result<PriceFile, StartError> {
    let Some(path) = &config.price_file else {
        return Ok(PriceFile::default());
    };
    let text =
        tokio::fs::read_to_string(path).await.map_err(|source| StartError::Open { path: path.clone(), source })?;
    PriceFile::parse(&text, start_ms).map_err(|source| StartError::Read { path: path.clone(), source })
}

/// Runs a simulated gateway until `shutdown` completes.
///
/// # Errors
///
/// [`StartError`] if the address cannot be listened on or the price file not be used.
pub async fn run(config: SimConfig, shutdown: impl Future<Output = ()>) -> Result<(), StartError> {
    let sim = Simulator::start(config).await?;
    tracing::info!(addr = %sim.addr(), "simulated gateway listens");
    shutdown.await;
    sim.stop().await;
    Ok(())
}

/// A simulated gateway that is running. Dropping it stops it.
#[derive(Debug)]
pub struct RunningSim {
    addr: SocketAddr,
    control_addr: Option<SocketAddr>,
    command_addr: Option<SocketAddr>,
    clock: Clock,
    controls: mpsc::Sender<Inspect>,
    task: JoinHandle<()>,
    /// What listens beside the gateway's port.
    beside: Vec<JoinHandle<()>>,
}

impl RunningSim {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it takes commands, if it does.
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.control_addr
    }

    /// Where it plays IBC's command port, if it does.
    pub fn command_addr(&self) -> Option<SocketAddr> {
        self.command_addr
    }

    /// Simulated time, epoch milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Closes all connections and the listener, and waits until that is done.
    pub async fn stop(self) {
        for task in &self.beside {
            task.abort();
        }
        drop(self.controls);
        // The task ends by itself when its last control is gone; a panic in it has been reported.
        let _ = self.task.await;
    }

    /// Closes the socket of every client.
    pub async fn cut(&self) {
        self.effect(|gateway, _| gateway.cut()).await;
    }

    /// Puts a fault in force, after those that are; its times count from now. Returns its number, or `None` if
    /// there are too many.
    pub async fn add_rule(&self, rule: Rule) -> Option<u64> {
        let (answer, added) = oneshot::channel();
        self.effect(move |gateway, now_ms| {
            let _ = answer.send(gateway.add_rule(now_ms, rule));
            Vec::new()
        })
        .await;
        added.await.ok().flatten()
    }

    /// Lifts one fault, or all and what they left standing. Returns how many.
    pub async fn clear_rules(&self, number: Option<u64>) -> usize {
        self.ask(move |gateway, _| gateway.clear_rules(number)).await.unwrap_or_default()
    }

    /// The faults in force.
    pub async fn rules(&self) -> Vec<RuleState> {
        self.ask(|gateway, _| gateway.rules()).await.unwrap_or_default()
    }

    /// Takes requests of a kind (IB's message name, `*` for all) without answering.
    pub async fn mute(&self, kind: &str) {
        let kind = kind.to_owned();
        self.ask(move |gateway, _| gateway.mute(&kind)).await;
    }

    /// Answers requests of a kind again.
    pub async fn unmute(&self, kind: &str) {
        let kind = kind.to_owned();
        self.ask(move |gateway, _| gateway.unmute(&kind)).await;
    }

    /// The streams of a symbol that run now send nothing more, though nobody is told; those asked for
    /// later run. Returns how many there were.
    pub async fn kill_streams(&self, symbol: &str) -> usize {
        let symbol = symbol.to_owned();
        self.ask(move |gateway, now_ms| gateway.kill_streams(now_ms, &symbol)).await.unwrap_or(0)
    }

    /// Sends every client a message that belongs to no request, such as 1100.
    pub async fn notice(&self, code: i32, text: &str) {
        let text = text.to_owned();
        self.effect(move |gateway, now_ms| gateway.notice(now_ms, code, &text)).await;
    }

    /// A news source (`BRFG`) writes about a symbol: told live and found afterwards.
    pub async fn tell_news(&self, provider: &str, symbol: &str, headline: &str) {
        let (provider, symbol, headline) = (provider.to_owned(), symbol.to_owned(), headline.to_owned());
        self.effect(move |gateway, now_ms| gateway.tell_news(now_ms, &provider, &symbol, &headline).1).await;
    }

    /// IB sends a bulletin: kind 1 to everybody, 2 an exchange is not available, 3 it is again.
    pub async fn bulletin(&self, kind: i32, text: &str, exchange: &str) {
        let (text, exchange) = (text.to_owned(), exchange.to_owned());
        self.effect(move |gateway, now_ms| gateway.bulletin(now_ms, kind, &text, &exchange)).await;
    }

    /// Moves the price of a symbol, and of all that follows the same walk, from the next slot on.
    /// False if there is no such symbol.
    pub async fn set_price(&self, symbol: &str, price: f64) -> bool {
        let symbol = symbol.to_owned();
        self.ask(move |gateway, now_ms| gateway.set_price(now_ms, &symbol, price)).await.unwrap_or(false)
    }

    /// Stops the trading of a symbol. False if there is no such symbol or it is halted.
    pub async fn halt(&self, symbol: &str) -> bool {
        let symbol = symbol.to_owned();
        self.ask(move |gateway, now_ms| gateway.halt(now_ms, &symbol)).await.unwrap_or(false)
    }

    /// Ends a halt. False if there is none.
    pub async fn resume(&self, symbol: &str) -> bool {
        let symbol = symbol.to_owned();
        self.ask(move |gateway, now_ms| gateway.resume(now_ms, &symbol)).await.unwrap_or(false)
    }

    /// Acts on the order side; messages it returns are sent.
    pub async fn broker(&self, act: impl FnOnce(&mut Broker, i64, &dyn Book) -> Outgoing + Send + 'static) {
        self.effect(|gateway, now_ms| gateway.with_broker(now_ms, act)).await;
    }

    /// How often each client asked for what, since the start.
    pub async fn requests(&self) -> Vec<RequestCount> {
        self.ask(|gateway, _| gateway.requests()).await.unwrap_or_default()
    }

    /// How often all clients together sent requests of a kind (IB's message name).
    pub async fn request_count(&self, kind: &str) -> u64 {
        self.requests().await.iter().filter(|row| row.kind == kind).map(|row| row.count).sum()
    }

    /// The newest requests with the client id that sent them, oldest first; bounded.
    pub async fn recent_requests(&self) -> Vec<(Option<i32>, Request)> {
        self.ask(|gateway, _| gateway.recent_requests()).await.unwrap_or_default()
    }

    /// Regulatory snapshots that the user was charged for: one cent each, whether or not the answer was wanted.
    pub async fn regulatory_charges(&self) -> u64 {
        self.ask(|gateway, _| gateway.regulatory_charges()).await.unwrap_or_default()
    }

    /// Breaches of IB's limits so far, by rule; a rule that was kept is left out.
    pub async fn violations(&self) -> Vec<RuleCount> {
        self.ask(|gateway, _| gateway.violations()).await.unwrap_or_default()
    }

    /// The newest breaches of IB's limits, oldest first; bounded.
    pub async fn recent_violations(&self) -> Vec<Violation> {
        self.ask(|gateway, _| gateway.recent_violations()).await.unwrap_or_default()
    }

    /// Frames that were no request of this protocol.
    pub async fn unreadable_count(&self) -> u64 {
        self.ask(|gateway, _| gateway.unreadable_count()).await.unwrap_or_default()
    }

    /// Runs `f` on the world. `None` if the simulator has ended.
    async fn ask<T: Send + 'static>(&self, f: impl FnOnce(&mut Gateway, i64) -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let control: Inspect = Box::new(move |gateway, now_ms| {
            // The asker may have given up.
            let _ = answer.send(f(gateway, now_ms));
            Vec::new()
        });
        self.controls.send(control).await.ok()?;
        answered.await.ok()
    }

    /// Runs `f` on the world and its effects on the connections, and waits until that is done.
    async fn effect(&self, f: impl FnOnce(&mut Gateway, i64) -> Vec<Effect> + Send + 'static) {
        if self.controls.send(Box::new(f)).await.is_ok() {
            // Controls are taken in order: an answer to this one says that the effects happened.
            let _ = self.ask(|_, _| ()).await;
        }
    }
}

/// The task that owns the world.
struct Driver {
    config: SimConfig,
    addr: SocketAddr,
    /// Absent while a fault keeps the port closed.
    listener: Option<TcpListener>,
    clock: Clock,
    station: Station<OwnedSemaphorePermit>,
    connections: BTreeMap<ConnectionId, Wire>,
    /// Connections accepted, in their handshake or past it.
    accepted: BTreeMap<ConnectionId, JoinHandle<()>>,
    accepted_count: u64,
}

impl Driver {
    fn new(config: SimConfig, replay: PriceFile, listener: TcpListener, addr: SocketAddr, clock: Clock) -> Self {
        let gateway = Gateway::new(&config, replay, clock.now_ms());
        let station = Station::new(gateway, config.seed);
        Self {
            config,
            addr,
            listener: Some(listener),
            clock,
            station,
            connections: BTreeMap::new(),
            accepted: BTreeMap::new(),
            accepted_count: 0,
        }
    }

    async fn run(mut self, mut controls: mpsc::Receiver<Inspect>) {
        let (events, mut inbox) = mpsc::channel(EVENTS_MAX);
        let slot = self.clock.simulated.host_time(self.config.slot_ms);
        let mut timer = tokio::time::interval((slot / 2).clamp(ADVANCE_MIN, ADVANCE_MAX));
        timer.set_missed_tick_behavior(MissedTickBehavior::Skip);
        self.station.advance(self.clock.now_ms());
        loop {
            self.mind_the_door().await;
            let wake = self.station.wake_at(self.clock.now_ms()).map(|at_ms| self.clock.host_instant(at_ms));
            tokio::select! {
                accepted = accept(self.listener.as_ref()) => match accepted {
                    Ok((stream, _)) => self.accept(stream, &events),
                    Err(error) => tracing::warn!(%error, "a client could not be accepted"),
                },
                Some(event) = inbox.recv() => self.on_event(event),
                control = controls.recv() => match control {
                    Some(control) => self.station.with_gateway(self.clock.now_ms(), control),
                    None => break,
                },
                _ = timer.tick() => self.station.advance(self.clock.now_ms()),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    self.station.advance(self.clock.now_ms());
                }
            }
            self.perform();
        }
        for task in self.accepted.values() {
            task.abort();
        }
    }

    /// Closes the port while a fault says so, and listens again afterwards.
    async fn mind_the_door(&mut self) {
        let is_closed = self.station.door(self.clock.now_ms()).0 == Door::Closed;
        if is_closed {
            self.listener = None;
        } else if self.listener.is_none() {
            match TcpListener::bind(self.addr).await {
                Ok(listener) => self.listener = Some(listener),
                Err(error) => tracing::warn!(%error, addr = %self.addr, "the port cannot be listened on again yet"),
            }
        }
    }

    fn accept(&mut self, stream: tokio::net::TcpStream, events: &mpsc::Sender<Event>) {
        let (door, _) = self.station.door(self.clock.now_ms());
        if door == Door::HangUp {
            return;
        }
        if self.accepted.len() >= self.config.clients_max {
            tracing::warn!(limit = self.config.clients_max, "client refused: too many connections");
            return;
        }
        self.accepted_count += 1;
        let id = ConnectionId(self.accepted_count);
        let task = if door == Door::Mute {
            tokio::spawn(connection::ignore(id, stream, events.clone()))
        } else {
            tokio::spawn(connection::serve(id, stream, self.config.version_max, self.clock, events.clone()))
        };
        self.accepted.insert(id, task);
    }

    fn on_event(&mut self, event: Event) {
        let now_ms = self.clock.now_ms();
        match event {
            Event::Opened(id, outgoing) => {
                self.station.on_opened(id);
                self.connections.insert(id, outgoing);
            }
            Event::Frame(id, incoming, place) => self.station.receive(now_ms, id, incoming, place),
            Event::Closed(id) => {
                self.accepted.remove(&id);
                self.connections.remove(&id);
                self.station.on_left(now_ms, id);
            }
        }
    }

    fn perform(&mut self) {
        for output in self.station.take_outputs() {
            match output {
                Output::Write(id, piece) => {
                    let is_alive = self.connections.get(&id).is_none_or(|outgoing| outgoing.send(piece));
                    if !is_alive {
                        self.connections.remove(&id);
                        self.station.on_left(self.clock.now_ms(), id);
                    }
                }
                Output::Close(id) => drop(self.connections.remove(&id)),
            }
        }
    }
}

/// The next connection; none while nobody listens.
async fn accept(listener: Option<&TcpListener>) -> io::Result<(tokio::net::TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}
