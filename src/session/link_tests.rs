//! Life cycles of the two links, told as the incidents they prevent.

use std::time::Duration;

use bytes::{BufMut, BytesMut};

use super::{Ask, Event, Output, Session, rig::Rig};
use crate::{
    config::Config,
    schema::connection::{ConnectionEvent, IbLink, LinkName, LinkPhase},
    tws::{
        Request, Response, ServerVersion,
        handshake::put_greeting,
        message::login::{CurrentTime, ManagedAccounts, NextValidId},
    },
};

use LinkName::{Data, Trading};

/// A session that has just dialled both links (generation 1 each).
fn dialled() -> Rig {
    let mut rig = Rig::new();
    rig.wait_ms(0);
    rig
}

fn greet(rig: &mut Rig, link: LinkName, version: u32) {
    let now = rig.now();
    let mut greeting = BytesMut::new();
    put_greeting(&mut greeting, ServerVersion(version), "20270115 08:00:00 EST");
    rig.session.on_opened(now, link, 1);
    rig.session.on_bytes(now, link, &mut greeting);
    rig.pump();
}

fn phase(rig: &Rig, link: LinkName) -> LinkPhase {
    let state = rig.session.connection();
    if link == Trading { state.trading.phase } else { state.data.phase }
}

fn last_error(rig: &Rig, link: LinkName) -> String {
    let state = rig.session.connection();
    let status = if link == Trading { state.trading } else { state.data };
    status.last_error.unwrap_or_default()
}

fn connection_events(rig: &mut Rig) -> Vec<ConnectionEvent> {
    let is_connection = |event| match event {
        Event::Connection(event) => Some(*event),
        _ => None,
    };
    rig.events().into_iter().filter_map(is_connection).collect()
}

fn time_requests(rig: &mut Rig, link: LinkName) -> usize {
    rig.sent(link).iter().filter(|request| matches!(request, Request::CurrentTimeRequest(_))).count()
}

#[test]
fn a_gateway_that_never_greets_is_abandoned_and_dialled_again() {
    let mut rig = dialled();
    let now = rig.now();
    rig.session.on_opened(now, Data, 1);
    rig.wait_ms(4_999);
    assert_eq!(phase(&rig, Data), LinkPhase::Greeting);
    rig.wait_ms(1);
    assert_eq!(phase(&rig, Data), LinkPhase::Down);
    assert!(last_error(&rig, Data).contains("greeting"));
    rig.wait_ms(1_000);
    assert_eq!(phase(&rig, Data), LinkPhase::Dialing);
}

#[test]
fn the_dial_itself_has_a_deadline() {
    let mut rig = dialled();
    rig.wait_ms(4_999);
    assert_eq!(phase(&rig, Data), LinkPhase::Dialing);
    rig.wait_ms(1);
    assert_eq!(phase(&rig, Data), LinkPhase::Down);
}

#[test]
fn login_needs_the_order_id_and_the_accounts_whatever_comes_first() {
    let mut rig = dialled();
    greet(&mut rig, Data, 226);
    rig.notice(Data, -1, 2104, "Market data farm connection is OK:usfarm");
    rig.receive(Data, Response::ManagedAccounts(ManagedAccounts { accounts_list: Some("DU1".into()) }));
    assert_eq!(phase(&rig, Data), LinkPhase::Starting);
    rig.notice(Data, -1, 2106, "HMDS data farm connection is OK:ushmds");
    rig.receive(Data, Response::NextValidId(NextValidId { order_id: Some(7) }));
    assert_eq!(phase(&rig, Data), LinkPhase::Ready);
}

#[test]
fn a_login_that_never_finishes_is_abandoned() {
    let mut rig = dialled();
    greet(&mut rig, Trading, 226);
    rig.receive(Trading, Response::NextValidId(NextValidId { order_id: Some(7) }));
    rig.wait_ms(15_000);
    assert!(last_error(&rig, Trading).contains("logged in to IB"), "{}", last_error(&rig, Trading));
}

