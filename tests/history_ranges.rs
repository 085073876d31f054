//! Long ranges of history: bridge and simulated gateway joined without sockets, in virtual time. How long a
//! range may take is reckoned from IB's rules, and the gateway's referee counts what breaks them.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/history_world.rs"]
mod history_world;
#[path = "rig/joined.rs"]
mod joined;
#[path = "rig/slow_wire.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod slow_wire;

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate, TimeZone, Weekday};
use history_world::{START_MS, World};
use ibnats::{
    schema::{
        contract::ContractSpec,
        request::history::{BarsRequest, BatchRequest, PastTickKind, TicksRequest, TimePoint},
    },
    session::{Answer, Ask},
    sim::SimConfig,
};
use slow_wire::LATENCY_MS;

const DAY_US: i64 = 86_400_000_000;

/// IB's rules (`ib-limits` section 4) and what `docs/limits.md` adds for longer bars.
const SAME_IN_2_S: usize = 5;
const LONG_IN_2_S: usize = 6;
const IDENTICAL_MS: i64 = 15_000;

/// An instrument that never stops trading.
fn bitcoin() -> ContractSpec {
    ContractSpec("CRYPTO:BTC@PAXOS".parse().expect("short text"))
}

fn request(size: &str, days: i64) -> BarsRequest {
    let end_us = START_MS * 1_000 - DAY_US;
    BarsRequest {
        contract: bitcoin(),
        bar_size: size.parse().expect("a bar size"),
        start: Some(TimePoint { us: end_us - days * DAY_US }),
        end: Some(TimePoint { us: end_us }),
        duration: None,
        source: None,
        regular_hours: false,
        timeout_ms: None,
    }
}

/// When the last of so many requests can be sent at the earliest, each as soon as the rules allow: `rate` in two
/// seconds, none while there is no connection, and what a cut had left unanswered once more, from these moments on.
fn shortest(requests: usize, mut again: Vec<i64>, outages: &[(i64, i64)], rate: usize) -> i64 {
    again.sort_unstable();
    let (mut fresh, mut sent, mut at) = (requests, Vec::new(), 0);
    while fresh > 0 || !again.is_empty() {
        if sent.len() >= rate {
            at = sent[sent.len() - rate] + 2_000;
            at = at.max(sent[sent.len() - 1]);
        }
        if fresh == 0 {
            at = at.max(again[0]);
        }
        while let Some((_, back)) = outages.iter().find(|(cut, back)| (*cut..*back).contains(&at)) {
            at = *back;
        }
        if fresh > 0 {
            fresh -= 1;
        } else {
            again.remove(0);
        }
        sent.push(at);
    }
    at
}

/// Fetches a range, with the data connection cut at these moments, and checks all that is promised.
fn fetch(slot_ms: u32, ask: BarsRequest, cuts_ms: &[i64], is_small: bool, requests_min: usize) {
    let bar_us = ask.bar_size.seconds() * 1_000_000;
    let (start_us, end_us) = (ask.start.expect("a start").us, ask.end.expect("an end").us);
    let mut world = World::new(slot_ms);
    let since_ms = world.now_ms;
    let token = world.ask(3_600, Ask::Bars(Box::new(ask)));
    for cut_ms in cuts_ms {
        world.run_ms(since_ms + cut_ms - world.now_ms);
        world.cut_while_asked();
    }
    let (outcome, took_ms) = world.finish(token, since_ms);
    let Ok(Answer::Bars(bars)) = outcome else { panic!("{outcome:?}") };
    let rows = world.bars();

    // Complete, in order, without duplicates.
    let expected = (end_us - start_us) / bar_us;
    assert_eq!(i64::try_from(rows.len()), Ok(expected));
    assert_eq!((rows[0].start_us, bars.manifest.holes.len()), (start_us, 0));
    assert!(rows.windows(2).all(|pair| pair[1].start_us - pair[0].start_us == bar_us));
    assert_eq!(i64::try_from(bars.manifest.rows), Ok(expected));

    // Inside the rules, and only what was cut off is asked again.
    world.nothing_was_broken();
    let requests = world.notes.asked.len();
    assert_eq!(usize::try_from(bars.manifest.requests), Ok(requests));
    assert!(requests <= requests_min + 1 + world.notes.cut_off.len(), "{requests} requests, {:?}", world.notes.cut_off);

    // Within 5 % of the shortest time the rules allow.
    let again = if is_small { IDENTICAL_MS } else { 0 };
    let again = world.notes.cut_off.iter().map(|sent| sent - since_ms + again).collect();
    // Greeting and login are two questions and their answers.
    let outages =
        world.notes.outages.iter().map(|(cut, dialled)| (cut - since_ms, dialled - since_ms + 4 * LATENCY_MS));
    let rate = if is_small { SAME_IN_2_S } else { LONG_IN_2_S };
    let shortest_ms = shortest(requests_min, again, &outages.collect::<Vec<_>>(), rate);
    println!(
        "{requests} requests, outages {:?}, in {took_ms} ms, the rules allow {shortest_ms} ms; cut off: {}",
        world.notes.outages,
        world.notes.cut_off.len()
    );
    assert!(took_ms * 100 <= shortest_ms * 105, "{took_ms} ms, the rules allow {shortest_ms} ms");
}

