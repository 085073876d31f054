//! `ibnats sim control`: faults and questions for a simulator that is running.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::Failure;

/// A simulator that says nothing for so long has ended or hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Add faults to a running simulator, lift them, or ask what it has seen; answers are JSON.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(super) struct Args {
    /// Where the simulator was told to take control (`ibnats sim --control ADDR`)
    #[arg(long, value_name = "ADDR", env = "IBNATS_SIM_CONTROL")]
    at: SocketAddr,
    /// Faults to add, as TOML: `at_ms = 0`, `do = "cut"`; each argument is one line
    #[arg(conflicts_with_all = ["file", "list", "clear", "clear_all", "status", "requests", "orders", "violations"])]
    rule: Vec<String>,
    /// Faults to add, from a scenario file
    #[arg(long)]
    file: Option<PathBuf>,
    /// The faults in force
    #[arg(long)]
    list: bool,
    /// Lift the fault with this number
    #[arg(long, value_name = "NUMBER")]
    clear: Option<u64>,
    /// Lift all faults
    #[arg(long)]
    clear_all: bool,
    /// Connections, market data lines, what stands at present (also without any argument)
    #[arg(long)]
    status: bool,
    /// How often each client asked for what
    #[arg(long)]
    requests: bool,
    /// Order messages received, by key
    #[arg(long)]
    orders: bool,
    /// Breaches of IB's limits
    #[arg(long)]
    violations: bool,
}

impl Args {
    fn command(&self) -> Result<Value, Failure> {
        if let Some(path) = &self.file {
            let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            return Ok(json!({ "do": "add", "rules": text }));
        }
        if !self.rule.is_empty() {
            return Ok(json!({ "do": "add", "rules": self.rule.join("\n") }));
        }
        if let Some(number) = self.clear {
            return Ok(json!({ "do": "clear", "number": number }));
        }
        let words = [
            (self.clear_all, "clear"),
            (self.list, "list"),
            (self.requests, "requests"),
            (self.orders, "orders"),
            (self.violations, "violations"),
        ];
        let word = words.iter().find(|(is_asked, _)| *is_asked).map_or("status", |(_, word)| word);
        Ok(json!({ "do": word }))
    }
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let command = args.command()?;
    let asked = tokio::time::timeout(PATIENCE, ask(args.at, &command)).await;
    let answer = asked.map_err(|_| format!("{} does not answer", args.at))??;
    println!("{}", serde_json::to_string_pretty(&answer)?);
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

async fn ask(at: SocketAddr, command: &Value) -> Result<Value, Failure> {
    let connected = TcpStream::connect(at).await;
    let mut stream = connected.map_err(|error| format!("{at}: {error}; is `ibnats sim --control {at}` running?"))?;
    stream.write_all(format!("{command}\n").as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}
