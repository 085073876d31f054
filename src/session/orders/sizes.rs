//! How much the orders hold beside the orders themselves.

use std::collections::BTreeMap;

use super::Orders;

impl Orders {
    pub(crate) fn measure(&self, sizes: &mut BTreeMap<&'static str, usize>) {
        sizes.extend([
            ("orders_reserved", self.reserved.len()),
            ("order_callers", self.waiting.len()),
            ("orders_journaling", self.journaling.len()),
            ("changes_journaling", self.journaling_changes.len()),
            ("order_gatherings", self.gatherings.len()),
            ("order_previews", self.previews.len()),
            ("order_reports_unnamed", self.unnamed.len() + self.unnamed_status.len()),
            ("late_cancels", self.late_cancels.len()),
        ]);
    }
}
