//! One short login to the gateway, to see what a bridge would see.

use std::{io, time::Duration};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout_at},
};

use crate::{
    config::{Config, MarketDataPreference},
    gateway::clock,
    schema::contract::ContractQuery,
    tws::{
        Request, Response, ServerVersion,
        frame::{Envelope, FRAME_BYTES_MAX, next_frame, open},
        handshake::{self, HandshakeError},
        message::{
            contract::Contract,
            gateway_settings::{ConfigRequest, ConfigResponse},
            login::{CurrentTimeRequest, StartApiRequest},
            market_data::{CancelMarketData, MarketDataRequest, MarketDataTypeRequest},
        },
    },
};

const DIAL_WITHIN: Duration = Duration::from_secs(5);
const LOGIN_WITHIN: Duration = Duration::from_secs(10);
/// Farms report and a first tick comes in this time, if at all.
const LISTEN: Duration = Duration::from_secs(4);
const QUOTE_ID: i32 = 1;
const SETTINGS_ID: i32 = 2;

/// What happened, as far as it went.
#[derive(Debug, Default)]
pub struct Visit {
    /// Host and port.
    pub address: String,
    /// How long the TCP connection took, or why there is none.
    pub dialled: Option<Result<Duration, String>>,
    /// Version and clock text, or what came instead.
    pub greeting: Option<Result<(ServerVersion, String), String>>,
    /// The first order id the gateway gave.
    pub next_id: Option<i32>,
    /// Accounts of the login.
    pub accounts: Vec<String>,
    /// Codes and texts of all notices.
    pub notices: Vec<(i32, String)>,
    /// The gateway's clock minus ours, in seconds.
    pub clock_ahead_s: Option<i64>,
    /// What the gateway tells of its own settings; not every version does.
    pub settings: Option<Box<ConfigResponse>>,
    /// Market data type of the first price: 1 live, 2 frozen, 3 delayed, 4 delayed-frozen.
    pub quoted: Option<i32>,
    /// The gateway has closed the connection.
    pub closed: bool,
    /// Notices of a second login under the id of the trading link; `None` if that was not tried.
    pub own_id: Option<Vec<(i32, String)>>,
}

/// Visits the gateway. `own_id` is looked at, too, if it is given.
pub async fn visit(config: &Config, client_id: i32, contract: &ContractQuery, own_id: Option<i32>) -> Visit {
    let mut visit = Visit { address: format!("{}:{}", config.gateway.host, config.gateway.port), ..Visit::default() };
    let Some(mut line) = login(config, client_id, &mut visit).await else { return visit };
    if visit.next_id.is_some() {
        ask(&mut line, &mut visit, config, contract).await;
    }
    drop(line);
    if let (Some(id), Some(_)) = (own_id, visit.next_id) {
        let mut second = Visit::default();
        let line = login(config, id, &mut second).await;
        drop(line);
        let is_in = second.next_id.is_some();
        visit.own_id = Some(if is_in { Vec::new() } else { second.notices });
    }
    visit
}

/// Connects, greets and starts the API; waits for the first order id and the accounts.
async fn login(config: &Config, client_id: i32, visit: &mut Visit) -> Option<Line> {
    let started = Instant::now();
    let dialled =
        timeout_at(started + DIAL_WITHIN, TcpStream::connect((config.gateway.host.as_str(), config.gateway.port)));
    let socket = match dialled.await {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => {
            visit.dialled = Some(Err(error.to_string()));
            return None;
        }
        Err(_) => {
            visit.dialled = Some(Err(format!("no answer within {} s", DIAL_WITHIN.as_secs())));
            return None;
        }
    };
    visit.dialled = Some(Ok(started.elapsed()));
    let mut line = Line { socket, buffer: BytesMut::new() };
    let mut hello = BytesMut::new();
    handshake::put_hello(&mut hello, ServerVersion::MIN);
    line.socket.write_all(&hello).await.ok()?;
    visit.greeting = Some(line.greeting(Instant::now() + DIAL_WITHIN).await);
    visit.greeting.as_ref()?.as_ref().ok()?;
    line.send(&Request::StartApiRequest(StartApiRequest { client_id: Some(client_id), ..StartApiRequest::default() }))
        .await;
    let deadline = Instant::now() + LOGIN_WITHIN;
    while visit.next_id.is_none() || visit.accounts.is_empty() {
        if !line.hear(visit, deadline).await {
            break;
        }
    }
    Some(line)
}

