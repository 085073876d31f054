//! Reads the order journal for people and other programs, also while a bridge writes to it.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, Row, backup::Backup, types::ValueRef};
use serde_json::{Map, Value};

use super::{DatabaseError, layout::JOURNAL};

/// Columns that hold JSON; everything else is as it stands.
const JSON: &[&str] = &["event", "ask", "facts", "message", "request"];
/// Every table, in the order of an export.
const TABLES: &[&str] =
    &["runs", "orders", "requests", "evidence", "fills", "events", "subjects", "order_ids", "archive"];
/// Pages copied at once by a backup, so that a bridge may write in between.
const BACKUP_PAGES: i32 = 256;

/// A row by the names of its columns; absent values are left out.
pub type Fields = Map<String, Value>;

/// The journal of a folder, open for reading.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

/// Which orders to list.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// Only those that are not over.
    pub open: bool,
    /// Only this account.
    pub account: Option<String>,
    /// So many, the newest.
    pub count_max: u32,
}

/// What a look through the whole file found.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Findings {
    /// Faults, one line each; empty if the file is sound.
    pub faults: Vec<String>,
    /// Orders in each state.
    pub orders: Vec<(String, i64)>,
    /// Executions.
    pub fills: i64,
    /// Events that JetStream has not acknowledged.
    pub unpublished: i64,
    /// Size in bytes.
    pub bytes: u64,
}

impl Reader {
    /// Opens the journal in a folder.
    ///
    /// # Errors
    ///
    /// See [`DatabaseError`].
    pub fn open(folder: &Path) -> Result<Self, DatabaseError> {
        Ok(Self { connection: JOURNAL.open_to_read(folder)? })
    }

