//! How much history holds.

use std::collections::BTreeMap;

use super::History;

impl History {
    pub(crate) fn measure(&self, sizes: &mut BTreeMap<&'static str, usize>) {
        sizes.extend([
            ("history_jobs", self.jobs.len()),
            ("history_fetches", self.fetches.entries()),
            ("history_answers_kept", self.fetches.kept()),
            ("history_heads", self.heads.entries()),
            ("history_batches", self.batches.entries()),
            ("history_promises", self.promises_small.entries() + self.promises_long.entries()),
        ]);
    }
}
