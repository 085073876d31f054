//! A day of 24 hours in seconds: saturated history, streams and orders through the nightly reset, restarts of the
//! gateway, lost farms and storms of requests, in simulated time. The simulated gateway's referee counts what breaks
//! IB's limits, and in the end nothing is held that was not held at the beginning.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "days/clock.rs"]
mod clock;
#[path = "rig/slow_wire.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod slow_wire;

use std::collections::{BTreeMap, BTreeSet};

use clock::Day;
use ibnats::{
    config::Config,
    schema::connection::{IbLink, LinkName, LinkPhase},
    session::{Answer, Ask, Event},
};
use rand::{RngExt, seq::IndexedRandom};
use serde_json::{Value, json};

/// 2026-11-20 12:00 UTC, a Friday: the weekend begins in the night.
const START_MS: i64 = 1_795_176_000_000;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const SYMBOLS: [&str; 6] = ["AAPL", "MSFT", "NVDA", "SPY", "TSLA", "AMZN"];
/// Clients who always want another piece of history.
const READERS: usize = 24;
const STREAMS: usize = 6;
/// Different pieces of history: more than a day can fetch.
const PIECES: i64 = 15_000;
/// Most requests for bars of seconds that IB takes in ten minutes.
const ALLOWED: f64 = 60.0;

fn asked<T: serde::de::DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).expect("a request")
}

/// The desk: who wants what.
struct Desk {
    day: Day,
    readers: BTreeSet<u64>,
    pieces: i64,
    keys: u64,
    leases: Vec<String>,
    /// Milliseconds in which history could be had.
    up_ms: i64,
    /// So far nobody has been away for.
    is_up: bool,
    answered: BTreeMap<&'static str, u64>,
}

impl Desk {
    fn run_to(&mut self, until_ms: i64, works: bool) {
        let mut since = self.day.now_ms;
        while self.day.step(until_ms) {
            if self.is_up {
                self.up_ms += self.day.now_ms - since;
            }
            since = self.day.now_ms;
            for (token, outcome) in std::mem::take(&mut self.day.outcomes) {
                let kind = match &outcome {
                    Ok(Answer::Bars(_)) => "bars",
                    Ok(_) => "others",
                    Err(_) => "refused",
                };
                *self.answered.entry(kind).or_default() += 1;
                self.readers.remove(&token);
            }
            self.hear();
            while works && self.is_up && self.readers.len() < READERS {
                let ask = self.piece();
                let client = format!("reader{}", self.pieces % 8);
                let token = self.day.ask(&client, 10 * MINUTE_MS, ask);
                self.readers.insert(token);
            }
        }
    }

    /// Remembers whether history can be had, forgets the rest.
    fn hear(&mut self) {
        for event in std::mem::take(&mut self.day.events) {
            if let Event::Connection(state) = event {
                self.is_up = state.data.phase == LinkPhase::Ready && state.ib_link != IbLink::Lost;
            }
        }
    }

    /// Ten minutes of five-second bars that nobody has asked for yet.
    fn piece(&mut self) -> Ask {
        self.pieces += 1;
        let symbol = SYMBOLS[usize::try_from(self.pieces).expect("small") % SYMBOLS.len()];
        // IB has bars of seconds for six months.
        let end_us = (START_MS - HOUR_MS - self.pieces % PIECES * 10 * MINUTE_MS) * 1_000;
        let start_us = end_us - 600_000_000;
        Ask::Bars(asked(json!({
            "contract": format!("STK:{symbol}"), "bar_size": "5s", "start": start_us, "end": end_us
        })))
    }

    fn order(&mut self) {
        self.keys += 1;
        let key = format!("k{}", self.keys);
        let symbol = *SYMBOLS.choose(&mut self.day.random).expect("symbols");
        let place = json!({
            "key": key, "contract": format!("STK:{symbol}"), "side": "buy", "quantity": 1, "order_type": "limit",
            "limit_price": 1.0, "wait_for": "working"
        });
        self.day.ask("trader", 10_000, Ask::PlaceOrder(asked(place)));
        let cancel = json!({ "key": format!("k{}", self.keys.saturating_sub(5)) });
        self.day.ask("trader", 10_000, Ask::CancelOrder(asked(cancel)));
    }

    /// Fifty clients want everything at once while one trades.
    fn storm(&mut self) {
        for number in 0..200 {
            let ask = self.piece();
            self.day.ask(&format!("storm{}", number % 50), 30_000, ask);
            if number % 20 == 0 {
                self.order();
            }
        }
    }

    fn notice(&mut self, code: i32, text: &str) {
        self.day.sim.notice(self.day.now_ms, code, text);
    }
}

