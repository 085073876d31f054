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
        let (mut was_there, mut is_signalled) = (false, false);
        loop {
            tokio::select! {
                received = signal.recv() => {
                    if received.is_none() {
                        return;
                    }
                    is_signalled = true;
                }
                _ = look.tick() => {}
            }
            // What was not taken is tried again at the next look, a signal as well as a file.
            if is_signalled {
                let ask = Ask::Halt(Halt { cancel, reason: Some("SIGUSR1".to_owned()) });
                is_signalled = !is_taken(&handle, "@signal", ask).await;
            }
            // A folder that cannot be read hides no file that was there.
            let is_there = tokio::fs::try_exists(&file).await.unwrap_or(was_there);
            if is_there != was_there && is_taken(&handle, "@file", Ask::HaltFile { is_there, cancel }).await {
                was_there = is_there;
            }
        }
    }))
}

async fn is_taken(handle: &GatewayHandle, by: &str, ask: Ask) -> bool {
    warn!(by, "kill switch");
    match handle.ask(Some(by.into()), clock::now().at + ANSWER_WITHIN, ask).await {
        Ok(_) => true,
        Err(error) => {
            warn!(%error, by, "the kill switch was not taken; trying again");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gateway::gateway_handle,
        schema::{ApiError, ErrorCode, request::risk::Resumed},
        session::Answer,
    };

    #[tokio::test]
    async fn a_signal_that_was_not_taken_is_tried_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let (handle, mut inbox) = gateway_handle(4);
        let task = watch(handle, folder.path().join("halt"), Sweep::Bridge).expect("watching");
        let pid = std::process::id().to_string();
        let sent = std::process::Command::new("kill").args(["-USR1", &pid]).status();
        assert!(sent.expect("kill runs").success());
        for outcome in [Err(ApiError::new(ErrorCode::Busy, "full")), Ok(Answer::Resumed(Resumed { was_halted: false }))]
        {
            let (command, caller) = inbox.recv().await.expect("a halt");
            assert!(matches!(command.ask, Ask::Halt(_)), "{command:?}");
            caller.send(outcome).expect("somebody waits");
        }
        task.abort();
    }
}
