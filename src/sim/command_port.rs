//! The command port of IBC, the program that runs a gateway: lines that restart it or have it connect anew.
//!
//! As IBC's user guide tells: a command a line, whatever its case; answers begin with `OK` or `ERROR`. A real gateway
//! restarts at the next full minute, this one after two seconds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::faults::action::LinkBack;
use super::faults::rule::When;
use super::faults::{Action, DATA_FARMS, Door, GatewayFault, HISTORY_FARMS, IbFault, Rule};
use super::server::Inspect;

/// Longest line in bytes; a longer one ends its connection.
const LINE_BYTES_MAX: u64 = 1024;
const CONVERSATIONS_MAX: usize = 8;
/// From the command to the restart, and until the gateway listens again.
const RESTART_AFTER_MS: i64 = 2_000;
const RESTART_LASTS_MS: i64 = 2_000;
/// A gateway that was stopped does not come back by itself.
const FOR_EVER_MS: i64 = i64::MAX / 4;

/// What a line leads to.
#[derive(Debug, PartialEq)]
struct Reply {
    lines: Vec<String>,
    faults: Vec<(i64, Action)>,
    closes: bool,
}

impl Reply {
    fn line(text: &str, faults: Vec<(i64, Action)>) -> Self {
        Self { lines: vec![text.to_owned()], faults, closes: false }
    }

    fn last(lines: &[&str], faults: Vec<(i64, Action)>) -> Self {
        Self { lines: lines.iter().map(|line| (*line).to_owned()).collect(), faults, closes: true }
    }
}

/// Reads a command. `is_restarting`: an earlier restart has not happened yet.
fn obey(line: &str, is_restarting: bool) -> Option<Reply> {
    let restart = GatewayFault::Restart { for_ms: RESTART_LASTS_MS };
    Some(match line.trim().to_ascii_uppercase().as_str() {
        "" => return None,
        "EXIT" => Reply::last(&["OK Goodbye"], Vec::new()),
        "RECONNECTDATA" => {
            let farms = DATA_FARMS.iter().chain(HISTORY_FARMS);
            let down = |farm: &&str| (0, Action::Ib(IbFault::FarmDown { farm: (*farm).to_owned(), for_ms: 1_000 }));
            Reply::line("OK ", farms.map(down).collect())
        }
        "RECONNECTACCOUNT" => {
            let down = IbFault::LinkDown { for_ms: 1_000, back: LinkBack::DataKept, repeat_ms: None };
            Reply::line("OK ", vec![(0, Action::Ib(down))])
        }
        "RESTART" if is_restarting => Reply::last(&["ERROR RESTART already in progress"], Vec::new()),
        "RESTART" => Reply::last(
            &["OK RESTART in progress", "OK RESTART at the next minute"],
            vec![(RESTART_AFTER_MS, Action::Gateway(restart))],
        ),
        "STOP" => Reply::last(
            &["OK Shutting down: STOP command"],
            vec![(0, Action::Gateway(restart)), (0, Action::Door { door: Door::Closed, for_ms: FOR_EVER_MS })],
        ),
        "ENABLEAPI" => Reply::line("ERROR ENABLEAPI is not valid for the IB Gateway", Vec::new()),
        _ => Reply::line("ERROR Command invalid", Vec::new()),
    })
}

/// Serves whoever connects for as long as the simulator runs.
pub(super) async fn serve(listener: TcpListener, controls: mpsc::WeakSender<Inspect>) {
    let seats = Arc::new(Semaphore::new(CONVERSATIONS_MAX));
    let restarts_at_ms = Arc::new(AtomicI64::new(i64::MIN));
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (controls, restarts_at_ms) = (controls.clone(), Arc::clone(&restarts_at_ms));
                tokio::spawn(async move {
                    converse(stream, peer, &controls, &restarts_at_ms).await;
                    drop(seat);
                });
            }
            Err(error) => tracing::warn!(%error, "a command connection could not be accepted"),
        }
    }
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    controls: &mpsc::WeakSender<Inspect>,
    restarts_at_ms: &Arc<AtomicI64>,
) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let read = (&mut reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await;
        if !matches!(read, Ok(1..)) || !line.ends_with(b"\n") {
            return;
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        tracing::info!(%peer, command = %line, "command port");
        let Some(reply) = act(line, controls, Arc::clone(restarts_at_ms)).await else { return };
        for line in &reply.lines {
            if writer.write_all(format!("{line}\r\n").as_bytes()).await.is_err() {
                return;
            }
        }
        if reply.closes {
            return;
        }
    }
}

/// Has the world do it. `None` if the simulator is stopping.
async fn act(line: String, controls: &mpsc::WeakSender<Inspect>, restarts_at_ms: Arc<AtomicI64>) -> Option<Reply> {
    let (answer, answered) = oneshot::channel();
    let control: Inspect = Box::new(move |gateway, now_ms| {
        let is_restarting = restarts_at_ms.load(Ordering::Relaxed) > now_ms;
        let reply =
            obey(&line, is_restarting).unwrap_or(Reply { lines: Vec::new(), faults: Vec::new(), closes: false });
        for (at_ms, action) in &reply.faults {
            if matches!(action, Action::Gateway(GatewayFault::Restart { .. })) {
                restarts_at_ms.store(now_ms + at_ms, Ordering::Relaxed);
            }
            let when = When::Start { at_ms: *at_ms, every_ms: None };
            // More rules than fit are an operator's doing.
            let _ = gateway.add_rule(now_ms, Rule::new("command port", when, action.clone()));
        }
        // Whoever asked may have gone.
        let _ = answer.send(reply);
        Vec::new()
    });
    controls.upgrade()?.send(control).await.ok()?;
    answered.await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, is_restarting: bool, first: &str, faults: usize, closes: bool) {
        let reply = obey(line, is_restarting).expect("a reply");
        assert_eq!((reply.lines[0].as_str(), reply.faults.len(), reply.closes), (first, faults, closes));
    }

    #[test]
    fn commands_are_answered_as_ibc_does() {
        check("RECONNECTDATA", false, "OK ", DATA_FARMS.len() + HISTORY_FARMS.len(), false);
        check("reconnectaccount\r", false, "OK ", 1, false);
        check("Restart", false, "OK RESTART in progress", 1, true);
        check("RESTART", true, "ERROR RESTART already in progress", 0, true);
        check("STOP", false, "OK Shutting down: STOP command", 2, true);
        check("ENABLEAPI", false, "ERROR ENABLEAPI is not valid for the IB Gateway", 0, false);
        check("EXIT", false, "OK Goodbye", 0, true);
        check("RESTART NOW", false, "ERROR Command invalid", 0, false);
        assert_eq!(obey("  ", false), None);
    }
}
