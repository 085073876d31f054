//! `ibnats pace` and `ibnats pool`: limits and connections.

use serde_json::{Value, json};

use super::{
    Failure,
    remote::{Bridge, Remote},
    show::{Column, field, print_fields, print_line, print_rows, rows},
};

/// Show the headroom of every limit, queues and waits
#[derive(Debug, clap::Args)]
pub(super) struct PaceArgs {
    #[command(flatten)]
    bridge: Bridge,
}

/// Show both sockets to the gateway, its link to IB, the farms, and what can be used now
#[derive(Debug, clap::Args)]
pub(super) struct PoolArgs {
    #[command(flatten)]
    bridge: Bridge,
}

const QUEUES: [Column; 4] =
    [("class", "class"), ("waiting", "waiting"), ("sent", "sent"), ("longest wait ms", "longest_wait_ms")];
const LINK: [Column; 8] = [
    ("  phase", "phase"),
    ("  since (UTC)", "since_us"),
    ("  client id", "client_id"),
    ("  server version", "server_version"),
    ("  last byte (UTC)", "last_receive_us"),
    ("  round trip us", "round_trip_us"),
    ("  next attempt (UTC)", "retry_us"),
    ("  last error", "last_error"),
];
const FARMS: [Column; 4] = [("farm", "farm"), ("kind", "kind"), ("state", "state"), ("since (UTC)", "since_us")];

pub(super) async fn pace(args: PaceArgs) -> Result<(), Failure> {
    let remote = Remote::open(&args.bridge).await?;
    let answer = remote.ask("pace.status", json!({})).await?;
    if args.bridge.json {
        return print_line(&answer.to_string());
    }
    // Every limit of the answer, also one that a newer bridge has.
    for (name, usage) in answer.as_object().into_iter().flatten() {
        if let (Some(used), Some(max)) = (usage.get("used"), usage.get("max")) {
            print_line(&format!("{:<22} {used:>6} of {max}", name.replace('_', " ")))?;
        }
    }
    print_line(&format!("violations             {:>6}\n", field(&answer, "violations")))?;
    print_rows(&QUEUES, rows(&answer, "queues"), "no queues")
}

pub(super) async fn pool(args: PoolArgs) -> Result<(), Failure> {
    let remote = Remote::open(&args.bridge).await?;
    let pool = remote.ask("pool.status", json!({})).await?;
    let health = remote.ask("bridge.health", json!({})).await?;
    if args.bridge.json {
        return print_line(&json!({ "pool": pool, "health": health }).to_string());
    }
    let uses = ["data", "history", "orders"].map(|name| format!("{name} {}", field(&health, name)));
    print_line(&format!("usable: {}", uses.join(", ")))?;
    for reason in rows(&health, "reasons") {
        print_line(&format!("  {}", reason.as_str().unwrap_or_default()))?;
    }
    for link in ["trading", "data"] {
        print_line(&format!("\n{link} link"))?;
        let status = pool.pointer(&format!("/connection/{link}")).cloned().unwrap_or(Value::Null);
        print_fields(&LINK, &status)?;
    }
    print_line(&format!("\nlink of the gateway to IB: {}", field(&pool, "connection.ib_link")))?;
    print_line("")?;
    print_rows(&FARMS, rows(&pool, "farms"), "no farm has been told of")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::show::columns_exist;

    #[test]
    fn every_column_is_a_field_of_the_answer() {
        columns_exist("reply.pace.status", "queues", &QUEUES);
        columns_exist("reply.pool.status", "farms", &FARMS);
        let link = LINK.map(|(heading, path)| (heading.trim(), path));
        columns_exist("reply.pool.status", "connection.trading", &link);
    }
}
