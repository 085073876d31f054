//! `ibnats account`: values, positions, profit and loss, fills.

use serde_json::{Value, json};

use super::{
    Failure,
    remote::{Bridge, Remote},
    show::{Column, print_line, print_rows, rows},
};

/// Look at the accounts of the login
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    task: Task,
    /// Only this account
    #[arg(long, value_name = "ACCOUNT", global = true)]
    account: Option<String>,
    #[command(flatten)]
    bridge: Bridge,
}

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// The accounts
    List,
    /// Account values
    Summary,
    /// Positions
    Positions,
    /// Profit and loss
    Pnl,
    /// Fills, the newest version of each
    Executions,
}

const ACCOUNTS: [Column; 2] = [("account", "account"), ("paper", "paper")];
const VALUES: [Column; 4] = [("account", "account"), ("tag", "tag"), ("value", "value"), ("currency", "currency")];
const POSITIONS: [Column; 8] = [
    ("account", "account"),
    ("position", "position"),
    ("instrument", "instrument.local_symbol"),
    ("type", "instrument.sec_type"),
    ("average cost", "average_cost"),
    ("price", "market_price"),
    ("value", "market_value"),
    ("unrealized", "unrealized_pnl"),
];
const PNL: [Column; 5] = [
    ("account", "account"),
    ("at (UTC)", "recv_us"),
    ("daily", "daily"),
    ("unrealized", "unrealized"),
    ("realized", "realized"),
];
const FILLS: [Column; 9] = [
    ("time (UTC)", "event_us"),
    ("account", "account"),
    ("key", "key"),
    ("side", "side"),
    ("quantity", "quantity"),
    ("instrument", "instrument.local_symbol"),
    ("price", "price"),
    ("commission", "commission"),
    ("exchange", "exchange"),
];

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let remote = Remote::open(&args.bridge).await?;
    let (verb, list, columns, none): (_, _, &[Column], _) = match args.task {
        Task::List => ("account.list", "accounts", &ACCOUNTS, "no accounts yet"),
        Task::Summary => ("account.summary", "values", &VALUES, "no values yet"),
        Task::Positions => ("account.positions", "positions", &POSITIONS, "no positions"),
        Task::Pnl => ("account.pnl", "accounts", &PNL, "nothing is told yet"),
        Task::Executions => ("account.executions", "fills", &FILLS, "no fills"),
    };
    let request = match (&args.task, &args.account) {
        (Task::List, _) | (_, None) => json!({}),
        (_, Some(account)) => json!({ "account": account }),
    };
    let answer: Value = remote.ask(verb, request).await?;
    if args.bridge.json {
        return print_line(&answer.to_string());
    }
    print_rows(columns, rows(&answer, list), none)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::show::columns_exist;

    #[test]
    fn every_column_is_a_field_of_the_answer() {
        columns_exist("reply.account.list", "accounts", &ACCOUNTS);
        columns_exist("reply.account.summary", "values", &VALUES);
        columns_exist("reply.account.positions", "positions", &POSITIONS);
        columns_exist("reply.account.pnl", "accounts", &PNL);
        columns_exist("reply.account.executions", "fills", &FILLS);
    }
}
