//! Logins that need a person: when that is said, how seldom the gateway is dialled then, and when it is over.

use super::{Event, rig::Rig};
use crate::{
    config::{Calendar, Config},
    schema::connection::{LinkName, LinkPhase},
};

use LinkName::{Data, Trading};

const SECOND_MS: u64 = 1_000;
const HOUR_MS: u64 = 3_600 * SECOND_MS;

fn told(rig: &mut Rig) -> Vec<String> {
    let of = |event: Event| match event {
        Event::Bridge(event) if event.event.starts_with("needs_person") => Some(event.event),
        _ => None,
    };
    rig.events().into_iter().filter_map(of).collect()
}

fn generation(rig: &Rig, link: LinkName) -> u64 {
    let state = rig.session.connection();
    if link == Trading { state.trading.generation } else { state.data.generation }
}

/// The gateway takes every connection for so long, and closes it at once.
fn take_and_close(rig: &mut Rig, for_ms: u64) -> usize {
    let mut taken = 0;
    for _ in 0..for_ms / 100 {
        for link in [Trading, Data] {
            let state = rig.session.connection();
            let status = if link == Trading { state.trading } else { state.data };
            if status.phase == LinkPhase::Dialing {
                let now = rig.now();
                rig.session.on_opened(now, link, status.generation);
                rig.session.on_closed(now, link, status.generation, "the gateway closed the connection");
                rig.pump();
                taken += 1;
            }
        }
        rig.wait_ms(100);
    }
    taken
}

#[test]
fn a_login_that_never_finishes_is_announced_and_then_tried_seldom() {
    let mut rig = Rig::new();
    take_and_close(&mut rig, 110 * SECOND_MS);
    assert_eq!(told(&mut rig), Vec::<String>::new(), "it may be starting");
    take_and_close(&mut rig, 60 * SECOND_MS);
    assert_eq!(told(&mut rig), ["needs_person"]);
    let taken = take_and_close(&mut rig, HOUR_MS);
    assert!((120..=250).contains(&taken), "{taken} connections of two links in an hour");
    assert_eq!(told(&mut rig), Vec::<String>::new(), "once");
    let state = rig.session.connection();
    assert!(state.needs_person.expect("told").contains("second factor"));
    let health = rig.session.health();
    assert!(!health.ok && health.reasons.iter().any(|reason| reason.contains("a person is needed")), "{health:?}");
}

#[test]
fn it_is_over_with_the_login() {
    let mut rig = Rig::new();
    rig.is_alive = true;
    take_and_close(&mut rig, 200 * SECOND_MS);
    assert_eq!(told(&mut rig), ["needs_person"]);
    for link in [Data, Trading] {
        for _ in 0..1_000 {
            if rig.session.connection().needs_person.is_none() && link == Data {
                break;
            }
            let state = rig.session.connection();
            let phase = if link == Trading { state.trading.phase } else { state.data.phase };
            if phase == LinkPhase::Dialing {
                rig.log_in(link);
                break;
            }
            rig.wait_ms(100);
        }
    }
    assert_eq!(told(&mut rig), ["needs_person_over"]);
    let state = rig.session.connection();
    assert!(state.ready && state.needs_person.is_none(), "{state:?}");
}

#[test]
fn a_port_that_is_closed_needs_nobody() {
    let mut rig = Rig::new();
    for _ in 0..6_000 {
        for link in [Trading, Data] {
            let now = rig.now();
            let generation = generation(&rig, link);
            rig.session.on_closed(now, link, generation, "connection refused");
        }
        rig.wait_ms(100);
    }
    assert_eq!(told(&mut rig), Vec::<String>::new());
}

#[test]
fn a_client_id_in_use_is_waited_out() {
    let mut rig = Rig::ready();
    rig.cut(Trading);
    for _ in 0..3_000 {
        if rig.session.connection().trading.phase == LinkPhase::Dialing {
            rig.greet(Trading);
            rig.notice(Trading, -1, 326, "Unable to connect as the client id is already in use.");
        }
        rig.wait_ms(100);
    }
    assert_eq!(told(&mut rig), Vec::<String>::new());
}

