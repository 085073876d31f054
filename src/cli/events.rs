//! Events of the bridge, one line each.

use std::fmt::Write as _;

use async_nats::Message;
use chrono::{DateTime, Utc};
use crossterm::style::{Color, Stylize as _};
use serde_json::{Value, json};

use super::{
    Failure,
    show::{is_terminal, print_line, text},
};

/// Fields that the subject says already, or that matter to programs only.
const LEFT_OUT: [&str; 6] = ["seq", "recv_us", "con_id", "instrument", "tick_type", "change"];

/// Prints one event: for a person, or as JSON.
pub(super) fn print(message: &Message, prefix: &str, as_json: bool) -> Result<(), Failure> {
    print_line(&if as_json { json_line(message) } else { line(message, prefix, is_terminal()) })
}

/// One event as a line: time, subject below the prefix, what it says.
fn line(message: &Message, prefix: &str, in_color: bool) -> String {
    let subject =
        message.subject.strip_prefix(prefix).map_or(message.subject.as_str(), |rest| &rest[rest.len().min(1)..]);
    let Ok(event) = serde_json::from_slice::<Value>(&message.payload) else {
        return format!("{subject}  {} bytes that are no JSON", message.payload.len());
    };
    let us = event.get("recv_us").and_then(Value::as_i64);
    let time = us.and_then(DateTime::<Utc>::from_timestamp_micros);
    let time = time.map_or_else(|| "--:--:--.---".to_owned(), |time| time.format("%H:%M:%S%.3f").to_string());
    let mut words = String::new();
    say(&mut words, "", &event);
    let kind = subject.split('.').next().unwrap_or_default();
    if in_color {
        format!("{}  {}  {words}", time.dark_grey(), subject.with(color(kind, &event)))
    } else {
        format!("{time}  {subject}  {words}")
    }
}

/// The same as a line of JSON: `{"subject":...,"event":...}`.
fn json_line(message: &Message) -> String {
    let event: Value = serde_json::from_slice(&message.payload).unwrap_or(Value::Null);
    json!({ "subject": message.subject.as_str(), "event": event }).to_string()
}

/// Appends `name=value` for every field, those of parts with the part's name in front.
fn say(words: &mut String, part: &str, value: &Value) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let is_plain = part.is_empty();
        if is_plain && LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        let name = if is_plain { name.clone() } else { format!("{part}.{name}") };
        match value {
            Value::Object(_) => say(words, &name, value),
            Value::Array(parts) if parts.iter().any(Value::is_object) => {
                let _ = write!(words, "{name}=[{}] ", parts.len());
            }
            _ => {
                let _ = write!(words, "{name}={} ", text(Some(value)));
            }
        }
    }
}

fn color(kind: &str, event: &Value) -> Color {
    if event.get("stale") == Some(&Value::Bool(true)) {
        return Color::DarkGrey;
    }
    match kind {
        "order" | "fill" => Color::Green,
        "conn" | "bridge" | "gap" => Color::Yellow,
        "position" | "account" | "pnl" => Color::Cyan,
        "audit" => Color::Magenta,
        _ => Color::Blue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(subject: &str, payload: &str) -> Message {
        Message {
            subject: subject.into(),
            reply: None,
            payload: payload.to_owned().into(),
            headers: None,
            status: None,
            description: None,
            length: 0,
        }
    }

    #[test]
    fn a_line_says_when_where_and_what() {
        let quote =
            message("ib.paper.quote.STK.X", r#"{"seq":3,"recv_us":1000,"bid":1.5,"greeks":{"model":{"delta":0.5}}}"#);
        assert_eq!(line(&quote, "ib.paper", false), "00:00:00.001  quote.STK.X  bid=1.5 greeks.model.delta=0.5 ");
        let strange = message("ib.x", "no");
        assert!(line(&strange, "ib", false).contains("2 bytes"));
    }
}
