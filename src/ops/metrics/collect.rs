//! Reads every source at one moment.

use super::sheet::{Number as _, Sheet};
use crate::{
    gateway::{Depth, LossCounters},
    journal::Gauge,
    nats::{LinkGauge, Tally},
    ops::process::Process,
    schema::{
        connection::{FarmState, IbLink, LinkPhase, LinkStatus},
        request::{pace::PaceStatus, process::Metrics},
    },
    session::Figures,
};

/// What was read, in one piece.
pub(in crate::ops) struct Readings<'a> {
    /// Microseconds UTC, our clock.
    pub(in crate::ops) at_us: i64,
    /// None if the session does not answer.
    pub(in crate::ops) session: Option<Figures>,
    pub(in crate::ops) losses: &'a LossCounters,
    pub(in crate::ops) outbox: Depth,
    pub(in crate::ops) journal: &'a Gauge,
    pub(in crate::ops) nats: [LinkGauge; 2],
    pub(in crate::ops) tally: &'a Tally,
    pub(in crate::ops) process: Process,
    pub(in crate::ops) console_clients: u64,
    pub(in crate::ops) console_dropped: u64,
    pub(in crate::ops) log_suppressed: u64,
}

/// Every metric.
pub(in crate::ops) fn collect(readings: &Readings<'_>) -> Metrics {
    sheet(readings).finish(readings.at_us)
}

fn sheet(readings: &Readings<'_>) -> Sheet {
    let mut sheet = Sheet::new();
    sheet.set_for("ibnats_build_info", &[env!("CARGO_PKG_VERSION")], 1_u32);
    sheet.set("ibnats_session_up", readings.session.is_some());
    if let Some(figures) = &readings.session {
        session(&mut sheet, figures, readings.at_us);
        connection(&mut sheet, figures, readings.at_us);
        pacing(&mut sheet, &figures.pace);
    }
    requests(&mut sheet, readings);
    events(&mut sheet, readings);
    process(&mut sheet, readings);
    sheet
}

fn session(sheet: &mut Sheet, figures: &Figures, at_us: i64) {
    let health = &figures.health;
    sheet.set("ibnats_start_time_seconds", seconds(figures.started_us.min(at_us)));
    for (name, can_be_used) in [("data", health.data), ("history", health.history), ("orders", health.orders)] {
        sheet.set_for("ibnats_ready", &[name], can_be_used);
    }
    sheet.set("ibnats_halted", figures.is_halted);
    sheet.set("ibnats_leases", figures.leases);
    sheet.set("ibnats_streams_queued", figures.queued_streams);
    sheet.set("ibnats_streams_stale", figures.stale_streams);
    sheet.set("ibnats_stale_streams_total", health.counters.stale_streams);
    sheet.set("ibnats_gateway_requests_in_flight", figures.pool.in_flight);
    for (state, count) in &figures.open_orders {
        sheet.set_for("ibnats_orders_open", &[&word(state)], *count);
    }
    sheet.set("ibnats_fills", figures.fills);
    let journal = &health.journal;
    sheet.set("ibnats_journal_waiting", journal.waiting);
    sheet.set("ibnats_journal_unpublished", journal.unpublished);
    sheet.set("ibnats_journal_lost_total", journal.lost);
    sheet.set("ibnats_journal_bytes", journal.bytes);
    let counters = &health.counters;
    for (what, count) in [
        ("unknown_message", counters.unknown_messages),
        ("undecodable_message", counters.undecodable_messages),
        ("unknown_fields", counters.unknown_fields),
        ("late_answer", counters.late_answers),
    ] {
        sheet.set_for("ibnats_wire_surprises_total", &[what], count);
    }
    sheet.set("ibnats_forgotten_total", counters.forgotten);
    sheet.set("ibnats_unkept_total", counters.unkept);
}

const PHASES: [LinkPhase; 7] = [
    LinkPhase::Down,
    LinkPhase::Dialing,
    LinkPhase::Greeting,
    LinkPhase::Starting,
    LinkPhase::Syncing,
    LinkPhase::Ready,
    LinkPhase::Draining,
];

