//! How much history holds.

use std::collections::BTreeMap;

use super::History;

impl History {
    pub(crate) fn measure(&self, sizes: &mut BTreeMap<&'static str, usize>) {
        sizes.insert("history_jobs", self.jobs.len());
    }
}