#[test]
fn a_day_of_seconds_is_fetched_whole_in_the_shortest_time_the_rules_allow() {
    // 2000 seconds a request.
    fetch(1_000, request("1s", 1), &[], true, 44);
}

#[test]
fn a_day_of_seconds_survives_three_cuts() {
    fetch(1_000, request("1s", 1), &[1_000, 5_000, 9_000], true, 44);
}

#[test]
fn a_year_of_minutes_is_fetched_whole_in_the_shortest_time_the_rules_allow() {
    // Three days a request: four sessions cover no more for sure.
    fetch(60_000, request("1m", 365), &[], false, 122);
}

#[test]
fn a_year_of_minutes_survives_three_cuts() {
    fetch(60_000, request("1m", 365), &[10_000, 20_000, 30_000], false, 122);
}

/// The minutes in which US stocks traded in these days, reckoned apart from the simulator and the bridge.
fn stock_minutes(first: NaiveDate, days: usize, regular: bool) -> Vec<i64> {
    let closed = [
        "2025-11-27",
        "2025-12-25",
        "2026-01-01",
        "2026-01-19",
        "2026-02-16",
        "2026-04-03",
        "2026-05-25",
        "2026-06-19",
        "2026-07-03",
        "2026-09-07",
    ];
    let half = ["2025-11-28", "2025-12-24"];
    let mut minutes = Vec::new();
    for day in first.iter_days().take(days) {
        let text = day.to_string();
        if matches!(day.weekday(), Weekday::Sat | Weekday::Sun) || closed.contains(&text.as_str()) {
            continue;
        }
        let (open, close) = match (regular, half.contains(&text.as_str())) {
            (true, true) => (9 * 60 + 30, 13 * 60),
            (true, false) => (9 * 60 + 30, 16 * 60),
            (false, true) => (4 * 60, 17 * 60),
            (false, false) => (4 * 60, 20 * 60),
        };
        // No session is open when the clocks are changed, on Sunday nights.
        let at = |minute: u32| {
            let local = day.and_hms_opt(minute / 60, minute % 60, 0).expect("a time of day");
            chrono_tz::US::Eastern.from_local_datetime(&local).single().expect("once").timestamp_micros()
        };
        minutes.extend((open..close).map(at));
    }
    minutes
}

#[test]
fn a_year_of_minutes_of_a_stock_has_every_minute_of_its_sessions_once() {
    for regular in [true, false] {
        let mut world = World::with(&SimConfig { slot_ms: 60_000, market_hours: true, ..SimConfig::default() });
        // The last day belongs to the part that has ended in New York as well.
        let end_us = START_MS * 1_000 - DAY_US;
        let start_us = end_us - 365 * DAY_US;
        let ask = BarsRequest {
            contract: ContractSpec("STK:AAPL".parse().expect("short text")),
            start: Some(TimePoint { us: start_us }),
            end: Some(TimePoint { us: end_us }),
            regular_hours: regular,
            ..request("1m", 365)
        };
        let since_ms = world.now_ms;
        let token = world.ask(3_600, Ask::Bars(Box::new(ask)));
        let (outcome, took_ms) = world.finish(token, since_ms);
        let Ok(Answer::Bars(bars)) = outcome else { panic!("{outcome:?}") };
        let starts: Vec<i64> = world.bars().iter().map(|bar| bar.start_us).collect();
        let first = NaiveDate::from_ymd_opt(2025, 11, 18).expect("a date");
        let mut expected = stock_minutes(first, 367, regular);
        expected.retain(|us| (start_us..end_us).contains(us));
        assert!(starts.windows(2).all(|pair| pair[0] < pair[1]), "in order, none twice");
        let (found, wanted): (BTreeSet<i64>, BTreeSet<i64>) =
            (starts.iter().copied().collect(), expected.iter().copied().collect());
        let missing: Vec<_> = wanted.difference(&found).take(5).collect();
        let surplus: Vec<_> = found.difference(&wanted).take(5).collect();
        assert_eq!((missing, surplus), (Vec::new(), Vec::new()), "regular: {regular}");
        // Holes are where nothing was traded, and say so.
        for hole in &bars.manifest.holes {
            assert_eq!(hole.reason, "no_data");
            assert!(wanted.range(hole.from_us..hole.to_us).next().is_none(), "{hole:?}");
        }
        world.nothing_was_broken();
        let requests = world.notes.asked.len();
        let shortest_ms = shortest(requests, Vec::new(), &[], LONG_IN_2_S);
        println!(
            "regular: {regular}, {} bars, {requests} requests in {took_ms} ms, the rules allow {shortest_ms} ms",
            starts.len()
        );
        assert!(took_ms * 100 <= shortest_ms * 105, "{took_ms} ms, the rules allow {shortest_ms} ms");
    }
}

