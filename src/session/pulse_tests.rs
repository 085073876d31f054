//! The watch over the links and the host.

use std::time::Duration;

use super::{Answer, Ask, Event, Now, Output, rig::Rig};
use crate::{
    config::{Config, Timing},
    schema::{
        bridge::BridgeEvent,
        connection::{LinkName, LinkPhase},
    },
    tws::{
        Request, Response,
        message::{
            login::{ManagedAccounts, NextValidId},
            order_flow::OpenOrder,
        },
    },
};

use LinkName::{Data, Trading};

fn bridge_events(rig: &mut Rig) -> Vec<BridgeEvent> {
    let of = |event| match event {
        Event::Bridge(event) => Some(*event),
        _ => None,
    };
    rig.events().into_iter().filter_map(of).collect()
}

fn names(rig: &mut Rig) -> Vec<String> {
    bridge_events(rig).into_iter().map(|event| event.event).collect()
}

fn probes(rig: &mut Rig, link: LinkName) -> usize {
    rig.sent(link).iter().filter(|request| matches!(request, Request::CurrentTimeRequest(_))).count()
}

/// The wall clock moves by `wall_ms` while the monotonic one moves by `ran_ms`.
fn later(rig: &Rig, wall_ms: i64, ran_ms: u64) -> Now {
    let now = rig.now();
    Now { at: now.at + Duration::from_millis(ran_ms), us: now.us + wall_ms * 1_000 }
}

#[test]
fn a_silent_link_is_told_of_softly_and_then_hard() {
    let mut rig = Rig::ready();
    rig.wait_ms(13_999);
    assert_eq!(names(&mut rig), [""; 0]);
    rig.wait_ms(1);
    let soft = bridge_events(&mut rig);
    assert_eq!(soft.len(), 2, "one for each link: {soft:?}");
    assert_eq!(
        (soft[0].event.as_str(), soft[0].figures["misses"], soft[0].figures["silent_ms"]),
        ("watchdog_soft", 1, 14_000)
    );
    rig.wait_ms(3_999);
    assert_eq!(names(&mut rig), [""; 0]);
    rig.wait_ms(1);
    assert_eq!(names(&mut rig), ["watchdog_hard", "watchdog_hard", "watchdog_stopped"]);
}

#[test]
fn how_many_probes_may_be_missed_is_configured() {
    let timing = Timing { probe_misses: 4, probe_after_ms: 1_000, probe_timeout_ms: 500, ..Timing::default() };
    let mut rig = Rig::ready_with(Config { timing, ..Config::default() });
    rig.wait_ms(2_999);
    let soft = names(&mut rig);
    assert_eq!(soft.iter().filter(|name| *name == "watchdog_soft").count(), 6, "{soft:?}");
    rig.wait_ms(1);
    assert!(names(&mut rig).contains(&"watchdog_hard".to_owned()));
}

#[test]
fn the_watch_begins_with_the_first_login_and_ends_with_the_last_link() {
    let mut rig = Rig::new();
    rig.wait_ms(0);
    rig.events();
    rig.log_in(Data);
    assert_eq!(names(&mut rig), ["watchdog_started"]);
    rig.log_in(Trading);
    rig.cut(Data);
    assert_eq!(names(&mut rig), [""; 0]);
    rig.cut(Trading);
    assert_eq!(names(&mut rig), ["watchdog_stopped"]);
}

#[test]
fn a_host_that_slept_is_told_and_both_links_are_probed_at_once() {
    let mut rig = Rig::ready();
    let woken = later(&rig, 180_000, 200);
    rig.session.on_timer(woken);
    rig.pump();
    let events = bridge_events(&mut rig);
    assert_eq!((events[0].event.as_str(), events[0].figures["drift_ms"]), ("host_slept", 179_800));
    assert_eq!((probes(&mut rig, Trading), probes(&mut rig, Data)), (1, 1));
}

#[test]
fn small_steps_of_the_clock_are_no_sleep() {
    let mut rig = Rig::ready();
    let stepped = later(&rig, 5_099, 100);
    rig.session.on_timer(stepped);
    rig.pump();
    assert_eq!(names(&mut rig), [""; 0]);
    assert_eq!((probes(&mut rig, Trading), probes(&mut rig, Data)), (0, 0));
}

