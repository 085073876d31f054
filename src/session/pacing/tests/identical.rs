//! The interval between identical small requests, by the gateway's clock.

use super::{Class, LinkName, Rig, config, identical};

#[test]
fn an_identical_small_request_waits_sixteen_seconds_whatever_became_of_the_first() {
    let mut rig = Rig::new(&config::Pacing::default());
    let first = rig.submit(Class::History, "", identical(7));
    assert_eq!(rig.sent(100), [first]);
    rig.scheduler.on_link_down(rig.at(0), LinkName::Data);
    let again = rig.submit(Class::History, "", identical(7));
    let other = rig.submit(Class::History, "", identical(8));
    assert_eq!(rig.sent(101), [other]);
    assert_eq!(rig.scheduler.wake_at(), Some(rig.at(16_100)));
    assert_eq!(rig.sent(16_099).len(), 0);
    assert_eq!(rig.sent(16_100), [again]);
}

#[test]
fn bars_kept_up_to_date_wait_out_what_an_earlier_run_may_have_asked_for() {
    let mut rig = Rig::new(&config::Pacing::default());
    rig.scheduler.on_earlier_streams(rig.at(0));
    let lasting = rig.submit(Class::Live, "", identical(7));
    let once = rig.submit(Class::History, "", identical(8));
    assert_eq!(rig.sent(0), [once]);
    assert_eq!(rig.sent(15_999).len(), 0);
    assert_eq!(rig.sent(16_000), [lasting]);
}

#[test]
fn what_was_held_up_on_the_way_counts_from_its_first_answer() {
    for (answered_ms, again_ms) in [(900, 16_000), (1_001, 17_001), (9_000, 25_000)] {
        let mut rig = Rig::new(&config::Pacing::default());
        let first = rig.submit(Class::Live, "", identical(7));
        assert_eq!(rig.sent(0), [first]);
        rig.scheduler.history_answered(rig.at(answered_ms), first);
        rig.scheduler.history_answered(rig.at(12_000), first);
        rig.scheduler.history_done(rig.at(12_000), first);
        let again = rig.submit(Class::Live, "", identical(7));
        assert_eq!(rig.sent(again_ms - 1).len(), 0, "{answered_ms}");
        assert_eq!(rig.sent(again_ms), [again], "{answered_ms}");
    }
}

#[test]
fn what_was_on_its_way_when_the_link_broke_counts_from_then() {
    let mut rig = Rig::new(&config::Pacing::default());
    let first = rig.submit(Class::History, "", identical(7));
    assert_eq!(rig.sent(0), [first]);
    rig.scheduler.on_link_down(rig.at(8_000), LinkName::Data);
    let again = rig.submit(Class::History, "", identical(7));
    assert_eq!(rig.sent(23_999).len(), 0);
    assert_eq!(rig.sent(24_000), [again]);
}