#[test]
fn an_older_gateway_is_refused_by_name() {
    let mut rig = dialled();
    greet(&mut rig, Data, 187);
    assert_eq!(phase(&rig, Data), LinkPhase::Down);
    assert!(last_error(&rig, Data).contains("187"));
    assert!(last_error(&rig, Data).contains("10.40"));
}

#[test]
fn a_gateway_that_closes_at_the_greeting_is_asked_for_its_age() {
    let mut rig = dialled();
    let mut hellos = Vec::new();
    for generation in 1..=3 {
        let now = rig.now();
        rig.session.on_opened(now, Data, generation);
        while let Some(output) = rig.session.next_output() {
            if let Output::Send { frames, .. } = output {
                hellos.push(String::from_utf8_lossy(&frames.bytes()[8..]).into_owned());
            }
        }
        rig.session.on_closed(now, Data, generation, "the gateway closed the connection");
        assert!(last_error(&rig, Data).contains("older than server version 213"));
        while phase(&rig, Data) == LinkPhase::Down {
            rig.wait_ms(100);
        }
    }
    assert_eq!(hellos, ["v213..226", "v100..226", "v213..226"]);
}

#[test]
fn the_trading_link_waits_for_its_client_id_and_the_data_link_takes_the_next() {
    let mut rig = dialled();
    for link in [Trading, Data] {
        greet(&mut rig, link, 226);
        rig.notice(link, -1, 326, "Unable to connect as the client id is already in use.");
        assert_eq!(phase(&rig, link), LinkPhase::Down);
    }
    let state = rig.session.connection();
    assert_eq!((state.trading.client_id, state.data.client_id), (1, 102));
    assert!(last_error(&rig, Trading).contains("client id 1 is in use"));
}

#[test]
fn the_data_link_stays_inside_its_range_of_client_ids() {
    let mut config = Config::default();
    config.gateway.data_client_ids = 2;
    let mut rig = Rig::with(config);
    let mut used = Vec::new();
    rig.wait_ms(0);
    for generation in 1..=4 {
        let now = rig.now();
        rig.session.on_opened(now, Data, generation);
        let mut greeting = BytesMut::new();
        put_greeting(&mut greeting, ServerVersion::MAX, "");
        rig.session.on_bytes(now, Data, &mut greeting);
        used.push(rig.session.connection().data.client_id);
        rig.notice(Data, -1, 326, "in use");
        while phase(&rig, Data) == LinkPhase::Down {
            rig.wait_ms(100);
        }
    }
    assert_eq!(used, [101, 102, 101, 102]);
}

#[test]
fn the_data_link_goes_on_with_the_id_that_is_known_to_be_free() {
    let mut rig = dialled();
    let now = rig.now();
    rig.session.on_opened(now, Data, 1);
    let mut greeting = BytesMut::new();
    put_greeting(&mut greeting, ServerVersion::MAX, "");
    rig.session.on_bytes(now, Data, &mut greeting);
    let outputs = |session: &mut Session| std::iter::from_fn(|| session.next_output()).collect::<Vec<_>>();
    outputs(&mut rig.session);
    let frame = Rig::frame_of_notice(-1, 326, "Unable to connect as the client id is already in use.");
    rig.session.on_frame(now, Data, frame);
    assert!(outputs(&mut rig.session).contains(&Output::DataIdInUse(101)));
    rig.session.use_data_id(now, 105);
    rig.wait_ms(1_000);
    rig.log_in(Data);
    assert_eq!(rig.session.connection().data.client_id, 105);
    rig.session.use_data_id(now, 106);
    assert_eq!(rig.session.connection().data.client_id, 105, "too late: it is logged in");
}

