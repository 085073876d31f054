//! The order journal in memory and without a thread: what the writer does, when the caller says so. Histories
//! that follow from a seed need the writer's own code, and to decide what a crash leaves.

use rusqlite::Connection;

use super::{
    DatabaseError, archive,
    layout::JOURNAL,
    letter::{Letter, Numbers, unpublished},
    page::{self, Note},
    prune::prune,
    recall::recall,
};
use crate::session::{
    Entry, Memory,
    durable::{Fact, OrderMemory},
};

/// A journal whose caller decides when entries reach the disk.
pub struct OfflineJournal {
    connection: Connection,
    numbers: Numbers,
    waiting: Vec<Note>,
    published: Vec<i64>,
    /// Entries that are one and have not all come, and how many are to come.
    batch: Vec<Entry>,
    left: usize,
    /// They are not written.
    is_batch_known: bool,
    known: Vec<(u64, Vec<OrderMemory>)>,
}

impl OfflineJournal {
    /// An empty journal. `now_us` is microseconds UTC.
    ///
    /// # Errors
    ///
    /// If there is no memory for it.
    pub fn new(now_us: i64) -> Result<Self, DatabaseError> {
        let make = || {
            let connection = Connection::open_in_memory()?;
            JOURNAL.steps.iter().try_for_each(|step| connection.execute_batch(step))?;
            Ok(connection)
        };
        let connection = make().map_err(failed)?;
        Ok(Self {
            connection,
            numbers: Numbers::new(now_us),
            waiting: Vec::new(),
            published: Vec::new(),
            batch: Vec::new(),
            left: 0,
            is_batch_known: false,
            known: Vec::new(),
        })
    }

    /// The process has died and another one starts: what was not on the disk is gone.
    ///
    /// # Errors
    ///
    /// If the tables cannot be read.
    pub fn restart(&mut self, client_id: i32, now_us: i64) -> Result<Memory, DatabaseError> {
        self.waiting.clear();
        self.published.clear();
        self.known.clear();
        self.batch.clear();
        self.left = 0;
        self.numbers = Numbers::new(now_us);
        let mut unreadable = 0;
        let memory = recall(&self.connection, client_id, now_us, &mut unreadable).map_err(failed)?;
        self.numbers.go_on(&self.connection).map_err(failed)?;
        page::write_run(&self.connection, now_us).map_err(failed)?;
        Ok(memory)
    }

    /// Takes an entry; it is lost in a crash before [`Self::flush`].
    pub fn write(&mut self, entry: Entry) {
        if let Fact::Claim(claim) = &entry.fact {
            let known = archive::find_all(&self.connection, &claim.keys).unwrap_or_default();
            self.left = claim.entries;
            self.is_batch_known = !known.is_empty();
            if self.is_batch_known {
                self.known.push((claim.receipt, known));
            }
            return;
        }
        let receipt = entry.receipt;
        self.batch.push(entry);
        self.left = self.left.saturating_sub(1);
        if self.left > 0 {
            return;
        }
        let entries = std::mem::take(&mut self.batch);
        if std::mem::take(&mut self.is_batch_known) {
            return;
        }
        for entry in entries {
            let event = entry.event();
            let letter = event.and_then(|event| self.numbers.letter(Some(&self.connection), event, entry.at_us));
            self.waiting.push(Note { entry, batch: receipt, letter, published_us: None });
        }
    }

    /// Orders that are not written since their keys were used before, by receipt, with the first ones.
    pub fn take_known(&mut self) -> Vec<(u64, Vec<OrderMemory>)> {
        std::mem::take(&mut self.known)
    }

    /// Forgets orders that ended before this time, as the writer does in quiet moments.
    ///
    /// # Errors
    ///
    /// If the tables do not take it.
    pub fn prune(&mut self, before_us: i64) -> Result<(), DatabaseError> {
        while prune(&mut self.connection, before_us).map_err(failed)? {}
        Ok(())
    }

    /// Writes what waits in one transaction; gives the receipts of what is now on the disk.
    ///
    /// # Errors
    ///
    /// If the tables do not take it.
    pub fn flush(&mut self, now_us: i64) -> Result<Vec<u64>, DatabaseError> {
        if self.waiting.is_empty() && self.published.is_empty() {
            return Ok(Vec::new());
        }
        page::write(&mut self.connection, &self.waiting, &self.published, now_us).map_err(failed)?;
        self.published.clear();
        Ok(self.waiting.drain(..).filter_map(|note| note.entry.receipt).collect())
    }

    /// Events on the disk that nobody has acknowledged, oldest first.
    ///
    /// # Errors
    ///
    /// If the tables cannot be read.
    pub fn letters(&self, after: i64, count_max: usize) -> Result<Vec<Letter>, DatabaseError> {
        unpublished(&self.connection, after, count_max, self.numbers.run_first()).map_err(failed)
    }

    /// The event with this number is acknowledged; that is written with the next [`Self::flush`].
    pub fn published(&mut self, number: i64) {
        self.published.push(number);
    }
}

fn failed(source: rusqlite::Error) -> DatabaseError {
    DatabaseError::of(JOURNAL.what, std::path::Path::new(":memory:"), source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Fact, durable::HeldPosition};

    #[test]
    fn held_positions_go_on_with_the_fills_learned_after_them() {
        let mut journal = OfflineJournal::new(0).expect("memory");
        let entry = |at_us, fact| Entry { at_us, receipt: None, fact };
        let held = |size: i64| HeldPosition { account: "DU1".to_owned(), con_id: 1, size: size.into() };
        let fill = |exec_id: &str, side: &str, size: u32| {
            let json = format!(
                r#"{{"key":"k","account":"DU1","con_id":1,"seq":0,"recv_us":0,"exec_id":"{exec_id}","side":"{side}",
                    "quantity":"{size}","price":1.0,"instrument":{{"con_id":1,"sec_type":"STK","symbol":"A",
                    "local_symbol":"A","exchange":"SMART","currency":"USD"}}}}"#
            );
            Fact::Fill(serde_json::from_str(&json).expect("a fill"))
        };
        assert_eq!(journal.restart(1, 1).expect("read").positions, None);
        journal.write(entry(10, fill("a.01", "buy", 40)));
        journal.write(entry(11, Fact::Positions(vec![held(100)])));
        journal.write(entry(11, fill("b.01", "sell", 30)));
        journal.write(entry(13, fill("c.01", "buy", 5)));
        journal.flush(14).expect("written");
        journal.write(entry(15, fill("lost.01", "buy", 1)));
        assert_eq!(journal.restart(1, 16).expect("read").positions, Some(vec![held(75)]));
    }
}
