//! News of orders on its way to a client: late, twice, out of order, or lost. Answers to questions are not
//! touched.

use rand::RngExt;

use super::Broker;
use crate::tws::Response;

/// How badly news of orders travels. The default is perfectly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Callbacks {
    /// Of 1,000 messages, so many are late, and thereby out of order.
    pub late_permille: u32,
    /// A late message is late by up to this, ms.
    pub late_ms_max: i64,
    /// Of 1,000 messages, so many come twice.
    pub doubled_permille: u32,
    /// Of 1,000 messages, so many never come.
    pub missing_permille: u32,
}

impl Broker {
    /// Sends news of an order, or does what is to go wrong with it.
    pub(super) fn call_back(&mut self, client_id: i32, response: Response) {
        let faults = self.behaviour.callbacks;
        if faults == Callbacks::default() {
            return self.tell(client_id, response);
        }
        if self.happens(faults.missing_permille) {
            return;
        }
        if self.happens(faults.doubled_permille) {
            self.send_or_delay(client_id, response.clone());
        }
        self.send_or_delay(client_id, response);
    }

    fn send_or_delay(&mut self, client_id: i32, response: Response) {
        let faults = self.behaviour.callbacks;
        if faults.late_ms_max > 0 && self.happens(faults.late_permille) {
            let late_ms = self.random.random_range(1..=faults.late_ms_max);
            self.delayed.push((self.clock_ms.saturating_add(late_ms), client_id, response));
        } else {
            self.tell(client_id, response);
        }
    }

    fn happens(&mut self, permille: u32) -> bool {
        permille > 0 && self.random.random_range(0..1_000) < permille
    }

    pub(super) fn send_delayed(&mut self) {
        let now_ms = self.clock_ms;
        let (due, later) = std::mem::take(&mut self.delayed).into_iter().partition(|(at_ms, ..)| *at_ms <= now_ms);
        self.delayed = later;
        let due: Vec<_> = due;
        for (_, client_id, response) in due {
            self.tell(client_id, response);
        }
    }

    /// What was on its way to a client that is gone reaches nobody.
    pub(super) fn drop_delayed(&mut self, client_id: i32) {
        self.delayed.retain(|(_, to, _)| *to != client_id);
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::*;
    use super::super::{Behaviour, Callbacks};

    fn lines_with(callbacks: Callbacks) -> (Vec<String>, Vec<String>) {
        let mut rig = Rig::new();
        let behaviour = Behaviour { callbacks, duplicate_statuses: false, ..Behaviour::default() };
        rig.broker.set_behaviour(behaviour);
        (rig.place(1, STOCK, order("BUY 100 LMT 90")), rig.pass(1_000))
    }

    #[test]
    fn news_is_lost_doubled_or_late_as_configured() {
        let plain = lines_with(Callbacks::default()).0;
        assert_eq!(lines_with(Callbacks { missing_permille: 1_000, ..Callbacks::default() }), (vec![], vec![]));
        let doubled = lines_with(Callbacks { doubled_permille: 1_000, ..Callbacks::default() }).0;
        assert_eq!(doubled.len(), 2 * plain.len());
        let (now, mut late) = lines_with(Callbacks { late_permille: 1_000, late_ms_max: 900, ..Callbacks::default() });
        assert!(now.is_empty());
        late.sort();
        let mut all = plain;
        all.sort();
        assert_eq!(late, all);
    }
}
