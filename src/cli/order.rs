//! `ibnats order`: orders, one at a time, by hand.

use serde_json::{Map, Value, json};

use super::{
    Failure,
    contract::spec,
    remote::{Bridge, Remote},
    show::{Column, confirm, print_fields, print_line, print_rows, rows},
};

/// Place, change, cancel and look at orders
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    task: Task,
    #[command(flatten)]
    bridge: Bridge,
}

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// Orders of the account, wherever they were placed
    List {
        /// Final ones instead of open ones
        #[arg(long, conflicts_with = "all")]
        r#final: bool,
        /// All that are known
        #[arg(long)]
        all: bool,
        /// Only this account
        #[arg(long)]
        account: Option<String>,
    },
    /// Everything about one order
    Get {
        /// Its key
        key: String,
    },
    /// Place an order, at most once per key
    Place {
        #[command(flatten)]
        ticket: Ticket,
        /// Do not ask before it is sent
        #[arg(short, long)]
        yes: bool,
    },
    /// Every check, and IB's margin and commission; nothing is placed
    Check {
        #[command(flatten)]
        ticket: Ticket,
    },
    /// Change quantity or prices of a living order
    Modify {
        /// Its key
        key: String,
        /// New quantity of the whole order
        #[arg(long)]
        quantity: Option<String>,
        /// New limit price
        #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
        limit: Option<f64>,
        /// New stop price
        #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
        stop: Option<f64>,
        /// Do not ask before it is sent
        #[arg(short, long)]
        yes: bool,
    },
    /// Cancel one order
    Cancel {
        /// Its key
        key: String,
    },
    /// Cancel many orders
    CancelAll {
        /// Orders of this client, of one account, of the bridge, or every order of the login
        #[arg(long, value_parser = ["client", "account", "all", "global"])]
        scope: String,
        /// The account, for that scope
        #[arg(long, required_if_eq("scope", "account"))]
        account: Option<String>,
        /// Do not ask before it is sent
        #[arg(short, long)]
        yes: bool,
    },
}

/// What an order says.
#[derive(Debug, clap::Args)]
struct Ticket {
    /// Buy or sell
    #[arg(value_parser = ["buy", "sell"])]
    side: String,
    /// How much
    quantity: String,
    /// What, such as `STK:AAPL`
    contract: String,
    /// Idempotency key: the same key again sends nothing. Made from the clock if left out
    #[arg(long)]
    key: Option<String>,
    /// Order type; `limit` with --limit, `stop` with --stop, else `market`
    #[arg(long = "type", value_name = "TYPE")]
    order_type: Option<String>,
    /// Limit price
    #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
    limit: Option<f64>,
    /// Stop price
    #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
    stop: Option<f64>,
    /// How long it stays: day, gtc, ioc, ...
    #[arg(long)]
    tif: Option<String>,
    /// Account; may be left out if the login has only one
    #[arg(long)]
    account: Option<String>,
    /// What to wait for: journaled, sent, working, `first_fill` or final
    #[arg(long, value_name = "STATE")]
    wait_for: Option<String>,
    /// Further fields of `order.place`, as a JSON object
    #[arg(long, value_name = "JSON")]
    fields: Option<String>,
}

impl Ticket {
    /// The request, and its key.
    fn request(&self) -> Result<(String, Value), Failure> {
        let key = self.key.clone().unwrap_or_else(|| format!("cli-{}", crate::gateway::clock::now().us));
        let from_prices = match (self.limit, self.stop) {
            (Some(_), Some(_)) => "stop_limit",
            (Some(_), None) => "limit",
            (None, Some(_)) => "stop",
            (None, None) => "market",
        };
        let mut fields = present([
            ("key", json!(key)),
            ("contract", spec(&self.contract)?),
            ("side", json!(self.side)),
            ("quantity", json!(self.quantity)),
            ("order_type", json!(self.order_type.as_deref().unwrap_or(from_prices))),
            ("limit_price", json!(self.limit)),
            ("stop_price", json!(self.stop)),
            ("tif", json!(self.tif)),
            ("account", json!(self.account)),
            ("wait_for", json!(self.wait_for)),
        ]);
        if let Some(further) = &self.fields {
            let further: Map<String, Value> =
                serde_json::from_str(further).map_err(|error| format!("--fields is no JSON object: {error}"))?;
            fields.extend(further);
        }
        Ok((key, Value::Object(fields)))
    }

    fn words(&self) -> String {
        let price = |name: &str, price: Option<f64>| price.map(|price| format!(" {name} {price}")).unwrap_or_default();
        let prices = price("limit", self.limit) + &price("stop", self.stop);
        format!("{} {} {}{prices}", self.side, self.quantity, self.contract)
    }
}

/// Fields that have a value.
fn present<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}

