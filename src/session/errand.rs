//! A request on its way into the queue.

use std::time::{Duration, Instant};

use compact_str::CompactString;

use super::pacing::{Class, Cost};
use crate::{schema::connection::LinkName, tws::Request};

/// A request to be queued.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(super) link: LinkName,
    pub(super) class: Class,
    pub(super) client: Option<CompactString>,
    pub(super) id: Option<i32>,
    pub(super) cost: Cost,
    pub(super) request: Request,
    pub(super) answer_within: Option<Duration>,
    pub(super) deadline: Option<Instant>,
}

impl Errand {
    /// A request of one message that nobody waits for.
    pub(crate) fn new(link: LinkName, class: Class, request: Request) -> Self {
        Self { link, class, client: None, id: None, cost: Cost::Message, request, answer_within: None, deadline: None }
    }

    /// Names the id the gateway's answers and errors will carry.
    pub(crate) fn id(mut self, id: i32) -> Self {
        self.id = Some(id);
        self
    }

    /// Names the client it serves, for fair share.
    pub(crate) fn client(mut self, client: Option<CompactString>) -> Self {
        self.client = client;
        self
    }

    /// Names what it costs beside one message.
    pub(crate) fn cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    /// It is not queued if it could not be sent before this moment, and not sent afterwards: the owner's
    /// `on_timeout` is called then. Only for requests with an id.
    pub(crate) fn deadline(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }

    /// The owner's `on_timeout` is called if the gateway has not answered this long after sending.
    pub(crate) fn answer_within(mut self, within: Duration) -> Self {
        self.answer_within = Some(within);
        self
    }
}
