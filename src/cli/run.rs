//! `ibnats run`: the bridge.

use std::path::PathBuf;

use tracing::info;

use super::{Failure, bridge::RunningBridge, logging, stop::stop_signal};
use crate::config;

/// Run the bridge between the gateway and NATS.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Configuration file; defaults and `IBNATS_<SECTION>__<KEY>` variables apply without one
    #[arg(short, long, value_name = "FILE", env = "IBNATS_CONFIG")]
    config: Option<PathBuf>,
    /// Check the configuration, say what is wrong with it, and end
    #[arg(long)]
    check: bool,
}

pub(super) fn check_or(args: &Args) -> Result<Option<config::Config>, Failure> {
    let config = config::load(args.config.as_deref())?;
    super::bridge::standing(&config)?;
    if args.check {
        println!("the configuration is valid");
        return Ok(None);
    }
    Ok(Some(config))
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let Some(config) = check_or(&args)? else { return Ok(()) };
    logging::start(&config.log)?;
    let stop = stop_signal()?;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        gateway = format!("{}:{}", config.gateway.host, config.gateway.port),
        prefix = config.nats.prefix,
        "starting"
    );
    tokio::pin!(stop);
    let bridge = tokio::select! {
        bridge = RunningBridge::start(config) => bridge?,
        // NATS may be away for long; a signal ends the wait.
        () = &mut stop => return Ok(()),
    };
    // Without a service manager there is nobody to notify, which is no fault.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    stop.await;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    info!("stopping");
    bridge.stop().await;
    Ok(())
}
