//! Bars across interruptions.

use super::exchange::{Archive, Exchange, SECOND_US};
use crate::{config::Config, schema::connection::GapState, session::rig::START_US};

const LOST: &str = "Connectivity between IB and TWS has been lost.";
const BACK: &str = "Connectivity between IB and TWS has been restored- data maintained.";

/// A stream of bars that is cut at 130 s for seven minutes. Returns the first second that is streamed again.
fn cut_for_seven_minutes(exchange: &mut Exchange) -> i64 {
    exchange.lease(&["bar.5s", "bar.1m", "bar.5m"]);
    exchange.run_to(132);
    exchange.cut();
    exchange.run_to(132 + 7 * 60);
    exchange.back()
}

#[test]
fn seven_minutes_without_a_link_leave_every_bar_once_and_in_order() {
    let mut exchange = Exchange::new();
    let back = cut_for_seven_minutes(&mut exchange);
    exchange.run_to(1_000);
    exchange.check("5s", 0, 995);
    exchange.check("1m", 0, 960);
    exchange.check("5m", 0, 900);
    exchange.check_order();

    let backfilled = |size: &str| -> Vec<i64> {
        exchange.closed(size).into_iter().filter(|(_, backfilled)| *backfilled).map(|(start, _)| start).collect()
    };
    let fives = backfilled("5s");
    assert_eq!((fives.first(), fives.last()), (Some(&130), Some(&(back - 5))), "{fives:?}");
    assert_eq!(backfilled("1m"), (120..=540).step_by(60).collect::<Vec<i64>>());
    assert_eq!(backfilled("5m"), [0, 300], "a bar that is mended in part says so too");
    let mut first = exchange.bars.iter().filter(|bar| bar.after_gap == Some(true));
    let firsts: Vec<(&str, i64)> =
        first.by_ref().map(|bar| (bar.size.name(), (bar.bar.start_us - START_US) / SECOND_US)).collect();
    assert_eq!(firsts, [("5s", 130), ("1m", 120), ("5m", 0)]);
}

#[test]
fn a_gap_says_from_when_to_when_and_what_was_repaired() {
    let mut exchange = Exchange::new();
    let back = cut_for_seven_minutes(&mut exchange);
    exchange.run_to(1_000);
    let told: Vec<(&str, GapState)> = exchange.gaps.iter().map(|gap| (gap.stream.as_str(), gap.state)).collect();
    let (opened, closed) = (GapState::Opened, GapState::Closed);
    let expected = [
        ("bar.5s", opened),
        ("bar.1m", opened),
        ("bar.5m", opened),
        ("bar.5s", closed),
        ("bar.1m", closed),
        ("bar.5m", closed),
    ];
    assert_eq!(told, expected);
    let gap = &exchange.gaps[4];
    let repaired = gap.repaired.expect("what was repaired");
    let seconds = |us: i64| (us - START_US) / SECOND_US;
    assert_eq!((seconds(repaired.from_us), seconds(repaired.to_us), repaired.fetched), (120, 600, 8));
    assert_eq!(seconds(gap.from_us), 130);
    assert_eq!(seconds(gap.to_us.expect("closed")), back + 5);
    assert_eq!(gap.missing, None);
    assert_eq!(exchange.gaps[3].repaired.expect("repaired").fetched, u64::try_from(back - 130).expect("later") / 5);
}

#[test]
fn live_bars_wait_until_what_is_missing_before_them_is_there() {
    let mut exchange = Exchange::new();
    exchange.archive = Archive::Mute;
    cut_for_seven_minutes(&mut exchange);
    exchange.run_to(590);
    assert_eq!(exchange.closed("5s").last(), Some(&(125, false)));
    // The request that was not answered is asked again after its deadline.
    exchange.archive = Archive::Answers;
    exchange.run_to(700);
    exchange.check("5s", 0, 695);
}