#[test]
fn a_clock_that_is_set_back_is_told() {
    let mut rig = Rig::ready();
    let stepped = later(&rig, -60_000, 100);
    rig.session.on_timer(stepped);
    rig.pump();
    assert_eq!(names(&mut rig), ["clock_set_back"]);
}

#[test]
fn ten_thousand_orders_before_the_next_id_do_not_stop_a_login() {
    let mut rig = Rig::new();
    rig.wait_ms(0);
    rig.greet(Trading);
    for order_id in 1..=10_000 {
        let order = OpenOrder { order_id: Some(order_id), ..OpenOrder::default() };
        rig.receive(Trading, Response::OpenOrder(Box::new(order)));
    }
    assert!(!rig.session.connection().ready);
    rig.receive(Trading, Response::NextValidId(NextValidId { order_id: Some(1) }));
    rig.receive(Trading, Response::ManagedAccounts(ManagedAccounts { accounts_list: Some("DU1".to_owned()) }));
    rig.answer_download();
    let token = rig.ask(Ask::PoolStatus);
    let Some(Ok(Answer::PoolStatus(status))) = rig.reply(token) else { panic!("no status") };
    assert_eq!(status.connection.trading.phase, crate::schema::connection::LinkPhase::Ready);
}

#[test]
fn what_an_old_socket_still_reports_is_not_taken_for_the_new_one() {
    let mut rig = Rig::ready();
    rig.cut(Data);
    rig.reconnect(Data);
    let now = rig.now();
    rig.session.on_closed(now, Data, 1, "late news of the first socket");
    rig.session.on_opened(now, Data, 1);
    rig.pump();
    assert!(rig.session.connection().ready);
}

#[test]
fn a_gateway_that_moves_is_dialled_at_its_new_port() {
    let mut rig = Rig::ready();
    let text =
        "TWS socket port has been reset and this connection is being dropped. Please reconnect on the new port - 7498";
    rig.notice(Trading, -1, 1300, text);
    assert_eq!(bridge_events(&mut rig)[0].figures["port"], 7498);
    let frame = Rig::frame_of_notice(-1, 1300, "port reset to 4002.");
    let now = rig.now();
    rig.session.on_frame(now, Data, frame);
    let outputs: Vec<Output> = std::iter::from_fn(|| rig.session.next_output()).collect();
    assert!(outputs.contains(&Output::Port(4002)), "{outputs:?}");
}

#[test]
fn each_link_keeps_the_last_notice_as_evidence() {
    let mut rig = Rig::ready();
    rig.notice(Data, -1, 2104, "Market data farm connection is OK:usfarm");
    let state = rig.session.connection();
    let notice = state.data.last_notice.expect("a notice");
    assert_eq!((notice.ib_code, notice.recv_us), (2104, rig.now().us));
    assert_eq!(state.trading.last_notice, None);
}

#[test]
fn health_names_the_use_that_suffers_and_why() {
    let mut rig = Rig::ready();
    let health = |rig: &mut Rig| {
        let token = rig.ask(Ask::BridgeHealth);
        match rig.reply(token) {
            Some(Ok(Answer::Health(health))) => *health,
            other => panic!("{other:?}"),
        }
    };
    let well = health(&mut rig);
    assert!(well.ok && well.data && well.history && well.orders && well.uses.account.ok, "{well:?}");
    rig.notice_all(2105, "HMDS data farm connection is broken:ushmds");
    let ill = health(&mut rig);
    assert!(!ill.ok && ill.data && !ill.history && ill.orders, "{ill:?}");
    assert_eq!(ill.uses.history.reasons, ["the history farm ushmds is down"]);
    rig.notice_all(2106, "HMDS data farm connection is OK:ushmds");
    rig.notice_all(2103, "Market data farm connection is broken:usfarm");
    let ill = health(&mut rig);
    assert_eq!(
        (ill.data, ill.history, ill.uses.data.reasons),
        (false, true, vec!["the market data farm usfarm is down".to_owned()])
    );
    rig.notice_all(2104, "Market data farm connection is OK:usfarm");
    rig.notice_all(1100, "Connectivity between IB and Trader Workstation has been lost.");
    let ill = health(&mut rig);
    assert!(!ill.data && !ill.history && !ill.orders && !ill.uses.account.ok, "{ill:?}");
    rig.notice_all(1102, "Connectivity restored - data maintained");
    rig.cut(Trading);
    let ill = health(&mut rig);
    assert!(ill.data && ill.history && !ill.orders && !ill.uses.account.ok, "{ill:?}");
}

