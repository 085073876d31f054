//! A whole session with virtual time and a gateway that tests script.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};

pub(crate) use super::rig_memory::remembered;
use super::rig_memory::{batch, is_in_batch};
use super::{
    Ask, CacheItem, Command, Event, Listing, Now, Outcome, Output, Part, RiskMemory, Session, Token, durable::Entry,
};
use crate::{
    config::Config,
    schema::{Instrument, connection::LinkName, request::gateway::GatewayCommand},
    tws::{
        Request, Response, ServerVersion,
        frame::{Envelope, FRAME_BYTES_MAX, next_frame, open},
        handshake::put_greeting,
        message::{
            account::{AccountDataEnd, AccountSummaryEnd, AccountUpdateMultiEnd, PositionEnd, PositionMultiEnd},
            contract::Contract,
            login::{CurrentTime, ErrorMessage, ManagedAccounts, NextValidId},
            order_flow::{CompletedOrdersEnd, ExecutionDetailsEnd, OpenOrdersEnd},
        },
    },
};

/// The account of the scripted login.
pub(crate) const ACCOUNT: &str = "DU1234567";
/// Wall clock at the start of every rig: a round number, microseconds.
pub(crate) const START_US: i64 = 1_800_000_000_000_000;

/// Drives a [`Session`] and keeps what it put out until a test takes it.
#[expect(clippy::struct_excessive_bools, reason = "each says how one of the other sides behaves")]
pub(crate) struct Rig {
    pub(crate) session: Session,
    pub(crate) now: Now,
    generations: [u64; 2],
    tokens: u64,
    sent: Vec<(LinkName, Request)>,
    events: Vec<Event>,
    replies: Vec<(Token, Outcome)>,
    /// What the session asked to be kept on the disk.
    pub(crate) cached: Vec<CacheItem>,
    /// What the session last asked to be kept of its risk gate.
    pub(crate) kept_risk: Option<RiskMemory>,
    /// Whether what is to be kept of the risk gate gets nowhere. Off until a test turns it on.
    pub(crate) is_risk_file_stuck: bool,
    parts: Vec<(Token, Part)>,
    /// What IBC was to be told.
    pub(crate) gateway_commands: Vec<(u64, GatewayCommand)>,
    /// Whether parts of long answers are taken as they come.
    pub(crate) takes_parts: bool,
    /// Whether the gateway answers by itself when it is asked for its time. Such questions are then
    /// left out of what was sent. Off until a test turns it on.
    pub(crate) is_alive: bool,
    /// Whether the request for IB's bulletins, which each login makes, is kept among what was sent.
    pub(crate) shows_bulletins: bool,
    /// What was to be written down, in order.
    pub(crate) entries: Vec<Entry>,
    /// Receipts that the test has not given back; filled while `is_disk_slow`.
    pub(crate) receipts: Vec<u64>,
    /// Whether the test gives receipts back itself. Off until a test turns it on.
    pub(crate) is_disk_slow: bool,
}

impl Rig {
    /// A session with the default configuration that has not dialled yet.
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    /// A session that has not dialled yet.
    #[expect(clippy::disallowed_methods, reason = "any instant will do as a start; time then moves by hand")]
    pub(crate) fn with(config: Config) -> Self {
        let start = Now { at: std::time::Instant::now(), us: START_US };
        let session = Session::new(Arc::new(config), Vec::new(), 7, start);
        let mut rig = Self {
            session,
            now: start,
            generations: [0; 2],
            tokens: 0,
            sent: Vec::new(),
            events: Vec::new(),
            replies: Vec::new(),
            kept_risk: None,
            is_risk_file_stuck: false,
            parts: Vec::new(),
            gateway_commands: Vec::new(),
            takes_parts: true,
            is_alive: false,
            entries: Vec::new(),
            receipts: Vec::new(),
            is_disk_slow: false,
            shows_bulletins: false,
            cached: Vec::new(),
        };
        rig.drain();
        rig
    }

    /// A session with both links logged in, its first download answered with nothing.
    pub(crate) fn ready() -> Self {
        Self::ready_with(Config::default())
    }

    /// As [`Self::ready`]; outputs so far are forgotten.
    pub(crate) fn ready_with(config: Config) -> Self {
        let mut rig = Self::with(config);
        rig.session.on_timer(rig.now);
        rig.drain();
        rig.log_in(LinkName::Data);
        rig.log_in(LinkName::Trading);
        rig.forget();
        rig
    }

    // Time.

    pub(crate) fn now(&self) -> Now {
        self.now
    }