#[test]
fn what_one_link_was_told_while_it_loads_is_kept_when_the_other_cannot_be_dialled() {
    let mut rig = dialled();
    rig.begin_log_in(Trading);
    rig.notice(Trading, -1, 2110, "Connectivity between Trader Workstation and server is broken.");
    rig.notice(Trading, -1, 2103, "Market data farm connection is broken:usfarm");
    let now = rig.now();
    rig.session.on_closed(now, Data, 1, "connection refused");
    rig.pump();
    rig.answer_download();
    let state = rig.session.connection();
    assert_eq!((state.trading.phase, state.ib_link), (LinkPhase::Ready, IbLink::Lost));
    assert!(rig.session.fence().ib_lost, "the gateway would hold orders and send them later");
    assert_eq!(rig.session.health().uses.data.reasons.len(), 3, "{:?}", rig.session.health());
}

#[test]
fn a_dial_that_fails_does_not_move_the_time_of_what_is_unknown() {
    let mut rig = dialled();
    let since = |rig: &Rig| rig.session.connection().ib_link_since_us;
    let start_us = since(&rig);
    for generation in 1..=3 {
        let now = rig.now();
        rig.session.on_closed(now, Trading, generation, "connection refused");
        rig.session.on_closed(now, Data, generation, "connection refused");
        rig.wait_ms(10_000);
    }
    assert_eq!(since(&rig), start_us);
}

/// The wait after a cut of the data link, in milliseconds.
fn wait_after_cut(rig: &mut Rig) -> i64 {
    rig.cut(Data);
    (rig.session.connection().data.retry_us.expect("down") - rig.now().us) / 1_000
}

#[test]
fn a_gateway_that_lets_in_and_drops_is_dialled_ever_less_often() {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    for cut in 0..10 {
        rig.wait_ms(29_999);
        let wait = wait_after_cut(&mut rig);
        let full = (250_i64 << cut).min(30_000);
        assert!((full / 2..=full).contains(&wait), "cut {cut}: {wait} ms of {full}");
        rig.wait_ms(u64::try_from(wait).expect("ahead"));
        rig.wait_ms(1);
        rig.log_in(Data);
        assert_eq!(rig.session.connection().data.attempts, 0);
    }
    rig.wait_ms(30_000);
    let wait = wait_after_cut(&mut rig);
    assert!((125..=250).contains(&wait), "one that lasted is dialled again at once: {wait} ms");
}

#[test]
fn a_download_that_is_cut_again_and_again_is_not_begun_at_once() {
    let mut rig = Rig::ready();
    rig.is_alive = true;
    let mut waits = Vec::new();
    for _ in 0..8 {
        rig.cut(Trading);
        let wait = rig.session.connection().trading.retry_us.expect("down") - rig.now().us;
        waits.push(wait / 1_000);
        rig.wait_ms(u64::try_from(wait).expect("ahead") / 1_000 + 1);
        rig.begin_log_in(Trading);
        rig.wait_ms(1_000);
    }
    assert!(waits[7] >= 15_000, "{waits:?}");
}

#[test]
fn an_empty_list_of_accounts_finishes_no_login() {
    let mut rig = dialled();
    rig.begin_log_in_as(Trading, "");
    assert_eq!(phase(&rig, Trading), LinkPhase::Starting);
    rig.receive(Trading, Response::ManagedAccounts(ManagedAccounts { accounts_list: Some("DU1,".into()) }));
    assert_eq!(phase(&rig, Trading), LinkPhase::Syncing);
    let mut rig = dialled();
    rig.begin_log_in_as(Trading, " , ");
    rig.wait_ms(15_000);
    assert!(last_error(&rig, Trading).contains("did not finish the login"), "{}", last_error(&rig, Trading));
}

#[test]
fn a_data_link_with_a_live_account_is_left_alone_too() {
    let mut rig = dialled();
    rig.begin_log_in_as(Data, "U7654321");
    assert_eq!(phase(&rig, Data), LinkPhase::Down);
    assert!(last_error(&rig, Data).contains("allow_live"));
}