#[test]
fn health_says_no_for_what_is_less_plain_than_a_lost_link() {
    let mut config = Config::default();
    config.timing.request_ms = 600_000;
    let mut rig = Rig::ready_with(config);
    rig.is_alive = true;
    let reasons = |rig: &Rig| {
        let health = rig.session.health();
        assert_eq!(health.ok, health.reasons.is_empty());
        (health.uses.data.reasons, health.uses.history.reasons)
    };
    rig.notice_all(2103, "Market data farm connection is broken:usfarm");
    rig.notice_all(2119, "Market data farm is connecting:usfarm");
    assert_eq!(reasons(&rig), (vec!["the market data farm usfarm is connecting".to_owned()], Vec::new()));
    rig.notice_all(2104, "Market data farm connection is OK:usfarm");
    rig.notice_all(2157, "Sec-def data farm connection is broken:secdefnj");
    let both = vec!["the security definition farm secdefnj is down".to_owned()];
    assert_eq!(reasons(&rig), (both.clone(), both));
    rig.notice_all(2158, "Sec-def data farm connection is OK:secdefnj");
    assert_eq!(reasons(&rig), (Vec::new(), Vec::new()));
    // Questions about the past stay unanswered.
    let stock = rig.stock(265_598, "AAPL");
    for days in 1..=5 {
        let ask = format!(r#"{{"contract":"STK:AAPL","bar_size":"1d","duration":"{days}d","timeout_ms":600000}}"#);
        rig.ask_resolved("", Ask::Bars(Box::new(serde_json::from_str(&ask).expect("a request"))), &stock);
        rig.wait_ms(130_000);
    }
    let (data, history) = reasons(&rig);
    assert_eq!(data, Vec::<String>::new());
    assert!(history.iter().any(|why| why.contains("HistoricalDataRequest unanswered")), "{history:?}");
}

#[test]
fn a_gateway_that_moved_is_looked_for_at_both_ports_in_turn() {
    let mut rig = Rig::ready();
    rig.notice_all(1300, "Please reconnect on the new port - 7498");
    bridge_events(&mut rig);
    let (mut ports, mut now) = (Vec::new(), rig.now());
    for link in [Trading, Data] {
        let generation = rig.session.connection().trading.generation;
        rig.session.on_closed(now, link, generation, "the gateway closed the connection");
    }
    for _ in 0..40 {
        for link in [Trading, Data] {
            let state = rig.session.connection();
            let status = if link == Trading { state.trading } else { state.data };
            if status.phase == LinkPhase::Dialing {
                rig.session.on_closed(now, link, status.generation, "connection refused");
            }
        }
        now = now.plus(Duration::from_secs(31));
        rig.session.on_timer(now);
        ports.extend(std::iter::from_fn(|| rig.session.next_output()).filter_map(|output| match output {
            Output::Port(port) => Some(port),
            _ => None,
        }));
    }
    assert!(ports.len() >= 4, "{ports:?}");
    assert!(ports.iter().zip([4002, 7498].into_iter().cycle()).all(|(told, due)| *told == due), "{ports:?}");
}

#[test]
fn repeats_of_a_loss_are_told_once() {
    let mut rig = Rig::ready();
    for _ in 0..20 {
        rig.notice_all(1100, "Connectivity between IB and Trader Workstation has been lost.");
        rig.notice_all(2110, "Connectivity between Trader Workstation and server is broken.");
    }
    let told = rig.events().into_iter().filter(|event| matches!(event, Event::Connection(_))).count();
    assert_eq!(told, 1);
}