    /// Lets this much time pass, waking the session whenever it asked to be woken.
    pub(crate) fn wait_ms(&mut self, ms: u64) {
        let until = self.now.plus(Duration::from_millis(ms));
        for _ in 0..100_000 {
            match self.session.wake_at() {
                Some(at) if at <= until.at => {
                    self.now = self.now.plus(at.saturating_duration_since(self.now.at));
                    self.session.on_timer(self.now);
                    self.drain();
                }
                _ => {
                    self.now = until;
                    return;
                }
            }
        }
        panic!("the session asks to be woken again and again at {:?}", self.session.wake_at());
    }

    // The gateway's side.

    /// Answers the dial, the greeting and the login of a link that has dialled, and on the trading
    /// link the first download with "nothing".
    pub(crate) fn log_in(&mut self, link: LinkName) {
        self.begin_log_in(link);
        if link == LinkName::Trading {
            self.answer_download();
        }
    }

    /// As [`Self::log_in`], but leaves the first download to the test.
    pub(crate) fn begin_log_in(&mut self, link: LinkName) {
        self.begin_log_in_as(link, ACCOUNT);
    }

    /// As [`Self::begin_log_in`], to these accounts, with commas between them.
    pub(crate) fn begin_log_in_as(&mut self, link: LinkName, accounts: &str) {
        self.greet(link);
        self.receive(link, Response::NextValidId(NextValidId { order_id: Some(1) }));
        self.receive(link, Response::ManagedAccounts(ManagedAccounts { accounts_list: Some(accounts.to_owned()) }));
    }

    /// Answers the dial and the greeting of a link.
    pub(crate) fn greet(&mut self, link: LinkName) {
        if self.generations[link as usize] == 0 {
            self.session.on_timer(self.now);
            self.drain();
        }
        let generation = self.generations[link as usize];
        self.session.on_opened(self.now, link, generation);
        let mut greeting = BytesMut::new();
        put_greeting(&mut greeting, ServerVersion::MAX, "20270115 08:00:00 UTC");
        self.session.on_frame(self.now, link, greeting.split_off(4).freeze());
        self.drain();
    }

    /// Ends every download asked for on the trading link.
    pub(crate) fn answer_download(&mut self) {
        for (link, request) in self.sent.clone() {
            if link != LinkName::Trading {
                continue;
            }
            let end = match request {
                Request::OpenOrdersRequest(_) | Request::AllOpenOrdersRequest(_) => {
                    Response::OpenOrdersEnd(OpenOrdersEnd {})
                }
                Request::CompletedOrdersRequest(_) => Response::CompletedOrdersEnd(CompletedOrdersEnd {}),
                Request::ExecutionRequest(ask) => {
                    Response::ExecutionDetailsEnd(ExecutionDetailsEnd { req_id: ask.req_id })
                }
                Request::PositionsRequest(_) => Response::PositionEnd(PositionEnd {}),
                Request::AccountDataRequest(ask) => {
                    Response::AccountDataEnd(AccountDataEnd { account_name: ask.acct_code })
                }
                Request::PositionsMultiRequest(ask) => {
                    Response::PositionMultiEnd(PositionMultiEnd { req_id: ask.req_id })
                }
                Request::AccountUpdatesMultiRequest(ask) => {
                    Response::AccountUpdateMultiEnd(AccountUpdateMultiEnd { req_id: ask.req_id })
                }
                Request::AccountSummaryRequest(ask) => {
                    Response::AccountSummaryEnd(AccountSummaryEnd { req_id: ask.req_id })
                }
                _ => continue,
            };
            self.receive(link, end);
        }
    }

    /// One message from the gateway, through the codec.
    #[expect(clippy::needless_pass_by_value, reason = "tests write messages in place")]
    pub(crate) fn receive(&mut self, link: LinkName, response: Response) {
        let mut frame = BytesMut::new();
        response.put(&mut frame);
        self.session.on_frame(self.now, link, frame.split_off(4).freeze());
        self.drain();
    }

    fn tell_time(&mut self, link: LinkName) {
        let time = Response::CurrentTime(CurrentTime { current_time: Some(self.now.us / 1_000_000) });
        let mut frame = BytesMut::new();
        time.put(&mut frame);
        self.session.on_frame(self.now, link, frame.split_off(4).freeze());
    }

    /// On the data link.
    pub(crate) fn receive_data(&mut self, response: Response) {
        self.receive(LinkName::Data, response);
    }

    /// An error message; id -1 for notices about everything.
    pub(crate) fn notice(&mut self, link: LinkName, id: i32, code: i32, text: &str) {
        let frame = Self::frame_of_notice(id, code, text);
        self.session.on_frame(self.now, link, frame);
        self.drain();
    }

    /// An error message as a frame.
    pub(crate) fn frame_of_notice(id: i32, code: i32, text: &str) -> Bytes {
        let message = ErrorMessage {
            id: Some(id),
            error_code: Some(code),
            error_msg: Some(text.to_owned()),
            ..ErrorMessage::default()
        };
        let mut frame = BytesMut::new();
        Response::ErrorMessage(message).put(&mut frame);
        frame.split_off(4).freeze()
    }