fn connection(sheet: &mut Sheet, figures: &Figures, at_us: i64) {
    let connection = &figures.pool.connection;
    for (name, link) in [("trading", &connection.trading), ("data", &connection.data)] {
        let link: &LinkStatus = link;
        for phase in PHASES {
            sheet.set_for("ibnats_link_phase", &[name, &word(&phase)], phase == link.phase);
        }
        sheet.set_for("ibnats_link_sockets_total", &[name], link.generation);
        sheet.set_for("ibnats_link_attempts", &[name], link.attempts);
        if let Some(us) = link.round_trip_us {
            sheet.set_for("ibnats_link_round_trip_seconds", &[name], seconds(us));
        }
        if let Some(us) = link.last_receive_us {
            sheet.set_for("ibnats_link_last_byte_age_seconds", &[name], seconds((at_us - us).max(0)));
        }
    }
    sheet.set("ibnats_ib_link_lost", connection.ib_link == IbLink::Lost);
    sheet.set("ibnats_needs_person", connection.needs_person.is_some());
    for farm in &figures.pool.farms {
        sheet.set_for("ibnats_farm_down", &[&farm.farm, &word(&farm.kind)], farm.state == FarmState::Down);
    }
}

fn pacing(sheet: &mut Sheet, pace: &PaceStatus) {
    let pools = [("market_data", pace.market_data_lines), ("tick_by_tick", pace.tick_by_tick), ("depth", pace.depth)];
    for (pool, usage) in pools {
        sheet.set_for("ibnats_lines_used", &[pool], usage.used);
        sheet.set_for("ibnats_lines_max", &[pool], usage.max);
    }
    let limits = [
        ("messages_1s", pace.messages_per_second),
        ("history_10min", pace.history_10_min),
        ("history_open", pace.history_open),
    ];
    for (limit, usage) in limits {
        sheet.set_for("ibnats_pacing_used", &[limit], usage.used);
        sheet.set_for("ibnats_pacing_max", &[limit], usage.max);
    }
    sheet.set("ibnats_pacing_violations_total", pace.violations);
    for queue in &pace.queues {
        let class = [queue.class.as_str()];
        sheet.set_for("ibnats_queue_waiting", &class, queue.waiting);
        sheet.set_for("ibnats_queue_sent_total", &class, queue.sent);
        sheet.set_for("ibnats_queue_longest_wait_seconds", &class, queue.longest_wait_ms.number() / 1e3);
    }
}

fn requests(sheet: &mut Sheet, readings: &Readings<'_>) {
    for (verb, outcomes, took) in readings.tally.rows() {
        let verb = format!("{}.{}", verb.noun, verb.verb);
        for (outcome, count) in outcomes {
            sheet.set_for("ibnats_requests_total", &[&verb, outcome], count);
        }
        sheet.durations("ibnats_request_duration_seconds", &[&verb], &took);
    }
}

fn events(sheet: &mut Sheet, readings: &Readings<'_>) {
    for (kind, published, shed) in readings.losses.traffic.by_kind() {
        sheet.set_for("ibnats_events_published_total", &[kind], published);
        sheet.set_for("ibnats_events_shed_total", &[kind], shed);
    }
    sheet.set_for("ibnats_outbox_waiting", &["market"], readings.outbox.market);
    sheet.set_for("ibnats_outbox_waiting", &["kept"], readings.outbox.kept);
    sheet.set("ibnats_journal_entries_total", readings.journal.written.get());
    sheet.durations("ibnats_journal_write_duration_seconds", &[], &readings.journal.took.histogram());
    for link in readings.nats {
        sheet.set_for("ibnats_nats_up", &[link.name], link.is_up);
        sheet.set_for("ibnats_nats_connects_total", &[link.name], link.connects);
        sheet.set_for("ibnats_nats_sent_bytes_total", &[link.name], link.sent_bytes);
        sheet.set_for("ibnats_nats_sent_messages_total", &[link.name], link.sent_messages);
    }
}

fn process(sheet: &mut Sheet, readings: &Readings<'_>) {
    sheet.set("ibnats_console_clients", readings.console_clients);
    sheet.set("ibnats_console_dropped_total", readings.console_dropped);
    sheet.set("ibnats_log_lines_suppressed_total", readings.log_suppressed);
    let process = &readings.process;
    sheet.set_if("process_resident_memory_bytes", process.resident_bytes);
    sheet.set_if("process_cpu_seconds_total", process.cpu_seconds);
    sheet.set_if("process_open_fds", process.open_fds);
    sheet.set_if("process_max_fds", process.max_fds);
    sheet.set_if("process_threads", process.threads);
}

fn seconds(us: i64) -> f64 {
    us.number() / 1e6
}

