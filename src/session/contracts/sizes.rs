//! How much the lookups of contracts hold.

use std::collections::BTreeMap;

use super::Contracts;

impl Contracts {
    pub(crate) fn measure(&self, sizes: &mut BTreeMap<&'static str, usize>) {
        sizes.extend([
            ("lookups", self.lookups.len()),
            ("lookups_stalled", self.stalled.len()),
            ("lookups_asked", self.asked.len()),
            ("searches", self.searches.entries()),
            ("rules_asked", self.rules.entries()),
            ("chains", self.chains.entries()),
            ("resolved", self.resolved.len()),
            ("validations", self.validations.len()),
        ]);
    }
}
