//! An event on its way to NATS: its number, its message id, and where it waits until it is acknowledged.

use rusqlite::{Connection, OptionalExtension as _, Row};
use rustc_hash::FxHashMap;

use crate::{
    schema::order::{FillEvent, OrderEvent},
    session::Event,
};

/// Subjects whose last number is held in memory; more are looked up again.
const NUMBERS_MAX: usize = 65_536;

/// What an event is about: the two kinds of subjects that the journal feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `order.<account>.<key>`
    Order,
    /// `fill.<account>.<key>`
    Fill,
}

impl Kind {
    /// As it stands in the tables and subjects.
    pub fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Fill => "fill",
        }
    }
}

/// An event with all that it is published with, the same at every attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// Grows in the order of publication.
    pub number: i64,
    /// An order or a fill, with its `seq`.
    pub event: Event,
    /// By which JetStream recognises a repeat.
    pub message_id: String,
    /// It may have been published by an earlier run, which did not learn of it.
    pub is_from_earlier_run: bool,
}

impl Letter {
    /// Account, order key and number within the subject.
    pub fn address(&self) -> Option<(Kind, &str, &str, u64)> {
        match &self.event {
            Event::Order(event) => {
                Some((Kind::Order, &event.account, event.key.as_str(), event.seq.unwrap_or_default()))
            }
            Event::Fill(event) => Some((Kind::Fill, &event.account, event.key.as_str(), event.seq)),
            _ => None,
        }
    }

    /// The payload as it is kept.
    pub(super) fn json(&self) -> String {
        let text = match &self.event {
            Event::Order(event) => serde_json::to_string(event),
            Event::Fill(event) => serde_json::to_string(event),
            _ => return String::new(),
        };
        text.unwrap_or_default()
    }

    /// `None` for a row that cannot be read any more.
    fn of_row(row: &Row<'_>, run_first: i64) -> rusqlite::Result<Option<Self>> {
        let (number, kind, text): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let event = if kind == "order" {
            serde_json::from_str::<OrderEvent>(&text).map(|event| Event::Order(Box::new(event)))
        } else {
            serde_json::from_str::<FillEvent>(&text).map(|event| Event::Fill(Box::new(event)))
        };
        let message_id = row.get(3)?;
        Ok(event.ok().map(|event| Self { number, event, message_id, is_from_earlier_run: number < run_first }))
    }
}

/// Gives numbers and ids.
#[derive(Debug)]
pub(super) struct Numbers {
    /// The last number of each subject used lately.
    by_subject: FxHashMap<(Kind, String, String), u64>,
    next_number: i64,
    /// First number of this run.
    run_first: i64,
    /// Makes ids of this run unlike those of any other.
    run_us: i64,
}

impl Numbers {
    pub(super) fn new(run_us: i64) -> Self {
        Self { by_subject: FxHashMap::default(), next_number: 1, run_first: 1, run_us }
    }

    /// Goes on after what the file holds.
    pub(super) fn go_on(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let last: Option<i64> = connection.query_row("SELECT max(number) FROM events", [], |row| row.get(0))?;
        self.next_number = self.next_number.max(last.unwrap_or(0) + 1);
        self.run_first = self.next_number;
        Ok(())
    }

    /// Numbers an event. A subject that the journal does not know begins at the present time, so that it
    /// goes on above what an earlier, lost journal has published.
    pub(super) fn letter(&mut self, connection: Option<&Connection>, event: Event, now_us: i64) -> Option<Letter> {
        let number = self.next_number;
        let mut letter = Letter { number, event, message_id: String::new(), is_from_earlier_run: false };
        let (kind, account, key, _) = letter.address()?;
        let subject = (kind, account.to_owned(), key.to_owned());
        let last = self.by_subject.get(&subject).copied().or_else(|| last_seq(connection?, &subject));
        let seq = last.map_or_else(|| u64::try_from(now_us).unwrap_or(1).max(1), |last| last + 1);
        if self.by_subject.len() >= NUMBERS_MAX {
            // Everything written is in the table; what waits for the disk is numbered above the time.
            self.by_subject.clear();
        }
        self.by_subject.insert(subject, seq);
        self.next_number += 1;
        match &mut letter.event {
            Event::Order(event) => {
                event.seq = Some(seq);
                letter.message_id = format!("order.{}.{seq}.{}", event.key, self.run_us);
            }
            Event::Fill(event) => {
                event.seq = seq;
                letter.message_id = fill_id(event);
            }
            _ => return None,
        }
        Some(letter)
    }

    /// The last number given.
    pub(super) fn last(&self) -> i64 {
        self.next_number - 1
    }

    pub(super) fn run_first(&self) -> i64 {
        self.run_first
    }
}

fn last_seq(connection: &Connection, (kind, account, key): &(Kind, String, String)) -> Option<u64> {
    let sql = "SELECT seq FROM subjects WHERE kind = ?1 AND account = ?2 AND key = ?3";
    let mut statement = connection.prepare_cached(sql).ok()?;
    let seq = statement.query_row((kind.name(), account, key), |row| row.get::<_, i64>(0)).optional().ok()??;
    u64::try_from(seq).ok()
}

/// The same for the same news of a fill in any run and any journal, so that the stream stores what a
/// download tells again only once; another for a commission that was revised, which must not pass for a
/// repeat.
fn fill_id(fill: &FillEvent) -> String {
    let part = |name, amount: Option<f64>| amount.map(|amount| format!(".{name}.{amount}")).unwrap_or_default();
    let (commission, profit) = (part("commission", fill.commission), part("pnl", fill.realized_pnl));
    format!("exec.{}{commission}{profit}", plain(&fill.exec_id))
}

/// An id travels in a header: nothing of the gateway's text may end it.
fn plain(text: &str) -> String {
    let plain = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b':' => char::from(byte).to_string(),
        other => format!("={other:02X}"),
    };
    text.bytes().map(plain).collect()
}

/// Events that JetStream has not acknowledged, in order, from this number on.
pub(super) fn unpublished(
    connection: &Connection,
    after: i64,
    count_max: usize,
    run_first: i64,
) -> rusqlite::Result<Vec<Letter>> {
    let sql = "SELECT number, kind, event, message_id FROM events
               WHERE published_us IS NULL AND number > ?1 ORDER BY number LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let count_max = i64::try_from(count_max).unwrap_or(i64::MAX);
    let rows = statement.query_map((after, count_max), |row| Letter::of_row(row, run_first))?;
    rows.filter_map(Result::transpose).collect()
}
