//! `ibnats fetch`: bars and ticks of any range into a file.
//!
//! Rows go into `<file>.part` as they arrive, and the file gets its name when all of them are there. What ended early
//! goes on where it stopped when the same command is given again.

mod parquet;
mod part;

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use self::part::{Kind, Part};
use super::{
    Failure,
    contract::spec,
    remote::{Bridge, Remote},
    show::{field, print_line, rows},
    stop::stop_signal,
};

/// Fetch history of any range into a CSV or Parquet file
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    task: Task,
    #[command(flatten)]
    bridge: Bridge,
}

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// Bars
    Bars {
        #[command(flatten)]
        range: Range,
        /// Bar size: 1s, 5s, 1m, 1h, 1d, ...
        #[arg(long, default_value = "1m")]
        size: String,
        /// What the bars are made of: trades, midpoint, bid, ask, `bid_ask`, `adjusted_last`, ...
        #[arg(long)]
        source: Option<String>,
    },
    /// Trades, quotes or mid points one by one
    Ticks {
        #[command(flatten)]
        range: Range,
        /// Which
        #[arg(long, default_value = "last", value_parser = ["last", "bid_ask", "mid_point"])]
        kind: String,
    },
}

/// What of which time, and where to.
#[derive(Debug, clap::Args)]
struct Range {
    /// The contract, such as `STK:AAPL`
    contract: String,
    /// First moment: a date (midnight UTC) or a time such as 2026-11-20T14:30:00Z
    #[arg(long, value_name = "TIME")]
    start: String,
    /// Moment before which it ends; now if left out
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// File to write; its ending says how: .csv or .parquet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Regular trading hours only
    #[arg(long)]
    regular_hours: bool,
    /// Write over a file that exists
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let (verb, kind, range) = match &args.task {
        Task::Bars { range, .. } => ("hist.bars", Kind::Bars, range),
        Task::Ticks { range, .. } => ("hist.ticks", Kind::Ticks, range),
    };
    if range.out.exists() && !range.force {
        return Err(format!("{} exists; --force writes over it", range.out.display()).into());
    }
    let is_parquet = match range.out.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => false,
        Some("parquet") => true,
        _ => return Err(format!("{}: name a file that ends in .csv or .parquet", range.out.display()).into()),
    };
    let start = moment(&range.start)?;
    let end = range.end.as_deref().map(moment).transpose()?;
    let mut request = json!({ "contract": spec(&range.contract)?, "regular_hours": range.regular_hours });
    let further = match &args.task {
        Task::Bars { size, source, .. } => [("bar_size", json!(size)), ("source", json!(source))],
        Task::Ticks { kind, .. } => [("kind", json!(kind)), ("source", Value::Null)],
    };
    set(&mut request, further);
    // The same question must have the same end when it is asked again.
    let mut part = Part::open(&range.out, kind, &request, start, end)?;
    set(&mut request, [("start", json!(part.missing_from_us())), ("end", json!(part.end_us()))]);
    // What an earlier run lacked stood in a manifest that it did not live to see.
    let told_from = (part.rows() > 0).then(|| part.missing_from_us());
    if part.rows() > 0 {
        eprintln!("going on after {} rows", part.rows());
    }
    let stop = stop_signal()?;
    let remote = Remote::open(&args.bridge).await?;
    let fetched = tokio::select! {
        fetched = fetch(&remote, verb, &request, &mut part) => fetched,
        () = stop => Err("stopped".into()),
    };
    let manifest = match fetched {
        Ok(manifest) => manifest,
        Err(error) if part.rows() == 0 => {
            part.discard()?;
            return Err(error);
        }
        Err(error) => {
            part.keep()?;
            let go_on = "give the same command again to go on";
            return Err(format!("{error}; {} rows are kept, {go_on}", part.rows()).into());
        }
    };
    if let Some(reason) = unfinished(&manifest, part.end_us()) {
        part.keep()?;
        let go_on = "give the same command again to go on";
        return Err(format!("the rest was not had in time ({reason}); {} rows are kept, {go_on}", part.rows()).into());
    }
    let count = part.finish(is_parquet)?;
    let holes = rows(&manifest, "holes");
    if args.bridge.json {
        let mut told = json!({ "file": range.out, "rows": count, "holes": holes });
        set(&mut told, [("holes_known_from_us", json!(told_from))]);
        return print_line(&told.to_string());
    }
    print_line(&format!("{}: {count} rows", range.out.display()))?;
    for hole in holes {
        let [from, to, reason] = ["from_us", "to_us", "reason"].map(|name| field(hole, name));
        print_line(&format!("nothing from {from} to {to}: {reason}"))?;
    }
    if let Some(from) = told_from {
        print_line(&format!(
            "rows before {from} (microseconds UTC) are from an earlier run, whose holes are not known"
        ))?;
    }
    Ok(())
}

