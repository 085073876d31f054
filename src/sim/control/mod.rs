//! The control channel: one JSON object a line asks or changes something while the simulator runs.
//!
//! For people and for tests in any language. There is no password: whoever reaches the port commands it.

mod answer;

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::faults::Rule;
use super::gateway::Gateway;
use super::scenario::Scenario;
use super::server::Inspect;

/// Longest command in bytes; a longer one ends its connection.
const LINE_BYTES_MAX: u64 = 1024 * 1024;
/// Operators at a time; more wait.
const OPERATORS_MAX: usize = 16;

/// A command, as one line of JSON.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    /// Puts faults in force: TOML, as in a scenario file.
    Add { rules: String },
    /// The faults in force.
    List,
    /// Lifts one fault, or all.
    Clear { number: Option<u64> },
    /// Connections, lines, what stands.
    Status,
    /// How often each client asked for what.
    Requests,
    /// Order messages received, by key.
    Orders,
    /// Breaches of IB's limits.
    Violations,
}

/// Serves operators for as long as the simulator runs.
pub(super) async fn serve(listener: TcpListener, controls: mpsc::WeakSender<Inspect>) {
    let seats = Arc::new(Semaphore::new(OPERATORS_MAX));
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let controls = controls.clone();
                tokio::spawn(async move {
                    converse(stream, peer, &controls).await;
                    drop(seat);
                });
            }
            Err(error) => tracing::warn!(%error, "an operator could not be accepted"),
        }
    }
}

async fn converse(stream: TcpStream, peer: SocketAddr, controls: &mpsc::WeakSender<Inspect>) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let read = (&mut reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await;
        if !matches!(read, Ok(1..)) || !line.ends_with(b"\n") {
            return;
        }
        let answer = match serde_json::from_slice::<Command>(&line) {
            Ok(command) => obey(command, controls).await,
            Err(error) => refusal(&format!("no command: {error}; see docs/scenarios.md")),
        };
        tracing::debug!(%peer, command = %String::from_utf8_lossy(&line).trim_end(), "control");
        let mut text = answer.to_string();
        text.push('\n');
        if writer.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn refusal(why: &str) -> Value {
    json!({ "ok": false, "error": why })
}

async fn obey(command: Command, controls: &mpsc::WeakSender<Inspect>) -> Value {
    let rules = match &command {
        Command::Add { rules } => match Scenario::parse_rules(rules) {
            Ok(rules) => rules,
            Err(error) => return refusal(&error.to_string()),
        },
        _ => Vec::new(),
    };
    let (answer, answered) = oneshot::channel();
    let control: Inspect = Box::new(move |gateway, now_ms| {
        // The operator may have gone.
        let _ = answer.send(act(gateway, now_ms, &command, rules));
        Vec::new()
    });
    let Some(controls) = controls.upgrade() else { return refusal("the simulator is stopping") };
    if controls.send(control).await.is_err() {
        return refusal("the simulator is stopping");
    }
    drop(controls);
    answered.await.unwrap_or_else(|_| refusal("the simulator is stopping"))
}

fn act(gateway: &mut Gateway, now_ms: i64, command: &Command, rules: Vec<Rule>) -> Value {
    match command {
        Command::Add { .. } => {
            let numbers: Vec<Option<u64>> = rules.into_iter().map(|rule| gateway.add_rule(now_ms, rule)).collect();
            match numbers.iter().copied().collect::<Option<Vec<u64>>>() {
                Some(numbers) => json!({ "ok": true, "numbers": numbers }),
                None => refusal("too many rules; clear some"),
            }
        }
        Command::Clear { number } => match gateway.clear_rules(*number) {
            0 if number.is_some() => refusal("no rule has this number; list tells them"),
            cleared => json!({ "ok": true, "cleared": cleared }),
        },
        Command::List => answer::rules(gateway),
        Command::Status => answer::status(gateway, now_ms),
        Command::Requests => answer::requests(gateway),
        Command::Orders => answer::orders(gateway),
        Command::Violations => answer::violations(gateway),
    }
}
