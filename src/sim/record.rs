//! The simulator's own account of what it was asked, for tests that ask the other side.

use std::collections::{BTreeMap, VecDeque};

use crate::tws::Request;

/// Requests kept word for word; older ones are only counted.
const KEPT: usize = 4096;

/// How often one client asked for one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestCount {
    /// API client id; `None` before the client named itself.
    pub client_id: Option<i32>,
    /// IB's name of the request message.
    pub kind: &'static str,
    /// Requests so far.
    pub count: u64,
}

/// Everything received since the start.
#[derive(Debug, Default)]
pub(super) struct Record {
    counts: BTreeMap<(Option<i32>, &'static str), u64>,
    recent: VecDeque<(Option<i32>, Request)>,
    unreadable: u64,
}

impl Record {
    pub(super) fn request(&mut self, client_id: Option<i32>, request: &Request) {
        *self.counts.entry((client_id, request.name())).or_default() += 1;
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back((client_id, request.clone()));
    }

    pub(super) fn unreadable(&mut self) {
        self.unreadable += 1;
    }

    pub(super) fn counts(&self) -> Vec<RequestCount> {
        let row = |(&(client_id, kind), &count)| RequestCount { client_id, kind, count };
        self.counts.iter().map(row).collect()
    }

    /// The newest requests, oldest first.
    pub(super) fn recent(&self) -> Vec<(Option<i32>, Request)> {
        self.recent.iter().cloned().collect()
    }

    pub(super) fn unreadable_count(&self) -> u64 {
        self.unreadable
    }
}
