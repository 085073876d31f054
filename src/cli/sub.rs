//! `ibnats sub`: leases streams of one instrument and shows them until Ctrl-C.

use std::time::Duration;

use async_nats::Subscriber;
use futures_util::{StreamExt as _, stream::SelectAll};
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use super::{
    Failure,
    contract::spec,
    events,
    remote::{Bridge, Remote},
    show::{field, rows},
    stop::stop_signal,
};

/// A lease is renewed this often in its life.
const RENEWALS: u64 = 3;

/// Lease streams of one instrument, show them, and give them back at Ctrl-C
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The contract, such as `STK:AAPL`
    contract: String,
    /// Streams: quote, tick, tbt.last, bar.1m, depth, greeks, news, ...
    #[arg(default_values = ["quote"])]
    streams: Vec<String>,
    /// Seconds the lease lives without us
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(10..=3_600))]
    ttl: u64,
    /// Refuse instead of waiting when lines run out
    #[arg(long)]
    refuse: bool,
    /// End after so many events
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
    #[command(flatten)]
    bridge: Bridge,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let stop = stop_signal()?;
    tokio::pin!(stop);
    let remote = Remote::open(&args.bridge).await?;
    let mut lease = subscribe(&remote, &args).await?;
    let mut messages = listen(&remote, &lease).await?;
    tell(&lease);
    let mut renewal = tokio::time::interval(Duration::from_secs(args.ttl / RENEWALS));
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    renewal.tick().await;
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        tokio::select! {
            message = messages.next() => {
                let Some(message) = message else { return Err(remote.ended()) };
                left -= 1;
                events::print(&message, remote.prefix(), args.bridge.json)?;
            }
            _ = renewal.tick() => {
                // A bridge that was restarted knows no lease of its earlier life.
                if let Err(error) = remote.ask("md.renew", json!({ "lease": field(&lease, "lease") })).await {
                    eprintln!("lease not renewed: {error}; asking for a new one");
                    if let Ok(fresh) = subscribe(&remote, &args).await {
                        lease = fresh;
                    }
                }
            }
            () = &mut stop => break,
        }
    }
    remote.ask("md.unsubscribe", json!({ "lease": field(&lease, "lease") })).await?;
    Ok(())
}

async fn subscribe(remote: &Remote, args: &Args) -> Result<Value, Failure> {
    let when_full = if args.refuse { "refuse" } else { "queue" };
    let contract = spec(&args.contract)?;
    let request = json!({ "contract": contract, "streams": args.streams, "ttl_s": args.ttl, "when_full": when_full });
    remote.ask("md.subscribe", request).await
}

/// Listens to every stream of a lease.
async fn listen(remote: &Remote, lease: &Value) -> Result<SelectAll<Subscriber>, Failure> {
    let mut all = SelectAll::new();
    for stream in rows(lease, "streams") {
        let subject = field(stream, "subject");
        let below = subject.strip_prefix(remote.prefix()).and_then(|rest| rest.strip_prefix('.'));
        all.push(remote.listen(below.unwrap_or(&subject)).await?);
    }
    Ok(all)
}

fn tell(lease: &Value) {
    for stream in rows(lease, "streams") {
        let [subject, state, reason] = ["subject", "state", "reason"].map(|name| field(stream, name));
        let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
        eprintln!("{subject} ({state}{reason})");
    }
}
