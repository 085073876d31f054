//! The brain: what to say to the gateway and what its answers mean. No I/O, no clock, no random.
//!
//! A driver feeds causes in (`on_opened`, `on_frame`, `on_command`, `on_timer`, ...) and drains
//! [`Session::next_output`] after each. Nothing reaches a socket but by way of [`pacing`], except
//! the handshake itself.

mod account;
mod backoff;
mod breaker;
mod cache;
mod calendar;
mod cancelled;
mod combo;
mod command;
mod contracts;
mod core;
mod dispatch;
pub mod durable;
mod earlier;
mod errand;
mod event;
#[cfg(test)]
mod faults;
mod figures;
mod health;
mod history;
mod ibc;
mod in_flight;
mod kill;
mod link;
#[cfg(test)]
mod link_tests;
mod listing;
mod maintenance;
mod market;
mod notice;
mod now;
mod orders;
mod output;
mod own;
mod pace;
#[cfg(test)]
mod pace_tests;
mod pacing;
mod parts;
mod person;
#[cfg(test)]
mod person_tests;
mod pulse;
#[cfg(test)]
mod pulse_tests;
mod reconfigure;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod rig_memory;
mod risk;
pub mod services;
mod sizes;
mod stages;
mod standing;
mod status;
mod surprise;
pub(crate) mod time;
mod told;
mod traded;
mod truth;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

pub use self::core::Output;
pub use cache::{CacheItem, CacheKind};
pub use command::{
    Answer, Ask, Bars, Chain, Command, Outcome, PARTS_MAX, Part, ProcessAnswer, ProcessAsk, Rows, Token,
};
pub use durable::{Entry, Fact, Memory, Troubles};
pub use event::{Event, Lane};
pub use figures::Figures;
pub use ibc::CommandFailure;
pub use listing::Listing;
pub use now::Now;
pub use orders::Family;
pub use pacing::Frames;
pub use reconfigure::Reconfigure;
pub use risk::RiskMemory;
pub(crate) use risk::audit::{refused_in_queue, refused_unseen};
pub use stages::Stage;
pub use standing::configured;

use self::{
    account::Account,
    contracts::Contracts,
    core::{Core, Owner},
    history::History,
    ibc::Ibc,
    link::{Link, Step},
    maintenance::Maintenance,
    market::Market,
    orders::Orders,
    pulse::Pulse,
    services::Services,
    standing::Standing,
    truth::Truth,
};
use crate::{
    config::{self, Config},
    schema::{
        ApiError, ErrorCode,
        bridge::BridgeEvent,
        connection::{IbLink, LinkName},
        request::market::Subscribe,
    },
    tws::{
        frame::{FRAME_BYTES_MAX, next_frame},
        handshake::HELLO_BYTES_MAX,
    },
};

/// Everything known about one gateway login.
#[derive(Debug)]
pub struct Session {
    core: Core,
    trading: Link,
    data: Link,
    truth: Truth,
    contracts: Contracts,
    market: Market,
    history: History,
    orders: Orders,
    account: Account,
    services: Services,
    standing: Standing,
    started_us: i64,
    surprises: surprise::Surprises,
    published: Option<status::Shape>,
    /// A round of order lists has ended and its positions have not been compared.
    has_round_ended: bool,
    maintenance: Maintenance,
    pulse: Pulse,
    ibc: Ibc,
    /// That a person is needed at the gateway was told, and not yet that nobody is.
    is_person_told: bool,
}

