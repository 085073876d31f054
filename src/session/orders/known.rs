//! Keys of orders that ended so long ago that only the journal knows them.

use super::{Orders, Until, book::Record, group::Purpose, place::used_differently, terms};
use crate::{
    schema::{ApiError, order::OrderKey},
    session::{core::Core, durable::OrderMemory},
};

impl Orders {
    /// The journal has these orders from earlier, under keys of the new orders with this receipt, of which it wrote
    /// nothing: none of them is sent, and their callers are told of the orders that the keys stand for.
    pub(crate) fn on_known(&mut self, core: &mut Core, receipt: u64, known: Vec<OrderMemory>) {
        let mut taken_back = Vec::new();
        for key in self.journaling.remove(&receipt).unwrap_or_default() {
            if let Some(record) = self.book.take(&key) {
                taken_back.push(record);
            }
        }
        for memory in known {
            let record = Record::restored(memory);
            let key = record.event.key.clone();
            self.book.insert(record);
            self.book.note_final(core, &key);
        }
        let differences: Vec<(OrderKey, Option<ApiError>)> = taken_back.iter().map(|new| self.compare(new)).collect();
        for new in taken_back {
            let key = &new.event.key;
            let error = differences.iter().find(|(other, _)| other == key).and_then(|(_, error)| error.clone());
            for waiter in new.waiters {
                self.waiting.remove(&waiter.token);
                match &error {
                    Some(error) => core.refuse(waiter.token, error.clone()),
                    None => self.wait(core, key, super::Waiter { repeated: true, ..waiter }),
                }
            }
        }
        self.answer_families(core, &differences);
    }

    /// What the first order of this key has that the new one has not; an error also if there is no first one, as in a
    /// family of which only other members are known.
    fn compare(&self, new: &Record) -> (OrderKey, Option<ApiError>) {
        let key = new.event.key.clone();
        let Some(first) = self.book.get(&key) else {
            let message =
                format!("key: others of these orders were placed before, {key} was not; use new keys for all");
            return (key, Some(ApiError::invalid(message)));
        };
        let new_con_id = new.event.con_id;
        let field = match (&first.ask, &new.ask) {
            (Some(first), Some(new)) => terms::difference(first, new),
            (None, Some(new)) => terms::contradiction(&first.event, new, new_con_id),
            // Attached orders are part of another one's request.
            (_, None) => None,
        };
        let error = field.map(|field| used_differently(&key, &field));
        (key, error)
    }

    fn answer_families(&mut self, core: &mut Core, differences: &[(OrderKey, Option<ApiError>)]) {
        for (key, _) in differences {
            for token in self.gathered(key) {
                let Some(gathering) = self.gatherings.get_mut(&token) else { continue };
                if !matches!((gathering.purpose, gathering.until), (Purpose::Family, Until::Placed(_))) {
                    continue;
                }
                gathering.repeated = true;
                let keys = gathering.keys.clone();
                let error =
                    differences.iter().filter(|(key, _)| keys.contains(key)).find_map(|(_, error)| error.clone());
                match error {
                    Some(error) => {
                        self.gatherings.remove(&token);
                        core.refuse(token, error);
                    }
                    None => self.answer_gathering(core, token),
                }
            }
        }
    }
}
