//! `ibnats contract`: what the gateway knows about instruments.

use serde_json::json;

use super::{
    Failure,
    remote::{Bridge, Remote},
    show::{Column, field, print_fields, print_line, print_rows, rows},
};

/// Look up contracts, their hours, price steps and options
///
/// A contract is short text such as `STK:AAPL`, `FUT:ES:202612@CME` or `CONID:265598`, or a JSON object.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    task: Task,
    #[command(flatten)]
    bridge: Bridge,
}

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// Every contract that fits a description
    Details {
        /// The description
        contract: String,
        /// Ask the gateway even if the answer is kept
        #[arg(long)]
        refresh: bool,
    },
    /// Find instruments by symbol or name
    Search {
        /// Part of the symbol or the name
        pattern: String,
    },
    /// Does each description fit exactly one contract?
    Validate {
        /// The descriptions
        #[arg(required = true)]
        contracts: Vec<String>,
    },
    /// When it trades
    Hours {
        /// The contract
        contract: String,
    },
    /// Its price steps at each exchange
    Rules {
        /// The contract
        contract: String,
    },
    /// The options on it
    Chain {
        /// The underlying
        contract: String,
        /// Earliest expiry, as YYYYMMDD
        #[arg(long, value_name = "DATE")]
        from: Option<String>,
        /// Latest expiry, as YYYYMMDD
        #[arg(long, value_name = "DATE")]
        to: Option<String>,
        /// Price in the middle of the strikes wanted
        #[arg(long, value_name = "PRICE")]
        around: Option<f64>,
        /// Strikes of each expiry
        #[arg(long, value_name = "COUNT", requires = "around")]
        strikes: Option<u32>,
        /// Calls or puts alone
        #[arg(long, value_name = "C|P")]
        right: Option<String>,
        /// Expiries and strikes alone, without contracts
        #[arg(long)]
        parameters: bool,
    },
}

const DETAILS: [Column; 8] = [
    ("contract", "short"),
    ("type", "instrument.sec_type"),
    ("symbol", "instrument.local_symbol"),
    ("exchange", "instrument.exchange"),
    ("currency", "instrument.currency"),
    ("expiry", "instrument.expiry"),
    ("min tick", "instrument.min_tick"),
    ("name", "long_name"),
];
const MATCHES: [Column; 7] = [
    ("con id", "con_id"),
    ("type", "sec_type"),
    ("symbol", "symbol"),
    ("currency", "currency"),
    ("exchange", "primary_exchange"),
    ("derivatives", "derivatives"),
    ("name", "description"),
];
const SESSIONS: [Column; 2] = [("from (UTC)", "start_us"), ("to (UTC)", "end_us")];
const HOURS: [Column; 5] = [
    ("time zone", "time_zone"),
    ("open now", "is_open"),
    ("liquid now", "is_liquid"),
    ("closes (UTC)", "closes_us"),
    ("opens (UTC)", "opens_us"),
];
const OPTIONS: [Column; 6] = [
    ("contract", "instrument"),
    ("expiry", "expiry"),
    ("strike", "strike"),
    ("right", "right"),
    ("multiplier", "multiplier"),
    ("class", "trading_class"),
];
const PARAMETERS: [Column; 5] = [
    ("exchange", "exchange"),
    ("class", "trading_class"),
    ("multiplier", "multiplier"),
    ("expiries", "expiries"),
    ("strikes", "strikes"),
];

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let remote = Remote::open(&args.bridge).await?;
    if let Task::Chain { .. } = args.task {
        return chain(&remote, &args).await;
    }
    let (verb, request) = match &args.task {
        Task::Details { contract, refresh } => {
            ("contract.details", json!({ "contract": spec(contract)?, "refresh": refresh }))
        }
        Task::Search { pattern } => ("contract.search", json!({ "pattern": pattern })),
        Task::Validate { contracts } => {
            let contracts: Vec<_> = contracts.iter().map(|contract| spec(contract)).collect::<Result<_, _>>()?;
            ("contract.validate", json!({ "contracts": contracts }))
        }
        Task::Hours { contract } => ("contract.hours", json!({ "contract": spec(contract)? })),
        Task::Rules { contract } | Task::Chain { contract, .. } => {
            ("contract.rules", json!({ "contract": spec(contract)? }))
        }
    };
    let answer = remote.ask(verb, request).await?;
    if args.bridge.json {
        return print_line(&answer.to_string());
    }
    match &args.task {
        Task::Details { .. } => print_rows(&DETAILS, rows(&answer, "contracts"), "nothing fits"),
        Task::Search { .. } => print_rows(&MATCHES, rows(&answer, "matches"), "nothing fits"),
        Task::Validate { contracts } => {
            let mut wrong = 0;
            for (contract, result) in contracts.iter().zip(rows(&answer, "results")) {
                let is_ok = field(result, "ok") == "yes";
                wrong += usize::from(!is_ok);
                let told = if is_ok { "instrument.con_id" } else { "error.message" };
                print_line(&format!("{} {contract}: {}", if is_ok { "ok   " } else { "wrong" }, field(result, told)))?;
            }
            if wrong == 0 {
                Ok(())
            } else {
                Err(format!("{wrong} of {} fit no single contract", contracts.len()).into())
            }
        }
        Task::Hours { .. } => {
            print_fields(&HOURS, &answer)?;
            print_line("")?;
            print_rows(&SESSIONS, rows(&answer, "trading"), "no sessions are told")
        }
        Task::Rules { .. } | Task::Chain { .. } => {
            for rule in rows(&answer, "rules") {
                print_line(&format!("rule {} at {}", field(rule, "rule"), field(rule, "exchanges")))?;
                print_rows(&[("  from price", "from"), ("step", "step")], rows(rule, "steps"), "  no steps")?;
            }
            Ok(())
        }
    }
}

