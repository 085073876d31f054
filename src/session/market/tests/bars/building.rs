//! Larger bars out of bars of five seconds.

use super::{
    super::desk::subscribe,
    exchange::{Archive, Exchange, SECOND_US},
};
use crate::{
    config::Config,
    session::{calendar, rig::START_US},
};

#[test]
fn every_size_is_built_from_one_stream_and_equals_what_was_traded() {
    let mut exchange = Exchange::new();
    let sizes = ["5s", "10s", "15s", "30s", "1m", "2m", "3m", "5m", "10m", "15m", "20m", "30m", "1h", "2h", "4h"];
    let streams: Vec<String> = sizes.iter().map(|size| format!("bar.{size}")).collect();
    let names: Vec<&str> = streams.iter().map(String::as_str).collect();
    exchange.lease(&names);
    assert_eq!(exchange.desk.list().lines.used, 1);
    exchange.run_to(4 * 3_600 + 6);
    for size in sizes {
        exchange.check(size, 0, 4 * 3_600);
    }
    exchange.check_order();
    assert_eq!(exchange.asked, [], "everything was seen from its start");
    assert_eq!(exchange.gaps, []);
}

#[test]
fn a_bar_is_final_as_soon_as_its_last_part_has_come() {
    let mut exchange = Exchange::new();
    exchange.lease(&["bar.1m"]);
    exchange.run_to(60);
    assert_eq!(exchange.closed("1m"), []);
    exchange.run_to(61);
    assert_eq!(exchange.closed("1m"), [(0, false)]);
}

#[test]
fn a_bar_in_progress_is_told_every_five_seconds_unless_that_is_switched_off() {
    let mut exchange = Exchange::new();
    exchange.lease(&["bar.1m", "bar.1h"]);
    exchange.run_to(58);
    let updates = |exchange: &Exchange, size: &str| -> Vec<i64> {
        let bars = exchange.bars.iter().filter(|bar| bar.size.name() == size && !bar.complete);
        bars.map(|bar| i64::from(bar.bar.count.expect("traded"))).collect()
    };
    assert_eq!(updates(&exchange, "1m").len(), 11);
    assert!(updates(&exchange, "1m").is_sorted_by(|a, b| a < b), "each holds what the one before held");
    assert_eq!(updates(&exchange, "1m"), updates(&exchange, "1h"));
    exchange.check_order();

    let mut config = Config::default();
    config.bars.update_ms = 0;
    let mut quiet = Exchange::with(config);
    quiet.lease(&["bar.1m"]);
    quiet.run_to(125);
    assert!(quiet.bars.iter().all(|bar| bar.complete), "{:?}", quiet.bars);
    quiet.check("1m", 0, 120);
}

#[test]
fn a_first_bar_that_had_begun_is_completed_from_history() {
    let mut exchange = Exchange::new();
    exchange.run_to(7 * 60 + 23);
    exchange.lease(&["bar.5s", "bar.30s", "bar.1m", "bar.5m", "bar.1h"]);
    exchange.run_to(3_600 + 10);
    exchange.check("1m", 7 * 60, 3_600);
    exchange.check("5m", 5 * 60, 3_600);
    exchange.check("1h", 0, 3_600);
    assert_eq!(exchange.closed("1m")[0], (7 * 60, true), "it came from history");
    assert!(exchange.closed("1m")[1..].iter().all(|(_, backfilled)| !backfilled));
    assert_eq!(exchange.asked, [("1 min".to_owned(), 8 * 60)], "one request serves all of them");
    // The 5 s that were going on are whole; a size below a minute is not worth a request.
    exchange.check("5s", 7 * 60 + 20, 3_605);
    let first = exchange.bars.iter().find(|bar| bar.size.name() == "30s" && bar.complete).expect("a bar");
    assert_eq!(first.partial, Some(true));
    exchange.check_order();
}

#[test]
fn without_history_a_first_bar_that_had_begun_is_marked() {
    let mut exchange = Exchange::new();
    exchange.archive = Archive::Mute;
    exchange.run_to(7 * 60 + 23);
    exchange.lease(&["bar.1m", "bar.15m"]);
    exchange.run_to(20 * 60);
    let bars: Vec<_> = exchange.bars.iter().filter(|bar| bar.complete).collect();
    assert_eq!((bars[0].size.name(), bars[0].bar.start_us), ("1m", START_US + 8 * 60 * SECOND_US));
    let quarter = bars.iter().find(|bar| bar.size.name() == "15m").expect("a bar");
    assert_eq!((quarter.bar.start_us, quarter.partial), (START_US, Some(true)));
    let missing = exchange.gaps.iter().find(|gap| gap.stream == "bar.15m").and_then(|gap| gap.missing.clone());
    let missing = missing.expect("what is missing is told");
    assert_eq!((missing[0].from_us, missing[0].to_us), (START_US, START_US + 8 * 60 * SECOND_US));
    exchange.check_order();
}

