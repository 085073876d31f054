//! Bars of whole simulated days against the history that the gateway tells afterwards.
#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

#[path = "market_days/world.rs"]
mod world;

use ibnats::{config::BarFeed, schema::connection::GapState, sim::SimConfig};
use world::World;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

fn at(text: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis()
}

fn around_the_clock() -> SimConfig {
    SimConfig { seed: 4, slot_ms: 1_000, ..SimConfig::default() }
}

/// Bars do not say that their instrument is halted, so its streams count as silent: told, and over with the halt.
#[track_caller]
fn gaps_lie_within(world: &World, from_ms: i64, to_ms: i64) {
    for gap in &world.gaps {
        assert!(gap.reason.starts_with("no data for"), "{gap:?}");
        assert!(gap.from_us >= (from_ms - 10_000) * 1_000, "{gap:?}");
        assert!(gap.to_us.is_none_or(|to_us| to_us <= (to_ms + 10_000) * 1_000), "{gap:?}");
    }
    let open = |state| world.gaps.iter().filter(|gap| gap.state == state).count();
    assert_eq!(open(GapState::Opened), open(GapState::Closed), "each is over");
}

#[test]
fn a_day_on_which_the_clock_is_set_back_with_a_halt_in_it_equals_history() {
    // Midnight in New York; the day has 25 hours.
    let (start_ms, end_ms) = (at("2026-11-01T04:00:00Z"), at("2026-11-02T05:00:00Z"));
    let mut world = World::at(start_ms - 20_000, &around_the_clock());
    world.subscribe(&["bar.1m", "bar.5m", "bar.1h", "bar.4h", "bar.1d"]);
    let halt_ms = at("2026-11-01T14:30:12Z");
    world.run_to(halt_ms);
    assert!(world.sim.halt(world.now_ms(), "AAPL"));
    world.run_to(halt_ms + 37 * MINUTE_MS);
    assert!(world.sim.resume(world.now_ms(), "AAPL"));
    world.run_to(end_ms + 20_000);

    let day = (start_ms, end_ms);
    assert_eq!(world.check("1m", "1 min", "2 D", day), 25 * 60 - 36, "no bar while nothing was traded");
    assert_eq!(world.check("5m", "5 mins", "2 D", day), 25 * 12 - 6);
    assert_eq!(world.check("1h", "1 hour", "2 D", day), 25);
    assert_eq!(world.check("4h", "4 hours", "1 W", day), 6, "the first one is five hours long");
    let date = (at("2026-11-01T00:00:00Z"), at("2026-11-02T00:00:00Z"));
    assert_eq!(world.check("1d", "1 day", "1 W", date), 1);
    gaps_lie_within(&world, halt_ms, halt_ms + 37 * MINUTE_MS);
    assert_eq!(world.leases, 1);
}

#[test]
fn a_night_on_which_the_clock_is_set_forward_equals_history() {
    let (start_ms, end_ms) = (at("2026-03-08T05:00:00Z"), at("2026-03-08T10:00:00Z"));
    let mut world = World::at(start_ms - 20_000, &around_the_clock());
    world.subscribe(&["bar.1m", "bar.5m", "bar.1h", "bar.2h"]);
    world.run_to(end_ms + 20_000);
    let night = (start_ms, end_ms);
    assert_eq!(world.check("1m", "1 min", "2 D", night), 300);
    assert_eq!(world.check("5m", "5 mins", "2 D", night), 60);
    assert_eq!(world.check("1h", "1 hour", "2 D", night), 5);
    assert_eq!(world.check("2h", "2 hours", "2 D", night), 3, "two of two hours and one of one");
}