#[test]
fn a_live_account_is_left_alone_unless_allowed() {
    for (allow_live, expected) in [(false, LinkPhase::Down), (true, LinkPhase::Syncing)] {
        let mut config = Config::default();
        config.gateway.allow_live = allow_live;
        let mut rig = Rig::with(config);
        rig.wait_ms(0);
        greet(&mut rig, Trading, 226);
        rig.receive(Trading, Response::NextValidId(NextValidId { order_id: Some(7) }));
        rig.receive(Trading, Response::ManagedAccounts(ManagedAccounts { accounts_list: Some("U7654321".into()) }));
        if allow_live {
            assert!(matches!(phase(&rig, Trading), LinkPhase::Syncing | LinkPhase::Ready));
        } else {
            assert_eq!(phase(&rig, Trading), expected);
            assert!(last_error(&rig, Trading).contains("allow_live"));
        }
    }
}

#[test]
fn silence_is_probed_and_two_missed_probes_end_the_connection() {
    let mut rig = Rig::ready();
    rig.wait_ms(9_999);
    assert_eq!(time_requests(&mut rig, Data), 0);
    rig.wait_ms(1);
    assert_eq!(time_requests(&mut rig, Data), 1);
    rig.wait_ms(4_000);
    assert_eq!(time_requests(&mut rig, Data), 1);
    assert_eq!(phase(&rig, Data), LinkPhase::Ready);
    rig.wait_ms(4_000);
    assert_eq!(phase(&rig, Data), LinkPhase::Down);
    assert!(last_error(&rig, Data).contains("asked 2 times"));
}

#[test]
fn an_answered_probe_gives_the_round_trip_and_peace() {
    let mut rig = Rig::ready();
    rig.wait_ms(10_000);
    rig.wait_ms(30);
    rig.receive(Data, Response::CurrentTime(CurrentTime { current_time: Some(1) }));
    assert_eq!(rig.session.connection().data.round_trip_us, Some(30_000));
    rig.forget();
    rig.wait_ms(9_999);
    assert_eq!(time_requests(&mut rig, Data), 0);
}

#[test]
fn waits_between_dials_double_up_to_the_limit() {
    let mut rig = dialled();
    let mut waits = Vec::new();
    for generation in 1..=12 {
        let now = rig.now();
        rig.session.on_closed(now, Data, generation, "connection refused");
        let retry_us = rig.session.connection().data.retry_us.expect("down");
        waits.push((retry_us - now.us) / 1_000);
        rig.wait_ms(u64::try_from(retry_us - now.us).expect("ahead") / 1_000 + 1);
    }
    for (attempt, wait) in waits.iter().enumerate() {
        let full = (250_i64 << (attempt + 1)).min(30_000);
        assert!((full / 2..=full).contains(wait), "attempt {attempt}: {wait} ms of {full}");
    }
}

#[test]
fn news_of_an_old_socket_is_ignored() {
    let mut rig = Rig::ready();
    let now = rig.now();
    rig.session.on_closed(now, Data, 0, "an old socket");
    assert_eq!(phase(&rig, Data), LinkPhase::Ready);
}

#[test]
fn a_fault_on_the_data_link_leaves_the_trading_link_alone() {
    let mut rig = Rig::ready();
    let now = rig.now();
    let mut garbage = BytesMut::from(&b"\xff\xff\xff\xffgarbage"[..]);
    rig.session.on_bytes(now, Data, &mut garbage);
    assert_eq!((phase(&rig, Data), phase(&rig, Trading)), (LinkPhase::Down, LinkPhase::Ready));
    assert!(closes(&mut rig.session).contains(&Data));
}

fn closes(session: &mut Session) -> Vec<LinkName> {
    let mut closed = Vec::new();
    while let Some(output) = session.next_output() {
        if let Output::Close { link } = output {
            closed.push(link);
        }
    }
    closed
}

