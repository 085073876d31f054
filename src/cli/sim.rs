//! `ibnats sim`: a gateway that is not IB, on a TCP port.

use std::net::{IpAddr, SocketAddr};

use chrono::{DateTime, Utc};

use super::{Failure, logging, stop::stop_signal};
use crate::{
    config::Log,
    sim::{SimConfig, Simulator},
};

/// Run a simulated gateway: seeded prices, contracts of every kind, orders that fill.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Port to listen on; 0 lets the system choose one
    #[arg(long, default_value_t = 4002)]
    port: u16,
    /// Everything random follows from this number
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Simulated time at the start, such as 2026-11-20T14:30:00Z; now if left out
    #[arg(long)]
    clock: Option<DateTime<Utc>>,
    /// Simulated seconds per second
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Account of the login; may be given several times
    #[arg(long = "account", default_value = "DU1234567")]
    accounts: Vec<String>,
    /// Markets open and close as in the world; without it they never close
    #[arg(long)]
    market_hours: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.001..=100_000.0).contains(&speed) => Ok(speed),
        _ => Err("a speed is a number from 0.001 to 100000".to_owned()),
    }
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    logging::start(&Log::default())?;
    let stop = stop_signal()?;
    let config = SimConfig {
        listen: SocketAddr::new(args.host, args.port),
        seed: args.seed,
        clock: args.clock,
        speed: args.speed,
        accounts: args.accounts,
        market_hours: args.market_hours,
        ..SimConfig::default()
    };
    let sim = Simulator::start(config).await?;
    // Scripts read this line to learn the port.
    println!("simulated gateway listening on {}", sim.addr());
    stop.await;
    sim.stop().await;
    Ok(())
}
