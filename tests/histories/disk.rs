//! The journal's own code on a disk of which a crash leaves what was written.

use ibnats::{
    journal::{Letter, OfflineJournal},
    session::{Entry, Memory, durable::OrderMemory},
};

pub(crate) struct Disk {
    journal: OfflineJournal,
    /// The last event that this run has handed out.
    taken: i64,
    /// Something waits to be written.
    is_dirty: bool,
    /// Something was written since events were last looked for and none was there.
    has_news: bool,
}

impl Disk {
    pub(crate) fn new(now_us: i64) -> Self {
        Self { journal: OfflineJournal::new(now_us).expect("memory"), taken: 0, is_dirty: false, has_news: false }
    }

    pub(crate) fn write(&mut self, entry: Entry) {
        self.journal.write(entry);
        self.is_dirty = true;
    }

    /// Orders that were not written since their keys were used before.
    pub(crate) fn known(&mut self) -> Vec<(u64, Vec<OrderMemory>)> {
        self.journal.take_known()
    }

    /// One transaction; gives the receipts of what is now on the disk.
    pub(crate) fn flush(&mut self, now_us: i64) -> Vec<u64> {
        let receipts = self.journal.flush(now_us).expect("written");
        self.has_news |= std::mem::take(&mut self.is_dirty);
        receipts
    }

    /// The process has died; a new one reads what is on the disk.
    pub(crate) fn recall(&mut self, client_id: i32, now_us: i64) -> Memory {
        (self.taken, self.is_dirty, self.has_news) = (0, false, true);
        self.journal.restart(client_id, now_us).expect("read")
    }

    /// What this run has not published yet, oldest first.
    pub(crate) fn letters(&mut self, count_max: usize) -> Vec<Letter> {
        if !self.has_news {
            return Vec::new();
        }
        let letters = self.journal.letters(self.taken, count_max).expect("read");
        self.has_news = !letters.is_empty();
        letters
    }

    pub(crate) fn published(&mut self, letter: &Letter, is_acknowledged: bool) {
        self.taken = letter.number;
        if is_acknowledged {
            self.journal.published(letter.number);
        }
    }
}