    /// Orders, oldest first.
    pub fn orders(&self, which: &Which) -> rusqlite::Result<Vec<Fields>> {
        let sql = "SELECT * FROM (SELECT * FROM orders WHERE (NOT ?1 OR final_us IS NULL)
                   AND (?2 IS NULL OR account = ?2) ORDER BY number DESC LIMIT ?3) ORDER BY number";
        self.rows(sql, &[&which.open, &which.account, &which.count_max])
    }

    /// One order with everything about it; `None` if there is none of this key.
    pub fn order(&self, key: &str) -> rusqlite::Result<Option<Fields>> {
        let Some(mut order) = self.rows("SELECT * FROM orders WHERE key = ?1", &[&key])?.pop() else {
            return Ok(self.rows("SELECT * FROM archive WHERE key = ?1", &[&key])?.pop());
        };
        for table in ["requests", "evidence", "fills", "events"] {
            let rows = self.rows(&format!("SELECT * FROM {table} WHERE key = ?1 ORDER BY number"), &[&key])?;
            order.insert(table.to_owned(), rows.into_iter().map(Value::Object).collect());
        }
        Ok(Some(order))
    }

    /// Orders of which only the key and the end are kept, oldest first.
    pub fn archived(&self, which: &Which) -> rusqlite::Result<Vec<Fields>> {
        let sql = "SELECT *, final_us AS changed_us FROM (SELECT * FROM archive WHERE (?1 IS NULL OR account = ?1)
                   ORDER BY final_us DESC LIMIT ?2) ORDER BY final_us";
        self.rows(sql, &[&which.account, &which.count_max])
    }

    /// The highest order id that was ever given to an order; `None` if there is no order.
    pub fn highest_order_id(&self) -> rusqlite::Result<Option<i64>> {
        self.connection.query_row("SELECT max(order_id) FROM orders", [], |row| row.get(0))
    }

    /// Keys nearest to a text, for whoever mistyped one.
    pub fn keys(&self) -> rusqlite::Result<Vec<String>> {
        self.connection
            .prepare("SELECT key FROM orders UNION SELECT key FROM archive")?
            .query_map([], |row| row.get(0))?
            .collect()
    }

    /// Writes every row as one line of JSON, with the name of its table. One moment's state.
    pub fn export(&self, out: &mut dyn Write) -> io::Result<u64> {
        let moment = self.connection.unchecked_transaction().map_err(io::Error::other)?;
        let mut count = 0;
        for table in TABLES {
            let mut statement = moment.prepare(&format!("SELECT * FROM {table}")).map_err(io::Error::other)?;
            let mut rows = statement.query([]).map_err(io::Error::other)?;
            while let Some(row) = rows.next().map_err(io::Error::other)? {
                let mut fields = Fields::from_iter([("table".to_owned(), Value::from(*table))]);
                fields.append(&mut fields_of(row).map_err(io::Error::other)?);
                serde_json::to_writer(&mut *out, &fields)?;
                out.write_all(b"\n")?;
                count += 1;
            }
        }
        out.flush()?;
        Ok(count)
    }

    /// Copies the journal into a new file, and looks through the copy. Gives its size in bytes.
    ///
    /// # Errors
    ///
    /// A file that is there is never written over.
    pub fn backup(&self, to: &Path) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
        drop(fs::File::create_new(to).map_err(|error| format!("{}: {error}", to.display()))?);
        let copied = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            Backup::new(&self.connection, &mut copy)?.run_to_completion(
                BACKUP_PAGES,
                Duration::from_millis(5),
                None,
            )?;
            // One file without a log beside it.
            copy.pragma_update(None, "journal_mode", "delete")?;
            let verdict: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
            if verdict == "ok" { Ok(()) } else { Err(format!("the copy is damaged: {verdict}").into()) }
        };
        if let Err(error) = copied() {
            let _ = fs::remove_file(to);
            return Err(error);
        }
        fs::File::open(to)?.sync_all()?;
        Ok(fs::metadata(to)?.len())
    }

    /// Looks through the whole file.
    pub fn check(&self, folder: &Path) -> rusqlite::Result<Findings> {
        let mut findings = Findings::default();
        let texts = |sql: &str| -> rusqlite::Result<Vec<String>> {
            self.connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
        };
        findings.faults = texts("PRAGMA integrity_check")?;
        findings.faults.retain(|line| line != "ok");
        let counted = "SELECT state, count(*) FROM orders GROUP BY state ORDER BY state";
        let pair = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        findings.orders = self.connection.prepare(counted)?.query_map([], pair)?.collect::<rusqlite::Result<_>>()?;
        let count = |sql: &str| self.connection.query_row(sql, [], |row| row.get(0));
        findings.fills = count("SELECT count(*) FROM fills")?;
        findings.unpublished = count("SELECT count(*) FROM events WHERE published_us IS NULL")?;
        let strays = [
                "SELECT 'order ' || key || ' is over but has no time of its end' FROM orders
                 WHERE state IN ('filled', 'cancelled', 'rejected') AND final_us IS NULL",
                "SELECT 'event ' || number || ' is numbered ' || events.seq || ', above the last number of its subject' FROM events
                 JOIN subjects USING (kind, account, key) WHERE events.seq > subjects.seq",
        ];
        for sql in strays {
            findings.faults.extend(texts(sql)?);
        }
        let path = JOURNAL.path(folder);
        let size = |path| fs::metadata(path).map_or(0, |found| found.len());
        findings.bytes = size(path.clone()) + size(path.with_extension("sqlite-wal"));
        Ok(findings)
    }

    fn rows(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<Vec<Fields>> {
        self.connection.prepare(sql)?.query_map(values, fields_of)?.collect()
    }
}

fn fields_of(row: &Row<'_>) -> rusqlite::Result<Fields> {
    let names = row.as_ref().column_names();
    let mut fields = Fields::new();
    for (index, name) in names.into_iter().enumerate() {
        let value = match row.get_ref(index)? {
            ValueRef::Null | ValueRef::Blob(_) => continue,
            ValueRef::Integer(number) => Value::from(number),
            ValueRef::Real(number) => Value::from(number),
            ValueRef::Text(text) => {
                let text = String::from_utf8_lossy(text);
                let parsed = JSON.contains(&name).then(|| serde_json::from_str(&text).ok()).flatten();
                parsed.unwrap_or_else(|| Value::from(text.into_owned()))
            }
        };
        fields.insert(name.to_owned(), value);
    }
    Ok(fields)
}
