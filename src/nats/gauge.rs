//! How the NATS side is doing, for whoever measures it.

use std::sync::{Arc, atomic::Ordering};

use super::{connect::Links, tally::Tally};

/// Looks at the connections and at the requests served.
#[derive(Clone, Debug)]
pub struct NatsGauge {
    links: Links,
    /// Requests by verb and outcome.
    pub tally: Arc<Tally>,
}

/// One connection at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkGauge {
    /// `data` or `control`.
    pub name: &'static str,
    /// True while the server can be reached.
    pub is_up: bool,
    /// How often the connection was made.
    pub connects: u64,
    /// Bytes sent since the start.
    pub sent_bytes: u64,
    /// Messages sent since the start.
    pub sent_messages: u64,
}

impl NatsGauge {
    pub(super) fn new(links: Links, tally: Arc<Tally>) -> Self {
        Self { links, tally }
    }

    /// Both connections.
    pub fn links(&self) -> [LinkGauge; 2] {
        [("data", &self.links.data), ("control", &self.links.control)].map(|(name, link)| {
            let statistics = link.client.statistics();
            LinkGauge {
                name,
                is_up: link.is_up(),
                connects: link.connects(),
                sent_bytes: statistics.out_bytes.load(Ordering::Relaxed),
                sent_messages: statistics.out_messages.load(Ordering::Relaxed),
            }
        })
    }
}
