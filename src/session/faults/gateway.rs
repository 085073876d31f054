//! A model of what a gateway keeps and drops of its streams, by `ib-behaviour` sections 1, 7 and 8.

use std::collections::BTreeMap;

use crate::{
    schema::connection::LinkName,
    session::rig::{ACCOUNT, Rig},
    tws::{
        Request, Response,
        message::{
            account::{AccountValue, PnL},
            depth::{MarketDepth, MarketDepthData},
            history::{HistoricalData, HistoricalDataBar, HistoricalDataEnd, HistoricalDataUpdate, RealTimeBarTick},
            market_data::{MarketDataType, TickOptionComputation, TickPrice},
            news::TickNews,
            scanner::ScannerData,
            tick_by_tick::{HistoricalTickLast, TickByTickData},
        },
    },
};

/// How long a competing session withholds live data: IB names no time, it returns by itself.
const COMPETES_MS: i64 = 15_000;
const BAR_S: i64 = 5;

/// One stream at the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Level1,
    TickByTick,
    Depth,
    RealTimeBars,
    KeptBars,
    Scanner,
    AccountValues,
    Pnl,
}

impl Kind {
    fn link(self) -> LinkName {
        match self {
            Self::AccountValues | Self::Pnl => LinkName::Trading,
            _ => LinkName::Data,
        }
    }

    /// Comes from a market data farm.
    fn is_market(self) -> bool {
        matches!(self, Self::Level1 | Self::TickByTick | Self::Depth | Self::RealTimeBars)
    }
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Notice(i32),
    /// 10182, 10197 and 162 name a request.
    Request(i32),
    SocketLoss,
}

/// A subscription that the gateway serves.
#[derive(Clone, Copy, Debug)]
struct Stream {
    req_id: i32,
    /// Withheld until then.
    mute_until_ms: i64,
}

/// The gateway's side of one login.
pub(super) struct Gateway {
    alive: BTreeMap<Kind, Stream>,
    is_linked: bool,
    is_market_up: bool,
    is_history_up: bool,
    last_bar_s: i64,
    beats: i32,
    /// What the session did that it should not have done.
    pub(super) wrong: Vec<String>,
}

impl Gateway {
    pub(super) fn new() -> Self {
        Self {
            alive: BTreeMap::new(),
            is_linked: true,
            is_market_up: true,
            is_history_up: true,
            last_bar_s: 0,
            beats: 0,
            wrong: Vec::new(),
        }
    }

    /// True if nothing keeps this stream from flowing.
    pub(super) fn flows(&self, kind: Kind, now_ms: i64) -> bool {
        let farm = match kind {
            kind if kind.is_market() => self.is_market_up,
            Kind::KeptBars => self.is_market_up && self.is_history_up,
            Kind::Scanner => self.is_history_up,
            _ => true,
        };
        farm && self.is_linked && self.alive.get(&kind).is_some_and(|stream| stream.mute_until_ms <= now_ms)
    }

    /// Reads what the session has written, and answers what is answered at once.
    pub(super) fn serve(&mut self, rig: &mut Rig) {
        for link in [LinkName::Trading, LinkName::Data] {
            for request in rig.sent(link) {
                self.on_request(rig, &request);
            }
        }
    }

    fn on_request(&mut self, rig: &mut Rig, request: &Request) {
        let (kind, req_id) = match request {
            Request::MarketDataRequest(ask) => (Kind::Level1, ask.req_id()),
            Request::TickByTickRequest(ask) => (Kind::TickByTick, ask.req_id()),
            Request::MarketDepthRequest(ask) => (Kind::Depth, ask.req_id()),
            Request::RealTimeBarsRequest(ask) => (Kind::RealTimeBars, ask.req_id()),
            Request::HistoricalDataRequest(ask) if ask.keep_up_to_date() => (Kind::KeptBars, ask.req_id()),
            Request::ScannerSubscriptionRequest(ask) => (Kind::Scanner, ask.req_id()),
            Request::AccountDataRequest(ask) if ask.subscribe() => (Kind::AccountValues, 0),
            Request::PnLRequest(ask) => (Kind::Pnl, ask.req_id()),
            Request::HistoricalDataRequest(ask) => return self.past(rig, ask.req_id()),
            Request::CancelMarketData(ask) => return self.cancel(rig, Kind::Level1, ask.req_id()),
            Request::CancelTickByTick(ask) => return self.cancel(rig, Kind::TickByTick, ask.req_id()),
            Request::CancelMarketDepth(ask) => return self.cancel(rig, Kind::Depth, ask.req_id()),
            Request::CancelRealTimeBars(ask) => return self.cancel(rig, Kind::RealTimeBars, ask.req_id()),
            Request::CancelHistoricalData(ask) => return self.cancel(rig, Kind::KeptBars, ask.req_id()),
            Request::CancelScannerSubscription(ask) => return self.cancel(rig, Kind::Scanner, ask.req_id()),
            _ => return,
        };
        if let Some(stream) = self.alive.get(&kind) {
            self.wrong.push(format!("{kind:?} was asked for again although request {} is served", stream.req_id));
        }
        let is_answered = match kind {
            kind if kind.is_market() => self.is_market_up,
            Kind::KeptBars => self.is_market_up && self.is_history_up,
            Kind::Scanner => self.is_history_up,
            _ => true,
        };
        if !self.is_linked && kind.link() == LinkName::Data {
            self.wrong.push(format!("{kind:?} was asked for without a link to IB, which may be answered falsely"));
        }
        if self.is_linked && is_answered {
            self.alive.insert(kind, Stream { req_id, mute_until_ms: 0 });
            if kind == Kind::Level1 {
                let told = MarketDataType { req_id: Some(req_id), market_data_type: Some(1) };
                rig.receive_data(Response::MarketDataType(told));
            }
        }
        // Else it is lost: such requests get no answer and no error.
    }