#[test]
fn another_size_joins_a_running_stream_and_holds_up_nobody() {
    let mut exchange = Exchange::new();
    exchange.lease(&["bar.1m"]);
    exchange.run_to(10 * 60 + 32);
    exchange.archive = Archive::Mute;
    let stock = std::sync::Arc::clone(&exchange.desk.stock);
    exchange.desk.try_subscribe("beta", subscribe(&["bar.1h", "bar.1m"], 0), &stock).expect("a lease");
    exchange.run_to(11 * 60 + 1);
    exchange.check("1m", 0, 11 * 60);
    assert_eq!(exchange.asked, [("1 min".to_owned(), 10 * 60)]);
    exchange.archive = Archive::Answers;
    exchange.run_to(3_600 + 10);
    exchange.check("1m", 0, 3_600);
    exchange.check("1h", 0, 3_600);
}

#[test]
fn a_halt_ends_bars_by_the_clock() {
    let mut exchange = Exchange::new();
    exchange.halts = vec![(START_US + 90 * SECOND_US, START_US + 400 * SECOND_US)];
    exchange.lease(&["bar.5s", "bar.1m", "bar.5m"]);
    exchange.run_to(129);
    assert_eq!(exchange.closed("1m"), [(0, false)]);
    exchange.run_to(131);
    assert_eq!(exchange.closed("1m"), [(0, false), (60, false)], "no part of it came after 90 s");
    exchange.run_to(311);
    assert_eq!(exchange.closed("5m"), [(0, false)]);
    exchange.run_to(906);
    exchange.check("5s", 0, 905);
    exchange.check("1m", 0, 900);
    exchange.check("5m", 0, 900);
    assert_eq!((exchange.asked.len(), exchange.gaps.len()), (0, 0), "a halt is no interruption");
}

#[test]
fn a_late_part_of_a_bar_that_was_closed_makes_no_second_bar() {
    let mut exchange = Exchange::new();
    exchange.lease(&["bar.1m"]);
    exchange.run_to(51);
    exchange.is_silent = true;
    exchange.run_to(75);
    assert_eq!(exchange.closed("1m"), [(0, false)]);
    let id = exchange.stream.expect("a stream");
    exchange.desk.hear(super::super::streams::bar(id, START_US / SECOND_US + 55, "1"));
    exchange.is_silent = false;
    exchange.run_to(190);
    let starts: Vec<i64> = exchange.closed("1m").iter().map(|(start, _)| *start).collect();
    assert_eq!(starts, [0, 60, 120]);
}

#[test]
fn a_session_that_ends_closes_its_bars_and_the_day() {
    let mut exchange = Exchange::new();
    let at = |seconds: i64| START_US + seconds * SECOND_US;
    let date = "2027-01-15".parse().expect("a date");
    let sessions = vec![calendar::Session { start_us: at(-600), end_us: at(1_500), date }];
    let calendar = calendar::Calendar { zone: chrono_tz::Tz::America__New_York, sessions };
    exchange.desk.rig.session.core.calendars.insert(265_598, std::sync::Arc::new(calendar));
    exchange.halts = vec![(at(-90_000), at(-600)), (at(1_500), at(90_000))];
    exchange.lease(&["bar.20m", "bar.1h", "bar.1d"]);
    exchange.run_to(1_520);
    exchange.check("20m", 0, 1_500);
    let closed: Vec<_> = exchange.bars.iter().filter(|bar| bar.complete).collect();
    let day = closed.iter().find(|bar| bar.size.name() == "1d").expect("the day");
    assert_eq!(day.bar.date.as_deref(), Some("20270115"));
    let whole = exchange.truth(at(-600), 2_100 * SECOND_US).expect("a day");
    assert_eq!(
        (day.bar.open, day.bar.high, day.bar.close, day.bar.count),
        (whole.open, whole.high, whole.close, whole.count)
    );
    assert_eq!(day.bar.start_us, 1_799_971_200_000_000, "midnight UTC of its date");
    assert!(closed.iter().any(|bar| bar.size.name() == "1h"), "the session's end ends the hour");
}
