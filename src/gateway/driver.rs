//! The one task that owns the session and its two sockets.

use std::{sync::Arc, time::Duration};

use rustc_hash::FxHashMap;
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until},
};
use tracing::{debug, info, warn};

use super::{
    Call, Caller, DataIds, Inbox, LossCounters, Outbox, clock,
    ibc::CommandPort,
    socket::{Socket, SocketEvent, WRITE_BYTES_MAX},
};
use crate::{
    journal::{CacheWriter, News, Pen, risk_file::RiskKept},
    schema::{
        ApiError, ErrorCode,
        connection::{IbLink, LinkName},
    },
    session::{CacheItem, Event, Output, RiskMemory, Session, Token, Troubles},
};

/// Where the driver hands what has to outlive the process. It never waits for it.
pub struct Disk {
    /// The order journal.
    pub pen: Pen,
    /// What may be asked for again; `None` if it cannot be opened.
    pub cache: Option<CacheWriter>,
    /// The kill switch and the limits.
    pub risk: watch::Sender<RiskMemory>,
    /// What became of them.
    pub risk_kept: watch::Receiver<RiskKept>,
    /// Client ids that bridges share.
    pub data_ids: DataIds,
}

impl Disk {
    /// Ends once what was handed over is written, or goes to no disk any more. A disk that hangs holds up no other task.
    async fn close(self) {
        let Self { pen, cache, risk, risk_kept, data_ids } = self;
        drop((risk, risk_kept, data_ids));
        let pen = tokio::task::spawn_blocking(move || drop(pen));
        let cache = tokio::task::spawn_blocking(move || drop(cache));
        let _ = tokio::join!(pen, cache);
    }
}

/// A wake later than this is that of a process that was stopped or starved.
const LATE: Duration = Duration::from_millis(50);
/// More than a system keeps for two sockets.
const CATCH_UP_READS_MAX: usize = 256;

/// Runs the session until `stop` resolves, then closes both sockets.
///
/// The task reads sockets, commands and the clock, and never waits for NATS: events go into the
/// [`Outbox`], which always has room. What outlives the bridge goes to `disk`.
pub async fn drive(
    session: Session,
    (host, port): (String, u16),
    inbox: Inbox,
    outbox: Outbox,
    disk: Disk,
    stream_trouble: watch::Receiver<Option<String>>,
    stop: oneshot::Receiver<()>,
) {
    let losses = outbox.losses();
    let heartbeat = session.heartbeat_every().map(|every| {
        let mut heartbeat = interval_at(Instant::now() + every, every);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat
    });
    let command_port = CommandPort::new(session.ibc_config());
    let driver = Driver {
        session,
        command_port,
        host,
        port,
        trading: Line::new(),
        data: Line::new(),
        outbox,
        losses,
        disk,
        stream_trouble,
        troubles: Troubles::default(),
        heartbeat,
        callers: FxHashMap::default(),
    };
    Box::pin(driver.run(inbox, stop)).await;
}

/// One socket, and whether the session was told that it is full.
struct Line {
    socket: Socket,
    is_full: bool,
}

impl Line {
    fn new() -> Self {
        Self { socket: Socket::new(), is_full: false }
    }
}

struct Driver {
    session: Session,
    command_port: CommandPort,
    host: String,
    port: u16,
    trading: Line,
    data: Line,
    outbox: Outbox,
    losses: Arc<LossCounters>,
    disk: Disk,
    stream_trouble: watch::Receiver<Option<String>>,
    troubles: Troubles,
    heartbeat: Option<Interval>,
    callers: FxHashMap<Token, Caller>,
}