    fn cancel(&mut self, rig: &mut Rig, kind: Kind, req_id: i32) {
        if self.alive.get(&kind).is_some_and(|stream| stream.req_id == req_id) {
            self.wrong.push(format!("{kind:?} was given up although request {req_id} is served"));
            self.alive.remove(&kind);
        } else {
            let code = if kind == Kind::KeptBars { 366 } else { 300 };
            rig.notice(LinkName::Data, req_id, code, "Can't find EId with tickerId");
        }
    }

    /// A one-shot request for past bars: nothing was traded meanwhile.
    fn past(&self, rig: &mut Rig, req_id: i32) {
        if self.is_linked && self.is_history_up {
            let data = HistoricalData { req_id: Some(req_id), historical_data_bars: Vec::new() };
            rig.receive_data(Response::HistoricalData(data));
            let end = HistoricalDataEnd { req_id: Some(req_id), ..HistoricalDataEnd::default() };
            rig.receive_data(Response::HistoricalDataEnd(end));
        }
    }

    fn drop_where(&mut self, is_dropped: impl Fn(Kind) -> bool) {
        self.alive.retain(|kind, _| !is_dropped(*kind));
    }

    /// Lets something happen, and tells the session of it as a gateway does.
    pub(super) fn suffer(&mut self, rig: &mut Rig, fault: Fault) {
        // What was written before reached the gateway before.
        self.serve(rig);
        match fault {
            Fault::Notice(code) => {
                self.turn(code);
                rig.notice_all(code, text(code));
            }
            Fault::Request(code) => self.blame(rig, code),
            Fault::SocketLoss => self.lose_sockets(rig),
        }
    }

    fn turn(&mut self, code: i32) {
        match code {
            1100 => self.is_linked = false,
            1101 => {
                self.is_linked = true;
                self.alive.clear();
            }
            1102 => {
                self.is_linked = true;
                self.drop_where(|kind| kind.link() == LinkName::Data && kind != Kind::Level1);
            }
            2103 => {
                self.is_market_up = false;
                self.drop_where(|kind| kind == Kind::KeptBars);
            }
            2104 => self.is_market_up = true,
            2105 => {
                self.is_history_up = false;
                self.drop_where(|kind| kind == Kind::KeptBars);
            }
            2106 => self.is_history_up = true,
            _ => {}
        }
    }

    fn blame(&mut self, rig: &mut Rig, code: i32) {
        let now_ms = rig.now().us / 1_000;
        for kind in self.alive.keys().copied().collect::<Vec<_>>() {
            let is_meant = match code {
                10_182 => kind == Kind::KeptBars,
                10_197 => kind.is_market(),
                162 => matches!(kind, Kind::KeptBars | Kind::Scanner),
                10_225 => matches!(kind, Kind::KeptBars | Kind::RealTimeBars),
                316 | 317 => kind == Kind::Depth,
                _ => false,
            };
            let Some(stream) = self.alive.get_mut(&kind).filter(|_| is_meant) else { continue };
            let req_id = stream.req_id;
            match code {
                10_197 => stream.mute_until_ms = now_ms + COMPETES_MS,
                317 => {}
                _ => {
                    self.alive.remove(&kind);
                }
            }
            rig.notice(LinkName::Data, req_id, code, text(code));
        }
    }

    fn lose_sockets(&mut self, rig: &mut Rig) {
        self.alive.clear();
        for link in [LinkName::Data, LinkName::Trading] {
            rig.cut(link);
        }
        rig.sent(LinkName::Data);
        rig.sent(LinkName::Trading);
        for link in [LinkName::Trading, LinkName::Data] {
            rig.begin_reconnect(link);
            self.greet(rig, link);
            if link == LinkName::Trading {
                rig.answer_download();
            }
        }
        self.serve(rig);
    }

    /// What a gateway says unasked after a login.
    fn greet(&self, rig: &mut Rig, link: LinkName) {
        if !self.is_linked {
            rig.notice(
                link,
                -1,
                2110,
                "Connectivity between TWS and server is broken. It will be restored automatically.",
            );
        }
        for (is_up, down, up) in [(self.is_market_up, 2103, 2104), (self.is_history_up, 2105, 2106)] {
            let code = if is_up { up } else { down };
            rig.notice(link, -1, code, text(code));
        }
    }

