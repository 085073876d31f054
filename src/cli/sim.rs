//! `ibnats sim`: a gateway that is not IB, on a TCP port.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};

use super::{Failure, control, stop::stop_signal};
use crate::{
    config::Log,
    ops::logging,
    sim::{
        Scenario, SimConfig, Simulator,
        recording::{Recording, Replay, RunningReplay},
    },
};

/// Run a simulated gateway: seeded prices, contracts of every kind, orders that fill.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
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
    /// Group of an advisor, as NAME=ACCOUNT,ACCOUNT; may be given several times
    #[arg(long = "group", value_parser = group)]
    groups: Vec<(String, Vec<String>)>,
    /// Model of an advisor, as ACCOUNT/MODEL; may be given several times
    #[arg(long = "model")]
    models: Vec<String>,
    /// Markets open and close as in the world; without it they never close
    #[arg(long)]
    market_hours: bool,
    /// Faults that happen, from a scenario file (docs/scenarios.md)
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Take commands here while running, such as 127.0.0.1:0; there is no password
    #[arg(long, value_name = "ADDR")]
    control: Option<SocketAddr>,
    /// Play the command port of IBC here, such as 127.0.0.1:7462: RESTART, RECONNECTDATA, RECONNECTACCOUNT, STOP
    #[arg(long, value_name = "ADDR")]
    command_port: Option<SocketAddr>,
    /// Play a recording made by `ibnats record` instead of simulating; --speed counts
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scenario", "control", "command_port", "clock", "accounts", "market_hours"])]
    replay: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Control(control::Args),
}

/// Reads a scenario; the failure names the file and the line.
pub(super) fn scenario(path: &Path) -> Result<Scenario, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("scenario {}: {error}", path.display()))?;
    Scenario::parse(&text).map_err(|error| format!("scenario {}, {error}", path.display()).into())
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.001..=100_000.0).contains(&speed) => Ok(speed),
        _ => Err("a speed is a number from 0.001 to 100000".to_owned()),
    }
}

fn group(text: &str) -> Result<(String, Vec<String>), String> {
    let (name, members) = text.split_once('=').ok_or("a group is NAME=ACCOUNT,ACCOUNT")?;
    Ok((name.to_owned(), members.split(',').map(str::to_owned).collect()))
}

/// Reads a recording; the failure names the file and the line.
fn recorded(path: &Path, speed: f64) -> Result<Replay, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("recording {}: {error}", path.display()))?;
    let recording = Recording::parse(&text).map_err(|error| format!("recording {}, {error}", path.display()))?;
    if recording.is_torn {
        tracing::warn!(path = %path.display(), "the last line of the recording is cut off and left out");
    }
    Replay::new(&recording, speed).ok_or_else(|| format!("recording {}: nobody logged in", path.display()).into())
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    if let Some(Command::Control(args)) = args.command {
        return control::run(args).await;
    }
    logging::start(&Log::default())?;
    let stop = stop_signal()?;
    if let Some(path) = &args.replay {
        let replay = RunningReplay::start(recorded(path, args.speed)?, SocketAddr::new(args.host, args.port)).await?;
        println!("recorded gateway listening on {}", replay.addr());
        stop.await;
        replay.stop().await;
        return Ok(());
    }
    let config = SimConfig {
        listen: SocketAddr::new(args.host, args.port),
        seed: args.seed,
        clock: args.clock,
        speed: args.speed,
        accounts: args.accounts,
        groups: args.groups,
        models: args.models,
        market_hours: args.market_hours,
        scenario: args.scenario.as_deref().map(scenario).transpose()?,
        control: args.control,
        command_port: args.command_port,
        ..SimConfig::default()
    };
    let sim = Simulator::start(config).await?;
    // Scripts read this line to learn the port.
    println!("simulated gateway listening on {}", sim.addr());
    if let Some(addr) = sim.control_addr() {
        println!("control listening on {addr}");
    }
    if let Some(addr) = sim.command_addr() {
        println!("command port listening on {addr}");
    }
    stop.await;
    sim.stop().await;
    Ok(())
}