impl Driver {
    async fn run(mut self, mut inbox: Inbox, mut stop: oneshot::Receiver<()>) {
        loop {
            self.drain();
            // Far away if the session waits for nothing.
            let wake_at = self.session.wake_at().map(Instant::from_std);
            tokio::select! {
                event = self.trading.socket.next() => self.on_socket(LinkName::Trading, event),
                event = self.data.socket.next() => self.on_socket(LinkName::Data, event),
                (number, outcome) = self.command_port.next() => {
                    self.session.on_gateway_command(clock::now(), number, outcome);
                }
                id = self.disk.data_ids.next() => self.session.use_data_id(clock::now(), id),
                call = inbox.next() => match call {
                    Some(Call::Ask(command, caller)) => {
                        if caller.is_traced() {
                            self.session.trace(command.token);
                        }
                        self.callers.insert(command.token, caller);
                        self.tell_session();
                        self.session.on_command(clock::now(), *command);
                    }
                    Some(Call::Refused(event)) => self.offer(Event::Audit(event)),
                    Some(Call::Taken(token)) => self.session.on_part_taken(clock::now(), token),
                    None => break,
                },
                () = async { sleep_until(wake_at.unwrap_or_else(Instant::now)).await }, if wake_at.is_some() => {
                    if wake_at.is_some_and(|at| at.elapsed() > LATE) {
                        self.catch_up().await;
                    }
                    self.session.on_timer(clock::now());
                }
                news = self.disk.pen.news() => self.on_news(news),
                () = changed(&mut self.stream_trouble) => {
                    self.troubles.stream.clone_from(&self.stream_trouble.borrow_and_update());
                    self.session.on_troubles(self.troubles.clone());
                }
                () = changed(&mut self.disk.risk_kept) => {
                    let kept = self.disk.risk_kept.borrow_and_update().clone();
                    self.troubles.risk = kept.trouble;
                    self.session.on_troubles(self.troubles.clone());
                    self.session.on_risk_kept(clock::now(), kept.number);
                }
                () = tick(&mut self.heartbeat) => {
                    self.tell_session();
                    let event = self.session.sign_of_life(clock::now());
                    self.offer(Event::Bridge(Box::new(event)));
                }
                () = self.outbox.make_room() => self.session.on_congestion(self.outbox.is_congested()),
                _ = &mut stop => break,
            }
        }
        self.session.on_shutdown(clock::now());
        self.drain();
        let Self { outbox, disk, trading, data, callers, .. } = self;
        // Neither the gateway, nor who publishes, nor who waits for an answer has to wait for the disk.
        drop((trading, data, callers, outbox));
        disk.close().await;
    }

    /// Reads what the sockets hold before the time is told: a process that was stopped for a while would else take the
    /// answers that came meanwhile for missing ones.
    async fn catch_up(&mut self) {
        // The system is asked which sockets can be read.
        tokio::task::yield_now().await;
        for _ in 0..CATCH_UP_READS_MAX {
            let (link, event) = tokio::select! {
                biased;
                event = self.trading.socket.next() => (LinkName::Trading, event),
                event = self.data.socket.next() => (LinkName::Data, event),
                () = std::future::ready(()) => return,
            };
            self.on_socket(link, event);
            self.drain();
        }
    }

    /// What happened beside it, before it is asked how things are.
    fn tell_session(&mut self) {
        let losses = &self.losses;
        self.session.on_losses(losses.shed_events(), losses.shed_kept_events(), losses.dropped_offline());
        self.session.on_journal_status(self.disk.pen.status());
    }

    fn on_news(&mut self, news: News) {
        match news {
            News::Written(receipts) => {
                let now = clock::now();
                for receipt in receipts {
                    self.session.on_journaled(now, receipt, &Ok(()));
                }
            }
            News::NotWritten(receipt, reason) => self.session.on_journaled(clock::now(), receipt, &Err(reason)),
            News::Known(receipt, orders) => self.session.on_known(clock::now(), receipt, orders),
            News::Trouble(reason) => {
                self.troubles.journal = reason;
                self.session.on_troubles(self.troubles.clone());
            }
        }
    }

    fn on_socket(&mut self, link: LinkName, event: SocketEvent) {
        let now = clock::now();
        match event {
            SocketEvent::Opened { generation } => self.session.on_opened(now, link, generation),
            SocketEvent::Closed { generation, reason } => self.session.on_closed(now, link, generation, &reason),
            SocketEvent::Read => {
                let line = match link {
                    LinkName::Trading => &mut self.trading,
                    LinkName::Data => &mut self.data,
                };
                self.session.on_bytes(now, link, &mut line.socket.read);
            }
            SocketEvent::Wrote => {}
        }
    }

