//! What is known of the bridge, from answers and events; bounded.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    feed::{ASKED, News},
    style::decimals_of,
};
use crate::schema::{
    Instrument,
    account::{PnlEvent, PositionEvent},
    bridge::BridgeEvent,
    connection::{ConnectionEvent, FarmEvent, FarmState, GapEvent, GapState, NoticeEvent},
    market::QuoteEvent,
    order::{FillEvent, OrderEvent},
    request::{
        account::{Executions, Pnl, Positions},
        market::{Lease, Leases},
        order::Orders,
        pace::PaceStatus,
        risk::RiskState,
        status::{BridgeInfo, Health, PoolStatus},
    },
};

const QUOTES_MAX: usize = 5_000;
const ORDERS_MAX: usize = 2_000;
const FILLS_MAX: usize = 500;
const ALERTS_MAX: usize = 300;
/// Of prices whose step is not known.
const PRICE_DECIMALS: usize = 2;
/// Points of a small chart, one a second.
const TREND_MAX: usize = 24;
const SECOND_US: i64 = 1_000_000;
/// Figures that have not come for this long are called old.
const OLD_US: i64 = 5 * SECOND_US;

/// A line about something a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alert {
    pub(super) at_us: i64,
    pub(super) weight: Weight,
    pub(super) tag: String,
    pub(super) text: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Good,
    Plain,
    Warning,
    Bad,
}

/// The level-1 picture of an instrument, and how it moved.
#[derive(Clone, Debug)]
pub(super) struct Quoted {
    /// First tokens of its subject, until a lease or position tells more.
    pub(super) name: String,
    pub(super) event: QuoteEvent,
    pub(super) trend: VecDeque<f64>,
}

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct Picture {
    pub(super) now_us: i64,
    pub(super) prefix: String,
    pub(super) servers: String,
    pub(super) info: Option<BridgeInfo>,
    pub(super) health: Option<Health>,
    pub(super) pool: Option<PoolStatus>,
    pub(super) pace: Option<PaceStatus>,
    pub(super) risk: Option<RiskState>,
    pub(super) leases: Vec<Lease>,
    pub(super) quotes: BTreeMap<i32, Quoted>,
    pub(super) orders: BTreeMap<(String, String), OrderEvent>,
    pub(super) fills: VecDeque<FillEvent>,
    pub(super) positions: BTreeMap<(String, i32), PositionEvent>,
    pub(super) pnl: BTreeMap<String, PnlEvent>,
    pub(super) alerts: VecDeque<Alert>,
    instruments: BTreeMap<i32, Instrument>,
    /// Requests that went unanswered, and why.
    troubles: BTreeMap<&'static str, String>,
    answered_us: i64,
    /// Requests that were answered, or refused, at least once.
    heard: BTreeSet<&'static str>,
    trend_us: i64,
}

impl Picture {
    pub(super) fn new(prefix: &str, servers: &str) -> Self {
        Self { prefix: prefix.to_owned(), servers: servers.to_owned(), ..Self::default() }
    }

    /// Time passes: small charts get a point each second.
    pub(super) fn tick(&mut self, now_us: i64) {
        self.now_us = now_us;
        if now_us - self.trend_us < SECOND_US {
            return;
        }
        self.trend_us = now_us;
        for quoted in self.quotes.values_mut() {
            if let Some(price) = price(&quoted.event) {
                quoted.trend.push_back(price);
                if quoted.trend.len() > TREND_MAX {
                    quoted.trend.pop_front();
                }
            }
        }
    }

    pub(super) fn take(&mut self, now_us: i64, news: News) {
        if let News::Answer(verb, _) = &news {
            self.heard.insert(verb);
        }
        match news {
            News::Answer(verb, Ok(answer)) => {
                self.troubles.remove(verb);
                self.answered_us = now_us;
                self.on_answer(verb, answer);
            }
            News::Answer(verb, Err(why)) => {
                self.troubles.insert(verb, why);
            }
            News::Event(subject, payload) => self.on_event(&subject, payload),
        }
    }

    /// True once everything was told at least once.
    pub(super) fn is_complete(&self) -> bool {
        self.heard.len() == ASKED.len()
    }

