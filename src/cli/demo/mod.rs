//! `ibnats demo`: a NATS server, a simulated gateway and the bridge between them, in one command.

mod instruments;
mod nats_server;
mod table;

use std::{path::PathBuf, time::Duration};

use futures_util::StreamExt;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use self::{nats_server::NatsServer, table::Board};
use super::{Failure, bridge::RunningBridge, stop::stop_signal};
use crate::{
    config::{Config, Log},
    nats::subject,
    ops::logging,
    sim::{SimConfig, Simulator},
};

/// Time between two drawings of the table.
const REDRAW: Duration = Duration::from_millis(500);
/// Time between two tables where the output is no terminal.
const REPRINT: Duration = Duration::from_secs(5);
/// Time to wait for the first quotes.
const FIRST_QUOTES_MAX: Duration = Duration::from_secs(15);

/// Show live quotes of a simulated gateway on a NATS server, without any set-up.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// End after this many seconds; without it, run until Ctrl-C
    #[arg(long)]
    seconds: Option<u64>,
    /// Seed of the simulated prices
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Use this NATS server instead of starting one
    #[arg(long, env = "NATS_URL", hide_env_values = true)]
    nats_url: Option<String>,
    /// Faults that the simulated gateway suffers, from a scenario file (docs/scenarios.md)
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let scenario = args.scenario.as_deref().map(super::sim::scenario).transpose()?;
    let quiet = Log { filter: "warn".to_owned(), ..Log::default() };
    let log = logging::start(&quiet)?;
    let stop = stop_signal()?;
    let (own_server, url) = if let Some(url) = args.nats_url {
        (None, url)
    } else {
        let server = start_nats().await?;
        let url = server.url.clone();
        (Some(server), url)
    };
    let sim = Simulator::start(SimConfig { seed: args.seed, scenario, ..SimConfig::default() }).await?;
    println!("simulated gateway: {}", sim.addr());

    let mut config = Config::default();
    config.gateway.port = sim.addr().port();
    config.nats.url.clone_from(&url);
    "127.0.0.1:0".clone_into(&mut config.http.listen);
    // Its orders are forgotten with the simulated gateway.
    let state = tempfile::tempdir()?;
    state.path().clone_into(&mut config.state.dir);
    tokio::pin!(stop);
    // A NATS server of the user's may be away for long; a signal ends the wait.
    let shown = match Box::pin(RunningBridge::start(config, None, log, &mut stop)).await {
        Ok(Some(bridge)) => {
            if let Some(address) = bridge.http_address() {
                println!("console: http://{address}/");
            }
            let shown = tokio::select! {
                shown = show(&url, &bridge, args.seconds) => shown,
                () = &mut stop => Ok(()),
            };
            shown.and(bridge.stop().await)
        }
        Err(failure) => Err(failure),
        Ok(None) => Ok(()),
    };
    sim.stop().await;
    if let Some(server) = own_server {
        server.stop().await;
    }
    if shown.is_ok() {
        println!("stopped");
    }
    shown
}

async fn start_nats() -> Result<NatsServer, Failure> {
    let program = nats_server::find().ok_or(
        "no nats-server found: run `make demo`, which installs one, or set NATS_SERVER to the program or NATS_URL to a running server",
    )?;
    let server = NatsServer::start(&program).await?;
    println!("nats-server: {} on {}", program.display(), server.url);
    Ok(server)
}

/// Draws the table until the time is up.
async fn show(url: &str, bridge: &RunningBridge, seconds: Option<u64>) -> Result<(), Failure> {
    let client = async_nats::connect(url).await?;
    let mut quotes = client.subscribe(subject::family(bridge.prefix(), "quote")).await?;
    let mut states = client.subscribe(subject::Topic::ConnectionState.subject(bridge.prefix())).await?;
    client.flush().await?;
    let mut board = Board::default();
    bridge.wait_ready(FIRST_QUOTES_MAX).await?;
    let option = instruments::subscribe(bridge).await?;
    board.connection = bridge.connection().await;
    print_commands(url, bridge.prefix(), &option);

    let started = Instant::now();
    let end = seconds.map(|seconds| started + Duration::from_secs(seconds));
    let redraw = if std::io::IsTerminal::is_terminal(&std::io::stdout()) { REDRAW } else { REPRINT };
    let mut draw = interval(redraw);
    draw.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(message) = quotes.next() => {
                board.quotes.insert(instrument_of(&message.subject), serde_json::from_slice(&message.payload)?);
                board.received += 1;
            }
            Some(message) = states.next() => board.connection = Some(serde_json::from_slice(&message.payload)?),
            _ = draw.tick() => board.draw(started.elapsed().as_secs())?,
            () = sleep_until(end.unwrap_or(started)), if end.is_some() => break,
        }
        if board.quotes.is_empty() && started.elapsed() > FIRST_QUOTES_MAX {
            return Err("no quote arrived within 15 seconds; run again with RUST_LOG=info to see why".into());
        }
    }
    board.draw(started.elapsed().as_secs())?;
    Ok(())
}

/// Security type and local symbol: the first two of the four instrument tokens that end a quote's subject.
fn instrument_of(quote: &str) -> String {
    let tokens: Vec<&str> = quote.rsplit('.').take(4).collect();
    let readable = tokens.into_iter().rev().take(2).map(|token| subject::text_of(token).unwrap_or_default());
    readable.collect::<Vec<_>>().join(" ")
}

fn print_commands(url: &str, prefix: &str, option: &str) {
    println!(
        "\nIn a second terminal, in the same folder (`make demo` has put the `nats` command line there):\n
  export PATH=$PWD/.tools/bin:$PATH
  export NATS_URL={url}
  nats sub '{prefix}.quote.>'
  nats sub '{prefix}.order.>'        # and '{prefix}.fill.>'
  nats req {prefix}.req.contract.details '{{\"contract\":\"STK:AAPL\"}}'
  nats req {prefix}.req.hist.bars '{{\"contract\":\"STK:AAPL\",\"bar_size\":\"1m\",\"duration\":\"2h\"}}' --replies=0 --reply-timeout=2s
  nats req {prefix}.req.md.subscribe '{{\"contract\":\"{option}\",\"streams\":[\"quote\",\"tick\"],\"ttl_s\":60}}'
  nats req {prefix}.req.order.place '{{\"key\":\"demo-1\",\"contract\":\"STK:AAPL\",\"side\":\"buy\",\"quantity\":10,\"order_type\":\"market\"}}'
  nats req {prefix}.req.bridge.health ''
  nats micro ls
  nats micro info ibnats\n"
    );
}