#[test]
fn ports_that_do_not_answer_during_a_restart_are_usual() {
    // The rig's clock starts at 03:00 in New York.
    let calendar = Calendar { gateway_restart: "03:00".to_owned(), restart_lasts_s: 1_800, ..Calendar::default() };
    let mut rig = Rig::with(Config { calendar, ..Config::default() });
    take_and_close(&mut rig, 1_700 * SECOND_MS);
    assert_eq!(told(&mut rig), Vec::<String>::new());
    take_and_close(&mut rig, 400 * SECOND_MS);
    assert_eq!(told(&mut rig), ["needs_person"], "but not afterwards");
}

#[test]
fn after_the_weekly_end_of_the_tokens_a_gateway_that_is_away_needs_a_person_at_once() {
    let calendar = Calendar { weekly_login: true, ..Calendar::default() };
    let mut rig = Rig::ready_with(Config { calendar, ..Config::default() });
    rig.is_alive = true;
    // From Friday 03:00 to Sunday 01:01 in New York.
    rig.wait_ms(46 * HOUR_MS + 60 * SECOND_MS);
    assert_eq!(told(&mut rig), Vec::<String>::new(), "the session goes on");
    rig.cut(Trading);
    rig.cut(Data);
    for _ in 0..100 {
        for link in [Trading, Data] {
            let now = rig.now();
            let generation = generation(&rig, link);
            rig.session.on_closed(now, link, generation, "connection refused");
        }
        rig.wait_ms(100);
    }
    assert_eq!(told(&mut rig), ["needs_person"]);
    let reason = rig.session.connection().needs_person.expect("told");
    assert!(reason.contains("Sunday"), "{reason}");
}

/// Both links fall, and nothing answers for so long.
fn fall(rig: &mut Rig, for_ms: u64) {
    rig.cut(Trading);
    rig.cut(Data);
    for _ in 0..for_ms / 100 {
        for link in [Trading, Data] {
            let state = rig.session.connection();
            let status = if link == Trading { state.trading } else { state.data };
            if status.phase == LinkPhase::Dialing {
                let now = rig.now();
                rig.session.on_closed(now, link, status.generation, "connection refused");
            }
        }
        rig.wait_ms(100);
    }
}

/// Both links log in as soon as they dial.
fn log_in_again(rig: &mut Rig) {
    for link in [Data, Trading] {
        for _ in 0..2_000 {
            let state = rig.session.connection();
            let phase = if link == Trading { state.trading.phase } else { state.data.phase };
            if phase == LinkPhase::Dialing {
                break;
            }
            rig.wait_ms(100);
        }
        rig.log_in(link);
    }
}

#[test]
fn the_first_restart_after_the_end_of_the_tokens_needs_a_person_and_the_next_one_does_not() {
    let calendar = Calendar {
        weekly_login: true,
        gateway_restart: "23:45".to_owned(),
        restart_lasts_s: 300,
        ..Calendar::default()
    };
    let mut rig = Rig::ready_with(Config { calendar, ..Config::default() });
    rig.is_alive = true;
    // From Friday 03:00 to Sunday 12:00 in New York.
    rig.wait_ms(57 * HOUR_MS);
    fall(&mut rig, 10 * SECOND_MS);
    assert_eq!(told(&mut rig), Vec::<String>::new(), "a network that fails needs nobody");
    log_in_again(&mut rig);
    rig.wait_ms(12 * HOUR_MS - 14 * 60 * SECOND_MS);
    fall(&mut rig, 60 * SECOND_MS);
    assert_eq!(told(&mut rig), ["needs_person"]);
    assert!(rig.session.connection().needs_person.expect("told").contains("Sunday"));
    log_in_again(&mut rig);
    assert_eq!(told(&mut rig), ["needs_person_over"]);
    rig.wait_ms(24 * HOUR_MS - 60 * SECOND_MS);
    fall(&mut rig, 60 * SECOND_MS);
    assert_eq!(told(&mut rig), Vec::<String>::new(), "Monday's restart is by itself");
}

#[test]
fn a_live_account_that_is_not_allowed_is_not_tried_again_and_again() {
    let mut rig = Rig::new();
    rig.wait_ms(0);
    let mut logins = 0;
    for _ in 0..6_000 {
        if rig.session.connection().trading.phase == LinkPhase::Dialing {
            rig.begin_log_in_as(Trading, "U1234567");
            logins += 1;
        }
        rig.wait_ms(100);
    }
    assert!((10..=21).contains(&logins), "{logins} logins in ten minutes");
    assert_eq!(told(&mut rig).len() % 2, 1, "it stands");
    assert!(rig.session.connection().needs_person.expect("told").contains("allow_live"));
}