/// Asks for the clock, the settings and one quote, and listens for a while.
async fn ask(line: &mut Line, visit: &mut Visit, config: &Config, contract: &ContractQuery) {
    line.send(&Request::CurrentTimeRequest(CurrentTimeRequest {})).await;
    let version = visit.greeting.as_ref().and_then(|greeting| greeting.as_ref().ok()).map(|(version, _)| *version);
    let has_settings = version.is_some_and(|version| version >= ServerVersion::CONFIG);
    if has_settings {
        line.send(&Request::ConfigRequest(ConfigRequest { req_id: Some(SETTINGS_ID) })).await;
    }
    let market_data_type = match config.gateway.market_data {
        MarketDataPreference::LiveOnly => 1,
        MarketDataPreference::LiveElseFrozen => 2,
        MarketDataPreference::LiveElseDelayed => 3,
        MarketDataPreference::Any => 4,
    };
    let wanted = MarketDataTypeRequest { market_data_type: Some(market_data_type) };
    line.send(&Request::MarketDataTypeRequest(wanted)).await;
    let contract = Contract {
        con_id: contract.con_id,
        symbol: contract.symbol.clone(),
        sec_type: contract.sec_type.clone(),
        last_trade_date_or_contract_month: contract.expiry.clone(),
        strike: contract.strike,
        right: contract.right.clone(),
        exchange: Some(contract.exchange.clone().unwrap_or_else(|| "SMART".to_owned())),
        currency: Some(contract.currency.clone().unwrap_or_else(|| "USD".to_owned())),
        ..Contract::default()
    };
    let quote = MarketDataRequest { req_id: Some(QUOTE_ID), contract: Some(contract), ..MarketDataRequest::default() };
    line.send(&Request::MarketDataRequest(Box::new(quote))).await;
    let deadline = Instant::now() + LISTEN;
    while visit.clock_ahead_s.is_none() || (has_settings && visit.settings.is_none()) || !visit.knows_quote() {
        if !line.hear(visit, deadline).await {
            break;
        }
    }
    line.send(&Request::CancelMarketData(CancelMarketData { req_id: Some(QUOTE_ID) })).await;
}

impl Visit {
    /// A price has come, or word that none will.
    fn knows_quote(&self) -> bool {
        self.quoted.is_some() || self.notices.iter().any(|(code, _)| super::gateway::NO_QUOTE.contains(code))
    }

    fn note(&mut self, response: Response) {
        match response {
            Response::NextValidId(message) => self.next_id = message.order_id,
            Response::ManagedAccounts(message) => {
                let list = message.accounts_list.unwrap_or_default();
                self.accounts =
                    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
            }
            Response::ErrorMessage(message) => {
                let text = crate::tws::notice::unescape(message.error_msg.as_deref().unwrap_or_default()).into_owned();
                self.notices.push((message.error_code.unwrap_or_default(), text));
            }
            Response::CurrentTime(message) => {
                self.clock_ahead_s = message.current_time.map(|time| time - clock::now().us / 1_000_000);
            }
            Response::ConfigResponse(settings) => self.settings = Some(settings),
            Response::MarketDataType(message) if self.quoted.is_none() => self.quoted = message.market_data_type,
            Response::TickPrice(_) if self.quoted.is_none() => self.quoted = Some(1),
            _ => {}
        }
    }
}

/// A socket and what was read from it.
struct Line {
    socket: TcpStream,
    buffer: BytesMut,
}

impl Line {
    async fn send(&mut self, request: &Request) {
        let mut bytes = BytesMut::new();
        request.put(&mut bytes);
        // A closed socket shows at the next read.
        let _ = self.socket.write_all(&bytes).await;
    }

    async fn greeting(&mut self, deadline: Instant) -> Result<(ServerVersion, String), String> {
        loop {
            let frame = self.frame(deadline).await?;
            match handshake::read_greeting(&frame) {
                Some(Ok(greeting)) => return Ok((greeting.version, greeting.connection_time)),
                Some(Err(error @ HandshakeError::TooOld { .. })) => return Err(error.to_string()),
                Some(Err(error)) => return Err(format!("{error}; is this the API port?")),
                None => {}
            }
        }
    }

    /// Reads one message into the visit. False when the time is up or the gateway has closed.
    async fn hear(&mut self, visit: &mut Visit, deadline: Instant) -> bool {
        match self.frame(deadline).await {
            Ok(frame) => {
                if let Envelope::Protobuf { id, body } = open(frame)
                    && let Ok(response) = Response::decode(id, body)
                {
                    visit.note(response);
                }
                true
            }
            Err(reason) => {
                visit.closed |= reason != SILENT;
                false
            }
        }
    }

    async fn frame(&mut self, deadline: Instant) -> Result<bytes::Bytes, String> {
        loop {
            if let Some(frame) = next_frame(&mut self.buffer, FRAME_BYTES_MAX).map_err(|error| error.to_string())? {
                return Ok(frame);
            }
            let read: io::Result<usize> = match timeout_at(deadline, self.socket.read_buf(&mut self.buffer)).await {
                Ok(read) => read,
                Err(_) => return Err(SILENT.to_owned()),
            };
            match read {
                Ok(0) => return Err("the gateway closed the connection".to_owned()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// The gateway said nothing in time.
pub const SILENT: &str = "it says nothing";
