//! Where the picture comes from: requests that are repeated, and subjects that are listened to.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use crate::cli::{Failure, remote::Remote};

/// Something new.
#[derive(Debug)]
pub(super) enum News {
    /// The answer to a request, or why there is none.
    Answer(&'static str, Result<Value, String>),
    /// An event: its subject below the prefix, and its payload.
    Event(String, Value),
}

/// Events that may wait to be taken; more are left out, since newer ones follow.
const NEWS_MAX: usize = 4_096;

/// Requests, how often each is made in seconds, and what is asked.
pub(super) const ASKED: [(&str, u64, &str); 10] = [
    ("bridge.info", 5, "{}"),
    ("bridge.health", 1, "{}"),
    ("pool.status", 1, "{}"),
    ("pace.status", 1, "{}"),
    ("risk.limits", 2, "{}"),
    ("md.list", 2, "{\"limit\":500}"),
    ("order.list", 5, "{\"filter\":\"all\"}"),
    ("account.executions", 60, "{}"),
    ("account.positions", 2, "{}"),
    ("account.pnl", 1, "{}"),
];

const LISTENED: [&str; 9] =
    ["quote.>", "order.>", "fill.>", "position.>", "pnl.>", "conn.state", "conn.farm.>", "conn.notice", "gap.>"];

/// Begins to ask and to listen. Everything ends when the receiver is dropped.
pub(super) async fn start(remote: Remote) -> Result<mpsc::Receiver<News>, Failure> {
    let remote = Arc::new(remote);
    let (told, news) = mpsc::channel(NEWS_MAX);
    for subject in LISTENED.into_iter().chain(["bridge.>"]) {
        listen(&remote, subject, told.clone()).await?;
    }
    for (verb, every_s, body) in ASKED {
        let body: Value = serde_json::from_str(body).unwrap_or_else(|_| json!({}));
        tokio::spawn(ask(Arc::clone(&remote), verb, Duration::from_secs(every_s), body, told.clone()));
    }
    Ok(news)
}

async fn listen(remote: &Arc<Remote>, subject: &str, told: mpsc::Sender<News>) -> Result<(), Failure> {
    let mut events = remote.listen(subject).await?;
    let below = remote.prefix().len() + 1;
    // The connection lives as long as somebody listens.
    let remote = Arc::clone(remote);
    tokio::spawn(async move {
        let _connection = remote;
        loop {
            let message = tokio::select! {
                message = events.next() => message,
                () = told.closed() => return,
            };
            let Some(message) = message else { return };
            let subject = message.subject.get(below..).unwrap_or_default().to_owned();
            if let Ok(payload) = serde_json::from_slice(&message.payload) {
                // A full channel means that the screen is behind: what follows is newer.
                let _ = told.try_send(News::Event(subject, payload));
            }
        }
    });
    Ok(())
}

async fn ask(remote: Arc<Remote>, verb: &'static str, every: Duration, body: Value, told: mpsc::Sender<News>) {
    let mut again = interval(every);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        again.tick().await;
        let answer = remote.ask(verb, body.clone()).await.map_err(|error| error.to_string());
        if told.send(News::Answer(verb, answer)).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::registry;

    #[test]
    fn every_request_and_subject_exists() {
        let entries = registry::all();
        for (verb, _, body) in ASKED {
            let entry = entries.iter().find(|entry| entry.name == format!("request.{verb}"));
            let schema = entry.unwrap_or_else(|| panic!("{verb}")).schema.clone().to_value();
            let body: Value = serde_json::from_str(body).expect("JSON");
            assert!(jsonschema::is_valid(&schema, &body), "{verb} {body}");
        }
        for subject in LISTENED {
            let first = subject.split('.').next().expect("a token");
            assert!(entries.iter().any(|entry| entry.subject.starts_with(first)), "{subject}");
        }
    }
}
