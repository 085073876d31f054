//! The commands: those that run something, and those that are clients of a running bridge.

mod account;
mod bridge;
mod check;
mod client_ids;
mod config;
mod contract;
mod control;
mod demo;
mod events;
mod fetch;
mod health;
mod journal;
mod kill;
mod kill_switch;
mod manual;
mod order;
mod recall;
mod record;
mod remote;
mod request;
mod run;
mod schema;
mod show;
mod sim;
mod status;
mod stop;
mod sub;
mod tail;
mod top;

use std::{process::ExitCode, time::Duration};

use clap::{CommandFactory as _, Parser, Subcommand};

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
    Check(check::Args),
    Config(config::Args),
    Health(health::Args),
    Demo(demo::Args),
    Sim(Box<sim::Args>),
    Record(record::Args),
    Tail(tail::Args),
    Sub(sub::Args),
    Top(top::Args),
    Fetch(fetch::Args),
    Contract(contract::Args),
    Order(order::Args),
    Account(account::Args),
    Pace(status::PaceArgs),
    Pool(status::PoolArgs),
    Halt(kill_switch::HaltArgs),
    Resume(kill_switch::ResumeArgs),
    Request(request::Args),
    Journal(journal::Args),
    Schema(schema::Args),
    Completions(manual::CompletionsArgs),
    Man(manual::ManArgs),
}

/// What ends a command early; the message says what to do about it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What threads that were left behind may still take.
const LEFT_BEHIND_MAX: Duration = Duration::from_millis(100);

/// The command line as it is parsed, for those who describe it.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses the command line, runs the command, and says what went wrong on standard error.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Run(args) => in_runtime_that_ends(run::run(args)),
        Command::Check(args) => in_runtime(check::run(args)),
        Command::Config(args) => config::run(&args),
        Command::Health(args) => in_runtime(health::run(args)),
        Command::Demo(args) => in_runtime(demo::run(args)),
        Command::Sim(args) => in_runtime(sim::run(*args)),
        Command::Record(args) => in_runtime(record::run(args)),
        Command::Tail(args) => in_runtime(tail::run(args)),
        Command::Sub(args) => in_runtime(sub::run(args)),
        Command::Top(args) => in_runtime(top::run(args)),
        Command::Fetch(args) => in_runtime(fetch::run(args)),
        Command::Contract(args) => in_runtime(contract::run(args)),
        Command::Order(args) => in_runtime(order::run(args)),
        Command::Account(args) => in_runtime(account::run(args)),
        Command::Pace(args) => in_runtime(status::pace(args)),
        Command::Pool(args) => in_runtime(status::pool(args)),
        Command::Halt(args) => in_runtime(kill_switch::halt(args)),
        Command::Resume(args) => in_runtime(kill_switch::resume(args)),
        Command::Request(args) => in_runtime(request::run(args)),
        Command::Journal(args) => journal::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
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

/// As [`in_runtime`]; what has not ended with the command, such as a thread that waits for a disk, is not waited for.
fn in_runtime_that_ends(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_timeout(LEFT_BEHIND_MAX);
    outcome
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