/// The word by which a payload tells this value.
fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::{
        gateway::outbox,
        ops::metrics::catalogue::CATALOGUE,
        schema::{connection::FarmKind, order::OrderState},
    };

    fn figures() -> Figures {
        let link = json!({ "phase": "ready", "since_us": 0, "client_id": 1, "generation": 3, "attempts": 0,
            "round_trip_us": 2_500, "last_receive_us": 9_000_000 });
        let connection = json!({ "seq": 0, "recv_us": 0, "trading": link, "data": link, "ib_link": "lost",
            "ib_link_since_us": 0, "ready": false });
        let farm = json!({ "seq": 0, "recv_us": 0, "farm": "usfarm", "kind": FarmKind::MarketData, "state": "down",
            "since_us": 0, "ib_code": 2103 });
        let usage = json!({ "used": 3, "max": 45 });
        let queue = json!({ "class": "order", "waiting": 2, "sent": 7, "longest_wait_ms": 1_500,
            "oldest_ms": 10 });
        let counters = serde_json::to_value(crate::schema::request::status::Counters::default()).expect("JSON");
        Figures {
            health: serde_json::from_value(json!({ "ok": false, "data": true, "history": false, "orders": true,
                "reasons": [], "counters": counters, "journal": { "bytes": 1, "unpublished": 2, "waiting": 3, "lost": 4 } }))
            .expect("health"),
            pace: serde_json::from_value(json!({ "messages_per_second": usage, "trading_messages": usage,
                "data_messages": usage, "history_10_min": usage, "history_long_2_s": usage, "history_open": usage,
                "history_long_open": usage, "market_data_lines": usage, "tick_by_tick": usage, "depth": usage,
                "kept_bars": usage, "scanners": usage, "queues": [queue], "clients": [], "slowed": [],
                "violations": 1 }))
            .expect("pacing"),
            pool: serde_json::from_value(json!({ "connection": connection, "farms": [farm], "in_flight": 5 }))
                .expect("pool"),
            started_us: 1_000_000,
            open_orders: [(OrderState::Working, 2)].into(),
            fills: 9,
            is_halted: true,
            leases: 4,
            stale_streams: 1,
            queued_streams: 0,
        }
    }

    fn read(session: Option<Figures>) -> Sheet {
        let tally = Tally::default();
        tally.record(&crate::nats::endpoints::VERBS[0], None, std::time::Duration::from_millis(3));
        let (outbox, _reader) = outbox(4, 4);
        sheet(&Readings {
            at_us: 10_000_000,
            session,
            losses: &outbox.losses(),
            outbox: Depth::default(),
            journal: &Gauge::default(),
            nats: ["data", "control"].map(|name| LinkGauge {
                name,
                is_up: true,
                connects: 1,
                sent_bytes: 2,
                sent_messages: 3,
            }),
            tally: &tally,
            process: Process {
                resident_bytes: Some(1),
                open_fds: Some(2),
                max_fds: Some(3),
                threads: Some(4),
                cpu_seconds: Some(0.5),
            },
            console_clients: 0,
            console_dropped: 0,
            log_suppressed: 0,
        })
    }

    #[test]
    fn every_metric_of_the_catalogue_has_a_value_and_no_other_is_told() {
        let sheet = read(Some(figures()));
        assert_eq!(sheet.strays(), Vec::<&str>::new());
        let told: BTreeSet<String> = sheet.finish(0).metrics.into_iter().map(|metric| metric.name).collect();
        let known: BTreeSet<String> = CATALOGUE.iter().map(|metric| metric.name.to_owned()).collect();
        assert_eq!(told, known);
    }

    #[test]
    fn a_session_that_does_not_answer_is_told_as_down() {
        let metrics = read(None).finish(0);
        let up = metrics.metrics.iter().find(|metric| metric.name == "ibnats_session_up").expect("it is told");
        assert_eq!(up.samples[0].value, Some(0.0));
        assert!(!metrics.metrics.iter().any(|metric| metric.name == "ibnats_ready"), "nothing is made up");
    }

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let text = crate::ops::metrics::text(read(Some(figures())).finish(0)).expect("text");
        for line in [
            "# TYPE ibnats_link_sockets counter",
            "ibnats_link_sockets_total{link=\"data\"} 3.0",
            "ibnats_link_round_trip_seconds{link=\"data\"} 0.0025",
            "ibnats_link_last_byte_age_seconds{link=\"data\"} 1.0",
            "ibnats_ready{use=\"history\"} 0.0",
            "ibnats_farm_down{farm=\"usfarm\",kind=\"market_data\"} 1.0",
            "ibnats_orders_open{state=\"working\"} 2.0",
            "ibnats_request_duration_seconds_bucket{le=\"0.005\",verb=\"md.subscribe\"} 1",
            "ibnats_request_duration_seconds_bucket{le=\"+Inf\",verb=\"md.subscribe\"} 1",
            "ibnats_halted 1.0",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