    /// Why what is shown may be old or incomplete.
    pub(super) fn trouble(&self) -> Option<String> {
        let (verb, why) = self.troubles.first_key_value()?;
        let first = why.lines().next().unwrap_or_default();
        let others = self.troubles.len() - 1;
        let more = if others > 0 { format!(" (and {others} more)") } else { String::new() };
        let is_old = self.now_us - self.answered_us > OLD_US;
        let what = if is_old { "what is shown is old: " } else { "" };
        Some(format!("{what}{verb}: {first}{more}"))
    }

    /// What people call an instrument.
    pub(super) fn name(&self, con_id: i32) -> String {
        match self.instruments.get(&con_id) {
            Some(instrument) => name_of(instrument),
            None => self.quotes.get(&con_id).map_or_else(|| con_id.to_string(), |quoted| quoted.name.clone()),
        }
    }

    /// Digits behind the point that these prices of an instrument are all shown with: those of its price step, or more if one
    /// of them needs more.
    pub(super) fn decimals(&self, con_id: i32, prices: &[Option<f64>]) -> usize {
        let step = self.instruments.get(&con_id).and_then(|instrument| instrument.min_tick);
        let figures = prices.iter().copied().chain([step]).flatten();
        figures.map(decimals_of).max().unwrap_or(PRICE_DECIMALS)
    }

    fn on_answer(&mut self, verb: &str, answer: Value) {
        match verb {
            "bridge.info" => self.info = read(answer),
            "bridge.health" => self.health = read(answer),
            "pool.status" => self.pool = read(answer),
            "pace.status" => self.pace = read(answer),
            "risk.limits" => self.risk = read(answer),
            "md.list" => {
                let leases: Option<Leases> = read(answer);
                self.on_leases(leases.map(|leases| leases.leases).unwrap_or_default());
            }
            "order.list" => {
                let orders: Option<Orders> = read(answer);
                for mut order in orders.into_iter().flat_map(|orders| orders.orders) {
                    // An answer was received just now: the order has been so for longer.
                    order.recv_us = order.changed_us.unwrap_or(order.recv_us);
                    self.on_order(order);
                }
            }
            "account.executions" => {
                let fills: Option<Executions> = read(answer);
                for fill in fills.into_iter().flat_map(|fills| fills.fills) {
                    self.on_fill(fill);
                }
            }
            "account.positions" => {
                let positions: Option<Positions> = read(answer);
                self.positions.clear();
                for event in positions.into_iter().flat_map(|positions| positions.positions) {
                    self.know(&event.instrument);
                    self.positions.insert((event.account.clone(), event.con_id), event);
                }
            }
            "account.pnl" => {
                let pnl: Option<Pnl> = read(answer);
                for event in pnl.into_iter().flat_map(|pnl| pnl.accounts) {
                    self.pnl.insert(event.account.clone(), event);
                }
            }
            _ => {}
        }
    }

    fn on_event(&mut self, subject: &str, payload: Value) {
        let tokens: Vec<&str> = subject.split('.').collect();
        match tokens.as_slice() {
            ["quote", sec_type, symbol, ..] => {
                if let Some(event) = read(payload) {
                    self.on_quote(format!("{symbol} {sec_type}"), event);
                }
            }
            ["order", ..] => {
                if let Some(order) = read(payload) {
                    self.on_order(order);
                }
            }
            ["fill", ..] => {
                if let Some(fill) = read(payload) {
                    self.on_fill(fill);
                }
            }
            ["position", ..] => {
                if let Some(event) = read::<PositionEvent>(payload) {
                    self.know(&event.instrument);
                    self.positions.insert((event.account.clone(), event.con_id), event);
                }
            }
            ["pnl", _account] => {
                if let Some(event) = read::<PnlEvent>(payload) {
                    self.pnl.insert(event.account.clone(), event);
                }
            }
            ["conn", "state"] => {
                if let (Some(pool), Some(event)) = (&mut self.pool, read::<ConnectionEvent>(payload)) {
                    pool.connection = event;
                }
            }
            ["conn", "farm", ..] => {
                if let Some(farm) = read(payload) {
                    self.on_farm(&farm);
                }
            }
            ["conn", "notice"] => {
                if let Some(notice) = read(payload) {
                    self.on_notice(notice);
                }
            }
            ["gap", ..] => {
                if let Some(gap) = read(payload) {
                    self.on_gap(&gap);
                }
            }
            ["bridge", ..] => {
                if let Some(event) = read(payload) {
                    self.on_bridge(event);
                }
            }
            _ => {}
        }
    }

