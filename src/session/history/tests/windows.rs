//! IB's windows for small bars over lost links and restarts of the bridge.

use super::*;
use crate::session::{CacheItem, CacheKind};

/// How many requests are sent within this time, each answered at once but the last five.
fn sent_within(rig: &mut Rig, seconds: u64, answered: usize) -> usize {
    let mut count = 0;
    for _ in 0..seconds * 2 {
        for ask in asked(rig) {
            count += 1;
            if count <= answered {
                let end = end_us(rig, &ask);
                answer_at(rig, &ask, (1..=2_000).map(|second| end - second * 1_000_000));
            }
        }
        rig.wait_ms(500);
    }
    count
}

#[test]
fn what_a_lost_link_cut_off_is_asked_again_out_of_the_margin_that_is_left_to_ibs_limit() {
    for (configured, spare) in [(58, 2), (60, 0), (40, 0)] {
        let mut config = Config::default();
        config.timing.request_ms = 1_200_000;
        config.pacing.history_10_min = configured;
        let mut rig = Rig::ready_with(config);
        rig.is_alive = true;
        let listing = rig.stock(265_598, "AAPL");
        let count = usize::try_from(configured).expect("few");
        let start = START_US - 2 * DAY_US;
        let end = start + i64::from(configured) * 2_000_000_000;
        let token = bars(&mut rig, &listing, request("1s", start, Some(end)));
        assert_eq!(sent_within(&mut rig, 40, count - 5), count);
        rig.cut(LinkName::Data);
        rig.drop_sent(|_| true);
        rig.reconnect(LinkName::Data);
        assert_eq!(sent_within(&mut rig, 120, usize::MAX), spare, "configured {configured}");
        assert_eq!(sent_within(&mut rig, 600, usize::MAX), 5 - spare);
        assert_eq!(served(&mut rig, token).manifest.holes, []);
    }
}

/// The next run of the bridge, with these things kept.
fn next_run(kept: &[(CacheKind, &str, i64)]) -> Rig {
    let mut config = Config::default();
    config.timing.request_ms = 1_200_000;
    let mut rig = Rig::with(config);
    rig.is_alive = true;
    for (kind, body, at_us) in kept {
        let body = Some(body.as_bytes().to_vec().into());
        let item = CacheItem { kind: *kind, key: "x".to_owned(), at_us: *at_us, body };
        let now = rig.now();
        rig.session.recall(now, &item);
    }
    rig.wait_ms(0);
    rig.log_in(LinkName::Data);
    rig.log_in(LinkName::Trading);
    rig.forget();
    rig
}

#[test]
fn an_earlier_run_that_left_no_word_of_its_requests_is_taken_to_have_sent_all_it_could() {
    let gateway = (CacheKind::Gateway, "", START_US - 60_000_000);
    let nothing = (CacheKind::Pacing, "[]", START_US - 3_600_000_000);
    for (kept, wait_s) in [
        (vec![], 0),
        (vec![(CacheKind::Gateway, "", START_US - 601_000_000)], 0),
        (vec![gateway], 540),
        (vec![gateway, (CacheKind::Pacing, "no JSON", START_US)], 540),
        // That nothing was sent is a word.
        (vec![gateway, nothing], 0),
        (vec![nothing, gateway], 0),
    ] {
        let mut rig = next_run(&kept);
        let listing = rig.stock(265_598, "AAPL");
        bars(&mut rig, &listing, request("5s", START_US - HOUR_US, Some(START_US - HOUR_US / 2)));
        if wait_s > 0 {
            rig.wait_ms(wait_s * 1_000 - 1_000);
            assert_eq!(asked(&mut rig), [], "{kept:?}");
            rig.wait_ms(1_000);
        }
        assert_eq!(asked(&mut rig).len(), 1, "{kept:?}");
    }
}

#[test]
fn what_an_earlier_run_sent_counts_for_the_rest_of_its_ten_minutes() {
    let sent: Vec<_> = (0..29).map(|number| (START_US - 300_000_000 + number, 2, Some((7_u64, 8_u64)))).collect();
    let word = serde_json::to_string(&sent).expect("text");
    let mut rig = next_run(&[(CacheKind::Pacing, &word, START_US)]);
    let listing = rig.stock(265_598, "AAPL");
    bars(&mut rig, &listing, request("5s", START_US - HOUR_US, Some(START_US - HOUR_US / 2)));
    rig.wait_ms(299_000);
    assert_eq!(asked(&mut rig), []);
    rig.wait_ms(2_000);
    assert_eq!(asked(&mut rig).len(), 1);
    // What this run sent is kept together with what still counts.
    let kept = rig.cached.iter().rfind(|item| item.kind == CacheKind::Pacing).expect("kept");
    let kept: serde_json::Value = serde_json::from_slice(kept.body.as_deref().expect("a body")).expect("JSON");
    assert!(kept.as_array().is_some_and(|rows| (1..=29).contains(&rows.len())), "{kept}");
}