#[test]
fn a_repair_that_cannot_be_had_holds_up_nothing_for_ever() {
    let mut config = Config::default();
    config.bars.repair_ms = 30_000;
    let mut exchange = Exchange::with(config);
    exchange.archive = Archive::Mute;
    let back = cut_for_seven_minutes(&mut exchange);
    exchange.run_to(1_000);
    let fives: Vec<i64> = exchange.closed("5s").into_iter().map(|(start, _)| start).collect();
    assert!(fives.windows(2).all(|pair| pair[1] == pair[0] + 5 || pair == [125, back]), "{fives:?}");
    let missing = exchange.gaps.iter().find(|gap| gap.stream == "bar.5s" && gap.state == GapState::Closed);
    let missing = missing.and_then(|gap| gap.missing.clone()).expect("what is missing");
    let seconds = |us: i64| (us - START_US) / SECOND_US;
    assert_eq!((seconds(missing[0].from_us), seconds(missing[0].to_us)), (130, back));
    assert_eq!(missing[0].reason, "timeout");
    let partial: Vec<_> = exchange.bars.iter().filter(|bar| bar.complete && bar.partial == Some(true)).collect();
    let partial: Vec<_> = partial.iter().map(|bar| (bar.size.name(), seconds(bar.bar.start_us))).collect();
    assert_eq!(partial, [("5m", 0)], "of the next one nothing is known");
    exchange.check_order();
    exchange.check_content();
}

#[test]
fn where_ib_has_nothing_a_bar_is_not_called_partial() {
    let mut exchange = Exchange::new();
    exchange.halts = vec![(START_US + 130 * SECOND_US, START_US + 560 * SECOND_US)];
    exchange.archive = Archive::NoData;
    cut_for_seven_minutes(&mut exchange);
    exchange.run_to(640);
    assert_eq!(exchange.closed("5s")[26], (560, false));
    let closed = exchange.gaps.iter().find(|gap| gap.stream == "bar.5s" && gap.state == GapState::Closed);
    let missing = closed.and_then(|gap| gap.missing.clone()).expect("what is missing");
    assert_eq!(missing[0].reason, "no_data");
    assert!(exchange.bars.iter().filter(|bar| bar.size.name() == "5s").all(|bar| bar.partial.is_none()));
}

#[test]
fn every_way_to_lose_the_stream_is_repaired() {
    for way in ["1101", "1102", "10225", "farm"] {
        let mut exchange = Exchange::new();
        exchange.lease(&["bar.5s", "bar.1m"]);
        exchange.run_to(132);
        exchange.is_silent = true;
        match way {
            "1101" | "1102" => exchange.desk.rig.notice_all(1100, LOST),
            "farm" => exchange.desk.rig.notice_all(2103, "Market data farm connection is broken:usfarm"),
            _ => {}
        }
        exchange.run_to(170);
        match way {
            "1101" => exchange.desk.rig.notice_all(1101, BACK),
            "1102" => exchange.desk.rig.notice_all(1102, BACK),
            "farm" => exchange.desk.rig.notice_all(2104, "Market data farm connection is OK:usfarm"),
            _ => {
                let id = exchange.stream.expect("a stream");
                exchange.desk.notice(id, 10_225, "Bust event occurred, current subscription is deactivated.");
            }
        }
        exchange.serve();
        exchange.is_silent = false;
        exchange.run_to(400);
        exchange.check("5s", 0, 395);
        exchange.check("1m", 0, 360);
        exchange.check_order();
        let closed = exchange.gaps.iter().filter(|gap| gap.state == GapState::Closed);
        assert!(closed.clone().count() == 2 && closed.clone().all(|gap| gap.repaired.is_some()), "{way}");
    }
}

#[test]
fn an_interruption_without_a_missing_bar_asks_for_nothing() {
    let mut exchange = Exchange::new();
    exchange.lease(&["bar.5s", "bar.1m"]);
    exchange.run_to(132);
    exchange.desk.rig.notice_all(2103, "Market data farm connection is broken:eufarm");
    exchange.run_to(300);
    exchange.check("5s", 0, 295);
    exchange.check("1m", 0, 240);
    assert_eq!(exchange.asked, []);
    assert_eq!(exchange.gaps.len(), 4, "opened and closed for each");
    assert!(exchange.bars.iter().all(|bar| bar.backfilled.is_none() && bar.partial.is_none()));
}

