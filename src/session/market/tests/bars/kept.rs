//! Bars out of requests that are kept up to date.

use super::super::desk::{Desk, names};
use crate::{
    config::{BarFeed, Config},
    schema::{
        connection::LinkName,
        request::market::{Usage, WhenFull},
    },
    session::rig::START_US,
    tws::{
        Request, Response,
        message::history::{HistoricalDataBar, HistoricalDataUpdate},
    },
};

fn desk() -> Desk {
    with_room_for(35)
}

fn with_room_for(requests: u32) -> Desk {
    let mut config = Config::default();
    config.pacing.kept_bars = requests;
    config.bars.feed = BarFeed::KeepUpToDate;
    Desk::with(config)
}

#[track_caller]
fn asked(desk: &mut Desk) -> i32 {
    let sent = desk.sent();
    let ask = sent.iter().find_map(|request| match request {
        Request::HistoricalDataRequest(ask) if ask.keep_up_to_date == Some(true) => Some(ask),
        _ => None,
    });
    let ask = ask.unwrap_or_else(|| panic!("not asked: {:?}", names(&sent)));
    assert_eq!((ask.bar_size_setting.as_deref(), ask.end_date_time.as_deref()), (Some("5 secs"), Some("")));
    ask.req_id.expect("an id")
}

/// The bar that starts so many seconds after the start, grown to this close.
fn update(req_id: i32, second: i64, close: f64) -> Response {
    let bar = HistoricalDataBar {
        date: Some((START_US / 1_000_000 + second).to_string()),
        open: Some(1.0),
        high: Some(9.0),
        low: Some(0.5),
        close: Some(close),
        volume: Some("10".to_owned()),
        wap: Some("1.5".to_owned()),
        bar_count: Some(3),
    };
    let update = HistoricalDataUpdate { req_id: Some(req_id), historical_data_bar: Some(bar) };
    Response::HistoricalDataUpdate(Box::new(update))
}

fn closes(desk: &mut Desk) -> Vec<f64> {
    desk.heard().bars.iter().filter(|bar| bar.complete && bar.size.name() == "5s").map(|bar| bar.bar.close).collect()
}

#[test]
fn a_new_time_stamp_completes_the_bar_before_it() {
    let mut desk = desk();
    desk.lease("alpha", &["bar.5s"]);
    let id = asked(&mut desk);
    desk.rig.wait_ms(1_000);
    desk.hear(update(id, 0, 1.0));
    desk.hear(update(id, 0, 2.0));
    assert_eq!(closes(&mut desk), [0.0; 0], "it may still grow");
    desk.rig.wait_ms(5_000);
    desk.hear(update(id, 0, 3.0));
    desk.hear(update(id, 5, 4.0));
    desk.hear(update(id, 0, 3.0));
    assert_eq!(closes(&mut desk), [3.0]);
    // Nothing follows: time completes it, and repeats of it change nothing.
    desk.rig.wait_ms(20_000);
    desk.hear(update(id, 5, 4.0));
    desk.rig.wait_ms(20_000);
    assert_eq!(closes(&mut desk), [4.0]);
}