#[test]
fn a_bridge_that_is_killed_goes_on_inside_the_rules_that_ib_goes_on_counting() {
    let mut world = World::new(1_000);
    // As many small requests as ten minutes take, for different ranges; then the bridge is killed.
    let small = |hours: i64| BarsRequest {
        start: Some(TimePoint { us: START_MS * 1_000 - DAY_US - (hours + 1) * 3_600_000_000 }),
        end: Some(TimePoint { us: START_MS * 1_000 - DAY_US - hours * 3_600_000_000 }),
        ..request("5s", 1)
    };
    let before: Vec<u64> = (0..58).map(|hours| world.ask(1_200, Ask::Bars(Box::new(small(hours))))).collect();
    world.run_ms(60_000);
    assert!(before.iter().all(|token| world.outcomes.contains_key(token)));
    assert_eq!(world.notes.asked.len(), 58);
    world.restart();
    let since_ms = world.now_ms;
    let after: Vec<u64> = (100..158).map(|hours| world.ask(1_200, Ask::Bars(Box::new(small(hours))))).collect();
    world.run_ms(60_000);
    assert_eq!(world.notes.asked.len(), 58, "IB still counts what the earlier run sent");
    for token in after {
        let (outcome, _) = world.finish(token, since_ms);
        let Ok(Answer::Bars(bars)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(bars.manifest.holes, []);
    }
    assert_eq!(world.notes.asked.len(), 116);
    world.nothing_was_broken();
}

#[test]
fn a_bridge_killed_in_the_middle_repeats_no_request_within_its_fifteen_seconds() {
    let mut world = World::new(1_000);
    let ask = || Ask::Bars(Box::new(BarsRequest { ..request("1s", 1) }));
    world.ask(1_200, ask());
    for _ in 0..3 {
        world.run_ms(3_000);
        world.restart();
        world.ask(1_200, ask());
    }
    let token = world.ask(3_600, ask());
    let since_ms = world.now_ms;
    let (outcome, _) = world.finish(token, since_ms);
    let Ok(Answer::Bars(bars)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((bars.manifest.rows, bars.manifest.holes.len()), (86_400, 0));
    world.nothing_was_broken();
}

#[test]
fn every_tick_of_hours_comes_once_in_each_kind() {
    for kind in [PastTickKind::Last, PastTickKind::BidAsk, PastTickKind::MidPoint] {
        // Seven ticks in two seconds, so that a thousand end within a second.
        let mut world = World::new(285);
        let end_us = START_MS * 1_000 - DAY_US;
        let start_us = end_us - 3 * 3_600_000_000;
        let since_ms = world.now_ms;
        let token = world.ask(
            3_600,
            Ask::Ticks(Box::new(TicksRequest {
                contract: bitcoin(),
                kind,
                start: TimePoint { us: start_us },
                end: Some(TimePoint { us: end_us }),
                regular_hours: false,
                ignore_size: false,
                timeout_ms: None,
            })),
        );
        let (outcome, _) = world.finish(token, since_ms);
        let Ok(Answer::Ticks(manifest)) = outcome else { panic!("{outcome:?}") };
        let rows = world.ticks();
        // A tick for each slot that starts in the range.
        let slots = (end_us / 1_000 + 284).div_euclid(285) - (start_us / 1_000 + 284).div_euclid(285);
        assert_eq!(i64::try_from(rows.len()), Ok(slots), "{kind:?}");
        assert_eq!(i64::try_from(manifest.rows), Ok(slots));
        assert!(rows.windows(2).all(|pair| pair[0].event_us <= pair[1].event_us));
        assert!(rows.iter().all(|tick| tick.price.is_some() != tick.bid.is_some()));
        world.nothing_was_broken();
    }
}

#[test]
fn a_batch_of_forty_contracts_breaks_no_rule() {
    let symbols = ["AAPL", "MSFT", "NOWHERE", "IBM"];
    let text = |number: usize| format!("STK:{}", symbols[number % symbols.len()]);
    let contracts = (0..40).map(|number| ContractSpec(text(number).parse().expect("short text"))).collect();
    let mut world = World::new(1_000);
    let since_ms = world.now_ms;
    let end_us = START_MS * 1_000 - DAY_US;
    let token = world.ask(
        600,
        Ask::Batch(Box::new(BatchRequest {
            contracts,
            bar_size: "30s".parse().expect("a bar size"),
            start: Some(TimePoint { us: end_us - 3_600_000_000 }),
            end: Some(TimePoint { us: end_us }),
            duration: None,
            source: None,
            regular_hours: false,
            timeout_ms: None,
        })),
    );
    let (outcome, _) = world.finish(token, since_ms);
    let Ok(Answer::Batch(manifest)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((manifest.contracts.len(), manifest.served), (40, 30), "{manifest:?}");
    assert_eq!(manifest.requests, 3, "the same contract again is the same request");
    assert_eq!(manifest.rows, 30 * 120);
    world.nothing_was_broken();
}
