//! `ibnats run`: the bridge.

use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use super::{Failure, bridge::RunningBridge, config::Settings, stop::stop_signal};
use crate::{config, ops::logging};

/// Run the bridge between the gateway and NATS.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// Check the configuration, say what is wrong with it, and end
    #[arg(long)]
    check: bool,
}

fn check_or(args: &Args) -> Result<Option<config::Config>, Failure> {
    let config = args.settings.layers().read()?.config;
    if args.check {
        println!("the configuration is valid");
        return Ok(None);
    }
    Ok(Some(config))
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let Some(config) = check_or(&args)? else { return Ok(()) };
    let log = logging::start(&config.log)?;
    let stop = stop_signal()?;
    // From here on the signal does not end the process, also while NATS is not there yet.
    let mut reload = signal(SignalKind::hangup())?;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        gateway = format!("{}:{}", config.gateway.host, config.gateway.port),
        prefix = config.nats.prefix,
        "starting"
    );
    tokio::pin!(stop);
    // NATS may be away for long; a signal ends the wait.
    let Some(bridge) = Box::pin(RunningBridge::start(config, Some(args.settings.layers()), log, &mut stop)).await?
    else {
        info!("stopped before NATS was there");
        return Ok(());
    };
    // Without a service manager there is nobody to notify, which is no fault.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let gone = loop {
        tokio::select! {
            () = &mut stop => break None,
            gone = bridge.ended() => break Some(gone),
            Some(()) = reload.recv() => tokio::select! {
                () = &mut stop => break None,
                // What became of it is in the log.
                _ = bridge.reload() => {}
            },
        }
    };
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    match &gone {
        None => info!("stopping"),
        // A bridge that does nothing must not look like one: whoever watches the process starts it again.
        Some(gone) => error!("{gone}; stopping"),
    }
    let stopped = bridge.stop().await;
    gone.map_or(stopped, Err)
}