impl Session {
    /// A session that has not dialled yet. `seed` spreads the waits of several bridges; `standing`
    /// are the streams to hold from the start.
    pub fn new(config: Arc<Config>, standing: Vec<Subscribe>, seed: u64, now: Now) -> Self {
        let (trading_id, data_id) = (config.gateway.trading_client_id, config.gateway.data_client_id);
        let mut core = Core::new(config, now);
        core.emit(Event::Bridge(Box::new(BridgeEvent::new("started", now.us))));
        health::tell_exposure(&mut core);
        Self {
            trading: Link::new(LinkName::Trading, trading_id, seed, &core),
            data: Link::new(LinkName::Data, data_id, !seed, &core),
            truth: Truth::new(now.us),
            contracts: Contracts::default(),
            market: Market::new(&core.config),
            history: History::default(),
            orders: Orders::default(),
            account: Account::default(),
            services: Services::default(),
            standing: Standing::new(standing),
            started_us: now.us,
            surprises: surprise::Surprises::default(),
            published: None,
            has_round_ended: false,
            maintenance: Maintenance::default(),
            pulse: Pulse::default(),
            ibc: Ibc::default(),
            is_person_told: false,
            core,
        }
    }

    // Causes.

    /// The socket asked for with [`Output::Dial`] is connected.
    pub fn on_opened(&mut self, now: Now, link: LinkName, generation: u64) {
        self.begin(now);
        let (link, core) = self.link(link);
        link.on_opened(core, generation);
        self.settle();
    }

    /// The socket could not be opened, or has ended. `reason` is for people.
    pub fn on_closed(&mut self, now: Now, link: LinkName, generation: u64, reason: &str) {
        self.begin(now);
        let (socket, core) = self.link(link);
        let step = socket.on_closed(core, generation, reason);
        self.step(link, step);
        self.settle();
    }

    /// Bytes arrived. Whole frames are taken out of `buffer`; what is left waits for more.
    pub fn on_bytes(&mut self, now: Now, link: LinkName, buffer: &mut BytesMut) {
        self.begin(now);
        let (socket, core) = self.link(link);
        socket.on_bytes(core);
        loop {
            let (socket, _) = self.link(link);
            let limit = if socket.is_greeting() { HELLO_BYTES_MAX } else { FRAME_BYTES_MAX };
            match next_frame(buffer, limit) {
                Ok(Some(frame)) => self.take_frame(link, frame),
                Ok(None) => break,
                Err(error) => {
                    buffer.clear();
                    let (socket, core) = self.link(link);
                    let step = socket.hang_up(core, &error.to_string());
                    self.step(link, step);
                    break;
                }
            }
        }
        self.settle();
    }

    /// One frame arrived, without its length prefix.
    pub fn on_frame(&mut self, now: Now, link: LinkName, frame: Bytes) {
        self.begin(now);
        let (socket, core) = self.link(link);
        socket.on_bytes(core);
        self.take_frame(link, frame);
        self.settle();
    }

    fn take_frame(&mut self, link: LinkName, frame: Bytes) {
        let (socket, core) = self.link(link);
        if socket.is_greeting() {
            let step = socket.on_greeting(core, &frame);
            self.step(link, step);
        } else if socket.is_logged_on() {
            self.read(link, frame);
        }
    }

    /// The link's write buffer filled up (`false`) or emptied (`true`).
    pub fn on_write_room(&mut self, now: Now, link: LinkName, has_room: bool) {
        self.begin(now);
        let (socket, _) = self.link(link);
        socket.set_room(has_room);
        self.settle();
    }

    /// The lane of events that must not be shed is backed up (`true`) or flows again (`false`).
    pub fn on_congestion(&mut self, congested: bool) {
        self.core.congested = congested;
    }

    /// The entry with this receipt is on the disk, or could not be written, and why: then nothing that
    /// waited for it is sent.
    pub fn on_journaled(&mut self, now: Now, receipt: u64, written: &Result<(), String>) {
        self.begin(now);
        self.core.pacing.release(receipt, written.is_ok());
        self.orders.on_journaled(&mut self.core, receipt, written);
        self.settle();
    }

    /// The journal has these orders from long ago under keys that the orders with this receipt were to have: it wrote
    /// nothing of them, and nothing of them is sent.
    pub fn on_known(&mut self, now: Now, receipt: u64, orders: Vec<durable::OrderMemory>) {
        self.begin(now);
        self.core.pacing.release(receipt, false);
        self.orders.on_known(&mut self.core, receipt, orders);
        self.settle();
    }

