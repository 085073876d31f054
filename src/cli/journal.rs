//! `ibnats journal`: looks into the order journal, also while a bridge writes to it.

use std::{fs, io, path::PathBuf};

use serde_json::Value;

use super::{
    Failure,
    show::{Column, print_line, print_rows, text, time},
};
use crate::{
    config,
    journal::reader::{Fields, Reader, Which},
};

/// List, show, export, back up or check the order journal.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of the journal; [state] dir of the configuration if left out
    #[arg(long, value_name = "FOLDER", global = true)]
    dir: Option<PathBuf>,
    /// Configuration file
    #[arg(short, long, value_name = "FILE", env = "IBNATS_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// The newest orders
    List {
        /// Only orders that are not over
        #[arg(long)]
        open: bool,
        /// Orders forgotten after `keep_days`, of which only key and end are kept
        #[arg(long, conflicts_with = "open")]
        archived: bool,
        /// Only this account
        #[arg(long)]
        account: Option<String>,
        /// So many
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Everything about one order, in the order of time
    Show {
        /// The order's key
        key: String,
    },
    /// Every row of every table as a line of JSON
    Export {
        /// File to write; standard output if left out
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Copy the journal into a new file, and check the copy
    Backup {
        /// The new file
        file: PathBuf,
    },
    /// Look through the whole file for damage
    Check,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let folder = match &args.dir {
        Some(folder) => folder.clone(),
        None => config::load(args.config.as_deref())?.state.dir,
    };
    let reader = Reader::open(&folder)?;
    match &args.task {
        Task::List { open, archived, account, limit } => {
            let which = Which { open: *open, account: account.clone(), count_max: *limit };
            list(&if *archived { reader.archived(&which)? } else { reader.orders(&which)? }, args.json)
        }
        Task::Show { key } => match reader.order(key)? {
            Some(order) if args.json => print_line(&serde_json::to_string_pretty(&order)?),
            Some(order) => show(&order),
            None => Err(no_order(&reader, key)?.into()),
        },
        Task::Export { out } => export(&reader, out.as_ref(), args.json),
        Task::Backup { file } => {
            let bytes = reader.backup(file)?;
            let told = serde_json::json!({ "file": file, "bytes": bytes });
            let text = format!("{}: {bytes} bytes, checked", file.display());
            print_line(&if args.json { told.to_string() } else { text })
        }
        Task::Check => {
            let findings = reader.check(&folder)?;
            if args.json {
                print_line(&serde_json::to_string_pretty(&findings)?)?;
            } else {
                let orders: Vec<_> = findings.orders.iter().map(|(state, count)| format!("{count} {state}")).collect();
                let orders = if orders.is_empty() { "none".to_owned() } else { orders.join(", ") };
                print_line(&format!(
                    "orders: {orders}\nfills: {}\nevents not acknowledged by JetStream: {}\nsize: {} bytes",
                    findings.fills, findings.unpublished, findings.bytes
                ))?;
            }
            if findings.faults.is_empty() { Ok(()) } else { Err(findings.faults.join("\n").into()) }
        }
    }
}

const LIST: [Column; 10] = [
    ("changed (UTC)", "changed_us"),
    ("key", "key"),
    ("account", "account"),
    ("state", "state"),
    ("side", "side"),
    ("type", "order_type"),
    ("quantity", "quantity"),
    ("filled", "filled"),
    ("instrument", "instrument"),
    ("reason", "reason"),
];

fn list(orders: &[Fields], json: bool) -> Result<(), Failure> {
    if json {
        return print_line(&serde_json::to_string_pretty(orders)?);
    }
    let rows: Vec<Value> = orders.iter().cloned().map(Value::Object).collect();
    print_rows(&LIST, &rows, "no orders")
}

/// One line for each thing that is known, by its time.
fn show(order: &Fields) -> Result<(), Failure> {
    let mut lines = vec![(order.get("first_us").and_then(Value::as_i64), format!("asked {}", text(order.get("ask"))))];
    let parts = [("requests", "at_us"), ("evidence", "at_us"), ("fills", "learned_us"), ("events", "written_us")];
    for (table, at) in parts {
        for row in order.get(table).and_then(Value::as_array).into_iter().flatten() {
            let field = |name: &str| text(row.get(name));
            let line = match table {
                "requests" => format!("asked {} {}", field("verb"), field("request")),
                "evidence" => format!("gateway {} {}", field("kind"), field("message")),
                "fills" => {
                    format!("fill {} {} at {} ({})", field("side"), field("quantity"), field("price"), field("exec_id"))
                }
                _ => {
                    let is_stored = if row.get("published_us").is_some() { "" } else { ", not acknowledged yet" };
                    let state = row.get("event").and_then(|event| event.get("state"));
                    format!("event {} {} seq {}{is_stored}", field("kind"), text(state), field("seq"))
                }
            };
            lines.push((row.get(at).and_then(Value::as_i64), line));
        }
    }
    lines.sort_by_key(|(at, _)| *at);
    let head = [
        "key",
        "account",
        "state",
        "side",
        "order_type",
        "quantity",
        "filled",
        "limit_price",
        "stop_price",
        "instrument",
    ];
    let ids = ["order_id", "perm_id", "client_id", "origin", "client", "reason"];
    for name in head.iter().chain(&ids) {
        if let Some(value) = order.get(*name) {
            print_line(&format!("{name:<12} {}", text(Some(value))))?;
        }
    }
    for (at, line) in lines {
        print_line(&format!("{}  {line}", time(at.map(Value::from).as_ref())))?;
    }
    Ok(())
}

fn export(reader: &Reader, out: Option<&PathBuf>, json: bool) -> Result<(), Failure> {
    let Some(file) = out else {
        let exported = reader.export(&mut io::BufWriter::new(io::stdout().lock()));
        // A reader such as `head` may have seen enough.
        return match exported {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other.map(|_| ())?),
        };
    };
    let created = fs::File::create_new(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let rows = reader.export(&mut io::BufWriter::new(&created))?;
    created.sync_all()?;
    let told = serde_json::json!({ "file": file, "rows": rows });
    print_line(&if json { told.to_string() } else { format!("{}: {rows} rows", file.display()) })
}

fn no_order(reader: &Reader, key: &str) -> Result<String, Failure> {
    let nearest = reader.keys()?.into_iter().map(|known| (strsim::damerau_levenshtein(key, &known), known)).min();
    let hint = nearest.filter(|(distance, _)| *distance <= key.len() / 2);
    let hint = hint.map(|(_, known)| format!("; did you mean {known:?}?")).unwrap_or_default();
    Ok(format!("no order in the journal has the key {key:?}{hint}"))
}
