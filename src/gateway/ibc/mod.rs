//! The client of IBC's command port: one command over a TCP connection of its own.
//!
//! The port is a plain conversation of lines. What IBC says begins with `OK`, `ERROR` or `INFO`; whether the gateway
//! then does as told, its sockets show. Tried against the simulator only, never against a real IBC.

mod lines;

use std::{future::Future, io, pin::Pin, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout_at},
};

use crate::{
    config::{self, ms},
    schema::request::gateway::GatewayCommand,
    session::CommandFailure,
};
use lines::{Lines, Word};

/// After it said yes, IBC may say more, such as when a restart will be; so long it is listened to.
const MORE_WITHIN: Duration = Duration::from_secs(3);

type Asking = Pin<Box<dyn Future<Output = Result<String, CommandFailure>> + Send>>;

/// Sends commands, one at a time.
pub(super) struct CommandPort {
    config: config::Ibc,
    asking: Option<(u64, Asking)>,
}

impl CommandPort {
    pub(super) fn new(config: config::Ibc) -> Self {
        Self { config, asking: None }
    }

    /// Starts sending; [`Self::next`] tells what came of it.
    pub(super) fn send(&mut self, number: u64, command: GatewayCommand) {
        let (address, limit) = (self.config.address.clone(), ms(self.config.timeout_ms));
        self.asking = Some((number, Box::pin(ask(address, command, limit))));
    }

    /// The outcome of the command and its number; for ever if there is none.
    ///
    /// # Cancel safety
    ///
    /// The conversation goes on where it was.
    pub(super) async fn next(&mut self) -> (u64, Result<String, CommandFailure>) {
        let Some((number, asking)) = &mut self.asking else { return std::future::pending().await };
        let (number, outcome) = (*number, asking.as_mut().await);
        self.asking = None;
        (number, outcome)
    }
}

/// What IBC understands.
fn word(command: GatewayCommand) -> &'static str {
    match command {
        GatewayCommand::Restart => "RESTART",
        GatewayCommand::ReconnectData => "RECONNECTDATA",
        GatewayCommand::ReconnectAccount => "RECONNECTACCOUNT",
    }
}

async fn ask(address: String, command: GatewayCommand, limit: Duration) -> Result<String, CommandFailure> {
    let deadline = Instant::now() + limit;
    let not_sent = |error: io::Error| CommandFailure::NotSent(format!("{address}: {error}"));
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let connected = timeout_at(deadline, TcpStream::connect(&address)).await.map_err(late).flatten();
    let mut stream = connected.map_err(not_sent)?;
    let line = format!("{}\n", word(command));
    let unanswered = |why: &str| CommandFailure::Unanswered(format!("{address}: {why}"));
    match timeout_at(deadline, stream.write_all(line.as_bytes())).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(unanswered(&error.to_string())),
        Err(_) => return Err(unanswered("the command was not taken in time")),
    }
    let mut lines = Lines::default();
    let mut told: Vec<String> = Vec::new();
    let mut until = deadline;
    loop {
        while let Some((word, text)) = lines.next() {
            match word {
                Word::Error if told.is_empty() => return Err(CommandFailure::Refused(text)),
                Word::Ok => {
                    told.push(if text.is_empty() { "OK".to_owned() } else { text });
                    if command != GatewayCommand::Restart {
                        // Politeness: it closes by itself as well.
                        let _ = timeout_at(until, stream.write_all(b"EXIT\n")).await;
                        return Ok(told.join("; "));
                    }
                    until = until.min(Instant::now() + MORE_WITHIN);
                }
                Word::Error | Word::Info => {}
            }
        }
        let read = timeout_at(until, stream.read_buf(lines.buffer())).await;
        let why = match read {
            Ok(Ok(1..)) if lines.has_room() => continue,
            Ok(Ok(1..)) => "it said too much".to_owned(),
            Ok(Ok(0)) => "it closed the connection; does IBC's ControlFrom name this host?".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "nothing in time".to_owned(),
        };
        return if told.is_empty() { Err(unanswered(&why)) } else { Ok(told.join("; ")) };
    }
}
