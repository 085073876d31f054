//! The order journal with a modelled crash: what was not written when the process died is gone.

use std::collections::BTreeMap;

use ibnats::session::{Entry, Event, Fact, Memory};

/// An event on its way to JetStream.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) number: usize,
    pub(crate) message_id: String,
    pub(crate) event: Event,
}

#[derive(Default)]
pub(crate) struct Disk {
    waiting: Vec<Entry>,
    written: Vec<Entry>,
    letters: Vec<(Letter, bool)>,
    seqs: BTreeMap<String, u64>,
}

impl Disk {
    pub(crate) fn write(&mut self, entry: Entry) {
        self.waiting.push(entry);
    }

    /// One transaction; gives the receipts of what is now on the disk.
    pub(crate) fn flush(&mut self, _now_us: i64) -> Vec<u64> {
        let waiting = std::mem::take(&mut self.waiting);
        let receipts = waiting.iter().filter_map(|entry| entry.receipt).collect();
        for entry in waiting {
            if let Some(mut event) = entry.event() {
                let message_id = match &mut event {
                    Event::Order(order) => {
                        let seq = self.seqs.entry(order.key.to_string()).or_default();
                        *seq += 1;
                        order.seq = *seq;
                        format!("order.{}.{}", order.key, order.seq)
                    }
                    Event::Fill(fill) => format!("{}.{:?}.{:?}", fill.exec_id, fill.commission, fill.realized_pnl),
                    _ => continue,
                };
                self.letters.push((Letter { number: self.letters.len(), message_id, event }, false));
            }
            self.written.push(entry);
        }
        receipts
    }

    /// The process has died; a new one reads what is on the disk.
    pub(crate) fn recall(&mut self, _client_id: i32, _now_us: i64) -> Memory {
        self.waiting.clear();
        let mut memory = Memory::default();
        let mut orders = BTreeMap::new();
        let mut fills = BTreeMap::new();
        for (place, entry) in self.written.iter().enumerate() {
            match &entry.fact {
                Fact::Order(order) => {
                    memory.next_order_id = memory.next_order_id.max(order.next_order_id);
                    let key = order.memory.event.key.clone();
                    let first = orders.get(&key).map_or(place, |(first, _)| *first);
                    orders.insert(key, (first, order.memory.clone()));
                }
                Fact::Fill(fill) => {
                    let root = fill.exec_id.rsplit_once('.').map_or(fill.exec_id.clone(), |(root, _)| root.to_owned());
                    let first = fills.get(&root).map_or(place, |(first, _)| *first);
                    fills.insert(root, (first, (**fill).clone()));
                }
                _ => {}
            }
        }
        let mut orders: Vec<_> = orders.into_values().collect();
        orders.sort_by_key(|(first, _)| *first);
        memory.orders = orders.into_iter().map(|(_, order)| order).collect();
        let mut fills: Vec<_> = fills.into_values().collect();
        fills.sort_by_key(|(first, _)| *first);
        memory.fills = fills.into_iter().map(|(_, fill)| fill).collect();
        memory
    }

    /// What JetStream has not acknowledged, oldest first.
    pub(crate) fn letters(&self, count_max: usize) -> Vec<Letter> {
        self.letters
            .iter()
            .filter(|(_, is_published)| !is_published)
            .take(count_max)
            .map(|(letter, _)| letter.clone())
            .collect()
    }

    pub(crate) fn published(&mut self, letter: &Letter) {
        self.letters[letter.number].1 = true;
    }
}