/// What happens at each minute of the day.
fn minute(desk: &mut Desk, minute: i64) {
    let lost = "Connectivity between IB and TWS has been lost.";
    match minute {
        // Farms come and go.
        90 => desk.notice(2103, "Market data farm connection is broken:usfarm"),
        92 => desk.notice(2104, "Market data farm connection is OK:usfarm"),
        100 => desk.notice(2105, "HMDS data farm connection is broken:ushmds"),
        103 => desk.notice(2106, "HMDS data farm connection is OK:ushmds"),
        // A bad network.
        200..=210 => {
            let link = if minute % 2 == 0 { LinkName::Data } else { LinkName::Trading };
            desk.day.end(link, "cut");
        }
        300 | 700 | 1_300 => desk.storm(),
        400 => desk.notice(1100, lost),
        405 => desk.notice(1101, "Connectivity between IB and TWS has been restored - data lost."),
        // Friday 23:00 in New York: the weekend's reset. 1100 repeats, IB comes and goes.
        960..=1_020 if minute % 3 == 0 => desk.notice(1100, lost),
        960..=1_020 if minute % 7 == 0 => {
            desk.notice(1102, "Connectivity between IB and TWS has been restored - data maintained.");
        }
        1_021 => desk.notice(1102, "Connectivity between IB and TWS has been restored - data maintained."),
        // The gateway restarts: the port is closed for a while.
        1_035 => {
            desk.day.is_port_open = false;
            for link in [LinkName::Trading, LinkName::Data] {
                desk.day.end(link, "the gateway restarts");
            }
            desk.day.sim.restart(desk.day.now_ms);
        }
        1_038 => desk.day.is_port_open = true,
        _ => {}
    }
    if minute % 5 == 0 {
        desk.order();
    }
    if minute % 30 == 0 && desk.day.random.random_bool(0.5) {
        desk.day.sim.broker(desk.day.now_ms, |broker, _, _| {
            broker.roll_back_next_id(3);
            Vec::new()
        });
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a day are small")]
#[test]
#[ignore = "a day takes more than a minute: make soak"]
fn a_day_of_24_hours_keeps_every_limit_uses_what_is_allowed_and_leaves_nothing_behind() {
    let day = Day::new(11, START_MS, Config::default());
    let mut desk = Desk {
        day,
        readers: BTreeSet::new(),
        pieces: 0,
        keys: 0,
        leases: Vec::new(),
        up_ms: 0,
        is_up: false,
        answered: BTreeMap::new(),
    };
    desk.run_to(START_MS + MINUTE_MS, false);
    assert!(desk.is_up, "nobody is logged in");
    let before = desk.day.session.sizes();

    for symbol in SYMBOLS.iter().take(STREAMS) {
        let ask = json!({ "contract": format!("STK:{symbol}"), "streams": ["quote", "bar.5s"], "ttl_s": 0 });
        desk.day.ask("viewer", 30_000, Ask::Subscribe(asked(ask)));
    }
    let until = desk.day.now_ms + 30_000;
    while desk.day.step(until) {}
    for (_, outcome) in std::mem::take(&mut desk.day.outcomes) {
        if let Ok(Answer::Lease(lease)) = outcome {
            desk.leases.push(lease.lease);
        }
    }
    assert_eq!(desk.leases.len(), STREAMS);
    let (asked_before, up_before) = (desk.day.history_sent, desk.up_ms);
    for at in 2..24 * 60 {
        minute(&mut desk, at);
        desk.run_to(START_MS + at * MINUTE_MS, true);
        assert_eq!(desk.day.sim.recent_violations(), [], "minute {at}");
    }
    let sent = desk.day.history_sent - asked_before;
    let up_min = (desk.up_ms - up_before) as f64 / 60_000.0;
    let share = sent as f64 / (ALLOWED * up_min / 10.0);
    println!("{sent} history requests in {up_min:.0} minutes: {:.1} % of what IB allows", share * 100.0);
    println!("answers: {:?}, violations: {:?}", desk.answered, desk.day.sim.violations());

    for lease in std::mem::take(&mut desk.leases) {
        desk.day.ask("viewer", 10_000, Ask::Unsubscribe(asked(json!({ "lease": lease }))));
    }
    desk.run_to(START_MS + 25 * HOUR_MS, false);
    assert_eq!(desk.day.waiting(), 0, "somebody still waits");
    let after = desk.day.session.sizes();
    assert_eq!(after, before, "something is left");
    assert_eq!(desk.day.wrong, Vec::<String>::new());
    assert!(desk.day.sim.violations().is_empty());
    assert!(share >= 0.95, "only {:.1} % of the allowed rate", share * 100.0);
}
