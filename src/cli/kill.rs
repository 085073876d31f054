//! The kill switch by file and by signal.

use std::{path::PathBuf, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
    time::MissedTickBehavior,
};
use tracing::warn;

use super::Failure;
use crate::{
    gateway::{GatewayHandle, clock},
    schema::{request::risk::Halt, risk::Sweep},
    session::Ask,
};

/// How often the file is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Halts when SIGUSR1 comes or `file` appears; while the file exists nobody can resume.
pub(super) fn watch(handle: GatewayHandle, file: PathBuf, cancel: Sweep) -> Result<JoinHandle<()>, Failure> {
    let mut signal = signal(SignalKind::user_defined1())?;
    Ok(tokio::spawn(async move {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_there = false;
        loop {
            let (by, ask) = tokio::select! {
                received = signal.recv() => {
                    if received.is_none() {
                        return;
                    }
                    let reason = Some("SIGUSR1".to_owned());
                    ("@signal", Ask::Halt(Halt { cancel, reason }))
                }
                _ = look.tick() => {
                    // A folder that cannot be read hides no file that was there.
                    let is_there = tokio::fs::try_exists(&file).await.unwrap_or(was_there);
                    if is_there == was_there {
                        continue;
                    }
                    ("@file", Ask::HaltFile { is_there, cancel })
                }
            };
            let from_file = by == "@file";
            warn!(by, "kill switch");
            match handle.ask(Some(by.into()), clock::now().at + ANSWER_WITHIN, ask).await {
                Ok(_) if from_file => was_there = !was_there,
                Ok(_) => {}
                // Looked for again at once; a signal is as good as its next one.
                Err(error) => warn!(%error, by, "the kill switch was not taken; trying again"),
            }
        }
    }))
}
