//! How much the services hold.

use std::collections::BTreeMap;

use super::Services;

impl Services {
    pub(crate) fn measure(&self, sizes: &mut BTreeMap<&'static str, usize>) {
        let (news, news_kept) = self.news.entries();
        let (options, options_kept) = self.options.entries();
        let (reference, reference_kept) = self.reference.entries();
        sizes.extend([
            ("service_questions", news + options + reference + self.wsh.entries()),
            ("service_answers_kept", news_kept + options_kept + reference_kept),
            ("scanners", self.scan.entries()),
        ]);
    }
}
