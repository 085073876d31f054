//! `ibnats record`: saves what passes between a client and a gateway.

use std::{net::SocketAddr, path::PathBuf};

use super::{Failure, stop::stop_signal};
use crate::{
    config::Log,
    ops::logging,
    sim::recording::{RecordConfig, RunningRecorder},
};

/// Stand between a client and a gateway and save the frames of both directions to a file.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where clients connect instead of to the gateway
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4099")]
    listen: SocketAddr,
    /// The gateway, as host:port
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4002")]
    gateway: String,
    /// The file; an existing one is never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace account codes in the file by others of the same length (docs/recordings.md says what stays)
    #[arg(long)]
    mask_accounts: bool,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    logging::start(&Log::default())?;
    let stop = stop_signal()?;
    let config = RecordConfig {
        listen: args.listen,
        gateway: args.gateway,
        out: args.out.clone(),
        mask_accounts: args.mask_accounts,
    };
    let recorder = RunningRecorder::start(config).await?;
    // Scripts read this line to learn the port.
    println!("recorder listening on {}", recorder.addr());
    stop.await;
    let recorded = recorder.stop().await?;
    println!(
        "{}: {} frames of {} connections, {} lost",
        args.out.display(),
        recorded.frames,
        recorded.connections,
        recorded.lost
    );
    Ok(())
}
