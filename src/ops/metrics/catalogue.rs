//! Every metric there is: name, kind, labels and what it says. `docs/metrics.md` is this list.

use std::fmt::Write as _;

use crate::schema::request::process::MetricKind::{self, Counter, Gauge, Histogram};

/// A metric, whatever its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// As Prometheus shows it.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
    /// What it says. No full stop: the text form adds one.
    pub help: &'static str,
}

const fn row(name: &'static str, kind: MetricKind, labels: &'static [&'static str], help: &'static str) -> Definition {
    Definition { name, kind, labels, help }
}

/// Every metric, in the order of the documentation.
pub const CATALOGUE: &[Definition] = &[
    row("ibnats_build_info", Gauge, &["version"], "Always 1; the version of the bridge is in the label"),
    row("ibnats_start_time_seconds", Gauge, &[], "When the bridge started, seconds since the epoch"),
    row("ibnats_session_up", Gauge, &[], "1 if the session answers; 0 means that most figures below are absent"),
    row("ibnats_ready", Gauge, &["use"], "1 if data, history or orders can be used now"),
    row("ibnats_halted", Gauge, &[], "1 while the kill switch is thrown"),
    row(
        "ibnats_link_phase",
        Gauge,
        &["link", "phase"],
        "1 for the phase in which the link to the gateway is, 0 for the others",
    ),
    row(
        "ibnats_link_sockets_total",
        Counter,
        &["link"],
        "Sockets opened to the gateway; each one after the first is a reconnect",
    ),
    row("ibnats_link_attempts", Gauge, &["link"], "Attempts to connect since the link was last ready"),
    row(
        "ibnats_link_round_trip_seconds",
        Gauge,
        &["link"],
        "How long the gateway took to answer the last probe; absent before the first",
    ),
    row(
        "ibnats_link_last_byte_age_seconds",
        Gauge,
        &["link"],
        "Time since the gateway last sent anything; absent before it did",
    ),
    row("ibnats_ib_link_lost", Gauge, &[], "1 while the gateway has lost its link to IB (1100, 2110)"),
    row("ibnats_needs_person", Gauge, &[], "1 while the gateway's login waits for a person, as far as is known"),
    row("ibnats_farm_down", Gauge, &["farm", "kind"], "1 while this farm of IB is down; idle farms are not"),
    row("ibnats_lines_used", Gauge, &["pool"], "Market data lines, tick-by-tick and depth subscriptions in use"),
    row("ibnats_lines_max", Gauge, &["pool"], "How many of them the login has"),
    row("ibnats_leases", Gauge, &[], "Leases that clients hold"),
    row("ibnats_streams_queued", Gauge, &[], "Streams that wait for a line or slot"),
    row("ibnats_streams_stale", Gauge, &[], "Streams asked for at the gateway that deliver nothing now"),
    row(
        "ibnats_stale_streams_total",
        Counter,
        &[],
        "Streams that fell silent in an open market and were asked for again",
    ),
    row("ibnats_pacing_used", Gauge, &["limit"], "How much of each of IB's limits is used now"),
    row("ibnats_pacing_max", Gauge, &["limit"], "How much of each limit the bridge uses at most"),
    row("ibnats_pacing_violations_total", Counter, &[], "Pacing violations that the gateway reported"),
    row("ibnats_queue_waiting", Gauge, &["class"], "Requests to the gateway that wait for pacing, by class"),
    row("ibnats_queue_sent_total", Counter, &["class"], "Requests sent to the gateway, by class"),
    row("ibnats_queue_longest_wait_seconds", Gauge, &["class"], "Longest wait for pacing since the start, by class"),
    row("ibnats_gateway_requests_in_flight", Gauge, &[], "Requests that wait for an answer of the gateway"),
    row(
        "ibnats_requests_total",
        Counter,
        &["verb", "outcome"],
        "Requests of clients by verb and outcome: ok or an error code",
    ),
    row(
        "ibnats_request_duration_seconds",
        Histogram,
        &["verb"],
        "Time from a request of a client to the end of its answer",
    ),
    row("ibnats_events_published_total", Counter, &["kind"], "Events handed to NATS, by kind"),
    row(
        "ibnats_events_shed_total",
        Counter,
        &["kind"],
        "Events that never reached NATS because it was slow or away, by kind",
    ),
    row(
        "ibnats_outbox_waiting",
        Gauge,
        &["lane"],
        "Events that wait for NATS: market data, which may be shed, and what is kept",
    ),
    row("ibnats_journal_entries_total", Counter, &[], "Entries written to the order journal"),
    row(
        "ibnats_journal_write_duration_seconds",
        Histogram,
        &[],
        "Time of one transaction of the order journal, the wait for the disk included",
    ),
    row("ibnats_journal_waiting", Gauge, &[], "Entries that wait for the disk"),
    row("ibnats_journal_unpublished", Gauge, &[], "Order and fill events that JetStream has not acknowledged"),
    row("ibnats_journal_lost_total", Counter, &[], "Entries lost because the disk took nothing for too long"),
    row("ibnats_journal_bytes", Gauge, &[], "Size of the order journal on the disk"),
    row("ibnats_orders_open", Gauge, &["state"], "Orders that may still change, by state"),
    row("ibnats_fills", Gauge, &[], "Fills known, those of earlier runs included"),
    row("ibnats_nats_up", Gauge, &["connection"], "1 while the NATS server can be reached"),
    row("ibnats_nats_connects_total", Counter, &["connection"], "How often the connection to NATS was made"),
    row("ibnats_nats_sent_bytes_total", Counter, &["connection"], "Bytes sent to NATS"),
    row("ibnats_nats_sent_messages_total", Counter, &["connection"], "Messages sent to NATS"),
    row(
        "ibnats_wire_surprises_total",
        Counter,
        &["what"],
        "Frames and fields of the gateway that were not understood, and late answers",
    ),
    row(
        "ibnats_forgotten_total",
        Counter,
        &[],
        "Reports, finished orders and fills forgotten to stay within memory bounds",
    ),
    row("ibnats_unkept_total", Counter, &[], "Changes of lasting leases that could not be written to the disk"),
    row("ibnats_console_clients", Gauge, &[], "Consoles that are open"),
    row("ibnats_console_dropped_total", Counter, &[], "Frames and events that a slow console did not get"),
    row("ibnats_log_lines_suppressed_total", Counter, &[], "Log lines left out because they repeated too often"),
    row("process_resident_memory_bytes", Gauge, &[], "Resident memory"),
    row("process_cpu_seconds_total", Counter, &[], "Processor time used"),
    row("process_open_fds", Gauge, &[], "Open file descriptors"),
    row("process_max_fds", Gauge, &[], "How many file descriptors may be open"),
    row("process_threads", Gauge, &[], "Threads"),
];

/// The table of `docs/metrics.md`.
pub fn table() -> String {
    let mut table = "| metric | kind | labels | what it says |\n|---|---|---|---|\n".to_owned();
    for metric in CATALOGUE {
        let kind = match metric.kind {
            Counter => "counter",
            Gauge => "gauge",
            Histogram => "histogram",
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing to a text cannot fail.
        let _ = writeln!(table, "| `{}` | {kind} | {} | {} |", metric.name, labels.join(", "), metric.help);
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_end_as_prometheus_wants() {
        let names: BTreeSet<&str> = CATALOGUE.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), CATALOGUE.len());
        for metric in CATALOGUE {
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Counter, "{}", metric.name);
            assert!(!metric.help.ends_with('.'), "{}", metric.name);
        }
    }
}
