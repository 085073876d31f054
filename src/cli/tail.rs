//! `ibnats tail`: what the bridge publishes, as it happens.

use futures_util::{StreamExt as _, stream::SelectAll};

use super::{
    Failure, events,
    remote::{Bridge, Remote},
    stop::stop_signal,
};

/// Show what the bridge publishes, as it happens
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Subjects below the prefix, such as `quote.>` or `order.*.my-key`
    #[arg(default_value = ">")]
    subjects: Vec<String>,
    /// End after so many events
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
    #[command(flatten)]
    bridge: Bridge,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let stop = stop_signal()?;
    let remote = Remote::open(&args.bridge).await?;
    let mut messages = SelectAll::new();
    for subject in &args.subjects {
        messages.push(remote.listen(subject).await?);
    }
    let requests = format!("{}.req.", remote.prefix());
    let mut left = args.count.unwrap_or(u64::MAX);
    tokio::pin!(stop);
    while left > 0 {
        let message = tokio::select! {
            message = messages.next() => message,
            () = &mut stop => return Ok(()),
        };
        let Some(message) = message else { return Err(remote.ended()) };
        // Requests of others are no events.
        if message.subject.starts_with(&requests) {
            continue;
        }
        left -= 1;
        events::print(&message, remote.prefix(), args.bridge.json)?;
    }
    Ok(())
}
