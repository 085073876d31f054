//! An answer in pages, read one page at a time.

use std::time::Duration;

use async_nats::{StatusCode, Subscriber};
use futures_util::StreamExt as _;
use serde_json::Value;

use super::{super::Failure, Remote, read};

/// Pages of one answer, in order.
pub(in crate::cli) struct Pages<'a> {
    remote: &'a Remote,
    subject: String,
    inbox: Subscriber,
    silence_max: Duration,
    next_page: u64,
    is_over: bool,
}

impl<'a> Pages<'a> {
    pub(super) async fn ask(
        remote: &'a Remote,
        subject: String,
        request: &Value,
        silence_max: Duration,
    ) -> Result<Self, Failure> {
        let inbox = remote.client.new_inbox();
        let subscriber = remote.client.subscribe(inbox.clone()).await?;
        let body = serde_json::to_vec(request)?;
        remote.client.publish_with_reply(subject.clone(), inbox, body.into()).await?;
        Ok(Self { remote, subject, inbox: subscriber, silence_max, next_page: 0, is_over: false })
    }

    /// The next page; `None` after the last one. The time counts from page to page.
    pub(in crate::cli) async fn next(&mut self) -> Result<Option<Value>, Failure> {
        if self.is_over {
            return Ok(None);
        }
        let message = match tokio::time::timeout(self.silence_max, self.inbox.next()).await {
            Ok(Some(message)) => message,
            Ok(None) => return Err("the connection to NATS ended in the middle of the answer".into()),
            Err(_) => return Err(self.remote.no_answer(&self.subject, self.silence_max, false)),
        };
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(self.remote.no_answer(&self.subject, self.silence_max, true));
        }
        let page = read(&message.payload)?;
        let number = page.get("page").and_then(Value::as_u64);
        if number.is_some_and(|number| number != self.next_page) {
            return Err(format!("page {} of the answer is missing; ask again", self.next_page).into());
        }
        self.next_page += 1;
        // An answer without page numbers is whole.
        self.is_over = number.is_none() || page.get("last") == Some(&Value::Bool(true));
        Ok(Some(page))
    }
}