async fn chain(remote: &Remote, args: &Args) -> Result<(), Failure> {
    let Task::Chain { contract, from, to, around, strikes, right, parameters } = &args.task else { return Ok(()) };
    let mut request = json!({ "contract": spec(contract)?, "parameters_only": parameters });
    let optional = [
        ("expiry_from", json!(from)),
        ("expiry_to", json!(to)),
        ("around", json!(around)),
        ("strike_count", json!(strikes)),
        ("right", json!(right)),
    ];
    for (name, value) in optional {
        if let Some(fields) = request.as_object_mut()
            && !value.is_null()
        {
            fields.insert(name.to_owned(), value);
        }
    }
    let mut pages = remote.pages("contract.chain", request).await?;
    while let Some(page) = pages.next().await? {
        if args.bridge.json {
            print_line(&page.to_string())?;
            continue;
        }
        let manifest = page.get("manifest").cloned().unwrap_or_default();
        if *parameters {
            print_rows(&PARAMETERS, rows(&page, "parameters"), "no options")?;
        } else if !rows(&page, "rows").is_empty() {
            print_rows(&OPTIONS, rows(&page, "rows"), "")?;
        }
        for hole in rows(&manifest, "holes") {
            let [expiry, class, reason] = ["expiry", "trading_class", "reason"].map(|name| field(hole, name));
            eprintln!("missing: {class} {expiry}: {reason}");
        }
    }
    Ok(())
}

/// Short text as it is, an object as JSON.
pub(super) fn spec(contract: &str) -> Result<serde_json::Value, Failure> {
    if contract.trim_start().starts_with('{') {
        return serde_json::from_str(contract).map_err(|error| format!("contract {contract:?}: {error}").into());
    }
    Ok(contract.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::show::columns_exist;

    #[test]
    fn every_column_is_a_field_of_the_answer() {
        columns_exist("reply.contract.details", "contracts", &DETAILS);
        columns_exist("reply.contract.search", "matches", &MATCHES);
        columns_exist("reply.contract.hours", "trading", &SESSIONS);
        columns_exist("reply.contract.hours", "", &HOURS);
        columns_exist("reply.contract.chain", "rows", &OPTIONS);
        columns_exist("reply.contract.chain", "parameters", &PARAMETERS);
    }
}