    /// Whatever is broken is mended, in the way that keeps the most.
    pub(super) fn heal(&mut self, rig: &mut Rig) {
        for (is_well, code) in [(self.is_linked, 1102), (self.is_market_up, 2104), (self.is_history_up, 2106)] {
            if !is_well {
                self.suffer(rig, Fault::Notice(code));
            }
        }
    }

    /// One message on every stream that flows.
    pub(super) fn beat(&mut self, rig: &mut Rig) {
        self.beats += 1;
        let now_s = rig.now().us / 1_000_000;
        let bar_s = now_s - now_s.rem_euclid(BAR_S);
        let is_new_bar = bar_s > self.last_bar_s;
        self.last_bar_s = bar_s;
        for (kind, stream) in self.alive.clone() {
            if !self.flows(kind, now_s * 1_000) || (kind == Kind::RealTimeBars && !is_new_bar) {
                continue;
            }
            for message in messages(kind, stream.req_id, bar_s, self.beats) {
                rig.receive(kind.link(), message);
            }
        }
    }
}

fn text(code: i32) -> &'static str {
    match code {
        162 => "Historical Market Data Service error message:Historical data request pacing violation",
        316 => "Market depth data has been HALTED. Please re-subscribe.",
        317 => "Market depth data has been RESET.",
        1100 => "Connectivity between IB and TWS has been lost.",
        1101 => "Connectivity between IB and TWS has been restored- data lost.",
        1102 => "Connectivity between IB and TWS has been restored- data maintained.",
        2103 => "Market data farm connection is broken:usfarm",
        2104 => "Market data farm connection is OK:usfarm",
        2105 => "HMDS data farm connection is broken:ushmds",
        2106 => "HMDS data farm connection is OK:ushmds",
        10_182 => "Failed to request live updates (disconnected).",
        10_197 => "No market data during competing live session",
        10_225 => "Bust event occurred, current subscription is deactivated.",
        _ => "",
    }
}

/// What one beat of a stream brings.
fn messages(kind: Kind, req_id: i32, bar_s: i64, beat: i32) -> Vec<Response> {
    let id = Some(req_id);
    let price = 100.0 + f64::from(beat) / 100.0;
    let size = || Some("1".to_owned());
    match kind {
        Kind::Level1 => {
            let tick = TickPrice { req_id: id, tick_type: Some(1), price: Some(price), size: size(), attr_mask: None };
            let greeks = TickOptionComputation {
                req_id: id,
                tick_type: Some(13),
                implied_vol: Some(price / 1_000.0),
                ..TickOptionComputation::default()
            };
            let provider_code = Some("BRFG".to_owned());
            let news = TickNews { req_id: id, provider_code, ..TickNews::default() };
            vec![
                Response::TickPrice(tick),
                Response::TickOptionComputation(Box::new(greeks)),
                Response::TickNews(Box::new(news)),
            ]
        }
        Kind::TickByTick => {
            let trade = HistoricalTickLast {
                time: Some(bar_s),
                price: Some(price),
                size: size(),
                ..HistoricalTickLast::default()
            };
            let tick = TickByTickData { req_id: id, historical_tick_last: Some(trade), ..TickByTickData::default() };
            vec![Response::TickByTickData(Box::new(tick))]
        }
        Kind::Depth => {
            let row = MarketDepthData {
                position: Some(0),
                operation: Some(1),
                side: Some(1),
                price: Some(price),
                size: size(),
                ..MarketDepthData::default()
            };
            vec![Response::MarketDepth(MarketDepth { req_id: id, market_depth_data: Some(row) })]
        }
        Kind::RealTimeBars => {
            let bar = RealTimeBarTick {
                req_id: id,
                time: Some(bar_s - BAR_S),
                open: Some(price),
                high: Some(price),
                low: Some(price),
                close: Some(price),
                volume: size(),
                wap: size(),
                count: Some(1),
            };
            vec![Response::RealTimeBarTick(Box::new(bar))]
        }
        Kind::KeptBars => {
            let bar = HistoricalDataBar {
                date: Some(bar_s.to_string()),
                open: Some(price),
                high: Some(price),
                low: Some(price),
                close: Some(price),
                volume: size(),
                wap: size(),
                bar_count: Some(1),
            };
            let update = HistoricalDataUpdate { req_id: id, historical_data_bar: Some(bar) };
            vec![Response::HistoricalDataUpdate(Box::new(update))]
        }
        Kind::Scanner => vec![Response::ScannerData(ScannerData { req_id: id, scanner_data_element: Vec::new() })],
        Kind::AccountValues => {
            let text = |text: &str| Some(text.to_owned());
            let value = AccountValue {
                key: text("NetLiquidation"),
                value: Some(price.to_string()),
                currency: text("USD"),
                account_name: text(ACCOUNT),
            };
            vec![Response::AccountValue(value)]
        }
        Kind::Pnl => {
            let pnl = PnL { req_id: id, daily_pnl: Some(price), ..PnL::default() };
            vec![Response::PnL(pnl)]
        }
    }
}
