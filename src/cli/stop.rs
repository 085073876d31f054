//! The signals that end a command.

use tokio::signal::unix::{SignalKind, signal};

use super::Failure;

/// Completes at SIGINT or SIGTERM. Call it before the work starts, so that no signal is missed.
pub(super) fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
