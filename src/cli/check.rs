//! `ibnats check`: looks at everything a bridge needs, before a bridge is started or while one runs.

use super::{
    Failure,
    config::Settings,
    show::{print_line, time},
};
use crate::{
    gateway::clock,
    ops::doctor::{disk, gateway, nats, probe},
    schema::{
        contract::ContractQuery,
        request::doctor::{Finding, Verdict},
    },
};

/// Look at gateway, NATS and disk, and say what will go wrong and how to mend it
///
/// Logs in to the gateway for a moment under a client id of its own, asks for one quote, and places nothing. With a
/// wrong finding the exit code is 1.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// What to ask a quote of, to see whether market data is permitted
    #[arg(long, value_name = "CONTRACT", default_value = "STK:AAPL")]
    contract: ContractQuery,
    /// Client id of the look; must be in use by nobody
    #[arg(long, value_name = "ID", default_value_t = 997)]
    client_id: i32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let mut findings = Vec::new();
    let config = match args.settings.layers().read() {
        Ok(loaded) => loaded.config,
        Err(error) => {
            let mend = "correct it; `ibnats config check` tells every fault at once, `ibnats config show` every key with its default";
            tell(&args, &mut findings, vec![Finding::wrong("configuration", error.to_string(), mend)])?;
            return end(&args, &findings);
        }
    };
    let file = args.settings.config.as_ref().map_or_else(|| "defaults".to_owned(), |path| path.display().to_string());
    tell(&args, &mut findings, vec![Finding::good("configuration", file)])?;
    tell(&args, &mut findings, disk::look(&config))?;
    let nats = nats::look(&config).await;
    tell(&args, &mut findings, nats.findings)?;
    let highest_id = disk::highest_order_id(&config);
    let own_id = (!nats.bridge_runs).then_some(config.gateway.trading_client_id);
    let visit = probe::visit(&config, args.client_id, &args.contract, own_id).await;
    tell(&args, &mut findings, gateway::judge(&visit, &config, highest_id))?;
    end(&args, &findings)
}

/// Shows findings as they come: some looks take seconds.
fn tell(args: &Args, all: &mut Vec<Finding>, found: Vec<Finding>) -> Result<(), Failure> {
    if !args.json {
        for finding in &found {
            print_line(&lines(finding))?;
        }
    }
    all.extend(found);
    Ok(())
}

fn end(args: &Args, findings: &[Finding]) -> Result<(), Failure> {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (wrong, warnings) = (count(Verdict::Wrong), count(Verdict::Warning));
    if args.json {
        print_line(&serde_json::to_string_pretty(findings)?)?;
    } else {
        let at = time(Some(&clock::now().us.into()));
        print_line(&format!("\n{} looks, {wrong} wrong, {warnings} warnings, {at} UTC", findings.len()))?;
    }
    if wrong == 0 { Ok(()) } else { Err(format!("{wrong} of the findings will keep the bridge from working").into()) }
}

/// One line, and what to do about it on the next one.
fn lines(finding: &Finding) -> String {
    let word = match finding.verdict {
        Verdict::Good => "ok     ",
        Verdict::Note => "note   ",
        Verdict::Warning => "warning",
        Verdict::Wrong => "WRONG  ",
    };
    let line = format!("{word}  {:<18}  {}", finding.about, finding.found);
    match &finding.mend {
        Some(mend) => format!("{line}\n{:27}  -> {mend}", ""),
        None => line,
    }
}