#[test]
fn an_interruption_during_a_repair_is_repaired_with_it() {
    let mut exchange = Exchange::new();
    exchange.archive = Archive::Mute;
    cut_for_seven_minutes(&mut exchange);
    exchange.run_to(570);
    exchange.cut();
    exchange.run_to(600);
    exchange.archive = Archive::Answers;
    exchange.back();
    exchange.run_to(1_000);
    exchange.check("5s", 0, 995);
    exchange.check("1m", 0, 960);
    exchange.check("5m", 0, 900);
    exchange.check_order();
    let closed = exchange.gaps.iter().filter(|gap| gap.state == GapState::Closed);
    assert_eq!(closed.count(), 3, "one gap of each");
}

#[test]
fn a_long_interruption_is_mended_as_far_as_the_limits_allow() {
    let mut config = Config::default();
    config.bars.repair_small_max_s = 60;
    let mut exchange = Exchange::with(config);
    let back = cut_for_seven_minutes(&mut exchange);
    exchange.run_to(1_000);
    exchange.check("1m", 0, 960);
    let fives: Vec<i64> = exchange.closed("5s").into_iter().map(|(start, _)| start).collect();
    assert!(fives.windows(2).all(|pair| pair[1] == pair[0] + 5 || pair == [125, back - 60]), "{fives:?}");
    let closed = exchange.gaps.iter().find(|gap| gap.stream == "bar.5s" && gap.state == GapState::Closed);
    assert_eq!(closed.and_then(|gap| gap.missing.clone()).expect("missing")[0].reason, "too_long");
}

#[test]
fn a_market_that_closed_during_the_interruption_is_still_told_to_its_end() {
    let mut exchange = Exchange::new();
    exchange.halts = vec![(START_US + 300 * SECOND_US, START_US + 9_000 * SECOND_US)];
    cut_for_seven_minutes(&mut exchange);
    exchange.run_to(900);
    exchange.check("5s", 0, 895);
    exchange.check("1m", 0, 840);
    exchange.check("5m", 0, 840);
    let open = exchange.gaps.iter().all(|gap| gap.state == GapState::Opened);
    assert!(open, "no bar has come yet");
    exchange.run_to(9_400);
    exchange.check("5s", 0, 9_395);
    exchange.check("5m", 0, 9_300);
    exchange.check_order();
}

#[test]
fn a_stream_that_begins_while_its_silence_is_being_filled_loses_no_bar() {
    let mut exchange = Exchange::new();
    exchange.lease(&["bar.5s", "bar.1m", "bar.5m"]);
    exchange.run_to(132);
    exchange.cut();
    exchange.run_to(400);
    exchange.back();
    exchange.is_silent = true;
    exchange.slow_s = 25;
    // Silence is taken for a closed market after a quarter of a minute: what was missed is asked for, up to a minute ago.
    exchange.run_to(425);
    assert_eq!(exchange.asked, [], "history thinks about it");
    exchange.is_silent = false;
    exchange.run_to(1_000);
    exchange.check("5s", 0, 990);
    exchange.check("1m", 0, 960);
    exchange.check("5m", 0, 900);
    exchange.check_order();
    let closed = exchange.gaps.iter().filter(|gap| gap.state == GapState::Closed);
    assert_eq!(closed.count(), 3);
    assert!(exchange.gaps.iter().all(|gap| gap.missing.is_none()), "{:?}", exchange.gaps);
}

#[test]
fn a_size_that_is_given_back_during_a_repair_leaves_the_request_to_the_others() {
    let mut exchange = Exchange::new();
    exchange.lease(&["bar.5s", "bar.1m"]);
    let other = exchange.desk.lease("beta", &["bar.5m"]);
    exchange.run_to(132);
    exchange.cut();
    exchange.run_to(400);
    exchange.slow_s = 10;
    exchange.back();
    exchange.run_to(425);
    exchange.desk.unsubscribe("beta", &other.lease).expect("ended");
    exchange.run_to(440);
    exchange.slow_s = 0;
    exchange.run_to(700);
    exchange.check("1m", 0, 660);
    assert_eq!(exchange.asked.iter().filter(|(size, _)| size == "1 min").count(), 1, "{:?}", exchange.asked);
}

