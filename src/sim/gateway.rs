//! The simulated gateway as a pure state: requests and time in, answers out.

use super::SimConfig;
use super::book::Market;
use super::broker::{Book, Broker, Outgoing, To};
use super::details::Hours;
use super::faults::{Door, Faults, Rule, RuleState, Verdict};
use super::feeds::Feeds;
use super::incidents;
use super::login::{self, Client, Clients};
use super::outbox::{ConnectionId, Effect, NO_ID, Outbox};
use super::price::Prices;
use super::record::{Record, RequestCount};
use super::referee::{Referee, RuleCount, Ruling, Violation};
use super::reference;
use super::settings;
use super::tape::PriceFile;
use super::universe::{Refusal, Universe};
use crate::tws::message::contract::Contract;
use crate::tws::message::login::{CurrentTime, CurrentTimeInMillis, StartApiRequest, UserInfo};
use crate::tws::{Request, Response};

/// What all parts of the gateway look at and none but the gateway changes.
pub(super) struct World {
    pub(super) universe: Universe,
    pub(super) prices: Prices,
    pub(super) accounts: Vec<String>,
    pub(super) regular_hours: bool,
}

impl World {
    /// Which hours instruments have.
    pub(super) fn hours(&self) -> Hours {
        Hours { regular: self.regular_hours, closes: self.prices.openings().closes }
    }
}

/// A gateway with its markets and clients. Time is simulated, in epoch milliseconds, and never goes back.
pub(super) struct Gateway {
    pub(super) world: World,
    pub(super) clients: Clients,
    feeds: Feeds,
    pub(super) broker: Broker,
    record: Record,
    pub(super) faults: Faults,
    referee: Referee,
}

impl Gateway {
    /// A gateway nobody is connected to. Instruments in `replay` take their prices from there.
    pub(super) fn new(config: &SimConfig, replay: PriceFile, now_ms: i64) -> Self {
        let universe = Universe::default();
        let mut prices = Prices::new(config.seed, i64::from(config.slot_ms), universe.walks());
        prices.openings_mut().closes = config.market_hours;
        for (symbol, tape) in replay.tapes() {
            if let Some(instrument) = universe.named(&symbol, now_ms) {
                prices.replay(instrument.con_id(), tape);
            } else {
                tracing::warn!(symbol, "the price file has a symbol that does not exist here");
            }
        }
        let mut broker = Broker::new(config.accounts.clone(), config.seed);
        broker.set_advisor(config.groups.clone(), &config.models);
        let mut faults = Faults::new(config.seed);
        for rule in config.scenario.iter().flat_map(|scenario| &scenario.rules) {
            if faults.add(now_ms, rule.clone()).is_none() {
                tracing::warn!(rule = rule.name, "the scenario has too many rules: this one is left out");
            }
        }
        Self {
            world: World { universe, prices, accounts: config.accounts.clone(), regular_hours: config.regular_hours },
            clients: Clients::default(),
            feeds: Feeds::new(config),
            broker,
            record: Record::default(),
            faults,
            referee: Referee::new(config),
        }
    }

    /// A connection has finished its handshake.
    pub(super) fn on_opened(&mut self, connection: ConnectionId) {
        self.clients.opened(connection);
    }

    /// A connection is gone, with everything it had subscribed.
    pub(super) fn on_closed(&mut self, connection: ConnectionId) {
        self.feeds.closed(connection);
        self.faults.closed(connection);
        self.referee.closed(connection);
        if let Some(client_id) = self.clients.closed(connection).and_then(|client| client.client_id) {
            self.broker.on_disconnect(client_id);
        }
    }

    /// A frame that is no request of this protocol.
    pub(super) fn on_unreadable(&mut self, now_ms: i64, connection: ConnectionId, cause: &str) -> Vec<Effect> {
        let mut out = Outbox::at(now_ms);
        self.record.unreadable();
        out.error(connection, NO_ID, 320, format!("Error reading request. Unable to parse: {cause}"));
        out.into_effects()
    }

    /// A request from a client.
    pub(super) fn on_request(&mut self, now_ms: i64, connection: ConnectionId, request: &Request) -> Vec<Effect> {
        let Some(client) = self.clients.get(connection) else {
            return Vec::new();
        };
        self.record.request(client.client_id, request);
        let instrument =
            any_contract_of(request).and_then(|contract| self.world.universe.resolve(contract, now_ms).ok());
        let effects = match self.faults.on_request(now_ms, connection, request, instrument.as_deref()) {
            Verdict::Mute => Vec::new(),
            Verdict::Refuse(code, text) => {
                let mut out = Outbox::at(now_ms);
                out.error(connection, id_of(request), code, text);
                out.into_effects()
            }
            Verdict::Hold(until_ms) if self.faults.hold(until_ms, connection, request) => Vec::new(),
            Verdict::Carry | Verdict::Hold(_) => self.carry_out(now_ms, connection, request),
        };
        let mut effects = self.faults.pass(now_ms, effects);
        effects.extend(self.suffer(now_ms));
        effects
    }

