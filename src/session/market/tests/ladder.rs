//! Each rung of the recovery ladder of silent data, and that the trading link stays.

use super::{
    desk::{Desk, names, price, request_id, subscribe},
    staleness::{OPEN, flow, trade},
};
use crate::{
    config::{Config, Staleness},
    schema::connection::LinkName,
    session::Event,
    tws::Request,
};

/// Contract ids of streams: two stocks in dollars and one in euros.
const APPLE: i32 = 265_598;
const OTHER: i32 = 2;
const FOREIGN: i32 = 3;

struct Market {
    desk: Desk,
    /// The current request of each contract.
    ids: Vec<(i32, i32)>,
    /// Events of the watchdog, in order.
    watchdog: Vec<String>,
}

impl Market {
    fn with(config: Config) -> Self {
        let mut desk = Desk::with(config);
        let foreign = {
            let listing = desk.rig.stock(FOREIGN, "SAP");
            let mut instrument = listing.instrument.clone();
            instrument.currency = "EUR".to_owned();
            desk.rig.session.core.listing(instrument, listing.contract.clone()).expect("few instruments")
        };
        let stocks = [desk.rig.stock(APPLE, "AAPL"), desk.rig.stock(OTHER, "MSFT"), foreign];
        let mut ids = Vec::new();
        for (con_id, stock) in [APPLE, OTHER, FOREIGN].into_iter().zip(stocks) {
            trade(&mut desk, con_id, OPEN);
            desk.try_subscribe("alpha", subscribe(&["quote"], 0), &stock).expect("a lease");
            ids.push((con_id, desk.asked()));
        }
        let mut market = Self { desk, ids, watchdog: Vec::new() };
        market.run(60, &[APPLE, OTHER, FOREIGN]);
        market.asked();
        market
    }

    fn open() -> Self {
        Self::with(Config::default())
    }

    /// So many seconds in which only these bring something.
    fn run(&mut self, seconds: u32, lively: &[i32]) {
        for second in 0..seconds {
            self.note();
            for (con_id, id) in self.ids.clone() {
                if lively.contains(&con_id) {
                    self.desk.hear(price(id, 1, 100.0 + f64::from(second), "1"));
                }
            }
            self.desk.rig.wait_ms(1_000);
            for event in self.desk.rig.events() {
                if let Event::Bridge(event) = event
                    && event.event.starts_with("watchdog_")
                {
                    self.watchdog.push(event.event.clone());
                }
            }
        }
    }

    /// Takes note of requests that were made meanwhile.
    fn note(&mut self) {
        for request in self.desk.rig.peek_sent(LinkName::Data) {
            if let Request::MarketDataRequest(ask) = &request {
                let con_id = ask.contract.as_ref().and_then(|contract| contract.con_id).expect("an id");
                self.ids.retain(|(known, _)| *known != con_id);
                self.ids.push((con_id, request_id(&request)));
            }
        }
    }

    /// Contracts asked for since last looked, sorted, each once.
    fn asked(&mut self) -> Vec<i32> {
        self.note();
        let of = |request: Request| match request {
            Request::MarketDataRequest(ask) => ask.contract.and_then(|contract| contract.con_id),
            _ => None,
        };
        let mut asked: Vec<i32> = self.desk.sent().into_iter().filter_map(of).collect();
        asked.sort_unstable();
        asked.dedup();
        asked
    }

    fn is_up(&self, link: LinkName) -> bool {
        match link {
            LinkName::Trading => self.desk.rig.session.trading.is_ready(),
            LinkName::Data => self.desk.rig.session.data.is_ready(),
        }
    }

    fn generations(&self) -> (u64, u64) {
        (self.desk.rig.session.trading.generation(), self.desk.rig.session.data.generation())
    }
}

#[test]
fn while_others_of_its_farm_flow_only_the_silent_stream_is_asked_for_again() {
    let mut market = Market::open();
    let before = market.generations();
    market.run(600, &[OTHER, FOREIGN]);
    assert_eq!(market.asked(), [APPLE]);
    assert_eq!((market.watchdog.len(), market.generations()), (0, before));
}