#[test]
fn history_that_lags_behind_the_stream_is_asked_once_more_for_the_last_bars() {
    let mut exchange = Exchange::new();
    exchange.lease(&["bar.5s", "bar.1m"]);
    exchange.run_to(132);
    exchange.cut();
    exchange.run_to(170);
    exchange.lag_s = 12;
    exchange.back();
    exchange.run_to(400);
    exchange.check("5s", 0, 395);
    exchange.check("1m", 0, 360);
    exchange.check_order();
    assert!(exchange.gaps.iter().all(|gap| gap.missing.is_none()), "{:?}", exchange.gaps);
    let fives: Vec<_> = exchange.asked.iter().filter(|(size, _)| size == "5 secs").collect();
    assert_eq!(fives.len(), 2, "{fives:?}");
}

#[test]
fn a_restart_of_the_bridge_is_an_interruption_that_is_repaired() {
    let mut exchange = Exchange::new();
    exchange.lease(&["bar.5s", "bar.1m", "bar.5m"]);
    exchange.run_to(402);
    let mut exchange = exchange.restarted(420);
    exchange.run_to(1_300);
    exchange.check("5s", 0, 1_290);
    exchange.check("1m", 0, 1_260);
    exchange.check("5m", 0, 1_200);
    exchange.check_order();
    let seconds = |us: i64| (us - START_US) / SECOND_US;
    let told: Vec<_> = exchange.gaps.iter().map(|gap| (gap.stream.as_str(), gap.state, seconds(gap.from_us))).collect();
    let (opened, closed) = (GapState::Opened, GapState::Closed);
    let froms = [("bar.5s", 400), ("bar.1m", 360), ("bar.5m", 300)];
    let expected = |state| froms.map(|(stream, from)| (stream, state, from));
    assert_eq!(told, [expected(opened), expected(closed)].concat());
    assert!(exchange.gaps.iter().all(|gap| gap.missing.is_none() && gap.reason.contains("restarted")));
    let first = exchange.bars.iter().find(|bar| bar.backfilled == Some(true) && bar.size.name() == "1m");
    let first = first.expect("the first one missing");
    assert_eq!((seconds(first.bar.start_us), first.after_gap), (360, Some(true)));
}

#[test]
fn after_a_long_absence_no_more_is_fetched_than_is_allowed_even_while_the_market_is_closed() {
    let mut config = Config::default();
    (config.bars.repair_max_s, config.bars.repair_small_max_s) = (600, 60);
    let mut exchange = Exchange::with(config);
    exchange.lease(&["bar.5s", "bar.1m"]);
    exchange.run_to(130);
    exchange.halts = vec![(START_US + 86_000 * SECOND_US, START_US + 87_000 * SECOND_US)];
    let mut exchange = exchange.restarted(86_270);
    exchange.run_to(87_400);
    let fives = exchange.closed("5s");
    assert_eq!(fives.iter().find(|(start, _)| *start > 130).map(|(start, _)| *start), Some(87_000));
    let minutes = exchange.closed("1m");
    let first = minutes.iter().find(|(start, _)| *start > 130).expect("one");
    assert!((85_700..86_000).contains(&first.0), "{first:?}");
    for stream in ["bar.5s", "bar.1m"] {
        let closed = exchange.gaps.iter().find(|gap| gap.stream == stream && gap.state == GapState::Closed);
        let missing = closed.and_then(|gap| gap.missing.clone()).expect("what is missing");
        assert_eq!(missing[0].reason, "too_long", "{stream}");
    }
    exchange.check_content();
}

#[test]
fn a_stream_that_was_given_back_is_not_taken_up_where_it_ended() {
    let mut exchange = Exchange::new();
    let lease = exchange.desk.lease("alpha", &["bar.1m"]);
    exchange.run_to(402);
    exchange.desk.unsubscribe("alpha", &lease.lease).expect("ended");
    let mut exchange = exchange.restarted(420);
    exchange.lease(&["bar.1m"]);
    exchange.run_to(1_300);
    assert_eq!(exchange.gaps, []);
    assert_eq!(exchange.closed("1m").iter().find(|(start, _)| *start > 360).map(|(start, _)| *start), Some(780));
}