    fn carry_out(&mut self, now_ms: i64, connection: ConnectionId, request: &Request) -> Vec<Effect> {
        let mut out = Outbox::at(now_ms);
        let Some(client) = self.clients.get(connection) else {
            return Vec::new();
        };
        match (client.client_id, request) {
            (None, Request::StartApiRequest(start)) => self.start(connection, start, &mut out),
            // A gateway drops what comes before the login, and a second login.
            (None, _) | (Some(_), Request::StartApiRequest(_)) => {}
            (Some(_), request) => {
                if let Some(contract) = contract_of(request) {
                    self.world.universe.learn(contract, now_ms);
                }
                let universe = &self.world.universe;
                self.faults.note(connection, request, |contract| universe.resolve(contract, now_ms).ok());
                self.judged(&client, request, &mut out);
            }
        }
        out.into_effects()
    }

    /// Time has passed: prices have moved, timers may be due, faults may begin and end.
    pub(super) fn advance(&mut self, now_ms: i64) -> Vec<Effect> {
        let mut told = Vec::new();
        for ending in self.faults.advance(now_ms) {
            told.extend(self.recover(now_ms, &ending));
        }
        // A fault of this moment is there before the prices of this moment.
        told.extend(self.suffer(now_ms));
        let mut out = Outbox::at(now_ms);
        self.feeds.advance(&self.world, &mut out);
        // What IB does is not heard of while the link to it is down.
        if !self.faults.is_link_down() {
            let sent = self.broker.on_market(now_ms, &Market { world: &self.world, now_ms });
            self.deliver(sent, &mut out);
        }
        told.extend(self.faults.pass(now_ms, out.into_effects()));
        self.referee.watch(now_ms, &told);
        for (connection, request) in self.faults.take_held(now_ms) {
            let effects = self.carry_out(now_ms, connection, &request);
            told.extend(self.faults.pass(now_ms, effects));
        }
        let late = self.faults.take_late(now_ms);
        told.extend(self.faults.pass_streams(late));
        told.extend(self.suffer(now_ms));
        told
    }

    /// Answers a request if the referee lets it pass.
    fn judged(&mut self, client: &Client, request: &Request, out: &mut Outbox) {
        let now_ms = out.now_ms;
        let contract = contract_of(request);
        let con_id = contract.and_then(|contract| Some(self.world.universe.resolve(contract, now_ms).ok()?.con_id()));
        match self.referee.judge(now_ms, client, con_id, request) {
            Ruling::Allow => {
                self.answer(client, request, out);
                self.referee.watch(now_ms, out.effects());
            }
            Ruling::Refuse(id, refusal) => out.refuse(client.connection, id, refusal),
            Ruling::Close(refusal) => {
                out.refuse(client.connection, NO_ID, refusal);
                out.close(client.connection);
            }
        }
    }

    fn start(&mut self, connection: ConnectionId, request: &StartApiRequest, out: &mut Outbox) {
        if self.faults.door(out.now_ms).0 == Door::InUse {
            return login::refuse_id(connection, request.client_id.unwrap_or_default(), out);
        }
        if let Some(client_id) = self.clients.start(connection, request, out) {
            let download = self.broker.on_login(client_id);
            login::welcome(connection, download, |farm| self.faults.is_farm_up(farm), out);
            if self.faults.is_link_down() {
                out.error(connection, NO_ID, 2110, incidents::LINK_BROKEN);
            }
            self.faults.on_login(out.now_ms, connection, client_id);
        }
    }

    pub(super) fn deliver(&self, sent: Outgoing, out: &mut Outbox) {
        for (To::Client(client_id), response) in sent {
            if let Some(connection) = self.clients.connection_of(client_id) {
                out.send(connection, response);
            }
        }
    }