    /// A notice about everything, which a gateway sends on every link.
    pub(crate) fn notice_all(&mut self, code: i32, text: &str) {
        self.notice(LinkName::Trading, -1, code, text);
        self.notice(LinkName::Data, -1, code, text);
    }

    /// The socket ends.
    pub(crate) fn cut(&mut self, link: LinkName) {
        self.session.on_closed(self.now, link, self.generations[link as usize], "cut by the test");
        self.drain();
    }

    /// The socket ended; the session dials until it is logged in again.
    pub(crate) fn reconnect(&mut self, link: LinkName) {
        self.begin_reconnect(link);
        if link == LinkName::Trading {
            self.answer_download();
        }
    }

    /// As [`Self::reconnect`], but leaves the first download to the test.
    pub(crate) fn begin_reconnect(&mut self, link: LinkName) {
        self.begin_reconnect_as(link, ACCOUNT);
    }

    /// As [`Self::begin_reconnect`], to these accounts.
    pub(crate) fn begin_reconnect_as(&mut self, link: LinkName, accounts: &str) {
        let before = self.generations[link as usize];
        // A session that was short is followed by a longer wait.
        for _ in 0..400 {
            self.wait_ms(100);
            if self.generations[link as usize] > before {
                return self.begin_log_in_as(link, accounts);
            }
        }
        panic!("the session does not dial");
    }

    // The client's side.

    pub(crate) fn ask(&mut self, ask: Ask) -> Token {
        self.ask_as("", ask)
    }

    /// A request of a named client; empty for none. Its deadline is the configured default.
    pub(crate) fn ask_as(&mut self, client: &str, ask: Ask) -> Token {
        let command = self.command(client, ask);
        let token = command.token;
        self.session.on_command(self.now, command);
        self.drain();
        token
    }

    /// A command that has been neither admitted nor served.
    pub(crate) fn command(&mut self, client: &str, ask: Ask) -> Command {
        self.tokens += 1;
        let deadline = self.now.at + crate::config::ms(self.session.core.config.timing.request_ms);
        let client = (!client.is_empty()).then(|| client.into());
        Command { token: Token(self.tokens), client, deadline, ask }
    }

    /// As [`Self::ask_as`], with the contract already looked up.
    pub(crate) fn ask_resolved(&mut self, client: &str, ask: Ask, listing: &Arc<Listing>) -> Token {
        let command = self.command(client, ask);
        let token = command.token;
        self.session.core.now = self.now;
        self.session.core.admit_caller(token, command.deadline);
        self.session.core.begin_audit(&command);
        self.session.run_resolved(&command, Ok(Arc::clone(listing)));
        self.session.settle();
        self.drain();
        token
    }

    /// A stock at SMART with this contract id.
    pub(crate) fn stock(&mut self, con_id: i32, symbol: &str) -> Arc<Listing> {
        self.listing(con_id, "STK", symbol, "SMART")
    }

    pub(crate) fn listing(&mut self, con_id: i32, sec_type: &str, symbol: &str, exchange: &str) -> Arc<Listing> {
        let instrument =
            Instrument { min_tick: Some(0.01), ..Instrument::bare(con_id, sec_type, symbol, exchange, "USD") };
        let contract = Contract {
            con_id: Some(con_id),
            sec_type: Some(sec_type.to_owned()),
            symbol: Some(symbol.to_owned()),
            exchange: Some(exchange.to_owned()),
            currency: Some("USD".to_owned()),
            ..Contract::default()
        };
        self.session.core.listing(instrument, contract).expect("few instruments")
    }

    // What came out.

    /// Takes the requests written to the link since they were last taken, those of the login left out.
    pub(crate) fn sent(&mut self, link: LinkName) -> Vec<Request> {
        let (taken, kept) = std::mem::take(&mut self.sent).into_iter().partition(|(on, _)| *on == link);
        self.sent = kept;
        let taken: Vec<(LinkName, Request)> = taken;
        taken.into_iter().map(|(_, request)| request).collect()
    }

    /// Forgets requests, as a gateway that ignores them.
    pub(crate) fn drop_sent(&mut self, ignored: impl Fn(&Request) -> bool) {
        self.sent.retain(|(_, request)| !ignored(request));
    }

    /// The requests that [`Self::sent`] would take.
    pub(crate) fn peek_sent(&self, link: LinkName) -> Vec<Request> {
        self.sent.iter().filter(|(on, _)| *on == link).map(|(_, request)| request.clone()).collect()
    }

