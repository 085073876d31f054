//! The journal's own code on a disk of which a crash leaves what was written.

use ibnats::{
    journal::{Letter, OfflineJournal},
    session::{Entry, Memory, durable::OrderMemory},
};

pub(crate) struct Disk {
    journal: OfflineJournal,
    /// The last event that this run has handed out.
    taken: i64,
}

impl Disk {
    pub(crate) fn new(now_us: i64) -> Self {
        Self { journal: OfflineJournal::new(now_us).expect("memory"), taken: 0 }
    }

    pub(crate) fn write(&mut self, entry: Entry) {
        self.journal.write(entry);
    }

    /// Orders that were not written since their keys were used before.
    pub(crate) fn known(&mut self) -> Vec<(u64, Vec<OrderMemory>)> {
        self.journal.take_known()
    }

    /// One transaction; gives the receipts of what is now on the disk.
    pub(crate) fn flush(&mut self, now_us: i64) -> Vec<u64> {
        self.journal.flush(now_us).expect("written")
    }

    /// The process has died; a new one reads what is on the disk.
    pub(crate) fn recall(&mut self, client_id: i32, now_us: i64) -> Memory {
        self.taken = 0;
        self.journal.restart(client_id, now_us).expect("read")
    }

    /// What this run has not published yet, oldest first.
    pub(crate) fn letters(&self, count_max: usize) -> Vec<Letter> {
        self.journal.letters(self.taken, count_max).expect("read")
    }

    pub(crate) fn published(&mut self, letter: &Letter, is_acknowledged: bool) {
        self.taken = letter.number;
        if is_acknowledged {
            self.journal.published(letter.number);
        }
    }
}
