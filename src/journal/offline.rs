//! The order journal in memory and without a thread: what the writer does, when the caller says so. Histories
//! that follow from a seed need the writer's own code, and to decide what a crash leaves.

use rusqlite::Connection;

use super::{
    DatabaseError,
    layout::JOURNAL,
    letter::{Letter, Numbers, unpublished},
    page::{self, Note},
    recall::recall,
};
use crate::session::{Entry, Memory};

/// A journal whose caller decides when entries reach the disk.
pub struct OfflineJournal {
    connection: Connection,
    numbers: Numbers,
    waiting: Vec<Note>,
    published: Vec<i64>,
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
        Ok(Self { connection, numbers: Numbers::new(now_us), waiting: Vec::new(), published: Vec::new() })
    }

    /// The process has died and another one starts: what was not on the disk is gone.
    ///
    /// # Errors
    ///
    /// If the tables cannot be read.
    pub fn restart(&mut self, client_id: i32, now_us: i64) -> Result<Memory, DatabaseError> {
        self.waiting.clear();
        self.published.clear();
        self.numbers = Numbers::new(now_us);
        let mut unreadable = 0;
        let memory = recall(&self.connection, client_id, &mut unreadable).map_err(failed)?;
        self.numbers.go_on(&self.connection).map_err(failed)?;
        page::write_run(&self.connection, now_us).map_err(failed)?;
        Ok(memory)
    }

    /// Takes an entry; it is lost in a crash before [`Self::flush`].
    pub fn write(&mut self, entry: Entry) {
        let event = entry.event();
        let letter = event.and_then(|event| self.numbers.letter(Some(&self.connection), event, entry.at_us));
        self.waiting.push(Note { entry, letter, published_us: None });
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