const LIST: [Column; 11] = [
    ("since (UTC)", "changed_us"),
    ("key", "key"),
    ("account", "account"),
    ("state", "state"),
    ("side", "side"),
    ("quantity", "quantity"),
    ("filled", "filled"),
    ("instrument", "instrument.local_symbol"),
    ("type", "order_type"),
    ("limit", "limit_price"),
    ("reason", "reason"),
];
const ONE: [Column; 19] = [
    ("key", "key"),
    ("state", "state"),
    ("since (UTC)", "changed_us"),
    ("placed (UTC)", "placed_us"),
    ("account", "account"),
    ("side", "side"),
    ("instrument", "instrument.local_symbol"),
    ("type", "order_type"),
    ("quantity", "quantity"),
    ("filled", "filled"),
    ("remaining", "remaining"),
    ("average price", "average_price"),
    ("limit price", "limit_price"),
    ("stop price", "stop_price"),
    ("time in force", "tif"),
    ("order id", "order_id"),
    ("perm id", "perm_id"),
    ("origin", "origin"),
    ("reason", "reason"),
];
const OUTCOME: [Column; 2] = [("change", "modification"), ("sent before", "repeated")];
const CHECK: [Column; 9] = [
    ("account", "account"),
    ("key in use", "key_in_use"),
    ("initial margin", "initial_margin.change"),
    ("maintenance margin", "maintenance_margin.change"),
    ("equity with loan", "equity_with_loan.change"),
    ("margin currency", "margin_currency"),
    ("commission", "commission"),
    ("commission at most", "max_commission"),
    ("warning", "warning"),
];

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let (verb, request) = match &args.task {
        Task::List { r#final, all, account } => {
            let filter = match (r#final, all) {
                (true, _) => "final",
                (_, true) => "all",
                _ => "open",
            };
            ("order.list", Value::Object(present([("filter", json!(filter)), ("account", json!(account))])))
        }
        Task::Get { key } => ("order.get", json!({ "key": key })),
        Task::Place { ticket, yes } => {
            let (key, request) = ticket.request()?;
            confirm(&format!("{} as {key}?", ticket.words()), *yes)?;
            ("order.place", request)
        }
        Task::Check { ticket } => ("order.check", ticket.request()?.1),
        Task::Modify { key, quantity, limit, stop, yes } => {
            confirm(&format!("change {key}?"), *yes)?;
            let fields = [
                ("key", json!(key)),
                ("quantity", json!(quantity)),
                ("limit_price", json!(limit)),
                ("stop_price", json!(stop)),
            ];
            ("order.modify", Value::Object(present(fields)))
        }
        Task::Cancel { key } => ("order.cancel", json!({ "key": key })),
        Task::CancelAll { scope, account, yes } => {
            confirm(&format!("cancel all orders, scope {scope}?"), *yes)?;
            let fields = [("scope", json!(scope)), ("account", json!(account))];
            ("order.cancel_all", Value::Object(present(fields)))
        }
    };
    let remote = Remote::open(&args.bridge).await?;
    let answer = remote.ask(verb, request).await?;
    if args.bridge.json {
        return print_line(&answer.to_string());
    }
    match args.task {
        Task::List { .. } => print_rows(&LIST, rows(&answer, "orders"), "no orders"),
        Task::CancelAll { .. } => {
            let orders = rows(&answer, "orders").iter().filter_map(|answer| answer.get("order"));
            print_rows(&LIST, orders, "nothing to cancel")
        }
        Task::Check { .. } => print_fields(&CHECK, &answer),
        _ => {
            print_fields(&OUTCOME, &answer)?;
            print_fields(&ONE, answer.get("order").unwrap_or(&Value::Null))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::show::columns_exist;

    fn ticket() -> Ticket {
        Ticket {
            side: "buy".into(),
            quantity: "10".into(),
            contract: "STK:AAPL".into(),
            key: Some("k".into()),
            order_type: None,
            limit: None,
            stop: None,
            tif: None,
            account: None,
            wait_for: None,
            fields: None,
        }
    }

    #[test]
    fn every_column_is_a_field_of_the_answer() {
        columns_exist("reply.order.list", "orders", &LIST);
        columns_exist("reply.order.get", "order", &ONE);
        columns_exist("reply.order.place", "", &OUTCOME);
        columns_exist("reply.order.check", "", &CHECK);
    }

    #[test]
    fn prices_choose_the_order_type_and_the_request_is_one_of_the_service() {
        for (limit, stop, wanted) in [
            (None, None, "market"),
            (Some(1.0), None, "limit"),
            (None, Some(1.0), "stop"),
            (Some(1.0), Some(2.0), "stop_limit"),
        ] {
            let ticket = Ticket { limit, stop, fields: Some(r#"{"tif":"gtc"}"#.into()), ..ticket() };
            let (_, request) = ticket.request().expect("a request");
            assert_eq!(request["order_type"], wanted);
            let order: crate::schema::request::order::PlaceOrder =
                serde_json::from_value(request).expect("known fields");
            assert_eq!(order.key.as_str(), "k");
        }
    }
}