    fn answer(&mut self, client: &Client, request: &Request, out: &mut Outbox) {
        let to = client.connection;
        match request {
            Request::CurrentTimeRequest(_) => {
                let current_time = Some(out.now_ms.div_euclid(1000));
                out.send(to, Response::CurrentTime(CurrentTime { current_time }));
            }
            Request::CurrentTimeInMillisRequest(_) => {
                let current_time_in_millis = Some(out.now_ms);
                out.send(to, Response::CurrentTimeInMillis(CurrentTimeInMillis { current_time_in_millis }));
            }
            Request::ConfigRequest(request) => {
                out.send(to, Response::ConfigResponse(Box::new(settings::answer(request, self.faults.is_read_only()))));
            }
            Request::UserInfoRequest(request) => {
                let info = UserInfo { req_id: request.req_id, white_branding_id: Some(String::new()) };
                out.send(to, Response::UserInfo(info));
            }
            Request::SetServerLogLevelRequest(request) => {
                if !(1..=5).contains(&request.log_level.unwrap_or_default()) {
                    out.error(
                        to,
                        NO_ID,
                        319,
                        "Invalid log level. Make sure the log level is set to a value between 1 and 5.",
                    );
                }
            }
            Request::MarketDataTypeRequest(request) => {
                let kind = request.market_data_type.unwrap_or_default();
                if (1..=4).contains(&kind) {
                    self.clients.set_market_data_type(to, kind);
                } else {
                    out.refuse(to, NO_ID, Refusal::invalid(&format!("Invalid market data type {kind}")));
                }
            }
            request => {
                let market = Market { world: &self.world, now_ms: out.now_ms };
                let client_id = client.client_id.unwrap_or_default();
                if let Some(sent) = self.broker.handle(out.now_ms, client_id, request, &market) {
                    self.deliver(sent, out);
                } else if !self.feeds.answer(&self.world, client, request, out)
                    && !reference::answer(&self.world, to, request, out)
                {
                    unsupported(to, request, out);
                }
            }
        }
    }
}

/// Verbs for tests and operators.
impl Gateway {
    /// A message to every client that belongs to no request, such as 1100.
    pub(super) fn notice(&mut self, now_ms: i64, code: i32, text: &str) -> Vec<Effect> {
        let mut out = Outbox::at(now_ms);
        for client in self.clients.started() {
            out.error(client.connection, NO_ID, code, text);
        }
        out.into_effects()
    }

    /// Closes every connection.
    pub(super) fn cut(&mut self) -> Vec<Effect> {
        self.clients.connections().into_iter().map(Effect::Close).collect()
    }

    /// Puts a fault in force. `None` if there are too many.
    pub(super) fn add_rule(&mut self, now_ms: i64, rule: Rule) -> Option<u64> {
        self.faults.add(now_ms, rule)
    }

    /// Faults whose time has come, without waiting for [`Self::advance`].
    pub(super) fn catch_up(&mut self, now_ms: i64) -> Vec<Effect> {
        self.faults.at_once(now_ms);
        self.suffer(now_ms)
    }

    /// Lifts one fault, or all and what they left standing. Returns how many.
    pub(super) fn clear_rules(&mut self, number: Option<u64>) -> usize {
        self.faults.clear(number)
    }

    /// The faults in force.
    pub(super) fn rules(&self) -> Vec<RuleState> {
        self.faults.rules()
    }

    /// Market data lines in use.
    pub(super) fn lines(&self) -> usize {
        self.feeds.lines_held()
    }

    /// How new connections are met, and until when.
    pub(super) fn door(&self, now_ms: i64) -> (Door, i64) {
        self.faults.door(now_ms)
    }

    /// When a fault is due next.
    pub(super) fn wake_at(&self) -> Option<i64> {
        self.faults.wake_at()
    }

    /// Takes requests of a kind (IB's message name, `*` for all) without answering, until unmuted.
    pub(super) fn mute(&mut self, kind: &str) {
        self.faults.mute(kind);
    }

    /// Answers requests of a kind again.
    pub(super) fn unmute(&mut self, kind: &str) {
        self.faults.unmute(kind);
    }

    /// The streams of a symbol that run now send nothing more, though nobody is told; those asked for
    /// later run. Returns how many there were.
    pub(super) fn kill_streams(&mut self, now_ms: i64, symbol: &str) -> usize {
        let named = self.world.universe.named(symbol, now_ms);
        named.map_or(0, |instrument| self.faults.kill_streams(instrument.con_id()))
    }

    /// Moves the price of a symbol from the next slot on; the walk goes on from there. What follows
    /// the same walk moves in proportion. False if no such instrument has a price of its own.
    pub(super) fn set_price(&mut self, now_ms: i64, symbol: &str, price: f64) -> bool {
        let World { universe, prices, .. } = &mut self.world;
        let slot = prices.slot(now_ms) + 1;
        let Some(instrument) = universe.named(symbol, now_ms).filter(|_| price > 0.0 && price.is_finite()) else {
            return false;
        };
        prices.jump(&instrument, slot, price)
    }

