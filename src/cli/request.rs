//! `ibnats request`: any request of the service, by its name.

use std::io::Read as _;

use serde_json::Value;

use super::{
    Failure,
    remote::{Bridge, Remote},
    show::print_line,
};
use crate::schema::registry;

/// Send any request to the bridge and print its answer
///
/// `ibnats request md.snapshot '{"contract":"STK:AAPL"}'`. `ibnats schema` lists the requests with their fields.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The request, such as `hist.bars`
    verb: String,
    /// Its fields as a JSON object; `-` reads them from standard input
    #[arg(default_value = "{}")]
    body: String,
    #[command(flatten)]
    bridge: Bridge,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    known(&args.verb)?;
    let body = if args.body == "-" { std::io::read_to_string(std::io::stdin().take(1 << 20))? } else { args.body };
    let body: Value = serde_json::from_str(&body).map_err(|error| format!("the request is no JSON: {error}"))?;
    let remote = Remote::open(&args.bridge).await?;
    let mut pages = remote.pages(&args.verb, body).await?;
    while let Some(page) = pages.next().await? {
        print_line(&if args.bridge.json { page.to_string() } else { serde_json::to_string_pretty(&page)? })?;
    }
    Ok(())
}

/// Refuses a name that no request has.
fn known(verb: &str) -> Result<(), Failure> {
    let entries = registry::all();
    let mut verbs = entries.iter().filter_map(|entry| entry.name.strip_prefix("request."));
    if verbs.clone().any(|known| known == verb) {
        return Ok(());
    }
    let nearest = verbs.by_ref().map(|known| (strsim::damerau_levenshtein(verb, known), known)).min();
    let hint = nearest.map(|(_, known)| format!("; did you mean {known}?")).unwrap_or_default();
    Err(format!("no request is called {verb:?}{hint}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_request_gets_the_nearest_name() {
        assert!(known("order.list").is_ok());
        assert!(known("order.lst").expect_err("refused").to_string().contains("order.list?"));
    }
}
