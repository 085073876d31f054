//! A gateway that restarts each day at a known time, and what that changes.

use crate::{
    config::{Calendar, Config, Region},
    schema::{
        connection::LinkName,
        maintenance::{MaintenanceKind, MaintenanceState},
        request::{history::BarsRequest, status::Health},
    },
    session::{
        Answer, Ask, Event,
        rig::{Rig, START_US},
    },
    tws::Request,
};

const MINUTE_MS: u64 = 60_000;

/// The rig's clock starts at 2027-01-15 08:00 UTC, 03:00 in New York: the restart is half an hour later.
fn restart_at_half_past_three() -> Config {
    let calendar = Calendar { gateway_restart: "03:30".to_owned(), ..Calendar::default() };
    Config { calendar, ..Config::default() }
}

fn ready(config: Config) -> Rig {
    let mut rig = Rig::ready_with(config);
    rig.is_alive = true;
    rig
}

fn told(rig: &mut Rig) -> Vec<(MaintenanceKind, MaintenanceState, i64)> {
    let of = |event: Event| match event {
        Event::Bridge(event) if event.event == "maintenance" => event.maintenance.map(|told| (told, event.recv_us)),
        _ => None,
    };
    let minute = |us: i64| (us - START_US) / 60_000_000;
    rig.events().into_iter().filter_map(of).map(|(told, us)| (told.kind, told.state, minute(us))).collect()
}

fn health(rig: &mut Rig) -> Health {
    let token = rig.ask(Ask::BridgeHealth);
    match rig.reply(token) {
        Some(Ok(Answer::Health(health))) => *health,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_restart_is_announced_begins_and_ends() {
    use MaintenanceState::{Announced, Over, Started};
    let mut rig = ready(restart_at_half_past_three());
    rig.wait_ms(60 * MINUTE_MS);
    let kind = MaintenanceKind::GatewayRestart;
    assert_eq!(told(&mut rig), [(kind, Announced, 15), (kind, Started, 30), (kind, Over, 35)]);
    rig.wait_ms(24 * 60 * MINUTE_MS);
    assert_eq!(told(&mut rig).len(), 3, "and again the next day");
}

#[test]
fn orders_are_taken_again_once_the_gateway_is_back() {
    let mut rig = ready(restart_at_half_past_three());
    rig.wait_ms(30 * MINUTE_MS);
    rig.cut(LinkName::Trading);
    rig.cut(LinkName::Data);
    rig.reconnect(LinkName::Trading);
    rig.wait_ms(5_000);
    let report = health(&mut rig);
    assert!(report.orders, "{report:?}");
    assert!(report.maintenance.iter().any(|told| told.state == MaintenanceState::Started));
}

#[test]
fn what_is_lost_during_a_restart_is_no_failure() {
    let mut rig = ready(restart_at_half_past_three());
    rig.wait_ms(31 * MINUTE_MS);
    rig.events();
    rig.is_alive = false;
    rig.wait_ms(MINUTE_MS);
    let events = rig.events();
    let is_watchdog = |event: &Event| matches!(event, Event::Bridge(event) if matches!(&event.event[..], "watchdog_soft" | "watchdog_hard"));
    assert!(!events.iter().any(is_watchdog), "{events:?}");
    let lost: Vec<bool> = events
        .iter()
        .filter_map(|event| match event {
            Event::Connection(event) => Some(event.maintenance),
            _ => None,
        })
        .collect();
    assert!(!lost.is_empty() && lost.iter().all(|planned| *planned), "{lost:?}");
    let report = health(&mut rig);
    assert!(report.reasons[0].contains("restart of the gateway"), "{report:?}");
}

#[test]
fn history_waits_for_the_end_of_a_reset() {
    // 03:00 in New York is 09:00 in Zurich: the next reset of Europe begins at 06:25 there.
    let calendar = Calendar { region: Region::Europe, ..Calendar::default() };
    let mut rig = ready(Config { calendar, ..Config::default() });
    assert!(health(&mut rig).history);
    rig.wait_ms((2 * 24 * 60 - 155) * MINUTE_MS);
    let report = health(&mut rig);
    assert!(!report.history && report.data, "{report:?}");
    rig.wait_ms(80 * MINUTE_MS);
    assert!(health(&mut rig).history);
}

fn bars(timeout_ms: u64) -> Ask {
    let ask = format!(r#"{{"contract":"STK:AAPL","bar_size":"1m","duration":"1h","timeout_ms":{timeout_ms}}}"#);
    Ask::Bars(Box::new(serde_json::from_str::<BarsRequest>(&ask).expect("a request")))
}

#[test]
fn history_that_cannot_wait_is_refused_at_once_with_a_time_that_is_true() {
    let mut rig = ready(restart_at_half_past_three());
    let stock = rig.stock(265_598, "AAPL");
    rig.wait_ms(31 * MINUTE_MS);
    rig.sent(LinkName::Data);
    // Its deadline is ten seconds away, the end of the restart four minutes.
    let token = rig.ask_resolved("", bars(10_000), &stock);
    let error = rig.reply(token).expect("at once").expect_err("refused");
    assert_eq!(error.code.as_str(), "pacing_limited");
    assert!(error.message.contains("restart of the gateway"), "{error}");
    let wait_ms = error.retry_after_ms.expect("a time");
    assert!((4 * MINUTE_MS - 11_000..=4 * MINUTE_MS).contains(&wait_ms), "{wait_ms}");
    rig.wait_ms(wait_ms);
    let token = rig.ask_resolved("", bars(10_000), &stock);
    assert!(rig.reply(token).is_none(), "now it waits");
    assert!(!rig.sent(LinkName::Data).iter().any(is_history));
    rig.wait_ms(10_000);
    assert!(rig.sent(LinkName::Data).iter().any(is_history), "and is sent when the restart is over");
}

fn is_history(request: &Request) -> bool {
    matches!(request, Request::HistoricalDataRequest(_) | Request::HeadTimestampRequest(_))
}

#[test]
fn history_that_waits_when_a_restart_begins_is_refused_then() {
    let mut rig = ready(restart_at_half_past_three());
    let stock = rig.stock(265_598, "AAPL");
    rig.wait_ms(30 * MINUTE_MS - 3_000);
    let now = rig.now();
    rig.session.on_write_room(now, LinkName::Data, false);
    let token = rig.ask_resolved("", bars(10_000), &stock);
    assert!(rig.reply(token).is_none());
    rig.wait_ms(5_000);
    let error = rig.reply(token).expect("refused as soon as it is known").expect_err("refused");
    assert!(error.retry_after_ms.is_some_and(|ms| ms > 4 * MINUTE_MS), "{error}");
}