    /// A news source writes about a symbol. False if either does not exist.
    pub(super) fn tell_news(
        &mut self,
        now_ms: i64,
        provider: &str,
        symbol: &str,
        headline: &str,
    ) -> (bool, Vec<Effect>) {
        let mut out = Outbox::at(now_ms);
        let told = self.feeds.news.tell(&self.world, provider, symbol, headline, &mut out);
        (told, out.into_effects())
    }

    /// IB sends a bulletin.
    pub(super) fn bulletin(&mut self, now_ms: i64, kind: i32, text: &str, exchange: &str) -> Vec<Effect> {
        let mut out = Outbox::at(now_ms);
        self.feeds.news.bulletin(kind, text, exchange, &mut out);
        out.into_effects()
    }

    /// Stops the trading of a symbol from the next slot on. False if there is no such symbol or it is halted.
    pub(super) fn halt(&mut self, now_ms: i64, symbol: &str) -> bool {
        let World { universe, prices, .. } = &mut self.world;
        let at_ms = prices.start_ms(prices.slot(now_ms) + 1);
        let instrument = universe.named(symbol, now_ms);
        instrument.is_some_and(|instrument| prices.openings_mut().halt(instrument.con_id(), at_ms))
    }

    /// Ends a halt from the next slot on. False if there is none.
    pub(super) fn resume(&mut self, now_ms: i64, symbol: &str) -> bool {
        let World { universe, prices, .. } = &mut self.world;
        let at_ms = prices.start_ms(prices.slot(now_ms) + 1);
        let instrument = universe.named(symbol, now_ms);
        instrument.is_some_and(|instrument| prices.openings_mut().resume(instrument.con_id(), at_ms))
    }

    /// The order side and the markets at this moment; what it wants sent is sent.
    pub(super) fn with_broker(
        &mut self,
        now_ms: i64,
        act: impl FnOnce(&mut Broker, i64, &dyn Book) -> Outgoing,
    ) -> Vec<Effect> {
        let mut out = Outbox::at(now_ms);
        let sent = act(&mut self.broker, now_ms, &Market { world: &self.world, now_ms });
        self.deliver(sent, &mut out);
        out.into_effects()
    }

    /// The order side, to look at.
    pub(super) fn broker(&self) -> &Broker {
        &self.broker
    }

    /// How often each client asked for what.
    pub(super) fn requests(&self) -> Vec<RequestCount> {
        self.record.counts()
    }

    /// The newest requests with the client that sent them, oldest first; bounded.
    pub(super) fn recent_requests(&self) -> Vec<(Option<i32>, Request)> {
        self.record.recent()
    }

    /// Regulatory snapshots that the user was charged for: one cent each.
    pub(super) fn regulatory_charges(&self) -> u64 {
        self.feeds.regulatory_charges()
    }

    /// Breaches of IB's limits, by rule.
    pub(super) fn violations(&self) -> Vec<RuleCount> {
        self.referee.counts()
    }

    /// The newest breaches of IB's limits, oldest first; bounded.
    pub(super) fn recent_violations(&self) -> Vec<Violation> {
        self.referee.recent()
    }

    /// Frames that were no request of this protocol.
    pub(super) fn unreadable_count(&self) -> u64 {
        self.record.unreadable_count()
    }
}

/// The contract a request is about, where combinations are allowed.
fn contract_of(request: &Request) -> Option<&Contract> {
    match request {
        Request::ContractDataRequest(request) => request.contract.as_ref(),
        Request::MarketDataRequest(request) => request.contract.as_ref(),
        Request::PlaceOrderRequest(request) => request.contract.as_ref(),
        Request::HistoricalDataRequest(request) => request.contract.as_ref(),
        Request::HistoricalTicksRequest(request) => request.contract.as_ref(),
        Request::HeadTimestampRequest(request) => request.contract.as_ref(),
        Request::TickByTickRequest(request) => request.contract.as_ref(),
        _ => None,
    }
}

/// The contract a request is about, whatever it asks.
fn any_contract_of(request: &Request) -> Option<&Contract> {
    match request {
        Request::RealTimeBarsRequest(request) => request.contract.as_ref(),
        Request::MarketDepthRequest(request) => request.contract.as_ref(),
        request => contract_of(request),
    }
}

/// The request id or order id of a request.
fn id_of(request: &Request) -> i32 {
    let body = request.to_json();
    let id = ["req_id", "order_id"].iter().find_map(|field| body.get(field)?.as_i64());
    id.and_then(|id| i32::try_from(id).ok()).unwrap_or(NO_ID)
}

/// The answer to a request this gateway does not serve: an error, never silence.
fn unsupported(to: ConnectionId, request: &Request, out: &mut Outbox) {
    out.refuse(to, id_of(request), Refusal::invalid(&format!("{} is not supported by this gateway", request.name())));
}