#[test]
fn what_cannot_be_understood_is_counted_told_and_ends_nothing() {
    let mut rig = Rig::ready();
    let mut frame = |id: u32, body: &[u8]| {
        let mut bytes = BytesMut::new();
        bytes.put_u32(id);
        bytes.put_slice(body);
        let now = rig.now();
        rig.session.on_frame(now, Data, bytes.freeze());
    };
    frame(200 + 250, b"");
    frame(200 + 1, b"\x0a\xff");
    frame(200 + 1, b"\x08\x01\xa0\x06\x01");
    frame(4, b"4\0two\0");
    let counters = rig.session.core.counters;
    assert_eq!((counters.unknown_messages, counters.undecodable_messages, counters.unknown_fields), (2, 1, 1));
    rig.pump();
    let classes: Vec<String> = rig
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Notice(notice) => Some(notice.class),
            _ => None,
        })
        .collect();
    assert_eq!(classes, ["unknown_message", "undecodable", "unknown_field", "unknown_message"]);
    assert_eq!(phase(&rig, Data), LinkPhase::Ready);
}

#[test]
fn the_lost_link_to_ib_is_told_once_however_often_the_gateway_repeats_it() {
    let mut rig = Rig::ready();
    for _ in 0..5 {
        rig.notice_all(1100, "Connectivity between IB and the TWS has been lost.");
    }
    let events = connection_events(&mut rig);
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].ib_link, events[0].ready), (IbLink::Lost, false));
    rig.notice_all(1102, "Connectivity between IB and TWS has been restored - data maintained.");
    let events = connection_events(&mut rig);
    assert_eq!((events.len(), events[0].ready), (1, true));
}

#[test]
fn a_farm_is_told_on_transitions_only() {
    let mut rig = Rig::ready();
    for code in [2104, 2104, 2103, 2103, 2104] {
        rig.notice(Data, -1, code, "Market data farm connection is ...:usfarm");
    }
    let states: Vec<_> = rig
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Farm(farm) => Some(format!("{} {:?}", farm.farm, farm.state)),
            _ => None,
        })
        .collect();
    assert_eq!(states, ["usfarm Up", "usfarm Down", "usfarm Up"]);
}

#[test]
fn a_full_write_buffer_holds_requests_back() {
    let mut rig = Rig::ready();
    let now = rig.now();
    rig.session.on_write_room(now, Data, false);
    rig.wait_ms(10_000);
    assert_eq!(time_requests(&mut rig, Data), 0);
    let now = rig.now();
    rig.session.on_write_room(now, Data, true);
    rig.pump();
    assert_eq!(time_requests(&mut rig, Data), 1);
}

#[test]
fn a_caller_is_answered_at_its_deadline() {
    let mut rig = Rig::ready();
    rig.session.core.config = std::sync::Arc::new(Config::default());
    let token = rig.ask(Ask::PoolStatus);
    assert!(rig.reply(token).expect("at once").is_ok());
    let command = rig.command("", Ask::PoolStatus);
    rig.session.core.admit_caller(command.token, rig.now().at + Duration::from_millis(50));
    rig.wait_ms(49);
    assert!(rig.reply(command.token).is_none());
    rig.wait_ms(1);
    let error = rig.reply(command.token).expect("a reply").expect_err("late");
    assert_eq!(error.code.as_str(), "timeout");
}

#[test]
fn a_field_we_do_not_know_on_every_message_is_told_once_and_counted_each_time() {
    let mut rig = Rig::ready();
    rig.events();
    for _ in 0..1_000 {
        let now = rig.now();
        // Message 49 (current time) with an unknown field 77.
        let frame = [&(200_u32 + 49).to_be_bytes()[..], &[0xE8, 0x04, 0x01]].concat();
        rig.session.on_frame(now, Data, frame.into());
        rig.pump();
    }
    assert_eq!(rig.session.core.counters.unknown_fields, 1_000);
    let told = rig.events().iter().filter(|event| matches!(event, Event::Notice(_))).count();
    assert_eq!(told, 1, "each notice is stored and waits for its acknowledgement");
}