    /// Carries out what the session wants, and tells it about full write buffers.
    fn drain(&mut self) {
        loop {
            while let Some(output) = self.session.next_output() {
                self.carry_out(output);
            }
            let told = self.tell_room(LinkName::Trading) | self.tell_room(LinkName::Data);
            if !told {
                return;
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Event(event) => self.offer(event),
            Output::Journal(entry) => {
                self.outbox.show(&entry);
                self.disk.pen.write(entry);
            }
            Output::Cache(item) => self.keep(item),
            Output::Send { link, frames } => {
                self.line(link).socket.send(&frames);
                // What is sent next is decided knowing how much still waits here.
                self.tell_room(link);
            }
            Output::KeepRisk(memory) => {
                self.disk.risk.send_replace(*memory);
            }
            Output::Reply { token, outcome } => {
                if let Some(caller) = self.callers.remove(&token) {
                    if caller.is_traced() {
                        caller.tell_stages(self.session.take_stages(token));
                    }
                    // The caller may have gone; nobody is left to tell.
                    let _ = caller.send(outcome);
                }
            }
            Output::Part { token, part } => {
                let was_passed = self.callers.get(&token).is_none_or(|caller| caller.send_part(part));
                if !was_passed && let Some(caller) = self.callers.remove(&token) {
                    self.session.take_stages(token);
                    // Parts are counted, so there is room unless the caller has gone.
                    let _ = caller.send(Err(ApiError::new(ErrorCode::Busy, "the answer was not read")));
                }
            }
            Output::Dial { link, generation } => {
                let (host, port) = (self.host.clone(), self.port);
                self.line(link).is_full = false;
                self.line(link).socket.dial(host, port, generation);
            }
            Output::Close { link } => self.line(link).socket.close(),
            Output::Port(port) => self.port = port,
            Output::DataIdInUse(id) => self.disk.data_ids.ask(id),
            Output::CommandGateway { number, command } => self.command_port.send(number, command),
        }
    }

    fn keep(&mut self, item: CacheItem) {
        // Contracts can be asked again; a lease that is not kept must be known.
        let must_last = item.kind.must_last();
        let unkept = match &mut self.disk.cache {
            Some(cache) => {
                cache.offer(item);
                cache.unkept()
            }
            None => u64::from(must_last),
        };
        if must_last {
            self.session.on_unkept(unkept);
        }
    }

    fn offer(&mut self, event: Event) {
        log_event(&event);
        let was_congested = self.outbox.is_congested();
        self.outbox.offer(event);
        if self.outbox.is_congested() != was_congested {
            self.session.on_congestion(!was_congested);
        }
    }

    /// True if the session was told something new.
    fn tell_room(&mut self, link: LinkName) -> bool {
        let line = self.line(link);
        let is_full = match line.socket.waiting() {
            0 => false,
            waiting if waiting > WRITE_BYTES_MAX => true,
            _ => line.is_full,
        };
        if is_full == line.is_full {
            return false;
        }
        line.is_full = is_full;
        self.session.on_write_room(clock::now(), link, !is_full);
        true
    }

    fn line(&mut self, link: LinkName) -> &mut Line {
        match link {
            LinkName::Trading => &mut self.trading,
            LinkName::Data => &mut self.data,
        }
    }
}

/// For ever without an interval.
async fn tick(interval: &mut Option<Interval>) {
    match interval {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}

/// For ever once nobody tells any more.
async fn changed<T>(watched: &mut watch::Receiver<T>) {
    if watched.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// One line per change of state; nothing per tick.
fn log_event(event: &Event) {
    match event {
        Event::Connection(state) => {
            info!(
                trading = ?state.trading.phase,
                data = ?state.data.phase,
                ib_link = ?state.ib_link,
                ready = state.ready,
                "connection changed"
            );
            for (name, link) in [("trading", &state.trading), ("data", &state.data)] {
                // The event tells both links; only the one that changed is news.
                let is_news = link.since_us == state.recv_us && link.retry_us.is_some();
                if let (Some(error), true) = (&link.last_error, is_news && state.maintenance) {
                    debug!(link = name, attempt = link.attempts, %error, "link is down, as planned");
                } else if let (Some(error), true) = (&link.last_error, is_news) {
                    warn!(link = name, attempt = link.attempts, %error, "link is down");
                }
            }
            if state.ib_link == IbLink::Lost && !state.maintenance {
                warn!(code = state.ib_code, "the gateway has lost its link to IB");
            }
        }
        Event::Farm(farm) => info!(farm = farm.farm, state = ?farm.state, code = farm.ib_code, "farm changed"),
        Event::Bridge(event) => {
            if let (Some(message), Some(_)) = (&event.message, &event.maintenance) {
                info!(event = event.event, "{message}");
            } else if let Some(message) = &event.message {
                warn!(event = event.event, "{message}");
            }
        }
        Event::Notice(notice) if notice.severity == "error" || notice.severity == "fatal" => {
            warn!(code = notice.ib_code, id = notice.id, class = notice.class, text = notice.message, "gateway notice");
        }
        Event::Notice(notice) => {
            debug!(code = notice.ib_code, class = notice.class, text = notice.message, "gateway notice");
        }
        _ => {}
    }
}
