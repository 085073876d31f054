//! The TWS wire against bytes and tables from outside (`tests/golden/tws/README.md`).
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic, in its helpers too")]

#[path = "golden/dispatch.rs"]
mod dispatch;
#[path = "golden/frames.rs"]
mod frames;
#[path = "golden/ids.rs"]
mod ids;
#[path = "golden/messages.rs"]
mod messages;
#[path = "golden/orders.rs"]
mod orders;
#[path = "golden/recorded.rs"]
mod recorded;
#[path = "golden/requests.rs"]
mod requests;
#[path = "golden/tick_payloads.rs"]
mod tick_payloads;
#[path = "golden/tick_types.rs"]
mod tick_types;

use serde_json::Value;

/// The rows of one kind in `protobuf.jsonl`.
fn rows(kind: &str) -> Vec<Value> {
    let rows = include_str!("golden/tws/protobuf.jsonl").lines();
    let rows = rows.map(|line| serde_json::from_str::<Value>(line).expect("a row of JSON"));
    rows.filter(|row| row["kind"] == kind).collect()
}

/// A text cell of a golden row.
#[track_caller]
fn text<'a>(row: &'a Value, cell: &str) -> &'a str {
    row[cell].as_str().unwrap_or_else(|| panic!("no text {cell} in {row}"))
}

/// Field names are compared without case and underscores, which our spelling and IB's disagree on.
fn plain(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}