#[test]
fn bars_kept_up_to_date_take_an_open_request_and_are_cancelled_as_one() {
    let mut desk = desk();
    let lease = desk.lease("alpha", &["bar.5s", "bar.1m"]);
    let id = asked(&mut desk);
    let now = desk.rig.now().at;
    let pacing = &mut desk.rig.session.core.pacing;
    assert_eq!((pacing.open_usage().used, pacing.history_usage(now).used), (1, 1), "IB counts it as a small request");
    let list = desk.list();
    assert_eq!((list.lines.used, list.kept_bars.map(|usage| usage.used)), (0, Some(1)));
    assert_eq!(desk.unsubscribe("alpha", &lease.lease), Ok(1));
    let sent = desk.sent();
    let [Request::CancelHistoricalData(cancel)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(cancel.req_id, Some(id));
    assert_eq!(desk.rig.session.core.pacing.open_usage().used, 0);
}

#[test]
fn they_are_asked_for_again_after_1102_and_after_their_own_end() {
    let mut desk = desk();
    desk.lease("alpha", &["bar.5s"]);
    let first = asked(&mut desk);
    desk.hear(update(first, 0, 1.0));
    desk.hear(update(first, 5, 1.0));
    desk.rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    desk.rig.notice_all(1102, "Connectivity between IB and TWS has been restored- data maintained.");
    desk.rig.wait_ms(20_000);
    let second = asked(&mut desk);
    assert_ne!(first, second, "IB does not go on with them");

    desk.hear(update(second, 20, 1.0));
    desk.hear(update(second, 25, 1.0));
    desk.rig.wait_ms(20_000);
    desk.sent();
    desk.rig.notice(LinkName::Data, second, 10_182, "Failed to request live updates (disconnected).");
    desk.rig.wait_ms(20_000);
    assert_ne!(asked(&mut desk), second);
}

#[test]
fn they_are_asked_for_again_once_after_1101() {
    let mut desk = desk();
    desk.lease("alpha", &["bar.5s"]);
    let first = asked(&mut desk);
    desk.hear(update(first, 0, 1.0));
    desk.rig.wait_ms(16_000);
    desk.rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    assert_eq!(desk.sent(), [], "a gateway without IB answers falsely");
    desk.rig.notice_all(1101, "Connectivity between IB and TWS has been restored- data lost.");
    let sent = desk.sent();
    assert_eq!(names(&sent), ["HistoricalDataRequest"], "a cancel would be answered with 366");
    assert_eq!(desk.rig.session.core.pacing.open_usage().used, 1, "the first is not open any more");
}

#[test]
fn each_bar_is_complete_once_whatever_is_repeated_and_however_often_they_are_asked_for_again() {
    let mut desk = desk();
    desk.lease("alpha", &["bar.5s"]);
    let first = asked(&mut desk);
    for second in [0, 0, 5, 0, 5, 10] {
        desk.hear(update(first, second, 1.0));
    }
    desk.rig.notice_all(1100, "Connectivity between IB and TWS has been lost.");
    desk.rig.notice_all(1102, "Connectivity between IB and TWS has been restored- data maintained.");
    desk.rig.wait_ms(16_000);
    let second = asked(&mut desk);
    desk.hear(update(first, 15, 1.0));
    for at in [5, 10, 15, 10, 20] {
        desk.hear(update(second, at, 1.0));
    }
    desk.rig.wait_ms(300_000);
    let bars = desk.heard().bars;
    let starts: Vec<i64> =
        bars.iter().filter(|bar| bar.complete).map(|bar| (bar.bar.start_us - START_US) / 1_000_000).collect();
    let mut once = starts.clone();
    once.dedup();
    assert_eq!(starts, once, "twice");
    assert!(starts.is_sorted() && starts.contains(&5) && starts.contains(&15), "{starts:?}");
}

#[test]
fn one_shot_requests_keep_their_share_of_what_may_be_open() {
    let mut desk = with_room_for(2);
    for con_id in 1..=3 {
        let stock = desk.rig.stock(con_id, &format!("S{con_id}"));
        let mut ask = super::super::desk::subscribe(&["bar.5s"], 0);
        ask.when_full = WhenFull::Queue;
        desk.try_subscribe("alpha", ask, &stock).expect("a lease");
    }
    assert_eq!(names(&desk.sent()), ["HistoricalDataRequest"; 2]);
    let list = desk.list();
    assert_eq!((list.kept_bars, list.queued), (Some(Usage { used: 2, max: 2 }), 1));
    let stock = desk.rig.stock(4, "S4");
    let error = desk.try_subscribe("beta", super::super::desk::subscribe(&["bar.5s"], 0), &stock).expect_err("full");
    assert!(error.message.contains("historical requests kept up to date"), "{error}");
}
