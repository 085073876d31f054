//! Every order of the faults that a gateway tells of, on every kind of stream at once: data flows again in time, and
//! what is asked for again is exactly what IB drops.
//!
//! `IBNATS_SOAK=1` tries all 9,031 orders of up to four faults with each way to have bars; else each way takes every
//! single fault and a twentieth of the longer orders, chosen by `IBNATS_SEED`.

mod gateway;

use std::{collections::BTreeSet, env, sync::Arc};

use gateway::{Fault, Gateway, Kind};

use super::{Ask, Event, rig::Rig, services::ServiceAsk};
use crate::{
    config::{BarFeed, Config},
    schema::{connection::LinkName, request::market::ListLeases},
    session::Answer,
};

/// Every stream flows this long after whatever was broken is mended. A violation of pacing holds requests back for
/// as long as IB's rules say; a competing session and a refused request have waits of their own.
const FLOWS_WITHIN_MS: u64 = 180_000;
const STEP_MS: u64 = 2_500;
const FAILURES_SHOWN: usize = 5;

const FAULTS: [Fault; 11] = [
    Fault::Notice(1100),
    Fault::Notice(1101),
    Fault::Notice(1102),
    Fault::Notice(2103),
    Fault::Notice(2104),
    Fault::Notice(2105),
    Fault::Notice(2106),
    Fault::Request(10_182),
    Fault::Request(10_197),
    Fault::Request(162),
    Fault::SocketLoss,
];

/// What a client hears of.
const HEARD: [&str; 11] = ["quote", "tick", "greeks", "news", "tbt", "5s", "1m", "depth", "scan", "account", "pnl"];

struct Stage {
    rig: Rig,
    gateway: Gateway,
    heard: BTreeSet<&'static str>,
}

impl Stage {
    fn new(feed: BarFeed) -> Self {
        let mut config = Config::default();
        config.bars.feed = feed;
        config.bars.update_ms = 1;
        config.bars.repair_ms = 20_000;
        let mut rig = Rig::with(config);
        rig.is_alive = true;
        rig.log_in(LinkName::Data);
        rig.log_in(LinkName::Trading);
        let stock = rig.stock(265_598, "AAPL");
        let streams = ["quote", "tick", "greeks", "news", "tbt.last", "bar.5s", "bar.1m", "depth"];
        let ask = serde_json::json!({ "contract": "STK:AAPL", "streams": streams, "ttl_s": 0 });
        let ask = Ask::Subscribe(serde_json::from_value(ask).expect("a request"));
        rig.ask_resolved("alpha", ask, &Arc::clone(&stock));
        let scan = serde_json::json!({ "instrument": "STK", "location": "STK.US.MAJOR", "scan_code": "GAIN" });
        let scan = serde_json::from_value(serde_json::json!({ "scan": scan, "ttl_s": 0 })).expect("a request");
        rig.ask(ServiceAsk::SubscribeScan(scan).into());
        let mut stage = Self { rig, gateway: Gateway::new(), heard: BTreeSet::new() };
        stage.run(STEP_MS);
        stage.flow("at the start");
        stage
    }

    /// Time passes; what flows is heard.
    fn run(&mut self, ms: u64) {
        let mut left = ms;
        while left > 0 {
            let step = left.min(STEP_MS);
            self.gateway.serve(&mut self.rig);
            self.rig.wait_ms(step);
            self.gateway.serve(&mut self.rig);
            self.gateway.beat(&mut self.rig);
            self.listen();
            left -= step;
        }
    }

    fn listen(&mut self) {
        for event in self.rig.events() {
            let name = match event {
                Event::Quote(_, quote) if !quote.stale => "quote",
                Event::Tick(..) => "tick",
                Event::Greeks(_, greeks) if !greeks.stale => "greeks",
                Event::News(_) => "news",
                Event::TickByTick(..) => "tbt",
                Event::Bar(_, bar) if bar.backfilled != Some(true) => match bar.size.name() {
                    "5s" => "5s",
                    _ => "1m",
                },
                Event::Depth(_, depth) if depth.price.is_some() => "depth",
                Event::Scan(_) => "scan",
                Event::AccountValue(_) => "account",
                Event::Pnl(_) => "pnl",
                _ => continue,
            };
            self.heard.insert(name);
        }
    }

    /// Waits until all streams flow. Says what does not in time.
    fn flow(&mut self, when: &str) {
        self.heard.clear();
        for _ in 0..FLOWS_WITHIN_MS / STEP_MS {
            self.run(STEP_MS);
            if self.heard.len() == HEARD.len() {
                return;
            }
        }
        let silent: Vec<_> = HEARD.into_iter().filter(|name| !self.heard.contains(name)).collect();
        self.gateway.wrong.push(format!("{when} nothing came on {silent:?} for {FLOWS_WITHIN_MS} ms"));
    }