    /// A client asks.
    pub fn on_command(&mut self, now: Now, command: Command) {
        self.begin(now);
        self.core.admit_caller(command.token, command.deadline);
        self.core.begin_audit(&command);
        self.take(command);
        self.settle();
    }

    /// A part of this caller's answer was passed on: there is room for another.
    pub fn on_part_taken(&mut self, now: Now, token: Token) {
        self.begin(now);
        self.core.part_taken(token);
        self.history.on_part_taken(&mut self.core);
        self.settle();
    }

    /// [`Self::wake_at`] has come.
    pub fn on_timer(&mut self, now: Now) {
        self.begin(now);
        self.maintenance.on_timer(&mut self.core);
        self.maintenance.tell_core(&mut self.core);
        if self.trading.is_sync_overdue(&self.core) && self.account.is_synced() {
            // The next settling makes the link ready, without what stayed out.
            self.orders.go_on_without(&mut self.core);
            self.settle();
        }
        for name in [LinkName::Trading, LinkName::Data] {
            let (link, core) = self.link(name);
            let step = link.on_timer(core);
            self.step(name, step);
        }
        while let Some((req_id, owner)) = self.core.next_overdue() {
            self.on_overdue(owner, req_id);
        }
        self.orders.on_timer(&mut self.core);
        self.watch_risk();
        self.watch_gateway();
        self.contracts.on_timer(&mut self.core);
        self.market.on_timer(&mut self.core);
        self.services.on_timer(&mut self.core);
        self.account.on_timer(&mut self.core);
        for command in self.standing.on_timer(&mut self.core) {
            self.take(command);
        }
        if self.core.has_overdue_callers() {
            self.history.shed(&mut self.core, true);
        }
        for token in self.core.overdue_callers() {
            let is_told = self.orders.on_caller_overdue(&mut self.core, token)
                || self.contracts.on_caller_overdue(&mut self.core, token)
                || self.history.on_caller_overdue(&mut self.core, token);
            if !is_told {
                let error = ApiError::new(ErrorCode::Timeout, "no complete answer within the deadline; ask again");
                self.core.refuse(token, error);
            }
        }
        // Their callers have been told; the parts forget them.
        while let Some(ticket) = self.core.pacing.next_expired(now.at) {
            self.core.breakers.on_unsent(now.at, ticket.request.name());
            if let Some(req_id) = ticket.id {
                self.on_overdue(ticket.owner, req_id);
            }
        }
        self.history.on_timer(&mut self.core);
        self.settle();
    }

    /// A request stayed unanswered, or was not even sent in time.
    fn on_overdue(&mut self, owner: Owner, req_id: i32) {
        match owner {
            Owner::Contracts => self.contracts.on_timeout(&mut self.core, req_id),
            Owner::Market => self.market.on_timeout(&mut self.core, req_id),
            Owner::History => self.history.on_timeout(&mut self.core, req_id),
            // Links watch their probes and the first download of orders as a whole.
            Owner::Link(_) | Owner::Orders => {}
            Owner::Account => self.account.on_timeout(&mut self.core, req_id),
            Owner::Services => self.services.on_timeout(&mut self.core, req_id),
        }
    }

    /// Ends both links for good. Orders at IB stay as they are.
    pub fn on_shutdown(&mut self, now: Now) {
        self.begin(now);
        self.core.emit(Event::Bridge(Box::new(BridgeEvent::new("stopping", now.us))));
        self.market.on_shutdown(&mut self.core);
        self.orders.on_shutdown(&mut self.core);
        self.trading.drain(&mut self.core);
        self.data.drain(&mut self.core);
        self.settle();
    }

    // Inside.

    fn link(&mut self, name: LinkName) -> (&mut Link, &mut Core) {
        match name {
            LinkName::Trading => (&mut self.trading, &mut self.core),
            LinkName::Data => (&mut self.data, &mut self.core),
        }
    }