    fn know(&mut self, instrument: &Instrument) {
        if self.instruments.len() < QUOTES_MAX {
            self.instruments.entry(instrument.con_id).or_insert_with(|| instrument.clone());
        }
    }

    fn on_leases(&mut self, leases: Vec<Lease>) {
        for lease in &leases {
            self.know(&lease.instrument);
            if let Some(event) = &lease.quote
                && self.quotes.get(&event.con_id).is_none_or(|quoted| quoted.event.recv_us < event.recv_us)
            {
                self.on_quote(name_of(&lease.instrument), event.clone());
            }
        }
        // Quotes that nobody holds any more stand still.
        let held: Vec<i32> = leases.iter().map(|lease| lease.instrument.con_id).collect();
        self.quotes.retain(|con_id, _| held.contains(con_id));
        self.leases = leases;
    }

    fn on_quote(&mut self, name: String, event: QuoteEvent) {
        if self.quotes.len() >= QUOTES_MAX && !self.quotes.contains_key(&event.con_id) {
            return;
        }
        let quoted = self.quotes.entry(event.con_id);
        let quoted = quoted.or_insert_with(|| Quoted { name, event: event.clone(), trend: VecDeque::new() });
        quoted.event = event;
    }

    fn on_order(&mut self, order: OrderEvent) {
        if let Some(instrument) = &order.instrument {
            self.know(&instrument.clone());
        }
        let place = (order.account.clone(), order.key.to_string());
        if self.orders.len() >= ORDERS_MAX && !self.orders.contains_key(&place) {
            let oldest = self.orders.iter().min_by_key(|(_, order)| (!order.state.is_final(), order.recv_us));
            if let Some(place) = oldest.map(|(place, _)| place.clone()) {
                self.orders.remove(&place);
            }
        }
        self.orders.insert(place, order);
    }

    /// The newest version of each, the newest fill first.
    fn on_fill(&mut self, fill: FillEvent) {
        let name = |exec_id: &str| exec_id.rsplit_once('.').map_or(exec_id, |(name, _)| name).to_owned();
        let own = name(&fill.exec_id);
        if let Some(known) = self.fills.iter_mut().find(|known| name(&known.exec_id) == own) {
            *known = fill;
            return;
        }
        let at = |fill: &FillEvent| fill.event_us.unwrap_or(fill.recv_us);
        let place = self.fills.iter().position(|known| at(known) <= at(&fill)).unwrap_or(self.fills.len());
        self.fills.insert(place, fill);
        self.fills.truncate(FILLS_MAX);
    }

    fn alert(&mut self, at_us: i64, weight: Weight, tag: impl Into<String>, text: impl Into<String>) {
        self.alerts.push_front(Alert { at_us, weight, tag: tag.into(), text: text.into() });
        self.alerts.truncate(ALERTS_MAX);
    }

    fn on_farm(&mut self, farm: &FarmEvent) {
        let (weight, word) = match farm.state {
            FarmState::Down => (Weight::Bad, "down"),
            FarmState::Up => (Weight::Good, "up"),
            FarmState::Idle | FarmState::Connecting => return,
        };
        self.alert(farm.recv_us, weight, farm.farm.clone(), format!("farm {} is {word}", farm.farm));
    }

    fn on_notice(&mut self, notice: NoticeEvent) {
        let weight = match notice.severity.as_str() {
            "info" => return,
            "warning" => Weight::Warning,
            _ => Weight::Bad,
        };
        let tag = notice.ib_code.map_or(notice.class, |code| code.to_string());
        self.alert(notice.recv_us, weight, tag, notice.message);
    }

    fn on_gap(&mut self, gap: &GapEvent) {
        let name = self.name(gap.con_id);
        let (weight, text) = match gap.state {
            GapState::Closed => (Weight::Good, format!("{name} {} goes on", gap.stream)),
            GapState::Opened => (Weight::Warning, format!("{name} {} interrupted: {}", gap.stream, gap.reason)),
        };
        self.alert(gap.recv_us, weight, "gap", text);
    }

    fn on_bridge(&mut self, event: BridgeEvent) {
        if event.event == "heartbeat" {
            return;
        }
        let weight = weight_of(&event.event);
        let words = event.event.replace('_', " ");
        self.alert(event.recv_us, weight, words.clone(), event.message.unwrap_or(words));
    }
}

