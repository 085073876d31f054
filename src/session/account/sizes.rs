//! How much the account's part holds beside what it knows.

use std::collections::BTreeMap;

use super::Account;

impl Account {
    pub(crate) fn measure(&self, sizes: &mut BTreeMap<&'static str, usize>) {
        sizes.extend([
            ("account_waiting", self.resumed.len() + self.models.waiting() + self.groups.waiting()),
            ("account_streams", self.streams.len() + self.profits.streams()),
            ("positions_suspected", self.mismatches.suspected()),
        ]);
    }
}
