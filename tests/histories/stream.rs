//! JetStream as far as orders need it: it stores in order and drops what it has under the same message id.

use std::collections::BTreeSet;

use ibnats::session::Event;

#[derive(Default)]
pub(crate) struct Stream {
    ids: BTreeSet<String>,
    pub(crate) stored: Vec<Event>,
    /// Publishes that were recognised as repeats.
    pub(crate) repeats: u64,
}

impl Stream {
    pub(crate) fn publish(&mut self, message_id: &str, event: &Event) {
        if self.ids.insert(message_id.to_owned()) {
            self.stored.push(event.clone());
        } else {
            self.repeats += 1;
        }
    }
}
