//! A day of 24 hours in seconds: saturated history, streams and orders through the nightly reset and into the weekend,
//! restarts of the gateway, lost farms and storms of requests, in simulated time. The simulated gateway's referee counts
//! what breaks IB's limits, and in the end nothing is held that was not held at the beginning: no entry of any table, no
//! file, and no memory beyond what the first hours took.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "days/clock.rs"]
mod clock;
#[path = "rig/process.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod process;
#[path = "rig/slow_wire.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod slow_wire;

use std::collections::{BTreeMap, BTreeSet};

use clock::Day;
use ibnats::{
    config::{Calendar, Config, Region},
    schema::connection::{FarmKind, FarmState, IbLink, LinkName, LinkPhase},
    session::{Answer, Ask, Event},
    sim::faults::{
        action::{Action, GatewayFault, IbFault, LinkBack},
        rule::{Rule, When},
    },
};
use rand::{RngExt, seq::IndexedRandom};
use serde_json::{Value, json};

/// 2026-11-20 05:00 UTC, midnight of a Friday in New York: the nightly reset follows in a quarter of an hour, the
/// weekend's an hour before the day ends.
const START_MS: i64 = 1_795_150_800_000;
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
/// The weekend's reset is over so long after the start, and everything that waited for it.
const END_MS: i64 = 28 * HOUR_MS;
/// By this time the busiest moments have been: everything that lasts as long as the bridge is there.
const WARM_MIN: i64 = 400;
/// What this process, the simulated gateway included, may grow by from then on. The gateway's record of the day's
/// orders and the bridge's known orders and contracts are in it.
const GROWTH_KIB_MAX: u64 = 16 * 1_024;
/// Tables that are emptied by their next use, and what they may have left meanwhile.
const EMPTIED_BY_USE: [&str; 6] = [
    "history_promises",
    "ids_cancelled",
    "order_rates",
    "pacing_windows",
    "service_answers_kept",
    "tick_by_tick_paced",
];
const LEFT_MAX: usize = 100;

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
    /// History can be had.
    is_up: bool,
    is_linked: bool,
    farms_down: BTreeSet<String>,
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

    /// Remembers whether history can be had, forgets the rest. It is held while IB or the gateway is known to be away.
    fn hear(&mut self) {
        for event in std::mem::take(&mut self.day.events) {
            match event {
                Event::Connection(state) => {
                    let is_ready = state.data.phase == LinkPhase::Ready;
                    self.is_linked = is_ready && state.ib_link != IbLink::Lost && !state.maintenance;
                }
                Event::Farm(farm) if farm.kind == FarmKind::Historical => {
                    if farm.state == FarmState::Down {
                        self.farms_down.insert(farm.farm.clone());
                    } else {
                        self.farms_down.remove(&farm.farm);
                    }
                }
                _ => {}
            }
        }
        self.is_up = self.is_linked && self.farms_down.is_empty();
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

    /// Something breaks now.
    fn suffer(&mut self, action: Action) {
        let now_ms = self.day.now_ms;
        self.day.sim.clear_rules(now_ms, None);
        let rule = Rule::new("now", When::Start { at_ms: 0, every_ms: None }, action);
        assert!(self.day.sim.add_rule(now_ms, rule).is_some(), "too many faults");
    }

    fn lose_farm(&mut self, farm: &str, minutes: i64) {
        self.suffer(Action::Ib(IbFault::FarmDown { farm: farm.to_owned(), for_ms: minutes * MINUTE_MS }));
    }

    /// IB is lost for so many minutes; 1100 is said again and again.
    fn lose_ib(&mut self, minutes: i64, back: LinkBack) {
        let repeat_ms = Some(20_000);
        self.suffer(Action::Ib(IbFault::LinkDown { for_ms: minutes * MINUTE_MS, back, repeat_ms }));
    }
}