#[test]
fn a_half_day_with_a_halt_over_its_close_equals_history() {
    // The day after Thanksgiving: trading from 4:00 to 17:00 in New York.
    let (open_ms, close_ms) = (at("2026-11-27T09:00:00Z"), at("2026-11-27T22:00:00Z"));
    let sim = SimConfig { market_hours: true, ..around_the_clock() };
    let mut world = World::at(open_ms - 10 * MINUTE_MS, &sim);
    world.subscribe(&["bar.5s", "bar.30s", "bar.1m", "bar.5m", "bar.1h", "bar.8h", "bar.1d"]);
    world.run_to(close_ms - HOUR_MS);
    assert!(world.sim.halt(world.now_ms(), "AAPL"));
    world.run_to(close_ms - HOUR_MS + 130_000);
    assert!(world.sim.resume(world.now_ms(), "AAPL"));
    world.run_to(close_ms - 7_000);
    assert!(world.sim.halt(world.now_ms(), "AAPL"));
    world.run_to(close_ms + MINUTE_MS);

    let day = (open_ms, close_ms);
    assert_eq!(world.check("1m", "1 min", "2 D", day), 13 * 60 - 1);
    assert_eq!(world.check("5m", "5 mins", "2 D", day), 13 * 12);
    assert_eq!(world.check("1h", "1 hour", "2 D", day), 13);
    assert_eq!(world.check("8h", "8 hours", "1 W", day), 3, "from 4:00 to 8:00, to 16:00, and to the close");
    let date = (at("2026-11-27T00:00:00Z"), at("2026-11-28T00:00:00Z"));
    assert_eq!(world.check("1d", "1 day", "1 W", date), 1);
    assert!(world.check("30s", "30 secs", "28800 S", (close_ms - 7 * HOUR_MS, close_ms)) > 830);
    gaps_lie_within(&world, close_ms - HOUR_MS, close_ms - HOUR_MS + 130_000);
}

#[test]
fn seven_minutes_without_a_gateway_leave_every_bar_once_and_as_history_has_it() {
    for feed in [BarFeed::RealTime, BarFeed::KeepUpToDate] {
        seven_minutes_without_a_gateway(feed);
    }
}

fn seven_minutes_without_a_gateway(feed: BarFeed) {
    let start_ms = at("2026-11-20T15:00:00Z");
    let mut world = World::with(start_ms - 20_000, &around_the_clock(), feed);
    world.subscribe(&["bar.5s", "bar.1m"]);
    world.run_to(start_ms + 10 * MINUTE_MS + 23_000);
    world.cut();
    world.run_to(start_ms + 17 * MINUTE_MS + 23_000);
    world.back();
    world.run_to(start_ms + 25 * MINUTE_MS + 9_000);

    let all = (start_ms, start_ms + 25 * MINUTE_MS);
    assert_eq!(world.check("5s", "5 secs", "1800 S", all), 25 * 12);
    assert_eq!(world.check("1m", "1 min", "3600 S", all), 25);
    for (size, fewest) in [("5s", 84), ("1m", 7)] {
        let of_size: Vec<_> = world.bars.iter().filter(|bar| bar.size.name() == size && bar.complete).collect();
        assert!(of_size.windows(2).all(|pair| pair[0].bar.start_us < pair[1].bar.start_us), "{size}");
        let marked: Vec<i64> =
            of_size.iter().filter(|bar| bar.backfilled == Some(true)).map(|bar| bar.bar.start_us / 1_000).collect();
        // The very first minute began before the stream did.
        let marked: Vec<i64> = marked.into_iter().filter(|at_ms| *at_ms >= start_ms).collect();
        assert!(marked.len() >= fewest, "{size}: {}", marked.len());
        let missed = start_ms + 10 * MINUTE_MS..start_ms + 18 * MINUTE_MS;
        assert!(marked.iter().all(|start| missed.contains(start)), "{size}: {marked:?}");
        let gaps: Vec<_> = world.gaps.iter().filter(|gap| gap.stream == format!("bar.{size}")).collect();
        assert_eq!(gaps.iter().map(|gap| gap.state).collect::<Vec<_>>(), [GapState::Opened, GapState::Closed]);
        assert!(gaps[1].repaired.is_some() && gaps[1].missing.is_none(), "{gaps:?}");
    }
}
