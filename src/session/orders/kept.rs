//! What is kept of an order beside its event, as JSON: its facts, the cancel that is wanted, its modifications.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{book::Record, facts::Facts, modify::Change};
use crate::schema::request::order::CancelOrder;

#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    facts: &'a Facts,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel: Option<&'a CancelOrder>,
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    changes: &'a VecDeque<Change>,
}

#[derive(Deserialize)]
struct Read {
    #[serde(flatten)]
    facts: Facts,
    cancel: Option<Box<CancelOrder>>,
    #[serde(default)]
    changes: VecDeque<Change>,
}

pub(super) fn write(record: &Record) -> String {
    let written = Written { facts: &record.facts, cancel: record.cancel.as_deref(), changes: &record.changes };
    serde_json::to_string(&written).unwrap_or_default()
}

/// # Errors
///
/// If this release cannot read it: the record is as it was.
pub(super) fn read(text: &str, record: &mut Record) -> serde_json::Result<()> {
    let read: Read = serde_json::from_str(text)?;
    (record.facts, record.cancel, record.changes) = (read.facts, read.cancel, read.changes);
    Ok(())
}