/// How an event of the bridge stands out. The console judges alike (`alerts.js`).
fn weight_of(event: &str) -> Weight {
    match event {
        "started" | "resume" | "reloaded" | "account_ready" | "mismatch_over" | "needs_person_over" => Weight::Good,
        "watchdog_soft"
        | "watchdog_data_link"
        | "watchdog_farm"
        | "shed"
        | "account_reset"
        | "accounts_not_followed"
        | "gateway_port"
        | "gateway_not_local"
        | "breaker"
        | "clock_set_back" => Weight::Warning,
        "kill"
        | "dead_man"
        | "violation"
        | "watchdog_hard"
        | "needs_person"
        | "mismatch"
        | "duplicate_order"
        | "gateway_command_failed"
        | "stopping" => Weight::Bad,
        _ => Weight::Plain,
    }
}

/// `AAPL`, `ESZ6 FUT`: the exchange's own symbol, with its kind unless it is a stock; an option's is hard to read, `AAPL 261218
/// 200C` is not.
pub(super) fn name_of(instrument: &Instrument) -> String {
    let Instrument { sec_type, symbol, expiry, strike, right, .. } = instrument;
    if sec_type == "STK" {
        return instrument.local_symbol.clone();
    }
    if let ("OPT" | "FOP", Some(expiry), Some(strike), Some(right)) = (sec_type.as_str(), expiry, strike, right) {
        return format!("{symbol} {} {strike}{}", expiry.get(2..).unwrap_or(expiry), right.get(..1).unwrap_or(right));
    }
    format!("{} {}", instrument.local_symbol, instrument.sec_type)
}

/// The price a person looks at: the last trade, else the middle.
pub(super) fn price(quote: &QuoteEvent) -> Option<f64> {
    quote.last.or_else(|| Some(f64::midpoint(quote.bid?, quote.ask?)))
}

/// What a newer bridge writes otherwise is left out.
fn read<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_that_fails_is_told_until_it_succeeds() {
        let mut picture = Picture::new("ib", "");
        picture.take(0, News::Answer("pace.status", Err("nobody answers\nmore".to_owned())));
        picture.tick(SECOND_US);
        assert_eq!(picture.trouble().as_deref(), Some("pace.status: nobody answers"));
        picture.tick(10 * SECOND_US);
        assert!(picture.trouble().is_some_and(|text| text.starts_with("what is shown is old")));
        picture.take(0, News::Answer("pace.status", Ok(json!({}))));
        assert_eq!(picture.trouble(), None);
    }

    #[test]
    fn what_needs_somebody_stands_out() {
        let mut picture = Picture::new("ib", "");
        for event in ["needs_person", "mismatch", "duplicate_order", "gateway_command_failed", "dead_man", "kill"] {
            let told = json!({ "seq": 1, "recv_us": 1, "event": event, "version": "1" });
            picture.take(0, News::Event(format!("bridge.{event}"), told));
            assert_eq!(picture.alerts.front().map(|alert| alert.weight), Some(Weight::Bad), "{event}");
        }
        let told = json!({ "seq": 1, "recv_us": 1, "event": "watchdog_data_link", "version": "1" });
        picture.take(0, News::Event("bridge.watchdog_data_link".to_owned(), told));
        assert_eq!(picture.alerts.front().map(|alert| alert.weight), Some(Weight::Warning));
        let told = json!({ "seq": 1, "recv_us": 1, "event": "heartbeat", "version": "1" });
        picture.take(0, News::Event("bridge.heartbeat".to_owned(), told));
        assert_eq!(picture.alerts.len(), 7, "heartbeats are no alerts");
    }

    #[test]
    fn alerts_and_orders_are_bounded_and_open_orders_stay() {
        let mut picture = Picture::new("ib", "");
        let order = |number: usize, state: &str| json!({ "key": format!("k{number}"), "account": "DU1", "recv_us": number, "state": state, "origin": "bridge", "filled": "0" });
        picture.take(0, News::Event("order.DU1.k0".to_owned(), order(0, "working")));
        for number in 1..3_000 {
            picture.take(0, News::Event("order.DU1.k".to_owned(), order(number, "filled")));
            let event = json!({ "seq": 1, "recv_us": number, "event": "started", "version": "1" });
            picture.take(0, News::Event("bridge.started".to_owned(), event));
        }
        assert_eq!((picture.orders.len(), picture.alerts.len()), (ORDERS_MAX, ALERTS_MAX));
        assert!(picture.orders.contains_key(&("DU1".to_owned(), "k0".to_owned())));
    }
}