#[test]
fn when_one_stays_silent_and_its_farm_is_silent_too_the_farm_is_asked_for_again_and_no_other() {
    let mut market = Market::open();
    let before = market.generations();
    // Both fall silent; one look finds one of them, the other has shown too little to be missed.
    market.run(40, &[FOREIGN]);
    let first = market.asked();
    assert!(!first.is_empty() && !first.contains(&FOREIGN), "{first:?}");
    assert_eq!(market.watchdog, [""; 0], "one rung after the other");
    market.run(30, &[FOREIGN]);
    assert_eq!(market.asked(), [OTHER, APPLE]);
    assert_eq!(market.watchdog, ["watchdog_farm"]);
    market.run(600, &[FOREIGN]);
    assert_eq!(market.watchdog, ["watchdog_farm"], "another farm flows: the link is well");
    assert_eq!(market.generations(), before);
    market.run(5, &[APPLE, OTHER, FOREIGN]);
    assert!(market.desk.list().upstream.iter().all(|row| !row.stale));
}

#[test]
fn when_nothing_is_heard_of_any_the_data_link_is_built_anew_and_the_trading_link_stays() {
    let mut market = Market::open();
    let (trading, data) = market.generations();
    market.run(100, &[]);
    assert_eq!(market.watchdog.last().map(String::as_str), Some("watchdog_data_link"), "{:?}", market.watchdog);
    assert!(market.watchdog.contains(&"watchdog_farm".to_owned()), "rung by rung: {:?}", market.watchdog);
    assert!(market.is_up(LinkName::Trading) && !market.is_up(LinkName::Data));
    assert_eq!(market.generations().0, trading);
    market.asked();
    market.desk.rig.reconnect(LinkName::Data);
    assert!(market.generations().1 > data);
    assert_eq!(market.asked(), [OTHER, FOREIGN, APPLE]);
    market.run(5, &[APPLE, OTHER, FOREIGN]);
    assert!(market.desk.list().upstream.iter().all(|row| !row.stale));
    assert!(market.is_up(LinkName::Trading) && market.generations().0 == trading);
}

#[test]
fn a_silence_that_lasts_has_the_data_link_built_anew_more_and_more_rarely() {
    let mut market = Market::open();
    let mut rebuilds = Vec::new();
    for second in 0..7_200 {
        market.run(1, &[]);
        let generation = market.generations().1;
        if !market.is_up(LinkName::Data) {
            rebuilds.push(second);
            market.desk.rig.reconnect(LinkName::Data);
            assert!(market.generations().1 > generation);
        }
    }
    let waits: Vec<i32> = rebuilds.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((3..=6).contains(&rebuilds.len()), "{rebuilds:?}");
    assert!(waits[0] >= 290 && waits.windows(2).all(|pair| pair[1] > pair[0]), "{waits:?}");
    assert!(market.is_up(LinkName::Trading));
}

#[test]
fn a_known_reason_for_silence_lets_nobody_climb() {
    for (code, text) in [
        (2103, "Market data farm connection is broken:usfarm"),
        (1100, "Connectivity between IB and TWS has been lost."),
    ] {
        let mut market = Market::open();
        let before = market.generations();
        market.desk.rig.notice_all(code, text);
        market.run(1_200, &[]);
        assert_eq!((market.watchdog.len(), market.generations()), (0, before), "{code}");
    }
}

#[test]
fn data_withheld_for_another_session_let_nobody_climb_and_flow_again_when_it_ends() {
    let mut market = Market::open();
    let before = market.generations();
    let mut told = Vec::new();
    for _ in 0..1_200 {
        market.note();
        for (_, id) in market.ids.clone() {
            if !told.contains(&id) {
                told.push(id);
                market.desk.notice(id, 10_197, "No market data during competing live session");
            }
        }
        market.run(1, &[]);
    }
    assert_eq!((market.watchdog.len(), market.generations()), (0, before));
    market.run(5, &[APPLE, OTHER, FOREIGN]);
    assert!(market.desk.list().upstream.iter().all(|row| !row.stale));
}

#[test]
fn the_data_link_is_never_built_anew_for_silence_if_that_is_configured() {
    let staleness = Staleness { rebuild_s: 0, ..Staleness::default() };
    let mut market = Market::with(Config { staleness, ..Config::default() });
    let before = market.generations();
    market.run(1_200, &[]);
    assert_eq!(market.generations(), before);
    assert!(!market.watchdog.contains(&"watchdog_data_link".to_owned()));
}

#[test]
fn a_stream_that_brings_something_begins_at_the_bottom_again() {
    let mut desk = Desk::new();
    trade(&mut desk, APPLE, OPEN);
    let mut id = desk.stream(&["quote"]);
    for _ in 0..5 {
        flow(&mut desk, id, 60);
        desk.rig.wait_ms(36_000);
        let sent = desk.sent();
        assert_eq!(names(&sent), ["CancelMarketData", "MarketDataRequest"]);
        id = request_id(&sent[1]);
    }
    assert!(desk.rig.session.data.is_ready());
}