    fn step(&mut self, link: LinkName, step: Step) {
        if let Step::LoggedIn { accounts, .. } = &step
            && let Some(reason) = self.refuse_accounts(accounts)
        {
            let (socket, core) = self.link(link);
            let step = socket.refuse(core, &reason);
            return self.step(link, step);
        }
        match (step, link) {
            (Step::None, _) => {}
            (Step::LoggedIn { next_order_id, accounts }, LinkName::Trading) => {
                self.maintenance.on_trading_login();
                self.maintenance.tell_core(&mut self.core);
                let client_id = self.trading.client_id();
                self.orders.start_sync(&mut self.core, client_id, next_order_id, &accounts);
                self.account.start_sync(&mut self.core, &accounts);
            }
            (Step::LoggedIn { .. }, LinkName::Data) => {
                self.contracts.on_link_ready(&mut self.core);
                let is_ib_lost = self.truth.ib_link == IbLink::Lost;
                self.market.on_link_ready(&mut self.core, is_ib_lost);
                self.history.on_link_ready(&mut self.core);
                self.services.on_link_ready(&mut self.core, is_ib_lost);
                for command in self.standing.on_link_ready(&mut self.core) {
                    self.take(command);
                }
            }
            (Step::Lost, link) => {
                self.core.on_link_down(link);
                if link == LinkName::Trading {
                    self.maintenance.on_trading_lost(&self.core);
                    self.maintenance.tell_core(&mut self.core);
                    self.try_other_port();
                    self.orders.on_link_down(&mut self.core);
                    self.account.on_link_down(&mut self.core);
                } else {
                    let reason = self.data.last_error().unwrap_or("lost").to_owned();
                    self.contracts.on_link_down(&mut self.core, &reason);
                    self.market.on_link_down(&mut self.core, "the data link to the gateway was lost");
                    self.history.on_link_down(&mut self.core);
                    self.services.on_link_down(&mut self.core);
                }
                // A link that still loads was told at its login what its gateway lacks, and is not told again.
                if !self.trading.is_logged_on() && !self.data.is_logged_on() {
                    self.truth.on_session_lost(&mut self.core);
                    // A restart takes both away, however quick it is.
                    self.contracts.on_gateway_lost();
                } else if self.truth.on_link_down(&mut self.core, link) {
                    self.on_ib_back_untold(link);
                }
            }
        }
    }

    /// Each round of order lists takes the positions with it; complete, they must agree.
    fn compare_positions(&mut self) {
        if self.orders.take_round_begun() && self.trading.is_ready() {
            self.account.recheck(&mut self.core);
        }
        self.has_round_ended |= self.orders.take_round_ended();
        if self.has_round_ended && self.account.has_positions() {
            self.has_round_ended = false;
            if self.orders.lists_all() && self.account.compare(&mut self.core, self.orders.bought()) {
                let soon = config::ms(self.core.config.timing.settle_ms / 2);
                self.orders.look_again_after(&self.core, soon);
            }
            if self.orders.lists_all() {
                let account = &self.account;
                self.orders.settle_by_positions(&mut self.core, |name, con_id| account.agrees(name, con_id));
            }
        }
    }

    /// After every cause: run what was waiting for a lookup, send what may be sent, tell what changed.
    fn settle(&mut self) {
        loop {
            while let Some((command, looked_up)) = self.contracts.next_resolved() {
                self.run_resolved(&command, looked_up);
            }
            self.settle_own();
            while let Some(command) = self.account.next_resumed() {
                self.run(&command);
            }
            let Some(command) = self.history.next_command(&mut self.core) else { break };
            self.take(command);
        }
        self.compare_positions();
        if !self.trading.is_ready() && self.orders.is_synced() && self.account.is_synced() {
            self.trading.on_synced(&self.core);
        }
        let fence = self.fence();
        self.orders.enforce(&mut self.core, fence);
        self.orders.resume_cancels(&mut self.core, fence);
        self.probe_if_wanted();
        if let Some(reason) = self.core.rebuild_data_link.take() {
            let step = self.data.hang_up(&mut self.core, &reason);
            self.step(LinkName::Data, step);
        }
        self.tell_watch();
        self.note_gateway_troubles();
        self.tell_person();
        self.tell_connection();
    }
}
