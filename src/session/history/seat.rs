//! Who asked for history, and where the answer goes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use compact_str::CompactString;

use crate::{
    schema::request::history::Progress,
    session::{Command, Listing, Part, Rows, Token, core::Core},
};

/// Who asked, and where the answer goes.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    /// Names the job; its outcome is told to this token.
    pub(super) token: Token,
    /// Parts go here. `None` if the session itself asked: then the outcome has all rows.
    pub(super) parts_to: Option<Token>,
    /// Place of the contract in the batch it belongs to.
    pub(super) entry: Option<u32>,
    pub(super) client: Option<CompactString>,
    pub(super) deadline: Instant,
    /// How long the caller waits in all.
    pub(super) patience: Duration,
    /// Equal for equal requests: by it a refused one finds the place it was promised.
    pub(super) key: u64,
    pub(super) listing: Arc<Listing>,
}

impl Seat {
    /// The seat of a command about one contract.
    pub(super) fn new(command: &Command, listing: &Arc<Listing>) -> Self {
        Self {
            token: command.token,
            parts_to: (!command.token.is_own()).then_some(command.token),
            entry: None,
            client: command.client.clone(),
            deadline: command.deadline,
            patience: Duration::ZERO,
            key: 0,
            listing: Arc::clone(listing),
        }
    }

    pub(super) fn send(&self, core: &mut Core, rows: Rows, progress: Progress) {
        if let Some(to) = self.parts_to {
            core.part(to, Part { entry: self.entry, rows, progress });
        }
    }

    /// Parts sent and not taken yet.
    pub(super) fn untaken(&self, core: &Core) -> usize {
        self.parts_to.map_or(0, |to| core.untaken(to))
    }
}