/// What happens at each minute of the day.
fn minute(desk: &mut Desk, minute: i64) {
    match minute {
        // The nightly reset: IB comes and goes.
        20..=100 if minute % 20 == 0 => desk.lose_ib(8, LinkBack::DataLost),
        // Farms come and go.
        150 => desk.lose_farm("usfarm", 2),
        160 => desk.lose_farm("ushmds", 3),
        170 => desk.lose_farm("secdefnj", 3),
        // A bad network.
        200..=210 => {
            let link = if minute % 2 == 0 { LinkName::Data } else { LinkName::Trading };
            desk.day.end(link, "cut");
        }
        // The gateway restarts as planned: the port is closed for a while.
        240 => desk.suffer(Action::Gateway(GatewayFault::Restart { for_ms: 3 * MINUTE_MS })),
        300 | 700 | 1_300 => desk.storm(),
        400 => desk.lose_ib(5, LinkBack::DataLost),
        450 => desk.lose_ib(1, LinkBack::DataKept),
        500 => desk.suffer(Action::Ib(IbFault::CompetingSession { for_ms: 2 * MINUTE_MS })),
        // It restarts once more, and nobody has planned it.
        800 => desk.suffer(Action::Gateway(GatewayFault::Restart { for_ms: MINUTE_MS })),
        // Friday 23:00 in New York: the weekend's reset.
        1_380.. if minute % 6 == 0 => desk.lose_ib(2, LinkBack::DataKept),
        1_380.. if minute % 6 == 3 => desk.lose_ib(2, LinkBack::DataLost),
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

fn config() -> Config {
    let calendar = Calendar {
        region: Region::NorthAmerica,
        gateway_restart: "04:00".to_owned(),
        weekly_login: true,
        ..Calendar::default()
    };
    Config { calendar, ..Config::default() }
}

/// Entries that are left, by table, and were not there before.
fn left(desk: &Desk, before: &BTreeMap<&'static str, usize>) -> Vec<(&'static str, usize, usize)> {
    let after = desk.day.session.sizes().into_iter().map(|(table, size)| (table, before[table], size));
    after
        .filter(|(table, before, size)| {
            let is_emptied_by_use = EMPTIED_BY_USE.contains(table) && *size <= LEFT_MAX;
            size != before && !is_emptied_by_use
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of a day are small")]
#[test]
#[ignore = "a day takes more than a minute: make soak"]
fn a_day_of_24_hours_keeps_every_limit_uses_what_is_allowed_and_leaves_nothing_behind() {
    let pid = std::process::id();
    let day = Day::new(11, START_MS, config());
    let mut desk = Desk {
        day,
        readers: BTreeSet::new(),
        pieces: 0,
        keys: 0,
        leases: Vec::new(),
        up_ms: 0,
        is_up: false,
        is_linked: false,
        farms_down: BTreeSet::new(),
        answered: BTreeMap::new(),
    };
    desk.run_to(START_MS + MINUTE_MS, false);
    assert!(desk.is_up, "nobody is logged in");
    let before = desk.day.session.sizes();
    let (descriptors, threads) = (process::descriptors(pid), process::threads(pid));
    let mut warm_kib = 0;

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
        if at == WARM_MIN {
            warm_kib = process::rss_kib(pid);
        }
    }
    let sent = desk.day.history_sent - asked_before;
    let up_min = (desk.up_ms - up_before) as f64 / 60_000.0;
    let share = sent as f64 / (ALLOWED * up_min / 10.0);
    println!("{sent} history requests in {up_min:.0} minutes: {:.1} % of what IB allows", share * 100.0);
    println!("answers: {:?}, violations: {:?}", desk.answered, desk.day.sim.violations());

    for lease in std::mem::take(&mut desk.leases) {
        desk.day.ask("viewer", 10_000, Ask::Unsubscribe(asked(json!({ "lease": lease }))));
    }
    desk.run_to(START_MS + END_MS, false);
    assert_eq!(desk.day.waiting(), 0, "somebody still waits");
    // Promises to readers who did not come back are forgotten with the next request, once they are due.
    let ask = desk.piece();
    desk.day.ask("reader", 30_000, ask);
    desk.run_to(START_MS + END_MS + MINUTE_MS, false);
    assert_eq!(left(&desk, &before), [], "table, entries before and after");
    assert_eq!((process::descriptors(pid), process::threads(pid)), (descriptors, threads), "files and threads");
    let kib = process::rss_kib(pid);
    println!("{warm_kib} KiB after {WARM_MIN} minutes, {kib} KiB in the end");
    assert!(kib < warm_kib + GROWTH_KIB_MAX, "{warm_kib} KiB after {WARM_MIN} minutes, {kib} KiB in the end");
    assert_eq!(desk.day.wrong, Vec::<String>::new());
    assert!(desk.day.sim.violations().is_empty());
    assert!(share >= 0.95, "only {:.1} % of the allowed rate", share * 100.0);
}
