//! Events by kind: how many were published, how many shed.

use crate::{measure::Count, session::Event};

/// Counts since the start, by kind of event.
#[derive(Debug)]
pub struct Traffic {
    published: [Count; Event::KINDS.len()],
    shed: [Count; Event::KINDS.len()],
}

impl Default for Traffic {
    fn default() -> Self {
        Self { published: std::array::from_fn(|_| Count::default()), shed: std::array::from_fn(|_| Count::default()) }
    }
}

impl Traffic {
    /// An event of this kind was handed to NATS.
    pub fn add_published(&self, kind: usize) {
        if let Some(count) = self.published.get(kind) {
            count.add(1);
        }
    }

    /// An event of this kind was dropped before it reached NATS.
    pub fn add_shed(&self, kind: usize) {
        if let Some(count) = self.shed.get(kind) {
            count.add(1);
        }
    }

    /// Each kind with the events published and shed.
    pub fn by_kind(&self) -> impl Iterator<Item = (&'static str, u64, u64)> + '_ {
        let counts = self.published.iter().zip(&self.shed);
        Event::KINDS.iter().zip(counts).map(|(kind, (published, shed))| (*kind, published.get(), shed.get()))
    }
}
