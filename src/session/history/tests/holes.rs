//! What is missing of a range, and why.

use super::*;

/// A derivative with this expiry, `yyyymmdd`.
fn dated(rig: &mut Rig, con_id: i32, sec_type: &str, expiry: &str) -> Arc<Listing> {
    let mut listing = Listing::clone(&rig.listing(con_id, sec_type, "X", "SMART"));
    listing.instrument.expiry = Some(expiry.to_owned());
    Arc::new(listing)
}

#[test]
fn what_is_missing_is_told_with_its_reason() {
    let (mut rig, listing) = patient(600);
    let start = START_US - 9 * DAY_US;
    let token = bars(&mut rig, &listing, request("1m", start, Some(START_US)));
    let sent = asked(&mut rig);
    assert_eq!(sent.len(), 4);
    answer_hourly(&mut rig, &sent[0], 4 * 24);
    rig.notice(LinkName::Data, sent[1].req_id.unwrap(), 162, NO_DATA);
    rig.notice(LinkName::Data, sent[2].req_id.unwrap(), 321, "Error validating request.-'bN' : cause - wrong");
    answer_hourly(&mut rig, &sent[3], 4 * 24);
    let Bars { manifest, .. } = served(&mut rig, token);
    let holes: Vec<_> = manifest.holes.iter().map(|hole| (hole.reason.as_str(), hole.ib_code)).collect();
    assert_eq!(holes, [("no_data", Some(162)), ("invalid_request", Some(321))]);
    assert_eq!(manifest.holes[0].to_us, manifest.holes[1].from_us);
}

fn answer_head(rig: &mut Rig, head_us: i64) {
    let sent = rig.sent(LinkName::Data);
    let [Request::HeadTimestampRequest(ask)] = sent.as_slice() else { panic!("{sent:?}") };
    let head_timestamp = Some((head_us / 1_000_000).to_string());
    rig.receive_data(Response::HeadTimestamp(HeadTimestamp { req_id: ask.req_id, head_timestamp }));
}

#[test]
fn a_range_without_any_row_is_a_hole_and_the_head_says_of_which_kind() {
    for (head_us, reason) in [(START_US - 2 * DAY_US, "no_data"), (START_US, "before_first_data")] {
        let (mut rig, listing) = patient(600);
        let token = bars(&mut rig, &listing, request("1h", START_US - DAY_US, None));
        let sent = asked(&mut rig);
        rig.notice(LinkName::Data, sent[0].req_id.unwrap(), 162, NO_DATA);
        answer_head(&mut rig, head_us);
        let sent = rig.sent(LinkName::Data);
        assert!(matches!(sent.as_slice(), [Request::CancelHeadTimestamp(_)]), "{sent:?}");
        let Bars { rows, manifest } = served(&mut rig, token);
        assert_eq!((rows.len(), manifest.holes.len()), (0, 1));
        assert_eq!(manifest.holes[0].reason, reason);
    }
}

#[test]
fn nothing_is_asked_from_before_the_first_data() {
    let (mut rig, listing) = patient(600);
    // 41 chunks, of which the first data lies in the last but one.
    let token = bars(&mut rig, &listing, request("1m", START_US - 120 * DAY_US, Some(START_US)));
    let sent = asked(&mut rig);
    assert_eq!(sent.len(), 6);
    rig.notice(LinkName::Data, sent[0].req_id.unwrap(), 162, NO_DATA);
    answer_head(&mut rig, START_US - 4 * DAY_US);
    rig.sent(LinkName::Data);
    for ask in &sent[1..] {
        rig.notice(LinkName::Data, ask.req_id.unwrap(), 162, NO_DATA);
    }
    let mut requests = 6;
    for _ in 0..10 {
        rig.wait_ms(2_000);
        for ask in asked(&mut rig) {
            requests += 1;
            let end_us = end_us(&rig, &ask);
            let first = end_us - end_us.rem_euclid(HOUR_US) - 96 * HOUR_US;
            let hours = (0..=96).map(|hour| first + hour * HOUR_US);
            answer_at(&mut rig, &ask, hours.filter(|us| (START_US - 4 * DAY_US..end_us).contains(us)));
        }
    }
    let Bars { rows, manifest } = served(&mut rig, token);
    assert!(requests <= 14, "{requests}: a dozen were on their way");
    assert_eq!(rows.len(), 4 * 24);
    let [hole] = manifest.holes.as_slice() else { panic!("{:?}", manifest.holes) };
    assert_eq!((hole.reason.as_str(), hole.from_us), ("before_first_data", START_US - 120 * DAY_US));
    assert!((START_US - 7 * DAY_US..=START_US - 4 * DAY_US).contains(&hole.to_us));
}

#[test]
fn a_range_that_fails_as_a_whole_is_an_error_and_one_that_ib_does_not_keep_is_not() {
    let (mut rig, listing) = patient(600);
    let token = bars(&mut rig, &listing, request("1h", START_US - DAY_US, None));
    let sent = asked(&mut rig);
    let refusal = "Historical Market Data Service error message:No market data permissions for NYSE STK";
    rig.notice(LinkName::Data, sent[0].req_id.unwrap(), 162, refusal);
    answer_head(&mut rig, START_US - 2 * DAY_US);
    assert_eq!(refused(&mut rig, token).code, ErrorCode::NoPermission);
    rig.sent(LinkName::Data);

    let option = dated(&mut rig, 7, "OPT", "20270110");
    let future = dated(&mut rig, 8, "FUT", "20240920");
    for (listing, size, from_days, reason) in
        [(&listing, "30s", 400, "small_bars_too_old"), (&option, "1m", 5, "expired"), (&future, "1d", 1_000, "expired")]
    {
        let from_us = START_US - from_days * DAY_US;
        let token = bars(&mut rig, listing, request(size, from_us, Some(from_us + DAY_US)));
        let manifest = served(&mut rig, token).manifest;
        let holes: Vec<_> = manifest.holes.iter().map(|hole| hole.reason.as_str()).collect();
        assert_eq!((holes.as_slice(), manifest.requests), ([reason].as_slice(), 0), "{size}");
        assert_eq!(asked(&mut rig), []);
    }
}