/// Why the range was given up before its end, if it was: the same question then goes on where the rows end.
fn unfinished(manifest: &Value, end_us: i64) -> Option<String> {
    let last = rows(manifest, "holes").last()?;
    let reason = last.get("reason").and_then(Value::as_str)?;
    let is_open = last.get("to_us").and_then(Value::as_i64)? >= end_us;
    let helps = matches!(reason, "timeout" | "pacing_limited" | "busy" | "not_ready");
    (is_open && helps).then(|| reason.to_owned())
}

/// Writes every page into the part; gives the manifest.
async fn fetch(remote: &Remote, verb: &str, request: &Value, part: &mut Part) -> Result<Value, Failure> {
    let bar = ProgressBar::new(0)
        .with_style(ProgressStyle::with_template("{elapsed_precise} [{wide_bar}] {percent}% {msg} ({eta} left)")?);
    let mut pages = remote.long_pages(verb, request).await?;
    let mut manifest = Value::Null;
    while let Some(mut page) = pages.next().await? {
        part.write(rows(&page, "rows"))?;
        if let Some(progress) = page.get("progress") {
            let number = |name: &str| progress.get(name).and_then(Value::as_u64);
            let span = u64::try_from(part.end_us() - part.missing_from_us()).unwrap_or(0);
            let through =
                progress.get("through_us").and_then(Value::as_i64).unwrap_or_default() - part.missing_from_us();
            bar.set_length(number("total").unwrap_or(span));
            let done = number("total").and(number("done"));
            bar.set_position(done.unwrap_or(u64::try_from(through).unwrap_or(0)));
        }
        bar.set_message(format!("{} rows", part.rows()));
        if let Some(told) = page.get_mut("manifest") {
            manifest = told.take();
        }
    }
    bar.finish_and_clear();
    Ok(manifest)
}

/// Adds fields that have a value.
fn set<const N: usize>(request: &mut Value, fields: [(&str, Value); N]) {
    if let Some(object) = request.as_object_mut() {
        object.extend(
            fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)),
        );
    }
}

/// A date or a time in microseconds, UTC.
fn moment(text: &str) -> Result<i64, Failure> {
    let whole = DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc));
    let date = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
    let time = whole.ok().or_else(date);
    let wrong = || format!("{text:?} is no time: write 2026-11-20 or 2026-11-20T14:30:00Z");
    Ok(time.ok_or_else(wrong)?.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_was_given_up_is_told_from_one_with_holes() {
        let hole =
            |from_us: i64, to_us: i64, reason: &str| json!({ "from_us": from_us, "to_us": to_us, "reason": reason });
        let given_up = |holes: &[Value]| unfinished(&json!({ "holes": holes }), 10);
        assert_eq!(given_up(&[hole(1, 2, "no_data"), hole(5, 10, "timeout")]).as_deref(), Some("timeout"));
        assert_eq!(given_up(&[hole(5, 10, "pacing_limited")]).as_deref(), Some("pacing_limited"));
        assert_eq!(given_up(&[hole(5, 9, "timeout")]), None, "rows follow");
        assert_eq!(given_up(&[hole(5, 10, "no_data")]), None, "asking again would not help");
        assert_eq!(given_up(&[]), None);
    }
}
