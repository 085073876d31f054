//! Rows on their way into a file: a CSV file of its own until all of them are there.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{super::Failure, parquet};
use crate::gateway::clock;

/// What the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bars,
    Ticks,
}

impl Kind {
    /// Fields of a row, the time first.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Bars => &["start_us", "date", "open", "high", "low", "close", "volume", "wap", "count"],
            Self::Ticks => &[
                "event_us",
                "price",
                "size",
                "bid",
                "bid_size",
                "ask",
                "ask_size",
                "exchange",
                "conditions",
                "unreported",
                "past_limit",
            ],
        }
    }
}

/// The unfinished file and what it is the answer to.
pub(super) struct Part {
    kind: Kind,
    out: PathBuf,
    path: PathBuf,
    question_path: PathBuf,
    writer: csv::Writer<BufWriter<File>>,
    from_us: i64,
    end_us: i64,
    rows: u64,
}

impl Part {
    /// Begins a new part, or goes on with the one that an earlier run of the same question left.
    pub(super) fn open(
        out: &Path,
        kind: Kind,
        request: &Value,
        start_us: i64,
        end_us: Option<i64>,
    ) -> Result<Self, Failure> {
        let path = beside(out, "part");
        let question_path = beside(out, "part.json");
        let asked = json!({ "request": request, "start_us": start_us, "end_us": end_us });
        let (kept, end_us) = match read_question(&question_path)? {
            Some((question, until_us)) if question == asked => (keep_whole_rows(&path)?, until_us),
            Some(_) => {
                let text = "belongs to another request; remove it and its .part.json, or choose another file";
                return Err(format!("{} {text}", path.display()).into());
            }
            None => (Kept::default(), end_us.unwrap_or_else(|| clock::now().us)),
        };
        let question = json!({ "asked": asked, "until_us": end_us });
        fs::write(&question_path, question.to_string()).map_err(|error| named(&question_path, &error))?;
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(|error| named(&path, &error))?;
        let mut writer = csv::Writer::from_writer(BufWriter::new(file));
        if kept.rows == 0 && kept.bytes == 0 {
            writer.write_record(kind.columns())?;
        }
        let from_us = kept.next_us.unwrap_or(start_us);
        Ok(Self { kind, out: out.to_owned(), path, question_path, writer, from_us, end_us, rows: kept.rows })
    }

    /// From when on rows are missing, microseconds UTC.
    pub(super) fn missing_from_us(&self) -> i64 {
        self.from_us
    }

    /// End of the range, microseconds UTC.
    pub(super) fn end_us(&self) -> i64 {
        self.end_us
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Appends rows.
    pub(super) fn write(&mut self, rows: &[Value]) -> Result<(), Failure> {
        for row in rows {
            let cell = |name: &&str| match row.get(*name) {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            };
            self.writer.write_record(self.kind.columns().iter().map(cell))?;
            self.rows += 1;
        }
        Ok(())
    }

    /// Leaves the part for a later run.
    pub(super) fn keep(&mut self) -> Result<(), Failure> {
        Ok(self.writer.flush()?)
    }

    /// Removes the part.
    pub(super) fn discard(self) -> Result<(), Failure> {
        drop(self.writer);
        remove(&[&self.path, &self.question_path])
    }

    /// Gives the file its name. Returns the number of rows.
    pub(super) fn finish(mut self, is_parquet: bool) -> Result<u64, Failure> {
        self.writer.flush()?;
        let ready = if is_parquet {
            let ready = beside(&self.out, "part.parquet");
            parquet::convert(&self.path, &ready, self.kind)?;
            ready
        } else {
            self.path.clone()
        };
        File::open(&ready)?.sync_all()?;
        fs::rename(&ready, &self.out).map_err(|error| named(&self.out, &error))?;
        remove(&[&self.path, &self.question_path])?;
        Ok(self.rows)
    }
}

/// What an earlier run left.
#[derive(Debug, Default, PartialEq, Eq)]
struct Kept {
    rows: u64,
    bytes: usize,
    /// From when on rows are missing.
    next_us: Option<i64>,
}

/// Cuts off the rows of the last moment: of several that share it some may be missing, and the last line may be torn.
fn keep_whole_rows(path: &Path) -> Result<Kept, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(error) => return Err(named(path, &error)),
    };
    let kept = whole_rows(&text);
    let mut file = File::create(path).map_err(|error| named(path, &error))?;
    file.write_all(text.get(..kept.bytes).unwrap_or_default().as_bytes())?;
    Ok(kept)
}

fn whole_rows(text: &str) -> Kept {
    let end = text.rfind('\n').map_or(0, |at| at + 1);
    let lines: Vec<&str> = text.get(..end).unwrap_or_default().split_inclusive('\n').collect();
    let time = |line: &&str| line.split(',').next().and_then(|cell| cell.parse::<i64>().ok());
    let last = lines.last().and_then(time);
    let kept: Vec<&&str> = lines.iter().take_while(|line| last.is_none() || time(line) != last).collect();
    let bytes = kept.iter().map(|line| line.len()).sum();
    Kept { rows: u64::try_from(kept.len().saturating_sub(1)).unwrap_or(0), bytes, next_us: last }
}

/// The question of an earlier run and the end of its range.
fn read_question(path: &Path) -> Result<Option<(Value, i64)>, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(named(path, &error)),
    };
    let kept: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}; remove it", path.display()))?;
    Ok(kept.get("asked").cloned().zip(kept.get("until_us").and_then(Value::as_i64)))
}

fn remove(leftovers: &[&PathBuf]) -> Result<(), Failure> {
    for leftover in leftovers {
        match fs::remove_file(leftover) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(named(leftover, &error)),
            _ => {}
        }
    }
    Ok(())
}

fn beside(out: &Path, ending: &str) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn named(path: &Path, error: &io::Error) -> Failure {
    format!("{}: {error}", path.display()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_the_last_moment_and_a_torn_line_are_fetched_again() {
        let text = "event_us,price\n1,5\n2,6\n2,7\n2,";
        assert_eq!(whole_rows(text), Kept { rows: 1, bytes: 19, next_us: Some(2) });
        assert_eq!(whole_rows("event_us,pri"), Kept::default());
        assert_eq!(whole_rows("event_us,price\n").next_us, None);
    }

    #[test]
    fn a_part_goes_on_and_another_question_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("bars.csv");
        let row = |us: i64| json!({ "start_us": us, "open": 1.5, "volume": "3.00" });
        let mut part = Part::open(&out, Kind::Bars, &json!({ "a": 1 }), 10, None).expect("new");
        let end_us = part.end_us();
        part.write(&[row(10), row(20)]).expect("written");
        part.keep().expect("kept");
        assert!(Part::open(&out, Kind::Bars, &json!({ "a": 2 }), 10, None).is_err());
        let mut part = Part::open(&out, Kind::Bars, &json!({ "a": 1 }), 10, None).expect("goes on");
        assert_eq!((part.missing_from_us(), part.end_us(), part.rows()), (20, end_us, 1));
        part.write(&[row(20), row(30)]).expect("written");
        assert_eq!(part.finish(false).expect("whole"), 3);
        let text = fs::read_to_string(&out).expect("the file");
        assert_eq!(text.lines().nth(1), Some("10,,1.5,,,,3.00,,"));
        assert_eq!((text.lines().count(), fs::read_dir(folder.path()).expect("a folder").count()), (4, 1));
    }
}
