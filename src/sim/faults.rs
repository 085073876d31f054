//! Faults that stand until they are lifted.

use std::collections::BTreeSet;

/// What is broken at present.
#[derive(Debug, Default)]
pub(super) struct Faults {
    muted: BTreeSet<String>,
}

impl Faults {
    /// Requests of this kind are taken and never answered; `*` means all of them.
    pub(super) fn mute(&mut self, kind: &str) {
        self.muted.insert(kind.to_owned());
    }

    /// Requests of this kind are answered again.
    pub(super) fn unmute(&mut self, kind: &str) {
        self.muted.remove(kind);
    }

    pub(super) fn is_muted(&self, kind: &str) -> bool {
        self.muted.contains(kind) || self.muted.contains("*")
    }
}
