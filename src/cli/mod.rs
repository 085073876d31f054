//! The commands: `run`, `demo`, `journal`, `sim`, `schema`.

mod bridge;
mod demo;
mod journal;
mod kill;
mod logging;
mod recall;
mod run;
mod schema;
mod sim;
mod stop;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Interactive Brokers on NATS.
#[derive(Debug, Parser)]
#[command(name = "ibnats", version, about, long_about = None, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Demo(demo::Args),
    Journal(journal::Args),
    Sim(sim::Args),
    Schema(schema::Args),
}

/// What ends a command early; the message says what to do about it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Parses the command line, runs the command, and says what went wrong on standard error.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Run(args) => in_runtime(run::run(args)),
        Command::Demo(args) => in_runtime(demo::run(args)),
        Command::Journal(args) => journal::run(&args),
        Command::Sim(args) => in_runtime(sim::run(args)),
        Command::Schema(args) => schema::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("ibnats: {}", with_causes(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn in_runtime(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command)
}

/// The error and what caused it, joined by colons.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        // Some libraries repeat their cause in their own text.
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text
}