    /// Takes the events since they were last taken.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Takes the reply to this token; `None` while the caller waits.
    pub(crate) fn reply(&mut self, token: Token) -> Option<Outcome> {
        let index = self.replies.iter().position(|(to, _)| *to == token)?;
        Some(self.replies.remove(index).1)
    }

    /// Says of one part that it was taken.
    pub(crate) fn take_parts(&mut self, token: Token) {
        self.session.on_part_taken(self.now, token);
        self.drain();
    }

    /// Takes the parts sent to this token.
    pub(crate) fn parts(&mut self, token: Token) -> Vec<Part> {
        let (taken, kept) = std::mem::take(&mut self.parts).into_iter().partition(|(to, _)| *to == token);
        self.parts = kept;
        let taken: Vec<(Token, Part)> = taken;
        taken.into_iter().map(|(_, part)| part).collect()
    }

    /// Drops everything that came out so far.
    pub(crate) fn forget(&mut self) {
        self.sent.clear();
        self.events.clear();
        self.replies.clear();
    }

    /// Takes up what the session put out after a cause the test gave it directly.
    pub(crate) fn pump(&mut self) {
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.next_output() {
            match output {
                Output::Journal(entry) => self.journal(entry),
                Output::Dial { link, generation } => self.generations[link as usize] = generation,
                Output::Send { link, frames } => self.note_sent(link, frames.bytes()),
                Output::CommandGateway { number, command } => self.gateway_commands.push((number, command)),
                Output::Close { .. } | Output::Port(_) | Output::DataIdInUse(_) => {}
                Output::Event(event) => self.events.push(event),
                Output::Cache(item) => self.cached.push(item),
                Output::KeepRisk(memory) => self.keep_risk(*memory),
                Output::Part { token, part } => {
                    if self.takes_parts {
                        self.session.core.part_taken(token);
                    }
                    self.parts.push((token, part));
                }
                Output::Reply { token, outcome } => self.replies.push((token, outcome)),
            }
        }
    }

    /// A journal that is always there, and at once unless the test says otherwise.
    fn journal(&mut self, entry: Entry) {
        let (receipt, event) = (entry.receipt, entry.event());
        self.entries.push(entry);
        match receipt {
            Some(receipt) if self.is_disk_slow => self.receipts.push(receipt),
            Some(receipt) => self.write(receipt),
            None if is_in_batch(&self.entries) => {}
            None => self.events.extend(event),
        }
    }

    fn write(&mut self, receipt: u64) {
        self.events.extend(self.entries[batch(&self.entries, receipt)].iter().filter_map(Entry::event));
        self.session.on_journaled(self.now, receipt, &Ok(()));
    }

    /// The disk has taken what waits for it.
    pub(crate) fn sync_disk(&mut self) {
        for receipt in std::mem::take(&mut self.receipts) {
            self.write(receipt);
        }
        self.drain();
    }

    /// The disk takes nothing of what waits for it.
    pub(crate) fn fail_disk(&mut self, reason: &str) {
        for receipt in std::mem::take(&mut self.receipts) {
            self.entries.drain(batch(&self.entries, receipt));
            self.session.on_journaled(self.now, receipt, &Err(reason.to_owned()));
        }
        self.drain();
    }

    /// Another run of the bridge, which has only what was written down, logged in to a gateway that
    /// lists nothing.
    pub(crate) fn restarted(&self) -> Self {
        let mut rig = Self::with((*self.session.core.config).clone());
        rig.session.restore(rig.now, remembered(&self.entries));
        rig.drain();
        // IB still counts what the earlier run sent.
        rig.now = rig.now.plus(Duration::from_secs(1));
        rig
    }

    fn note_sent(&mut self, link: LinkName, bytes: &Bytes) {
        if bytes.starts_with(b"API\0") {
            return;
        }
        let mut buffer = BytesMut::from(&bytes[..]);
        while let Some(frame) = next_frame(&mut buffer, FRAME_BYTES_MAX).expect("bounded lengths") {
            let Envelope::Protobuf { id, body } = open(frame) else { panic!("a text message was sent") };
            match Request::decode(id, body).expect("a request of ours") {
                Request::StartApiRequest(_) => {}
                Request::CurrentTimeRequest(_) if self.is_alive => self.tell_time(link),
                Request::NewsBulletinsRequest(_) if !self.shows_bulletins => {}
                request => self.sent.push((link, request)),
            }
        }
        assert!(buffer.is_empty(), "half a frame was sent");
    }
}

#[test]
fn a_login_makes_the_data_link_ready_and_a_cut_is_followed_by_a_dial() {
    let mut rig = Rig::ready();
    assert!(rig.session.data.is_ready());
    rig.cut(LinkName::Data);
    assert!(!rig.session.data.is_ready());
    rig.reconnect(LinkName::Data);
    assert!(rig.session.data.is_ready());
}