    /// While a stream cannot flow the list of leases says so.
    fn tell_the_truth(&mut self) {
        let token = self.rig.ask(Ask::ListLeases(ListLeases::default()));
        let Some(Ok(Answer::Leases(list))) = self.rig.reply(token) else { panic!("no list") };
        let now_ms = self.rig.now().us / 1_000;
        for row in list.upstream {
            let kind = match row.stream.to_string().as_str() {
                "quote" => [Kind::Level1; 2],
                "depth" => [Kind::Depth; 2],
                "bar.5s" => [Kind::RealTimeBars, Kind::KeptBars],
                _ => [Kind::TickByTick; 2],
            };
            if !row.stale && !kind.into_iter().any(|kind| self.gateway.flows(kind, now_ms)) {
                self.gateway.wrong.push(format!("{} is said to flow and does not", row.stream));
            }
        }
    }
}

/// What is wrong after these faults.
fn judge(faults: &[Fault], feed: BarFeed, pause_ms: u64) -> Vec<String> {
    let mut stage = Stage::new(feed);
    for fault in faults {
        stage.gateway.suffer(&mut stage.rig, *fault);
        stage.run(pause_ms);
    }
    stage.tell_the_truth();
    stage.gateway.heal(&mut stage.rig);
    stage.flow("after all was mended");
    // What needs long waits would be asked for again late.
    stage.run(30_000);
    std::mem::take(&mut stage.gateway.wrong)
}

/// All orders of up to `length` of the faults, none twice.
fn orders(length: usize) -> Vec<Vec<Fault>> {
    let mut all: Vec<Vec<Fault>> = Vec::new();
    let mut last: Vec<Vec<Fault>> = vec![Vec::new()];
    for _ in 0..length {
        let longer = |order: &Vec<Fault>| {
            let order = order.clone();
            FAULTS
                .into_iter()
                .filter(|fault| !order.contains(fault))
                .map(|fault| [order.as_slice(), &[fault]].concat())
                .collect::<Vec<_>>()
        };
        last = last.iter().flat_map(longer).collect();
        all.extend(last.iter().cloned());
    }
    all
}

fn check(feed: BarFeed) {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    let orders = orders(4);
    assert_eq!(orders.len(), 11 + 110 + 990 + 7_920);
    let is_soak = env::var_os("IBNATS_SOAK").is_some();
    let seed = number("IBNATS_SEED").unwrap_or(3);
    // Short orders always; of the longer ones every tenth, every other of them for each feed.
    let share = usize::from(feed == BarFeed::KeepUpToDate);
    let is_chosen = |index: usize| is_soak || index < 11 || (index + seed) % 20 == share * 10;
    let mut failures = Vec::new();
    let mut tried = 0;
    for (index, faults) in orders.iter().enumerate().filter(|(index, _)| is_chosen(*index)) {
        tried += 1;
        let pause_ms = [200, 3_000, 20_000][(index + seed) % 3];
        let wrong = judge(faults, feed, pause_ms);
        if !wrong.is_empty() {
            failures.push(format!("{faults:?}, {pause_ms} ms between them: {wrong:#?}"));
        }
    }
    let shown = failures.iter().take(FAILURES_SHOWN).cloned().collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} of {tried} orders (IBNATS_SEED={seed}, {feed:?}):\n{shown}", failures.len());
}

#[test]
fn whatever_order_faults_come_in_what_ib_drops_is_asked_for_again_and_flows() {
    check(BarFeed::RealTime);
}

#[test]
fn bars_kept_up_to_date_come_back_in_whatever_order_faults_come() {
    check(BarFeed::KeepUpToDate);
}

#[test]
fn a_busted_trade_a_reset_book_and_a_halted_one_cost_their_own_streams_at_most() {
    for feed in [BarFeed::RealTime, BarFeed::KeepUpToDate] {
        for codes in [&[10_225][..], &[317], &[316], &[10_225, 317, 10_197]] {
            let faults: Vec<Fault> = codes.iter().map(|code| Fault::Request(*code)).collect();
            assert_eq!(judge(&faults, feed, 3_000), [""; 0], "{codes:?} {feed:?}");
        }
    }
}

#[test]
fn a_fault_of_data_never_touches_the_trading_link() {
    for fault in FAULTS.into_iter().filter(|fault| !matches!(fault, Fault::SocketLoss)) {
        let mut stage = Stage::new(BarFeed::RealTime);
        stage.gateway.suffer(&mut stage.rig, fault);
        stage.run(60_000);
        assert!(stage.rig.session.trading.is_ready(), "{fault:?}");
    }
    let mut stage = Stage::new(BarFeed::RealTime);
    stage.rig.cut(LinkName::Data);
    stage.rig.wait_ms(60_000);
    assert!(stage.rig.session.trading.is_ready());
}
